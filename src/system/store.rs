//! A repository that is believed: its files, checked before anybody sees them.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::path::Path;

use thiserror::Error;

use super::fetch::{FetchError, Repository};
use super::root::{FileError, Root};
use crate::exit::{Exit, Explain};
use crate::moment::Moment;
use crate::release::{Asset, INDEX_FILE, INDEX_MAX};
use crate::trust::{
    self, Anchor, MINISIG_MAX, Memory, Minisig, ROOT_MAX, ROOTS_MAX, Root as TrustRoot, Signatures, TrustError,
    Trusted, Verified, VerifiedIndex, root_file, signature_file,
};
use crate::version::Version;

/// The root of trust that this program was built with; `null` until one is published.
const PUBLISHED: &str = include_str!("../../packaging/trust/root.json");

/// A repository, with the root that its documents are judged by.
#[derive(Debug)]
pub struct Store {
    url: String,
    repository: Repository,
    anchor: Anchor,
    root: TrustRoot,
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
        let mut anchors = trusted(root)?;
        let url = match url {
            Some(url) => url.trim_end_matches('/').to_owned(),
            None if anchors.len() > 1 => return Err(StoreError::WhichRepository(anchors.into_keys().collect())),
            None => anchors.keys().next().cloned().ok_or(StoreError::NoRepository)?,
        };
        let trusted = anchors.remove(&url).ok_or_else(|| TrustError::NoAnchor(url.clone()))?;
        let anchored = trusted.anchor.root(&trusted.name())?;
        let anchor = trusted.anchor;
        trust::check_clock(now, trust::built(), "this qus was built")?;
        if let Some(floor) = &anchor.floor {
            trust::check_clock(now, floor.issued, "the anchor of this repository was made")?;
        }
        let seen = memory.repositories.get(&url).map(|seen| seen.root.clone());
        let start = seen.filter(|seen| seen.version > anchored.version).unwrap_or(anchored);
        let repository = Repository::at(&url, offline)?;
        let newest = follow(&repository, start)?;
        // Only now: what a stolen key said of the time is forgotten with the key.
        if let Some(issued) = memory.issued(&url, &newest) {
            trust::check_clock(now, issued, "the newest index of this repository was issued")?;
        }
        newest.check_expiry(now)?;
        Ok(Store { url, repository, anchor, root: newest })
    }

    /// Its URL, without a slash at its end.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// What to remember of its roots, whatever else comes of it.
    pub fn remember_root(&self, memory: &Memory) -> Memory {
        memory.after_root(&self.url, &self.root)
    }

    /// The index, and what to remember once something was installed by it.
    pub fn index(&self, memory: &Memory, now: Moment) -> Result<(VerifiedIndex, Memory), StoreError> {
        let bytes = self.repository.get(INDEX_FILE, INDEX_MAX)?;
        let floor = |key: &trust::Key| memory.floor(&self.url, key).max(self.anchor.floor(key));
        let index = trust::verify_index(&quoted(INDEX_FILE), &bytes, &self.root, &floor, now)?;
        let memory = memory.after_index(&self.url, &self.root, &floor, &index)?;
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

/// Goes from root to root, each vouched for by the one before, until there is no next.
fn follow(repository: &Repository, start: TrustRoot) -> Result<TrustRoot, StoreError> {
    let first = start.version;
    let mut root = start;
    loop {
        let file = root_file(root.version + 1);
        let text = match repository.get(&file, ROOT_MAX) {
            Ok(text) => text,
            Err(FetchError::NotFound(_)) => return Ok(root),
            Err(error) => return Err(error.into()),
        };
        if root.version >= first + ROOTS_MAX {
            return Err(TrustError::TooManyRoots(first).into());
        }
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
