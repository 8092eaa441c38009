//! The first line of a script, as the kernel reads it (`fs/binfmt_script.c`, Linux tag v6.12).

use thiserror::Error;

use crate::rule::HEAD;

/// Which program runs a script.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shebang {
    /// Path of the interpreter.
    pub interpreter: String,
    /// Everything after it, which the kernel hands over as one argument.
    pub argument: Option<String>,
}

/// Why the kernel takes a file for no script.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum NotScript {
    /// It does not begin with `#!`.
    #[error("does not begin with \"#!\"")]
    Unmarked,
    /// A byte order mark stands before the `#!`: editors hide it, the kernel does not.
    #[error("begins with a byte order mark, and only behind it with \"#!\"")]
    ByteOrderMark,
    /// Nothing stands behind the `#!`.
    #[error("names no interpreter after \"#!\"")]
    Nameless,
    /// The path of the interpreter does not end within the bytes that the kernel reads.
    #[error("the interpreter's path does not end within {HEAD} bytes")]
    Long,
}

const MARK: &[u8] = b"#!";

/// U+FEFF in UTF-8.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

impl Shebang {
    /// Reads it from the beginning of a file. Bytes beyond those that the kernel reads are not looked at.
    pub fn parse(head: &[u8]) -> Result<Shebang, NotScript> {
        if !head.starts_with(MARK) {
            let marked = head.strip_prefix(BYTE_ORDER_MARK).is_some_and(|rest| rest.starts_with(MARK));
            return Err(if marked { NotScript::ByteOrderMark } else { NotScript::Unmarked });
        }
        // A zero ends what no line break has ended before, and a short file is followed by zeros.
        let text = head[..head.len().min(HEAD)].split(|byte| *byte == 0).next().unwrap_or_default();
        let line = match text.iter().position(|byte| *byte == b'\n') {
            Some(end) => without_blanks_behind(&text[..end]),
            // The blanks at the end of a file that ends without a line break are kept: an argument may be empty.
            None if text.len() < HEAD - 1 => text,
            None => without_blanks_behind(&text[..HEAD - 1]),
        };
        let line = without_blanks_before(&line[MARK.len()..]);
        if line.is_empty() {
            return Err(NotScript::Nameless);
        }
        // An argument may be cut short: the interpreter reads the line again. A path may not.
        let cut = text.len() == HEAD && !text.contains(&b'\n');
        if cut && !without_blanks_before(&text[MARK.len()..]).iter().any(|byte| is_blank(*byte)) {
            return Err(NotScript::Long);
        }
        let (path, argument) = match line.iter().position(|byte| is_blank(*byte)) {
            Some(end) => (&line[..end], Some(without_blanks_before(&line[end..]))),
            None => (line, None),
        };
        Ok(Shebang { interpreter: lossy(path), argument: argument.map(lossy) })
    }

    /// Whether the line ends in a carriage return, as files written on Windows do: the kernel takes it for a part of
    /// the path or of the argument.
    pub fn ends_in_carriage_return(&self) -> bool {
        self.argument.as_ref().unwrap_or(&self.interpreter).ends_with('\r')
    }

    /// The program that `env` is to look for in `PATH`, if the interpreter is `env`.
    pub fn by_env(&self) -> Option<&str> {
        let (_, name) = self.interpreter.rsplit_once('/')?;
        let argument = self.argument.as_deref().filter(|_| name == "env")?;
        // Only with -S does env split its one argument. Settings of variables stand before the program.
        let split = argument.strip_prefix("-S").or_else(|| argument.strip_prefix("--split-string="));
        let program = match split {
            Some(words) => words.split_ascii_whitespace().find(|word| !word.contains('='))?,
            None => argument,
        };
        (!program.starts_with('-') && !program.contains('=')).then_some(program)
    }
}

/// Other white space is part of a name.
fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t')
}

fn without_blanks_before(bytes: &[u8]) -> &[u8] {
    let start = bytes.iter().position(|byte| !is_blank(*byte)).unwrap_or(bytes.len());
    &bytes[start..]
}

fn without_blanks_behind(bytes: &[u8]) -> &[u8] {
    let end = bytes.iter().rposition(|byte| !is_blank(*byte)).map_or(0, |last| last + 1);
    &bytes[..end]
}

fn lossy(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
