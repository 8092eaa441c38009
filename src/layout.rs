//! Where qus keeps what is its own.

use crate::dropin;
use crate::rooted::RootedPath;
use crate::target::Target;
use crate::version::Version;

/// What a directory is called where files are made ready.
const STAGING: &str = "staging";

/// The administrator's settings.
const SETTINGS: &str = "/etc/qus/config.toml";

/// The places of one installation: the system's, or one user's below their home.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layout {
    prefix: RootedPath,
    state: RootedPath,
    cache: RootedPath,
    lock: RootedPath,
    drop_ins: Option<RootedPath>,
    anchors: Vec<RootedPath>,
    settings: Vec<RootedPath>,
}

impl Layout {
    /// The system's own, for every user. The lock lies below `/run` itself, where only root can make
    /// files.
    pub fn system() -> Layout {
        Layout {
            prefix: RootedPath::from_trusted("/usr/local/lib/qus"),
            state: RootedPath::from_trusted("/var/lib/qus"),
            cache: RootedPath::from_trusted("/var/cache/qus"),
            lock: RootedPath::from_trusted("/run/qus.lock"),
            drop_ins: Some(RootedPath::from_trusted(dropin::DIRECTORY)),
            anchors: vec![RootedPath::from_trusted("/etc/qus/trust.d")],
            settings: vec![RootedPath::from_trusted(SETTINGS)],
        }
    }

    /// That of the user who lives at `home`. It has no drop-ins: only `qus run` uses it.
    pub fn home(home: &RootedPath) -> Layout {
        Layout {
            prefix: home.join(".local/lib/qus"),
            state: home.join(".local/state/qus"),
            cache: home.join(".cache/qus"),
            lock: home.join(".qus.lock"),
            drop_ins: None,
            anchors: vec![home.join(".config/qus/trust.d"), RootedPath::from_trusted("/etc/qus/trust.d")],
            settings: vec![home.join(".config/qus/config.toml"), RootedPath::from_trusted(SETTINGS)],
        }
    }

    /// Everything that qus downloads lies below this directory.
    pub fn prefix(&self) -> &RootedPath {
        &self.prefix
    }

    /// What qus knows of itself between two runs.
    pub fn state(&self) -> &RootedPath {
        &self.state
    }

    /// What was fetched and may be fetched again: beginnings of downloads, and the last index.
    pub fn cache(&self) -> &RootedPath {
        &self.cache
    }

    /// Held while a change is under way.
    pub fn lock(&self) -> &RootedPath {
        &self.lock
    }

    /// Where drop-ins lie that make the system register rules at boot, if this installation has any.
    pub fn drop_ins(&self) -> Option<&RootedPath> {
        self.drop_ins.as_ref()
    }

    /// Where roots of trust lie that the administrator added, and for a user's own installation, those of the user before
    /// them.
    pub fn anchors(&self) -> &[RootedPath] {
        &self.anchors
    }

    /// Where settings lie: the first that is there counts.
    pub fn settings(&self) -> &[RootedPath] {
        &self.settings
    }

    /// Emulators, a directory a version. Below a path named `bin`, so that SELinux calls them `bin_t`.
    pub fn emulators(&self) -> RootedPath {
        self.prefix.join("bin")
    }

    /// The directory of one version.
    pub fn version(&self, version: &Version) -> RootedPath {
        self.emulators().join(version.as_str())
    }

    /// The emulator of `target` in `version`.
    pub fn emulator(&self, target: Target, version: &Version) -> RootedPath {
        self.version(version).join(&target.emulator())
    }

    /// The link that always names the chosen version's emulator.
    pub fn link(&self, target: Target) -> RootedPath {
        self.emulators().join(&target.emulator())
    }

    /// Where files are made ready, on the file system they are to be used on.
    pub fn staging(&self) -> RootedPath {
        self.prefix.join(STAGING)
    }

    /// Whether a path is directly below the staging directory of some installation: there nothing stays.
    pub fn is_staged(path: &RootedPath) -> bool {
        path.parent().is_some_and(|parent| parent.name() == STAGING)
    }

    /// The receipt.
    pub fn receipt(&self) -> RootedPath {
        self.state.join("receipt.json")
    }

    /// How qus itself was installed.
    pub fn tool_receipt(&self) -> RootedPath {
        self.state.join("self.json")
    }

    /// What was last seen of each repository.
    pub fn trust(&self) -> RootedPath {
        self.state.join("trust.json")
    }

    /// An unfinished change, one JSON document a line.
    pub fn journal(&self) -> RootedPath {
        self.state.join("journal.jsonl")
    }

    /// Whether an interpreter is one that this installation put there.
    pub fn is_ours(&self, interpreter: &str) -> bool {
        RootedPath::try_from(interpreter.to_owned()).is_ok_and(|path| path.is_below(&self.emulators()))
    }
}

/// Where the kernel's table is mounted.
pub fn binfmt_misc() -> RootedPath {
    RootedPath::from_trusted("/proc/sys/fs/binfmt_misc")
}
