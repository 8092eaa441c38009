//! `qus pin` and `qus unpin`.

use super::{Context, Failure};
use crate::cli::PinArgs;
use crate::exit::Exit;
use crate::plan;
use crate::system::interrupt;
use crate::system::observe::{Look, observe};
use crate::wanted::Selection;

pub(super) fn run(args: &PinArgs, pinned: bool, context: &Context) -> Result<Exit, Failure> {
    let selection = Selection::resolve(&args.targets)?.of_versions()?;
    interrupt::catch();
    let _lock = context.begin_change()?;
    let observed = observe(&context.root, context.kernel(), Look { native: &[], contents: &[], files: true })?;
    let plan = plan::pin(&selection, pinned, &observed)?;
    let report = context.carry_out(&plan, None)?;
    context.ui.document(&report);
    if plan.is_empty() {
        let word = if pinned { "pinned already" } else { "not pinned" };
        context.ui.result(format!("nothing to do: {word}"));
    } else if !report.dry_run {
        let changed = observed.receipt.targets.iter().filter(|(target, _)| selection.includes(**target));
        for (target, installed) in changed.filter(|(_, installed)| installed.pinned != pinned) {
            let version = &installed.version;
            context.ui.result(if pinned {
                format!("{target} is pinned to {version}")
            } else {
                format!("{target} {version} is no longer pinned")
            });
        }
    }
    Ok(Exit::Done)
}
