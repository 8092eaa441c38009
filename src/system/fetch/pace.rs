//! How fast bytes have to come.

use std::time::{Duration, Instant};

use super::{FetchError, Limits};

/// Watches over one file of one source, however many connections it takes.
#[derive(Debug)]
pub(super) struct Pace {
    limits: Limits,
    until: Option<Instant>,
    spent: Duration,
    bytes: u64,
}

impl Pace {
    /// Of a document, all of which has to be there at `until`.
    pub(super) fn until(until: Instant, limits: Limits) -> Pace {
        Pace { limits, until: Some(until), spent: Duration::ZERO, bytes: 0 }
    }

    /// Of an asset, which may take as long as it keeps coming.
    pub(super) fn steady(limits: Limits) -> Pace {
        Pace { limits, until: None, spent: Duration::ZERO, bytes: 0 }
    }

    /// After a wait of `time`, `bytes` came from `url`. Time between two connections does not count.
    pub(super) fn waited(&mut self, time: Duration, bytes: u64, url: &str) -> Result<(), FetchError> {
        let Limits { document, rate, window, .. } = self.limits;
        if let Some(until) = self.until {
            let late = Instant::now() >= until;
            return if late { Err(FetchError::Late { url: url.to_owned(), limit: document }) } else { Ok(()) };
        }
        self.spent += time;
        self.bytes += bytes;
        if self.spent >= window {
            if u128::from(self.bytes) * 1000 < u128::from(rate) * self.spent.as_millis() {
                return Err(FetchError::Slow { url: url.to_owned(), rate });
            }
            (self.spent, self.bytes) = (Duration::ZERO, 0);
        }
        Ok(())
    }
}
