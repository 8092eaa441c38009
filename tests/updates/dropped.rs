//! Targets that fail their proof: what is told and written down of the rest, also where it is cut off behind that.

use std::path::Path;

use nix::errno::Errno;
use tempfile::TempDir;

use super::kernel::crash;
use crate::support::machine::Said;
use crate::support::real::{answering, status};
use crate::support::releases::Releases;
use crate::support::sandbox::Sandbox;
use crate::support::shim::{Call, Fault, calls, stand_before};
use crate::support::tree::Tree;

const TRUST: &str = "var/lib/qus/trust.json";

/// A machine whose emulator of aarch64 runs, and a repository whose newer one does not.
fn before_a_broken_update() -> (Releases, Sandbox) {
    let mut releases = Releases::with("11.1.3-1");
    let machine = releases.machine();
    machine.qus(&["install", "aarch64", "riscv64"]).expect(0, &[]);
    releases.publisher.index.channels.insert("edge".to_owned(), "11.1.3-1".parse().unwrap());
    releases.add_broken("11.1.4-1", "aarch64", crash());
    (releases, machine)
}

/// All but what was heard of the repository, and that.
fn apart(changes: Tree) -> (Tree, Tree) {
    changes.into_iter().partition(|(path, _)| path != TRUST)
}

#[test]
fn a_channel_is_followed_though_nothing_that_was_to_change_runs() {
    let (_releases, machine) = before_a_broken_update();
    machine
        .qus(&["update", "aarch64", "riscv64@edge"])
        .expect(10, &["aarch64 11.1.4-1 does not run", "riscv64 follows edge from now on"]);
    assert_eq!(status(&machine, "riscv64")["installed"]["channel"], "edge");
    assert_eq!(status(&machine, "aarch64")["installed"]["channel"], "stable");
    assert_eq!(answering(&machine, "arm64"), "/usr/local/lib/qus/bin/11.1.3-1/qemu-aarch64-static");
    assert!(!machine.changes().keys().any(|path| path.contains("11.1.4-1")), "{:?}", machine.changes().keys());
    machine.qus(&["apply"]).expect(0, &["nothing to do"]);
}

#[test]
fn an_install_of_which_nothing_runs_leaves_what_was_heard_of_the_repository_and_nothing_else() {
    let mut releases = Releases::with("11.1.3-1");
    let machine = releases.machine();
    machine.qus(&["install", "aarch64"]).expect(0, &[]);
    let (before, heard) = apart(machine.changes());
    releases.add_broken("11.1.4-1", "riscv64", crash());
    let said = machine.qus(&["install", "riscv64"]).expect(10, &["riscv64 was taken back, for it does not run"]);
    assert!(!said.stderr.contains("serves programs in it"), "nothing is registered: {said:#?}");
    let (after, heard_now) = apart(machine.changes());
    assert_eq!(after, before);
    assert_ne!(heard_now, heard, "the news are lost");
}

/// Runs `qus update`, with a fault at the call of that number. Tells by which calls.
fn update(machine: &Sandbox, fault: Option<(usize, Fault)>) -> (Said, Vec<Call>) {
    let folder = TempDir::new().unwrap();
    let log = folder.path().join("log");
    let mut command = machine.command(env!("CARGO_BIN_EXE_qus"), &["update"]);
    stand_before(&mut command, &log, "/var/lib/qus", fault);
    (Said::by(command.output().unwrap()), calls(&log))
}

/// The call by which it begins to write down what it heard when all else is undone.
fn remembers(calls: &[Call]) -> &Call {
    let writes = |call: &&Call| call.name == "open" && Path::new(&call.path).ends_with("trust.json.qus-new");
    calls.iter().rfind(writes).unwrap()
}

#[test]
fn an_update_of_which_nothing_runs_is_told_of_whatever_comes_of_what_was_heard() {
    let (_releases, machine) = before_a_broken_update();
    let (said, clean) = update(&machine, None);
    said.expect(10, &["aarch64 11.1.4-1 does not run"]);
    let remember = remembers(&clean);
    for (fault, code) in [(Fault::Error(Errno::ENOSPC), Some(1)), (Fault::Kill, None)] {
        let (_releases, machine) = before_a_broken_update();
        let (before, heard_before) = apart(machine.changes());
        let (said, met) = update(&machine, Some((remember.number, fault)));
        let hit = met.iter().find(|call| call.hit).unwrap();
        assert_eq!(Call { hit: false, ..hit.clone() }, *remember);
        assert_eq!(said.code, code, "{said:#?}");
        // Who is killed says nothing more.
        assert_eq!(said.stderr.contains("aarch64 11.1.4-1 does not run"), code.is_some(), "{said:#?}");
        assert_eq!(answering(&machine, "arm64"), "/usr/local/lib/qus/bin/11.1.3-1/qemu-aarch64-static");
        machine.qus(&["apply"]).expect(0, &["nothing to do"]);
        assert_eq!(apart(machine.changes()), (before.clone(), heard_before.clone()));
        machine.qus(&["update"]).expect(10, &["aarch64 11.1.4-1 does not run", "11.1.3-1 is back in its place"]);
        let (after, heard) = apart(machine.changes());
        assert_eq!(after, before);
        assert_ne!(heard, heard_before, "the news are lost");
    }
}
