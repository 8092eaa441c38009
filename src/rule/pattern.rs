//! What a rule matches, and what it would take of programs.

use serde::{Deserialize, Serialize};

use crate::target::Target;

/// How many bytes of a program the kernel compares: `BINPRM_BUF_SIZE` (Linux tag v6.12,
/// `include/uapi/linux/binfmts.h`).
pub const HEAD: usize = 256;

/// The bytes in which an AppImage says that it is one, "AI" and its type (`AppImageSpec`, `draft.md` of 2016-09-18, the
/// type 2 image format).
const APPIMAGE: std::ops::Range<usize> = 8..11;

/// What a rule matches.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Pattern {
    /// Bytes of the program's head.
    Magic {
        /// Where they begin, in bytes.
        offset: usize,
        /// The bytes.
        #[serde(with = "hex_bytes")]
        magic: Vec<u8>,
        /// Which of their bits count; as long as `magic`.
        #[serde(with = "hex_bytes")]
        mask: Vec<u8>,
    },
    /// The text after the last dot of the program's path.
    Extension(String),
}

/// Which of a target's programs a rule takes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Match {
    /// What every registrar takes: the bytes after the OS/ABI must be zero.
    #[default]
    Elf,
    /// AppImages too, which write "AI" and their type there.
    AppImage,
}

impl Pattern {
    /// What tells `target`'s programs from all others.
    pub fn of(target: Target, programs: Match) -> Pattern {
        let mut mask = target.mask();
        if programs == Match::AppImage {
            mask[APPIMAGE].fill(0);
        }
        Pattern::Magic { offset: 0, magic: target.magic(), mask }
    }

    /// Whether it takes any of `target`'s programs.
    pub fn takes(&self, target: Target) -> bool {
        target.heads().iter().any(|head| self.matches(head))
    }

    /// Whether the kernel would pick it for a program that begins with `head`, of which the kernel
    /// reads [`HEAD`] bytes. An extension never matches here: it looks at the path.
    pub fn matches(&self, head: &[u8]) -> bool {
        let Pattern::Magic { offset, magic, mask } = self else { return false };
        // Behind its end a short program reads as zeros.
        let window = head.iter().take(HEAD).chain(std::iter::repeat(&0)).skip(*offset);
        *offset + magic.len() <= HEAD
            && window.zip(magic).zip(mask).all(|((byte, magic), mask)| (byte ^ magic) & mask == 0)
    }
}

/// Bytes as lower-case hexadecimal digits, the way the kernel prints them.
mod hex_bytes {
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub(super) fn serialize<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&crate::hex::encode(bytes))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
        let digits = String::deserialize(deserializer)?;
        crate::hex::decode(&digits).ok_or_else(|| D::Error::custom(format!("\"{digits}\" is not hexadecimal")))
    }
}
