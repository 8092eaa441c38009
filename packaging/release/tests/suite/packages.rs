//! Debian's own packages of QEMU: real emulators, recognised, packed, unpacked and run.
//!
//! `QUS_TEST_PACKAGES` names a folder with `qemu-user_*_amd64.deb` of Debian 13 or later and
//! `qemu-user-static_*_amd64.deb` of Debian 12; scripts/test fetches them.

use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::Command;
use std::str::FromStr;

use qus::host::Host;
use qus::release::Form;
use qus::version::Version;

use crate::workshop::{Workshop, text};

/// The package in `QUS_TEST_PACKAGES` whose name begins like this.
fn package(begins: &str) -> PathBuf {
    let help = "help: scripts/test fetches the packages and sets QUS_TEST_PACKAGES; or do it yourself:\n  \
                scripts/debian-archive sid amd64 FOLDER qemu-user\n  \
                scripts/debian-archive bookworm amd64 FOLDER qemu-user-static\n  \
                QUS_TEST_PACKAGES=FOLDER cargo test -p qus-release";
    let folder = std::env::var_os("QUS_TEST_PACKAGES");
    let folder = PathBuf::from(folder.unwrap_or_else(|| panic!("QUS_TEST_PACKAGES is not set\n{help}")));
    let entries = std::fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}\n{help}", folder.display()));
    let mut found: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    found.retain(|path| {
        let name = path.file_name().unwrap().to_string_lossy();
        name.starts_with(begins) && name.ends_with("_amd64.deb")
    });
    // The newest: names of packages differ in their versions only.
    found.sort_by_key(|path| {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        name.split_once("%3a").map(|(_, version)| Version::from_str(version.split('_').next().unwrap()).unwrap())
    });
    found.pop().unwrap_or_else(|| panic!("no package {begins}…_amd64.deb in \"{}\"\n{help}", folder.display()))
}

/// Imports one target of the package, publishes, verifies, unpacks and runs it.
fn imported(package: &std::path::Path, qemu: &str) {
    let workshop = Workshop::new();
    let version = {
        let imported = workshop.import(&[package.to_str().unwrap(), "--target", "microblaze"]).unwrap();
        assert_eq!(imported.assets.len(), 2);
        imported.version
    };
    workshop.publish(&[]).unwrap();
    let report = workshop.verify(&[]).unwrap();
    assert!(report.problems.is_empty(), "{:?}", report.problems);

    let release = workshop.release(version.as_str());
    let linked = &release.sources[0].linked;
    for library in ["glibc", "glib2.0"] {
        assert!(linked.iter().any(|linked| linked.package == library), "{library}: {linked:?}");
    }
    let target = "microblaze".parse().unwrap();
    for form in [Form::Emulator, Form::Tgz] {
        let asset = release.asset(form, Host::Amd64, target).unwrap();
        let archive = workshop.path(&format!("repository/{version}/{}", asset.file));
        let status = Command::new("tar").arg("-xf").arg(&archive).arg("-C").arg(workshop.path("")).status().unwrap();
        assert!(status.success(), "help: apt-get install tar zstd");
        let emulator = workshop.path("qemu-microblaze-static");
        assert_eq!(emulator.metadata().unwrap().permissions().mode() & 0o7777, 0o755);
        if cfg!(target_arch = "x86_64") {
            let output = Command::new(&emulator).arg("--version").output().unwrap();
            let said = text(&output.stdout);
            assert!(said.starts_with(&format!("qemu-microblaze version {qemu}")), "{said}");
        }
        std::fs::remove_file(&emulator).unwrap();
    }
}

#[test]
fn an_emulator_of_debians_qemu_user_is_imported_and_runs() {
    let package = package("qemu-user_");
    // 1:11.1.3+ds-1 holds QEMU 11.1.3: in a stable version of QEMU both agree.
    let name = package.file_name().unwrap().to_string_lossy().into_owned();
    let (_, version) = name.split_once("%3a").unwrap();
    imported(&package, version.split('+').next().unwrap());
}

#[test]
fn an_emulator_of_debian_12s_qemu_user_static_is_imported_and_runs() {
    imported(&package("qemu-user-static_"), "7.2.");
}
