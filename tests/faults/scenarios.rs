//! What is tried: a machine before, and a command. What was and what is to be are told apart by the whole machine.

use qus::dropin::packaged::text_for_older_kernels;

use super::machines::{Machine, NEWS, VERSIONS};
use crate::support::publisher::target;

/// A row of the table of commands.
pub(super) struct Scenario {
    pub(super) name: &'static str,
    /// Makes of a machine with nothing of qus what it is before.
    pub(super) before: fn(&dyn Machine),
    pub(super) command: &'static [&'static str],
}

impl Scenario {
    /// Whether the command undoes what it did when it is given again.
    pub(super) fn goes_to_and_fro(&self) -> bool {
        self.command.iter().any(|word| word.ends_with("rollback"))
    }

    /// Whether it does the rest, and says so, where the kernel does not do its part.
    pub(super) fn does_without_the_kernel(&self) -> bool {
        self.command[0] == "packaged"
    }
}

/// Another owner of `aarch64`, whose file sorts before ours.
const FEX: &str = r":FEX-aarch64:M::\x7fELF\x02\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\xb7\x00:\xff\xff\xff\xff\xff\xff\xff\x00\xff\xff\xff\xff\xff\xff\xff\xff\xfe\xff\xff\xff:/usr/bin/FEX:POF";

pub(super) const NOTHING: fn(&dyn Machine) = |_| {};

fn installed(machine: &dyn Machine) {
    machine.qus(&["install", "aarch64"]);
}

fn two_installed(machine: &dyn Machine) {
    machine.qus(&["install", "aarch64", "arm"]);
}

fn older_installed(machine: &dyn Machine) {
    machine.qus(&["install", "aarch64@11.1.3-1", "arm@11.1.3-1"]);
}

fn with_fex(machine: &dyn Machine) {
    machine.write("usr/lib/binfmt.d/FEX-aarch64.conf", FEX);
    machine.qus(&["install", "--yes", "aarch64"]);
}

/// Somebody took the link and a drop-in away, and wrote in another.
fn meddled_with(machine: &dyn Machine) {
    two_installed(machine);
    machine.take("usr/local/lib/qus/bin/qemu-aarch64-static");
    machine.take("etc/binfmt.d/qus-aarch64.conf");
    machine.write("etc/binfmt.d/qus-arm.conf", "# mine\n");
}

/// An emulator of nobody's.
fn with_a_folder(machine: &dyn Machine) {
    machine.lay_emulators("usr/local/lib/emulators");
}

fn registered(machine: &dyn Machine) {
    with_a_folder(machine);
    machine.qus(&["register", "aarch64", "arm", "--path", "/usr/local/lib/emulators"]);
}

fn unregistered(machine: &dyn Machine) {
    installed(machine);
    machine.qus(&["unregister", "aarch64"]);
}

/// What packages brought.
fn unpacked(machine: &dyn Machine) {
    machine.lay_packages();
}

fn packaged(machine: &dyn Machine) {
    unpacked(machine);
    machine.qus(&["packaged", "add", "aarch64", "arm"]);
}

/// One of them is linked as for a kernel before Linux 5.12.
fn packaged_for_an_older_kernel(machine: &dyn Machine) {
    packaged(machine);
    let link = "usr/lib/binfmt.d/qus-aarch64.conf";
    machine.take(link);
    machine.write(link, text_for_older_kernels(target("aarch64")).trim_end());
}

/// Two of a version that follow a channel, which names a newer one by now.
fn behind(machine: &dyn Machine) {
    machine.offer(VERSIONS[1]);
    two_installed(machine);
    machine.offer(VERSIONS[2]);
}

/// The same with an earlier version kept, which the newer one drives out.
fn behind_with_a_kept_one(machine: &dyn Machine) {
    machine.offer(VERSIONS[0]);
    two_installed(machine);
    machine.offer(VERSIONS[1]);
    machine.qus(&["update"]);
    machine.offer(VERSIONS[2]);
}

fn updated(machine: &dyn Machine) {
    behind(machine);
    machine.qus(&["update"]);
}

fn with_news(machine: &dyn Machine) {
    two_installed(machine);
    machine.offer(NEWS);
}

#[cfg(feature = "self-update")]
fn self_updated(machine: &dyn Machine) {
    machine.qus(&["self-update"]);
}

/// Changes of files, on images.
pub(super) const OF_FILES: &[Scenario] = &[
    Scenario { name: "install one", before: NOTHING, command: &["install", "aarch64"] },
    Scenario { name: "install two", before: NOTHING, command: &["install", "aarch64", "arm"] },
    Scenario { name: "install another", before: installed, command: &["install", "arm"] },
    Scenario { name: "install newer", before: older_installed, command: &["install", "aarch64", "arm"] },
    Scenario { name: "remove one of two", before: two_installed, command: &["remove", "arm"] },
    Scenario { name: "remove all", before: two_installed, command: &["remove", "all"] },
    Scenario { name: "prefer", before: with_fex, command: &["prefer", "aarch64", "fex"] },
    Scenario { name: "apply", before: meddled_with, command: &["apply"] },
    Scenario { name: "update one of two", before: behind_with_a_kept_one, command: &["update", "aarch64"] },
    Scenario { name: "update of news", before: with_news, command: &["update"] },
    Scenario { name: "rollback", before: updated, command: &["rollback"] },
    Scenario { name: "packaged add", before: unpacked, command: &["packaged", "add", "aarch64", "arm"] },
    Scenario { name: "packaged remove", before: packaged, command: &["packaged", "remove", "aarch64", "arm"] },
    Scenario { name: "pin", before: two_installed, command: &["pin", "arm"] },
];

/// Changes of the kernel's table, and of files with it.
pub(super) const OF_THE_KERNEL: &[Scenario] = &[
    Scenario { name: "install", before: NOTHING, command: &["install", "aarch64"] },
    Scenario { name: "install newer", before: older_installed, command: &["install", "aarch64", "arm"] },
    Scenario { name: "remove", before: two_installed, command: &["remove", "all"] },
    Scenario { name: "apply", before: unregistered, command: &["apply"] },
    Scenario {
        name: "register",
        before: with_a_folder,
        command: &["register", "aarch64", "arm", "--path", "/usr/local/lib/emulators"],
    },
    Scenario {
        name: "register over",
        before: registered,
        command: &["register", "aarch64", "arm", "--path", "/usr/local/lib/emulators", "--flags", "F"],
    },
    Scenario {
        name: "unregister",
        before: registered,
        command: &["unregister", "aarch64", "arm", "--path", "/usr/local/lib/emulators"],
    },
    Scenario { name: "packaged add", before: unpacked, command: &["packaged", "add", "aarch64", "arm"] },
    Scenario { name: "packaged remove", before: packaged, command: &["packaged", "remove", "aarch64", "arm"] },
    Scenario { name: "apply to packages", before: packaged_for_an_older_kernel, command: &["apply"] },
    Scenario { name: "update", before: behind, command: &["update"] },
    Scenario { name: "rollback", before: updated, command: &["rollback"] },
];

/// Changes that mount the kernel's table first. What is mounted in a sandbox stays only as long as it does, so this one
/// is told that it is the machine.
pub(super) const OF_THE_UNMOUNTED: &[Scenario] = &[
    Scenario { name: "install", before: NOTHING, command: &["install", "aarch64"] },
    Scenario {
        name: "register",
        before: with_a_folder,
        command: &["register", "aarch64", "--path", "/usr/local/lib/emulators"],
    },
];

/// Changes of the program itself.
#[cfg(feature = "self-update")]
pub(super) const OF_ITSELF: &[Scenario] = &[
    Scenario { name: "self-update", before: NOTHING, command: &["self-update"] },
    Scenario { name: "self-rollback", before: self_updated, command: &["self-update", "--rollback"] },
];
