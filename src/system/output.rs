//! Files that are written where somebody said, and not where qus keeps its own.

use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use super::root::FileError;
use crate::export::File;

/// `directory` as it can be named from everywhere.
pub fn absolute(directory: &Path) -> Result<PathBuf, FileError> {
    std::path::absolute(directory).map_err(failed("find", directory))
}

/// Of the places where `files` are to be written in `directory`, those that hold something else.
pub fn taken(directory: &Path, files: &[File]) -> Result<Vec<PathBuf>, FileError> {
    let mut taken = Vec::new();
    for file in files {
        let path = directory.join(&file.name);
        if !says(&path, &file.text).map_err(failed("read", &path))? {
            taken.push(path);
        }
    }
    Ok(taken)
}

/// Whether nothing is there, or a file that says just `text`. A link is something else, wherever it points.
fn says(path: &Path, text: &str) -> io::Result<bool> {
    match fs::symlink_metadata(path) {
        Ok(metadata) if metadata.is_file() && metadata.len() == text.len() as u64 => {
            Ok(fs::read(path)? == text.as_bytes())
        }
        Ok(_) => Ok(false),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(true),
        Err(error) => Err(error),
    }
}

/// Writes `files` to `directory`, which is made if it is not there.
///
/// # Atomicity
///
/// Every file is ready before the first one is put in its place; until then a failure leaves nothing behind. Each
/// appears whole or not at all.
pub fn write(directory: &Path, files: &[File]) -> Result<(), FileError> {
    let missing: Vec<&Path> = directory.ancestors().take_while(|directory| !directory.exists()).collect();
    let done = fs::create_dir_all(directory)
        .map_err(failed("make directory", directory))
        .and_then(|()| files.iter().try_for_each(|file| make_ready(directory, file)))
        .and_then(|()| files.iter().try_for_each(|file| put_in_place(directory, file)));
    if done.is_err() {
        // The error that counts is the one above.
        for file in files {
            let _ = fs::remove_file(new(directory, file));
        }
        for directory in missing {
            let _ = fs::remove_dir(directory);
        }
    }
    done
}

/// Where `file` lies until all are ready.
fn new(directory: &Path, file: &File) -> PathBuf {
    directory.join(format!(".{}.qus-new", file.name))
}

fn make_ready(directory: &Path, file: &File) -> Result<(), FileError> {
    let path = new(directory, file);
    // An earlier qus may have been killed here.
    let _ = fs::remove_file(&path);
    let written = || -> io::Result<()> {
        let mut new = fs::OpenOptions::new().write(true).create_new(true).mode(file.mode).open(&path)?;
        new.set_permissions(fs::Permissions::from_mode(file.mode))?;
        new.write_all(file.text.as_bytes())?;
        new.sync_all()
    };
    written().map_err(failed("write", &directory.join(&file.name)))
}

fn put_in_place(directory: &Path, file: &File) -> Result<(), FileError> {
    let path = directory.join(&file.name);
    fs::rename(new(directory, file), &path).map_err(failed("write", &path))
}

fn failed(what: &'static str, path: &Path) -> impl Fn(io::Error) -> FileError {
    let path = path.display().to_string();
    move |error| FileError { what, path: path.clone(), error }
}
