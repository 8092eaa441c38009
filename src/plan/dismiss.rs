//! The plan that takes entries away by their names, and no stranger's.

use super::target::given_back;
use super::{Plan, Planned, Step};
use crate::conflict::Conflict;
use crate::entry::Entry;
use crate::observed::Observed;
use crate::owner::Owner;
use crate::rule::RuleName;
use crate::target::Target;
use crate::wanted::{Dismissal, Meant};

/// What is to be taken away, and what is not.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Dismissed {
    /// How.
    pub plan: Plan,
    /// Others' entries that a pattern matches, in the order of their names.
    pub kept: Vec<(RuleName, Owner)>,
    /// What was named and is not there.
    pub absent: Vec<String>,
}

/// How to delete the entries that are meant: those of qus, and those that were registered with the same settings.
/// A stranger's that a pattern matches is left alone; if it was named, that is an error.
pub fn dismiss(wanted: &Dismissal, observed: &Observed) -> Result<Dismissed, Conflict> {
    let mut entries: Vec<&Entry> = observed.binfmt.table().into_iter().flat_map(|table| &table.entries).collect();
    entries.sort_by_key(|entry| entry.name());
    let mut dismissed = Dismissed::default();
    let mut ours: Vec<&Entry> = Vec::new();
    for meant in &wanted.entries {
        let matching: Vec<&Entry> = entries.iter().copied().filter(|entry| is_meant(meant, entry, wanted)).collect();
        let (own, strangers): (Vec<&Entry>, Vec<&Entry>) =
            matching.iter().partition(|entry| is_own(entry, wanted, observed));
        match (&own[..], &strangers[..], meant) {
            ([], [], Meant::Target(_) | Meant::Name(_)) => dismissed.absent.push(meant.to_string()),
            ([], [stranger, ..], Meant::Target(_) | Meant::Name(_)) => {
                let (name, owner) = (stranger.name().clone(), observed.owner(stranger));
                return Err(Conflict::Stranger { name, owner });
            }
            (_, _, Meant::Pattern(_)) => {
                let kept = strangers.iter().map(|entry| (entry.name().clone(), observed.owner(entry)));
                dismissed.kept.extend(kept);
            }
            _ => {}
        }
        ours.extend(own);
    }
    dismissed.kept.sort();
    dismissed.kept.dedup();
    ours.sort_by_key(|entry| entry.name());
    ours.dedup();
    let delete = |entry: &Entry| {
        let target = Target::all().find(|target| RuleName::of(*target) == *entry.name());
        let after = target.filter(|_| observed.is_ours(entry)).and_then(|target| given_back(target, observed));
        let step = Step::PutEntry { name: entry.name().clone(), after, before: Some(entry.clone()) };
        Planned { target: None, step }
    };
    dismissed.plan = Plan::of_entries(ours.into_iter().map(delete).collect(), observed)?;
    Ok(dismissed)
}

fn is_meant(meant: &Meant, entry: &Entry, wanted: &Dismissal) -> bool {
    let name = entry.name();
    match meant {
        Meant::Target(target) => wanted.names(*target).contains(name),
        Meant::Name(meant) => {
            name.as_str() == meant || wanted.stands_beside(name).is_some_and(|usual| usual.as_str() == meant)
        }
        Meant::Pattern(pattern) => {
            pattern.matches(name.as_str())
                || wanted.stands_beside(name).is_some_and(|usual| pattern.matches(usual.as_str()))
        }
    }
}

/// Whether it is qus's, or what these settings register. What a file configures just so is the file's.
fn is_own(entry: &Entry, wanted: &Dismissal, observed: &Observed) -> bool {
    observed.is_ours(entry) || (wanted.registers(entry) && observed.configuration.source(entry).is_none())
}
