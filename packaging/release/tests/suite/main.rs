//! What qus-release promises, a chapter a subject.
#![expect(clippy::disallowed_methods, reason = "tests make folders and run programs")]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod anchored;
mod archives;
mod book;
mod ceremonies;
mod files;
mod imports;
mod indexes;
mod keys;
mod package_repositories;
mod packaged;
mod packages;
mod recognition;
mod roots;
mod speech;
mod story;
mod taken_back;
mod tools;
mod verification;
mod workshop;
