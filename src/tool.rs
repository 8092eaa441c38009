//! qus itself: what is written down of how a copy came to be where it lies, and which version is newer.

use std::cmp::Ordering;

use serde::{Deserialize, Serialize};

use crate::hex::Sha256;
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
    /// URL of the repository it came from; that of the receipt, where none is written down.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repository: Option<String>,
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
