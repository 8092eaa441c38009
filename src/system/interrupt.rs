//! Ctrl-C and a polite end: noticed between two steps, so that what was begun is undone at once.

use std::sync::atomic::{AtomicBool, Ordering};

use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, Signal, sigaction};

static ASKED: AtomicBool = AtomicBool::new(false);

extern "C" fn ask(_: i32) {
    ASKED.store(true, Ordering::Relaxed);
}

/// From now on SIGINT, SIGTERM and SIGHUP are noted; a second one ends the process, whose journal
/// then tells the next one what to undo.
pub fn catch() {
    let action = SigAction::new(SigHandler::Handler(ask), SaFlags::SA_RESETHAND | SaFlags::SA_RESTART, SigSet::empty());
    for signal in [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP] {
        // SAFETY: the handler does nothing but store to an atomic.
        let caught = unsafe { sigaction(signal, &action) };
        // Only an invalid signal number is refused, and these are valid.
        debug_assert!(caught.is_ok());
    }
}

/// Whether the process was asked to end.
pub fn asked() -> bool {
    ASKED.load(Ordering::Relaxed)
}
