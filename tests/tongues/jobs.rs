//! How dbhi/qus and multiarch were used: the jobs of their tests and the lines of their manuals, each as it stands there
//! but for the containers. In a container's place stands a root directory, with the emulator in it or not.

use super::scripts::Scripts;
use crate::support::machine::Said;
use crate::support::real::program;
use crate::support::sandbox::Sandbox;

/// A machine without emulators, and a root directory `/run/root` with a program of `arm64`.
fn machine() -> Sandbox {
    let machine = Sandbox::new();
    machine.call_it(&["qus", "register.sh"]);
    machine
        .shell(&format!("mkdir -p /run/root/usr/bin; cp {} /run/root/busybox", program("arm64").display()))
        .expect(0, &[]);
    machine
}

/// Puts the emulator into a directory under this name.
fn put(scripts: &Scripts, machine: &Sandbox, path: &str) {
    let from = scripts.emulator("aarch64");
    machine.shell(&format!("mkdir -p $(dirname {path}); cp -L {} {path}", from.display())).expect(0, &[]);
}

fn run_in_root(machine: &Sandbox) -> Said {
    machine.run("chroot", &["/run/root", "/busybox", "uname", "-m"])
}

#[test]
fn an_emulator_on_the_host_serves_containers_with_p() {
    let (scripts, machine) = (Scripts::new(), machine());
    // Jobs f and c: of the tarball, in /usr/bin or where one stands; r: after another's entries were cleared.
    put(&scripts, &machine, "/usr/bin/qemu-aarch64-static");
    machine.shell("register.sh -s -- -p aarch64").expect(0, &[]);
    run_in_root(&machine).expect(0, &["aarch64"]);
    machine.shell("register.sh -- -r").expect(0, &[]);
    put(&scripts, &machine, "/run/here/qemu-aarch64-static");
    machine
        .shell("cd /run/here; QEMU_BIN_DIR=$(pwd) register.sh -s -- -p aarch64; rm qemu-aarch64-static")
        .expect(0, &[]);
    // The kernel holds it open.
    run_in_root(&machine).expect(0, &["aarch64"]);
}

#[test]
fn an_emulator_in_the_container_serves_it_without_p() {
    // Jobs v and i: it is registered first, and comes into the container later.
    let (scripts, machine) = (Scripts::new(), machine());
    machine.shell("register.sh -s -- aarch64").expect(0, &[]);
    run_in_root(&machine).expect(127, &["No such file or directory"]);
    put(&scripts, &machine, "/run/root/usr/bin/qemu-aarch64-static");
    run_in_root(&machine).expect(0, &["aarch64"]);
    // Job d: the one of qemu-user has no suffix.
    machine.shell("register.sh -- -r; register.sh -- aarch64").expect(0, &[]);
    run_in_root(&machine).expect(127, &["No such file or directory"]);
    put(&scripts, &machine, "/run/root/usr/bin/qemu-aarch64");
    run_in_root(&machine).expect(0, &["aarch64"]);
}

#[test]
fn an_image_without_emulators_registers_all_for_images_that_have_theirs() {
    // docker run --rm --privileged multiarch/qemu-user-static:register --reset
    let (scripts, machine) = (Scripts::new(), machine());
    let said = machine.shell("register.sh --reset").expect(
        0,
        &["warning: no emulator is called \"/usr/bin/qemu-TARGET-static\" here: it has to be in the root of each program"],
    );
    // All but what this host runs by itself.
    assert!(said.stdout.lines().count() >= 31, "{said:#?}");
    put(&scripts, &machine, "/run/root/usr/bin/qemu-aarch64-static");
    run_in_root(&machine).expect(0, &["aarch64"]);
    // With -p they have to be here.
    machine
        .shell("register.sh --reset -p yes")
        .expect(1, &["error: no emulator is called \"/usr/bin/qemu-TARGET-static\"", "help: QEMU_BIN_DIR"]);
    run_in_root(&machine).expect(0, &["aarch64"]);
}
