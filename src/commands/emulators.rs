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
            let (directory, suffix) = (directory.clone(), args.suffix.clone().unwrap_or_default());
            Source::Folder { directory, prefix: String::new(), suffix }
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
    match source {
        Source::File(interpreter) => match selection {
            Selection::Named(choices) if choices.len() == 1 => {
                let found = Emulators([(choices[0].target, interpreter.clone())].into());
                fit(found, selection, observed, context)
            }
            _ => Err(Failure::OneInterpreter),
        },
        Source::Folder { .. } => {
            let meant = Target::all().filter(|target| selection.includes(*target));
            let named = meant.filter_map(|target| Some((target, source.in_folder(target)?)));
            fit(Emulators(named.collect()), selection, observed, context)
        }
        Source::Elsewhere { directory, suffix } => {
            let named = Emulators::named(selection, directory, suffix);
            if *selection != Selection::All {
                return Ok(named);
            }
            let here = fit(named.clone(), selection, observed, context)?;
            if !here.0.is_empty() {
                return Ok(here);
            }
            context.ui.warn(format!(
                "no emulator is called \"{directory}/qemu-TARGET{suffix}\" here: it has to be in the root of each program"
            ));
            Ok(named)
        }
        Source::Installed => {
            let installed = observed.receipt.targets.iter().filter(|(target, _)| selection.includes(**target));
            Ok(Emulators(installed.map(|(target, installed)| (*target, installed.path.to_string())).collect()))
        }
    }
}

/// Of the emulators that were `found`, those that can be registered. All that are named must be.
fn fit(found: Emulators, selection: &Selection, observed: &Observed, context: &Context) -> Result<Emulators, Failure> {
    let named = *selection != Selection::All;
    let mut fit = BTreeMap::new();
    for (target, path) in found.0 {
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
