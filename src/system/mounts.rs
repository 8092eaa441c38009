//! Who else holds binfmt_misc mounted: questions that only the newer mount calls of the kernel answer. Where a call is
//! not there, or a container's filter keeps it away, there is no answer, and never a wrong one.

use std::ffi::CStr;
use std::fs;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::libc::{self, c_long};

/// Numbers of the calls (Linux tag v6.12, `include/uapi/asm-generic/unistd.h`). Alpha and MIPS have others: there the
/// kernel knows no such calls, and there is no answer.
const SYS_FSOPEN: c_long = 430;
const SYS_FSCONFIG: c_long = 431;
const SYS_FSMOUNT: c_long = 432;
const SYS_FSPICK: c_long = 433;
const SYS_STATMOUNT: c_long = 457;
const SYS_LISTMOUNT: c_long = 458;

/// From `include/uapi/linux/mount.h` (Linux tag v6.12).
const FSCONFIG_CMD_CREATE: u32 = 6;
const FSCONFIG_CMD_RECONFIGURE: u32 = 7;
const FSCONFIG_CMD_CREATE_EXCL: u32 = 8;
const FSPICK_CLOEXEC: u32 = 1;
const FSOPEN_CLOEXEC: u32 = 1;
const FSMOUNT_CLOEXEC: u32 = 1;
const STATMOUNT_SB_BASIC: u64 = 1;
const LSMT_ROOT: u64 = u64::MAX;

/// `struct mnt_id_req` of the same file, in its second version.
#[repr(C)]
struct Request {
    size: u32,
    spare: u32,
    mount: u64,
    parameter: u64,
    namespace: u64,
}

/// The beginning of `struct statmount` of the same file, and room for the rest of it.
#[repr(C)]
struct Answer {
    size: u32,
    options: u32,
    mask: u64,
    device_major: u32,
    device_minor: u32,
    magic: u64,
    rest: [u64; 128],
}

/// Whether the instance of binfmt_misc at `path` belongs to this process's own user namespace: only then may it be
/// configured from here, which with nothing to configure changes nothing.
///
/// In a mount namespace that another user namespace owns, nobody may ask that; but nobody can mount there either, so the
/// instance is that one's.
pub(super) fn is_of_own_namespace(path: &Path) -> Option<bool> {
    if owns_mounts() == Some(false) {
        return Some(false);
    }
    let path = std::ffi::CString::new(path.as_os_str().as_bytes()).ok()?;
    // SAFETY: the path is a C string that outlives the call.
    let picked =
        descriptor(unsafe { libc::syscall(SYS_FSPICK, libc::AT_FDCWD, path.as_ptr(), FSPICK_CLOEXEC) }).ok()?;
    match configure(picked.as_raw_fd(), FSCONFIG_CMD_RECONFIGURE) {
        Ok(()) => Some(true),
        Err(Errno::EPERM) => Some(false),
        Err(_) => None,
    }
}

/// Whether the mount namespace belongs to this process's own user namespace, or one made in it: of others it is not told.
fn owns_mounts() -> Option<bool> {
    let mounts = fs::File::open("/proc/self/ns/mnt").ok()?;
    // SAFETY: the call takes no argument.
    let owner = unsafe { libc::ioctl(mounts.as_raw_fd(), libc::NS_GET_USERNS) };
    match descriptor(owner.into()) {
        Ok(_) => Some(true),
        Err(Errno::EPERM) => Some(false),
        Err(_) => None,
    }
}

/// Whether anybody at all holds the instance of this process's user namespace, and goes on to: another cannot be made
/// then. One that is made by asking goes at once.
///
/// Not for other than the initial user namespace, where it would hide the machine's table.
pub(super) fn is_held() -> Option<bool> {
    /// A container that has ended holds its mounts for some milliseconds more.
    const FOR: Duration = Duration::from_secs(1);
    const EVERY: Duration = Duration::from_millis(50);
    let started = Instant::now();
    loop {
        match is_held_now() {
            Some(true) if started.elapsed() < FOR => std::thread::sleep(EVERY),
            held => return held,
        }
    }
}

fn is_held_now() -> Option<bool> {
    const NAME: &CStr = c"binfmt_misc";
    // SAFETY: the name is a C string that outlives the call.
    let context = descriptor(unsafe { libc::syscall(SYS_FSOPEN, NAME.as_ptr(), FSOPEN_CLOEXEC) }).ok()?;
    match configure(context.as_raw_fd(), FSCONFIG_CMD_CREATE_EXCL) {
        Ok(()) => Some(false),
        Err(Errno::EBUSY) => Some(true),
        Err(_) => None,
    }
}

/// The machine's table, where the machine is known to have it mounted, and it is not to be seen from here: by a mount
/// that is nowhere, and goes with the descriptor.
pub(super) fn borrow_from_machine() -> Option<OwnedFd> {
    const NAME: &CStr = c"binfmt_misc";
    if machine_has(None) != Some(true) {
        return None;
    }
    // SAFETY: the name is a C string that outlives the call.
    let context = descriptor(unsafe { libc::syscall(SYS_FSOPEN, NAME.as_ptr(), FSOPEN_CLOEXEC) }).ok()?;
    configure(context.as_raw_fd(), FSCONFIG_CMD_CREATE).ok()?;
    // SAFETY: the call takes no pointers.
    descriptor(unsafe { libc::syscall(SYS_FSMOUNT, context.as_raw_fd(), FSMOUNT_CLOEXEC, 0) }).ok()
}

/// Whether the machine's own mount namespace has binfmt_misc mounted; if `path` is given, that instance of it.
pub(super) fn machine_has(path: Option<&Path>) -> Option<bool> {
    /// The machine's is the first namespace that is made (4 with Linux 6.18); what has lower numbers is no mount
    /// namespace.
    const FIRST: std::ops::Range<u64> = 1..64;
    let device = match path {
        Some(path) => Some(fs::metadata(path).ok()?.dev()),
        None => None,
    };
    let (namespace, mounts) = FIRST.into_iter().find_map(|namespace| Some((namespace, list(namespace)?)))?;
    let mut has = false;
    for mount in mounts {
        let answer = match ask(namespace, mount) {
            Ok(answer) => answer,
            // It was unmounted meanwhile.
            Err(Errno::ENOENT) => continue,
            Err(_) => return None,
        };
        let own = device.is_none_or(|device| {
            device == nix::sys::stat::makedev(answer.device_major.into(), answer.device_minor.into())
        });
        has |= answer.magic == super::kernel::MAGIC && own;
    }
    Some(has)
}

/// The mounts of a mount namespace.
fn list(namespace: u64) -> Option<Vec<u64>> {
    /// More than a machine has outside of its containers; with more there is no answer.
    const MOUNTS_MAX: usize = 16 * 1024;
    let request = request(LSMT_ROOT, 0, namespace);
    let mut mounts = vec![0_u64; MOUNTS_MAX];
    // SAFETY: the kernel reads the request and writes at most as many numbers as it is told there is room for.
    let listed = unsafe { libc::syscall(SYS_LISTMOUNT, &raw const request, mounts.as_mut_ptr(), MOUNTS_MAX, 0) };
    mounts.truncate(usize::try_from(listed).ok().filter(|listed| *listed < MOUNTS_MAX)?);
    Some(mounts)
}

fn ask(namespace: u64, mount: u64) -> Result<Answer, Errno> {
    let request = request(mount, STATMOUNT_SB_BASIC, namespace);
    let mut answer =
        Answer { size: 0, options: 0, mask: 0, device_major: 0, device_minor: 0, magic: 0, rest: [0; 128] };
    // SAFETY: the kernel reads the request and writes at most the answer's own size.
    let asked = unsafe { libc::syscall(SYS_STATMOUNT, &raw const request, &raw mut answer, size_of::<Answer>(), 0) };
    Errno::result(asked)?;
    if answer.mask & STATMOUNT_SB_BASIC == 0 { Err(Errno::ENOTSUP) } else { Ok(answer) }
}

fn request(mount: u64, parameter: u64, namespace: u64) -> Request {
    /// `MNT_ID_REQ_SIZE_VER1`.
    const SIZE: u32 = 32;
    Request { size: SIZE, spare: 0, mount, parameter, namespace }
}

fn configure(context: RawFd, command: u32) -> Result<(), Errno> {
    let nothing = std::ptr::null::<libc::c_char>();
    // SAFETY: these commands take neither key nor value.
    Errno::result(unsafe { libc::syscall(SYS_FSCONFIG, context, command, nothing, nothing, 0) }).map(drop)
}

fn descriptor(result: c_long) -> Result<OwnedFd, Errno> {
    let number = Errno::result(result)?;
    let number = RawFd::try_from(number).map_err(|_| Errno::EOVERFLOW)?;
    // SAFETY: the kernel has just given it to this process, and nobody else knows of it.
    Ok(unsafe { OwnedFd::from_raw_fd(number) })
}
