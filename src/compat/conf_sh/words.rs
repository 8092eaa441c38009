//! The words of `qemu-binfmt-conf.sh`, as `getopt` of util-linux takes them, of both scripts at once.
//!
//! QEMU's own has `--persistent yes` where the fork of dbhi/qus has `--persistent`, and `--systemd CPU` where the fork has
//! `--systemd` and words behind it: so `yes` and `no` belong to the option before them, and a CPU is a word like any.

use crate::compat::usage::Usage;

/// An option, by whichever of its names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Opt {
    Help,
    Path,
    Suffix,
    Persistent,
    Credential,
    PreserveArgv0,
    IgnoreFamily,
    Clear,
    Test,
    ExportDir,
    Systemd,
    Debian,
}

/// What may follow an option.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Value {
    Nothing,
    /// Any text, and there must be one.
    Text,
    /// "yes" or "no"; nothing else is taken for its value unless it is written in one word with it.
    YesOrNo,
    /// A target, in one word with it, or as a word of its own that means the same.
    Target,
}

/// A word, or an option with its value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Word {
    /// An option, as it was typed, and its value.
    Option { option: Opt, typed: String, value: Option<String> },
    /// Anything else: a target.
    Plain(String),
}

struct Row {
    option: Opt,
    short: char,
    long: &'static [&'static str],
    value: Value,
}

const fn row(option: Opt, short: char, long: &'static [&'static str], value: Value) -> Row {
    Row { option, short, long, value }
}

/// The options of both. `-s` and the long names of the fork are its own; all else is spelt as QEMU spells it.
const TABLE: [Row; 12] = [
    row(Opt::Help, 'h', &["help"], Value::Nothing),
    row(Opt::Path, 'Q', &["path", "qemu-path"], Value::Text),
    row(Opt::Suffix, 'F', &["suffix", "qemu-suffix"], Value::Text),
    row(Opt::Persistent, 'p', &["persistent"], Value::YesOrNo),
    row(Opt::Credential, 'c', &["credential"], Value::YesOrNo),
    row(Opt::PreserveArgv0, 'g', &["preserve-argv0"], Value::YesOrNo),
    row(Opt::IgnoreFamily, 'i', &["ignore-family"], Value::YesOrNo),
    row(Opt::Clear, 'r', &["clear"], Value::Nothing),
    row(Opt::Test, 't', &["test"], Value::Nothing),
    row(Opt::ExportDir, 'e', &["exportdir"], Value::Text),
    row(Opt::Systemd, 's', &["systemd"], Value::Target),
    row(Opt::Debian, 'd', &["debian"], Value::Nothing),
];

/// Reads what was typed.
pub(crate) fn read(typed: &[String]) -> Result<Vec<Word>, Usage> {
    let mut words = Vec::new();
    let mut rest = typed.iter().map(String::as_str).peekable();
    while let Some(word) = rest.next() {
        if word == "--" {
            words.extend(rest.by_ref().map(|word| Word::Plain(word.to_owned())));
        } else if let Some((row, value)) = long(word)? {
            let apart =
                |next: &mut dyn FnMut() -> Option<String>| value.map_or_else(next, |value| Some(value.to_owned()));
            let name = word.split('=').next().unwrap_or(word);
            match row.value {
                Value::Nothing if value.is_some() => return Err(Usage::NeedlessValue(name.to_owned())),
                Value::Nothing => push(&mut words, row, name, None),
                Value::Text => {
                    let value = apart(&mut || rest.next().map(str::to_owned));
                    push(&mut words, row, name, Some(value.ok_or_else(|| Usage::NoValue(name.to_owned()))?));
                }
                Value::YesOrNo => {
                    let value = apart(&mut || rest.next_if(|next| is_yes_or_no(next)).map(str::to_owned));
                    push(&mut words, row, name, value);
                }
                Value::Target => {
                    push(&mut words, row, name, None);
                    words.extend(value.map(|value| Word::Plain(value.to_owned())));
                }
            }
        } else if let Some(letters) = word.strip_prefix('-').filter(|letters| !letters.is_empty()) {
            short(letters, &mut rest, &mut words)?;
        } else {
            words.push(Word::Plain(word.to_owned()));
        }
    }
    Ok(words)
}

fn push(words: &mut Vec<Word>, row: &Row, typed: &str, value: Option<String>) {
    words.push(Word::Option { option: row.option, typed: typed.to_owned(), value });
}

fn is_yes_or_no(word: &str) -> bool {
    matches!(word, "yes" | "no")
}

/// The option that a long name means, also one that is shortened, and what is written behind it in the same word. After
/// one dash it must be whole: else it is letters.
fn long(word: &str) -> Result<Option<(&'static Row, Option<&str>)>, Usage> {
    let (name, dashes) = match (word.strip_prefix("--"), word.strip_prefix('-')) {
        (Some(name), _) => (name, 2),
        (None, Some(name)) => (name, 1),
        (None, None) => return Ok(None),
    };
    let (name, value) = name.split_once('=').map_or((name, None), |(name, value)| (name, Some(value)));
    if let Some(row) = TABLE.iter().find(|row| row.long.contains(&name)) {
        return Ok(Some((row, value)));
    }
    if dashes == 1 {
        return Ok(None);
    }
    let begins = |row: &&Row| row.long.iter().any(|long| long.starts_with(name));
    let mut rows = TABLE.iter().filter(begins);
    match (rows.next(), rows.next()) {
        (Some(row), None) => Ok(Some((row, value))),
        (None, _) => Err(Usage::UnknownOption(word.to_owned())),
        (Some(_), Some(_)) => {
            let names = TABLE.iter().flat_map(|row| row.long).filter(|long| long.starts_with(name));
            Err(Usage::Ambiguous { word: word.to_owned(), could: names.map(|name| format!("--{name}")).collect() })
        }
    }
}

/// One or more options of a letter, in one word.
fn short<'a>(
    letters: &str,
    rest: &mut std::iter::Peekable<impl Iterator<Item = &'a str>>,
    words: &mut Vec<Word>,
) -> Result<(), Usage> {
    let row = |letter: char| TABLE.iter().find(|row| row.short == letter);
    let mut left = letters;
    while let Some(letter) = left.chars().next() {
        left = &left[letter.len_utf8()..];
        let typed = format!("-{letter}");
        let row_of_it = row(letter).ok_or_else(|| Usage::UnknownOption(format!("-{letters}")))?;
        let value = match row_of_it.value {
            Value::Text => {
                let value = if left.is_empty() { rest.next() } else { Some(left) };
                left = "";
                Some(value.ok_or_else(|| Usage::NoValue(typed.clone()))?.to_owned())
            }
            Value::YesOrNo if is_yes_or_no(left) => Some(std::mem::take(&mut left).to_owned()),
            Value::YesOrNo if left.is_empty() => rest.next_if(|next| is_yes_or_no(next)).map(str::to_owned),
            Value::Target if !left.chars().all(|letter| row(letter).is_some()) => {
                push(words, row_of_it, &typed, None);
                words.push(Word::Plain(left.to_owned()));
                return Ok(());
            }
            Value::Nothing | Value::YesOrNo | Value::Target => None,
        };
        push(words, row_of_it, &typed, value);
    }
    Ok(())
}
