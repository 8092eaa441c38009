//! qus makes programs of other CPU architectures run on a Linux host.
pub mod dropin;
pub mod elf;
pub mod entry;
pub mod hex;
pub mod host;
pub mod moment;
pub mod release;
pub mod rooted;
pub mod rule;
pub mod target;
pub mod trust;
pub mod version;
