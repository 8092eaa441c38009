//! Where this process stands: which namespaces, which capabilities, in what kind of container.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use nix::mount::{MsFlags, mount};

use super::mountinfo::{self, AtFirst, Mount};

use crate::place::Place;
use crate::rule::KernelVersion;

/// `CAP_SYS_CHROOT` (Linux tag v6.12, `include/uapi/linux/capability.h`).
pub const CAP_SYS_CHROOT: u32 = 18;
/// `CAP_SYS_ADMIN`, from the same file.
pub const CAP_SYS_ADMIN: u32 = 21;

/// Whether this process has the capability, in its own user namespace.
pub fn capable(capability: u32) -> bool {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    status
        .lines()
        .find_map(|line| line.strip_prefix("CapEff:"))
        .and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok())
        .is_some_and(|mask| mask >> capability & 1 == 1)
}

/// What the running kernel calls its release; nothing where `/proc` does not say.
pub fn kernel_release() -> String {
    fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default().trim().to_owned()
}

/// The running kernel, if `/proc` says.
pub fn kernel_version() -> Option<KernelVersion> {
    KernelVersion::parse(&kernel_release())
}

/// Looks around.
pub fn place() -> Place {
    Place {
        user_namespace: in_other_user_namespace(),
        mount_namespace: !(sees_first_process() && shares_mounts_with_first_process()),
        container: container(),
        chroot: in_chroot(),
        wsl: Place::wsl_of(&kernel_release()),
    }
}

/// Whether the user namespace is another than the machine's: `PROC_USER_INIT_INO` (Linux tag v6.12,
/// `include/linux/proc_ns.h`).
pub fn in_other_user_namespace() -> bool {
    is_other_namespace("user", 0xEFFF_FFFD)
}

/// Whether the process namespace is the machine's, so that process 1 is the machine's first: `PROC_PID_INIT_INO`, from
/// the same file.
pub(super) fn sees_first_process() -> bool {
    !is_other_namespace("pid", 0xEFFF_FFFC)
}

fn is_other_namespace(kind: &str, initial: u64) -> bool {
    fs::metadata(format!("/proc/self/ns/{kind}")).is_ok_and(|namespace| namespace.ino() != initial)
}

/// Whether a mount made here is made for the whole machine: in the mount namespace of its first process.
pub fn is_host() -> bool {
    !in_other_user_namespace() && sees_first_process() && shares_mounts_with_first_process()
}

/// Where the first process is protected, its namespaces are not told, but its mounts are. They are numbered across all
/// namespaces, so two processes that see one of the same number are in the same namespace, also if one is in a chroot.
fn shares_mounts_with_first_process() -> bool {
    let namespace = |process| fs::metadata(format!("/proc/{process}/ns/mnt")).map(|namespace| namespace.ino());
    if let (Ok(own), Ok(first)) = (namespace("self"), namespace("1")) {
        return own == first;
    }
    let AtFirst { own, first } = mountinfo::at_first();
    let numbers = |mounts: &[Mount]| -> BTreeSet<u64> { mounts.iter().map(|mount| mount.number).collect() };
    !numbers(own).is_disjoint(&numbers(first))
}

/// Which container this is, by the marks that its runtime leaves (systemd tag v257, `src/basic/virt.c`).
fn container() -> Option<String> {
    // A machine whose root directory was made from a container's image bears the same marks.
    if is_host() || has_root_of_first_process() {
        return None;
    }
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

/// Whether the root directory is the same as that of the machine's first process, in whichever mount namespace.
fn has_root_of_first_process() -> bool {
    let AtFirst { own, first } = mountinfo::at_first();
    let root = |mounts| mountinfo::root(mounts).map(|mount| (&mount.device, &mount.root));
    sees_first_process() && root(own).is_some_and(|own| Some(own) == root(first))
}

/// A root directory that is the root of its mount is listed among the mounts; that of a chroot is so only if it was
/// mounted as a whole, and then it is not the first process's.
pub(super) fn in_chroot() -> bool {
    let identity = |path| fs::metadata(path).map(|root| (root.dev(), root.ino()));
    if let (Ok(own), Ok(first), true) = (identity("/"), identity("/proc/1/root/"), shares_mounts_with_first_process()) {
        return own != first;
    }
    let AtFirst { own, first } = mountinfo::at_first();
    match (mountinfo::root(own), mountinfo::root(first)) {
        // In another mount namespace the first process has another root directory.
        (Some(own), Some(first)) if shares_mounts_with_first_process() => own.number != first.number,
        (root, _) => root.is_none() && !own.is_empty(),
    }
}

/// Mounts this user namespace's table over whatever is mounted there.
pub fn mount_new_table(directory: &Path) -> std::io::Result<()> {
    let flags = MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_NOEXEC;
    Ok(mount(Some("binfmt_misc"), directory, Some("binfmt_misc"), flags, None::<&str>)?)
}

/// Whether the running kernel has binfmt_misc, built in, loaded, or as a module it could load; no answer where its
/// modules are not to be seen, as in a container.
pub fn kernel_has_binfmt_misc() -> Option<bool> {
    let has = |path: &str, word: &str| fs::read_to_string(path).is_ok_and(|text| text.contains(word));
    if has("/proc/filesystems", "binfmt_misc\n") {
        return Some(true);
    }
    let modules = format!("/lib/modules/{}", kernel_release());
    let listed =
        ["modules.dep", "modules.builtin"].iter().any(|file| has(&format!("{modules}/{file}"), "/binfmt_misc.ko"));
    if listed { Some(true) } else { Path::new(&modules).is_dir().then_some(false) }
}
