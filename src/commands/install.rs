//! `qus install`.

use super::repository::{self, Opened};
use super::{Context, Failure, Report, letters, tell};
use crate::cli::InstallArgs;
use crate::conflict::Conflict;
use crate::exit::Exit;
use crate::observed::Observed;
use crate::plan::{self, Offer, Plan, rival};
use crate::system::interrupt;
use crate::system::lodging;
use crate::system::observe::{Look, observe};
use crate::target::Target;
use crate::ui::describe_proof;
use crate::wanted::{Choice, Consent, Letters, Pick, Selection};

pub(super) fn run(args: &InstallArgs, context: &Context) -> Result<Exit, Failure> {
    let selection = Selection::resolve(&args.targets)?;
    let letters = letters(&args.letters, context.ui)?;
    interrupt::catch();
    let _lock = context.begin_change()?;

    let chosen: Vec<Target> = Target::all().filter(|target| selection.includes(*target)).collect();
    let mut observed =
        observe(&context.root, context.kernel(), Look { native: &chosen, contents: &chosen, files: true })?;
    let settings = context.settings()?;
    let terms = repository::terms(&args.versions, &settings)?;
    let url = context.global.repository.as_ref().or(settings.repository.as_ref());
    let opened = Opened::at(url.map(String::as_str), &args.from, &terms, &mut observed, context)?;
    let done = install(args, &selection, &letters, &mut observed, &opened, context);
    context.or_remember(done, &mut observed, &opened.memory)
}

/// Installs what `opened` has of `selection`.
fn install(
    args: &InstallArgs,
    selection: &Selection,
    letters: &Letters,
    observed: &mut Observed,
    opened: &Opened,
    context: &Context,
) -> Result<Exit, Failure> {
    let offer = opened.offer();
    let consent = Consent {
        emulate_native: args.letters.emulate_native,
        take_over: context.global.yes,
        downgrade: args.versions.allow_downgrade,
        ..Consent::default()
    };
    let plan = plan_or_ask(selection, letters, consent, observed, &offer, context)?;

    tell_left_out(selection, consent, observed, context);
    let (report, remembered) = opened.carry_out(&plan, observed, context)?;
    tell::followed(&plan, &report, context);
    tell_unfollowed(selection, &offer, &report, context);
    let exit = conclude(&plan, &report, context)?;
    remembered.map(|()| exit)
}

/// Whoever was chosen on purpose for a target keeps it, unless somebody at the terminal says otherwise.
fn plan_or_ask(
    selection: &Selection,
    letters: &Letters,
    consent: Consent,
    observed: &Observed,
    offer: &Offer,
    context: &Context,
) -> Result<Plan, Failure> {
    match plan::install(selection, letters, consent, observed, offer) {
        Err(Conflict::Rival { .. })
            if plan::rivals(selection, observed)
                .iter()
                .all(|rival| context.ui.asks(format!("{rival}. Let qus run it instead?"))) =>
        {
            let consent = Consent { take_over: true, ..consent };
            Ok(plan::install(selection, letters, consent, observed, offer)?)
        }
        planned => Ok(planned?),
    }
}

fn tell_left_out(selection: &Selection, consent: Consent, observed: &Observed, context: &Context) {
    if *selection != Selection::All || consent.take_over {
        return;
    }
    for target in Target::all().filter(|target| !observed.receipt.targets.contains_key(target)) {
        if let Some((owner, by)) = rival(target, observed).filter(|_| !observed.native.contains(&target)) {
            let owner = owner.title();
            context.ui.note(format!("{target} is left to {owner} (\"{by}\"); else: qus install --yes {target}"));
        }
    }
}

/// A version that was named, and is not what is followed, stays only until the next update.
fn tell_unfollowed(selection: &Selection, offer: &Offer, report: &Report, context: &Context) {
    let Selection::Named(choices) = selection else { return };
    let usual = offer.index.channels.get(offer.terms.usual.as_str());
    for Choice { target, pick } in choices.iter().filter(|choice| !report.dropped.contains(&choice.target)) {
        if let Some(Pick::Version(version)) = pick
            && usual.is_some_and(|usual| usual > version)
        {
            context.ui.note(format!(
                "qus update brings {target} to what its channel names; to keep {version}: qus pin {target}"
            ));
        }
    }
}

fn conclude(plan: &Plan, report: &Report, context: &Context) -> Result<Exit, Failure> {
    context.ui.document(report);
    if plan.is_empty() {
        context.ui.result("nothing to do: all of it is installed and registered");
    } else if !report.dry_run {
        for proof in &report.proofs {
            context.ui.result(describe_proof(proof));
        }
        if context.global.user {
            return prove_for_user(&targets_of(plan), context);
        }
        if context.kernel.is_none() {
            context.ui.result("installed; the image registers it when it is booted");
        }
        for target in &report.dropped {
            context.ui.warn(format!("{target} was taken back, for it does not run"));
        }
    }
    Ok(if report.dropped.is_empty() { Exit::Done } else { Exit::DoesNotRun })
}

fn targets_of(plan: &Plan) -> Vec<Target> {
    let mut targets: Vec<Target> = plan.steps.iter().filter_map(|planned| planned.target).collect();
    targets.sort();
    targets.dedup();
    targets
}

/// What is below a home runs only in a namespace of its own: it is proved in one.
pub(super) fn prove_for_user(targets: &[Target], context: &Context) -> Result<Exit, Failure> {
    let names: Vec<&str> = targets.iter().map(|target| target.name()).collect();
    let tested = lodging::test(&names, !context.ui.json)?;
    if tested == Exit::Kernel {
        context.ui.warn("installed, but it was not proved: this user gets no namespace to run it in");
        return Ok(Exit::Done);
    }
    context.ui.note(format!("to use it: qus run {} -- COMMAND", names.join(" ")));
    Ok(tested)
}
