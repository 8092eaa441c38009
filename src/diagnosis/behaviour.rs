//! Programs that are run: whether they get what is theirs.

use super::cause::Cause;
use super::emulator::too_random;
use super::examined::There;
use super::taken::Taken;
use super::{Diagnosis, Weight};
use crate::qemu::QemuVersion;
use crate::target::Target;

/// Whether a program that is run gets what it should: its rights, its name, its arguments; and a sound emulator.
pub(super) fn behaves(target: Target, taken: Taken, found: &mut Diagnosis) {
    let Taken { entry, examined, observed, around } = taken;
    let (name, of) = (entry.name(), taken.provider());
    let path = || examined.path.clone();
    if let There::File(mode) = &examined.there
        && mode.set_id
        && !mode.nosuid
        && !taken.has('C')
    {
        found.add(Weight::Harms, Cause::SetIdWithoutCredentials { target, path: path(), entry: name.clone() });
    }
    let version = taken.version(target);
    let told = found.findings.iter().any(|finding| matches!(finding.cause, Cause::Argv0Shifted { .. }));
    if told {
        // It is why the emulator does not work.
    } else if let Some(why) = shifted(version, taken) {
        found.add(Weight::Harms, Cause::Argv0Shifted { target, entry: name.clone(), why, of });
    } else if !taken.has('P') && !taken.is_on_old_kernel() {
        let weight = if minds_its_name(&examined.path) { Weight::Harms } else { Weight::Remark };
        found.add(weight, Cause::Argv0Lost { target, path: path(), entry: name.clone(), ours: taken.is_ours() });
    }
    let Some(version) = version else { return };
    let kernel = observed.kernel;
    for advisory in around.advisories.iter().filter(|known| known.meets(version, target, observed.host, kernel)) {
        let (what, reported) = (advisory.what.clone(), advisory.source.clone());
        found.add(Weight::Harms, Cause::Advisory { target, version, what, reported, of });
    }
    if let Some(value) = too_random(version, observed, around) {
        // If it crashes, that was told before.
        let cause = Cause::MmapRndBits { value, version };
        if found.findings.iter().all(|finding| finding.cause != cause) {
            found.add(Weight::Remark, cause);
        }
    }
}

/// Why the emulator takes its arguments for others than they are, if it does.
pub(super) fn shifted(version: Option<QemuVersion>, taken: Taken) -> Option<&'static str> {
    let script = taken.file().is_some_and(|file| file.script);
    match taken.has('P') {
        true if taken.is_on_old_kernel() => Some("it has flag P, of which QEMU does not learn before Linux 5.12"),
        true if script => Some("it has flag P, of which an emulator does not learn that a script starts"),
        false if taken.interpreter().ends_with(ALWAYS_P) && version.is_none_or(|version| version < FORGOT_ALWAYS_P) => {
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

/// Programs that are called by many names and do another thing by each. A link to one is called by its path, which
/// is what the program gets; nor does a shell mind, but where it is a login shell.
fn minds_its_name(path: &str) -> bool {
    const PROGRAMS: [&str; 3] = ["busybox", "toybox", "coreutils"];
    path.rsplit('/').next().is_some_and(|name| PROGRAMS.contains(&name))
}
