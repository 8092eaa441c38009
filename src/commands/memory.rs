//! What is remembered of repositories.

use super::{Context, Failure};
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
    /// machine back. While nothing is installed nothing is kept: the memory goes with the last target.
    pub(super) fn remember(&self, observed: &mut Observed, memory: &Memory) -> Result<(), Failure> {
        let (before, after) = (observed.trust.clone(), Some(memory.to_json()));
        if observed.receipt.is_empty() || self.global.dry_run || before == after {
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
