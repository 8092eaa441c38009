//! `qus-release root rotate` and `revoke`: the next root, drawn up for its signers.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};

use qus::hex::Sha256;
use qus::trust::{Anchor, Key, Label, ROOT_KIND, Role, Roles, Root, Signatures, root_file};
use sha2::Digest;

use crate::cli::{RevokeArgs, RotateArgs, time};
use crate::error::{Error, failed};
use crate::keys::{labelled, read_public};
use crate::pending::{PENDING_KIND, Pending};
use crate::repository::{ANCHOR_FILE, Repository};
use crate::root::check_roles;

/// Draws up the root after the newest of the repository. What is not named stays as it is; nothing in the repository
/// changes.
pub fn run(args: &RotateArgs) -> Result<Pending, Error> {
    let repository = Repository::open(&args.repository)?;
    let before = repository.newest_root()?.ok_or_else(|| Error::NoRoot(args.repository.clone()))?;
    let (url, floor) = match (repository.anchor()?, &args.url) {
        (Some(anchor), url) => (url.clone().unwrap_or(anchor.repository), anchor.floor),
        (None, Some(url)) => (url.clone(), None),
        (None, None) => {
            return Err(failed("open", &repository.file(ANCHOR_FILE))(std::io::ErrorKind::NotFound.into()));
        }
    };
    let old = &before.root.roles;
    let roots = keys("root", &args.root_key, &old.root.keys)?;
    // Each signature is a file named after the label: one label, one key.
    if let Some((label, _)) = roots.iter().find(|(label, key)| old.root.keys.get(*label).is_some_and(|old| old != *key))
    {
        return Err(Error::SameLabel { role: "root", label: label.to_string() });
    }
    let usual = if args.root_key.is_empty() { old.root.threshold } else { roots.len() / 2 + 1 };
    let threshold = args.threshold.unwrap_or(usual);
    if !(1..=roots.len()).contains(&threshold) {
        return Err(Error::Threshold { threshold, keys: roots.len() });
    }
    let mut revoked = before.root.revoked.clone();
    for word in &args.revoke {
        revoked.push(hash(word)?);
    }
    revoked.sort_unstable();
    revoked.dedup();
    let root = Root {
        kind: ROOT_KIND.to_owned(),
        version: before.root.version + 1,
        expires: time(args.now).plus(args.expires),
        roles: Roles {
            root: Role::new(threshold, roots),
            release: Role::new(1, keys("release", &args.release_key, &old.release.keys)?),
            index: Role::new(1, keys("index", &args.index_key, &old.index.keys)?),
        },
        revoked,
    };
    check_roles(&root.roles)?;
    let malformed = |error: serde_json::Error| Error::Malformed { path: args.pending.clone(), why: error.to_string() };
    let text = serde_json::to_string_pretty(&root).map_err(malformed)? + "\n";
    Root::unverified(&root_file(root.version), &text)?;
    let pending = Pending {
        kind: PENDING_KIND.to_owned(),
        before: Anchor {
            kind: Anchor::KIND.to_owned(),
            repository: url,
            root: before.text,
            signatures: before.signatures,
            floor,
        },
        root: text,
        signatures: Signatures::new(),
    };
    pending.write(&args.pending, false)?;
    Ok(pending)
}

/// Draws up a root that differs from the newest only in what it revokes.
pub fn revoke(args: &RevokeArgs) -> Result<Pending, Error> {
    /// As by default in `root rotate`.
    const YEAR: std::time::Duration = std::time::Duration::from_secs(365 * 24 * 60 * 60);
    run(&RotateArgs {
        repository: args.repository.clone(),
        pending: args.pending.clone(),
        root_key: Vec::new(),
        release_key: Vec::new(),
        index_key: Vec::new(),
        threshold: None,
        revoke: args.what.clone(),
        url: None,
        expires: YEAR,
        now: args.now,
    })
}

fn keys(role: &'static str, typed: &[PathBuf], before: &BTreeMap<Label, Key>) -> Result<BTreeMap<Label, Key>, Error> {
    if typed.is_empty() { Ok(before.clone()) } else { labelled(role, typed, read_public) }
}

/// A hash as it was typed, or that of the file with this name.
fn hash(word: &str) -> Result<Sha256, Error> {
    if let Ok(hash) = Sha256::try_from(word.to_owned()) {
        return Ok(hash);
    }
    let path = Path::new(word);
    let mut file = File::open(path).map_err(failed("open", path))?;
    let mut hasher = sha2::Sha256::new();
    let mut buffer = vec![0; 128 * 1024];
    loop {
        match std::io::Read::read(&mut file, &mut buffer).map_err(failed("read", path))? {
            0 => return Ok(Sha256(hasher.finalize().into())),
            read => hasher.update(&buffer[..read]),
        }
    }
}
