//! A repository of packages, signed by a key that exists for one test.

use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use crate::support::machine::Said;
use crate::support::real::provided;

/// What the scripts made, in the folder that becomes `/srv`.
pub(super) struct Repository {
    folder: TempDir,
}

impl Repository {
    /// Of qus, and of the emulators as they were made `times` times: in `/srv/apt` and `/srv/dnf`.
    pub(super) fn new() -> Repository {
        let repository = Repository { folder: TempDir::new().unwrap() };
        std::fs::create_dir_all(repository.path("srv")).unwrap();
        repository.key("packages");
        repository
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// What lies at `/srv` in the systems.
    pub(super) fn srv(&self) -> PathBuf {
        self.path("srv")
    }

    /// Makes the key `NAME@example.org`.
    pub(super) fn key(&self, name: &str) {
        let user = format!("{name}@example.org");
        self.shell("mkdir -pm 700 \"$GNUPGHOME\"").expect(0, &[]);
        self.shell(&format!("gpg --batch --quiet --passphrase '' --quick-generate-key {user} rsa2048 sign never"))
            .expect(0, &[]);
    }

    /// Adds the packages of a folder to `/srv/KIND`, signed by that key.
    #[track_caller]
    pub(super) fn publish(&self, kind: &str, packages: &Path, key: &str) {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts").join(format!("publish-{kind}"));
        let (script, packages) = (script.display(), packages.display());
        let url = format!("file:///srv/{kind}");
        self.shell(&format!("{script} --url {url} {packages} srv/{kind} {key}@example.org")).expect(0, &[]);
    }

    /// The same of qus itself and the emulators as they were made first.
    #[track_caller]
    pub(super) fn publish_first(&self, kind: &str) {
        self.publish(kind, &provided("QUS_TEST_SHIPPED"), "packages");
        self.publish(kind, &emulators(1), "packages");
    }

    /// Runs a script where the folders are.
    pub(super) fn shell(&self, script: &str) -> Said {
        let mut command = Command::new("sh");
        command.args(["-ec", script]).current_dir(self.folder.path()).env("GNUPGHOME", self.path("gpg"));
        Said::by(command.output().unwrap())
    }
}

impl Drop for Repository {
    fn drop(&mut self) {
        // Its agent would outlive the folder.
        self.shell("gpgconf --kill all");
    }
}

/// The folder of the emulators' packages, as they were made that many times.
pub(super) fn emulators(times: u32) -> PathBuf {
    provided("QUS_TEST_EMULATORS").join(times.to_string())
}
