//! `qus status`.

mod document;
mod text;
mod versions;

use super::{Context, Failure};
use crate::cli::TargetArgs;
use crate::dropin::packaged;
use crate::exit::{Exit, Explain};
use crate::news::News;
use crate::system::observe::{Look, observe};
use crate::system::packages;
use crate::target::Target;
use crate::wanted::Selection;

use document::Document;

pub(super) fn run(args: &TargetArgs, context: &Context) -> Result<Exit, Failure> {
    let selection = Selection::resolve_or_all(&args.targets)?;
    context.clear_up()?;
    let targets: Vec<Target> = Target::all().filter(|target| selection.includes(*target)).collect();
    let observed = observe(&context.root, context.kernel(), Look { native: &targets, contents: &[], files: true })?;
    let memory = or_usual(context.recall(observed.trust.as_deref()), context);
    let news = News::of(&memory);
    let usual = or_usual(context.settings(), context).channel.unwrap_or_default();
    let of_packages = targets.iter().filter(|target| observed.packaged.emulators.contains_key(target));
    let names: Vec<String> = of_packages.map(|target| packaged::package(*target)).collect();
    let versions = packages::versions(&context.root, observed.packaged.manager, &names);
    let document = Document::of(&observed, &targets, &usual, &news, &memory, &versions, context.now);
    context.ui.document(&document);
    text::show(&document, &selection, context);
    text::tell_table(&observed, context);
    versions::tell(&document, &selection, &observed, &news, context);
    Ok(Exit::Done)
}

/// What is installed can be told without what was last heard of it, and without what was set.
fn or_usual<T: Default>(read: Result<T, Failure>, context: &Context) -> T {
    read.unwrap_or_else(|failure| {
        context.ui.warn(&failure);
        if let Some(help) = failure.help() {
            context.ui.help(help);
        }
        T::default()
    })
}
