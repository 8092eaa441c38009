//! What is swapped, run or filled up while a change is under way.

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use nix::sys::signal::Signal;

use super::locks::{number_of, stopped, tell};
use super::machines::{InImage, Machine, emulator};
use super::scenarios::OF_FILES;
use crate::support::machine::Said;
use crate::support::publisher::target;
use crate::support::real::{machine, program, status};
use crate::support::shim::{Fault, library, stand_before};

/// Installs in an image, with `swap` done to its staging directory before the first call of that name at that file.
fn swapped(call: &str, file: &str, swap: impl Fn(&Path)) -> (InImage, Said) {
    let scenario = &OF_FILES[0];
    let machine = InImage::new(scenario);
    let child = stopped(scenario, &machine, call, file);
    swap(&Path::new(&machine.below()).join("usr/local/lib/qus/staging"));
    tell(&child, Signal::SIGCONT);
    let said = Said::by(child.wait_with_output().unwrap());
    (machine, said)
}

fn installed(machine: &InImage) -> Vec<u8> {
    fs::read(Path::new(&machine.below()).join("usr/local/lib/qus/bin/qemu-aarch64-static")).unwrap()
}

#[test]
fn an_archive_swapped_between_its_check_and_its_unpacking_is_not_what_is_unpacked() {
    const ARCHIVE: &str = "qemu-aarch64-static_amd64.tar.zst.unverified";
    // All bytes are there and checked: its name is about to go, and then it is unpacked.
    let (machine, said) = swapped("unlink", ARCHIVE, |staging| {
        let archive = staging.join(ARCHIVE);
        fs::rename(&archive, staging.join("the-real-one")).unwrap();
        fs::write(&archive, "somebody else's").unwrap();
    });
    said.expect(0, &[]);
    assert_eq!(installed(&machine), emulator(target("aarch64"), "11.2.0-1"));
}

#[test]
fn a_name_that_is_taken_when_an_archive_is_unpacked_is_neither_followed_nor_written_to() {
    let victim = tempfile::NamedTempFile::new().unwrap();
    let (machine, said) = swapped("open", "staging/qemu-aarch64-static", |staging| {
        std::os::unix::fs::symlink(victim.path(), staging.join("qemu-aarch64-static")).unwrap();
    });
    said.expect(1, &["cannot create \"/usr/local/lib/qus/staging/qemu-aarch64-static\"", "File exists"]);
    assert_eq!(fs::read(victim.path()).unwrap(), b"");
    machine.said(OF_FILES[0].command).expect(0, &[]);
    assert_eq!(installed(&machine), emulator(target("aarch64"), "11.2.0-1"));
}

/// A process that does not outlive the test, however that ends.
struct EndedWithTest(Child);

impl Drop for EndedWithTest {
    fn drop(&mut self) {
        // It may have ended by itself; then there is nothing to end.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn a_running_emulator_goes_on_when_it_is_removed_and_installed_anew() {
    let sandbox = machine();
    sandbox.qus(&["install", "aarch64"]).expect(0, &[]);
    let mut sleep = sandbox.command(program("arm64").to_str().unwrap(), &["sleep", "1000"]);
    let mut sleep =
        EndedWithTest(sleep.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap());
    let runs = |process: u32| {
        let link = fs::read_link(format!("/proc/{process}/exe")).unwrap();
        link.to_string_lossy().into_owned()
    };
    let emulator = status(&sandbox, "aarch64")["installed"]["path"].as_str().unwrap().to_owned();
    // `nsenter` executes the program in its own place.
    for _ in 0..500 {
        if runs(sleep.0.id()).ends_with(&emulator) {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    assert!(runs(sleep.0.id()).ends_with(&emulator), "{}", runs(sleep.0.id()));

    sandbox.qus(&["remove", "aarch64"]).expect(0, &[]);
    assert!(runs(sleep.0.id()).ends_with(" (deleted)"), "{}", runs(sleep.0.id()));
    assert!(status(&sandbox, "aarch64")["runs"].is_null());
    sandbox.qus(&["install", "aarch64"]).expect(0, &["runs"]);
    assert_eq!(crate::support::real::answering(&sandbox, "arm64"), emulator);
    assert!(runs(sleep.0.id()).ends_with(" (deleted)") && sleep.0.try_wait().unwrap().is_none());
}

/// Installs in an image whose prefix is a small file system, full from the first call of that name at that file on.
#[track_caller]
fn full_from(call: &str, file: &str) {
    let scenario = &OF_FILES[0];
    let machine = InImage::new(scenario);
    let old = machine.state();
    let number = number_of(scenario, &machine, call, file);
    let script = r#"
        prefix=$ROOT/usr/local/lib
        mount -t tmpfs -o size=1536k tmpfs "$prefix"
        LD_PRELOAD=$SHIM "$QUS" --root "$ROOT" install aarch64 &
        until grep -q '^State:.*stopped' /proc/$!/status; do :; done
        head -c 2M /dev/zero > "$prefix/filler" 2> /dev/null
        kill -CONT $!
        wait $!
        code=$?
        [ "$(ls -A "$prefix")" = filler ] || { find "$prefix"; exit 99; }
        rm "$prefix/filler"
        "$QUS" --root "$ROOT" install aarch64 > /dev/null && "$QUS" --root "$ROOT" remove aarch64 > /dev/null || exit 98
        exit $code"#;
    let mut command = Command::new("unshare");
    stand_before(&mut command, "/dev/null".as_ref(), &machine.below(), Some((number, Fault::Stop)));
    // For qus alone.
    command.env_remove("LD_PRELOAD").env("SHIM", library());
    command.args(["--user", "--map-root-user", "--mount", "sh", "-c", script]);
    command.env("ROOT", machine.below()).env("QUS", env!("CARGO_BIN_EXE_qus"));
    let said = Said::by(command.output().unwrap());
    said.expect(1, &["No space left on device", "help: ", "df -h /usr/local/lib"]);
    assert_eq!(machine.state().difference(&old), "");
}

#[test]
fn a_disk_that_is_full_when_the_archive_comes() {
    full_from("write", ".unverified");
}

#[test]
fn a_disk_that_is_full_in_the_middle_of_unpacking() {
    full_from("write", "staging/qemu-aarch64-static");
}
