//! Words by which people call targets.

use std::str::FromStr;

use super::Target;

/// A word that names no target.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no target \"{word}\"")]
pub struct UnknownTarget {
    /// What was typed.
    pub word: String,
    /// The target that was most likely meant.
    pub nearest: Option<Target>,
}

impl FromStr for Target {
    type Err = UnknownTarget;

    /// Accepts QEMU's name and every alias, in any case, with or without `linux/` before it.
    fn from_str(word: &str) -> Result<Self, UnknownTarget> {
        let lower = word.to_ascii_lowercase().replace('-', "_");
        let plain = lower.strip_prefix("linux/").unwrap_or(&lower);
        Target::all()
            .find(|target| target.name() == plain || target.aliases().contains(&plain))
            .ok_or_else(|| UnknownTarget { word: word.to_owned(), nearest: nearest(plain) })
    }
}

/// The target with the name or alias most like `word`, if any is like it at all.
fn nearest(word: &str) -> Option<Target> {
    /// Below this Jaro-Winkler likeness a guess puzzles more than it helps.
    const LIKE: f64 = 0.8;
    /// Twice the longest name, in bytes: what is longer is no slip, and may be as long as a document of somebody's.
    const WORD_MAX: usize = 32;
    if word.len() > WORD_MAX {
        return None;
    }
    Target::all()
        .flat_map(|target| {
            let names = std::iter::once(target.name()).chain(target.aliases().iter().copied());
            names.map(move |name| (strsim::jaro_winkler(word, name), target))
        })
        .filter(|(likeness, _)| *likeness >= LIKE)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, target)| target)
}
