//! `qus register` and `qus unregister`.

use std::collections::BTreeMap;

use super::{Context, Failure, letters};
use crate::cli::{EmulatorArgs, RegisterArgs};
use crate::exit::Exit;
use crate::observed::Observed;
use crate::plan::{self, Emulators, Plan, Step};
use crate::system::emulators::{self, Fit};
use crate::system::interrupt;
use crate::system::observe::{Look, native_targets, observe};
use crate::target::Target;
use crate::wanted::Selection;

pub(super) fn register(args: &RegisterArgs, context: &Context) -> Result<Exit, Failure> {
    let selection = Selection::resolve(&args.emulators.targets)?;
    let letters = letters(&args.letters, context.ui)?;
    interrupt::catch();
    let _lock = begin(context)?;
    let mut observed = look_at_kernel(context)?;
    let emulators = find(&args.emulators, &selection, &observed, context)?;
    // What is not to be had here need not be tried.
    let candidates: Vec<Target> = emulators.0.keys().copied().collect();
    observed.native = native_targets(&observed, &candidates);
    let plan = plan::register(&selection, &emulators, &letters, args.letters.emulate_native, &observed)?;
    carry_out(&plan, context, "nothing to do: all of it is registered")
}

pub(super) fn unregister(args: &EmulatorArgs, context: &Context) -> Result<Exit, Failure> {
    let selection = Selection::resolve(&args.targets)?;
    interrupt::catch();
    let _lock = begin(context)?;
    let observed = look_at_kernel(context)?;
    let emulators = find(args, &selection, &observed, context)?;
    let plan = plan::unregister(&selection, &emulators, &observed)?;
    carry_out(&plan, context, "nothing to do: none of it is registered by qus")
}

fn begin(context: &Context) -> Result<Option<crate::system::lock::Lock<'_>>, Failure> {
    if context.kernel.is_none() {
        return Err(Failure::ImageHasNoKernel);
    }
    context.begin_change()
}

fn look_at_kernel(context: &Context) -> Result<Observed, Failure> {
    Ok(observe(&context.root, context.kernel(), Look { native: &[], contents: &[], files: false })?)
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

/// The emulators of `selection` that the options name; those that qus installed, if they name none.
/// What is not qus's own is looked at first.
fn find(
    args: &EmulatorArgs,
    selection: &Selection,
    observed: &Observed,
    context: &Context,
) -> Result<Emulators, Failure> {
    let named = match selection {
        Selection::All => false,
        Selection::Named(_) => true,
    };
    let mut found: BTreeMap<Target, String> = BTreeMap::new();
    if let Some(interpreter) = &args.interpreter {
        match selection {
            Selection::Named(choices) if choices.len() == 1 => found.insert(choices[0].target, interpreter.clone()),
            _ => return Err(Failure::OneInterpreter),
        };
    } else if let Some(directory) = &args.path {
        let directory = directory.trim_end_matches('/');
        let suffix = args.suffix.as_deref().unwrap_or_default();
        for target in Target::all().filter(|target| selection.includes(*target)) {
            found.insert(target, format!("{directory}/qemu-{}{suffix}", target.emulated_by()));
        }
    } else {
        let installed = observed.receipt.targets.iter().filter(|(target, _)| selection.includes(**target));
        return Ok(Emulators(installed.map(|(target, installed)| (*target, installed.path.to_string())).collect()));
    }
    let mut fit = BTreeMap::new();
    for (target, path) in found {
        match emulators::check(&path, observed.host) {
            Ok(Fit { dynamic }) => {
                if dynamic {
                    context
                        .ui
                        .warn(format!("\"{path}\" is dynamically linked: \"{target}\" will not run in containers"));
                }
                fit.insert(target, path);
            }
            Err(unfit) if named => return Err(unfit.into()),
            // Of all, those that are there.
            Err(_) => {}
        }
    }
    Ok(Emulators(fit))
}
