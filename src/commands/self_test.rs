//! `qus self-test`: what a new qus is asked before it replaces this one. It changes nothing, takes no lock, and looks
//! at what the present one left on this machine.

use super::{Context, Failure};
use crate::exit::Exit;
use crate::program::Program;
use crate::rule::{Match, Pattern};
use crate::system::observe::{Look, observe};
use crate::system::store;
use crate::target::Target;
use crate::trust::Memory;

pub(super) fn run(context: &Context) -> Result<Exit, Failure> {
    for target in Target::all() {
        check_target(target).map_err(Failure::Unsound)?;
    }
    let anchors = store::check_anchors(&context.root)?;
    // The receipts of the present qus must be ones that this one can read.
    let observed = observe(&context.root, None, Look { native: &[], contents: &[], files: false })?;
    if let Some(text) = &observed.trust {
        let what = format!("\"{}\"", observed.layout.trust());
        Memory::parse(&what, text).map_err(store::StoreError::from)?;
    }
    let (targets, installed) = (Target::all().count(), observed.receipt.targets.len());
    let plural = if anchors == 1 { "" } else { "s" };
    context.ui.result(format!("sound: {targets} targets, {anchors} root{plural} of trust, {installed} installed"));
    Ok(Exit::Done)
}

/// A target's rule must take the target's own program, and no other target's.
fn check_target(target: Target) -> Result<(), String> {
    let pattern = Pattern::of(target, Match::Elf);
    let takes = |other: Target| pattern.matches(&Program::of(other).elf);
    if !takes(target) {
        return Err(format!("the rule of \"{target}\" does not take its program"));
    }
    let foreign = |other: &Target| other.emulated_by() != target.emulated_by() && takes(*other);
    match Target::all().find(foreign) {
        Some(other) => Err(format!("the rule of \"{target}\" takes a program of \"{other}\"")),
        None => Ok(()),
    }
}
