//! The lock, whatever lies where it would, and whoever holds it.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::sys::stat::Mode;
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;
use tempfile::TempDir;

use super::machines::{InImage, Machine};
use super::scenarios::{OF_FILES, Scenario};
use crate::support::machine::{Image, Said};
use crate::support::shim::{Fault, calls, stand_before};

fn lock(image: &Image) -> PathBuf {
    image.root().join("run/qus.lock")
}

#[track_caller]
fn is_refused(make: impl Fn(&Image), kind: &str) {
    let image = Image::trusting(&["aarch64"]);
    make(&image);
    for command in [&["install", "aarch64"][..], &["remove", "all"], &["apply"]] {
        image
            .run_in_vain(command)
            .expect(1, &[&format!("error: \"/run/qus.lock\" is {kind}, not the lock of qus"), "help: look at it"]);
    }
    image.run_in_vain(&["status"]).expect(0, &[]);
}

#[test]
fn a_link_in_place_of_the_lock_is_not_followed() {
    is_refused(
        |image| {
            fs::write(image.root().join("etc/passwd"), "root:x:0:0::/root:/bin/sh\n").unwrap();
            symlink("../etc/passwd", lock(image)).unwrap();
        },
        "a symbolic link",
    );
    is_refused(|image| symlink("nowhere", lock(image)).unwrap(), "a symbolic link");
}

#[test]
fn a_directory_in_place_of_the_lock() {
    is_refused(|image| fs::create_dir(lock(image)).unwrap(), "a directory");
}

#[test]
fn a_pipe_in_place_of_the_lock_is_not_waited_for() {
    is_refused(|image| nix::unistd::mkfifo(&lock(image), Mode::S_IRWXU).unwrap(), "a pipe or a device");
}

#[test]
fn a_lock_that_a_dead_process_left_is_taken_over_whatever_it_says() {
    for text in ["4711\n", "", "no number", "1\n", &"9".repeat(10_000)] {
        let image = Image::trusting(&["aarch64"]);
        fs::write(lock(&image), text).unwrap();
        // As somebody's, whom it keeps from nothing.
        fs::set_permissions(lock(&image), PermissionsExt::from_mode(0o444)).unwrap();
        image.run(&["install", "aarch64"]).expect(0, &[]);
        assert!(!lock(&image).exists());
    }
}

#[test]
fn a_held_lock_names_nobody_if_it_names_no_process() {
    for (text, named) in [("", "unknown"), ("no number", "unknown"), ("4294967295\n", "4294967295")] {
        let image = Image::trusting(&["aarch64"]);
        fs::write(lock(&image), text).unwrap();
        let holder = fs::File::open(lock(&image)).unwrap();
        holder.lock().unwrap();
        image.run_in_vain(&["remove", "all"]).expect(
            6,
            &[&format!("another qus is at work here, process {named}\n"), "help: wait for it with --wait-lock"],
        );
    }
}

/// The number of a scenario's first call of that name at a file whose path ends so.
pub(super) fn number_of(scenario: &Scenario, machine: &InImage, name: &str, ending: &str) -> usize {
    let folder = TempDir::new().unwrap();
    let log = folder.path().join("log");
    let mut clean = machine.command(scenario.command);
    stand_before(&mut clean, &log, &machine.below(), None);
    assert!(clean.output().unwrap().status.success());
    machine.restore();
    let calls = calls(&log);
    let at = calls.iter().find(|call| call.name == name && call.path.ends_with(ending));
    at.unwrap_or_else(|| panic!("no {name} of {ending} in {calls:#?}")).number
}

/// A run that is stopped before that call.
pub(super) fn stopped(scenario: &Scenario, machine: &InImage, name: &str, ending: &str) -> Child {
    let number = number_of(scenario, machine, name, ending);
    let mut command = machine.command(scenario.command);
    // Its log is of no use to anybody.
    stand_before(&mut command, "/dev/null".as_ref(), &machine.below(), Some((number, Fault::Stop)));
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let process = Pid::from_raw(i32::try_from(child.id()).unwrap());
    let stop = waitpid(process, Some(WaitPidFlag::WUNTRACED)).unwrap();
    assert_eq!(stop, WaitStatus::Stopped(process, Signal::SIGSTOP));
    child
}

pub(super) fn tell(child: &Child, signal: Signal) {
    kill(Pid::from_raw(i32::try_from(child.id()).unwrap()), signal).unwrap();
}

#[test]
fn who_holds_the_lock_is_named_with_its_command_and_frees_it_when_it_is_killed() {
    let scenario = &OF_FILES[0];
    let machine = InImage::new(scenario);
    let old = machine.state();
    let mut holder = stopped(scenario, &machine, "rename", "qus-aarch64.conf");
    let between = machine.state();
    let named = format!("another qus is at work here, process {} (\"", holder.id());
    machine.said(&["install", "arm"]).expect(6, &[&named, "install aarch64\")", "--wait-lock SECONDS"]);
    let began = Instant::now();
    machine.said(&["remove", "all", "--wait-lock", "1"]).expect(6, &[&named]);
    assert!(began.elapsed() >= Duration::from_secs(1));
    let told = format!("note: a change is under way, or was interrupted: {named}");
    machine.said(&["status"]).expect(0, &[&told]);
    assert_eq!(machine.state(), between);

    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| machine.said(&["apply", "--wait-lock", "60"]));
        tell(&holder, Signal::SIGKILL);
        holder.wait().unwrap();
        waiting.join().unwrap().expect(0, &["an earlier qus was interrupted"]);
    });
    assert_eq!(machine.state(), old);
}

/// What a run leaves that is killed behind its last step and before the commit.
fn interrupt(scenario: &Scenario, machine: &InImage) {
    let mut holder = stopped(scenario, machine, "rename", "receipt.json");
    tell(&holder, Signal::SIGKILL);
    holder.wait().unwrap();
}

#[test]
fn where_nothing_can_be_changed_status_tells_of_an_interrupted_change() {
    let scenario = &OF_FILES[0];
    let machine = InImage::new(scenario);
    interrupt(scenario, &machine);
    let between = machine.state();
    let script =
        r#"mount --bind "$ROOT" "$ROOT"; mount -o remount,bind,ro "$ROOT"; exec "$QUS" --root "$ROOT" status aarch64"#;
    let output = Command::new("unshare")
        .args(["--user", "--map-root-user", "--mount", "sh", "-ec", script])
        .env("ROOT", machine.below())
        .env("QUS", env!("CARGO_BIN_EXE_qus"))
        .output()
        .unwrap();
    Said::by(output).expect(0, &["note: a change is under way, or was interrupted: ", "Read-only", "aarch64"]);
    assert_eq!(machine.state(), between);
    machine.said(&["status"]).expect(0, &["an earlier qus was interrupted; what it had begun is cleared up now"]);
}

#[test]
fn where_an_interrupted_change_cannot_be_undone_status_says_so_and_the_next_command_does_it() {
    let scenario = &OF_FILES[0];
    let machine = InImage::new(scenario);
    let old = machine.state();
    let folder = TempDir::new().unwrap();
    let log = folder.path().join("log");
    let status = |fault| {
        let mut command = machine.command(&["status"]);
        stand_before(&mut command, &log, &machine.below(), fault);
        Said::by(command.output().unwrap())
    };
    interrupt(scenario, &machine);
    status(None).expect(0, &["is cleared up now"]);
    let undoing = calls(&log).into_iter().find(|call| !call.looks() && !call.path.ends_with("run/qus.lock")).unwrap();
    machine.restore();
    interrupt(scenario, &machine);
    status(Some((undoing.number, Fault::Lasting(nix::errno::Errno::EROFS))))
        .expect(0, &["note: a change was interrupted, and what it had begun cannot be cleared up: "]);
    assert_ne!(machine.state(), old);
    machine.qus(&["remove", "riscv64"]);
    assert_eq!(machine.state(), old);
}
