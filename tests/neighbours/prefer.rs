//! Who goes first, now and after a boot: proved by who answers, before and after a plain systemd-binfmt.

use super::{is_run_by_qus, lay};
use crate::support::real::{answering, machine, status};
use crate::support::sandbox::Sandbox;

const DEBIAN: &str = "debian debian-13";
const FEX: &str = "emulator /usr/bin/FEX
    file /usr/lib/binfmt.d/FEX-aarch64.conf FEX-aarch64 $FEX /usr/bin/FEX POCF; systemd_binfmt";
const ROSETTA: &str = "emulator /run/rosetta/rosetta
    file /usr/lib/binfmt.d/rosetta.conf rosetta $ROSETTA /run/rosetta/rosetta OCF; systemd_binfmt";
const DOCKER: &str = "emulator /usr/bin/qemu-aarch64
    register qemu-aarch64 $QEMU /usr/bin/qemu-aarch64 CFP; rm /usr/bin/qemu-aarch64";
const IMAGES: &str = "/usr/bin/qemu-aarch64 (deleted)";

/// A machine with these neighbours, and then qus's `aarch64`.
fn machine_with(neighbours: &[&str]) -> Sandbox {
    let sandbox = machine();
    for neighbour in neighbours {
        lay(&sandbox, neighbour);
    }
    sandbox.qus(&["install", "--yes", "aarch64"]).expect(0, &[]);
    is_run_by_qus(&sandbox);
    sandbox
}

fn whole(sandbox: &Sandbox) -> (String, crate::support::tree::Tree) {
    (sandbox.table(), sandbox.changes())
}

/// `emulator` answers: now, whatever qus is then told to keep as it is, and after a boot.
#[track_caller]
fn is_run_by(sandbox: &Sandbox, emulator: &str) {
    let answers = || assert_eq!(answering(sandbox, "arm64"), emulator);
    answers();
    let settled = whole(sandbox);
    for words in [["apply", "aarch64"], ["install", "aarch64"]] {
        sandbox.qus(&words).expect(0, &["nothing to do"]);
        assert_eq!(whole(sandbox), settled);
    }
    lay(sandbox, "systemd_binfmt");
    answers();
    sandbox.qus(&["apply"]).expect(0, &[]);
    answers();
    sandbox.qus(&["apply"]).expect(0, &["nothing to do"]);
}

/// Prefers somebody to qus, and qus again, each twice.
#[track_caller]
fn goes_first_and_back(sandbox: &Sandbox, words: &[&str], emulator: &str) {
    for word in words {
        sandbox.qus(&["prefer", "aarch64", word]).expect(0, &["aarch64 is run by "]);
        let settled = whole(sandbox);
        sandbox.qus(&["prefer", "aarch64", word]).expect(0, &["nothing to do"]);
        assert_eq!(whole(sandbox), settled);
        is_run_by(sandbox, emulator);

        sandbox.qus(&["prefer", "aarch64", "qus"]).expect(0, &["aarch64 is run by /usr/local/lib/qus/bin/"]);
        sandbox.qus(&["prefer", "aarch64", "qus"]).expect(0, &["nothing to do"]);
        let ours = answering(sandbox, "arm64");
        is_run_by_qus(sandbox);
        is_run_by(sandbox, &ours);
    }
}

#[test]
fn debian_goes_first_and_back() {
    let sandbox = machine_with(&[DEBIAN]);
    goes_first_and_back(&sandbox, &["debian", "qemu-aarch64"], "/usr/bin/qemu-aarch64");
}

#[test]
fn fex_goes_first_and_back() {
    let sandbox = machine_with(&[FEX]);
    goes_first_and_back(&sandbox, &["fex", "FEX-aarch64"], "/usr/bin/FEX");
}

#[test]
fn rosetta_goes_first_and_back_though_its_file_sorts_behind_ours() {
    let sandbox = machine_with(&[ROSETTA]);
    let dropin = |sandbox: &Sandbox| status(sandbox, "aarch64")["dropin"]["path"].as_str().unwrap().to_owned();
    assert_eq!(dropin(&sandbox), "/etc/binfmt.d/zz-qus-aarch64.conf");
    sandbox.qus(&["prefer", "aarch64", "rosetta"]).expect(0, &[]);
    assert_eq!(dropin(&sandbox), "/etc/binfmt.d/qus-aarch64.conf");
    sandbox.qus(&["prefer", "aarch64", "qus"]).expect(0, &[]);
    assert_eq!(dropin(&sandbox), "/etc/binfmt.d/zz-qus-aarch64.conf");
    goes_first_and_back(&sandbox, &["rosetta"], "/run/rosetta/rosetta");
}

#[test]
fn a_container_images_entry_goes_first_until_a_boot_and_ours_after_it() {
    let sandbox = machine_with(&[DOCKER]);
    let before = whole(&sandbox);
    let image = |sandbox: &Sandbox| assert_eq!(answering(sandbox, "arm64"), IMAGES);
    sandbox.qus(&["prefer", "aarch64", "docker"]).expect(0, &["aarch64 is run by /usr/bin/qemu-aarch64"]);
    image(&sandbox);
    sandbox.qus(&["apply"]).expect(0, &["nothing to do"]);
    sandbox.qus(&["install", "aarch64"]).expect(0, &["nothing to do"]);
    image(&sandbox);
    sandbox.qus(&["prefer", "aarch64", "qus"]).expect(0, &["aarch64 is run by /usr/local/lib/qus/bin/"]);
    is_run_by_qus(&sandbox);
    assert_eq!(whole(&sandbox), before);
    sandbox.qus(&["prefer", "aarch64", "docker"]).expect(0, &[]);
    // It comes back when the image is run again: until then the target is not left without anybody.
    lay(&sandbox, "systemd_binfmt");
    is_run_by_qus(&sandbox);
    sandbox.qus(&["apply"]).expect(0, &["nothing to do"]);
}

#[test]
fn ours_answers_again_when_whoever_was_preferred_is_gone() {
    for order in ["apply", "install"] {
        let sandbox = machine_with(&[DOCKER]);
        sandbox.qus(&["prefer", "aarch64", "docker"]).expect(0, &[]);
        lay(&sandbox, "echo -1 > $table/qemu-aarch64");
        sandbox.qus(&[order, "aarch64"]).expect(0, &[]);
        is_run_by_qus(&sandbox);
        sandbox.qus(&[order, "aarch64"]).expect(0, &["nothing to do"]);
    }
}

#[test]
fn remove_leaves_whoever_is_preferred() {
    for (neighbour, word, emulator) in
        [(DEBIAN, "debian", "/usr/bin/qemu-aarch64"), (FEX, "fex", "/usr/bin/FEX"), (DOCKER, "docker", IMAGES)]
    {
        let sandbox = machine();
        lay(&sandbox, neighbour);
        let before = whole(&sandbox);
        sandbox.qus(&["install", "--yes", "aarch64"]).expect(0, &[]);
        sandbox.qus(&["prefer", "aarch64", word]).expect(0, &[]);
        sandbox.qus(&["remove", "aarch64"]).expect(0, &[]);
        assert_eq!(answering(&sandbox, "arm64"), emulator);
        assert_eq!(whole(&sandbox), before, "{word}");
    }
}

#[test]
fn of_two_others_the_one_that_is_named_answers() {
    let sandbox = machine_with(&[FEX, DEBIAN]);
    // Debian's file sorts last of theirs.
    goes_first_and_back(&sandbox, &["debian"], "/usr/bin/qemu-aarch64");
    let before = whole(&sandbox);
    sandbox
        .qus(&["prefer", "aarch64", "fex"])
        .expect(1, &["\"/usr/lib/binfmt.d/qemu-aarch64.conf\"", "ln -s /dev/null /etc/binfmt.d/qemu-aarch64.conf"]);
    assert_eq!(whole(&sandbox), before);
    lay(&sandbox, "ln -s /dev/null /etc/binfmt.d/qemu-aarch64.conf");
    goes_first_and_back(&sandbox, &["fex"], "/usr/bin/FEX");
}

#[test]
fn a_third_whose_file_an_administrator_wrote_is_refused_with_what_to_do() {
    let sandbox = machine_with(&[
        FEX,
        "emulator /usr/bin/box64
         file /etc/binfmt.d/box64.conf box64 $BOX64 /usr/bin/box64 ''; systemd_binfmt",
    ]);
    let before = whole(&sandbox);
    let cure = "mv /etc/binfmt.d/box64.conf /etc/binfmt.d/box64.conf.off";
    sandbox.qus(&["prefer", "aarch64", "fex"]).expect(1, &["\"/etc/binfmt.d/box64.conf\"", cure]);
    assert_eq!(whole(&sandbox), before);
    sandbox.shell(cure).expect(0, &[]);
    lay(&sandbox, "systemd_binfmt");
    goes_first_and_back(&sandbox, &["fex"], "/usr/bin/FEX");
}

#[test]
fn somebody_who_is_not_there_cannot_be_preferred() {
    let sandbox = machine_with(&[FEX, DEBIAN]);
    let before = whole(&sandbox);
    sandbox
        .qus(&["prefer", "aarch64", "box64"])
        .expect(1, &["nobody called \"box64\" registers programs of \"aarch64\" here", "there is fex, debian"]);
    sandbox.qus(&["prefer", "riscv64", "debian"]).expect(1, &["\"riscv64\" is not installed"]);
    assert_eq!(whole(&sandbox), before);
    let sandbox = machine_with(&[]);
    sandbox.qus(&["prefer", "aarch64", "debian"]).expect(1, &["qus is the only one"]);
}

#[test]
fn a_file_of_theirs_that_changed_since_is_what_is_preferred() {
    // An upgrade changed the flags and the path, as Debian's from 13 on did.
    let sandbox = machine_with(&[DEBIAN]);
    lay(&sandbox, "rm -r /usr/lib/binfmt.d/* /usr/libexec/qemu-binfmt; debian debian-sid");
    is_run_by_qus(&sandbox);
    goes_first_and_back(&sandbox, &["debian"], "/usr/bin/qemu-aarch64");
}

#[test]
fn what_ours_displaced_comes_back_behind_whoever_is_preferred() {
    // Somebody's own entry without a file, and FEX.
    let own = "emulator /run/own/qemu-aarch64; register qemu-aarch64 $QEMU /run/own/qemu-aarch64 P";
    let sandbox = machine();
    lay(&sandbox, FEX);
    lay(&sandbox, own);
    let before = whole(&sandbox);
    sandbox
        .qus(&["install", "--yes", "aarch64"])
        .expect(0, &["runs /run/own/qemu-aarch64 of somebody unknown until now"]);
    sandbox.qus(&["prefer", "aarch64", "fex"]).expect(0, &["aarch64 is run by /usr/bin/FEX"]);
    assert_eq!(answering(&sandbox, "arm64"), "/usr/bin/FEX");
    assert!(sandbox.table().contains("interpreter /run/own/qemu-aarch64"), "{}", sandbox.table());
    sandbox.qus(&["prefer", "aarch64", "qemu-aarch64"]).expect(0, &["aarch64 is run by /run/own/qemu-aarch64"]);
    assert_eq!(answering(&sandbox, "arm64"), "/run/own/qemu-aarch64");
    sandbox.qus(&["remove", "aarch64"]).expect(0, &[]);
    assert_eq!(whole(&sandbox), before);
    assert_eq!(answering(&sandbox, "arm64"), "/run/own/qemu-aarch64");
}

#[test]
fn a_file_that_comes_later_and_sorts_last_is_told_and_outsorted_when_that_is_wanted() {
    let sandbox = machine_with(&[]);
    lay(
        &sandbox,
        "emulator /run/rosetta/rosetta
         file /usr/lib/binfmt.d/rosetta.conf rosetta $ROSETTA /run/rosetta/rosetta OCF",
    );
    is_run_by_qus(&sandbox);
    sandbox.qus(&["status", "aarch64"]).expect(0, &["after a boot aarch64 is run by Rosetta"]);
    let before = whole(&sandbox);
    // It may be meant to win: neither a repair nor an unattended install decides that.
    sandbox.qus(&["apply"]).expect(10, &["rosetta.conf\" of Rosetta came since", "qus prefer aarch64 rosetta"]);
    sandbox.qus(&["install", "aarch64"]).expect(1, &["is run by Rosetta already"]);
    assert_eq!(whole(&sandbox), before);
    sandbox.qus(&["prefer", "aarch64", "qus"]).expect(0, &["aarch64 is run by /usr/local/lib/qus/bin/"]);
    sandbox.qus(&["apply"]).expect(0, &["nothing to do"]);
    let ours = answering(&sandbox, "arm64");
    lay(&sandbox, "systemd_binfmt");
    is_run_by(&sandbox, &ours);
    sandbox.qus(&["remove", "aarch64"]).expect(0, &[]);
    assert_eq!(answering(&sandbox, "arm64"), "/run/rosetta/rosetta");
}
