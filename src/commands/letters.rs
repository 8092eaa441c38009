//! How rules are to be written, as it was typed.

use super::Failure;
use crate::cli::{LettersArgs, Programs, YesNo};
use crate::rule::Match;
use crate::ui::Ui;
use crate::wanted::Letters;

/// The letters that were asked for, with the warnings that some of them need.
pub(super) fn letters(args: &LettersArgs, ui: Ui) -> Result<Letters, Failure> {
    let exactly = args.flags.as_deref().map(Letters::exactly).transpose()?;
    let programs = match args.programs {
        Programs::Elf => Match::Elf,
        Programs::AppImage => Match::AppImage,
    };
    let letters = Letters { exactly, credentials: args.credentials == YesNo::Yes, programs, ..Letters::default() };
    warn_of(&letters, ui);
    Ok(letters)
}

/// Says what letters bring with them that is not plain.
pub(crate) fn warn_of(letters: &Letters, ui: Ui) {
    if letters.credentials || letters.exactly.as_ref().is_some_and(|flags| flags.has('C')) {
        ui.warn(
            "with credentials, whoever can place a set-uid program of this target on the machine runs the emulator as its owner, root for instance",
        );
    }
    if letters.exactly.as_ref().is_some_and(|flags| !flags.has('F')) {
        ui.warn(
            "without F the emulator is looked for in the program's own root: containers and chroots do not have it",
        );
    }
}
