//! Examining: one program, in the root directory in which it is to run.

use std::collections::BTreeSet;
use std::fs;
use std::io::{self, Read};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::sys::resource::{RLIM_INFINITY, Resource, getrlimit};
use nix::sys::statvfs::{FsFlags, statvfs};
use nix::unistd::{AccessFlags, SysconfVar, access, sysconf};

use super::attempt::{attempt, identity};
use super::kernel::head_of;
use super::libraries::{Libraries, libraries};
use super::mountinfo::{self, Mount};
use super::observe::read_receipt;
use super::probe_place::Place;
use super::processor;
use super::prove::{prove, prove_here};
use super::root::Root;
use super::wide::wide;
use crate::diagnosis::{
    self, Around, Attempt, EmulatorFile, Examined, LOWEST_USUAL, Missing, Mode, Refusal, Settings, There,
};
use crate::elf::Header;
use crate::entry::Entry;
use crate::host::Host;
use crate::linkage::Linkage;
use crate::news::News;
use crate::observed::Observed;
use crate::program::Program;
use crate::proof::Outcome;
use crate::rooted::RootedPath;
use crate::rule::HEAD;
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
        self.root.follow_any(path)
    }

    /// Whether there is a file at `path`.
    pub fn has(&self, path: &str) -> bool {
        self.follow(path).is_file()
    }

    /// The path of a program that `env` would find: here in the directories of `PATH`, elsewhere in those of a usual one.
    fn find_program(&self, name: &str) -> Option<String> {
        const PATH: [&str; 6] = ["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"];
        let own = std::env::var("PATH").ok().filter(|path| self.root.is_system() && !path.is_empty());
        let directories = own.as_deref().map_or_else(|| PATH.to_vec(), |path| path.split(':').collect());
        let place = |directory: &str| format!("{}/{name}", if directory.is_empty() { "." } else { directory });
        directories.into_iter().map(place).find(|path| self.has(path))
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
    let Seen { there, head, file } = see(&place);
    let script = Shebang::parse(&head).ok().filter(|_| scripts > 0).map(|shebang| {
        let path = shebang.by_env().filter(|_| around.has(&shebang.interpreter));
        let path = path.map(|name| around.find_program(name).unwrap_or_else(|| name.to_owned()));
        let interpreter = look_through(path.as_ref().unwrap_or(&shebang.interpreter), around, scripts - 1);
        (shebang, Box::new(interpreter))
    });
    let linkage = file.filter(|_| Header::parse(&head).is_ok()).and_then(linkage_of);
    let Libraries { missing, loaded } = linkage
        .as_ref()
        .map_or_else(Libraries::default, |linkage| libraries(path, &head, linkage, |path| around.follow(path)));
    Examined { there, head, script, linkage, missing, loaded, ..nothing_at(path, around.called.clone()) }
}

/// What an ELF file asks for; nothing of one that cannot be read as such.
pub(super) fn read_linkage(place: &Path) -> Option<Linkage> {
    linkage_of(open(place).ok()?)
}

fn linkage_of(file: fs::File) -> Option<Linkage> {
    Linkage::read(&object::ReadCache::new(file)).ok()
}

/// Opens a file without waiting for anybody: what is in its place a moment later may be a pipe, and some files of
/// `/proc` and `/sys` make readers wait.
fn open(place: &Path) -> io::Result<fs::File> {
    fs::OpenOptions::new().read(true).custom_flags(nix::libc::O_NONBLOCK | nix::libc::O_NOCTTY).open(place)
}

/// What there is of a file to look at.
struct Seen {
    there: There,
    head: Vec<u8>,
    file: Option<fs::File>,
}

fn see(place: &Path) -> Seen {
    let without = |there| Seen { there, head: Vec::new(), file: None };
    match open_file(place) {
        Ok(None) => without(There::NotAFile),
        Ok(Some((file, mode))) => {
            let mut head = Vec::new();
            match (&file).take(HEAD as u64).read_to_end(&mut head) {
                Ok(_) => Seen { there: There::File(mode), head, file: Some(file) },
                Err(error) => without(There::Unreadable(error.to_string())),
            }
        }
        Err(error) => without(match error.raw_os_error().map(Errno::from_raw) {
            Some(Errno::ENOENT | Errno::ENOTDIR | Errno::ELOOP | Errno::ENAMETOOLONG) | None => There::Nothing,
            // What cannot be read can be executed all the same, by others at least; but nothing can be said of it.
            Some(_) => There::Unreadable(error.to_string()),
        }),
    }
}

/// Nothing, if something else than a file is there. Opening such a thing may have effects: it is looked at before.
pub(super) fn open_file(place: &Path) -> io::Result<Option<(fs::File, Mode)>> {
    if !fs::metadata(place)?.is_file() {
        return Ok(None);
    }
    let file = open(place)?;
    let metadata = file.metadata()?;
    Ok(metadata.is_file().then(|| (file, mode(place, &metadata))))
}

fn mode(place: &Path, metadata: &fs::Metadata) -> Mode {
    /// `S_ISUID`.
    const SET_USER_ID: u32 = 0o4000;
    /// `S_ISGID` and `S_IXGRP`: without the second the first has another meaning (`inode(7)`).
    const SET_GROUP_ID: u32 = 0o2010;
    let bits = metadata.permissions().mode();
    let status = statvfs(place).ok();
    let flag = |flag| status.is_some_and(|status| status.flags().contains(flag));
    let noexec = flag(FsFlags::ST_NOEXEC);
    // On such a mount the answer is no for everything.
    let denied = !noexec && access(place, AccessFlags::X_OK) == Err(Errno::EACCES);
    Mode {
        executable: bits & 0o111 != 0 && !denied,
        set_id: bits & SET_USER_ID != 0 || bits & SET_GROUP_ID == SET_GROUP_ID,
        noexec: noexec.then(|| mount_of(place)),
        nosuid: flag(FsFlags::ST_NOSUID),
    }
}

/// Where the file system is mounted that a file lies on.
fn mount_of(place: &Path) -> String {
    let place = fs::canonicalize(place).unwrap_or_else(|_| place.to_owned());
    let mounts = mountinfo::of("self");
    let above = mounts.iter().map(Mount::path).filter(|point| place.starts_with(point));
    above.max_by_key(String::len).unwrap_or_else(|| "/".to_owned())
}

/// Executes what was looked at as far as the kernel does it, and where an emulator would run it, a probe of the same
/// target to its end.
pub fn try_out(examined: &mut Examined, around: &Surroundings, observed: &Observed) {
    if let There::File(_) | There::Unreadable(_) = examined.there {
        let entry = diagnosis::answering(examined, observed);
        // Without F it is looked for in the root directory, whose owner may have put anything there.
        let entry = entry.filter(|entry| around.root.is_system() || entry.rule.flags.has('F'));
        let emulator = entry.map(|entry| entry.rule.interpreter.as_str());
        examined.attempt = attempt(around.directory().as_deref(), Path::new(&examined.path), emulator);
    }
    if let Some((_, interpreter)) = &mut examined.script {
        return try_out(interpreter, around, observed);
    }
    let emulated =
        |target: &Target| !observed.native.contains(target) || diagnosis::answering(examined, observed).is_some();
    let target = Target::of_program(&examined.head).filter(emulated);
    // Without room for its program an emulator may look for some until somebody ends it.
    let target = target.filter(|target| settings().address_space.is_none_or(|limit| limit >= target.reserved()));
    let Some(target) = target else { return };
    let proof = prove(target).outcome;
    // What keeps an emulator from running where there is nothing of this system need not keep it from running here.
    // A user that may not make a namespace cannot enter another root directory; and where the lowest addresses are
    // forbidden, an emulator that sees no /proc finds room that it does not find here.
    let high = settings().mmap_min_addr.is_some_and(|lowest| lowest > LOWEST_USUAL);
    let untold = matches!(proof, Outcome::NoEmulator | Outcome::Refused { .. } | Outcome::NotTried { .. });
    let here = around.root.is_system() && (untold || high);
    if here {
        examined.proof = Some(prove_here(target));
        examined.proof_elsewhere = Some(proof);
    } else {
        examined.proof = Some(proof);
    }
}

/// The probe of `target`, examined and tried out as the only file of a root directory of its own, or if its emulator is
/// not found there, or nobody may enter it, in this process's; where it cannot be laid down, it is not tried.
pub fn probe(target: Target, observed: &Observed) -> Examined {
    let (path, called) = ("/probe", Some("an empty root directory".to_owned()));
    let program = Program::of(target);
    let place = match Place::with(&program.elf) {
        Ok(place) => place,
        Err(error) => {
            let there = There::File(Mode { executable: true, ..Mode::default() });
            let attempt = Attempt::NotTried(format!("a probe cannot be laid down: {error}"));
            return Examined { there, head: program.elf, attempt, ..nothing_at(path, called) };
        }
    };
    let try_in = |root: Root, called, path: &str| {
        let around = Surroundings { root: &root, called };
        let mut examined = look(path, &around);
        try_out(&mut examined, &around, observed);
        examined
    };
    let examined = try_in(Root::image(place.path().to_owned()), called, path);
    // It may be found here all the same: an emulator need not be one for containers too.
    let not_found = examined.attempt == Attempt::Refused(Refusal::NotFound);
    if not_found || matches!(examined.proof, Some(Outcome::NotTried { .. })) {
        return try_in(Root::system(), None, &place.program().to_string_lossy());
    }
    examined
}

fn nothing_at(path: &str, root: Option<String>) -> Examined {
    Examined {
        path: path.to_owned(),
        root,
        there: There::Nothing,
        head: Vec::new(),
        script: None,
        linkage: None,
        missing: Missing::default(),
        loaded: Vec::new(),
        attempt: Attempt::NotTried("it was not tried".to_owned()),
        proof: None,
        proof_elsewhere: None,
    }
}

/// The machine beside a program: the files that `entries` name, the kernel's settings, and what is known of versions.
pub fn around<'a>(entries: impl Iterator<Item = &'a Entry>, news: &News) -> Around {
    let emulators = entries.map(|entry| {
        let interpreter = &entry.rule.interpreter;
        (interpreter.clone(), emulator(Path::new(interpreter)))
    });
    Around {
        emulators: emulators.collect(),
        settings: settings(),
        at_home: at_home(),
        advisories: news.advisories().to_vec(),
    }
}

/// What this user has installed for itself. A receipt that cannot be read is told by the commands that use it.
fn at_home() -> BTreeSet<Target> {
    let receipt = super::home().and_then(|home| read_receipt(&Root::home(&home)).ok());
    receipt.map(|receipt| receipt.targets.into_keys().collect()).unwrap_or_default()
}

fn emulator(place: &Path) -> EmulatorFile {
    let metadata = match fs::metadata(place) {
        Ok(metadata) if metadata.is_file() => metadata,
        // A directory, for one: no file is there.
        Ok(_) => return EmulatorFile::default(),
        Err(error) => {
            let hidden = error.kind() == io::ErrorKind::PermissionDenied;
            return EmulatorFile { hidden, ..EmulatorFile::default() };
        }
    };
    let head = head_of(place);
    let hidden = head.is_none();
    let head = head.unwrap_or_default();
    let linkage = read_linkage(place);
    EmulatorFile {
        exists: true,
        hidden,
        mode: mode(place, &metadata),
        identity: Some(identity(&metadata)),
        host: Header::parse(&head).ok().and_then(|header| Host::of(&header)),
        script: Shebang::parse(&head).is_ok(),
        loader: linkage.as_ref().and_then(|linkage| linkage.loader.clone()),
        kernel: linkage.as_ref().and_then(|linkage| linkage.kernel),
        level: linkage.as_ref().and_then(Linkage::level),
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
        level: processor::x86_64_level(),
        page: page.and_then(|page| page.try_into().ok()).unwrap_or_default(),
        address_space: getrlimit(Resource::RLIMIT_AS)
            .ok()
            .map(|(soft, _)| soft)
            .filter(|soft| *soft != RLIM_INFINITY)
            .map(wide),
        mmap_min_addr: setting("mmap_min_addr"),
        mmap_rnd_bits: setting("mmap_rnd_bits"),
    }
}
