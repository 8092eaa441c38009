//! What could not be done to a file.

use std::io;

use thiserror::Error;

use crate::exit::{Exit, Explain};
use crate::rooted::RootedPath;

/// Something could not be done to a file.
#[derive(Debug, Error)]
#[error("cannot {what} \"{path}\": {error}")]
pub struct FileError {
    /// What was tried.
    pub what: &'static str,
    /// The file.
    pub path: String,
    /// What the system said.
    pub error: io::Error,
}

impl Explain for FileError {
    fn exit(&self) -> Exit {
        match self.error.kind() {
            io::ErrorKind::PermissionDenied => Exit::Kernel,
            _ => Exit::Failed,
        }
    }

    fn help(&self) -> Option<String> {
        Some(match self.error.kind() {
            io::ErrorKind::PermissionDenied => "run the command as root, with sudo for instance".to_owned(),
            io::ErrorKind::StorageFull => format!("free some space: df -h {}", self.path),
            io::ErrorKind::ReadOnlyFilesystem => format!("mount it writable: findmnt -T {}", self.path),
            _ => return None,
        })
    }
}

/// Turns an error of the system into one that names what was tried.
pub fn failed(what: &'static str, path: &RootedPath) -> impl FnOnce(io::Error) -> FileError {
    let path = path.to_string();
    move |error| FileError { what, path, error }
}
