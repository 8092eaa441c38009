//! apt in Debian 12, 13 and what comes next.

use std::path::Path;

use super::repository::{Repository, emulators};
use super::system::{System, assert_same};
use crate::support::book::fences;
use crate::support::machine::Said;
use crate::support::real::provided;

const BOOK: &str = include_str!("../../docs/repositories.md");

const README: &str = include_str!("../../README.md");

const EMULATOR: &str = "qus-emulator-aarch64";

/// What the kernel's table shows when nothing is registered.
const NOTHING: &str = "register\nstatus\n";

/// A system of Debian that knows no repository, and asks nothing.
pub(super) fn debian(suite: &str, repository: &Repository) -> System {
    system(suite, &repository.srv())
}

/// The same with that folder at `/srv`.
pub(super) fn system(suite: &str, srv: &Path) -> System {
    let system = System::new(suite, &provided("QUS_TEST_CONFIGURED"), srv);
    let script = "rm -rf /etc/apt/sources.list /etc/apt/sources.list.d/*
        echo 'APT::Get::Assume-Yes \"true\";' > /etc/apt/apt.conf.d/test
        echo 'Acquire::Retries \"0\";' >> /etc/apt/apt.conf.d/test";
    system.shell(script).expect(0, &[]);
    system
}

/// What the book tells people of this system to type, with a copy in the place of a download.
fn typed() -> String {
    let fence = fences(BOOK).into_iter().find(|fence| fence.text.contains("/etc/apt/sources.list.d/qus.sources"));
    let text = fence.unwrap().text.replace("# ", "");
    // Those of the README are the same.
    let of_readme = text.replace("example.org/qus", "REPOSITORY");
    assert!(README.replace("# ", "").contains(&of_readme), "README.md has not {of_readme}");
    let typed = text.replace("curl -fsSLo", "cp -T").replace(
        "/etc/apt/sources.list.d/qus.sources https://example.org/qus/apt/qus.sources",
        "/srv/apt/qus.sources /etc/apt/sources.list.d/qus.sources",
    );
    assert!(!typed.contains("example.org"), "{typed}");
    typed
}

/// Names and versions of everything that is installed or leaves something behind.
pub(super) fn installed(system: &System) -> String {
    system.shell("dpkg-query --show --showformat '${db:Status-Abbrev} ${Package} ${Version}\\n'").expect(0, &[]).stdout
}

pub(super) fn version(system: &System, package: &str) -> String {
    let show = format!("dpkg-query --show --showformat '${{db:Status-Abbrev}}${{Version}}' {package}");
    system.shell(&show).expect(0, &[]).stdout
}

/// Installs, upgrades, goes back, removes and purges.
fn comes_and_goes(suite: &str) {
    let repository = Repository::new();
    repository.publish_first("apt");
    let system = debian(suite, &repository);
    let (before, packages) = (system.tree(), installed(&system));

    system.shell(&typed()).expect(0, &[]);
    for package in ["qus", "qus-emulators", EMULATOR, "qus-emulator-riscv64"] {
        assert!(version(&system, package).starts_with("ii "), "{package}");
    }
    assert_eq!(version(&system, EMULATOR), "ii 11.1.3-1~qus1");
    // In a chroot the next boot is prepared, and the kernel left alone.
    let linked = "readlink -e /usr/lib/binfmt.d/qus-aarch64.conf; tail -n 1 /usr/lib/binfmt.d/qus-riscv64.conf";
    let linked = system
        .shell(linked)
        .expect(0, &["/usr/share/qus/binfmt.d/qus-aarch64.conf\n", ":/usr/libexec/qus/qemu-riscv64-static:POF"]);
    assert_eq!(system.table(), NOTHING);
    system.shell("/usr/libexec/qus/qemu-aarch64-static --version; qus --version; md5sum --check --quiet /var/lib/dpkg/info/qus*.md5sums").expect(0, &["qemu-aarch64 version 11.1.3"]);
    let first = system.tree();

    repository.publish("apt", &emulators(2), "packages");
    system.shell("apt-get update; apt-get upgrade").expect(0, &[]);
    assert_eq!(version(&system, EMULATOR), "ii 11.1.3-1~qus2");
    assert_eq!(version(&system, "qus-emulators"), "ii 11.1.3-1~qus2");
    let again =
        system.shell("readlink -e /usr/lib/binfmt.d/qus-aarch64.conf; tail -n 1 /usr/lib/binfmt.d/qus-riscv64.conf");
    assert_eq!((again.stdout, system.table().as_str()), (linked.stdout, NOTHING));

    let back =
        [EMULATOR, "qus-emulator-riscv64", "qus-emulators"].map(|package| format!("{package}=11.1.3-1~qus1")).join(" ");
    system.shell(&format!("apt-get install --allow-downgrades {back}")).expect(0, &[]);
    assert_same(&first, &system.tree());

    system.shell(&format!("apt-get remove {EMULATOR}")).expect(0, &[]);
    system
        .shell("test ! -L /usr/lib/binfmt.d/qus-aarch64.conf; test -L /usr/lib/binfmt.d/qus-riscv64.conf")
        .expect(0, &[]);
    system.shell("apt-get purge 'qus*'").expect(0, &[]);
    assert_eq!((installed(&system), system.table().as_str()), (packages, NOTHING));
    assert_same(&before, &system.tree());
}

#[test]
fn packages_come_and_go_without_a_trace_in_debian_12() {
    comes_and_goes("bookworm");
}

#[test]
fn packages_come_and_go_without_a_trace_in_debian_13() {
    comes_and_goes("trixie");
}

#[test]
fn packages_come_and_go_without_a_trace_in_debian_sid() {
    comes_and_goes("sid");
}

/// What somebody did to the repository, and what apt says of it.
const MISCHIEF: [(&str, &str, &[&str]); 6] = [
    ("no signature", "rm srv/apt/dists/stable/InRelease srv/apt/dists/stable/Release.gpg", &["is not signed"]),
    (
        "another's signature",
        "cd srv/apt/dists/stable; rm InRelease Release.gpg; \
         gpg --batch --local-user another@example.org --clearsign --output InRelease Release",
        &["NO_PUBKEY|Missing key", "is not signed"],
    ),
    (
        "a changed list of lists",
        "sed -i 's/^Suite: stable/Suite: staple/' srv/apt/dists/stable/InRelease",
        &["BADSIG|Bad signature|bad signature|Message has been manipulated|invalid"],
    ),
    (
        "changed lists",
        "cd srv/apt/dists/stable/main/binary-amd64; rm Packages.xz; sed -i 's/^Maintainer: The/Maintainer: Ten/' Packages; \
         xz -k Packages; for list in by-hash/*/*; do cp Packages $list; done",
        &["Hash Sum mismatch|unexpected size"],
    ),
    (
        "a changed package",
        "printf 'somebody was here' | dd of=$(ls srv/apt/pool/qus-emulator-aarch64/*.deb) bs=1 seek=100000 conv=notrunc status=none",
        &["Hash Sum mismatch|unexpected size"],
    ),
    (
        "lists that expired",
        "cd srv/apt/dists/stable; sed -i 's/^Valid-Until: .*/Valid-Until: Sat, 01 Jan 2000 00:00:00 +0000/' Release; rm InRelease; \
         gpg --batch --local-user packages@example.org --clearsign --output InRelease Release",
        &["expired"],
    ),
];

fn refuses(suite: &str) {
    let repository = Repository::new();
    repository.key("another");
    repository.publish_first("apt");
    repository.shell("cp -a srv/apt sound").expect(0, &[]);
    for (what, mischief, says) in MISCHIEF {
        repository.shell("rm -r srv/apt; cp -a sound srv/apt").expect(0, &[]);
        repository.shell(mischief).expect(0, &[]);
        let system = debian(suite, &repository);
        let (before, packages) = (system.tree(), installed(&system));
        let Said { code, stdout, stderr } = system.shell(&typed());
        let said = format!("{stdout}{stderr}");
        assert_ne!(code, Some(0), "{what}: {said}");
        for words in says {
            assert!(words.split('|').any(|word| said.contains(word)), "{what}: nothing of \"{words}\" in {said}");
        }
        // Whoever goes on all the same gets nothing either.
        system.shell("! apt-get install qus-emulator-aarch64").expect(0, &[]);
        assert_eq!(installed(&system), packages, "{what}");
        assert_same(&before, &system.tree());
    }
}

#[test]
fn what_is_not_signed_as_it_was_published_is_not_installed_in_debian_12() {
    refuses("bookworm");
}

#[test]
fn what_is_not_signed_as_it_was_published_is_not_installed_in_debian_13() {
    refuses("trixie");
}

#[test]
fn what_is_not_signed_as_it_was_published_is_not_installed_in_debian_sid() {
    refuses("sid");
}
