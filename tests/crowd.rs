//! Many who look while somebody changes things: each sees what really was.

use std::fs;
use std::path::Path;

use serde_json::Value;
use tempfile::TempDir;

use crate::support::machine::Said;
use crate::support::publisher::{emulator, target};
use crate::support::real;
use crate::support::sandbox::Sandbox;

/// How many processes look at the same time.
const CROWD: usize = 200;

/// Has a crowd look while `change` goes on, over and over, and gives what it saw of `targets`.
fn watch(sandbox: &Sandbox, targets: &[&str], change: impl Fn() + Sync) -> Vec<Value> {
    let done = std::sync::atomic::AtomicBool::new(false);
    let watched = std::thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(std::sync::atomic::Ordering::Relaxed) {
                change();
            }
        });
        let words = [&["status", "--json"], targets].concat();
        let command = || {
            let mut command = sandbox.command(env!("CARGO_BIN_EXE_qus"), &words);
            command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped());
            command.spawn().unwrap()
        };
        let crowd: Vec<_> = (0..CROWD).map(|_| command()).collect();
        let said: Vec<Said> = crowd.into_iter().map(|one| Said::by(one.wait_with_output().unwrap())).collect();
        done.store(true, std::sync::atomic::Ordering::Relaxed);
        said
    });
    watched
        .into_iter()
        .flat_map(|said| {
            let document: Value = serde_json::from_str(&said.expect(0, &[]).stdout).unwrap();
            document["targets"].as_array().unwrap().clone()
        })
        .collect()
}

#[test]
fn a_crowd_that_looks_while_all_is_registered_and_unregistered_sees_what_was_there() {
    let sandbox = Sandbox::new();
    let names = ["aarch64", "arm", "hexagon", "ppc64le", "riscv64", "s390x"];
    let folder = TempDir::new().unwrap();
    for name in names {
        let path = folder.path().join(format!("qemu-{name}-static"));
        fs::write(&path, emulator(target(name), "1")).unwrap();
        fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    }
    let path = folder.path().display().to_string();
    let seen = watch(&sandbox, &names, || {
        sandbox.qus(&["register", "all", "--path", &path]).expect(0, &[]);
        sandbox.qus(&["unregister", "all", "--path", &path]).expect(0, &[]);
    });
    assert_eq!(seen.len(), CROWD * names.len());
    for status in seen {
        let name = format!("qemu-{}", status["target"].as_str().unwrap());
        match status["state"].as_str().unwrap() {
            // Or, for a moment, the bridge to it.
            "registered" => assert!(status["runs"].as_str().unwrap().starts_with(&name), "{status:#}"),
            "absent" => assert!(status["runs"].is_null() && status["entry"].is_null(), "{status:#}"),
            _ => panic!("{status:#}"),
        }
    }
}

#[test]
fn a_crowd_that_looks_while_an_emulator_is_replaced_always_sees_one() {
    let sandbox = Sandbox::new();
    let folder = TempDir::new().unwrap();
    let emulators = ["a", "b"].map(|name| {
        let path = folder.path().join(name);
        fs::write(&path, emulator(target("aarch64"), name)).unwrap();
        fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
        path.display().to_string()
    });
    let register = |emulator: &str| {
        sandbox.qus(&["register", "aarch64", "--interpreter", emulator]).expect(0, &["runs"]);
    };
    register(&emulators[1]);
    let seen = watch(&sandbox, &["aarch64"], || emulators.iter().for_each(|emulator| register(emulator)));
    assert_eq!(seen.len(), CROWD);
    for status in seen {
        assert_eq!(status["state"], "registered", "{status:#}");
        let runs = status["runs"].as_str().unwrap_or_default();
        // What was registered with the first cannot be given back: the other stands beside it, and bridges to both.
        assert!(["qemu-aarch64", "qus-aarch64"].contains(&runs.trim_end_matches("-next")), "{status:#}");
        let interpreter = status["entry"]["interpreter"].as_str().unwrap();
        assert!(emulators.iter().any(|emulator| Path::new(interpreter) == Path::new(emulator)), "{status:#}");
    }
}

#[test]
fn a_crowd_that_looks_while_one_is_installed_and_removed_sees_what_was_there() {
    let sandbox = real::machine();
    let seen = watch(&sandbox, &["s390x"], || {
        sandbox.qus(&["install", "s390x"]).expect(0, &["runs"]);
        sandbox.qus(&["remove", "s390x"]).expect(0, &[]);
    });
    assert_eq!(seen.len(), CROWD);
    for status in seen {
        let state = status["state"].as_str().unwrap();
        // Registered comes before the receipt that says it is installed, and goes before it.
        assert!(["absent", "registered", "ready", "installed"].contains(&state), "{status:#}");
        assert_eq!(status["runs"].is_null(), ["absent", "installed"].contains(&state), "{status:#}");
    }
}
