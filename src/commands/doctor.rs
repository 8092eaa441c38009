//! `qus doctor`.

mod document;
mod machine;
mod text;

use std::path::{Path, PathBuf};

use super::{Context, Failure};
use crate::cli::DoctorArgs;
use crate::diagnosis::{self, Cause, Diagnosis, Examined, Page};
use crate::exit::Exit;
use crate::news::News;
use crate::observed::Observed;
use crate::system::examine::{self, Surroundings};
use crate::system::observe::{Look, ObserveError, observe};
use crate::system::output;
use crate::system::root::Root;
use crate::target::Target;
use crate::trust::Memory;

use document::FileDocument;

pub(super) fn run(args: &DoctorArgs, examined: Option<&Path>, context: &Context) -> Result<Exit, Failure> {
    if let Some(cause) = &args.explain {
        let page = Page::of(cause).ok_or_else(|| Failure::NoSuchCause(cause.clone()))?;
        context.ui.document(page);
        context.ui.result(page.text.trim_end());
        return Ok(Exit::Done);
    }
    context.clear_up()?;
    let Some(directory) = examined else {
        return match &args.file {
            Some(file) => {
                one(&text(output::absolute(file)?)?, &Surroundings { root: &Root::system(), called: None }, context)
            }
            None => machine::run(context),
        };
    };
    let root = Root::image(Root::resolve(directory)?);
    // `/` by whatever name is no other root directory.
    let called = (!root.is_system()).then(|| format!("\"{}\"", directory.display()));
    let around = Surroundings { called, root: &root };
    match &args.file {
        Some(file) => one(&text(Path::new("/").join(file))?, &around, context),
        None => match usual_program(&around) {
            Some(path) => one(path, &around, context),
            None => Err(Failure::NoProgramIn(directory.to_owned())),
        },
    }
}

/// A path as it can be told.
fn text(path: PathBuf) -> Result<String, Failure> {
    path.into_os_string().into_string().map_err(|path| Failure::NotText(path.into()))
}

/// A program that nearly every root directory has, to examine for all of it.
fn usual_program(around: &Surroundings) -> Option<&'static str> {
    ["/bin/sh", "/bin/busybox", "/usr/bin/env", "/sbin/init", "/bin/true"].into_iter().find(|path| around.has(path))
}

/// Examines one program.
fn one(path: &str, around: &Surroundings, context: &Context) -> Result<Exit, Failure> {
    let mut examined = examine::look(path, around);
    let target = Target::of_program(&examined.executed().head);
    let observed = match look_at_machine(target.as_slice(), context) {
        Err(Failure::Observe(ObserveError::NoProc)) => return Ok(without_proc(&examined, context)),
        observed => observed?,
    };
    examine::try_out(&mut examined, around, &observed);
    let found = diagnosis::program(&examined, &observed, &machine_beside(&examined, &observed, context));
    let document = FileDocument::of(&examined, &found, Some(&observed));
    context.ui.document(&document);
    text::show_file(&document, &examined, &found, context.ui);
    Ok(if found.is_healthy() { Exit::Done } else { Exit::DoesNotRun })
}

/// Nothing of the kernel can be looked at.
fn without_proc(examined: &Examined, context: &Context) -> Exit {
    let found = Diagnosis::of(Cause::NoProc);
    let document = FileDocument::of(examined, &found, None);
    context.ui.document(&document);
    text::show_file(&document, examined, &found, context.ui);
    Exit::DoesNotRun
}

fn look_at_machine(native: &[Target], context: &Context) -> Result<Observed, Failure> {
    Ok(observe(&context.root, context.kernel(), Look { native, contents: &[], files: false })?)
}

/// Of all emulators, only those are looked at that may take the program.
fn machine_beside(examined: &Examined, observed: &Observed, context: &Context) -> diagnosis::Around {
    let entries = observed.binfmt.table().into_iter().flat_map(|table| &table.entries);
    let head = &examined.executed().head;
    examine::around(
        entries.filter(|entry| diagnosis::takes(entry, &examined.executed().path, head)),
        &news(observed, context),
    )
}

/// What was last heard of versions. What cannot be read is told, and is no reason not to look at the rest.
fn news(observed: &Observed, context: &Context) -> News {
    match context.recall(observed.trust.as_deref()) {
        Ok(memory) => News::of(&memory),
        Err(failure) => {
            context.ui.warn(failure);
            News::of(&Memory::default())
        }
    }
}
