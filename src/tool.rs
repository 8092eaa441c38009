//! qus itself: where this copy of it lies, how it came there, and so who may replace it.

use std::cmp::Ordering;

use serde::{Deserialize, Serialize};

use crate::hex::Sha256;
use crate::host::Host;
use crate::layout::Layout;
use crate::observed::Fault;
use crate::rooted::RootedPath;
use crate::version::Version;

/// The format of the receipt that this version reads and writes.
pub const SCHEMA: u32 = 1;

/// Where a distribution's package says how it is brought up to date.
pub const INSTALL_SOURCE: &str = "/usr/lib/qus/install-source.toml";

/// How qus came to be where it lies. `scripts/install.sh` writes it, and `qus self-update` after it.
///
/// It lies with the other receipts, below `/var/lib/qus`, and not beside the program: it says what was done
/// to this machine. A copy of `/usr` that came here otherwise, in an image or from a share, is not what it
/// speaks of; the hash tells.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ToolReceipt {
    /// Version of this format.
    pub schema: u32,
    /// The program. Symbolic links on the way to it are followed.
    pub path: RootedPath,
    /// Its version.
    pub version: Version,
    /// Hash of the program.
    pub sha256: Sha256,
    /// URL of the repository it came from.
    pub repository: String,
    /// What lay there before, and is kept beside it.
    #[serde(default)]
    pub previous: Option<Previous>,
}

/// The program that was replaced last.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Previous {
    /// Its version.
    pub version: Version,
    /// Hash of the program.
    pub sha256: Sha256,
}

impl ToolReceipt {
    /// The bytes of its file.
    ///
    /// # Panics
    ///
    /// Never: everything in it has a spelling in JSON.
    pub fn to_json(&self) -> String {
        match serde_json::to_string_pretty(self) {
            Ok(text) => text + "\n",
            Err(error) => panic!("a receipt has no JSON: {error}"),
        }
    }
}

/// What a package says in [`INSTALL_SOURCE`].
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct InstallSource {
    /// Who brings qus up to date, such as `pacman`.
    pub manager: String,
    /// What to type for it.
    pub command: String,
}

/// How this copy came here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Provenance {
    /// By `install.sh` or `self-update`: it is qus's own to replace.
    Standalone(ToolReceipt),
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
        let name = format!(".{}-update", self.path.name());
        self.path.parent().map_or_else(|| RootedPath::from_trusted("/").join(&name), |parent| parent.join(&name))
    }
}

/// Whether `version` is one to try out: qus's own versions are those of its package, where a `-` begins
/// what comes before a version (Semantic Versioning 2.0.0, clause 9).
pub fn is_prerelease(version: &Version) -> bool {
    version.as_str().contains('-')
}

/// Which of two versions of qus is newer.
pub fn compare(a: &Version, b: &Version) -> Ordering {
    // [`Version`] orders as Debian does, where `~` is what comes before.
    let debian = |version: &Version| version.as_str().replacen('-', "~", 1).parse().unwrap_or_else(|_| version.clone());
    debian(a).cmp(&debian(b))
}
