//! qus-release turns distribution packages of QEMU into a repository that qus installs from.
//!
//! The nouns, in the order in which they meet:
//!
//! * a [`package`] is a `.deb` or a folder, an [`emulator`] what is recognised in it by its content;
//! * [`pack`] makes archives of emulators, [`signing`] the signatures beside them;
//! * a [`repository`] is the folder of files that a web server hands out; nothing appears in it
//!   under its final name before it is complete.
//!
//! One file each for what people type: [`keygen`], [`root`], [`import`], [`tool`], [`publish`], [`renew`], [`withdraw`], [`verify`],
//! [`packages`];
//! and for a root that its signers sign one at a time, in a [`pending`] file: [`rotate`], with what is [`revoked`];
//! [`sign_root`], [`place`].

#![expect(clippy::disallowed_methods, reason = "a maintainer's program: it works on the folders that it is given")]

pub mod archive;
pub mod believed;
pub mod cli;
pub mod deb;
pub mod emulator;
pub mod error;
pub mod import;
pub mod installer;
pub mod keygen;
pub mod keys;
pub mod merge;
pub mod pack;
pub mod package;
pub mod packages;
pub mod packing;
pub mod passphrase;
pub mod pending;
pub mod place;
pub mod publish;
pub mod renew;
pub mod repository;
pub mod revoked;
pub mod root;
pub mod rotate;
pub mod sign_root;
pub mod signing;
pub mod staging;
pub mod tap;
pub mod tool;
pub mod ui;
pub mod verify;
pub mod withdraw;
