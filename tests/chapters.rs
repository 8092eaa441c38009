//! What qus promises, a chapter a subject.
#![expect(clippy::disallowed_methods, reason = "tests prepare the machines that qus is tried on")]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod support;

mod attacks;
mod book;
mod bundles;
mod bytes;
mod circumstances;
mod corpus;
mod crash;
mod crowd;
mod diagnosis;
mod doctor;
mod exports;
mod faults;
mod fuzzed;
mod headers;
mod https;
mod install;
#[cfg(feature = "self-update")]
mod install_sh;
mod keeping;
mod kernel;
mod kinds;
mod linkage;
mod lodging;
mod neighbours;
mod packaged;
mod places;
mod planning;
mod recipes;
mod roots;
#[cfg(feature = "self-update")]
mod self_update;
mod settings;
mod shebang;
mod shipped;
mod speech;
mod table;
mod tamper;
mod targets;
mod tongues;
mod trust;
mod updates;
