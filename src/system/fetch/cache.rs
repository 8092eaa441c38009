//! `/var/cache/qus`: beginnings of downloads, and the last index. Losing it costs bytes and nothing else.
//!
//! It exists only while something is in it. Where there is no directory for it to lie in, or it cannot be written to,
//! nothing is kept from one run to the next.

use std::fs::{self, File, OpenOptions};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;
use std::time::{Duration, SystemTime};

use nix::sys::statvfs::statvfs;
use serde::{Deserialize, Serialize};

use super::{Partial, Validator};
use crate::hex::Sha256;
use crate::rooted::RootedPath;
use crate::system::root::{FileError, Root};
use crate::system::wide::available;

/// How long the beginning of a download is kept that nobody went on with.
const AGE_MAX: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// Name of the last index.
const INDEX: &str = "index.json";

/// An index as it was fetched, to be asked for again only if it changed. It is checked again whenever it is used.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct KeptIndex {
    /// URL of the source.
    pub url: String,
    /// By what the source tells it from a newer one.
    pub validator: Validator,
    /// Its bytes.
    pub text: String,
}

/// A place for a file of `size` bytes with this hash, with what is kept of it from an earlier run. `passing` is where
/// it is put if nothing can be kept; that goes with its directory.
pub fn partial(root: &Root, sha256: &Sha256, size: u64, passing: RootedPath) -> Result<Partial, FileError> {
    match lasting(root, sha256, size) {
        Some(partial) => Ok(partial),
        None => Partial::passing(root, passing),
    }
}

fn lasting(root: &Root, sha256: &Sha256, size: u64) -> Option<Partial> {
    let directory = root.layout().cache();
    let is_directory = |path: &Path| path.is_dir();
    if !is_directory(&root.locate(&directory.parent()?)) {
        return None;
    }
    root.make_directory(directory, 0o700).ok()?;
    sweep(root, &format!("{sha256}."));
    let path = directory.join(&format!("{sha256}.part"));
    let file = open(&root.locate(&path));
    let roomy = file.as_ref().is_some_and(|file| has_room(&root.locate(directory), file, size));
    if !roomy {
        if file.is_some_and(|file| file.metadata().is_ok_and(|metadata| metadata.len() == 0)) {
            let _ = fs::remove_file(root.locate(&path));
        }
        tidy(root);
        return None;
    }
    let record = root.locate(&directory.join(&format!("{sha256}.json")));
    Some(Partial::lasting(file?, path, record))
}

/// Opens the beginning of a file, if it is a plain one of ours.
fn open(path: &Path) -> Option<File> {
    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .custom_flags(nix::libc::O_NOFOLLOW | nix::libc::O_NONBLOCK)
        .open(path)
        .ok()?;
    let metadata = file.metadata().ok()?;
    let own = metadata.is_file() && metadata.nlink() == 1 && metadata.uid() == nix::unistd::geteuid().as_raw();
    own.then_some(file)
}

/// Whether the rest of the file fits beside what others need there.
fn has_room(directory: &Path, file: &File, size: u64) -> bool {
    const SPARE: u64 = 1024 * 1024;
    let have = file.metadata().map_or(0, |metadata| metadata.len());
    let free = statvfs(directory).map_or(u64::MAX, |status| available(&status));
    free >= size.saturating_sub(have) + SPARE
}

/// Removes beginnings of downloads that are too old to be of use, and what belongs to none; not those whose names
/// begin with `but`.
fn sweep(root: &Root, but: &str) {
    let directory = root.layout().cache();
    let names = root.list(directory).unwrap_or_default();
    for name in names.iter().filter(|name| !name.starts_with(but) && name.as_str() != INDEX) {
        let place = root.locate(&directory.join(name));
        let age = |metadata: fs::Metadata| SystemTime::now().duration_since(metadata.modified().ok()?).ok();
        let old = fs::symlink_metadata(&place).ok().and_then(age).is_some_and(|age| age > AGE_MAX);
        let part = name.strip_suffix(".json").map(|hash| format!("{hash}.part"));
        let orphan = part.is_some_and(|part| !names.contains(&part));
        if old || orphan {
            // What cannot be removed now is tried again the next time.
            let _ = fs::remove_file(place);
        }
    }
}

/// Removes the directory if nothing is in it.
pub fn tidy(root: &Root) {
    // It stays where something is mounted, for instance.
    let _ = fs::remove_dir(root.locate(root.layout().cache()));
}

/// Removes all of it.
pub fn clear(root: &Root) -> Result<(), FileError> {
    root.remove_tree(root.layout().cache())
}

/// The index that was kept of `url`.
pub fn index(root: &Root, url: &str) -> Option<KeptIndex> {
    let text = root.read(&root.layout().cache().join(INDEX)).ok()??;
    serde_json::from_str(&text).ok().filter(|kept: &KeptIndex| kept.url == url)
}

/// Keeps `index` for the next time, if it can be kept.
pub fn keep_index(root: &Root, index: &KeptIndex) {
    let directory = root.layout().cache();
    let there = directory.parent().is_some_and(|parent| root.locate(&parent).is_dir());
    let Ok(text) = serde_json::to_string(index) else { return };
    if there && root.make_directory(directory, 0o700).is_ok() {
        // Without it the next run fetches a few bytes more.
        let _ = root.write(&directory.join(INDEX), &text);
        tidy(root);
    }
}
