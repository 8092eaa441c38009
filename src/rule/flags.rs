//! The letters after a rule.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{BadRule, KernelVersion};

/// The letters after a rule: compared as a set, printed in the kernel's order `POCF`.
///
/// Letters that this version does not know are kept, so that an entry of a newer kernel can be
/// shown and given back.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Flags(String);

impl Flags {
    /// What our own rules bear: `P` the name it was called by is kept, `O` the program is handed over open, `F` the
    /// emulator is opened at registration and so found in every root. `P` only where QEMU
    /// learns of it: the kernel sets `AT_FLAGS_PRESERVE_ARGV0` since Linux 5.12.
    pub fn for_kernel(version: KernelVersion, credentials: bool) -> Flags {
        let preserve = if version >= KernelVersion(5, 12) { "P" } else { "" };
        let credentials = if credentials { "C" } else { "" };
        Flags::sorted(&format!("{preserve}O{credentials}F"))
    }

    /// Whether `letter` is among them.
    pub fn has(&self, letter: char) -> bool {
        self.0.contains(letter)
    }

    /// The letters.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// These letters, in the kernel's order, each once. With `C` the kernel sets `O` too (`check_special_flags` of
    /// `fs/binfmt_misc.c`, Linux tag v6.12).
    pub(crate) fn sorted(letters: &str) -> Flags {
        const KERNEL_ORDER: &str = "POCF";
        let implied = if letters.contains('C') { "O" } else { "" };
        let mut letters: Vec<char> = letters.chars().chain(implied.chars()).collect();
        letters.sort_by_key(|letter| (KERNEL_ORDER.find(*letter).unwrap_or(usize::MAX), *letter));
        letters.dedup();
        Flags(letters.into_iter().collect())
    }
}

impl fmt::Display for Flags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl TryFrom<String> for Flags {
    type Error = BadRule;

    fn try_from(letters: String) -> Result<Self, BadRule> {
        if letters.chars().all(|letter| letter.is_ascii_uppercase()) {
            Ok(Flags::sorted(&letters))
        } else {
            Err(BadRule::Flags(letters))
        }
    }
}

impl From<Flags> for String {
    fn from(flags: Flags) -> String {
        flags.0
    }
}
