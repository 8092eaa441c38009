//! `qus export`.

use super::emulators::find;
use super::{Context, Failure, letters};
use crate::cli::{self, ExportArgs};
use crate::conflict::Conflict;
use crate::exit::Exit;
use crate::export::{self, File, Format};
use crate::rule::Rule;
use crate::system::observe::{Look, native_targets, observe};
use crate::system::output::{self, Output};
use crate::target::Target;
use crate::wanted::{Consent, Selection};

pub(super) fn run(args: &ExportArgs, context: &Context) -> Result<Exit, Failure> {
    let format = match args.format {
        cli::Format::Systemd => Format::Systemd,
        cli::Format::Debian => Format::Debian,
        cli::Format::Openrc => Format::OpenRc,
    };
    let selection = Selection::resolve_or_all(&args.targets)?;
    let letters = letters(&args.letters, context.ui)?;
    let mut observed = observe(&context.root, None, Look { native: &[], contents: &[], files: false })?;
    let emulators = find(&args.source, &selection, &observed, context)?;
    let candidates: Vec<Target> = emulators.0.keys().copied().collect();
    observed.native = native_targets(&observed, &candidates);
    let installed = |target: &Target| observed.receipt.targets.contains_key(target) && args.source.path.is_none();
    observed.native.retain(|target| !installed(target));
    let consent = Consent { emulate_native: args.letters.emulate_native, take_over: true };
    let rules: Vec<(Target, Rule)> = emulators.rules(&selection, &letters, consent, &observed)?;
    if rules.is_empty() {
        return Err(Failure::NothingToExport);
    }
    let directory = args.directory.display().to_string();
    let files = export::files(format, &rules);
    let outputs = output::look(&args.directory, &files)?;
    if let Some(Output::Other(path)) = outputs.iter().find(|output| matches!(output, Output::Other(_)))
        && !context.global.yes
    {
        return Err(Conflict::Exists { path: path.display().to_string() }.into());
    }
    if !context.global.dry_run {
        output::write(&args.directory, &files)?;
    }
    tell(&directory, &files, context);
    context.ui.note(export::usage(format, &directory));
    Ok(Exit::Done)
}

fn tell(directory: &str, files: &[File], context: &Context) {
    let paths: Vec<String> = files.iter().map(|file| format!("{directory}/{}", file.name)).collect();
    context.ui.document(&paths);
    for path in paths {
        context.ui.result(path);
    }
}
