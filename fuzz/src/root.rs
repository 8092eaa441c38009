//! Roots, really signed: one succeeds another only as the other wants it.

use std::sync::LazyLock;

use qus::moment::Moment;
use qus::trust::{Anchor, Label, ROOT_KIND, ROOT_MAX, Root, Signatures};
use serde_json::{Value, json};

use super::keys::{INDEX, Pair, RELEASE, ROOT, STRANGER};

/// The first root, by which the others are judged.
pub(crate) static FIRST: LazyLock<Root> = LazyLock::new(|| {
    let keys = [("ROOT", ROOT.public), ("RELEASE", RELEASE.public), ("INDEX", INDEX.public)];
    let text = include_str!("first-root.json").to_owned();
    let text = keys.iter().fold(text, |text, (name, key)| text.replace(name, key));
    anchor(&text, &signatures(&text, &[("alice", &ROOT)])).root("the first root").expect("it is a root")
});

/// Anchors, as an administrator's file holds them.
pub(crate) fn check_anchor(bytes: &[u8]) {
    let Ok(anchor) = Anchor::parse("it", &String::from_utf8_lossy(bytes)) else { return };
    let again = serde_json::to_string(&anchor).expect("it has a spelling");
    assert_eq!(Anchor::parse("it", &again).expect("it was one before"), anchor);
    if let Ok(root) = anchor.root("it") {
        sound(&root);
        assert!(!anchor.signatures.is_empty());
    }
}

/// Roots, as a repository serves them.
pub(crate) fn check(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let first = &*FIRST;
    let signers = first.signers(&text);
    assert!(signers.len() <= 32 && signers.contains(&label("alice")));

    // What is no root at all is not worth a signature.
    if serde_json::from_str::<Root>(&text).is_err() {
        return;
    }
    let none = Signatures::new();
    assert!(first.successor("it", &text, &none).is_err(), "nobody signed it");
    assert!(anchor(&text, &none).root("it").is_err(), "nobody signed it");
    let strange = signatures(&text, &[("mallory", &STRANGER)]);
    assert!(first.successor("it", &text, &strange).is_err(), "a stranger signed it");

    let signed = signatures(&text, &[("alice", &ROOT)]);
    if let Ok(next) = first.successor("it", &text, &signed) {
        sound(&next);
        assert_eq!(next.version, first.version + 1);
        assert!(text.len() as u64 <= ROOT_MAX);
        assert!(next.check_expiry(next.expires).is_err());
        assert!(next.expires.0 == 0 || next.check_expiry(Moment(next.expires.0 - 1)).is_ok());
    }
    if let Ok(root) = anchor(&text, &signed).root("it") {
        sound(&root);
    }
}

fn sound(root: &Root) {
    assert_eq!(root.kind, ROOT_KIND);
    let text = serde_json::to_string(root).expect("it has a spelling");
    let roles = serde_json::from_str::<Value>(&text).expect("it was written just now")["roles"].take();
    for role in ["root", "release", "index"] {
        let keys = roles[role]["keys"].as_object().map_or(0, serde_json::Map::len);
        let threshold = roles[role]["threshold"].as_u64();
        assert!(threshold.is_some_and(|threshold| (1..=keys as u64).contains(&threshold)), "{roles}");
    }
    assert_eq!(&serde_json::from_str::<Root>(&text).expect("it was one before"), root);
}

fn anchor(text: &str, signatures: &Signatures) -> Anchor {
    let anchor = json!({
        "type": Anchor::KIND, "repository": "https://example.org/qus", "root": text, "signatures": signatures,
    });
    Anchor::parse("the anchor", &anchor.to_string()).expect("it was written just now")
}

/// Signatures of `text` that say which version it is.
fn signatures(text: &str, signers: &[(&str, &Pair)]) -> Signatures {
    let version = serde_json::from_str::<Value>(text).ok().and_then(|root| root["version"].as_u64());
    let comment = format!("type:{ROOT_KIND}\tversion:{}", version.unwrap_or(2));
    signers.iter().map(|(name, pair)| (label(name), pair.sign(text.as_bytes(), &comment))).collect()
}

fn label(name: &str) -> Label {
    Label::try_from(name.to_owned()).expect("it is a label")
}
