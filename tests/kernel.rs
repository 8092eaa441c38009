//! The real thing: real emulators, the kernel's own table, real programs of other architectures.
//!
//! `QUS_TEST_REPOSITORY` names a repository that `qus-release` made of Debian's package, with its
//! `anchor.json`; `QUS_TEST_PROGRAMS` a folder with Debian's `busybox` of each architecture.
//! `scripts/test` provides both.

use serde_json::Value;

use crate::support::machine::{Image, Said};
use crate::support::real::{PORTS, machine, program, runs};
use crate::support::sandbox::Sandbox;

#[test]
fn real_programs_of_every_debian_port_run_after_an_install() {
    let sandbox = machine();
    for (target, debian, uname) in PORTS {
        sandbox.qus(&["install", "--emulate-native", target]).expect(0, &[]);
        runs(&sandbox, &program(debian), uname);
    }
}

#[test]
fn one_install_moves_only_that_targets_bytes() {
    let sandbox = machine();
    let said = sandbox.qus(&["install", "--dry-run", "riscv64"]).expect(0, &["qemu-riscv64-static_amd64.tar.zst"]);
    assert_eq!(said.stdout.matches("fetch and verify").count(), 1, "{said:#?}");
    let said = sandbox.qus(&["install", "--dry-run", "all"]).expect(0, &["qemu-static-all_amd64.tar.zst"]);
    assert_eq!(said.stdout.matches("fetch and verify").count(), 1, "{said:#?}");
}

#[test]
fn install_all_makes_every_foreign_target_ready_and_remove_gives_everything_back() {
    let sandbox = machine();
    let (table, changes) = (sandbox.table(), sandbox.changes());
    sandbox.qus(&["install", "all"]).expect(0, &[]);
    let document: Value = serde_json::from_str(&sandbox.qus(&["test", "--json"]).expect(0, &[]).stdout).unwrap();
    let proofs = document["targets"].as_array().unwrap();
    let ready = proofs.iter().filter(|proof| proof["outcome"] == "ready").count();
    // Of the 33 emulators all but the host's own family, x86_64 and (on most machines) i386.
    assert!(proofs.iter().all(|proof| proof["outcome"] == "ready"), "{document:#}");
    assert!(ready >= 31, "{document:#}");
    let status: Value = serde_json::from_str(&sandbox.qus(&["status", "--json"]).expect(0, &[]).stdout).unwrap();
    let targets = status["targets"].as_array().unwrap();
    assert_eq!(targets.iter().filter(|target| target["state"] == "ready").count(), 31, "{status:#}");

    let (full_table, full_changes) = (sandbox.table(), sandbox.changes());
    sandbox.qus(&["install", "all"]).expect(0, &["nothing to do"]);
    assert_eq!((sandbox.table(), sandbox.changes()), (full_table, full_changes));

    sandbox.qus(&["remove", "all"]).expect(0, &[]);
    assert_eq!((sandbox.table(), sandbox.changes()), (table.clone(), changes.clone()));
    sandbox.qus(&["remove", "all"]).expect(0, &["nothing to do"]);
    assert_eq!((sandbox.table(), sandbox.changes()), (table, changes));
}

#[test]
fn test_tells_crash_wrong_answer_missing_emulator_and_not_registered_apart() {
    let sandbox = machine();
    sandbox
        .shell(
            "register() { printf '%s' \":qemu-$1:M:0:$2:$3:$4:$5\" > /proc/sys/fs/binfmt_misc/register; }
             arm='\\x7f\\x45\\x4c\\x46\\x01\\x01\\x01\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x02\\x00\\x28\\x00'
             riscv='\\x7f\\x45\\x4c\\x46\\x02\\x01\\x01\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x02\\x00\\xf3\\x00'
             s390='\\x7f\\x45\\x4c\\x46\\x02\\x02\\x01\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x02\\x00\\x16'
             mkdir -p /run/emulators; cd /run/emulators
             printf '#include <stdlib.h>\\nint main(void) { abort(); }' > crash.c; cc -static -o crash crash.c
             printf 'int main(void) { return 3; }' > wrong.c; cc -static -o wrong wrong.c
             register arm \"$arm\" '' /run/emulators/crash F
             register riscv64 \"$riscv\" '' /run/emulators/wrong F
             register s390x \"$s390\" '' /run/emulators/wrong ''",
        )
        .expect(0, &[]);
    let said = sandbox.qus(&["test", "arm", "riscv64", "s390x", "aarch64"]);
    let said = said.expect(10, &[]);
    let line = |target: &str| said.stdout.lines().find(|line| line.starts_with(target)).unwrap_or_default().to_owned();
    assert!(line("arm").contains("crash, SIGABRT"), "{said:#?}");
    assert!(line("riscv64").contains("wrong answer, exit status 3"), "{said:#?}");
    assert!(line("s390x").contains("registered, but its emulator is not found in another root"), "{said:#?}");
    assert!(line("aarch64").contains("not registered"), "{said:#?}");
}

#[test]
fn an_emulator_that_does_not_answer_right_is_taken_back_at_once() {
    // Its emulators are properly signed programs of this host, which exit with a status of their own.
    let image = Image::trusting(&["aarch64", "arm"]);
    let sandbox = Sandbox::new();
    image.hand_anchor_to(&sandbox);
    let (table, changes) = (sandbox.table(), sandbox.changes());
    sandbox
        .qus(&["install", "aarch64", "arm"])
        .expect(10, &["aarch64 does not run: wrong answer, exit status 72", "warning: arm was taken back"]);
    assert_eq!((sandbox.table(), sandbox.changes()), (table, changes));
}

#[test]
fn another_registrars_entry_is_displaced_aloud_and_given_back() {
    let sandbox = machine();
    sandbox.shell("mkdir -p /run/theirs; cp /bin/true /run/theirs/qemu-aarch64").expect(0, &[]);
    // What it runs is looked for anew each time: registered again, it is what it was.
    sandbox
        .qus(&["register", "aarch64", "--interpreter", "/run/theirs/qemu-aarch64", "--flags", "P"])
        .expect(0, &["dynamically linked"]);
    sandbox.shell("echo 0 > /proc/sys/fs/binfmt_misc/qemu-aarch64").expect(0, &[]);
    let before = sandbox.table();
    sandbox.qus(&["install", "aarch64"]).expect(
        0,
        &[
            "qemu-aarch64 runs /run/theirs/qemu-aarch64 of somebody unknown until now",
            "\"qus remove aarch64\" gives it back",
        ],
    );
    sandbox.qus(&["remove", "aarch64"]).expect(0, &["qemu-aarch64 runs /run/theirs/qemu-aarch64 again"]);
    // Disabled, as it was.
    assert_eq!(sandbox.table(), before);
}

#[test]
fn an_entry_that_could_not_be_given_back_stays_and_is_outvoted() {
    let sandbox = machine();
    sandbox.shell("mkdir -p /run/theirs; cp /bin/true /run/theirs/qemu-aarch64").expect(0, &[]);
    sandbox
        .qus(&["register", "aarch64", "--interpreter", "/run/theirs/qemu-aarch64"])
        .expect(0, &["dynamically linked"]);
    // What it holds open has no name any more, as that of a container which ended.
    sandbox.shell("rm -r /run/theirs").expect(0, &[]);
    let before = sandbox.table();
    sandbox
        .qus(&["install", "aarch64"])
        .expect(0, &["qemu-aarch64 of somebody unknown stays as it is", "\"qus-aarch64\" is newer"]);
    runs(&sandbox, &program("arm64"), "aarch64");
    let status: Value = serde_json::from_str(&sandbox.qus(&["status", "--json", "aarch64"]).stdout).unwrap();
    assert_eq!(
        (&status["targets"][0]["state"], &status["targets"][0]["runs"]),
        (&"ready".into(), &"qus-aarch64".into())
    );
    sandbox.qus(&["install", "aarch64"]).expect(0, &["nothing to do"]);
    sandbox.qus(&["remove", "aarch64"]).expect(0, &[]);
    assert_eq!(sandbox.table(), before);
}

#[test]
fn what_is_registered_by_hand_can_be_unregistered_by_hand_and_not_by_chance() {
    let sandbox = machine();
    let before = sandbox.table();
    sandbox.shell("mkdir -p /run/theirs; cp /bin/true /run/theirs/qemu-arm-static").expect(0, &[]);
    sandbox
        .qus(&["register", "arm", "--path", "/run/theirs"])
        .expect(0, &["qemu-arm runs /run/theirs/qemu-arm-static (POF)"]);
    sandbox
        .qus(&["unregister", "arm"])
        .expect(1, &["which is not qus's", "qus unregister --interpreter /run/theirs/qemu-arm-static arm"]);
    sandbox.qus(&["unregister", "all"]).expect(0, &["nothing to do"]);
    sandbox.qus(&["unregister", "arm", "--path", "/run/theirs"]).expect(0, &["qemu-arm unregistered"]);
    assert_eq!(sandbox.table(), before);
}

#[test]
fn an_emulator_that_is_none_is_not_registered() {
    let sandbox = machine();
    let before = sandbox.table();
    sandbox.shell("mkdir -p /run/t; echo '#!/bin/sh' > /run/t/script; chmod +x /run/t/script; cp /bin/true /run/t/plain; chmod -x /run/t/plain").expect(0, &[]);
    let refused = [
        ("/run/t/none", "not there"),
        ("/run/t/script", "too short for an ELF header"),
        ("/run/t/plain", "not executable"),
        ("/run/t", "not a file"),
    ];
    for (file, why) in refused {
        sandbox.qus(&["register", "arm", "--interpreter", file]).expect(1, &[why]);
    }
    sandbox.qus(&["register", "arm"]).expect(1, &["\"arm\" is not installed", "qus install arm"]);
    assert_eq!(sandbox.table(), before);
}

#[test]
fn an_interrupted_install_is_undone_at_once() {
    let sandbox = machine();
    let (table, changes) = (sandbox.table(), sandbox.changes());
    // Ctrl-C while the link to the emulator is made.
    let said: Said = sandbox.run(
        "strace",
        &[
            "-f",
            "-qq",
            "-o",
            "/dev/null",
            "-e",
            "trace=symlink",
            "-e",
            "inject=symlink:signal=SIGINT:when=1",
            env!("CARGO_BIN_EXE_qus"),
            "install",
            "aarch64",
        ],
    );
    said.expect(1, &["interrupted; nothing is changed"]);
    assert_eq!((sandbox.table(), sandbox.changes()), (table, changes));
}

#[test]
fn a_real_install_killed_on_its_way_is_finished_or_undone_by_the_next_command() {
    let sandbox = machine();
    let state = || {
        let mut changes = sandbox.changes();
        // Nobody holds it: the next change takes it over.
        changes.remove("run/qus.lock");
        (sandbox.table(), changes)
    };
    let before = state();
    sandbox.qus(&["install", "aarch64"]).expect(0, &[]);
    let after = state();
    sandbox.qus(&["remove", "aarch64"]).expect(0, &[]);
    let mut kills = 0;
    // Renames and links put things in place; reading an entry back comes right after registering it,
    // starting a program right after that.
    for call in ["rename", "symlink", "unlink", "clone,clone3,vfork", "execve", "fsync"] {
        for nth in (1..100).step_by(if call == "fsync" { 4 } else { 1 }) {
            let inject = format!("inject={call}:signal=SIGKILL:when={nth}");
            let trace = format!("trace={call}");
            let words = [
                "-qq",
                "-o",
                "/dev/null",
                "-e",
                &trace,
                "-e",
                &inject,
                env!("CARGO_BIN_EXE_qus"),
                "install",
                "aarch64",
            ];
            let said = sandbox.run("strace", &words);
            if said.code == Some(0) {
                sandbox.qus(&["remove", "aarch64"]).expect(0, &[]);
                break;
            }
            kills += 1;
            sandbox.qus(&["status"]).expect(0, &[]);
            let now = state();
            assert!(now == before || now == after, "killed at {call} {nth}: {now:#?}");
            sandbox.qus(&["remove", "aarch64"]).expect(0, &[]);
            assert_eq!(state(), before, "killed at {call} {nth}");
        }
    }
    assert!(kills > 15, "only {kills} kills");
}
