//! Reading and writing bundles. Every byte of one is either of a file that is checked elsewhere, or just as qus writes it:
//! there is one spelling of a bundle, and no room for anything else in it.

mod check;
mod gather;
mod tape;
mod write;

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use thiserror::Error;

pub use check::check;
pub use gather::gather;
pub use write::Writer;

use crate::bundle::{BUNDLE_MAX, MANIFEST_FILE, MEMBERS_MAX, Manifest, Part, signature_name};
use crate::exit::{Exit, Explain};
use crate::host::Host;
use crate::moment::Moment;
use crate::release::INDEX_FILE;
use crate::system::store::StoreError;
use crate::system::unpack::UnpackError;
use crate::trust::TrustError;

/// Why a file is no bundle, or not one that is wanted.
#[derive(Debug, Error)]
#[expect(missing_docs, reason = "each says itself what it means")]
pub enum BundleError {
    #[error("cannot {what} \"{}\": {error}", path.display())]
    File { what: &'static str, path: PathBuf, error: io::Error },
    #[error("\"{}\" is {what}, where the file of a bundle is wanted", path.display())]
    NoFile { path: PathBuf, what: &'static str },
    #[error("\"{}\" is not a sound bundle: {why}", path.display())]
    Damaged { path: PathBuf, why: String },
    #[error("\"{}\" is for \"{have}\" hosts, and this one is \"{need}\"", path.display())]
    OtherHost { path: PathBuf, have: Host, need: Host },
    #[error("\"{}\" is there already", .0.display())]
    Exists(PathBuf),
    #[error("interrupted")]
    Interrupted,
    #[error("{what} in \"{}\" expired at {at}", path.display())]
    Stale { path: PathBuf, what: String, at: Moment, days: u64 },
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Trust(#[from] TrustError),
    #[error(transparent)]
    Unpack(#[from] UnpackError),
}

impl Explain for BundleError {
    fn exit(&self) -> Exit {
        match self {
            BundleError::File { what, error, .. } => match (*what, error.kind()) {
                ("read", io::ErrorKind::NotFound) => Exit::Unreachable,
                (_, io::ErrorKind::PermissionDenied) => Exit::Kernel,
                _ => Exit::Failed,
            },
            BundleError::NoFile { .. } | BundleError::OtherHost { .. } => Exit::Usage,
            BundleError::Damaged { .. } => Exit::NotAuthentic,
            BundleError::Exists(_) | BundleError::Interrupted => Exit::Failed,
            BundleError::Stale { .. } => Exit::Expired,
            BundleError::Store(error) => error.exit(),
            BundleError::Trust(error) => error.exit(),
            BundleError::Unpack(error) => error.exit(),
        }
    }

    fn help(&self) -> Option<String> {
        Some(match self {
            BundleError::File { path, error, .. } => match error.kind() {
                io::ErrorKind::StorageFull => format!("free some space: df -h {}", path.display()),
                io::ErrorKind::PermissionDenied => "run the command as who may do that, root for instance".to_owned(),
                io::ErrorKind::NotFound => format!("ls -l {}", path.display()),
                _ => return None,
            },
            BundleError::NoFile { .. } => "copy the bundle to a disk, and name that file".to_owned(),
            BundleError::Damaged { path, .. } => {
                format!("compare it with the original, and copy it again: sha256sum {}", path.display())
            }
            BundleError::Exists(_) => "name another file, or overwrite it with --yes".to_owned(),
            BundleError::Interrupted => return None,
            BundleError::Stale { days, .. } => format!(
                "make a new one where there is a network; if that cannot be, and the date is right: --allow-stale {days}"
            ),
            // An archive passes through memory, and nothing else.
            BundleError::Store(StoreError::Trust(TrustError::Write { .. }))
            | BundleError::Trust(TrustError::Write { .. }) => "free some memory: free -m".to_owned(),
            BundleError::Store(error) => return error.help(),
            BundleError::Trust(error) => return error.help(),
            BundleError::Unpack(error) => return error.help(),
            BundleError::OtherHost { need, .. } => {
                format!("make one for this host: qus bundle create --host {need} FILE TARGET…")
            }
        })
    }
}

/// A bundle whose form was found sound. What its files say is not believed for that.
#[derive(Clone, Debug)]
pub struct Bundle {
    path: PathBuf,
    file: Arc<File>,
    manifest: Manifest,
    members: BTreeMap<String, Place>,
}

/// Where in a bundle a file is, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Place {
    at: u64,
    size: u64,
}

impl Bundle {
    /// Opens the bundle at `path` and looks at its form. A pipe is not waited for.
    pub fn open(path: &Path) -> Result<Bundle, BundleError> {
        let failed = |error| BundleError::File { what: "read", path: path.to_owned(), error };
        let file = File::options().read(true).custom_flags(nix::libc::O_NONBLOCK).open(path).map_err(failed)?;
        let metadata = file.metadata().map_err(failed)?;
        let kind = metadata.file_type();
        if !kind.is_file() {
            let what = if kind.is_dir() { "a directory" } else { "no regular file" };
            return Err(BundleError::NoFile { path: path.to_owned(), what });
        }
        let damaged = |why: String| BundleError::Damaged { path: path.to_owned(), why };
        if metadata.len() > BUNDLE_MAX {
            return Err(damaged(format!("it is longer than {BUNDLE_MAX} bytes")));
        }
        let members = members(&file, metadata.len()).map_err(|error| match error {
            Unsound::Io(error) => failed(error),
            Unsound::Form(why) => damaged(why),
        })?;
        let file = Arc::new(file);
        let mut text = Vec::new();
        if let Some(place) = members.get(MANIFEST_FILE) {
            Piece::of(&file, *place).read_to_end(&mut text).map_err(failed)?;
        }
        let manifest = Manifest::parse(&text).map_err(|why| damaged(format!("its manifest is malformed: {why}")))?;
        Ok(Bundle { path: path.to_owned(), file, manifest, members })
    }

    /// Where it lies.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// How long it is, in bytes.
    pub fn size(&self) -> u64 {
        tape::length(self.members.values().map(|place| place.size))
    }

    /// What it says of itself.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// The names of its files, and their sizes in bytes.
    pub fn names(&self) -> impl Iterator<Item = (&str, u64)> {
        self.members.iter().map(|(name, place)| (name.as_str(), place.size))
    }

    /// Whether it has a file of this name.
    pub fn has(&self, name: &str) -> bool {
        self.members.contains_key(name)
    }

    /// One of its files, to be read from its first byte to its last.
    pub fn piece(&self, name: &str) -> Option<Piece> {
        self.members.get(name).map(|place| Piece::of(&self.file, *place))
    }

    /// Fails unless it is for this host.
    pub fn check_host(&self, host: Host) -> Result<(), BundleError> {
        let have = self.manifest.host;
        if have == host {
            return Ok(());
        }
        Err(BundleError::OtherHost { path: self.path.clone(), have, need: host })
    }
}

/// One file of a bundle.
#[derive(Debug)]
pub struct Piece {
    file: Arc<File>,
    at: u64,
    left: u64,
}

impl Piece {
    fn of(file: &Arc<File>, Place { at, size }: Place) -> Piece {
        Piece { file: Arc::clone(file), at, left: size }
    }
}

impl Read for Piece {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let wanted = usize::try_from(self.left).unwrap_or(usize::MAX).min(buffer.len());
        let read = self.file.read_at(&mut buffer[..wanted], self.at)?;
        self.at += read as u64;
        self.left -= read as u64;
        Ok(read)
    }
}

/// Why a file has not the form of a bundle.
enum Unsound {
    Io(io::Error),
    Form(String),
}

impl From<io::Error> for Unsound {
    fn from(error: io::Error) -> Unsound {
        Unsound::Io(error)
    }
}

impl From<String> for Unsound {
    fn from(why: String) -> Unsound {
        Unsound::Form(why)
    }
}

/// Every file of a bundle, `length` bytes long. Fails on whatever qus would have written otherwise.
fn members(file: &File, length: u64) -> Result<BTreeMap<String, Place>, Unsound> {
    let mut members: BTreeMap<String, Place> = BTreeMap::new();
    // The manifest stands before all others, whatever its name.
    let mut before = String::new();
    let mut at = 0;
    while let Some(tape::Header { name, size }) = tape::header(file, at, length)? {
        let Some(part) = Part::of(&name) else {
            return Err(format!("it holds \"{}\", which no bundle has", name.escape_debug()).into());
        };
        if (part == Part::Manifest) != members.is_empty() {
            return Err(format!("it does not begin with its one \"{MANIFEST_FILE}\"").into());
        }
        if part != Part::Manifest && before >= name {
            return Err(format!("\"{name}\" is in it twice, or in the wrong place").into());
        }
        if size > part.limit() {
            return Err(format!("\"{name}\" has {size} bytes, of {} at most", part.limit()).into());
        }
        if members.len() >= MEMBERS_MAX {
            return Err(format!("it holds more than {MEMBERS_MAX} files").into());
        }
        at = tape::content(file, at, &name, size, length)?;
        if part != Part::Manifest {
            before.clone_from(&name);
        }
        members.insert(name, Place { at: at - tape::padded(size), size });
    }
    complete(&members)?;
    Ok(members)
}

/// Fails unless every file is there that belongs to another.
fn complete(members: &BTreeMap<String, Place>) -> Result<(), String> {
    let lacks = |name: &str| format!("it lacks \"{name}\"");
    if !members.contains_key(INDEX_FILE) {
        return Err(lacks(INDEX_FILE));
    }
    for name in members.keys() {
        let signature = signature_name(name);
        let needed = match Part::of(name) {
            Some(Part::Archive) => signature,
            Some(Part::Signature) => name.trim_end_matches(".minisig").to_owned(),
            Some(Part::RootSignature) => name.split_inclusive(".json").next().unwrap_or_default().to_owned(),
            Some(Part::Root) if !members.keys().any(|other| other.starts_with(&format!("{signature}."))) => {
                return Err(format!("nobody has signed \"{name}\""));
            }
            _ => continue,
        };
        if !members.contains_key(&needed) {
            return Err(lacks(&needed));
        }
    }
    Ok(())
}
