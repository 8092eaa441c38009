//! Where qus keeps what is its own.

use crate::rooted::RootedPath;
use crate::target::Target;
use crate::version::Version;

/// Everything that qus downloads lies below this directory.
pub const PREFIX: &str = "/usr/local/lib/qus";

/// What qus knows of itself between two runs.
pub const STATE: &str = "/var/lib/qus";

/// Emulators, a directory a version. Below a path named `bin`, so that SELinux calls them `bin_t`.
pub fn emulators() -> RootedPath {
    RootedPath::from_trusted(format!("{PREFIX}/bin"))
}

/// The directory of one version.
pub fn version(version: &Version) -> RootedPath {
    emulators().join(version.as_str())
}

/// The emulator of `target` in `version`.
pub fn emulator(target: Target, version: &Version) -> RootedPath {
    self::version(version).join(&target.emulator())
}

/// The link that always names the chosen version's emulator.
pub fn link(target: Target) -> RootedPath {
    emulators().join(&target.emulator())
}

/// Where files are made ready, on the file system they are to be used on.
pub fn staging() -> RootedPath {
    RootedPath::from_trusted(format!("{PREFIX}/staging"))
}

/// The receipt.
pub fn receipt() -> RootedPath {
    RootedPath::from_trusted(format!("{STATE}/receipt.json"))
}

/// What was last seen of each repository.
pub fn trust() -> RootedPath {
    RootedPath::from_trusted(format!("{STATE}/trust.json"))
}

/// An unfinished change, one JSON document a line.
pub fn journal() -> RootedPath {
    RootedPath::from_trusted(format!("{STATE}/journal.jsonl"))
}

/// Held while a change is under way. Below `/run` itself, where only root can make files.
pub fn lock() -> RootedPath {
    RootedPath::from_trusted("/run/qus.lock")
}

/// Roots of trust that the administrator added.
pub fn anchors() -> RootedPath {
    RootedPath::from_trusted("/etc/qus/trust.d")
}

/// Where the kernel's table is mounted.
pub fn binfmt_misc() -> RootedPath {
    RootedPath::from_trusted("/proc/sys/fs/binfmt_misc")
}

/// Whether an interpreter is one that qus put there.
pub fn is_ours(interpreter: &str) -> bool {
    RootedPath::try_from(interpreter.to_owned()).is_ok_and(|path| path.is_below(&emulators()))
}
