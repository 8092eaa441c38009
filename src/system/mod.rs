//! Effects: the only part of qus that touches the machine.
#![expect(clippy::disallowed_methods, reason = "this is the layer that `clippy.toml` keeps effects in")]

pub mod apply;
pub mod emulators;
pub mod fetch;
pub mod interrupt;
pub mod journal;
pub mod kernel;
pub mod lock;
pub mod namespace;
pub mod observe;
pub mod prove;
pub mod root;
pub mod store;
pub mod unpack;

use std::time::SystemTime;

use crate::moment::Moment;

/// The time by this machine's clock. Read once a run, so that everything is judged by one moment.
pub fn now() -> Moment {
    Moment::from(SystemTime::now())
}
