//! `qus remove`.

use super::{Context, Failure};
use crate::cli::RemoveArgs;
use crate::dropin;
use crate::entry::Entry;
use crate::exit::Exit;
use crate::observed::{FileState, Observed};
use crate::plan::{self, Plan, Step};
use crate::system::fetch::cache;
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
    if !report.dry_run && selection == Selection::All {
        // A download that was cut off is there without anything being installed.
        cache::clear(&context.root)?;
    }

    context.ui.document(&report);
    if plan.is_empty() {
        context.ui.result("nothing to do: none of it is installed");
    } else if !report.dry_run {
        for target in observed.receipt.targets.keys().filter(|target| selection.includes(**target)) {
            context.ui.result(format!("{target} removed"));
        }
        tell_given_back(&plan, &selection, &observed, context);
    }
    Ok(Exit::Done)
}

/// What others have again, and what they could not be given.
fn tell_given_back(plan: &Plan, selection: &Selection, observed: &Observed, context: &Context) {
    let given = |name| {
        plan.steps.iter().find_map(|planned| match &planned.step {
            Step::PutEntry { name: put, after: Some(Entry { rule, .. }), .. } if put == name => Some(rule),
            _ => None,
        })
    };
    for planned in &plan.steps {
        if let Step::PutEntry { name, after: Some(Entry { rule, .. }), .. } = &planned.step {
            context.ui.note(format!("{name} runs {} again", rule.interpreter));
        }
    }
    for (target, installed) in observed.receipt.targets.iter().filter(|(target, _)| selection.includes(**target)) {
        if let Some(path) = &installed.dropin
            && let Some(FileState::Text(text)) = observed.files.get(path)
            && *text != dropin::text(&installed.rule)
        {
            context
                .ui
                .warn(format!("\"{path}\" was changed by somebody and stays; if it names what is gone: rm {path}"));
        }
        if let Some(Entry { rule, .. }) = &installed.displaced
            && given(&rule.name).is_none()
            && observed.ours(*target).is_some()
        {
            context.ui.warn(format!("{} ran {} before; that is not there any more", rule.name, rule.interpreter));
        }
    }
}
