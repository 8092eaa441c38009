//! Trying whether the kernel executes a program, without running it: it is stopped before its first instruction.

use std::ffi::{CStr, CString, OsStr};
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use nix::errno::Errno;
use nix::sys::prctl::set_pdeathsig;
use nix::sys::ptrace;
use nix::sys::signal::{SigSet, SigmaskHow, Signal, sigprocmask};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::{Pid, getppid};

use super::emulators;
use super::prove::{enter, may_enter};
use crate::diagnosis::{Attempt, Identity, Refusal, Running};
use crate::qemu::QemuVersion;

/// Yama, or a filter of system calls, may forbid it.
const NO_TRACING: &str = "no process may be traced here";

/// Executes `program`, a path in the root directory `root`, as far as the kernel does that alone: a traced process stops
/// when its program is loaded and before that runs (`ptrace(2)`, "execve(2) under ptrace"). Then it is ended, also if this
/// process is ended first.
///
/// `emulator` is what the entry that takes the program names, if it is to be trusted: it is asked for its version.
pub fn attempt(root: Option<&Path>, program: &Path, emulator: Option<&str>) -> Attempt {
    let Ok(path) = CString::new(program.as_os_str().as_bytes()) else {
        return Attempt::Refused(Refusal::NotFound);
    };
    let root: Option<PathBuf> = root.map(Path::to_owned);
    let mut command = Command::new(program);
    let privileged = may_enter();
    let parent = Pid::this();
    let mut held_back = SigSet::all();
    held_back.remove(Signal::SIGTRAP);
    let start = move || {
        // What fails here says nothing of the program.
        let not_tried = |_| io::Error::from(Errno::EPERM);
        if let Some(root) = &root {
            enter(root, privileged).map_err(|_| Errno::EPERM)?;
        }
        // The only signal that may stop it is the one by which it is told that its program is loaded: held back, that
        // program would run; and another, as of a Ctrl-Z, would stop it for ever.
        sigprocmask(SigmaskHow::SIG_SETMASK, Some(&held_back), None).map_err(not_tried)?;
        // Until this process can ask for it to be ended with the tracer.
        set_pdeathsig(Signal::SIGKILL).map_err(not_tried)?;
        if getppid() != parent {
            return Err(not_tried(Errno::ESRCH));
        }
        ptrace::traceme().map_err(|_| io::Error::from(Errno::ENOTSUP))?;
        // Executed here, and not by `Command`: the C library would hand what the kernel does not know to a shell.
        let Err(errno) = nix::unistd::execve(&path, &[&path], &[] as &[&CStr]);
        Err(errno.into())
    };
    // SAFETY: between fork and exec the closure makes system calls, and of its own allocates nothing.
    unsafe { command.pre_exec(start) };
    let child = match command.spawn() {
        Ok(child) => child,
        Err(error) => return refused(&error),
    };
    let Ok(number) = i32::try_from(child.id()) else { return Attempt::NotTried("no process".to_owned()) };
    let process = Pid::from_raw(number);
    let attempt = match waitpid(process, Some(WaitPidFlag::WUNTRACED)) {
        Ok(WaitStatus::Stopped(_, Signal::SIGTRAP)) => {
            // A traced process whose tracer ends goes on. That of a program with other rights has forgotten what it
            // was told before.
            let _ = ptrace::setoptions(process, ptrace::Options::PTRACE_O_EXITKILL);
            Attempt::Started(running(process, emulator))
        }
        // What is wrong came to light when nothing was left to which an error could be returned: the kernel ends the
        // process.
        Ok(
            WaitStatus::Stopped(_, signal)
            | WaitStatus::Signaled(_, signal @ (Signal::SIGSEGV | Signal::SIGBUS | Signal::SIGKILL), _),
        ) => Attempt::Refused(Refusal::Ended(signal as i32)),
        // A filter of system calls kills who asks to be traced, as `SystemCallFilter=` of a service does.
        Ok(WaitStatus::Signaled(_, Signal::SIGSYS, _)) => Attempt::NotTried(NO_TRACING.to_owned()),
        Ok(WaitStatus::Signaled(_, signal, _)) => Attempt::NotTried(format!("it was ended by {signal}")),
        Ok(_) => Attempt::NotTried("it ended before it could be looked at".to_owned()),
        Err(errno) => Attempt::NotTried(errno.to_string()),
    };
    // It is this process's own child, stopped or ended: nobody else has its number yet.
    let _ = nix::sys::signal::kill(process, Signal::SIGKILL);
    let _ = waitpid(process, None);
    attempt
}

fn refused(error: &io::Error) -> Attempt {
    Attempt::Refused(match error.raw_os_error().map(Errno::from_raw) {
        Some(Errno::ENOEXEC) => Refusal::NoFormat,
        Some(Errno::ENOENT) => Refusal::NotFound,
        Some(Errno::EACCES) => Refusal::Denied,
        Some(Errno::ELOOP) => Refusal::Loop,
        Some(Errno::ENOTSUP) => return Attempt::NotTried(NO_TRACING.to_owned()),
        Some(Errno::EPERM | Errno::EAGAIN | Errno::ENOMEM | Errno::EMFILE | Errno::ENFILE) => {
            return Attempt::NotTried(error.to_string());
        }
        _ => Refusal::Other(error.to_string()),
    })
}

/// What is loaded in a stopped process.
fn running(process: Pid, emulator: Option<&str>) -> Running {
    const GONE: &str = " (deleted)";
    // In a process namespace whose /proc is another's, the number is somebody else's there.
    if fs::read_link("/proc/self").ok() != Some(PathBuf::from(std::process::id().to_string())) {
        return Running::default();
    }
    let link = format!("/proc/{process}/exe");
    let Ok(path) = fs::read_link(&link) else {
        // A program that this user may not read: its first word is the interpreter's path all the same.
        let words = fs::read(format!("/proc/{process}/cmdline")).unwrap_or_default();
        let first = words.split(|byte| *byte == 0).next().unwrap_or_default();
        return Running { path: OsStr::from_bytes(first).to_string_lossy().into_owned(), ..Running::default() };
    };
    let path = path.to_string_lossy();
    let (deleted, path) = path.strip_suffix(GONE).map_or((false, &*path), |path| (true, path));
    let identity = fs::metadata(&link).ok().map(|file| identity(&file));
    let version = emulator.filter(|emulator| is_it(emulator, path, identity));
    let version = version.and_then(|_| version_of(Path::new(&link), Path::new(path)));
    Running { path: path.to_owned(), deleted, identity, version }
}

/// Which file it is.
pub fn identity(file: &fs::Metadata) -> Identity {
    Identity { device: file.dev(), inode: file.ino() }
}

/// Whether what runs is what is at the path `emulator`, or was until it was replaced. The program that was examined, or
/// what runs it as a script, may bear any name.
fn is_it(emulator: &str, path: &str, runs: Option<Identity>) -> bool {
    let there = fs::metadata(emulator).ok().map(|file| identity(&file));
    let leads_to = || fs::canonicalize(emulator).unwrap_or_default();
    (runs.is_some() && runs == there) || path == emulator || Path::new(path) == leads_to()
}

/// The version that an emulator says it is. Only what is called like one is asked: anything else might do anything.
fn version_of(link: &Path, called: &Path) -> Option<QemuVersion> {
    let name = called.file_name()?.to_str()?;
    let is_emulator = name.contains("qemu-") || name.contains("-binfmt-P");
    if is_emulator { emulators::version(link) } else { None }
}
