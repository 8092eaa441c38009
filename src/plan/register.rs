//! The plans of `qus register` and `qus unregister`: the kernel's table and nothing else.

use std::collections::BTreeMap;

use super::install::is_own;
use super::{Plan, Step, reach_kernel};
use crate::conflict::Conflict;
use crate::layout;
use crate::observed::Observed;
use crate::rooted::RootedPath;
use crate::rule::Rule;
use crate::target::Target;
use crate::wanted::{Letters, Selection};

/// Where the emulators lie, by target.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Emulators(pub BTreeMap<Target, String>);

/// How to register the emulators of `selection`. `all` means every one that there is and that the
/// host needs; a target that is named must have one.
pub fn register(
    selection: &Selection,
    emulators: &Emulators,
    letters: &Letters,
    emulate_native: bool,
    observed: &Observed,
) -> Result<Plan, Conflict> {
    let mut rules = Vec::new();
    for target in Target::all().filter(|target| selection.includes(*target)) {
        let named = *selection != Selection::All;
        let native = observed.native.contains(&target) && !is_own(target, observed) && !emulate_native;
        let Some(interpreter) = emulators.0.get(&target) else {
            if named {
                return Err(Conflict::NotInstalled(target));
            }
            continue;
        };
        if is_own(target, observed) || native {
            match *selection {
                Selection::All => continue,
                Selection::Named(_) if native => return Err(Conflict::Native(target)),
                Selection::Named(_) => return Err(Conflict::Own(target)),
            }
        }
        rules.push((target, Rule::new(target, interpreter, letters.flags(observed.kernel))?));
    }

    let mut plan = Plan::default();
    let table = observed.binfmt.table();
    rules.retain(|(target, rule)| {
        let entry = table.and_then(|table| table.entry_of(*target));
        // An emulator of the same path may be another file by now: only one that never changes in
        // its place, ours, needs no new registration.
        !entry.is_some_and(|entry| entry.enabled && entry.rule == *rule && layout::is_ours(&rule.interpreter))
    });
    if rules.is_empty() {
        return Ok(plan);
    }
    plan.make_directories(&RootedPath::from_trusted(layout::STATE), observed);
    reach_kernel(&mut plan, observed)?;
    for (target, rule) in rules {
        let before = table.and_then(|table| table.entry_of(target)).map(|entry| entry.rule.clone());
        plan.push_for(target, Step::PutEntry { name: rule.name.clone(), after: Some(rule), before });
    }
    prune_state(&mut plan);
    Ok(plan)
}

/// How to delete the entries of `selection`: those that run an emulator of qus, or the one of
/// `emulators`. Entries of others are left alone; if such a target was named, that is an error.
pub fn unregister(selection: &Selection, emulators: &Emulators, observed: &Observed) -> Result<Plan, Conflict> {
    let mut entries = Vec::new();
    let table = observed.binfmt.table();
    for target in Target::all().filter(|target| selection.includes(*target)) {
        let Some(entry) = table.and_then(|table| table.entry_of(target)) else { continue };
        let interpreter = &entry.rule.interpreter;
        if layout::is_ours(interpreter) || emulators.0.get(&target) == Some(interpreter) {
            entries.push((target, entry));
        } else if *selection != Selection::All {
            return Err(Conflict::ForeignEntry { target, interpreter: interpreter.clone() });
        }
    }
    let mut plan = Plan::default();
    if entries.is_empty() {
        return Ok(plan);
    }
    plan.make_directories(&RootedPath::from_trusted(layout::STATE), observed);
    reach_kernel(&mut plan, observed)?;
    for (target, entry) in entries {
        let after = observed.receipt.targets.get(&target).and_then(|installed| installed.displaced.clone());
        plan.push_for(target, Step::PutEntry { name: entry.name().clone(), after, before: Some(entry.rule.clone()) });
    }
    prune_state(&mut plan);
    Ok(plan)
}

/// The journal's directory goes with the journal where nothing else is kept in it.
fn prune_state(plan: &mut Plan) {
    let made: Vec<RootedPath> = plan.made().cloned().collect();
    plan.prune.extend(made.into_iter().rev());
}
