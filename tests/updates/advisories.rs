//! Known faults: who tells them, and what is to be typed.

use qus::advisory::{Advisory, known};
use qus::host::Host;
use qus::news::News;
use qus::qemu::QemuVersion;
use qus::rule::KernelVersion;
use qus::trust::Memory;
use serde_json::Value;
use tempfile::TempDir;

use crate::packaged::images::unpack;
use crate::support::machine::Image;
use crate::support::publisher::{Publisher, target, version};
use crate::support::real::program;
use crate::support::releases::Releases;

fn fault(from: (u32, u32, u32), to: (u32, u32, u32)) -> Advisory {
    Advisory {
        from: QemuVersion(from.0, from.1, from.2),
        to: QemuVersion(to.0, to.1, to.2),
        targets: vec![target("aarch64"), target("arm")],
        hosts: vec![Host::Amd64],
        kernels: None,
        what: "programs that knit crash".to_owned(),
        source: "https://example.org/7".to_owned(),
    }
}

/// An image with aarch64 and arm of 11.1.3-1, which have a fault that is known since.
fn faulty() -> Image {
    let mut image = Image::trusting(&["aarch64", "arm", "riscv64"]);
    image.run(&["install", "aarch64", "arm", "riscv64"]).expect(0, &[]);
    image.publisher.index.serial += 1;
    image.publisher.index.advisories = vec![fault((11, 1, 3), (11, 1, 3))];
    image.publisher.publish();
    image
}

fn publish(image: &mut Image, text: &str) {
    image.publisher.index.serial += 1;
    image.publisher.add_release(text, &["aarch64", "arm", "riscv64"]);
    image.publisher.publish();
}

#[test]
fn update_and_status_tell_a_fault_once_with_the_targets_that_it_meets() {
    let mut image = faulty();
    let told = "aarch64 arm in version 11.1.3-1 has a known fault: programs that knit crash (https://example.org/7)";
    let said = image.run_in_vain(&["update", "--check"]).expect(0, &[told, "no version without it is at hand"]);
    assert_eq!(said.stderr.lines().count(), 1, "{said:#?}");
    let said = image.run(&["status"]).expect(0, &[]);
    assert!(!said.stderr.contains("knit"), "nobody told this machine yet: {said:#?}");
    image.run(&["update"]).expect(0, &[told, "nothing to do"]);
    image.run_in_vain(&["status"]).expect(0, &[told, "a newer one, if there is any: qus update aarch64 arm"]);
    image.run(&["update", "--quiet"]).expect(0, &[]);

    publish(&mut image, "11.1.4-1");
    let cure = "the newer version has it no more: qus update aarch64 arm";
    image.run_in_vain(&["update", "--check"]).expect(100, &[told, cure]);
    let said = image.run(&["update"]).expect(0, &["aarch64 11.1.3-1 -> 11.1.4-1"]);
    assert!(!said.stderr.contains("knit"), "{said:#?}");
    image.run(&["rollback", "arm"]).expect(0, &["arm in version 11.1.3-1 has", "forward again: qus rollback arm"]);
}

#[test]
fn where_only_the_version_before_is_without_it_the_way_is_back() {
    let mut image = faulty();
    publish(&mut image, "11.1.4-1");
    image.publisher.index.advisories = vec![fault((11, 1, 4), (11, 1, 9))];
    image.publisher.index.serial += 1;
    image.publisher.publish();
    image
        .run(&["update"])
        .expect(0, &["in version 11.1.4-1 has a known fault", "to go back: qus rollback aarch64 arm"]);
    image.run_in_vain(&["status", "arm"]).expect(0, &["qus update arm; or back: qus rollback arm"]);
    publish(&mut image, "11.1.5-1");
    image.run_in_vain(&["update", "--check"]).expect(100, &["to go back: qus rollback aarch64 arm"]);
}

#[test]
fn a_fault_is_in_the_documents() {
    let image = faulty();
    image.run(&["update"]).expect(0, &[]);
    for words in [["status", "--json", "arm"].as_slice(), &["update", "--json", "arm"]] {
        let document: Value = serde_json::from_str(&image.run(words).expect(0, &[]).stdout).unwrap();
        let told = &document["advisories"][0];
        assert_eq!((&told["target"], &told["version"]), (&"arm".into(), &"11.1.3-1".into()), "{words:?}");
        assert_eq!(
            (&told["what"], &told["source"]),
            (&"programs that knit crash".into(), &"https://example.org/7".into())
        );
    }
}

#[test]
fn a_fault_of_what_a_package_brought_is_told_with_what_its_manager_is_to_do() {
    let image = faulty();
    image.run(&["remove", "aarch64", "arm"]).expect(0, &[]);
    let status = ["aarch64", "arm"].map(|name| {
        unpack(&image.root(), name);
        format!("Package: qus-emulator-{name}\nStatus: install ok installed\nVersion: 11.1.3-1~qus1\n\n")
    });
    std::fs::create_dir_all(image.root().join("var/lib/dpkg")).unwrap();
    std::fs::write(image.root().join("var/lib/dpkg/status"), status.concat()).unwrap();
    // Nobody told this machine yet.
    assert!(!image.run(&["status"]).expect(0, &[]).stderr.contains("knit"));
    image.run(&["update"]).expect(0, &[]);
    let told = "aarch64 arm of a package in version 11.1.3-1~qus1 has a known fault: programs that knit crash (https://example.org/7)";
    let cure = "; a newer one, if there is any: apt install --only-upgrade qus-emulator-aarch64 qus-emulator-arm\n";
    image.run_in_vain(&["status"]).expect(0, &[&format!("{told}{cure}")]);
    let document: Value = serde_json::from_str(&image.run(&["status", "--json", "arm"]).expect(0, &[]).stdout).unwrap();
    assert_eq!(document["advisories"][0]["package"], "qus-emulator-arm");
    // What is downloaded hides it.
    image.run(&["install", "aarch64"]).expect(0, &[]);
    let said = image.run(&["status"]).expect(0, &["aarch64 in version 11.1.3-1 has", "arm of a package in"]);
    assert_eq!(said.stderr.matches("knit").count(), 2, "{said:#?}");
}

#[test]
fn what_repositories_said_takes_the_place_of_what_was_built_in_and_is_one_list() {
    assert_eq!(News::of(&Memory::default()).advisories(), known());
    let folder = TempDir::new().unwrap();
    let mut publisher = Publisher::new(folder.path(), "https://example.org");
    let mut seen = |advisories: Vec<Advisory>| {
        publisher.index.advisories = advisories;
        publisher.seen()
    };
    let (one, two) = (fault((1, 0, 0), (2, 0, 0)), fault((3, 0, 0), (4, 0, 0)));
    let repositories = [
        ("a".to_owned(), seen(vec![one.clone()])),
        ("b".to_owned(), seen(vec![one.clone(), two.clone()])),
        ("c".to_owned(), seen(Vec::new())),
    ];
    let news = News::of(&Memory { repositories: repositories.into() });
    assert_eq!(news.advisories(), [one, two]);
    let concerning = |text: &str, host: Host, name: &str| {
        news.concerning(target(name), &version(text), host, KernelVersion(6, 12)).count()
    };
    assert_eq!(concerning("3.5-1", Host::Amd64, "arm"), 1);
    assert_eq!(concerning("5.0-1", Host::Amd64, "arm"), 0);
    assert_eq!(concerning("3.5-1", Host::Riscv64, "arm"), 0);
    assert_eq!(concerning("3.5-1", Host::Amd64, "s390x"), 0);
}

#[test]
fn doctor_tells_what_the_repository_knows() {
    let mut releases = Releases::with("11.1.3-1");
    releases.publisher.index.advisories = vec![fault((11, 0, 0), (11, 1, 3))];
    releases.add_single("11.1.3-2", "aarch64");
    let machine = releases.machine();
    machine.qus(&["install", "aarch64"]).expect(0, &[]);
    let foreign = program("arm64").display().to_string();
    let said = machine.qus(&["doctor", &foreign]);
    said.expect(10, &["QEMU 11.1.3 has a known fault", "programs that knit crash", "qus update aarch64"]);
    machine.qus(&["doctor"]).expect(10, &["advisory: QEMU 11.1.3 has a known fault"]);
}
