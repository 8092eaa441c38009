//! What was meant by what was typed.

mod dismissal;
mod letters;
mod selection;

pub use dismissal::{Dismissal, Meant};
pub use letters::Letters;
pub use selection::{BadSelection, Choice, Pick, Selection};

use std::path::PathBuf;

use crate::export::Format;
use crate::target::{Family, Target};

/// What may be done beside the obvious.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Consent {
    /// Emulate a named target even if the host runs it by itself.
    pub emulate_native: bool,
    /// Win over those whom somebody chose on purpose for a target.
    pub take_over: bool,
    /// Install an older version than there is.
    pub downgrade: bool,
    /// What is passed over without a word.
    pub pass_over: PassOver,
}

/// Targets that are passed over without a word, also if they are named, as older tools do with those of the host's own
/// family. Whatever it is, a target whose rule would take the host's own programs is among them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PassOver {
    /// None: that such a target cannot be had is an error.
    #[default]
    Nothing,
    /// What the host runs by itself, unless that is to be emulated.
    Native,
    /// This family.
    Family(Family),
    /// This one.
    Target(Target),
}

/// Where the emulators lie that are to be registered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// Where qus installed them.
    Installed,
    /// The emulator of the one target that is named.
    File(String),
    /// The files of a directory that are called the prefix, `qemu-TARGET` and the suffix.
    Folder {
        /// The directory.
        directory: String,
        /// What the names begin with.
        prefix: String,
        /// What the names end with, such as `-static`.
        suffix: String,
    },
    /// Files called so in the root directory of each program. They need not be here, but of all targets those that
    /// have one here are meant, if there is any.
    Elsewhere {
        /// The directory.
        directory: String,
        /// What the names end with.
        suffix: String,
    },
}

impl Source {
    /// Path of the emulator of `target` in a folder, whether or not it is there.
    pub fn in_folder(&self, target: Target) -> Option<String> {
        let Source::Folder { directory, prefix, suffix } = self else { return None };
        let directory = directory.trim_end_matches('/');
        Some(format!("{directory}/{prefix}qemu-{}{suffix}", target.emulated_by()))
    }
}

/// What is to be registered, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Registration {
    /// Of which targets.
    pub selection: Selection,
    /// Which emulators.
    pub source: Source,
    /// By what rules.
    pub letters: Letters,
    /// What may be done beside the obvious.
    pub consent: Consent,
}

/// Configuration that is to be written for others to load, whether or not the emulators are here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Export {
    /// Who is to load it.
    pub format: Format,
    /// Where to write it.
    pub directory: PathBuf,
    /// Of which targets.
    pub targets: Vec<Target>,
    /// The directory of the emulators.
    pub emulators: String,
    /// What their names end with.
    pub suffix: String,
    /// By what rules.
    pub letters: Letters,
}
