//! Shared libraries: which of those that a program asks for its root directory has, and which it does not have.

use std::collections::BTreeSet;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use super::examine::{open_file, read_linkage};
use super::kernel::head_of;
use crate::diagnosis::Missing;
use crate::elf::Header;
use crate::linkage::Linkage;
use crate::target::Target;

/// As many files as are looked at for one program: more than any loads.
const FILES_MAX: usize = 512;

/// As many directories as are looked into for one file's own sake: more than any names.
const DIRECTORIES_MAX: usize = 256;

/// Configuration files of the dynamic loader that are read, with all that they include.
const CONFIGURATIONS_MAX: usize = 64;

/// As much of one as is read, in bytes: more than any system's has.
const CONFIGURATION_MAX: u64 = 64 * 1024;

/// The loader of a program and its libraries.
#[derive(Default)]
pub(super) struct Libraries {
    /// Those that are not there.
    pub(super) missing: Missing,
    /// Those that are, and what they ask for.
    pub(super) loaded: Vec<(String, Linkage)>,
}

/// What the program at `path`, which begins with `head`, asks for. `follow` leads from a path in its root directory to
/// the place where this process finds it.
pub(super) fn libraries(path: &str, head: &[u8], linkage: &Linkage, follow: impl Fn(&str) -> PathBuf) -> Libraries {
    // A program without a loader that asks for libraries is one itself, or a loader.
    let Some(loader) = &linkage.loader else { return Libraries::default() };
    let Ok(header) = Header::parse(head) else { return Libraries::default() };
    let prefixes = prefixes(head);
    let find = |path: &str| {
        let beside = prefixes.iter().map(|prefix| prefix.join(path.trim_start_matches('/')));
        beside.chain([follow(path)]).find(|place| place.is_file())
    };
    let Some(place) = find(loader) else {
        let missing = Missing { loader: Some(loader.clone()), libraries: Vec::new() };
        return Libraries { missing, loaded: Vec::new() };
    };
    let mut there: Vec<_> = read_linkage(&place).map(|linkage| (loader.clone(), linkage)).into_iter().collect();
    let kind = loader.rsplit('/').next().unwrap_or_default();
    if !kind.starts_with("ld") {
        // That of a system that has rules of its own.
        return Libraries { missing: Missing::default(), loaded: there };
    }
    let is_musl = kind.starts_with("ld-musl-");
    let mut directories = usual_directories(loader, &prefixes, &follow);
    directories.extend(configured_directories(&follow));
    let fits = |place: &PathBuf| {
        let other = head_of(place).and_then(|head| Header::parse(&head).ok());
        other.is_some_and(|other| {
            (other.class, other.order, other.machine) == (header.class, header.order, header.machine)
        })
    };
    let mut absent = Vec::new();
    let mut seen = BTreeSet::new();
    let mut waiting = vec![asked(path, linkage, &[], is_musl)];
    while let Some(Asked { runpath, inherited, needed }) = waiting.pop() {
        for name in needed {
            if is_musl && is_of_musl_itself(&name) {
                continue;
            }
            if seen.len() >= FILES_MAX || !seen.insert(name.clone()) {
                continue;
            }
            let candidates: Vec<String> = if name.contains('/') {
                vec![name.clone()]
            } else {
                runpath.iter().chain(&directories).map(|directory| format!("{directory}/{name}")).collect()
            };
            match candidates.iter().find_map(|path| Some((path, find(path).filter(fits)?))) {
                Some((path, place)) => {
                    if let Some(linkage) = read_linkage(&place) {
                        waiting.push(asked(path, &linkage, &inherited, is_musl));
                        there.push((path.clone(), linkage));
                    }
                }
                // `$LIB` and `$PLATFORM` are the loader's: there may be what it needs.
                None if runpath.iter().chain([&name]).any(|path| path.contains('$')) => {}
                None => absent.push(name),
            }
        }
    }
    absent.sort();
    Libraries { missing: Missing { loader: None, libraries: absent }, loaded: there }
}

/// What one file asks for.
struct Asked {
    /// Where its libraries are looked for first.
    runpath: Vec<String>,
    /// Of that, what counts for the libraries of its libraries.
    inherited: Vec<String>,
    needed: Vec<String>,
}

/// What the file at `path` asks for, if it was loaded by one whose libraries inherit those directories. With musl they
/// inherit all of them (`load_library` of its `ldso/dynlink.c`).
fn asked(path: &str, linkage: &Linkage, inherited: &[String], is_musl: bool) -> Asked {
    let origin = parent(path);
    let placed = |text: &String| text.replace("$ORIGIN", &origin).replace("${ORIGIN}", &origin);
    let runpath: Vec<String> =
        linkage.runpath.iter().map(placed).chain(inherited.iter().cloned()).take(DIRECTORIES_MAX).collect();
    let inherited = if linkage.inherited || is_musl { runpath.clone() } else { inherited.to_vec() };
    // A library may be asked for by its path, and that say the same.
    Asked { runpath, inherited, needed: linkage.needed.iter().map(placed).collect() }
}

/// Whether musl's loader takes a library of this name for itself (`load_library`, as above).
fn is_of_musl_itself(name: &str) -> bool {
    const RESERVED: [&str; 7] = ["c", "pthread", "rt", "m", "dl", "util", "xnet"];
    let name = name.strip_prefix("lib").and_then(|name| name.split_once('.'));
    name.is_some_and(|(name, _)| RESERVED.contains(&name))
}

fn parent(path: &str) -> String {
    path.rsplit_once('/').map_or_else(String::new, |(parent, _)| parent.to_owned())
}

/// Where QEMU looks first for whatever a program opens: what the variable says, else the directories that its builds
/// bring along (`--interp-prefix`: upstream's default, and Debian's).
fn prefixes(head: &[u8]) -> Vec<PathBuf> {
    let Some(target) = Target::of_program(head) else { return Vec::new() };
    match std::env::var_os("QEMU_LD_PREFIX") {
        Some(prefix) => vec![PathBuf::from(prefix)],
        None => vec![format!("/usr/gnemul/qemu-{target}").into(), format!("/etc/qemu-binfmt/{target}").into()],
    }
}

/// The directories that loaders know by themselves, those of Debian's multiarch, and the loader's own.
fn usual_directories(loader: &str, prefixes: &[PathBuf], follow: &impl Fn(&str) -> PathBuf) -> Vec<String> {
    let mut directories: Vec<String> =
        ["/lib", "/usr/lib", "/lib64", "/usr/lib64", "/lib32", "/usr/lib32", "/usr/local/lib", "/lib64/lp64d"]
            .map(str::to_owned)
            .into();
    directories.push(parent(loader));
    // A loader of a multiarch system knows the directory of its architecture, which no file names.
    for above in ["/lib", "/usr/lib", "/usr/local/lib"] {
        let names = prefixes.iter().map(|prefix| prefix.join(&above[1..])).chain([follow(above)]);
        let names = names.flat_map(|place| names_in(&place)).filter(|name| name.contains("-linux-"));
        directories.extend(names.map(|name| format!("{above}/{name}")));
    }
    directories
}

/// The directories that `ld.so.conf`, or musl's `.path` files, name. `follow` leads from a path in the root directory to
/// the place where this process finds it.
pub fn configured_directories(follow: &impl Fn(&str) -> PathBuf) -> Vec<String> {
    let mut directories = Vec::new();
    let mut waiting = vec!["/etc/ld.so.conf".to_owned()];
    for name in names_in(&follow("/etc")) {
        if name.starts_with("ld-musl-") && name.rsplit_once('.').is_some_and(|(_, end)| end == "path") {
            waiting.push(format!("/etc/{name}"));
        }
    }
    let mut read = 0;
    while let Some(path) = waiting.pop() {
        read += 1;
        if read > CONFIGURATIONS_MAX {
            break;
        }
        let text = text_of(&follow(&path));
        for line in text.lines().map(|line| line.split('#').next().unwrap_or_default().trim()) {
            match line.strip_prefix("include ") {
                Some(pattern) => waiting.extend(included(pattern.trim(), follow)),
                None => directories
                    .extend(line.split([':', ' ', ',']).filter(|word| word.starts_with('/')).map(str::to_owned)),
            }
        }
    }
    directories
}

/// The text of a configuration file; nothing of what is none. It may be anybody's: no pipe is waited for, and no device
/// read without end.
fn text_of(place: &Path) -> String {
    let mut bytes = Vec::new();
    let file = open_file(place).ok().flatten();
    let read = file.map(|(file, _)| file.take(CONFIGURATION_MAX).read_to_end(&mut bytes));
    if read.is_some_and(|read| read.is_ok()) { String::from_utf8_lossy(&bytes).into_owned() } else { String::new() }
}

/// The files that `DIRECTORY/*.conf` names: the only pattern that distributions write.
fn included(pattern: &str, follow: &impl Fn(&str) -> PathBuf) -> Vec<String> {
    let Some((directory, name)) = pattern.rsplit_once('/') else { return Vec::new() };
    let directory = if directory.starts_with('/') { directory.to_owned() } else { format!("/etc/{directory}") };
    match name.strip_prefix('*') {
        Some(end) => {
            let names = names_in(&follow(&directory)).into_iter().filter(|name| name.ends_with(end));
            names.map(|name| format!("{directory}/{name}")).collect()
        }
        None => vec![format!("{directory}/{name}")],
    }
}

fn names_in(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
}
