//! Which entries are to be taken away, as older tools name them.

use std::fmt;

use glob::Pattern;

use super::Source;
use crate::entry::Entry;
use crate::rule::{Flags, RuleName};
use crate::target::Target;

/// Entries that are to be taken away, by what they are called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dismissal {
    /// Which.
    pub entries: Vec<Meant>,
    /// Where the emulators lie, or lay, that were registered.
    pub source: Source,
    /// What their entries' names begin with.
    pub prefix: String,
    /// The letters that they may have been registered with.
    pub flags: Vec<Flags>,
}

/// Which entries a word means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Meant {
    /// Those of a target.
    Target(Target),
    /// The one of this name.
    Name(String),
    /// Those whose names match.
    Pattern(Pattern),
}

impl fmt::Display for Meant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Meant::Target(target) => target.fmt(f),
            Meant::Name(name) => f.pad(name),
            Meant::Pattern(pattern) => f.pad(pattern.as_str()),
        }
    }
}

impl Dismissal {
    /// The names under which `target` may be registered.
    pub fn names(&self, target: Target) -> Vec<RuleName> {
        let names = [RuleName::of(target), RuleName::beside(target)];
        let prefixed = names.iter().filter_map(|name| name.prefixed(&self.prefix).ok());
        prefixed.chain(names.clone()).collect()
    }

    /// The usual name of the target whose entry, because that name was another's, is called `name`.
    pub fn stands_beside(&self, name: &RuleName) -> Option<RuleName> {
        let prefix = [self.prefix.as_str(), ""];
        let is_beside = |target: &Target, prefix: &str| RuleName::beside(*target).prefixed(prefix).as_ref() == Ok(name);
        let mut names = Target::all().flat_map(|target| prefix.map(|prefix| (target, prefix)));
        let (target, prefix) = names.find(|(target, prefix)| is_beside(target, prefix))?;
        RuleName::of(target).prefixed(prefix).ok()
    }

    /// Whether these settings register just such an entry.
    pub fn registers(&self, entry: &Entry) -> bool {
        let rule = &entry.rule;
        let runs = |target: Target| self.source.in_folder(target).as_ref() == Some(&rule.interpreter);
        self.flags.contains(&rule.flags)
            && Target::all().any(|target| runs(target) && self.names(target).contains(&rule.name))
    }
}
