//! `qus prefer`.

use super::{Context, Failure};
use crate::cli::PreferArgs;
use crate::exit::Exit;
use crate::plan;
use crate::system::interrupt;
use crate::system::observe::{Look, observe};
use crate::target::Target;
use crate::wanted::BadSelection;

pub(super) fn run(args: &PreferArgs, context: &Context) -> Result<Exit, Failure> {
    let target: Target = args.target.parse().map_err(BadSelection::from)?;
    interrupt::catch();
    let _lock = context.begin_change()?;
    let look = Look { native: &[], contents: &[], files: true };
    let observed = observe(&context.root, context.kernel(), look)?;
    let plan = plan::prefer(target, &args.owner, &observed)?;
    let report = context.carry_out(&plan, None)?;
    context.ui.document(&report);
    if plan.is_empty() {
        context.ui.result(format!("nothing to do: {} goes first for {target}", args.owner));
    } else if !report.dry_run {
        // It is done, whether or not it can be seen.
        let after = observe(&context.root, context.kernel(), look).ok();
        let table = after.as_ref().and_then(|after| after.binfmt.table());
        let answering = table.map(|table| table.answering(target)).unwrap_or_default();
        match answering.first() {
            Some(entry) => context.ui.result(format!("{target} is run by {}", entry.rule.interpreter)),
            None => context.ui.result(format!("{} goes first for {target}", args.owner)),
        }
    }
    Ok(Exit::Done)
}
