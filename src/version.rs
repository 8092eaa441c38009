//! Versions of releases: QEMU's version and the distribution's revision, such as `11.1.3-1`.

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// A release's version. It is a directory's name too, so it holds nothing that a path or a URL
/// could take for something else.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Version(String);

/// A word that is no version.
#[derive(Debug, PartialEq, Eq, Error)]
#[error("\"{0}\" is not a version such as 11.1.3-1")]
pub struct BadVersion(String);

impl Version {
    /// The version as it is written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Version {
    type Err = BadVersion;

    fn from_str(text: &str) -> Result<Self, BadVersion> {
        /// Longer than any distribution's, in bytes.
        const LENGTH_MAX: usize = 48;
        let plain = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".+~-".contains(&byte));
        let starts = text.starts_with(|c: char| c.is_ascii_digit());
        if plain && starts && !text.contains("..") && text.len() <= LENGTH_MAX {
            Ok(Version(text.to_owned()))
        } else {
            Err(BadVersion(text.to_owned()))
        }
    }
}

impl TryFrom<String> for Version {
    type Error = BadVersion;

    fn try_from(text: String) -> Result<Self, BadVersion> {
        text.parse()
    }
}

impl From<Version> for String {
    fn from(version: Version) -> String {
        version.0
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl PartialOrd for Version {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Version {
    /// As Debian orders versions (deb-version(7)): runs of digits by value, other runs letter by
    /// letter with letters before other characters, and `~` before everything, even the end. Two that differ only in
    /// zeros before a number are told apart by their text: what is equal is the same.
    fn cmp(&self, other: &Self) -> Ordering {
        let (mut a, mut b) = (self.0.as_str(), other.0.as_str());
        loop {
            let (word_a, word_b) = (leading(&mut a, false), leading(&mut b, false));
            let order = by_letters(word_a, word_b).then_with(|| {
                let (digits_a, digits_b) = (leading(&mut a, true), leading(&mut b, true));
                let (digits_a, digits_b) = (digits_a.trim_start_matches('0'), digits_b.trim_start_matches('0'));
                digits_a.len().cmp(&digits_b.len()).then_with(|| digits_a.cmp(digits_b))
            });
            if order != Ordering::Equal || (a.is_empty() && b.is_empty()) {
                return order.then_with(|| self.0.cmp(&other.0));
            }
        }
    }
}

/// Takes the leading run of digits, or of everything else, off `text`.
fn leading<'a>(text: &mut &'a str, digits: bool) -> &'a str {
    let end = text.find(|c: char| c.is_ascii_digit() != digits).unwrap_or(text.len());
    let (run, rest) = text.split_at(end);
    *text = rest;
    run
}

fn by_letters(a: &str, b: &str) -> Ordering {
    let weight = |byte: Option<u8>| match byte {
        Some(b'~') => -1,
        None => 0,
        Some(letter) if letter.is_ascii_alphabetic() => i32::from(letter),
        Some(other) => i32::from(other) + 256,
    };
    (0..a.len().max(b.len()))
        .map(|at| weight(a.as_bytes().get(at).copied()).cmp(&weight(b.as_bytes().get(at).copied())))
        .find(|order| order.is_ne())
        .unwrap_or(Ordering::Equal)
}
