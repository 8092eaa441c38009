//! `qus install`.

use super::{Context, Failure, Report, letters};
use crate::cli::{Global, InstallArgs};
use crate::exit::Exit;
use crate::layout;
use crate::plan::{self, Offer, Plan, Step};
use crate::system::interrupt;
use crate::system::observe::{Look, observe};
use crate::system::store::Store;
use crate::target::Target;
use crate::trust::Memory;
use crate::ui::describe_proof;
use crate::wanted::Selection;

pub(super) fn run(args: &InstallArgs, context: &Context) -> Result<Exit, Failure> {
    let selection = Selection::resolve(&args.targets)?;
    let letters = letters(&args.letters, context.ui)?;
    interrupt::catch();
    let _lock = context.begin_change()?;

    let chosen: Vec<Target> = Target::all().filter(|target| selection.includes(*target)).collect();
    let observed = observe(&context.root, context.kernel(), Look { native: &chosen, contents: &chosen, files: true })?;
    let memory = match &observed.trust {
        Some(text) => Memory::parse(&format!("\"{}\"", layout::trust()), text),
        None => Ok(Memory::default()),
    };
    let memory = memory.map_err(crate::system::store::StoreError::from)?;
    let Global { repository, offline, .. } = &context.global;
    let store = Store::open(&context.root, repository.as_deref(), *offline, &memory, context.now)?;
    let (index, memory) = store.index(&memory, context.now)?;
    let offer = Offer { index: index.index(), repository: store.url(), trust: memory.to_json() };
    let plan = plan::install(&selection, &letters, args.letters.emulate_native, &observed, &offer)?;

    tell_displaced(&plan, context);
    let report = context.carry_out(&plan, Some(&store))?;
    Ok(conclude(&plan, &report, context))
}

/// What belonged to others and is replaced is said aloud.
fn tell_displaced(plan: &Plan, context: &Context) {
    for planned in &plan.steps {
        if let (Some(target), Step::PutEntry { name, before: Some(before), .. }) = (planned.target, &planned.step)
            && !layout::is_ours(&before.interpreter)
        {
            let theirs = &before.interpreter;
            context.ui.note(format!("{name} runs {theirs} until now; \"qus remove {target}\" gives it back"));
        }
    }
}

fn conclude(plan: &Plan, report: &Report, context: &Context) -> Exit {
    context.ui.document(report);
    if plan.is_empty() {
        context.ui.result("nothing to do: all of it is installed and registered");
    } else if !report.dry_run {
        for proof in &report.proofs {
            context.ui.result(describe_proof(proof));
        }
        if report.proofs.is_empty() {
            context.ui.result("installed; the image registers it when it is booted");
        }
        for target in &report.dropped {
            context.ui.warn(format!("{target} was taken back, for it does not run"));
        }
    }
    if report.dropped.is_empty() { Exit::Done } else { Exit::DoesNotRun }
}
