//! A repository on this machine's own disks.

use std::fs::File;
use std::path::{Path, PathBuf};

use url::Url;

use super::FetchError;

/// A folder with a repository's files.
#[derive(Debug)]
pub(super) struct Folder {
    path: PathBuf,
}

impl Folder {
    pub(super) fn at(url: &Url) -> Result<Folder, FetchError> {
        let path = url.to_file_path();
        path.map(|path| Folder { path })
            .map_err(|()| FetchError::BadUrl(url.to_string(), "it names no folder".to_owned()))
    }

    pub(super) fn open(&self, file: &str) -> Result<File, FetchError> {
        let path = self.path.join(Path::new(file));
        match File::open(&path) {
            Ok(file) => Ok(file),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                Err(FetchError::NotFound(format!("file://{}", path.display())))
            }
            Err(error) => Err(FetchError::Unreadable { path: path.display().to_string(), error }),
        }
    }
}
