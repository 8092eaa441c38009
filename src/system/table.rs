//! Where the kernel's table is, who keeps it mounted, and where it can be mounted so that it stays.
//!
//! With its last mount every entry goes (`bm_evict_inode` of `fs/binfmt_misc.c`, Linux tag v6.7). The kernel's number
//! tells nothing of it: older long-term kernels were changed to do the same, as was measured on Debian's 6.1.192.

use std::fs::{self, File};
use std::io;
use std::os::fd::IntoRawFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use nix::mount::{MntFlags, umount, umount2};
use nix::sched::{CloneFlags, setns, unshare};
use nix::sys::stat::{major, minor};
use nix::unistd::{AccessFlags, access};

use super::kernel::is_table;
use super::surroundings::{
    CAP_SYS_ADMIN, CAP_SYS_CHROOT, capable, in_chroot, in_other_user_namespace, is_host, mount_new_table,
    sees_first_process,
};
use super::{mountinfo, mounts};

use crate::place::Keeper;

/// Where the table is usually mounted.
const TABLE: &str = "/proc/sys/fs/binfmt_misc";

/// Where the files that this process holds open are found.
const DESCRIPTORS: &str = "/proc/self/fd";

/// Where the table is to be found: here, wherever it is mounted, or else in the machine's own mount namespace.
pub fn find() -> PathBuf {
    let usual = Path::new(TABLE);
    if is_table(usual) && access(&usual.join("register"), AccessFlags::W_OK).is_ok() {
        return usual.to_owned();
    }
    // A mount that another covers is listed too.
    let is_in_sight = |mount: &mountinfo::Mount| mount.is_table() && is_table(Path::new(&mount.point));
    let here = mountinfo::of("self").into_iter().filter(is_in_sight);
    // Several may be in sight: in a container a protected one, and one that was handed in.
    match here.max_by_key(|mount| (mount.writable, mount.point == TABLE)) {
        Some(mount) => mount.point.into(),
        None if can_go_to_machine() => at_machine(open_table).unwrap_or_else(|_| TABLE.into()),
        // In a container it is not seen, and holds all the same.
        None if !in_other_user_namespace() && !is_host() => match mounts::borrow_from_machine() {
            Some(table) => Path::new(DESCRIPTORS).join(table.into_raw_fd().to_string()),
            None => TABLE.into(),
        },
        None => TABLE.into(),
    }
}

/// Opens the table at its usual place, if it is there, for as long as this process lives.
fn open_table() -> io::Result<PathBuf> {
    // A look at the directory makes an automount of systemd's mount it; looking at its path does not.
    drop(fs::read_dir(TABLE));
    let directory = File::open(TABLE)?;
    if !is_table(Path::new(TABLE)) {
        return Err(io::ErrorKind::NotFound.into());
    }
    Ok(Path::new(DESCRIPTORS).join(directory.into_raw_fd().to_string()))
}

/// Whether the machine's mounts are others than what is seen from here, and can be reached.
fn can_go_to_machine() -> bool {
    if in_other_user_namespace() || !capable(CAP_SYS_ADMIN) || !capable(CAP_SYS_CHROOT) {
        return false;
    }
    if is_host() { in_chroot() } else { sees_first_process() && File::open(machine_mounts()).is_ok() }
}

/// The mount namespace of the machine's first process: this one's own, or another.
fn machine_mounts() -> &'static str {
    if is_host() { "/proc/self/ns/mnt" } else { "/proc/1/ns/mnt" }
}

/// Does `work` in the mount namespace of the machine's first process, and with its root directory.
fn at_machine<T: Send + 'static>(work: fn() -> io::Result<T>) -> io::Result<T> {
    let namespace = File::open(machine_mounts())?;
    // Only this thread goes there, and it ends with the work.
    let working = std::thread::spawn(move || {
        unshare(CloneFlags::CLONE_FS)?;
        // Entering a mount namespace, even one's own, makes its root directory the thread's.
        setns(namespace, CloneFlags::CLONE_NEWNS)?;
        work()
    });
    working.join().unwrap_or_else(|_| Err(io::Error::other("the thread in the machine's mount namespace failed")))
}

/// Who keeps the table at `directory`. The exact questions come first; where none is answered, it is told by who can
/// have mounted it.
pub fn keeper(directory: &Path) -> Keeper {
    if in_other_user_namespace() {
        if mounts::is_of_own_namespace(directory) != Some(false) {
            return Keeper::UserNamespace;
        }
        return match first_process_has(Some(directory)) {
            Some(true) => Keeper::Machine,
            // What the machine does not have either is another user namespace's, around this one.
            Some(false) => Keeper::UserNamespace,
            None => Keeper::Outside,
        };
    }
    if is_host() {
        return Keeper::Machine;
    }
    match first_process_has(Some(directory)).or_else(|| mounts::machine_has(Some(directory))) {
        Some(true) => Keeper::Machine,
        None if was_handed_in(directory) || is_older_than_container(directory) => Keeper::Outside,
        _ => Keeper::Nobody,
    }
}

/// Whether the machine's first process sees a table; if `directory` is given, that one. No answer where it is not to be
/// seen itself.
fn first_process_has(directory: Option<&Path>) -> Option<bool> {
    if !sees_first_process() {
        return None;
    }
    let device = match directory {
        Some(directory) => {
            let device = fs::metadata(directory).ok()?.dev();
            Some(format!("{}:{}", major(device), minor(device)))
        }
        None => None,
    };
    let mounts = mountinfo::of("1");
    let has =
        mounts.iter().any(|mount| mount.is_table() && device.as_ref().is_none_or(|device| *device == mount.device));
    (!mounts.is_empty()).then_some(has)
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
/// (`simple_fill_super` of `fs/libfs.c`, Linux tag v6.12). A clock that was set forward since, or a table that lived on
/// from a container that has ended, deceive it.
fn is_older_than_container(directory: &Path) -> bool {
    let born = fs::metadata(directory.join("register")).ok().and_then(|file| file.accessed().ok());
    matches!((born, first_process_started()), (Some(born), Some(started)) if born < started)
}

/// When process 1, as seen from here, was started.
fn first_process_started() -> Option<SystemTime> {
    /// `USER_HZ` (Linux tag v6.12, `include/asm-generic/param.h`): the unit of times in `/proc`.
    const TICKS: f64 = 100.0;
    /// Field 22 of `/proc/PID/stat`, counted from the one after the name's closing parenthesis.
    const START: usize = 22 - 3;
    let stat = fs::read_to_string("/proc/1/stat").ok()?;
    let ticks: f64 = stat.rsplit_once(')')?.1.split_whitespace().nth(START)?.parse().ok()?;
    let up: f64 = fs::read_to_string("/proc/uptime").ok()?.split(' ').next()?.parse().ok()?;
    let age = Duration::try_from_secs_f64(up - ticks / TICKS).ok()?;
    SystemTime::now().checked_sub(age)
}

/// Whether the table can be mounted where it stays: on the machine itself, in the mount namespace of its first
/// process, or here while the machine holds it.
pub fn can_mount() -> bool {
    if in_other_user_namespace() {
        return false;
    }
    (is_host() && !in_chroot())
        || can_go_to_machine()
        || first_process_has(None).or_else(|| mounts::machine_has(None)).or_else(mounts::is_held) == Some(true)
}

/// Mounts the table at `directory` if it stays there, else at its usual place in the machine's mount namespace. Tells
/// where it is then.
pub fn mount_where_it_stays(directory: &Path) -> io::Result<PathBuf> {
    if can_go_to_machine() {
        return at_machine(|| {
            mount_table(Path::new(TABLE))?;
            open_table()
        });
    }
    mount_table(directory)?;
    Ok(directory.to_owned())
}

/// Mounts the machine's table, unless an automount does.
fn mount_table(directory: &Path) -> io::Result<()> {
    drop(fs::read_dir(directory));
    if is_table(directory) { Ok(()) } else { mount_new_table(directory) }
}

/// Unmounts the table, wherever [`mount_where_it_stays`] mounted it.
pub fn unmount(directory: &Path) -> io::Result<()> {
    if directory.starts_with(DESCRIPTORS) {
        // This process itself keeps it busy.
        return at_machine(|| Ok(umount2(TABLE, MntFlags::MNT_DETACH)?));
    }
    Ok(umount(directory)?)
}
