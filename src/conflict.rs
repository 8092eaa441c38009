//! Why there is no plan: what is wanted cannot be had on what was observed.

use thiserror::Error;

use crate::exit::{Exit, Explain};
use crate::host::Host;
use crate::observed::{Fault, FaultKind, Unreachable};
use crate::rooted::RootedPath;
use crate::rule::BadRule;
use crate::target::Target;
use crate::version::Version;

/// A reason not to begin. Nothing was changed.
#[derive(Debug, PartialEq, Eq, Error)]
#[expect(missing_docs, reason = "each says itself what it means")]
pub enum Conflict {
    #[error("this machine runs \"{0}\" programs by itself; there is nothing to emulate")]
    Native(Target),
    #[error("\"{0}\" is what this machine is: a rule for it would keep every program from starting")]
    Own(Target),
    #[error("the repository has no emulator of \"{target}\" for host \"{host}\" in version {version}")]
    NotOffered { target: Target, host: Host, version: Version },
    #[error("the repository has no version {0}")]
    NoSuchVersion(Version),
    #[error("the repository names no stable version")]
    NoStable,
    #[error("version {offered} is offered for \"{target}\", older than the installed {installed}")]
    OlderVersion { target: Target, offered: Version, installed: Version },
    #[error("the kernel has no binfmt_misc")]
    NotInKernel,
    #[error("binfmt_misc is not mounted, and this user may not mount it")]
    MayNotMount,
    #[error("binfmt_misc is not mounted, and a mount made from here would vanish with this namespace")]
    PrivateNamespace,
    #[error("binfmt_misc is mounted, but this user may not register emulators in it")]
    MayNotRegister,
    #[error("binfmt_misc is disabled: the kernel consults none of its entries")]
    Disabled,
    #[error("\"{0}\" lies on a file system that is mounted read-only")]
    ReadOnly(RootedPath),
    #[error("\"{0}\" may not be written to by this user")]
    MayNotWrite(RootedPath),
    #[error("\"{0}\" lies on a file system that is mounted noexec: the kernel would not start an emulator from it")]
    NoExec(RootedPath),
    #[error("\"{path}\" lies on a file system with {free} free bytes; {needed} are needed")]
    Full { path: RootedPath, free: u64, needed: u64 },
    #[error("\"{0}\" is there already, and is not qus's")]
    ForeignFile(RootedPath),
    #[error("\"{0}\" is not installed")]
    NotInstalled(Target),
    #[error("entry \"qemu-{target}\" runs \"{interpreter}\", which is not qus's")]
    ForeignEntry { target: Target, interpreter: String },
    #[error("emulator \"{path}\" is {why}")]
    UnfitEmulator { path: String, why: String },
    #[error(transparent)]
    Rule(#[from] BadRule),
}

impl Conflict {
    /// Why the kernel's table is not to be had.
    pub fn unreachable(why: &Unreachable) -> Conflict {
        match why {
            Unreachable::NotInKernel => Conflict::NotInKernel,
            Unreachable::NoPrivilege => Conflict::MayNotMount,
            Unreachable::Private => Conflict::PrivateNamespace,
        }
    }

    /// Why a place cannot be used.
    pub fn fault(fault: &Fault) -> Conflict {
        let path = fault.path.clone();
        match fault.kind {
            FaultKind::ReadOnly => Conflict::ReadOnly(path),
            FaultKind::Permission => Conflict::MayNotWrite(path),
            FaultKind::NoExec => Conflict::NoExec(path),
        }
    }
}

impl Explain for Conflict {
    fn exit(&self) -> Exit {
        match self {
            Conflict::OlderVersion { .. } => Exit::Older,
            Conflict::NotInKernel
            | Conflict::MayNotMount
            | Conflict::PrivateNamespace
            | Conflict::MayNotRegister
            | Conflict::Disabled
            | Conflict::MayNotWrite(_) => Exit::Kernel,
            Conflict::Rule(_) => Exit::Usage,
            _ => Exit::Failed,
        }
    }

    fn help(&self) -> Option<String> {
        Some(match self {
            Conflict::Native(target) => {
                format!("run the program as it is; to emulate it all the same: qus install --emulate-native {target}")
            }
            Conflict::Own(target) => format!("run the program as it is; leave \"{target}\" out"),
            Conflict::NotOffered { .. } | Conflict::NoSuchVersion(_) | Conflict::NoStable => {
                "qus install all installs what this version has; ask whoever publishes the repository for more".to_owned()
            }
            Conflict::OlderVersion { target, offered, .. } => {
                format!("if the older one is wanted: qus remove {target} && qus install {target}@{offered}")
            }
            Conflict::NotInKernel => {
                "modprobe binfmt_misc; if that fails, use a kernel built with CONFIG_BINFMT_MISC".to_owned()
            }
            Conflict::MayNotMount | Conflict::MayNotRegister | Conflict::MayNotWrite(_) => {
                "run the command as root, with sudo for instance".to_owned()
            }
            Conflict::PrivateNamespace => {
                "run the command on the host itself, or mount it there first: mount -t binfmt_misc binfmt_misc /proc/sys/fs/binfmt_misc".to_owned()
            }
            Conflict::Disabled => "echo 1 > /proc/sys/fs/binfmt_misc/status".to_owned(),
            Conflict::ReadOnly(path) => format!("make it writable, with mount -o remount,rw for instance: findmnt -T {path}"),
            Conflict::NoExec(path) => format!("remount it with exec: findmnt -T {path}"),
            Conflict::Full { path, .. } => format!("free some space: df -h {path}"),
            Conflict::ForeignFile(path) => format!("look at it, then move it away: {path}"),
            Conflict::NotInstalled(target) => format!("qus install {target}"),
            Conflict::ForeignEntry { target, interpreter } => {
                format!("if it is meant: qus unregister --interpreter {interpreter} {target}")
            }
            Conflict::UnfitEmulator { .. } => "name a static emulator of this host with --interpreter or --path".to_owned(),
            Conflict::Rule(_) => return None,
        })
    }
}
