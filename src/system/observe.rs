//! Observing: the machine as values, without changing anything.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;

use nix::errno::Errno;
use nix::sys::statvfs::{FsFlags, statvfs};
use nix::unistd::{AccessFlags, access};
use sha2::{Digest, Sha256 as Sha256Hasher};
use thiserror::Error;

use super::kernel::{Kernel, KernelError, head_of, own_head};
use super::prove::runs_natively;
use super::root::{FileError, Root};
use super::wide::available;
use super::{configuration, emulators, packages, surroundings, table};
use crate::configuration::Configuration;
use crate::dropin::packaged;
use crate::elf::{Class, Header};
use crate::entry::Entry;
use crate::exit::{Exit, Explain};
use crate::hex::Sha256;
use crate::host::Host;
use crate::observed::{Binfmt, Fault, FaultKind, FileState, Observed, Table, Unreachable};
use crate::place::Place;
use crate::receipt::{Installed, Receipt, SCHEMA};
use crate::rooted::RootedPath;
use crate::rule::{KernelVersion, Match, Pattern};
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
    #[error("/proc is not mounted here")]
    NoProc,
    #[error("\"{0}\" is not a directory")]
    NoRoot(String),
}

impl Explain for ObserveError {
    fn exit(&self) -> Exit {
        match self {
            ObserveError::File(error) => error.exit(),
            ObserveError::Kernel(error) => error.exit(),
            ObserveError::NoRoot(_) => Exit::Usage,
            ObserveError::NoProc => Exit::Kernel,
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
            ObserveError::NoProc => Some("mount -t proc proc /proc".to_owned()),
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
    /// Whether it matters which files there are, ours and everybody's drop-ins: where only new entries are made, it
    /// does not.
    pub files: bool,
}

/// Looks at the system below `root`, and at `kernel` if it is the running one's.
pub fn observe(root: &Root, kernel: Option<&dyn Kernel>, look: Look) -> Result<Observed, ObserveError> {
    observe_with(own_heads(root)?, root, kernel, look)
}

/// The same where `/proc` is not mounted, and so no kernel is to be had: what the system's own programs are is told by
/// its shell.
pub fn observe_without_proc(root: &Root, look: Look) -> Result<Observed, ObserveError> {
    let shell = head_of("/bin/sh").ok_or(ObserveError::NoProc)?;
    let observed = observe_with(vec![shell], root, None, Look { native: &[], ..look })?;
    Ok(Observed { binfmt: Binfmt::Unreachable(Unreachable::NoProc), ..observed })
}

fn observe_with(
    own_heads: Vec<Vec<u8>>,
    root: &Root,
    kernel: Option<&dyn Kernel>,
    look: Look,
) -> Result<Observed, ObserveError> {
    let host = host_of(&own_heads[0])?;
    let receipt = read_receipt(root)?;
    let place = surroundings::place();
    let binfmt = match kernel {
        None => Binfmt::NotAsked,
        Some(kernel) => look_at_kernel(kernel, &place)?,
    };
    let damaged = look
        .contents
        .iter()
        .copied()
        .filter(|target| receipt.targets.get(target).is_some_and(|it| !is_intact(root, &it.path, it.size, it.sha256)))
        .collect();
    let (directories, faults, space) = look_at_places(root, look.files)?;
    // An image is booted by some kernel of its own day: what the running one is does not matter.
    let version = if root.is_system() { surroundings::kernel_version() } else { None };
    // Where there are only our own entries, nobody needs to be told apart.
    let is_stranger = |entry: &Entry| !root.layout().is_ours(&entry.rule.interpreter);
    let strangers = binfmt.table().is_some_and(|table| table.entries.iter().any(is_stranger));
    let configuration = if look.files || strangers { configuration::read(root)? } else { Configuration::default() };
    let mut observed = Observed {
        layout: root.layout().clone(),
        place,
        host,
        kernel: version.unwrap_or(KernelVersion::NEWEST),
        own_heads,
        native: BTreeSet::new(),
        interpreters: look_at_interpreters(root, &binfmt, &configuration, &receipt),
        binfmt,
        configuration,
        receipt,
        damaged,
        files: if look.files { look_at_files(root)? } else { BTreeMap::new() },
        directories,
        faults,
        space,
        trust: root.read(&root.layout().trust())?,
        packaged: packages::look(root)?,
    };
    observed.native = native_targets(&observed, look.native);
    Ok(observed)
}

fn host_of(own_head: &[u8]) -> Result<Host, ObserveError> {
    Header::parse(own_head).ok().and_then(|header| Host::of(&header)).ok_or(ObserveError::UnknownHost)
}

/// The heads of what the host runs by itself: of this very program, and of those without which no machine starts, as far
/// as they are of this host's family. Those of a foreign root directory are not.
fn own_heads(root: &Root) -> Result<Vec<Vec<u8>>, ObserveError> {
    let own = own_head().ok_or(ObserveError::NoProc)?;
    let family = host_of(own)?.family();
    let is_native = |head: &Vec<u8>| host_of(head).is_ok_and(|host| host.family() == family);
    let mut heads = vec![own.to_vec()];
    for program in ["/bin/sh", "/sbin/init"].into_iter().filter(|_| root.is_system()) {
        heads.extend(head_of(program).filter(is_native).filter(|head| head[..20] != own[..20]));
    }
    Ok(heads)
}

/// The receipt of the system below `root`; an empty one if there is none.
pub(super) fn read_receipt(root: &Root) -> Result<Receipt, ObserveError> {
    let path = root.layout().receipt();
    let Some(text) = root.read(&path)? else { return Ok(Receipt::default()) };
    let unreadable = |why: String| ObserveError::Receipt { path: path.clone(), why };
    let receipt: Receipt = serde_json::from_str(&text).map_err(|error| unreadable(error.to_string()))?;
    if receipt.schema != SCHEMA {
        return Err(unreadable(format!("it has schema {}, this qus knows schema {SCHEMA}", receipt.schema)));
    }
    Ok(receipt)
}

fn look_at_kernel(kernel: &dyn Kernel, place: &Place) -> Result<Binfmt, KernelError> {
    if let Some(mut table) = kernel.table()? {
        table.keeper = kernel.keeper();
        return Ok(Binfmt::Mounted(table));
    }
    Ok(why_unreachable(place).map_or(Binfmt::Mountable, Binfmt::Unreachable))
}

/// Why the table, which is not mounted, cannot be mounted where it stays.
fn why_unreachable(place: &Place) -> Option<Unreachable> {
    if place.wsl == Some(1) {
        return Some(Unreachable::Wsl1);
    }
    if surroundings::kernel_release().is_empty() {
        return Some(Unreachable::NoProc);
    }
    match surroundings::kernel_has_binfmt_misc() {
        Some(true) => {}
        None if place.mount_namespace => return Some(Unreachable::NotLoaded),
        Some(false) | None => return Some(Unreachable::NotInKernel),
    }
    let in_container = place.container.is_some();
    if !surroundings::capable(surroundings::CAP_SYS_ADMIN) {
        return Some(if in_container { Unreachable::NotHandedIn } else { Unreachable::NoPrivilege });
    }
    if place.user_namespace {
        return Some(Unreachable::OtherUserNamespace);
    }
    if table::can_mount() {
        return None;
    }
    Some(if in_container { Unreachable::PrivateContainer } else { Unreachable::Private })
}

/// Which of `asked` the host runs by itself: what its own programs are, and of the same family what
/// runs when it is tried past all emulators. A 64-bit ARM processor without 32-bit mode refuses at once to be asked for
/// it.
pub fn native_targets(observed: &Observed, asked: &[Target]) -> BTreeSet<Target> {
    let empty = Table::default();
    let table = observed.binfmt.table().unwrap_or(&empty);
    asked
        .iter()
        .copied()
        .filter(|target| target.family() == observed.host.family())
        .filter(|target| {
            observed.is_own(&Pattern::of(*target, Match::Elf))
                || (!(observed.host == Host::Arm64v8 && target.class() == Class::Elf32 && !has_32_bit_personality())
                    && runs_natively(*target, table))
        })
        .collect()
}

/// Whether this machine takes the personality of a 32-bit one: `arm64_personality` refuses it where no processor has
/// a 32-bit mode (Linux tag v6.12, `arch/arm64/kernel/sys.c`).
fn has_32_bit_personality() -> bool {
    use nix::sys::personality::{self, Persona};
    /// `PER_LINUX32` (Linux tag v6.12, `include/uapi/linux/personality.h`).
    const PER_LINUX32: Persona = Persona::from_bits_retain(8);
    let Ok(before) = personality::get() else { return true };
    // Another error is a container's filter's: it says nothing of the processor.
    let taken = personality::set(PER_LINUX32) != Err(Errno::EINVAL);
    // It was this process's own a moment ago: it is not refused.
    let _ = personality::set(before);
    taken
}

/// Of the emulators that anything names, those that can be executed here.
fn look_at_interpreters(
    root: &Root,
    binfmt: &Binfmt,
    configuration: &Configuration,
    receipt: &Receipt,
) -> BTreeSet<String> {
    let live = binfmt.table().into_iter().flat_map(|table| &table.entries).map(|entry| &entry.rule);
    let unread = configuration.hidden.iter().chain(&configuration.support).flat_map(|file| &file.rules);
    let configured = configuration.rules().map(|(_, rule)| rule).chain(unread);
    let displaced = receipt.targets.values().filter_map(|installed| installed.displaced.as_ref());
    let named = live.chain(configured).chain(displaced.map(|entry| &entry.rule)).map(|rule| &rule.interpreter);
    let distinct: BTreeSet<&String> = named.collect();
    distinct.into_iter().filter(|path| emulators::is_executable(root, path)).cloned().collect()
}

/// Of the versions that are kept beside what is `installed`, the emulators that are not what they were, or gone.
pub fn damaged_of_kept<'a>(root: &Root, installed: impl Iterator<Item = &'a Installed>) -> BTreeSet<RootedPath> {
    let kept = installed.flat_map(|installed| &installed.previous);
    let damaged = kept.filter(|kept| !is_intact(root, &kept.path, kept.size, kept.sha256));
    damaged.map(|kept| kept.path.clone()).collect()
}

/// Whether a file is what it was when it was installed.
fn is_intact(root: &Root, path: &RootedPath, size: u64, sha256: Sha256) -> bool {
    let Ok(mut file) = root.open(path) else { return false };
    if file.metadata().map_or(0, |metadata| metadata.len()) != size {
        return false;
    }
    let mut hasher = Sha256Hasher::new();
    let mut buffer = vec![0; 256 * 1024];
    loop {
        match file.read(&mut buffer) {
            Ok(0) => return Sha256(hasher.finalize().into()) == sha256,
            Ok(read) => hasher.update(&buffer[..read]),
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(_) => return false,
        }
    }
}

/// Everything that qus may have put somewhere, or that lies where it would.
fn look_at_files(root: &Root) -> Result<BTreeMap<RootedPath, FileState>, FileError> {
    let mut files = BTreeMap::new();
    let emulators = root.layout().emulators();
    for name in root.list(&emulators)? {
        let path = emulators.join(&name);
        match root.look(&path)? {
            Some(FileState::Other) if root.locate(&path).is_dir() => {
                for name in root.list(&path)? {
                    let path = path.join(&name);
                    files.extend(root.look(&path)?.map(|state| (path, state)));
                }
            }
            Some(FileState::Other) | None => {}
            Some(state) => drop(files.insert(path, state)),
        }
    }
    let Some(drop_ins) = root.layout().drop_ins() else { return Ok(files) };
    for name in root.list(drop_ins)? {
        if !name.contains("qus-") {
            continue;
        }
        let path = drop_ins.join(&name);
        let state = match root.look(&path)? {
            Some(FileState::File(_)) => root.read_lossy(&path)?.map(FileState::Text),
            other => other,
        };
        files.extend(state.map(|state| (path, state)));
    }
    Ok(files)
}

/// Which directories there are on the way to our places, which of our places cannot be written to,
/// and how much room there is.
fn look_at_places(root: &Root, files: bool) -> Result<(BTreeSet<RootedPath>, Vec<Fault>, u64), FileError> {
    let emulators = root.layout().emulators();
    let mut directories = BTreeSet::new();
    let mut places = vec![root.layout().state()];
    if files {
        directories.extend(root.list(&emulators)?.iter().map(|name| emulators.join(name)));
        directories.insert(root.layout().staging());
        directories.retain(|path| root.locate(path).is_dir());
        places.extend([&emulators].into_iter().chain(root.layout().drop_ins()));
    }
    // No place of ours, and nothing is amiss if it cannot be written to: links of packages lie there.
    let links = RootedPath::from_trusted(packaged::DIRECTORY);
    directories.extend(links.ancestors().filter(|path| files && root.locate(path).is_dir()));
    let mut faults = Vec::new();
    let mut space = u64::MAX;
    for place in places {
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
                space = available(&status);
            }
        }
    }
    Ok((directories, faults, space))
}
