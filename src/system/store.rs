//! A repository that is believed: its files, checked before anybody sees them.

mod roots;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fs::File;
use std::path::Path;
use std::time::Duration;

use thiserror::Error;

use super::bundle::Bundle;
use super::counted::Counted;
use super::fetch::{Everywhere, Failure, FetchError, Partial, Repository, Source, Undelivered, cache, everywhere};
use super::interrupt;
use super::root::{FileError, Root};
use super::settings::SettingsError;
use crate::bundle::narrowed;
use crate::exit::{Exit, Explain};
use crate::hex::Sha256;
use crate::moment::Moment;
use crate::release::{INDEX_FILE, INDEX_MAX, Index};
use crate::rooted::RootedPath;
use crate::trust::{
    self, Anchor, Archive, MINISIG_MAX, Memory, Minisig, Root as TrustRoot, TrustError, Trusted, Verified,
    VerifiedIndex,
};
use crate::version::Version;

pub use roots::Followed;

/// The root of trust that this program was built with; `null` until one is published.
const PUBLISHED: &str = include_str!("../../packaging/trust/root.json");

/// A repository, with the root that its documents are judged by. Made of one that was [`Followed`].
#[derive(Debug)]
pub struct Store {
    url: String,
    repository: Repository,
    anchor: Anchor,
    root: TrustRoot,
    /// The last index, as the last run kept it, or as this one is to keep it.
    kept: RefCell<Option<cache::KeptIndex>>,
    /// What there is of it, where it came in a bundle.
    bundle: Option<Bundle>,
    /// For how long after their end documents are believed; not at all, but from a bundle.
    stale: Duration,
}

/// A repository is not to be had, or not to be believed.
#[derive(Debug, Error)]
#[error(transparent)]
#[expect(missing_docs, reason = "each is the error it holds")]
pub enum StoreError {
    Fetch(#[from] FetchError),
    Trust(#[from] TrustError),
    File(#[from] FileError),
    Settings(#[from] SettingsError),
    Everywhere(#[from] Everywhere<StoreError>),
    #[error("this qus trusts no repository yet: none was published when it was built")]
    NoRepository,
    #[error("several repositories are trusted here; name the one that is meant")]
    WhichRepository(Vec<String>),
}

impl Explain for StoreError {
    fn exit(&self) -> Exit {
        match self {
            StoreError::Fetch(error) => error.exit(),
            StoreError::Trust(error) => error.exit(),
            StoreError::File(error) => error.exit(),
            StoreError::Settings(error) => error.exit(),
            StoreError::Everywhere(error) => error.exit(),
            StoreError::NoRepository => Exit::NotAuthentic,
            StoreError::WhichRepository(_) => Exit::Usage,
        }
    }

    fn help(&self) -> Option<String> {
        match self {
            StoreError::Fetch(error) => error.help(),
            StoreError::Trust(error) => error.help(),
            StoreError::File(error) => error.help(),
            StoreError::Settings(error) => error.help(),
            StoreError::Everywhere(error) => error.help(),
            StoreError::NoRepository => Some(
                "put the anchor.json of a repository, received on another way, into /etc/qus/trust.d; qus-release makes one"
                    .to_owned(),
            ),
            StoreError::WhichRepository(urls) => Some(format!("qus --repository URL, with one of: {}", urls.join(" "))),
        }
    }
}

impl Failure for StoreError {
    fn fetch(&self) -> Option<&FetchError> {
        if let StoreError::Fetch(error) = self { Some(error) } else { None }
    }
}

impl From<Undelivered> for StoreError {
    fn from(error: Undelivered) -> StoreError {
        match error {
            Undelivered::Fetch(error) => error.into(),
            Undelivered::Trust(error) => error.into(),
            Undelivered::File(error) => error.into(),
        }
    }
}

impl Store {
    /// Opens the repository at `url`, or the only one that is trusted, by the newest of its roots, which must be good:
    /// what [`Followed`] does in two steps, for who remembers nothing.
    pub fn open(
        root: &Root,
        url: Option<&str>,
        offline: bool,
        memory: &Memory,
        now: Moment,
    ) -> Result<Store, StoreError> {
        Followed::at(root, url, offline, memory, now)?.judged(memory, now)
    }

    /// Its URL, without a slash at its end.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The root that its documents are judged by.
    pub fn root(&self) -> &TrustRoot {
        &self.root
    }

    /// What can be had of `index`: all of it, or what the bundle has.
    pub fn offered(&self, index: &VerifiedIndex) -> Index {
        let index = index.index();
        self.bundle.as_ref().map_or_else(|| index.clone(), |bundle| narrowed(index, |name| bundle.has(name)))
    }

    /// A small file as it is there, of at most `limit` bytes, if it is.
    pub fn file(&self, name: &str, limit: u64) -> Result<Option<Vec<u8>>, StoreError> {
        self.repository.first(name, &mut |source| Ok(if_there(source.get(name, limit))?))
    }

    /// The index, and what to remember from now on.
    pub fn index(&self, memory: &Memory, now: Moment) -> Result<(VerifiedIndex, Memory), StoreError> {
        let floor = |key: &trust::Key| memory.floor(&self.url, key).max(self.anchor.floor(key));
        let what = quoted(INDEX_FILE);
        let judged = |bytes: &[u8], now: Moment| {
            let index = trust::verify_index(&what, bytes, &self.root, &floor, now)?;
            let key = index.key();
            let newest =
                memory.newest_of_others(&self.url, &self.root, key).max(self.anchor.newest_of_others(&self.root, key));
            index.check_order(&what, newest).map(|()| index)
        };
        let verify = |bytes: &[u8]| until_stale(now, self.stale, |now| judged(bytes, now));
        let index = self.newest(&verify)?;
        self.repository.learn(&index.index().mirrors);
        let memory = memory.after_index(&self.url, &self.root, &floor, &index)?;
        Ok((index, memory))
    }

    /// The index of the first source, if it is good; else the newest that a mirror has.
    fn newest(&self, verify: &Verify) -> Result<VerifiedIndex, StoreError> {
        let mut failures = Vec::new();
        let mut best: Option<VerifiedIndex> = None;
        for (source, done) in self.repository.ask(&mut |source| self.index_of(source, verify)) {
            match done {
                // The first source is asked first, and what it has is the newest by definition.
                Ok(index) if failures.is_empty() && best.is_none() => return Ok(index),
                Ok(index) => {
                    if best.as_ref().is_none_or(|best| best.is_older_than(&index)) {
                        best = Some(index);
                    }
                }
                Err(error) if interrupt::asked() => return Err(error),
                Err(error) => failures.push((source.url().to_owned(), error)),
            }
        }
        best.ok_or_else(|| everywhere(INDEX_FILE, failures))
    }

    /// The index of `source`: the kept one, if the source says that it is still that.
    fn index_of(&self, source: &Source, verify: &Verify) -> Result<VerifiedIndex, StoreError> {
        let kept = self.kept.borrow().clone().filter(|kept| kept.url == source.url());
        // What was damaged since is fetched again.
        let kept = kept.and_then(|kept| Some((verify(kept.text.as_bytes()).ok()?, kept.validator)));
        let known = kept.as_ref().map(|(_, validator)| validator);
        let Some((bytes, validator)) = source.get_unless(INDEX_FILE, INDEX_MAX, known)? else {
            let index = kept.map(|(index, _)| index);
            return index.ok_or_else(|| FetchError::WrongPart(format!("{}/{INDEX_FILE}", source.url())).into());
        };
        let index = verify(&bytes)?;
        if validator.is_any()
            && let Ok(text) = String::from_utf8(bytes)
        {
            self.kept.replace(Some(cache::KeptIndex { url: source.url().to_owned(), validator, text }));
        }
        Ok(index)
    }

    /// Keeps the index, so that the next run need not fetch it again if it is the same by then.
    pub fn keep_index(&self, root: &Root) {
        if let Some(kept) = &*self.kept.borrow()
            && cache::index(root, &kept.url).is_none_or(|there| there.text != kept.text)
        {
            cache::keep_index(root, kept);
        }
    }

    /// A place for a file of `size` bytes that is to be fetched, with what an earlier run left of it. `passing` names
    /// one that goes with its directory, for what need not be kept.
    pub fn partial(&self, root: &Root, sha256: &Sha256, size: u64, passing: RootedPath) -> Result<Partial, FileError> {
        if self.repository.is_remote() {
            cache::partial(root, sha256, size, passing)
        } else {
            Partial::passing(root, passing)
        }
    }

    /// Fetches an archive into `partial` and checks it and its signature, those of the next source if those of the first
    /// are not good. `progress` is told how many bytes are there, and says whether to go on.
    pub fn fetch<A: Archive>(
        &self,
        version: &Version,
        archive: &A,
        partial: &Partial,
        progress: &mut dyn FnMut(u64) -> bool,
    ) -> Result<Verified<File, A>, StoreError> {
        let path = format!("{}/{}", A::folder(version), archive.file());
        let what = quoted(archive.file());
        self.repository.first(&path, &mut |source| {
            let signature = source.get(&format!("{path}.minisig"), MINISIG_MAX)?;
            let signature = Minisig::parse(&what, &String::from_utf8_lossy(&signature))?;
            trust::AssetClaim::of(archive, version).check(&signature)?;
            Ok(source.deliver(&path, archive.size(), partial, &mut |source, sink| {
                let mut source = Counted::new(source, progress);
                trust::verify_asset(archive, version, &signature, &self.root, &mut source, sink)
            })?)
        })
    }
}

/// Judges a document at `now`, or, if it has expired since and not for longer than `stale`, as at its last moment.
fn until_stale<T>(
    now: Moment,
    stale: Duration,
    judge: impl Fn(Moment) -> Result<T, TrustError>,
) -> Result<T, TrustError> {
    match judge(now) {
        Err(TrustError::Expired { at, .. }) if now < at.plus(stale) => judge(Moment(at.0.saturating_sub(1))),
        judged => judged,
    }
}

/// Checks the signatures of all roots that this machine starts from; how many there are.
pub fn check_anchors(root: &Root) -> Result<usize, StoreError> {
    let anchors = trusted(root)?;
    anchors.values().try_for_each(|trusted| trusted.root().map(drop))?;
    Ok(anchors.len())
}

/// Judges the bytes of an index.
type Verify<'a> = dyn Fn(&[u8]) -> Result<VerifiedIndex, TrustError> + 'a;

/// Whom the builder of this program and the administrator trust, by repository.
pub fn trusted(root: &Root) -> Result<BTreeMap<String, Trusted>, StoreError> {
    let mut files = Vec::new();
    // The first of a list is the nearest, and comes last to replace the others.
    for directory in root.layout().anchors().iter().rev() {
        for path in root.list(directory)?.iter().map(|name| directory.join(name)) {
            if Path::new(path.as_str()).extension().is_some_and(|kind| kind == "json") {
                files.push((path.to_string(), root.read(&path)?.unwrap_or_default()));
            }
        }
    }
    Ok(trust::trusted(PUBLISHED, files)?)
}

/// A file that need not be there. Some stores answer 403 to whatever they do not have, and neither answer is signed.
fn if_there(file: Result<Vec<u8>, FetchError>) -> Result<Option<Vec<u8>>, FetchError> {
    match file {
        Ok(bytes) => Ok(Some(bytes)),
        Err(FetchError::NotFound(_) | FetchError::Forbidden { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

fn quoted(name: &str) -> String {
    format!("\"{name}\"")
}
