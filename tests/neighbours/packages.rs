//! Packages of emulators, beside everybody else who runs the same target.

use super::lay;
use crate::packaged::unpack;
use crate::support::real::{Emulators, answering, machine, status};
use crate::support::sandbox::Sandbox;

/// A machine onto which the package is unpacked, and not yet more.
fn unpacked(emulators: &Emulators) -> Sandbox {
    let sandbox = machine();
    unpack(&sandbox, "aarch64", &emulators.folder().join("qemu-aarch64-static"));
    sandbox
}

#[track_caller]
fn is_run_by_package(sandbox: &Sandbox) {
    assert_eq!(answering(sandbox, "arm64"), "/usr/libexec/qus/qemu-aarch64-static");
    super::runs_everywhere(sandbox);
    assert_eq!(status(sandbox, "aarch64")["state"], "ready");
}

/// Ways in which Debian's packages register, and register anew at boot.
const DEBIANS: [(&str, &str); 4] = [
    ("debian debian-12", "systemd_binfmt"),
    ("debian debian-12; update_binfmts --import; update_binfmts --enable", "systemd_binfmt; update_binfmts --enable"),
    ("debian debian-13", "systemd_binfmt"),
    ("debian debian-sid", "systemd_binfmt"),
];

#[test]
fn debians_are_there_before_a_package_and_after_it() {
    let emulators = Emulators::of(&["aarch64"]);
    for (comes, boots) in DEBIANS {
        let sandbox = unpacked(&emulators);
        lay(&sandbox, comes);
        let before = (sandbox.table(), sandbox.changes());
        sandbox.qus(&["packaged", "add", "aarch64"]).expect(0, &["of Debian's or Ubuntu's qemu-user until now"]);
        is_run_by_package(&sandbox);
        lay(&sandbox, boots);
        is_run_by_package(&sandbox);
        sandbox.qus(&["apply"]).expect(0, &["nothing to do"]);
        sandbox.qus(&["packaged", "remove", "aarch64"]).expect(0, &["qemu-aarch64 runs /usr/", "again"]);
        assert_eq!((sandbox.table(), sandbox.changes()), before, "{comes}");
        lay(&sandbox, boots);
        assert_eq!((sandbox.table(), sandbox.changes()), before, "{comes}");
    }
}

#[test]
fn debians_come_after_a_package_and_stay_when_it_goes() {
    let emulators = Emulators::of(&["aarch64"]);
    for (comes, boots) in DEBIANS {
        let sandbox = unpacked(&emulators);
        sandbox.qus(&["packaged", "add", "aarch64"]).expect(0, &[]);
        lay(&sandbox, comes);
        is_run_by_package(&sandbox);
        lay(&sandbox, boots);
        is_run_by_package(&sandbox);
        sandbox.qus(&["packaged", "remove", "aarch64"]).expect(0, &["again"]);
        let removed = sandbox.table();
        assert_eq!(status(&sandbox, "aarch64")["entry"]["owner"], "debian", "{comes}");
        lay(&sandbox, boots);
        assert_eq!(sandbox.table(), removed, "{comes}");
    }
}

#[test]
fn all_three_are_there_and_go_one_by_one() {
    let emulators = Emulators::of(&["aarch64"]);
    let sandbox = unpacked(&emulators);
    lay(&sandbox, "debian debian-13");
    let debians = (sandbox.table(), sandbox.changes());
    sandbox.qus(&["packaged", "add", "aarch64"]).expect(0, &[]);
    let packages = (sandbox.table(), sandbox.changes());
    sandbox.qus(&["install", "aarch64"]).expect(0, &[]);
    sandbox.qus(&["remove", "aarch64"]).expect(0, &[]);
    assert_eq!((sandbox.table(), sandbox.changes()), packages);
    // The package goes first: then it is Debian's that comes back in the end.
    sandbox.qus(&["install", "aarch64"]).expect(0, &[]);
    sandbox.qus(&["packaged", "remove", "aarch64"]).expect(0, &[]);
    sandbox.qus(&["remove", "aarch64"]).expect(0, &["qemu-aarch64 runs /usr/"]);
    assert_eq!((sandbox.table(), sandbox.changes()), debians);
}

#[test]
fn those_who_were_chosen_on_purpose_keep_their_target() {
    let emulators = Emulators::of(&["aarch64"]);
    let sandbox = unpacked(&emulators);
    lay(
        &sandbox,
        "emulator /usr/bin/FEX
         file /usr/lib/binfmt.d/FEX-aarch64.conf FEX-aarch64 $FEX /usr/bin/FEX POCF; systemd_binfmt",
    );
    let before = (sandbox.table(), sandbox.changes());
    sandbox.qus(&["packaged", "add", "aarch64"]).expect(0, &["\"aarch64\" is left to FEX", "add --yes aarch64"]);
    assert_eq!((sandbox.table(), sandbox.changes()), before);
    sandbox.qus(&["packaged", "add", "--yes", "aarch64"]).expect(0, &["aarch64 runs ("]);
    is_run_by_package(&sandbox);
    lay(&sandbox, "systemd_binfmt");
    is_run_by_package(&sandbox);
    // An upgrade asks without saying so again.
    sandbox.qus(&["packaged", "add", "aarch64"]).expect(0, &["aarch64 runs ("]);
    is_run_by_package(&sandbox);
    sandbox.qus(&["packaged", "remove", "aarch64"]).expect(0, &[]);
    assert_eq!((sandbox.table(), sandbox.changes()), before);
}

#[test]
fn what_a_container_image_registered_stays_and_is_outvoted() {
    let emulators = Emulators::of(&["aarch64"]);
    let sandbox = unpacked(&emulators);
    lay(
        &sandbox,
        "emulator /usr/bin/qemu-aarch64
         register qemu-aarch64 $QEMU /usr/bin/qemu-aarch64 CFP; rm /usr/bin/qemu-aarch64",
    );
    let before = (sandbox.table(), sandbox.changes());
    sandbox.qus(&["packaged", "add", "aarch64"]).expect(0, &["aarch64 runs ("]);
    is_run_by_package(&sandbox);
    let added = (sandbox.table(), sandbox.changes());
    sandbox.qus(&["install", "aarch64"]).expect(0, &["aarch64 runs ("]);
    super::is_run_by_qus(&sandbox);
    sandbox.qus(&["remove", "aarch64"]).expect(0, &[]);
    assert_eq!((sandbox.table(), sandbox.changes()), added);
    sandbox.qus(&["packaged", "remove", "aarch64"]).expect(0, &[]);
    assert_eq!((sandbox.table(), sandbox.changes()), before);
}
