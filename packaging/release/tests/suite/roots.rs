//! Roots: who may sign, and how that changes hands.

use std::time::Duration;

use qus::moment::Moment;
use qus::trust::{Anchor, Root, TrustError};
use qus_release::error::Error;

use crate::workshop::{NOW, Workshop};

fn anchor(workshop: &Workshop) -> Anchor {
    Anchor::parse("anchor.json", &workshop.read("repository/anchor.json")).unwrap()
}

fn with_keys(names: &[&str]) -> Workshop {
    let workshop = Workshop::empty();
    for name in ["release", "index"].iter().chain(names) {
        workshop.keygen(name);
    }
    workshop
}

#[test]
fn the_first_root_and_the_anchor_say_the_same_signed_by_every_root_key() {
    let workshop = with_keys(&["alice", "bob", "carol"]);
    let made = workshop.root(&["--root-key", "alice.key", "bob.key", "carol.key"]).unwrap();
    assert_eq!(made.version, 1);
    let signatures = ["alice", "bob", "carol"].map(|label| format!("root.1.json.minisig.{label}"));
    assert_eq!(workshop.names(), [&["anchor.json".to_owned(), "root.1.json".to_owned()], &signatures[..]].concat());

    let anchor = anchor(&workshop);
    assert_eq!(anchor.repository, "https://example.org/qus");
    assert_eq!(anchor.root, workshop.read("repository/root.1.json"));
    for (label, signature) in &anchor.signatures {
        assert_eq!(*signature, workshop.read(&format!("repository/root.1.json.minisig.{label}")));
    }
    let root: Root = anchor.root("anchor.json").unwrap();
    assert_eq!((root.version, root.roles.root.threshold), (1, 2));
    assert_eq!(root.expires, NOW.parse::<Moment>().unwrap().plus(Duration::from_secs(365 * 24 * 60 * 60)));
}

#[test]
fn the_next_root_is_followed_when_old_and_new_keys_signed_it() {
    let workshop = with_keys(&["alice", "bob"]);
    workshop.root(&["--root-key", "alice.key"]).unwrap();
    let old = anchor(&workshop).root("anchor.json").unwrap();

    // Alice hands over to Bob: both sign root 2, only Bob stays.
    let made = workshop.root(&["--root-key", "bob.key", "--outgoing-key", "alice.key"]).unwrap();
    assert_eq!(made.version, 2);
    let new = anchor(&workshop);
    let followed = old.successor("root.2.json", &workshop.read("repository/root.2.json"), &new.signatures).unwrap();
    let labels: Vec<String> = followed.roles.root.keys.keys().map(ToString::to_string).collect();
    assert_eq!(labels, ["bob"]);

    // From then on Bob signs alone.
    assert_eq!(workshop.root(&["--root-key", "bob.key"]).unwrap().version, 3);
}

#[test]
fn a_root_that_readers_would_not_follow_is_not_written() {
    let workshop = with_keys(&["alice", "bob", "carol"]);
    workshop.root(&["--root-key", "alice.key", "bob.key"]).unwrap();
    let before = workshop.tree();
    let refused = |words: &[&str]| {
        let error = workshop.root(words).unwrap_err();
        assert_eq!(workshop.tree(), before);
        error
    };
    let stranger = refused(&["--root-key", "carol.key"]);
    assert!(matches!(stranger, Error::NotFollowed { from: 1, error: TrustError::UnknownKey { .. } }), "{stranger}");
    let half = refused(&["--root-key", "carol.key", "--outgoing-key", "alice.key"]);
    let few = |error: &TrustError| matches!(error, TrustError::TooFewSignatures { have: 1, need: 2, .. });
    assert!(matches!(&half, Error::NotFollowed { from: 1, error } if few(error)), "{half}");
    let many = refused(&["--root-key", "alice.key", "bob.key", "--threshold", "3"]);
    assert!(matches!(many, Error::Threshold { threshold: 3, keys: 2 }), "{many}");
}

#[test]
fn two_signers_cannot_share_a_label() {
    let workshop = with_keys(&["alice", "other/alice"]);
    for words in [
        &["--root-key", "alice.key", "other/alice.key"][..],
        &["--root-key", "alice.key", "--outgoing-key", "other/alice.key"],
    ] {
        let error = workshop.root(words).unwrap_err();
        assert!(matches!(&error, Error::SameLabel { role: "root", label } if label == "alice"), "{error}");
    }
}

#[test]
fn what_was_revoked_stays_revoked() {
    let workshop = with_keys(&["root"]);
    let (one, two) = ("11".repeat(32), "22".repeat(32));
    workshop.root(&["--root-key", "root.key", "--revoke", &two]).unwrap();
    workshop.root(&["--root-key", "root.key", "--revoke", &one]).unwrap();
    let root = anchor(&workshop).root("anchor.json").unwrap();
    assert_eq!(root.revoked.iter().map(ToString::to_string).collect::<Vec<_>>(), [one, two]);
}

#[test]
fn a_damaged_root_in_the_repository_stops_the_next_one() {
    let workshop = with_keys(&["root"]);
    workshop.root(&["--root-key", "root.key"]).unwrap();
    let damaged = workshop.read("repository/root.1.json").replace("2027", "2037");
    workshop.write("repository/root.1.json", damaged.as_bytes());
    let error = workshop.root(&["--root-key", "root.key"]).unwrap_err();
    assert!(matches!(error, Error::Trust(TrustError::BadSignature { .. })), "{error}");
}
