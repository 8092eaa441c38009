//! Anchors: what trust in a repository begins with.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::root::check_signatures;
use super::{Key, Root, Signatures, TrustError};
use crate::moment::Moment;

/// What a machine starts from: a root, its signatures, and the one repository that it speaks for.
/// `qus-release root` writes it; an administrator puts it into `/etc/qus/trust.d`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Anchor {
    /// Always [`Anchor::KIND`].
    #[serde(rename = "type")]
    pub kind: String,
    /// URL of the repository, without a slash at its end.
    pub repository: String,
    /// The root document, byte for byte as it was signed.
    pub root: String,
    /// Its signatures, by the label of the signer.
    pub signatures: Signatures,
    /// What its maker had seen by then. It is believed because the anchor is, and protects who has seen nothing yet, or
    /// has lost the memory of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub floor: Option<AnchorFloor>,
}

/// Behind what a repository cannot go for who starts from an anchor.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AnchorFloor {
    /// When the newest index was issued: no clock that stands before is right.
    pub issued: Moment,
    /// The highest serial of each index key. What was said of a key that was rotated away says nothing any more.
    pub serials: BTreeMap<String, u64>,
}

impl Anchor {
    /// The `type` of an anchor.
    pub const KIND: &'static str = "qus-anchor";

    /// Reads an anchor; `what` is used in messages. Its root is not looked at yet.
    pub fn parse(what: &str, text: &str) -> Result<Anchor, TrustError> {
        let malformed = |why: String| TrustError::Malformed { what: what.to_owned(), why };
        let anchor: Anchor = serde_json::from_str(text).map_err(|error| malformed(error.to_string()))?;
        if anchor.kind != Anchor::KIND {
            return Err(TrustError::WrongType {
                what: what.to_owned(),
                signed: anchor.kind,
                expected: Anchor::KIND.to_owned(),
            });
        }
        Ok(anchor)
    }

    /// The root in it, checked against its own keys: that finds a damaged file, and whoever put it
    /// there vouches for the rest.
    pub fn root(&self, what: &str) -> Result<Root, TrustError> {
        let root = Root::parse(what, &self.root)?;
        check_signatures(what, &self.root, &self.signatures, &root.roles.root)?;
        root.check_claims(what, &self.signatures)?;
        Ok(root)
    }

    /// The serial behind which `key` cannot go.
    pub fn floor(&self, key: &Key) -> u64 {
        let floor = self.floor.as_ref();
        floor.and_then(|floor| floor.serials.get(key.as_str())).copied().unwrap_or(0)
    }

    /// When the newest index was issued that its maker had seen, if another key than `key` may have signed it, of those
    /// that may by `root`.
    pub fn newest_of_others(&self, root: &Root, key: &Key) -> Option<Moment> {
        let floor = self.floor.as_ref()?;
        let mut others = root.roles.index.keys.values().filter(|other| *other != key);
        others.any(|other| floor.serials.contains_key(other.as_str())).then_some(floor.issued)
    }
}
