//! What is remembered of repositories.

use super::{Context, Failure};
use crate::conflict::Conflict;
use crate::observed::{Fault, FaultKind, Observed};
use crate::plan::{Plan, Planned, Step};
use crate::system::apply::apply;
use crate::system::store::StoreError;
use crate::trust::Memory;
use crate::ui::Progress;

impl Context {
    /// What this machine remembers of repositories.
    pub(super) fn recall(&self, text: Option<&str>) -> Result<Memory, Failure> {
        let what = format!("\"{}\"", self.root.layout().trust());
        Ok(Memory::recall(&what, text).map_err(StoreError::from)?)
    }

    /// Writes down what was seen, whatever else comes of the command, so that nobody who can make it fail can lead this
    /// machine back. While nothing is installed nothing is kept: the memory goes with the last target. Where it cannot be
    /// written, as on a system that is mounted read-only, that is said, and is no reason to fail.
    pub(super) fn remember(&self, observed: &mut Observed, memory: &Memory) -> Result<(), Failure> {
        let (before, after) = (observed.trust.clone(), Some(memory.to_json()));
        if observed.receipt.is_empty() || self.global.dry_run || before == after {
            return Ok(());
        }
        let state = self.root.layout().state();
        let in_the_way =
            |fault: &&Fault| fault.kind != FaultKind::NoExec && (fault.path == *state || state.is_below(&fault.path));
        if let Some(fault) = observed.faults.iter().find(in_the_way) {
            let why = Conflict::fault(fault);
            self.ui.warn(format!("what was seen of the repository is not remembered: {why}"));
            return Ok(());
        }
        let path = self.root.layout().trust();
        let step = Step::PutFile { path, after: after.clone(), before };
        let plan = Plan { steps: vec![Planned { target: None, step }], ..Plan::default() };
        apply(&plan, self.machine(None), &mut Progress::new(self.ui))?;
        observed.trust = after;
        Ok(())
    }
}
