//! A root that is being signed: a file that travels from signer to signer, and holds all that each needs to know.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::path::Path;

use qus::hex::Sha256;
use qus::trust::{Anchor, Key, Label, Purpose, ROOT_MAX, ROOTS_MAX, Role, Root, Signatures, root_file};
use serde::{Deserialize, Serialize};
use sha2::Digest;

use crate::error::{Error, failed};
use crate::repository::{SignedRoot, read_document};

/// The `type` of the file.
pub const PENDING_KIND: &str = "qus-pending-root";

/// The root that is to be, and the one before it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pending {
    /// Always [`PENDING_KIND`].
    #[serde(rename = "type")]
    pub kind: String,
    /// The root before, with its signatures.
    pub before: Anchor,
    /// The roots before that one, the first of all first: by them the root before follows from an anchor of any age.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub earlier: Vec<Earlier>,
    /// The next root, byte for byte as it is signed.
    pub root: String,
    /// Who signed it so far.
    pub signatures: Signatures,
}

/// A root of former times.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Earlier {
    /// The root, byte for byte as it was signed.
    pub root: String,
    /// Its signatures.
    pub signatures: Signatures,
}

impl From<SignedRoot> for Earlier {
    fn from(signed: SignedRoot) -> Earlier {
        Earlier { root: signed.text, signatures: signed.signatures }
    }
}

/// How far the signing has come, by the keys of one root.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// Whose keys these are: `root 1`.
    pub of: String,
    /// Who signed.
    pub signed: BTreeSet<Label>,
    /// How many must.
    pub needed: usize,
    /// Who could still.
    pub missing: BTreeSet<Label>,
}

impl Pending {
    /// Reads the file at `path`, whose root before must be sound by its own keys.
    pub fn read(path: &Path) -> Result<Pending, Error> {
        let malformed = |why: String| Error::Malformed { path: path.to_owned(), why };
        // Roots with their signatures, each shorter than a root.
        let text = read_document(path, 2 * (ROOTS_MAX + 2) * ROOT_MAX)?;
        let text = text.ok_or_else(|| failed("open", path)(std::io::ErrorKind::NotFound.into()))?;
        let pending: Pending = serde_json::from_str(&text).map_err(|error| malformed(error.to_string()))?;
        if pending.kind != PENDING_KIND {
            return Err(malformed(format!("it is of type \"{}\", not \"{PENDING_KIND}\"", pending.kind)));
        }
        let (before, next) = (pending.before()?, pending.next()?);
        if next.version != before.version + 1 {
            return Err(malformed(format!("it would put root {} behind root {}", next.version, before.version)));
        }
        Ok(pending)
    }

    /// Writes the file at `path`; over another only if it `replaces` one.
    ///
    /// # Atomicity
    ///
    /// It appears whole, or not at all.
    pub fn write(&self, path: &Path, replaces: bool) -> Result<(), Error> {
        if !replaces && path.symlink_metadata().is_ok() {
            return Err(Error::Exists(path.to_owned()));
        }
        let malformed = |why: String| Error::Malformed { path: path.to_owned(), why };
        let text = serde_json::to_string_pretty(self).map_err(|error| malformed(error.to_string()))? + "\n";
        let mut name = path.file_name().unwrap_or_default().to_owned();
        name.push(".new");
        let new = path.with_file_name(name);
        let write = || {
            let mut file = std::fs::File::create(&new)?;
            file.write_all(text.as_bytes())?;
            file.sync_all()?;
            std::fs::rename(&new, path)
        };
        write().map_err(failed("write", path))
    }

    /// The root before.
    pub fn before(&self) -> Result<Root, Error> {
        Ok(self.before.root("the root before")?)
    }

    /// The root that is to be; it is not believed yet.
    pub fn next(&self) -> Result<Root, Error> {
        Ok(Root::unverified("the root to sign", &self.root)?)
    }

    /// How far the signing has come: by the keys of the root before, and by those of the next.
    pub fn standing(&self) -> Result<[Standing; 2], Error> {
        let (before, next) = (self.before()?, self.next()?);
        let standing = |root: &Root| {
            let file = root_file(next.version);
            let role = &root.roles.root;
            let has_signed = |label: &&Label| {
                let signature = self.signatures.get(*label);
                signature.is_some_and(|signature| role.is_signed_by(&file, &self.root, signature, label))
            };
            let signed: BTreeSet<Label> = role.keys.keys().filter(has_signed).cloned().collect();
            let missing = role.keys.keys().filter(|label| !signed.contains(*label)).cloned().collect();
            Standing { of: format!("root {}", root.version), signed, needed: role.threshold, missing }
        };
        Ok([standing(&before), standing(&next)])
    }

    /// Fails unless the root before is the one in `anchor`, or follows from it by the signatures of all between; `what` is
    /// used in messages.
    pub fn check_anchor(&self, what: &str, anchor: &Anchor) -> Result<(), Error> {
        let other = |why: String| Error::OtherAnchor { anchor: what.to_owned(), why };
        let before = self.before()?;
        let (mut root, mut text) = (anchor.root(what)?, anchor.root.as_str());
        if root.version > before.version {
            return Err(other(format!(
                "it is at root {} already, and the file starts from an older one",
                root.version
            )));
        }
        let path = self.earlier.iter().map(|earlier| (&earlier.root, &earlier.signatures));
        for (next, signatures) in path.chain([(&self.before.root, &self.before.signatures)]) {
            let version = Root::unverified("a root of the file", next)?.version;
            if version == root.version + 1 {
                root = root.successor(&root_file(version), next, signatures)?;
                text = next;
            }
        }
        if root.version < before.version {
            return Err(other(format!("the file does not lead from root {} to root {}", root.version, before.version)));
        }
        if text != self.before.root {
            return Err(other(format!("the file has another root {}", before.version)));
        }
        Ok(())
    }

    /// The root that the next one is compared with, in a line for whoever is to sign it; `vouched` says who answers for it.
    pub fn compared(&self, vouched: &str) -> Result<String, Error> {
        let (version, hash) = (self.before()?.version, Sha256(sha2::Sha256::digest(&self.before.root).into()));
        Ok(format!("compared with root {version}, SHA-256 {hash}, {vouched}"))
    }

    /// What changes, in lines for whoever is to sign it.
    pub fn describe(&self) -> Result<Vec<String>, Error> {
        let (before, next) = (self.before()?, self.next()?);
        let mut lines = vec![
            format!("repository: {}", self.before.repository),
            format!("root {} behind root {}, until {}", next.version, before.version, next.expires),
        ];
        describe_role(&before.roles.root, &next.roles.root, &mut lines);
        describe_role(&before.roles.release, &next.roles.release, &mut lines);
        describe_role(&before.roles.index, &next.roles.index, &mut lines);
        let revoked = next.revoked.iter().filter(|hash| !before.revoked.contains(hash));
        lines.extend(revoked.map(|hash| format!("revokes {hash}")));
        let again = before.revoked.iter().filter(|hash| !next.revoked.contains(hash));
        lines.extend(again.map(|hash| format!("allows {hash} again")));
        Ok(lines)
    }
}

fn describe_role<P: Purpose>(before: &Role<P>, next: &Role<P>, lines: &mut Vec<String>) {
    let count = next.keys.len();
    let threshold = if before.threshold == next.threshold && before.keys.len() == count {
        format!("{} of {count}", next.threshold)
    } else {
        format!("{} of {count}, before {} of {}", next.threshold, before.threshold, before.keys.len())
    };
    lines.push(format!("{} keys: {threshold} must sign", P::NAME));
    let other = |keys: &BTreeMap<Label, Key>, label: &Label, key: &Key| keys.get(label) != Some(key);
    for (label, key) in before.keys.iter().filter(|(label, key)| other(&next.keys, label, key)) {
        lines.push(format!("  removes {label}: {}", key.as_str()));
    }
    for (label, key) in &next.keys {
        let word = if other(&before.keys, label, key) { "adds" } else { "keeps" };
        lines.push(format!("  {word} {label}: {}", key.as_str()));
    }
}
