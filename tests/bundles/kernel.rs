//! Real emulators from a bundle, on a machine that has nothing else of their repository, and no network.

use std::fs;

use qus::host::Host;

use crate::support::real;

#[test]
fn real_emulators_come_from_a_bundle_to_a_machine_without_a_network_and_run() {
    let sandbox = real::machine();
    sandbox.qus(&["bundle", "create", "/run/bundle", "aarch64", "s390x"]).expect(0, &["2 emulators for amd64 hosts"]);
    let repository = real::provided("QUS_TEST_REPOSITORY");
    sandbox.shell(&format!("mount -t tmpfs tmpfs {}", repository.display())).expect(0, &[]);
    sandbox.qus(&["install", "aarch64"]).expect(7, &[]);
    let offline =
        |words: &[&str]| sandbox.run("unshare", &[&["--net", env!("CARGO_BIN_EXE_qus"), "--offline"], words].concat());
    offline(&["bundle", "verify", "/run/bundle"]).expect(0, &["aarch64 11.", "s390x 11.", "issued"]);
    offline(&["install", "--from", "/run/bundle", "all"]).expect(0, &["aarch64 runs", "s390x runs"]);
    real::runs(&sandbox, &real::program("arm64"), "aarch64");
    real::runs(&sandbox, &real::program("s390x"), "s390x");
    offline(&["remove", "all"]).expect(0, &[]);
}

#[test]
fn all_real_emulators_make_a_bundle_little_larger_than_their_archive() {
    let sandbox = real::machine();
    let said = sandbox.qus(&["bundle", "create", "/run/bundle"]).expect(0, &["is sound"]);
    assert!(said.stdout.lines().count() > 25, "{said:#?}");
    let size: u64 = sandbox.shell("stat -c %s /run/bundle").expect(0, &[]).stdout.trim().parse().unwrap();
    let version = said.stdout.lines().next().unwrap().split_once(' ').unwrap().1.to_owned();
    let set = format!("{version}/qemu-static-all_{}.tar.zst", Host::Amd64);
    let archive = fs::metadata(real::provided("QUS_TEST_REPOSITORY").join(set)).unwrap().len();
    assert!(size < archive + 512 * 1024, "{size} for {archive}");
}
