//! dnf, in a system of a few files. None of Fedora's or openSUSE's packages are needed to make it: `system.spec` stands in
//! their place, so what is tested is rpm, dnf, the repository and our packages, and not those systems.

use std::process::Command;

use tempfile::TempDir;

use super::repository::{Repository, emulators};
use super::system::{System, assert_same};
use crate::support::book::fences;
use crate::support::machine::Said;

const BOOK: &str = include_str!("../../docs/repositories.md");

const README: &str = include_str!("../../README.md");

const EMULATOR: &str = "qus-emulator-aarch64";

/// What the kernel's table shows when nothing is registered.
const NOTHING: &str = "register\nstatus\n";

/// A system that knows no repository, and the folder that it is in.
pub(super) struct Machine {
    system: System,
    _folder: TempDir,
}

impl Machine {
    pub(super) fn new(repository: &Repository) -> Machine {
        let folder = TempDir::new().unwrap();
        std::fs::create_dir(folder.path().join("system")).unwrap();
        let built = Command::new("rpmbuild")
            .args(["-bb", "--quiet", concat!(env!("CARGO_MANIFEST_DIR"), "/tests/roots/system.spec"), "--define"])
            .arg(format!("_topdir {}/build", folder.path().display()))
            .output()
            .unwrap();
        Said::by(built).expect(0, &[]);
        let system = System::new("system", folder.path(), &repository.srv());
        let package = format!("{}/build/RPMS/x86_64/system-1-1.x86_64.rpm", folder.path().display());
        system.outside(&format!("rpm --root $ROOT --install --nosignature {package}")).expect(0, &[]);
        Machine { system, _folder: folder }
    }

    pub(super) fn system(&self) -> &System {
        &self.system
    }

    /// Runs dnf with these words, on that system.
    pub(super) fn dnf(&self, words: &str) -> Said {
        self.system.outside(&format!(
            "dnf --assumeyes --installroot=$ROOT --releasever=1 --setopt=varsdir=/nowhere --noplugins {words}"
        ))
    }

    /// What the book tells people to type, with a copy in the place of a download.
    fn types(&self) -> Said {
        let fence =
            fences(BOOK).into_iter().find(|fence| fence.heading == "What people type" && fence.text.contains("# dnf "));
        let text = fence.unwrap().text;
        // Those of the README are the same.
        assert!(README.contains(&text.replace("example.org/qus", "REPOSITORY")), "README.md has not {text}");
        let [fetch, install] = text.lines().collect::<Vec<_>>()[..] else { panic!("{text}") };
        let to = fetch
            .strip_prefix("# curl -fsSLo ")
            .unwrap()
            .strip_suffix(" https://example.org/qus/dnf/qus.repo")
            .unwrap();
        self.system.outside(&format!("cp /srv/dnf/qus.repo $ROOT{to}")).expect(0, &[]);
        self.dnf(install.strip_prefix("# dnf ").unwrap())
    }

    /// Names and versions of all packages.
    pub(super) fn installed(&self) -> String {
        // Keys that were believed are no packages.
        self.system.outside("rpm --root $ROOT -qa | grep -v ^gpg-pubkey- | sort").expect(0, &[]).stdout
    }
}

#[test]
fn packages_come_and_go_without_a_trace() {
    let repository = Repository::new();
    repository.publish_first("dnf");
    let machine = Machine::new(&repository);
    let Machine { system, .. } = &machine;
    let (before, packages) = (system.tree(), machine.installed());
    assert_eq!(packages, "system-1-1.x86_64\n");

    machine.types().expect(0, &[]);
    let first = machine.installed();
    for package in [
        "qus-0",
        "qus-emulators-11.1.3-1~qus1",
        "qus-emulator-aarch64-11.1.3-1~qus1",
        "qus-emulator-riscv64-11.1.3-1~qus1",
    ] {
        assert!(first.contains(package), "{package}: {first}");
    }
    // In a chroot the next boot is prepared, and the kernel left alone.
    let linked = "cat /usr/lib/binfmt.d/qus-aarch64.conf; readlink /usr/lib/binfmt.d/qus-riscv64.conf";
    let said = system
        .shell(linked)
        .expect(0, &[":/usr/libexec/qus/qemu-aarch64-static:POF\n", "../../share/qus/binfmt.d/qus-riscv64.conf\n"]);
    assert_eq!(system.table(), NOTHING);
    system
        .shell("/usr/libexec/qus/qemu-aarch64-static --version; qus --version")
        .expect(0, &["qemu-aarch64 version 11.1.3"]);
    system.outside("rpm --root $ROOT --verify -a").expect(0, &[]);
    let tree = system.tree();

    repository.publish("dnf", &emulators(2), "packages");
    machine.dnf("upgrade --refresh").expect(0, &[]);
    assert_eq!(machine.installed(), first.replace("~qus1", "~qus2"));
    let again = system.shell(linked);
    assert_eq!((again.stdout, system.table().as_str()), (said.stdout, NOTHING));

    let back =
        [EMULATOR, "qus-emulator-riscv64", "qus-emulators"].map(|package| format!("{package}-11.1.3-1~qus1")).join(" ");
    machine.dnf(&format!("downgrade {back}")).expect(0, &[]);
    assert_eq!(machine.installed(), first);
    assert_same(&tree, &system.tree());

    machine.dnf(&format!("remove --noautoremove {EMULATOR}")).expect(0, &[]);
    system
        .shell("test ! -L /usr/lib/binfmt.d/qus-aarch64.conf; test -L /usr/lib/binfmt.d/qus-riscv64.conf")
        .expect(0, &[]);
    machine.dnf("remove 'qus*'").expect(0, &[]);
    assert_eq!((machine.installed(), system.table().as_str()), (packages, NOTHING));
    assert_same(&before, &system.tree());
}

/// What somebody did to the repository, and what dnf says of it.
const MISCHIEF: [(&str, &str, &str); 6] = [
    ("no signature", "rm srv/dnf/repodata/repomd.xml.asc", "repomd.xml.asc"),
    (
        "another's signature",
        "cd srv/dnf/repodata; rm repomd.xml.asc; \
         gpg --batch --local-user another@example.org --armor --detach-sign repomd.xml",
        "repomd.xml GPG signature verification error: Bad GPG signature",
    ),
    (
        "a changed list of lists",
        "sed -i 's/<revision>/<revision>1/' srv/dnf/repodata/repomd.xml",
        "repomd.xml GPG signature verification error: Bad GPG signature",
    ),
    (
        "changed lists",
        "for list in srv/dnf/repodata/*-primary.xml.gz; do zcat $list | sed s/emulators/emulation/ | gzip -n > x; mv x $list; done",
        "checksum",
    ),
    (
        "a changed package",
        "printf 'somebody was here' | dd of=$(ls srv/dnf/packages/qus-emulator-aarch64-*.rpm) bs=1 seek=100000 conv=notrunc status=none",
        "checksum",
    ),
    (
        "a package that is not signed, in lists that are",
        "cp $QUS_TEST_EMULATORS/1/qus-emulator-aarch64-*.rpm srv/dnf/packages/; cd srv/dnf; rm repodata/*.asc; createrepo_c --quiet --no-database .; \
         gpg --batch --local-user packages@example.org --armor --detach-sign repodata/repomd.xml",
        "is not signed",
    ),
];

#[test]
fn what_is_not_signed_as_it_was_published_is_not_installed() {
    let repository = Repository::new();
    repository.key("another");
    repository.publish_first("dnf");
    repository.shell("cp -a srv/dnf sound").expect(0, &[]);
    for (what, mischief, says) in MISCHIEF {
        repository.shell("rm -r srv/dnf; cp -a sound srv/dnf").expect(0, &[]);
        repository.shell(mischief).expect(0, &[]);
        let machine = Machine::new(&repository);
        let (before, packages) = (machine.system.tree(), machine.installed());
        let Said { code, stdout, stderr } = machine.types();
        let said = format!("{stdout}{stderr}");
        assert_eq!(code, Some(1), "{what}: {said}");
        assert!(said.contains(says), "{what}: nothing of \"{says}\" in {said}");
        assert_eq!(machine.installed(), packages, "{what}");
        assert_same(&before, &machine.system.tree());
    }
}
