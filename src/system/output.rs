//! Files that are written where somebody said, and not where qus keeps its own.

use std::fs;
use std::io;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use super::root::FileError;
use crate::export::File;

/// What lies where a file is to be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    /// Nothing.
    New,
    /// Just that file.
    Same,
    /// Something else.
    Other(PathBuf),
}

/// What lies where `files` are to be written in `directory`.
pub fn look(directory: &Path, files: &[File]) -> Result<Vec<Output>, FileError> {
    files
        .iter()
        .map(|file| {
            let path = directory.join(&file.name);
            match fs::read(&path) {
                Ok(bytes) if bytes == file.text.as_bytes() => Ok(Output::Same),
                Ok(_) => Ok(Output::Other(path)),
                Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Output::New),
                Err(error) => Err(failed("read", &path, error)),
            }
        })
        .collect()
}

/// Writes `files` to `directory`, which is made if it is not there; each whole or not at all.
pub fn write(directory: &Path, files: &[File]) -> Result<(), FileError> {
    fs::create_dir_all(directory).map_err(|error| failed("make directory", directory, error))?;
    for file in files {
        let path = directory.join(&file.name);
        let new = directory.join(format!(".{}.qus-new", file.name));
        let written = write_new(&new, file).and_then(|()| fs::rename(&new, &path));
        if let Err(error) = written {
            // The error that counts is the one above; a half-written file is of no use to anybody.
            let _ = fs::remove_file(&new);
            return Err(failed("write", &path, error));
        }
    }
    Ok(())
}

fn write_new(path: &Path, file: &File) -> io::Result<()> {
    use std::io::Write;
    let mut new = fs::OpenOptions::new().write(true).create(true).truncate(true).mode(file.mode).open(path)?;
    new.set_permissions(fs::Permissions::from_mode(file.mode))?;
    new.write_all(file.text.as_bytes())
}

fn failed(what: &'static str, path: &Path, error: io::Error) -> FileError {
    FileError { what, path: path.display().to_string(), error }
}
