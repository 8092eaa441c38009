//! `qus remove`.

use super::{Context, Failure};
use crate::cli::RemoveArgs;
use crate::exit::Exit;
use crate::plan::{self, Step};
use crate::system::interrupt;
use crate::system::observe::{Look, observe};
use crate::wanted::Selection;

pub(super) fn run(args: &RemoveArgs, context: &Context) -> Result<Exit, Failure> {
    let selection = Selection::resolve(&args.targets)?;
    interrupt::catch();
    let _lock = context.begin_change()?;
    let observed = observe(&context.root, context.kernel(), Look { native: &[], contents: &[], files: true })?;
    let plan = plan::remove(&selection, &observed)?;
    let report = context.carry_out(&plan, None)?;

    context.ui.document(&report);
    if plan.is_empty() {
        context.ui.result("nothing to do: none of it is installed");
    } else if !report.dry_run {
        for target in observed.receipt.targets.keys().filter(|target| selection.includes(**target)) {
            context.ui.result(format!("{target} removed"));
        }
        for planned in &plan.steps {
            if let Step::PutEntry { name, after: Some(rule), .. } = &planned.step {
                context.ui.note(format!("{name} runs {} again", rule.interpreter));
            }
        }
    }
    Ok(Exit::Done)
}
