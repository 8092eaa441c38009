//! Which targets were meant.

use std::collections::BTreeSet;
use std::str::FromStr;

use thiserror::Error;

use crate::channel::{BadChannel, Channel};
use crate::target::{Target, UnknownTarget};
use crate::version::{BadVersion, Version};

/// Targets, and of each the version if one was named.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Selection {
    /// Every target that makes sense where the command runs.
    All,
    /// These, in the order of their names, each once.
    Named(Vec<Choice>),
}

/// One target that was named.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Choice {
    /// The target.
    pub target: Target,
    /// Its version, if anything was said of that.
    pub pick: Option<Pick>,
}

/// What stands behind the `@`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Pick {
    /// This version.
    Version(Version),
    /// Whatever this channel names, now and from now on.
    Channel(Channel),
}

/// A word that selects nothing.
#[derive(Debug, PartialEq, Eq, Error)]
#[expect(missing_docs, reason = "each says itself what it means")]
pub enum BadSelection {
    #[error(transparent)]
    Target(#[from] UnknownTarget),
    #[error(transparent)]
    Version(#[from] BadVersion),
    #[error(transparent)]
    Channel(#[from] BadChannel),
    #[error("\"{target}@{version}\" names a version, and what is followed is a channel")]
    VersionForChannel { target: Target, version: Version },
    #[error("\"{target}@{channel}\" names a channel, where only a version can be meant")]
    ChannelForVersion { target: Target, channel: Channel },
    #[error("target \"{0}\" is named with two versions")]
    TwoVersions(Target),
    #[error("\"all\" and single targets cannot be named together")]
    AllAndMore,
    #[error("no target is named")]
    Nothing,
}

impl Selection {
    /// Resolves `TARGET[@VERSION]…` or `all`.
    pub fn resolve(words: &[String]) -> Result<Selection, BadSelection> {
        if words.is_empty() {
            return Err(BadSelection::Nothing);
        }
        if words.iter().any(|word| word.eq_ignore_ascii_case("all")) {
            return if words.len() == 1 { Ok(Selection::All) } else { Err(BadSelection::AllAndMore) };
        }
        let mut choices = words.iter().map(|word| Choice::resolve(word)).collect::<Result<Vec<_>, _>>()?;
        choices.sort();
        choices.dedup();
        if let Some(pair) = choices.windows(2).find(|pair| pair[0].target == pair[1].target) {
            return Err(BadSelection::TwoVersions(pair[0].target));
        }
        Ok(Selection::Named(choices))
    }

    /// As [`Selection::resolve`], with no word meaning all.
    pub fn resolve_or_all(words: &[String]) -> Result<Selection, BadSelection> {
        if words.is_empty() { Ok(Selection::All) } else { Selection::resolve(words) }
    }

    /// What is left of it without targets that `leave_out` names; all stay all.
    pub fn without(&self, leave_out: impl Fn(Target) -> bool) -> Selection {
        match self {
            Selection::All => Selection::All,
            Selection::Named(choices) => {
                Selection::Named(choices.iter().filter(|choice| !leave_out(choice.target)).cloned().collect())
            }
        }
    }

    /// What was said of the version of `target`.
    pub fn pick(&self, target: Target) -> Option<&Pick> {
        let Selection::Named(choices) = self else { return None };
        choices.iter().find(|choice| choice.target == target)?.pick.as_ref()
    }

    /// The same, where only versions can be meant.
    pub fn of_versions(self) -> Result<Selection, BadSelection> {
        let channel = self.picks().find_map(|(target, pick)| Some((target, pick.channel()?.clone())));
        match channel {
            Some((target, channel)) => Err(BadSelection::ChannelForVersion { target, channel }),
            None => Ok(self),
        }
    }

    /// The same, where only channels can be meant.
    pub fn of_channels(self) -> Result<Selection, BadSelection> {
        let version = self.picks().find_map(|(target, pick)| Some((target, pick.version()?.clone())));
        match version {
            Some((target, version)) => Err(BadSelection::VersionForChannel { target, version }),
            None => Ok(self),
        }
    }

    fn picks(&self) -> impl Iterator<Item = (Target, &Pick)> {
        let choices = match self {
            Selection::All => &[],
            Selection::Named(choices) => choices.as_slice(),
        };
        choices.iter().filter_map(|choice| Some((choice.target, choice.pick.as_ref()?)))
    }

    /// Whether `target` was selected.
    pub fn includes(&self, target: Target) -> bool {
        match self {
            Selection::All => true,
            Selection::Named(choices) => choices.iter().any(|choice| choice.target == target),
        }
    }
}

impl Choice {
    fn resolve(word: &str) -> Result<Choice, BadSelection> {
        let (target, pick) = match word.split_once('@') {
            Some((target, pick)) => (target, Some(pick.parse()?)),
            None => (word, None),
        };
        Ok(Choice { target: target.parse()?, pick })
    }
}

impl Pick {
    /// The version, if it is one.
    pub fn version(&self) -> Option<&Version> {
        match self {
            Pick::Version(version) => Some(version),
            Pick::Channel(_) => None,
        }
    }

    /// The channel, if it is one.
    pub fn channel(&self) -> Option<&Channel> {
        match self {
            Pick::Channel(channel) => Some(channel),
            Pick::Version(_) => None,
        }
    }
}

impl FromStr for Pick {
    type Err = BadSelection;

    /// Versions begin with a digit, channels with a letter.
    fn from_str(text: &str) -> Result<Self, BadSelection> {
        if text.starts_with(|c: char| c.is_ascii_digit()) {
            Ok(Pick::Version(text.parse()?))
        } else {
            Ok(Pick::Channel(text.parse()?))
        }
    }
}

impl FromIterator<Target> for Selection {
    /// These targets, each once, of whichever version.
    fn from_iter<I: IntoIterator<Item = Target>>(targets: I) -> Selection {
        let targets: BTreeSet<Target> = targets.into_iter().collect();
        Selection::Named(targets.into_iter().map(|target| Choice { target, pick: None }).collect())
    }
}
