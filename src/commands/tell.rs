//! What is worth knowing of a plan beside its steps.

use super::{Context, Failure, Report};
use crate::observed::Observed;
use crate::owner::Owner;
use crate::place::{Keeper, Place};
use crate::plan::{self, Emulators, Plan, Step};
use crate::rule::RuleName;
use crate::system::kernel::Kernel;
use crate::wanted::{Registration, Selection};

/// What belonged to others and is replaced, or stood beside, is said aloud.
pub(super) fn taken(plan: &Plan, observed: &Observed, context: &Context) {
    // Without a receipt nobody knows later what was there before.
    let remembers = plan.steps.iter().any(|planned| matches!(planned.step, Step::Record { .. }));
    for planned in &plan.steps {
        let (Some(target), Step::PutEntry { name, after: Some(after), before }) = (planned.target, &planned.step)
        else {
            continue;
        };
        if let Some(before) = before
            .as_ref()
            .filter(|before| !observed.is_ours(before) && before.rule.interpreter != after.rule.interpreter)
        {
            let (theirs, owner) = (&before.rule.interpreter, observed.owner(before).title());
            let back = if remembers { format!("; \"qus remove {target}\" gives it back") } else { String::new() };
            context.ui.note(format!("{name} runs {theirs} of {owner} until now{back}"));
        }
        let table = observed.binfmt.table();
        let unknown = table.into_iter().flat_map(|table| &table.unknown);
        for unknown in unknown.filter(|unknown| *name == RuleName::beside(target) && unknown.is_of(target)) {
            context.ui.note(format!(
                "{} stays as it is, for it is of a kind unknown to this qus; \"{name}\" is newer, and is asked first",
                unknown.name
            ));
        }
        let usual = table.and_then(|table| table.entry_of(target));
        if let Some(beside) = usual.filter(|usual| usual.name() != name && !observed.is_ours(usual)) {
            let (theirs, owner) = (beside.name(), observed.owner(beside).title());
            context.ui.note(format!(
                "{theirs} of {owner} stays as it is: it could not be given back; \"{name}\" is newer, and is asked first"
            ));
        }
    }
}

/// Which targets follow another channel from now on.
pub(super) fn followed(plan: &Plan, report: &Report, context: &Context) {
    for planned in plan.steps.iter().filter(|_| !report.dry_run) {
        let Step::Record { after, before } = &planned.step else { continue };
        for (target, installed) in after.targets.iter().filter(|(target, _)| !report.dropped.contains(target)) {
            let was = before.targets.get(target).and_then(|was| was.channel.as_ref());
            if let Some(channel) = installed.channel.as_ref().filter(|channel| Some(*channel) != was) {
                context.ui.result(format!("{target} follows {channel} from now on"));
            }
        }
    }
}

/// Whom `all` leaves in peace is said too: otherwise it would look as if the emulator were missing.
pub(super) fn spared(
    wanted: &Registration,
    emulators: &Emulators,
    observed: &Observed,
    context: &Context,
) -> Result<(), Failure> {
    if wanted.selection != Selection::All || wanted.consent.take_over {
        return Ok(());
    }
    for (target, path) in &emulators.0 {
        let rule = wanted.letters.rule(*target, path, observed.kernel)?;
        if let Some(entry) = plan::chosen(*target, &rule, observed) {
            let (name, owner) = (entry.name(), observed.owner(entry).title());
            context
                .ui
                .note(format!("{target} is left to {name} of {owner}; to use this emulator all the same, name it"));
        }
    }
    Ok(())
}

/// What is deleted of others', or replaced.
pub(super) fn cleared(plan: &Plan, observed: &Observed, context: &Context) {
    for planned in &plan.steps {
        let Step::PutEntry { name, before: Some(before), .. } = &planned.step else { continue };
        let whose = match observed.owner(before) {
            _ if observed.is_ours(before) => continue,
            Owner::Unknown => String::new(),
            owner => format!(" of {}", owner.title()),
        };
        context.ui.note(format!("{name} runs {}{whose} until now", before.rule.interpreter));
    }
}

/// What was registered where, and how long it lasts, if that is not plain.
pub(super) fn place(plan: &Plan, observed: &Observed, context: &Context) {
    let registers = plan.steps.iter().any(|planned| matches!(planned.step, Step::PutEntry { .. }));
    if !registers || context.global.dry_run {
        return;
    }
    // It may have been mounted only now.
    let Some(keeper) = context.kernel().map(Kernel::keeper) else { return };
    let Place { wsl, mount_namespace, .. } = observed.place;
    let here = if observed.place.container.is_some() { "container" } else { "namespace" };
    match keeper {
        Keeper::UserNamespace => {
            context.ui.note("this is a user namespace with a table of its own: it serves programs in it and no others");
        }
        Keeper::Outside => context.ui.note(format!(
            "registered in a table that is mounted outside of this {here} too: it stays for as long as it is mounted there"
        )),
        // A distribution on WSL is a machine to whoever uses it.
        Keeper::Machine if observed.place.user_namespace || (mount_namespace && wsl.is_none()) => {
            context.ui.note(format!("registered with the machine itself: it stays when this {here} has ended"));
        }
        Keeper::Machine | Keeper::Nobody => {}
    }
}
