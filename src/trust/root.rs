//! Roots: who may sign what, and how one root hands over to the next.

use std::collections::{BTreeMap, BTreeSet};

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use minisign_verify::PublicKey;
use serde::{Deserialize, Serialize};

use super::{ForIndexes, ForReleases, ForRoots, Minisig, Role, TrustError};
use crate::hex::Sha256;
use crate::moment::Moment;

/// The `type` of a root document.
pub const ROOT_KIND: &str = "qus-root";

/// Largest root document, in bytes: a thousand keys.
pub const ROOT_MAX: u64 = 64 * 1024;

/// How many roots a repository may have added since this machine last looked: at one a year, a lifetime.
pub const ROOTS_MAX: u64 = 32;

/// How many signatures of one root are looked at.
const SIGNERS_MAX: usize = 32;

/// The name of root `version` in a repository.
pub fn root_file(version: u64) -> String {
    format!("root.{version}.json")
}

/// The name of `label`'s signature of `file`.
pub fn signature_file(file: &str, label: &Label) -> String {
    format!("{file}.minisig.{label}")
}

/// A minisign public key, spelled as in the second line of its file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Key {
    pub(super) public: PublicKey,
    text: String,
    bytes: [u8; KEY_LENGTH],
}

/// `sizeof(PubkeyStruct)`, in bytes: algorithm, id, key (minisign tag 0.11, `src/minisign.h`).
const KEY_LENGTH: usize = 42;

impl Key {
    /// The key in base64.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The number by which minisign's programs call it. It selects, and proves nothing: two keys may bear the same.
    pub fn id(&self) -> String {
        let mut id = [0; 8];
        id.copy_from_slice(&self.bytes[2..10]);
        format!("{:016X}", u64::from_le_bytes(id))
    }

    /// Whether the same secret signs for both, whatever ids they bear.
    pub(super) fn is_the_same_as(&self, other: &Key) -> bool {
        self.bytes[10..] == other.bytes[10..]
    }
}

impl TryFrom<String> for Key {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let bytes = BASE64.decode(&text).ok().and_then(|bytes| bytes.try_into().ok());
        match (PublicKey::from_base64(&text), bytes) {
            (Ok(public), Some(bytes)) => Ok(Key { public, text, bytes }),
            _ => Err(format!("\"{text}\" is not a minisign public key")),
        }
    }
}

impl From<Key> for String {
    fn from(key: Key) -> String {
        key.text
    }
}

/// What a signer is called, such as `alice`: part of a file's name and of a URL.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Label(String);

impl Label {
    /// The label.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Display for Label {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(&self.0)
    }
}

impl TryFrom<String> for Label {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
        if !text.is_empty() && text.len() <= 32 && text.bytes().all(plain) {
            Ok(Label(text))
        } else {
            Err(format!("\"{text}\" is not a label: letters, digits, \"-\" and \"_\", at most 32"))
        }
    }
}

impl From<Label> for String {
    fn from(label: Label) -> String {
        label.0
    }
}

/// The three roles. None can stand in for another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Roles {
    /// Signs roots.
    pub root: Role<ForRoots>,
    /// Signs assets.
    pub release: Role<ForReleases>,
    /// Signs the index.
    pub index: Role<ForIndexes>,
}

/// A root document whose signatures were checked, or that is about to be signed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Root {
    /// Always [`ROOT_KIND`].
    #[serde(rename = "type")]
    pub kind: String,
    /// Counts the roots of a repository, from 1.
    pub version: u64,
    /// From when on it is not to be believed.
    pub expires: Moment,
    /// Who may sign what.
    pub roles: Roles,
    /// Hashes of assets, and of programs in them, that are not to be installed nor run whoever signed them.
    pub revoked: Vec<Sha256>,
}

/// The text of signature files, by the label of the signer.
pub type Signatures = BTreeMap<Label, String>;

impl Root {
    /// Reads a root document without believing it: for whoever is about to sign it.
    pub fn unverified(what: &str, text: &str) -> Result<Root, TrustError> {
        Root::parse(what, text)
    }

    pub(super) fn parse(what: &str, text: &str) -> Result<Root, TrustError> {
        let malformed = |why: String| TrustError::Malformed { what: what.to_owned(), why };
        if text.len() as u64 > ROOT_MAX {
            return Err(malformed(format!("it is longer than {ROOT_MAX} bytes")));
        }
        let root: Root = serde_json::from_str(text).map_err(|error| malformed(error.to_string()))?;
        if root.kind != ROOT_KIND {
            return Err(TrustError::WrongType {
                what: what.to_owned(),
                signed: root.kind,
                expected: ROOT_KIND.to_owned(),
            });
        }
        let Roles { root: roots, release, index } = &root.roles;
        if let Some(why) = roots.fault().or_else(|| release.fault()).or_else(|| index.fault()) {
            return Err(malformed(why));
        }
        // One signature is all that is looked for beside an index or an asset: a root that asks for more
        // must not be taken for one that is heeded.
        for (name, threshold) in [("release", release.threshold), ("index", index.threshold)] {
            if threshold != 1 {
                return Err(malformed(format!("role \"{name}\" wants {threshold} signatures; this qus knows one")));
            }
        }
        Ok(root)
    }

    /// The root that follows this one: signed by enough keys of both.
    pub fn successor(&self, what: &str, text: &str, signatures: &Signatures) -> Result<Root, TrustError> {
        check_signatures(what, text, signatures, &self.roles.root)?;
        let next = Root::parse(what, text)?;
        check_signatures(what, text, signatures, &next.roles.root)?;
        next.check_claims(what, signatures)?;
        if next.version != self.version + 1 {
            return Err(TrustError::NotNext { have: self.version, found: next.version });
        }
        Ok(next)
    }

    /// Whose signatures to look for beside the root that offers itself as the next one: everybody
    /// who may sign by this root, or says so in that one, which is not believed yet.
    pub fn signers(&self, next: &str) -> BTreeSet<Label> {
        let next = Root::parse("", next).ok();
        let next = next.iter().flat_map(|next| next.roles.root.keys.keys());
        self.roles.root.keys.keys().chain(next).take(SIGNERS_MAX).cloned().collect()
    }

    /// Fails if it is expired at `now`.
    pub fn check_expiry(&self, now: Moment) -> Result<(), TrustError> {
        if now >= self.expires {
            return Err(TrustError::Expired { what: root_file(self.version), at: self.expires });
        }
        Ok(())
    }

    /// Fails unless every signature is made out to this very root.
    pub(super) fn check_claims(&self, what: &str, signatures: &Signatures) -> Result<(), TrustError> {
        for signature in signatures.values() {
            let signature = Minisig::parse(what, signature)?;
            signature.expect_type(ROOT_KIND)?;
            signature.expect_claim("version", &self.version.to_string())?;
        }
        Ok(())
    }
}

/// Fails unless enough different keys of `role` signed `text`: a key that signed twice, under two labels or two ids, counts
/// once. Signatures of keys that it does not name do not count; damaged ones are an error.
pub(super) fn check_signatures(
    what: &str,
    text: &str,
    signatures: &Signatures,
    role: &Role<ForRoots>,
) -> Result<(), TrustError> {
    let mut signers: Vec<Key> = Vec::new();
    for signature in signatures.values() {
        match Minisig::parse(what, signature)?.signer(text.as_bytes(), role) {
            Ok(key) if !signers.iter().any(|signer| signer.is_the_same_as(&key)) => signers.push(key),
            Ok(_) | Err(TrustError::UnknownKey { .. }) => {}
            Err(error) => return Err(error),
        }
    }
    match signers.len() {
        have if have >= role.threshold => Ok(()),
        0 => Err(TrustError::UnknownKey { what: what.to_owned() }),
        have => Err(TrustError::TooFewSignatures { what: what.to_owned(), have, need: role.threshold }),
    }
}
