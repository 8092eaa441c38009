//! The service script, run by Debian's OpenRC.

use super::{every_port_runs, export_and_load, forget, neighbour, register, with, with_every_port};
use crate::packaged::unpack;
use crate::support::machine::Said;
use crate::support::real::{Emulators, program, runs};
use crate::support::sandbox::Sandbox;

/// Somebody else's entry for `riscv64`, of the usual name.
const THEIRS: &str = r":qemu-riscv64:M::\x7fELF\x02\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\xf3\x00:\xff\xff\xff\xff\xff\xff\xff\x00\xff\xff\xff\xff\xff\xff\xff\xff\xfe\xff\xff\xff:/bin/true:";

/// Puts OpenRC on the machine, as if it had booted it: with the folders that its first script makes, and no service but
/// ours.
pub(super) fn openrc(sandbox: &Sandbox) {
    let package = neighbour("openrc");
    let script = format!(
        "for directory in bin sbin lib; do cp -a {package}/$directory /usr/; done
         rm -rf /etc/init.d /etc/runlevels; mkdir -p /etc/init.d /etc/runlevels/boot
         # Debian's looks for these.
         mkdir -p /etc/insserv.conf.d /etc/insserv/overrides; : > /etc/insserv.conf
         # Services that would do nothing in a container are not started in one; this is to be a machine.
         echo 'rc_sys=\"\"' > /etc/rc.conf
         cd /run; mkdir openrc; cd openrc; : > softlevel
         mkdir starting started stopping inactive wasinactive failed hotplugged scheduled crashed daemons options \
             exclusive tmp",
        package = package.display()
    );
    sandbox.shell(&script).expect(0, &[]);
}

fn service(sandbox: &Sandbox, command: &str) -> Said {
    sandbox.shell(&format!("PATH=$PATH:/usr/sbin; rc-service qus {command}"))
}

#[test]
fn openrc_makes_of_the_export_what_install_made() {
    let sandbox = with_every_port();
    let table = sandbox.table();
    openrc(&sandbox);
    forget(&sandbox);
    export_and_load(&sandbox, "openrc", &[]);
    assert_eq!(sandbox.table(), table);
    every_port_runs(&sandbox);
}

#[test]
fn a_boot_starts_it() {
    let sandbox = with(&["riscv64"]);
    openrc(&sandbox);
    export_and_load(&sandbox, "openrc", &[]);
    service(&sandbox, "stop").expect(0, &[]);
    sandbox.shell("PATH=$PATH:/usr/sbin; openrc boot").expect(0, &["Registering emulators"]);
    service(&sandbox, "status").expect(0, &["all emulators are registered"]);
    runs(&sandbox, &program("riscv64"), "riscv64");
}

/// Starts, reloads, restarts and stops it, among others.
fn lead_a_life(sandbox: &Sandbox) {
    forget(sandbox);
    let without = sandbox.table();
    service(sandbox, "status").expect(3, &["qemu-riscv64: not registered"]);
    service(sandbox, "start").expect(0, &["Registering emulators"]);
    let with = sandbox.table();
    runs(sandbox, &program("riscv64"), "riscv64");
    for command in ["start", "reload", "restart"] {
        service(sandbox, command).expect(0, &[]);
        assert_eq!(sandbox.table(), with, "{command}");
        service(sandbox, "status").expect(0, &["all emulators are registered"]);
    }
    // Somebody flushes the table; the service counts as started, and tells the truth.
    forget(sandbox);
    service(sandbox, "status").expect(3, &["qemu-riscv64: not registered"]);
    service(sandbox, "reload").expect(0, &[]);
    assert_eq!(sandbox.table(), with);
    // Disabled is not registered.
    sandbox.shell("echo 0 > /proc/sys/fs/binfmt_misc/qemu-riscv64").expect(0, &[]);
    service(sandbox, "status").expect(3, &["qemu-riscv64: not registered"]);
    service(sandbox, "reload").expect(0, &[]);
    assert_eq!(sandbox.table(), with);
    service(sandbox, "stop").expect(0, &["Unregistering emulators"]);
    assert_eq!(sandbox.table(), without);
    service(sandbox, "status").expect(3, &[]);
    service(sandbox, "stop").expect(0, &[]);
    assert_eq!(sandbox.table(), without);
}

#[test]
fn the_service_starts_reloads_restarts_and_stops() {
    let sandbox = with(&["riscv64"]);
    openrc(&sandbox);
    sandbox.qus(&["export", "openrc", "/etc/init.d"]).expect(0, &[]);
    lead_a_life(&sandbox);
}

#[test]
fn so_it_does_where_busybox_is_the_shell() {
    let sandbox = with(&["aarch64", "riscv64"]);
    openrc(&sandbox);
    sandbox.qus(&["export", "openrc", "/etc/init.d", "riscv64"]).expect(0, &[]);
    // A foreign busybox is one too, and by an emulator that is called by its name it needs no entry.
    let script = format!(
        r#"cp -L /usr/local/lib/qus/bin/qemu-aarch64-static /run/emulator
           printf '#!/usr/bin/dash\nexec /run/emulator {busybox} ash "$@"\n' > /run/ash
           chmod 755 /run/ash
           sed -i '1s,.*,#!/run/ash,' /usr/lib/rc/sh/openrc-run.sh
           mkdir -p /etc/conf.d; echo 'echo "a shell of $(uname -m)"' > /etc/conf.d/qus"#,
        busybox = program("arm64").display()
    );
    sandbox.shell(&script).expect(0, &[]);
    service(&sandbox, "describe").expect(0, &["a shell of aarch64", "Registers the emulators anew"]);
    lead_a_life(&sandbox);
}

#[test]
fn a_name_that_is_taken_stays_theirs() {
    let sandbox = with(&["riscv64"]);
    openrc(&sandbox);
    sandbox.qus(&["export", "openrc", "/etc/init.d"]).expect(0, &[]);
    forget(&sandbox);
    register(&sandbox, THEIRS);
    let theirs = sandbox.table();
    service(&sandbox, "start").expect(0, &[]);
    let both = sandbox.table();
    assert!(both.contains("[qemu-riscv64]\nenabled\ninterpreter /bin/true\n"), "{both}");
    assert!(both.contains("[qus-riscv64]\nenabled\ninterpreter /usr/local/lib/qus/"), "{both}");
    runs(&sandbox, &program("riscv64"), "riscv64");
    for command in ["reload", "restart"] {
        service(&sandbox, command).expect(0, &[]);
        assert_eq!(sandbox.table(), both, "{command}");
    }
    service(&sandbox, "status").expect(0, &["all emulators are registered"]);
    service(&sandbox, "stop").expect(0, &[]);
    assert_eq!(sandbox.table(), theirs);
}

#[test]
fn an_emulator_that_is_missing_fails_the_start_and_no_other_emulator() {
    let sandbox = with(&["aarch64", "riscv64"]);
    openrc(&sandbox);
    sandbox.qus(&["export", "openrc", "/etc/init.d"]).expect(0, &[]);
    forget(&sandbox);
    sandbox.shell("cd /usr/local/lib/qus/bin/*/; mv qemu-aarch64-static /run/away").expect(0, &[]);
    service(&sandbox, "start").expect(1, &["qemu-aarch64: there is no emulator \"/usr/local/lib/qus/bin/"]);
    runs(&sandbox, &program("riscv64"), "riscv64");
    let said = service(&sandbox, "status").expect(3, &["qemu-aarch64: not registered"]);
    assert!(!said.stderr.contains("riscv64"), "{said:#?}");
    // The kernel opens it at registration, and may refuse what is there.
    sandbox.shell("cd /usr/local/lib/qus/bin/*/; mkdir qemu-aarch64-static").expect(0, &[]);
    service(&sandbox, "start").expect(1, &["qemu-aarch64: the kernel refuses \"/usr/local/lib/qus/bin/"]);
    runs(&sandbox, &program("riscv64"), "riscv64");
    sandbox
        .shell("cd /usr/local/lib/qus/bin/*/; rmdir qemu-aarch64-static; mv /run/away qemu-aarch64-static")
        .expect(0, &[]);
    service(&sandbox, "start").expect(0, &[]);
    service(&sandbox, "status").expect(0, &["all emulators are registered"]);
}

#[test]
fn it_mounts_the_table_and_does_not_switch_it_on() {
    let sandbox = with(&["riscv64"]);
    openrc(&sandbox);
    sandbox.qus(&["export", "openrc", "/etc/init.d"]).expect(0, &[]);
    forget(&sandbox);
    sandbox.shell("echo 0 > /proc/sys/fs/binfmt_misc/status").expect(0, &[]);
    service(&sandbox, "start").expect(1, &["binfmt_misc is disabled: echo 1 > /proc/sys/fs/binfmt_misc/status"]);
    sandbox.shell("echo 1 > /proc/sys/fs/binfmt_misc/status").expect(0, &[]);
    sandbox.shell("mount -t tmpfs tmpfs /proc/sys/fs/binfmt_misc").expect(0, &[]);
    service(&sandbox, "status").expect(3, &["binfmt_misc is not mounted, or disabled"]);
    service(&sandbox, "start").expect(0, &[]);
    service(&sandbox, "status").expect(0, &["all emulators are registered"]);
    runs(&sandbox, &program("riscv64"), "riscv64");
}

#[test]
fn openrcs_own_service_reads_the_drop_ins_of_an_install() {
    let sandbox = with(&["aarch64", "riscv64"]);
    register(&sandbox, super::STRANGER);
    let table = sandbox.table();
    openrc(&sandbox);
    forget(&sandbox);
    // All that its service `binfmt` does.
    sandbox.shell("/usr/lib/rc/sh/binfmt.sh").expect(0, &[]);
    assert_eq!(sandbox.table(), table);
}

#[test]
fn openrcs_own_service_reads_the_links_of_packages_and_the_export_carries_them() {
    let emulators = Emulators::of(&["aarch64"]);
    let sandbox = with(&["riscv64"]);
    register(&sandbox, super::STRANGER);
    unpack(&sandbox, "aarch64", &emulators.folder().join("qemu-aarch64-static"));
    sandbox.qus(&["packaged", "add", "aarch64"]).expect(0, &[]);
    let table = sandbox.table();
    openrc(&sandbox);
    forget(&sandbox);
    sandbox.shell("/usr/lib/rc/sh/binfmt.sh").expect(0, &[]);
    assert_eq!(sandbox.table(), table);
    forget(&sandbox);
    export_and_load(&sandbox, "openrc", &[]);
    assert_eq!(sandbox.table(), table);
    runs(&sandbox, &program("arm64"), "aarch64");
    runs(&sandbox, &program("riscv64"), "riscv64");
}
