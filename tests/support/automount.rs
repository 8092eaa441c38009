//! What systemd does for binfmt_misc: an automount, which mounts it when somebody looks.

use std::fs::File;
use std::io::Read;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::process::Command;
use std::thread::JoinHandle;

use nix::mount::{MntFlags, MsFlags, mount, umount2};

use super::host::TABLE;

/// An automount at the usual place, for as long as this value lives.
pub(crate) struct Automount {
    directory: File,
    answering: Option<JoinHandle<()>>,
}

/// `struct autofs_v5_packet` (Linux tag v6.12, `include/uapi/linux/auto_fs.h`): its size, and where its token is.
const PACKET: usize = 304;
const TOKEN: std::ops::Range<usize> = 8..12;
/// `AUTOFS_IOC_READY`, `AUTOFS_IOC_FAIL` and `AUTOFS_IOC_CATATONIC` of `include/uapi/linux/auto_fs.h`.
const READY: nix::libc::Ioctl = 0x9360;
const FAIL: nix::libc::Ioctl = 0x9361;
const CATATONIC: nix::libc::Ioctl = 0x9362;

impl Automount {
    pub(crate) fn at_the_table() -> Automount {
        let (requests, answers): (OwnedFd, OwnedFd) = nix::unistd::pipe().unwrap();
        // Who is of this group sees the directory itself; all others wait until it is mounted.
        let group = nix::unistd::getpgrp();
        let options = format!("fd={},pgrp={group},minproto=5,maxproto=5,direct", answers.as_raw_fd());
        mount(Some("systemd-1"), TABLE, Some("autofs"), MsFlags::empty(), Some(options.as_str())).unwrap();
        drop(answers);
        let directory = File::open(TABLE).unwrap();
        let answered = directory.try_clone().unwrap();
        let answering = std::thread::spawn(move || answer(File::from(requests), &answered));
        Automount { directory, answering: Some(answering) }
    }
}

/// Mounts it when asked, until the kernel asks no more.
fn answer(mut requests: File, directory: &File) {
    let mut packet = [0; PACKET];
    while requests.read_exact(&mut packet).is_ok() {
        let mounted = mount(Some("binfmt_misc"), TABLE, Some("binfmt_misc"), MsFlags::empty(), None::<&str>);
        let token = u32::from_ne_bytes(packet[TOKEN].try_into().unwrap());
        // SAFETY: both calls take a number.
        unsafe {
            nix::libc::ioctl(directory.as_raw_fd(), if mounted.is_ok() { READY } else { FAIL }, u64::from(token));
        }
    }
}

/// A program whom the automount makes wait.
pub(crate) fn outsider(program: &str) -> Command {
    let mut command = Command::new(program);
    command.process_group(0);
    command
}

impl Drop for Automount {
    fn drop(&mut self) {
        // SAFETY: the call takes no argument. The kernel asks nothing more then, which ends the thread.
        unsafe { nix::libc::ioctl(self.directory.as_raw_fd(), CATATONIC, 0) };
        // The table that it mounted, if it did, and then itself.
        while umount2(TABLE, MntFlags::MNT_DETACH).is_ok() {}
        if let Some(answering) = self.answering.take() {
            let _ = answering.join();
        }
    }
}
