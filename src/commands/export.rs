//! `qus export`.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::Serialize;

use super::emulators::{find, source};
use super::{Context, Failure, letters};
use crate::cli::{self, ExportArgs};
use crate::conflict::Conflict;
use crate::dropin::packaged;
use crate::exit::Exit;
use crate::export::{self, Format};
use crate::observed::Observed;
use crate::plan::Emulators;
use crate::rule::{BadRule, KernelVersion, Rule};
use crate::system::observe::{Look, native_targets, observe};
use crate::system::output;
use crate::target::Target;
use crate::wanted::{Consent, Export, Letters, Selection, Source};

#[derive(Debug, Serialize)]
struct Document {
    schema: u32,
    dry_run: bool,
    files: Vec<PathBuf>,
    /// What to type.
    load: String,
}

/// Writes what is wanted, over what is there. Returns the rules that it says.
pub(crate) fn export(wanted: &Export, context: &Context) -> Result<Vec<(Target, Rule)>, Failure> {
    let emulators = Emulators::named(&Selection::All, &wanted.emulators, &wanted.suffix).0;
    // Who loads it, does so on a kernel of its own.
    let rule = |target: &Target| wanted.letters.rule(*target, &emulators[target], KernelVersion::NEWEST);
    let rules =
        wanted.targets.iter().map(|target| Ok((*target, rule(target)?))).collect::<Result<Vec<_>, BadRule>>()?;
    if !context.global.dry_run {
        output::write(&wanted.directory, &export::files_as_qemu(wanted.format, &rules))?;
    }
    Ok(rules)
}

/// The emulators of packages that a boot by systemd would use: what was downloaded may go before them, and their rules
/// may be masked.
fn of_packages(selection: &Selection, observed: &Observed) -> BTreeMap<Target, String> {
    let is_read = |target: &Target| {
        observed.packaged.is_linked(*target)
            && observed.configuration.files.iter().any(|file| file.path == packaged::link(*target))
    };
    let targets = observed.packaged.emulators.keys().filter(|target| selection.includes(**target));
    targets.filter(|target| is_read(target)).map(|target| (*target, packaged::emulator(*target).to_string())).collect()
}

pub(super) fn run(args: &ExportArgs, context: &Context) -> Result<Exit, Failure> {
    let format = match args.format {
        cli::Format::Systemd => Format::Systemd,
        cli::Format::Debian => Format::Debian,
        cli::Format::Openrc => Format::OpenRc,
    };
    let selection = Selection::resolve_or_all(&args.targets)?;
    let letters = letters(&args.letters, context.ui)?;
    let source = source(&args.source);
    let mut observed = observe(&context.root, None, Look { native: &[], contents: &[], files: true })?;
    let mut emulators = find(&source, &selection, &observed, context)?;
    let installed = source == Source::Installed;
    let packaged = if installed { of_packages(&selection, &observed) } else { BTreeMap::new() };
    if installed {
        emulators.0.extend(packaged.clone());
    } else {
        // Whether to emulate what is installed was settled then.
        let candidates: Vec<Target> = emulators.0.keys().copied().collect();
        observed.native = native_targets(&observed, &candidates);
    }
    let consent = Consent { emulate_native: args.letters.emulate_native, take_over: true, ..Consent::default() };
    let mut rules: Vec<(Target, Rule)> = emulators.rules(&selection, &letters, consent, &observed)?;
    if installed && letters == Letters::default() {
        // So were the letters, unless others are asked for now. A package's are the usual ones.
        for (target, rule) in rules.iter_mut().filter(|(target, _)| !packaged.contains_key(target)) {
            rule.clone_from(&observed.receipt.targets[target].rule);
        }
    }
    if rules.is_empty() {
        return Err(Failure::NothingToExport);
    }
    let files = export::files(format, &rules);
    if let Some(path) = output::taken(&args.directory, &files)?.first()
        && !context.global.yes
    {
        return Err(Conflict::Exists { path: path.display().to_string() }.into());
    }
    if !context.global.dry_run {
        output::write(&args.directory, &files)?;
    }
    let document = Document {
        schema: 1,
        dry_run: context.global.dry_run,
        files: files.iter().map(|file| args.directory.join(&file.name)).collect(),
        load: export::load(format, &output::absolute(&args.directory)?.display().to_string()),
    };
    for path in &document.files {
        context.ui.result(path.display());
    }
    context.ui.note(format!("load it with: {}", document.load));
    context.ui.document(&document);
    Ok(Exit::Done)
}
