//! The kernel's table of binary formats.

use std::fs;
use std::io::{self, Read, Write};
use std::path::PathBuf;

use nix::errno::Errno;
use nix::sys::statfs::{FsType, statfs};
use nix::unistd::{AccessFlags, access};
use thiserror::Error;

use crate::entry::Entry;
use crate::exit::{Exit, Explain};
use crate::observed::Table;
use crate::rule::{Rule, RuleName};

/// `BINFMTFS_MAGIC` (Linux tag v6.12, `include/uapi/linux/magic.h`).
const BINFMTFS_MAGIC: FsType = FsType(0x4249_4e4d);

/// More than any entry prints: `entry_status` (Linux tag v6.12, `fs/binfmt_misc.c`) writes into a page.
const PAGE: usize = 4096;

/// What can be done with the table. Nothing here ever writes `status`: that would drop
/// everybody's entries.
pub trait Kernel {
    /// The whole table, or nothing where it is not mounted.
    fn table(&self) -> Result<Option<Table>, KernelError>;
    /// One entry, if there is one of that name.
    fn entry(&self, name: &RuleName) -> Result<Option<Entry>, KernelError>;
    /// Adds an entry; it is consulted before all older ones.
    fn register(&self, rule: &Rule) -> Result<(), KernelError>;
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

/// The real table.
#[derive(Debug)]
pub struct BinfmtMisc {
    directory: PathBuf,
}

impl BinfmtMisc {
    /// The table that is, or will be, mounted at `directory`.
    pub fn at(directory: PathBuf) -> BinfmtMisc {
        BinfmtMisc { directory }
    }

    /// What the kernel prints in one of its files, which are all shorter than a page and read whole by
    /// one call.
    fn read(&self, file: &str) -> io::Result<String> {
        let mut text = String::with_capacity(PAGE);
        fs::File::open(self.directory.join(file))?.take(PAGE as u64).read_to_string(&mut text)?;
        Ok(text)
    }

    fn write(&self, file: &str, what: impl Fn() -> String, bytes: &[u8]) -> Result<(), KernelError> {
        // One write: the kernel takes each for a rule of its own.
        let mut control = fs::OpenOptions::new().write(true).open(self.directory.join(file)).map_err(refused(&what))?;
        control.write_all(bytes).map_err(refused(&what))
    }

    /// Opening the directory makes systemd's automount mount it; looking at its path does not.
    fn is_mounted(&self) -> bool {
        drop(fs::read_dir(&self.directory));
        statfs(&self.directory).is_ok_and(|status| status.filesystem_type() == BINFMTFS_MAGIC)
    }
}

impl Kernel for BinfmtMisc {
    fn table(&self) -> Result<Option<Table>, KernelError> {
        if !self.is_mounted() {
            return Ok(None);
        }
        let what = || "list binfmt_misc".to_owned();
        let status = self.read("status").map_err(refused(what))?;
        let mut table = Table {
            enabled: status.trim() == "enabled",
            writable: access(&self.directory.join("register"), AccessFlags::W_OK).is_ok(),
            ..Table::default()
        };
        for file in fs::read_dir(&self.directory).map_err(refused(what))? {
            let name = file.map_err(refused(what))?.file_name().to_string_lossy().into_owned();
            if name == "status" || name == "register" {
                continue;
            }
            match self.read(&name) {
                Ok(text) => table.add(Entry::parse(&name, &text)),
                // Somebody deleted it since the directory was read.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(refused(what)(error)),
            }
        }
        Ok(Some(table))
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

    fn unregister(&self, name: &RuleName) -> Result<(), KernelError> {
        match self.write(name.as_str(), || format!("unregister \"{name}\""), b"-1") {
            Err(KernelError::Refused { error, .. }) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            done => done,
        }
    }

    fn mount(&self) -> Result<(), KernelError> {
        use nix::mount::{MsFlags, mount};
        let flags = MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_NOEXEC;
        mount(Some("binfmt_misc"), &self.directory, Some("binfmt_misc"), flags, None::<&str>)
            .map_err(|errno| refused(|| "mount binfmt_misc".to_owned())(errno.into()))
    }

    fn unmount(&self) -> Result<(), KernelError> {
        if self.table()?.is_none_or(|table| !table.entries.is_empty() || !table.unknown.is_empty()) {
            return Ok(());
        }
        nix::mount::umount(&self.directory).map_err(|errno| refused(|| "unmount binfmt_misc".to_owned())(errno.into()))
    }
}

fn refused(what: impl Fn() -> String) -> impl FnOnce(io::Error) -> KernelError {
    move |error| KernelError::Refused { what: what(), error }
}

/// Makes the entry `name` what it was, `rule`, and takes away a bridge that a kill left standing. An
/// entry that is as it was is left alone: what it runs need not exist any more.
pub fn restore(kernel: &dyn Kernel, name: &RuleName, rule: Option<&Rule>) -> Result<(), KernelError> {
    let now = kernel.entry(name)?.map(|entry| entry.rule);
    if now.as_ref() == rule { kernel.unregister(&name.next()) } else { put(kernel, name, rule) }
}

/// Makes the entry `name` be `rule`, whatever it is now; without a rule, deletes it.
///
/// # Atomicity
///
/// At no moment do programs find no entry: a bridge entry stands in while the old one is replaced.
pub fn put(kernel: &dyn Kernel, name: &RuleName, rule: Option<&Rule>) -> Result<(), KernelError> {
    let bridge = name.next();
    let Some(rule) = rule else {
        kernel.unregister(&bridge)?;
        return kernel.unregister(name);
    };
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
    match kernel.entry(name)? {
        Some(entry) if entry.rule == *rule && entry.enabled => Ok(()),
        _ => Err(KernelError::ReadBack { name: name.clone() }),
    }
}
