//! Why there is no plan: what is wanted cannot be had on what was observed.

use thiserror::Error;

use crate::channel::Channel;
use crate::dropin::{self, packaged};
use crate::exit::{Exit, Explain};
use crate::host::Host;
use crate::observed::{Fault, FaultKind, Unreachable};
use crate::owner::Owner;
use crate::package::{Deed, Manager};
use crate::rooted::RootedPath;
use crate::rule::{BadRule, RuleName};
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
    #[error("the repository has no version {version}")]
    NoSuchVersion { version: Version, there: Vec<Version> },
    #[error("the repository has no channel \"{channel}\"")]
    NoSuchChannel { channel: Channel, there: Vec<String> },
    #[error("version {version} was withdrawn: {why}")]
    Withdrawn { version: Version, why: String },
    #[error("version {version} of \"{target}\" was revoked: nobody is to run it any more")]
    Revoked { target: Target, version: Version },
    #[error("no earlier version of \"{0}\" is kept")]
    NothingKept(Target),
    #[error("version {version} of \"{target}\" is not kept")]
    NotKept { target: Target, version: Version, there: Vec<Version> },
    #[error("the kept version {version} of \"{target}\", \"{path}\", is not there or damaged")]
    KeptDamaged { target: Target, version: Version, path: RootedPath },
    #[error("\"{target}\" is installed in version {installed}, not in {version}")]
    OtherVersion { target: Target, installed: Version, version: Version },
    #[error("version {offered} is offered for \"{target}\", older than the installed {installed}")]
    OlderVersion { target: Target, offered: Version, installed: Version },
    #[error("the kernel has no binfmt_misc")]
    NotInKernel,
    #[error("the kernel has no binfmt_misc, or has not loaded it")]
    NotLoaded,
    #[error("binfmt_misc is not mounted, and this user may not mount it")]
    MayNotMount,
    #[error("binfmt_misc is not mounted in this container, which may not mount it")]
    NotHandedIn,
    #[error("binfmt_misc is not mounted, and a mount made from here would vanish with this mount namespace")]
    PrivateNamespace,
    #[error("binfmt_misc is not mounted, and a mount made in this container would vanish with it")]
    PrivateContainer,
    #[error("binfmt_misc is mounted in this mount namespace alone: every entry would vanish with it")]
    MountedOnlyHere,
    #[error(
        "binfmt_misc is not mounted, and a mount made from here would serve this user namespace alone, and hide the machine's entries from it"
    )]
    OtherUserNamespace,
    #[error("this is WSL 1, which has no Linux kernel and so no binfmt_misc that could run emulators")]
    Wsl1,
    #[error("/proc is not mounted here")]
    NoProc,
    #[error("binfmt_misc is mounted, but this user may not register emulators in it")]
    MayNotRegister,
    #[error("binfmt_misc is the machine's here, and nobody in this user namespace may register emulators in it")]
    NotOfUserNamespace,
    #[error("binfmt_misc is mounted read-only here, as in most containers")]
    ReadOnlyTable,
    #[error("this qus is itself run by an emulator, by entry \"{0}\": what it would install is for another machine")]
    Emulated(RuleName),
    #[error("\"{target}\" is run by {} already, by \"{by}\"", owner.title())]
    Rival { target: Target, owner: Owner, by: String },
    #[error("\"{by}\" of {} came since \"{target}\" was installed, and runs it now or after a boot", owner.title())]
    Newcomer { target: Target, owner: Owner, by: String, word: String },
    #[error("\"{path}\" masks qus's drop-in of \"{target}\": somebody does not want it to be registered")]
    Masked { target: Target, path: RootedPath },
    #[error("no file of binfmt.d can sort {side} \"{file}\", which also takes programs of \"{target}\"")]
    Order { target: Target, side: &'static str, file: String },
    #[error(
        "after a boot \"{file}\" would run \"{target}\": binfmt-support registers it behind every file of binfmt.d"
    )]
    Late { target: Target, file: RootedPath },
    #[error("after a boot \"{file}\" would run \"{target}\", for its name sorts behind that of \"{preferred}\"")]
    Third { target: Target, preferred: RuleName, file: RootedPath },
    #[error("\"{entry}\" holds an emulator that could not be registered again, and \"{third}\" is newer than it")]
    Held { target: Target, entry: RuleName, third: RuleName },
    #[error("nobody called \"{word}\" registers programs of \"{target}\" here")]
    NoSuchOwner { target: Target, word: String, there: Vec<String> },
    #[error("\"{path}\" is there already and says something else")]
    Exists { path: String },
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
    #[error("the emulator of \"{target}\", \"{path}\", is not there or damaged")]
    Damaged { target: Target, path: RootedPath },
    #[error("\"{0}\" is not installed")]
    NotInstalled(Target),
    #[error("entry \"{name}\" runs \"{interpreter}\", which is not qus's")]
    ForeignEntry { target: Target, name: RuleName, interpreter: String },
    #[error("entry \"{name}\" is of {}, and is left alone", owner.title())]
    Stranger { name: RuleName, owner: Owner },
    #[error("rule \"{0}\" would take this machine's own programs: none could be started any more")]
    OwnRule(RuleName),
    #[error("emulator \"{path}\" is {why}")]
    UnfitEmulator { path: String, why: String },
    #[error("\"{target}\" is of the package {}, and qus did not install it", packaged::package(*target))]
    OfPackage { target: Target, manager: Manager, deed: Deed },
    #[error("\"{target}\" is of the package {} alone, and qus has none of its own to put before or behind another", packaged::package(*target))]
    OnlyOfPackage { target: Target, manager: Manager, word: String },
    #[error("the emulator \"{}\" or its rule \"{}\" is not there", packaged::emulator(*target), packaged::path(*target))]
    PackageDamaged { target: Target, manager: Manager },
    #[error(transparent)]
    Rule(#[from] BadRule),
}

impl Conflict {
    /// Why the kernel's table is not to be had.
    pub fn unreachable(why: Unreachable) -> Conflict {
        match why {
            Unreachable::NotInKernel => Conflict::NotInKernel,
            Unreachable::NotLoaded => Conflict::NotLoaded,
            Unreachable::Wsl1 => Conflict::Wsl1,
            Unreachable::NoProc => Conflict::NoProc,
            Unreachable::OtherUserNamespace => Conflict::OtherUserNamespace,
            Unreachable::NoPrivilege => Conflict::MayNotMount,
            Unreachable::NotHandedIn => Conflict::NotHandedIn,
            Unreachable::Private => Conflict::PrivateNamespace,
            Unreachable::PrivateContainer => Conflict::PrivateContainer,
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

impl Conflict {
    /// What to type where it is a version that is not to be had.
    fn help_with_versions(&self) -> Option<String> {
        Some(match self {
            Conflict::NotOffered { .. } => {
                "qus install all installs what this version has; ask whoever publishes the repository for more"
                    .to_owned()
            }
            Conflict::NoSuchVersion { there, .. } => match there.as_slice() {
                [] => "it has none that may be installed; ask whoever publishes the repository".to_owned(),
                there => {
                    let there: Vec<&str> = there.iter().map(Version::as_str).collect();
                    format!("versions are {}", there.join(", "))
                }
            },
            Conflict::OlderVersion { target, offered, .. } => {
                format!("if the older one is wanted: qus install --allow-downgrade {target}@{offered}")
            }
            Conflict::NoSuchChannel { there, .. } => match there.as_slice() {
                [] => "it has none at all; ask whoever publishes the repository".to_owned(),
                there => format!("there is {}", there.join(", ")),
            },
            Conflict::Withdrawn { .. } => {
                "install another version: TARGET@VERSION, or what the channel names once its publisher has mended it"
                    .to_owned()
            }
            Conflict::Revoked { target, .. } => {
                format!("install another version: qus install --allow-downgrade {target}@VERSION")
            }
            Conflict::NothingKept(target) => {
                format!("to install an earlier one: qus install --allow-downgrade {target}@VERSION")
            }
            Conflict::NotKept { target, version, there } => {
                let there: Vec<&str> = there.iter().map(Version::as_str).collect();
                let kept = match there.as_slice() {
                    [] => "none is".to_owned(),
                    there => format!("there is {}", there.join(", ")),
                };
                format!("{kept}; to install that one: qus install --allow-downgrade {target}@{version}")
            }
            Conflict::KeptDamaged { target, version, .. } => {
                format!("qus install --allow-downgrade {target}@{version}")
            }
            Conflict::OtherVersion { target, installed, version } => {
                let older = if version < installed { "--allow-downgrade " } else { "" };
                format!("qus install {older}{target}@{version} && qus pin {target}")
            }
            _ => return None,
        })
    }
}

impl Explain for Conflict {
    fn exit(&self) -> Exit {
        match self {
            Conflict::OlderVersion { .. } => Exit::Older,
            Conflict::Revoked { .. } => Exit::NotAuthentic,
            Conflict::NotInKernel
            | Conflict::NotLoaded
            | Conflict::MayNotMount
            | Conflict::NotHandedIn
            | Conflict::PrivateNamespace
            | Conflict::PrivateContainer
            | Conflict::MountedOnlyHere
            | Conflict::OtherUserNamespace
            | Conflict::Wsl1
            | Conflict::NoProc
            | Conflict::ReadOnlyTable
            | Conflict::Emulated(_)
            | Conflict::MayNotRegister
            | Conflict::NotOfUserNamespace
            | Conflict::Disabled
            | Conflict::MayNotWrite(_) => Exit::Kernel,
            Conflict::OfPackage { .. } | Conflict::OnlyOfPackage { .. } => Exit::Managed,
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
            Conflict::NotInKernel => {
                "modprobe binfmt_misc; if that fails, use a kernel built with CONFIG_BINFMT_MISC".to_owned()
            }
            Conflict::NotLoaded => {
                "on the host, as root: modprobe binfmt_misc; if that fails, use a kernel built with CONFIG_BINFMT_MISC"
                    .to_owned()
            }
            Conflict::MayNotMount | Conflict::MayNotRegister | Conflict::MayNotWrite(_) => {
                "run the command as root, with sudo for instance".to_owned()
            }
            Conflict::PrivateNamespace => {
                "run the command outside of it, or mount it there first: mount -t binfmt_misc binfmt_misc /proc/sys/fs/binfmt_misc".to_owned()
            }
            // Not to where it usually is: runc refuses to mount anything inside of /proc.
            Conflict::NotHandedIn | Conflict::PrivateContainer => {
                "mount it on the host, with mount -t binfmt_misc binfmt_misc /proc/sys/fs/binfmt_misc, and hand it in: docker run -v /proc/sys/fs/binfmt_misc:/binfmt".to_owned()
            }
            Conflict::MountedOnlyHere => {
                "run the command on the host itself; or mount it there too, with mount -t binfmt_misc binfmt_misc /proc/sys/fs/binfmt_misc".to_owned()
            }
            Conflict::OtherUserNamespace | Conflict::NotOfUserNamespace => {
                "to run programs in this namespace: qus run -- COMMAND; for the whole machine, run this command outside of it".to_owned()
            }
            Conflict::Wsl1 => "wsl --set-version DISTRIBUTION 2".to_owned(),
            Conflict::NoProc => "mount -t proc proc /proc".to_owned(),
            Conflict::ReadOnlyTable => {
                "run the command on the host: what is registered there runs in here too".to_owned()
            }
            Conflict::Emulated(_) => "use the qus that was built for this machine's own processor".to_owned(),
            Conflict::Rival { target, owner, .. } => format!(
                "to use QEMU all the same: qus install --yes {target}; back again: qus prefer {target} {}",
                if *owner == Owner::Unknown { "ENTRY" } else { owner.id() }
            ),
            Conflict::Newcomer { target, word, .. } => {
                format!("settle it: qus prefer {target} qus, or: qus prefer {target} {word}")
            }
            Conflict::Masked { path, .. } => format!("if it is to be registered: rm {path}"),
            Conflict::Order { file, .. } => format!("rename \"{file}\" so that its name says what is to come first"),
            Conflict::Late { file, .. } => format!(
                "if it is not wanted, take it away with the package that it is of: update-binfmts --display {}",
                file.name()
            ),
            Conflict::Third { target, file, .. } if *file == packaged::link(*target) => {
                format!("take the package {} away, then again", packaged::package(*target))
            }
            Conflict::Third { file, .. } if file.is_below(&RootedPath::from_trusted(dropin::DIRECTORY)) => {
                format!("if it is not wanted: mv {file} {file}.off; then again")
            }
            Conflict::Third { file, .. } => {
                format!("if it is not wanted: ln -s /dev/null {}/{}; then again", dropin::DIRECTORY, file.name())
            }
            Conflict::Held { target, third, .. } => {
                format!("take \"{third}\" away by what registered it, then again; or: qus prefer {target} {third}")
            }
            Conflict::NoSuchOwner { target, there, .. } => match there.as_slice() {
                [] => format!("qus is the only one: qus status {target}"),
                there => format!("there is {}", there.join(", ")),
            },
            Conflict::Exists { path } => format!("name an empty directory, or overwrite it with --yes: {path}"),
            Conflict::Disabled => "echo 1 > /proc/sys/fs/binfmt_misc/status".to_owned(),
            Conflict::ReadOnly(path) => format!("make it writable, with mount -o remount,rw for instance: findmnt -T {path}"),
            Conflict::NoExec(path) => format!("remount it with exec: findmnt -T {path}"),
            Conflict::Full { path, .. } => format!("free some space: df -h {path}"),
            Conflict::ForeignFile(path) => format!("look at it, then move it away: {path}"),
            Conflict::Damaged { target, .. } | Conflict::NotInstalled(target) => format!("qus install {target}"),
            Conflict::ForeignEntry { target, interpreter, .. } => {
                format!("if it is meant: qus unregister --interpreter {interpreter} {target}")
            }
            Conflict::Stranger { name, .. } => {
                format!("if it is not wanted, take it away by what registered it; until the next boot: echo -1 > /proc/sys/fs/binfmt_misc/{name}")
            }
            Conflict::OfPackage { target, manager, deed } => manager.command(*deed, &packaged::package(*target)),
            Conflict::OnlyOfPackage { target, word, .. } if word == Owner::Qus.id() => {
                format!("to download one, which goes before the package's: qus install {target}")
            }
            Conflict::OnlyOfPackage { target, word, .. } if word == Owner::Package.id() => {
                format!("to use the package's, whoever else was chosen: qus packaged add --yes {target}")
            }
            Conflict::OnlyOfPackage { target, manager, word } => {
                let remove = manager.command(Deed::Remove, &packaged::package(*target));
                format!("to leave it to \"{word}\": {remove}")
            }
            Conflict::PackageDamaged { target, manager } => {
                manager.command(Deed::Reinstall, &packaged::package(*target))
            }
            Conflict::OwnRule(name) => format!("leave \"{name}\" out"),
            Conflict::UnfitEmulator { .. } => "name a static emulator of this host with --interpreter or --path".to_owned(),
            other => return other.help_with_versions(),
        })
    }
}
