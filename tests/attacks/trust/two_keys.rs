//! Two keys sign indexes, each with serials of its own: neither brings back what the other has replaced.

use std::collections::BTreeMap;
use std::fs;

use minisign::KeyPair;
use qus::moment::Moment;
use qus::trust::{AnchorFloor, TrustError};

use super::scene::{DAY, INSTALL, Scene, before, label, pair, scene};
use crate::support::machine::Image;
use crate::support::publisher::{Publisher, now, public, version};

/// A machine that has aarch64, by an index of five days ago.
fn scene_of_days_ago() -> Scene {
    let scene = Scene::publishing(|folder, url| {
        let mut publisher = Publisher::new(folder, url);
        publisher.index.issued = before(5);
        publisher.add_release("11.1.3-1", &["aarch64", "arm"]);
        publisher.publish();
        publisher
    });
    scene.image.run(&INSTALL).expect(0, &[]);
    scene
}

/// By root 2 another key signs indexes too.
fn with_another(scene: &Scene) -> KeyPair {
    let other = pair();
    let root = scene.second_root(|root| drop(root.roles.index.keys.insert(label("other"), public(&other))));
    scene.image.publisher.publish_root(&root, &[("alice", &scene.image.publisher.root_key)]);
    other
}

/// Signs an index of that serial and time; its bytes.
fn publish(scene: &mut Scene, key: &KeyPair, serial: u64, issued: Moment) -> Vec<u8> {
    scene.image.publisher.index.serial = serial;
    scene.image.publisher.index.issued = issued;
    scene.sign_index(key);
    fs::read(scene.file("index.qus")).unwrap()
}

#[test]
fn an_index_of_the_other_key_from_before_the_newest_one_is_refused() {
    let mut scene = scene_of_days_ago();
    let (own, other) = (scene.image.publisher.index_key.clone(), with_another(&scene));
    // The other key's only index, which this machine has not seen, offers what was withdrawn since.
    let then = before(3);
    let old = publish(&mut scene, &other, 1, then);
    let withdrawn = &mut scene.image.publisher.index.releases[0].withdrawn;
    *withdrawn = Some("it eats files".to_owned());
    publish(&mut scene, &own, 8, Moment(now().0 - DAY));
    scene.image.run_in_vain_but_for_the_memory(&["install", "arm"]).expect(1, &["it eats files"]);

    fs::write(scene.file("index.qus"), old).unwrap();
    let error = scene.refusal();
    assert!(matches!(&error, TrustError::OlderByTime { issued, .. } if *issued == then), "{error}");
    scene.ends_for_arm(
        5,
        &["was issued at", "by another key that was seen before", "help: the repository serves an old"],
    );

    // What it says later is believed, and the time of the machine's memory never goes back.
    scene.image.publisher.index.releases[0].withdrawn = None;
    let time = Moment(now().0 - DAY / 2);
    publish(&mut scene, &other, 2, time);
    scene.image.run(&["install", "arm"]).expect(0, &[]);
    // Of one key the serial tells: its publisher may have set a clock right.
    publish(&mut scene, &other, 3, Moment(time.0 - 60));
    scene.image.run(&["install", "arm"]).expect(0, &["nothing to do"]);
    let seen = scene.memory().repositories.into_values().next().unwrap();
    assert_eq!((seen.issued, seen.serials.into_values().max()), (time, Some(8)));
}

/// What a key said of the time goes with the key, though another of the same root stays.
#[test]
fn the_time_of_a_key_that_was_taken_out_of_use_is_forgotten() {
    let mut scene = scene_of_days_ago();
    let (own, thiefs) = (scene.image.publisher.index_key.clone(), with_another(&scene));
    publish(&mut scene, &thiefs, 5, Moment(now().0 + DAY / 2));
    scene.image.run(&["install", "arm"]).expect(0, &[]);
    publish(&mut scene, &own, 8, now());
    assert!(matches!(scene.refusal(), TrustError::OlderByTime { .. }));
    scene.image.run_in_vain(&["install", "arm"]).expect(5, &[]);

    let mut root = scene.image.publisher.root();
    root.version = 3;
    scene.image.publisher.publish_root(&root, &[("alice", &scene.image.publisher.root_key)]);
    scene.image.run(&["install", "arm"]).expect(0, &["nothing to do"]);
    let seen = scene.memory().repositories.into_values().next().unwrap();
    assert_eq!((seen.issued, seen.serials.len(), seen.dates.len()), (scene.image.publisher.index.issued, 1, 1));
}

#[test]
fn the_anchor_says_how_far_the_other_key_had_come() {
    let mut scene = scene();
    let (own, other) = (scene.image.publisher.index_key.clone(), pair());
    let mut root = scene.image.publisher.root();
    root.roles.index.keys.insert(label("other"), public(&other));
    let mut anchor = scene.image.publisher.anchor_of(&root);
    let serials = BTreeMap::from([(public(&own).as_str().to_owned(), 9)]);
    anchor.floor = Some(AnchorFloor { issued: before(1), serials });
    scene.image.trust(&anchor);
    publish(&mut scene, &other, 1, before(2));
    scene.ends(5, &["by another key that was seen before"]);
    publish(&mut scene, &other, 2, now());
    scene.believe(now()).unwrap();
}

/// Serials of two keys say nothing of which index is the newer one.
#[test]
fn of_two_mirrors_with_two_keys_the_later_index_is_believed() {
    let mut scene = scene_of_days_ago();
    let (own, other) = (scene.image.publisher.index_key.clone(), with_another(&scene));
    let mut mirrors = Vec::new();
    for (name, key, serial, issued, channel) in
        [("high", &own, 90, before(2), "10.0-1"), ("late", &other, 2, Moment(now().0 - 60), "11.1.3-1")]
    {
        scene.image.publisher.index.channels.insert("stable".to_owned(), version(channel));
        publish(&mut scene, key, serial, issued);
        let folder = scene.image.folder.path().join(name);
        copy(&scene.image, &folder);
        mirrors.push(format!("file://{}", folder.display()));
    }
    fs::remove_file(scene.file("index.qus")).unwrap();
    for mirrors in [mirrors.clone(), mirrors.into_iter().rev().collect()] {
        fs::write(scene.image.root().join("etc/qus/config.toml"), format!("mirrors = {mirrors:?}\n")).unwrap();
        // The higher serial is of an index from before what this machine saw, or would see.
        scene.image.run_in_vain(&["install", "--dry-run", "aarch64"]).expect(0, &["nothing to do"]);
    }
}

fn copy(image: &Image, to: &std::path::Path) {
    let copied = std::process::Command::new("cp").arg("-r").arg(&image.publisher.folder).arg(to).status().unwrap();
    assert!(copied.success(), "cp");
}
