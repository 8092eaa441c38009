//! Signature files: what is read of one is all that is in it.

use std::collections::BTreeSet;

use qus::trust::{MINISIG_MAX, Minisig};

pub(crate) fn check(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let Ok(signature) = Minisig::parse("it", &text) else { return };
    assert!(text.len() as u64 <= MINISIG_MAX);
    assert!(text.ends_with('\n') && !text.contains('\r'));
    let lines: Vec<&str> = text.split_terminator('\n').collect();
    let [_, _, trusted, _] = lines[..] else { panic!("{} lines were read as four", lines.len()) };
    let comment = trusted.strip_prefix("trusted comment: ").expect("the third line is the comment");
    claimed(&signature, comment);
}

/// Every pair of the comment is what the signature says, and none stands there twice.
pub(crate) fn claimed(signature: &Minisig, comment: &str) {
    let mut keys = BTreeSet::new();
    for pair in comment.split('\t') {
        let (key, value) = pair.split_once(':').expect("a pair has a colon");
        assert!(keys.insert(key), "\"{key}\" stands there twice");
        assert_eq!(signature.claim(key), value);
    }
}
