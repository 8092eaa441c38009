//! A repository at hand: what every verb does that asks one.

use super::{Context, Failure};
use crate::cli::VersionArgs;
use crate::observed::Observed;
use crate::plan::{Offer, Terms};
use crate::settings::Settings;
use crate::system::store::Store;
use crate::trust::{Memory, VerifiedIndex};
use crate::wanted::BadSelection;

/// A repository that was opened.
pub(super) struct Opened {
    pub(super) store: Store,
    pub(super) index: VerifiedIndex,
    /// What is to be remembered of it.
    pub(super) memory: Memory,
    terms: Terms,
}

impl Opened {
    /// Opens the repository at `url`, or the only one that is trusted. Its roots are remembered at once, whatever else
    /// comes of it.
    pub(super) fn at(
        url: Option<&str>,
        terms: &Terms,
        observed: &mut Observed,
        context: &Context,
    ) -> Result<Opened, Failure> {
        let memory = context.recall(observed.trust.as_deref())?;
        let store = Store::open(&context.root, url, context.global.offline, &memory, context.now)?;
        let memory = store.remember_root(&memory);
        context.remember(observed, &memory)?;
        Opened::indexed(store, &memory, terms, context)
    }

    /// The same, with nothing written down.
    pub(super) fn look(
        url: Option<&str>,
        terms: &Terms,
        observed: &Observed,
        context: &Context,
    ) -> Result<Opened, Failure> {
        let memory = context.recall(observed.trust.as_deref())?;
        let store = Store::open(&context.root, url, context.global.offline, &memory, context.now)?;
        Opened::indexed(store, &memory, terms, context)
    }

    fn indexed(store: Store, memory: &Memory, terms: &Terms, context: &Context) -> Result<Opened, Failure> {
        let (index, memory) = store.index(memory, context.now)?;
        Ok(Opened { store, index, memory, terms: terms.clone() })
    }

    /// What it offers.
    pub(super) fn offer(&self) -> Offer<'_> {
        Offer {
            index: self.index.index(),
            repository: self.store.url(),
            trust: self.memory.to_json(),
            terms: self.terms.clone(),
        }
    }
}

/// How use is to be made of repositories. What is typed goes before what was set.
pub(super) fn terms(args: &VersionArgs, settings: &Settings) -> Result<Terms, Failure> {
    let asked = args.channel.as_ref().map(|channel| channel.parse()).transpose().map_err(BadSelection::from)?;
    Ok(Terms { asked, usual: settings.channel.clone().unwrap_or_default(), keep: settings.keep })
}
