//! A user namespace with a table of its own, in which a person without root runs foreign programs.
//!
//! Since Linux 6.7 every user namespace may mount a binfmt_misc of its own; the kernel asks the nearest one. It serves
//! the programs in it and nobody else, and is gone with the last of them.

use std::ffi::OsString;
use std::fs;
use std::io::{self, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use nix::errno::Errno;
use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, unshare};
use nix::sys::wait::waitpid;
use nix::unistd::{ForkResult, Gid, Uid, fork, getegid, geteuid, getpid, pipe, read};
use thiserror::Error;

use super::kernel::{BinfmtMisc, KernelError, put};
use super::surroundings;
use crate::entry::Entry;
use crate::exit::{Exit, Explain};
use crate::layout;
use crate::rule::Rule;

/// Why no such namespace was had, or why the command did not start in it.
#[derive(Debug, Error)]
#[expect(missing_docs, reason = "each says itself what it means")]
pub enum LodgingError {
    #[error("this user may not make a user namespace: {0}")]
    NoNamespace(io::Error),
    #[error("binfmt_misc cannot be mounted in a user namespace: {0}")]
    NoTable(io::Error),
    #[error(transparent)]
    Kernel(#[from] KernelError),
    #[error("no emulator is installed for {0}")]
    NothingInstalled(String),
    #[error("\"{}\" cannot be executed: {error}", command.display())]
    Command { command: OsString, error: io::Error },
    #[error("this program cannot be started again: {0}")]
    Again(io::Error),
}

impl Explain for LodgingError {
    fn exit(&self) -> Exit {
        match self {
            LodgingError::NoNamespace(_) | LodgingError::NoTable(_) => Exit::Kernel,
            LodgingError::Kernel(error) => error.exit(),
            LodgingError::NothingInstalled(_) | LodgingError::Again(_) => Exit::Failed,
            LodgingError::Command { error, .. } if error.kind() == io::ErrorKind::NotFound => Exit::NotFound,
            LodgingError::Command { .. } => Exit::NotExecutable,
        }
    }

    fn help(&self) -> Option<String> {
        Some(match self {
            LodgingError::NoNamespace(_) => {
                "it takes sysctl user.max_user_namespaces above 0, kernel.unprivileged_userns_clone=1 on Debian before 11, kernel.apparmor_restrict_unprivileged_userns=0 on Ubuntu; in a chroot or a container, run this outside of it"
            }
            LodgingError::NoTable(_) => {
                "it takes Linux 6.7 with binfmt_misc loaded (modprobe binfmt_misc); on Ubuntu also sysctl kernel.apparmor_restrict_unprivileged_userns=0; in a container, run this outside of it"
            }
            LodgingError::Kernel(error) => return error.help(),
            LodgingError::NothingInstalled(_) => {
                "for yourself: qus install --user TARGET; for everybody: sudo qus install TARGET"
            }
            LodgingError::Command { .. } | LodgingError::Again(_) => return None,
        }
        .to_owned())
    }
}

/// Moves this process into a namespace in which `rules` hold. It stays who it was.
pub fn enter(rules: &[Rule]) -> Result<(), LodgingError> {
    let (user, group) = (geteuid(), getegid());
    become_root_of_own_namespace(user, group).map_err(LodgingError::NoNamespace)?;
    let table = PathBuf::from(layout::binfmt_misc().as_str());
    // Nothing that is mounted here is to be seen outside, whatever the mounts' kind.
    mount(None::<&str>, "/", None::<&str>, MsFlags::MS_REC | MsFlags::MS_PRIVATE, None::<&str>)
        .map_err(|errno| LodgingError::NoTable(errno.into()))?;
    surroundings::mount_new_table(&table).map_err(LodgingError::NoTable)?;
    let kernel = BinfmtMisc::at(table);
    for rule in rules {
        put(&kernel, &rule.name, Some(&Entry::of(rule.clone())))?;
    }
    if user.is_root() { Ok(()) } else { become_again(user, group).map_err(LodgingError::NoNamespace) }
}

/// Executes the command in place of this program, so that its exit status is ours, and every signal goes to it.
pub fn exec(command: &[OsString]) -> LodgingError {
    let Some((program, words)) = command.split_first() else {
        return LodgingError::Command { command: OsString::new(), error: io::ErrorKind::NotFound.into() };
    };
    let error = Command::new(program).args(words).exec();
    LodgingError::Command { command: program.clone(), error }
}

/// Runs `qus test` of targets in a namespace of its own, aloud or not.
pub fn test(targets: &[&str], aloud: bool) -> Result<Exit, LodgingError> {
    let this = std::env::current_exe().map_err(LodgingError::Again)?;
    let mut command = Command::new(&this);
    command.arg("run").args(targets).arg("--").arg(&this).arg("test").args(targets);
    command.env_remove("QUS_USER").env_remove("QUS_DRY_RUN");
    if !aloud {
        command.stdout(Stdio::null());
    }
    let status = command.status().map_err(LodgingError::Again)?;
    Ok(match status.code() {
        Some(0) => Exit::Done,
        Some(code) if code == Exit::Kernel as i32 => Exit::Kernel,
        _ => Exit::DoesNotRun,
    })
}

/// The first of two namespaces: there this process is root, as the table's files want it.
fn become_root_of_own_namespace(user: Uid, group: Gid) -> io::Result<()> {
    let both = CloneFlags::CLONE_NEWUSER | CloneFlags::CLONE_NEWNS;
    if !user.is_root() {
        unshare(both)?;
        return map_single(0, user.as_raw(), 0, group.as_raw());
    }
    // Root keeps every user and group. Only somebody outside may say so, and this process will be inside.
    let (ready, set_ready) = pipe()?;
    let inside = getpid();
    // SAFETY: `run` has started no thread, so that the child may do what it likes.
    match unsafe { fork() }? {
        ForkResult::Child => {
            drop(set_ready);
            std::process::exit(i32::from(map_all(&ready, inside.as_raw()).is_err()));
        }
        ForkResult::Parent { child } => {
            drop(ready);
            let done = unshare(both).and_then(|()| nix::unistd::write(&set_ready, b"!"));
            drop(set_ready);
            let mapped = waitpid(child, None)?;
            done?;
            match mapped {
                nix::sys::wait::WaitStatus::Exited(_, 0) => Ok(()),
                _ => Err(Errno::EPERM.into()),
            }
        }
    }
}

fn map_all(ready: &OwnedFd, process: i32) -> io::Result<()> {
    if read(ready.as_fd(), &mut [0])? == 0 {
        return Err(Errno::EPIPE.into());
    }
    for map in ["uid_map", "gid_map"] {
        // As many as this namespace has itself.
        let ids = identity(&fs::read_to_string(format!("/proc/self/{map}"))?);
        fs::write(format!("/proc/{process}/{map}"), ids)?;
    }
    Ok(())
}

/// The ids of this namespace, each as itself.
fn identity(map: &str) -> String {
    let same = |line: &str| {
        let mut words = line.split_whitespace();
        let (first, count) = (words.next()?, words.nth(1)?);
        Some(format!("{first} {first} {count}\n"))
    };
    map.lines().filter_map(same).collect()
}

/// The second namespace: there this process is again who it was.
fn become_again(user: Uid, group: Gid) -> io::Result<()> {
    unshare(CloneFlags::CLONE_NEWUSER)?;
    map_single(user.as_raw(), 0, group.as_raw(), 0)
}

/// One user and one group, which is what anybody may map.
fn map_single(user: u32, user_outside: u32, group: u32, group_outside: u32) -> io::Result<()> {
    let write = |file: &str, text: String| {
        fs::OpenOptions::new().write(true).open(format!("/proc/self/{file}"))?.write_all(text.as_bytes())
    };
    write("setgroups", "deny".to_owned())?;
    write("uid_map", format!("{user} {user_outside} 1"))?;
    write("gid_map", format!("{group} {group_outside} 1"))
}
