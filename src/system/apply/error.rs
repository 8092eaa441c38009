//! Why a plan was not applied, and what to do about it.

use thiserror::Error;

use super::super::journal::JournalError;
use super::super::kernel::KernelError;
use super::super::root::FileError;
use super::super::store::StoreError;
use super::super::trial::TrialError;
use super::super::unpack::UnpackError;
use crate::exit::{Exit, Explain};
use crate::rooted::RootedPath;

/// Why a plan was not applied.
#[derive(Debug, Error)]
#[error(transparent)]
#[expect(missing_docs, reason = "each says itself what it means")]
pub enum ApplyError {
    Step(#[from] StepError),
    Journal(#[from] JournalError),
    #[error("{cause}; and undoing what was done failed: {undo}")]
    NotUndone {
        cause: String,
        undo: StepError,
        journal: RootedPath,
    },
    #[error("all of it is done, but clearing up behind it failed: {error}")]
    NotCleared {
        error: StepError,
        journal: RootedPath,
    },
}

/// Why a step failed.
#[derive(Debug, Error)]
#[error(transparent)]
#[expect(missing_docs, reason = "each is the error it holds")]
pub enum StepError {
    File(#[from] FileError),
    Kernel(#[from] KernelError),
    Store(#[from] StoreError),
    Unpack(#[from] UnpackError),
    Trial(#[from] TrialError),
    #[error("interrupted; nothing is changed")]
    Interrupted,
    #[error("this plan was made for another machine")]
    WrongMachine,
}

impl Explain for StepError {
    fn exit(&self) -> Exit {
        match self {
            StepError::File(error) => error.exit(),
            StepError::Kernel(error) => error.exit(),
            StepError::Store(error) => error.exit(),
            StepError::Unpack(error) => error.exit(),
            StepError::Trial(error) => error.exit(),
            StepError::Interrupted | StepError::WrongMachine => Exit::Failed,
        }
    }

    fn help(&self) -> Option<String> {
        match self {
            StepError::File(error) => error.help(),
            StepError::Kernel(error) => error.help(),
            StepError::Store(error) => error.help(),
            StepError::Unpack(error) => error.help(),
            StepError::Trial(error) => error.help(),
            StepError::Interrupted | StepError::WrongMachine => None,
        }
    }
}

impl Explain for ApplyError {
    fn exit(&self) -> Exit {
        match self {
            ApplyError::Step(error) => error.exit(),
            ApplyError::Journal(JournalError::File(error)) => error.exit(),
            ApplyError::Journal(_) | ApplyError::NotUndone { .. } | ApplyError::NotCleared { .. } => Exit::NotUndone,
        }
    }

    fn help(&self) -> Option<String> {
        match self {
            ApplyError::Step(error) => error.help(),
            ApplyError::Journal(JournalError::File(error)) => error.help(),
            ApplyError::Journal(JournalError::Unreadable { path, .. }) => {
                Some(format!("look at it, then move it away: {path}; qus status tells what is installed"))
            }
            ApplyError::NotUndone { journal, .. } => Some(format!(
                "mend what is in the way, then run any qus command that changes something: it undoes the rest by its journal {journal}"
            )),
            ApplyError::NotCleared { journal, .. } => Some(format!(
                "mend what is in the way, then run any qus command that changes something: it clears up by the journal {journal}"
            )),
        }
    }
}
