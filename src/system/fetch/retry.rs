//! Asking again: what passes is waited out, longer each time.

use std::time::{Duration, Instant};

use super::{FetchError, Limits, notes};
use crate::system::interrupt;

/// How soon an interrupt is noticed.
pub(super) const GLANCE: Duration = Duration::from_millis(50);

/// The attempts at one file of one source.
#[derive(Debug)]
pub(super) struct Retry {
    limits: Limits,
    until: Option<Instant>,
    in_vain: u32,
    connections: u32,
}

impl Retry {
    /// For a file that has to be there at `until`, if there is such a moment.
    pub(super) fn new(limits: Limits, until: Option<Instant>) -> Retry {
        Retry { limits, until, in_vain: 0, connections: 0 }
    }

    /// The last attempt brought something: the next failure is a first one again.
    pub(super) fn progressed(&mut self) {
        self.in_vain = 0;
    }

    /// Waits for a moment in which `error` may have passed. Gives it back if that would be in vain.
    pub(super) fn wait(&mut self, error: FetchError) -> Result<(), FetchError> {
        self.in_vain += 1;
        self.connections += 1;
        if !error.passes() || self.in_vain >= self.limits.attempts || self.connections >= self.limits.connections {
            return Err(error);
        }
        let mut wait = jittered(self.limits.backoff.saturating_mul(1 << (self.in_vain - 1).min(16)));
        if let FetchError::Busy { wait: Some(asked), .. } = &error {
            if *asked > self.limits.retry_after {
                return Err(error);
            }
            wait = wait.max(*asked);
        }
        if self.until.is_some_and(|until| Instant::now() + wait >= until) {
            return Err(error);
        }
        notes::tell(&format!("{error}; trying again in {:.1} seconds", wait.as_secs_f64()));
        pause(wait)
    }
}

/// Somewhere between half of `wait` and the whole, so that many machines do not come back at once.
fn jittered(wait: Duration) -> Duration {
    wait.mul_f64(0.5 + fastrand::f64() / 2.0)
}

/// Waits, unless it is interrupted.
fn pause(wait: Duration) -> Result<(), FetchError> {
    let until = Instant::now() + wait;
    loop {
        if interrupt::asked() {
            return Err(FetchError::Interrupted);
        }
        match until.saturating_duration_since(Instant::now()) {
            Duration::ZERO => return Ok(()),
            left => std::thread::sleep(left.min(GLANCE)),
        }
    }
}
