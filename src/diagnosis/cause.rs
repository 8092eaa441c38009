//! Causes: why a program does not run, or not as it should. Each has a name, a page of that name in `docs/causes/`, and
//! where there is one, a cure to type.

use thiserror::Error;

use crate::dropin::packaged;
use crate::host::Host;
use crate::layout;
use crate::owner::Owner;
use crate::package::{Deed, Manager};
use crate::qemu::QemuVersion;
use crate::rooted::RootedPath;
use crate::rule::RuleName;
use crate::shell::quoted;
use crate::target::Target;
use crate::version::Version;

/// What there is of a target's emulator that is not registered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Supply {
    /// Nothing.
    Nothing,
    /// Nothing, where it is to be had for this user alone.
    NothingForUser,
    /// The machine has it installed.
    Installed,
    /// It is to be run with `qus run`: this user has it installed, or the namespace cannot be given any. With the program.
    Run(String),
}

/// Whose an emulator is, and so who can change it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Provider {
    /// qus installed it.
    Qus,
    /// A package of emulators brought it, and this is its manager.
    Package(Manager),
    /// Somebody else's.
    Other,
}

/// A cause.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[expect(missing_docs, reason = "each says itself what it means")]
pub enum Cause {
    // The program.
    #[error("there is no \"{path}\"")]
    NoSuchFile { path: String },
    #[error("\"{path}\" is {what}")]
    NotAProgram { path: String, what: String },
    #[error("\"{path}\" may not be read: {why}")]
    FileUnreadable { path: String, why: String },
    #[error("\"{path}\" is not executable")]
    FileNotExecutable { path: String },
    #[error("\"{path}\" lies on \"{mount}\", which is mounted noexec")]
    FileOnNoexec { path: String, mount: String },
    #[error("\"{path}\" is cut off: it ends before what it says is in it")]
    FileCutOff { path: String },
    #[error("\"{path}\" is a script of \"{interpreter}\", which is not there")]
    ScriptInterpreterMissing { path: String, interpreter: String },
    #[error("the first line of \"{path}\" ends as lines do on Windows: the carriage return is taken for a part of it")]
    ScriptLineEnd { path: String },
    #[error("\"{path}\" is a program of {machine}, which is no target of qus")]
    UnknownArchitecture { path: String, machine: String },
    #[error("\"{path}\" is a program of this machine's own architecture, \"{host}\", and the kernel refuses it: {why}")]
    NativeRefused { path: String, host: Host, why: String },
    #[error("\"{path}\" needs the loader \"{loader}\", which is not in {place}")]
    LoaderMissing { path: String, loader: String, place: String, elsewhere: bool },
    #[error("\"{path}\" needs {} not in {place}", quoted_list(libraries))]
    LibraryMissing { path: String, libraries: Vec<String>, place: String, elsewhere: bool },
    #[error("\"{path}\" is laid out for pages of {align} bytes, and this kernel's have {page}")]
    PageSize { path: String, align: u64, page: u64, emulate: Option<Target> },

    // The table.
    #[error("the kernel has no binfmt_misc, or has not loaded it")]
    ModuleMissing,
    #[error("binfmt_misc is not mounted")]
    NotMounted { target: Target, supply: Supply },
    #[error("/proc is not mounted here")]
    NoProc,
    #[error("this is WSL 1, which has no Linux kernel and so no binfmt_misc")]
    Wsl1,
    #[error("binfmt_misc is disabled: the kernel consults none of its entries")]
    TableDisabled,
    #[error("this user namespace has a table of its own, an empty one, which hides the machine's")]
    TableHidden { target: Target, supply: Supply },
    #[error("nothing is registered that runs programs of \"{target}\"")]
    NoEntry { target: Target, supply: Supply },
    #[error("entry \"{entry}\" is disabled")]
    EntryDisabled { target: Target, entry: RuleName, ours: bool },
    #[error("entry \"{entry}\" does not take this program: {why}")]
    EntryDoesNotMatch { target: Target, entry: RuleName, why: String, appimage: bool },
    #[error("entry \"{entry}\" takes programs that this machine runs by itself")]
    NativeTaken { entry: RuleName },

    // The entry and its emulator.
    #[error("entry \"{entry}\" runs \"{interpreter}\", and there is no such file")]
    EmulatorMissing { target: Option<Target>, entry: RuleName, interpreter: String, of: Provider },
    #[error("entry \"{entry}\" runs \"{interpreter}\", which is not executable")]
    EmulatorNotExecutable { entry: RuleName, interpreter: String },
    #[error("entry \"{entry}\" runs \"{interpreter}\", which lies on \"{mount}\", mounted noexec")]
    EmulatorOnNoexec { entry: RuleName, interpreter: String, mount: String },
    #[error(
        "entry \"{entry}\" runs \"{interpreter}\", which is dynamically linked: its loader \"{loader}\" is not in {place}"
    )]
    EmulatorDynamic { target: Option<Target>, entry: RuleName, interpreter: String, loader: String, place: String },
    #[error("entry \"{entry}\" runs \"{interpreter}\", which is no program of this machine, \"{host}\"")]
    EmulatorWrongHost { target: Option<Target>, entry: RuleName, interpreter: String, host: Host, of: Provider },
    #[error("entry \"{entry}\" has no flag F: \"{interpreter}\" is looked for in {place}, and is not there")]
    NoFixBinary { target: Option<Target>, entry: RuleName, interpreter: String, place: String },
    #[error("an entry that is not in sight here takes it, and its emulator, or what that needs, is not in {place}")]
    EmulatorNotHere { target: Target, place: String },
    #[error("entry \"{entry}\" still runs {runs}, and not the file that is at \"{interpreter}\" now")]
    EmulatorReplaced {
        target: Option<Target>,
        entry: RuleName,
        interpreter: String,
        runs: String,
        of: Provider,
        behind: bool,
    },
    #[error("\"{entry}\" of {} takes programs of \"{target}\" before qus does, and fails", owner.title())]
    NeighbourFails { target: Target, entry: RuleName, owner: Owner },
    #[error("\"{interpreter}\" needs {needs}, and this is {is}")]
    HostTooOld { target: Target, interpreter: String, needs: String, is: String, of: Provider },
    #[error("the emulator of \"{target}\" does not work: {said}")]
    EmulatorFails { target: Target, said: String, of: Provider },
    #[error("the kernel does not start \"{interpreter}\" for entry \"{entry}\": {why}")]
    EmulatorRefused { entry: RuleName, interpreter: String, why: String },
    #[error("QEMU {version} has a known fault with programs of \"{target}\": {what} ({reported})")]
    Advisory { target: Target, version: QemuVersion, what: String, reported: String, of: Provider },

    // Runs, but not as it should.
    #[error(
        "\"{path}\" is to run with its owner's rights, and entry \"{entry}\" has no flag C: it runs with its caller's"
    )]
    SetIdWithoutCredentials { target: Target, path: String, entry: RuleName },
    #[error("entry \"{entry}\" has no flag P: \"{path}\" does not learn by which name it was called")]
    Argv0Lost { target: Target, path: String, entry: RuleName, ours: bool },
    #[error("with entry \"{entry}\" every argument is one place off: {why}")]
    Argv0Shifted { target: Target, entry: RuleName, why: &'static str, of: Provider },
    #[error("a process may use {limit} bytes of addresses here, and programs of \"{target}\" need more: ulimit -v")]
    AddressSpace { target: Target, limit: u64 },
    #[error("a policy forbids programs here to execute what they have written, and emulators do nothing else")]
    WriteExecuteDenied,
    #[error("vm.mmap_min_addr is {value}: the emulator finds no place for programs of \"{target}\"")]
    MmapMinAddr { target: Target, value: u64 },
    #[error("vm.mmap_rnd_bits is {value}, with which QEMU {version} crashes now and then")]
    MmapRndBits { value: u32, version: QemuVersion },
    #[error("this qus is itself run by an emulator, by entry \"{entry}\": it sees another machine than there is")]
    QusEmulated { entry: RuleName },

    // What the machine is configured to do.
    #[error("the drop-in of \"{target}\", \"{path}\", is missing: after a boot it is not registered")]
    DropInMissing { target: Target, path: RootedPath },
    #[error("the drop-in of \"{target}\", \"{path}\", says something else than qus wrote")]
    DropInForeign { target: Target, path: RootedPath },
    #[error("the drop-in of \"{target}\", \"{path}\", is masked: after a boot it is not registered")]
    DropInMasked { target: Target, path: RootedPath },
    #[error(
        "\"{path}\", which a boot reads of the package of \"{target}\", is {}, and this kernel is not",
        if *older { "for Linux before 5.12" } else { "for Linux 5.12 or newer" }
    )]
    DropInOtherKernel { target: Target, path: RootedPath, older: bool },
    #[error("after a boot \"{file}\" of {} runs \"{target}\"", owner.title())]
    OutdoneAfterBoot { target: Target, file: RootedPath, owner: Owner },
    #[error("\"{path}\" is not the file that was installed")]
    EmulatorDamaged { target: Target, path: RootedPath },
    #[error("{}version {version} of \"{target}\" was revoked: nobody is to run it any more", if *kept { "the kept " } else { "" })]
    EmulatorRevoked { target: Target, version: Version, kept: bool },
}

impl Cause {
    /// What to type, as root where it takes root; words in capitals are to be replaced.
    pub fn cure(&self) -> Option<String> {
        let table = layout::binfmt_misc();
        let get = |target: &Option<Target>| target.map(|target| format!("qus install {target}"));
        let bring_in = |target: &Target, supply: &Supply| match supply {
            Supply::Nothing => format!("qus install {target}"),
            Supply::NothingForUser => format!("qus install --user {target}"),
            Supply::Installed => format!("qus apply {target}"),
            Supply::Run(path) => format!("qus run {target} -- {}", quoted(path)),
        };
        Some(match self {
            Cause::FileNotExecutable { path } => format!("chmod +x {}", quoted(path)),
            Cause::FileOnNoexec { mount, .. } | Cause::EmulatorOnNoexec { mount, .. } => {
                format!("mount -o remount,exec {}", quoted(mount))
            }
            Cause::ScriptLineEnd { path } => format!(r"sed -i 's/\r$//' {}", quoted(path)),
            Cause::LoaderMissing { path, elsewhere: false, .. }
            | Cause::LibraryMissing { path, elsewhere: false, .. } => {
                format!("QEMU_LD_PREFIX=ROOT {}", quoted(path))
            }
            Cause::PageSize { emulate: Some(target), .. } => format!("qus install --emulate-native {target}"),
            Cause::ModuleMissing => "modprobe binfmt_misc".to_owned(),
            Cause::NotMounted { target, supply }
            | Cause::NoEntry { target, supply }
            | Cause::TableHidden { target, supply } => bring_in(target, supply),
            Cause::NoProc => "mount -t proc proc /proc".to_owned(),
            Cause::Wsl1 => "wsl --set-version DISTRIBUTION 2".to_owned(),
            Cause::TableDisabled => format!("echo 1 > {table}/status"),
            Cause::EntryDisabled { target, ours: true, .. }
            | Cause::EmulatorReplaced { target: Some(target), behind: true, .. }
            | Cause::DropInMissing { target, .. }
            | Cause::DropInOtherKernel { target, .. } => format!("qus apply {target}"),
            // To the receipt nothing is amiss: the path is the same, and the entry is there.
            Cause::EmulatorReplaced { target: Some(target), entry, of: Provider::Qus, .. } => {
                format!("echo -1 > {}; qus install {target}", quoted(&format!("{table}/{entry}")))
            }
            Cause::EntryDisabled { entry, .. } => format!("echo 1 > {}", quoted(&format!("{table}/{entry}"))),
            Cause::EntryDoesNotMatch { target, appimage: true, .. } => format!("qus install --match appimage {target}"),
            Cause::NativeTaken { entry } => format!("echo -1 > {}", quoted(&format!("{table}/{entry}"))),
            Cause::EmulatorMissing { target: Some(target), of: Provider::Package(manager), .. }
            | Cause::EmulatorWrongHost { target: Some(target), of: Provider::Package(manager), .. } => {
                manager.command(Deed::Reinstall, &packaged::package(*target))
            }
            Cause::Advisory { target, of: Provider::Package(manager), .. } => {
                manager.command(Deed::Upgrade, &packaged::package(*target))
            }
            // The file behind the rule is another by now, or the kernel one that takes another rule.
            Cause::EmulatorReplaced { target: Some(target), of: Provider::Package(_), .. }
            | Cause::Argv0Shifted { target, of: Provider::Package(_), .. } => format!("qus packaged add {target}"),
            Cause::EmulatorMissing { target, .. }
            | Cause::EmulatorDynamic { target, .. }
            | Cause::EmulatorWrongHost { target, .. }
            | Cause::NoFixBinary { target, .. }
            | Cause::EmulatorReplaced { target, .. } => return get(target),
            // That version is installed, and is no better a second time.
            Cause::HostTooOld { target, of: Provider::Qus, .. }
            | Cause::EmulatorFails { target, of: Provider::Qus, .. } => {
                format!("qus install {target}@VERSION")
            }
            // Where there is nothing newer, it tells what else there is.
            Cause::Advisory { target, of: Provider::Qus, .. } | Cause::EmulatorRevoked { target, .. } => {
                format!("qus update {target}")
            }
            Cause::EmulatorNotExecutable { interpreter, .. } => format!("chmod 755 {}", quoted(interpreter)),
            Cause::NeighbourFails { target, .. } | Cause::OutdoneAfterBoot { target, .. } => {
                format!("qus prefer {target} qus")
            }
            Cause::SetIdWithoutCredentials { target, .. } => format!("qus install --credentials yes {target}"),
            Cause::Argv0Shifted { target, of: Provider::Qus, .. } => format!("qus install --flags OF {target}"),
            Cause::HostTooOld { target, .. }
            | Cause::EmulatorFails { target, .. }
            | Cause::EmulatorNotHere { target, .. }
            | Cause::Advisory { target, .. }
            | Cause::Argv0Lost { target, .. }
            | Cause::Argv0Shifted { target, .. }
            | Cause::EmulatorDamaged { target, .. } => format!("qus install {target}"),
            Cause::AddressSpace { .. } => "ulimit -v unlimited".to_owned(),
            Cause::MmapMinAddr { .. } => "sysctl -w vm.mmap_min_addr=65536".to_owned(),
            Cause::MmapRndBits { .. } => "sysctl -w vm.mmap_rnd_bits=28".to_owned(),
            Cause::DropInForeign { target, path } => format!("mv {path} {path}.saved; qus apply {target}"),
            Cause::DropInMasked { target, path } => format!("rm {path}; qus apply {target}"),
            Cause::NoSuchFile { .. }
            | Cause::NotAProgram { .. }
            | Cause::FileUnreadable { .. }
            | Cause::FileCutOff { .. }
            | Cause::ScriptInterpreterMissing { .. }
            | Cause::UnknownArchitecture { .. }
            | Cause::NativeRefused { .. }
            | Cause::LoaderMissing { .. }
            | Cause::LibraryMissing { .. }
            | Cause::PageSize { emulate: None, .. }
            | Cause::EntryDoesNotMatch { .. }
            | Cause::EmulatorRefused { .. }
            | Cause::WriteExecuteDenied
            | Cause::QusEmulated { .. } => return None,
        })
    }
}

fn quoted_list(names: &[String]) -> String {
    let quoted: Vec<String> = names.iter().map(|name| format!("\"{name}\"")).collect();
    match quoted.as_slice() {
        [one] => format!("the library {one}, which is"),
        many => format!("the libraries {}, which are", many.join(", ")),
    }
}
