//! What a machine remembers of repositories, so that none can lead it back in time.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Floor, Key, Root, TrustError, VerifiedIndex};
use crate::advisory::Advisory;
use crate::hex::Sha256;
use crate::moment::Moment;
use crate::version::Version;

/// How much higher than the last serial of a key the next one may be. Whoever holds a stolen key for a day cannot use up
/// all serials there are; twenty years of one index a day are fewer than these.
pub const SERIAL_JUMP_MAX: u64 = 10_000;

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
    /// When the newest index was issued, whichever key signed it.
    pub issued: Moment,
    /// When the last one expires.
    pub expires: Moment,
    /// The faults of versions that it knows of.
    pub advisories: Vec<Advisory>,
    /// The versions that it withdrew, and why; also those that it has no more.
    pub withdrawn: BTreeMap<Version, String>,
    /// The same of versions of qus itself.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub withdrawn_tools: BTreeMap<Version, String>,
    /// Hash of the index with the highest serial of each key.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub contents: BTreeMap<String, Sha256>,
    /// When the newest index of each key was issued: serials of two keys cannot be compared.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub dates: BTreeMap<String, Moment>,
}

impl Seen {
    /// What is to be remembered of `verified` by `root`, beside what was remembered before.
    fn of(root: &Root, verified: &VerifiedIndex, before: Option<&Seen>) -> Seen {
        let (index, key) = (verified.index(), verified.key().as_str());
        // What was withdrawn stays so when the repository no longer has it at all: this machine may.
        let gone = before
            .into_iter()
            .flat_map(|before| &before.withdrawn)
            .map(|(version, why)| (version.clone(), why.clone()));
        let gone = gone.filter(|(version, _)| index.release(version).is_none());
        let withdrawn =
            index.releases.iter().filter_map(|release| Some((release.version.clone(), release.withdrawn.clone()?)));
        let gone_tools = before
            .into_iter()
            .flat_map(|before| before.withdrawn_tools.clone())
            .filter(|(version, _)| index.tools.iter().all(|tool| tool.version != *version));
        let withdrawn_tools =
            index.tools.iter().filter_map(|tool| Some((tool.version.clone(), tool.withdrawn.clone()?)));
        let mut seen = Seen {
            root: root.clone(),
            serials: before.map(|before| before.serials.clone()).unwrap_or_default(),
            issued: index.issued,
            expires: index.expires,
            advisories: index.advisories.clone(),
            withdrawn: gone.chain(withdrawn).collect(),
            withdrawn_tools: gone_tools.chain(withdrawn_tools).collect(),
            contents: before.map(|before| before.contents.clone()).unwrap_or_default(),
            dates: before.map(|before| before.dates.clone()).unwrap_or_default(),
        };
        let date = seen.dates.entry(key.to_owned()).or_insert(index.issued);
        *date = index.issued.max(*date);
        seen.issued = seen.dates.values().copied().max().unwrap_or(index.issued);
        seen.serials.insert(key.to_owned(), index.serial);
        seen.contents.insert(key.to_owned(), verified.content());
        seen.forget_strangers();
        seen
    }

    /// Forgets what keys said that the root does not name any more: what a stolen one has said is then no hindrance.
    fn forget_strangers(&mut self) {
        let Seen { root, serials, contents, dates, issued, .. } = self;
        let known = |key: &String| root.roles.index.keys.values().any(|known| known.as_str() == key);
        serials.retain(|key, _| known(key));
        contents.retain(|key, _| known(key));
        let before = dates.len();
        dates.retain(|key, _| known(key));
        // What a key said of the time is forgotten with it.
        if dates.len() < before {
            *issued = dates.values().copied().max().unwrap_or(*issued);
        }
    }
}

impl Memory {
    /// Reads what [`Memory::to_json`] wrote; `what` is used in messages.
    pub fn parse(what: &str, text: &str) -> Result<Memory, TrustError> {
        serde_json::from_str(text).map_err(|error| TrustError::Memory { what: what.to_owned(), why: error.to_string() })
    }

    /// What the file `what` says, if there is one.
    pub fn recall(what: &str, text: Option<&str>) -> Result<Memory, TrustError> {
        text.map_or_else(|| Ok(Memory::default()), |text| Memory::parse(what, text))
    }

    /// This memory after `root` of `repository` was verified. Of a repository that was not seen before nothing is
    /// remembered yet.
    #[must_use]
    pub fn after_root(&self, repository: &str, root: &Root) -> Memory {
        let mut memory = self.clone();
        if let Some(seen) = memory.repositories.get_mut(repository) {
            seen.root = root.clone();
            seen.forget_strangers();
        }
        memory
    }

    /// This memory after `index` of `repository` was verified by `root`. Fails if what is remembered speaks against it: a
    /// serial that runs away from `floor`, or another content under the serial of the one before.
    pub fn after_index(
        &self,
        repository: &str,
        root: &Root,
        floor: Floor,
        index: &VerifiedIndex,
    ) -> Result<Memory, TrustError> {
        let (key, serial) = (index.key(), index.index().serial);
        let (what, before) = (|| format!("the index of \"{repository}\""), self.repositories.get(repository));
        let floor = floor(key);
        if floor > 0 && serial > floor.saturating_add(SERIAL_JUMP_MAX) {
            return Err(TrustError::RunsAway { what: what(), serial, floor });
        }
        let same = before.filter(|before| before.serials.get(key.as_str()) == Some(&serial));
        let content = same.and_then(|before| before.contents.get(key.as_str()));
        if content.is_some_and(|content| *content != index.content()) {
            return Err(TrustError::TwoOfOneSerial { what: what(), serial });
        }
        let mut memory = self.clone();
        memory.repositories.insert(repository.to_owned(), Seen::of(root, index, before));
        Ok(memory)
    }

    /// When the newest index of `repository` was issued, if one of the keys that may sign by `root` said so.
    pub fn issued(&self, repository: &str, root: &Root) -> Option<Moment> {
        let seen = self.repositories.get(repository)?;
        root.roles.index.keys.values().any(|key| seen.serials.contains_key(key.as_str())).then_some(seen.issued)
    }

    /// When the newest index of `repository` was issued that is of another key than `key`, among those that may sign by
    /// `root`.
    pub fn newest_of_others(&self, repository: &str, root: &Root, key: &Key) -> Option<Moment> {
        let dates = &self.repositories.get(repository)?.dates;
        let others = root.roles.index.keys.values().filter(|other| *other != key);
        others.filter_map(|other| dates.get(other.as_str())).copied().max()
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
