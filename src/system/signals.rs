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
        // SAFETY: it takes away handlers, of which there are none yet.
        let usual = unsafe { signal(needed, SigHandler::SigDfl) };
        // Only an invalid signal number is refused, and these are valid.
        debug_assert!(usual.is_ok());
    }
    let needed: SigSet = NEEDED.into_iter().collect();
    let usual = sigprocmask(SigmaskHow::SIG_UNBLOCK, Some(&needed), None);
    debug_assert!(usual.is_ok());
}
