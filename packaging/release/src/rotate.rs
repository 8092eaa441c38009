//! `qus-release root rotate` and `revoke`: the next root, drawn up for its signers.

use std::collections::BTreeMap;
use std::path::PathBuf;

use qus::trust::{Anchor, Key, Label, ROOT_KIND, Role, Roles, Root, Signatures, root_file};

use crate::cli::{RevokeArgs, RotateArgs, time};
use crate::error::{Error, failed};
use crate::keys::{labelled, read_public};
use crate::pending::{Earlier, PENDING_KIND, Pending};
use crate::repository::{ANCHOR_FILE, Repository};
use crate::revoked;
use crate::root::check_roles;
use crate::ui::Ui;

/// Draws up the root after the newest of the repository. What is not named stays as it is; nothing in the repository
/// changes.
pub fn run(args: &RotateArgs, ui: &Ui) -> Result<Pending, Error> {
    let repository = Repository::open(&args.repository)?;
    let mut earlier = repository.roots()?;
    let before = earlier.pop().ok_or_else(|| Error::NoRoot(args.repository.clone()))?;
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
        for (hash, of) in revoked::hashes(word, args.alone, ui)? {
            ui.note(format_args!("{hash} is {of}"));
            revoked.push(hash);
        }
    }
    revoked.sort_unstable();
    revoked.dedup();
    revoked::note_others(&repository, &revoked, ui)?;
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
        earlier: earlier.into_iter().map(Earlier::from).collect(),
        root: text,
        signatures: Signatures::new(),
    };
    pending.write(&args.pending, false)?;
    Ok(pending)
}

/// Draws up a root that differs from the newest only in what it revokes.
pub fn revoke(args: &RevokeArgs, ui: &Ui) -> Result<Pending, Error> {
    /// As by default in `root rotate`.
    const YEAR: std::time::Duration = std::time::Duration::from_secs(365 * 24 * 60 * 60);
    let args = RotateArgs {
        repository: args.repository.clone(),
        pending: args.pending.clone(),
        root_key: Vec::new(),
        release_key: Vec::new(),
        index_key: Vec::new(),
        threshold: None,
        revoke: args.what.clone(),
        alone: args.alone,
        url: None,
        expires: YEAR,
        now: args.now,
    };
    run(&args, ui)
}

fn keys(role: &'static str, typed: &[PathBuf], before: &BTreeMap<Label, Key>) -> Result<BTreeMap<Label, Key>, Error> {
    if typed.is_empty() { Ok(before.clone()) } else { labelled(role, typed, read_public) }
}
