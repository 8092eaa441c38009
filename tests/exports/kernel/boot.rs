//! What docs/boot.md tells administrators to write, run as it stands.

use super::openrc::openrc;
use super::{STRANGER, forget, register, with};
use crate::support::machine::Said;
use crate::support::real::{machine, program, runs};
use crate::support::sandbox::Sandbox;

/// The blocks of shell below a heading of the document, in their order.
fn blocks(heading: &str) -> Vec<String> {
    let document = include_str!("../../../docs/boot.md");
    let mut blocks = Vec::new();
    let mut below = "";
    let mut lines = document.lines();
    while let Some(line) = lines.next() {
        if line == "```sh" {
            let block: Vec<&str> = lines.by_ref().take_while(|line| *line != "```").collect();
            if below == heading {
                blocks.push(block.join("\n") + "\n");
            }
        } else if line.starts_with('#') {
            below = line.trim_start_matches('#').trim();
        }
    }
    assert!(!blocks.is_empty(), "nothing below \"{heading}\"");
    blocks
}

/// This machine after a boot, with qus in its PATH, which knows two targets that the kernel has forgotten.
fn booted() -> (Sandbox, String) {
    let sandbox = with(&["aarch64", "riscv64"]);
    sandbox.shell(&format!("ln -s {} /usr/bin/qus", env!("CARGO_BIN_EXE_qus"))).expect(0, &[]);
    register(&sandbox, STRANGER);
    let table = sandbox.table();
    forget(&sandbox);
    (sandbox, table)
}

/// Runs a block as a program if it is one, else as lines of a shell.
fn run(sandbox: &Sandbox, block: &str) -> Said {
    let script = format!(
        "cat > /run/block <<'END'\n{block}END\nchmod 755 /run/block\n\
         PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\n{}",
        if block.starts_with("#!") { "/run/block" } else { "sh -e /run/block" }
    );
    sandbox.shell(&script)
}

fn both_run(sandbox: &Sandbox) {
    runs(sandbox, &program("arm64"), "aarch64");
    runs(sandbox, &program("riscv64"), "riscv64");
}

#[test]
fn openrc_does() {
    let (sandbox, table) = booted();
    openrc(&sandbox);
    let [block] = &blocks("OpenRC")[..] else { panic!() };
    run(&sandbox, block).expect(0, &["service qus added to runlevel boot", "Registering emulators"]);
    assert_eq!(sandbox.table(), table);
    both_run(&sandbox);
}

#[test]
fn one_line_of_rc_local_does() {
    for (heading, number) in [("rc.local", 0), ("s6", 1)] {
        let (sandbox, table) = booted();
        run(&sandbox, &blocks(heading)[number]).expect(0, &[]);
        assert_eq!(sandbox.table(), table);
        both_run(&sandbox);
        let [look] = &blocks("Boot without systemd")[..] else { panic!() };
        run(&sandbox, look).expect(0, &["ready"]);
    }
}

/// A service in its sandbox, as a supervisor has it.
struct Service<'a>(&'a Sandbox);

impl Service<'_> {
    fn start<'a>(sandbox: &'a Sandbox, block: &str) -> Service<'a> {
        assert!(block.starts_with("#!"), "{block}");
        let script = format!(
            "cat > /run/service <<'END'\n{block}END\nchmod 755 /run/service\n\
             /run/service > /run/service.log 2>&1 < /dev/null & echo $! > /run/service.process"
        );
        sandbox.shell(&script).expect(0, &[]);
        Service(sandbox)
    }

    /// Waits until the table is this one.
    #[track_caller]
    fn brings(&self, table: &str) {
        for _ in 0..100 {
            if self.0.table() == table {
                return;
            }
            std::thread::sleep(std::time::Duration::from_millis(50));
        }
        panic!("{}\n{}", self.0.table(), self.0.shell("cat /run/service.log").stdout);
    }

    /// Ends it as a supervisor does, and waits.
    #[track_caller]
    fn end(self) {
        let script = "process=$(cat /run/service.process); kill $process
            for _ in $(seq 100); do [ -e /proc/$process ] || exit 0; sleep 0.05; done; exit 1";
        self.0.shell(script).expect(0, &[]);
    }
}

#[test]
fn services_of_runit_and_s6_watch() {
    for heading in ["runit", "s6"] {
        let (sandbox, table) = booted();
        let service = Service::start(&sandbox, &blocks(heading)[0]);
        service.brings(&table);
        both_run(&sandbox);
        forget(&sandbox);
        service.brings(&table);
        both_run(&sandbox);
        service.end();
        assert_eq!(sandbox.table(), table);
    }
}

#[test]
fn a_service_of_runit_does_it_once() {
    let (sandbox, table) = booted();
    let service = Service::start(&sandbox, &blocks("runit")[1]);
    service.brings(&table);
    both_run(&sandbox);
    service.end();
    assert_eq!(sandbox.table(), table);

    // Where something is amiss, it ends after a minute, for its supervisor to try again.
    sandbox.shell("rm /usr/local/lib/qus/bin/*/qemu-riscv64-static").expect(0, &[]);
    let block = blocks("runit")[1].replace("sleep 60", "sleep 0");
    run(&sandbox, &block).expect(0, &["the emulator of \"riscv64\"", "is not there or damaged"]);
}

#[test]
fn an_image_brings_the_emulators_to_a_node() {
    let sandbox = machine();
    sandbox.shell(&format!("ln -s {} /usr/bin/qus", env!("CARGO_BIN_EXE_qus"))).expect(0, &[]);
    let [image, command] = &blocks("A container, or a node of a cluster")[..] else { panic!() };
    run(&sandbox, &format!("cd /run\n{image}")).expect(0, &[]);
    // The container's root directory: nothing but qus, the node's processes, and its table where it was handed in.
    sandbox
        .shell(
            "cd /run/image; mkdir -p usr/bin proc binfmt tmp run; cp -L /usr/bin/qus usr/bin/
             ldd usr/bin/qus | grep -o '/[^ ]*' | while read -r file; do
                 mkdir -p \".${file%/*}\"; cp -L \"$file\" \".$file\"
             done
             mount --rbind /proc proc; mount -t tmpfs tmpfs proc/sys/fs/binfmt_misc
             mount --bind /proc/sys/fs/binfmt_misc binfmt",
        )
        .expect(0, &[]);
    let once = command.replace(" --watch", "");
    let words: Vec<&str> = ["/run/image"].into_iter().chain(once.split_whitespace()).collect();
    sandbox.run("chroot", &words).expect(0, &["aarch64: register", "riscv64: register"]);
    both_run(&sandbox);

    let table = sandbox.table();
    let service = Service::start(&sandbox, &format!("#!/bin/sh\nexec chroot /run/image {command}"));
    sandbox.shell("echo -1 > /proc/sys/fs/binfmt_misc/status").expect(0, &[]);
    service.brings(&table);
    service.end();
    both_run(&sandbox);
}
