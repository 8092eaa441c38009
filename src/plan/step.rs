//! Steps: every single thing that qus can do to a machine.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::dropin;
use crate::entry::Entry;
use crate::itself::ToolObserved;
use crate::layout::Layout;
use crate::receipt::Receipt;
use crate::release::{Asset, ToolArchive};
use crate::rooted::RootedPath;
use crate::rule::RuleName;
use crate::target::Target;
use crate::trust::Archive;
use crate::version::Version;

/// One change, with what was there before it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "step", rename_all = "kebab-case")]
#[expect(missing_docs, reason = "fields are what the variant's sentence names")]
pub enum Step {
    /// Make a directory.
    MakeDir { path: RootedPath },
    /// Fetch an asset, check it, and unpack `targets` of it into the directory `into`.
    Fetch { version: Version, asset: Asset, targets: Vec<Target>, into: RootedPath },
    /// Rename a file.
    Move { from: RootedPath, to: RootedPath },
    /// Make a symbolic link say `after`; without it, remove it.
    PutLink { path: RootedPath, after: Option<String>, before: Option<String> },
    /// Make a text file say `after`; without it, remove it.
    PutFile { path: RootedPath, after: Option<String>, before: Option<String> },
    /// Mount binfmt_misc where it stays.
    Mount,
    /// Make the kernel's entry `name` be `after`; without it, delete it.
    PutEntry { name: RuleName, after: Option<Entry>, before: Option<Entry> },
    /// Run a program of the target.
    Prove,
    /// Fetch an archive of qus, check it, and unpack the program into the directory `into`.
    FetchTool { version: Version, archive: ToolArchive, into: RootedPath },
    /// Start the program at `path`, which must be qus of `version` and find itself sound.
    Try { path: RootedPath, version: Version },
    /// Copy a program.
    Copy { from: RootedPath, to: RootedPath },
    /// Put the program `by` in the place of the one at `path`, of which `kept` is a copy.
    Replace { path: RootedPath, by: RootedPath, kept: RootedPath },
    /// Write down what is installed now.
    Record { after: Receipt, before: Receipt },
}

impl fmt::Display for Step {
    /// What it does, as an order: `register "qemu-aarch64" …`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Step::MakeDir { path } => write!(f, "make directory {path}"),
            Step::Fetch { version, asset, targets, .. } => {
                let (file, size) = (&asset.file, megabytes(asset.size));
                let plural = if targets.len() == 1 { "" } else { "s" };
                write!(f, "fetch and verify {version}/{file} ({} emulator{plural}, {size})", targets.len())
            }
            Step::FetchTool { version, archive, .. } => {
                let (folder, file, size) = (ToolArchive::folder(version), &archive.file, megabytes(archive.size));
                write!(f, "fetch and verify {folder}/{file} ({size})")
            }
            Step::Try { path, version } => write!(f, "try whether {path} is qus {version} and starts"),
            Step::Copy { from, to } => write!(f, "copy {from} to {to}"),
            Step::Replace { path, by, .. } => write!(f, "put {by} in the place of {path}"),
            // Into where nothing stays.
            Step::Move { from, to } if Layout::is_staged(to) || ToolObserved::is_staged(to) => {
                write!(f, "remove {from}")
            }
            Step::Move { from, to } if dropin::is_aside(to) => write!(f, "put {from} aside as {to}"),
            Step::Move { to, .. } => write!(f, "install {to}"),
            Step::PutLink { path, after: Some(to), .. } => write!(f, "link {path} to {to}"),
            Step::PutLink { path, after: None, .. } | Step::PutFile { path, after: None, .. } => {
                write!(f, "remove {path}")
            }
            Step::PutFile { path, .. } => write!(f, "write {path}"),
            Step::Mount => write!(f, "mount binfmt_misc"),
            Step::PutEntry { name, after: Some(Entry { rule, .. }), before } => {
                write!(f, "register {name} for {} ({})", rule.interpreter, rule.flags)?;
                match before.as_ref().map(|before| &before.rule.interpreter) {
                    Some(before) if *before != rule.interpreter => write!(f, ", in place of {before}"),
                    _ => Ok(()),
                }
            }
            Step::PutEntry { name, after: None, .. } => write!(f, "unregister {name}"),
            Step::Prove => write!(f, "prove it by running a program"),
            Step::Record { .. } => write!(f, "write the receipt"),
        }
    }
}

/// Bytes as people read them, rounded up: `3.1 MB`.
fn megabytes(bytes: u64) -> String {
    let tenths = bytes.div_ceil(100_000);
    format!("{}.{} MB", tenths / 10, tenths % 10)
}
