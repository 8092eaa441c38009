//! A maintainer's workshop: three keys and a repository, in a folder of its own.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command as Process, Output, Stdio};

use clap::Parser;
use qus::release::{Index, Release, Tool};
use qus_release::cli::{Cli, Command, RootStep};
use qus_release::error::Error;
use qus_release::import::Imported;
use qus_release::passphrase::Passphrases;
use qus_release::pending::Pending;
use qus_release::renew::Renewed;
use qus_release::sign_root::Signed;
use qus_release::ui::Ui;
use qus_release::verify::Report;
use qus_release::{import, keygen, packages, place, publish, renew, root, rotate, sign_root, tool, verify, withdraw};
use tempfile::TempDir;

use crate::files::Deb;

/// When everything in these tests happens.
pub(crate) const NOW: &str = "2026-11-20T18:00:00Z";

pub(crate) struct Workshop {
    folder: TempDir,
}

impl Workshop {
    /// With the keys `root`, `release` and `index`, and root 1.
    pub(crate) fn new() -> Workshop {
        let workshop = Workshop::empty();
        for name in ["root", "release", "index"] {
            workshop.keygen(name);
        }
        workshop.root(&["--root-key", "root.key"]).unwrap();
        workshop
    }

    /// With nothing in it.
    pub(crate) fn empty() -> Workshop {
        Workshop { folder: tempfile::tempdir().unwrap() }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn repository(&self) -> PathBuf {
        self.path("repository")
    }

    /// Writes a file of the workshop.
    pub(crate) fn write(&self, name: &str, content: &[u8]) -> PathBuf {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, content).unwrap();
        path
    }

    pub(crate) fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap()
    }

    pub(crate) fn deb(&self, name: &str, deb: &Deb) {
        self.write(name, &deb.bytes());
    }

    /// Makes the key `name.key` without a passphrase.
    pub(crate) fn keygen(&self, name: &str) {
        std::fs::create_dir_all(self.path(name).parent().unwrap()).unwrap();
        match self.parse("keygen", &[&format!("{name}.key"), "--no-passphrase"]) {
            Command::Keygen(args) => keygen::run(&args, &Passphrases::Input).unwrap(),
            _ => unreachable!("keygen was typed"),
        };
    }

    /// Makes the next root, with the usual release and index keys.
    pub(crate) fn root(&self, words: &[&str]) -> Result<root::Made, Error> {
        let usual = ["--url", "https://example.org/qus/", "--release-key", "release.key.pub"];
        let usual = [&["repository", "--index-key", "index.key.pub", "--now", NOW], &usual[..]].concat();
        match self.parse("root", &[&usual, words].concat()) {
            Command::Root(args) => root::run(&args.make.unwrap(), &Passphrases::Given("unused".to_owned())),
            _ => unreachable!("root was typed"),
        }
    }

    /// Draws up the next root in the file `pending`.
    pub(crate) fn rotate(&self, pending: &str, words: &[&str]) -> Result<Pending, Error> {
        let now: &[&str] = if words.contains(&"--now") { &[] } else { &["--now", NOW] };
        match self.parse("root", &[&["rotate", "repository", pending], now, words].concat()) {
            Command::Root(command) => match command.step {
                Some(RootStep::Rotate(args)) => rotate::run(&args, &Ui::quiet()),
                _ => unreachable!("rotate was typed"),
            },
            _ => unreachable!("root was typed"),
        }
    }

    pub(crate) fn sign_root(&self, pending: &str, key: &str) -> Result<Signed, Error> {
        self.sign_root_by(pending, key, &[])
    }

    pub(crate) fn sign_root_by(&self, pending: &str, key: &str, words: &[&str]) -> Result<Signed, Error> {
        match self.parse("sign-root", &[&[pending, "--root-key", key], words].concat()) {
            Command::SignRoot(args) => sign_root::run(&args, &Passphrases::Input, &Ui::quiet()),
            _ => unreachable!("sign-root was typed"),
        }
    }

    pub(crate) fn place(&self, pending: &[&str]) -> Result<root::Made, Error> {
        match self.parse("root", &[&["place", "repository"], pending].concat()) {
            Command::Root(command) => match command.step {
                Some(RootStep::Place(args)) => place::run(&args),
                _ => unreachable!("place was typed"),
            },
            _ => unreachable!("root was typed"),
        }
    }

    pub(crate) fn revoke(&self, pending: &str, what: &[&str]) -> Result<Pending, Error> {
        match self.parse("revoke", &[&["repository", pending, "--now", NOW], what].concat()) {
            Command::Revoke(args) => rotate::revoke(&args, &Ui::quiet()),
            _ => unreachable!("revoke was typed"),
        }
    }

    pub(crate) fn withdraw(&self, version: &str, words: &[&str]) -> Result<(), Error> {
        match self.parse("withdraw", &[&["repository", version], words].concat()) {
            Command::Withdraw(args) => withdraw::run(&args),
            _ => unreachable!("withdraw was typed"),
        }
    }

    pub(crate) fn renew(&self, words: &[&str]) -> Result<Renewed, Error> {
        match self.parse("renew", &[&["repository", "--key", "index.key"], words].concat()) {
            Command::Renew(args) => renew::run(&args, &Passphrases::Input, &Ui::quiet()),
            _ => unreachable!("renew was typed"),
        }
    }

    pub(crate) fn import(&self, words: &[&str]) -> Result<Imported, Error> {
        let key: &[&str] = if words.contains(&"--key") { &[] } else { &["--key", "release.key"] };
        match self.parse("import", &[&["repository"], key, words].concat()) {
            Command::Import(args) => import::run(&args, &Passphrases::Input, &Ui::quiet()),
            _ => unreachable!("import was typed"),
        }
    }

    /// Imports the usual package: `aarch64`, `arm` and `riscv64` of 11.1.3-1.
    pub(crate) fn import_usual(&self) -> Imported {
        self.deb("usual.deb", &Deb::new(&["aarch64", "arm", "riscv64"]));
        self.import(&["usual.deb"]).unwrap()
    }

    pub(crate) fn tool(&self, words: &[&str]) -> Result<Tool, Error> {
        let key: &[&str] = if words.contains(&"--key") { &[] } else { &["--key", "release.key"] };
        match self.parse("tool", &[&["repository"], key, words].concat()) {
            Command::Tool(args) => tool::run(&args, &Passphrases::Input, &Ui::quiet()),
            _ => unreachable!("tool was typed"),
        }
    }

    pub(crate) fn publish(&self, words: &[&str]) -> Result<Index, Error> {
        let usual: &[&str] = if words.contains(&"--now") { &["repository"] } else { &["repository", "--now", NOW] };
        let key: &[&str] = if words.contains(&"--key") { &[] } else { &["--key", "index.key"] };
        match self.parse("publish", &[usual, key, words].concat()) {
            Command::Publish(args) => publish::run(&args, &Passphrases::Input, &Ui::quiet()),
            _ => unreachable!("publish was typed"),
        }
    }

    pub(crate) fn verify(&self, words: &[&str]) -> Result<Report, Error> {
        let usual: &[&str] = if words.contains(&"--now") { &["repository"] } else { &["repository", "--now", NOW] };
        match self.parse("verify", &[usual, words].concat()) {
            Command::Verify(args) => verify::run(&args, &Ui::quiet()),
            _ => unreachable!("verify was typed"),
        }
    }

    /// Makes packages for amd64 in the folder `packages`.
    pub(crate) fn packages(&self, words: &[&str]) -> Result<Vec<PathBuf>, Error> {
        let output = self.path("packages").display().to_string();
        let now: &[&str] = if words.contains(&"--now") { &[] } else { &["--now", NOW] };
        let host: &[&str] = if words.contains(&"--host") { &[] } else { &["--host", "amd64"] };
        match self.parse("packages", &[&["repository", &output], now, host, words].concat()) {
            Command::Packages(args) => packages::run(&args, &Ui::quiet()),
            _ => unreachable!("packages was typed"),
        }
    }

    /// What `release.json` of `version` says.
    pub(crate) fn release(&self, version: &str) -> Release {
        serde_json::from_str(&self.read(&format!("repository/{version}/release.json"))).unwrap()
    }

    /// Every file below the repository and its content, hidden ones too.
    pub(crate) fn tree(&self) -> BTreeMap<String, Vec<u8>> {
        let mut files = BTreeMap::new();
        collect(&self.repository(), &self.repository(), &mut files);
        files
    }

    /// Their names.
    pub(crate) fn names(&self) -> Vec<String> {
        self.tree().into_keys().collect()
    }

    /// Runs the program itself in the workshop, without a terminal.
    pub(crate) fn run(&self, words: &[&str]) -> Output {
        self.run_with(words, "")
    }

    /// The same, with `input` on its standard input.
    pub(crate) fn run_with(&self, words: &[&str], input: &str) -> Output {
        let mut process = self.start(words);
        // A program that asks for nothing may have ended already.
        let _ = process.stdin.take().unwrap().write_all(input.as_bytes());
        process.wait_with_output().unwrap()
    }

    /// Starts the program.
    pub(crate) fn start(&self, words: &[&str]) -> Child {
        let mut process = Process::new(env!("CARGO_BIN_EXE_qus-release"));
        process.env_remove("QUS_RELEASE_PASSPHRASE").env_remove("SOURCE_DATE_EPOCH");
        process.current_dir(self.folder.path()).args(words);
        process.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        process.spawn().unwrap()
    }

    /// What was typed, with the names of files in the workshop made absolute.
    fn parse(&self, command: &str, words: &[&str]) -> Command {
        let absolute = |word: &&str| -> OsString {
            let key = Path::new(word).extension().is_some_and(|end| end == "key" || end == "json");
            if key || *word == "repository" || self.path(word).exists() { self.path(word).into() } else { word.into() }
        };
        let words = words.iter().map(absolute);
        Cli::try_parse_from(["qus-release".into(), command.into()].into_iter().chain(words)).unwrap().command
    }
}

fn collect(top: &Path, folder: &Path, files: &mut BTreeMap<String, Vec<u8>>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(top, &path, files);
        } else {
            let name = path.strip_prefix(top).unwrap().to_string_lossy().into_owned();
            files.insert(name, std::fs::read(&path).unwrap());
        }
    }
}

/// The text that a program wrote.
pub(crate) fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}
