//! Repositories that fail, beside others that do not.

use super::super::{Context, Failure};
use super::document::Failed;
use crate::exit::{Exit, Explain};
use crate::system::apply::ApplyError;
use crate::system::interrupt;

/// Whether what other repositories have is not to be kept from this machine by one that fails so. What is left half done
/// must be cleared up first, and who interrupted it means all of it.
pub(super) fn lets_others_go_on(failure: &Failure) -> bool {
    let is_whole = match failure {
        Failure::Store(_) | Failure::Conflict(_) => true,
        Failure::Apply(error) => matches!(error, ApplyError::Step(_)),
        _ => false,
    };
    is_whole && !interrupt::asked()
}

/// The repositories that failed.
#[derive(Default)]
pub(super) struct Failures {
    pub(super) told: Vec<Failed>,
    /// How the first of them did.
    pub(super) exit: Option<Exit>,
}

impl Failures {
    pub(super) fn add(&mut self, url: &str, failure: &Failure, context: &Context) {
        let (url, error, exit) = (url.to_owned(), failure.to_string(), failure.exit());
        // What is wrong with the machine is so for each of them.
        if self.told.iter().all(|told| told.error != error) {
            context.ui.error(failure);
        }
        context.ui.note(format!("nothing is updated from \"{url}\""));
        self.told.push(Failed { url, error, exit: exit as u8 });
        self.exit.get_or_insert(exit);
    }
}
