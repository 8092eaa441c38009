//! Real files: programs, packages, emulators, and whole Debian systems of four architectures. What each asks for is
//! what binutils says, and is in its own root directory.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Component, Path, PathBuf};
use std::process::Command;

use object::ReadCache;
use qus::elf::Header;
use qus::kind::Kind;
use qus::linkage::{BadLinkage, Linkage};
use qus::rule::KernelVersion;
use qus::target::Target;

use crate::fuzzed::Counted;
use crate::linkage::damaged;
use crate::support::real;

/// Reads it from the open file and from its bytes, which must be the same.
#[track_caller]
fn of_file(path: &Path) -> Result<Linkage, BadLinkage> {
    let cache = ReadCache::new(fs::File::open(path).unwrap());
    let linkage = Linkage::read(&cache);
    assert_eq!(linkage, Linkage::read(&*fs::read(path).unwrap()), "{}", path.display());
    linkage
}

/// The largest size of pages of which something holds, by trying.
fn largest(holds: &dyn Fn(u64) -> bool) -> u64 {
    let found = (0..64).rev().map(|bit| 1 << bit).find(|page| holds(*page)).unwrap();
    if found == 1 << 63 { u64::MAX } else { found }
}

/// What binutils says of it.
fn of_readelf(path: &Path) -> Linkage {
    let said = Command::new("readelf").args(["-lWdn"]).arg(path).env("LC_ALL", "C").output().unwrap();
    // It complains of newer things than it knows, in sections that are not looked at here.
    assert!(!said.stdout.is_empty(), "{said:?}");
    let said = String::from_utf8_lossy(&said.stdout).into_owned();
    let bracketed = |line: &str| line.split_once('[').unwrap().1.split_once(']').unwrap().0.to_owned();
    let hexadecimal = |word: &str| u64::from_str_radix(word.trim_start_matches("0x"), 16).unwrap();
    let lines = |word: &str| said.lines().filter(|line| line.contains(word)).map(str::to_owned).collect::<Vec<_>>();
    let loaded: Vec<Vec<String>> =
        lines(" LOAD ").iter().map(|line| line.split_whitespace().map(str::to_owned).collect()).collect();
    Linkage {
        loader: lines("Requesting program interpreter: ")
            .first()
            .map(|line| line.split_once("interpreter: ").unwrap().1.trim_end_matches(']').to_owned()),
        needed: lines("(NEEDED)").iter().map(|line| bracketed(line)).collect(),
        runpath: lines("PATH)")
            .iter()
            .flat_map(|line| bracketed(line).split(':').map(str::to_owned).collect::<Vec<_>>())
            .collect(),
        inherited: !lines("(RPATH)").is_empty() && lines("(RUNPATH)").is_empty(),
        page: largest(&|page| {
            loaded.iter().all(|columns| {
                let column = |at: usize| hexadecimal(&columns[at]);
                column(4) == 0 || column(1) % page == column(2) % page
            })
        }),
        apart: largest(&|page| {
            let pages = |columns: &Vec<String>| {
                let (first, size) = (hexadecimal(&columns[2]), hexadecimal(&columns[5]));
                first / page..=(first + size - 1) / page
            };
            let rights = |columns: &Vec<String>| columns[6..columns.len() - 1].concat();
            loaded.iter().enumerate().all(|(index, first)| {
                loaded[index + 1..].iter().all(|later| {
                    let (one, other) = (pages(first), pages(later));
                    let apart = one.end() < other.start() || other.end() < one.start();
                    apart || rights(first).chars().all(|right| rights(later).contains(right))
                })
            })
        }),
        kernel: lines("OS: Linux, ABI: ")
            .first()
            .and_then(|line| KernelVersion::parse(line.split_once("ABI: ").unwrap().1)),
        isa: lines("x86 ISA needed: ").first().map(|line| {
            let levels = ["x86-64-baseline", "x86-64-v2", "x86-64-v3", "x86-64-v4"];
            let listed = line.split_once("needed: ").unwrap().1.split(", ");
            listed.map(|level| 1 << levels.iter().position(|name| *name == level.trim()).unwrap()).sum()
        }),
        cut_off: false,
    }
}

fn real_programs() -> Vec<PathBuf> {
    let neighbours = real::provided("QUS_TEST_NEIGHBOURS");
    let emulators =
        ["debian-12/usr/bin/qemu-aarch64-static", "debian-13/usr/bin/qemu-aarch64", "debian-sid/usr/bin/qemu-arm"];
    let hosts = ["/bin/ls", "/bin/sh", "/usr/bin/env", env!("CARGO_BIN_EXE_qus")];
    let ports = real::PORTS.iter().map(|(_, debian, _)| real::program(debian));
    ports.chain(emulators.map(|name| neighbours.join(name))).chain(hosts.map(PathBuf::from)).collect()
}

#[test]
fn real_programs_ask_for_what_readelf_says() {
    for path in real_programs() {
        assert_eq!(of_file(&path), Ok(of_readelf(&path)), "{}", path.display());
    }
}

#[test]
fn of_a_big_program_little_is_read() {
    for path in real_programs() {
        let bytes = fs::read(&path).unwrap();
        let asked = Cell::new(0);
        Linkage::read(Counted { bytes: &bytes, asked: &asked }).unwrap();
        assert!(asked.get() < 4096, "{} of {}", asked.get(), path.display());
    }
}

#[test]
fn real_programs_cut_off_anywhere_say_the_same_or_nothing() {
    for path in real_programs() {
        let bytes = fs::read(path).unwrap();
        let whole = Linkage::read(&*bytes).unwrap();
        // Every length where most of what is read lies.
        let lengths = (0..4096).chain((4096..bytes.len()).step_by(9973));
        lengths.for_each(|length| damaged(&bytes[..length], &whole));
        assert!(Linkage::read(&bytes[..8192]).map_or(true, |linkage| linkage.cut_off));
    }
}

#[test]
fn real_packages_are_archives() {
    let mut seen = 0;
    for entry in fs::read_dir(real::provided("QUS_TEST_PACKAGES")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "deb") {
            assert_eq!(Kind::of(&fs::read(path).unwrap()), Kind::Packed("ar"));
            seen += 1;
        }
    }
    assert!(seen > 0);
}

/// Every ELF file below `folder`, links not followed.
fn elf_files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        let kind = entry.file_type().unwrap();
        if kind.is_dir() {
            elf_files(&entry.path(), found);
        } else if kind.is_file() && Kind::of(&head(&entry.path())) == Kind::Elf {
            found.push(entry.path());
        }
    }
}

fn head(path: &Path) -> Vec<u8> {
    use std::io::Read;
    let mut head = Vec::new();
    fs::File::open(path).unwrap().take(256).read_to_end(&mut head).unwrap();
    head
}

/// Whether `path` leads to a file when `root` is the root directory.
fn leads_somewhere(root: &Path, path: &Path) -> bool {
    let mut place = PathBuf::new();
    let mut rest: Vec<_> = path.components().map(|part| part.as_os_str().to_owned()).rev().collect();
    for _ in 0..100 {
        let Some(part) = rest.pop() else { return root.join(&place).exists() };
        match Path::new(&part).components().next() {
            Some(Component::RootDir) => place = PathBuf::new(),
            Some(Component::ParentDir) => drop(place.pop()),
            Some(Component::Normal(name)) => {
                place.push(name);
                if let Ok(target) = fs::read_link(root.join(&place)) {
                    place.pop();
                    rest.extend(target.components().map(|part| part.as_os_str().to_owned()).rev());
                }
            }
            _ => {}
        }
    }
    false
}

/// `DT_NEEDED` of all of them, by binutils.
fn needed_by_readelf(files: &[PathBuf]) -> BTreeMap<PathBuf, Vec<String>> {
    let said = Command::new("readelf").arg("-dW").args(files).env("LC_ALL", "C").output().unwrap();
    let mut needed = BTreeMap::<PathBuf, Vec<String>>::new();
    let mut file = PathBuf::new();
    for line in String::from_utf8_lossy(&said.stdout).lines() {
        if let Some(path) = line.strip_prefix("File: ") {
            file = PathBuf::from(path);
            needed.entry(file.clone()).or_default();
        } else if line.contains("(NEEDED)") {
            let name = line.split_once('[').unwrap().1.trim_end_matches(']');
            needed.entry(file.clone()).or_default().push(name.to_owned());
        }
    }
    needed
}

/// The architectures of which `scripts/test` makes roots, and where their libraries are.
const ROOTS: [(&str, &str); 4] = [
    ("arm64", "aarch64-linux-gnu"),
    ("armhf", "arm-linux-gnueabihf"),
    ("riscv64", "riscv64-linux-gnu"),
    ("s390x", "s390x-linux-gnu"),
];

#[test]
fn every_program_of_four_debian_systems_is_known_and_finds_what_it_asks_for_in_its_root() {
    for (debian, triplet) in ROOTS {
        let root = real::provided("QUS_TEST_ROOTS").join(debian);
        let target = real::PORTS.iter().find(|(_, port, _)| *port == debian).map(|(target, ..)| *target);
        let mut files = Vec::new();
        elf_files(&root, &mut files);
        let by_readelf = needed_by_readelf(&files);
        let (mut programs, mut loaders) = (0, 0);
        for path in &files {
            let head = head(path);
            let header = Header::parse(&head).unwrap();
            let shown = path.display();
            if !header.is_program() {
                assert_eq!(Target::of_program(&head), None, "{shown}");
                continue;
            }
            programs += 1;
            assert_eq!(Target::of_program(&head).map(Target::name), target, "{shown}");
            let linkage = of_file(path).unwrap_or_else(|error| panic!("{shown}: {error}"));
            assert_eq!(Some(&linkage.needed), by_readelf.get(path), "{shown}");
            if let Some(loader) = &linkage.loader {
                assert!(leads_somewhere(&root, Path::new(loader)), "{shown} asks for \"{loader}\"");
                loaders += 1;
            }
            let origin = Path::new("/").join(path.strip_prefix(&root).unwrap().parent().unwrap());
            let own = linkage.runpath.iter().map(|place| place.replace("$ORIGIN", origin.to_str().unwrap()));
            let usual = ["/lib".to_owned(), "/usr/lib".to_owned(), format!("/usr/lib/{triplet}")];
            let places: Vec<String> = own.chain(usual).collect();
            for library in &linkage.needed {
                let found = places.iter().any(|place| leads_somewhere(&root, &Path::new(place).join(library)));
                assert!(found, "{shown} asks for \"{library}\", which is nowhere in {places:?}");
            }
        }
        assert!(programs > 300 && loaders > 200, "{debian}: {programs} programs, {loaders} of them with a loader");
    }
}
