//! What linuxkit's `binfmt` does: apply a folder of rules.

use std::path::{Path, PathBuf};

use super::Error;
use crate::commands::{Context, entries};
use crate::exit::Exit;
use crate::rule::{BadRule, Rule};
use crate::system::configuration::read_folder;

/// A line of a file that is no rule.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("\"{}\", line {line}: {why}", file.display())]
pub struct BadLine {
    /// The file.
    pub file: PathBuf,
    /// Which line, counted from 1.
    pub line: usize,
    /// What is wrong with it.
    pub why: BadRule,
}

pub(super) fn apply(directory: &Path, context: &Context) -> Result<Exit, Error> {
    let files = read_folder(directory)?;
    let rules = files.iter().map(|(file, text)| rules(file, text)).collect::<Result<Vec<_>, _>>()?.concat();
    entries::put_rules(&rules, context)?;
    Ok(Exit::Done)
}

/// The rules of a file, one a line; empty lines and those that begin with `#` are none.
pub fn rules(file: &Path, text: &str) -> Result<Vec<Rule>, BadLine> {
    let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty() && !line.starts_with('#'));
    let rule = |(index, line): (usize, &str)| {
        Rule::parse(line).map_err(|why| BadLine { file: file.to_owned(), line: index + 1, why })
    };
    lines.map(rule).collect()
}
