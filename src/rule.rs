//! Rules: what we tell the kernel's binfmt_misc.
//!
//! The register string and its limits are described by the kernel's
//! `Documentation/admin-guide/binfmt-misc.rst`; where code and text differ, `create_entry` of
//! `fs/binfmt_misc.c` (Linux tag v6.12) counts.

use std::fmt;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::target::Target;

/// Longest register string, in bytes: `MAX_REGISTER_LENGTH` (Linux tag v6.12, `fs/binfmt_misc.c`).
pub const LINE_MAX: usize = 1920;

/// Longest interpreter path that every kernel takes, in bytes (the limit of the kernel's text;
/// older kernels held it).
pub const INTERPRETER_MAX: usize = 127;

/// How many bytes of a program the kernel compares: `BINPRM_BUF_SIZE` (Linux tag v6.12,
/// `include/uapi/linux/binfmts.h`).
pub const HEAD: usize = 256;

/// The bytes in which an AppImage says that it is one, "AI" and its type (`AppImageSpec`, `draft.md` of 2016-09-18, the
/// type 2 image format).
const APPIMAGE: std::ops::Range<usize> = 8..11;

/// What parts the fields of a line, the usual character first.
const DELIMITERS: &str = ":|,%+";

/// What begins a comment in a file of `binfmt.d`.
const COMMENTS: &str = "#;";

/// A rule's name: the name of the file that the kernel makes of it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RuleName(String);

impl RuleName {
    /// The name under which `target` is registered, such as `qemu-aarch64`.
    pub fn of(target: Target) -> RuleName {
        RuleName(format!("qemu-{target}"))
    }

    /// The name under which `target` is registered live where another's entry has the usual name and
    /// could not be given back: `qus-aarch64`.
    pub fn beside(target: Target) -> RuleName {
        RuleName(format!("qus-{target}"))
    }

    /// The same name with `prefix` before it.
    pub fn prefixed(&self, prefix: &str) -> Result<RuleName, BadRule> {
        RuleName::try_from(format!("{prefix}{}", self.0))
    }

    /// The name of the entry that stands in while this one is replaced.
    #[must_use]
    pub fn next(&self) -> RuleName {
        RuleName(format!("{}-next", self.0))
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RuleName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl TryFrom<String> for RuleName {
    type Error = BadRule;

    fn try_from(name: String) -> Result<Self, BadRule> {
        let reserved = matches!(name.as_str(), "" | "." | ".." | "register" | "status");
        if reserved || name.contains(['/', ':', '\n', '\0']) {
            return Err(BadRule::Name(name));
        }
        Ok(RuleName(name))
    }
}

impl From<RuleName> for String {
    fn from(name: RuleName) -> String {
        name.0
    }
}

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

/// Major and minor number of a Linux kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct KernelVersion(pub u32, pub u32);

impl KernelVersion {
    /// No kernel in particular: one that knows everything.
    pub const NEWEST: KernelVersion = KernelVersion(u32::MAX, 0);

    /// Reads `uname -r`, such as `6.12.107+deb13-amd64`.
    pub fn parse(release: &str) -> Option<KernelVersion> {
        let mut numbers = release.split(|c: char| !c.is_ascii_digit()).map(str::parse);
        Some(KernelVersion(numbers.next()?.ok()?, numbers.next()?.ok()?))
    }
}

impl fmt::Display for KernelVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.0, self.1)
    }
}

impl From<KernelVersion> for String {
    fn from(version: KernelVersion) -> String {
        version.to_string()
    }
}

impl TryFrom<String> for KernelVersion {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        KernelVersion::parse(&text).ok_or_else(|| format!("\"{text}\" is not a version of Linux such as 6.12"))
    }
}

/// What the kernel looks for in a program, and what it then runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rule {
    /// Name of the entry.
    pub name: RuleName,
    /// What it matches.
    pub pattern: Pattern,
    /// Absolute path of the emulator.
    pub interpreter: String,
    /// The letters.
    pub flags: Flags,
}

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

/// A rule that the kernel would not take, or that would not mean what it says.
#[derive(Debug, PartialEq, Eq, Error)]
#[expect(missing_docs, reason = "each says itself what it means")]
pub enum BadRule {
    #[error("\"{0}\" cannot be the name of a binfmt_misc entry")]
    Name(String),
    #[error("\"{0}\" are no binfmt_misc flags: they are upper-case letters such as OPF")]
    Flags(String),
    #[error("emulator path \"{0}\" is not absolute")]
    Relative(String),
    #[error("emulator path \"{0}\" holds a colon or a line break, which binfmt_misc cannot express")]
    Characters(String),
    #[error("emulator path \"{0}\" is longer than {INTERPRETER_MAX} bytes, the kernel's limit")]
    Long(String),
    #[error("\"{0}\" is no rule of binfmt_misc")]
    Line(String),
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

impl Rule {
    /// The rule by which `target`'s programs are run by the emulator at `interpreter`.
    pub fn new(target: Target, programs: Match, interpreter: &str, flags: Flags) -> Result<Rule, BadRule> {
        check_interpreter(interpreter)?;
        Ok(Rule {
            name: RuleName::of(target),
            pattern: Pattern::of(target, programs),
            interpreter: interpreter.to_owned(),
            flags,
        })
    }

    /// Reads a line as `register` takes it, in whatever way its bytes are written (`create_entry` of
    /// `fs/binfmt_misc.c`, Linux tag v6.12).
    pub fn parse(line: &str) -> Result<Rule, BadRule> {
        let bad = || BadRule::Line(line.to_owned());
        // To the kernel it is one byte.
        let delimiter = line.chars().next().filter(char::is_ascii).ok_or_else(bad)?;
        let fields: Vec<&str> = line[delimiter.len_utf8()..].split(delimiter).collect();
        let [name, kind, offset, magic, mask, interpreter, flags] = fields[..] else { return Err(bad()) };
        let pattern = match kind {
            "E" if !magic.is_empty() => Pattern::Extension(magic.to_owned()),
            "M" => {
                let magic = unescaped(magic).filter(|magic| !magic.is_empty()).ok_or_else(bad)?;
                let mask = if mask.is_empty() { Some(vec![0xff; magic.len()]) } else { unescaped(mask) };
                let mask = mask.filter(|mask| mask.len() == magic.len()).ok_or_else(bad)?;
                let offset = if offset.is_empty() { 0 } else { offset.parse().map_err(|_| bad())? };
                Pattern::Magic { offset, magic, mask }
            }
            _ => return Err(bad()),
        };
        if interpreter.is_empty() {
            return Err(bad());
        }
        Ok(Rule {
            name: RuleName::try_from(name.to_owned())?,
            pattern,
            interpreter: interpreter.to_owned(),
            flags: Flags::try_from(flags.trim_end().to_owned())?,
        })
    }

    /// The same rule under another name.
    #[must_use]
    pub fn named(&self, name: RuleName) -> Rule {
        Rule { name, ..self.clone() }
    }

    /// The same rule with another emulator.
    pub fn running(&self, interpreter: &str) -> Result<Rule, BadRule> {
        check_interpreter(interpreter)?;
        Ok(Rule { interpreter: interpreter.to_owned(), ..self.clone() })
    }

    /// The line that registers it, and that a drop-in holds. Every byte is escaped: a raw NUL
    /// would silently cut the magic short.
    pub fn line(&self) -> String {
        let Rule { name, interpreter, flags, .. } = self;
        let fields = match &self.pattern {
            Pattern::Magic { offset, magic, mask } => {
                [name.as_str(), "M", &offset.to_string(), &escaped(magic), &escaped(mask), interpreter, flags.as_str()]
                    .map(str::to_owned)
            }
            Pattern::Extension(extension) => {
                [name.as_str(), "E", "", extension, "", interpreter, flags.as_str()].map(str::to_owned)
            }
        };
        // Somebody else's may hold a colon, and whatever else.
        let delimiter = DELIMITERS.chars().chain('!'..='~').find(|delimiter| {
            !delimiter.is_alphanumeric() && !COMMENTS.contains(*delimiter) && !fields.concat().contains(*delimiter)
        });
        let delimiter = delimiter.unwrap_or(':').to_string();
        format!("{delimiter}{}", fields.join(&delimiter))
    }
}

/// Whether a rule of ours can name this emulator.
fn check_interpreter(interpreter: &str) -> Result<(), BadRule> {
    if !interpreter.starts_with('/') {
        return Err(BadRule::Relative(interpreter.to_owned()));
    }
    if interpreter.contains([':', '\n', '\0']) {
        return Err(BadRule::Characters(interpreter.to_owned()));
    }
    if interpreter.len() > INTERPRETER_MAX {
        return Err(BadRule::Long(interpreter.to_owned()));
    }
    Ok(())
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

/// The bytes of a field in which some are written as `\xHH`.
fn unescaped(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let [first, after @ ..] = rest {
        match after {
            [b'x', high, low, after @ ..] if *first == b'\\' => {
                let digits = std::str::from_utf8(&[*high, *low]).ok().and_then(crate::hex::decode)?;
                bytes.extend(digits);
                rest = after;
            }
            _ => {
                bytes.push(*first);
                rest = after;
            }
        }
    }
    Some(bytes)
}

/// Bytes as `register` and every configuration of it take them.
pub(crate) fn escaped(bytes: &[u8]) -> String {
    crate::hex::encode(bytes)
        .as_bytes()
        .chunks(2)
        .flat_map(|digits| [b'\\', b'x', digits[0], digits[1]])
        .map(char::from)
        .collect()
}

/// Bytes as lower-case hexadecimal digits, the way the kernel prints them.
pub(crate) mod hex_bytes {
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub(crate) fn serialize<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&crate::hex::encode(bytes))
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
        let digits = String::deserialize(deserializer)?;
        crate::hex::decode(&digits).ok_or_else(|| D::Error::custom(format!("\"{digits}\" is not hexadecimal")))
    }
}
