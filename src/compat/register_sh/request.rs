//! What is meant by the words and variables of `register.sh`.

use crate::compat::conf_sh;
use crate::compat::conf_sh::words::{Opt, Word, read};
use crate::compat::usage::Usage;
use crate::shell::quoted;
use crate::system::environment::Environment;

/// Where emulators are, unless `QEMU_BIN_DIR` says.
const QEMU_BIN_DIR: &str = "/usr/bin";

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Request {
    /// Tell what can be typed.
    Help,
    /// Run these words by a shell, or a shell.
    Shell(Vec<String>),
    /// Act on the table, or look at it.
    Table {
        /// Delete every entry first.
        reset: bool,
        /// What is done by the conf script's words.
        request: Option<conf_sh::Request>,
        /// How these words are told, if they are.
        echo: Option<String>,
        /// Then list it.
        list: bool,
    },
}

/// What stands before `--`.
#[derive(Default)]
struct Own {
    is_static: bool,
    list: bool,
    reset: bool,
    /// What multiarch's script handed on.
    handed_on: Vec<String>,
}

/// Reads what was typed.
pub fn parse(typed: &[String], environment: &Environment) -> Result<Request, Usage> {
    let mut own = Own::default();
    let mut words = typed.iter();
    let mut arguments = Vec::new();
    while let Some(word) = words.next() {
        if word == "--" {
            arguments = words.by_ref().cloned().collect();
            break;
        }
        for letter in letters(word) {
            match letter {
                'h' => return Ok(Request::Help),
                'i' => return Ok(Request::Shell(words.cloned().collect())),
                'l' => own.list = true,
                's' => own.is_static = true,
                'r' => own.reset = true,
                _ => own.handed_on.push(word.clone()),
            }
        }
    }
    own.request(&arguments, environment)
}

/// The options that a word is, by their letters; `?` if it is none of them.
fn letters(word: &str) -> Vec<char> {
    let name = word.strip_prefix("--").or_else(|| word.strip_prefix('-'));
    match name {
        Some("help") => vec!['h'],
        Some("interactive") => vec!['i'],
        Some("list") => vec!['l'],
        Some("static") => vec!['s'],
        Some("reset") => vec!['r'],
        Some(letters)
            if !letters.is_empty() && !word.starts_with("--") && letters.chars().all(|c| "hils".contains(c)) =>
        {
            letters.chars().collect()
        }
        _ => vec!['?'],
    }
}

impl Own {
    fn request(self, arguments: &[String], environment: &Environment) -> Result<Request, Usage> {
        let (handed_on, arguments) = (without_empty(&self.handed_on), without_empty(arguments));
        check_handed_on(&handed_on)?;
        let is_multiarch = self.reset || !handed_on.is_empty();
        if self.list && arguments.is_empty() && !is_multiarch {
            return Ok(Request::Table { reset: false, request: None, echo: None, list: true });
        }
        let directory = environment.get("QEMU_BIN_DIR").unwrap_or(QEMU_BIN_DIR);
        let mut words = vec![format!("--path={directory}")];
        let end = arguments.iter().position(|word| word == "--").unwrap_or(arguments.len());
        words.extend(handed_on.iter().chain(&arguments[..end]).cloned());
        if self.is_static || is_multiarch {
            words.extend(["--suffix", "-static"].map(str::to_owned));
        }
        words.extend_from_slice(&arguments[end..]);
        let request = conf_sh::parse(&words, environment)?;
        if request == conf_sh::Request::Help {
            return Ok(Request::Table { reset: false, request: Some(request), echo: None, list: false });
        }
        if self.reset && matches!(request, conf_sh::Request::Export(_)) {
            return Err(Usage::ClearOfExport);
        }
        let told: Vec<String> = words.iter().map(|word| quoted(word)).collect();
        let echo = format!("cat ./qemu-binfmt-conf.sh | sh -s -- {}", told.join(" "));
        let echo = Some(echo).filter(|_| !is_multiarch);
        Ok(Request::Table { reset: self.reset, request: Some(request), echo, list: self.list })
    }
}

/// Without words that hold nothing, as the Action of dbhi/qus has one where it is given no target: the script lost them,
/// and they mean nothing but as the value of an option.
fn without_empty(words: &[String]) -> Vec<String> {
    let is_value = |index: usize| index > 0 && matches!(read(&words[index - 1..index]), Err(Usage::NoValue(_)));
    let kept = words.iter().enumerate().filter(|(index, word)| !word.trim().is_empty() || is_value(*index));
    kept.map(|(_, word)| word.clone()).collect()
}

/// Of the conf script's words only those of multiarch's script can stand before `--`, and only as it spells them.
fn check_handed_on(words: &[String]) -> Result<(), Usage> {
    let wrong = |word: &str, instead: String| Err(Usage::BeforeDashes { word: word.to_owned(), instead });
    for word in read(words)? {
        match word {
            Word::Plain(word) => return wrong(&word, format!("register.sh -s -- -p {word}")),
            Word::Option { option: Opt::Persistent, typed, value: None } => {
                return wrong(
                    &typed,
                    format!("register.sh -s -- {typed} TARGET, or, for all: register.sh {typed} yes"),
                );
            }
            Word::Option { option: Opt::Credential | Opt::PreserveArgv0 | Opt::IgnoreFamily, typed, value: None } => {
                return wrong(&typed, format!("register.sh -s -- {typed}, or: register.sh {typed} yes"));
            }
            Word::Option { option: Opt::Clear | Opt::Test | Opt::Systemd | Opt::Debian, typed, .. } => {
                return wrong(&typed, format!("register.sh -- {typed}"));
            }
            Word::Option { .. } => {}
        }
    }
    Ok(())
}
