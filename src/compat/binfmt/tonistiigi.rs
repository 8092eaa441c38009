//! What tonistiigi's `binfmt` does: take away, register, tell.

use std::collections::BTreeSet;

use serde::Serialize;

use super::{Error, candidates, supported};
use crate::commands::register::{check, register};
use crate::commands::{Context, entries, warn_of};
use crate::exit::Exit;
use crate::proof::{Outcome, Proof};
use crate::system::processor::x86_64_level;
use crate::system::prove::prove_all;
use crate::target::Target;
use crate::ui::describe;
use crate::wanted::{Dismissal, Registration, Selection, Source};

/// What it prints: a promise to docker/setup-qemu-action, which reads it.
#[derive(Debug, Serialize)]
struct Status {
    supported: Vec<String>,
    emulators: Vec<String>,
}

pub(super) fn version(source: &Source, context: &Context) -> Result<Exit, Error> {
    let qemu = entries::version(source, context)?.map_or("none".to_owned(), |version| version.to_string());
    context.ui.progress(format!("binfmt/qus-{} qemu/{qemu}", env!("CARGO_PKG_VERSION")));
    Ok(Exit::Done)
}

pub(super) fn emulators(
    dismissal: Option<&Dismissal>,
    registration: Option<&Registration>,
    context: &Context,
) -> Result<Exit, Error> {
    if let Some(dismissal) = dismissal {
        // What cannot be registered is found before anything is taken away.
        registration.map(|wanted| check(wanted, context)).transpose()?;
        dismiss(dismissal, context)?;
    }
    let installed = registration.map(|wanted| install(wanted, context)).transpose()?.unwrap_or_default();
    if context.global.dry_run {
        return Ok(Exit::Done);
    }
    let observed = entries::look(context)?;
    let tried: BTreeSet<Target> = candidates(observed.host).into_iter().chain(installed.iter().copied()).collect();
    let proofs = prove_all(&tried.into_iter().collect::<Vec<_>>());
    let failed: Vec<&Proof> = proofs.iter().filter(|proof| installed.contains(&proof.target) && fails(proof)).collect();
    for target in installed.iter().filter(|target| !failed.iter().any(|proof| proof.target == **target)) {
        context.ui.progress(format!("installing: {} OK", architecture(*target)));
    }
    let runs = |target: Target| proofs.iter().any(|proof| proof.target == target && proof.outcome == Outcome::Ready);
    let table = observed.binfmt.table().into_iter();
    let enabled = table.flat_map(|table| table.entries.iter().filter(|entry| entry.enabled));
    let mut emulators: Vec<String> = enabled.map(|entry| entry.name().to_string()).collect();
    emulators.sort();
    let status = Status { supported: supported(observed.host, x86_64_level(), runs), emulators };
    context.ui.print(&status);
    if failed.is_empty() {
        return Ok(Exit::Done);
    }
    let told = failed.iter().map(|proof| format!("{} {}", architecture(proof.target), describe(&proof.outcome)));
    Err(Error::DoesNotRun(told.collect::<Vec<_>>().join("; ")))
}

/// Whether a probe says that a target does not run; that it could not be tried says nothing.
fn fails(proof: &Proof) -> bool {
    !matches!(proof.outcome, Outcome::Ready | Outcome::NotTried { .. })
}

fn dismiss(wanted: &Dismissal, context: &Context) -> Result<(), Error> {
    let (done, dismissed) = entries::dismiss(wanted, context)?;
    for absent in &dismissed.absent {
        context.ui.progress(format!("uninstalling: {absent} not found"));
    }
    for (name, owner) in &dismissed.kept {
        context.ui.progress(format!("uninstalling: {name} left alone: it is of {}", owner.title()));
    }
    for (name, _) in done.entries().filter(|_| !done.report.dry_run) {
        context.ui.progress(format!("uninstalling: {name} OK"));
    }
    Ok(())
}

/// Registers what is wanted, but what this machine runs by itself. Tells which targets have an emulator now.
fn install(wanted: &Registration, context: &Context) -> Result<BTreeSet<Target>, Error> {
    warn_of(&wanted.letters, context.ui);
    let done = register(wanted, context)?;
    let installed: BTreeSet<Target> = done.rules.iter().map(|(target, _)| *target).collect();
    if let Selection::Named(choices) = &wanted.selection {
        for target in choices.iter().map(|choice| choice.target).filter(|target| !installed.contains(target)) {
            let architecture = architecture(target);
            context.ui.progress(format!("installing: {architecture} not needed: this machine runs it by itself"));
        }
    }
    Ok(installed)
}

/// What containers call it, or QEMU where they do not.
fn architecture(target: Target) -> &'static str {
    target.oci().and_then(|platform| platform.strip_prefix("linux/")).unwrap_or(target.name())
}
