//! Observing: the machine as values, without changing anything.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Read;

use nix::errno::Errno;
use nix::sys::statvfs::{FsFlags, statvfs};
use nix::unistd::{AccessFlags, access};
use sha2::{Digest, Sha256 as Sha256Hasher};
use thiserror::Error;

use super::kernel::{Kernel, KernelError};
use super::namespace;
use super::prove::{Outcome, prove};
use super::root::{FileError, Root};
use crate::dropin;
use crate::elf::Header;
use crate::exit::{Exit, Explain};
use crate::hex::Sha256;
use crate::host::Host;
use crate::layout;
use crate::observed::{Binfmt, Fault, FaultKind, FileState, Observed, Table, Unreachable};
use crate::receipt::{Installed, Receipt, SCHEMA};
use crate::rooted::RootedPath;
use crate::rule::{HEAD, KernelVersion, Pattern};
use crate::target::Target;

/// Something that must be known could not be found out.
#[derive(Debug, Error)]
#[error(transparent)]
#[expect(missing_docs, reason = "each says itself what it means")]
pub enum ObserveError {
    File(#[from] FileError),
    Kernel(#[from] KernelError),
    #[error("the receipt \"{path}\" cannot be read: {why}")]
    Receipt {
        path: RootedPath,
        why: String,
    },
    #[error("this machine's own programs are of no kind that qus knows")]
    UnknownHost,
    #[error("\"{0}\" is not a directory")]
    NoRoot(String),
}

impl Explain for ObserveError {
    fn exit(&self) -> Exit {
        match self {
            ObserveError::File(error) => error.exit(),
            ObserveError::Kernel(error) => error.exit(),
            ObserveError::NoRoot(_) => Exit::Usage,
            _ => Exit::Failed,
        }
    }

    fn help(&self) -> Option<String> {
        match self {
            ObserveError::File(error) => error.help(),
            ObserveError::Kernel(error) => error.help(),
            ObserveError::Receipt { path, .. } => Some(format!(
                "it was written by a newer qus, or damaged; use that qus, or move it away and install again: {path}"
            )),
            ObserveError::UnknownHost | ObserveError::NoRoot(_) => None,
        }
    }
}

/// How closely to look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Look<'a> {
    /// Targets of which it matters whether the host runs them by itself.
    pub native: &'a [Target],
    /// Installed targets whose emulators are compared with the receipt.
    pub contents: &'a [Target],
    /// Whether it matters which files there are: where only the kernel's table changes, it does not.
    pub files: bool,
}

/// Looks at the system below `root`, and at `kernel` if it is the running one's.
pub fn observe(root: &Root, kernel: Option<&dyn Kernel>, look: Look) -> Result<Observed, ObserveError> {
    let own_head = own_head().ok_or(ObserveError::UnknownHost)?;
    let host = host_of(&own_head)?;
    let receipt = read_receipt(root)?;
    let release = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let binfmt = match kernel {
        None => Binfmt::NotAsked,
        Some(kernel) => look_at_kernel(kernel, release.trim())?,
    };
    let damaged = look
        .contents
        .iter()
        .copied()
        .filter(|target| receipt.targets.get(target).is_some_and(|installed| !is_intact(root, installed)))
        .collect();
    let (directories, faults, space) = look_at_places(root);
    // An image is booted by some kernel of its own day: what the running one is does not matter.
    let kernel = if root.is_system() { KernelVersion::parse(&release) } else { None };
    let mut observed = Observed {
        host,
        kernel: kernel.unwrap_or(KernelVersion(u32::MAX, 0)),
        own_head,
        native: BTreeSet::new(),
        binfmt,
        receipt,
        damaged,
        files: if look.files { look_at_files(root)? } else { BTreeMap::new() },
        directories,
        faults,
        space,
        trust: root.read(&layout::trust())?,
    };
    observed.native = native_targets(&observed, look.native);
    Ok(observed)
}

fn host_of(own_head: &[u8]) -> Result<Host, ObserveError> {
    Header::parse(own_head).ok().and_then(|header| Host::of(&header)).ok_or(ObserveError::UnknownHost)
}

/// The head of this very program: what the host runs by itself, whatever `uname` says.
fn own_head() -> Option<Vec<u8>> {
    let mut head = vec![0; HEAD];
    fs::File::open("/proc/self/exe").and_then(|mut file| file.read_exact(&mut head)).ok()?;
    Some(head)
}

/// The receipt of the system below `root`; an empty one if there is none.
fn read_receipt(root: &Root) -> Result<Receipt, ObserveError> {
    let path = layout::receipt();
    let Some(text) = root.read(&path)? else { return Ok(Receipt::default()) };
    let unreadable = |why: String| ObserveError::Receipt { path: path.clone(), why };
    let receipt: Receipt = serde_json::from_str(&text).map_err(|error| unreadable(error.to_string()))?;
    if receipt.schema != SCHEMA {
        return Err(unreadable(format!("it has schema {}, this qus knows schema {SCHEMA}", receipt.schema)));
    }
    Ok(receipt)
}

fn look_at_kernel(kernel: &dyn Kernel, release: &str) -> Result<Binfmt, KernelError> {
    if let Some(table) = kernel.table()? {
        return Ok(Binfmt::Mounted(table));
    }
    Ok(if !namespace::kernel_has_binfmt_misc(release) {
        Binfmt::Unreachable(Unreachable::NotInKernel)
    } else if !namespace::capable(namespace::CAP_SYS_ADMIN) {
        Binfmt::Unreachable(Unreachable::NoPrivilege)
    } else if !namespace::is_host() {
        Binfmt::Unreachable(Unreachable::Private)
    } else {
        Binfmt::Mountable
    })
}

/// Which of `asked` the host runs by itself: what its own programs are, and of the same family what
/// runs when it is tried. A target that somebody registered is emulated, whatever the host could.
pub fn native_targets(observed: &Observed, asked: &[Target]) -> BTreeSet<Target> {
    let empty = Table::default();
    let table = observed.binfmt.table().unwrap_or(&empty);
    asked
        .iter()
        .copied()
        .filter(|target| target.family() == observed.host.family())
        .filter(|target| {
            let own = Pattern::of(*target).matches(&observed.own_head);
            own || (table.matching(*target).next().is_none() && prove(*target).outcome == Outcome::Ready)
        })
        .collect()
}

fn is_intact(root: &Root, installed: &Installed) -> bool {
    let Ok(mut file) = root.open(&installed.path) else { return false };
    if file.metadata().map_or(0, |metadata| metadata.len()) != installed.size {
        return false;
    }
    let mut hasher = Sha256Hasher::new();
    let mut buffer = vec![0; 256 * 1024];
    loop {
        match file.read(&mut buffer) {
            Ok(0) => return Sha256(hasher.finalize().into()) == installed.sha256,
            Ok(read) => hasher.update(&buffer[..read]),
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(_) => return false,
        }
    }
}

/// Everything that qus may have put somewhere, or that lies where it would.
fn look_at_files(root: &Root) -> Result<BTreeMap<RootedPath, FileState>, FileError> {
    let mut files = BTreeMap::new();
    let emulators = layout::emulators();
    for name in root.list(&emulators)? {
        let path = emulators.join(&name);
        match root.look(&path)? {
            Some(FileState::Other) => {
                for name in root.list(&path).unwrap_or_default() {
                    let path = path.join(&name);
                    files.extend(root.look(&path)?.map(|state| (path, state)));
                }
            }
            Some(state) => drop(files.insert(path, state)),
            None => {}
        }
    }
    for name in root.list(&RootedPath::from_trusted(dropin::DIRECTORY))? {
        if !name.starts_with("qus-") {
            continue;
        }
        let path = RootedPath::from_trusted(dropin::DIRECTORY).join(&name);
        let state = match root.look(&path)? {
            Some(FileState::File(_)) => root.read(&path)?.map(FileState::Text),
            other => other,
        };
        files.extend(state.map(|state| (path, state)));
    }
    Ok(files)
}

/// Which directories there are on the way to our places, which of our places cannot be written to,
/// and how much room there is.
fn look_at_places(root: &Root) -> (BTreeSet<RootedPath>, Vec<Fault>, u64) {
    let drop_ins = RootedPath::from_trusted(dropin::DIRECTORY);
    let state = RootedPath::from_trusted(layout::STATE);
    let emulators = layout::emulators();
    let mut directories: BTreeSet<RootedPath> =
        root.list(&emulators).unwrap_or_default().iter().map(|name| emulators.join(name)).collect();
    directories.insert(layout::staging());
    directories.retain(|path| root.locate(path).is_dir());
    let mut faults = Vec::new();
    let mut space = u64::MAX;
    for place in [&emulators, &drop_ins, &state] {
        let mut there = place.ancestors().filter(|path| root.locate(path).is_dir());
        let existing = there.next().unwrap_or_else(|| RootedPath::from_trusted("/"));
        directories.extend(std::iter::once(existing.clone()).chain(there));
        let location = root.locate(&existing);
        let status = statvfs(&location).ok();
        let flag = |flag| status.is_some_and(|status| status.flags().contains(flag));
        let mut fault = |kind| faults.push(Fault { path: existing.clone(), kind });
        if flag(FsFlags::ST_RDONLY) {
            fault(FaultKind::ReadOnly);
        } else if let Err(errno) = access(&location, AccessFlags::W_OK | AccessFlags::X_OK) {
            fault(if errno == Errno::EROFS { FaultKind::ReadOnly } else { FaultKind::Permission });
        }
        if *place == emulators {
            // In an image it is the booted system's mount that counts, which is not this one.
            if root.is_system() && flag(FsFlags::ST_NOEXEC) {
                fault(FaultKind::NoExec);
            }
            if let Some(status) = status {
                space = status.blocks_available().saturating_mul(status.fragment_size());
            }
        }
    }
    (directories, faults, space)
}
