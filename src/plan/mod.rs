//! Plans: what is to be done, as a value.
//!
//! A plan is made by pure functions of what is wanted and what was observed. Every step names both
//! what will be and what was, so that undoing it is doing it backwards.

mod bundle;
mod change;
mod clear;
mod dismiss;
mod install;
mod offer;
mod packaged;
mod pin;
mod prefer;
mod reach;
mod register;
mod remove;
mod repair;
mod rollback;
mod rules;
mod step;
mod target;
mod tool;
mod update;

pub use bundle::{CannotBundle, Contents, bundle};
pub use clear::{clear, register_afresh};
pub use dismiss::{Dismissed, dismiss};
pub use install::{install, rivals};
pub use offer::{Offer, Terms};
pub use packaged::{Attended, Left, check_packages, is_for_other_kernel, packaged_add, packaged_remove};
pub use pin::pin;
pub use prefer::prefer;
pub use register::{Emulators, chosen, passes_over, register, unregister};
pub use remove::remove;
pub use repair::{Beyond, Repair, repair};
pub use rollback::{chosen as chosen_to_roll_back, is_rollback, rollback};
pub use rules::put_rules;
pub use step::Step;
pub use target::rival;
pub use tool::{ToolOffer, ToolRefusal, ToolWanted, becomes, is_self_rollback, newer, own, self_rollback, self_update};
pub use update::{Prospect, Update, Verdict, prospects, update};

use serde::{Deserialize, Serialize};

use crate::conflict::Conflict;
use crate::observed::{Access, Binfmt, Observed};
use crate::place::Keeper;
use crate::receipt::Receipt;
use crate::rooted::RootedPath;
use crate::target::Target;

/// What is to be done.
///
/// # Atomicity
///
/// Steps run in order. A failure, or a kill at any moment, undoes those that have begun, last
/// first; then nothing has changed. A step that proves a target and fails undoes only the steps of
/// that target. After the last step the plan is committed, and only what is no longer needed is
/// swept away, which can be repeated at will.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// The steps.
    pub steps: Vec<Planned>,
    /// Files to delete when the plan is committed or undone.
    pub sweep: Vec<RootedPath>,
    /// Directories to remove then, if they are empty.
    pub prune: Vec<RootedPath>,
}

/// One step, and whose it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Planned {
    /// The target it is done for, if for one alone.
    pub target: Option<Target>,
    /// What is done.
    #[serde(flatten)]
    pub step: Step,
}

impl Plan {
    /// The receipt that it leaves where the targets in `dropped` were taken back, if it changes any.
    pub fn receipt(&self, dropped: &[Target]) -> Option<Receipt> {
        self.steps.iter().find_map(|planned| match &planned.step {
            Step::Record { after, before } => Some(after.without(dropped, before)),
            _ => None,
        })
    }

    /// Whether nothing is left of it where the targets in `dropped` were taken back: none is changed, and of none
    /// anything else is to be written down.
    pub fn comes_to_nothing(&self, dropped: &[Target]) -> bool {
        let notes = |planned: &Planned| matches!(&planned.step, Step::Record { after, before } if after.without(dropped, before).targets != before.targets);
        !dropped.is_empty()
            && self.steps.iter().filter_map(|planned| planned.target).all(|target| dropped.contains(&target))
            && !self.steps.iter().any(notes)
    }

    /// Whether there is nothing to do.
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }

    /// Whether a power cut would leave anything of it: the kernel's table goes with the kernel.
    pub fn outlives_the_kernel(&self) -> bool {
        !self.steps.iter().all(|planned| {
            matches!(planned.step, Step::PutEntry { .. } | Step::Mount | Step::Prove | Step::MakeDir { .. })
        })
    }

    fn push(&mut self, step: Step) {
        self.steps.push(Planned { target: None, step });
    }

    fn push_for(&mut self, target: Target, step: Step) {
        self.steps.push(Planned { target: Some(target), step });
    }

    /// That `steps` change entries and nothing else: besides them it reaches the table, and makes the journal's
    /// directory, which goes with the journal where nothing else is kept in it.
    fn of_entries(steps: Vec<Planned>, observed: &Observed) -> Result<Plan, Conflict> {
        let mut plan = Plan::default();
        if steps.is_empty() {
            return Ok(plan);
        }
        plan.make_directories(observed.layout.state(), observed);
        plan.prune = plan.made().cloned().collect();
        plan.prune.reverse();
        reach_table(&mut plan, observed)?;
        plan.steps.extend(steps);
        Ok(plan)
    }

    /// Steps that make the directories above and including `path`, as far as they are missing.
    fn make_directories(&mut self, path: &RootedPath, observed: &Observed) {
        let mut missing: Vec<RootedPath> =
            path.ancestors().take_while(|path| !observed.directories.contains(path)).collect();
        missing.reverse();
        for path in missing {
            let step = Step::MakeDir { path };
            if !self.steps.iter().any(|planned| planned.step == step) {
                self.push(step);
            }
        }
    }

    /// The directories that it makes.
    fn made(&self) -> impl Iterator<Item = &RootedPath> {
        self.steps.iter().filter_map(|planned| match &planned.step {
            Step::MakeDir { path } => Some(path),
            _ => None,
        })
    }
}

/// Fails unless our places can be written to.
fn check_places(observed: &Observed) -> Result<(), Conflict> {
    observed.faults.first().map_or(Ok(()), |fault| Err(Conflict::fault(fault)))
}

/// Fails unless entries can be registered that stay and answer; adds the step that mounts the table, if that is needed.
fn reach_kernel(plan: &mut Plan, observed: &Observed) -> Result<(), Conflict> {
    reach_table(plan, observed)?;
    check_enabled(observed)
}

/// Fails where the kernel consults none of its entries: what is registered there answers nobody.
fn check_enabled(observed: &Observed) -> Result<(), Conflict> {
    match observed.binfmt.table() {
        Some(table) if !table.enabled => Err(Conflict::Disabled),
        _ => Ok(()),
    }
}

/// Fails unless entries can be changed for good, be they consulted or not; adds the step that mounts the table, if that
/// is needed.
fn reach_table(plan: &mut Plan, observed: &Observed) -> Result<(), Conflict> {
    match &observed.binfmt {
        Binfmt::Mounted(table) => match table.access {
            Access::ReadOnly => Err(Conflict::ReadOnlyTable),
            Access::Denied if observed.place.user_namespace && table.keeper != Keeper::UserNamespace => {
                Err(Conflict::NotOfUserNamespace)
            }
            Access::Denied => Err(Conflict::MayNotRegister),
            Access::Writable if table.keeper == Keeper::Nobody => Err(Conflict::MountedOnlyHere),
            Access::Writable => Ok(()),
        },
        Binfmt::NotAsked => Ok(()),
        Binfmt::Mountable => {
            plan.push(Step::Mount);
            Ok(())
        }
        Binfmt::Unreachable(why) => Err(Conflict::unreachable(*why)),
    }
}
