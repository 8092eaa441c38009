//! Whether this machine's clock can be right. A clock that stands years back, as on a board without a battery, would
//! make everything look fresh; one that cannot be right is told apart from a document that is too old.

use super::{CLOCK_TOLERANCE, TrustError};
use crate::moment::Moment;

/// 2026-01-01T00:00:00Z: there was no qus before.
const FIRST: Moment = Moment(1_767_225_600);

/// A moment that is certainly past: when this program was built, if its builder said so by `SOURCE_DATE_EPOCH`. The clock
/// of the building machine is not asked, so that the same sources give the same program.
pub fn built() -> Moment {
    let epoch = option_env!("SOURCE_DATE_EPOCH").and_then(|seconds| seconds.parse().ok());
    epoch.map_or(FIRST, |seconds| Moment(seconds).max(FIRST))
}

/// Fails if `now` is before `since`, when `what` came to pass: then the clock is wrong.
pub fn check(now: Moment, since: Moment, what: &'static str) -> Result<(), TrustError> {
    if now.plus(CLOCK_TOLERANCE) < since { Err(TrustError::ClockBehind { now, since, what }) } else { Ok(()) }
}
