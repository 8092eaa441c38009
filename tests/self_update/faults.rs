//! Faults of disks, kills at any moment, and others who do the same: an old or a new qus is there, and works.

use std::process::Command;

use crate::support::machine::Said;
use crate::support::tools::{PATH, PRESENT, Standalone, real};

/// Where nothing else lies.
const APART: &str = "/usr/local/lib/apps/qus";

#[test]
fn a_disk_that_has_no_room_is_found_before_anything_is_changed() {
    let mut machine = Standalone::at(APART);
    machine.offer("0.9.9", &real("0.9.9"));
    // Room for itself and once more, but not for the copy, the new one and its archive.
    let script = "cd /usr/local/lib; size=$(($(stat -c %s apps/qus) * 2)); mv apps copy; mkdir apps
        mount -t tmpfs -o size=$size tmpfs apps; cp -a copy/. apps";
    machine.sandbox.shell(script).expect(0, &[]);
    machine.in_vain_but_for_the_memory(&["self-update"]).expect(1, &["\"/usr/local/lib/apps\"", "df -h"]);
    assert_eq!(machine.version(), PRESENT);
    assert_eq!(machine.sandbox.shell("ls -A /usr/local/lib/apps").stdout, "qus\n");
}

#[test]
fn a_directory_that_is_read_only_is_told() {
    let mut machine = Standalone::new();
    machine.offer("0.9.9", &real("0.9.9"));
    machine
        .sandbox
        .shell("mount --bind /usr/local/bin /usr/local/bin; mount -o remount,bind,ro /usr/local/bin")
        .expect(0, &[]);
    machine.in_vain_but_for_the_memory(&["self-update"]).expect(1, &["/usr/local/bin", "read-only", "findmnt"]);
}

#[test]
fn another_change_is_waited_for_or_told() {
    let mut machine = Standalone::new();
    machine.offer("0.9.9", &real("0.9.9"));
    let held = format!("exec 9>/run/qus.lock; flock 9; echo 1 >&9; {PATH} self-update");
    machine.sandbox.shell(&held).expect(6, &["another qus is at work here, process 1"]);
    let held = "exec 9>/run/qus.lock; flock 9; (sleep 1; rm /run/qus.lock) & exec 9>&-; wait";
    machine.sandbox.shell(held).expect(0, &[]);
    machine.qus(&["self-update"]).expect(0, &[]);
}

#[test]
fn of_many_at_once_one_replaces_it_and_the_others_find_it_done() {
    let mut machine = Standalone::new();
    machine.offer("0.9.9", &real("0.9.9"));
    let running: Vec<_> = (0..4)
        .map(|_| {
            let mut command = machine.sandbox.command(PATH, &["self-update", "--wait-lock", "120"]);
            command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped()).spawn().unwrap()
        })
        .collect();
    let said: Vec<Said> = running.into_iter().map(|child| Said::by(child.wait_with_output().unwrap())).collect();
    let replaced = said.iter().filter(|said| said.stdout.contains("is qus 0.9.9 now")).count();
    assert_eq!(replaced, 1, "{said:#?}");
    for said in said {
        let late = said.code == Some(1) && said.stderr.contains("was replaced or removed meanwhile");
        assert!(said.code == Some(0) || late, "{said:#?}");
    }
    assert_eq!(machine.version(), "0.9.9");
}

#[test]
fn a_journal_with_a_step_that_this_qus_does_not_know_is_told_and_not_passed_over() {
    let machine = Standalone::new();
    let journal = r#"{"plan":{"steps":[{"target":null,"step":"teleport","path":"/usr"}],"sweep":[],"prune":[]}}"#;
    machine.sandbox.shell(&format!("echo '{journal}' > /var/lib/qus/journal.jsonl")).expect(0, &[]);
    let said = ["another version of qus wrote it", "teleport", "/var/lib/qus/journal.jsonl"];
    machine.in_vain(&["self-update"]).expect(20, &said);
    machine.in_vain(&["install", "aarch64"]).expect(20, &said);
    machine.in_vain(&["status"]).expect(0, &said);
}

/// System calls by which a change is made.
const CALLS: [(&str, usize); 8] = [
    ("mkdir", 1),
    ("openat", 5),
    ("write", 13),
    ("fsync", 1),
    ("rename", 1),
    ("unlink", 1),
    ("rmdir", 1),
    ("copy_file_range", 1),
];

/// Runs a self-update of which the `nth` such call is met by `fault`; none where it did not come that far.
fn met(machine: &Standalone, call: &str, fault: &str, nth: usize) -> Option<Said> {
    let inject = format!("inject={call}:{fault}:when={nth}");
    let trace = format!("trace={call}");
    let words = ["-qq", "-o", "/usr/local/lib/trace", "-e", &trace, "-e", &inject, APART, "self-update"];
    let mut command: Command = machine.sandbox.command("strace", &words);
    let said = Said::by(command.output().unwrap());
    let met = machine.sandbox.shell("grep -c -e INJECTED -e 'killed by SIGKILL' /usr/local/lib/trace || :").stdout;
    machine.sandbox.shell("rm /usr/local/lib/trace").expect(0, &[]);
    (met.trim() != "0").then_some(said)
}

/// Lets every call fail in turn. Whatever happened, the next command must leave the old or the new state, whole.
#[expect(clippy::print_stdout, reason = "how many faults there were is part of the result")]
fn survives(fault: &str, least: usize) {
    let mut machine = Standalone::at(APART);
    machine.offer("0.9.9", &real("0.9.9"));
    machine.sandbox.shell("cd /usr/local/lib; cp -a apps kept; cp -a /var/lib/qus state").expect(0, &[]);
    let restore = "cd /usr/local/lib; rm -rf apps /var/lib/qus; cp -a kept apps; cp -a state /var/lib/qus";
    let before = machine.tree();
    machine.qus(&["self-update"]).expect(0, &[]);
    let after = machine.tree();
    // Where an archive could not be read, that is a fault of its repository, and what was seen of it stays.
    let memory = "var/lib/qus/trust.json";
    let mut remembered = before.clone();
    remembered.insert(memory.to_owned(), after[memory].clone());
    let (mut old, mut new) = (0, 0);
    for (call, stride) in CALLS {
        for nth in (1..2000).step_by(stride) {
            machine.sandbox.shell(restore).expect(0, &[]);
            assert_eq!(machine.tree(), before);
            let Some(said) = met(&machine, call, fault, nth) else { break };
            machine.qus(&["--version"]).expect(0, &["qus 0."]);
            machine.qus(&["status"]).expect(0, &[]);
            let now = machine.tree();
            let is_old = now == before || (said.code == Some(7) && now == remembered);
            assert!(is_old || now == after, "{call} {nth} {fault}: {said:#?} left {now:#?}");
            *if is_old { &mut old } else { &mut new } += 1;
        }
    }
    println!("self-update, {fault}: {} faults, then {old} times the old state and {new} times the new", old + new);
    assert!(old + new >= least, "only {} faults", old + new);
}

#[test]
fn killed_at_any_system_call_it_is_finished_or_undone_by_the_next_command() {
    survives("signal=SIGKILL", 40);
}

#[test]
fn a_disk_that_fails_at_any_system_call_leaves_the_old_or_the_new() {
    survives("error=ENOSPC", 40);
}
