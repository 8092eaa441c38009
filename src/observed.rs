//! What the machine is like: the facts on which plans are made.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::configuration::Configuration;
use crate::dropin::packaged;
use crate::entry::{Entry, UnknownEntry};
use crate::host::Host;
use crate::layout::Layout;
use crate::owner::Owner;
use crate::package::Manager;
use crate::place::{Keeper, Place};
use crate::receipt::Receipt;
use crate::rooted::RootedPath;
use crate::rule::{KernelVersion, Pattern, Rule, RuleName};
use crate::target::Target;

/// The machine, or the image, at one moment.
#[derive(Clone, Debug)]
pub struct Observed {
    /// Where qus keeps what is its own.
    pub layout: Layout,
    /// Where this process stands.
    pub place: Place,
    /// The architecture of this very program, and so of the emulators it needs.
    pub host: Host,
    /// The running kernel.
    pub kernel: KernelVersion,
    /// The heads of the host's own programs, this one first: no rule may match any.
    pub own_heads: Vec<Vec<u8>>,
    /// Targets whose programs run here without any emulator.
    pub native: BTreeSet<Target>,
    /// The kernel's table.
    pub binfmt: Binfmt,
    /// What is registered at boot.
    pub configuration: Configuration,
    /// Of the emulators that entries and rules name, those that are there and can be executed.
    pub interpreters: BTreeSet<String>,
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
    /// What packages of emulators brought.
    pub packaged: Packaged,
}

/// What packages of emulators brought, and what makes the system register it at boot.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Packaged {
    /// Who brought them.
    pub manager: Manager,
    /// The emulators that there are.
    pub emulators: BTreeMap<Target, PackagedEmulator>,
    /// What lies where the links to their rules are to be.
    pub links: BTreeMap<Target, FileState>,
}

/// An emulator of a package.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PackagedEmulator {
    /// The rule that came with it.
    pub rule: Rule,
    /// Its head, which tells what it runs on.
    pub head: Vec<u8>,
}

impl PackagedEmulator {
    /// Whether its rule would take the emulator itself, and so every program of the machine it is for.
    pub fn takes_itself(&self) -> bool {
        self.rule.pattern.matches(&self.head)
    }
}

impl Packaged {
    /// Whether what lies in the place of `target`'s link is what qus made there.
    pub fn is_linked(&self, target: Target) -> bool {
        match self.links.get(&target) {
            Some(FileState::Link(to)) => *to == packaged::link_content(target),
            Some(FileState::Text(text)) => *text == packaged::text_for_older_kernels(target),
            _ => false,
        }
    }

    /// Whether there is any such link.
    pub fn has_links(&self) -> bool {
        self.links.keys().any(|target| self.is_linked(*target))
    }
}

/// How the kernel's table can be reached.
#[derive(Clone, Debug)]
pub enum Binfmt {
    /// An image is prepared, or a user's home: there is no kernel to talk to.
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
    pub access: Access,
    /// Who keeps it mounted.
    pub keeper: Keeper,
    /// The entries that could be read, newest first: the kernel uses the first that is enabled and
    /// matches.
    pub entries: Vec<Entry>,
    /// Those that could not.
    pub unknown: Vec<UnknownEntry>,
}

/// Whether entries can be registered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Access {
    /// They can.
    #[default]
    Writable,
    /// The file system is mounted read-only, as in most containers.
    ReadOnly,
    /// This user may not.
    Denied,
}

/// Why the kernel's table is not to be had.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Unreachable {
    /// The kernel has no binfmt_misc, built in or as a module.
    NotInKernel,
    /// The kernel has none now; whether it could load it is not to be seen from here.
    NotLoaded,
    /// Version 1 of Windows' subsystem for Linux, which has no Linux kernel.
    Wsl1,
    /// There is no whole `/proc` here.
    NoProc,
    /// Not mounted, and this process may not mount.
    NoPrivilege,
    /// Not mounted in this container, which may not mount.
    NotHandedIn,
    /// Not mounted, and a mount made here would vanish with this mount namespace, and every entry with it
    /// (Linux >= 6.7).
    Private,
    /// The same in a container, to which it can be handed in.
    PrivateContainer,
    /// Not mounted, and a mount made here would be a table of this user namespace alone, which hides the
    /// machine's.
    OtherUserNamespace,
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
    /// Adds what the kernel prints of one entry, older than all that were added before.
    pub fn add(&mut self, entry: Result<Entry, UnknownEntry>) {
        match entry {
            Ok(entry) => self.entries.push(entry),
            Err(unknown) => self.unknown.push(unknown),
        }
    }

    /// The entry of this name.
    pub fn entry(&self, name: &RuleName) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.name() == name)
    }

    /// Whether anything has this name, also what could not be read.
    pub fn has(&self, name: &RuleName) -> bool {
        self.entry(name).is_some() || self.unknown.iter().any(|unknown| unknown.name == name.as_str())
    }

    /// The entry under which `target` is registered by everybody.
    pub fn entry_of(&self, target: Target) -> Option<&Entry> {
        self.entry(&RuleName::of(target))
    }

    /// The entries that the kernel uses for programs of `target`, each once, the one for its usual
    /// programs first. There may be several: some rules take only some of a target's programs.
    pub fn answering(&self, target: Target) -> Vec<&Entry> {
        let mut answering: Vec<&Entry> = Vec::new();
        for head in target.heads() {
            let answer = self.entries.iter().find(|entry| entry.answers(&head));
            answering.extend(answer.filter(|answer| !answering.contains(answer)));
        }
        answering
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
    /// Installed and registered, by qus itself or by a package of emulators.
    Ready,
    /// Installed, by either, but the kernel does not use it.
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
        let consulted = self.binfmt.table().filter(|table| table.enabled);
        let answering = consulted.map(|table| table.answering(target)).unwrap_or_default();
        let Some(installed) = self.receipt.targets.get(&target) else {
            return self.state_without_receipt(target, &answering);
        };
        let runs = |entry: &&Entry| entry.rule.interpreter == installed.path.as_str();
        let ours = |entry: &&Entry| self.layout.is_ours(&entry.rule.interpreter);
        if answering.is_empty() || (installed.yields.is_some() && !answering.iter().any(ours)) {
            State::Installed
        } else if answering.iter().all(runs) {
            State::Ready
        } else if answering.iter().all(ours) {
            State::Stale
        } else {
            State::Conflict
        }
    }

    /// The same of a target that qus did not install: a package brought its emulator, or somebody else, or nobody.
    fn state_without_receipt(&self, target: Target, answering: &[&Entry]) -> State {
        let packaged = self.packaged.emulators.get(&target);
        let runs =
            |entry: &&Entry| packaged.is_some_and(|packaged| entry.rule.interpreter == packaged.rule.interpreter);
        let is_native = self.native.contains(&target);
        match self.binfmt.table() {
            _ if !answering.is_empty() && answering.iter().all(runs) => State::Ready,
            _ if !answering.is_empty() => State::Registered,
            _ if packaged.is_some() && !is_native => State::Installed,
            Some(table) if !table.enabled && table.entry_of(target).is_some() => State::Registered,
            _ if is_native => State::Native,
            _ => State::Absent,
        }
    }

    /// Whether `entry` runs an emulator of this installation.
    pub fn is_ours(&self, entry: &Entry) -> bool {
        self.layout.is_ours(&entry.rule.interpreter)
    }

    /// Whose `entry` is.
    pub fn owner(&self, entry: &Entry) -> Owner {
        Owner::of_entry(entry, &self.configuration, self.interpreters.contains(&entry.rule.interpreter))
    }

    /// Our entry of `target`, under whichever of its names; the newest if there are two.
    pub fn ours(&self, target: Target) -> Option<&Entry> {
        let names = [RuleName::of(target), RuleName::beside(target)];
        let table = self.binfmt.table()?;
        table.entries.iter().find(|entry| names.contains(entry.name()) && self.is_ours(entry))
    }

    /// Whether `entry` could be registered again as it is, should it be deleted. With `F` it holds a file open that
    /// need not be the one at its path now, nor even of this root directory: then only a file that configures it tells.
    pub fn can_be_given_back(&self, entry: &Entry) -> bool {
        let rule = &entry.rule;
        let again = !rule.flags.has('F')
            || (self.interpreters.contains(&rule.interpreter) && self.configuration.source(entry).is_some());
        again && !self.is_own(&rule.pattern)
    }

    /// Whether a rule with this pattern would take the host's own programs.
    pub fn is_own(&self, pattern: &Pattern) -> bool {
        self.own_heads.iter().any(|head| pattern.matches(head))
    }

    /// The entry by which this very program is run, if it is run by an emulator.
    pub fn emulating(&self) -> Option<&Entry> {
        let head = self.own_heads.first()?;
        self.binfmt.table()?.entries.iter().find(|entry| entry.answers(head))
    }
}
