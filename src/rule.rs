//! Rules: what we tell the kernel's binfmt_misc.
//!
//! The register string and its limits are described by the kernel's
//! `Documentation/admin-guide/binfmt-misc.rst`; where code and text differ, `create_entry` of
//! `fs/binfmt_misc.c` (Linux tag v6.12) counts.

mod escape;
mod flags;
mod kernel_version;
mod name;
mod pattern;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::target::Target;

use escape::unescaped;

pub(crate) use escape::escaped;
pub use flags::Flags;
pub use kernel_version::KernelVersion;
pub use name::RuleName;
pub use pattern::{HEAD, Match, Pattern};

/// Longest register string, in bytes: `MAX_REGISTER_LENGTH` (Linux tag v6.12, `fs/binfmt_misc.c`).
pub const LINE_MAX: usize = 1920;

/// Longest interpreter path that every kernel takes, in bytes (the limit of the kernel's text;
/// older kernels held it).
pub const INTERPRETER_MAX: usize = 127;

/// What parts the fields of a line, the usual character first.
const DELIMITERS: &str = ":|,%+";

/// What begins a comment in a file of `binfmt.d`.
const COMMENTS: &str = "#;";

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
