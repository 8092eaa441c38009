//! `qus register` and `qus unregister`.

use std::collections::BTreeMap;

use super::{Context, Failure, letters};
use crate::cli::{EmulatorArgs, RegisterArgs};
use crate::exit::Exit;
use crate::observed::Observed;
use crate::plan::{self, Emulators, Plan, Step};
use crate::system::observe::{Look, observe};
use crate::system::{emulators, interrupt};
use crate::target::Target;
use crate::wanted::Selection;

pub(super) fn register(args: &RegisterArgs, context: &Context) -> Result<Exit, Failure> {
    let selection = Selection::resolve(&args.emulators.targets)?;
    let letters = letters(&args.letters, context.ui)?;
    interrupt::catch();
    let _lock = begin(context)?;
    // What is not to be had here need not be tried.
    let observed = observe(&context.root, context.kernel(), Look { native: &[], contents: &[] })?;
    let emulators = find(&args.emulators, &selection, &observed)?;
    let candidates: Vec<Target> = emulators.0.keys().copied().filter(|target| selection.includes(*target)).collect();
    let observed = observe(&context.root, context.kernel(), Look { native: &candidates, contents: &[] })?;
    for (target, path) in emulators.0.iter().filter(|(target, _)| selection.includes(**target)) {
        if emulators::check(path, observed.host)?.dynamic {
            context.ui.warn(format!("\"{path}\" is dynamically linked: \"{target}\" will not run in containers"));
        }
    }
    let plan = plan::register(&selection, &emulators, &letters, args.letters.emulate_native, &observed)?;
    carry_out(&plan, context, "nothing to do: all of it is registered")
}

pub(super) fn unregister(args: &EmulatorArgs, context: &Context) -> Result<Exit, Failure> {
    let selection = Selection::resolve(&args.targets)?;
    interrupt::catch();
    let _lock = begin(context)?;
    let observed = observe(&context.root, context.kernel(), Look { native: &[], contents: &[] })?;
    let emulators = find(args, &selection, &observed)?;
    let plan = plan::unregister(&selection, &emulators, &observed)?;
    carry_out(&plan, context, "nothing to do: none of it is registered by qus")
}

fn begin(context: &Context) -> Result<Option<crate::system::lock::Lock<'_>>, Failure> {
    if context.kernel.is_none() {
        return Err(Failure::ImageHasNoKernel);
    }
    context.begin_change()
}

fn carry_out(plan: &Plan, context: &Context, idle: &str) -> Result<Exit, Failure> {
    let report = context.carry_out(plan, None)?;
    context.ui.document(&report);
    if plan.is_empty() {
        context.ui.result(idle);
    } else if !report.dry_run {
        for planned in &plan.steps {
            match &planned.step {
                Step::PutEntry { name, after: Some(rule), .. } => {
                    context.ui.result(format!("{name} runs {} ({})", rule.interpreter, rule.flags));
                }
                Step::PutEntry { name, after: None, .. } => context.ui.result(format!("{name} unregistered")),
                _ => {}
            }
        }
    }
    Ok(Exit::Done)
}

/// The emulators that the options name; those that qus installed, if they name none.
fn find(args: &EmulatorArgs, selection: &Selection, observed: &Observed) -> Result<Emulators, Failure> {
    if let Some(interpreter) = &args.interpreter {
        return match selection {
            Selection::Named(choices) if choices.len() == 1 => {
                Ok(Emulators(BTreeMap::from([(choices[0].target, interpreter.clone())])))
            }
            _ => Err(Failure::OneInterpreter),
        };
    }
    let Some(directory) = &args.path else {
        let installed = observed.receipt.targets.iter();
        return Ok(Emulators(installed.map(|(target, installed)| (*target, installed.path.to_string())).collect()));
    };
    let directory = directory.trim_end_matches('/');
    let suffix = args.suffix.as_deref().unwrap_or_default();
    let named = *selection != Selection::All;
    let emulators = Target::all()
        .filter(|target| selection.includes(*target))
        .map(|target| (target, format!("{directory}/qemu-{}{suffix}", target.emulated_by())))
        // Of all, those that are there; those that are named must be.
        .filter(|(target, path)| {
            named || (target.emulated_by() == *target && emulators::check(path, observed.host).is_ok())
        });
    Ok(Emulators(emulators.collect()))
}
