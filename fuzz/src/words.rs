//! Words of documents and of the command line: what is read prints as what reads the same.

use std::cmp::Ordering;
use std::fmt::Display;
use std::str::FromStr;

use qus::hex::{self, Sha256};
use qus::host::Host;
use qus::moment::Moment;
use qus::qemu::QemuVersion;
use qus::rooted::RootedPath;
use qus::rule::{Flags, KernelVersion, RuleName};
use qus::target::Target;
use qus::trust::{Key, Label};
use qus::version::Version;
use qus::wanted::Selection;

pub(crate) fn check(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let words: Vec<&str> = text.lines().take(64).collect();
    for word in &words {
        same::<Version>(word);
        same::<Host>(word);
        same::<Target>(word);
        same::<Moment>(word);
        same_text(word, RuleName::try_from);
        same_text(word, Flags::try_from);
        same_text(word, RootedPath::try_from);
        same_text(word, Label::try_from);
        same_text(word, Sha256::try_from);
        same_text(word, KernelVersion::try_from);
        if let Ok(key) = Key::try_from((*word).to_owned()) {
            assert_eq!(Key::try_from(key.as_str().to_owned()).expect("it was one before"), key);
        }
        if let Some(decoded) = hex::decode(word) {
            assert_eq!(hex::encode(&decoded), word.to_ascii_lowercase());
        }
        let _ = QemuVersion::of_banner(word);
        if let Ok(path) = RootedPath::try_from((*word).to_owned()) {
            assert!(path.as_str().starts_with('/') && !path.as_str().split('/').any(|name| matches!(name, "." | "..")));
            assert!(path.ancestors().count() <= word.len() + 1);
        }
    }
    ordered(&words.iter().filter_map(|word| word.parse().ok()).take(8).collect::<Vec<Version>>());
    let typed: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
    if let Ok(Selection::Named(choices)) = Selection::resolve(&typed) {
        assert!(choices.windows(2).all(|pair| pair[0].target < pair[1].target), "each target once, in order");
    }
}

fn same<T: FromStr + Display + PartialEq>(word: &str) {
    if let Ok(value) = word.parse::<T>() {
        assert!(value.to_string().parse::<T>().is_ok_and(|again| again == value), "{word} reads as {value}");
    }
}

fn same_text<T: Display + PartialEq, E>(word: &str, read: impl Fn(String) -> Result<T, E>) {
    if let Ok(value) = read(word.to_owned()) {
        assert!(read(value.to_string()).is_ok_and(|again| again == value), "{word} reads as {value}");
    }
}

/// An order in which documents are sorted and searched is one.
fn ordered(versions: &[Version]) {
    for a in versions {
        for b in versions {
            assert_eq!(a.cmp(b), b.cmp(a).reverse(), "{a} {b}");
            assert_eq!(a.cmp(b) == Ordering::Equal, a == b, "{a} {b}");
            for c in versions {
                assert!(!(a <= b && b <= c) || a <= c, "{a} {b} {c}");
            }
        }
    }
}
