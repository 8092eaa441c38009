//! The plan of `qus remove`.

use std::collections::BTreeSet;

use super::{Plan, Step};
use crate::conflict::Conflict;
use crate::dropin;
use crate::layout;
use crate::observed::{Binfmt, FileState, Observed};
use crate::receipt::Receipt;
use crate::rooted::RootedPath;
use crate::target::Target;
use crate::wanted::Selection;

/// How to undo the install of `selection`, and give back what it displaced. A target that is not
/// installed needs nothing.
///
/// Drop-in, entry, link and emulator go in this order, so that a boot in the middle finds no
/// drop-in without its emulator.
pub fn remove(selection: &Selection, observed: &Observed) -> Result<Plan, Conflict> {
    let receipt = &observed.receipt;
    let gone: Vec<Target> = receipt.targets.keys().copied().filter(|target| selection.includes(*target)).collect();
    let mut plan = Plan::default();
    if gone.is_empty() {
        return Ok(plan);
    }
    if let Some(fault) = observed.faults.first() {
        return Err(Conflict::fault(fault));
    }
    let mut after = receipt.clone();
    after.targets.retain(|target, _| !gone.contains(target));
    plan.make_directories(&layout::staging(), observed);
    for target in &gone {
        remove_dropin(&mut plan, *target, observed);
    }
    for target in &gone {
        remove_entry(&mut plan, *target, observed)?;
    }
    let kept: BTreeSet<Target> = after.targets.keys().map(|target| target.emulated_by()).collect();
    let unused: BTreeSet<Target> = gone.iter().map(|target| target.emulated_by()).collect();
    for target in unused.difference(&kept) {
        remove_files(&mut plan, *target, observed);
    }
    forget(&mut plan, after, observed);
    Ok(plan)
}

/// Ours goes; one that somebody changed since stays, for it is theirs now.
fn remove_dropin(plan: &mut Plan, target: Target, observed: &Observed) {
    let path = dropin::path(target);
    if let Some(FileState::Text(before)) = observed.files.get(&path)
        && *before == dropin::text(&observed.receipt.targets[&target].rule)
    {
        plan.push_for(target, Step::PutFile { path, after: None, before: Some(before.clone()) });
    }
}

fn remove_entry(plan: &mut Plan, target: Target, observed: &Observed) -> Result<(), Conflict> {
    let Binfmt::Mounted(table) = &observed.binfmt else { return Ok(()) };
    let Some(entry) = table.entry_of(target).filter(|entry| layout::is_ours(&entry.rule.interpreter)) else {
        return Ok(());
    };
    if !table.writable {
        return Err(Conflict::MayNotRegister);
    }
    plan.push_for(
        target,
        Step::PutEntry {
            name: entry.name().clone(),
            after: observed.receipt.targets[&target].displaced.clone(),
            before: Some(entry.rule.clone()),
        },
    );
    Ok(())
}

/// The emulator goes in every version that was ever installed, and the link to it first.
fn remove_files(plan: &mut Plan, target: Target, observed: &Observed) {
    let link = layout::link(target);
    if let Some(FileState::Link(before)) = observed.files.get(&link) {
        plan.push_for(target, Step::PutLink { path: link, after: None, before: Some(before.clone()) });
    }
    let name = target.emulator();
    for path in observed.files.keys() {
        let Some(version) = path.parent().filter(|parent| parent.parent() == Some(layout::emulators())) else {
            continue;
        };
        if *path == version.join(&name) {
            let version = version.as_str().rsplit('/').next().unwrap_or_default();
            let aside = layout::staging().join(&format!("{version}-{name}"));
            plan.push_for(target, Step::Move { from: path.clone(), to: aside });
        }
    }
}

/// Writes down what is left. With the last target the whole memory goes, and every directory that
/// was made.
fn forget(plan: &mut Plan, mut after: Receipt, observed: &Observed) {
    plan.sweep.push(layout::staging());
    let emulators = layout::emulators();
    plan.prune.extend(observed.directories.iter().filter(|path| path.parent() == Some(emulators.clone())).cloned());
    if after.is_empty() {
        if let Some(before) = observed.trust.clone() {
            plan.push(Step::PutFile { path: layout::trust(), after: None, before: Some(before) });
        }
        let own =
            [layout::emulators(), RootedPath::from_trusted(layout::PREFIX), RootedPath::from_trusted(layout::STATE)];
        plan.prune.extend(own);
        // Deepest first: a path sorts behind the directory it lies in.
        plan.prune.extend(std::mem::take(&mut after.directories).into_iter().rev());
    }
    plan.push(Step::Record { after, before: observed.receipt.clone() });
}
