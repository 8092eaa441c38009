//! What can be typed after `binfmt`: options as Go's package `flag` takes them, so that `-install x`, `--install x` and
//! `--install=x` are the same.

use std::path::PathBuf;

use thiserror::Error;

/// What was typed; the last of several that are the same counts.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Typed {
    pub(super) install: Option<String>,
    pub(super) uninstall: Option<String>,
    pub(super) mount: Option<PathBuf>,
    pub(super) dir: Option<PathBuf>,
    pub(super) version: bool,
    pub(super) help: bool,
}

/// Words that make no sense.
#[derive(Debug, PartialEq, Eq, Error)]
#[expect(missing_docs, reason = "each says itself what it means")]
pub enum BadWords {
    #[error("there is no option \"{0}\"")]
    Unknown(String),
    #[error("option \"{0}\" needs a value")]
    NoValue(String),
    #[error("option \"{option}\" is either true or false, not \"{value}\"")]
    NoBoolean { option: String, value: String },
    #[error("\"{0}\" belongs to no option: a list is one word, separated by commas")]
    Stray(String),
    #[error("-dir applies a folder of rules, and does nothing else at the same time")]
    Mixed,
    #[error("QEMU_BINARY_PREFIX is \"{0}\": the name of a file and of an entry cannot begin with that")]
    Prefix(String),
    #[error("QEMU_BINARY_PATH is \"{0}\", which is not absolute")]
    Directory(String),
    #[error("QUS_CREDENTIALS is \"{0}\", neither yes nor no")]
    Credentials(String),
    #[error("\"{word}\" is no pattern of names: {why}")]
    Pattern { word: String, why: String },
}

impl Typed {
    pub(super) fn parse(words: &[String]) -> Result<Typed, BadWords> {
        let mut typed = Typed::default();
        let mut words = words.iter();
        while let Some(word) = words.next() {
            // Go ends the options here; nothing may follow them.
            if word == "--" {
                return words.next().map_or(Ok(typed), |stray| Err(BadWords::Stray(stray.clone())));
            }
            let Some(option) =
                word.strip_prefix("--").or_else(|| word.strip_prefix('-')).filter(|name| !name.is_empty())
            else {
                return Err(BadWords::Stray(word.clone()));
            };
            let (name, joined) = match option.split_once('=') {
                Some((name, value)) => (name, Some(value.to_owned())),
                None => (option, None),
            };
            if let "version" | "help" | "h" = name {
                let is_meant = joined.map_or(Ok(true), |value| boolean(word, value))?;
                *(if name == "version" { &mut typed.version } else { &mut typed.help }) = is_meant;
                continue;
            }
            if !matches!(name, "install" | "uninstall" | "mount" | "dir") {
                return Err(BadWords::Unknown(word.clone()));
            }
            let value = joined.or_else(|| words.next().cloned()).ok_or_else(|| BadWords::NoValue(word.clone()))?;
            match name {
                "install" => typed.install = Some(value),
                "uninstall" => typed.uninstall = Some(value),
                "mount" => typed.mount = Some(value.into()),
                _ => typed.dir = Some(value.into()),
            }
        }
        Ok(typed)
    }
}

/// The words that Go's `strconv.ParseBool` takes.
fn boolean(option: &str, value: String) -> Result<bool, BadWords> {
    match value.as_str() {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Ok(true),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => Ok(false),
        _ => Err(BadWords::NoBoolean { option: option.split('=').next().unwrap_or(option).to_owned(), value }),
    }
}
