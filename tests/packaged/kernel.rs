//! Packages that come and go on a real kernel, with real emulators and programs.

mod scripts;

use std::io::Write;
use std::path::PathBuf;

use qus::dropin::packaged::text_for_older_kernels;

use crate::packaged::{delete, unpack};
use crate::support::executions::Loop;
use crate::support::publisher::target;
use crate::support::real::{Emulators, answering, machine, program, runs, status};
use crate::support::sandbox::Sandbox;
use crate::support::tree::Tree;

const PACKAGED: &str = "/usr/libexec/qus/qemu-aarch64-static";

fn emulator(emulators: &Emulators) -> PathBuf {
    emulators.folder().join("qemu-aarch64-static")
}

/// The whole machine.
fn whole(sandbox: &Sandbox) -> (String, Tree) {
    (sandbox.table(), sandbox.changes())
}

#[track_caller]
fn is_run_by(sandbox: &Sandbox, place: &str) {
    let by = answering(sandbox, "arm64");
    assert!(by.starts_with(place), "aarch64 is run by {by}");
    runs(sandbox, &program("arm64"), "aarch64");
}

/// A boot, as far as systemd-binfmt has a part in it.
fn boots(sandbox: &Sandbox) {
    sandbox.shell("/usr/lib/systemd/systemd-binfmt").expect(0, &[]);
}

#[test]
fn a_package_runs_now_and_after_a_boot_and_leaves_nothing() {
    let emulators = Emulators::of(&["aarch64"]);
    let sandbox = machine();
    let empty = whole(&sandbox);
    unpack(&sandbox, "aarch64", &emulator(&emulators));
    let unpacked = whole(&sandbox);
    sandbox.qus(&["packaged", "add", "aarch64"]).expect(0, &["aarch64 runs ("]);
    is_run_by(&sandbox, PACKAGED);
    let added = whole(&sandbox);
    let told = status(&sandbox, "aarch64");
    assert_eq!((&told["state"], &told["installed"]), (&"ready".into(), &serde_json::Value::Null));
    assert_eq!((&told["entry"]["owner"], &told["boot"]["owner"]), (&"package".into(), &"package".into()));
    let package = &told["package"];
    assert_eq!((&package["name"], &package["dropin"]), (&"qus-emulator-aarch64".into(), &"ok".into()));
    assert_eq!(package["path"], PACKAGED);
    sandbox.qus(&["status"]).expect(0, &["ready", "package qus-emulator-aarch64"]);
    sandbox.qus(&["test"]).expect(0, &["aarch64", "ready"]);
    sandbox.qus(&["doctor"]).expect(0, &["aarch64      runs", "a package of emulators"]);
    sandbox.qus(&["packaged", "add", "aarch64"]).expect(0, &["aarch64 runs ("]);
    assert_eq!(whole(&sandbox), added);
    for _ in 0..2 {
        boots(&sandbox);
        is_run_by(&sandbox, PACKAGED);
        assert_eq!(whole(&sandbox), added);
    }
    // Somebody's flush.
    sandbox.shell("echo -1 > /proc/sys/fs/binfmt_misc/qemu-aarch64").expect(0, &[]);
    assert_eq!(status(&sandbox, "aarch64")["state"], "installed");
    sandbox.qus(&["apply"]).expect(0, &["aarch64: register qemu-aarch64"]);
    assert_eq!(whole(&sandbox), added);
    sandbox.qus(&["apply"]).expect(0, &["nothing to do"]);
    let said = sandbox.qus(&["--quiet", "packaged", "add", "aarch64"]).expect(0, &[]);
    assert_eq!((said.stdout, said.stderr), Default::default());
    for verb in ["remove", "update", "rollback", "pin"] {
        sandbox.qus(&[verb, "aarch64"]).expect(8, &["qus-emulator-aarch64"]);
    }
    sandbox.qus(&["prefer", "aarch64", "qus"]).expect(8, &["help: to download one", ": qus install aarch64"]);
    sandbox.qus(&["remove", "all"]).expect(0, &["nothing to do"]);
    assert_eq!(whole(&sandbox), added);

    sandbox.qus(&["packaged", "remove", "aarch64"]).expect(0, &[]);
    assert_eq!(whole(&sandbox), unpacked);
    boots(&sandbox);
    assert_eq!(whole(&sandbox), unpacked);
    delete(&sandbox, "aarch64");
    assert_eq!(whole(&sandbox), empty);
}

#[test]
fn an_upgrade_puts_another_file_behind_the_rule_and_no_execution_fails() {
    /// As many as are wanted before it is believed.
    const EXECUTIONS: u64 = 600;
    let emulators = Emulators::of(&["aarch64"]);
    let sandbox = machine();
    unpack(&sandbox, "aarch64", &emulator(&emulators));
    sandbox.qus(&["packaged", "add", "aarch64"]).expect(0, &[]);
    Loop::build(&sandbox);
    let mut loops = vec![Loop::of(&sandbox, "arm64"), Loop::of(&sandbox, "arm64")];
    let (mut executed, mut failed, mut upgrades) = (0, 0, 0);
    loop {
        for _ in 0..10 {
            unpack(&sandbox, "aarch64", &emulator(&emulators));
            // The kernel still runs the file that has lost its name, and says so.
            let by = answering(&sandbox, "arm64");
            assert_eq!(by, format!("{PACKAGED} (deleted)"));
            sandbox.qus(&["packaged", "add", "aarch64"]).expect(0, &["aarch64 runs ("]);
            assert_eq!(answering(&sandbox, "arm64"), PACKAGED);
            upgrades += 1;
        }
        for (count, lost) in loops.drain(..).map(Loop::end) {
            executed += count;
            failed += lost;
        }
        assert_eq!(failed, 0, "of {executed} executions");
        if executed >= EXECUTIONS {
            break;
        }
        loops.extend([Loop::of(&sandbox, "arm64"), Loop::of(&sandbox, "arm64")]);
    }
    // Past the test's own output, which is kept back where it passes.
    let _ = writeln!(std::io::stderr(), "\n{upgrades} upgrades of a package: {executed} executions, {failed} failed");
}

#[test]
fn a_file_that_was_replaced_and_not_registered_is_told_by_doctor_with_its_cure() {
    let emulators = Emulators::of(&["aarch64"]);
    let sandbox = machine();
    unpack(&sandbox, "aarch64", &emulator(&emulators));
    sandbox.qus(&["packaged", "add", "aarch64"]).expect(0, &[]);
    unpack(&sandbox, "aarch64", &emulator(&emulators));
    let said = sandbox.qus(&["doctor"]).expect(10, &["emulator-replaced"]);
    assert!(said.stdout.contains(": qus packaged add aarch64\n"), "{said:#?}");
    sandbox.qus(&["packaged", "add", "aarch64"]).expect(0, &[]);
    sandbox.qus(&["doctor"]).expect(0, &[]);
    // Gone without a word, and nothing holds it open: its package is to bring it again.
    sandbox
        .shell(&format!(
            "echo -1 > /proc/sys/fs/binfmt_misc/qemu-aarch64
             sed -n '/^:/{{s/:POF$/:PO/;p}}' /usr/share/qus/binfmt.d/qus-aarch64.conf > /proc/sys/fs/binfmt_misc/register
             rm {PACKAGED}; mkdir -p /var/lib/dpkg/info; touch /var/lib/dpkg/info/qus-emulator-aarch64.list"
        ))
        .expect(0, &[]);
    let said = sandbox.qus(&["doctor", &program("arm64").display().to_string()]).expect(10, &["emulator-missing"]);
    assert!(said.stdout.contains(": apt install --reinstall qus-emulator-aarch64\n"), "{said:#?}");
}

#[test]
fn what_was_linked_for_an_older_kernel_is_told_by_doctor_and_its_cure_puts_it_right() {
    let emulators = Emulators::of(&["aarch64"]);
    let sandbox = machine();
    unpack(&sandbox, "aarch64", &emulator(&emulators));
    sandbox.qus(&["packaged", "add", "aarch64"]).expect(0, &[]);
    let right = whole(&sandbox);
    let (text, link) = (text_for_older_kernels(target("aarch64")), "/usr/lib/binfmt.d/qus-aarch64.conf");
    for cure in [&["apply", "aarch64"][..], &["packaged", "add", "aarch64"]] {
        sandbox
            .shell(&format!("rm {link}; cat > {link} <<'END'\n{text}END\n/usr/lib/systemd/systemd-binfmt"))
            .expect(0, &[]);
        let said = sandbox.qus(&["doctor"]).expect(10, &["drop-in-other-kernel"]);
        assert!(said.stdout.contains(": qus apply aarch64\n"), "{said:#?}");
        sandbox.qus(cure).expect(0, &["aarch64"]);
        sandbox.qus(&["doctor"]).expect(0, &[]);
        assert_eq!(whole(&sandbox), right);
    }
}

#[test]
fn status_tells_a_packages_version_as_dpkg_has_it() {
    let emulators = Emulators::of(&["aarch64"]);
    let sandbox = machine();
    unpack(&sandbox, "aarch64", &emulator(&emulators));
    sandbox
        .shell(
            "mkdir -p /var/lib/dpkg
             printf 'Package: other\nVersion: 1\n\nPackage: qus-emulator-aarch64\nStatus: install ok installed\nVersion: 11.1.3+1-1\n' \
                 > /var/lib/dpkg/status",
        )
        .expect(0, &[]);
    sandbox.qus(&["packaged", "add", "aarch64"]).expect(0, &[]);
    assert_eq!(status(&sandbox, "aarch64")["package"]["version"], "11.1.3+1-1");
    sandbox.qus(&["status", "aarch64"]).expect(0, &["aarch64      ready       11.1.3+1-1"]);
    sandbox.qus(&["remove", "aarch64"]).expect(8, &["help: apt remove qus-emulator-aarch64"]);
}

#[test]
fn what_is_downloaded_goes_before_a_package_whichever_came_first() {
    let emulators = Emulators::of(&["aarch64"]);
    for package_first in [true, false] {
        let sandbox = machine();
        unpack(&sandbox, "aarch64", &emulator(&emulators));
        let (empty, packaged);
        if package_first {
            empty = whole(&sandbox);
            sandbox.qus(&["packaged", "add", "aarch64"]).expect(0, &[]);
            packaged = whole(&sandbox);
            sandbox.qus(&["install", "aarch64"]).expect(0, &["until now", "aarch64 runs ("]);
        } else {
            empty = whole(&sandbox);
            sandbox.qus(&["packaged", "add", "aarch64"]).expect(0, &[]);
            packaged = whole(&sandbox);
            sandbox.qus(&["packaged", "remove", "aarch64"]).expect(0, &[]);
            sandbox.qus(&["install", "aarch64"]).expect(0, &["aarch64 runs ("]);
            sandbox.qus(&["packaged", "add", "aarch64"]).expect(0, &["which goes before the package's"]);
        }
        let both = whole(&sandbox);
        for _ in 0..2 {
            is_run_by(&sandbox, "/usr/local/lib/qus/bin/");
            let told = status(&sandbox, "aarch64");
            assert_eq!((&told["state"], &told["boot"]["owner"]), (&"ready".into(), &"qus".into()));
            assert_eq!(told["package"]["dropin"], "hidden");
            boots(&sandbox);
            assert_eq!(whole(&sandbox), both);
        }
        sandbox.qus(&["status", "aarch64"]).expect(0, &["the downloaded 11.1.3-1 goes before package"]);
        sandbox.qus(&["packaged", "add", "aarch64"]).expect(0, &["which goes before the package's"]);
        sandbox.qus(&["apply"]).expect(0, &["nothing to do"]);
        assert_eq!(whole(&sandbox), both);

        // Settled for the package, and back.
        sandbox.qus(&["prefer", "aarch64", "package"]).expect(0, &["aarch64 is run by /usr/libexec/qus/"]);
        boots(&sandbox);
        is_run_by(&sandbox, PACKAGED);
        sandbox.qus(&["apply"]).expect(0, &["nothing to do"]);
        sandbox.qus(&["prefer", "aarch64", "qus"]).expect(0, &["aarch64 is run by /usr/local/lib/qus/bin/"]);
        boots(&sandbox);
        is_run_by(&sandbox, "/usr/local/lib/qus/bin/");

        sandbox.qus(&["remove", "aarch64"]).expect(0, &["qemu-aarch64 runs /usr/libexec/qus/", "again"]);
        is_run_by(&sandbox, PACKAGED);
        assert_eq!(whole(&sandbox), packaged, "the package first: {package_first}");
        boots(&sandbox);
        assert_eq!(whole(&sandbox), packaged);
        sandbox.qus(&["packaged", "remove", "aarch64"]).expect(0, &[]);
        assert_eq!(whole(&sandbox), empty);
    }
}

#[test]
fn a_package_goes_while_what_is_downloaded_runs_or_stands_back_for_it() {
    let emulators = Emulators::of(&["aarch64"]);
    let sandbox = machine();
    sandbox.qus(&["install", "aarch64"]).expect(0, &[]);
    let downloaded = whole(&sandbox);
    for prefers in [false, true] {
        unpack(&sandbox, "aarch64", &emulator(&emulators));
        sandbox.qus(&["packaged", "add", "aarch64"]).expect(0, &[]);
        if prefers {
            sandbox.qus(&["prefer", "aarch64", "package"]).expect(0, &[]);
        }
        sandbox.qus(&["packaged", "remove", "aarch64"]).expect(0, &[]);
        delete(&sandbox, "aarch64");
        is_run_by(&sandbox, "/usr/local/lib/qus/bin/");
        boots(&sandbox);
        is_run_by(&sandbox, "/usr/local/lib/qus/bin/");
        if prefers {
            sandbox.qus(&["prefer", "aarch64", "qus"]).expect(0, &[]);
        }
        assert_eq!(whole(&sandbox), downloaded);
    }
}

#[test]
fn a_package_that_is_masked_is_not_registered_until_it_is_not_masked_any_more() {
    let emulators = Emulators::of(&["aarch64"]);
    for mask in ["ln -s /dev/null /etc/binfmt.d/qus-aarch64.conf", ": > /etc/binfmt.d/qus-aarch64.conf"] {
        let sandbox = machine();
        unpack(&sandbox, "aarch64", &emulator(&emulators));
        sandbox.shell(&format!("mkdir -p /etc/binfmt.d; {mask}")).expect(0, &[]);
        let table = sandbox.table();
        sandbox.qus(&["packaged", "add", "aarch64"]).expect(0, &["masks the package's rule"]);
        boots(&sandbox);
        sandbox.qus(&["apply"]).expect(0, &["nothing to do"]);
        assert_eq!(sandbox.table(), table);
        assert_eq!(status(&sandbox, "aarch64")["package"]["dropin"], "masked");
        sandbox.shell("rm /etc/binfmt.d/qus-aarch64.conf").expect(0, &[]);
        sandbox.qus(&["apply"]).expect(0, &[]);
        is_run_by(&sandbox, PACKAGED);
    }
}

#[test]
fn what_the_machine_runs_by_itself_is_left_to_it() {
    let sandbox = machine();
    let emulators = Emulators::of(&["i386"]);
    unpack(&sandbox, "i386", &emulators.folder().join("qemu-i386-static"));
    let before = whole(&sandbox);
    sandbox
        .qus(&["packaged", "add", "i386"])
        .expect(0, &["note: this machine runs \"i386\" programs by itself; nor is it at boot"]);
    assert_eq!(whole(&sandbox), before);
    assert_eq!(status(&sandbox, "i386")["state"], "native");
}

#[test]
fn a_table_that_is_not_to_be_had_or_refuses_is_no_reason_for_a_package_to_fail() {
    let emulators = Emulators::of(&["aarch64"]);
    let link = "[ \"$(readlink /usr/lib/binfmt.d/qus-aarch64.conf)\" = ../../share/qus/binfmt.d/qus-aarch64.conf ]";
    let later = "note: nothing is registered now, but at the next boot: ";
    let sandbox = machine();
    unpack(&sandbox, "aarch64", &emulator(&emulators));
    let before = whole(&sandbox);
    sandbox.shell("mount -o remount,bind,ro /proc/sys/fs/binfmt_misc").expect(0, &[]);
    let said = sandbox.qus(&["packaged", "add", "aarch64"]).expect(0, &[later]);
    assert_eq!(said.stderr.lines().count(), 1, "{said:#?}");
    sandbox.shell(link).expect(0, &[]);
    sandbox.qus(&["packaged", "remove", "aarch64"]).expect(0, &[]);
    sandbox.shell("mount -o remount,bind,rw /proc/sys/fs/binfmt_misc").expect(0, &[]);
    assert_eq!(whole(&sandbox), before);
    // The kernel opens no emulator that is written to.
    let said = sandbox.shell(&format!("exec 3>> {PACKAGED}; {} packaged add aarch64", env!("CARGO_BIN_EXE_qus")));
    said.expect(0, &["warning: the kernel does not register \"qemu-aarch64\"", "left as it was"]);
    sandbox.shell(link).expect(0, &[]);
    assert_eq!(sandbox.table(), before.0);
    sandbox.qus(&["packaged", "add", "aarch64"]).expect(0, &["aarch64 runs ("]);
    sandbox.qus(&["packaged", "remove", "aarch64"]).expect(0, &[]);
    assert_eq!(whole(&sandbox), before);

    let without = Sandbox::without_table();
    unpack(&without, "aarch64", &emulator(&emulators));
    let before = without.changes();
    without.qus(&["packaged", "add", "aarch64"]).expect(0, &[later]);
    without.shell(link).expect(0, &[]);
    without.qus(&["packaged", "remove", "aarch64"]).expect(0, &[]);
    assert_eq!(without.changes(), before);
}

#[test]
fn a_root_without_proc_gets_the_link_and_loses_it_again() {
    let emulators = Emulators::of(&["aarch64"]);
    let sandbox = machine();
    unpack(&sandbox, "aarch64", &emulator(&emulators));
    let before = whole(&sandbox);
    let within = |verb: &str| {
        let qus = env!("CARGO_BIN_EXE_qus");
        let script = format!("mount -t tmpfs tmpfs /proc; exec {qus} packaged {verb} aarch64");
        sandbox.run("unshare", &["-m", "sh", "-ec", &script])
    };
    within("add").expect(0, &["note: nothing is registered now, but at the next boot: /proc is not mounted here"]);
    assert_eq!(sandbox.table(), before.0);
    sandbox.shell("[ -e /usr/lib/binfmt.d/qus-aarch64.conf ]").expect(0, &[]);
    within("remove").expect(0, &[]);
    assert_eq!(whole(&sandbox), before);
}

#[test]
fn a_table_that_is_disabled_is_left_so_and_the_link_is_made() {
    let emulators = Emulators::of(&["aarch64"]);
    let sandbox = machine();
    unpack(&sandbox, "aarch64", &emulator(&emulators));
    sandbox.shell("echo 0 > /proc/sys/fs/binfmt_misc/status").expect(0, &[]);
    sandbox
        .qus(&["--quiet", "packaged", "add", "aarch64"])
        .expect(0, &["at the next boot: binfmt_misc is disabled: the kernel consults none of its entries"]);
    sandbox
        .shell("[ ! -e /proc/sys/fs/binfmt_misc/qemu-aarch64 ]; [ -e /usr/lib/binfmt.d/qus-aarch64.conf ]")
        .expect(0, &[]);
}

#[test]
fn an_entry_that_somebody_disabled_stays_disabled() {
    let emulators = Emulators::of(&["aarch64"]);
    let sandbox = machine();
    unpack(&sandbox, "aarch64", &emulator(&emulators));
    sandbox.qus(&["packaged", "add", "aarch64"]).expect(0, &[]);
    sandbox.shell("echo 0 > /proc/sys/fs/binfmt_misc/qemu-aarch64").expect(0, &[]);
    let before = whole(&sandbox);
    sandbox.qus(&["packaged", "add", "aarch64"]).expect(0, &["note: entry \"qemu-aarch64\" is disabled"]);
    sandbox.qus(&["apply"]).expect(0, &["nothing to do"]);
    sandbox.qus(&["install", "aarch64"]).expect(0, &["aarch64 runs ("]);
    sandbox.qus(&["remove", "aarch64"]).expect(0, &[]);
    assert_eq!(whole(&sandbox), before);
}

#[test]
fn a_command_without_root_runs_with_a_packages_emulator() {
    let emulators = Emulators::of(&["aarch64"]);
    let sandbox = machine();
    unpack(&sandbox, "aarch64", &emulator(&emulators));
    let program = program("arm64").display().to_string();
    sandbox.qus(&["run", "aarch64", "--", &program, "uname", "-m"]).expect(0, &["aarch64"]);
}
