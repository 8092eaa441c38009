//! Mirrors serve bytes, nothing more: what one has wrong is fetched from the next.

use std::fs;
use std::path::Path;

use tempfile::TempDir;

use crate::support::machine::Image;
use crate::support::publisher::Publisher;
use crate::support::server::{Answer, Server};

const INSTALL: [&str; 2] = ["install", "aarch64"];
const ASSET: &str = "aarch64-static_amd64.tar.zst";

/// An image, and two servers with the same files: the second is a mirror that the administrator named.
struct Pair {
    image: Image,
    first: Server,
    mirror: Server,
    _folders: [TempDir; 2],
}

fn pair() -> Pair {
    let folders = [TempDir::new().unwrap(), TempDir::new().unwrap()];
    let servers = [0, 1].map(|index: usize| Server::of(folders[index].path().to_owned()));
    let image = Image::at_url(Some(&servers[0].url), |_, url| Publisher::usual(folders[0].path(), url, &["aarch64"]));
    copy(folders[0].path(), folders[1].path());
    let [first, mirror] = servers;
    settings(&image, &[&mirror.url]);
    Pair { image, first, mirror, _folders: folders }
}

fn settings(image: &Image, mirrors: &[&str]) {
    fs::write(image.root().join("etc/qus/config.toml"), format!("mirrors = {mirrors:?}\n")).unwrap();
}

fn copy(from: &Path, to: &Path) {
    for entry in fs::read_dir(from).unwrap() {
        let (from, to) = (entry.as_ref().unwrap().path(), to.join(entry.unwrap().file_name()));
        if from.is_dir() {
            fs::create_dir(&to).unwrap();
            copy(&from, &to);
        } else {
            fs::copy(&from, &to).unwrap();
        }
    }
}

fn wrong() -> Answer {
    Answer::Bytes(vec![b'x'; 100])
}

#[test]
fn a_mirror_is_not_asked_while_the_first_source_does() {
    let Pair { image, mirror, _folders: _stay, .. } = pair();
    image.run(&INSTALL).expect(0, &["installed"]);
    assert_eq!(mirror.asked(), []);
}

#[test]
fn what_the_first_source_has_wrong_in_any_way_is_fetched_from_the_mirror() {
    let answers = [
        ("not there", Answer::Status("404 Not Found")),
        ("refused", Answer::Status("403 Forbidden")),
        ("too busy for today", Answer::Status("503 Service Unavailable\r\nRetry-After: 86400")),
        ("a page", Answer::Page { kind: "text/html" }),
        ("other bytes", wrong()),
        ("endless", Answer::Endless),
        ("more", Answer::Longer),
        ("elsewhere", Answer::Redirect("http://example.org/".to_owned())),
    ];
    for file in ["index.qus", "tar.zst.minisig", ASSET] {
        for (row, answer) in &answers {
            let Pair { image, first, mirror, _folders: _stay, .. } = pair();
            first.answer(file, answer.clone());
            let said = image.run(&INSTALL);
            assert_eq!(said.code, Some(0), "{file}, {row}: {said:#?}");
            assert!(said.stderr.contains(&format!("; trying the mirror \"{}\"", mirror.url)), "{row}: {said:#?}");
            assert!(!mirror.requests_for(file).is_empty(), "{file}, {row}");
        }
    }
}

#[test]
fn a_root_that_is_forged_at_the_first_source_is_fetched_from_the_mirror() {
    let Pair { image, first, mirror, _folders: folders } = pair();
    let mut second = image.publisher.root();
    second.version = 2;
    image.publisher.publish_root(&second, &[("alice", &image.publisher.root_key)]);
    for file in ["root.2.json", "root.2.json.minisig.alice"] {
        fs::copy(folders[0].path().join(file), folders[1].path().join(file)).unwrap();
    }
    first.answer("root.2.json", wrong());
    image.run(&INSTALL).expect(0, &["installed"]);
    let trust = fs::read_to_string(image.root().join("var/lib/qus/trust.json")).unwrap();
    assert!(trust.contains("\"version\": 2"), "{trust}");
    assert!(!mirror.requests_for("root.2.json").is_empty());
}

#[test]
fn a_root_that_is_forged_at_the_first_source_is_no_reason_to_stay_with_the_one_before() {
    let Pair { image, first, _folders: _stay, .. } = pair();
    first.answer("root.2.json", wrong());
    image
        .run_in_vain(&INSTALL)
        .expect(3, &["error: no source has a good", "root.2.json", "is not signed by a key", "is not there"])
        .expect(3, &["help: if you chose this repository yourself"]);
    // Where it cannot be had at all, mirrors that do not have it are believed.
    first.answer("root.2.json", Answer::Status("500 Internal Server Error\r\nRetry-After: 86400"));
    image.run(&INSTALL).expect(0, &["installed"]);
}

#[test]
fn when_no_source_is_authentic_each_is_named_and_nothing_is_changed() {
    for file in ["index.qus", "tar.zst.minisig", ASSET] {
        let Pair { image, first, mirror, _folders: _stay, .. } = pair();
        first.answer(file, wrong());
        mirror.answer(file, wrong());
        let (one, two) = (format!(": from \"{}\": ", first.url), format!("; from \"{}\": ", mirror.url));
        image.run_in_vain(&INSTALL).expect(3, &["error: no source has a good", &one, &two, "help: do not install"]);
    }
}

#[test]
fn when_one_is_not_authentic_and_one_not_there_it_might_be_there_later() {
    let Pair { image, first, mirror, _folders: _stay, .. } = pair();
    first.answer(ASSET, wrong());
    mirror.answer(ASSET, Answer::Status("404 Not Found"));
    image.run_in_vain(&INSTALL).expect(7, &["error: no source has a good", "ends after 100 of", "is not there"]);
}

#[test]
fn when_all_were_asked_it_ends_as_the_repository_itself_does() {
    let Pair { mut image, first, mirror, _folders: folders } = pair();
    image.publisher.index.serial = 9;
    image.publisher.publish();
    let old = fs::read(folders[1].path().join("index.qus")).unwrap();
    image.run(&INSTALL).expect(0, &["installed"]);
    first.answer("index.qus", Answer::Bytes(old));
    mirror.answer("index.qus", wrong());
    let older = "has serial 7, older than the 9 seen before";
    image.run_in_vain(&INSTALL).expect(5, &[older, "malformed", "help: the repository serves an old state"]);
}

#[test]
fn a_source_that_cannot_be_reached_is_waited_for_once_and_not_with_every_file() {
    let Pair { image, mirror, _folders: _stay, .. } = pair();
    let mut anchor = image.publisher.anchor();
    anchor.repository = "http://127.0.0.1:9".to_owned();
    image.trust(&anchor);
    let said = image.run(&INSTALL).expect(0, &["installed", "cannot reach \"http://127.0.0.1:9/root.2.json\""]);
    assert_eq!(said.stderr.matches("trying again in").count(), 4, "{said:#?}");
    assert!(!mirror.requests_for(ASSET).is_empty());
}

#[test]
fn of_two_mirrors_the_one_with_the_newer_index_is_believed() {
    let Pair { mut image, first, mirror, _folders: folders } = pair();
    image.publisher.index.serial = 9;
    image.publisher.publish();
    let newer = TempDir::new().unwrap();
    copy(folders[0].path(), newer.path());
    let third = Server::of(newer.path().to_owned());
    first.answer("", Answer::Status("404 Not Found"));
    settings(&image, &[&mirror.url, &third.url]);
    image.run(&INSTALL).expect(0, &["installed"]);
    let trust = fs::read_to_string(image.root().join("var/lib/qus/trust.json")).unwrap();
    assert!(trust.contains(": 9"), "{trust}");

    // Nobody is led back by the one that is behind.
    settings(&image, &[&mirror.url]);
    image.run_in_vain(&["install", "aarch64"]).expect(7, &["has serial 7, older than the 9 seen before"]);
    first.answer("", Answer::Silence);
}

#[test]
fn mirrors_of_the_signed_index_are_asked_for_assets() {
    let Pair { mut image, first, mirror, _folders: folders } = pair();
    settings(&image, &[]);
    let on_disk = format!("file://{}", folders[1].path().display());
    for place in [mirror.url.clone(), on_disk] {
        image.publisher.index.mirrors = vec!["http://example.org/qus".to_owned(), place];
        image.publisher.publish();
        first.answer(ASSET, wrong());
        let left_out =
            "note: a mirror of the index is left out: \"http://example.org/qus\" would be fetched without encryption";
        image.run(&INSTALL).expect(0, &["installed", left_out]);
        image.run(&["remove", "all"]).expect(0, &[]);
    }
}

#[test]
fn a_mirror_without_encryption_or_without_sense_is_wrong_usage() {
    let Pair { image, _folders: _stay, .. } = pair();
    for (url, words) in [("http://example.org", "without encryption"), ("ftp://x", "neither https nor file")] {
        settings(&image, &[url]);
        image.run_in_vain(&INSTALL).expect(2, &[words]);
    }
}

#[test]
fn offline_those_on_disk_are_left() {
    let Pair { image, first, mirror, _folders: folders } = pair();
    image.run_in_vain(&["install", "--offline", "aarch64"]).expect(7, &["--offline forbids"]);
    settings(&image, &[&mirror.url, &format!("file://{}", folders[1].path().display())]);
    image.run(&["install", "--offline", "aarch64"]).expect(0, &["installed"]);
    assert_eq!((first.asked(), mirror.asked()), (vec![], vec![]));
}
