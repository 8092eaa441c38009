//! What a machine remembers of repositories, so that none can lead it back in time.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Key, Root, TrustError};
use crate::advisory::Advisory;
use crate::moment::Moment;
use crate::release::Index;
use crate::version::Version;

/// What was seen of every repository.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Memory {
    /// By the repository's URL.
    pub repositories: BTreeMap<String, Seen>,
}

/// What was seen of one repository.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seen {
    /// The newest root. It was verified when it was written here.
    pub root: Root,
    /// The highest serial of each index key. A key that is rotated away takes its serial along.
    pub serials: BTreeMap<String, u64>,
    /// When the newest index was issued.
    pub issued: Moment,
    /// When it expires.
    pub expires: Moment,
    /// The faults of versions that it knows of.
    pub advisories: Vec<Advisory>,
    /// The versions that it withdraws, and why.
    pub withdrawn: BTreeMap<Version, String>,
}

impl Seen {
    /// What is to be remembered of `index`, verified by `root`, beside the highest serials.
    pub fn of(root: &Root, index: &Index, serials: BTreeMap<String, u64>) -> Seen {
        let withdrawn =
            index.releases.iter().filter_map(|release| Some((release.version.clone(), release.withdrawn.clone()?)));
        Seen {
            root: root.clone(),
            serials,
            issued: index.issued,
            expires: index.expires,
            advisories: index.advisories.clone(),
            withdrawn: withdrawn.collect(),
        }
    }
}

impl Memory {
    /// Reads what [`Memory::to_json`] wrote; `what` is used in messages.
    pub fn parse(what: &str, text: &str) -> Result<Memory, TrustError> {
        serde_json::from_str(text)
            .map_err(|error| TrustError::Malformed { what: what.to_owned(), why: error.to_string() })
    }

    /// The bytes of its file.
    ///
    /// # Panics
    ///
    /// Never: everything in it has a spelling in JSON.
    pub fn to_json(&self) -> String {
        match serde_json::to_string_pretty(self) {
            Ok(text) => text + "\n",
            Err(error) => panic!("a memory has no JSON: {error}"),
        }
    }

    /// The highest serial seen of `key` at `repository`.
    pub fn floor(&self, repository: &str, key: &Key) -> u64 {
        let seen = self.repositories.get(repository);
        seen.and_then(|seen| seen.serials.get(key.as_str())).copied().unwrap_or(0)
    }
}
