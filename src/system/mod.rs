//! Effects: the only part of qus that touches the machine.
#![expect(clippy::disallowed_methods, reason = "this is the layer that `clippy.toml` keeps effects in")]

pub mod apply;
pub mod attempt;
pub mod bundle;
pub mod configuration;
mod counted;
pub mod emulators;
pub mod environment;
pub mod examine;
pub mod fetch;
pub mod interrupt;
pub mod journal;
pub mod kernel;
pub mod libraries;
pub mod local_time;
pub mod lock;
pub mod lodging;
pub mod mountinfo;
mod mounts;
pub mod observe;
pub mod output;
pub mod packages;
mod probe_place;
pub mod processor;
pub mod prove;
pub mod root;
pub mod settings;
pub mod signals;
pub mod store;
pub mod surroundings;
pub mod table;
pub mod tool;
mod tool_owner;
pub mod trial;
pub mod unpack;
pub mod watch;
mod wide;

use std::os::unix::fs::MetadataExt;
use std::time::SystemTime;

use crate::moment::Moment;
use crate::rooted::RootedPath;

/// The user's home, if it is this user's: with another's, root would write where that one can lead it astray.
pub fn home() -> Option<RootedPath> {
    let home = std::env::var("HOME").ok()?;
    let owner = std::fs::metadata(&home).ok()?.uid();
    let home = RootedPath::try_from(home.trim_end_matches('/').to_owned()).ok()?;
    (owner == nix::unistd::geteuid().as_raw()).then_some(home)
}

/// The time by this machine's clock. Read once a run, so that everything is judged by one moment.
pub fn now() -> Moment {
    Moment::from(SystemTime::now())
}
