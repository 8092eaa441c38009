//! Effects: the only part of qus that touches the machine.
#![expect(clippy::disallowed_methods, reason = "this is the layer that `clippy.toml` keeps effects in")]

pub mod apply;
pub mod configuration;
pub mod emulators;
pub mod fetch;
pub mod interrupt;
pub mod journal;
pub mod kernel;
pub mod lock;
pub mod lodging;
mod mounts;
pub mod observe;
pub mod output;
pub mod prove;
pub mod root;
pub mod store;
pub mod surroundings;
pub mod unpack;
pub mod watch;

use std::time::SystemTime;

use crate::moment::Moment;
use crate::rooted::RootedPath;

/// The user's home.
pub fn home() -> Option<RootedPath> {
    let home = std::env::var("HOME").ok()?;
    RootedPath::try_from(home.trim_end_matches('/').to_owned()).ok()
}

/// The time by this machine's clock. Read once a run, so that everything is judged by one moment.
pub fn now() -> Moment {
    Moment::from(SystemTime::now())
}
