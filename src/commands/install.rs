//! `qus install`.

use super::{Context, Failure, Report, bundle, letters, tell};
use crate::cli::{Global, InstallArgs};
use crate::conflict::Conflict;
use crate::exit::Exit;
use crate::observed::Observed;
use crate::plan::{self, Offer, Plan, rival};
use crate::system::interrupt;
use crate::system::lodging;
use crate::system::observe::{Look, observe};
use crate::system::store::{Store, StoreError};
use crate::target::Target;
use crate::trust::Memory;
use crate::ui::describe_proof;
use crate::wanted::{Consent, Letters, Selection};

pub(super) fn run(args: &InstallArgs, context: &Context) -> Result<Exit, Failure> {
    let selection = Selection::resolve(&args.targets)?;
    let letters = letters(&args.letters, context.ui)?;
    interrupt::catch();
    let _lock = context.begin_change()?;

    let chosen: Vec<Target> = Target::all().filter(|target| selection.includes(*target)).collect();
    let observed = observe(&context.root, context.kernel(), Look { native: &chosen, contents: &chosen, files: true })?;
    let memory = match &observed.trust {
        Some(text) => Memory::parse(&format!("\"{}\"", observed.layout.trust()), text),
        None => Ok(Memory::default()),
    };
    let memory = memory.map_err(StoreError::from)?;
    let settings = context.settings()?;
    let Global { repository, offline, .. } = &context.global;
    let repository = repository.as_ref().or(settings.repository.as_ref());
    let (store, index, memory) = if let Some(bundled) = bundle::open(&args.from, &observed, &memory, context)? {
        bundled
    } else {
        let store = Store::open(&context.root, repository.map(String::as_str), *offline, &memory, context.now)?;
        let (index, memory) = store.index(&memory, context.now)?;
        (store, index, memory)
    };
    let index = store.offered(&index);
    let offer = Offer { index: &index, repository: store.url(), trust: memory.to_json() };
    let consent =
        Consent { emulate_native: args.letters.emulate_native, take_over: context.global.yes, ..Consent::default() };
    let plan = plan_or_ask(&selection, &letters, consent, &observed, &offer, context)?;

    tell::taken(&plan, &observed, context);
    tell_left_out(&selection, consent, &observed, context);
    let report = context.carry_out(&plan, Some(&store))?;
    tell::place(&plan, &observed, context);
    conclude(&plan, &report, context)
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

fn conclude(plan: &Plan, report: &Report, context: &Context) -> Result<Exit, Failure> {
    context.ui.document(report);
    if plan.is_empty() {
        context.ui.result("nothing to do: all of it is installed and registered");
    } else if !report.dry_run {
        for proof in &report.proofs {
            context.ui.result(describe_proof(proof));
        }
        if context.global.user {
            return prove_for_user(plan, context);
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

/// What is below a home runs only in a namespace of its own: it is proved in one.
fn prove_for_user(plan: &Plan, context: &Context) -> Result<Exit, Failure> {
    let mut targets: Vec<Target> = plan.steps.iter().filter_map(|planned| planned.target).collect();
    targets.sort();
    targets.dedup();
    let names: Vec<&str> = targets.iter().map(|target| target.name()).collect();
    let tested = lodging::test(&names, !context.ui.json)?;
    if tested == Exit::Kernel {
        context.ui.warn("installed, but it was not proved: this user gets no namespace to run it in");
        return Ok(Exit::Done);
    }
    context.ui.note(format!("to use it: qus run {} -- COMMAND", names.join(" ")));
    Ok(tested)
}
