//! The kernel's table and its entries.

use super::{
    Found, OTHERS, finds, finds_and_cures, machine_in_use, other_emulator, program, register, rule, runs, types,
};
use crate::support::real;
use crate::support::sandbox::Sandbox;

const TABLE: &str = "/proc/sys/fs/binfmt_misc";

#[test]
fn a_program_that_runs_is_healthy() {
    let sandbox = machine_in_use();
    let program = program(&sandbox);
    sandbox.qus(&["install", "aarch64"]).expect(0, &[]);
    let found = Found::of(&sandbox, &[&program]).0;
    assert_eq!(found["target"], "aarch64");
    assert_eq!(found["oci"], "linux/arm64");
    assert_eq!(found["entry"], "qemu-aarch64");
    assert_eq!(found["owner"], "qus");
    assert_eq!(found["emulator"]["version"], "11.1.3");
    assert_eq!(found["emulator"]["path"], "/usr/local/lib/qus/bin/11.1.3-1/qemu-aarch64-static");
    assert_eq!(found["proof"]["outcome"], "ready");
    assert!(found["findings"].as_array().unwrap().is_empty());
    let said = sandbox.qus(&["doctor", &program]).expect(0, &["is a program of aarch64 (linux/arm64)"]);
    assert!(said.stdout.contains("it runs, by /usr/local/lib/qus/bin/11.1.3-1/qemu-aarch64-static, QEMU 11.1.3"));
}

#[test]
fn the_program_is_not_run() {
    let sandbox = machine_in_use();
    let program = program(&sandbox);
    sandbox.qus(&["install", "aarch64"]).expect(0, &[]);
    let script = format!("{OTHERS}/script");
    sandbox
        .shell(&format!("printf '#!{program} sh\ntouch {OTHERS}/it-ran\n' > {script}; chmod +x {script}"))
        .expect(0, &[]);
    sandbox.qus(&["doctor", &script]).expect(0, &[]);
    sandbox.shell(&format!("test ! -e {OTHERS}/it-ran; {script}; test -e {OTHERS}/it-ran")).expect(0, &[]);
}

#[test]
fn no_entry() {
    let sandbox = machine_in_use();
    let program = program(&sandbox);
    assert_eq!(finds(&sandbox, &[&program], "no-entry").unwrap(), "qus install aarch64");
    finds_and_cures(&sandbox, &[&program], "no-entry");
    runs(&sandbox, &program);
    // What is installed needs no more than to be registered.
    sandbox.shell(&format!("echo -1 > {TABLE}/qemu-aarch64")).expect(0, &[]);
    assert_eq!(finds(&sandbox, &[&program], "no-entry").unwrap(), "qus apply aarch64");
    finds_and_cures(&sandbox, &[&program], "no-entry");
    runs(&sandbox, &program);
}

#[test]
fn entry_disabled() {
    let sandbox = machine_in_use();
    let program = program(&sandbox);
    sandbox.qus(&["install", "aarch64"]).expect(0, &[]);
    sandbox.shell(&format!("echo 0 > {TABLE}/qemu-aarch64")).expect(0, &[]);
    finds_and_cures(&sandbox, &[&program], "entry-disabled");
    runs(&sandbox, &program);
    // Somebody else's is switched on again as it is.
    sandbox.qus(&["remove", "aarch64"]).expect(0, &[]);
    other_emulator(&sandbox, "POF");
    sandbox.shell(&format!("echo 0 > {TABLE}/qemu-aarch64")).expect(0, &[]);
    finds_and_cures(&sandbox, &[&program], "entry-disabled");
    runs(&sandbox, &program);
}

#[test]
fn table_disabled() {
    let sandbox = machine_in_use();
    let program = program(&sandbox);
    sandbox.qus(&["install", "aarch64"]).expect(0, &[]);
    sandbox.shell(&format!("echo 0 > {TABLE}/status")).expect(0, &[]);
    finds_and_cures(&sandbox, &[&program], "table-disabled");
    runs(&sandbox, &program);
}

/// In a user namespace without a table of its own: one that were mounted there would hide the machine's.
#[test]
fn no_entry_in_a_namespace_without_a_table() {
    let sandbox = Sandbox::without_table();
    let anchor = real::provided("QUS_TEST_REPOSITORY").join("anchor.json");
    sandbox
        .shell(&format!("mkdir -p /etc/qus/trust.d /run/home; cp {} /etc/qus/trust.d/test.json", anchor.display()))
        .expect(0, &[]);
    let program = program(&sandbox);
    let (directory, _) = env!("CARGO_BIN_EXE_qus").rsplit_once('/').unwrap();
    let at_home = |script: &str| sandbox.shell(&format!("export HOME=/run/home PATH={directory}:$PATH; {script}"));
    let cure = || {
        let said = at_home(&format!("qus doctor --json {program} || [ $? = 10 ]")).expect(0, &[]);
        let found = Found(serde_json::from_str(&said.stdout).unwrap());
        assert_eq!(found.causes(), ["no-entry"], "{:#}", found.0);
        found.first()["cure"].as_str().unwrap().to_owned()
    };
    assert_eq!(cure(), "qus install --user aarch64");
    at_home(&cure()).expect(0, &["ready"]);
    assert_eq!(cure(), format!("qus run aarch64 -- {program}"));
    assert_eq!(at_home(&format!("{} uname -m", cure())).expect(0, &[]).stdout, "aarch64\n");
}

#[test]
fn a_namespaces_own_table_hides_the_machines() {
    let sandbox = machine_in_use();
    let program = program(&sandbox);
    sandbox.qus(&["install", "aarch64"]).expect(0, &[]);
    runs(&sandbox, &program);
    let within = format!(
        "mount -t binfmt_misc binfmt_misc {TABLE}; ! {program} true; {} doctor --json {program}",
        env!("CARGO_BIN_EXE_qus")
    );
    let said = sandbox.run("unshare", &["-Urm", "sh", "-c", &within]).expect(10, &[]);
    let found = Found(serde_json::from_str(&said.stdout[said.stdout.find('{').unwrap()..]).unwrap());
    assert_eq!(found.causes(), ["table-hidden", "no-entry"]);
    let cure = found.first()["cure"].as_str().unwrap();
    assert_eq!(cure, format!("qus run aarch64 -- {program}"));
    let cured = format!(
        "mount -t binfmt_misc binfmt_misc {TABLE}; {} uname -m",
        cure.replace("qus", env!("CARGO_BIN_EXE_qus"))
    );
    let said = sandbox.run("unshare", &["-Urm", "sh", "-ec", &cured]).expect(0, &[]);
    assert_eq!(said.stdout, "aarch64\n");
}

#[test]
fn an_entry_that_does_not_match() {
    let sandbox = machine_in_use();
    sandbox.qus(&["install", "aarch64"]).expect(0, &[]);
    let program = program(&sandbox);
    // What an AppImage of type 2 has in its header.
    sandbox
        .shell(&format!("printf 'AI\\002' | dd of={program} bs=1 seek=8 conv=notrunc 2>&1; ! {program} true"))
        .expect(0, &[]);
    let cure = finds(&sandbox, &[&program], "entry-does-not-match").unwrap();
    assert_eq!(cure, "qus install --match appimage aarch64");
    finds_and_cures(&sandbox, &[&program], "entry-does-not-match");
    runs(&sandbox, &program);
    // An OS/ABI that is not Linux's has no cure.
    sandbox.shell(&format!("printf '\\011' | dd of={program} bs=1 seek=7 conv=notrunc 2>&1")).expect(0, &[]);
    sandbox.qus(&["install", "loongarch64"]).expect(0, &[]);
    let foreign = real::program("loong64");
    sandbox
        .shell(&format!(
            "cp {} {program}; printf '\\011' | dd of={program} bs=1 seek=7 conv=notrunc 2>&1",
            foreign.display()
        ))
        .expect(0, &[]);
    assert_eq!(finds(&sandbox, &[&program], "entry-does-not-match"), None);
}

#[test]
fn an_entry_takes_what_the_machine_runs_by_itself() {
    let sandbox = machine_in_use();
    let native = real::program("i386").display().to_string();
    assert!(Found::of(&sandbox, &[&native]).is_healthy(), "this test needs a machine that runs i386 by itself");
    let line = rule("i386", "broken", &format!("{OTHERS}/nothing"), "");
    sandbox.shell(&format!("printf '%s' '{line}' > {TABLE}/register; ! {native} true")).expect(0, &[]);
    finds_and_cures(&sandbox, &[&native], "native-taken");
    sandbox.shell(&format!("{native} true")).expect(0, &[]);
    // An entry whose emulator works is no fault, and it is that which runs the program.
    sandbox.qus(&["install", "--emulate-native", "i386"]).expect(0, &[]);
    let found = Found::of(&sandbox, &[&native]);
    assert!(found.is_healthy() && found.0["native"] == true, "{:#}", found.0);
    assert_eq!((&found.0["emulator"]["version"], &found.0["proof"]["outcome"]), (&"11.1.3".into(), &"ready".into()));
    sandbox.qus(&["doctor", &native]).expect(0, &["it runs, by /usr/"]);
}

#[test]
fn a_neighbours_entry_wins_and_fails() {
    let sandbox = machine_in_use();
    let program = program(&sandbox);
    sandbox.qus(&["install", "aarch64"]).expect(0, &[]);
    register(&sandbox, "newer", &format!("{OTHERS}/nothing"), "P");
    let found = Found::of(&sandbox, &[&program]);
    assert_eq!(found.causes(), ["neighbour-fails", "emulator-missing"]);
    finds_and_cures(&sandbox, &[&program], "neighbour-fails");
    runs(&sandbox, &program);
}

#[test]
fn argv0_is_lost_or_shifted() {
    let sandbox = machine_in_use();
    let applet = program(&sandbox);
    other_emulator(&sandbox, "OF");
    // It does not learn that it is to be "false".
    sandbox.shell(&format!("bash -c 'exec -a false {applet}'")).expect(0, &[]);
    finds_and_cures(&sandbox, &[&applet], "argv0-lost");
    sandbox.shell(&format!("bash -c 'exec -a false {applet}'")).expect(1, &[]);
    // A program that does not care is told only if all is asked for.
    sandbox.qus(&["remove", "aarch64"]).expect(0, &[]);
    let other = format!("{OTHERS}/program");
    sandbox.shell(&format!("cp {applet} {other}")).expect(0, &[]);
    let found = Found::of(&sandbox, &[&other]);
    assert!(found.is_healthy());
    assert_eq!(found.causes(), ["argv0-lost"]);
}

#[test]
fn debians_name_takes_flag_p_for_granted() {
    let sandbox = machine_in_use();
    let busybox = program(&sandbox);
    let emulator = format!("{OTHERS}/aarch64-binfmt-P");
    let from = real::provided("QUS_TEST_NEIGHBOURS").join("debian-12/usr/bin/qemu-aarch64-static");
    sandbox.shell(&format!("cp {} {emulator}", from.display())).expect(0, &[]);
    register(&sandbox, "qemu-aarch64", &emulator, "OF");
    // What is its first argument is taken for its name.
    sandbox.shell(&format!("{busybox} --list")).expect(127, &["-list: applet not found"]);
    finds_and_cures(&sandbox, &[&busybox], "argv0-shifted");
    sandbox.shell(&format!("{busybox} --list")).expect(0, &[]);
}

#[test]
fn a_script_in_between_loses_flag_p() {
    let sandbox = machine_in_use();
    let busybox = program(&sandbox);
    let emulator = other_emulator(&sandbox, "OF");
    let script = format!("{OTHERS}/qemu-wrapper");
    sandbox
        .shell(&format!(
            "echo -1 > {TABLE}/qemu-aarch64; printf '#!/bin/sh\nexec {emulator} \"$@\"\n' > {script}; chmod +x {script}"
        ))
        .expect(0, &[]);
    register(&sandbox, "qemu-aarch64", &script, "P");
    let echo = format!("{OTHERS}/echo");
    sandbox.shell(&format!("cp {busybox} {echo}")).expect(0, &[]);
    assert_eq!(sandbox.shell(&format!("{echo} one two")).stdout, format!("{echo} one two\n"));
    finds_and_cures(&sandbox, &[&echo], "argv0-shifted");
    assert_eq!(sandbox.shell(&format!("{echo} one two")).stdout, "one two\n");
}

#[test]
fn set_id_without_credentials() {
    let sandbox = machine_in_use();
    let program = program(&sandbox);
    sandbox.qus(&["install", "aarch64"]).expect(0, &[]);
    sandbox.shell(&format!("chmod 4755 {program}")).expect(0, &[]);
    let cure = finds(&sandbox, &[&program], "set-id-without-credentials").unwrap();
    types(&sandbox, &cure);
    assert!(Found::of(&sandbox, &[&program]).is_healthy());
    assert!(sandbox.table().contains("flags: POCF"), "{}", sandbox.table());
}
