//! What was seen is remembered, whatever else comes of a command: nobody who can make it fail can lead a machine back.

use std::fs;

use qus::trust::{Seen, TrustError};

use super::scene::{INSTALL, Scene, before, label, pair, scene_with_memory};
use crate::support::publisher::{now, public, version};

fn seen(scene: &Scene) -> Seen {
    scene.memory().repositories.into_values().next().unwrap()
}

fn serial(scene: &Scene) -> u64 {
    seen(scene).serials.into_values().next().unwrap()
}

/// The keys that a root takes out of use are out of use, also where the root came too late to be good for anything else.
#[test]
fn a_root_is_remembered_though_it_has_expired() {
    let mut scene = scene_with_memory();
    let root = scene.second_root(|root| {
        root.expires = before(1);
        root.roles.index.keys.insert(label("index"), public(&pair()));
    });
    scene.image.publisher.publish_root(&root, &[("alice", &scene.image.publisher.root_key)]);
    for only_looks in [&["install", "arm", "--dry-run"][..], &["update", "--check"]] {
        scene.image.run_in_vain(only_looks).expect(4, &["root.2.json expired at"]);
    }
    scene.image.run(&["install", "arm"]).expect(4, &["root.2.json expired at"]);
    assert_eq!(seen(&scene).root.version, 2);

    // The thief of the old key hides the new root.
    fs::remove_file(scene.file("root.2.json")).unwrap();
    scene.image.publisher.index.serial = 20;
    scene.image.publisher.publish();
    let error = scene.refusal();
    assert!(matches!(&error, TrustError::Expired { what, .. } if what == "root.2.json"), "{error}");
    scene.ends_for_arm(4, &["root.2.json expired at"]);
}

#[test]
fn a_root_is_remembered_though_the_one_behind_it_is_forged() {
    let scene = scene_with_memory();
    let mut root = scene.second_root(|_| {});
    scene.image.publisher.publish_root(&root, &[("alice", &scene.image.publisher.root_key)]);
    root.version = 3;
    scene.image.publisher.publish_root(&root, &[("alice", &pair())]);
    scene.image.run(&["install", "arm"]).expect(3, &["\"root.3.json\" is not signed by a key"]);
    assert_eq!(seen(&scene).root.version, 2);
}

#[test]
fn an_index_is_remembered_though_what_it_offers_is_refused() {
    let mut scene = scene_with_memory();
    let old = fs::read(scene.file("index.qus")).unwrap();
    let publisher = &mut scene.image.publisher;
    publisher.index.serial = 9;
    publisher.index.channels.insert("stable".to_owned(), version("10.0-1"));
    publisher.publish();
    // Neither a target that it does not have, nor a version, nor a channel.
    for (serial, words) in
        [(9, ["install", "riscv64"]), (10, ["install", "arm@7.2-1"]), (11, ["update", "aarch64@edge"])]
    {
        scene.image.publisher.index.serial = serial;
        scene.image.publisher.publish();
        scene.image.run_in_vain(&[&words[..], &["--dry-run"]].concat()).expect(1, &["the repository has no "]);
        scene.image.run_in_vain_but_for_the_memory(&words).expect(1, &["the repository has no "]);
        assert_eq!(self::serial(&scene), serial, "{words:?}");
    }
    fs::write(scene.file("index.qus"), old).unwrap();
    scene.ends_for_arm(5, &["has serial 7, older than the 11 seen before"]);
}

#[test]
fn an_index_is_remembered_though_what_it_lists_is_forged_or_does_not_arrive() {
    let mut scene = scene_with_memory();
    let arm = scene.image.publisher.asset_path("arm");
    let sound = fs::read(&arm).unwrap();
    let mut forged = sound.clone();
    forged[50] ^= 1;
    fs::write(&arm, forged).unwrap();
    scene.image.publisher.index.serial = 9;
    scene.image.publisher.publish();
    scene.image.run_in_vain_but_for_the_memory(&["install", "arm"]).expect(3, &["has another content than signed"]);
    assert_eq!(serial(&scene), 9);

    fs::remove_file(&arm).unwrap();
    scene.image.publisher.index.serial = 10;
    scene.image.publisher.publish();
    scene.image.run_in_vain_but_for_the_memory(&["install", "arm"]).expect(7, &["is not there"]);
    assert_eq!(serial(&scene), 10);
    // And what was remembered then is in nobody's way.
    fs::write(&arm, sound).unwrap();
    scene.image.run(&["install", "arm"]).expect(0, &["installed"]);
    scene.believe(now()).unwrap();
}

/// While nothing is installed nothing is kept.
#[test]
fn a_machine_with_nothing_of_qus_remembers_nothing() {
    let scene = super::scene::scene();
    scene.image.run_in_vain(&["install", "riscv64"]).expect(1, &["the repository has no "]);
    scene.image.run(&INSTALL).expect(0, &[]);
    scene.image.run(&["remove", "all"]).expect(0, &[]);
    assert!(!scene.image.root().join("var/lib/qus").exists());
}
