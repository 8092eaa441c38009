//! The kernel's table of binary formats.

use std::fs;
use std::io::{self, Read, Write};
use std::os::unix::fs::DirEntryExt;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use nix::errno::Errno;
use nix::sys::statfs::statfs;
use nix::unistd::{AccessFlags, access};
use thiserror::Error;

use super::table;

use crate::entry::Entry;
use crate::exit::{Exit, Explain};
use crate::observed::{Access, Table};
use crate::place::Keeper;
use crate::rule::{HEAD, Rule, RuleName};

/// What `statfs` says of binfmt_misc: `BINFMTFS_MAGIC` (Linux tag v6.12, `include/uapi/linux/magic.h`).
pub const MAGIC: u64 = 0x4249_4e4d;

/// More than any entry prints: `entry_status` (Linux tag v6.12, `fs/binfmt_misc.c`) writes into a page.
const PAGE: usize = 4096;

/// What can be done with the table. Nothing here ever writes `status`: that would drop
/// everybody's entries.
pub trait Kernel {
    /// The whole table, or nothing where it is not mounted.
    fn table(&self) -> Result<Option<Table>, KernelError>;
    /// Who keeps the table mounted.
    fn keeper(&self) -> Keeper;
    /// One entry, if there is one of that name.
    fn entry(&self, name: &RuleName) -> Result<Option<Entry>, KernelError>;
    /// Adds an entry; it is consulted before all older ones.
    fn register(&self, rule: &Rule) -> Result<(), KernelError>;
    /// Makes the kernel pass over an entry, which stays where it is.
    fn disable(&self, name: &RuleName) -> Result<(), KernelError>;
    /// Deletes an entry, if there is one of that name.
    fn unregister(&self, name: &RuleName) -> Result<(), KernelError>;
    /// Mounts the table where it stays.
    fn mount(&self) -> Result<(), KernelError>;
    /// Takes back what `mount` did, if the table is empty.
    fn unmount(&self) -> Result<(), KernelError>;
}

/// The kernel refused, or says something else than it should.
#[derive(Debug, Error)]
#[expect(missing_docs, reason = "each says itself what it means")]
pub enum KernelError {
    #[error("the kernel does not {what}: {error}")]
    Refused { what: String, error: io::Error },
    #[error("the kernel holds another entry \"{name}\" than the one just registered")]
    ReadBack { name: RuleName },
    #[error("entry \"{name}\" would take this machine's own programs: none could be started any more")]
    Own { name: RuleName },
    #[error(transparent)]
    Unknown(#[from] crate::entry::UnknownEntry),
}

impl KernelError {
    fn is(&self, errno: Errno) -> bool {
        matches!(self, KernelError::Refused { error, .. } if error.raw_os_error() == Some(errno as i32))
    }
}

impl Explain for KernelError {
    fn exit(&self) -> Exit {
        let KernelError::Refused { error, .. } = self else { return Exit::Failed };
        match error.raw_os_error().map(Errno::from_raw) {
            Some(Errno::EPERM | Errno::EACCES | Errno::EROFS | Errno::ENODEV) => Exit::Kernel,
            _ => Exit::Failed,
        }
    }

    fn help(&self) -> Option<String> {
        let KernelError::Refused { error, .. } = self else { return None };
        let help = match error.raw_os_error().map(Errno::from_raw)? {
            Errno::EPERM | Errno::EACCES => {
                "run the command as root, with sudo for instance; under SELinux see ausearch -m avc"
            }
            Errno::EROFS => "binfmt_misc is mounted read-only here, as in most containers: run the command on the host",
            Errno::ENODEV => "modprobe binfmt_misc; if that fails, use a kernel built with CONFIG_BINFMT_MISC",
            Errno::EEXIST => "another program registered it at the same moment: try again",
            Errno::ETXTBSY => "the emulator is being written to: wait until that is done, then try again",
            Errno::ENOENT => "the emulator is not there: check its path",
            Errno::EINVAL => "the kernel does not know these flags: leave out --flags",
            _ => return None,
        };
        Some(help.to_owned())
    }
}

/// Whether binfmt_misc is mounted at `directory`.
pub fn is_table(directory: &Path) -> bool {
    statfs(directory).is_ok_and(|status| i128::from(status.filesystem_type().0) == i128::from(MAGIC))
}

/// How often a table is read again that changes while it is read.
const SNAPSHOTS_MAX: usize = 20;

/// The real table.
#[derive(Debug)]
pub struct BinfmtMisc {
    directory: PathBuf,
    /// Where it was mounted, if not there.
    elsewhere: OnceLock<PathBuf>,
}

impl BinfmtMisc {
    /// The table that is, or will be, mounted at `directory`.
    pub fn at(directory: PathBuf) -> BinfmtMisc {
        BinfmtMisc { directory, elsewhere: OnceLock::new() }
    }

    /// Where it is, or will be.
    pub fn directory(&self) -> &Path {
        self.elsewhere.get().unwrap_or(&self.directory)
    }

    /// What the kernel prints in one of its files, which are all shorter than a page and read whole by
    /// one call.
    fn read(&self, file: &str) -> io::Result<String> {
        let mut text = String::with_capacity(PAGE);
        fs::File::open(self.directory().join(file))?.take(PAGE as u64).read_to_string(&mut text)?;
        Ok(text)
    }

    /// The entries' names and inode numbers, newest first: binfmt_misc keeps its directory in the dentry cache, whose
    /// newest name comes first (`dcache_readdir` of `fs/libfs.c`, Linux tag v6.12), and adds an entry to its list
    /// and its name to the directory under one lock (`bm_register_write` of `fs/binfmt_misc.c`).
    fn list(&self) -> Result<Vec<(String, u64)>, KernelError> {
        let mut listing = Vec::new();
        for file in fs::read_dir(self.directory()).map_err(refused(list))? {
            let file = file.map_err(refused(list))?;
            let name = file.file_name().to_string_lossy().into_owned();
            if name != "status" && name != "register" {
                listing.push((name, file.ino()));
            }
        }
        Ok(listing)
    }

    fn read_table(&self) -> Result<(Table, Vec<(String, u64)>), KernelError> {
        let listing = self.list()?;
        let status = self.read("status").map_err(refused(list))?;
        let access = match access(&self.directory().join("register"), AccessFlags::W_OK) {
            Ok(()) => Access::Writable,
            Err(Errno::EROFS) => Access::ReadOnly,
            Err(_) => Access::Denied,
        };
        let mut table = Table { enabled: status.trim() == "enabled", access, ..Table::default() };
        for (name, _) in &listing {
            match self.read(name) {
                Ok(text) => table.add(Entry::parse(name, &text)),
                // Somebody deleted it since the directory was read.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(refused(list)(error)),
            }
        }
        Ok((table, listing))
    }

    fn write(&self, file: &str, what: impl Fn() -> String, bytes: &[u8]) -> Result<(), KernelError> {
        // One write: the kernel takes each for a rule of its own.
        let mut control =
            fs::OpenOptions::new().write(true).open(self.directory().join(file)).map_err(refused(&what))?;
        control.write_all(bytes).map_err(refused(&what))
    }

    /// Opening the directory makes systemd's automount mount it; looking at its path does not.
    fn is_mounted(&self) -> bool {
        drop(fs::read_dir(self.directory()));
        is_table(self.directory())
    }
}

impl Kernel for BinfmtMisc {
    fn table(&self) -> Result<Option<Table>, KernelError> {
        if !self.is_mounted() {
            return Ok(None);
        }
        // Entries come and go while they are read. What was read belongs together if the directory holds
        // the same entries before and after; a table that never rests is taken as it is.
        let mut table = self.read_table()?;
        for _ in 0..SNAPSHOTS_MAX {
            let listing = self.list()?;
            if table.1 == listing {
                break;
            }
            table = self.read_table()?;
        }
        Ok(Some(table.0))
    }

    fn keeper(&self) -> Keeper {
        table::keeper(self.directory())
    }

    fn entry(&self, name: &RuleName) -> Result<Option<Entry>, KernelError> {
        match self.read(name.as_str()) {
            Ok(text) => Ok(Some(Entry::parse(name.as_str(), &text)?)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(refused(|| format!("show entry \"{name}\""))(error)),
        }
    }

    fn register(&self, rule: &Rule) -> Result<(), KernelError> {
        let what = || format!("register \"{}\" for \"{}\"", rule.name, rule.interpreter);
        self.write("register", what, rule.line().as_bytes())
    }

    fn disable(&self, name: &RuleName) -> Result<(), KernelError> {
        self.write(name.as_str(), || format!("disable \"{name}\""), b"0")
    }

    fn unregister(&self, name: &RuleName) -> Result<(), KernelError> {
        match self.write(name.as_str(), || format!("unregister \"{name}\""), b"-1") {
            Err(KernelError::Refused { error, .. }) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            done => done,
        }
    }

    fn mount(&self) -> Result<(), KernelError> {
        let mounted = table::mount_where_it_stays(self.directory());
        let directory = mounted.map_err(refused(|| "mount binfmt_misc".to_owned()))?;
        if directory != self.directory() {
            // Once mounted, it is found: nobody mounts it again.
            let _ = self.elsewhere.set(directory);
        }
        Ok(())
    }

    fn unmount(&self) -> Result<(), KernelError> {
        if self.table()?.is_none_or(|table| !table.entries.is_empty() || !table.unknown.is_empty()) {
            return Ok(());
        }
        table::unmount(self.directory()).map_err(refused(|| "unmount binfmt_misc".to_owned()))
    }
}

fn refused(what: impl Fn() -> String) -> impl FnOnce(io::Error) -> KernelError {
    move |error| KernelError::Refused { what: what(), error }
}

fn list() -> String {
    "list binfmt_misc".to_owned()
}

/// Makes the entry `name` what it was, and then takes away a bridge that a kill or a failure left standing. An
/// entry that is as it was is left alone: what it runs need not exist any more.
pub fn restore(kernel: &dyn Kernel, name: &RuleName, entry: Option<&Entry>) -> Result<(), KernelError> {
    if kernel.entry(name)?.as_ref() != entry {
        put(kernel, name, entry)?;
    }
    kernel.unregister(&name.next())
}

/// Makes the entry `name` be `entry`, whatever it is now, and the newest of all; without one, deletes it.
///
/// # Atomicity
///
/// At no moment do programs find no entry: a bridge entry stands in while the old one is replaced.
pub fn put(kernel: &dyn Kernel, name: &RuleName, entry: Option<&Entry>) -> Result<(), KernelError> {
    let bridge = name.next();
    let Some(entry) = entry else {
        kernel.unregister(&bridge)?;
        return kernel.unregister(name);
    };
    let rule = &entry.rule;
    if own_head().is_some_and(|head| rule.pattern.matches(head)) {
        return Err(KernelError::Own { name: name.clone() });
    }
    match kernel.register(rule) {
        Err(error) if error.is(Errno::EEXIST) => {
            kernel.unregister(&bridge)?;
            kernel.register(&rule.named(bridge.clone()))?;
            kernel.unregister(name)?;
            kernel.register(rule)?;
            kernel.unregister(&bridge)?;
        }
        registered => registered?,
    }
    if !entry.enabled {
        kernel.disable(name)?;
    }
    match kernel.entry(name)? {
        Some(read) if read == *entry => Ok(()),
        _ => Err(KernelError::ReadBack { name: name.clone() }),
    }
}

/// The head of this very program: what the host runs by itself, whatever `uname` says.
pub fn own_head() -> Option<&'static [u8]> {
    static HEAD_READ: OnceLock<Option<Vec<u8>>> = OnceLock::new();
    HEAD_READ.get_or_init(|| head_of("/proc/self/exe")).as_deref()
}

/// As much of a file as the kernel looks at when it is executed.
pub fn head_of(path: impl AsRef<Path>) -> Option<Vec<u8>> {
    let mut head = Vec::new();
    fs::File::open(path).and_then(|file| file.take(HEAD as u64).read_to_end(&mut head)).ok()?;
    Some(head)
}
