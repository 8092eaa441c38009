//! The real kernel: an update that fails its proof, and the way back.

use std::fs;
use std::process::Command;

use tempfile::TempDir;

use crate::support::real::{answering, program, runs, status};
use crate::support::releases::Releases;

/// A static program of this host that crashes.
pub(super) fn crash() -> Vec<u8> {
    let folder = TempDir::new().unwrap();
    let (source, built) = (folder.path().join("crash.c"), folder.path().join("crash"));
    fs::write(&source, "#include <stdlib.h>\nint main(void) { abort(); }\n").unwrap();
    let compiled = Command::new("cc").args(["-static", "-s", "-o"]).args([&built, &source]).status().unwrap();
    assert!(compiled.success(), "cc");
    fs::read(built).unwrap()
}

#[test]
fn a_new_emulator_that_crashes_is_taken_back_at_once_and_the_old_one_runs_on() {
    let mut releases = Releases::with("11.1.3-1");
    let machine = releases.machine();
    machine.qus(&["install", "aarch64", "riscv64"]).expect(0, &[]);
    let before = machine.changes();
    releases.add_broken("11.1.4-1", "aarch64", crash());
    let said = machine
        .qus(&["update"])
        .expect(10, &["aarch64 11.1.4-1 does not run: crash, SIGABRT", "11.1.3-1 is back in its place"]);
    assert!(said.stderr.contains("riscv64: stable names 11.1.4-1, which has no emulator of it"), "{said:#?}");
    let after = |machine: &crate::support::sandbox::Sandbox| {
        let mut changes = machine.changes();
        // What was heard of the repository is not taken back.
        let heard = changes.insert("var/lib/qus/trust.json".to_owned(), before["var/lib/qus/trust.json"].clone());
        (changes, heard)
    };
    let (changes, heard) = after(&machine);
    assert_eq!(changes, before);
    assert_ne!(heard.as_ref(), before.get("var/lib/qus/trust.json"), "the news are lost");
    assert_eq!(answering(&machine, "arm64"), "/usr/local/lib/qus/bin/11.1.3-1/qemu-aarch64-static");
    runs(&machine, &program("arm64"), "aarch64");
    runs(&machine, &program("riscv64"), "riscv64");
    assert_eq!(status(&machine, "aarch64")["state"], "ready");
}

#[test]
fn of_two_only_the_one_that_fails_is_taken_back() {
    let mut releases = Releases::with("11.1.3-1");
    let machine = releases.machine();
    machine.qus(&["install", "aarch64", "riscv64"]).expect(0, &[]);
    releases.add_single("11.1.4-1", "riscv64");
    releases.publisher.index.channels.insert("edge".to_owned(), "11.1.4-1".parse().unwrap());
    releases.add_broken("11.1.5-1", "aarch64", crash());
    let said = machine.qus(&["update", "aarch64", "riscv64@edge"]);
    let said = said.expect(10, &["riscv64 11.1.3-1 -> 11.1.4-1\n", "aarch64 11.1.5-1 does not run"]);
    assert!(!said.stdout.contains("aarch64"), "{said:#?}");
    assert_eq!(answering(&machine, "arm64"), "/usr/local/lib/qus/bin/11.1.3-1/qemu-aarch64-static");
    assert_eq!(answering(&machine, "riscv64"), "/usr/local/lib/qus/bin/11.1.4-1/qemu-riscv64-static");
    // Nothing is left of what failed, and nothing is amiss.
    assert!(!machine.changes().keys().any(|path| path.contains("11.1.5-1")), "{:?}", machine.changes().keys());
    machine.qus(&["apply"]).expect(0, &["nothing to do"]);
    machine.qus(&["test"]).expect(0, &[]);
}

#[test]
fn a_rollback_runs_what_ran_before_and_again_what_runs_now() {
    let mut releases = Releases::with("11.1.3-1");
    let machine = releases.machine();
    machine.qus(&["install", "aarch64"]).expect(0, &[]);
    releases.add_single("11.1.4-1", "aarch64");
    machine.qus(&["update"]).expect(0, &["aarch64 11.1.3-1 -> 11.1.4-1"]);
    let updated = (machine.table(), machine.changes());
    assert_eq!(answering(&machine, "arm64"), "/usr/local/lib/qus/bin/11.1.4-1/qemu-aarch64-static");
    machine.shell(&format!("mv {0} {0}.away", releases.publisher.folder.display())).expect(0, &[]);
    machine.qus(&["rollback"]).expect(0, &["aarch64 11.1.4-1 -> 11.1.3-1"]);
    assert_eq!(answering(&machine, "arm64"), "/usr/local/lib/qus/bin/11.1.3-1/qemu-aarch64-static");
    machine.qus(&["apply"]).expect(0, &["nothing to do"]);
    machine.qus(&["rollback"]).expect(0, &["aarch64 11.1.3-1 -> 11.1.4-1"]);
    machine.qus(&["unpin", "all"]).expect(0, &[]);
    assert_eq!((machine.table(), machine.changes()), updated);
}

#[test]
fn what_was_settled_for_a_target_outlives_its_updates() {
    let mut releases = Releases::with("11.1.3-1");
    let machine = releases.machine();
    machine.shell("mkdir -p /run/theirs; cp /bin/true /run/theirs/qemu-aarch64").expect(0, &[]);
    machine
        .qus(&["register", "aarch64", "--interpreter", "/run/theirs/qemu-aarch64", "--flags", "P"])
        .expect(0, &["dynamically linked"]);
    let theirs = machine.table();
    machine.qus(&["install", "--yes", "--credentials", "yes", "aarch64"]).expect(0, &[]);
    releases.add_single("11.1.4-1", "aarch64");
    machine.qus(&["update"]).expect(0, &["aarch64 11.1.3-1 -> 11.1.4-1"]);
    let status = status(&machine, "aarch64");
    assert_eq!((&status["entry"]["flags"], &status["dropin"]["state"]), (&"POCF".into(), &"ok".into()));
    // What the first install displaced is still known.
    machine.qus(&["remove", "aarch64"]).expect(0, &["qemu-aarch64 runs /run/theirs/qemu-aarch64 again"]);
    assert_eq!(machine.table(), theirs);
}

#[test]
fn check_needs_no_rights() {
    let mut releases = Releases::with("11.1.3-1");
    let machine = releases.machine();
    machine.qus(&["install", "aarch64"]).expect(0, &[]);
    releases.add_single("11.1.4-1", "aarch64");
    let before = (machine.table(), machine.changes());
    // Another user of the same machine, with no capability in it.
    let check = format!(
        "setpriv --bounding-set=-all --inh-caps=-all --no-new-privs {} update --check",
        env!("CARGO_BIN_EXE_qus")
    );
    machine.run("sh", &["-c", &check]).expect(100, &["aarch64 11.1.3-1 -> 11.1.4-1"]);
    assert_eq!((machine.table(), machine.changes()), before);
}
