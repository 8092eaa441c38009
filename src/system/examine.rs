//! Examining: one program, in the root directory in which it is to run.

use std::collections::BTreeSet;
use std::fs;
use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use nix::sys::resource::{RLIM_INFINITY, Resource, getrlimit};
use nix::sys::statvfs::{FsFlags, statvfs};
use nix::unistd::{SysconfVar, sysconf};

use super::attempt::{attempt, identity};
use super::kernel::head_of;
use super::libraries::missing;
use super::mountinfo;
use super::observe::read_receipt;
use super::prove::{Place, prove, prove_here};
use super::root::Root;
use crate::diagnosis::{Around, Attempt, EmulatorFile, Examined, Missing, Mode, Settings, There};
use crate::elf::Header;
use crate::entry::Entry;
use crate::host::Host;
use crate::linkage::Linkage;
use crate::observed::Observed;
use crate::program::Program;
use crate::proof::Outcome;
use crate::rooted::RootedPath;
use crate::shebang::Shebang;
use crate::target::Target;

/// As many scripts as the kernel goes through until it gives up (`exec_binprm`, Linux tag v6.12, `fs/exec.c`).
const SCRIPTS_MAX: usize = 5;

/// The root directory of a program, and how to speak of it.
#[derive(Debug)]
pub struct Surroundings<'a> {
    /// The root directory.
    pub root: &'a Root,
    /// What to call it, if it is not this process's own.
    pub called: Option<String>,
}

impl Surroundings<'_> {
    /// Where `path` leads, for this process.
    fn follow(&self, path: &str) -> PathBuf {
        match RootedPath::try_from(path.to_owned()) {
            Ok(path) if !self.root.is_system() => self.root.follow(&path),
            _ => PathBuf::from(path),
        }
    }

    /// Whether there is a file at `path`.
    pub fn has(&self, path: &str) -> bool {
        self.follow(path).is_file()
    }

    /// The path of a program that `env` would find in the directories of a usual `PATH`.
    fn find_program(&self, name: &str) -> Option<String> {
        const PATH: [&str; 6] = ["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"];
        PATH.iter().map(|directory| format!("{directory}/{name}")).find(|path| self.has(path))
    }

    fn directory(&self) -> Option<PathBuf> {
        (!self.root.is_system()).then(|| self.root.follow(&RootedPath::from_trusted("/")))
    }
}

/// Looks at the program at `path` in that root directory; nothing is executed.
pub fn look(path: &str, around: &Surroundings) -> Examined {
    look_through(path, around, SCRIPTS_MAX)
}

fn look_through(path: &str, around: &Surroundings, scripts: usize) -> Examined {
    let place = around.follow(path);
    let there = what_is_at(&place);
    let head = match there {
        There::File(_) => head_of(&place).unwrap_or_default(),
        _ => Vec::new(),
    };
    let script = Shebang::parse(&head).ok().filter(|_| scripts > 0).map(|shebang| {
        let path = shebang.by_env().filter(|_| around.has(&shebang.interpreter));
        let path = path.map(|name| around.find_program(name).unwrap_or_else(|| name.to_owned()));
        let interpreter = look_through(path.as_ref().unwrap_or(&shebang.interpreter), around, scripts - 1);
        (shebang, Box::new(interpreter))
    });
    let linkage = Header::parse(&head).ok().and_then(|_| read_linkage(&place));
    let missing = linkage
        .as_ref()
        .map_or_else(Missing::default, |linkage| missing(path, &head, linkage, |path| around.follow(path)));
    Examined {
        path: path.to_owned(),
        root: around.called.clone(),
        there,
        head,
        script,
        linkage,
        missing,
        attempt: Attempt::NotTried("it was not tried".to_owned()),
        proof: None,
        proof_elsewhere: None,
    }
}

/// What an ELF file asks for; nothing of one that cannot be read as such.
pub(super) fn read_linkage(place: &Path) -> Option<Linkage> {
    let file = fs::File::open(place).ok()?;
    Linkage::read(&object::ReadCache::new(file)).ok()
}

fn what_is_at(place: &Path) -> There {
    let metadata = match fs::metadata(place) {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == std::io::ErrorKind::PermissionDenied => {
            return There::Unreadable(error.to_string());
        }
        Err(_) => return There::Nothing,
    };
    if !metadata.is_file() {
        return There::NotAFile;
    }
    match fs::File::open(place) {
        // What cannot be read can be executed all the same, by others at least; but nothing can be said of it.
        Err(error) => There::Unreadable(error.to_string()),
        Ok(_) => There::File(mode(place, &metadata)),
    }
}

fn mode(place: &Path, metadata: &fs::Metadata) -> Mode {
    /// `S_ISUID` and `S_ISGID`.
    const SET_ID: u32 = 0o6000;
    let bits = metadata.permissions().mode();
    let status = statvfs(place).ok();
    let flag = |flag| status.is_some_and(|status| status.flags().contains(flag));
    Mode {
        executable: bits & 0o111 != 0,
        set_id: bits & SET_ID != 0,
        noexec: flag(FsFlags::ST_NOEXEC).then(|| mount_of(place)),
        nosuid: flag(FsFlags::ST_NOSUID),
    }
}

/// Where the file system is mounted that a file lies on.
fn mount_of(place: &Path) -> String {
    let place = fs::canonicalize(place).unwrap_or_else(|_| place.to_owned());
    let mounts = mountinfo::of("self");
    let above = mounts.iter().map(|mount| mount.point.replace("\\040", " ")).filter(|point| place.starts_with(point));
    above.max_by_key(String::len).unwrap_or_else(|| "/".to_owned())
}

/// Executes what was looked at as far as the kernel does it, and where an emulator would run it, a probe of the same
/// target to its end.
pub fn try_out(examined: &mut Examined, around: &Surroundings, observed: &Observed) {
    if let There::File(_) = examined.there {
        examined.attempt = attempt(around.directory().as_deref(), Path::new(&examined.path));
    }
    if let Some((_, interpreter)) = &mut examined.script {
        return try_out(interpreter, around, observed);
    }
    let target = Target::of_program(&examined.head).filter(|target| !observed.native.contains(target));
    // Without room for its program an emulator may look for some until somebody ends it.
    let target = target.filter(|target| settings().address_space.is_none_or(|limit| limit >= target.reserved()));
    let Some(target) = target else { return };
    let proof = prove(target).outcome;
    // What keeps an emulator from running where there is nothing of this system need not keep it from running here.
    let here = around.root.is_system() && matches!(proof, Outcome::NoEmulator | Outcome::Refused { .. });
    if here {
        examined.proof = Some(prove_here(target));
        examined.proof_elsewhere = Some(proof);
    } else {
        examined.proof = Some(proof);
    }
}

/// The probe of `target`, examined and tried out as the only file of a root directory of its own.
pub fn probe(target: Target, observed: &Observed) -> std::io::Result<Examined> {
    let place = Place::with(&Program::of(target).elf)?;
    let root = Root::image(place.path().to_owned());
    let around = Surroundings { root: &root, called: Some("an empty root directory".to_owned()) };
    let mut examined = look("/probe", &around);
    try_out(&mut examined, &around, observed);
    Ok(examined)
}

/// The machine beside a program: the files that `entries` name, and the kernel's settings.
pub fn around<'a>(entries: impl Iterator<Item = &'a Entry>) -> Around {
    let emulators = entries.map(|entry| {
        let interpreter = &entry.rule.interpreter;
        (interpreter.clone(), emulator(Path::new(interpreter)))
    });
    Around { emulators: emulators.collect(), settings: settings(), at_home: at_home() }
}

/// What this user has installed for itself. A receipt that cannot be read is told by the commands that use it.
fn at_home() -> BTreeSet<Target> {
    let receipt = super::home().and_then(|home| read_receipt(&Root::home(&home)).ok());
    receipt.map(|receipt| receipt.targets.into_keys().collect()).unwrap_or_default()
}

fn emulator(place: &Path) -> EmulatorFile {
    let Some(metadata) = fs::metadata(place).ok().filter(fs::Metadata::is_file) else {
        return EmulatorFile { exists: place.exists(), ..EmulatorFile::default() };
    };
    let head = head_of(place).unwrap_or_default();
    let linkage = read_linkage(place);
    EmulatorFile {
        exists: true,
        mode: mode(place, &metadata),
        identity: Some(identity(&metadata)),
        host: Header::parse(&head).ok().and_then(|header| Host::of(&header)),
        script: Shebang::parse(&head).is_ok(),
        loader: linkage.as_ref().and_then(|linkage| linkage.loader.clone()),
        kernel: linkage.as_ref().and_then(|linkage| linkage.kernel),
    }
}

fn settings() -> Settings {
    fn setting<T: std::str::FromStr>(name: &str) -> Option<T> {
        let mut text = String::new();
        fs::File::open(format!("/proc/sys/vm/{name}")).ok()?.read_to_string(&mut text).ok()?;
        text.trim().parse().ok()
    }
    let page = sysconf(SysconfVar::PAGE_SIZE).ok().flatten();
    Settings {
        page: page.and_then(|page| page.try_into().ok()).unwrap_or_default(),
        address_space: getrlimit(Resource::RLIMIT_AS).ok().map(|(soft, _)| soft).filter(|soft| *soft != RLIM_INFINITY),
        mmap_min_addr: setting("mmap_min_addr"),
        mmap_rnd_bits: setting("mmap_rnd_bits"),
    }
}
