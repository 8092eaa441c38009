//! Where this process stands: which namespaces, which capabilities.

use std::collections::BTreeSet;
use std::fs;

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

/// Whether a mount made here is made for the whole machine: in the initial user and process
/// namespaces, and in the mount namespace of the machine's first process.
pub fn is_host() -> bool {
    /// `PROC_USER_INIT_INO` (Linux tag v6.12, `include/linux/proc_ns.h`).
    const INITIAL_USER: &str = "user:[4026531837]";
    /// `PROC_PID_INIT_INO`, from the same file.
    const INITIAL_PID: &str = "pid:[4026531836]";
    let is = |link: &str, name: &str| fs::read_link(link).is_ok_and(|to| to.as_os_str() == name);
    is("/proc/self/ns/user", INITIAL_USER) && is("/proc/self/ns/pid", INITIAL_PID) && shares_mounts_with_first_process()
}

/// Mounts are numbered across all namespaces, so two processes that see one of the same number are
/// in the same namespace, also if one is in a chroot. The link `/proc/1/ns/mnt` would say it more
/// directly, but may not be read where the first process is protected.
fn shares_mounts_with_first_process() -> bool {
    let numbers = |path: &str| -> BTreeSet<String> {
        let text = fs::read_to_string(path).unwrap_or_default();
        text.lines().filter_map(|line| line.split(' ').next()).map(str::to_owned).collect()
    };
    !numbers("/proc/1/mountinfo").is_disjoint(&numbers("/proc/self/mountinfo"))
}

/// Whether the running kernel has binfmt_misc, built in, loaded, or as a module it could load.
pub fn kernel_has_binfmt_misc(release: &str) -> bool {
    let has = |path: &str, word: &str| fs::read_to_string(path).is_ok_and(|text| text.contains(word));
    has("/proc/filesystems", "binfmt_misc\n")
        || ["modules.dep", "modules.builtin"]
            .iter()
            .any(|file| has(&format!("/lib/modules/{release}/{file}"), "/binfmt_misc.ko"))
}
