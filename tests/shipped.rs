//! The packages as they are shipped: every file of them, whom they need, and what their scripts do.
//!
//! `QUS_TEST_SHIPPED` names the folder that `scripts/package` filled.

mod completions;
mod files;
mod foreign;
mod program;
mod purge;

use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use crate::support::machine::Said;
use crate::support::real::provided;

/// The packages whose file names end so.
fn packages(kind: &str) -> Vec<PathBuf> {
    let folder = provided("QUS_TEST_SHIPPED");
    let files = std::fs::read_dir(&folder).unwrap().map(|file| file.unwrap().path());
    let mut packages: Vec<PathBuf> = files.filter(|path| path.extension().is_some_and(|end| end == kind)).collect();
    packages.sort();
    assert!(!packages.is_empty(), "no .{kind} in {}", folder.display());
    packages
}

/// What a program prints that must not fail.
#[track_caller]
fn print(program: &str, words: &[&str], file: &Path) -> String {
    Said::by(Command::new(program).args(words).arg(file).output().unwrap()).expect(0, &[]).stdout
}

/// The package's name, by which `packaging/files.toml` knows it.
fn name(package: &Path) -> String {
    let said = match package.extension() {
        Some(kind) if kind == "deb" => print("dpkg-deb", &["--showformat=${Package}", "--show"], package),
        _ => print("rpm", &["-qp", "--queryformat", "%{NAME}"], package),
    };
    said.trim().to_owned()
}

/// The program's package for this machine.
fn of_the_program(kind: &str) -> PathBuf {
    let here = |path: &PathBuf| {
        let file = path.file_name().unwrap().to_string_lossy();
        name(path) == "qus" && (file.contains("_amd64.") || file.contains(".x86_64."))
    };
    packages(kind).into_iter().find(here).unwrap_or_else(|| panic!("no .{kind} of qus for this machine"))
}

/// What is in a package, unpacked.
fn unpacked(package: &Path) -> TempDir {
    let folder = TempDir::new().unwrap();
    let script = match package.extension() {
        Some(kind) if kind == "deb" => r#"dpkg-deb --extract "$1" "$2""#,
        _ => r#"cd "$2" && rpm2cpio "$1" | cpio --quiet -idm"#,
    };
    let mut shell = Command::new("sh");
    shell.args(["-ec", script, "sh"]).arg(package).arg(folder.path());
    Said::by(shell.output().unwrap()).expect(0, &[]);
    folder
}
