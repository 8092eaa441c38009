//! The recipes of the book: every command of theirs is taken from its page, and run.

use crate::support::book::{Fence, fences};
use crate::support::real::{Emulators, answering, machine, program, runs};
use crate::support::sandbox::Sandbox;

const BOOK: &str = include_str!("../docs/recipes.md");

/// The fences of a section, in their order.
fn section(heading: &str) -> Vec<Fence> {
    let found: Vec<Fence> = fences(BOOK).into_iter().filter(|fence| fence.heading == heading).collect();
    assert!(!found.is_empty(), "the book has nothing to type below \"{heading}\"");
    found
}

/// A machine that trusts the repository of real emulators.
fn prepared() -> Sandbox {
    let machine = machine();
    machine.call_it(&["qus"]);
    machine.shell("rm -f /usr/bin/qus /usr/bin/qemu-*; ln -s /usr/local/bin/qus /usr/bin/qus").expect(0, &[]);
    machine
}

/// What a boot does to the table.
fn boot(machine: &Sandbox) {
    machine.shell("echo -1 > /proc/sys/fs/binfmt_misc/status; /usr/lib/systemd/systemd-binfmt").expect(0, &[]);
}

const NO_ENTRIES: &str = "[register]\n[status]\nenabled\n";

#[test]
fn enable_and_disable_hold_over_a_boot_without_a_unit() {
    let machine = prepared();
    let before = machine.changes();
    let [enable, disable] = section("Instead of `enable` and `disable` with a boot unit").try_into().unwrap();
    machine.shell(&enable.text).expect(0, &[]);
    for debian in ["arm64", "armhf", "s390x"] {
        assert!(answering(&machine, debian).starts_with("/usr/local/lib/qus/bin/"), "{debian}");
    }
    boot(&machine);
    runs(&machine, &program("arm64"), "aarch64");
    runs(&machine, &program("ppc64el"), "ppc64le");
    machine.shell(&disable.text).expect(0, &[]);
    assert_eq!(machine.table(), NO_ENTRIES);
    boot(&machine);
    assert_eq!(machine.table(), NO_ENTRIES);
    let mut after = machine.changes();
    // What was last seen of the repository is kept, so that nobody can hand out an older one.
    after.retain(|path, _| !path.starts_with("var/lib/qus"));
    assert_eq!(after, before);
}

#[test]
fn emulators_of_ones_own_are_registered_at_boot() {
    let emulators = Emulators::of(&["aarch64", "riscv64"]);
    let machine = prepared();
    machine.shell(&emulators.link("/opt/qemu", "-static")).expect(0, &[]);
    let [export] = section("With emulators of your own").try_into().unwrap();
    machine.shell(&export.text).expect(0, &[]);
    runs(&machine, &program("arm64"), "aarch64");
    boot(&machine);
    runs(&machine, &program("riscv64"), "riscv64");
}

#[test]
fn the_unit_is_sound_and_does_what_it_says() {
    let emulators = Emulators::of(&["aarch64", "riscv64"]);
    let machine = prepared();
    machine.shell(&emulators.link("/opt/qemu", "-static")).expect(0, &[]);
    let [unit, start] = section("With a unit, after all").try_into().unwrap();
    assert_eq!((unit.language.as_str(), start.text.as_str()), ("ini", "systemctl enable --now qemu-user.service\n"));
    let file = "/etc/systemd/system/qemu-user.service";
    let write = format!("mkdir -p /etc/systemd/system; cat > {file} <<'END'\n{}END\n", unit.text);
    machine.shell(&write).expect(0, &[]);
    let verified = machine.shell(&format!("systemd-analyze verify --man=no {file}")).expect(0, &[]);
    assert!(!verified.stderr.contains("qemu-user.service"), "{verified:#?}");
    let command = |name: &str| {
        let line = unit.text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('='));
        line.unwrap_or_else(|| panic!("the unit has no {name}")).to_owned()
    };
    machine.shell(&command("ExecStart")).expect(0, &[]);
    runs(&machine, &program("arm64"), "aarch64");
    runs(&machine, &program("riscv64"), "riscv64");
    machine.shell(&command("ExecStop")).expect(0, &[]);
    assert_eq!(machine.table(), NO_ENTRIES);
}

/// An image's root directory, with the one program that it has.
fn image(machine: &Sandbox) {
    let program = program("arm64");
    machine.shell(&format!("mkdir -p /run/image/usr/bin; cp {} /run/image/busybox", program.display())).expect(0, &[]);
}

#[test]
fn an_image_needs_no_emulator_of_its_own() {
    let machine = prepared();
    let [once, dockerfile, build] =
        section("Instead of an emulator copied into the image by a build hook").try_into().unwrap();
    // `docker build` needs a daemon, and a machine: `places::machine` has it.
    assert_eq!((dockerfile.language.as_str(), build.text.starts_with("docker build ")), ("dockerfile", true));
    machine.shell(&once.text).expect(0, &[]);
    image(&machine);
    machine.shell("chroot /run/image /busybox uname -m").expect(0, &["aarch64"]);
}

#[test]
fn an_image_may_carry_its_emulator() {
    let machine = prepared();
    let [copy, _, _, register] = section("An image that has to carry its emulator").try_into().unwrap();
    machine.shell("qus install arm64").expect(0, &[]);
    machine.shell(&format!("cd /run; {}", copy.text)).expect(0, &[]);
    machine.shell(&register.text).expect(0, &["without F the emulator is looked for in the program's own root"]);
    image(&machine);
    let chroot = || machine.run("chroot", &["/run/image", "/busybox", "uname", "-m"]);
    chroot().expect(127, &["No such file or directory"]);
    machine.shell("cp /run/qemu-aarch64-static /run/image/usr/bin/").expect(0, &[]);
    chroot().expect(0, &["aarch64"]);
    machine.shell("qus apply; rm /run/image/usr/bin/*").expect(0, &[]);
    chroot().expect(0, &["aarch64"]);
}
