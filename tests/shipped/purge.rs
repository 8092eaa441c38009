//! What `dpkg --purge` leaves of what `qus install` did: nothing, with the program gone already.

use std::path::Path;

use tempfile::TempDir;

use crate::support::real::{answering, provided, runs};
use crate::support::sandbox::Sandbox;

/// How the script asks whether the kernel's table is its system's own.
const GUARD: &str = "if is_machine; then";

/// How it says yes.
const OWN: (&str, &str) = (GUARD, "if true; then");

/// Runs the package's script as dpkg does. In a sandbox the table is never taken for the system's own; with `own`, it is.
#[track_caller]
fn postrm(sandbox: &Sandbox, word: &str, own: bool) {
    postrm_with(sandbox, word, if own { &[OWN] } else { &[] });
}

/// The same, with other words in the place of some of the script's.
#[track_caller]
fn postrm_with(sandbox: &Sandbox, word: &str, changes: &[(&str, &str)]) {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("debian/postrm");
    let mut text = std::fs::read_to_string(script).unwrap();
    for (there, instead) in changes {
        assert_eq!(text.matches(there).count(), 1, "{there}");
        text = text.replace(there, instead);
    }
    let folder = TempDir::new().unwrap();
    let script = folder.path().join("qus.postrm");
    std::fs::write(&script, text).unwrap();
    let said = sandbox.run("sh", &[script.to_str().unwrap(), word]).expect(0, &[]);
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
    // An entry of somebody else's, and one of the administrator's drop-ins.
    machine.shell("cp /bin/sh /usr/local/lib/other; echo ':other:M::\\x00other::/usr/local/lib/other:F' > /proc/sys/fs/binfmt_misc/register; echo '# mine' > /etc/binfmt.d/qus-mine.conf").expect(0, &[]);
    let (table, files) = (machine.table(), machine.changes());
    trust(&machine);
    machine.qus(&["install", "aarch64", "riscv64"]).expect(0, &[]);
    let installed = machine.table();
    postrm(&machine, "remove", true);
    assert_eq!(machine.table(), installed);
    runs(&machine, &crate::support::real::program("arm64"), "aarch64");

    // dpkg may call it twice.
    for _ in 0..2 {
        postrm(&machine, "purge", true);
        assert_eq!((machine.table(), machine.changes()), (table.clone(), files.clone()));
    }
}

#[test]
fn whom_qus_displaced_runs_its_programs_again_after_a_purge() {
    let machine = Sandbox::new();
    let neighbours = provided("QUS_TEST_NEIGHBOURS");
    let script = format!(
        "cp {}/debian-sid/usr/bin/qemu-aarch64 /usr/bin
         cp {}/debian-sid/usr/share/qemu/binfmt.d/qemu-aarch64.conf /usr/lib/binfmt.d
         /usr/lib/systemd/systemd-binfmt",
        neighbours.display(),
        neighbours.display()
    );
    machine.shell(&script).expect(0, &[]);
    let (table, files) = (machine.table(), machine.changes());
    assert_eq!(answering(&machine, "arm64"), "/usr/bin/qemu-aarch64");
    // The last is a system whose /usr is not merged, as Debian 11 and Ubuntu 20.04 may be.
    let unmerged = (" in /usr/lib/systemd/systemd-binfmt ", " in /nowhere ");
    for changes in [&[OWN][..], &[OWN, unmerged]] {
        trust(&machine);
        machine.qus(&["install", "aarch64"]).expect(0, &[]);
        assert!(answering(&machine, "arm64").starts_with("/usr/local/lib/qus/bin/"));
        postrm_with(&machine, "purge", changes);
        assert_eq!((machine.table(), machine.changes()), (table.clone(), files.clone()));
        assert_eq!(answering(&machine, "arm64"), "/usr/bin/qemu-aarch64");
    }
}

#[test]
fn in_namespaces_that_are_no_machine_of_their_own_the_table_is_left_alone() {
    let machine = Sandbox::new();
    trust(&machine);
    machine.qus(&["install", "aarch64"]).expect(0, &[]);
    let table = machine.table();
    postrm(&machine, "purge", false);
    assert_eq!(machine.table(), table);
    machine
        .shell("! ls /usr/local/lib/qus /var/lib/qus /etc/qus /etc/binfmt.d/qus-aarch64.conf 2>/dev/null")
        .expect(0, &[]);
}

#[test]
fn another_qus_keeps_all_that_it_lives_by_for_as_long_as_it_is_there() {
    let machine = Sandbox::new();
    let nothing = (machine.table(), machine.changes());
    trust(&machine);
    machine.qus(&["install", "aarch64"]).expect(0, &[]);
    let by_script = r#"printf '{\n  "schema": 1,\n  "path": "/usr/local/lib/apps/qus",\n  "version": "0.1.0"\n}\n' > /var/lib/qus/self.json"#;
    for (makes, takes) in [
        ("cp /bin/true /usr/local/bin/qus", "rm /usr/local/bin/qus"),
        ("mkdir /usr/local/lib/apps; cp /bin/true /usr/local/lib/apps/qus", "rm -r /usr/local/lib/apps"),
    ] {
        machine.shell(&format!("{makes}; {by_script}")).expect(0, &[]);
        let there = (machine.table(), machine.changes());
        postrm(&machine, "purge", true);
        assert_eq!((machine.table(), machine.changes()), there);
        machine.shell(takes).expect(0, &[]);
    }
    // What install.sh wrote down outlives its program.
    postrm(&machine, "purge", true);
    assert_eq!((machine.table(), machine.changes()), nothing);
}
