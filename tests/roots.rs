//! Packages in clean systems, from signed repositories: apt in Debian's, dnf in one of a few files.
//!
//! `QUS_TEST_SHIPPED` names the folder of qus's own packages, `QUS_TEST_EMULATORS` one with those of a few emulators, made
//! once (`1`) and once more (`2`), `QUS_TEST_CONFIGURED` one with Debian systems.

mod apt;
mod dnf;
mod program;
mod repository;
mod system;
