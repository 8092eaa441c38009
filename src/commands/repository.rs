//! A repository at hand: what every verb does that asks one.

use super::{Context, Failure, Report, bundle, tell};
use crate::channel::Channel;
use crate::cli::{FromArgs, VersionArgs};
use crate::news::News;
use crate::observed::Observed;
use crate::plan::{Offer, Plan, Terms};
use crate::release::Index;
use crate::settings::Settings;
use crate::system::store::{Followed, Store};
use crate::trust::{Memory, VerifiedIndex};
use crate::wanted::BadSelection;

/// A repository that was opened.
pub(super) struct Opened {
    pub(super) store: Store,
    index: Index,
    /// What is to be remembered of it.
    pub(super) memory: Memory,
    terms: Terms,
}

impl Opened {
    /// Opens the repository at `url`, or the only one that is trusted, or what there is of it in a bundle. Its roots are
    /// remembered at once, whatever else comes of it.
    pub(super) fn at(
        url: Option<&str>,
        from: &FromArgs,
        terms: &Terms,
        observed: &mut Observed,
        context: &Context,
    ) -> Result<Opened, Failure> {
        let memory = context.recall(observed.trust.as_deref())?;
        if let Some((store, index, memory)) = bundle::open(from, observed, &memory, context)? {
            return Ok(Opened::of(store, &index, memory, terms));
        }
        let followed = Followed::at(&context.root, url, context.global.offline, &memory, context.now)?;
        let (store, index, memory) = context.believe(followed, observed, &memory)?;
        Ok(Opened::of(store, &index, memory, terms))
    }

    /// Opens the repository at `url`, with nothing written down.
    pub(super) fn look(url: &str, terms: &Terms, observed: &Observed, context: &Context) -> Result<Opened, Failure> {
        let memory = context.recall(observed.trust.as_deref())?;
        let followed = Followed::at(&context.root, Some(url), context.global.offline, &memory, context.now)?;
        let (store, index, memory) = context.look_into(followed, &memory)?;
        Ok(Opened::of(store, &index, memory, terms))
    }

    fn of(store: Store, index: &VerifiedIndex, memory: Memory, terms: &Terms) -> Opened {
        let index = store.offered(index);
        Opened { store, index, memory, terms: terms.clone() }
    }

    /// Puts what it said into the place of what `known` has of it.
    pub(super) fn add_news(&self, known: &mut Memory) {
        let own = self.memory.repositories.get_key_value(self.store.url());
        known.repositories.extend(own.map(|(url, seen)| (url.clone(), seen.clone())));
    }

    /// What it offers.
    pub(super) fn offer(&self) -> Offer<'_> {
        Offer {
            index: &self.index,
            repository: self.store.url(),
            trust: self.memory.to_json(),
            news: News::of(&self.memory),
            terms: self.terms.clone(),
        }
    }

    /// Carries out a plan that was made of what it offers, and says beforehand whose it displaces. Where nothing was changed
    /// the plan's own memory is not written either: what was seen is remembered here, and whether that could be done comes
    /// second, for what was done is told all the same.
    pub(super) fn carry_out(
        &self,
        plan: &Plan,
        observed: &mut Observed,
        context: &Context,
    ) -> Result<(Report, Result<(), Failure>), Failure> {
        tell::taken(plan, observed, context);
        let report = context.carry_out(plan, Some(&self.store))?;
        let remembered = if report.changed_nothing() {
            context.remember(observed, &self.memory)
        } else {
            tell::place(plan, observed, context);
            Ok(())
        };
        Ok((report, remembered))
    }
}

/// How use is to be made of repositories. What is typed goes before what was set.
pub(super) fn terms(args: &VersionArgs, settings: &Settings) -> Result<Terms, Failure> {
    Ok(Terms { asked: typed(args.channel.as_deref())?, usual: usual(settings), keep: settings.keep })
}

/// The channel that is typed, or was set, or is the usual one.
pub(super) fn channel(word: Option<&str>, settings: &Settings) -> Result<Channel, Failure> {
    Ok(typed(word)?.unwrap_or_else(|| usual(settings)))
}

fn typed(word: Option<&str>) -> Result<Option<Channel>, Failure> {
    Ok(word.map(str::parse).transpose().map_err(BadSelection::from)?)
}

fn usual(settings: &Settings) -> Channel {
    settings.channel.clone().unwrap_or_default()
}
