//! What is remembered of repositories.

use super::{Context, Failure};
use crate::exit::{Exit, Explain};
use crate::observed::Observed;
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
        let path = self.root.layout().trust();
        let step = Step::PutFile { path, after: after.clone(), before };
        let plan = Plan { steps: vec![Planned { target: None, step }], ..Plan::default() };
        match apply(&plan, self.machine(None), &mut Progress::new(self.ui)) {
            Ok(_) => observed.trust = after,
            Err(error) if error.exit() == Exit::NotUndone => return Err(error.into()),
            Err(error) => self.ui.warn(format!("what was seen of the repository is not remembered: {error}")),
        }
        Ok(())
    }
}
