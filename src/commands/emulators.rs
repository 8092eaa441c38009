//! Emulators that are named on the command line, or installed.

use std::collections::BTreeMap;

use super::{Context, Failure};
use crate::cli::SourceArgs;
use crate::observed::Observed;
use crate::plan::Emulators;
use crate::system::emulators::{self, Fit};
use crate::target::Target;
use crate::wanted::{Selection, Source};

/// Where the options say that emulators lie.
pub(super) fn source(args: &SourceArgs) -> Source {
    match (&args.interpreter, &args.path) {
        (Some(interpreter), _) => Source::File(interpreter.clone()),
        (None, Some(directory)) => {
            Source::Folder { directory: directory.clone(), suffix: args.suffix.clone().unwrap_or_default() }
        }
        (None, None) => Source::Installed,
    }
}

/// The emulators of `selection` in `source`. What is not qus's own is looked at first.
pub(super) fn find(
    source: &Source,
    selection: &Selection,
    observed: &Observed,
    context: &Context,
) -> Result<Emulators, Failure> {
    let named = *selection != Selection::All;
    let mut found: BTreeMap<Target, String> = BTreeMap::new();
    match source {
        Source::File(interpreter) => match selection {
            Selection::Named(choices) if choices.len() == 1 => {
                found.insert(choices[0].target, interpreter.clone());
            }
            _ => return Err(Failure::OneInterpreter),
        },
        Source::Folder { directory, suffix } => {
            let directory = directory.trim_end_matches('/');
            for target in Target::all().filter(|target| selection.includes(*target)) {
                found.insert(target, format!("{directory}/qemu-{}{suffix}", target.emulated_by()));
            }
        }
        Source::Installed => {
            let installed = observed.receipt.targets.iter().filter(|(target, _)| selection.includes(**target));
            return Ok(Emulators(installed.map(|(target, installed)| (*target, installed.path.to_string())).collect()));
        }
    }
    let mut fit = BTreeMap::new();
    for (target, path) in found {
        match emulators::check(&context.root, &path, observed.host) {
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
