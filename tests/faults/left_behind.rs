//! What a killed qus leaves where it tried programs goes with the next one.

use std::fs;
use std::path::Path;
use std::process::Command;

use tempfile::TempDir;

use crate::support::machine::{Image, Said, qus};
use crate::support::shim::{Fault, calls, stand_before};

/// A look at a target of this machine's own family, which is tried in `folder`.
fn status(image: &Image, folder: &Path) -> Command {
    let mut command = qus();
    command.env("TMPDIR", folder).arg("--root").arg(image.root()).args(["status", "i386"]);
    command
}

fn names(folder: &Path) -> Vec<String> {
    let names = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<String> = names.collect();
    names.sort();
    names
}

#[test]
fn a_qus_killed_while_it_tries_a_program_leaves_nothing_for_good() {
    let image = Image::trusting(&["aarch64"]);
    let (folder, logs) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let below = folder.path().display().to_string();
    let log = logs.path().join("log");
    let mut clean = status(&image, folder.path());
    stand_before(&mut clean, &log, &below, None);
    Said::by(clean.output().unwrap()).expect(0, &[]);
    assert!(names(folder.path()).is_empty());
    let calls = calls(&log);
    assert!(calls.len() > 4, "{calls:#?}");
    for call in calls.iter().filter(|call| call.path.contains("qus-probe-")) {
        let mut killed = status(&image, folder.path());
        stand_before(&mut killed, Path::new("/dev/null"), &below, Some((call.number, Fault::Kill)));
        assert_eq!(Said::by(killed.output().unwrap()).code, None, "{call:?}");
        assert_eq!(names(folder.path()).len(), 1, "{call:?}");
        Said::by(status(&image, folder.path()).output().unwrap()).expect(0, &[]);
        assert!(names(folder.path()).is_empty(), "{call:?}");
    }
}

#[test]
fn what_somebody_uses_and_what_is_no_directory_stays() {
    let image = Image::trusting(&["aarch64"]);
    let folder = TempDir::new().unwrap();
    let at = |name: &str| folder.path().join(name);
    for name in ["qus-probe-used", "qus-probe-left", "elsewhere"] {
        fs::create_dir(at(name)).unwrap();
        fs::write(at(name).join("probe"), "").unwrap();
    }
    fs::write(at("qus-probe-file"), "").unwrap();
    std::os::unix::fs::symlink("elsewhere", at("qus-probe-link")).unwrap();
    nix::unistd::mkfifo(&at("qus-probe-pipe"), nix::sys::stat::Mode::S_IRWXU).unwrap();
    let used = fs::File::open(at("qus-probe-used")).unwrap();
    used.lock().unwrap();
    Said::by(status(&image, folder.path()).output().unwrap()).expect(0, &[]);
    assert_eq!(
        names(folder.path()),
        ["elsewhere", "qus-probe-file", "qus-probe-link", "qus-probe-pipe", "qus-probe-used"]
    );
    assert!(at("elsewhere/probe").exists() && at("qus-probe-used/probe").exists());
}
