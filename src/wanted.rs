//! What was meant by what was typed.

use std::collections::BTreeSet;
use std::fmt;
use std::path::PathBuf;

use glob::Pattern;
use thiserror::Error;

use crate::entry::Entry;
use crate::export::Format;
use crate::rule::{BadRule, Flags, KernelVersion, Match, Rule, RuleName};
use crate::target::{Family, Target, UnknownTarget};
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

/// How a rule is to be written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Letters {
    /// Exactly these, whatever the kernel: for experts.
    pub exactly: Option<Flags>,
    /// Set-uid programs run with their owner's rights, and the emulator with them.
    pub credentials: bool,
    /// Which of the target's programs it takes.
    pub programs: Match,
    /// What its name begins with, before `qemu-TARGET`.
    pub prefix: String,
}

impl FromIterator<Target> for Selection {
    /// These targets, each once, of whichever version.
    fn from_iter<I: IntoIterator<Item = Target>>(targets: I) -> Selection {
        let targets: BTreeSet<Target> = targets.into_iter().collect();
        Selection::Named(targets.into_iter().map(|target| Choice { target, version: None }).collect())
    }
}

/// What may be done beside the obvious.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Consent {
    /// Emulate a named target even if the host runs it by itself.
    pub emulate_native: bool,
    /// Win over those whom somebody chose on purpose for a target.
    pub take_over: bool,
    /// What is passed over without a word.
    pub pass_over: PassOver,
}

/// Targets that are passed over without a word, also if they are named, as older tools do with those of the host's own
/// family. Whatever it is, a target whose rule would take the host's own programs is among them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PassOver {
    /// None: that such a target cannot be had is an error.
    #[default]
    Nothing,
    /// What the host runs by itself, unless that is to be emulated.
    Native,
    /// This family.
    Family(Family),
    /// This one.
    Target(Target),
}

/// Where the emulators lie that are to be registered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// Where qus installed them.
    Installed,
    /// The emulator of the one target that is named.
    File(String),
    /// The files of a directory that are called the prefix, `qemu-TARGET` and the suffix.
    Folder {
        /// The directory.
        directory: String,
        /// What the names begin with.
        prefix: String,
        /// What the names end with, such as `-static`.
        suffix: String,
    },
    /// Files called so in the root directory of each program. They need not be here, but of all targets those that
    /// have one here are meant, if there is any.
    Elsewhere {
        /// The directory.
        directory: String,
        /// What the names end with.
        suffix: String,
    },
}

impl Source {
    /// Path of the emulator of `target` in a folder, whether or not it is there.
    pub fn in_folder(&self, target: Target) -> Option<String> {
        let Source::Folder { directory, prefix, suffix } = self else { return None };
        let directory = directory.trim_end_matches('/');
        Some(format!("{directory}/{prefix}qemu-{}{suffix}", target.emulated_by()))
    }
}

/// What is to be registered, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Registration {
    /// Of which targets.
    pub selection: Selection,
    /// Which emulators.
    pub source: Source,
    /// By what rules.
    pub letters: Letters,
    /// What may be done beside the obvious.
    pub consent: Consent,
}

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

/// Configuration that is to be written for others to load, whether or not the emulators are here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Export {
    /// Who is to load it.
    pub format: Format,
    /// Where to write it.
    pub directory: PathBuf,
    /// Of which targets.
    pub targets: Vec<Target>,
    /// The directory of the emulators.
    pub emulators: String,
    /// What their names end with.
    pub suffix: String,
    /// By what rules.
    pub letters: Letters,
}

impl Letters {
    /// The rule of `target` that runs `interpreter`, on a kernel of this version.
    pub fn rule(&self, target: Target, interpreter: &str, kernel: KernelVersion) -> Result<Rule, BadRule> {
        let rule = Rule::new(target, self.programs, interpreter, self.flags(kernel))?;
        Ok(rule.named(rule.name.prefixed(&self.prefix)?))
    }

    /// The letters for a kernel of this version.
    pub fn flags(&self, kernel: KernelVersion) -> Flags {
        self.exactly.clone().unwrap_or_else(|| Flags::for_kernel(kernel, self.credentials))
    }

    /// Reads the letters of `--flags`.
    pub fn exactly(letters: &str) -> Result<Flags, BadRule> {
        match letters.chars().find(|letter| !"POCF".contains(*letter)) {
            None => Flags::try_from(letters.to_owned()),
            Some(_) => Err(BadRule::Flags(letters.to_owned())),
        }
    }
}
