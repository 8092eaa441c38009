//! What `dpkg --purge` leaves of what `qus install` did: nothing, with the program gone already.

use std::path::Path;

use crate::support::real::{answering, provided};
use crate::support::sandbox::Sandbox;

/// Runs the package's script as dpkg does.
#[track_caller]
fn postrm(sandbox: &Sandbox, words: &[&str]) {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("debian/postrm");
    let said = sandbox.run(script.to_str().unwrap(), words).expect(0, &[]);
    assert_eq!((said.stdout.as_str(), said.stderr.as_str()), ("", ""));
}

/// Makes it trust the repository of real emulators.
fn trust(sandbox: &Sandbox) {
    let anchor = provided("QUS_TEST_REPOSITORY").join("anchor.json");
    let script = format!("mkdir -p /etc/qus/trust.d; cp {} /etc/qus/trust.d/test.json", anchor.display());
    sandbox.shell(&script).expect(0, &[]);
}

#[test]
fn removal_leaves_targets_running_and_purge_leaves_nothing() {
    let machine = Sandbox::new();
    let (table, files) = (machine.table(), machine.changes());
    trust(&machine);
    machine.qus(&["install", "aarch64", "riscv64"]).expect(0, &[]);
    let installed = machine.table();
    postrm(&machine, &["remove"]);
    assert_eq!(machine.table(), installed);
    assert!(answering(&machine, "arm64").starts_with("/usr/local/lib/qus/bin/"));

    postrm(&machine, &["purge"]);
    assert_eq!((machine.table(), machine.changes()), (table.clone(), files.clone()));
    // dpkg may call it again.
    postrm(&machine, &["purge"]);
    assert_eq!((machine.table(), machine.changes()), (table, files));
}
