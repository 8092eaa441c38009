//! Undoing: of one target, of a change that failed, and of one that a killed qus left behind.
//!
//! Each step can be undone whether or not it was done, and again: what a kill cut off is told by nothing but the disk.

use super::super::journal::{self, Journal};
use super::super::kernel;
use super::super::root::{FileError, Root};
use super::{ApplyError, Machine, Run, StepError, put_file, put_link, put_receipt};
use crate::plan::{Plan, Step};
use crate::target::Target;

/// What was made of a change that a killed qus left behind.
#[derive(Debug)]
pub enum Recovered {
    /// All of it had been done, and is cleared up now.
    Finished(Plan),
    /// What had been done of it is undone.
    Undone,
}

/// Finishes or undoes what a killed qus left behind, if there is anything.
pub fn recover(machine: Machine) -> Result<Option<Recovered>, ApplyError> {
    let Some(unfinished) = journal::unfinished(machine.root)? else {
        prune_state(machine.root);
        return Ok(None);
    };
    let run = Run { machine, plan: &unfinished.plan, dropped: unfinished.dropped, proofs: Vec::new() };
    if unfinished.committed {
        run.end().map_err(|error| run.not_cleared(error))?;
    } else {
        let undone = run.undo(unfinished.begun).and_then(|()| run.end());
        undone.map_err(|undo| run.not_undone(&"an earlier qus was interrupted", undo))?;
    }
    prune_state(machine.root);
    Ok(Some(if unfinished.committed { Recovered::Finished(unfinished.plan) } else { Recovered::Undone }))
}

/// A kill before the journal's first line, or between its end and that of its directory, leaves the directory.
fn prune_state(root: &Root) {
    // Empty, it is in nobody's way.
    let _ = root.prune(root.layout().state());
}

impl Run<'_> {
    /// Undoes the first `begun` steps because of `error`, which is what is told if that succeeds.
    pub(super) fn taken_back(&self, begun: usize, error: StepError) -> ApplyError {
        match self.undo(begun).and_then(|()| self.end()) {
            Ok(()) => error.into(),
            Err(undo) => self.not_undone(&error, undo),
        }
    }

    /// Undoes the first `begun` steps, last first.
    pub(super) fn undo(&self, begun: usize) -> Result<(), StepError> {
        let begun = begun.min(self.plan.steps.len());
        (0..begun).rev().try_for_each(|index| self.undo_step(index))
    }

    /// Whether the step that made room for what step `index` put somewhere is undone, and so this one too: what lies
    /// there now is what lay there at first. An undoing that was cut off behind that is told so by nothing else.
    fn room_is_given_back(&self, index: usize) -> Result<bool, FileError> {
        let (Step::Move { to: place, .. } | Step::Copy { to: place, .. } | Step::Replace { kept: place, .. }) =
            &self.plan.steps[index].step
        else {
            return Ok(false);
        };
        let aside = self.plan.steps[..index].iter().find_map(|planned| match &planned.step {
            Step::Move { from, to } if from == place => Some(to),
            _ => None,
        });
        aside.map_or(Ok(false), |aside| Ok(self.machine.root.look(aside)?.is_none()))
    }

    fn undo_step(&self, index: usize) -> Result<(), StepError> {
        let Machine { root, kernel, .. } = self.machine;
        if self.room_is_given_back(index)? {
            return Ok(());
        }
        match &self.plan.steps[index].step {
            // Directories are pruned at the end, when nothing is left in them.
            Step::MakeDir { .. } | Step::Fetch { .. } | Step::FetchTool { .. } | Step::Prove | Step::Try { .. } => {}
            Step::Copy { to, .. } => root.unwrite(to)?,
            Step::Replace { path, by, kept } => {
                // Undone already, or never done, if the new one lies ready, or the copy is not there any more.
                if root.look(by)?.is_none() && root.look(kept)?.is_some() {
                    root.rename(kept, path)?;
                }
            }
            Step::Move { from, to } => {
                // Undone already, or never done, if what was moved lies where it came from.
                if root.look(from)?.is_none() && root.look(to)?.is_some() {
                    root.rename(to, from)?;
                }
            }
            Step::PutLink { path, before, .. } => put_link(root, path, before.as_deref())?,
            Step::PutFile { path, before, .. } => put_file(root, path, before.as_deref())?,
            Step::Mount => {
                if let Some(kernel) = kernel {
                    kernel.unmount()?;
                }
            }
            Step::PutEntry { name, before, .. } => {
                // After a reboot there is no table of that time to give back.
                if let Some(kernel) = kernel.filter(|kernel| kernel.table().is_ok_and(|table| table.is_some())) {
                    kernel::restore(kernel, name, before.as_ref())?;
                }
            }
            Step::Record { before, .. } => put_receipt(root, before)?,
        }
        Ok(())
    }

    /// Takes back everything that was done for `target` alone.
    pub(super) fn drop_target(&mut self, target: Target, index: usize, journal: &mut Journal) -> Result<(), StepError> {
        for own in (0..index).rev().filter(|own| self.plan.steps[*own].target == Some(target)) {
            self.undo_step(own)?;
        }
        self.dropped.push(target);
        Ok(journal.dropped(target)?)
    }
}
