//! Signers who are misled: what changes is told by the root before, which travels in the file that is to be signed.

use std::collections::BTreeMap;

use qus::trust::{Anchor, TrustError};
use qus_release::error::Error;
use serde_json::Value;

use crate::files::sha256;
use crate::workshop::{Workshop, text};

/// Roots 1 and 2, each signed by alice and bob of three, and the anchors of both; a third one is drawn up.
fn before_the_third() -> Workshop {
    let workshop = of_three();
    copy(&workshop, "repository/anchor.json", "first.json");
    workshop.rotate("second.json", &[]).unwrap();
    for key in ["alice.key", "bob.key"] {
        workshop.sign_root("second.json", key).unwrap();
    }
    workshop.place(&["second.json"]).unwrap();
    copy(&workshop, "repository/anchor.json", "newest.json");
    workshop.rotate("third.json", &[]).unwrap();
    workshop
}

fn of_three() -> Workshop {
    let workshop = Workshop::empty();
    for name in ["alice", "bob", "carol", "release", "index"] {
        workshop.keygen(name);
    }
    workshop.root(&["--root-key", "alice.key", "bob.key", "carol.key"]).unwrap();
    workshop
}

fn copy(workshop: &Workshop, from: &str, to: &str) {
    workshop.write(to, workshop.read(from).as_bytes());
}

fn pending(workshop: &Workshop, name: &str) -> BTreeMap<String, Value> {
    serde_json::from_str(&workshop.read(name)).unwrap()
}

fn put(workshop: &Workshop, name: &str, pending: &BTreeMap<String, Value>) {
    workshop.write(name, serde_json::to_string(pending).unwrap().as_bytes());
}

/// Does not sign, by the program itself: exit code, and what is said.
fn refused(workshop: &Workshop, anchor: &str) -> (Option<i32>, String) {
    let before = workshop.read("third.json");
    let output = workshop.run(&["sign-root", "third.json", "--root-key", "alice.key", "--anchor", anchor]);
    assert_eq!(workshop.read("third.json"), before);
    assert!(!text(&output.stdout).contains("signed by"));
    (output.status.code(), text(&output.stderr))
}

#[test]
fn an_anchor_of_any_age_vouches_for_what_the_next_root_is_compared_with() {
    let workshop = before_the_third();
    let newest = Anchor::parse("it", &workshop.read("newest.json")).unwrap();
    let hash = sha256(newest.root.as_bytes());
    assert_eq!(hash, sha256(&std::fs::read(workshop.path("repository/root.2.json")).unwrap()));
    for (anchor, key) in [("first.json", "alice.key"), ("newest.json", "bob.key")] {
        let output = workshop.run(&["sign-root", "third.json", "--root-key", key, "--anchor", anchor]);
        assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
        let said = text(&output.stdout);
        assert!(
            said.contains(&format!("\ncompared with root 2, SHA-256 {hash}, which your \"{anchor}\" vouches for\n")),
            "{said}"
        );
        assert!(!text(&output.stderr).contains("nobody vouches"), "{anchor}");
    }
    workshop.place(&["third.json"]).unwrap();
}

#[test]
fn without_an_anchor_it_is_said_that_nobody_vouches() {
    let workshop = before_the_third();
    let output = workshop.run(&["sign-root", "third.json", "--root-key", "alice.key"]);
    assert_eq!(output.status.code(), Some(0));
    assert!(text(&output.stdout).contains(", which is what the file itself says\n"));
    assert!(text(&output.stderr).contains("note: nobody vouches for what this is compared with"));
}

/// The thief of one key has the keys of the other two taken for strangers: a root before of the thief's own making
/// "keeps" what the signer would have seen as added.
#[test]
fn a_root_before_that_somebody_made_up_is_found_by_the_anchor_and_by_nothing_else() {
    let workshop = before_the_third();
    let mut honest = pending(&workshop, "third.json");
    let thief = of_three();
    thief.rotate("second.json", &[]).unwrap();
    thief.sign_root("second.json", "alice.key").unwrap();
    thief.sign_root("second.json", "bob.key").unwrap();
    thief.place(&["second.json"]).unwrap();
    thief.rotate("third.json", &[]).unwrap();
    let forged = pending(&thief, "third.json");

    honest.insert("before".to_owned(), forged["before"].clone());
    put(&workshop, "third.json", &honest);
    // The signatures of the roots that lead there are not those of the signer's own root.
    let (code, said) = refused(&workshop, "first.json");
    assert_eq!(code, Some(3), "{said}");
    let (code, said) = refused(&workshop, "newest.json");
    assert_eq!(code, Some(3), "{said}");
    assert!(
        said.contains("error: what the file is compared with does not follow from \"newest.json\": ")
            && said.contains("the file has another root 2")
            && said.contains("help: do not sign it"),
        "{said}"
    );
    // The roots between are the thief's too.
    honest.insert("earlier".to_owned(), forged["earlier"].clone());
    put(&workshop, "third.json", &honest);
    let error = sign(&workshop, "first.json");
    assert!(matches!(error, Error::Trust(TrustError::UnknownKey { .. })), "{error}");
    // Without an anchor it looks sound.
    workshop.sign_root("third.json", "alice.key").unwrap();
}

#[test]
fn a_file_that_starts_from_an_older_root_or_skips_one_is_refused() {
    let workshop = before_the_third();
    let mut skipping = pending(&workshop, "third.json");
    skipping.remove("earlier");
    put(&workshop, "third.json", &skipping);
    // Root 2 follows root 1 by its own signatures, with nothing between.
    assert_eq!(
        workshop.run(&["sign-root", "third.json", "--root-key", "alice.key", "--anchor", "first.json"]).status.code(),
        Some(0)
    );
    workshop.sign_root("third.json", "bob.key").unwrap();
    workshop.place(&["third.json"]).unwrap();
    workshop.rotate("fourth.json", &[]).unwrap();
    let mut skipping = pending(&workshop, "fourth.json");
    skipping.get_mut("earlier").unwrap().as_array_mut().unwrap().pop();
    put(&workshop, "third.json", &skipping);
    let error = sign(&workshop, "first.json");
    assert!(
        matches!(&error, Error::OtherAnchor { why, .. } if why == "the file does not lead from root 1 to root 3"),
        "{error}"
    );

    copy(&workshop, "second.json", "third.json");
    let error = sign(&workshop, "newest.json");
    assert!(
        matches!(&error, Error::OtherAnchor { why, .. } if why == "it is at root 2 already, and the file starts from an older one"),
        "{error}"
    );
    assert_eq!(error.exit_code(), 3);
    assert!(matches!(sign(&workshop, "no-such.json"), Error::File { doing: "open", .. }));
}

fn sign(workshop: &Workshop, anchor: &str) -> Error {
    workshop.sign_root_by("third.json", "alice.key", &["--anchor", anchor]).unwrap_err()
}

#[test]
fn who_draws_up_a_root_for_another_address_is_noticed() {
    let workshop = before_the_third();
    workshop.rotate("moved.json", &["--url", "https://example.com/qus"]).unwrap();
    copy(&workshop, "moved.json", "third.json");
    let output = workshop.run(&["sign-root", "third.json", "--root-key", "alice.key", "--anchor", "newest.json"]);
    assert!(text(&output.stdout).starts_with("repository: https://example.com/qus\n"));
    assert!(text(&output.stderr).contains("note: by your anchor the repository is at https://example.org/qus\n"));
}
