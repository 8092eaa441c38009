//! A program that is signed and listed, and yet none to depend on, never stays.

use std::time::Instant;

use crate::support::publisher::{Packed, archive};
use crate::support::tools::{PRESENT, Standalone, add_packed, claiming, real};

/// Offers a program, and expects that it is not installed.
#[track_caller]
fn refused(program: &[u8], code: i32, words: &[&str]) {
    let mut machine = Standalone::new();
    machine.offer("0.9.9", program);
    machine.in_vain_but_for_the_memory(&["self-update"]).expect(code, words);
    assert_eq!(machine.version(), PRESENT);
}

const STAGED: &str = "\"/usr/local/bin/.qus-update/qus\" does not start";

#[test]
fn one_that_crashes() {
    refused(&claiming("0.9.9", "raise(SIGSEGV)"), 1, &[STAGED, "--version: signal: 11"]);
}

#[test]
fn one_that_finds_itself_unsound() {
    refused(
        &claiming("0.9.9", "if (!strcmp(words[1], \"self-test\")) return 3"),
        1,
        &[STAGED, "self-test: exit status: 3"],
    );
}

#[test]
fn one_that_hangs_whatever_it_is_told() {
    let begun = Instant::now();
    let body = "signal(SIGALRM, SIG_IGN); signal(SIGTERM, SIG_IGN); for (;;) pause()";
    refused(&claiming("0.9.9", body), 1, &[STAGED, "no answer to --version in 20 seconds"]);
    assert!(begun.elapsed().as_secs() >= 20, "it was not given its time");
}

#[test]
fn one_that_lies_about_its_version() {
    let said = ["calls itself \"qus 0.9.8\", not qus 0.9.9"];
    refused(&real("0.9.8"), 1, &said);
    refused(&claiming("0.9.8", ""), 1, &said);
}

#[test]
fn one_of_another_host() {
    let mut foreign = claiming("0.9.9", "");
    // `e_machine` of aarch64 (Linux tag v6.12, `include/uapi/linux/elf-em.h`).
    foreign[18] = 183;
    refused(&foreign, 3, &["is no program of host \"amd64\": it is one of \"arm64v8\""]);
    refused(b"#!/bin/sh\necho qus 0.9.9\n", 3, &["is no program of host \"amd64\""]);
}

#[test]
fn one_that_starts_only_where_it_was_tried_is_taken_back_at_once() {
    let body = "if (!strstr(words[0], \".qus-update\")) raise(SIGSEGV)";
    refused(&claiming("0.9.9", body), 1, &["\"/usr/local/bin/qus\" does not start", "undoing what was done"]);
}

#[test]
fn one_that_cannot_read_what_the_present_one_left() {
    let mut machine = Standalone::new();
    machine.offer("0.9.9", &real("0.9.9"));
    machine.sandbox.shell("echo '{\"schema\": 99}' > /var/lib/qus/receipt.json").expect(0, &[]);
    machine.in_vain(&["self-update"]).expect(1, &[STAGED, "self-test: exit status"]);
}

#[test]
fn an_archive_that_is_not_exactly_what_is_listed() {
    let program = real("0.9.9");
    let entry = |name: &str, mode: u32, content: &[u8]| Packed {
        name: name.to_owned(),
        kind: tar::EntryType::Regular,
        mode,
        content: content.to_vec(),
    };
    let qus = || entry("qus", 0o755, &program);
    let cases: [(&[Packed], &str); 5] = [
        (&[qus(), entry("qus-extra", 0o755, b"x")], "holds \"qus-extra\", which is not on its signed list"),
        (&[entry("../qus", 0o755, &program)], "holds \"../qus\", which is not on its signed list"),
        (&[qus(), qus()], "holds \"qus\" twice"),
        (&[], "lacks \"qus\""),
        (&[entry("qus", 0o4755, &program)], "with special permissions 4755"),
    ];
    let mut machine = Standalone::new();
    for (packed, word) in cases {
        // What was seen of a serial is remembered: the next index bears the next.
        machine.image.publisher.index.serial += 1;
        machine.image.publisher.index.tools.clear();
        add_packed(&mut machine.image.publisher, "0.9.9", &program, &archive(packed));
        machine.image.publisher.publish();
        machine.in_vain_but_for_the_memory(&["self-update"]).expect(3, &[word]);
    }
}
