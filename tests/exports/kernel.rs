//! Exports, loaded by those for whom they are written, into the kernel's own table.

mod boot;
mod openrc;

use std::path::PathBuf;

use serde_json::Value;

use crate::support::real::{PORTS, machine, program, provided, runs};
use crate::support::sandbox::Sandbox;

/// An entry of somebody else's, which takes no programs.
const STRANGER: &str = ":stranger:E::stranger::/bin/true:";

/// A package of Debian's, unpacked.
fn neighbour(name: &str) -> PathBuf {
    provided("QUS_TEST_NEIGHBOURS").join(name)
}

/// This machine, with `targets` installed.
fn with(targets: &[&str]) -> Sandbox {
    let sandbox = machine();
    sandbox.qus(&[&["install", "--emulate-native"], targets].concat()).expect(0, &[]);
    sandbox
}

/// This machine, with a target installed for every port of Debian, and an entry of somebody else's.
fn with_every_port() -> Sandbox {
    let targets: Vec<&str> = PORTS.iter().map(|(target, ..)| *target).collect();
    let sandbox = with(&targets);
    register(&sandbox, STRANGER);
    sandbox
}

fn register(sandbox: &Sandbox, rule: &str) {
    sandbox.shell(&format!("printf '%s' '{rule}' > /proc/sys/fs/binfmt_misc/register")).expect(0, &[]);
}

/// Takes every entry away but the stranger's, as a boot would.
fn forget(sandbox: &Sandbox) {
    sandbox.shell("echo -1 > /proc/sys/fs/binfmt_misc/status").expect(0, &[]);
    register(sandbox, STRANGER);
}

fn every_port_runs(sandbox: &Sandbox) {
    for (_, debian, uname) in PORTS {
        runs(sandbox, &program(debian), uname);
    }
}

/// Exports to a folder of the sandbox's own, and does what the export says to type.
#[track_caller]
fn export_and_load(sandbox: &Sandbox, format: &str, words: &[&str]) {
    let said = sandbox.qus(&[&["export", "--json", format, "/run/export"], words].concat()).expect(0, &[]);
    let document: Value = serde_json::from_str(&said.stdout).unwrap();
    let load = document["load"].as_str().unwrap();
    sandbox.shell(&format!("PATH=$PATH:/usr/sbin:/sbin; {load}")).expect(0, &[]);
}

#[test]
fn systemd_binfmt_makes_of_the_export_what_install_made() {
    let sandbox = with_every_port();
    let table = sandbox.table();
    sandbox.qus(&["export", "systemd", "/run/kept"]).expect(0, &[]);
    // Somebody who has the export and no drop-ins of qus's.
    sandbox.shell("rm /etc/binfmt.d/*").expect(0, &[]);
    forget(&sandbox);
    export_and_load(&sandbox, "systemd", &[]);
    assert_eq!(sandbox.table(), table);
    every_port_runs(&sandbox);
}

#[test]
fn update_binfmts_makes_the_same_of_it_but_o_which_it_does_not_know() {
    let sandbox = with_every_port();
    let table = sandbox.table();
    let package = neighbour("binfmt-support");
    sandbox.shell(&format!("cp -a {}/usr/. /usr/; mkdir /var/lib/binfmts", package.display())).expect(0, &[]);
    forget(&sandbox);
    export_and_load(&sandbox, "debian", &[]);
    assert_eq!(sandbox.table(), table.replace("flags: POF", "flags: PF"));
    every_port_runs(&sandbox);
    // It keeps what it took, and does it again at boot.
    forget(&sandbox);
    sandbox.shell("PATH=$PATH:/usr/sbin; update-binfmts --enable").expect(0, &[]);
    every_port_runs(&sandbox);
}

#[test]
fn a_foreign_appimage_runs_where_it_was_asked_for() {
    let sandbox = with(&["aarch64"]);
    let image = "/run/busybox.AppImage";
    // A type 2 AppImage is an ELF file with three bytes where others have zeros.
    sandbox
        .shell(&format!(
            "cp {} {image}; printf 'AI\\002' | dd of={image} bs=1 seek=8 conv=notrunc status=none",
            program("arm64").display()
        ))
        .expect(0, &[]);
    // Other shells would take it for a script.
    sandbox.run("bash", &["-c", &format!("{image} uname -m")]).expect(126, &["Exec format error"]);
    sandbox.qus(&["install", "--match", "appimage", "aarch64"]).expect(0, &[]);
    sandbox.run(image, &["uname", "-m"]).expect(0, &["aarch64"]);
    runs(&sandbox, &program("arm64"), "aarch64");

    // What is exported is what was installed.
    let table = sandbox.table();
    sandbox.shell("echo -1 > /proc/sys/fs/binfmt_misc/status; rm /etc/binfmt.d/*").expect(0, &[]);
    export_and_load(&sandbox, "systemd", &[]);
    assert_eq!(sandbox.table(), table);
    sandbox.run(image, &["uname", "-m"]).expect(0, &["aarch64"]);
}

#[test]
fn a_full_disk_gets_no_half_an_export() {
    let sandbox = with(&["aarch64", "arm", "riscv64"]);
    // Room for two files and their folders, not for three.
    sandbox.shell("mkdir /run/small; mount -t tmpfs -o size=16k tmpfs /run/small").expect(0, &[]);
    sandbox.qus(&["export", "debian", "/run/small/a", "aarch64", "arm"]).expect(0, &[]);
    let files = || sandbox.shell("cd /run/small; find . | sort; cat a/*").stdout;
    let before = files();
    sandbox.shell("head -c 4096 /dev/zero > /run/small/ballast").expect(0, &[]);
    sandbox
        .qus(&["export", "debian", "/run/small/b/c"])
        .expect(1, &["error: cannot write \"/run/small/b/c/qemu-arm\"", "free some space: df -h"]);
    sandbox.shell("rm /run/small/ballast").expect(0, &[]);
    assert_eq!(files(), before);
}

#[test]
fn an_export_to_a_read_only_place_says_so() {
    let sandbox = with(&["aarch64"]);
    sandbox.shell("mkdir /run/closed; mount -t tmpfs -o ro tmpfs /run/closed").expect(0, &[]);
    for directory in ["/run/closed", "/run/closed/new"] {
        sandbox
            .qus(&["export", "openrc", directory])
            .expect(1, &[directory, "Read-only file system", "mount it writable: findmnt -T"]);
    }
}
