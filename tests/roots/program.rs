//! qus's own package, which apt and dnf upgrade, take back to an earlier version, and remove: what an administrator
//! has done with it stays until it is purged.

use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use super::apt::{debian, installed, version};
use super::dnf::Machine;
use super::repository::Repository;
use super::system::{System, assert_same};
use crate::support::machine::Said;
use crate::support::real::provided;
use crate::support::tree::Tree;

/// What the kernel's table shows when nothing is registered.
const NOTHING: &str = "register\nstatus\n";

/// What `systemctl enable` makes of the timer, for there is no systemd in these systems.
const TIMER: &str = "/etc/systemd/system/timers.target.wants/qus-update.timer";

/// What Debian's packages leave in the place of a timer that is still enabled.
const MASK: &str = "etc/systemd/system/qus-update.timer";

/// The package that was made for this machine.
fn shipped(kind: &str) -> PathBuf {
    let files = std::fs::read_dir(provided("QUS_TEST_SHIPPED")).unwrap().map(|file| file.unwrap().path());
    let end = if kind == "deb" { "_amd64.deb" } else { ".x86_64.rpm" };
    let is_it = |file: &PathBuf| file.file_name().unwrap().to_str().unwrap().ends_with(end);
    files.into_iter().find(is_it).unwrap_or_else(|| panic!("no .{kind} for this machine"))
}

/// A folder with the same package of another version, its own with `2` in the place of its last number.
fn newer(script: &str, package: &Path) -> TempDir {
    let folder = TempDir::new().unwrap();
    let here = env!("CARGO_MANIFEST_DIR");
    let mut shell = Command::new("sh");
    shell.args(["-ec", script, "sh"]).arg(package).current_dir(folder.path()).env("HERE", here);
    Said::by(shell.output().unwrap()).expect(0, &[]);
    folder
}

/// What an administrator does with it: a target, a setting, the timer.
fn use_it(system: &System) {
    let anchor = provided("QUS_TEST_REPOSITORY").join("anchor.json");
    let qus = env!("CARGO_BIN_EXE_qus");
    let install = format!(
        "mkdir -p $ROOT/etc/qus/trust.d; cp {} $ROOT/etc/qus/trust.d/test.json; {qus} --root $ROOT install aarch64",
        anchor.display()
    );
    system.outside(&install).expect(0, &[]);
    system
        .outside(&format!(
            "echo '# mine' >> $ROOT/etc/qus/config.toml; mkdir -p $ROOT$(dirname {TIMER}); \
             ln -s /usr/lib/systemd/system/qus-update.timer $ROOT{TIMER}"
        ))
        .expect(0, &[]);
}

/// Everything but what the package manager and systemd's helper remember of the package's own.
fn kept(system: &System) -> Tree {
    let mut tree = system.tree();
    let own = ["var/lib/dpkg/info/qus.", "var/lib/systemd/deb-systemd-helper-"];
    tree.retain(|path, _| !own.iter().any(|own| path.starts_with(own)));
    tree
}

/// Fails unless the package's `files` are all that went, and only `new` came.
#[track_caller]
fn assert_only_gone(used: &Tree, after: &Tree, files: &str, new: &[&str]) {
    let files: Vec<&str> = files.lines().map(|path| path.trim_start_matches('/')).collect();
    for (path, what) in used {
        match after.get(path) {
            Some(now) => assert_eq!(now, what, "{path}"),
            // A directory goes with what was in it.
            None => assert!(files.iter().any(|file| Path::new(file).starts_with(path)), "{path} is gone"),
        }
    }
    assert_eq!(after.keys().filter(|path| !used.contains_key(*path)).collect::<Vec<_>>(), new);
    assert!(!after.contains_key("usr/bin/qus"));
}

fn is_upgraded_and_taken_back_by_apt(suite: &str) {
    let repository = Repository::new();
    repository.publish("apt", &provided("QUS_TEST_SHIPPED"), "packages");
    let system = debian(suite, &repository);
    let (before, packages) = (system.tree(), installed(&system));
    system
        .shell("cp -T /srv/apt/qus.sources /etc/apt/sources.list.d/qus.sources; apt-get update; apt-get install qus")
        .expect(0, &[]);
    let first = version(&system, "qus").strip_prefix("ii ").unwrap().to_owned();
    use_it(&system);
    let (used, files) = (kept(&system), system.shell("dpkg-query --listfiles qus").expect(0, &[]).stdout);

    let second = format!("{}2", &first[..first.len() - 1]);
    let again = newer(
        "dpkg-deb --raw-extract \"$1\" root; sed -i 's/^\\(Version: .*\\)1$/\\12/' root/DEBIAN/control; \
         dpkg-deb --root-owner-group --build root .; rm -r root",
        &shipped("deb"),
    );
    repository.publish("apt", again.path(), "packages");
    system.shell("apt-get update; apt-get upgrade").expect(0, &[]);
    assert_eq!(version(&system, "qus"), format!("ii {second}"));
    assert_same(&used, &kept(&system));
    system.shell(&format!("apt-get install --allow-downgrades qus={first}")).expect(0, &[]);
    assert_eq!(version(&system, "qus"), format!("ii {first}"));
    assert_same(&used, &kept(&system));

    system.shell("apt-get remove qus").expect(0, &[]);
    assert_eq!(version(&system, "qus"), format!("rc {first}"));
    assert_only_gone(&used, &kept(&system), &files.replace("/etc/qus/config.toml\n", ""), &[MASK]);
    // Whoever installs it again has what was there.
    system.shell("apt-get install qus").expect(0, &[]);
    assert_same(&used, &kept(&system));
    system.shell("apt-get purge qus").expect(0, &[]);
    assert_eq!((installed(&system), system.table().as_str()), (packages, NOTHING));
    assert_same(&before, &system.tree());
}

#[test]
fn the_program_is_upgraded_and_taken_back_in_debian_12() {
    is_upgraded_and_taken_back_by_apt("bookworm");
}

#[test]
fn the_program_is_upgraded_and_taken_back_in_debian_13() {
    is_upgraded_and_taken_back_by_apt("trixie");
}

#[test]
fn the_program_is_upgraded_and_taken_back_in_debian_sid() {
    is_upgraded_and_taken_back_by_apt("sid");
}

#[test]
fn apt_takes_the_file_of_a_package_without_any_repository() {
    let folder = TempDir::new().unwrap();
    std::fs::copy(shipped("deb"), folder.path().join("qus.deb")).unwrap();
    for suite in ["bookworm", "trixie", "sid"] {
        let system = super::apt::system(suite, folder.path());
        let (before, packages) = (system.tree(), installed(&system));
        system.shell("cd /srv; apt install ./qus.deb; qus --version; qus status").expect(0, &["qus "]);
        assert!(version(&system, "qus").starts_with("ii "));
        system.shell("apt purge qus").expect(0, &[]);
        assert_eq!((installed(&system), system.table().as_str()), (packages, NOTHING));
        assert_same(&before, &system.tree());
    }
}

#[test]
fn the_program_is_upgraded_and_taken_back_by_dnf() {
    let repository = Repository::new();
    repository.publish("dnf", &provided("QUS_TEST_SHIPPED"), "packages");
    let machine = Machine::new(&repository);
    let system = machine.system();
    let (before, packages) = (system.tree(), machine.installed());
    system.outside("cp /srv/dnf/qus.repo $ROOT/etc/yum.repos.d/").expect(0, &[]);
    machine.dnf("install qus").expect(0, &[]);
    let first = machine.installed();
    use_it(system);
    let used = system.tree();
    let files = system.outside("rpm --root $ROOT -ql qus").expect(0, &[]).stdout;

    let again = newer(
        "rpmbuild -bb --quiet --define \"_topdir $PWD/build\" --define \"shipped $1\" --define \"scripts $HERE/rpm\" \
             --define \"number $(rpm -qp --queryformat '%{VERSION}' \"$1\")\" $HERE/tests/roots/newer.spec
         mv build/RPMS/*/*.rpm .; rm -r build",
        &shipped("rpm"),
    );
    repository.publish("dnf", again.path(), "packages");
    machine.dnf("upgrade --refresh").expect(0, &[]);
    let second = machine.installed();
    assert_eq!(second, first.replace("-1.x86_64\nsystem", "-2.x86_64\nsystem"));
    assert_ne!(second, first);
    assert_same(&used, &system.tree());
    machine.dnf("downgrade qus").expect(0, &[]);
    assert_eq!(machine.installed(), first);
    assert_same(&used, &system.tree());

    machine.dnf("remove qus").expect(0, &[]);
    assert_eq!((machine.installed(), system.table().as_str()), (packages, NOTHING));
    // There is no purge: what somebody changed is put aside, and what was downloaded is taken away by hand.
    let wants = TIMER.rsplit_once('/').unwrap().0;
    let files = format!("{files}{TIMER}\n");
    assert_only_gone(&used, &system.tree(), &files, &["etc/qus/config.toml.rpmsave"]);
    let qus = env!("CARGO_BIN_EXE_qus");
    system
        .outside(&format!(
            "{qus} --root $ROOT remove all; rm -rf $ROOT/etc/qus $ROOT/var/lib/qus; rmdir -p $ROOT{wants} 2>/dev/null || :"
        ))
        .expect(0, &[]);
    assert_same(&before, &system.tree());
}
