//! `qus doctor` in containers, whose kernel is the machine's and whose files are not; and on a machine that has the table
//! not mounted.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::support::docker::Docker;
use crate::support::host::{Host, TABLE, is_mounted, sh};
use crate::support::machine::{Said, qus};
use crate::support::real::{Emulators, program};

/// What doctor found: the causes, the cure of the first, and where it is to be typed.
#[derive(Debug, PartialEq, Eq)]
struct Found {
    causes: Vec<String>,
    cure: Option<String>,
    at: String,
}

impl Found {
    #[track_caller]
    fn of(said: &Said) -> Found {
        let document: Value = serde_json::from_str(&said.stdout).unwrap_or_else(|_| panic!("{said:#?}"));
        assert_eq!(said.code, Some(if document["healthy"] == true { 0 } else { 10 }), "{said:#?}");
        let findings = document["findings"].as_array().unwrap();
        Found {
            causes: findings.iter().map(|finding| finding["cause"].as_str().unwrap().to_owned()).collect(),
            cure: findings.first().and_then(|finding| finding["cure"].as_str()).map(str::to_owned),
            at: document["at"].as_str().unwrap().to_owned(),
        }
    }

    fn expected(cause: &str, cure: &str, at: &str) -> Found {
        Found { causes: vec![cause.to_owned()], cure: Some(cure.to_owned()), at: at.to_owned() }
    }
}

/// The machine's entry of aarch64, for as long as this value lives.
struct Registered(PathBuf);

impl Registered {
    #[track_caller]
    fn with(flags: &str, emulators: &Emulators) -> Registered {
        let emulator = fs::canonicalize(emulators.folder().join("qemu-aarch64-static")).unwrap();
        let words = ["register", "--flags", flags, "aarch64", "--interpreter"];
        Said::by(qus().args(words).arg(&emulator).output().unwrap()).expect(0, &[]);
        Registered(emulator)
    }
}

impl Drop for Registered {
    fn drop(&mut self) {
        // The test may have failed already: nothing here may panic.
        let _ = qus().args(["unregister", "aarch64", "--interpreter"]).arg(&self.0).output();
    }
}

pub(super) fn examine_in_containers(_host: &Host) {
    let emulators = Emulators::of(&["aarch64"]);
    let docker = Docker::start();
    docker.follow(true);
    let busybox = program("arm64");
    let files = [(Path::new(env!("CARGO_BIN_EXE_qus")), "/qus"), (&*busybox, "/busybox")];
    let examine = || Found::of(&docker.run("", &files, "/qus doctor --json /busybox"));
    assert_eq!(examine(), Found::expected("no-entry", "qus install aarch64", "host"));
    {
        let _registered = Registered::with("PO", &emulators);
        let found = examine();
        // The kernel has found an entry that the container cannot see.
        assert_eq!(found, Found::expected("emulator-not-here", "qus install aarch64", "host"));
    }
    let _registered = Registered::with("POF", &emulators);
    docker.run("", &files, "/busybox uname -m").expect(0, &["aarch64"]);
    assert!(examine().causes.is_empty(), "{:?}", examine());
    // From outside it is the same: the container's root directory is a directory of the machine.
    let root = tempfile::TempDir::new().unwrap();
    fs::copy(&busybox, root.path().join("busybox")).unwrap();
    let words = ["doctor", "--json", "--root", root.path().to_str().unwrap(), "/busybox"];
    assert!(Found::of(&Said::by(qus().args(words).output().unwrap())).causes.is_empty());
}

/// Mounting it by hand is cure enough for the cause that is named; the next one is told then.
pub(super) fn examine_without_the_table(host: &Host) {
    let busybox = program("arm64");
    let examine = || Found::of(&Said::by(qus().args(["doctor", "--json"]).arg(&busybox).output().unwrap()));
    assert_eq!(examine(), Found::expected("not-mounted", "qus install aarch64", "here"));
    assert!(!is_mounted(), "looking has mounted it");
    sh(&format!("mount -t binfmt_misc binfmt_misc {TABLE}"));
    assert_eq!(examine(), Found::expected("no-entry", "qus install aarch64", "here"));
    host.restore(false);
}
