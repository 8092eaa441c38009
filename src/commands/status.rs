//! `qus status`.

mod document;
mod text;

use super::{Context, Failure};
use crate::cli::TargetArgs;
use crate::exit::Exit;
use crate::system::observe::{Look, observe};
use crate::target::Target;
use crate::wanted::Selection;

use document::Document;

pub(super) fn run(args: &TargetArgs, context: &Context) -> Result<Exit, Failure> {
    let selection = Selection::resolve_or_all(&args.targets)?;
    context.clear_up()?;
    let targets: Vec<Target> = Target::all().filter(|target| selection.includes(*target)).collect();
    let observed = observe(&context.root, context.kernel(), Look { native: &targets, contents: &[], files: true })?;
    let document = Document::of(&observed, &targets);
    context.ui.document(&document);
    text::show(&document, &selection, context);
    text::tell_table(&observed, context);
    Ok(Exit::Done)
}
