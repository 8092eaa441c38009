//! The whole machine.

use super::{Found, OTHERS, machine_in_use, other_emulator, register, types};
use crate::support::real::machine;
use crate::support::sandbox::Sandbox;

const DROPIN: &str = "/etc/binfmt.d/qus-aarch64.conf";

/// The findings of aarch64 on the whole machine.
#[track_caller]
fn of_aarch64(sandbox: &Sandbox) -> (bool, Vec<(String, Option<String>)>) {
    let found = Found::of(sandbox, &[]);
    let targets = found.0["targets"].as_array().unwrap();
    let target = targets.iter().find(|target| target["target"] == "aarch64").unwrap();
    let findings =
        target["findings"].as_array().unwrap().iter().map(|finding| {
            (finding["cause"].as_str().unwrap().to_owned(), finding["cure"].as_str().map(str::to_owned))
        });
    (found.is_healthy(), findings.collect())
}

#[track_caller]
fn finds_and_cures(sandbox: &Sandbox, cause: &str) {
    let (healthy, findings) = of_aarch64(sandbox);
    assert!(!healthy && findings[0].0 == cause, "{cause} is not first: {findings:?}");
    for _ in 0..3 {
        let (healthy, findings) = of_aarch64(sandbox);
        if healthy {
            return;
        }
        types(sandbox, findings[0].1.as_ref().unwrap());
    }
    assert!(of_aarch64(sandbox).0, "{:?}", of_aarch64(sandbox).1);
}

fn machine_with_aarch64() -> Sandbox {
    let sandbox = machine_in_use();
    sandbox.qus(&["install", "aarch64"]).expect(0, &[]);
    sandbox
}

#[test]
fn a_machine_on_which_all_is_well() {
    let sandbox = machine_with_aarch64();
    let said = sandbox.qus(&["doctor"]).expect(0, &[]);
    let lines: Vec<&str> = said.stdout.lines().collect();
    assert_eq!(lines.len(), 2, "{said:#?}");
    assert!(lines[0].starts_with("aarch64      runs   QEMU 11.1.3, /usr/local/lib/qus/bin/"), "{said:#?}");
    machine().qus(&["doctor"]).expect(0, &["nothing is installed or registered"]);
}

#[test]
fn the_drop_in() {
    let sandbox = machine_with_aarch64();
    sandbox.shell(&format!("rm {DROPIN}")).expect(0, &[]);
    finds_and_cures(&sandbox, "drop-in-missing");
    sandbox.shell(&format!("echo '# mine' >> {DROPIN}")).expect(0, &[]);
    finds_and_cures(&sandbox, "drop-in-foreign");
    // Somebody masked it on purpose: that is no illness.
    sandbox.shell(&format!("ln -sf /dev/null {DROPIN}")).expect(0, &[]);
    let (healthy, findings) = of_aarch64(&sandbox);
    assert!(healthy);
    assert_eq!(findings[0].0, "drop-in-masked");
    types(&sandbox, findings[0].1.as_ref().unwrap());
    assert_eq!(of_aarch64(&sandbox), (true, Vec::new()));
}

#[test]
fn another_after_a_boot() {
    let sandbox = machine_with_aarch64();
    let emulator = other_emulator_file(&sandbox);
    let line = super::rule("aarch64", "other", &emulator, "POF");
    sandbox.shell(&format!("printf '%s\n' '{line}' > /etc/binfmt.d/zz-other.conf")).expect(0, &[]);
    finds_and_cures(&sandbox, "outdone-after-boot");
}

fn other_emulator_file(sandbox: &Sandbox) -> String {
    let from = crate::support::real::provided("QUS_TEST_NEIGHBOURS").join("debian-13/usr/bin/qemu-aarch64");
    sandbox.shell(&format!("mkdir -p {OTHERS}; cp {} {OTHERS}/other", from.display())).expect(0, &[]);
    format!("{OTHERS}/other")
}

#[test]
fn an_installed_emulator_that_was_damaged() {
    let sandbox = machine_with_aarch64();
    let path = "/usr/local/lib/qus/bin/11.1.3-1/qemu-aarch64-static";
    sandbox.shell(&format!("cp {path} {path}.new; printf x >> {path}.new; mv {path}.new {path}")).expect(0, &[]);
    finds_and_cures(&sandbox, "emulator-damaged");
}

#[test]
fn neighbours_have_a_line_each() {
    let sandbox = machine_with_aarch64();
    register(&sandbox, "other", &format!("{OTHERS}/nothing"), "P");
    sandbox.shell("printf ':wine:M::MZ::/usr/bin/wine:' > /proc/sys/fs/binfmt_misc/register").expect(0, &[]);
    let said = sandbox.qus(&["doctor"]).expect(10, &["neighbour-fails"]);
    assert!(said.stdout.lines().any(|line| line.starts_with("other") && line.ends_with("runs aarch64")), "{said:#?}");
    assert!(said.stdout.lines().any(|line| line.starts_with("wine") && line.contains("of Wine")), "{said:#?}");
}

#[test]
fn all_targets_are_examined() {
    let sandbox = machine();
    sandbox.qus(&["install", "all"]).expect(0, &[]);
    let found = Found::of(&sandbox, &[]);
    assert!(found.is_healthy(), "{:#}", found.0);
    assert_eq!(found.0["targets"].as_array().unwrap().len(), 31);
    // And what somebody else registered, without qus having installed anything.
    sandbox.qus(&["remove", "all"]).expect(0, &[]);
    other_emulator(&sandbox, "POF");
    let found = Found::of(&sandbox, &[]);
    assert!(found.is_healthy(), "{:#}", found.0);
    assert_eq!(found.0["targets"][0]["emulator"]["version"], "10.0.13");
}

#[test]
fn a_machine_whose_emulators_are_for_itself_alone_is_healthy() {
    let sandbox = machine_in_use();
    super::program(&sandbox);
    // As those of NixOS.
    let emulator = other_emulator(&sandbox, "P");
    let found = Found::of(&sandbox, &[]);
    assert!(found.is_healthy(), "{:#}", found.0);
    let (_, findings) = of_aarch64(&sandbox);
    assert_eq!(findings, [("no-fix-binary".to_owned(), Some("qus install aarch64".to_owned()))]);
    sandbox.qus(&["doctor"]).expect(0, &[&format!("runs   QEMU 10.0.13, {emulator}")]);
    sandbox.shell(&format!("rm {emulator}")).expect(0, &[]);
    finds_and_cures(&sandbox, "emulator-missing");
}
