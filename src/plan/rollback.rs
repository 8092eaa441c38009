//! The plan of `qus rollback`: targets get a version that was kept, without asking anybody for it.

use std::collections::BTreeSet;

use super::change::Change;
use super::target::{displaces, leader};
use super::{Plan, Step};
use crate::conflict::Conflict;
use crate::news::News;
use crate::observed::Observed;
use crate::receipt::{Installed, Kept, Receipt};
use crate::rooted::RootedPath;
use crate::target::Target;
use crate::version::Version;
use crate::wanted::{Pick, Selection};

/// How to bring the targets of `selection` back to the version that they had before, or to the kept one that is named.
/// What they have now is kept in its place, so that a second rollback undoes the first; and they are pinned, or the
/// next update would undo it. All means all that have something to go back to.
///
/// `damaged` are the kept files that are not what they were. A version that its repository withdrew or revoked, as `news`
/// has it, is not gone back to.
pub fn rollback(
    selection: &Selection,
    news: &News,
    damaged: &BTreeSet<RootedPath>,
    observed: &Observed,
) -> Result<Plan, Conflict> {
    if let Some(entry) = observed.emulating() {
        return Err(Conflict::Emulated(entry.name().clone()));
    }
    let mut change = Change::of(observed);
    for (target, installed) in chosen(selection, &observed.receipt)? {
        let kept = kept(target, installed, selection.pick(target).and_then(Pick::version))?;
        let Kept { version, path, .. } = kept;
        if let Some(why) = news.withdrawn(&kept.repository, version) {
            return Err(Conflict::Withdrawn { version: version.clone(), why: why.to_owned() });
        }
        if news.revoked(&kept.repository, &kept.sha256) {
            return Err(Conflict::Revoked { target, version: version.clone() });
        }
        if damaged.contains(path) {
            return Err(Conflict::KeptDamaged { target, version: version.clone(), path: path.clone() });
        }
        change.put(target, back(target, installed, kept, observed)?, false);
    }
    change.plan(None)
}

/// Whether `plan` brings back exactly what a rollback of `selection` would have, where it was made.
pub fn is_rollback(plan: &Plan, selection: &Selection) -> bool {
    let fetches = plan.steps.iter().any(|planned| matches!(planned.step, Step::Fetch { .. }));
    let record = plan.steps.iter().find_map(|planned| match &planned.step {
        Step::Record { after, before } => Some((after, before)),
        _ => None,
    });
    let Some((after, before)) = record.filter(|_| !fetches) else { return false };
    let Ok(chosen) = chosen(selection, before) else { return false };
    let moved = before
        .targets
        .iter()
        .filter(|(target, was)| after.targets.get(*target).is_none_or(|installed| installed.version != was.version));
    let is_back = |target: Target, installed: &Installed| {
        let kept = kept(target, installed, selection.pick(target).and_then(Pick::version));
        kept.is_ok_and(|kept| after.targets.get(&target).is_some_and(|after| after.version == kept.version))
    };
    !chosen.is_empty()
        && moved.count() == chosen.len()
        && chosen.iter().all(|(target, installed)| is_back(*target, installed))
}

/// The targets that are meant, with what is installed of them.
pub fn chosen<'a>(selection: &Selection, receipt: &'a Receipt) -> Result<Vec<(Target, &'a Installed)>, Conflict> {
    let installed = &receipt.targets;
    match selection {
        Selection::All => {
            let back = installed.iter().filter(|(_, installed)| !installed.previous.is_empty());
            Ok(back.map(|(target, installed)| (*target, installed)).collect())
        }
        Selection::Named(choices) => {
            let named = choices.iter().map(|choice| choice.target);
            named.map(|target| Ok((target, installed.get(&target).ok_or(Conflict::NotInstalled(target))?))).collect()
        }
    }
}

fn kept<'a>(target: Target, installed: &'a Installed, version: Option<&Version>) -> Result<&'a Kept, Conflict> {
    match version {
        None => installed.previous.first().ok_or(Conflict::NothingKept(target)),
        Some(version) => installed.previous.iter().find(|kept| kept.version == *version).ok_or_else(|| {
            let there = installed.previous.iter().map(|kept| kept.version.clone()).collect();
            Conflict::NotKept { target, version: version.clone(), there }
        }),
    }
}

/// What the receipt will say of `target` once it has the `kept` version again.
fn back(target: Target, installed: &Installed, kept: &Kept, observed: &Observed) -> Result<Installed, Conflict> {
    let others = installed.previous.iter().filter(|other| *other != kept).cloned();
    let mut after = Installed {
        version: kept.version.clone(),
        repository: kept.repository.clone(),
        rule: installed.rule.running(kept.path.as_str())?,
        path: kept.path.clone(),
        size: kept.size,
        sha256: kept.sha256,
        pinned: true,
        previous: std::iter::once(installed.kept()).chain(others).collect(),
        ..installed.clone()
    };
    if leader(&after, observed).is_none() {
        after.displaced = displaces(target, observed).cloned().or(after.displaced);
    }
    Ok(after)
}
