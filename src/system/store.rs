//! A repository that is believed: its files, checked before anybody sees them.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::time::Duration;

use thiserror::Error;

use super::bundle::Bundle;
use super::fetch::{FetchError, Repository};
use super::root::{FileError, Root};
use crate::bundle::narrowed;
use crate::exit::{Exit, Explain};
use crate::moment::Moment;
use crate::release::{Asset, INDEX_FILE, INDEX_MAX, Index};
use crate::trust::{
    self, Anchor, MINISIG_MAX, Memory, Minisig, ROOT_MAX, Root as TrustRoot, Seen, Signatures, TrustError, Verified,
    VerifiedIndex, root_file, signature_file,
};
use crate::version::Version;

/// The root of trust that this program was built with; `null` until one is published.
const PUBLISHED: &str = include_str!("../../packaging/trust/root.json");

/// How many roots a repository may have added since this machine last looked (design: one a year).
const ROOTS_MAX: u64 = 32;

/// A repository, with the root that its documents are judged by.
#[derive(Debug)]
pub struct Store {
    url: String,
    repository: Repository,
    root: TrustRoot,
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
            StoreError::NoRepository => Exit::NotAuthentic,
            StoreError::WhichRepository(_) => Exit::Usage,
        }
    }

    fn help(&self) -> Option<String> {
        match self {
            StoreError::Fetch(error) => error.help(),
            StoreError::Trust(error) => error.help(),
            StoreError::File(error) => error.help(),
            StoreError::NoRepository => Some(
                "put the anchor.json of a repository, received on another way, into /etc/qus/trust.d; qus-release makes one"
                    .to_owned(),
            ),
            StoreError::WhichRepository(urls) => Some(format!("qus --repository URL, with one of: {}", urls.join(" "))),
        }
    }
}

impl Store {
    /// Opens the repository at `url`, or the only one that is trusted, and follows its roots to the
    /// newest; without the network if `offline`.
    pub fn open(
        root: &Root,
        url: Option<&str>,
        offline: bool,
        memory: &Memory,
        now: Moment,
    ) -> Result<Store, StoreError> {
        Store::open_at(root, url, &|url| Repository::at(url, offline), None, Duration::ZERO, memory, now)
    }

    /// Opens the repository whose files are in `bundle`: that at `url`, or the one that the bundle names. Documents are
    /// believed until they are `stale` for so long.
    pub fn in_bundle(
        root: &Root,
        url: Option<&str>,
        bundle: &Bundle,
        stale: Duration,
        memory: &Memory,
        now: Moment,
    ) -> Result<Store, StoreError> {
        let url = url.unwrap_or(&bundle.manifest().repository);
        let at = |_: &str| Repository::in_bundle(bundle.clone());
        Store::open_at(root, Some(url), &at, Some(bundle), stale, memory, now)
    }

    fn open_at(
        root: &Root,
        url: Option<&str>,
        at: &dyn Fn(&str) -> Result<Repository, FetchError>,
        bundle: Option<&Bundle>,
        stale: Duration,
        memory: &Memory,
        now: Moment,
    ) -> Result<Store, StoreError> {
        let anchors = anchors(root)?;
        let (url, (what, anchor)) = match url {
            Some(url) => {
                let url = url.trim_end_matches('/').to_owned();
                let anchor = anchors.get(&url).ok_or_else(|| TrustError::NoAnchor(url.clone()))?;
                (url, anchor)
            }
            None if anchors.len() > 1 => return Err(StoreError::WhichRepository(anchors.into_keys().collect())),
            None => anchors.iter().next().map(|(url, anchor)| (url.clone(), anchor)).ok_or(StoreError::NoRepository)?,
        };
        let anchored = anchor.root(what)?;
        let seen = memory.repositories.get(&url).map(|seen| seen.root.clone());
        let start = seen.filter(|seen| seen.version > anchored.version).unwrap_or(anchored);
        let repository = at(&url)?;
        let newest = follow(&repository, start)?;
        until_stale(now, stale, |now| newest.check_expiry(now))?;
        Ok(Store { url, repository, root: newest, bundle: bundle.cloned(), stale })
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
        match self.repository.get(name, limit) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(FetchError::NotFound(_)) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// The index, and what to remember once something was installed by it.
    pub fn index(&self, memory: &Memory, now: Moment) -> Result<(VerifiedIndex, Memory), StoreError> {
        let bytes = self.repository.get(INDEX_FILE, INDEX_MAX)?;
        let floor = |key: &trust::Key| memory.floor(&self.url, key);
        let index = until_stale(now, self.stale, |now| {
            trust::verify_index(&quoted(INDEX_FILE), &bytes, &self.root, &floor, now)
        })?;
        let mut memory = memory.clone();
        let mut serials = BTreeMap::new();
        for key in self.root.roles.index.keys.values() {
            let serial = if key == index.key() { index.index().serial } else { memory.floor(&self.url, key) };
            if serial > 0 {
                serials.insert(key.as_str().to_owned(), serial);
            }
        }
        let seen = Seen::of(&self.root, index.index(), serials);
        memory.repositories.insert(self.url.clone(), seen);
        Ok((index, memory))
    }

    /// Fetches an asset into `sink` and checks it. `progress` is told of every piece, and says whether
    /// to go on.
    pub fn fetch(
        &self,
        version: &Version,
        asset: &Asset,
        sink: File,
        progress: &mut dyn FnMut(u64) -> bool,
    ) -> Result<Verified<File>, StoreError> {
        let file = format!("{version}/{}", asset.file);
        let signature = self.repository.get(&format!("{file}.minisig"), MINISIG_MAX)?;
        let signature = Minisig::parse(&quoted(&asset.file), &String::from_utf8_lossy(&signature))?;
        trust::AssetClaim::of(asset, version).check(&signature)?;
        let mut source = Counted { source: self.repository.open(&file)?, progress };
        Ok(trust::verify_asset(asset, version, &signature, &self.root, &mut source, sink)?)
    }
}

/// What the administrator and the builder of this program trust, by repository. The administrator
/// comes first.
fn anchors(root: &Root) -> Result<BTreeMap<String, (String, Anchor)>, StoreError> {
    let mut anchors = BTreeMap::new();
    if PUBLISHED.trim() != "null" {
        let what = "the compiled-in root".to_owned();
        let anchor = Anchor::parse(&what, PUBLISHED)?;
        anchors.insert(anchor.repository.clone(), (what, anchor));
    }
    // The first of a list is the nearest, and comes last to replace the others.
    for directory in root.layout().anchors().iter().rev() {
        for path in root.list(directory)?.iter().map(|name| directory.join(name)) {
            if Path::new(path.as_str()).extension().is_none_or(|kind| kind != "json") {
                continue;
            }
            let what = quoted(path.as_str());
            let anchor = Anchor::parse(&what, &root.read(&path)?.unwrap_or_default())?;
            anchors.insert(anchor.repository.trim_end_matches('/').to_owned(), (what, anchor));
        }
    }
    Ok(anchors)
}

/// Goes from root to root, each vouched for by the one before, until there is no next.
fn follow(repository: &Repository, start: TrustRoot) -> Result<TrustRoot, StoreError> {
    let mut root = start;
    for _ in 0..ROOTS_MAX {
        let file = root_file(root.version + 1);
        let text = match repository.get(&file, ROOT_MAX) {
            Ok(text) => text,
            Err(FetchError::NotFound(_)) => return Ok(root),
            Err(error) => return Err(error.into()),
        };
        let text = String::from_utf8_lossy(&text).into_owned();
        let mut signatures = Signatures::new();
        for label in root.signers(&text) {
            match repository.get(&signature_file(&file, &label), MINISIG_MAX) {
                Ok(signature) => drop(signatures.insert(label, String::from_utf8_lossy(&signature).into_owned())),
                Err(FetchError::NotFound(_)) => {}
                Err(error) => return Err(error.into()),
            }
        }
        root = root.successor(&quoted(&file), &text, &signatures)?;
    }
    Ok(root)
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

fn quoted(name: &str) -> String {
    format!("\"{name}\"")
}

/// Counts what goes by.
struct Counted<'a> {
    source: Box<dyn Read>,
    progress: &'a mut dyn FnMut(u64) -> bool,
}

impl Read for Counted<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let read = self.source.read(buffer)?;
        if (self.progress)(read as u64) { Ok(read) } else { Err(std::io::Error::other("interrupted")) }
    }
}
