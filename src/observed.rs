//! What the machine is like: the facts on which plans are made.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::entry::{Entry, UnknownEntry};
use crate::host::Host;
use crate::layout;
use crate::receipt::Receipt;
use crate::rooted::RootedPath;
use crate::rule::{KernelVersion, RuleName};
use crate::target::Target;

/// The machine, or the image, at one moment.
#[derive(Clone, Debug)]
pub struct Observed {
    /// The architecture of this very program, and so of the emulators it needs.
    pub host: Host,
    /// The running kernel.
    pub kernel: KernelVersion,
    /// The head of this program's file: no rule may match it.
    pub own_head: Vec<u8>,
    /// Targets whose programs run here without any emulator.
    pub native: BTreeSet<Target>,
    /// The kernel's table.
    pub binfmt: Binfmt,
    /// What qus did before.
    pub receipt: Receipt,
    /// Installed targets whose emulator is not the file that the receipt names.
    pub damaged: BTreeSet<Target>,
    /// Everything below the prefix, and our drop-ins.
    pub files: BTreeMap<RootedPath, FileState>,
    /// Of the directories that a change may need, those that exist.
    pub directories: BTreeSet<RootedPath>,
    /// Places that a change must write to and cannot.
    pub faults: Vec<Fault>,
    /// Bytes that may still be written below the prefix.
    pub space: u64,
    /// The file that remembers what was seen of repositories.
    pub trust: Option<String>,
}

/// How the kernel's table can be reached.
#[derive(Clone, Debug)]
pub enum Binfmt {
    /// An image is prepared: there is no kernel to talk to.
    NotAsked,
    /// It is mounted.
    Mounted(Table),
    /// It is not mounted, and may be mounted where it stays.
    Mountable,
    /// It is not to be had.
    Unreachable(Unreachable),
}

/// The kernel's table.
#[derive(Clone, Debug, Default)]
pub struct Table {
    /// Whether the kernel consults it at all.
    pub enabled: bool,
    /// Whether rules can be registered by this process.
    pub writable: bool,
    /// The entries that could be read, by name.
    pub entries: BTreeMap<RuleName, Entry>,
    /// Those that could not.
    pub unknown: Vec<String>,
}

/// Why the kernel's table is not to be had.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unreachable {
    /// The kernel has no binfmt_misc, built in or as a module.
    NotInKernel,
    /// Not mounted, and this process may not mount.
    NoPrivilege,
    /// Not mounted, and a mount made here would vanish with this mount or user namespace, and every
    /// entry with it (Linux >= 6.7).
    Private,
}

/// What lies at a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FileState {
    /// A plain file of that many bytes.
    File(u64),
    /// A plain file whose text counts.
    Text(String),
    /// A symbolic link, and where it leads.
    Link(String),
    /// Anything else.
    Other,
}

/// A place that must be written to and cannot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The place.
    pub path: RootedPath,
    /// What is in the way.
    pub kind: FaultKind,
}

/// What keeps a place from being written to, or from being used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FaultKind {
    /// The file system is mounted read-only.
    ReadOnly,
    /// No right to write.
    Permission,
    /// The file system is mounted `noexec`: the kernel would not open an emulator there.
    NoExec,
}

impl Table {
    /// Adds what the kernel prints of one entry.
    pub fn add(&mut self, entry: Result<Entry, UnknownEntry>) {
        match entry {
            Ok(entry) => drop(self.entries.insert(entry.name().clone(), entry)),
            Err(unknown) => self.unknown.push(unknown.name),
        }
    }

    /// The entry under which `target` is registered by everybody.
    pub fn entry_of(&self, target: Target) -> Option<&Entry> {
        self.entries.get(&RuleName::of(target))
    }

    /// Enabled entries that match `target`'s programs.
    pub fn matching(&self, target: Target) -> impl Iterator<Item = &Entry> {
        let head = target.magic();
        self.entries.values().filter(move |entry| entry.enabled && entry.rule.pattern.matches(&head))
    }
}

impl Binfmt {
    /// The table, if it is mounted.
    pub fn table(&self) -> Option<&Table> {
        match self {
            Binfmt::Mounted(table) => Some(table),
            _ => None,
        }
    }
}

/// A target's state at a glance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// Installed and registered.
    Ready,
    /// Installed, but the kernel does not use it.
    Installed,
    /// Registered by somebody else.
    Registered,
    /// The kernel still runs another version than the one installed.
    Stale,
    /// Installed, but another's entry of the same name is in the kernel.
    Conflict,
    /// The host runs it by itself.
    Native,
    /// Neither installed nor registered.
    Absent,
}

impl Observed {
    /// The state of `target`.
    pub fn state(&self, target: Target) -> State {
        let installed = self.receipt.targets.get(&target);
        let entry = self.binfmt.table().and_then(|table| table.entry_of(target));
        match (installed, entry) {
            (Some(installed), Some(entry)) if entry.rule.interpreter == installed.path.as_str() => {
                let consulted = entry.enabled && self.binfmt.table().is_some_and(|table| table.enabled);
                if consulted { State::Ready } else { State::Installed }
            }
            (Some(_), Some(entry)) if layout::is_ours(&entry.rule.interpreter) => State::Stale,
            (Some(_), Some(_)) => State::Conflict,
            (Some(_), None) => State::Installed,
            (None, Some(_)) => State::Registered,
            (None, None) if self.native.contains(&target) => State::Native,
            (None, None) => State::Absent,
        }
    }
}
