//! Publishing: what the index lists, and when there is none.

use qus::moment::Moment;
use qus::trust::TrustError;
use qus_release::error::Error;

use crate::files::{Deb, LOAD, X86_64, control, elf, line};
use crate::workshop::{NOW, Workshop};

/// A repository with 11.1.3-1 and 10.0.13-1.
fn two_versions() -> Workshop {
    let workshop = Workshop::new();
    workshop.import_usual();
    add_old(&workshop, "10.0.13");
    workshop
}

fn add_old(workshop: &Workshop, qemu: &str) {
    let deb = Deb { control: control(&format!("1:{qemu}+ds-1"), "amd64"), ..Deb::new(&[]) };
    workshop.deb("other.deb", &deb.with("usr/bin/qemu-arm", elf(X86_64, LOAD, &line("arm", qemu))));
    workshop.import(&["other.deb"]).unwrap();
}

/// Publishing fails, and the repository is as it was.
fn refused(workshop: &Workshop, words: &[&str]) -> Error {
    let before = workshop.tree();
    let error = workshop.publish(words).unwrap_err();
    assert_eq!(workshop.tree(), before, "a failed publish leaves the repository as it was");
    error
}

fn channels(index: &qus::release::Index) -> Vec<String> {
    index.channels.iter().map(|(name, version)| format!("{name}={version}")).collect()
}

#[test]
fn the_first_index_lists_every_release_and_offers_the_highest() {
    let workshop = two_versions();
    let index = workshop.publish(&[]).unwrap();
    assert_eq!(index.serial, 1);
    assert_eq!(index.issued, NOW.parse::<Moment>().unwrap());
    assert_eq!(index.expires, "2026-12-20T18:00:00Z".parse::<Moment>().unwrap());
    assert_eq!(channels(&index), ["stable=11.1.3-1"]);
    assert_eq!(index.releases, ["11.1.3-1", "10.0.13-1"].map(|version| workshop.release(version)));
    assert!(workshop.names().iter().all(|name| !name.starts_with('.')));
}

#[test]
fn the_next_index_has_the_next_serial_and_the_same_channels() {
    let workshop = two_versions();
    workshop.publish(&["--channel", "stable=10.0.13-1", "--channel", "next=11.1.3-1"]).unwrap();
    add_old(&workshop, "11.2.0");
    let index = workshop.publish(&[]).unwrap();
    assert_eq!(index.serial, 2);
    assert_eq!(channels(&index), ["next=11.1.3-1", "stable=10.0.13-1"]);

    let index = workshop.publish(&["--channel", "next=", "--channel", "stable=11.2.0-1", "--serial", "40"]).unwrap();
    assert_eq!((index.serial, channels(&index)), (40, vec!["stable=11.2.0-1".to_owned()]));
    let error = refused(&workshop, &["--serial", "40"]);
    assert!(matches!(error, Error::SerialNotHigher { serial: 40, previous: 40 }));
}

#[test]
fn an_expired_index_still_counts() {
    let workshop = two_versions();
    workshop.publish(&[]).unwrap();
    let index = workshop.publish(&["--now", "2027-06-01T00:00:00Z"]).unwrap();
    assert_eq!(index.serial, 2);
}

#[test]
fn the_same_time_gives_the_same_index() {
    let workshop = two_versions();
    let anchor = workshop.read("repository/anchor.json");
    let publish = |words: &[&str]| {
        let _ = std::fs::remove_file(workshop.path("repository/index.qus"));
        // It knows of the one that was removed, and would have the next serial be higher.
        workshop.write("repository/anchor.json", anchor.as_bytes());
        workshop.publish(words).unwrap();
        workshop.read("repository/index.qus")
    };
    let first = publish(&[]);
    assert_eq!(publish(&[]), first);
    // The same moment, as SOURCE_DATE_EPOCH spells it.
    assert_eq!(publish(&["--now", "1795197600"]), first);
    let body = first.split_once("\n\n").unwrap().1;
    assert!(body.starts_with("{\"type\":\"qus-index\",\"format\":1,\"serial\":1,"));
}

#[test]
fn a_channel_cannot_lead_to_a_version_that_is_not_there() {
    let workshop = two_versions();
    let error = refused(&workshop, &["--channel", "next=12.0.0-1"]);
    assert!(matches!(&error, Error::ChannelToNowhere { channel, .. } if channel == "next"));

    workshop.publish(&[]).unwrap();
    std::fs::remove_dir_all(workshop.path("repository/11.1.3-1")).unwrap();
    let error = refused(&workshop, &[]);
    assert!(matches!(&error, Error::ChannelToNowhere { channel, .. } if channel == "stable"));
    workshop.publish(&["--channel", "stable=10.0.13-1"]).unwrap();
}

#[test]
fn an_index_needs_a_root_a_release_and_a_key_of_its_role() {
    let workshop = Workshop::new();
    assert!(matches!(refused(&workshop, &[]), Error::NoReleases(_)));
    workshop.import_usual();
    assert!(matches!(refused(&workshop, &["--key", "release.key"]), Error::NotOfRole { role: "index", .. }));
    let error = refused(&workshop, &["--now", "2028-01-01T00:00:00Z"]);
    assert!(matches!(error, Error::Trust(TrustError::Expired { .. })), "the root has expired");
    std::fs::remove_file(workshop.path("repository/root.1.json")).unwrap();
    assert!(matches!(refused(&workshop, &[]), Error::NoRoot(_)));
}

#[test]
fn a_damaged_archive_is_not_published() {
    let workshop = two_versions();
    let name = "repository/11.1.3-1/qemu-arm-static_amd64.tar.zst";
    let good = std::fs::read(workshop.path(name)).unwrap();
    let last = good.len() - 1;

    workshop.write(name, &[&good[..last], &[good[last] ^ 1]].concat());
    let error = refused(&workshop, &[]);
    assert!(matches!(error, Error::Asset { error: TrustError::WrongHash { .. }, .. }));
    assert_eq!(error.exit_code(), 3);
    workshop.write(name, &good[..last]);
    assert!(matches!(refused(&workshop, &[]), Error::Asset { error: TrustError::TooShort { .. }, .. }));
    std::fs::remove_file(workshop.path(name)).unwrap();
    assert!(matches!(refused(&workshop, &[]), Error::File { doing: "open", .. }));
}

#[test]
fn a_release_list_in_the_wrong_folder_or_with_strange_names_is_refused() {
    let workshop = two_versions();
    let list = workshop.read("repository/10.0.13-1/release.json");
    workshop.write("repository/10.0.14-1/release.json", list.as_bytes());
    assert!(matches!(refused(&workshop, &[]), Error::Malformed { .. }));
    std::fs::remove_dir_all(workshop.path("repository/10.0.14-1")).unwrap();

    let strange = list.replace("qemu-arm-static_amd64.tgz", "../../anchor.json");
    workshop.write("repository/10.0.13-1/release.json", strange.as_bytes());
    assert!(matches!(refused(&workshop, &[]), Error::Malformed { .. }));
}

#[test]
fn a_damaged_index_is_not_built_upon() {
    let workshop = two_versions();
    workshop.publish(&[]).unwrap();
    let good = workshop.read("repository/index.qus");
    workshop.write("repository/index.qus", good.replace("\"serial\":1,", "\"serial\":9,").as_bytes());
    assert!(matches!(refused(&workshop, &[]), Error::DamagedIndex(TrustError::BadSignature { .. })));
    workshop.write("repository/index.qus", b"nothing");
    assert!(matches!(refused(&workshop, &[]), Error::Malformed { .. }));
}

#[test]
fn after_a_change_of_the_index_key_the_serial_goes_on() {
    let workshop = two_versions();
    workshop.publish(&["--serial", "7"]).unwrap();
    workshop.keygen("index2");
    let words = ["repository", "--url", "https://example.org/qus", "--root-key", "root.key", "--release-key"];
    let words = [&["root"], &words[..], &["release.key.pub", "--index-key", "index2.key.pub"]].concat();
    assert!(workshop.run(&words).status.success());
    assert_eq!(workshop.publish(&["--key", "index2.key"]).unwrap().serial, 8);
}
