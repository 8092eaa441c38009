//! Every file of every package, as `packaging/files.toml` lists it.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::{name, packages, print, unpacked};

/// Path -> mode, owner, and what kind of file it is.
type Files = BTreeMap<String, String>;

/// Most that one may have to be downloaded, in bytes.
const DOWNLOAD_MAX: u64 = 4 * 1024 * 1024;

/// What `packaging/files.toml` says of a package.
fn listed(package: &str, kind: &str) -> Files {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("packaging/files.toml");
    let mut all: BTreeMap<String, BTreeMap<String, Files>> =
        toml::from_str(&std::fs::read_to_string(file).unwrap()).unwrap();
    let mut of_package = all.remove(package).unwrap_or_else(|| panic!("packaging/files.toml has no \"{package}\""));
    let mut files = of_package.remove("both").unwrap_or_default();
    files.extend(of_package.remove(kind).unwrap_or_default());
    files
}

/// The files of a .deb, and its directories.
fn of_deb(package: &Path) -> (Files, BTreeSet<String>) {
    let control = print("dpkg-deb", &["--info"], package);
    let conffiles = if control.contains(" conffiles") { print_member(package, "conffiles") } else { String::new() };
    let mut tar = Command::new("dpkg-deb").arg("--fsys-tarfile").arg(package).stdout(Stdio::piped()).spawn().unwrap();
    let (mut files, mut directories) = (Files::new(), BTreeSet::new());
    let mut archive = tar::Archive::new(tar.stdout.take().unwrap());
    for entry in archive.entries().unwrap() {
        let entry = entry.unwrap();
        let header = entry.header();
        // cargo-deb leaves these of directories empty, which dpkg reads as root's.
        let id = |raw: [u8; 8], read: std::io::Result<u64>| if raw == [0; 8] { 0 } else { read.unwrap() };
        let old = header.as_old();
        let owner = (id(old.uid, header.uid()), id(old.gid, header.gid()));
        let path = entry.path().unwrap().to_string_lossy().trim_start_matches('.').trim_end_matches('/').to_owned();
        let mode = header.mode().unwrap();
        assert_eq!(owner, (0, 0), "{path}");
        if header.entry_type().is_dir() {
            assert_eq!(mode, 0o755, "{path}");
            directories.insert(path);
            continue;
        }
        assert!(header.entry_type().is_file(), "{path} is neither a file nor a directory");
        let kind = if conffiles.lines().any(|line| line == path) { " configuration" } else { "" };
        files.insert(path, format!("{mode:04o} root:root{kind}"));
    }
    archive.into_inner().read_to_end(&mut Vec::new()).unwrap();
    assert!(tar.wait().unwrap().success());
    directories.remove("");
    (files, directories)
}

fn print_member(package: &Path, member: &str) -> String {
    let output = Command::new("dpkg-deb").arg("--info").arg(package).arg(member).output().unwrap();
    String::from_utf8(output.stdout).unwrap()
}

/// The files of an .rpm, as `rpm --dump` tells them: path, size, time, digest, mode, owner, group, whether it is
/// configuration, whether it is documentation, device, what a link leads to.
fn of_rpm(package: &Path) -> Files {
    let said = print("rpm", &["-qp", "--dump"], package);
    let noreplace = print("rpm", &["-qp", "--queryformat", "[%{FILENAMES} %{FILEFLAGS:fflags}\n]"], package);
    let file = |line: &str| {
        let words: Vec<&str> = line.split(' ').collect();
        let [path, _, _, _, mode, user, group, configuration, documentation, ..] = words[..] else { panic!("{line}") };
        let mode = u32::from_str_radix(mode, 8).unwrap();
        let kind = match (mode & 0o170_000, configuration, documentation) {
            (0o040_000, "0", "0") => " directory",
            (0o100_000, "1", "0") => {
                assert!(noreplace.lines().any(|line| line == format!("{path} cn")), "{path}: {noreplace}");
                " configuration"
            }
            (0o100_000, "0", "1") => " documentation",
            (0o100_000, "0", "0") => "",
            _ => panic!("{line}"),
        };
        // Every rpm takes manuals for documentation.
        let kind = if path.starts_with("/usr/share/man/") { "" } else { kind };
        (path.to_owned(), format!("{:04o} {user}:{group}{kind}", mode & 0o7777))
    };
    said.lines().map(file).collect()
}

#[test]
fn every_package_holds_what_is_listed_and_nothing_else() {
    for package in packages("deb") {
        let (files, directories) = of_deb(&package);
        assert_eq!(files, listed(&name(&package), "deb"), "{}", package.display());
        // A directory of its own it has none: each is there for a file.
        let needed = |path: &String| {
            let parents = Path::new(path).ancestors().skip(1);
            parents.map(|parent| parent.display().to_string()).filter(|parent| parent != "/").collect::<Vec<_>>()
        };
        assert_eq!(directories, files.keys().flat_map(needed).collect(), "{}", package.display());
    }
    for package in packages("rpm") {
        assert_eq!(of_rpm(&package), listed(&name(&package), "rpm"), "{}", package.display());
    }
}

#[test]
fn every_package_of_the_program_has_at_most_four_megabytes_to_be_downloaded() {
    for package in packages("deb").into_iter().chain(packages("rpm")).filter(|package| name(package) == "qus") {
        let size = std::fs::metadata(&package).unwrap().len();
        assert!(size <= DOWNLOAD_MAX, "{}: {size} bytes", package.display());
    }
}

#[test]
fn no_file_of_a_package_tells_where_it_was_built() {
    let source = env!("CARGO_MANIFEST_DIR");
    for package in packages("deb").into_iter().chain(packages("rpm")).filter(|package| name(package) == "qus") {
        let folder = unpacked(&package);
        let home = std::env::var("HOME").unwrap();
        for place in [source.to_owned(), format!("{home}/.cargo"), format!("{home}/.rustup")] {
            let mut grep = Command::new("grep");
            let found = grep.args(["-rlaF", &place]).arg(folder.path()).output().unwrap();
            assert_eq!(String::from_utf8(found.stdout).unwrap(), "", "{}: {place}", package.display());
        }
    }
}

/// The page of a verb cannot be forgotten, for the list of files has it; that it can be read is seen here.
#[test]
fn the_manual_of_the_program_tells_every_verb_every_exit_code_and_every_file() {
    let folder = unpacked(&super::of_the_program("deb"));
    let page = print("gzip", &["-dc"], &folder.path().join("usr/share/man/man1/qus.1.gz"));
    let page = page.replace("\\-", "-");
    let verbs: Vec<PathBuf> = std::fs::read_dir(folder.path().join("usr/share/man/man1"))
        .unwrap()
        .map(|file| file.unwrap().path())
        .filter(|path| path.file_name().unwrap().to_string_lossy().matches('-').count() == 1)
        .collect();
    assert!(verbs.len() > 15, "{verbs:?}");
    for verb in verbs {
        let verb = verb.file_name().unwrap().to_string_lossy().trim_end_matches(".1.gz").to_owned();
        assert!(page.contains(&format!("{verb}(1)")), "{verb}");
    }
    for word in
        ["EXIT STATUS", "\\fB100\\fR", "\\fB20\\fR", "FILES", "/etc/qus/config.toml", "/var/lib/qus/receipt.json"]
    {
        assert!(page.contains(word), "{word}: {page}");
    }
    assert!(!page.contains("self-test"), "a hidden verb");
}
