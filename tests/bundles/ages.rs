//! How old a bundle may be: the clock of the machine decides, and whoever says that it may be older.

use std::fs;

use qus::moment::Moment;

use super::Bundled;
use crate::support::machine::Image;
use crate::support::publisher::now;

const DAY: u64 = 24 * 60 * 60;

/// A bundle whose index was issued and expired so many days ago. A machine whose clock is behind makes it.
fn of_days_ago(issued: u64, expired: u64) -> Bundled {
    let bundled = Bundled::of(&["arm"]);
    let bytes = fs::read(&bundled.file).unwrap();
    let mut publisher = bundled.image.publisher;
    publisher.index.issued = Moment(now().0 - issued * DAY);
    publisher.index.expires = Moment(now().0 - expired * DAY);
    publisher.publish();
    let index = fs::read(publisher.folder.join("index.qus")).unwrap();
    fs::write(&bundled.file, super::hostile::with_file(&bytes, "index.qus", &index)).unwrap();
    Bundled { image: Image { publisher, ..bundled.image }, file: bundled.file }
}

#[test]
fn an_expired_bundle_is_refused_and_its_help_says_how_to_take_it_all_the_same() {
    let bundled = of_days_ago(40, 10);
    let before = bundled.image.tree();
    bundled.verify().expect(4, &["\"index.qus\" in", "expired at", "--allow-stale 11"]);
    bundled.install(&["arm"]).expect(4, &["expired at", "--allow-stale 11"]);
    bundled.run(&["install", "--from"], &["--allow-stale", "10", "arm"]).expect(4, &["--allow-stale 11"]);
    assert_eq!(bundled.image.tree(), before);
    let aged = "issued 40 days ago, and expired 10 days ago";
    bundled.run(&["bundle", "verify"], &["--allow-stale", "11"]).expect(0, &["warning", aged]);
    bundled.run(&["install", "--from"], &["--allow-stale", "11", "arm"]).expect(0, &["warning", aged]);
}

#[test]
fn an_expired_root_in_a_bundle_is_as_old_as_an_expired_index() {
    let bundled = Bundled::of(&["arm"]);
    let publisher = &bundled.image.publisher;
    let mut root = publisher.root();
    root.expires = Moment(now().0 - 3 * DAY);
    bundled.image.trust(&publisher.anchor_of(&root));
    bundled.verify().expect(4, &["root.1.json", "expired at", "--allow-stale 4"]);
    bundled.run(&["bundle", "verify"], &["--allow-stale", "4"]).expect(0, &[]);
}

#[test]
fn only_a_bundle_may_be_stale() {
    let image = Image::trusting(&["arm"]);
    image.run(&["install", "--allow-stale", "5", "arm"]).expect(2, &["--from"]);
}

#[test]
fn a_bundle_older_than_what_was_seen_is_refused_however_stale_it_may_be() {
    let bundled = Bundled::of(&["arm"]);
    let mut publisher = bundled.image.publisher;
    publisher.index.serial += 1;
    publisher.publish();
    let bundled = Bundled { image: Image { publisher, ..bundled.image }, file: bundled.file };
    bundled.image.run(&["install", "aarch64"]).expect(0, &[]);
    let before = bundled.image.tree();
    bundled.verify().expect(5, &["serial 7", "8"]);
    bundled.run(&["install", "--from"], &["--allow-stale", "9999", "arm"]).expect(5, &["serial 7", "8"]);
    assert_eq!(bundled.image.tree(), before);
}

#[test]
fn a_bundle_from_the_future_tells_that_a_clock_is_wrong() {
    let bundled = of_days_ago(0, 0);
    let mut publisher = bundled.image.publisher;
    publisher.index.issued = Moment(now().0 + 9 * DAY);
    publisher.index.expires = Moment(now().0 + 39 * DAY);
    publisher.publish();
    let index = fs::read(publisher.folder.join("index.qus")).unwrap();
    let bytes = super::hostile::with_file(&fs::read(&bundled.file).unwrap(), "index.qus", &index);
    fs::write(&bundled.file, bytes).unwrap();
    let bundled = Bundled { image: Image { publisher, ..bundled.image }, file: bundled.file };
    bundled.verify().expect(4, &["clock"]);
}

/// A new root in a bundle is remembered as one at a repository is, and from one that is of no use otherwise.
#[test]
fn the_roots_of_an_expired_bundle_are_remembered() {
    let bundled = Bundled::of(&["arm"]);
    bundled.install(&["arm"]).expect(0, &[]);
    let mut publisher = bundled.image.publisher;
    let mut root = publisher.root();
    root.version = 2;
    publisher.publish_root(&root, &[("alice", &publisher.root_key)]);
    let bundled = Bundled { image: Image { publisher, ..bundled.image }, file: bundled.file };
    bundled.create(&["arm"]).expect(0, &[]);
    publisher = bundled.image.publisher;
    publisher.index.issued = Moment(now().0 - 40 * DAY);
    publisher.index.expires = Moment(now().0 - 10 * DAY);
    publisher.publish();
    let index = fs::read(publisher.folder.join("index.qus")).unwrap();
    let bytes = super::hostile::with_file(&fs::read(&bundled.file).unwrap(), "index.qus", &index);
    fs::write(&bundled.file, bytes).unwrap();
    let bundled = Bundled { image: Image { publisher, ..bundled.image }, file: bundled.file };

    let memory = || fs::read_to_string(bundled.image.root().join("var/lib/qus/trust.json")).unwrap();
    let before = memory();
    // Who only looks writes nothing down, nor who only shows what would be done.
    bundled.verify().expect(4, &["\"index.qus\" in", "expired at"]);
    bundled.run(&["install", "--dry-run", "--from"], &["aarch64"]).expect(4, &["expired at"]);
    assert_eq!(memory(), before);
    for verb in ["install", "update"] {
        fs::write(bundled.image.root().join("var/lib/qus/trust.json"), &before).unwrap();
        bundled.run(&[verb, "--from"], &["arm"]).expect(4, &["expired at"]);
        assert_eq!(memory(), before.replace("\"version\": 1", "\"version\": 2"), "{verb}");
    }
}
