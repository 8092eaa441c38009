//! `qus register` and `qus unregister`.

use super::emulators::find;
use super::{Context, Failure, letters, tell};
use crate::cli::{EmulatorArgs, RegisterArgs};
use crate::entry::Entry;
use crate::exit::Exit;
use crate::observed::Observed;
use crate::plan::{self, Plan, Step};
use crate::system::interrupt;
use crate::system::observe::{Look, native_targets, observe};
use crate::target::Target;
use crate::wanted::{Consent, Selection};

pub(super) fn register(args: &RegisterArgs, context: &Context) -> Result<Exit, Failure> {
    let selection = Selection::resolve(&args.emulators.targets)?;
    let letters = letters(&args.letters, context.ui)?;
    interrupt::catch();
    let _lock = begin(context)?;
    let mut observed = look_at_kernel(context, false)?;
    let emulators = find(&args.emulators.source, &selection, &observed, context)?;
    // What is not to be had here need not be tried.
    let candidates: Vec<Target> = emulators.0.keys().copied().collect();
    observed.native = native_targets(&observed, &candidates);
    let consent = Consent { emulate_native: args.letters.emulate_native, take_over: true };
    let plan = plan::register(&selection, &emulators, &letters, consent, &observed)?;
    tell::taken(&plan, &observed, context);
    let done = carry_out(&plan, context, "nothing to do: all of it is registered")?;
    tell::place(&plan, &observed, context);
    Ok(done)
}

pub(super) fn unregister(args: &EmulatorArgs, context: &Context) -> Result<Exit, Failure> {
    let selection = Selection::resolve(&args.targets)?;
    interrupt::catch();
    let _lock = begin(context)?;
    let observed = look_at_kernel(context, true)?;
    let emulators = find(&args.source, &selection, &observed, context)?;
    let plan = plan::unregister(&selection, &emulators, &observed)?;
    carry_out(&plan, context, "nothing to do: none of it is registered by qus")
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

fn carry_out(plan: &Plan, context: &Context, idle: &str) -> Result<Exit, Failure> {
    let report = context.carry_out(plan, None)?;
    context.ui.document(&report);
    if plan.is_empty() {
        context.ui.result(idle);
    } else if !report.dry_run {
        for planned in &plan.steps {
            match &planned.step {
                Step::PutEntry { name, after: Some(Entry { rule, .. }), .. } => {
                    context.ui.result(format!("{name} runs {} ({})", rule.interpreter, rule.flags));
                }
                Step::PutEntry { name, after: None, .. } => context.ui.result(format!("{name} unregistered")),
                _ => {}
            }
        }
    }
    Ok(Exit::Done)
}
