//! The kernel's table: which entry takes a program, and why none does.

use super::cause::{Cause, Supply};
use super::examined::{Around, Attempt, Examined, Refusal};
use super::program::{needs, root_of};
use super::taken::Taken;
use super::{Diagnosis, Weight, behaviour, emulator, refused};
use crate::entry::Entry;
use crate::observed::{Binfmt, Observed, Table, Unreachable};
use crate::place::Keeper;
use crate::rule::Pattern;
use crate::target::Target;

/// The entry that takes the program, as the kernel chooses it.
pub fn answering<'a>(examined: &Examined, observed: &'a Observed) -> Option<&'a Entry> {
    let table = observed.binfmt.table().filter(|table| table.enabled)?;
    table.entries.iter().find(|entry| entry.enabled && is_for(entry, examined))
}

fn is_for(entry: &Entry, examined: &Examined) -> bool {
    takes(entry, &examined.path, &examined.head)
}

/// Whether an entry, were it enabled, would take the program at `path` that begins with `head`.
pub fn takes(entry: &Entry, path: &str, head: &[u8]) -> bool {
    match &entry.rule.pattern {
        pattern @ Pattern::Magic { .. } => pattern.matches(head),
        Pattern::Extension(extension) => {
            let name = path.rsplit('/').next().and_then(|name| name.rsplit_once('.'));
            name.is_some_and(|(_, end)| end == extension)
        }
    }
}

/// A program of a target that an emulator is to run.
pub(super) fn emulated(
    target: Target,
    answering: Option<&Entry>,
    examined: &Examined,
    observed: &Observed,
    around: &Around,
    found: &mut Diagnosis,
) {
    let Some(entry) = answering else {
        // Where the table is not in sight, the kernel may know of an entry all the same.
        if !matches!(examined.attempt, Attempt::Started(_)) {
            unanswered(target, examined, observed, around, found);
        }
        return needs(examined, true, found);
    };
    found.entry = Some(entry.name().clone());
    let taken = Taken { entry, examined, observed, around };
    let before = found.findings.len();
    started(Some(target), taken, found);
    emulator::in_the_way(target, taken, before, found);
    needs(examined, true, found);
    behaviour::behaves(target, taken, found);
}

/// Something that is no program of a target, but taken by somebody's entry.
pub(super) fn of_stranger(
    entry: &Entry,
    examined: &Examined,
    observed: &Observed,
    around: &Around,
    found: &mut Diagnosis,
) {
    found.entry = Some(entry.name().clone());
    started(None, Taken { entry, examined, observed, around }, found);
}

/// Whether the kernel starts what the entry names, and whether that is what it should be and works.
fn started(target: Option<Target>, taken: Taken, found: &mut Diagnosis) {
    match &taken.examined.attempt {
        Attempt::Started(running) => {
            if let Some(target) = target {
                emulator::works(target, taken, found);
                emulator::works_elsewhere(target, taken, found);
            }
            emulator::was_replaced(target, taken, running, found);
        }
        // The kernel found the emulator, and could not load it: no room for it, or its mount is noexec.
        Attempt::Refused(refusal @ Refusal::Ended(_)) => {
            let before = found.findings.len();
            if let Some(target) = target {
                emulator::works(target, taken, found);
            }
            if found.findings[before..].iter().all(|finding| finding.weight != Weight::Stops) {
                found.findings.extend(refused::why(target, taken, Some(refusal)));
            }
        }
        Attempt::Refused(refusal) => found.findings.extend(refused::why(target, taken, Some(refusal))),
        Attempt::NotTried(_) => {
            // What a probe did tells more of the emulator than how that looks.
            if !taken.examined.probe_started() {
                found.findings.extend(refused::why(target, taken, None));
            }
            if let Some(target) = target {
                emulator::works(target, taken, found);
                emulator::works_elsewhere(target, taken, found);
            }
        }
    }
}

/// Why no entry takes it.
fn unanswered(target: Target, examined: &Examined, observed: &Observed, around: &Around, found: &mut Diagnosis) {
    let supply = || supply(target, examined, observed, around);
    let table = match &observed.binfmt {
        Binfmt::Mounted(table) => table,
        Binfmt::Mountable | Binfmt::Unreachable(Unreachable::NoPrivilege) => {
            return found.stops(Cause::NotMounted { target, supply: supply() });
        }
        Binfmt::Unreachable(Unreachable::NotInKernel | Unreachable::NotLoaded) => {
            return found.stops(Cause::ModuleMissing);
        }
        Binfmt::Unreachable(Unreachable::Wsl1) => return found.stops(Cause::Wsl1),
        Binfmt::Unreachable(Unreachable::NoProc) => return found.stops(Cause::NoProc),
        Binfmt::Unreachable(Unreachable::OtherUserNamespace) if observed.place.container.is_none() => {
            // A table mounted there would hide the machine's.
            let supply = in_namespace(supply(), examined);
            return found.stops(Cause::NoEntry { target, supply });
        }
        // The table is not in sight here, and holds all the same: the kernel has asked it.
        Binfmt::NotAsked | Binfmt::Unreachable(_) if examined.attempt == Attempt::Refused(Refusal::NotFound) => {
            return found.stops(Cause::EmulatorNotHere { target, place: root_of(examined) });
        }
        Binfmt::NotAsked | Binfmt::Unreachable(_) => {
            return found.stops(Cause::NoEntry { target, supply: supply() });
        }
    };
    if !table.enabled {
        return found.stops(Cause::TableDisabled);
    }
    if let Some(entry) = table.entries.iter().find(|entry| !entry.enabled && is_for(entry, examined)) {
        let (entry, ours) = (entry.name().clone(), observed.is_ours(entry));
        return found.stops(Cause::EntryDisabled { target, entry, ours });
    }
    if let Some(entry) = table.entries.iter().find(|entry| entry.enabled && entry.rule.pattern.takes(target)) {
        let (why, appimage) = why_no_match(examined);
        return found.stops(Cause::EntryDoesNotMatch { target, entry: entry.name().clone(), why, appimage });
    }
    if table.keeper == Keeper::UserNamespace && is_empty(table) {
        let supply = match supply() {
            // What is installed here is registered here.
            Supply::Nothing => Supply::Nothing,
            supply => in_namespace(supply, examined),
        };
        found.stops(Cause::TableHidden { target, supply });
    }
    found.stops(Cause::NoEntry { target, supply: supply() });
}

/// The same, where nothing should be registered: `qus run` makes a namespace for one command.
fn in_namespace(supply: Supply, examined: &Examined) -> Supply {
    match supply {
        Supply::Nothing => Supply::NothingForUser,
        Supply::Installed => Supply::Run(examined.path.clone()),
        supply => supply,
    }
}

/// What there is of the target's emulator, that nobody registered.
fn supply(target: Target, examined: &Examined, observed: &Observed, around: &Around) -> Supply {
    if observed.receipt.targets.contains_key(&target) || observed.packaged.is_linked(target) {
        Supply::Installed
    } else if around.at_home.contains(&target) && examined.root.is_none() {
        Supply::Run(examined.path.clone())
    } else {
        Supply::Nothing
    }
}

fn is_empty(table: &Table) -> bool {
    table.entries.is_empty() && table.unknown.is_empty()
}

/// What is unusual in the head of a program that no usual rule takes, and whether it is an AppImage.
fn why_no_match(examined: &Examined) -> (String, bool) {
    match examined.head.get(7..11) {
        Some([_, b'A', b'I', kind]) => (format!("it is an AppImage of type {kind}"), true),
        Some([abi, ..]) if *abi > 3 => (format!("its OS/ABI is {abi}, not Linux's"), false),
        _ => ("its ELF header is unusual".to_owned(), false),
    }
}
