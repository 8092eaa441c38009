//! The time of day where this machine stands.

use crate::moment::Moment;

/// Minutes since midnight at `now`, in the local time that `TZ` or `/etc/localtime` tells.
pub fn minute_of_day(now: Moment) -> u16 {
    let Ok(seconds) = nix::libc::time_t::try_from(now.0) else { return 0 };
    let mut broken_down = std::mem::MaybeUninit::uninit();
    // SAFETY: both pointers are good for the call. Where it succeeds it has filled all of what the second points to.
    let local = unsafe {
        if nix::libc::localtime_r(&raw const seconds, broken_down.as_mut_ptr()).is_null() {
            return 0;
        }
        broken_down.assume_init()
    };
    u16::try_from(local.tm_hour * 60 + local.tm_min).unwrap_or(0)
}
