//! Real emulators and real foreign programs: what `scripts/test` provides.

use std::path::{Path, PathBuf};

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

pub(crate) fn provided(variable: &str) -> PathBuf {
    let Some(path) = std::env::var_os(variable) else {
        panic!("{variable} is not set: run scripts/test, which makes what the kernel's chapter needs")
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

pub(crate) fn program(debian: &str) -> PathBuf {
    provided("QUS_TEST_PROGRAMS").join(debian).join("busybox")
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
