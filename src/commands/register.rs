//! `qus register` and `qus unregister`.

use super::emulators::{find, source};
use super::{Context, Failure, Report, letters, tell};
use crate::cli::{EmulatorArgs, RegisterArgs};
use crate::conflict::Conflict;
use crate::entry::Entry;
use crate::exit::Exit;
use crate::observed::{Binfmt, Observed, Table};
use crate::plan::{self, Emulators, Plan, Step};
use crate::rule::{Rule, RuleName};
use crate::system::interrupt;
use crate::system::observe::{Look, native_targets, observe};
use crate::target::Target;
use crate::wanted::{Consent, Letters, PassOver, Registration, Selection, Source};

/// What was, or would be, done to the table.
pub(crate) struct Done {
    pub(super) plan: Plan,
    pub(crate) report: Report,
    /// What holds now, or would, of what was to be registered, also what did so before.
    pub(crate) rules: Vec<(Target, Rule)>,
}

impl Done {
    /// The entries that were put, as they are now; none where one was deleted.
    pub(crate) fn entries(&self) -> impl Iterator<Item = (&RuleName, Option<&Entry>)> {
        self.plan.steps.iter().filter_map(|planned| match &planned.step {
            Step::PutEntry { name, after, .. } => Some((name, after.as_ref())),
            _ => None,
        })
    }
}

pub(super) fn run_register(args: &RegisterArgs, context: &Context) -> Result<Exit, Failure> {
    let wanted = Registration {
        selection: Selection::resolve(&args.emulators.targets)?,
        source: source(&args.emulators.source),
        letters: letters(&args.letters, context.ui)?,
        consent: Consent { emulate_native: args.letters.emulate_native, take_over: true, ..Consent::default() },
    };
    let done = register(&wanted, context)?;
    show(&done, context, "nothing to do: all of it is registered");
    Ok(Exit::Done)
}

pub(super) fn run_unregister(args: &EmulatorArgs, context: &Context) -> Result<Exit, Failure> {
    let selection = Selection::resolve(&args.targets)?;
    let done = unregister(&selection, &source(&args.source), context)?;
    show(&done, context, "nothing to do: none of it is registered by qus");
    Ok(Exit::Done)
}

/// Registers what is wanted, until the kernel is restarted.
pub(crate) fn register(wanted: &Registration, context: &Context) -> Result<Done, Failure> {
    interrupt::catch();
    let _lock = begin(context)?;
    let planned = plan_registration(wanted, plan::register, context)?;
    tell::spared(wanted, &planned.emulators, &planned.observed, context)?;
    tell::taken(&planned.plan, &planned.observed, context);
    carry_out(planned, context)
}

/// As [`register`], after every entry of QEMU's emulators is deleted, whoever registered it.
pub(crate) fn register_afresh(wanted: &Registration, context: &Context) -> Result<Done, Failure> {
    interrupt::catch();
    let _lock = begin(context)?;
    let planned = plan_registration(wanted, plan::register_afresh, context)?;
    tell::cleared(&planned.plan, &planned.observed, context);
    carry_out(planned, context)
}

/// Fails if what is wanted could not be registered now. Nothing is changed.
pub(crate) fn check(wanted: &Registration, context: &Context) -> Result<(), Failure> {
    plan_registration(wanted, plan::register, context).map(drop)
}

/// Deletes the entries of `selection` that run an emulator of QEMU, whoever registered them.
pub(crate) fn clear(selection: &Selection, context: &Context) -> Result<Done, Failure> {
    interrupt::catch();
    let _lock = begin(context)?;
    let observed = look_at_kernel(context, true)?;
    let plan = plan::clear(selection, &observed)?;
    tell::cleared(&plan, &observed, context);
    let report = context.carry_out(&plan, None)?;
    Ok(Done { plan, report, rules: Vec::new() })
}

/// Fails if they could not be deleted now. Nothing is changed.
pub(crate) fn check_clear(selection: &Selection, context: &Context) -> Result<(), Failure> {
    plan::clear(selection, &look_at_kernel(context, true)?)?;
    Ok(())
}

/// The kernel's table; an empty one where it is not mounted and could be.
pub(crate) fn table(context: &Context) -> Result<Table, Failure> {
    match look_at_kernel(context, false)?.binfmt {
        Binfmt::Mounted(table) => Ok(table),
        Binfmt::Mountable => Ok(Table::default()),
        Binfmt::Unreachable(why) => Err(Conflict::unreachable(why).into()),
        Binfmt::NotAsked => Err(Failure::ImageHasNoKernel),
    }
}

/// A registration that is not carried out yet.
struct Planned {
    plan: Plan,
    rules: Vec<(Target, Rule)>,
    emulators: Emulators,
    observed: Observed,
}

/// How rules are put into the table: [`plan::register`] or the like.
type Planner = fn(&Selection, &Emulators, &Letters, Consent, &Observed) -> Result<Plan, Conflict>;

fn plan_registration(wanted: &Registration, planner: Planner, context: &Context) -> Result<Planned, Failure> {
    let (letters, consent) = (&wanted.letters, wanted.consent);
    let mut observed = look_at_kernel(context, false)?;
    if let (Selection::Named(choices), PassOver::Native) = (&wanted.selection, consent.pass_over) {
        let named: Vec<Target> = choices.iter().map(|choice| choice.target).collect();
        observed.native = native_targets(&observed, &named);
    }
    let selection = wanted.selection.without(|target| plan::passes_over(target, consent, &observed));
    let mut emulators = find(&wanted.source, &selection, &observed, context)?;
    if let (Source::Folder { directory, prefix, suffix }, Selection::All, true) =
        (&wanted.source, &selection, emulators.0.is_empty())
    {
        let (directory, prefix, suffix) = (directory.clone(), prefix.clone(), suffix.clone());
        return Err(Failure::NoEmulators { directory, prefix, suffix });
    }
    emulators.0.retain(|target, _| !plan::passes_over(*target, consent, &observed));
    // What is not to be had here need not be tried.
    let candidates: Vec<Target> = emulators.0.keys().copied().collect();
    observed.native = native_targets(&observed, &candidates);
    let rules = emulators.rules(&selection, letters, consent, &observed)?;
    let plan = planner(&selection, &emulators, letters, consent, &observed)?;
    Ok(Planned { plan, rules, emulators, observed })
}

fn carry_out(planned: Planned, context: &Context) -> Result<Done, Failure> {
    let Planned { plan, rules, observed, .. } = planned;
    let report = context.carry_out(&plan, None)?;
    tell::place(&plan, &observed, context);
    Ok(Done { plan, report, rules })
}

/// Deletes the entries of the emulators of `selection` in `source`, and those of qus.
pub(crate) fn unregister(selection: &Selection, source: &Source, context: &Context) -> Result<Done, Failure> {
    interrupt::catch();
    let _lock = begin(context)?;
    let observed = look_at_kernel(context, true)?;
    let emulators = find(source, selection, &observed, context)?;
    let plan = plan::unregister(selection, &emulators, &observed)?;
    let report = context.carry_out(&plan, None)?;
    Ok(Done { plan, report, rules: Vec::new() })
}

pub(super) fn begin(context: &Context) -> Result<super::Begun<'_>, Failure> {
    if context.kernel.is_none() {
        return Err(Failure::ImageHasNoKernel);
    }
    context.begin_change()
}

pub(super) fn look_at_kernel(context: &Context, files: bool) -> Result<Observed, Failure> {
    if context.kernel.is_none() {
        return Err(Failure::ImageHasNoKernel);
    }
    Ok(observe(&context.root, context.kernel(), Look { native: &[], contents: &[], files })?)
}

fn show(done: &Done, context: &Context, idle: &str) {
    context.ui.document(&done.report);
    if done.plan.is_empty() {
        context.ui.result(idle);
    } else if !done.report.dry_run {
        for (name, entry) in done.entries() {
            match entry {
                Some(Entry { rule, .. }) => {
                    context.ui.result(format!("{name} runs {} ({})", rule.interpreter, rule.flags));
                }
                None => context.ui.result(format!("{name} unregistered")),
            }
        }
    }
}
