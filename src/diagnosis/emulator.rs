//! Emulators that the kernel starts: whether they work, everywhere, and are the ones that they should be.

use super::behaviour::shifted;
use super::cause::Cause;
use super::examined::{Around, EmulatorFile, Running};
use super::taken::Taken;
use super::{Diagnosis, Finding, Weight};
use crate::host::Host;
use crate::observed::Observed;
use crate::owner::Owner;
use crate::proof::Outcome;
use crate::qemu::QemuVersion;
use crate::target::Target;

/// Whether the emulator, which the kernel starts, works.
pub(super) fn works(target: Target, taken: Taken, found: &mut Diagnosis) {
    let Taken { entry, examined, observed, around } = taken;
    let said = match &examined.proof {
        Some(Outcome::Crash { signal, said }) => with(&format!("it was ended by signal {signal}"), said),
        Some(Outcome::WrongAnswer { status, said }) => with(&format!("it ended with status {status}"), said),
        Some(Outcome::TimedOut) => "it gave no answer".to_owned(),
        _ => String::new(),
    };
    if let Some(cause) = keeps_all_from_working(target, &said, around) {
        return found.stops(cause);
    }
    if said.is_empty() {
        return;
    }
    let (interpreter, of) = (taken.interpreter().to_owned(), taken.provider());
    if let Some(file) = taken.file() {
        if let Some(mount) = &file.mode.noexec {
            let (entry, mount) = (entry.name().clone(), mount.clone());
            found.stops(Cause::EmulatorOnNoexec { entry, interpreter: interpreter.clone(), mount });
        }
        if let Some((needs, is)) = too_old(file, &said, taken) {
            found.stops(Cause::HostTooOld { target, interpreter, needs, is, of });
        }
    }
    let version = taken.version(target);
    if let Some(why) = shifted(version, taken) {
        found.stops(Cause::Argv0Shifted { target, entry: entry.name().clone(), why, of });
    }
    if let (Some(Outcome::Crash { .. }), Some(version)) = (&examined.proof, version)
        && let Some(value) = too_random(version, observed, around)
    {
        found.stops(Cause::MmapRndBits { value, version });
    }
    found.stops(Cause::EmulatorFails { target, said, of });
}

/// What keeps every emulator of `target` from working here, whichever it is; `said` is what the one that was tried said.
fn keeps_all_from_working(target: Target, said: &str, around: &Around) -> Option<Cause> {
    // What fails where addresses are limited may lack some, also if it reserves none.
    let lacks_addresses = |limit: &u64| *limit < target.reserved() || !said.is_empty();
    if let Some(limit) = around.settings.address_space.filter(lacks_addresses) {
        return Some(Cause::AddressSpace { target, limit });
    }
    if said.contains("mprotect") && said.contains("Permission denied") {
        return Some(Cause::WriteExecuteDenied);
    }
    let no_room = said.contains("Unable to reserve") || said.contains("Unable to find a guest_base");
    let value = around.settings.mmap_min_addr.filter(|value| no_room && *value > LOWEST_USUAL)?;
    Some(Cause::MmapMinAddr { target, value })
}

/// What the emulator needs of this machine and does not have, and what there is.
fn too_old(file: &EmulatorFile, said: &str, taken: Taken) -> Option<(String, String)> {
    let kernel = taken.observed.kernel;
    let linux = || format!("Linux {kernel}");
    if let Some(needs) = file.kernel.filter(|needs| *needs > kernel) {
        return Some((format!("Linux {needs}"), linux()));
    }
    if said.contains("kernel too old") {
        return Some(("a newer kernel".to_owned(), linux()));
    }
    let (needs, has) = (file.level?, taken.around.settings.level?);
    let level = |level: u8| if level == 1 { "x86-64".to_owned() } else { format!("x86-64-v{level}") };
    (needs > has).then(|| (format!("a processor of {}", level(needs)), level(has)))
}

/// `vm.mmap_rnd_bits`, if it is above the 28 of x86's default (`ARCH_MMAP_RND_BITS_MIN`, Linux tag v6.12,
/// `arch/x86/Kconfig`), as in Ubuntu 24.04, and the version is one that crashes now and then where addresses are chosen
/// so freely: before 9.2.2 (tonistiigi/binfmt, issue 215 and pull request 243).
pub(super) fn too_random(version: QemuVersion, observed: &Observed, around: &Around) -> Option<u32> {
    const USUAL: u32 = 28;
    const MENDED: QemuVersion = QemuVersion(9, 2, 2);
    around.settings.mmap_rnd_bits.filter(|bits| observed.host == Host::Amd64 && *bits > USUAL && version < MENDED)
}

/// Whether it works in other root directories too, as those of containers, if that was tried.
pub(super) fn works_elsewhere(target: Target, taken: Taken, found: &mut Diagnosis) {
    if taken.examined.proof_elsewhere != Some(Outcome::NoEmulator) {
        return;
    }
    let (interpreter, entry) = (taken.interpreter().to_owned(), taken.entry.name().clone());
    let loader = taken.file().and_then(|file| file.loader.clone());
    let (target, place) = (Some(target), "containers and chroots".to_owned());
    let cause = match loader {
        Some(loader) => Cause::EmulatorDynamic { target, entry, interpreter, loader, place },
        None => Cause::NoFixBinary { target, entry, interpreter, place },
    };
    found.add(Weight::Remark, cause);
}

/// `vm.mmap_min_addr` of a usual kernel: what `DEFAULT_MMAP_MIN_ADDR` recommends (Linux tag v6.12, `mm/Kconfig`).
pub const LOWEST_USUAL: u64 = 65536;

/// What happened, and what the emulator said of it.
fn with(what: &str, said: &str) -> String {
    let line = said.lines().find(|line| line.contains("qemu")).or(said.lines().last());
    line.map_or_else(|| what.to_owned(), |line| format!("{what}: {line}"))
}

/// Whether the kernel runs another file than the one that is there now.
pub(super) fn was_replaced(target: Option<Target>, taken: Taken, running: &Running, found: &mut Diagnosis) {
    let Taken { entry, observed, .. } = taken;
    let place = &observed.place;
    // Elsewhere the path says nothing: the emulator was opened in another root directory.
    let comparable = !place.chroot && place.container.is_none() && taken.has('F');
    let Some(file) = taken.file().filter(|_| comparable) else { return };
    let of = taken.provider();
    let newer = target.and_then(|target| observed.receipt.targets.get(&target));
    let behind = taken.is_ours() && newer.is_some_and(|newer| newer.path.as_str() != taken.interpreter());
    let other = file.exists && running.identity.is_some() && file.identity != running.identity;
    // What a container registered is in no directory once it has ended, as it should be.
    let gone = !file.exists && running.deleted && !matches!(observed.owner(entry), Owner::Docker | Owner::Multiarch);
    if other || gone || behind {
        let version = running.version.map(|version| format!("QEMU {version}"));
        let runs = version.unwrap_or_else(|| "an older file".to_owned());
        let (entry, interpreter) = (entry.name().clone(), taken.interpreter().to_owned());
        found.add(Weight::Harms, Cause::EmulatorReplaced { target, entry, interpreter, runs, of, behind });
    }
}

/// An entry that fails where the machine itself would run the program, or qus's entry would be asked, were it not for
/// that.
pub(super) fn in_the_way(target: Target, taken: Taken, before: usize, found: &mut Diagnosis) {
    let Taken { entry, observed, .. } = taken;
    let installed = observed.receipt.targets.contains_key(&target);
    // Where every emulator fails, no other would be better.
    let all = |cause: &Cause| {
        matches!(cause, Cause::AddressSpace { .. } | Cause::WriteExecuteDenied | Cause::MmapMinAddr { .. })
    };
    let all_fail = found.findings[before..].iter().any(|finding| all(&finding.cause));
    let failed = !all_fail && found.findings[before..].iter().any(|finding| finding.weight == Weight::Stops);
    let (name, owner) = (entry.name().clone(), observed.owner(entry));
    let cause = match failed {
        true if found.native => Cause::NativeTaken { entry: name },
        true if installed && !taken.is_ours() => Cause::NeighbourFails { target, entry: name, owner },
        _ => return,
    };
    found.findings.insert(before, Finding { cause, weight: Weight::Stops });
}
