//! A filled script, and a machine with just the programs that are named.

use std::fs;
use std::process::Command;

use minisign::KeyPair;
use qus::host::Host;
use qus::release::ToolArchive;
use qus::trust::{Archive, AssetClaim};

use crate::support::machine::{Image, Said};
use crate::support::publisher::{Packed, plain_archive, public, sha256, sign, version};
use crate::support::sandbox::Sandbox;
use crate::support::tree::Tree;

pub(crate) const TEMPLATE: &str = include_str!("../../scripts/install.sh");

/// Shells that it must work under.
pub(crate) const SHELLS: [&str; 4] = ["dash", "bash", "bash --posix", "busybox sh"];

/// What every machine has.
const USUAL: &[&str] = &[
    "cat", "chmod", "cp", "cut", "grep", "gzip", "id", "mkdir", "mktemp", "mv", "rm", "sed", "sort", "tail", "tar",
    "uname",
];

/// What can verify.
pub(crate) const MINISIGN: &[&str] = &["curl", "sha256sum", "minisign"];
pub(crate) const OPENSSL: &[&str] = &["curl", "sha256sum", "openssl"];
pub(crate) const NEITHER: &[&str] = &["curl", "sha256sum"];

/// Where it installs to in these tests: nothing else lies there.
pub(crate) const TARGET: &str = "/usr/local/lib/apps/qus";

/// A repository with an archive of qus, and a machine that trusts nobody.
pub(crate) struct Installer {
    pub(crate) image: Image,
    pub(crate) sandbox: Sandbox,
    archive: ToolArchive,
    key: String,
    url: String,
}

impl Installer {
    /// Of a repository on disk that offers `program` as qus 0.9.9.
    pub(crate) fn of(program: &[u8]) -> Installer {
        let image = Image::trusting(&["aarch64"]);
        let packed =
            Packed { name: "qus".to_owned(), kind: tar::EntryType::Regular, mode: 0o755, content: program.to_vec() };
        let plain = image.folder.path().join("plain.tar");
        fs::write(&plain, plain_archive(&[packed])).unwrap();
        let bytes = Command::new("gzip").arg("-nc").arg(&plain).output().unwrap().stdout;
        let archive = ToolArchive {
            file: ToolArchive::tgz_name(Host::Amd64),
            host: Host::Amd64,
            size: bytes.len() as u64,
            sha256: sha256(&bytes),
            program_size: program.len() as u64,
            program_sha256: sha256(program),
        };
        let (key, url) = (public(&image.publisher.release_key).as_str().to_owned(), image.publisher.url.clone());
        let installer = Installer { image, sandbox: Sandbox::new(), archive, key, url };
        fs::create_dir_all(installer.file().parent().unwrap()).unwrap();
        fs::write(installer.file(), bytes).unwrap();
        installer.sign(&installer.image.publisher.release_key, &installer.comment());
        installer.sandbox.shell("mkdir /usr/local/lib/apps").expect(0, &[]);
        installer
    }

    pub(crate) fn at(mut self, url: &str) -> Installer {
        url.clone_into(&mut self.url);
        self
    }

    /// The archive.
    pub(crate) fn file(&self) -> std::path::PathBuf {
        let folder = self.image.publisher.folder.join(ToolArchive::folder(&version("0.9.9")));
        folder.join(&self.archive.file)
    }

    pub(crate) fn signature(&self) -> std::path::PathBuf {
        self.file().with_extension("tgz.minisig")
    }

    /// What its signature must say.
    pub(crate) fn comment(&self) -> String {
        AssetClaim::of(&self.archive, &version("0.9.9")).comment()
    }

    /// Signs the archive, whatever it is by now.
    pub(crate) fn sign(&self, key: &KeyPair, comment: &str) {
        fs::write(self.signature(), sign(key, &fs::read(self.file()).unwrap(), comment)).unwrap();
    }

    /// Replaces the archive, and makes the script name it.
    pub(crate) fn replace(&mut self, bytes: &[u8]) {
        fs::write(self.file(), bytes).unwrap();
        (self.archive.size, self.archive.sha256) = (bytes.len() as u64, sha256(bytes));
    }

    /// As `qus-release publish` fills it.
    pub(crate) fn script(&self) -> String {
        let ToolArchive { host, size, sha256, .. } = &self.archive;
        let line = format!("riscv64 1 0 0\n{host} {size} {sha256} {}", self.key);
        TEMPLATE.replace("@URL@", &self.url).replace("@VERSION@", "0.9.9").replace("@ARCHIVES@", &line)
    }

    /// Pipes `script` into a shell on a machine that has the usual programs and `programs`.
    pub(crate) fn pipe(&self, script: &str, shell: &str, programs: &[&str], variables: &str) -> Said {
        let folder = self.image.folder.path();
        fs::write(folder.join("install.sh"), script).unwrap();
        let bin = folder.join("bin");
        if bin.exists() {
            fs::remove_dir_all(&bin).unwrap();
        }
        fs::create_dir(&bin).unwrap();
        for program in USUAL.iter().chain(programs) {
            let found = ["/usr/bin", "/bin"].iter().map(|folder| format!("{folder}/{program}"));
            let found = found.into_iter().find(|path| fs::exists(path).unwrap());
            let found = found.unwrap_or_else(|| panic!("{program} is needed: see scripts/test"));
            std::os::unix::fs::symlink(found, bin.join(program)).unwrap();
        }
        let shell = if shell.starts_with("busybox") { format!("/usr/bin/{shell}") } else { format!("/bin/{shell}") };
        let (bin, file) = (bin.display(), folder.join("install.sh").display().to_string());
        let command = format!(
            "cat {file} | env -i HOME=/root PATH={bin} QUS_DESTINATION=/usr/local/lib/apps {variables} {shell}"
        );
        self.sandbox.shell(&command)
    }

    pub(crate) fn run(&self, shell: &str, programs: &[&str]) -> Said {
        self.pipe(&self.script(), shell, programs, "")
    }

    /// Runs it, and fails if anything is other afterwards.
    #[track_caller]
    pub(crate) fn run_in_vain(&self, shell: &str, programs: &[&str]) -> Said {
        self.pipe_in_vain(&self.script(), shell, programs, "")
    }

    #[track_caller]
    pub(crate) fn pipe_in_vain(&self, script: &str, shell: &str, programs: &[&str], variables: &str) -> Said {
        let before = self.tree();
        let said = self.pipe(script, shell, programs, variables);
        assert_eq!(self.tree(), before, "{said:#?}");
        said
    }

    pub(crate) fn tree(&self) -> Tree {
        self.sandbox.changes()
    }

    /// Takes back what it installed.
    pub(crate) fn uninstall(&self) {
        self.sandbox.shell("rm -rf /usr/local/lib/apps/* /var/lib/qus").expect(0, &[]);
    }
}
