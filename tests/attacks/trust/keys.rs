//! Stolen keys, and keys that were taken out of use.

use std::fs;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use minisign::KeyPair;
use qus::release::Form;
use qus::trust::{Key, Role, TrustError};

use super::scene::{ASSET, INSTALL, Scene, label, pair, scene, scene_with_memory};
use crate::support::publisher::{Publisher, member, now, pack, public, sign, target};
use crate::support::server::Answer;

/// Everything that the repository handed out before the keys changed.
fn replay(scene: &Scene, index: &[u8]) {
    fs::remove_file(scene.file("root.2.json")).unwrap();
    fs::remove_file(scene.file("root.2.json.minisig.alice")).unwrap();
    fs::write(scene.file("index.qus"), index).unwrap();
}

/// The index key changes hands by root 2; the machine has seen it.
fn after_rotation() -> (Scene, KeyPair) {
    let mut scene = scene_with_memory();
    let fresh = pair();
    let root = scene.second_root(|root| drop(root.roles.index.keys.insert(label("index"), public(&fresh))));
    scene.image.publisher.publish_root(&root, &[("alice", &scene.image.publisher.root_key)]);
    scene.image.publisher.index.serial += 1;
    scene.sign_index(&fresh);
    scene.image.run(&INSTALL).expect(0, &["nothing to do"]);
    (scene, fresh)
}

#[test]
fn a_replayed_root_does_not_bring_an_old_index_key_back() {
    let (mut scene, _) = after_rotation();
    // The thief has the old key, and signs what is new with it.
    scene.image.publisher.index.serial = 20;
    scene.image.publisher.publish();
    let forged = fs::read(scene.file("index.qus")).unwrap();
    assert!(matches!(scene.refusal(), TrustError::UnknownKey { .. }));
    replay(&scene, &forged);
    assert!(matches!(scene.refusal(), TrustError::UnknownKey { .. }));
    scene.ends_for_arm(3, &["\"index.qus\" is not signed by a key that this machine trusts"]);
}

/// A root is remembered as soon as it is verified, even if the thief keeps all the rest from arriving.
#[test]
fn a_root_is_remembered_though_nothing_else_arrives() {
    let mut scene = scene_with_memory();
    let root = scene.second_root(|root| drop(root.roles.index.keys.insert(label("index"), public(&pair()))));
    scene.image.publisher.publish_root(&root, &[("alice", &scene.image.publisher.root_key)]);
    scene.image.run(&["install", "arm"]).expect(3, &["\"index.qus\" is not signed by a key"]);
    assert_eq!(scene.memory().repositories.values().next().unwrap().root.version, 2);

    scene.image.publisher.index.serial = 20;
    scene.image.publisher.publish();
    let forged = fs::read(scene.file("index.qus")).unwrap();
    replay(&scene, &forged);
    scene.ends_for_arm(3, &["\"index.qus\" is not signed by a key that this machine trusts"]);
    // With the last target all of it is forgotten: an install leaves no trace.
    scene.image.run(&["remove", "all"]).expect(0, &[]);
    assert!(!scene.image.root().join("var/lib/qus").exists());
}

#[test]
fn a_stolen_index_key_cannot_bring_in_an_asset_of_the_thiefs() {
    let mut scene = scene();
    let index_key = scene.image.publisher.index_key.clone();
    scene.image.publisher.release_key = index_key;
    let mut packed = pack(target("aarch64"), "11.1.3-1");
    packed.content[3000] ^= 1;
    let members = vec![member(target("aarch64"), &packed.content)];
    scene.image.publisher.replace_asset("aarch64", &[packed], members);
    // The root still names the release key that was not stolen.
    assert!(matches!(scene.refusal(), TrustError::UnknownKey { .. }));
    scene.ends(3, &[&format!("\"{ASSET}\" is not signed by a key that this machine trusts")]);
}

#[test]
fn a_stolen_release_key_reaches_nobody_without_the_index() {
    let scene = scene();
    // Properly signed, in its place, under its name; but nobody lists it.
    let packed = pack(target("riscv64"), "11.1.3-1");
    let bytes = crate::support::publisher::archive(std::slice::from_ref(&packed));
    let file = "qemu-riscv64-static_amd64.tar.zst";
    let members = vec![member(target("riscv64"), &packed.content)];
    scene.image.publisher.write_asset(file, Form::Emulator, "11.1.3-1", &bytes, members);
    scene.image.run_in_vain(&["install", "riscv64"]).expect(1, &["riscv64"]);

    // Listed under another hash, it is none of those that are listed.
    let mut packed = pack(target("aarch64"), "11.1.3-1");
    packed.content[3000] ^= 1;
    let bytes = crate::support::publisher::archive(std::slice::from_ref(&packed));
    let members = vec![member(target("aarch64"), &packed.content)];
    scene.image.publisher.write_asset(ASSET, Form::Emulator, "11.1.3-1", &bytes, members);
    let error = scene.refusal();
    assert!(matches!(error, TrustError::Mismatch { field: "size" | "sha256", .. }), "{error}");
    scene.ends(3, &["is signed for "]);
}

#[test]
fn a_release_key_that_was_taken_out_of_use_signs_nothing_any_more() {
    let scene = scene();
    let root = scene.second_root(|root| drop(root.roles.release.keys.insert(label("release"), public(&pair()))));
    scene.image.publisher.publish_root(&root, &[("alice", &scene.image.publisher.root_key)]);
    assert!(matches!(scene.refusal(), TrustError::UnknownKey { .. }));
    scene.ends(3, &[&format!("\"{ASSET}\" is not signed by a key that this machine trusts")]);
}

#[test]
fn a_revoked_asset_is_refused_though_everybody_signed_it() {
    let scene = scene();
    let hash = crate::support::publisher::sha256(&fs::read(scene.asset()).unwrap());
    let root = scene.second_root(|root| root.revoked.push(hash));
    scene.image.publisher.publish_root(&root, &[("alice", &scene.image.publisher.root_key)]);
    assert!(matches!(scene.refusal(), TrustError::Revoked { .. }));
    scene.ends(3, &[&format!("\"{ASSET}\" was revoked")]);
}

/// Two of alice, bob and carol sign roots; alice's key is the publisher's own.
fn scene_of_three() -> (Scene, KeyPair, KeyPair) {
    let scene = scene();
    let (bob, carol) = (pair(), pair());
    let mut root = scene.image.publisher.root();
    root.roles.root = three(&scene.image.publisher.root_key, &bob, &carol);
    let mut anchor = scene.image.publisher.anchor_of(&root);
    let signed = sign(&bob, anchor.root.as_bytes(), "type:qus-root\tversion:1");
    anchor.signatures.insert(label("bob"), signed);
    scene.image.trust(&anchor);
    scene.believe(now()).unwrap();
    (scene, bob, carol)
}

fn three(alice: &KeyPair, bob: &KeyPair, carol: &KeyPair) -> Role<qus::trust::ForRoots> {
    let keys = [("alice", alice), ("bob", bob), ("carol", carol)];
    Role::new(2, keys.map(|(name, pair)| (label(name), public(pair))).into())
}

#[test]
fn one_stolen_root_key_of_three_makes_no_root() {
    let (scene, bob, carol) = scene_of_three();
    let (alice, thief) = (scene.image.publisher.root_key.clone(), pair());
    let roles = three(&alice, &bob, &carol);
    let taken = scene.second_root(|root| {
        root.roles.root = Role::new(1, [(label("thief"), public(&thief))].into());
        root.roles.index.keys.insert(label("index"), public(&thief));
    });
    let publish = |signers: &[(&str, &KeyPair)]| scene.image.publisher.publish_root(&taken, signers);
    let words = "\"root.2.json\" bears 1 of the 2 signatures it needs";

    publish(&[("alice", &alice)]);
    assert!(matches!(scene.refusal(), TrustError::TooFewSignatures { have: 1, need: 2, .. }));
    scene.ends(3, &[words]);
    // The same key twice, under two labels.
    publish(&[("alice", &alice), ("bob", &alice), ("carol", &alice)]);
    assert!(matches!(scene.refusal(), TrustError::TooFewSignatures { have: 1, need: 2, .. }));
    scene.ends(3, &[words]);
    // Enough by the new root, which the thief wrote.
    publish(&[("alice", &alice), ("thief", &thief)]);
    fs::remove_file(scene.file("root.2.json.minisig.bob")).unwrap();
    fs::remove_file(scene.file("root.2.json.minisig.carol")).unwrap();
    assert!(matches!(scene.refusal(), TrustError::TooFewSignatures { have: 1, need: 2, .. }));
    scene.ends(3, &[words]);

    // Two who are not the thief put a root in its place that knows alice's key no more.
    let dave = pair();
    let next = scene.second_root(|root| {
        root.roles.root = roles.clone();
        root.roles.root.keys.remove(&label("alice"));
        root.roles.root.keys.insert(label("dave"), public(&dave));
    });
    scene.image.publisher.publish_root(&next, &[("bob", &bob), ("carol", &carol)]);
    fs::remove_file(scene.file("root.2.json.minisig.alice")).unwrap();
    fs::remove_file(scene.file("root.2.json.minisig.thief")).unwrap();
    scene.image.run(&INSTALL).expect(0, &[]);
    assert_eq!(scene.memory().repositories.values().next().unwrap().root.version, 2);
}

/// The same secret may be listed under two labels, and even two ids: it is one key all the same.
#[test]
fn one_secret_under_two_ids_is_one_key() {
    let scene = scene();
    let alice = scene.image.publisher.root_key.clone();
    let mut bytes = BASE64.decode(public(&alice).as_str()).unwrap();
    bytes[2] ^= 1;
    let other = Key::try_from(BASE64.encode(bytes)).unwrap();
    assert_ne!((public(&alice).id(), public(&alice)), (other.id(), other.clone()));
    let root = scene.second_root(|root| {
        root.roles.root = Role::new(2, [(label("alice"), public(&alice)), (label("again"), other)].into());
    });
    scene.image.publisher.publish_root(&root, &[("alice", &alice), ("again", &alice)]);
    let error = scene.refusal();
    assert!(matches!(&error, TrustError::Malformed { why, .. } if why == "role \"root\" wants 2 of 1 keys"), "{error}");
    scene.ends(3, &["\"root.2.json\" is malformed: role \"root\" wants 2 of 1 keys"]);
}

#[test]
fn a_machine_follows_thirty_two_roots_and_no_more() {
    let scene = scene();
    let publish = |version| {
        let root = scene.second_root(|root| root.version = version);
        scene.image.publisher.publish_root(&root, &[("alice", &scene.image.publisher.root_key)]);
    };
    (2..=33).for_each(publish);
    scene.believe(now()).unwrap();
    publish(34);
    assert!(matches!(scene.refusal(), TrustError::TooManyRoots(1)));
    scene.ends(3, &["more than 32 roots follow on root 1", "help: put the present anchor.json"]);
}

/// The files change between two requests: everything is of one state, or refused.
#[test]
fn a_publish_in_the_middle_of_an_install_mixes_nothing() {
    let mut scene = scene();
    let opened = scene.open(now()).unwrap();
    let index = fs::read_to_string(scene.file("index.qus")).unwrap();
    let (asset, signature) = (fs::read(scene.asset()).unwrap(), fs::read(scene.signature()).unwrap());
    let mut packed = pack(target("aarch64"), "11.1.3-1");
    packed.content[3000] ^= 1;
    let members = vec![member(target("aarch64"), &packed.content)];
    scene.image.publisher.index.serial += 1;
    scene.image.publisher.replace_asset("aarch64", &[packed], members);
    let newer = fs::read_to_string(scene.file("index.qus")).unwrap();

    // Who has asked for the index before, and asks for the asset now.
    let error = opened.fetch().unwrap_err();
    assert!(matches!(error, TrustError::Mismatch { field: "size" | "sha256", .. }), "{error}");
    // The old index, and then the new asset with its signature.
    fs::write(scene.file("index.qus"), &index).unwrap();
    let error = scene.refusal();
    assert!(matches!(error, TrustError::Mismatch { field: "size" | "sha256", .. }), "{error}");
    scene.ends(3, &["is signed for "]);
    // The old signature, and then the new asset.
    fs::write(scene.signature(), &signature).unwrap();
    let error = scene.refusal();
    assert!(
        matches!(error, TrustError::WrongHash { .. } | TrustError::TooLong { .. } | TrustError::TooShort { .. }),
        "{error}"
    );
    // The new index, and what it lists is the old one's.
    fs::write(scene.file("index.qus"), &newer).unwrap();
    fs::write(scene.asset(), &asset).unwrap();
    assert!(matches!(scene.refusal(), TrustError::Mismatch { .. }));
    scene.ends(3, &["is signed for "]);
    // Half of each: signature and body are one file, and no two of them fit.
    let (head, _) = index.split_once("\n\n").unwrap();
    let (_, body) = newer.split_once("\n\n").unwrap();
    fs::write(scene.file("index.qus"), format!("{head}\n\n{body}")).unwrap();
    assert!(matches!(scene.refusal(), TrustError::BadSignature { .. }));
    scene.ends(3, &["the signature of \"index.qus\" does not fit its content"]);
    // All of the old state: as if nothing had been published.
    fs::write(scene.file("index.qus"), &index).unwrap();
    fs::write(scene.signature(), &signature).unwrap();
    scene.image.run(&INSTALL).expect(0, &[]);
}

/// A repository that names no root beyond the first, and a server that says so with an error, are two things.
#[test]
fn a_root_that_cannot_be_asked_for_is_not_taken_for_none() {
    let folder = tempfile::TempDir::new().unwrap();
    let server = crate::support::server::Server::of(folder.path().to_owned());
    let image = crate::support::machine::Image::at_url(Some(&server.url), |_, url| {
        Publisher::usual(folder.path(), url, &["aarch64"])
    });
    server.answer("root.2.json", Answer::Status("500 Internal Server Error"));
    image.run_in_vain(&INSTALL).expect(7, &["the server answered 500"]);
}
