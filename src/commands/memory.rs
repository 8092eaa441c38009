//! What is remembered of repositories.

use super::{Context, Failure};
use crate::conflict::Conflict;
use crate::exit::{Exit, Explain};
use crate::itself::ToolObserved;
use crate::observed::{Fault, FaultKind, Observed};
use crate::plan::{Plan, Planned, Step};
use crate::system::apply::apply;
use crate::system::store::{Followed, Store, StoreError};
use crate::trust::{Memory, VerifiedIndex};
use crate::ui::Progress;

/// What was looked at for a command, as far as it concerns the memory.
pub(super) trait Remembering {
    /// Whether anything is installed for whose sake to remember: the memory goes with the last of it.
    fn is_kept(&self) -> bool;

    /// The text of the memory's file.
    fn trust(&mut self) -> &mut Option<String>;

    /// Places that cannot be used.
    fn faults(&self) -> &[Fault];
}

impl Remembering for Observed {
    fn is_kept(&self) -> bool {
        !self.receipt.is_empty()
    }

    fn trust(&mut self) -> &mut Option<String> {
        &mut self.trust
    }

    fn faults(&self) -> &[Fault] {
        &self.faults
    }
}

impl Remembering for ToolObserved {
    /// This very program is.
    fn is_kept(&self) -> bool {
        true
    }

    fn trust(&mut self) -> &mut Option<String> {
        &mut self.trust
    }

    /// Only those of its own place were looked for.
    fn faults(&self) -> &[Fault] {
        &[]
    }
}

impl Context {
    /// What this machine remembers of repositories.
    pub(super) fn recall(&self, text: Option<&str>) -> Result<Memory, Failure> {
        let what = format!("\"{}\"", self.root.layout().trust());
        Ok(Memory::recall(&what, text).map_err(StoreError::from)?)
    }

    /// Writes down what was seen, whatever else comes of the command, so that nobody who can make it fail can lead this
    /// machine back. While nothing is installed nothing is kept: the memory goes with the last target. Where it cannot be
    /// written, as on a system that is mounted read-only, that is said, and is no reason to fail.
    pub(super) fn remember(&self, observed: &mut dyn Remembering, memory: &Memory) -> Result<(), Failure> {
        if !observed.is_kept() || self.global.dry_run {
            return Ok(());
        }
        let path = self.root.layout().trust();
        // What was done since it was looked at may have changed it.
        let before = self.root.read(&path)?;
        let after = Some(memory.to_json());
        if before == after || (before.is_none() && memory.repositories.is_empty()) {
            return Ok(());
        }
        let state = self.root.layout().state();
        let in_the_way =
            |fault: &&Fault| fault.kind != FaultKind::NoExec && (fault.path == *state || state.is_below(&fault.path));
        if let Some(fault) = observed.faults().iter().find(in_the_way) {
            self.tell_forgotten(Conflict::fault(fault));
            return Ok(());
        }
        let step = Step::PutFile { path, after: after.clone(), before };
        let plan = Plan { steps: vec![Planned { target: None, step }], ..Plan::default() };
        apply(&plan, self.machine(None), &mut Progress::new(self.ui))?;
        *observed.trust() = after;
        Ok(())
    }

    /// Judges a repository whose roots were followed, and its index; also what is to be remembered from now on. What was
    /// seen of the roots is remembered on the way.
    pub(super) fn believe(
        &self,
        followed: Followed,
        observed: &mut dyn Remembering,
        memory: &Memory,
    ) -> Result<(Store, VerifiedIndex, Memory), Failure> {
        let memory = followed.remember(memory);
        self.remember(observed, &memory)?;
        self.look_into(followed, &memory)
    }

    /// The same for who only looks, and writes nothing down.
    pub(super) fn look_into(
        &self,
        followed: Followed,
        memory: &Memory,
    ) -> Result<(Store, VerifiedIndex, Memory), Failure> {
        let memory = followed.remember(memory);
        let store = followed.judged(&memory, self.now)?;
        let (index, memory) = store.index(&memory, self.now)?;
        Ok((store, index, memory))
    }

    /// What came of a plan by an index that was believed. Where none came, because it was refused or because of what the
    /// repository has, the memory is written down that would have come with it.
    pub(super) fn or_remember<T>(
        &self,
        done: Result<T, Failure>,
        observed: &mut dyn Remembering,
        memory: &Memory,
    ) -> Result<T, Failure> {
        if let Err(failure) = &done
            && failure.is_refusal()
            && let Err(error) = self.remember(observed, memory)
        {
            // Which of the two says how it ends: what is left half done is said by its exit code.
            if error.exit() == Exit::NotUndone {
                self.ui.error(failure);
                return Err(error);
            }
            self.tell_forgotten(error);
        }
        done
    }

    fn tell_forgotten(&self, why: impl std::fmt::Display) {
        self.ui.warn(format!("what was seen of the repository is not remembered: {why}"));
    }
}

impl Failure {
    /// Whether what is wanted was refused, with nothing changed, by what is there or by what a repository has. A machine
    /// that could not do it, or was interrupted, is another matter.
    fn is_refusal(&self) -> bool {
        match self {
            Failure::Conflict(_) | Failure::SelfUpdate(_) => true,
            Failure::Apply(error) => !matches!(error.exit(), Exit::Failed | Exit::Kernel | Exit::NotUndone),
            _ => false,
        }
    }
}
