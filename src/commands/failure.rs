//! Why commands fail, and what to type then.

use std::path::PathBuf;

use thiserror::Error;

use crate::conflict::Conflict;
use crate::diagnosis::PAGES;
use crate::exit::{Exit, Explain};
use crate::plan::{CannotBundle, ToolRefusal};
use crate::rule::BadRule;
use crate::system::apply::ApplyError;
use crate::system::bundle::BundleError;
use crate::system::lock::LockError;
use crate::system::lodging::LodgingError;
use crate::system::observe::ObserveError;
use crate::system::root::FileError;
use crate::system::settings::SettingsError;
use crate::system::store::StoreError;
use crate::target::{Target, UnknownTarget};
use crate::wanted::BadSelection;

/// Why a command failed.
#[derive(Debug, Error)]
#[error(transparent)]
#[expect(missing_docs, reason = "each is the error it holds")]
pub enum Failure {
    Selection(#[from] BadSelection),
    Rule(#[from] BadRule),
    Conflict(#[from] Conflict),
    Lock(#[from] LockError),
    Observe(#[from] ObserveError),
    Store(#[from] StoreError),
    Apply(#[from] ApplyError),
    File(#[from] FileError),
    Settings(#[from] SettingsError),
    SelfUpdate(#[from] ToolRefusal),
    #[error("\"{0}\" is not a version such as 1.2.3")]
    NotAVersion(String),
    #[error("this qus is not sound: {0}")]
    Unsound(String),
    #[error("--interpreter is the emulator of one target, but several are named")]
    OneInterpreter,
    #[error("the kernel's table is the running system's: it cannot be changed in an image, nor for one user")]
    ImageHasNoKernel,
    #[error("HOME names no directory of this user: --user keeps to the user's own home")]
    NoHome,
    Lodging(#[from] LodgingError),
    Bundle(Box<BundleError>),
    CannotBundle(#[from] CannotBundle),
    #[error("binfmt_misc is not mounted at \"{}\"", .0.display())]
    NoTable(PathBuf),
    #[error("there is no cause \"{0}\"")]
    NoSuchCause(String),
    #[error("\"{}\" has a name that is no text in UTF-8", .0.display())]
    NotText(PathBuf),
    #[error("no program is found in \"{}\"", .0.display())]
    NoProgramIn(PathBuf),
    #[error("no emulator is called \"{directory}/{prefix}qemu-TARGET{suffix}\"")]
    NoEmulators {
        directory: String,
        prefix: String,
        suffix: String,
    },
    #[error("packages are installed for everybody, not for one user")]
    PackagesOfUser,
    #[error("no emulator is installed that could be exported")]
    NothingToExport,
    #[error("the kernel does not let changes be watched: {0}")]
    Watch(std::io::Error),
}

impl Failure {
    fn explained(&self) -> Option<&dyn Explain> {
        Some(match self {
            Failure::Conflict(error) => error,
            Failure::Lock(error) => error,
            Failure::Observe(error) => error,
            Failure::Store(error) => error,
            Failure::Apply(error) => error,
            Failure::File(error) => error,
            Failure::Settings(error) => error,
            Failure::SelfUpdate(error) => error,
            Failure::Lodging(error) => error,
            Failure::Bundle(error) => &**error,
            Failure::CannotBundle(error) => error,
            Failure::Selection(_)
            | Failure::NotAVersion(_)
            | Failure::Unsound(_)
            | Failure::Rule(_)
            | Failure::OneInterpreter
            | Failure::NoHome
            | Failure::NoTable(_)
            | Failure::NoEmulators { .. }
            | Failure::NothingToExport
            | Failure::NoSuchCause(_)
            | Failure::NoProgramIn(_)
            | Failure::NotText(_)
            | Failure::Watch(_)
            | Failure::PackagesOfUser
            | Failure::ImageHasNoKernel => return None,
        })
    }
}

impl Explain for Failure {
    fn exit(&self) -> Exit {
        match self {
            Failure::NoTable(_) => Exit::Kernel,
            Failure::NoEmulators { .. }
            | Failure::NothingToExport
            | Failure::NoProgramIn(_)
            | Failure::NotText(_)
            | Failure::Unsound(_)
            | Failure::Watch(_) => Exit::Failed,
            _ => self.explained().map_or(Exit::Usage, Explain::exit),
        }
    }

    fn help(&self) -> Option<String> {
        match self {
            Failure::Selection(BadSelection::Target(UnknownTarget { nearest: Some(nearest), .. })) => {
                Some(format!("did you mean \"{nearest}\"?"))
            }
            Failure::Selection(BadSelection::Target(_)) => {
                let names: Vec<&str> = Target::all().map(Target::name).collect();
                Some(format!("targets are {}", names.join(", ")))
            }
            Failure::NoTable(_) => Some("leave out --binfmt-misc: it is found wherever it is mounted".to_owned()),
            Failure::NoEmulators { .. } => {
                Some("name the directory with --path, and what the names end with by --suffix".to_owned())
            }
            Failure::NothingToExport => {
                Some("qus install TARGET, or name a directory of emulators with --path".to_owned())
            }
            Failure::NoSuchCause(_) => {
                let names: Vec<&str> = PAGES.iter().map(|page| page.id).collect();
                Some(format!("causes are {}", names.join(", ")))
            }
            Failure::NotText(_) => Some("make a link to it that has one, and examine that: ln -s FILE LINK".to_owned()),
            Failure::NoProgramIn(_) => Some("name one: qus doctor --root DIR FILE".to_owned()),
            Failure::ImageHasNoKernel => {
                Some("leave out --root and --user; for one user there is qus run TARGET -- COMMAND".to_owned())
            }
            _ => self.explained().and_then(Explain::help),
        }
    }
}
