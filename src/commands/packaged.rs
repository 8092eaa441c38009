//! `qus packaged`: for the scripts of packages of emulators.

use std::path::PathBuf;

use serde::Serialize;

use super::{Context, Failure, Report};
use crate::cli::{PackagedArgs, PackagedCommand};
use crate::dropin::packaged;
use crate::exit::Exit;
use crate::observed::Observed;
use crate::owner::Owner;
use crate::plan::{self, Attended, Left, Plan, Planned, Step};
use crate::proof::Outcome;
use crate::system::apply::{ApplyError, StepError};
use crate::system::environment::Environment;
use crate::system::interrupt;
use crate::system::observe::{Look, ObserveError, observe, observe_without_proc};
use crate::system::prove::prove;
use crate::target::Target;
use crate::ui::describe_proof;
use crate::wanted::{Consent, Selection};

#[derive(Debug, Serialize)]
struct Document {
    #[serde(flatten)]
    report: Report,
    /// Why nothing is changed in the kernel's table, if nothing is.
    later: Option<String>,
    left: Vec<Left>,
}

/// The root directory into which dpkg installs without entering it, as it tells the scripts of packages.
pub(super) fn root_of_dpkg() -> Option<PathBuf> {
    Environment::of_process().get("DPKG_ROOT").map(PathBuf::from)
}

pub(super) fn run(args: &PackagedArgs, context: &Context) -> Result<Exit, Failure> {
    let (PackagedCommand::Add(targets) | PackagedCommand::Remove(targets)) = &args.command;
    let selection = Selection::resolve(&targets.targets)?.of_versions()?.of_channels()?;
    if context.global.user {
        return Err(Failure::PackagesOfUser);
    }
    interrupt::catch();
    let _lock = context.begin_change()?;
    let native: Vec<Target> = Target::all().filter(|target| selection.includes(*target)).collect();
    let look = Look { native: &native, contents: &[], files: true };
    let observed = match observe(&context.root, context.kernel(), look) {
        // A chroot that somebody fills with packages need not have it.
        Err(ObserveError::NoProc) => observe_without_proc(&context.root, look)?,
        observed => observed?,
    };
    let consent = Consent { take_over: context.global.yes, ..Consent::default() };
    let adds = matches!(args.command, PackagedCommand::Add(_));
    let attended = if adds {
        plan::packaged_add(&selection, consent, &observed)?
    } else {
        plan::packaged_remove(&selection, &observed)?
    };
    let (mut report, refused) = carry_out(&attended, context)?;
    tell(&attended, adds, context);
    if !report.dry_run && !refused {
        tell_others(&attended.plan, &observed, context);
        report.proofs = registered(&attended.plan).map(prove).collect();
    }
    for proof in &report.proofs {
        match proof.outcome {
            Outcome::Ready if context.ui.is_quiet() => {}
            Outcome::Ready => context.ui.result(describe_proof(proof)),
            _ => context.ui.warn(describe_proof(proof)),
        }
    }
    let Attended { later, left, .. } = attended;
    context.ui.document(&Document { report, later, left });
    Ok(Exit::Done)
}

/// Does what is planned. What the kernel does not do is no reason for a package to fail: the rest is done without it.
fn carry_out(attended: &Attended, context: &Context) -> Result<(Report, bool), Failure> {
    match context.carry_out(&attended.plan, None) {
        Err(Failure::Apply(ApplyError::Step(StepError::Kernel(error)))) => {
            context.ui.warn(format!("{error}; the kernel's table is left as it was"));
            Ok((context.carry_out(&attended.without_the_kernel(), None)?, true))
        }
        done => Ok((done?, false)),
    }
}

/// What is not done, and why.
fn tell(attended: &Attended, adds: bool, context: &Context) {
    let Attended { plan, later, left, is_built } = attended;
    for Left { linked, why, .. } in left {
        let boot = if *linked || !adds { "" } else { "; nor is it at boot" };
        context.ui.left(format!("{why}{boot}"));
    }
    match later {
        Some(why) => {
            let added = "nothing is registered now, but at the next boot";
            let what = if adds { added } else { "what is registered stays so until the next boot" };
            let line = format!("{what}: {why}");
            if *is_built { context.ui.note(line) } else { context.ui.left(line) }
        }
        None if plan.is_empty() && left.is_empty() && !context.ui.is_quiet() => context.ui.result("nothing to do"),
        None => {}
    }
}

/// Who has to stand back for a package's emulator, and who has again what that had.
fn tell_others(plan: &Plan, observed: &Observed, context: &Context) {
    for planned in &plan.steps {
        let Step::PutEntry { name, after: Some(after), before: Some(before) } = &planned.step else { continue };
        let is_other = before.rule.interpreter != after.rule.interpreter;
        match observed.owner(before) {
            Owner::Package if is_other => context.ui.note(format!("{name} runs {} again", after.rule.interpreter)),
            owner if is_other => {
                let theirs = &before.rule.interpreter;
                context.ui.note(format!("{name} runs {theirs} of {} until now", owner.title()));
            }
            _ => {}
        }
    }
}

/// The targets that are registered for the emulators of packages.
fn registered(plan: &Plan) -> impl Iterator<Item = Target> {
    let is_meant = |planned: &&Planned| match &planned.step {
        Step::PutEntry { after: Some(entry), .. } => packaged::is_emulator(&entry.rule.interpreter),
        _ => false,
    };
    plan.steps.iter().filter(is_meant).filter_map(|planned| planned.target)
}
