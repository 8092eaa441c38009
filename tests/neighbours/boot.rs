//! What a boot, or an upgrade of somebody's package, leaves: systemd-binfmt flushes the table and registers every file
//! anew, then binfmt-support adds what is not there yet.

use super::{is_run_by_qus, lay};
use crate::packaged::unpack;
use crate::support::real::{Emulators, answering, machine, status};
use crate::support::sandbox::Sandbox;

/// A release of Debian whose emulators the machine has, and how it registers them.
struct Debian {
    release: &'static str,
    /// Whether binfmt-support is there too.
    support: bool,
}

/// Every way.
fn debians() -> impl Iterator<Item = Debian> {
    let releases = ["debian-12", "debian-13", "debian-sid"];
    releases.into_iter().flat_map(|release| [false, true].map(|support| Debian { release, support }))
}

impl Debian {
    /// What its maintainer scripts and triggers do.
    fn is_installed_on(&self, sandbox: &Sandbox) {
        lay(sandbox, &format!("debian {}", self.release));
        if self.support {
            lay(sandbox, "update_binfmts --import; update_binfmts --enable");
        }
    }

    /// What its services do at boot.
    fn boots(&self, sandbox: &Sandbox) {
        lay(sandbox, "systemd_binfmt");
        if self.support {
            lay(sandbox, "update_binfmts --enable");
        }
    }

    #[track_caller]
    fn runs(&self, sandbox: &Sandbox) {
        let by = answering(sandbox, "arm64");
        assert!(by.starts_with("/usr/bin/qemu-aarch64"), "of {}, aarch64 is run by {by}", self.release);
        assert_eq!(status(sandbox, "aarch64")["entry"]["owner"], "debian");
    }
}

#[test]
fn ours_runs_after_a_boot_and_debians_after_remove() {
    for debian in debians() {
        let sandbox = machine();
        debian.is_installed_on(&sandbox);
        let before = (sandbox.table(), sandbox.changes());
        sandbox.qus(&["install", "aarch64"]).expect(0, &[]);
        debian.boots(&sandbox);
        is_run_by_qus(&sandbox);
        sandbox.qus(&["apply"]).expect(0, &["nothing to do"]);
        sandbox.qus(&["remove", "aarch64"]).expect(0, &["qemu-aarch64 runs", "again"]);
        debian.runs(&sandbox);
        assert_eq!((sandbox.table(), sandbox.changes()), before, "{}", debian.release);
        debian.boots(&sandbox);
        debian.runs(&sandbox);
    }
}

#[test]
fn ours_runs_though_debians_came_later_and_debians_after_remove() {
    for debian in debians() {
        let sandbox = machine();
        sandbox.qus(&["install", "aarch64"]).expect(0, &[]);
        debian.is_installed_on(&sandbox);
        is_run_by_qus(&sandbox);
        debian.boots(&sandbox);
        is_run_by_qus(&sandbox);
        sandbox.qus(&["apply"]).expect(0, &["nothing to do"]);
        sandbox.qus(&["remove", "aarch64"]).expect(0, &["qemu-aarch64 runs", "again"]);
        debian.runs(&sandbox);
        let removed = sandbox.table();
        debian.boots(&sandbox);
        debian.runs(&sandbox);
        assert_eq!(sandbox.table(), removed, "{}", debian.release);
    }
}

#[test]
fn what_systemd_binfmt_applies_by_itself_is_what_qus_registered() {
    let sandbox = machine();
    sandbox.qus(&["install", "aarch64", "arm"]).expect(0, &[]);
    let registered = sandbox.table();
    lay(&sandbox, "systemd_binfmt /etc/binfmt.d/qus-aarch64.conf");
    assert_eq!(sandbox.table(), registered);
    lay(&sandbox, "systemd_binfmt");
    assert_eq!(sandbox.table(), registered);
}

#[test]
fn an_emulator_that_was_uninstalled_meanwhile_is_not_given_back() {
    let sandbox = machine();
    lay(&sandbox, "debian debian-13");
    sandbox.qus(&["install", "aarch64"]).expect(0, &["until now"]);
    lay(&sandbox, "rm /usr/lib/binfmt.d/qemu-* /usr/bin/qemu-aarch64 /usr/libexec/qemu-binfmt/*; systemd_binfmt");
    sandbox.qus(&["remove", "aarch64"]).expect(0, &["that is not there any more"]);
    assert!(!sandbox.table().contains("qemu-aarch64"), "{}", sandbox.table());
}

#[test]
fn a_newer_release_of_debians_that_came_meanwhile_is_given_back_in_place_of_the_older() {
    let sandbox = machine();
    lay(&sandbox, "debian debian-13");
    sandbox.qus(&["install", "aarch64"]).expect(0, &["until now"]);
    lay(&sandbox, "rm -r /usr/lib/binfmt.d/* /usr/libexec/qemu-binfmt; debian debian-sid");
    is_run_by_qus(&sandbox);
    sandbox.qus(&["remove", "aarch64"]).expect(0, &["qemu-aarch64 runs /usr/bin/qemu-aarch64 again"]);
    assert_eq!(answering(&sandbox, "arm64"), "/usr/bin/qemu-aarch64");
}

#[test]
fn a_format_that_binfmt_support_registers_later_is_refused_with_what_to_do() {
    // FEX as it registers itself with update-binfmts, of its own name: after a boot it would win over every file.
    let sandbox = machine();
    lay(
        &sandbox,
        r#"emulator /usr/bin/FEX
        update_binfmts --install FEX-aarch64 /usr/bin/FEX --magic "$AARCH64" --mask "$FEX" --offset 0 \
            --credential yes --preserve yes --fix-binary yes"#,
    );
    assert_eq!(status(&sandbox, "aarch64")["boot"]["owner"], "fex");
    let before = (sandbox.table(), sandbox.changes());
    // Consent would not help: what to do is said at once.
    for words in [&["install", "aarch64"][..], &["install", "--yes", "aarch64"]] {
        sandbox.qus(words).expect(1, &["\"/var/lib/binfmts/FEX-aarch64\"", "update-binfmts --display FEX-aarch64"]);
    }
    assert_eq!((sandbox.table(), sandbox.changes()), before);
    lay(&sandbox, "update_binfmts --remove FEX-aarch64 /usr/bin/FEX");
    sandbox.qus(&["install", "aarch64"]).expect(0, &[]);
}

#[test]
fn a_format_that_binfmt_support_learns_later_is_told_and_may_be_preferred() {
    let sandbox = machine();
    sandbox.qus(&["install", "aarch64"]).expect(0, &[]);
    lay(
        &sandbox,
        r#"emulator /usr/bin/FEX
        update_binfmts --install FEX-aarch64 /usr/bin/FEX --magic "$AARCH64" --mask "$FEX" --offset 0 \
            --credential yes --preserve yes --fix-binary yes"#,
    );
    let before = (sandbox.table(), sandbox.changes());
    sandbox.qus(&["apply"]).expect(10, &["\"/var/lib/binfmts/FEX-aarch64\""]);
    sandbox.qus(&["prefer", "aarch64", "qus"]).expect(1, &["\"/var/lib/binfmts/FEX-aarch64\""]);
    assert_eq!((sandbox.table(), sandbox.changes()), before);
    sandbox.qus(&["prefer", "aarch64", "fex"]).expect(0, &["aarch64 is run by /usr/bin/FEX"]);
    lay(&sandbox, "systemd_binfmt; update_binfmts --enable");
    assert_eq!(answering(&sandbox, "arm64"), "/usr/bin/FEX");
    sandbox.qus(&["apply"]).expect(0, &[]);
    assert_eq!(answering(&sandbox, "arm64"), "/usr/bin/FEX");
}

#[test]
fn an_emulator_that_binfmt_support_alone_registers_can_be_preferred_and_ours_again() {
    // Under a name that a file of ours has taken, binfmt-support would register nothing.
    let debian = Debian { release: "debian-12", support: true };
    let sandbox = machine();
    debian.is_installed_on(&sandbox);
    lay(&sandbox, "rm /usr/lib/binfmt.d/*; systemd_binfmt; update_binfmts --enable");
    let before = (sandbox.table(), sandbox.changes());
    sandbox.qus(&["install", "aarch64"]).expect(0, &[]);
    sandbox.qus(&["prefer", "aarch64", "debian"]).expect(0, &[]);
    debian.runs(&sandbox);
    debian.boots(&sandbox);
    debian.runs(&sandbox);
    sandbox.qus(&["apply"]).expect(0, &["nothing to do"]);
    sandbox.qus(&["install", "aarch64"]).expect(0, &["nothing to do"]);
    sandbox.qus(&["prefer", "aarch64", "qus"]).expect(0, &[]);
    is_run_by_qus(&sandbox);
    debian.boots(&sandbox);
    is_run_by_qus(&sandbox);
    sandbox.qus(&["remove", "aarch64"]).expect(0, &[]);
    debian.runs(&sandbox);
    assert_eq!((sandbox.table(), sandbox.changes()), before);
}

#[test]
fn a_format_of_the_usual_name_that_came_later_has_it_after_remove() {
    // binfmt-support found the name taken: only what it keeps tells of the emulator.
    let debian = Debian { release: "debian-12", support: true };
    let emulators = Emulators::of(&["aarch64"]);
    for (add, remove) in [(&["install"][..], &["remove"][..]), (&["packaged", "add"], &["packaged", "remove"])] {
        let sandbox = machine();
        unpack(&sandbox, "aarch64", &emulators.folder().join("qemu-aarch64-static"));
        sandbox.qus(&[add, &["aarch64"]].concat()).expect(0, &[]);
        debian.is_installed_on(&sandbox);
        lay(&sandbox, "rm /usr/lib/binfmt.d/qemu-*; systemd_binfmt; update_binfmts --enable");
        assert!(answering(&sandbox, "arm64").contains("/qus/"));
        sandbox.qus(&[remove, &["aarch64"]].concat()).expect(0, &["qemu-aarch64 runs", "again"]);
        debian.runs(&sandbox);
        let removed = sandbox.table();
        debian.boots(&sandbox);
        debian.runs(&sandbox);
        assert_eq!(sandbox.table(), removed, "{remove:?}");
    }
}

#[test]
fn openrc_registers_ours_after_debians_too() {
    let sandbox = machine();
    lay(&sandbox, "debian debian-13");
    sandbox.qus(&["install", "aarch64"]).expect(0, &[]);
    let registered = sandbox.table();
    lay(&sandbox, "for entry in $table/qemu-*; do echo -1 > $entry; done; sh $NEIGHBOURS/openrc/lib/rc/sh/binfmt.sh");
    is_run_by_qus(&sandbox);
    assert_eq!(sandbox.table(), registered);
}

#[test]
fn what_a_container_images_reset_deleted_is_registered_again_by_apply() {
    let sandbox = machine();
    lay(&sandbox, "debian debian-13");
    sandbox.qus(&["install", "aarch64"]).expect(0, &[]);
    let registered = sandbox.table();
    // As `--reset` of multiarch/qemu-user-static and `--uninstall qemu-*` of tonistiigi/binfmt.
    lay(&sandbox, "for entry in $table/qemu-*; do echo -1 > $entry; done");
    sandbox.qus(&["apply"]).expect(0, &["register qemu-aarch64"]);
    is_run_by_qus(&sandbox);
    // Debian's others are Debian's to register again.
    lay(&sandbox, "systemd_binfmt");
    assert_eq!(sandbox.table(), registered);
}
