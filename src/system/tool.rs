//! Looking at this very program: where it lies, whose it is, and whether it can be replaced.

use std::fs::{self, File};
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use nix::errno::Errno;
use nix::sys::statvfs::{FsFlags, statvfs};
use nix::unistd::{AccessFlags, access};
use sha2::{Digest, Sha256 as Sha256Hasher};

use super::observe::ObserveError;
use super::root::{FileError, Root, failed};
use super::tool_owner;
use super::wide::available;
use crate::elf::Header;
use crate::hex::Sha256;
use crate::host::Host;
use crate::itself::{Provenance, ToolObserved};
use crate::layout::Layout;
use crate::observed::{Fault, FaultKind};
use crate::rooted::RootedPath;
use crate::tool::{InstallSource, SCHEMA, ToolReceipt};
use crate::version::Version;

/// Looks at the program that runs.
///
/// # Panics
///
/// If the version that this program was built as is none, which is an error in its manifest.
pub fn observe(root: &Root) -> Result<ToolObserved, ObserveError> {
    // Of a program whose file is gone the kernel tells a path that nothing bears.
    let found = std::env::current_exe().and_then(fs::canonicalize).ok();
    let path = found.as_deref().and_then(Path::to_str).and_then(|path| RootedPath::try_from(path.to_owned()).ok());
    let gone = path.is_none();
    let path = path.unwrap_or_else(|| RootedPath::from_trusted("/proc/self/exe"));
    let (sha256, head) = hash(&path)?;
    let host = Header::parse(&head).ok().and_then(|header| Host::of(&header)).ok_or(ObserveError::UnknownHost)?;
    let Ok(version) = env!("CARGO_PKG_VERSION").parse::<Version>() else { panic!("this qus has no version") };
    let receipt = root.read(&root.layout().tool_receipt())?;
    let provenance = if gone { Provenance::Gone } else { provenance(root, &path, sha256, receipt.as_deref()) };
    let directory = path.parent().unwrap_or_else(|| RootedPath::from_trusted("/"));
    let names = fs::metadata(path.as_str()).map_or(1, |file| file.nlink());
    let mut observed = ToolObserved {
        layout: root.layout().clone(),
        host,
        version,
        sha256,
        names,
        provenance,
        previous: None,
        fault: fault(&directory),
        space: space(&directory),
        receipt,
        trust: root.read(&root.layout().trust())?,
        path,
    };
    let previous = observed.previous_path();
    if root.look(&previous)?.is_some() {
        observed.previous = Some(hash(&previous)?.0);
    }
    Ok(observed)
}

/// What whoever built or packaged this program says of how it is brought up to date.
pub fn install_source(root: &Root) -> Option<InstallSource> {
    let path = std::env::current_exe().ok()?.to_str()?.to_owned();
    tool_owner::package(root, &RootedPath::try_from(path).ok()?)
}

fn provenance(root: &Root, path: &RootedPath, sha256: Sha256, receipt: Option<&str>) -> Provenance {
    if let Some(source) = tool_owner::package(root, path) {
        return Provenance::Package(source);
    }
    if let Some(kind) = tool_owner::container() {
        return Provenance::Container(kind);
    }
    match speaking_of(path, receipt) {
        Some(receipt) if receipt.sha256 == sha256 => Provenance::Standalone(receipt),
        Some(_) => Provenance::Changed,
        None => elsewhere(root, path, sha256).unwrap_or(Provenance::Unknown),
    }
}

/// The receipt with this text, if it is one of this very path.
fn speaking_of(path: &RootedPath, receipt: Option<&str>) -> Option<ToolReceipt> {
    let receipt: ToolReceipt = serde_json::from_str(receipt?).ok()?;
    // It names what was typed then, which may be a link.
    let leads_here = fs::canonicalize(receipt.path.as_str()).is_ok_and(|led| led == Path::new(path.as_str()));
    (leads_here && receipt.schema == SCHEMA).then_some(receipt)
}

/// Whose copy it is by the receipt that was not asked for: the machine's in place of the user's, or the other way round.
fn elsewhere(root: &Root, path: &RootedPath, sha256: Sha256) -> Option<Provenance> {
    let (other, provenance) = if *root.layout() == Layout::system() {
        (Root::home(&super::home()?), Provenance::OfUser)
    } else {
        (Root::system(), Provenance::OfMachine)
    };
    // It is for a message alone: what cannot be read says nothing.
    let text = other.read(&other.layout().tool_receipt()).ok().flatten();
    let receipt = speaking_of(path, text.as_deref())?;
    (receipt.sha256 == sha256).then_some(provenance)
}

/// A file's hash, and its beginning.
fn hash(path: &RootedPath) -> Result<(Sha256, Vec<u8>), FileError> {
    /// What tells the host.
    const HEAD: usize = 4096;
    let mut file = File::open(path.as_str()).map_err(failed("read", path))?;
    let mut hasher = Sha256Hasher::new();
    let mut head = Vec::new();
    let mut buffer = vec![0; 256 * 1024];
    loop {
        let read = match file.read(&mut buffer) {
            Ok(0) => return Ok((Sha256(hasher.finalize().into()), head)),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            read => read.map_err(failed("read", path))?,
        };
        head.extend(buffer[..read].iter().take(HEAD.saturating_sub(head.len())));
        hasher.update(&buffer[..read]);
    }
}

fn fault(directory: &RootedPath) -> Option<Fault> {
    let fault = |kind| Some(Fault { path: directory.clone(), kind });
    if statvfs(directory.as_str()).is_ok_and(|status| status.flags().contains(FsFlags::ST_RDONLY)) {
        return fault(FaultKind::ReadOnly);
    }
    match access(directory.as_str(), AccessFlags::W_OK | AccessFlags::X_OK) {
        Err(Errno::EROFS) => fault(FaultKind::ReadOnly),
        Err(_) => fault(FaultKind::Permission),
        Ok(()) => None,
    }
}

fn space(directory: &RootedPath) -> u64 {
    statvfs(directory.as_str()).map_or(0, |status| available(&status))
}
