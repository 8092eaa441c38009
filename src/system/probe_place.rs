//! Where a program is tried: a directory of its own, which goes with the process that made it, or with the next one.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Once;

use nix::libc::{O_DIRECTORY, O_NOFOLLOW};
use nix::sys::statvfs::{FsFlags, statvfs};

/// What such directories are called, before six characters of chance.
const NAME: &str = "qus-probe-";

/// How often a directory is made anew that somebody took for one left behind before it could be locked.
const TRIES: usize = 8;

/// A directory that holds a program and nothing else, for as long as this value lives.
///
/// # Atomicity
///
/// It is locked for as long as its process lives. The next one removes what is locked by nobody, so that a kill leaves
/// nothing for good.
pub(super) struct Place {
    path: PathBuf,
    _lock: File,
}

impl Place {
    pub(super) fn with(program: &[u8]) -> io::Result<Place> {
        let place = make()?;
        // Before anything is laid down in it: a umask may keep even its owner out.
        fs::set_permissions(&place.path, fs::Permissions::from_mode(0o755))?;
        let file = place.program();
        fs::write(&file, program)?;
        fs::set_permissions(&file, fs::Permissions::from_mode(0o755))?;
        Ok(place)
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn program(&self) -> PathBuf {
        self.path.join("probe")
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        // The next process tries it again.
        let _ = fs::remove_dir_all(&self.path);
    }
}

/// A new directory where files can be executed.
fn make() -> io::Result<Place> {
    let directories = [std::env::temp_dir(), "/var/tmp".into(), "/dev/shm".into(), "/run".into()];
    let mut last = io::Error::from(io::ErrorKind::NotFound);
    for directory in directories {
        match statvfs(&directory) {
            Ok(status) if status.flags().contains(FsFlags::ST_NOEXEC) => {
                last = io::Error::other(format!("\"{}\" is mounted noexec", directory.display()));
            }
            Ok(_) => {
                static SWEPT: Once = Once::new();
                SWEPT.call_once(|| sweep(&directory));
                match make_in(&directory) {
                    Ok(place) => return Ok(place),
                    Err(error) => last = error,
                }
            }
            Err(errno) => last = errno.into(),
        }
    }
    Err(last)
}

fn make_in(directory: &Path) -> io::Result<Place> {
    for _ in 0..TRIES {
        let path = nix::unistd::mkdtemp(&directory.join(format!("{NAME}XXXXXX")))?;
        // A sweeper may be faster: then it is gone, or about to go.
        let Ok(lock) = open(&path) else { continue };
        if lock.try_lock().is_ok() && path.exists() {
            return Ok(Place { path, _lock: lock });
        }
    }
    Err(io::ErrorKind::ResourceBusy.into())
}

/// Removes what killed processes of this user left in `directory`. What cannot be removed harms nobody.
fn sweep(directory: &Path) {
    let own = nix::unistd::geteuid().as_raw();
    for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
        if !entry.file_name().to_string_lossy().starts_with(NAME) {
            continue;
        }
        let Ok(lock) = open(&entry.path()) else { continue };
        if lock.metadata().is_ok_and(|found| found.uid() == own) && lock.try_lock().is_ok() {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

/// Opens a directory, and nothing else that bears its name.
fn open(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).custom_flags(O_DIRECTORY | O_NOFOLLOW).open(path)
}
