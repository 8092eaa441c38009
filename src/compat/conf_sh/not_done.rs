//! Failures, with the words that help in the tool's own tongue.

use thiserror::Error;

use crate::commands::Failure;
use crate::compat::usage::Usage;
use crate::conflict::Conflict;
use crate::exit::{Exit, Explain};

/// Who speaks: what is to be typed depends on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::compat) enum Tool {
    /// The script itself.
    Alone,
    /// `register.sh`.
    RegisterSh,
}

/// Why it was not done.
#[derive(Debug, Error)]
pub(in crate::compat) enum NotDone {
    /// It was not understood.
    #[error(transparent)]
    Usage(#[from] Usage),
    /// It failed.
    #[error(transparent)]
    Failure(#[from] Failure),
    /// There is no such emulator; the tool's own words say where there might be one.
    #[error("{0}")]
    NoEmulator(Failure, &'static str),
}

impl Explain for NotDone {
    fn exit(&self) -> Exit {
        match self {
            NotDone::Usage(usage) => usage.exit(),
            NotDone::Failure(failure) | NotDone::NoEmulator(failure, _) => failure.exit(),
        }
    }

    fn help(&self) -> Option<String> {
        match self {
            NotDone::Usage(usage) => usage.help(),
            NotDone::Failure(failure) => failure.help(),
            NotDone::NoEmulator(_, help) => Some((*help).to_owned()),
        }
    }
}

impl NotDone {
    pub(in crate::compat) fn of(failure: Failure, tool: Tool) -> NotDone {
        let is_missing =
            matches!(failure, Failure::NoEmulators { .. } | Failure::Conflict(Conflict::UnfitEmulator { .. }));
        match tool {
            _ if !is_missing => NotDone::Failure(failure),
            Tool::Alone => NotDone::NoEmulator(
                failure,
                "--qemu-path is the directory of the emulators, --qemu-suffix what their names end with, such as -static",
            ),
            Tool::RegisterSh => NotDone::NoEmulator(
                failure,
                "QEMU_BIN_DIR is the directory of the emulators; with -s their names end with -static",
            ),
        }
    }
}
