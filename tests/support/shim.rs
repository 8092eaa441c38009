//! Faults of disks and of people, brought about in the real program: `shim.c` stands between it and the C library.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use nix::errno::Errno;

/// What happens at a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// SIGKILL before it.
    Kill,
    /// SIGKILL in the middle of a write, behind any other call.
    Torn,
    /// SIGSTOP before it: somebody else gets the time to do something.
    Stop,
    /// A signal before it that can be noticed.
    Signal(&'static str),
    /// It fails.
    Error(Errno),
    /// It fails, and so does everything after it that a disk in this state refuses.
    Lasting(Errno),
}

impl Fault {
    /// Its name in a table.
    pub(crate) fn name(self) -> String {
        match self {
            Fault::Kill => "kill".to_owned(),
            Fault::Torn => "torn".to_owned(),
            Fault::Stop => "stop".to_owned(),
            Fault::Signal(name) => name.to_owned(),
            Fault::Error(errno) => format!("{errno:?}"),
            Fault::Lasting(errno) => format!("{errno:?}+"),
        }
    }
}

/// A call by which a file was looked into or changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Call {
    pub(crate) number: usize,
    pub(crate) name: String,
    pub(crate) path: String,
    /// The first bytes of a write.
    pub(crate) text: String,
    /// Whether the fault met it.
    pub(crate) hit: bool,
}

impl Call {
    /// Whether it changes nothing.
    pub(crate) fn looks(&self) -> bool {
        ["look", "list"].contains(&self.name.as_str())
    }
}

/// Has `command` tried with a fault at the call of that number, among those at files in `below`, directories with colons
/// between them; each call is written to `log`.
pub(crate) fn stand_before(command: &mut Command, log: &Path, below: &str, fault: Option<(usize, Fault)>) {
    command.env("LD_PRELOAD", library()).env("SHIM_LOG", log).env("SHIM_BELOW", below);
    let Some((number, fault)) = fault else { return };
    let word = match fault {
        Fault::Kill | Fault::Torn | Fault::Stop | Fault::Signal(_) => fault.name(),
        Fault::Error(errno) | Fault::Lasting(errno) => (errno as i32).to_string(),
    };
    let lasts = match fault {
        // A full disk lets go of files all the same, and a read-only one is read.
        Fault::Lasting(Errno::ENOSPC | Errno::EDQUOT) => "space",
        Fault::Lasting(Errno::EROFS) => "changes",
        Fault::Lasting(_) => "all",
        _ => "none",
    };
    command.env("SHIM_AT", number.to_string()).env("SHIM_FAULT", word).env("SHIM_LASTS", lasts);
}

/// The calls of a log, in their order.
pub(crate) fn calls(log: &Path) -> Vec<Call> {
    let bytes = std::fs::read(log).unwrap_or_else(|error| panic!("nothing was logged: {error}"));
    String::from_utf8_lossy(&bytes)
        .lines()
        .map(|line| {
            let [number, name, path, text] = line.splitn(4, '\t').collect::<Vec<_>>()[..] else {
                panic!("a line of the log is torn: {line:?}")
            };
            let hit = number.starts_with('!');
            let number = number.trim_start_matches(['!', '~']).parse().unwrap();
            Call { number, name: name.to_owned(), path: path.to_owned(), text: text.to_owned(), hit }
        })
        .collect()
}

/// The shim, compiled once.
pub(crate) fn library() -> &'static Path {
    static LIBRARY: OnceLock<PathBuf> = OnceLock::new();
    LIBRARY.get_or_init(|| {
        let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/shim.c");
        let library = PathBuf::from(concat!(env!("CARGO_TARGET_TMPDIR"), "/shim.so"));
        // Another run of the tests may be using the one that is there.
        let new = library.with_extension(std::process::id().to_string());
        let mut compile = Command::new("cc");
        compile.args(["-shared", "-fPIC", "-O1", "-Wall", "-Wextra", "-Werror", "-o"]).arg(&new).arg(source);
        let compiled = compile.output().unwrap_or_else(|error| panic!("a C compiler is needed: {error}"));
        assert!(compiled.status.success(), "{}", String::from_utf8_lossy(&compiled.stderr));
        std::fs::rename(new, &library).unwrap();
        library
    })
}
