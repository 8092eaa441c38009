//! The roots of a repository: from the one that a machine starts from to the newest.

use std::cell::RefCell;
use std::time::Duration;

use super::{Store, StoreError, if_there, quoted, trusted, until_stale};
use crate::moment::Moment;
use crate::system::bundle::Bundle;
use crate::system::fetch::{FetchError, Network, Repository, Source, cache};
use crate::system::interrupt;
use crate::system::root::Root as SystemRoot;
use crate::system::settings;
use crate::trust::{
    self, MINISIG_MAX, Memory, ROOT_MAX, ROOTS_MAX, Root, Signatures, TrustError, root_file, signature_file,
};

/// A repository whose roots were followed for as long as each vouches for the next. Whether the newest of them is still
/// good is not looked at yet: what was seen can be remembered first.
#[derive(Debug)]
pub struct Followed {
    store: Store,
    /// Why it did not come to the end of them, if it did not.
    end: Result<(), StoreError>,
}

impl Followed {
    /// Follows the roots of the repository at `url`, or of the only one that is trusted; without the network if `offline`,
    /// else as the settings of `root` say.
    pub fn at(
        root: &SystemRoot,
        url: Option<&str>,
        offline: bool,
        memory: &Memory,
        now: Moment,
    ) -> Result<Followed, StoreError> {
        let network = Network::of(root, settings::read(root)?, offline)?;
        Followed::from(root, url, |url| Repository::at(url, network), None, memory, now)
    }

    /// The same for the repository whose files are in `bundle`: that at `url`, or the one that the bundle names. Documents
    /// are believed until they are `stale` for so long.
    pub fn in_bundle(
        root: &SystemRoot,
        url: Option<&str>,
        bundle: &Bundle,
        stale: Duration,
        memory: &Memory,
        now: Moment,
    ) -> Result<Followed, StoreError> {
        let url = url.unwrap_or(&bundle.manifest().repository);
        let at = |_: &str| Ok(Repository::in_bundle(bundle.clone()));
        Followed::from(root, Some(url), at, Some((bundle, stale)), memory, now)
    }

    fn from(
        root: &SystemRoot,
        url: Option<&str>,
        at: impl FnOnce(&str) -> Result<Repository, FetchError>,
        bundle: Option<(&Bundle, Duration)>,
        memory: &Memory,
        now: Moment,
    ) -> Result<Followed, StoreError> {
        let mut anchors = trusted(root)?;
        let url = match url {
            Some(url) => url.trim_end_matches('/').to_owned(),
            None if anchors.len() > 1 => return Err(StoreError::WhichRepository(anchors.into_keys().collect())),
            None => anchors.keys().next().cloned().ok_or(StoreError::NoRepository)?,
        };
        let trusted = anchors.remove(&url).ok_or_else(|| TrustError::NoAnchor(url.clone()))?;
        let anchored = trusted.root()?;
        let anchor = trusted.anchor;
        trust::check_clock(now, trust::built(), "this qus was built")?;
        if let Some(floor) = &anchor.floor {
            trust::check_clock(now, floor.issued, "the anchor of this repository was made")?;
        }
        let seen = memory.repositories.get(&url).map(|seen| seen.root.clone());
        let start = seen.filter(|seen| seen.version > anchored.version).unwrap_or(anchored);
        let repository = at(&url)?;
        let (newest, end) = follow(&repository, start);
        let kept = RefCell::new(repository.sources().next().and_then(|source| cache::index(root, source.url())));
        let (bundle, stale) = bundle.map_or((None, Duration::ZERO), |(bundle, stale)| (Some(bundle.clone()), stale));
        Ok(Followed { store: Store { url, repository, anchor, root: newest, kept, bundle, stale }, end })
    }

    /// What to remember of the roots, whatever else comes of it.
    pub fn remember(&self, memory: &Memory) -> Memory {
        memory.after_root(&self.store.url, &self.store.root)
    }

    /// The repository, if its roots came to their end, and the newest of them is good at `now`.
    pub fn judged(self, memory: &Memory, now: Moment) -> Result<Store, StoreError> {
        let Followed { store, end } = self;
        end?;
        // Only now: what a stolen key said of the time is forgotten with the key.
        if let Some(issued) = memory.issued(&store.url, &store.root) {
            trust::check_clock(now, issued, "the newest index of this repository was issued")?;
        }
        until_stale(now, store.stale, |now| store.root.check_expiry(now))?;
        Ok(store)
    }
}

/// Goes from root to root, each vouched for by the one before, until there is no next. The last that is good in itself,
/// and why it is not gone on from there, if there seems to be another.
fn follow(repository: &Repository, start: Root) -> (Root, Result<(), StoreError>) {
    let first = start.version;
    let mut root = start;
    loop {
        match next(repository, &root) {
            Ok(Some(_)) if root.version >= first + ROOTS_MAX => {
                return (root, Err(TrustError::TooManyRoots(first).into()));
            }
            Ok(Some(next)) => root = next,
            Ok(None) => return (root, Ok(())),
            Err(error) => return (root, Err(error)),
        }
    }
}

/// The root that follows `root`, if any source has one that is to be believed.
fn next(repository: &Repository, root: &Root) -> Result<Option<Root>, StoreError> {
    let (mut missing, mut forged) = (false, false);
    let first_source = repository.sources().next().map(Source::url);
    let next = repository.first(&root_file(root.version + 1), &mut |source| match successor(source, root) {
        // A mirror that lacks it may be behind; the first source is not.
        Ok(None) if Some(source.url()) == first_source => Ok(None),
        Err(error @ StoreError::Trust(_)) => {
            forged |= Some(source.url()) == first_source;
            Err(error)
        }
        Ok(None) => {
            missing = true;
            Err(FetchError::NotFound(format!("{}/{}", source.url(), root_file(root.version + 1))).into())
        }
        other => other,
    });
    match next {
        // Where the repository itself has a next root that is not to be believed, the one before is not gone on with.
        Err(StoreError::Everywhere(error)) if forged => Err(error.decided_by_the_first().into()),
        Err(_) if missing && !forged && !interrupt::asked() => Ok(None),
        next => next,
    }
}

/// The root that follows `root` at `source`, if there is one.
fn successor(source: &Source, root: &Root) -> Result<Option<Root>, StoreError> {
    let file = root_file(root.version + 1);
    let Some(text) = if_there(source.get(&file, ROOT_MAX))? else { return Ok(None) };
    let text = String::from_utf8_lossy(&text).into_owned();
    let mut signatures = Signatures::new();
    for label in root.signers(&text) {
        if let Some(signature) = if_there(source.get(&signature_file(&file, &label), MINISIG_MAX))? {
            signatures.insert(label, String::from_utf8_lossy(&signature).into_owned());
        }
    }
    Ok(Some(root.successor(&quoted(&file), &text, &signatures)?))
}
