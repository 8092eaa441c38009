//! The plan of `qus remove`.

use std::collections::BTreeSet;

use super::packaged::check_packages;
use super::target::{remove_dropin, remove_entry};
use super::{Plan, Step, check_places, reach_table};
use crate::conflict::Conflict;
use crate::dropin::packaged;
use crate::observed::{Binfmt, FileState, Observed};
use crate::package::Deed;
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
    check_packages(selection, Deed::Remove, observed)?;
    let receipt = &observed.receipt;
    let gone: Vec<Target> = receipt.targets.keys().copied().filter(|target| selection.includes(*target)).collect();
    let mut plan = Plan::default();
    if gone.is_empty() {
        return Ok(plan);
    }
    check_places(observed)?;
    let mut after = receipt.clone();
    after.targets.retain(|target, _| !gone.contains(target));
    plan.make_directories(&observed.layout.staging(), observed);
    for target in &gone {
        if let Some(path) = &receipt.targets[target].dropin {
            remove_dropin(&mut plan, *target, path, observed);
        }
    }
    if matches!(observed.binfmt, Binfmt::Mounted(_)) {
        let mut entries = Plan::default();
        for target in &gone {
            remove_entry(&mut entries, *target, observed);
        }
        if !entries.is_empty() {
            reach_table(&mut plan, observed)?;
            plan.steps.append(&mut entries.steps);
        }
    }
    let kept: BTreeSet<Target> = after.targets.keys().map(|target| target.emulated_by()).collect();
    let unused: BTreeSet<Target> = gone.iter().map(|target| target.emulated_by()).collect();
    for target in unused.difference(&kept) {
        remove_files(&mut plan, *target, observed);
    }
    forget(&mut plan, after, observed);
    Ok(plan)
}

/// The emulator goes in every version that was ever installed, and the link to it first.
fn remove_files(plan: &mut Plan, target: Target, observed: &Observed) {
    let layout = &observed.layout;
    let link = layout.link(target);
    if let Some(FileState::Link(before)) = observed.files.get(&link) {
        plan.push_for(target, Step::PutLink { path: link, after: None, before: Some(before.clone()) });
    }
    let name = target.emulator();
    for path in observed.files.keys() {
        let Some(version) = path.parent().filter(|parent| parent.parent() == Some(layout.emulators())) else {
            continue;
        };
        if *path == version.join(&name) {
            let aside = layout.staging().join(&format!("{}-{name}", version.name()));
            plan.push_for(target, Step::Move { from: path.clone(), to: aside });
        }
    }
}

/// Writes down what is left. With the last target the whole memory goes, and every directory that
/// was made.
fn forget(plan: &mut Plan, mut after: Receipt, observed: &Observed) {
    let layout = &observed.layout;
    let emulators = layout.emulators();
    plan.sweep.push(layout.staging());
    plan.prune.extend(observed.directories.iter().filter(|path| path.parent().as_ref() == Some(&emulators)).cloned());
    if after.is_empty() {
        if let Some(before) = observed.trust.clone() {
            plan.push(Step::PutFile { path: layout.trust(), after: None, before: Some(before) });
        }
        plan.sweep.push(layout.cache().clone());
        plan.prune.extend([emulators, layout.prefix().clone(), layout.state().clone()]);
        // Where links of packages are left, the directories that were made for them are, and so is what tells of these.
        let links = RootedPath::from_trusted(packaged::DIRECTORY);
        let above = |path: &RootedPath| links.is_below(path) || layout.state().is_below(path);
        let for_links = |path: &RootedPath| observed.packaged.has_links() && above(path);
        let (kept, gone) = std::mem::take(&mut after.directories).into_iter().partition(for_links);
        after.directories = kept;
        let gone: BTreeSet<RootedPath> = gone;
        // Deepest first: a path sorts behind the directory it lies in.
        plan.prune.extend(gone.into_iter().rev());
    }
    plan.push(Step::Record { after, before: observed.receipt.clone() });
}
