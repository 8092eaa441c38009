//! A repository and its mirrors. A mirror serves bytes, nothing more: what it gives is checked as if nobody had vouched
//! for it, and what one has wrong is fetched from the next.

use std::cell::OnceCell;
use std::fmt;

use super::super::bundle::Bundle;
use super::{FetchError, Network, Source, tell};
use crate::exit::{Exit, Explain};
use crate::system::interrupt;

/// Where a repository's files come from: its own place first, then the mirrors that the administrator named, then those
/// of the signed index.
#[derive(Debug)]
pub struct Repository {
    network: Network,
    sources: Vec<Source>,
    listed: OnceCell<Vec<Source>>,
}

/// No source had what was wanted.
#[derive(Debug)]
pub struct Everywhere<E> {
    what: String,
    failures: Vec<(String, E)>,
    /// Whether it ends as the first source does, whatever others may have.
    first_decides: bool,
}

impl<E> Everywhere<E> {
    /// The same where what the first source has is wrong, and that others cannot be asked changes nothing of it.
    pub fn decided_by_the_first(self) -> Everywhere<E> {
        Everywhere { first_decides: true, ..self }
    }
}

impl<E: Explain> fmt::Display for Everywhere<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "no source has a good \"{}\"", self.what)?;
        let mut before = ": ";
        for (source, error) in &self.failures {
            write!(f, "{before}from \"{source}\": {error}")?;
            before = "; ";
        }
        Ok(())
    }
}

impl<E: Explain> std::error::Error for Everywhere<E> {}

impl<E: Explain> Explain for Everywhere<E> {
    /// That of who could not be asked, if there is one: it may have it. Else that of the first, which is the repository's
    /// own place.
    fn exit(&self) -> Exit {
        let mut exits = self.failures.iter().map(|(_, error)| error.exit());
        let first = exits.next().unwrap_or(Exit::Unreachable);
        exits.find(|exit| *exit == Exit::Unreachable && !self.first_decides).unwrap_or(first)
    }

    fn help(&self) -> Option<String> {
        self.failures.iter().find(|(_, error)| error.exit() == self.exit()).and_then(|(_, error)| error.help())
    }
}

/// What an attempt at a source may fail with.
pub trait Failure: Explain + From<Everywhere<Self>> + From<FetchError> {
    /// It, if nothing came.
    fn fetch(&self) -> Option<&FetchError>;
}

impl Repository {
    /// The repository at `url`, and the mirrors that the administrator named. Where the network must not be used, those
    /// on disk are left; there has to be one.
    pub fn at(url: &str, network: Network) -> Result<Repository, FetchError> {
        let mut sources = Vec::new();
        let mut offline = None;
        for (index, place) in std::iter::once(url).chain(network.mirrors.iter().map(String::as_str)).enumerate() {
            match Source::at(place, &network) {
                Ok(source) => sources.push(source),
                Err(error @ FetchError::Offline(_)) if index == 0 => offline = Some(error),
                Err(FetchError::Offline(_)) => {}
                Err(error) => return Err(error),
            }
        }
        match offline {
            Some(error) if sources.is_empty() => Err(error),
            _ => Ok(Repository { network, sources, listed: OnceCell::new() }),
        }
    }

    /// The repository whose files are in `bundle`: no mirror is asked.
    pub fn in_bundle(bundle: Bundle) -> Repository {
        let network = Network { offline: true, ..Network::default() };
        Repository { network, sources: vec![Source::in_bundle(bundle)], listed: OnceCell::from(Vec::new()) }
    }

    /// From now on these mirrors are asked too, in an order of chance, so that each has its share. Those that this
    /// machine may not go to are left out.
    pub fn learn(&self, mirrors: &[String]) {
        let known = |url: &String| self.sources.iter().any(|source| source.url() == url.trim_end_matches('/'));
        let mut listed: Vec<Source> = Vec::new();
        for url in mirrors.iter().filter(|url| !known(url)) {
            match Source::at(url, &self.network) {
                Ok(source) => listed.push(source),
                Err(FetchError::Offline(_)) => {}
                Err(error) => tell(&format!("a mirror of the index is left out: {error}")),
            }
        }
        fastrand::shuffle(&mut listed);
        // An index that is read twice says the same.
        let _ = self.listed.set(listed);
    }

    /// All of them, in the order in which they are asked.
    pub fn sources(&self) -> impl Iterator<Item = &Source> {
        self.sources.iter().chain(self.listed.get().into_iter().flatten())
    }

    /// Whether any may be cut off.
    pub fn is_remote(&self) -> bool {
        self.sources().any(Source::is_remote)
    }

    /// Asks one source after the other, as long as more of them are wanted. Those that were given up are not asked.
    pub fn ask<'a, T, E: Failure>(
        &'a self,
        attempt: &'a mut dyn FnMut(&Source) -> Result<T, E>,
    ) -> impl Iterator<Item = (&'a Source, Result<T, E>)> {
        let mut sources = self.sources().peekable();
        std::iter::from_fn(move || {
            let source = sources.next()?;
            let done = source.check().map_err(E::from).and_then(|()| attempt(source));
            if let Err(error) = &done {
                error.fetch().into_iter().for_each(|error| source.give_up(error));
                if let Some(next) = sources.peek().filter(|_| !interrupt::asked()) {
                    tell(&format!("{error}; trying the mirror \"{}\"", next.url()));
                }
            }
            Some((source, done))
        })
    }

    /// What the first source has for which `attempt` succeeds. The error tells what each of them had.
    pub fn first<T, E: Failure>(&self, what: &str, attempt: &mut dyn FnMut(&Source) -> Result<T, E>) -> Result<T, E> {
        let mut failures = Vec::new();
        for (source, done) in self.ask(attempt) {
            match done {
                Ok(done) => return Ok(done),
                Err(error) if interrupt::asked() => return Err(error),
                Err(error) => failures.push((source.url().to_owned(), error)),
            }
        }
        Err(everywhere(what, failures))
    }
}

/// What is to be said when no source had `what`: of one source its own failure, of several those of all.
pub fn everywhere<E: Failure>(what: &str, mut failures: Vec<(String, E)>) -> E {
    match failures.pop() {
        Some((_, only)) if failures.is_empty() => only,
        last => {
            failures.extend(last);
            Everywhere { what: what.to_owned(), failures, first_decides: false }.into()
        }
    }
}
