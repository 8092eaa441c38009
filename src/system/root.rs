//! The system's root directory as a value: `/`, or the image that `--root` names.

mod error;
mod walk;

use std::cell::Cell;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::layout::Layout;
use crate::observed::FileState;
use crate::rooted::RootedPath;

pub use error::{FileError, failed};

/// Largest text file of qus's own, in bytes: an index of the largest size and its JSON quotes.
const TEXT_MAX: u64 = 16 * 1024 * 1024;

/// A system's root directory.
///
/// # Atomicity
///
/// Files and links appear whole or not at all, and have reached the disk, with the directory that
/// names them, when a method returns.
#[derive(Debug)]
pub struct Root {
    directory: PathBuf,
    layout: Layout,
    synced: Cell<Duration>,
}

impl Root {
    /// The root directory of the running system.
    pub fn system() -> Root {
        Root::image(PathBuf::from("/"))
    }

    /// The root directory of an image.
    pub fn image(directory: PathBuf) -> Root {
        Root { directory, layout: Layout::system(), synced: Cell::default() }
    }

    /// The running system, of which only what lies below the user's home is changed.
    pub fn home(home: &RootedPath) -> Root {
        Root { layout: Layout::home(home), ..Root::system() }
    }

    /// The image at `directory`, which must be one. `/` spelled in whatever way is the running system.
    pub fn resolve(directory: &Path) -> Result<PathBuf, FileError> {
        let path = directory.display().to_string();
        let resolved = fs::canonicalize(directory);
        match resolved {
            Ok(resolved) if resolved.is_dir() => Ok(resolved),
            Ok(_) => {
                Err(FileError { what: "use as a root directory", path, error: io::ErrorKind::NotADirectory.into() })
            }
            Err(error) => Err(FileError { what: "use as a root directory", path, error }),
        }
    }

    /// Whether it is the running system's.
    pub fn is_system(&self) -> bool {
        self.directory == Path::new("/")
    }

    /// Where qus keeps what is its own in it.
    pub fn layout(&self) -> &Layout {
        &self.layout
    }

    /// How long this process waited for disks so far.
    pub fn time_synced(&self) -> Duration {
        self.synced.get()
    }

    /// What lies at `path`, if anything.
    pub fn look(&self, path: &RootedPath) -> Result<Option<FileState>, FileError> {
        let place = self.locate(path);
        let metadata = match fs::symlink_metadata(&place) {
            Ok(metadata) => metadata,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(failed("look at", path)(error)),
        };
        let kind = metadata.file_type();
        Ok(Some(if kind.is_symlink() {
            let to = fs::read_link(&place).map_err(failed("read the link", path))?;
            FileState::Link(to.to_string_lossy().into_owned())
        } else if kind.is_file() {
            FileState::File(metadata.len())
        } else {
            FileState::Other
        }))
    }

    /// The text of a file, if it exists.
    pub fn read(&self, path: &RootedPath) -> Result<Option<String>, FileError> {
        let file = match File::open(self.locate(path)) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(failed("read", path)(error)),
        };
        let mut text = String::new();
        file.take(TEXT_MAX).read_to_string(&mut text).map_err(failed("read", path))?;
        Ok(Some(text))
    }

    /// The text of a file that may be anybody's, if it exists; what is no text in it never is what qus writes.
    pub fn read_lossy(&self, path: &RootedPath) -> Result<Option<String>, FileError> {
        let file = match File::open(self.locate(path)) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(failed("read", path)(error)),
        };
        let mut bytes = Vec::new();
        file.take(TEXT_MAX).read_to_end(&mut bytes).map_err(failed("read", path))?;
        Ok(Some(String::from_utf8_lossy(&bytes).into_owned()))
    }

    /// The names in a directory, sorted; none if it does not exist.
    pub fn list(&self, path: &RootedPath) -> Result<Vec<String>, FileError> {
        let entries = match fs::read_dir(self.locate(path)) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(failed("list", path)(error)),
        };
        let mut names = Vec::new();
        for entry in entries {
            let entry = entry.map_err(failed("list", path))?;
            names.push(entry.file_name().to_string_lossy().into_owned());
        }
        names.sort();
        Ok(names)
    }

    /// Opens a file for reading.
    pub fn open(&self, path: &RootedPath) -> Result<File, FileError> {
        File::open(self.locate(path)).map_err(failed("open", path))
    }

    /// Creates a file that must not exist yet.
    pub fn create(&self, path: &RootedPath, mode: u32) -> Result<File, FileError> {
        OpenOptions::new()
            .read(true)
            .write(true)
            .create_new(true)
            .mode(mode)
            .custom_flags(nix::libc::O_NOFOLLOW)
            .open(self.locate(path))
            .map_err(failed("create", path))
    }

    /// Makes a directory, unless it exists.
    pub fn make_directory(&self, path: &RootedPath, mode: u32) -> Result<(), FileError> {
        let place = self.locate(path);
        match fs::DirBuilder::new().mode(mode).create(&place) {
            Ok(()) => {
                let directory = self.open(path)?;
                let there = directory.metadata().map_err(failed("make", path))?;
                // The caller's umask must not keep others out of what they are to execute, nor may a power cut.
                if there.permissions().mode() & 0o7777 != mode {
                    directory.set_permissions(fs::Permissions::from_mode(mode)).map_err(failed("make", path))?;
                    self.sync(&directory, path)?;
                }
                self.sync_parent(path)
            }
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
            Err(error) => Err(failed("make directory", path)(error)),
        }
    }

    /// Makes `text` the content of a file, readable by all.
    ///
    /// # Atomicity
    ///
    /// It is written under another name, synced, renamed into place, and its directory synced: whoever reads it finds the
    /// old text or the new one, also after a power cut.
    pub fn write(&self, path: &RootedPath, text: &str) -> Result<(), FileError> {
        let new = beside(path);
        self.remove(&new)?;
        let mut file = self.create(&new, 0o644)?;
        file.set_permissions(fs::Permissions::from_mode(0o644)).map_err(failed("write", path))?;
        file.write_all(text.as_bytes()).map_err(failed("write", path))?;
        self.sync(&file, path)?;
        self.rename(&new, path)
    }

    /// Makes a symbolic link lead to `to`.
    pub fn link(&self, path: &RootedPath, to: &str) -> Result<(), FileError> {
        let new = beside(path);
        self.remove(&new)?;
        symlink(to, self.locate(&new)).map_err(failed("link", path))?;
        self.rename(&new, path)
    }

    /// Makes `to` a copy of a program, in place of what bore that name.
    pub fn copy_program(&self, from: &RootedPath, to: &RootedPath) -> Result<(), FileError> {
        let new = beside(to);
        self.remove(&new)?;
        let mut source = self.open(from)?;
        let mut file = self.create(&new, 0o700)?;
        io::copy(&mut source, &mut file).map_err(failed("copy to", to))?;
        file.set_permissions(fs::Permissions::from_mode(0o755)).map_err(failed("copy to", to))?;
        self.sync(&file, to)?;
        // Open for writing, it would not be executed.
        drop(file);
        self.rename(&new, to)
    }

    /// Gives a file another name, in place of what bore it.
    ///
    /// # Atomicity
    ///
    /// At every moment the name leads to the old file or to the new one; both directories have reached the disk when it
    /// returns. The file's own content has to have reached it before.
    pub fn rename(&self, from: &RootedPath, to: &RootedPath) -> Result<(), FileError> {
        fs::rename(self.locate(from), self.locate(to)).map_err(failed("rename to", to))?;
        self.sync_parent(to)?;
        if from.parent() != to.parent() {
            self.sync_parent(from)?;
        }
        Ok(())
    }

    /// Removes a file or a link, if it exists.
    pub fn remove(&self, path: &RootedPath) -> Result<(), FileError> {
        match fs::remove_file(self.locate(path)) {
            Ok(()) => self.sync_parent(path),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            // A read-only file system says so before it looks.
            Err(_) if self.look(path)?.is_none() => Ok(()),
            Err(error) => Err(failed("remove", path)(error)),
        }
    }

    /// Removes what [`Root::write`] or [`Root::link`] made, or left behind when they were killed.
    pub fn unwrite(&self, path: &RootedPath) -> Result<(), FileError> {
        self.remove(&beside(path))?;
        self.remove(path)
    }

    /// Removes the name of a file that is open; its bytes stay until it is closed.
    pub fn forget(&self, path: &RootedPath) -> Result<(), FileError> {
        fs::remove_file(self.locate(path)).map_err(failed("remove", path))
    }

    /// Removes a directory of ours with all that is in it, if it exists.
    pub fn remove_tree(&self, path: &RootedPath) -> Result<(), FileError> {
        match fs::remove_dir_all(self.locate(path)) {
            Ok(()) => self.sync_parent(path),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(failed("remove", path)(error)),
        }
    }

    /// Removes a directory if it exists and is empty.
    pub fn prune(&self, path: &RootedPath) -> Result<(), FileError> {
        match fs::remove_dir(self.locate(path)) {
            Ok(()) => self.sync_parent(path),
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::DirectoryNotEmpty) => Ok(()),
            // Something is mounted there.
            Err(error) if error.kind() == io::ErrorKind::ResourceBusy => Ok(()),
            // A read-only file system says so before it looks.
            Err(error)
                if error.kind() == io::ErrorKind::ReadOnlyFilesystem
                    && (self.look(path)?.is_none() || !self.list(path)?.is_empty()) =>
            {
                Ok(())
            }
            Err(error) => Err(failed("remove directory", path)(error)),
        }
    }

    /// Waits until a file has reached the disk.
    pub fn sync(&self, file: &File, path: &RootedPath) -> Result<(), FileError> {
        let started = Instant::now();
        let synced = file.sync_all().map_err(failed("write to disk", path));
        self.synced.set(self.synced.get() + started.elapsed());
        synced
    }

    /// Waits until a directory's names have reached the disk.
    pub fn sync_parent(&self, path: &RootedPath) -> Result<(), FileError> {
        let Some(parent) = path.parent() else { return Ok(()) };
        let directory = match File::open(self.locate(&parent)) {
            Ok(directory) => directory,
            // The directory itself went away: there is no name left to keep.
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(failed("open", &parent)(error)),
        };
        self.sync(&directory, &parent)
    }
}

/// The name under which a file is made ready in its own directory. One that a kill left behind is
/// overwritten by the next run, which undoes or finishes the same step.
fn beside(path: &RootedPath) -> RootedPath {
    RootedPath::from_trusted(format!("{path}.qus-new"))
}
