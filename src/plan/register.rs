//! The plans of `qus register` and `qus unregister`: the kernel's table and nothing else.

use std::collections::BTreeMap;

use super::install::is_own;
use super::target::{answers, given_back};
use super::{Plan, Planned, Step, check_enabled};
use crate::conflict::Conflict;
use crate::entry::Entry;
use crate::observed::Observed;
use crate::owner::Stance;
use crate::rule::{Rule, RuleName};
use crate::target::Target;
use crate::wanted::{Consent, Letters, PassOver, Selection};

/// Where the emulators lie, by target.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Emulators(pub BTreeMap<Target, String>);

impl Emulators {
    /// What those of `selection` are called in `directory`, with names that end with `suffix`.
    pub fn named(selection: &Selection, directory: &str, suffix: &str) -> Emulators {
        let directory = directory.trim_end_matches('/');
        let targets = Target::all().filter(|target| selection.includes(*target));
        let path = |target: Target| format!("{directory}/qemu-{}{suffix}", target.emulated_by());
        Emulators(targets.map(|target| (target, path(target))).collect())
    }

    /// The rules of `selection` by which they are used on a kernel as observed. `all` means every one that there is and
    /// that the host needs; a target that is named must have one.
    pub fn rules(
        &self,
        selection: &Selection,
        letters: &Letters,
        consent: Consent,
        observed: &Observed,
    ) -> Result<Vec<(Target, Rule)>, Conflict> {
        let mut rules = Vec::new();
        for target in Target::all().filter(|target| selection.includes(*target)) {
            let refused = if is_own(target, observed) {
                Some(Conflict::Own(target))
            } else if observed.native.contains(&target) && !consent.emulate_native {
                Some(Conflict::Native(target))
            } else if !self.0.contains_key(&target) {
                Some(Conflict::NotInstalled(target))
            } else {
                None
            };
            match (refused, selection) {
                (Some(refused), Selection::Named(_)) => return Err(refused),
                (Some(_), Selection::All) => {}
                (None, _) => {
                    let rule = letters.rule(target, &self.0[&target], observed.kernel)?;
                    let is_spared = *selection == Selection::All && !consent.take_over;
                    if !is_spared || chosen(target, &rule, observed).is_none() {
                        rules.push((target, rule));
                    }
                }
            }
        }
        Ok(rules)
    }
}

/// An entry by which somebody runs programs of `target` who was chosen on purpose, and not by the emulator of `rule`.
pub fn chosen<'a>(target: Target, rule: &Rule, observed: &'a Observed) -> Option<&'a Entry> {
    let is_other = |entry: &&Entry| {
        !observed.is_ours(entry) && *entry.name() != rule.name && entry.rule.interpreter != rule.interpreter
    };
    let mut answering = observed.binfmt.table()?.answering(target).into_iter().filter(is_other);
    answering.find(|entry| observed.owner(entry).stance() == Stance::Ask)
}

/// Whether `target` is passed over without a word.
pub fn passes_over(target: Target, consent: Consent, observed: &Observed) -> bool {
    let is_meant = match consent.pass_over {
        PassOver::Nothing => return false,
        PassOver::Native => observed.native.contains(&target) && !consent.emulate_native,
        PassOver::Family(family) => target.family() == family,
        PassOver::Target(passed) => target == passed,
    };
    is_meant || is_own(target, observed)
}

/// How to register the emulators of `selection`. An entry of somebody else stays: ours stands beside it, newer.
pub fn register(
    selection: &Selection,
    emulators: &Emulators,
    letters: &Letters,
    consent: Consent,
    observed: &Observed,
) -> Result<Plan, Conflict> {
    if let Some(entry) = observed.emulating() {
        return Err(Conflict::Emulated(entry.name().clone()));
    }
    let mut rules = emulators.rules(selection, letters, consent, observed)?;
    // An emulator of the same path may be another file by now: only one that never changes in
    // its place, ours, needs no new registration.
    rules.retain(|(target, rule)| !answers(*target, rule, observed));
    let table = observed.binfmt.table();
    let put = |(target, rule): (Target, Rule)| {
        let usual = rule.name.clone();
        let is_ours = |entry: &Entry| observed.is_ours(entry) || entry.rule.interpreter == rule.interpreter;
        let free = table.is_none_or(|table| !table.has(&usual) || table.entry(&usual).is_some_and(is_ours));
        let name = if free { usual } else { RuleName::beside(target).prefixed(&letters.prefix)? };
        let before = table.and_then(|table| table.entry(&name)).cloned();
        let step = Step::PutEntry { after: Some(Entry::of(rule.named(name.clone()))), name, before };
        Ok(Planned { target: Some(target), step })
    };
    let plan = Plan::of_entries(rules.into_iter().map(put).collect::<Result<_, Conflict>>()?, observed)?;
    if !plan.is_empty() {
        check_enabled(observed)?;
    }
    Ok(plan)
}

/// How to delete the entries of `selection`: those that run an emulator of qus, or the one of
/// `emulators`. Entries of others are left alone; if such a target was named, that is an error.
pub fn unregister(selection: &Selection, emulators: &Emulators, observed: &Observed) -> Result<Plan, Conflict> {
    let mut entries = Vec::new();
    let table = observed.binfmt.table();
    for target in Target::all().filter(|target| selection.includes(*target)) {
        let named = [RuleName::beside(target), RuleName::of(target)];
        let named: Vec<&Entry> = named.iter().filter_map(|name| table?.entry(name)).collect();
        let is_meant =
            |entry: &&Entry| observed.is_ours(entry) || emulators.0.get(&target) == Some(&entry.rule.interpreter);
        let meant: Vec<&Entry> = named.iter().copied().filter(is_meant).collect();
        if let ([], [foreign, ..], Selection::Named(_)) = (&meant[..], &named[..], selection) {
            let (name, interpreter) = (foreign.name().clone(), foreign.rule.interpreter.clone());
            return Err(Conflict::ForeignEntry { target, name, interpreter });
        }
        entries.extend(meant.into_iter().map(|entry| (target, entry)));
    }
    let delete = |(target, entry): (Target, &Entry)| {
        let usual = *entry.name() == RuleName::of(target) && observed.is_ours(entry);
        let after = if usual { given_back(target, observed) } else { None };
        let step = Step::PutEntry { name: entry.name().clone(), after, before: Some(entry.clone()) };
        Planned { target: Some(target), step }
    };
    Plan::of_entries(entries.into_iter().map(delete).collect(), observed)
}
