//! The program on another architecture: its package is installed by that one's dpkg, in a system of it, and works there,
//! all of it run by emulators. Of every such package that was made; `scripts/test --all` makes one.

use std::path::Path;

use super::{name, packages, print};
use crate::https;
use crate::support::machine::Said;
use crate::support::real::{machine, provided};
use crate::support::sandbox::Sandbox;

/// What Debian calls an architecture, which target that is, and which host qus says it is on.
const HOSTS: [(&str, &str, &str); 6] = [
    ("arm64", "aarch64", "arm64v8"),
    ("armhf", "arm", "arm32v7"),
    ("i386", "i386", "i386"),
    ("ppc64el", "ppc64le", "ppc64le"),
    ("riscv64", "riscv64", "riscv64"),
    ("s390x", "s390x", "s390x"),
];

/// Puts a system at /mnt/root, whose changes go with the sandbox. Nothing was configured in it, not even a list of hosts.
const PREPARE: &str = r#"
mount -t tmpfs tmpfs /mnt
mkdir /mnt/changes /mnt/work /mnt/root
mount -t overlay overlay -o "lowerdir=$1,upperdir=/mnt/changes,workdir=/mnt/work,userxattr" /mnt/root
for directory in dev proc; do mount --rbind /$directory /mnt/root/$directory; done
cp "$2" /mnt/root/tmp/qus.deb
mkdir -p /mnt/root/etc/qus/trust.d
cp "$3"/etc/qus/trust.d/test.json /mnt/root/etc/qus/trust.d/
cp "$4" /mnt/root/etc/authority.pem
echo 127.0.0.1 localhost > /mnt/root/etc/hosts
"#;

#[test]
fn every_package_of_another_architecture_is_installed_and_works_under_emulation() {
    let of_qus = packages("deb").into_iter().filter(|package| name(package) == "qus");
    let told =
        of_qus.map(|package| (print("dpkg-deb", &["--showformat=${Architecture}", "--show"], &package), package));
    let foreign: Vec<_> = told.filter(|(architecture, _)| architecture != "amd64").collect();
    assert!(!foreign.is_empty(), "no package of another architecture: scripts/package --host arm64v8 makes one");
    for (architecture, package) in foreign {
        works(&package, &architecture);
    }
}

fn works(package: &Path, architecture: &str) {
    let known = HOSTS.iter().find(|(debian, ..)| *debian == architecture);
    let (_, target, host) = known.unwrap_or_else(|| panic!("what is {architecture}?"));
    let root = provided("QUS_TEST_ROOTS").join(architecture);
    assert!(root.is_dir(), "no system: scripts/debian-root trixie {architecture} {}", root.display());
    let (image, _server, keys) = https::at("localhost");
    let machine = machine();
    machine.qus(&["install", "--emulate-native", target]).expect(0, &[]);
    let (authority, trusting) = (keys.path().join("keys/authority.pem"), image.root());
    let words = [&root, package, &trusting, &authority].map(|path| path.to_str().unwrap());
    machine.run("sh", &[&["-ec", PREPARE, "sh"], &words[..]].concat()).expect(0, &[]);

    let version = format!("qus {}\n", env!("CARGO_PKG_VERSION"));
    // libc6 is there, but dpkg's list is empty.
    dpkg(&machine, &["--force-depends", "--install", "/tmp/qus.deb"]);
    assert_eq!(qus(&machine, &["--version"]).expect(0, &[]).stdout, version);
    qus(&machine, &["status"]).expect(0, &[&format!("host {host}, ")]);
    qus(&machine, &["doctor"]).expect(0, &[target]);
    // The name by the system's resolver; a certificate, signatures and hashes; files written and read.
    let bundle = ["bundle", "create", "--host", "amd64", "/tmp/one.qus", "aarch64"];
    qus(&machine, &bundle).expect(0, &[]);
    qus(&machine, &["bundle", "verify", "/tmp/one.qus"]).expect(0, &["aarch64"]);
    machine.shell("rm /mnt/root/etc/hosts /mnt/root/tmp/one.qus; : > /mnt/root/etc/authority.pem").expect(0, &[]);
    qus(&machine, &bundle).expect(7, &[]);
    dpkg(&machine, &["--purge", "qus"]);
    machine.shell("! ls -d /mnt/root/etc/qus /mnt/root/usr/bin/qus /mnt/root/var/lib/qus 2>/dev/null").expect(0, &[]);
}

#[track_caller]
fn dpkg(machine: &Sandbox, words: &[&str]) {
    machine.run("chroot", &[&["/mnt/root", "dpkg"], words].concat()).expect(0, &[]);
}

fn qus(machine: &Sandbox, words: &[&str]) -> Said {
    let qus = ["/mnt/root", "env", "SSL_CERT_FILE=/etc/authority.pem", "/usr/bin/qus"];
    machine.run("chroot", &[&qus, words].concat())
}
