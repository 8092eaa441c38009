//! Whom a machine believes: roots, indexes and signatures, as values.

use std::collections::BTreeMap;

use minisign::KeyPair;
use qus::moment::Moment;
use qus::trust::{Key, Label, Minisig, Root, Signatures, TrustError, VerifiedIndex, verify_index};
use tempfile::TempDir;

use crate::support::publisher::{Publisher, now, public, sign};

fn publisher(folder: &TempDir) -> Publisher {
    Publisher::usual(&folder.path().join("repository"), "https://example.org/qus", &["aarch64"])
}

fn label(text: &str) -> Label {
    Label::try_from(text.to_owned()).unwrap()
}

fn index_bytes(publisher: &Publisher) -> Vec<u8> {
    std::fs::read(publisher.folder.join("index.qus")).unwrap()
}

fn check(publisher: &Publisher, bytes: &[u8], floor: u64, at: Moment) -> Result<VerifiedIndex, TrustError> {
    verify_index("the index", bytes, &publisher.root(), &|_: &Key| floor, at)
}

#[test]
fn an_index_is_believed_until_it_expires() {
    let folder = TempDir::new().unwrap();
    let publisher = publisher(&folder);
    let bytes = index_bytes(&publisher);
    let verified = check(&publisher, &bytes, 7, now()).unwrap();
    assert_eq!(verified.index(), &publisher.index);
    assert_eq!(verified.key(), &public(&publisher.index_key));
    let last = Moment(publisher.index.expires.0 - 1);
    assert!(check(&publisher, &bytes, 7, last).is_ok());
    let error = check(&publisher, &bytes, 7, publisher.index.expires).unwrap_err();
    assert!(matches!(error, TrustError::Expired { at, .. } if at == publisher.index.expires));
}

#[test]
fn an_index_from_tomorrow_is_believed_and_one_from_later_is_not() {
    let folder = TempDir::new().unwrap();
    let publisher = publisher(&folder);
    let bytes = index_bytes(&publisher);
    let day_before = Moment(publisher.index.issued.0 - 24 * 60 * 60);
    assert!(check(&publisher, &bytes, 0, day_before).is_ok());
    let error = check(&publisher, &bytes, 0, Moment(day_before.0 - 1)).unwrap_err();
    assert!(matches!(error, TrustError::FromTheFuture { .. }), "{error}");
}

#[test]
fn an_index_never_goes_back_behind_the_highest_serial_seen() {
    let folder = TempDir::new().unwrap();
    let publisher = publisher(&folder);
    let error = check(&publisher, &index_bytes(&publisher), 8, now()).unwrap_err();
    assert!(matches!(error, TrustError::Older { serial: 7, floor: 8, .. }), "{error}");
}

#[test]
fn one_flipped_bit_anywhere_in_an_index_is_noticed() {
    let folder = TempDir::new().unwrap();
    let publisher = publisher(&folder);
    let bytes = index_bytes(&publisher);
    // The first line is minisign's untrusted comment: nobody believes it, whatever it says.
    let start = bytes.iter().position(|byte| *byte == b'\n').unwrap() + 1;
    for at in start..bytes.len() {
        let mut flipped = bytes.clone();
        flipped[at] ^= 1;
        assert!(check(&publisher, &flipped, 0, now()).is_err(), "byte {at}");
    }
}

#[test]
fn no_other_role_can_sign_an_index() {
    let folder = TempDir::new().unwrap();
    let publisher = publisher(&folder);
    for key in [&publisher.release_key, &publisher.root_key] {
        publisher.publish_signed_by(key);
        let error = check(&publisher, &index_bytes(&publisher), 0, now()).unwrap_err();
        assert!(matches!(error, TrustError::UnknownKey { .. }), "{error}");
    }
}

#[test]
fn no_other_document_can_stand_in_for_an_index() {
    let folder = TempDir::new().unwrap();
    let publisher = publisher(&folder);
    let body = serde_json::to_string(&publisher.index).unwrap();
    let signed = |comment: &str| {
        let text = format!("{}\n{body}", sign(&publisher.index_key, body.as_bytes(), comment));
        check(&publisher, text.as_bytes(), 0, now()).unwrap_err()
    };
    assert!(matches!(signed("type:qus-asset\tserial:7"), TrustError::WrongType { .. }));
    assert!(matches!(signed("serial:7"), TrustError::WrongType { .. }));
    assert!(matches!(signed("type:qus-index\tserial:9"), TrustError::Mismatch { field: "serial", .. }));
}

#[test]
fn a_signature_is_four_lines_and_nothing_else() {
    let pair = KeyPair::generate_unencrypted_keypair().unwrap();
    let sound = sign(&pair, b"content", "type:qus-index\tserial:1");
    assert!(Minisig::parse("it", &sound).is_ok());
    let unsound = [
        String::new(),
        sound.trim_end().to_owned(),
        format!("{sound}more\n"),
        sound.replace('\n', "\r\n"),
        sound.replace("untrusted comment: ", ""),
        sound.replace("trusted comment: type", "comment: type"),
        sound.replace("\tserial:1", "\ttype:qus-root"),
        sound.replace("\tserial:1", "\tserial"),
        format!("untrusted comment: {}\n", "x".repeat(4096)),
    ];
    for text in unsound {
        assert!(matches!(Minisig::parse("it", &text), Err(TrustError::Malformed { .. })), "{text:?}");
    }
}

/// A publisher's second root, with other root keys.
fn second_root(publisher: &Publisher, keys: &[(&str, &KeyPair)], threshold: usize) -> Root {
    let mut root = publisher.root();
    root.version = 2;
    root.roles.root.threshold = threshold;
    root.roles.root.keys = keys.iter().map(|(name, pair)| (label(name), public(pair))).collect();
    root
}

fn signatures(text: &str, version: u64, keys: &[(&str, &KeyPair)]) -> Signatures {
    let comment = format!("type:qus-root\tversion:{version}");
    keys.iter().map(|(name, pair)| (label(name), sign(pair, text.as_bytes(), &comment))).collect()
}

#[test]
fn a_root_hands_over_when_both_its_keys_and_the_next_ones_signed() {
    let folder = TempDir::new().unwrap();
    let publisher = publisher(&folder);
    let bob = KeyPair::generate_unencrypted_keypair().unwrap();
    let (first, second) = (publisher.root(), second_root(&publisher, &[("bob", &bob)], 1));
    let text = serde_json::to_string(&second).unwrap();
    let both = signatures(&text, 2, &[("alice", &publisher.root_key), ("bob", &bob)]);
    assert_eq!(first.successor("root 2", &text, &both).unwrap(), second);

    for one in [("alice", &publisher.root_key), ("bob", &bob)] {
        let error = first.successor("root 2", &text, &signatures(&text, 2, &[one])).unwrap_err();
        assert!(matches!(error, TrustError::UnknownKey { .. }), "{error}");
    }
}

#[test]
fn a_key_counts_once_toward_the_threshold() {
    let folder = TempDir::new().unwrap();
    let publisher = publisher(&folder);
    let (bob, carol) =
        (KeyPair::generate_unencrypted_keypair().unwrap(), KeyPair::generate_unencrypted_keypair().unwrap());
    let alice = &publisher.root_key;
    let second = second_root(&publisher, &[("alice", alice), ("bob", &bob), ("carol", &carol)], 2);
    let text = serde_json::to_string(&second).unwrap();
    let twice = signatures(&text, 2, &[("alice", alice), ("other", alice)]);
    let error = publisher.root().successor("root 2", &text, &twice).unwrap_err();
    assert!(matches!(error, TrustError::TooFewSignatures { have: 1, need: 2, .. }), "{error}");
    let two = signatures(&text, 2, &[("alice", alice), ("carol", &carol)]);
    assert!(publisher.root().successor("root 2", &text, &two).is_ok());
}

#[test]
fn a_root_is_followed_by_the_next_one_only() {
    let folder = TempDir::new().unwrap();
    let publisher = publisher(&folder);
    for version in [1, 3] {
        let mut root = publisher.root();
        root.version = version;
        let text = serde_json::to_string(&root).unwrap();
        let signed = signatures(&text, version, &[("alice", &publisher.root_key)]);
        let error = publisher.root().successor("root", &text, &signed).unwrap_err();
        assert!(matches!(error, TrustError::NotNext { have: 1, found } if found == version), "{error}");
    }
}

#[test]
fn a_root_that_asks_for_no_signature_or_for_more_than_it_has_keys_is_refused() {
    let folder = TempDir::new().unwrap();
    let publisher = publisher(&folder);
    for threshold in [0, 2] {
        let second = second_root(&publisher, &[("alice", &publisher.root_key)], threshold);
        let text = serde_json::to_string(&second).unwrap();
        let signed = signatures(&text, 2, &[("alice", &publisher.root_key)]);
        let error = publisher.root().successor("root 2", &text, &signed).unwrap_err();
        assert!(matches!(error, TrustError::Malformed { .. }), "{error}");
    }
}

#[test]
fn a_root_that_asks_for_more_signatures_than_are_looked_at_is_refused() {
    let folder = TempDir::new().unwrap();
    let publisher = publisher(&folder);
    let mut second = second_root(&publisher, &[("alice", &publisher.root_key)], 1);
    second.roles.index.keys.insert(label("second"), public(&publisher.root_key));
    second.roles.index.threshold = 2;
    let text = serde_json::to_string(&second).unwrap();
    let signed = signatures(&text, 2, &[("alice", &publisher.root_key)]);
    let error = publisher.root().successor("root 2", &text, &signed).unwrap_err();
    assert!(matches!(error, TrustError::Malformed { .. }), "{error}");
}

#[test]
fn a_damaged_signature_of_a_root_is_an_error_and_a_strangers_does_not_count() {
    let folder = TempDir::new().unwrap();
    let publisher = publisher(&folder);
    let stranger = KeyPair::generate_unencrypted_keypair().unwrap();
    let mut root = publisher.root();
    root.version = 2;
    let text = serde_json::to_string(&root).unwrap();
    let mut signed = signatures(&text, 2, &[("alice", &publisher.root_key), ("mallory", &stranger)]);
    assert!(publisher.root().successor("root 2", &text, &signed).is_ok());
    let other = signatures("another text", 2, &[("alice", &publisher.root_key)]);
    signed.extend(other);
    let error = publisher.root().successor("root 2", &text, &signed).unwrap_err();
    assert!(matches!(error, TrustError::BadSignature { .. }), "{error}");
}

#[test]
fn an_anchor_that_was_damaged_is_noticed() {
    let folder = TempDir::new().unwrap();
    let publisher = publisher(&folder);
    let mut anchor = publisher.anchor();
    assert_eq!(anchor.root("the anchor").unwrap(), publisher.root());
    anchor.root = anchor.root.replace("\"version\": 1", "\"version\": 3");
    let error = anchor.root("the anchor").unwrap_err();
    assert!(matches!(error, TrustError::BadSignature { .. }), "{error}");
    anchor.signatures = BTreeMap::new();
    assert!(matches!(anchor.root("the anchor").unwrap_err(), TrustError::UnknownKey { .. }));
}
