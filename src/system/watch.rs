//! Waiting until somebody touches the kernel's table, a drop-in, or a mount.

use std::fs::File;
use std::io;
use std::os::fd::AsFd;
use std::path::Path;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, ppoll};
use nix::sys::inotify::{AddWatchFlags, InitFlags, Inotify};
use nix::sys::signal::{SigSet, SigmaskHow, Signal, sigprocmask};
use nix::sys::time::TimeSpec;

use super::interrupt;

/// How long nobody must have touched anything: systemd-binfmt deletes everything and registers it again, and is not to
/// be met half-way.
pub const QUIET: Duration = Duration::from_millis(150);

/// How long at most is waited for that.
const RESTLESS: Duration = Duration::from_millis(600);

/// Where somebody undoes every repair at once, repairs rest for this long.
const TRUCE: Duration = Duration::from_secs(30);

/// So many repairs in that time are a quarrel.
const QUARREL: usize = 10;

/// How often to look where the kernel tells nothing.
const POLL: Duration = Duration::from_millis(700);

/// How often to look all the same where it does: an emulator may be gone, a drop-in's directory new.
const LOOK: Duration = Duration::from_secs(30);

/// Waits. SIGINT, SIGTERM and SIGHUP are held back but for its waits, so that none is missed between two.
pub struct Watch {
    /// The kernel tells of every write to the table through whatever mount: `vfs_write` notifies of it (Linux tag
    /// v6.12, `fs/read_write.c`).
    changes: Option<Inotify>,
    /// Becomes exceptional when anything is mounted or unmounted (`mounts_poll` of `fs/proc_namespace.c`).
    mounts: Option<File>,
    outside: SigSet,
    repairs: Vec<Instant>,
    soon: bool,
}

impl Watch {
    /// Watches the table and the directory of drop-ins, as far as they are there.
    pub fn new(places: &[&Path]) -> io::Result<Watch> {
        let ends: SigSet = [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP].into_iter().collect();
        let mut outside = SigSet::empty();
        sigprocmask(SigmaskHow::SIG_BLOCK, Some(&ends), Some(&mut outside))?;
        for end in &ends {
            outside.remove(end);
        }
        Ok(Watch {
            changes: watch(places),
            mounts: File::open("/proc/self/mountinfo").ok(),
            outside,
            repairs: Vec::new(),
            soon: false,
        })
    }

    /// Watches these places from now on: what was mounted anew is another table.
    pub fn again(&mut self, places: &[&Path]) {
        self.changes = watch(places);
    }

    /// The next wait is a short one: another qus was at work.
    pub fn soon(&mut self) {
        self.soon = true;
    }

    /// Waits until something was touched and then nobody touches anything for a moment, or until it is time to look
    /// all the same, or a signal comes.
    pub fn wait(&mut self) -> io::Result<()> {
        let patience = if self.changes.is_some() && !std::mem::take(&mut self.soon) { LOOK } else { POLL };
        if !self.touched(patience)? {
            return Ok(());
        }
        let started = Instant::now();
        while started.elapsed() < RESTLESS && self.touched(QUIET)? {}
        Ok(())
    }

    /// Notes that something was repaired; whether that was so often that somebody must be undoing it.
    pub fn repaired(&mut self) -> bool {
        self.repairs.retain(|repair| repair.elapsed() < TRUCE);
        self.repairs.push(Instant::now());
        self.repairs.len() > QUARREL
    }

    /// Lets a quarrel rest: until a signal comes, or 30 seconds.
    pub fn rest(&mut self) -> io::Result<()> {
        self.repairs.clear();
        let until = Instant::now() + TRUCE;
        while let Some(left) = until.checked_duration_since(Instant::now()) {
            if interrupt::asked() {
                break;
            }
            self.touched(left)?;
        }
        Ok(())
    }

    /// Waits as long as `patience`; whether anything was touched.
    fn touched(&mut self, patience: Duration) -> io::Result<bool> {
        let mut files = Vec::new();
        files.extend(self.changes.as_ref().map(|changes| PollFd::new(changes.as_fd(), PollFlags::POLLIN)));
        files.extend(self.mounts.as_ref().map(|mounts| PollFd::new(mounts.as_fd(), PollFlags::POLLPRI)));
        let ready = match ppoll(&mut files, Some(TimeSpec::from(patience)), Some(self.outside)) {
            Ok(ready) => ready,
            Err(Errno::EINTR) => return Ok(false),
            Err(errno) => return Err(errno.into()),
        };
        if let Some(changes) = &self.changes {
            // Whatever it was, the table is read anew: what counts is that all of it was told.
            while changes.read_events().is_ok_and(|events| !events.is_empty()) {}
        }
        Ok(ready > 0)
    }
}

/// Nothing, if none of the places can be watched.
fn watch(places: &[&Path]) -> Option<Inotify> {
    let changes = Inotify::init(InitFlags::IN_CLOEXEC | InitFlags::IN_NONBLOCK).ok()?;
    let what = AddWatchFlags::IN_MODIFY
        | AddWatchFlags::IN_CREATE
        | AddWatchFlags::IN_DELETE
        | AddWatchFlags::IN_MOVE
        | AddWatchFlags::IN_CLOSE_WRITE
        | AddWatchFlags::IN_UNMOUNT;
    // The table comes first, and without it there is nothing to rely on.
    let watched = places.iter().map(|place| changes.add_watch(*place, what).is_ok()).collect::<Vec<_>>();
    watched.first().is_some_and(|table| *table).then_some(changes)
}
