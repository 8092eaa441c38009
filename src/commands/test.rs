//! `qus test`.

use serde::Serialize;

use super::{Context, Failure};
use crate::cli::TargetArgs;
use crate::exit::Exit;
use crate::observed::{Observed, State};
use crate::proof::{Outcome, Proof};
use crate::system::observe::{Look, observe};
use crate::system::prove::prove;
use crate::target::Target;
use crate::ui::describe;
use crate::wanted::Selection;

#[derive(Debug, Serialize)]
struct Document {
    schema: u32,
    targets: Vec<Proof>,
}

pub(super) fn run(args: &TargetArgs, context: &Context) -> Result<Exit, Failure> {
    let selection = Selection::resolve_or_all(&args.targets)?;
    if context.kernel.is_none() {
        return Err(Failure::ImageHasNoKernel);
    }
    context.clear_up()?;
    let observed = observe(&context.root, context.kernel(), Look { native: &[], contents: &[], files: false })?;
    let targets = Target::all().filter(|target| is_meant(*target, &selection, &observed));

    let mut document = Document { schema: 1, targets: Vec::new() };
    for target in targets {
        let proof = prove(target);
        let (name, outcome) = (target.name(), describe(&proof.outcome));
        context.ui.result(format!("{name:<13}{:>7.1} ms  {outcome}", proof.took.as_secs_f64() * 1e3));
        document.targets.push(proof);
    }
    context.ui.document(&document);
    if document.targets.is_empty() {
        context.ui.result("nothing is installed or registered");
    }
    let ready = document.targets.iter().all(|proof| proof.outcome == Outcome::Ready);
    Ok(if ready { Exit::Done } else { Exit::DoesNotRun })
}

/// Every target that was named; else those that somebody has installed or registered.
fn is_meant(target: Target, selection: &Selection, observed: &Observed) -> bool {
    match selection {
        Selection::All => observed.state(target) != State::Absent,
        Selection::Named(_) => selection.includes(target),
    }
}
