//! A folder for parsers that read from the disk.

use std::fs;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

thread_local! {
    static FOLDER: TempDir = TempDir::new().expect("there is a place for temporary files");
}

/// Hands `body` the folder of this thread, with nothing in it but the file at `path`, which holds `bytes`.
pub(crate) fn with_file(path: &str, bytes: &[u8], body: impl FnOnce(&Path)) {
    with_folder(|folder| {
        let place = folder.join(path.trim_start_matches('/'));
        fs::create_dir_all(place.parent().expect("it is below the folder")).expect("a folder is made");
        fs::write(place, bytes).expect("a file is written");
        body(folder);
    });
}

/// Hands `body` the folder of this thread, empty.
pub(crate) fn with_folder(body: impl FnOnce(&Path)) {
    FOLDER.with(|folder| {
        for name in names(folder.path()) {
            let place: PathBuf = folder.path().join(name);
            let removed = if place.is_dir() { fs::remove_dir_all(place) } else { fs::remove_file(place) };
            removed.expect("what lies there is ours");
        }
        body(folder.path());
    });
}

/// What a folder holds, sorted.
pub(crate) fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).expect("it is a folder");
    let mut names: Vec<String> =
        entries.map(|entry| entry.expect("it can be listed").file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}
