//! Gathering what a bundle holds, from a repository that is trusted.

use std::collections::BTreeMap;
use std::io::Seek;

use super::check::in_memory;
use super::{BundleError, Writer};
use crate::bundle::{MANIFEST_FILE, Manifest, Part, archive_name, signature_name};
use crate::release::{Asset, INDEX_FILE, INDEX_MAX};
use crate::system::fetch::Partial;
use crate::system::store::Store;
use crate::trust::{MINISIG_MAX, ROOT_MAX, Root, Signatures, TrustError, root_file, signature_file};
use crate::version::Version;

/// What a file of the bundle is made of.
enum Content<'a> {
    Bytes(Vec<u8>),
    Archive(&'a Version, &'a Asset),
}

/// Writes what `manifest` promises: the repository's roots and index as they are, and `archives`. Of these `progress` is
/// told how many bytes are done in all, and says whether to go on.
pub fn gather(
    store: &Store,
    manifest: &Manifest,
    archives: &[(&Version, &Asset)],
    writer: &mut Writer,
    progress: &mut dyn FnMut(u64) -> bool,
) -> Result<(), BundleError> {
    let mut files = roots(store)?;
    files.insert(INDEX_FILE.to_owned(), Content::Bytes(there(store, INDEX_FILE, INDEX_MAX)?));
    for (version, asset) in archives {
        let archive = archive_name(version, &asset.file);
        let signature = signature_name(&archive);
        files.insert(signature.clone(), Content::Bytes(there(store, &signature, MINISIG_MAX)?));
        files.insert(archive, Content::Archive(version, asset));
    }
    let mut done = 0;
    let mut add = |name: &str, bytes: &[u8]| writer.add(name, bytes.len() as u64, &mut &*bytes);
    add(MANIFEST_FILE, manifest.to_json().as_bytes())?;
    for (name, content) in files {
        // An index can call an archive whatever it likes.
        if Part::of(&name).is_none() {
            return Err(malformed(&name, "no file of a bundle has such a name".to_owned()).into());
        }
        match content {
            Content::Bytes(bytes) => writer.add(&name, bytes.len() as u64, &mut &*bytes)?,
            Content::Archive(version, asset) => {
                let partial = Partial::unnamed(in_memory()?);
                let fetched = store.fetch(version, asset, &partial, &mut |have| progress(done + have))?;
                let (mut file, _) = fetched.into_parts();
                done += asset.size;
                file.rewind().map_err(super::check::memory)?;
                writer.add(&name, asset.size, &mut file)?;
            }
        }
    }
    writer.end()
}

/// Every root of the repository that it still has, up to the one that is believed, each with its signatures. Those before
/// this machine's own are for machines that have not come so far.
fn roots<'a>(store: &Store) -> Result<BTreeMap<String, Content<'a>>, BundleError> {
    let mut files = BTreeMap::new();
    let mut before: Option<Root> = None;
    for version in 1..=store.root().version {
        let name = root_file(version);
        let Some(bytes) = store.file(&name, ROOT_MAX)? else {
            // A repository may have forgotten the first ones, and none behind them.
            if before.is_some() {
                return Err(malformed(&name, "it is not there, and others before it are".to_owned()).into());
            }
            continue;
        };
        let text = String::from_utf8(bytes).map_err(|error| malformed(&name, error.to_string()))?;
        let root: Root = serde_json::from_str(&text).map_err(|error| malformed(&name, error.to_string()))?;
        let mut signatures = Signatures::new();
        for label in before.as_ref().unwrap_or(&root).signers(&text) {
            let file = signature_file(&name, &label);
            if let Some(signature) = store.file(&file, MINISIG_MAX)? {
                signatures.insert(label, String::from_utf8_lossy(&signature).into_owned());
                files.insert(file, Content::Bytes(signature));
            }
        }
        if let Some(before) = &before {
            before.successor(&name, &text, &signatures)?;
        }
        files.insert(name, Content::Bytes(text.into_bytes()));
        before = Some(root);
    }
    match before {
        Some(last) if last != *store.root() => {
            let name = root_file(last.version);
            Err(malformed(&name, "it is another than the one that this machine believes".to_owned()).into())
        }
        _ => Ok(files),
    }
}

fn there(store: &Store, name: &str, limit: u64) -> Result<Vec<u8>, BundleError> {
    let file = store.file(name, limit)?;
    file.ok_or_else(|| malformed(name, "the repository does not have it".to_owned()).into())
}

fn malformed(name: &str, why: String) -> TrustError {
    TrustError::Malformed { what: format!("\"{name}\""), why }
}
