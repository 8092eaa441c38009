//! The index: signature and body in one file, so that no reader ever sees two that do not fit.

use sha2::Digest;

use super::root::{Key, Root};
use super::{CLOCK_TOLERANCE, ForIndexes, Minisig, Role, TrustError};
use crate::hex::Sha256;
use crate::moment::Moment;
use crate::release::{INDEX_FORMAT, INDEX_KIND, Index};

/// The serial behind which an index key cannot go: the highest that this machine, or the maker of its anchor, has seen of it.
pub type Floor<'a> = &'a dyn Fn(&Key) -> u64;

/// An index whose signature, age and serial were found good.
#[derive(Clone, Debug)]
pub struct VerifiedIndex {
    index: Index,
    key: Key,
    content: Sha256,
}

impl VerifiedIndex {
    /// What it says.
    pub fn index(&self) -> &Index {
        &self.index
    }

    /// The key that signed it.
    pub fn key(&self) -> &Key {
        &self.key
    }

    /// Fails if it was issued before `newest`, when the newest known index of another key was: serials of two keys
    /// cannot be compared, and one that is out of use must not bring back what the other has replaced.
    pub fn check_order(&self, what: &str, newest: Option<Moment>) -> Result<(), TrustError> {
        let issued = self.index.issued;
        match newest.filter(|newest| issued < *newest) {
            Some(newest) => Err(TrustError::OlderByTime { what: what.to_owned(), issued, newest }),
            None => Ok(()),
        }
    }

    /// Whether it is older than `other`: by the serials of one key, and by the time where there are two.
    pub fn is_older_than(&self, other: &VerifiedIndex) -> bool {
        let (own, theirs) = (self.index(), other.index());
        if self.key == other.key { own.serial < theirs.serial } else { own.issued < theirs.issued }
    }

    /// Hash of its body: tells it from another one of the same serial.
    pub fn content(&self) -> Sha256 {
        self.content
    }
}

/// Checks the index in `bytes` by the keys of `root`, at `now`.
pub fn verify(what: &str, bytes: &[u8], root: &Root, floor: Floor, now: Moment) -> Result<VerifiedIndex, TrustError> {
    let malformed = |why: String| TrustError::Malformed { what: what.to_owned(), why };
    let text = std::str::from_utf8(bytes).map_err(|_| malformed("it is not text".to_owned()))?;
    let (signature, body) = text
        .split_once("\n\n")
        .ok_or_else(|| malformed("it is not a signature, an empty line and a body".to_owned()))?;
    let signature = Minisig::parse(what, &format!("{signature}\n"))?;
    let role: &Role<ForIndexes> = &root.roles.index;
    let key = signature.signer(body.as_bytes(), role)?;
    signature.expect_type(INDEX_KIND)?;

    let index: Index = serde_json::from_str(body).map_err(|error| malformed(error.to_string()))?;
    if index.kind != INDEX_KIND {
        return Err(TrustError::WrongType {
            what: what.to_owned(),
            signed: index.kind,
            expected: INDEX_KIND.to_owned(),
        });
    }
    if index.format != INDEX_FORMAT {
        return Err(malformed(format!("it has format {}, this qus reads format {INDEX_FORMAT}", index.format)));
    }
    signature.expect_claim("serial", &index.serial.to_string())?;
    let floor = floor(&key);
    if index.serial < floor {
        return Err(TrustError::Older { what: what.to_owned(), serial: index.serial, floor });
    }
    if index.issued > now.plus(CLOCK_TOLERANCE) {
        return Err(TrustError::FromTheFuture { what: what.to_owned(), issued: index.issued, now });
    }
    if now >= index.expires {
        return Err(TrustError::Expired { what: what.to_owned(), at: index.expires });
    }
    let content = Sha256(sha2::Sha256::digest(body).into());
    Ok(VerifiedIndex { index, key, content })
}
