//! What was found out about one program: the facts on which a diagnosis is made.

use std::collections::{BTreeMap, BTreeSet};

use crate::advisory::Advisory;
use crate::host::Host;
use crate::linkage::Linkage;
use crate::proof::Outcome;
use crate::qemu::QemuVersion;
use crate::rule::KernelVersion;
use crate::shebang::Shebang;
use crate::target::Target;

/// A program, or what was taken for one, in the root directory in which it is to run.
#[derive(Clone, Debug)]
pub struct Examined {
    /// Its path in that root directory.
    pub path: String,
    /// The root directory, in words, if it is not the one of this process.
    pub root: Option<String>,
    /// What lies there.
    pub there: There,
    /// Its first bytes, as many as the kernel looks at.
    pub head: Vec<u8>,
    /// What runs it, if it is a script: its first line, and the program that this names.
    pub script: Option<(Shebang, Box<Examined>)>,
    /// What it asks of its root directory, if it is an ELF file that could be read.
    pub linkage: Option<Linkage>,
    /// Of that, what is not there.
    pub missing: Missing,
    /// Of that, what is there: the paths of its loader and of its libraries, and what these ask for.
    pub loaded: Vec<(String, Linkage)>,
    /// What came of executing it.
    pub attempt: Attempt,
    /// What came of running a program of the same target: where nothing else is, or if that failed, in the same root
    /// directory.
    pub proof: Option<Outcome>,
    /// What came of it where nothing else is, if that was another thing.
    pub proof_elsewhere: Option<Outcome>,
}

/// What lies at a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum There {
    /// Nothing.
    Nothing,
    /// A directory, a device, …
    NotAFile,
    /// A file that may not be read, and why.
    Unreadable(String),
    /// A file.
    File(Mode),
}

/// What may be done with a file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Mode {
    /// Whether anybody may execute it.
    pub executable: bool,
    /// Whether it is to run with its owner's or its group's rights.
    pub set_id: bool,
    /// Where its file system is mounted, if that is mounted `noexec`.
    pub noexec: Option<String>,
    /// Whether its file system is mounted `nosuid`.
    pub nosuid: bool,
}

/// What a program asks for and its root directory does not have.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Missing {
    /// Its dynamic loader.
    pub loader: Option<String>,
    /// Shared libraries, of the program and of those that it loads.
    pub libraries: Vec<String>,
}

/// What came of executing a program that was stopped before its first instruction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Attempt {
    /// The kernel started it, or an emulator for it.
    Started(Running),
    /// The kernel refused.
    Refused(Refusal),
    /// This machine did not let it be tried.
    NotTried(String),
}

/// The program that the kernel really started.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Running {
    /// By which path it was opened; empty where that could not be seen.
    pub path: String,
    /// Whether that path has been removed, or given to another file, since.
    pub deleted: bool,
    /// Which file it is.
    pub identity: Option<Identity>,
    /// The version that it says it is, if it is a QEMU.
    pub version: Option<QemuVersion>,
}

/// A file's device and inode numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Identity {
    /// Device.
    pub device: u64,
    /// Inode.
    pub inode: u64,
}

/// Why the kernel did not execute a program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// `ENOEXEC`: it knows nothing that runs it.
    NoFormat,
    /// `ENOENT`: the program, its interpreter or its loader is not there.
    NotFound,
    /// `EACCES`: one of them may not be executed.
    Denied,
    /// `ELOOP`: the interpreter is itself taken by an entry.
    Loop,
    /// It began to load it, could not, and ended the process by this signal.
    Ended(i32),
    /// Anything else, in the system's words.
    Other(String),
}

/// The file at the path that an entry names, where that is looked at from here.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EmulatorFile {
    /// Whether there is a file, and not a directory or a device.
    pub exists: bool,
    /// Whether this user may not look at it: what is said of it below is not known then.
    pub hidden: bool,
    /// What may be done with it.
    pub mode: Mode,
    /// Which file it is.
    pub identity: Option<Identity>,
    /// For which host it was built; none if it is no program of a host known here.
    pub host: Option<Host>,
    /// Whether it is a script, which other programs than itself run.
    pub script: bool,
    /// The dynamic loader that it needs.
    pub loader: Option<String>,
    /// The oldest kernel that it says it runs on.
    pub kernel: Option<KernelVersion>,
    /// The level of x86-64 processors that it says it needs, 1 to 4.
    pub level: Option<u8>,
}

/// Settings of the running kernel that decide what runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    /// Bytes of a page of memory.
    pub page: u64,
    /// The level of x86-64 processors that this machine's has, 1 to 4.
    pub level: Option<u8>,
    /// `vm.mmap_min_addr`: the lowest address that a program may map.
    pub mmap_min_addr: Option<u64>,
    /// `RLIMIT_AS`: how many bytes of addresses a process may use, if that is limited.
    pub address_space: Option<u64>,
    /// `vm.mmap_rnd_bits`: how many bits of addresses are chosen at random.
    pub mmap_rnd_bits: Option<u32>,
}

/// The machine beside one program, where it is looked at for a diagnosis.
#[derive(Clone, Debug, Default)]
pub struct Around {
    /// The files that entries name, by path.
    pub emulators: BTreeMap<String, EmulatorFile>,
    /// The kernel's settings.
    pub settings: Settings,
    /// Targets that this user has installed for itself.
    pub at_home: BTreeSet<Target>,
    /// The known faults of versions.
    pub advisories: Vec<Advisory>,
}

impl Examined {
    /// The program that is executed in the end: itself, or what its first line names.
    pub fn executed(&self) -> &Examined {
        self.script.as_ref().map_or(self, |(_, interpreter)| interpreter.executed())
    }

    /// Whether the kernel started an emulator for the probe, however that ended.
    pub fn probe_started(&self) -> bool {
        use Outcome::{Crash, Ready, TimedOut, WrongAnswer};
        matches!(self.proof, Some(Ready | WrongAnswer { .. } | Crash { .. } | TimedOut))
    }

    /// What the kernel really started, if it started anything.
    pub fn running(&self) -> Option<&Running> {
        match &self.attempt {
            Attempt::Started(running) => Some(running),
            _ => None,
        }
    }
}
