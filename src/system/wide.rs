//! Numbers of the system's that have 32 bits on some hosts and 64 on others.

use nix::sys::statvfs::Statvfs;

/// The number, of whichever width.
pub(super) fn wide(number: impl Into<u64>) -> u64 {
    number.into()
}

/// Bytes of a file system that its users may still fill.
pub(super) fn available(status: &Statvfs) -> u64 {
    wide(status.blocks_available()).saturating_mul(wide(status.fragment_size()))
}
