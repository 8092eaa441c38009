//! Real emulators and real foreign programs: what `scripts/test` provides.

use std::path::{Path, PathBuf};

use super::sandbox::Sandbox;

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
