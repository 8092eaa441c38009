//! What arrived of a file so far.

use std::cell::RefCell;
use std::fs::{self, File};
use std::io::{self, Seek};
use std::os::unix::fs::FileExt;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::Validator;
use super::notes::tell;
use crate::rooted::RootedPath;
use crate::system::root::{FileError, Root, failed};

/// Whose bytes they are.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Origin {
    pub(super) url: String,
    pub(super) validator: Validator,
}

/// The beginning of a file, kept so that the rest can be fetched later. It is never believed: whoever wants the file
/// reads it from its first byte, and checks it as if all of it came from the network.
#[derive(Debug)]
pub struct Partial {
    file: File,
    path: RootedPath,
    /// Where its origin is written down; nowhere if it is gone with its directory when this run fails.
    record: Option<PathBuf>,
    origin: RefCell<Option<Origin>>,
}

impl Partial {
    /// In a place that nobody looks at again.
    pub fn passing(root: &Root, path: RootedPath) -> Result<Partial, FileError> {
        let file = root.create(&path, 0o600)?;
        Ok(Partial { file, path, record: None, origin: RefCell::default() })
    }

    /// In `file`, which has no name.
    pub fn unnamed(file: File) -> Partial {
        let path = RootedPath::from_trusted("/memory");
        Partial { file, path, record: None, origin: RefCell::default() }
    }

    /// In a place where the next run looks for it.
    pub(super) fn lasting(file: File, path: RootedPath, record: PathBuf) -> Partial {
        let text = fs::read_to_string(&record).unwrap_or_default();
        let origin = serde_json::from_str(&text).ok();
        Partial { file, path, record: Some(record), origin: RefCell::new(origin) }
    }

    /// Whether the next run goes on with it; then that is told.
    pub fn waits(&self, size: u64) -> Result<bool, FileError> {
        let have = self.have()?;
        let waits = self.record.is_some() && have > 0;
        if waits {
            tell(&format!("{have} of {size} bytes are there and kept; the same command goes on from them"));
        }
        Ok(waits)
    }

    /// The directory that it is written to; none for what has no name.
    pub(super) fn directory(&self) -> Option<RootedPath> {
        self.path.parent().filter(|directory| directory.as_str() != "/")
    }

    /// How many bytes there are.
    pub fn have(&self) -> Result<u64, FileError> {
        self.file.metadata().map(|metadata| metadata.len()).map_err(failed("look at", &self.path))
    }

    /// The file, to be written from its first byte on: what is there is written over with the same bytes.
    pub(super) fn sink(&self) -> Result<File, FileError> {
        let sink = self.file.try_clone().and_then(|mut file| file.rewind().map(|()| file));
        sink.map_err(failed("write", &self.path))
    }

    pub(super) fn read_at(&self, buffer: &mut [u8], at: u64) -> io::Result<usize> {
        self.file.read_at(buffer, at)
    }

    /// Throws away what there is.
    pub(super) fn begin_anew(&self) -> Result<(), FileError> {
        self.origin.replace(None);
        self.file.set_len(0).map_err(failed("empty", &self.path))
    }

    pub(super) fn origin(&self) -> Option<Origin> {
        self.origin.borrow().clone()
    }

    /// Its first byte comes from there. Written down before that byte arrives; whoever cannot read it later asks
    /// without it, and the hash decides.
    pub(super) fn comes_from(&self, origin: Origin) {
        if let (Some(record), Ok(text)) = (&self.record, serde_json::to_string(&origin)) {
            let _ = fs::write(record, text);
        }
        self.origin.replace(Some(origin));
    }

    /// Removes its names. Its bytes stay for whoever has it open.
    pub fn forget(&self, root: &Root) -> Result<(), FileError> {
        root.forget(&self.path)?;
        if let Some(record) = &self.record {
            // There is none if nothing ever came.
            let _ = fs::remove_file(record);
            // Others may lie beside it.
            let directory = self.path.parent().map(|parent| root.locate(&parent));
            let _ = directory.map(fs::remove_dir);
        }
        Ok(())
    }
}
