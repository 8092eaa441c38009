//! `qus run`.

use std::collections::BTreeMap;

use super::{Context, Failure};
use crate::cli::RunArgs;
use crate::conflict::Conflict;
use crate::exit::Exit;
use crate::observed::{FileState, Observed};
use crate::rule::Rule;
use crate::system;
use crate::system::lodging::{self, LodgingError};
use crate::system::observe::{Look, observe};
use crate::system::root::Root;
use crate::target::Target;
use crate::wanted::Selection;

pub(super) fn run(args: &RunArgs, context: &Context) -> Result<Exit, Failure> {
    let selection = Selection::resolve_or_all(&args.targets.targets)?;
    if context.global.root.is_some() {
        return Err(Failure::ImageHasNoKernel);
    }
    let rules = rules(&selection)?;
    if context.global.dry_run {
        for rule in rules.values() {
            context.ui.result(format!("register {} for {} ({})", rule.name, rule.interpreter, rule.flags));
        }
        return Ok(Exit::Done);
    }
    lodging::enter(&rules.into_values().collect::<Vec<_>>())?;
    Err(lodging::exec(&args.command).into())
}

/// The rules of emulators below the user's home; where there are none, of the system's, downloaded before packaged ones.
fn rules(selection: &Selection) -> Result<BTreeMap<Target, Rule>, Failure> {
    let home = system::home().map(|home| Root::home(&home));
    let mut rules = BTreeMap::new();
    for root in std::iter::once(Root::system()).chain(home) {
        let observed = observe(&root, None, Look { native: &[], contents: &[], files: true })?;
        let packaged = observed.packaged.emulators.iter().filter(|(target, _)| selection.includes(**target));
        for (target, emulator) in packaged.filter(|(_, emulator)| !observed.is_own(&emulator.rule.pattern)) {
            rules.entry(*target).or_insert_with(|| emulator.rule.clone());
        }
        let usable = observed.receipt.targets.iter().filter(|(target, _)| selection.includes(**target));
        for (target, installed) in usable.filter(|(_, installed)| is_there(installed.path.as_str(), &observed)) {
            if observed.is_own(&installed.rule.pattern) {
                return Err(Conflict::Own(*target).into());
            }
            rules.insert(*target, installed.rule.clone());
        }
    }
    let missing = match selection {
        Selection::All if rules.is_empty() => vec!["any target".to_owned()],
        Selection::All => Vec::new(),
        Selection::Named(choices) => {
            let missing = choices.iter().filter(|choice| !rules.contains_key(&choice.target));
            missing.map(|choice| format!("\"{}\"", choice.target)).collect()
        }
    };
    if missing.is_empty() { Ok(rules) } else { Err(LodgingError::NothingInstalled(missing.join(", ")).into()) }
}

fn is_there(path: &str, observed: &Observed) -> bool {
    observed.files.iter().any(|(file, state)| file.as_str() == path && matches!(state, FileState::File(_)))
}
