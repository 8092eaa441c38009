//! Real emulators, real programs, real neighbours: what `scripts/test` makes and names in the environment.

use std::path::{Path, PathBuf};

use serde_json::Value;
use tempfile::TempDir;

use super::machine::{Said, qus};
use super::sandbox::Sandbox;

/// Every architecture of Debian's last release or its next, and of the one before, but the tester's own: the target, what
/// Debian calls it, and what `uname -m` says in it.
pub(crate) const PORTS: [(&str, &str, &str); 10] = [
    ("aarch64", "arm64", "aarch64"),
    ("arm", "armhf", "armv7l"),
    ("arm", "armel", "armv7l"),
    ("i386", "i386", "i686"),
    ("ppc64le", "ppc64el", "ppc64le"),
    ("riscv64", "riscv64", "riscv64"),
    ("s390x", "s390x", "s390x"),
    ("mips64el", "mips64el", "mips64"),
    ("mipsel", "mipsel", "mips"),
    ("loongarch64", "loong64", "loongarch64"),
];

/// Where `variable` says that something real lies.
pub(crate) fn provided(variable: &str) -> PathBuf {
    let Some(path) = std::env::var_os(variable) else {
        panic!("{variable} is not set: run scripts/test, which makes what this chapter needs")
    };
    PathBuf::from(path)
}

/// This machine, trusting the repository of real emulators.
pub(crate) fn machine() -> Sandbox {
    let sandbox = Sandbox::new();
    let anchor = provided("QUS_TEST_REPOSITORY").join("anchor.json");
    sandbox
        .shell(&format!("mkdir -p /etc/qus/trust.d; cp {} /etc/qus/trust.d/test.json", anchor.display()))
        .expect(0, &[]);
    sandbox
}

/// A real program of the architecture that Debian calls so.
pub(crate) fn program(debian: &str) -> PathBuf {
    provided("QUS_TEST_PROGRAMS").join(debian).join("busybox")
}

/// Path of the emulator that really runs that architecture's program: a foreign shell starts a program of the host,
/// which looks at what its parent is.
#[track_caller]
pub(crate) fn answering(sandbox: &Sandbox, debian: &str) -> String {
    let script = format!("{} sh -c '/bin/readlink /proc/$$/exe; :'", program(debian).display());
    sandbox.shell(&script).expect(0, &[]).stdout.trim().to_owned()
}

/// What `qus status --json` says of `target`.
#[track_caller]
pub(crate) fn status(sandbox: &Sandbox, target: &str) -> Value {
    let said = sandbox.qus(&["status", "--json", target]).expect(0, &[]);
    let mut document: Value = serde_json::from_str(&said.stdout).unwrap();
    document["targets"][0].take()
}

/// Runs a program directly, and again in a root directory that holds nothing else.
pub(crate) fn runs(sandbox: &Sandbox, program: &Path, uname: &str) {
    let script = format!(
        "{program} uname -m
         empty=$(mktemp -d); cp {program} $empty/busybox; chroot $empty /busybox uname -m; rm -r $empty",
        program = program.display()
    );
    let said = sandbox.shell(&script).expect(0, &[]);
    let lines: Vec<&str> = said.stdout.lines().collect();
    assert_eq!(lines.len(), 2, "{said:#?}");
    assert!(lines.iter().all(|line| line.starts_with(uname)), "{said:#?}");
}

/// Real emulators of `targets` in a folder that goes with the value, each as `qemu-TARGET-static`.
pub(crate) struct Emulators {
    image: TempDir,
}

impl Emulators {
    #[track_caller]
    pub(crate) fn of(targets: &[&str]) -> Emulators {
        let image = TempDir::new().unwrap();
        let trust = image.path().join("etc/qus/trust.d");
        std::fs::create_dir_all(&trust).unwrap();
        std::fs::copy(provided("QUS_TEST_REPOSITORY").join("anchor.json"), trust.join("test.json")).unwrap();
        let mut install = qus();
        install.arg("--root").arg(image.path()).args(["install", "--emulate-native"]).args(targets);
        Said::by(install.output().unwrap()).expect(0, &[]);
        Emulators { image }
    }

    /// Where they lie.
    pub(crate) fn folder(&self) -> PathBuf {
        self.image.path().join("usr/local/lib/qus/bin")
    }

    /// A script that makes them lie in the directory `to` too, with names that end with `suffix`.
    pub(crate) fn link(&self, to: &str, suffix: &str) -> String {
        let from = self.folder();
        let from = from.display();
        format!(
            "mkdir -p '{to}'
             for file in {from}/qemu-*-static; do
                 name=${{file##*/}}; ln -sf \"$file\" '{to}'/\"${{name%-static}}{suffix}\"
             done\n"
        )
    }
}
