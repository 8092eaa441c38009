//! Older tongues: called by the name of a tool that it stands in for, qus speaks that tool's language.
//!
//! Each tongue turns its own words and variables into what the main command line turns its own into
//! ([`crate::wanted`]), hands that to the same verbs, and tells what came of it in its own words. Nothing else is
//! decided here. `docs/tongues/` has every word of each, with what it means to qus and where that differs on purpose.

pub mod binfmt;
pub mod conf_sh;
pub mod register_sh;
pub mod usage;

use std::ffi::{OsStr, OsString};
use std::path::Path;

use self::usage::Usage;
use crate::cli::Global;
use crate::exit::{Exit, Explain};
use crate::moment::Moment;
use crate::system::environment::Environment;
use crate::ui::Ui;

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

    /// Does what was typed, without the name of the program, as it is meant in it.
    pub fn speak(self, typed: &[OsString], environment: &Environment, now: Moment) -> Exit {
        let words = match texts(typed, environment) {
            Ok(words) => words,
            Err(usage) => {
                Ui::new(&global(environment)).error_last(&usage);
                return usage.exit();
            }
        };
        match self {
            Tongue::RegisterSh => register_sh::run(&words, environment, now),
            Tongue::ConfSh => conf_sh::run(&words, environment, now),
            Tongue::Binfmt => binfmt::run(&words, environment, now),
        }
    }
}

/// What was typed, as text: a path that is none would become another one.
fn texts(typed: &[OsString], environment: &Environment) -> Result<Vec<String>, Usage> {
    /// What the names of the variables begin with that the tools read.
    const READ: [&str; 4] = ["QEMU_", "QUS_CREDENTIALS", "EXPORTDIR", "HOST_ARCH"];
    let mut odd = environment.odd().filter(|name| READ.iter().any(|read| name.starts_with(read)));
    if let Some(name) = odd.next() {
        return Err(Usage::NoText(name.to_owned()));
    }
    let text = |word: &OsString| {
        word.to_str().map(str::to_owned).ok_or_else(|| Usage::NoText(word.to_string_lossy().into_owned()))
    };
    typed.iter().map(text).collect()
}

/// As the variables of qus say. The tools speak their own language, which is not JSON; and none ever locked anybody
/// out, so several may be started at once.
fn global(environment: &Environment) -> Global {
    /// In seconds: longer than any change of the kernel's table takes.
    const PATIENCE: u64 = 60;
    let mut global = Global { json: false, ..Global::of_environment() };
    if environment.get("QUS_WAIT_LOCK").is_none() {
        global.wait_lock = PATIENCE;
    }
    global
}
