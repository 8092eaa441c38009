//! The receipt: what this machine holds because of qus, and what it had before.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::channel::Channel;
use crate::entry::Entry;
use crate::hex::Sha256;
use crate::rooted::RootedPath;
use crate::rule::{Rule, RuleName};
use crate::target::Target;
use crate::version::Version;

/// What was done and not yet undone. It bears no times, so that a change and its undoing leave the
/// same bytes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receipt {
    /// Version of this format.
    pub schema: u32,
    /// Directories that did not exist before and are not qus's by their name.
    pub directories: BTreeSet<RootedPath>,
    /// What is installed.
    pub targets: BTreeMap<Target, Installed>,
}

/// One installed target.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Installed {
    /// Its release.
    pub version: Version,
    /// URL of the repository it came from.
    pub repository: String,
    /// The channel that `update` follows; the default one if none was chosen for it.
    pub channel: Option<Channel>,
    /// Whether `update` leaves it at its version.
    pub pinned: bool,
    /// Its emulator.
    pub path: RootedPath,
    /// Size of the emulator, in bytes.
    pub size: u64,
    /// Hash of the emulator.
    pub sha256: Sha256,
    /// What its drop-in and its entry say.
    pub rule: Rule,
    /// The file that makes the system register it at boot; none in a user's home, nor where it would keep whom the
    /// administrator prefers from being registered.
    pub dropin: Option<RootedPath>,
    /// Whom the administrator prefers for this target: then ours stands back.
    pub yields: Option<Preferred>,
    /// Another's entry of the same name that ours replaced, and that `remove` gives back.
    pub displaced: Option<Entry>,
    /// The versions that stay installed beside it, the one used last first.
    pub previous: Vec<Kept>,
}

/// A version to go back to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kept {
    /// Its release.
    pub version: Version,
    /// URL of the repository it came from.
    pub repository: String,
    /// Its emulator.
    pub path: RootedPath,
    /// Size of the emulator, in bytes.
    pub size: u64,
    /// Hash of the emulator.
    pub sha256: Sha256,
}

/// Somebody else's rule that goes before ours.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Preferred {
    /// What was typed: an owner, or the name of an entry.
    pub word: String,
    /// Name of the entry that is to answer.
    pub entry: RuleName,
}

/// The format that this version reads and writes.
pub const SCHEMA: u32 = 3;

impl Default for Receipt {
    fn default() -> Receipt {
        Receipt { schema: SCHEMA, directories: BTreeSet::new(), targets: BTreeMap::new() }
    }
}

impl Installed {
    /// What to remember of it once another version takes its place.
    pub fn kept(&self) -> Kept {
        Kept {
            version: self.version.clone(),
            repository: self.repository.clone(),
            path: self.path.clone(),
            size: self.size,
            sha256: self.sha256,
        }
    }

    /// The emulators that stay because of it.
    pub fn files(&self) -> impl Iterator<Item = &RootedPath> {
        std::iter::once(&self.path).chain(self.previous.iter().map(|kept| &kept.path))
    }
}

impl Receipt {
    /// Whether nothing is installed.
    pub fn is_empty(&self) -> bool {
        self.targets.is_empty()
    }

    /// Whether it says nothing that need be remembered: of the links of packages, only which directories are theirs.
    pub fn says_nothing(&self) -> bool {
        self.targets.is_empty() && self.directories.is_empty()
    }

    /// The same, but what `before` said of the targets in `dropped`.
    #[must_use]
    pub fn without(&self, dropped: &[Target], before: &Receipt) -> Receipt {
        let mut receipt = self.clone();
        for target in dropped {
            match before.targets.get(target) {
                Some(installed) => drop(receipt.targets.insert(*target, installed.clone())),
                None => drop(receipt.targets.remove(target)),
            }
        }
        receipt
    }

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
