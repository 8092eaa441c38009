//! `qus register` and `qus unregister`.

use super::emulators::{find, source};
use super::{Context, Failure, Report, letters, tell};
use crate::cli::{EmulatorArgs, RegisterArgs};
use crate::entry::Entry;
use crate::exit::Exit;
use crate::observed::Observed;
use crate::plan::{self, Plan, Step};
use crate::rule::RuleName;
use crate::system::interrupt;
use crate::system::observe::{Look, native_targets, observe};
use crate::target::Target;
use crate::wanted::{Consent, Registration, Selection, Source};

/// What was, or would be, done to the table.
pub(crate) struct Done {
    plan: Plan,
    pub(crate) report: Report,
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
        consent: Consent { emulate_native: args.letters.emulate_native, take_over: true },
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
    let mut observed = look_at_kernel(context, false)?;
    let emulators = find(&wanted.source, &wanted.selection, &observed, context)?;
    // What is not to be had here need not be tried.
    let candidates: Vec<Target> = emulators.0.keys().copied().collect();
    observed.native = native_targets(&observed, &candidates);
    let plan = plan::register(&wanted.selection, &emulators, &wanted.letters, wanted.consent, &observed)?;
    tell::taken(&plan, &observed, context);
    let report = context.carry_out(&plan, None)?;
    tell::place(&plan, &observed, context);
    Ok(Done { plan, report })
}

/// Deletes the entries of the emulators of `selection` in `source`, and those of qus.
pub(crate) fn unregister(selection: &Selection, source: &Source, context: &Context) -> Result<Done, Failure> {
    interrupt::catch();
    let _lock = begin(context)?;
    let observed = look_at_kernel(context, true)?;
    let emulators = find(source, selection, &observed, context)?;
    let plan = plan::unregister(selection, &emulators, &observed)?;
    let report = context.carry_out(&plan, None)?;
    Ok(Done { plan, report })
}

fn begin(context: &Context) -> Result<Option<crate::system::lock::Lock<'_>>, Failure> {
    if context.kernel.is_none() {
        return Err(Failure::ImageHasNoKernel);
    }
    context.begin_change()
}

fn look_at_kernel(context: &Context, files: bool) -> Result<Observed, Failure> {
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
