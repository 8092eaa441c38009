//! Proof: a program of the target is executed where nothing else is.

use std::ffi::{CStr, CString, OsStr};
use std::io::{self, Read};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::chroot;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::sched::{CloneFlags, unshare};

use super::probe_place::Place;
use super::surroundings;
use crate::observed::Table;
use crate::program::Program;
use crate::proof::{Outcome, Proof};
use crate::target::Target;

/// After this a probe is ended, in seconds. An emulator answers within 0.1 s; a busy machine of the
/// slowest kind within five.
const PATIENCE: u32 = 20;

/// Runs the probe of `target` as the only file of a root directory of its own, so that nothing of
/// this system can help it.
pub fn prove(target: Target) -> Proof {
    let (outcome, took) = try_program(&Program::of(target));
    Proof { target, outcome, took }
}

/// What becomes of the probe of `target` in this process's own root directory, where an emulator finds what it needs of
/// this system.
pub fn prove_here(target: Target) -> Outcome {
    let program = Program::of(target);
    let run_here = |place: Place| {
        let path = CString::new(place.program().as_os_str().as_bytes()).map_err(io::Error::from)?;
        Ok(run(None, path, program.status))
    };
    let ran = Place::with(&program.elf).and_then(run_here);
    ran.unwrap_or_else(|error| not_tried(&error)).0
}

/// Runs the probes of several targets at once.
pub fn prove_all(targets: &[Target]) -> Vec<Proof> {
    // All are written before any is run: a process that is about to start holds what was being written to open, and the
    // kernel executes no such file.
    let probes: Vec<(Target, Program, io::Result<Place>)> = targets
        .iter()
        .map(|target| (*target, Program::of(*target)))
        .map(|(target, program)| {
            let place = Place::with(&program.elf);
            (target, program, place)
        })
        .collect();
    std::thread::scope(|scope| {
        let running: Vec<_> = probes
            .iter()
            .map(|(target, program, place)| {
                let proving = scope.spawn(move || match place {
                    Ok(place) => run_in(place, program),
                    Err(error) => not_tried(error),
                });
                (*target, proving)
            })
            .collect();
        let proof = |(target, proving): (Target, std::thread::ScopedJoinHandle<_>)| {
            let (outcome, took) =
                proving.join().unwrap_or_else(|_| not_tried(&io::Error::other("the thread that ran it failed")));
            Proof { target, outcome, took }
        };
        running.into_iter().map(proof).collect()
    })
}

/// Whether the processor and the kernel run `target`'s programs without any of the emulators of `table`: tried with one
/// that bears a mark which the kernel's own loader does not look at and no entry takes.
pub fn runs_natively(target: Target, table: &Table) -> bool {
    /// Bytes of the header that the ELF specification leaves unused (`EI_PAD`), and values for them; then one that
    /// `load_elf_binary` does not look at either (`EI_VERSION`), for rules that leave out the unused ones.
    const MARKS: [(usize, u8); 3] = [(15, b'q'), (12, b'q'), (6, b'q')];
    let program = Program::of(target);
    let unmarked = |(place, mark): (usize, u8)| {
        let mut elf = program.elf.clone();
        elf[place] = mark;
        (!table.entries.iter().any(|entry| entry.answers(&elf))).then_some(elf)
    };
    let Some(elf) = MARKS.into_iter().find_map(unmarked) else { return false };
    try_program(&Program { elf, ..program }).0 == Outcome::Ready
}

fn try_program(program: &Program) -> (Outcome, Duration) {
    match Place::with(&program.elf) {
        Ok(place) => run_in(&place, program),
        Err(error) => not_tried(&error),
    }
}

fn run_in(place: &Place, program: &Program) -> (Outcome, Duration) {
    run(Some(place.path()), PROGRAM.to_owned(), program.status)
}

fn not_tried(error: &io::Error) -> (Outcome, Duration) {
    (Outcome::NotTried { error: error.to_string() }, Duration::ZERO)
}

/// Name of the program in its root directory.
const PROGRAM: &CStr = c"/probe";

/// Executes `program`, a path in the root directory `root`.
fn run(root: Option<&Path>, program: CString, expected: i32) -> (Outcome, Duration) {
    let root = root.map(Path::to_owned);
    let privileged = may_enter();
    let mut command = Command::new(OsStr::from_bytes(program.as_bytes()));
    // Not `Stdio::null`: it opens /dev/null, which a chroot may not have.
    command.env_clear().stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let start = move || {
        if let Some(root) = &root {
            enter(root, privileged)?;
        }
        nix::unistd::alarm::set(PATIENCE);
        // Executed here, and not by `Command`: the C library would hand a program that the kernel
        // does not know to a shell.
        let Err(errno) = nix::unistd::execve(&program, &[&program], &[] as &[&CStr]);
        Err(errno.into())
    };
    // SAFETY: between fork and exec the closure makes system calls and allocates nothing.
    unsafe { command.pre_exec(start) };

    let started = Instant::now();
    let mut child = match command.spawn() {
        Ok(child) => child,
        Err(error) => return (not_started(&error), started.elapsed()),
    };
    drop(child.stdin.take());
    let mut said = String::new();
    if let Some(stderr) = child.stderr.take() {
        // What an emulator says is a hint: half of it is better than an error about it.
        let _ = stderr.take(4096).read_to_string(&mut said);
    }
    let outcome = match child.wait() {
        Ok(status) => ended(status, expected, said.trim()),
        Err(error) => Outcome::NotTried { error: error.to_string() },
    };
    (outcome, started.elapsed())
}

/// Whether this process may [`enter`] a root directory without a namespace.
pub(super) fn may_enter() -> bool {
    surroundings::capable(surroundings::CAP_SYS_CHROOT)
}

/// Makes `directory` this process's root directory; without the right to do so, in a user namespace of its own, in which
/// the kernel asks the same table.
pub(super) fn enter(directory: &Path, privileged: bool) -> io::Result<()> {
    if !privileged {
        unshare(CloneFlags::CLONE_NEWUSER).map_err(|_| Errno::EPERM)?;
    }
    chroot(directory)?;
    std::env::set_current_dir("/")
}

fn ended(status: std::process::ExitStatus, expected: i32, said: &str) -> Outcome {
    let said = said.to_owned();
    match (status.code(), status.signal()) {
        (Some(code), _) if code == expected => Outcome::Ready,
        (Some(status), _) => Outcome::WrongAnswer { status, said },
        (None, Some(signal)) if signal == nix::libc::SIGALRM => Outcome::TimedOut,
        (None, Some(signal)) => Outcome::Crash { signal, said },
        (None, None) => Outcome::NotTried { error: status.to_string() },
    }
}

fn not_started(error: &io::Error) -> Outcome {
    match error.raw_os_error().map(Errno::from_raw) {
        Some(Errno::ENOEXEC) => Outcome::NotRegistered,
        Some(Errno::ENOENT) => Outcome::NoEmulator,
        Some(Errno::EACCES | Errno::ELOOP | Errno::ELIBBAD | Errno::EINVAL) => {
            Outcome::Refused { error: error.to_string() }
        }
        _ => Outcome::NotTried { error: error.to_string() },
    }
}
