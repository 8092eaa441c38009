//! `qus rollback`.

use super::{Context, Failure, Report, advisories, install, tell};
use crate::cli::RollbackArgs;
use crate::exit::Exit;
use crate::news::News;
use crate::observed::Observed;
use crate::package::Deed;
use crate::plan;
use crate::proof::Proof;
use crate::receipt::{Installed, Receipt};
use crate::system::interrupt;
use crate::system::observe::{Look, damaged_of_kept, observe};
use crate::target::Target;
use crate::ui::describe;
use crate::wanted::Selection;

pub(super) fn run(args: &RollbackArgs, context: &Context) -> Result<Exit, Failure> {
    let selection = Selection::resolve_or_all(&args.targets)?.of_versions()?;
    interrupt::catch();
    let begun = context.begin_change()?;
    if begun.finished.is_some_and(|finished| plan::is_rollback(&finished, &selection)) {
        // Given again because it was interrupted; going on would undo it.
        context.ui.document(&Report::empty());
        context.ui.result("nothing to do: the rollback that was interrupted is done");
        return Ok(Exit::Done);
    }
    let observed = observe(&context.root, context.kernel(), Look { native: &[], contents: &[], files: true })?;
    plan::check_packages(&selection, Deed::Downgrade, &observed)?;
    let news = News::of(&context.recall(observed.trust.as_deref())?);
    let chosen = plan::chosen_to_roll_back(&selection, &observed.receipt)?;
    let damaged = damaged_of_kept(&context.root, chosen.iter().map(|(_, installed)| *installed));
    let plan = plan::rollback(&selection, &news, &damaged, &observed)?;
    let report = context.carry_out(&plan, None)?;

    context.ui.document(&report);
    if plan.is_empty() {
        context.ui.result("nothing to do: no earlier version is kept");
        return Ok(Exit::Done);
    }
    if report.dry_run {
        return Ok(Exit::Done);
    }
    let after = plan.receipt(&report.dropped).unwrap_or_else(|| observed.receipt.clone());
    let back = tell_back(&chosen, &after, &report.proofs, context);
    tell::place(&plan, &observed, context);
    tell_faults(&back, &after, &observed, &news, context);
    if !report.dropped.is_empty() {
        return Ok(Exit::DoesNotRun);
    }
    if context.global.user { install::prove_for_user(&back, context) } else { Ok(Exit::Done) }
}

/// Tells of each target what became of it; those that went back.
fn tell_back(chosen: &[(Target, &Installed)], after: &Receipt, proofs: &[Proof], context: &Context) -> Vec<Target> {
    let mut back = Vec::new();
    for (target, was) in chosen {
        let version = &after.targets[target].version;
        if *version != was.version {
            context.ui.result(format!("{target} {} -> {version}", was.version));
            back.push(*target);
        } else if let Some(proof) = proofs.iter().find(|proof| proof.target == *target) {
            let said = describe(&proof.outcome);
            context
                .ui
                .warn(format!("{target} does not run in its earlier version: {said}; {version} is back in its place"));
        }
    }
    if !back.is_empty() {
        let names = advisories::names(&back);
        context.ui.note(format!("pinned, so that qus update leaves them there; to follow again: qus unpin {names}"));
    }
    back
}

/// What is known against the version that is installed now.
fn tell_faults(back: &[Target], after: &Receipt, observed: &Observed, news: &News, context: &Context) {
    let observed = Observed { receipt: after.clone(), ..observed.clone() };
    let faults = advisories::of(back.iter().copied(), &observed, news);
    advisories::tell(
        &faults,
        &observed,
        |targets| format!("forward again: qus rollback {}", advisories::names(targets)),
        context,
    );
}
