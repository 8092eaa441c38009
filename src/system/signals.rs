//! Signals as this program needs them, whatever whoever started it has left behind.

use nix::sys::signal::{SigHandler, SigSet, SigmaskHow, Signal, signal, sigprocmask};

/// Those on which it depends: that children have ended, that they are ended when their time is over, and that a traced
/// one stops.
const NEEDED: [Signal; 3] = [Signal::SIGCHLD, Signal::SIGALRM, Signal::SIGTRAP];

/// Gives them their usual meaning. A caller may have ignored or held them back, and both outlive `execve(2)`: with
/// SIGCHLD ignored nobody learns how a child ended, with SIGALRM held back an emulator that hangs is never ended, and
/// with SIGTRAP held back a traced program runs.
pub fn make_usual() {
    for needed in NEEDED {
        // Only a filter of system calls could refuse it, and then they stay what they are.
        // SAFETY: it takes away handlers, of which there are none yet.
        let _ = unsafe { signal(needed, SigHandler::SigDfl) };
    }
    let needed: SigSet = NEEDED.into_iter().collect();
    let _ = sigprocmask(SigmaskHow::SIG_UNBLOCK, Some(&needed), None);
}
