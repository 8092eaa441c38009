//! The lock: one change at a time.

use std::fs::{self, File, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::os::unix::fs::MetadataExt;
use std::time::{Duration, Instant};

use thiserror::Error;

use super::root::{FileError, Root};
use crate::exit::{Exit, Explain};
use crate::observed::FileState;
use crate::rooted::RootedPath;

/// How often a lock that is waited for is looked at again.
const PATIENCE: Duration = Duration::from_millis(100);

/// The lock, held until it is dropped; also if the process is killed.
#[derive(Debug)]
pub struct Lock<'a> {
    root: &'a Root,
    file: File,
    made: Vec<RootedPath>,
}

/// Why the lock was not had.
#[derive(Debug, Error)]
pub enum LockError {
    /// Another process holds it.
    #[error("another qus is at work here, process {holder}")]
    Held {
        /// Its process id, if it wrote it down, and what it was told to do, as far as that is seen from here.
        holder: String,
    },
    /// Something else lies where its file would.
    #[error("\"{path}\" is {kind}, not the lock of qus")]
    NotAFile {
        /// Where.
        path: RootedPath,
        /// What it is.
        kind: &'static str,
    },
    /// Its file could not be used.
    #[error(transparent)]
    File(#[from] FileError),
}

impl Explain for LockError {
    fn exit(&self) -> Exit {
        match self {
            LockError::Held { .. } => Exit::Locked,
            LockError::NotAFile { .. } => Exit::Failed,
            LockError::File(error) => error.exit(),
        }
    }

    fn help(&self) -> Option<String> {
        match self {
            LockError::Held { .. } => Some("wait for it with --wait-lock SECONDS".to_owned()),
            LockError::NotAFile { path, .. } => Some(format!("look at it, then move it away: ls -l {path}")),
            LockError::File(error) => error.help(),
        }
    }
}

impl<'a> Lock<'a> {
    /// Takes the lock, waiting for it at most as long as `wait`.
    ///
    /// # Atomicity
    ///
    /// Of all who ask at the same moment one has it, and nobody else until that one is done, or dead: the kernel takes a
    /// lock back with the process that held it. What the file says is only for people.
    pub fn take(root: &'a Root, wait: Duration) -> Result<Lock<'a>, LockError> {
        let path = root.layout().lock().clone();
        let until = Instant::now() + wait;
        let mut made = Vec::new();
        if let Some(directory) = path.parent()
            && root.look(&directory)?.is_none()
        {
            root.make_directory(&directory, 0o755)?;
            made.push(directory);
        }
        loop {
            check_kind(root, &path)?;
            let mut file = open(root, &path)?;
            match file.try_lock() {
                Ok(()) if is_current(root, &file, &path) => {
                    // It is held whether or not a full disk lets it be said by whom.
                    let _ = file.set_len(0).and_then(|()| writeln!(file, "{}", std::process::id()));
                    return Ok(Lock { root, file, made });
                }
                // Its holder removed it between our two calls: it is another file by now.
                Ok(()) => {}
                Err(TryLockError::WouldBlock) if Instant::now() < until => std::thread::sleep(PATIENCE),
                Err(TryLockError::WouldBlock) => return Err(LockError::Held { holder: holder(&mut file) }),
                Err(TryLockError::Error(error)) => return Err(super::root::failed("lock", &path)(error).into()),
            }
        }
    }
}

impl Drop for Lock<'_> {
    /// Leaves nothing behind. Removed while it is held, so that nobody can hold a file without name.
    fn drop(&mut self) {
        let path = self.root.layout().lock();
        if is_current(self.root, &self.file, path) {
            // What cannot be removed now is overwritten by the next run.
            let _ = fs::remove_file(self.root.locate(path));
        }
        for directory in &self.made {
            let _ = fs::remove_dir(self.root.locate(directory));
        }
    }
}

fn open(root: &Root, path: &RootedPath) -> Result<File, FileError> {
    use std::os::unix::fs::OpenOptionsExt;
    File::options()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        // Whoever can open it, if only to read it, can lock it.
        .mode(0o600)
        .custom_flags(nix::libc::O_NOFOLLOW)
        .open(root.locate(path))
        .map_err(super::root::failed("open", path))
}

fn is_current(root: &Root, file: &File, path: &RootedPath) -> bool {
    let number = |metadata: io::Result<fs::Metadata>| metadata.ok().map(|metadata| (metadata.dev(), metadata.ino()));
    let named = number(fs::symlink_metadata(root.locate(path)));
    named.is_some() && named == number(file.metadata())
}

/// Fails if something else than a file lies there, which is left as it is.
fn check_kind(root: &Root, path: &RootedPath) -> Result<(), LockError> {
    let kind = match root.look(path)? {
        None | Some(FileState::File(_) | FileState::Text(_)) => return Ok(()),
        Some(FileState::Link(_)) => "a symbolic link",
        Some(FileState::Other) if root.locate(path).is_dir() => "a directory",
        Some(FileState::Other) => "a pipe or a device",
    };
    Err(LockError::NotAFile { path: path.clone(), kind })
}

/// The process that wrote itself down, and its command if it is another of this program.
fn holder(file: &mut File) -> String {
    let mut text = String::new();
    let read = file.rewind().and_then(|()| file.take(32).read_to_string(&mut text));
    let Some(process) = read.ok().and_then(|_| text.trim().parse::<u32>().ok()) else { return "unknown".to_owned() };
    // Seen from another process namespace the number is somebody else's.
    let program = |process: &str| fs::metadata(format!("/proc/{process}/exe")).map(|file| (file.dev(), file.ino()));
    match (program(&process.to_string()), program("self")) {
        (Ok(theirs), Ok(own)) if theirs == own => {
            let words = fs::read(format!("/proc/{process}/cmdline")).unwrap_or_default();
            let words = String::from_utf8_lossy(&words).trim_end_matches('\0').replace('\0', " ");
            format!("{process} (\"{words}\")")
        }
        _ => process.to_string(),
    }
}
