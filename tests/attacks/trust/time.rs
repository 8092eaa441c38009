//! Old states, frozen states, wrong clocks, and states from too far ahead.

use std::fs;

use qus::trust::{AnchorFloor, TrustError};

use super::scene::{DAY, INSTALL, Scene, after, before, label, pair, scene, scene_with_memory};
use crate::support::machine::Said;
use crate::support::publisher::{Publisher, now, public};

#[test]
fn an_older_index_is_refused() {
    let mut scene = scene_with_memory();
    let old = fs::read(scene.file("index.qus")).unwrap();
    scene.image.publisher.index.serial = 9;
    scene.image.publisher.publish();
    scene.image.run(&["install", "arm"]).expect(0, &[]);
    fs::write(scene.file("index.qus"), old).unwrap();
    assert!(matches!(scene.refusal(), TrustError::Older { serial: 7, floor: 9, .. }));
    scene.ends(5, &["\"index.qus\" has serial 7, older than the 9 seen before", "help: "]);
}

/// What was seen counts even if nothing was to be done by it.
#[test]
fn a_serial_is_remembered_when_there_is_nothing_to_install() {
    let mut scene = scene_with_memory();
    let old = fs::read(scene.file("index.qus")).unwrap();
    scene.image.publisher.index.serial = 9;
    scene.image.publisher.publish();
    scene.image.run_in_vain(&["install", "aarch64", "--dry-run"]).expect(0, &["nothing to do"]);
    scene.image.run(&INSTALL).expect(0, &["nothing to do"]);
    scene.image.run_in_vain(&INSTALL).expect(0, &["nothing to do"]);
    fs::write(scene.file("index.qus"), old).unwrap();
    scene.ends_for_arm(5, &["has serial 7, older than the 9 seen before"]);
}

/// Where the memory lies on a read-only file system nothing can be remembered; that there is nothing to do is still true.
#[test]
fn a_memory_that_cannot_be_written_is_said_and_stops_nothing() {
    let mut scene = scene_with_memory();
    scene.image.publisher.index.serial = 9;
    scene.image.publisher.publish();
    let (before, root) = (scene.image.tree(), scene.image.root().display().to_string());
    let script = "cd \"$2\"/var/lib; mount --bind qus qus; mount -o remount,ro,bind qus
        exec \"$1\" --root \"$2\" install aarch64";
    let mut command = std::process::Command::new("unshare");
    command.args(["--user", "--map-root-user", "--mount", "sh", "-ec", script, "sh", env!("CARGO_BIN_EXE_qus"), &root]);
    let said = Said::by(command.output().unwrap());
    said.expect(0, &["nothing to do", "warning: what was seen of the repository is not remembered: "]);
    assert_eq!(scene.image.tree(), before);
}

#[test]
fn an_older_version_is_refused_though_the_index_is_new() {
    let mut scene = Scene::publishing(|folder, url| {
        let mut publisher = Publisher::new(folder, url);
        publisher.add_release("10.0.13-0", &["aarch64"]);
        publisher.add_release("11.1.3-1", &["aarch64"]);
        publisher.publish();
        publisher
    });
    scene.image.run(&INSTALL).expect(0, &[]);
    let publisher = &mut scene.image.publisher;
    publisher.index.serial += 1;
    publisher.index.channels.insert("stable".to_owned(), "10.0.13-0".parse().unwrap());
    publisher.publish();
    scene.image.run(&INSTALL).expect(5, &["version 10.0.13-0 is offered", "older than the installed 11.1.3-1"]);
}

#[test]
fn a_frozen_repository_is_noticed_when_its_index_has_expired() {
    let mut scene = scene();
    let error = scene.refusal_at(after(31));
    assert!(matches!(error, TrustError::Expired { .. }), "{error}");
    scene.believe(after(29)).unwrap();

    // For the program, whose time is the machine's: an index of a month ago.
    scene.image.publisher.index.issued = before(31);
    scene.image.publisher.index.expires = before(1);
    scene.image.publisher.publish();
    scene.ends(4, &["\"index.qus\" expired at ", "if the date of this machine is right"]);
}

#[test]
fn a_frozen_root_is_noticed_too() {
    let scene = scene();
    let error = scene.refusal_at(after(366));
    assert!(matches!(&error, TrustError::Expired { what, .. } if what == "root.1.json"), "{error}");
}

#[test]
fn a_clock_that_stands_back_is_told_from_a_document_that_is_too_old() {
    let scene = scene_with_memory();
    for at in [before(365), qus::moment::Moment(0)] {
        assert!(matches!(scene.refusal_at(at), TrustError::ClockBehind { .. }));
    }
    // Before this qus was built.
    let error = scene.refusal_at(qus::moment::Moment(qus::trust::built().0 - 2 * DAY));
    assert!(matches!(error, TrustError::ClockBehind { what: "this qus was built", .. }), "{error}");

    // Before the newest index was issued, which this machine remembers.
    let path = scene.image.root().join("var/lib/qus/trust.json");
    let mut memory = scene.memory();
    memory.repositories.values_mut().next().unwrap().issued = after(200);
    fs::write(&path, memory.to_json()).unwrap();
    let error = scene.refusal();
    assert!(
        matches!(error, TrustError::ClockBehind { what: "the newest index of this repository was issued", .. }),
        "{error}"
    );
    scene.ends_for_arm(4, &["this machine's clock says ", "help: set this machine's clock"]);
    // A day is nothing: time zones are mistaken for one another.
    memory.repositories.values_mut().next().unwrap().issued = qus::moment::Moment(now().0 + DAY / 2);
    fs::write(&path, memory.to_json()).unwrap();
    scene.image.run(&["install", "arm"]).expect(0, &[]);
}

#[test]
fn a_clock_before_the_anchor_was_made_is_wrong() {
    let scene = scene();
    let mut anchor = scene.image.publisher.anchor();
    anchor.floor = Some(AnchorFloor { issued: after(300), serials: std::collections::BTreeMap::new() });
    scene.image.trust(&anchor);
    let error = scene.refusal();
    assert!(matches!(error, TrustError::ClockBehind { .. }), "{error}");
    scene.ends(4, &["but the anchor of this repository was made at", "help: set this machine's clock"]);
}

#[test]
fn an_index_from_the_future_is_refused() {
    let mut scene = scene();
    scene.image.publisher.index.issued = after(2);
    scene.image.publisher.publish();
    assert!(matches!(scene.refusal(), TrustError::FromTheFuture { .. }));
    scene.ends(4, &["but this machine's clock says", "help: set this machine's clock"]);
}

#[test]
fn a_serial_that_runs_away_is_refused() {
    let mut scene = scene_with_memory();
    for serial in [u64::MAX, 7 + 10_001] {
        scene.image.publisher.index.serial = serial;
        scene.image.publisher.publish();
        let error = scene.refusal();
        assert!(matches!(error, TrustError::RunsAway { floor: 7, serial: found, .. } if found == serial), "{error}");
        scene.ends_for_arm(3, &["more than 10000 above the 7 seen before", "by a new root"]);
    }
    scene.image.publisher.index.serial = 7 + 10_000;
    scene.image.publisher.publish();
    scene.image.run(&["install", "arm"]).expect(0, &[]);
}

/// Who held the index key for a day can use up every serial there is, for machines that had seen none. A new key ends it.
#[test]
fn after_a_change_of_keys_a_thiefs_serials_are_forgotten() {
    let mut scene = scene();
    scene.image.publisher.index.serial = u64::MAX;
    scene.image.publisher.publish();
    scene.image.run(&INSTALL).expect(0, &[]);

    let fresh = pair();
    let root = scene.second_root(|root| drop(root.roles.index.keys.insert(label("index"), public(&fresh))));
    scene.image.publisher.publish_root(&root, &[("alice", &scene.image.publisher.root_key)]);
    scene.image.publisher.index.serial = 5;
    scene.sign_index(&fresh);
    scene.image.run(&["install", "arm"]).expect(0, &[]);
    let seen = scene.memory().repositories.into_values().next().unwrap();
    let serials: Vec<(&str, u64)> = seen.serials.iter().map(|(key, serial)| (key.as_str(), *serial)).collect();
    assert_eq!((seen.root.version, serials), (2, vec![(public(&fresh).as_str(), 5)]));
}

#[test]
fn two_indexes_of_one_serial_are_refused() {
    let mut scene = scene_with_memory();
    // The same, signed anew, is no other.
    scene.image.publisher.publish();
    scene.image.run_in_vain(&INSTALL).expect(0, &["nothing to do"]);
    scene.image.publisher.index.mirrors.push("https://example.org".to_owned());
    scene.image.publisher.publish();
    assert!(matches!(scene.refusal(), TrustError::TwoOfOneSerial { serial: 7, .. }));
    scene.ends_for_arm(3, &["says something else than the one seen before, which has the same serial 7"]);
}

/// Who has lost the memory, or never had one, is protected by what the maker of the anchor had seen.
#[test]
fn the_floor_of_the_anchor_holds_where_there_is_no_memory() {
    let mut scene = scene_with_memory();
    let key = public(&scene.image.publisher.index_key).as_str().to_owned();
    let mut anchor = scene.image.publisher.anchor();
    anchor.floor = Some(AnchorFloor { issued: before(1), serials: [(key, 9)].into() });
    scene.image.trust(&anchor);
    scene.image.run(&["remove", "all"]).expect(0, &[]);
    assert_eq!(scene.memory().repositories.len(), 0);
    assert!(matches!(scene.refusal(), TrustError::Older { serial: 7, floor: 9, .. }));
    scene.ends(5, &["has serial 7, older than the 9 seen before"]);

    scene.image.publisher.index.serial = 9 + 10_001;
    scene.image.publisher.publish();
    assert!(matches!(scene.refusal(), TrustError::RunsAway { floor: 9, .. }));
    scene.image.publisher.index.serial = 9;
    scene.image.publisher.publish();
    scene.image.run(&INSTALL).expect(0, &[]);
}
