//! Entries: what the kernel holds, as it prints them below `/proc/sys/fs/binfmt_misc`.

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::rule::{Flags, Pattern, Rule, RuleName};
use crate::target::Target;

/// One entry of the kernel's table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// What it would take to register it again.
    pub rule: Rule,
    /// Whether the kernel consults it.
    pub enabled: bool,
}

/// An entry that this version cannot read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Error)]
#[error("entry \"{name}\" of binfmt_misc says something unknown: \"{line}\"")]
pub struct UnknownEntry {
    /// Its name.
    pub name: String,
    /// The first line that is not understood.
    pub line: String,
}

impl UnknownEntry {
    /// Whether it has the name under which `target` is registered by everybody.
    pub fn is_of(&self, target: Target) -> bool {
        self.name == RuleName::of(target).as_str()
    }
}

impl Entry {
    /// Reads what the kernel prints of the entry `name` (`entry_status` of `fs/binfmt_misc.c`,
    /// Linux tag v6.12).
    pub fn parse(name: &str, text: &str) -> Result<Entry, UnknownEntry> {
        let unknown = |line: &str| UnknownEntry { name: name.to_owned(), line: line.to_owned() };
        let (mut enabled, mut interpreter, mut flags) = (None, None, Flags::default());
        let (mut offset, mut magic, mut mask, mut extension) = (0, None, None, None);
        // Not `lines`: a path may end in a carriage return.
        for line in text.split_terminator('\n') {
            let (key, value) = line.split_once(' ').unwrap_or((line, ""));
            match key {
                "enabled" => enabled = Some(true),
                "disabled" => enabled = Some(false),
                "interpreter" => interpreter = Some(value.to_owned()),
                "flags:" => flags = Flags::try_from(value.to_owned()).map_err(|_| unknown(line))?,
                "extension" => extension = Some(value.trim_start_matches('.').to_owned()),
                "offset" => offset = value.parse().map_err(|_| unknown(line))?,
                "magic" => magic = Some(crate::hex::decode(value).ok_or_else(|| unknown(line))?),
                "mask" => mask = Some(crate::hex::decode(value).ok_or_else(|| unknown(line))?),
                _ => return Err(unknown(line)),
            }
        }
        let pattern = match (magic, extension) {
            (Some(magic), None) => {
                let mask = mask.unwrap_or_else(|| vec![0xff; magic.len()]);
                Pattern::Magic { offset, magic, mask }
            }
            (None, Some(extension)) => Pattern::Extension(extension),
            _ => return Err(unknown("neither magic nor extension")),
        };
        let rule = Rule {
            name: RuleName::try_from(name.to_owned()).map_err(|_| unknown(name))?,
            pattern,
            interpreter: interpreter.ok_or_else(|| unknown("no interpreter"))?,
            flags,
        };
        // What cannot be registered again could not be given back.
        if Rule::parse(&rule.line()).as_ref() != Ok(&rule) {
            return Err(unknown(&rule.line()));
        }
        Ok(Entry { rule, enabled: enabled.ok_or_else(|| unknown("neither enabled nor disabled"))? })
    }

    /// The entry that the kernel makes of `rule`.
    pub fn of(rule: Rule) -> Entry {
        Entry { rule, enabled: true }
    }

    /// Whether the kernel would use it for a program that begins with `head`.
    pub fn answers(&self, head: &[u8]) -> bool {
        self.enabled && self.rule.pattern.matches(head)
    }

    /// Name of the entry.
    pub fn name(&self) -> &RuleName {
        &self.rule.name
    }
}
