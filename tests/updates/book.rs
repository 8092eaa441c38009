//! docs/updates.md: every command of it is typed, and every field of a document is in it.

use std::collections::BTreeSet;

use qus::settings::Settings;
use serde_json::Value;

use crate::support::book::{Fence, fences};
use crate::support::document::fields;
use crate::support::real::{answering, machine};
use crate::support::releases::Releases;
use crate::support::sandbox::Sandbox;

const BOOK: &str = include_str!("../../docs/updates.md");

/// The lines to be typed of a section.
fn lines(heading: &str) -> Vec<String> {
    let found: Vec<Fence> = fences(BOOK).into_iter().filter(|fence| fence.heading == heading).collect();
    assert!(!found.is_empty(), "the book has nothing to type below \"{heading}\"");
    found.iter().flat_map(|fence| fence.text.lines().map(str::to_owned)).collect()
}

/// A machine with aarch64 of 11.1.3-1, whose repository has 11.1.4-1 by now, and all usual channels.
fn behind() -> (Releases, Sandbox) {
    let mut releases = Releases::with("11.1.3-1");
    let machine = releases.machine();
    machine.shell(&format!("ln -sf {} /usr/bin/qus", env!("CARGO_BIN_EXE_qus"))).expect(0, &[]);
    machine.qus(&["install", "aarch64"]).expect(0, &[]);
    for (channel, version) in [("previous", "11.1.3-1"), ("edge", "11.1.4-1")] {
        releases.publisher.index.channels.insert(channel.to_owned(), version.parse().unwrap());
    }
    releases.add_single("11.1.4-1", "aarch64");
    (releases, machine)
}

#[test]
fn the_words_for_newer_versions_find_and_install_them() {
    let (_releases, machine) = behind();
    let [check, update] = lines("Newer versions").try_into().unwrap();
    machine.shell(&check).expect(100, &["aarch64 11.1.3-1 -> 11.1.4-1"]);
    machine.shell(&update).expect(0, &["aarch64 11.1.3-1 -> 11.1.4-1"]);
    machine.shell(&check).expect(0, &["there is nothing newer"]);
    assert!(answering(&machine, "arm64").contains("/11.1.4-1/"));
}

#[test]
fn the_words_for_channels_follow_them() {
    let (_releases, machine) = behind();
    let [previous, stable] = lines("Channels").try_into().unwrap();
    machine.shell(&previous).expect(0, &["aarch64 follows previous from now on"]);
    machine.shell("qus update").expect(0, &["nothing to do"]);
    machine.shell(&stable).expect(0, &["aarch64 11.1.3-1 -> 11.1.4-1", "aarch64 follows stable from now on"]);
    for channel in ["stable", "previous", "edge"] {
        assert!(BOOK.contains(&format!("| `{channel}` |")), "{channel}");
    }
}

#[test]
fn the_words_for_staying_and_going_back_do_so() {
    let (_releases, machine) = behind();
    let [pin, unpin] = lines("Staying").try_into().unwrap();
    machine.shell(&pin).expect(0, &["aarch64 is pinned to 11.1.3-1"]);
    machine.shell("qus update").expect(0, &["nothing to do"]);
    machine.shell(&unpin).expect(0, &[]);
    machine.shell("qus update").expect(0, &["aarch64 11.1.3-1 -> 11.1.4-1"]);
    let [rollback, unpin] = lines("Going back").try_into().unwrap();
    machine.shell(&rollback).expect(0, &["aarch64 11.1.4-1 -> 11.1.3-1"]);
    machine.shell("qus update").expect(0, &["nothing to do"]);
    machine.shell(&unpin).expect(0, &["aarch64 11.1.3-1 is no longer pinned"]);
}

/// There is no systemd to start them here.
#[test]
fn the_units_that_are_to_be_enabled_are_those_of_the_package() {
    let lines = lines("By itself, every night");
    assert_eq!(lines, ["systemctl enable --now qus-update.timer", "journalctl -u qus-update.service"]);
    for unit in ["qus-update.timer", "qus-update.service"] {
        let file = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("packaging/systemd").join(unit);
        assert!(file.is_file(), "{}", file.display());
    }
}

#[test]
fn the_settings_of_the_page_are_understood() {
    let text = lines("Settings").join("\n");
    let settings = Settings::parse(&text).unwrap();
    assert_eq!((settings.channel.unwrap().as_str(), settings.keep.versions()), ("stable", 2));
    assert_eq!(settings.update.window.unwrap().to_string(), "02:00-05:30");
}

#[test]
fn every_field_of_the_documents_is_described() {
    let (mut releases, machine) = behind();
    let mut names = BTreeSet::new();
    let look = |words: &[&str], code: i32| -> Value {
        let said = machine.qus(words).expect(code, &[]);
        serde_json::from_str(&said.stdout).unwrap()
    };
    releases.publisher.index.advisories = qus::advisory::known().to_vec();
    releases.publisher.index.advisories[0].to = "11.1.9"
        .parse::<qus::version::Version>()
        .map(|version| qus::qemu::QemuVersion::of_release(&version).unwrap())
        .unwrap();
    releases.add_single("11.1.5-1", "aarch64");
    let mut checked = look(&["update", "--check", "--json"], 100);
    checked["proofs"].take();
    fields(&checked, &mut names);
    look(&["update", "--json"], 0);
    let status = look(&["status", "--json", "aarch64"], 0);
    for part in ["news", "advisories"] {
        assert_ne!(status[part], Value::Array(Vec::new()), "{part}");
        fields(&status[part], &mut names);
    }
    names.extend(
        ["repository", "channel", "pinned", "withdrawn", "previous", "verdict", "refused", "url", "error", "exit"]
            .map(str::to_owned),
    );
    let missing: Vec<&String> = names.iter().filter(|name| !BOOK.contains(&format!("`{name}`"))).collect();
    assert!(missing.is_empty(), "not in docs/updates.md: {missing:?}");
    for verdict in ["move", "current", "older", "pinned", "withdrawn", "not-offered"] {
        assert!(BOOK.contains(&format!("`{verdict}`")), "{verdict}");
    }
}

#[test]
fn the_command_of_a_pin_that_does_not_fit_is_the_one_of_the_page() {
    let machine = machine();
    machine.qus(&["install", "aarch64"]).expect(0, &[]);
    let said =
        machine.qus(&["pin", "aarch64@99-1"]).expect(1, &["\"aarch64\" is installed in version 11.1.3-1, not in 99-1"]);
    assert!(said.stderr.contains("help: qus install aarch64@99-1 && qus pin aarch64"), "{said:#?}");
}
