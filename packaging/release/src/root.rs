//! `qus-release root`: who may sign what, from now on.

use std::collections::BTreeMap;
use std::path::PathBuf;

use qus::hex::Sha256;
use qus::trust::{Anchor, Label, ROOT_KIND, Role, Roles, Root, Signatures, root_file, signature_file};

use crate::cli::{RootArgs, time};
use crate::error::{Error, failed};
use crate::keys::{labelled, read_public, read_secret};
use crate::passphrase::Passphrases;
use crate::repository::{ANCHOR_FILE, Repository, SignedRoot};
use crate::signing::Signer;

/// A new root.
#[derive(Debug)]
pub struct Made {
    /// Counts the roots of the repository.
    pub version: u64,
    /// The files written.
    pub files: Vec<PathBuf>,
}

/// Makes the repository's first root, or the one after its newest.
///
/// # Atomicity
///
/// Nothing is written unless readers will follow: the new root bears enough signatures of the root
/// before and of its own. It appears after its signatures, the anchor after both.
pub fn run(args: &RootArgs, passphrases: &Passphrases) -> Result<Made, Error> {
    let keys = args.root_key.len();
    let threshold = args.threshold.unwrap_or(keys / 2 + 1);
    if !(1..=keys).contains(&threshold) {
        return Err(Error::Threshold { threshold, keys });
    }
    let repository = Repository::create(&args.repository)?;
    let before = repository.newest_root()?;
    let release = labelled("release", &args.release_key, read_public)?;
    let index = labelled("index", &args.index_key, read_public)?;
    let mut signers = labelled("root", &args.root_key, |path| read_secret(path, passphrases))?;

    let own = signers.iter().map(|(label, signer)| (label.clone(), signer.public().clone())).collect();
    let root = Root {
        kind: ROOT_KIND.to_owned(),
        version: before.as_ref().map_or(1, |before| before.root.version + 1),
        expires: time(args.now).plus(args.expires),
        roles: Roles { root: Role::new(threshold, own), release: Role::new(1, release), index: Role::new(1, index) },
        revoked: revoked(args, before.as_ref()),
    };
    for (label, signer) in labelled("root", &args.outgoing_key, |path| read_secret(path, passphrases))? {
        if signers.contains_key(&label) {
            return Err(Error::SameLabel { role: "root", label: label.to_string() });
        }
        signers.insert(label, signer);
    }

    check_roles(&root.roles)?;
    let file = root_file(root.version);
    let malformed =
        |error: serde_json::Error| Error::Malformed { path: repository.file(&file), why: error.to_string() };
    let text = serde_json::to_string_pretty(&root).map_err(malformed)? + "\n";
    let anchor = Anchor {
        kind: Anchor::KIND.to_owned(),
        repository: args.url.clone(),
        signatures: sign(&root, &text, &signers).map_err(failed("sign", &repository.file(&file)))?,
        root: text,
        floor: repository.anchor()?.and_then(|anchor| anchor.floor),
    };
    anchor.root(&file)?;
    if let Some(before) = before {
        let from = before.root.version;
        let followed = before.root.successor(&file, &anchor.root, &anchor.signatures);
        followed.map_err(|error| Error::NotFollowed { from, error })?;
    }
    place(&repository, &file, &anchor).map(|files| Made { version: root.version, files })
}

/// Fails if one key has two roles: the two signatures behind an install would be one.
pub(crate) fn check_roles(roles: &Roles) -> Result<(), Error> {
    let Roles { root, release, index } = roles;
    let mut labels: BTreeMap<&str, &Label> = BTreeMap::new();
    for keys in [&root.keys, &release.keys, &index.keys] {
        if let Some((second, first)) =
            keys.iter().find_map(|(label, key)| labels.get(key.as_str()).map(|first| (label, *first)))
        {
            return Err(Error::OneKeyForTwoRoles { first: first.to_string(), second: second.to_string() });
        }
        labels.extend(keys.iter().map(|(label, key)| (key.as_str(), label)));
    }
    Ok(())
}

/// The hashes revoked before and now, each once.
fn revoked(args: &RootArgs, before: Option<&SignedRoot>) -> Vec<Sha256> {
    let mut revoked: Vec<Sha256> = before.map(|before| before.root.revoked.clone()).unwrap_or_default();
    revoked.extend(&args.revoke);
    revoked.sort_unstable();
    revoked.dedup();
    revoked
}

/// The bytes of the anchor's file.
pub(crate) fn anchor_text(repository: &Repository, anchor: &Anchor) -> Result<String, Error> {
    let path = repository.file(ANCHOR_FILE);
    let text = serde_json::to_string_pretty(anchor);
    Ok(text.map_err(|error| Error::Malformed { path, why: error.to_string() })? + "\n")
}

fn sign(root: &Root, text: &str, signers: &BTreeMap<Label, Signer>) -> std::io::Result<Signatures> {
    let comment = format!("type:{ROOT_KIND}\tversion:{}", root.version);
    signers.iter().map(|(label, signer)| Ok((label.clone(), signer.sign(text.as_bytes(), &comment)?))).collect()
}

/// Puts the root in `anchor` into the repository as `file`, its signatures before it and the anchor behind it.
pub(crate) fn place(repository: &Repository, file: &str, anchor: &Anchor) -> Result<Vec<PathBuf>, Error> {
    let staging = repository.staging()?;
    let mut names = Vec::new();
    for (label, signature) in &anchor.signatures {
        let name = signature_file(file, label);
        staging.write(&name, signature)?;
        names.push(name);
    }
    staging.write(file, &anchor.root)?;
    staging.write(ANCHOR_FILE, &anchor_text(repository, anchor)?)?;
    names.extend([file.to_owned(), ANCHOR_FILE.to_owned()]);
    staging.place(&names)?;
    Ok(names.iter().map(|name| repository.file(name)).collect())
}
