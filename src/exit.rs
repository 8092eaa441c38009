//! How qus ends: a promise to scripts.

/// Exit codes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Exit {
    /// Done, or nothing to do.
    Done = 0,
    /// Failed; nothing is changed, or all is undone.
    Failed = 1,
    /// Wrong usage.
    Usage = 2,
    /// Not authentic: signature, hash, size, name.
    NotAuthentic = 3,
    /// Metadata expired, or the clock is wrong.
    Expired = 4,
    /// An older version was offered and refused.
    Older = 5,
    /// Another qus holds the lock.
    Locked = 6,
    /// Source not reachable.
    Unreachable = 7,
    /// Managed by a package manager, which has to do it.
    Managed = 8,
    /// The kernel or the privilege for it is missing.
    Kernel = 9,
    /// A target does not run.
    DoesNotRun = 10,
    /// Failed and not fully undone.
    NotUndone = 20,
    /// `update --check`: there is something newer.
    Newer = 100,
    /// `qus run`: the command is there and cannot be executed.
    NotExecutable = 126,
    /// `qus run`: there is no such command.
    NotFound = 127,
}

/// An error that knows how the program ends, and what its reader can do.
pub trait Explain: std::error::Error {
    /// The exit code.
    fn exit(&self) -> Exit;

    /// What to type, or where to look.
    fn help(&self) -> Option<String> {
        None
    }
}
