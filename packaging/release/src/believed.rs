//! What a reader of a repository believes: the newest root that the anchor leads to, and the index.

use std::io::ErrorKind;
use std::path::Path;

use qus::moment::Moment;
use qus::release::{INDEX_FILE, INDEX_MAX, Index};
use qus::trust::{Anchor, ROOT_MAX, Root, verify_index};

use crate::error::{Error, failed};
use crate::repository::{ANCHOR_FILE, Repository, SignedRoot, read_document};

/// What was believed.
pub struct Believed {
    /// The newest root.
    pub root: Root,
    /// The index, signed by a key of that root.
    pub index: Index,
}

impl Believed {
    /// Reads what `repository` says at `now`, beginning with the anchor in a file of its own or of the repository.
    pub fn read(repository: &Repository, anchor: Option<&Path>, now: Moment) -> Result<Believed, Error> {
        let own = repository.file(ANCHOR_FILE);
        let path = anchor.unwrap_or(&own);
        // An anchor is a root with its signatures, each shorter than a root.
        let text = read_document(path, 4 * ROOT_MAX)?;
        let text = text.ok_or_else(|| failed("open", path)(ErrorKind::NotFound.into()))?;
        let what = format!("\"{}\"", path.display());
        let anchor = Anchor::parse(&what, &text)?;
        let (text, signatures) = (anchor.root.clone(), anchor.signatures.clone());
        let start = SignedRoot { root: anchor.root(&what)?, text, signatures };
        let (SignedRoot { root, .. }, end) = repository.follow(start);
        end?;
        root.check_expiry(now)?;

        let text = repository.read(INDEX_FILE, INDEX_MAX)?;
        let text = text.ok_or_else(|| failed("open", &repository.file(INDEX_FILE))(ErrorKind::NotFound.into()))?;
        let verified = verify_index(INDEX_FILE, text.as_bytes(), &root, &|key| anchor.floor(key), now)?;
        Ok(Believed { index: verified.index().clone(), root })
    }
}
