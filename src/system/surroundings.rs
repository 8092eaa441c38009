//! Where this process stands: which namespaces, which capabilities, in what kind of container.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, setns, unshare};
use nix::sys::stat::{major, minor};

use super::mounts;

use crate::place::{Keeper, Place};

/// `CAP_SYS_CHROOT` (Linux tag v6.12, `include/uapi/linux/capability.h`).
pub const CAP_SYS_CHROOT: u32 = 18;
/// `CAP_SYS_ADMIN`, from the same file.
pub const CAP_SYS_ADMIN: u32 = 21;

/// Where the table is usually mounted.
const TABLE: &str = "/proc/sys/fs/binfmt_misc";

/// The mount namespace of the first process that is seen from here.
const FIRST_MOUNTS: &str = "/proc/1/ns/mnt";

/// The table in the mount namespace of the machine's first process, for those who may look into it.
const TABLE_OF_FIRST_PROCESS: &str = "/proc/1/root/proc/sys/fs/binfmt_misc";

/// Whether this process has the capability, in its own user namespace.
pub fn capable(capability: u32) -> bool {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    status
        .lines()
        .find_map(|line| line.strip_prefix("CapEff:"))
        .and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok())
        .is_some_and(|mask| mask >> capability & 1 == 1)
}

/// Looks around.
pub fn place() -> Place {
    let release = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    Place {
        user_namespace: in_other_user_namespace(),
        container: container(),
        chroot: in_chroot(),
        wsl: Place::wsl_of(&release),
    }
}

/// Whether the user namespace is another than the machine's: `PROC_USER_INIT_INO` (Linux tag v6.12,
/// `include/linux/proc_ns.h`).
pub fn in_other_user_namespace() -> bool {
    is_other_namespace("user", 0xEFFF_FFFD)
}

/// Whether the process namespace is the machine's, so that process 1 is the machine's first: `PROC_PID_INIT_INO`, from
/// the same file.
fn sees_first_process() -> bool {
    !is_other_namespace("pid", 0xEFFF_FFFC)
}

fn is_other_namespace(kind: &str, initial: u64) -> bool {
    fs::metadata(format!("/proc/self/ns/{kind}")).is_ok_and(|namespace| namespace.ino() != initial)
}

/// Whether a mount made here is made for the whole machine: in the mount namespace of its first process.
pub fn is_host() -> bool {
    !in_other_user_namespace() && sees_first_process() && shares_mounts_with_first_process()
}

/// Mounts are numbered across all namespaces, so two processes that see one of the same number are
/// in the same namespace, also if one is in a chroot. The link `/proc/1/ns/mnt` would say it more
/// directly, but may not be read where the first process is protected.
fn shares_mounts_with_first_process() -> bool {
    let numbers = |path: &str| -> BTreeSet<String> {
        mounts_of(path).filter_map(|line| line.split(' ').next().map(str::to_owned)).collect()
    };
    !numbers("/proc/1/mountinfo").is_disjoint(&numbers("/proc/self/mountinfo"))
}

/// The lines of a list of mounts; none where it cannot be read.
fn mounts_of(path: &str) -> impl Iterator<Item = String> {
    let text = fs::read_to_string(path).unwrap_or_default();
    text.lines().map(str::to_owned).collect::<Vec<_>>().into_iter()
}

/// Whether a list of mounts has binfmt_misc in it, of whichever instance.
fn has_table(path: &str) -> bool {
    mounts_of(path).any(|line| line.contains(" - binfmt_misc "))
}

/// Which container this is, by the marks that its runtime leaves (systemd tag v257, `src/basic/virt.c`).
fn container() -> Option<String> {
    let said = |path: &str| {
        let bytes = fs::read(path).ok()?;
        let words = bytes.split(|byte| *byte == 0 || *byte == b'\n');
        words
            .filter_map(|word| std::str::from_utf8(word).ok())
            .find_map(|word| word.strip_prefix("container=").filter(|name| !name.is_empty()).map(str::to_owned))
    };
    let named =
        |path: &str| fs::read_to_string(path).ok().map(|name| name.trim().to_owned()).filter(|name| !name.is_empty());
    let marked = |path: &str, name: &str| Path::new(path).exists().then(|| name.to_owned());
    named("/run/host/container-manager")
        .or_else(|| named("/run/systemd/container"))
        .or_else(|| said("/proc/1/environ"))
        .or_else(|| marked("/run/.containerenv", "podman"))
        .or_else(|| marked("/.dockerenv", "docker"))
        // Of WSL 2 systemd says "wsl" there; it is told by its kernel's name.
        .filter(|name| name != "wsl")
}

/// A root directory that is the root of its mount is listed among the mounts; that of a chroot is so only if it was
/// mounted as a whole, and then it is not the first process's.
fn in_chroot() -> bool {
    let identity = |path: &str| fs::metadata(path).ok().map(|root| (root.dev(), root.ino()));
    match (identity("/"), identity("/proc/1/root/")) {
        // The first process of a container or namespace is its own; of another namespace nothing can be said.
        (Some(own), Some(first)) if is_host() => own != first,
        _ => !mounts_of("/proc/self/mountinfo").any(|line| line.split(' ').nth(4) == Some("/")),
    }
}

/// Where the table is to be found: here, or else in the machine's own mount namespace.
pub fn table() -> PathBuf {
    let is_elsewhere =
        !has_table("/proc/self/mountinfo") && sees_other_mounts() && Path::new(TABLE_OF_FIRST_PROCESS).exists();
    PathBuf::from(if is_elsewhere { TABLE_OF_FIRST_PROCESS } else { TABLE })
}

/// Whether process 1 is the machine's first, and in another mount namespace than this one.
fn sees_other_mounts() -> bool {
    !in_other_user_namespace() && sees_first_process() && !shares_mounts_with_first_process()
}

/// Who keeps the table at `directory` mounted. The exact questions come first; where none is answered, it is told by
/// who can have made it.
pub fn keeper(directory: &Path) -> Keeper {
    if in_other_user_namespace() {
        // One that is not this namespace's own is the machine's, still in sight.
        return match mounts::is_of_own_namespace(directory) {
            Some(false) => Keeper::Machine,
            _ => Keeper::UserNamespace,
        };
    }
    if is_host() || (sees_other_mounts() && has_mount_of(directory)) {
        return Keeper::Machine;
    }
    let is_machines = mounts::machine_has(Some(directory))
        .unwrap_or_else(|| was_handed_in(directory) || is_older_than_container(directory));
    if is_machines { Keeper::Machine } else { Keeper::Nobody }
}

/// Whether the first process's mount namespace has the file system of `directory` mounted.
fn has_mount_of(directory: &Path) -> bool {
    let Ok(device) = fs::metadata(directory).map(|table| table.dev()) else { return false };
    let number = format!("{}:{}", major(device), minor(device));
    mounts_of("/proc/1/mountinfo").any(|line| line.split(' ').nth(2) == Some(&number))
}

/// Whether the container's runtime mounted the table at `directory`, and not somebody inside: mounts are numbered as
/// they are made, and the runtime protects `/proc/sys` last of all.
fn was_handed_in(directory: &Path) -> bool {
    match (mount_number(directory), mount_number(Path::new("/proc/sys"))) {
        (Some(table), Some(last)) => table < last && mount_number(Path::new("/proc")) != Some(last),
        _ => false,
    }
}

/// The number of the mount that `path` lies in, which no other mount ever had (Linux >= 6.8).
fn mount_number(path: &Path) -> Option<u64> {
    /// `STATX_MNT_ID_UNIQUE` (Linux tag v6.12, `include/uapi/linux/stat.h`).
    const UNIQUE: u32 = 0x4000;
    let path = std::ffi::CString::new(path.as_os_str().as_bytes()).ok()?;
    let mut status = std::mem::MaybeUninit::<nix::libc::statx>::zeroed();
    // SAFETY: the path is a C string, and the kernel fills in a whole `statx` or says that it failed.
    let status = unsafe {
        if nix::libc::statx(nix::libc::AT_FDCWD, path.as_ptr(), 0, UNIQUE, status.as_mut_ptr()) != 0 {
            return None;
        }
        status.assume_init()
    };
    (status.stx_mask & UNIQUE != 0).then_some(status.stx_mnt_id)
}

/// Whether the table was there before the first process that is seen from here: then it was made by somebody outside.
///
/// The file `register` is made with its table, and its time of access is never changed by reading it or writing to it
/// (`simple_fill_super` of `fs/libfs.c`, Linux tag v6.12).
fn is_older_than_container(directory: &Path) -> bool {
    let born = fs::metadata(directory.join("register")).ok().and_then(|file| file.accessed().ok());
    matches!((born, first_process_started()), (Some(born), Some(started)) if born < started)
}

/// When process 1, as seen from here, was started.
fn first_process_started() -> Option<std::time::SystemTime> {
    /// `USER_HZ` (Linux tag v6.12, `include/asm-generic/param.h`): the unit of times in `/proc`.
    const TICKS: f64 = 100.0;
    /// Field 22 of `/proc/PID/stat`, counted from the one after the name's closing parenthesis.
    const START: usize = 22 - 3;
    let stat = fs::read_to_string("/proc/1/stat").ok()?;
    let ticks: f64 = stat.rsplit_once(')')?.1.split_whitespace().nth(START)?.parse().ok()?;
    let up: f64 = fs::read_to_string("/proc/uptime").ok()?.split(' ').next()?.parse().ok()?;
    let age = Duration::try_from_secs_f64(up - ticks / TICKS).ok()?;
    std::time::SystemTime::now().checked_sub(age)
}

/// Whether the table can be mounted where it stays: on the machine itself, in the mount namespace of its first
/// process, or here while the machine holds it.
pub fn can_mount() -> bool {
    if in_other_user_namespace() {
        return false;
    }
    is_host()
        || (sees_other_mounts() && File::open(FIRST_MOUNTS).is_ok())
        || mounts::machine_has(None).or_else(mounts::is_held) == Some(true)
}

/// Mounts the table at `directory` if that is where it stays, else at its usual place in the mount namespace of the
/// machine's first process.
pub fn mount_where_it_stays(directory: &Path) -> io::Result<()> {
    let namespace = match File::open(FIRST_MOUNTS) {
        Ok(namespace) if sees_other_mounts() => namespace,
        // On the machine itself, or where the machine holds it already.
        _ => return mount_table(directory),
    };
    // Only this thread goes there, and it ends with the mount.
    let mounting = std::thread::spawn(move || {
        unshare(CloneFlags::CLONE_FS)?;
        setns(namespace, CloneFlags::CLONE_NEWNS)?;
        mount_table(Path::new(TABLE))
    });
    mounting.join().unwrap_or_else(|_| Err(io::Error::other("the mounting thread failed")))
}

/// Mounts this user namespace's table.
pub fn mount_table(directory: &Path) -> io::Result<()> {
    // A look at the directory makes an automount of systemd's do it.
    drop(fs::read_dir(directory));
    if super::kernel::is_table(directory) {
        return Ok(());
    }
    mount_new_table(directory)
}

/// Mounts this user namespace's table over whatever is mounted there.
pub fn mount_new_table(directory: &Path) -> io::Result<()> {
    let flags = MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_NOEXEC;
    Ok(mount(Some("binfmt_misc"), directory, Some("binfmt_misc"), flags, None::<&str>)?)
}

/// Whether the running kernel has binfmt_misc, built in, loaded, or as a module it could load.
pub fn kernel_has_binfmt_misc(release: &str) -> bool {
    let has = |path: &str, word: &str| fs::read_to_string(path).is_ok_and(|text| text.contains(word));
    has("/proc/filesystems", "binfmt_misc\n")
        || ["modules.dep", "modules.builtin"]
            .iter()
            .any(|file| has(&format!("/lib/modules/{release}/{file}"), "/binfmt_misc.ko"))
}
