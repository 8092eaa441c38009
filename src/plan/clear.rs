//! The plans that take away every entry of QEMU's emulators, whoever registered it.

use std::collections::BTreeMap;

use super::register::register;
use super::{Emulators, Plan, Planned, Step};
use crate::conflict::Conflict;
use crate::entry::Entry;
use crate::observed::{Binfmt, Observed};
use crate::rule::RuleName;
use crate::target::Target;
use crate::wanted::{Consent, Letters, Selection};

/// How to delete the entries of `selection` that run an emulator of QEMU. What has the name of one and runs something
/// else stays, and so does what has another name.
pub fn clear(selection: &Selection, observed: &Observed) -> Result<Plan, Conflict> {
    if let Binfmt::Unreachable(why) = observed.binfmt {
        return Err(Conflict::unreachable(why));
    }
    Plan::of_entries(delete(of_qemu(selection, observed)), observed)
}

/// As [`register`], after every entry of QEMU's emulators is deleted: in one plan, so that nothing is lost where it
/// fails, and an entry that comes again is replaced without a moment in which there is none.
pub fn register_afresh(
    selection: &Selection,
    emulators: &Emulators,
    letters: &Letters,
    consent: Consent,
    observed: &Observed,
) -> Result<Plan, Conflict> {
    if let Some(entry) = observed.emulating() {
        return Err(Conflict::Emulated(entry.name().clone()));
    }
    let mut entries = of_qemu(&Selection::All, observed);
    let mut bare = observed.clone();
    if let Binfmt::Mounted(table) = &mut bare.binfmt {
        table.entries.retain(|entry| !entries.contains_key(entry.name()));
    }
    let mut plan = register(selection, emulators, letters, consent, &bare)?;
    if plan.is_empty() {
        return clear(&Selection::All, observed);
    }
    for planned in &mut plan.steps {
        if let Step::PutEntry { name, before, .. } = &mut planned.step {
            *before = entries.remove(name).map(|(_, entry)| entry);
        }
    }
    plan.steps.extend(delete(entries));
    Ok(plan)
}

/// The entries of `selection` that run an emulator of QEMU, by name.
fn of_qemu(selection: &Selection, observed: &Observed) -> BTreeMap<RuleName, (Target, Entry)> {
    let Some(table) = observed.binfmt.table() else { return BTreeMap::new() };
    let targets = Target::all().filter(|target| selection.includes(*target));
    let names = targets.flat_map(|target| [RuleName::beside(target), RuleName::of(target)].map(|name| (name, target)));
    let entries = names.filter_map(|(name, target)| Some((table.entry(&name)?, target)));
    entries
        .filter(|(entry, _)| is_qemu(&entry.rule.interpreter))
        .map(|(entry, target)| (entry.name().clone(), (target, entry.clone())))
        .collect()
}

/// Whether a path is that of one of QEMU's user-mode emulators: `qemu-aarch64`, whatever stands around it, or the name
/// under which Debian's handle the flag `P`, `aarch64-binfmt-P`.
fn is_qemu(interpreter: &str) -> bool {
    let program = interpreter.rsplit('/').next().unwrap_or_default();
    program.contains("qemu-") || program.ends_with("-binfmt-P")
}

fn delete(entries: BTreeMap<RuleName, (Target, Entry)>) -> Vec<Planned> {
    let step = |name, entry| Step::PutEntry { name, after: None, before: Some(entry) };
    let planned = |(name, (target, entry))| Planned { target: Some(target), step: step(name, entry) };
    entries.into_iter().map(planned).collect()
}
