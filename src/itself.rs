//! What this very program is like: where it lies, how it came there, and so who may replace it.

use crate::hex::Sha256;
use crate::host::Host;
use crate::layout::Layout;
use crate::observed::Fault;
use crate::rooted::RootedPath;
use crate::tool::{InstallSource, ToolReceipt};
use crate::version::Version;

/// What the name of a staging directory ends with; it begins with a dot, and the program's own name stands between.
const STAGING: &str = "-update";

/// How this copy came here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Provenance {
    /// By `install.sh` or `self-update`: it is qus's own to replace.
    Standalone(ToolReceipt),
    /// By the same, but for the whole machine, where one user's own was asked for.
    OfMachine,
    /// By the same, but for this user alone, where the machine's was asked for.
    OfUser,
    /// By a package, whose manager does it.
    Package(InstallSource),
    /// With the image of a container of this kind.
    Container(String),
    /// The receipt speaks of another file at this path.
    Changed,
    /// The file that runs is not there any more: it was replaced while it ran.
    Gone,
    /// Otherwise: by cargo, or by hand.
    Unknown,
}

/// What matters of this machine when qus is to replace itself.
#[derive(Clone, Debug)]
pub struct ToolObserved {
    /// Where qus keeps what is its own.
    pub layout: Layout,
    /// What this program runs on.
    pub host: Host,
    /// Version of this program.
    pub version: Version,
    /// Where it lies, links followed.
    pub path: RootedPath,
    /// Hash of it.
    pub sha256: Sha256,
    /// How many names the file has: hard links keep the old program.
    pub names: u64,
    /// How it came there.
    pub provenance: Provenance,
    /// The hash of what is kept beside it, if anything is.
    pub previous: Option<Sha256>,
    /// What keeps its directory from being written to.
    pub fault: Option<Fault>,
    /// Bytes that may still be written there.
    pub space: u64,
    /// The receipt's text.
    pub receipt: Option<String>,
    /// The file that remembers what was seen of repositories.
    pub trust: Option<String>,
}

impl ToolObserved {
    /// Where the previous program is kept.
    pub fn previous_path(&self) -> RootedPath {
        RootedPath::from_trusted(format!("{}.previous", self.path))
    }

    /// Where the next program is made ready: on the same file system.
    pub fn staging(&self) -> RootedPath {
        let name = format!(".{}{STAGING}", self.path.name());
        self.path.parent().map_or_else(|| RootedPath::from_trusted("/").join(&name), |parent| parent.join(&name))
    }

    /// Whether a path is directly below such a directory, where nothing stays.
    pub fn is_staged(path: &RootedPath) -> bool {
        path.parent().is_some_and(|parent| parent.name().starts_with('.') && parent.name().ends_with(STAGING))
    }
}
