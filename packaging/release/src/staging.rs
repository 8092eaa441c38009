//! Where files are made before they get their names.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use crate::error::{Error, failed};

/// The folder's name. A program that was killed leaves it, the next one removes it.
const FOLDER: &str = ".qus-release";

/// Files that have not got their names yet. Removed with this value.
pub struct Staging {
    repository: PathBuf,
    path: PathBuf,
}

impl Staging {
    /// An empty folder in the repository in `repository`, which the caller has locked.
    pub fn new(repository: &Path) -> Result<Staging, Error> {
        let path = repository.join(FOLDER);
        match std::fs::remove_dir_all(&path) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(failed("remove", &path)(error)),
            _ => {}
        }
        std::fs::create_dir(&path).map_err(failed("create", &path))?;
        Ok(Staging { repository: repository.to_owned(), path })
    }

    /// A folder in it, for what is not to stay.
    pub fn folder(&self, name: &str) -> Result<PathBuf, Error> {
        let path = self.path.join(name);
        std::fs::create_dir_all(&path).map_err(failed("create", &path))?;
        Ok(path)
    }

    /// Where the file that is to be `name` is made; the folder for it exists afterwards.
    pub fn file(&self, name: &str) -> Result<PathBuf, Error> {
        let path = self.path.join(name);
        let folder = path.parent().unwrap_or(&self.path);
        std::fs::create_dir_all(folder).map_err(failed("create", folder))?;
        Ok(path)
    }

    /// Makes the file that is to be `name`.
    pub fn write(&self, name: &str, text: &str) -> Result<(), Error> {
        let path = self.file(name)?;
        let write = || {
            let mut file = File::create(&path)?;
            file.write_all(text.as_bytes())?;
            file.sync_all()
        };
        write().map_err(failed("write", &path))
    }

    /// Gives `names` to the files made for them, in this order.
    ///
    /// # Atomicity
    ///
    /// Each file appears whole or not at all. When one cannot be placed, those placed before it
    /// are removed again unless they replaced others. So name last what leads to the others.
    pub fn place(&self, names: &[String]) -> Result<(), Error> {
        let mut new = Vec::new();
        let mut place = |name: &String| {
            let (from, to) = (self.path.join(name), self.repository.join(name));
            let folder = to.parent().unwrap_or(&self.repository);
            std::fs::create_dir_all(folder).map_err(failed("create", folder))?;
            let replaces = to.symlink_metadata().is_ok();
            std::fs::rename(&from, &to).map_err(failed("create", &to))?;
            if !replaces {
                new.push(to);
            }
            Ok(())
        };
        let placed = names.iter().try_for_each(&mut place).and_then(|()| self.sync(names));
        if placed.is_err() {
            for path in new {
                // The error that stands is the first.
                let _ = std::fs::remove_file(path);
            }
        }
        placed
    }

    fn sync(&self, names: &[String]) -> Result<(), Error> {
        let mut folders: BTreeSet<PathBuf> =
            names.iter().filter_map(|name| self.repository.join(name).parent().map(Path::to_owned)).collect();
        folders.insert(self.repository.clone());
        folders
            .iter()
            .try_for_each(|path| File::open(path).and_then(|folder| folder.sync_all()).map_err(failed("sync", path)))
    }
}

impl Drop for Staging {
    fn drop(&mut self) {
        // The next command that changes the repository removes it too.
        let _ = std::fs::remove_dir_all(&self.path);
    }
}
