//! Which targets were meant.

use std::collections::BTreeSet;

use thiserror::Error;

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
    /// Its version; the repository's stable one if none was named.
    pub version: Option<Version>,
}

/// A word that selects nothing.
#[derive(Debug, PartialEq, Eq, Error)]
#[expect(missing_docs, reason = "each says itself what it means")]
pub enum BadSelection {
    #[error(transparent)]
    Target(#[from] UnknownTarget),
    #[error(transparent)]
    Version(#[from] BadVersion),
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
        let (target, version) = match word.split_once('@') {
            Some((target, version)) => (target, Some(version.parse()?)),
            None => (word, None),
        };
        Ok(Choice { target: target.parse()?, version })
    }
}

impl FromIterator<Target> for Selection {
    /// These targets, each once, of whichever version.
    fn from_iter<I: IntoIterator<Item = Target>>(targets: I) -> Selection {
        let targets: BTreeSet<Target> = targets.into_iter().collect();
        Selection::Named(targets.into_iter().map(|target| Choice { target, version: None }).collect())
    }
}
