//! The program in the packages: what it needs of a system, and that it is the same in both.

use std::process::Command;

use super::{of_the_program, packages, print, unpacked};
use crate::support::machine::Said;

/// Libraries that glibc 2.28 consists of.
const GLIBC: [&str; 7] =
    ["libc.so.6", "libm.so.6", "libpthread.so.0", "libdl.so.2", "librt.so.1", "ld-linux", "ld64.so"];

/// The newest version of glibc's that it may need: EL 8 has it.
const NEWEST: (u32, u32) = (2, 28);

/// What readelf, dpkg and rpm call the architectures.
const ARCHITECTURES: [(&str, &str, &str); 7] = [
    ("Advanced Micro Devices X86-64", "amd64", "x86_64"),
    ("AArch64", "arm64", "aarch64"),
    ("ARM", "armhf", "armv7hl"),
    ("Intel 80386", "i386", "i686"),
    ("PowerPC64", "ppc64el", "ppc64le"),
    ("RISC-V", "riscv64", "riscv64"),
    ("IBM S/390", "s390x", "s390x"),
];

#[test]
fn it_needs_no_library_but_glibc_and_no_newer_glibc_than_2_28() {
    for package in packages("deb").iter().filter(|package| super::name(package) == "qus") {
        let folder = unpacked(package);
        let program = folder.path().join("usr/bin/qus");
        let needed = print("readelf", &["--dynamic", "--wide"], &program);
        let libraries: Vec<&str> =
            needed.lines().filter_map(|line| line.split_once("Shared library: [")?.1.strip_suffix(']')).collect();
        assert!(libraries.contains(&"libc.so.6"), "{needed}");
        for library in libraries {
            assert!(GLIBC.iter().any(|known| library.starts_with(known)), "{}: {library}", package.display());
        }
        let versions = print("readelf", &["--version-info", "--wide"], &program);
        let mut found = Vec::new();
        for version in versions.split("GLIBC_").skip(1) {
            let end = version.find(|c: char| c != '.' && !c.is_ascii_digit()).unwrap_or(version.len());
            let mut numbers = version[..end].split('.').map(|number| number.parse::<u32>().unwrap());
            found.push((numbers.next().unwrap(), numbers.next().unwrap_or(0)));
        }
        assert!(
            !found.is_empty() && found.iter().all(|version| *version <= NEWEST),
            "{}: {found:?}",
            package.display()
        );
    }
}

#[test]
fn both_packages_hold_the_same_program_and_it_leaves_updating_itself_to_them() {
    let [deb, rpm] = ["deb", "rpm"].map(|kind| unpacked(&of_the_program(kind)));
    let [of_deb, of_rpm] = [&deb, &rpm].map(|folder| std::fs::read(folder.path().join("usr/bin/qus")).unwrap());
    assert!(of_deb == of_rpm);
    let run = |words: &[&str]| Said::by(Command::new(deb.path().join("usr/bin/qus")).args(words).output().unwrap());
    run(&["--version"]).expect(0, &[env!("CARGO_PKG_VERSION")]);
    run(&["self-update"]).expect(8, &["without self-update"]);
}

#[test]
fn every_package_names_the_architecture_of_its_program_as_its_system_does() {
    for package in packages("deb").into_iter().chain(packages("rpm")).filter(|package| super::name(package) == "qus") {
        let is_deb = package.extension().is_some_and(|kind| kind == "deb");
        let said = if is_deb {
            print("dpkg-deb", &["--showformat=${Architecture} ${Multi-Arch}", "--show"], &package)
        } else {
            print("rpm", &["-qp", "--queryformat", "%{ARCH}"], &package)
        };
        let folder = unpacked(&package);
        let header = print("readelf", &["--file-header"], &folder.path().join("usr/bin/qus"));
        let machine = header.lines().find_map(|line| line.trim().strip_prefix("Machine:")).unwrap().trim();
        let known = ARCHITECTURES.iter().find(|(readelf, ..)| *readelf == machine);
        let (_, deb, rpm) = known.unwrap_or_else(|| panic!("what is {machine}?"));
        let expected = if is_deb { format!("{deb} foreign") } else { (*rpm).to_owned() };
        assert_eq!(said, expected, "{}", package.display());
    }
}
