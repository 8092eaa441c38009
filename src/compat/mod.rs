//! Older tongues: called by the name of a tool that it stands in for, qus speaks that tool's language.
//!
//! Each tongue turns its own words and variables into what the main command line turns its own into
//! ([`crate::wanted`]), hands that to the same verbs, and tells what came of it in its own words. Nothing else is
//! decided here. `docs/tongues/` has every word of each, with what it means to qus and where that differs on purpose.

pub mod binfmt;
pub mod conf_sh;
pub mod register_sh;
pub mod usage;

use std::ffi::OsStr;
use std::path::Path;

use crate::cli::Global;
use crate::exit::Exit;
use crate::moment::Moment;
use crate::system::environment::Environment;

/// A tool whose language is spoken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tongue {
    /// `register.sh` of dbhi/qus and of multiarch/qemu-user-static; `register` in their images.
    RegisterSh,
    /// `qemu-binfmt-conf.sh` of QEMU, and of the fork that dbhi/qus used.
    ConfSh,
    /// `binfmt` of tonistiigi and of linuxkit.
    Binfmt,
}

impl Tongue {
    /// The tongue of the tool by whose name, or path, the program was called; none if that is no such tool's.
    pub fn of(called: &OsStr) -> Option<Tongue> {
        match Path::new(called).file_name()?.to_str()? {
            "register.sh" | "register" => Some(Tongue::RegisterSh),
            "qemu-binfmt-conf.sh" => Some(Tongue::ConfSh),
            "binfmt" => Some(Tongue::Binfmt),
            _ => None,
        }
    }

    /// Does what `words`, without the name of the program, say in it.
    pub fn speak(self, words: &[String], environment: &Environment, now: Moment) -> Exit {
        match self {
            Tongue::RegisterSh => register_sh::run(words, environment, now),
            Tongue::ConfSh => conf_sh::run(words, environment, now),
            Tongue::Binfmt => binfmt::run(words, environment, now),
        }
    }
}

/// As the variables of qus say. No such tool ever locked anybody out, so several may be started at once.
fn global(environment: &Environment) -> Global {
    /// In seconds: longer than any change of the kernel's table takes.
    const PATIENCE: u64 = 60;
    let mut global = Global::of_environment();
    if environment.get("QUS_WAIT_LOCK").is_none() {
        global.wait_lock = PATIENCE;
    }
    global
}
