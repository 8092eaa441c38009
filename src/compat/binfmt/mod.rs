//! `binfmt` of tonistiigi, which registers emulators, and that of linuxkit, which applies a folder of rules: told
//! apart by `-dir`.

mod deed;
mod linuxkit;
mod platforms;
mod tonistiigi;
mod words;

use std::path::PathBuf;

use thiserror::Error;

pub use deed::{Deed, Usage};
pub use linuxkit::{BadLine, rules};
pub use platforms::{candidates, supported};
pub use words::BadWords;

use crate::cli::Global;
use crate::commands::{Context, Failure};
use crate::conflict::Conflict;
use crate::exit::{Exit, Explain};
use crate::moment::Moment;
use crate::system::environment::Environment;
use crate::system::kernel::is_table;
use crate::system::root::FileError;
use crate::ui::Ui;

/// What `--help` tells.
const HELP: &str = "\
Usage: binfmt [--uninstall LIST] [--install LIST] [--mount DIR]
       binfmt --version
       binfmt -dir DIR [-mount DIR]

qus in place of tonistiigi/binfmt and of linuxkit's binfmt. Without options it
prints what runs here, and which entries there are.

  --install LIST    register emulators: all, or platforms such as
                    arm64,linux/arm/v7
  --uninstall LIST  take entries away: names, platforms, patterns such as
                    'qemu-*'; never anybody else's
  --mount DIR       where binfmt_misc is mounted, if not where it usually is
  --version         print the version of the emulators
  -dir DIR          apply every rule of the files in DIR

  QEMU_BINARY_PATH     where the emulators lie (/usr/bin)
  QEMU_BINARY_PREFIX   what their names and their entries' names begin with
  QEMU_PRESERVE_ARGV0  whatever its value: programs see the name they were
                       called by
  QUS_CREDENTIALS      no: set-uid programs do not run with their owner's rights
";

#[derive(Debug, Error)]
#[error(transparent)]
enum Error {
    Words(#[from] BadWords),
    Line(#[from] BadLine),
    Failure(#[from] Failure),
    #[error("an emulator is registered and does not run: {0}")]
    DoesNotRun(String),
}

impl From<Usage> for Error {
    fn from(usage: Usage) -> Error {
        match usage {
            Usage::Words(bad) => bad.into(),
            Usage::Selection(bad) => Failure::from(bad).into(),
        }
    }
}

impl From<FileError> for Error {
    fn from(error: FileError) -> Error {
        Failure::from(error).into()
    }
}

impl Explain for Error {
    fn exit(&self) -> Exit {
        match self {
            Error::Words(_) => Exit::Usage,
            Error::Line(_) => Exit::Failed,
            Error::Failure(failure) => failure.exit(),
            Error::DoesNotRun(_) => Exit::DoesNotRun,
        }
    }

    fn help(&self) -> Option<String> {
        match self {
            Error::Words(_) => Some("binfmt --help".to_owned()),
            Error::Line(_) | Error::DoesNotRun(_) => None,
            Error::Failure(Failure::NoEmulators { .. } | Failure::Conflict(Conflict::UnfitEmulator { .. })) => {
                Some("QEMU_BINARY_PATH names the directory of static emulators of this machine".to_owned())
            }
            Error::Failure(failure) => failure.help(),
        }
    }
}

pub(super) fn run(words: &[String], environment: &Environment, now: Moment) -> Exit {
    let global = super::global(environment);
    let ui = Ui::new(&global);
    let done = Deed::parse(words, environment).map_err(Error::from).and_then(|deed| match deed {
        Deed::Help => {
            ui.result(HELP.trim_end());
            Ok(Exit::Done)
        }
        Deed::Version(source) => tonistiigi::version(&source, &context(global, None, ui, now)?),
        Deed::Emulators { mount, dismissal, registration } => {
            tonistiigi::emulators(dismissal.as_ref(), registration.as_deref(), &context(global, mount, ui, now)?)
        }
        Deed::Rules { mount, directory } => linuxkit::apply(&directory, &context(global, mount, ui, now)?),
    });
    done.unwrap_or_else(|error| {
        ui.error_last(&error);
        error.exit()
    })
}

/// A table that is mounted where it was said to be is the one that is meant. One that is not is found, or mounted
/// where it stays.
fn context(global: Global, mount: Option<PathBuf>, ui: Ui, now: Moment) -> Result<Context, Error> {
    let binfmt_misc = mount.filter(|directory| is_table(directory)).or_else(|| global.binfmt_misc.clone());
    Ok(Context::new(Global { binfmt_misc, ..global }, ui, now)?)
}
