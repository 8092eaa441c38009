//! Emulators that are already on the machine.

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::root::Root;
use crate::conflict::Conflict;
use crate::elf::Header;
use crate::host::Host;
use crate::qemu::QemuVersion;
use crate::rooted::RootedPath;

/// How much of a file tells what it is: the ELF header and the program headers behind it.
const HEAD: u64 = 4096;

/// How much of what an emulator says of itself is read, in bytes: it is two lines.
const SAID_MAX: u64 = 4096;

/// After this an emulator that was asked for its version is ended, in seconds. It answers within 0.1 s.
const PATIENCE: u32 = 5;

/// An emulator that can be registered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fit {
    /// Whether it needs other files, which a container or chroot does not have.
    pub dynamic: bool,
}

/// Fails unless the file at `path` of the system below `root` can be run there as an emulator.
pub fn check(root: &Root, path: &str, host: Host) -> Result<Fit, Conflict> {
    let unfit = |why: String| Conflict::UnfitEmulator { path: path.to_owned(), why };
    let place = match RootedPath::try_from(path.to_owned()) {
        Ok(path) => root.follow(&path),
        // The running system takes whatever leads to the file.
        Err(_) if root.is_system() => PathBuf::from(path),
        Err(error) => return Err(unfit(error.to_string())),
    };
    let unread = |error: io::Error| match error.kind() {
        io::ErrorKind::NotFound => unfit("not there".to_owned()),
        _ => unfit(format!("not readable: {error}")),
    };
    // Before it is opened: a pipe would wait for somebody who writes to it.
    let metadata = std::fs::metadata(&place).map_err(unread)?;
    if !metadata.is_file() {
        return Err(unfit("not a file".to_owned()));
    }
    if metadata.permissions().mode() & 0o111 == 0 {
        return Err(unfit("not executable".to_owned()));
    }
    let mut head = Vec::new();
    File::open(place).and_then(|file| file.take(HEAD).read_to_end(&mut head)).map_err(unread)?;
    let header = Header::parse(&head).map_err(|error| unfit(error.to_string()))?;
    match Host::of(&header) {
        Some(of) if of == host => Ok(Fit { dynamic: header.wants_loader(&head) }),
        _ => Err(unfit(format!("no program of this host, \"{host}\""))),
    }
}

/// The version that an emulator tells of itself: QEMU's programs begin with `qemu-TARGET version VERSION`
/// when they are asked with `--version` (`version` of `linux-user/main.c`, QEMU tag v10.0.0).
pub fn version(emulator: &Path) -> Option<QemuVersion> {
    let mut command = Command::new(emulator);
    // Not `Stdio::null`: it opens /dev/null, which a chroot may not have.
    command.arg("--version").env_clear().stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    // SAFETY: between fork and exec the closure makes one system call and allocates nothing.
    unsafe {
        command.pre_exec(|| {
            nix::unistd::alarm::set(PATIENCE);
            Ok(())
        });
    }
    let mut child = command.spawn().ok()?;
    let mut said = String::new();
    let read = child.stdout.take()?.take(SAID_MAX).read_to_string(&mut said);
    let ended = child.wait().ok()?;
    read.ok().filter(|_| ended.success())?;
    QemuVersion::of_banner(&said)
}

/// Whether the file at `path` of the system below `root` can be executed, by whomever.
pub fn is_executable(root: &Root, path: &str) -> bool {
    let Ok(path) = RootedPath::try_from(path.to_owned()) else { return false };
    std::fs::metadata(root.follow(&path)).is_ok_and(|file| file.is_file() && file.permissions().mode() & 0o111 != 0)
}
