//! `qus apply`: once, or for as long as the process lives.

use std::path::Path;

use serde::Serialize;

use super::{Context, Failure, Report, describe_step};
use crate::cli::ApplyArgs;
use crate::entry::Entry;
use crate::exit::Exit;
use crate::observed::Observed;
use crate::owner::Owner;
use crate::plan::{self, Beyond, Repair, Step};
use crate::proof::Outcome;
use crate::system::interrupt;
use crate::system::lock::LockError;
use crate::system::observe::{Look, observe};
use crate::system::prove::prove;
use crate::system::watch::Watch;
use crate::target::Target;
use crate::ui::describe_proof;
use crate::wanted::Selection;

#[derive(Debug, Serialize)]
struct Document {
    #[serde(flatten)]
    report: Report,
    beyond: Vec<Beyond>,
}

pub(super) fn run(args: &ApplyArgs, context: &Context) -> Result<Exit, Failure> {
    let selection = Selection::resolve_or_all(&args.targets.targets)?;
    interrupt::catch();
    // What is only shown need not be shown again.
    if args.watch && !context.global.dry_run { watch(&selection, context) } else { once(&selection, context) }
}

fn once(selection: &Selection, context: &Context) -> Result<Exit, Failure> {
    let _lock = context.begin_change()?;
    let (observed, repair) = look(selection, context)?;
    let mut report = context.carry_out(&repair.plan, None)?;
    if !report.dry_run {
        report.proofs = registered(&repair, &observed).into_iter().map(prove).collect();
    }
    tell(&report, &repair, context);
    if repair.plan.is_empty() && repair.beyond.is_empty() {
        context.ui.result("nothing to do: all of it is as the receipt says");
    }
    let runs = report.proofs.iter().all(|proof| proof.outcome == Outcome::Ready);
    let whole = runs && repair.beyond.is_empty();
    context.ui.document(&Document { report, beyond: repair.beyond });
    Ok(if whole { Exit::Done } else { Exit::DoesNotRun })
}

fn look(selection: &Selection, context: &Context) -> Result<(Observed, Repair), Failure> {
    let observed = observe(&context.root, context.kernel(), Look { native: &[], contents: &[], files: true })?;
    let repair = plan::repair(selection, &observed)?;
    Ok((observed, repair))
}

/// The targets whose entries were registered anew.
fn registered(repair: &Repair, observed: &Observed) -> Vec<Target> {
    let is_ours = |entry: &Entry| observed.is_ours(entry) || observed.owner(entry) == Owner::Package;
    let ours = |step: &Step| matches!(step, Step::PutEntry { after: Some(entry), .. } if is_ours(entry));
    repair.plan.steps.iter().filter(|planned| ours(&planned.step)).filter_map(|planned| planned.target).collect()
}

fn tell(report: &Report, repair: &Repair, context: &Context) {
    if !report.dry_run {
        let state = context.root.layout().state();
        // Of a mount the progress tells, and what the journal needs is no news.
        let aside =
            |step: &Step| matches!(step, Step::Mount) || matches!(step, Step::MakeDir { path } if path == state);
        for planned in repair.plan.steps.iter().filter(|planned| !aside(&planned.step)) {
            context.ui.result(describe_step(planned));
        }
        for proof in report.proofs.iter().filter(|proof| proof.outcome != Outcome::Ready) {
            context.ui.warn(describe_proof(proof));
        }
    }
    tell_beyond(repair, context);
}

/// What somebody has to look at.
fn tell_beyond(repair: &Repair, context: &Context) {
    for Beyond { why, help, .. } in &repair.beyond {
        context.ui.warn(why);
        if let Some(help) = help {
            context.ui.help(help);
        }
    }
}

/// Repairs whenever something was touched, until a signal ends it.
fn watch(selection: &Selection, context: &Context) -> Result<Exit, Failure> {
    let Some(kernel) = &context.kernel else { return Err(Failure::ImageHasNoKernel) };
    let drop_ins = context.root.layout().drop_ins().map(|directory| context.root.locate(directory));
    let places: Vec<&Path> = std::iter::once(kernel.directory()).chain(drop_ins.as_deref()).collect();
    let mut watch = Watch::new(&places).map_err(Failure::Watch)?;
    context.ui.note("watching; end it with Ctrl-C or SIGTERM");
    // What stays wrong is said once.
    let mut said = String::new();
    loop {
        // Mounting makes another table of it, and a directory may be new. What happens from here on is told, and what
        // happened before is seen.
        watch.again(&places);
        let mended = match mend(selection, context, &mut said) {
            Ok(mended) => mended,
            // It ends, and need not be told of.
            Err(Failure::Lock(LockError::Held { .. })) => {
                watch.soon();
                false
            }
            Err(failure) => {
                if said != failure.to_string() {
                    context.ui.error(&failure);
                }
                said = failure.to_string();
                // What was done and undone is no reason to try it again at once.
                watch.again(&places);
                false
            }
        };
        if mended && watch.repaired() {
            context.ui.warn("somebody undoes every repair at once; the next one comes in 30 seconds");
            watch.rest().map_err(Failure::Watch)?;
        }
        if !interrupt::asked() {
            watch.wait().map_err(Failure::Watch)?;
        }
        if interrupt::asked() {
            return Ok(Exit::Done);
        }
    }
}

/// Looks, and repairs what is to be repaired. Whether there was anything.
fn mend(selection: &Selection, context: &Context, said: &mut String) -> Result<bool, Failure> {
    let (_, repair) = look(selection, context)?;
    if repair.plan.is_empty() {
        let wrong: String = repair.beyond.iter().map(|beyond| beyond.why.as_str()).collect();
        if wrong != *said {
            tell_beyond(&repair, context);
        }
        *said = wrong;
        return Ok(false);
    }
    // What it looks like while another qus is at work says nothing.
    let _lock = context.begin_change()?;
    let (observed, repair) = look(selection, context)?;
    if repair.plan.is_empty() {
        return Ok(false);
    }
    let mut report = context.carry_out(&repair.plan, None)?;
    report.proofs = registered(&repair, &observed).into_iter().map(prove).collect();
    tell(&report, &repair, context);
    context.ui.document(&Document { report, beyond: repair.beyond });
    Ok(true)
}
