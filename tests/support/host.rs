//! This machine itself: its own table of binary formats, which is borrowed for a test and given back as it was.

use std::fs::{self, File};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;
use std::sync::{Mutex, MutexGuard};
use std::thread::sleep;
use std::time::{Duration, Instant};

use qus::program::Program;
use tempfile::TempDir;

use super::publisher::target;

pub(crate) const TABLE: &str = "/proc/sys/fs/binfmt_misc";

/// What tests register: nobody else does.
pub(crate) const TARGET: &str = "hexagon";

static TABLE_BORROWED: Mutex<()> = Mutex::new(());

/// The machine's table; nobody else's tests touch it for as long as this value lives.
pub(crate) struct Host {
    mounted_before: bool,
    /// Held with the lock of `/run` against other processes, with the mutex against other threads of this one.
    _directory: File,
    _thread: MutexGuard<'static, ()>,
}

impl Host {
    /// Fails where this machine's own table cannot be had: `scripts/test` then leaves these tests out, and says so.
    fn borrow() -> Host {
        assert!(nix::unistd::geteuid().is_root(), "this test changes the machine's table for a moment, and needs root");
        for (kind, initial) in [("user", "user:[4026531837]"), ("pid", "pid:[4026531836]")] {
            let namespace = fs::read_link(format!("/proc/self/ns/{kind}")).unwrap();
            assert_eq!(namespace, Path::new(initial), "this test needs a machine of its own, not a namespace on one");
        }
        // A test that failed has given back what it borrowed all the same.
        let thread = TABLE_BORROWED.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let directory = File::open("/run").unwrap();
        directory.lock().unwrap();
        // An automount of systemd's mounts it now.
        drop(fs::read_dir(TABLE));
        let host = Host { mounted_before: is_mounted(), _directory: directory, _thread: thread };
        assert!(!entries().contains(&entry()), "the machine itself has an entry \"{}\"", entry());
        host
    }

    /// With the table mounted.
    pub(crate) fn mounted() -> Host {
        let host = Host::borrow();
        host.mount();
        host
    }

    /// With the table not mounted; that cannot be had where it is, for every entry would go.
    pub(crate) fn unmounted() -> Host {
        let host = Host::borrow();
        assert!(!host.mounted_before, "this test needs a machine that has binfmt_misc not mounted");
        host
    }

    fn mount(&self) {
        if !self.mounted_before && !is_mounted() {
            sh(&format!("mount -t binfmt_misc binfmt_misc {TABLE}"));
        }
    }

    fn unmount(&self) {
        if !self.mounted_before && is_mounted() {
            sh(&format!("umount {TABLE}"));
        }
    }

    /// Whether what the tests register is registered, and runs. If the table is not mounted, it is looked at after
    /// everybody has let go of it.
    pub(crate) fn runs(&self) -> bool {
        if is_mounted() {
            return entries().contains(&entry()) && runs();
        }
        wait_until("nobody holds binfmt_misc", || !is_held());
        self.mount();
        let runs = entries().contains(&entry());
        self.unmount();
        runs
    }

    /// Takes back what was registered, and whether it is mounted; nobody's entries but the tests' own go.
    pub(crate) fn restore(&self, mounted: bool) {
        let file = Path::new(TABLE).join(entry());
        if file.exists() {
            fs::write(file, "-1").unwrap();
        }
        if mounted { self.mount() } else { self.unmount() }
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        self.restore(false);
    }
}

/// The entry of [`TARGET`].
pub(crate) fn entry() -> String {
    format!("qemu-{TARGET}")
}

/// Whether processes may go to where the machine's first process stands.
pub(crate) fn first_process_lets_in() -> bool {
    File::open("/proc/1/ns/mnt").is_ok()
}

/// Waits for what comes by itself.
pub(crate) fn wait_until(what: &str, is: impl Fn() -> bool) {
    let started = Instant::now();
    while !is() {
        assert!(started.elapsed() < Duration::from_secs(30), "in 30 seconds it did not come to pass that {what}");
        sleep(Duration::from_millis(20));
    }
}

/// Whether a program of [`TARGET`] is run: by the tests' emulator, which answers as a program of the machine does.
fn runs() -> bool {
    let folder = TempDir::new().unwrap();
    let program = folder.path().join("program");
    fs::write(&program, Program::of(target(TARGET)).elf).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    let status = Command::new(&program).status();
    status.is_ok_and(|status| status.code() == Some(Program::of(target("x86_64")).status))
}

/// What is registered, if it is mounted.
pub(crate) fn entries() -> Vec<String> {
    let names = fs::read_dir(TABLE).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<String> = names.filter(|name| name != "register" && name != "status").collect();
    names.sort();
    names
}

/// Whether the machine has it mounted where it is looked for.
pub(crate) fn is_mounted() -> bool {
    let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap();
    mounts.lines().any(|line| line.contains(&format!(" {TABLE} ")) && line.contains(" - binfmt_misc "))
}

/// Whether any mount namespace at all has it mounted: another instance cannot be made then.
fn is_held() -> bool {
    use nix::errno::Errno;
    use nix::libc::{SYS_fsconfig, SYS_fsopen, close, syscall};
    /// `FSCONFIG_CMD_CREATE_EXCL` (Linux tag v6.12, `include/uapi/linux/mount.h`).
    const CREATE_EXCL: u32 = 8;
    let nothing = std::ptr::null::<u8>();
    // SAFETY: the name is a C string, the command takes no arguments, and the descriptor is this function's own.
    unsafe {
        let context = Errno::result(syscall(SYS_fsopen, c"binfmt_misc".as_ptr(), 1)).unwrap();
        let created = Errno::result(syscall(SYS_fsconfig, context, CREATE_EXCL, nothing, nothing, 0));
        close(i32::try_from(context).unwrap());
        created == Err(Errno::EBUSY)
    }
}

pub(crate) fn sh(script: &str) {
    let status = Command::new("sh").args(["-ec", script]).status().unwrap();
    assert!(status.success(), "{script}");
}
