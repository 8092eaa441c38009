//! `qus doctor`: every cause is made to happen on the real kernel, must be named first, and its cure is typed.

mod emulators;
mod entries;
mod files;
mod hostile;
mod machine_wide;
mod roots;

use std::path::Path;

use qus::rule::{Flags, Match, Rule};
use serde_json::Value;

use crate::support::real::{self, machine};
use crate::support::sandbox::Sandbox;

/// Where tests put emulators that are not qus's.
const OTHERS: &str = "/usr/local/lib/others";

/// A machine with something else registered than what the test asks for: its table is not an empty one.
fn machine_in_use() -> Sandbox {
    let sandbox = machine();
    sandbox.qus(&["install", "s390x"]).expect(0, &[]);
    sandbox
}

/// A copy, in that machine, of Debian's busybox for arm64.
fn program(sandbox: &Sandbox) -> String {
    let copy = "/usr/local/lib/others/busybox";
    let busybox = real::program("arm64");
    sandbox.shell(&format!("mkdir -p {OTHERS}; cp {} {copy}", busybox.display())).expect(0, &[]);
    copy.to_owned()
}

/// Somebody else's emulator of aarch64, registered with these flags; its path.
fn other_emulator(sandbox: &Sandbox, flags: &str) -> String {
    let emulator = format!("{OTHERS}/qemu-aarch64");
    let from = real::provided("QUS_TEST_NEIGHBOURS").join("debian-13/usr/bin/qemu-aarch64");
    sandbox.shell(&format!("mkdir -p {OTHERS}; cp {} {emulator}", from.display())).expect(0, &[]);
    register(sandbox, "qemu-aarch64", &emulator, flags);
    emulator
}

/// Registers as anybody may, past qus.
fn register(sandbox: &Sandbox, name: &str, interpreter: &str, flags: &str) {
    let line = rule("aarch64", name, interpreter, flags);
    sandbox.shell(&format!("printf '%s' '{line}' > /proc/sys/fs/binfmt_misc/register")).expect(0, &[]);
}

/// The register line of a rule for `target`.
fn rule(target: &str, name: &str, interpreter: &str, flags: &str) -> String {
    let target: qus::target::Target = target.parse().unwrap();
    let rule = Rule::new(target, Match::Elf, "/emulator", Flags::try_from(flags.to_owned()).unwrap()).unwrap();
    rule.line()
        .replacen(&format!(":qemu-{target}:"), &format!(":{name}:"), 1)
        .replace(":/emulator:", &format!(":{interpreter}:"))
}

/// What `qus doctor --json` found.
struct Found(Value);

impl Found {
    #[track_caller]
    fn of(sandbox: &Sandbox, words: &[&str]) -> Found {
        let said = sandbox.qus(&[&["doctor", "--json"], words].concat());
        assert!(matches!(said.code, Some(0 | 10)), "{said:#?}");
        let document: Value = serde_json::from_str(&said.stdout).unwrap();
        assert_eq!(document["healthy"], said.code == Some(0), "{said:#?}");
        Found(document)
    }

    fn is_healthy(&self) -> bool {
        self.0["healthy"] == true
    }

    fn first(&self) -> &Value {
        &self.0["findings"][0]
    }

    /// Names of all causes, in their order.
    fn causes(&self) -> Vec<&str> {
        let findings = self.0["findings"].as_array().unwrap();
        findings.iter().map(|finding| finding["cause"].as_str().unwrap()).collect()
    }
}

/// The cause that is named first; what is to be typed is returned.
#[track_caller]
fn finds(sandbox: &Sandbox, words: &[&str], cause: &str) -> Option<String> {
    let found = Found::of(sandbox, words);
    assert!(!found.is_healthy() && found.first()["cause"] == cause, "{cause} is not first: {:#}", found.0);
    assert_eq!(found.first()["page"], format!("docs/causes/{cause}.md"));
    found.first()["cure"].as_str().map(str::to_owned)
}

/// The cause is named first, its cure is typed, and what may come to light by that is cured too; then all is well.
#[track_caller]
fn finds_and_cures(sandbox: &Sandbox, words: &[&str], cause: &str) {
    let mut cure = finds(sandbox, words, cause).unwrap();
    for _ in 0..3 {
        types(sandbox, &cure);
        let found = Found::of(sandbox, words);
        if found.is_healthy() {
            return;
        }
        assert_ne!(found.first()["cause"], cause, "\"{cure}\" does not cure: {:#}", found.0);
        found.first()["cure"].as_str().unwrap().clone_into(&mut cure);
    }
    panic!("three cures are not enough: {:#}", Found::of(sandbox, words).0);
}

/// Types a cure as it was printed, at a shell that finds qus.
#[track_caller]
fn types(sandbox: &Sandbox, cure: &str) {
    let directory = Path::new(env!("CARGO_BIN_EXE_qus")).parent().unwrap();
    sandbox.shell(&format!("PATH={}:$PATH\n{cure}", directory.display())).expect(0, &[]);
}

/// The program of arm64 runs.
#[track_caller]
fn runs(sandbox: &Sandbox, program: &str) {
    let said = sandbox.shell(&format!("{program} uname -m")).expect(0, &[]);
    assert_eq!(said.stdout, "aarch64\n");
}
