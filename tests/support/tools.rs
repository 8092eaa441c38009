//! Copies of qus itself: real ones of other versions, and programs that only claim to be one.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use qus::host::Host;
use qus::release::{Tool, ToolArchive};
use qus::tool::ToolReceipt;
use qus::trust::{Archive, AssetClaim};
use tempfile::TempDir;

use super::machine::{Image, Said};
use super::publisher::{Packed, Publisher, archive, sha256, sign, version};
use super::sandbox::Sandbox;
use super::tree::{Tree, without_memory};

/// What the program under test calls itself.
pub(crate) const PRESENT: &str = env!("CARGO_PKG_VERSION");

/// Where it lies in the sandbox.
pub(crate) const PATH: &str = "/usr/local/bin/qus";

/// The program under test without its symbols, which are nine tenths of it.
pub(crate) fn stripped() -> &'static [u8] {
    static STRIPPED: OnceLock<Vec<u8>> = OnceLock::new();
    STRIPPED.get_or_init(|| {
        let folder = TempDir::new().unwrap();
        let file = folder.path().join("qus");
        let output = Command::new("strip").arg("-o").arg(&file).arg(env!("CARGO_BIN_EXE_qus")).output();
        Said::by(output.unwrap_or_else(|error| panic!("binutils' strip is needed: {error}"))).expect(0, &[]);
        fs::read(file).unwrap()
    })
}

/// The program under test, which believes itself to be of another version, as long as the present one's.
pub(crate) fn real(text: &str) -> Vec<u8> {
    assert_eq!(text.len(), PRESENT.len(), "\"{text}\" has not the length of \"{PRESENT}\"");
    let mut program = stripped().to_vec();
    let places: Vec<usize> = program
        .windows(PRESENT.len())
        .enumerate()
        .filter(|(_, found)| *found == PRESENT.as_bytes())
        .map(|(at, _)| at)
        .collect();
    assert!(!places.is_empty(), "the program bears no version");
    for at in places {
        program[at..at + text.len()].copy_from_slice(text.as_bytes());
    }
    program
}

/// A static program that does `body`, and then says that it is qus of a version if it is asked.
pub(crate) fn claiming(text: &str, body: &str) -> Vec<u8> {
    let folder = TempDir::new().unwrap();
    let (source, file) = (folder.path().join("qus.c"), folder.path().join("qus"));
    let code = format!(
        "#include <signal.h>\n#include <stdio.h>\n#include <string.h>\n#include <unistd.h>\n\
         int main(int count, char **words) {{ (void)count; {body};\n\
         if (!strcmp(words[1], \"--version\")) puts(\"qus {text}\"); return 0; }}\n"
    );
    fs::write(&source, code).unwrap();
    let output = Command::new("cc").args(["-static", "-O1", "-o"]).arg(&file).arg(&source).output();
    Said::by(output.unwrap_or_else(|error| panic!("cc is needed: {error}"))).expect(0, &[]);
    fs::read(file).unwrap()
}

fn packed(program: &[u8]) -> Packed {
    Packed { name: "qus".to_owned(), kind: tar::EntryType::Regular, mode: 0o755, content: program.to_vec() }
}

/// Adds a version of qus to a repository; the index is not published yet.
pub(crate) fn add(publisher: &mut Publisher, text: &str, program: &[u8]) {
    add_packed(publisher, text, program, &archive(&[packed(program)]));
}

/// The same with an archive of any content.
pub(crate) fn add_packed(publisher: &mut Publisher, text: &str, program: &[u8], bytes: &[u8]) {
    let archive = ToolArchive {
        file: ToolArchive::file_name(Host::Amd64),
        host: Host::Amd64,
        size: bytes.len() as u64,
        sha256: sha256(bytes),
        program_size: program.len() as u64,
        program_sha256: sha256(program),
    };
    let comment = AssetClaim::of(&archive, &version(text)).comment();
    fs::create_dir_all(publisher.folder.join(ToolArchive::folder(&version(text)))).unwrap();
    fs::write(file(publisher, text), bytes).unwrap();
    fs::write(signature(publisher, text), sign(&publisher.release_key, bytes, &comment)).unwrap();
    publisher.index.tools.push(Tool { version: version(text), withdrawn: None, archives: vec![archive] });
}

/// The archive of a version.
pub(crate) fn file(publisher: &Publisher, text: &str) -> PathBuf {
    publisher.folder.join(ToolArchive::folder(&version(text))).join(ToolArchive::file_name(Host::Amd64))
}

/// Its signature.
pub(crate) fn signature(publisher: &Publisher, text: &str) -> PathBuf {
    file(publisher, text).with_extension("zst.minisig")
}

/// A machine on which qus was installed from a repository, by itself.
pub(crate) struct Standalone {
    pub(crate) image: Image,
    pub(crate) sandbox: Sandbox,
    path: String,
}

impl Standalone {
    /// The present version, at the usual path.
    pub(crate) fn new() -> Standalone {
        Standalone::at(PATH)
    }

    /// The same at another path, whose directory is made.
    pub(crate) fn at(path: &str) -> Standalone {
        let machine =
            Standalone { image: Image::trusting(&["aarch64"]), sandbox: Sandbox::new(), path: path.to_owned() };
        machine.image.hand_anchor_to(&machine.sandbox);
        machine.put(path, stripped());
        machine.write_receipt(path);
        machine
    }

    /// Lays down a program.
    pub(crate) fn put(&self, path: &str, program: &[u8]) {
        let file = self.image.folder.path().join("program");
        fs::write(&file, program).unwrap();
        let parent = Path::new(path).parent().unwrap().display();
        self.sandbox.shell(&format!("mkdir -p {parent}; install -m 755 {} {path}", file.display())).expect(0, &[]);
    }

    /// As `install.sh` does.
    pub(crate) fn write_receipt(&self, path: &str) {
        let receipt = ToolReceipt {
            schema: 1,
            path: path.to_owned().try_into().unwrap(),
            version: version(PRESENT),
            sha256: sha256(stripped()),
            repository: self.image.publisher.url.clone(),
            previous: None,
        };
        let file = self.image.folder.path().join("receipt");
        fs::write(&file, receipt.to_json()).unwrap();
        let script = format!("mkdir -p /var/lib/qus; install -m 644 {} /var/lib/qus/self.json", file.display());
        self.sandbox.shell(&script).expect(0, &[]);
    }

    /// Offers one more version.
    pub(crate) fn offer(&mut self, text: &str, program: &[u8]) {
        add(&mut self.image.publisher, text, program);
        self.image.publisher.publish();
    }

    /// Runs it.
    pub(crate) fn qus(&self, words: &[&str]) -> Said {
        self.sandbox.run(&self.path, words)
    }

    /// Runs it, and fails if anything is other afterwards.
    #[track_caller]
    pub(crate) fn in_vain(&self, words: &[&str]) -> Said {
        let before = self.tree();
        let said = self.qus(words);
        assert_eq!(before, self.tree(), "{said:#?}");
        said
    }

    /// The same for what is refused by what the repository has: that is remembered.
    #[track_caller]
    pub(crate) fn in_vain_but_for_the_memory(&self, words: &[&str]) -> Said {
        let before = without_memory(self.tree());
        let said = self.qus(words);
        assert_eq!(before, without_memory(self.tree()), "{said:#?}");
        said
    }

    /// What is other than on the machine itself, but for who holds the lock.
    pub(crate) fn tree(&self) -> Tree {
        let mut tree = self.sandbox.changes();
        tree.remove("run/qus.lock");
        tree
    }

    /// What it calls itself.
    #[track_caller]
    pub(crate) fn version(&self) -> String {
        self.qus(&["--version"]).expect(0, &["qus "]).stdout.trim().trim_start_matches("qus ").to_owned()
    }
}
