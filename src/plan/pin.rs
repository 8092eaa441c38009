//! The plan of `qus pin` and `qus unpin`.

use super::packaged::check_packages;
use super::{Plan, Step, check_places};
use crate::conflict::Conflict;
use crate::observed::Observed;
use crate::package::Deed;
use crate::target::Target;
use crate::wanted::{Pick, Selection};

/// How to make `update` leave the targets of `selection` at their version, or no longer. A version that is named must be
/// the one that is installed.
pub fn pin(selection: &Selection, pinned: bool, observed: &Observed) -> Result<Plan, Conflict> {
    check_packages(selection, if pinned { Deed::Hold } else { Deed::Release }, observed)?;
    let mut after = observed.receipt.clone();
    for target in meant(selection, observed) {
        let installed = after.targets.get_mut(&target).ok_or(Conflict::NotInstalled(target))?;
        if let Some(version) = selection.pick(target).and_then(Pick::version)
            && *version != installed.version
        {
            let (installed, version) = (installed.version.clone(), version.clone());
            return Err(Conflict::OtherVersion { target, installed, version });
        }
        installed.pinned = pinned;
    }
    let mut plan = Plan::default();
    if after != observed.receipt {
        check_places(observed)?;
        plan.push(Step::Record { after, before: observed.receipt.clone() });
    }
    Ok(plan)
}

fn meant(selection: &Selection, observed: &Observed) -> Vec<Target> {
    match selection {
        Selection::All => observed.receipt.targets.keys().copied().collect(),
        Selection::Named(choices) => choices.iter().map(|choice| choice.target).collect(),
    }
}
