//! The kernel's table and the emulators in it: why no entry takes a program, and why the one that does fails.

use super::cause::{Cause, Supply};
use super::examined::{Around, Attempt, EmulatorFile, Examined, Refusal, Running, There};
use super::program::{describe, needs, page_size, root_of};
use super::{Diagnosis, Weight};
use crate::advisory;
use crate::entry::Entry;
use crate::host::Host;
use crate::observed::{Binfmt, Observed, Table, Unreachable};
use crate::owner::Owner;
use crate::place::Keeper;
use crate::proof::Outcome;
use crate::qemu::QemuVersion;
use crate::rule::{KernelVersion, Pattern};
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
    found.entry = answering.map(|entry| entry.name().clone());
    let Some(entry) = answering else {
        // Where the table is not in sight, the kernel may know of an entry all the same.
        if !matches!(examined.attempt, Attempt::Started(_)) {
            unanswered(target, examined, observed, around, found);
        }
        return needs(examined, true, found);
    };
    let before = found.findings.len();
    match &examined.attempt {
        Attempt::Started(running) => {
            works(target, entry, examined, observed, around, found);
            elsewhere(target, entry, examined, around, found);
            replaced(Some(target), entry, running, observed, around, found);
        }
        Attempt::Refused(refusal) => fails(Some(target), entry, Some(refusal), examined, observed, around, found),
        Attempt::NotTried(_) => fails(Some(target), entry, None, examined, observed, around, found),
    }
    in_the_way(target, entry, observed, before, found);
    needs(examined, true, found);
    page_size(examined, around, found);
    behaves(target, entry, examined, observed, around, found);
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
    match &examined.attempt {
        Attempt::Started(running) => replaced(None, entry, running, observed, around, found),
        Attempt::Refused(refusal) => fails(None, entry, Some(refusal), examined, observed, around, found),
        Attempt::NotTried(_) => fails(None, entry, None, examined, observed, around, found),
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
    if observed.receipt.targets.contains_key(&target) {
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

/// Why an entry that takes it does not get it executed; `refusal` is what the kernel said, if it was asked.
fn fails(
    target: Option<Target>,
    entry: &Entry,
    refusal: Option<&Refusal>,
    examined: &Examined,
    observed: &Observed,
    around: &Around,
    found: &mut Diagnosis,
) {
    let (interpreter, name) = (entry.rule.interpreter.clone(), entry.name().clone());
    let unknown = EmulatorFile::default();
    let file = around.emulators.get(&interpreter).unwrap_or(&unknown);
    let fixed = entry.rule.flags.has('F');
    let elsewhere = examined.root.is_some() || observed.place.chroot || observed.place.container.is_some();
    let place = root_of(examined);
    let refused = |refusal: &Refusal| Cause::EmulatorRefused {
        entry: name.clone(),
        interpreter: interpreter.clone(),
        why: describe(refusal),
    };
    let refused_script = || Cause::EmulatorRefused {
        entry: name.clone(),
        interpreter: interpreter.clone(),
        why: "it is a script, which is not started for an entry with flag O (ENOEXEC)".to_owned(),
    };
    let why = match refusal {
        Some(Refusal::NoFormat) if file.script && entry.rule.flags.has('O') => Some(refused_script()),
        refusal => refusal.map(refused),
    };
    let entry = name.clone();
    let cause = match &file.loader {
        // The kernel holds it open, and looks for its loader in the program's root all the same.
        Some(loader) if fixed && elsewhere && matches!(refusal, Some(Refusal::NotFound) | None) => {
            let loader = loader.clone();
            Some(Cause::EmulatorDynamic { target, entry, interpreter, loader, place })
        }
        _ if fixed && file.host.is_none_or(|host| host == observed.host) => why,
        _ if !fixed && elsewhere && matches!(refusal, Some(Refusal::NotFound)) => {
            Some(Cause::NoFixBinary { target, entry, interpreter, place })
        }
        // A directory on the way, or the file itself, is not for this user.
        _ if file.hidden && !file.exists => why,
        _ if !file.exists => Some(Cause::EmulatorMissing { target, entry, interpreter }),
        _ if !file.mode.executable && !fixed => Some(Cause::EmulatorNotExecutable { entry, interpreter }),
        _ if file.mode.noexec.is_some() && !fixed => {
            let mount = file.mode.noexec.clone().unwrap_or_default();
            Some(Cause::EmulatorOnNoexec { entry, interpreter, mount })
        }
        _ if !file.script && !file.hidden && file.host != Some(observed.host) => {
            Some(Cause::EmulatorWrongHost { target, entry, interpreter, host: observed.host })
        }
        _ => why,
    };
    found.findings.extend(cause.map(|cause| super::Finding { cause, weight: Weight::Stops }));
}

/// Whether the emulator, which the kernel starts, works.
fn works(
    target: Target,
    entry: &Entry,
    examined: &Examined,
    observed: &Observed,
    around: &Around,
    found: &mut Diagnosis,
) {
    let said = match &examined.proof {
        Some(Outcome::Crash { signal, said }) => with(&format!("it was ended by signal {signal}"), said),
        Some(Outcome::WrongAnswer { status, said }) => with(&format!("it ended with status {status}"), said),
        Some(Outcome::TimedOut) => "it gave no answer".to_owned(),
        _ => String::new(),
    };
    // What fails where addresses are limited may lack some, also if it reserves none.
    let lacks_addresses = |limit: &u64| *limit < target.reserved() || !said.is_empty();
    if let Some(limit) = around.settings.address_space.filter(lacks_addresses) {
        found.stops(Cause::AddressSpace { target, limit });
    }
    if said.is_empty() {
        return;
    }
    let (interpreter, ours) = (entry.rule.interpreter.clone(), observed.is_ours(entry));
    if let Some(file) = around.emulators.get(&interpreter) {
        if let Some(mount) = &file.mode.noexec {
            let (entry, mount) = (entry.name().clone(), mount.clone());
            found.stops(Cause::EmulatorOnNoexec { entry, interpreter: interpreter.clone(), mount });
        }
        let needs = file.kernel.filter(|needs| *needs > observed.kernel);
        let needs = needs.map(|needs| needs.to_string());
        let too_old = said.contains("kernel too old").then(|| "a newer version".to_owned());
        if let Some(needs) = needs.or(too_old) {
            found.stops(Cause::HostTooOld { target, interpreter, needs, kernel: observed.kernel, ours });
        }
    }
    let no_room = said.contains("Unable to reserve") || said.contains("Unable to find a guest_base");
    if let Some(value) = around.settings.mmap_min_addr.filter(|value| no_room && *value > LOWEST_USUAL) {
        found.stops(Cause::MmapMinAddr { target, value });
    }
    let version = version(target, examined, observed);
    if let Some(why) = shifted(entry, version, observed, around) {
        found.stops(Cause::Argv0Shifted { target, entry: entry.name().clone(), why, ours });
    }
    if let (Some(Outcome::Crash { .. }), Some(version)) = (&examined.proof, version)
        && let Some(value) = too_random(version, observed, around)
    {
        found.stops(Cause::MmapRndBits { value, version });
    }
    found.stops(Cause::EmulatorFails { target, said, ours });
}

/// `vm.mmap_rnd_bits`, if it is above the 28 of x86's default (`ARCH_MMAP_RND_BITS_MIN`, Linux tag v6.12,
/// `arch/x86/Kconfig`), as in Ubuntu 24.04, and the version is one that crashes now and then where addresses are chosen
/// so freely: before 9.2.2 (tonistiigi/binfmt, issue 215 and pull request 243).
fn too_random(version: QemuVersion, observed: &Observed, around: &Around) -> Option<u32> {
    const USUAL: u32 = 28;
    const MENDED: QemuVersion = QemuVersion(9, 2, 2);
    around.settings.mmap_rnd_bits.filter(|bits| observed.host == Host::Amd64 && *bits > USUAL && version < MENDED)
}

/// Whether it works in other root directories too, as those of containers, if that was tried.
fn elsewhere(target: Target, entry: &Entry, examined: &Examined, around: &Around, found: &mut Diagnosis) {
    if examined.proof_elsewhere != Some(Outcome::NoEmulator) {
        return;
    }
    let (interpreter, name) = (entry.rule.interpreter.clone(), entry.name().clone());
    let loader = around.emulators.get(&interpreter).and_then(|file| file.loader.clone());
    let (target, entry, place) = (Some(target), name, "containers and chroots".to_owned());
    let cause = match loader {
        Some(loader) => Cause::EmulatorDynamic { target, entry, interpreter, loader, place },
        None => Cause::NoFixBinary { target, entry, interpreter, place },
    };
    found.add(Weight::Remark, cause);
}

/// `vm.mmap_min_addr` of a usual kernel: what `DEFAULT_MMAP_MIN_ADDR` recommends (Linux tag v6.12, `mm/Kconfig`).
const LOWEST_USUAL: u64 = 65536;

/// What happened, and what the emulator said of it.
fn with(what: &str, said: &str) -> String {
    let line = said.lines().find(|line| line.contains("qemu")).or(said.lines().last());
    line.map_or_else(|| what.to_owned(), |line| format!("{what}: {line}"))
}

/// Whether the kernel runs another file than the one that is there now.
fn replaced(
    target: Option<Target>,
    entry: &Entry,
    running: &Running,
    observed: &Observed,
    around: &Around,
    found: &mut Diagnosis,
) {
    let place = &observed.place;
    // Elsewhere the path says nothing: the emulator was opened in another root directory.
    let comparable = !place.chroot && place.container.is_none() && entry.rule.flags.has('F');
    let Some(file) = around.emulators.get(&entry.rule.interpreter).filter(|_| comparable) else { return };
    let ours = observed.is_ours(entry);
    let newer = target.and_then(|target| observed.receipt.targets.get(&target));
    let left_behind = ours && newer.is_some_and(|newer| newer.path.as_str() != entry.rule.interpreter);
    let other = file.exists && running.identity.is_some() && file.identity != running.identity;
    // What a container registered is in no directory once it has ended, as it should be.
    let gone = !file.exists && running.deleted && !matches!(observed.owner(entry), Owner::Docker | Owner::Multiarch);
    if other || gone || left_behind {
        let version = running.version.map(|version| format!("QEMU {version}"));
        let runs = version.unwrap_or_else(|| "an older file".to_owned());
        let (entry, interpreter) = (entry.name().clone(), entry.rule.interpreter.clone());
        found.add(Weight::Harms, Cause::EmulatorReplaced { target, entry, interpreter, runs, ours });
    }
}

/// An entry that fails where the machine itself would run the program, or qus's entry would be asked, were it not for
/// that.
fn in_the_way(target: Target, entry: &Entry, observed: &Observed, before: usize, found: &mut Diagnosis) {
    let installed = observed.receipt.targets.contains_key(&target);
    // Where addresses are limited, every emulator fails.
    let limited = found.findings[before..].iter().any(|finding| matches!(finding.cause, Cause::AddressSpace { .. }));
    let failed = !limited && found.findings[before..].iter().any(|finding| finding.weight == Weight::Stops);
    let (name, owner) = (entry.name().clone(), observed.owner(entry));
    let cause = match failed {
        true if found.native => Cause::NativeTaken { entry: name },
        true if installed && !observed.is_ours(entry) => Cause::NeighbourFails { target, entry: name, owner },
        _ => return,
    };
    found.findings.insert(before, super::Finding { cause, weight: Weight::Stops });
}

/// Whether a program that is run gets what it should: its rights, its name, its arguments; and a sound emulator.
fn behaves(
    target: Target,
    entry: &Entry,
    examined: &Examined,
    observed: &Observed,
    around: &Around,
    found: &mut Diagnosis,
) {
    let (name, flags, ours) = (entry.name(), &entry.rule.flags, observed.is_ours(entry));
    let path = || examined.path.clone();
    if let There::File(mode) = &examined.there
        && mode.set_id
        && !mode.nosuid
        && !flags.has('C')
    {
        found.add(Weight::Harms, Cause::SetIdWithoutCredentials { target, path: path(), entry: name.clone() });
    }
    let version = version(target, examined, observed);
    let told = found.findings.iter().any(|finding| matches!(finding.cause, Cause::Argv0Shifted { .. }));
    if told {
        // It is why the emulator does not work.
    } else if let Some(why) = shifted(entry, version, observed, around) {
        found.add(Weight::Harms, Cause::Argv0Shifted { target, entry: name.clone(), why, ours });
    } else if !flags.has('P') && !is_old(observed.kernel) {
        let weight = if minds_its_name(&examined.path) { Weight::Harms } else { Weight::Remark };
        found.add(weight, Cause::Argv0Lost { target, path: path(), entry: name.clone(), ours });
    }
    let Some(version) = version else { return };
    for advisory in advisory::against(version, target, observed.host) {
        let (what, reported) = (advisory.what, advisory.source);
        found.add(Weight::Harms, Cause::Advisory { target, version, what, reported, ours });
    }
    if let Some(value) = too_random(version, observed, around) {
        // If it crashes, that was told before.
        let cause = Cause::MmapRndBits { value, version };
        if found.findings.iter().all(|finding| finding.cause != cause) {
            found.add(Weight::Remark, cause);
        }
    }
}

/// The version of the emulator that runs it: what it says itself, else what the receipt says of ours.
fn version(target: Target, examined: &Examined, observed: &Observed) -> Option<QemuVersion> {
    let running = examined.running()?;
    let ours = || {
        let installed = observed.receipt.targets.get(&target)?;
        (installed.path.as_str() == running.path).then(|| QemuVersion::of_release(&installed.version)).flatten()
    };
    running.version.or_else(ours)
}

/// Why the emulator takes its arguments for others than they are, if it does.
fn shifted(entry: &Entry, version: Option<QemuVersion>, observed: &Observed, around: &Around) -> Option<&'static str> {
    let interpreter = &entry.rule.interpreter;
    let script = around.emulators.get(interpreter).is_some_and(|file| file.script);
    match entry.rule.flags.has('P') {
        true if is_old(observed.kernel) => Some("it has flag P, of which QEMU does not learn before Linux 5.12"),
        true if script => Some("it has flag P, of which an emulator does not learn that a script starts"),
        false if interpreter.ends_with(ALWAYS_P) && version.is_none_or(|version| version < FORGOT_ALWAYS_P) => {
            Some("it has no flag P, and by this name the emulator takes it for granted")
        }
        _ => None,
    }
}

/// How the name of an emulator ends that Debian's QEMU takes for a sign that there is flag `P` (package qemu
/// 1:7.2+dfsg-7+deb12u18 and 1:10.0.13+ds-0+deb13u1, as tried).
const ALWAYS_P: &str = "-binfmt-P";

/// The first version that does not do so any more (package qemu 1:11.1.3+ds-1, as tried).
const FORGOT_ALWAYS_P: QemuVersion = QemuVersion(11, 0, 0);

/// Whether the kernel does not tell emulators of flag `P`: `AT_FLAGS_PRESERVE_ARGV0` came with Linux 5.12.
fn is_old(kernel: KernelVersion) -> bool {
    kernel < KernelVersion(5, 12)
}

/// Programs that are called by many names and do another thing by each. A link to one is called by its path, which
/// is what the program gets; nor does a shell mind, but where it is a login shell.
fn minds_its_name(path: &str) -> bool {
    const PROGRAMS: [&str; 3] = ["busybox", "toybox", "coreutils"];
    path.rsplit('/').next().is_some_and(|name| PROGRAMS.contains(&name))
}
