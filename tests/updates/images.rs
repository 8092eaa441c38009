//! The verbs on images: files, receipt, exit codes, and what is said.

use std::fs;

use serde_json::Value;

use crate::support::machine::{Image, Said, qus};
use crate::support::publisher::{Publisher, version};
use crate::support::server::{Answer, Server};

/// An image with aarch64 and arm of 11.1.3-1, whose repository has 11.1.4-1 by now.
pub(super) fn behind() -> Image {
    let mut image = Image::trusting(&["aarch64", "arm"]);
    image.run(&["install", "aarch64", "arm"]).expect(0, &[]);
    publish(&mut image, "11.1.4-1");
    image
}

/// Publishes another release, and makes it the stable one.
pub(super) fn publish(image: &mut Image, text: &str) {
    image.publisher.index.serial += 1;
    image.publisher.add_release(text, &["aarch64", "arm"]);
    image.publisher.publish();
}

fn withdraw(image: &mut Image, text: &str, why: &str) {
    image.publisher.index.serial += 1;
    let releases = &mut image.publisher.index.releases;
    releases.iter_mut().find(|release| release.version == version(text)).unwrap().withdrawn = Some(why.to_owned());
    image.publisher.publish();
}

pub(super) fn emulators(image: &Image) -> Vec<String> {
    let below = |path: &String| path.strip_prefix("usr/local/lib/qus/bin/").map(str::to_owned);
    image.tree().keys().filter_map(below).filter(|path| path.contains('/')).collect()
}

fn receipt(image: &Image) -> Value {
    serde_json::from_str(&fs::read_to_string(image.root().join("var/lib/qus/receipt.json")).unwrap()).unwrap()
}

#[test]
fn check_tells_what_is_newer_by_exit_100_and_changes_nothing() {
    let mut image = behind();
    let said = image.run_in_vain(&["update", "--check"]);
    let said = said.expect(100, &["aarch64 11.1.3-1 -> 11.1.4-1\n", "arm 11.1.3-1 -> 11.1.4-1\n"]);
    assert_eq!(said.stderr, "");
    image.run_in_vain(&["update", "--check", "--quiet", "arm"]).expect(100, &["arm 11.1.3-1 -> 11.1.4-1"]);
    image.run(&["update"]).expect(0, &["aarch64 11.1.3-1 -> 11.1.4-1\n", "arm 11.1.3-1 -> 11.1.4-1\n"]);
    image.run_in_vain(&["update", "--check"]).expect(0, &["there is nothing newer"]);
    publish(&mut image, "11.1.5-1");
    image.run_in_vain(&["update", "--check", "--offline"]).expect(100, &["-> 11.1.5-1"]);
}

#[test]
fn check_as_a_document_keeps_its_promise() {
    let image = behind();
    image.run(&["pin", "arm"]).expect(0, &["arm is pinned to 11.1.3-1"]);
    let said = image.run_in_vain(&["update", "--check", "--json"]).expect(100, &[]);
    let document: Value = serde_json::from_str(&said.stdout).unwrap();
    assert_eq!((&document["schema"], &document["dry_run"]), (&1.into(), &false.into()));
    let verdict = |at: usize| {
        let target = &document["targets"][at];
        ["target", "channel", "installed", "offered", "verdict"].map(|name| target[name].as_str().unwrap().to_owned())
    };
    assert_eq!(verdict(0), ["aarch64", "stable", "11.1.3-1", "11.1.4-1", "move"]);
    assert_eq!(verdict(1), ["arm", "stable", "11.1.3-1", "11.1.4-1", "pinned"]);
    for name in ["refused", "advisories", "steps", "proofs", "dropped"] {
        assert_eq!(document[name], Value::Array(Vec::new()), "{name}");
    }
}

#[test]
fn an_update_keeps_one_version_to_go_back_to_and_no_third() {
    let mut image = behind();
    let empty: Vec<String> = Vec::new();
    image.run(&["update"]).expect(0, &[]);
    publish(&mut image, "11.1.5-1");
    image.run(&["update", "aarch64"]).expect(0, &["aarch64 11.1.4-1 -> 11.1.5-1"]);
    assert_eq!(
        emulators(&image),
        [
            "11.1.3-1/qemu-arm-static",
            "11.1.4-1/qemu-aarch64-static",
            "11.1.4-1/qemu-arm-static",
            "11.1.5-1/qemu-aarch64-static"
        ]
    );
    fs::write(image.root().join("etc/qus/config.toml"), "keep = 1\n").unwrap();
    image.run(&["update"]).expect(0, &["arm 11.1.4-1 -> 11.1.5-1"]);
    assert_eq!(
        emulators(&image),
        ["11.1.4-1/qemu-aarch64-static", "11.1.5-1/qemu-aarch64-static", "11.1.5-1/qemu-arm-static"]
    );
    image.run(&["remove", "all"]).expect(0, &[]);
    assert_eq!(emulators(&image), empty);
}

#[test]
fn a_rollback_goes_back_without_the_repository_and_a_second_one_forth() {
    let image = behind();
    image.run(&["update"]).expect(0, &[]);
    let updated = receipt(&image);
    let away = image.publisher.folder.with_extension("away");
    fs::rename(&image.publisher.folder, &away).unwrap();
    image
        .run(&["rollback", "aarch64"])
        .expect(0, &["aarch64 11.1.4-1 -> 11.1.3-1", "to follow again: qus unpin aarch64"]);
    let link = fs::read_link(image.root().join("usr/local/lib/qus/bin/qemu-aarch64-static")).unwrap();
    assert_eq!(link.to_str(), Some("11.1.3-1/qemu-aarch64-static"));
    image.run(&["rollback", "aarch64"]).expect(0, &["aarch64 11.1.3-1 -> 11.1.4-1"]);
    image.run(&["unpin", "aarch64"]).expect(0, &["aarch64 11.1.4-1 is no longer pinned"]);
    assert_eq!(receipt(&image), updated);
    fs::rename(away, &image.publisher.folder).unwrap();

    image.run(&["rollback"]).expect(0, &["aarch64 11.1.4-1 -> 11.1.3-1", "arm 11.1.4-1 -> 11.1.3-1"]);
    let said = image.run(&["update"]).expect(0, &["nothing to do"]);
    assert!(said.stderr.contains("aarch64 is pinned to 11.1.3-1, and stable names 11.1.4-1"), "{said:#?}");
    image.run(&["unpin", "all"]).expect(0, &[]);
    image.run(&["update"]).expect(0, &["arm 11.1.3-1 -> 11.1.4-1"]);
}

#[test]
fn a_kept_version_that_is_damaged_is_found_before_anything_is_changed() {
    let image = behind();
    image.run_in_vain(&["rollback"]).expect(0, &["nothing to do: no earlier version is kept"]);
    image.run_in_vain(&["rollback", "arm"]).expect(1, &["no earlier version of \"arm\" is kept"]);
    image.run(&["update"]).expect(0, &[]);
    let kept = image.root().join("usr/local/lib/qus/bin/11.1.3-1/qemu-arm-static");
    let mut bytes = fs::read(&kept).unwrap();
    bytes[2000] ^= 1;
    fs::write(&kept, bytes).unwrap();
    let said = image.run_in_vain(&["rollback", "arm"]);
    said.expect(1, &["is not there or damaged", "help: qus install --allow-downgrade arm@11.1.3-1"]);
    image.run(&["install", "--allow-downgrade", "arm@11.1.3-1"]).expect(0, &[]);
    image.run(&["rollback", "arm"]).expect(0, &["arm 11.1.3-1 -> 11.1.4-1"]);
    fs::remove_file(image.root().join("usr/local/lib/qus/bin/11.1.3-1/qemu-aarch64-static")).unwrap();
    image.run_in_vain(&["rollback", "aarch64"]).expect(1, &["is not there or damaged"]);
}

#[test]
fn channels_are_followed_and_an_unknown_one_tells_which_there_are() {
    let mut image = behind();
    image.publisher.index.channels.insert("previous".to_owned(), version("11.1.3-1"));
    image.publisher.index.channels.insert("edge".to_owned(), version("11.1.4-1"));
    publish(&mut image, "11.1.5-1");
    image
        .run_in_vain_but_for_the_memory(&["install", "arm@nightly"])
        .expect(1, &["the repository has no channel \"nightly\"", "help: there is edge, previous, stable"]);
    image.run_in_vain(&["install", "arm@ nightly"]).expect(2, &["neither a version such as 11.1.3-1 nor a channel"]);
    image.run_in_vain(&["update", "arm@11.1.5-1"]).expect(2, &["names a version, and what is followed is a channel"]);
    image.run_in_vain(&["pin", "arm@edge"]).expect(2, &["where only a version can be meant"]);
    image.run(&["install", "arm@edge"]).expect(0, &[]);
    image.run(&["update"]).expect(0, &["aarch64 11.1.3-1 -> 11.1.5-1"]);
    let status = image.run(&["status", "arm", "aarch64"]).expect(0, &["11.1.4-1 edge (before 11.1.3-1)"]).stdout;
    assert!(!status.contains("stable"), "{status}");
    // As every option, it can be a variable.
    let mut check = qus();
    check.arg("--root").arg(image.root()).args(["update", "--check", "arm"]).env("QUS_CHANNEL", "stable");
    Said::by(check.output().unwrap()).expect(100, &["arm 11.1.4-1 -> 11.1.5-1"]);
    image.run(&["update", "--channel", "stable", "arm"]).expect(0, &["arm 11.1.4-1 -> 11.1.5-1"]);
    fs::write(image.root().join("etc/qus/config.toml"), "channel = \"edge\"\n").unwrap();
    image.run_in_vain(&["update", "aarch64"]).expect(5, &["older than the installed 11.1.5-1"]);
    image.run_in_vain(&["update", "arm"]).expect(0, &["nothing to do"]);
}

#[test]
fn an_older_version_is_refused_with_exit_5_unless_it_is_allowed() {
    let mut image = behind();
    image.run(&["update"]).expect(0, &[]);
    image.publisher.index.serial += 1;
    image.publisher.index.channels.insert("stable".to_owned(), version("11.1.3-1"));
    image.publisher.publish();
    let said = image.run(&["update"]);
    said.expect(5, &["version 11.1.3-1 is offered for \"arm\", older", "qus install --allow-downgrade arm@11.1.3-1"]);
    image.run_in_vain(&["update", "--check"]).expect(0, &["older than the installed 11.1.4-1"]);
    image.run_in_vain(&["install", "arm@11.1.3-1"]).expect(5, &["help: if the older one is wanted"]);
    image.run(&["update", "--allow-downgrade", "arm"]).expect(0, &["arm 11.1.4-1 -> 11.1.3-1"]);
}

#[test]
fn a_version_that_was_withdrawn_is_told_and_never_installed_nor_gone_back_to() {
    let mut image = behind();
    withdraw(&mut image, "11.1.4-1", "it eats files");
    image
        .run_in_vain_but_for_the_memory(&["install", "arm@11.1.4-1"])
        .expect(1, &["version 11.1.4-1 was withdrawn: it eats files"]);
    image.run(&["update"]).expect(0, &["stable names 11.1.4-1, which was withdrawn", "nothing to do"]);
    publish(&mut image, "11.1.5-1");
    image.run(&["update"]).expect(0, &["arm 11.1.3-1 -> 11.1.5-1"]);
    withdraw(&mut image, "11.1.3-1", "so does it");
    withdraw(&mut image, "11.1.5-1", "that one too");
    image.run(&["update"]).expect(0, &["was withdrawn: that one too"]);
    let said = image.run(&["status", "arm"]).expect(0, &["11.1.5-1 withdrawn", "was withdrawn: that one too; a newer"]);
    assert!(!said.stderr.contains("rollback"), "{said:#?}");
    image.run_in_vain(&["rollback", "arm"]).expect(1, &["version 11.1.3-1 was withdrawn: so does it"]);
    // Nor when the repository has it no more.
    image.publisher.index.releases.retain(|release| release.version != version("11.1.3-1"));
    image.publisher.index.serial += 1;
    image.publisher.publish();
    image.run(&["update"]).expect(0, &["was withdrawn: that one too"]);
    image.run_in_vain(&["rollback", "arm"]).expect(1, &["version 11.1.3-1 was withdrawn: so does it"]);
}

#[test]
fn what_was_heard_is_remembered_also_where_nothing_is_to_be_done() {
    let mut image = Image::trusting(&["aarch64"]);
    image.run_in_vain(&["update"]).expect(0, &["nothing to do: nothing is installed"]);
    image.run_in_vain(&["update", "aarch64"]).expect(1, &["\"aarch64\" is not installed", "qus install aarch64"]);
    image.run(&["install", "aarch64"]).expect(0, &[]);
    image.run_in_vain(&["update"]).expect(0, &["nothing to do: there is nothing newer"]);
    let old = fs::read(image.publisher.folder.join("index.qus")).unwrap();
    image.publisher.index.serial += 1;
    image.publisher.publish();
    image.run(&["update"]).expect(0, &["nothing to do"]);
    fs::write(image.publisher.folder.join("index.qus"), old).unwrap();
    image.run_in_vain(&["update"]).expect(5, &["serial 7, older than the 8 seen before"]);
}

#[test]
fn quiet_says_one_line_a_change_and_nothing_of_no_change() {
    let image = behind();
    let said = image.run(&["update", "--quiet", "--yes", "--scheduled"]).expect(0, &[]);
    assert_eq!(
        (said.stdout.as_str(), said.stderr.as_str()),
        ("aarch64 11.1.3-1 -> 11.1.4-1\narm 11.1.3-1 -> 11.1.4-1\n", "")
    );
    let said = image.run_in_vain(&["update", "--quiet", "--yes", "--scheduled"]).expect(0, &[]);
    assert_eq!((said.stdout.as_str(), said.stderr.as_str()), ("", ""));
}

#[test]
fn a_dry_run_of_each_verb_shows_its_steps_and_changes_nothing() {
    let image = behind();
    image.run_in_vain(&["update", "--dry-run"]).expect(0, &["fetch and verify 11.1.4-1/", "write the receipt"]);
    image.run_in_vain(&["pin", "--dry-run", "arm"]).expect(0, &["write the receipt"]);
    image.run(&["update"]).expect(0, &[]);
    image
        .run_in_vain(&["rollback", "--dry-run"])
        .expect(0, &["link /usr/local/lib/qus/bin/qemu-arm-static to 11.1.3-1"]);
}

#[test]
fn each_target_is_updated_from_the_repository_that_it_came_from() {
    let mut image = behind();
    let folder = image.folder.path().join("other");
    let mut other = Publisher::usual(&folder, &format!("file://{}", folder.display()), &["riscv64"]);
    let anchor = serde_json::to_string_pretty(&other.anchor()).unwrap();
    fs::write(image.root().join("etc/qus/trust.d/other.json"), anchor).unwrap();
    let url = other.url.clone();
    image.run(&["install", "--repository", &url, "riscv64"]).expect(0, &[]);
    other.index.serial += 1;
    other.add_release("20.0-1", &["riscv64"]);
    other.publish();
    image.run_in_vain(&["update", "--check"]).expect(100, &["arm 11.1.3-1 -> 11.1.4-1", "riscv64 11.1.3-1 -> 20.0-1"]);
    image.run(&["update"]).expect(0, &["arm 11.1.3-1 -> 11.1.4-1", "riscv64 11.1.3-1 -> 20.0-1"]);
    publish(&mut image, "11.1.5-1");
    image.run(&["update", "--repository", &image.publisher.url, "arm"]).expect(0, &["arm 11.1.4-1 -> 11.1.5-1"]);
}

#[test]
fn status_as_a_document_tells_of_versions() {
    let mut image = behind();
    image.run(&["install", "arm@stable"]).expect(0, &[]);
    image.run(&["pin", "arm"]).expect(0, &[]);
    withdraw(&mut image, "11.1.4-1", "it eats files");
    image.run(&["update"]).expect(0, &[]);
    let said: Said = image.run(&["status", "--json", "arm"]).expect(0, &[]);
    let document: Value = serde_json::from_str(&said.stdout).unwrap();
    let installed = &document["targets"][0]["installed"];
    assert_eq!(installed["version"], "11.1.4-1");
    assert_eq!(installed["repository"], image.publisher.url.as_str());
    assert_eq!((&installed["channel"], &installed["pinned"]), (&"stable".into(), &true.into()));
    assert_eq!((&installed["withdrawn"], &installed["previous"]), (&"it eats files".into(), &vec!["11.1.3-1"].into()));
    assert_eq!(document["news"][0]["repository"], image.publisher.url.as_str());
    assert_eq!(document["news"][0]["expires"], image.publisher.index.expires.to_string());
    assert_eq!(document["news"][0]["expired"], false);
    image.run(&["status"]).expect(0, &["11.1.4-1 pinned withdrawn (before 11.1.3-1)", "good until"]);
}

#[test]
fn an_update_whose_server_is_gone_changes_nothing() {
    let folder = tempfile::TempDir::new().unwrap();
    let server = Server::of(folder.path().join("repository"));
    let image = Image::at_url(Some(&server.url), |_, url| {
        Publisher::usual(&folder.path().join("repository"), url, &["aarch64"])
    });
    image.run(&["install", "aarch64"]).expect(0, &[]);
    server.answer("index.qus", Answer::Status("404 Not Found"));
    image.run_in_vain(&["update"]).expect(7, &[]);
    image.run_in_vain(&["update", "--check", "--offline"]).expect(7, &["--offline"]);
}

#[test]
fn a_repository_that_fails_keeps_nothing_from_the_targets_of_others() {
    let mut image = Image::trusting(&["aarch64", "arm"]);
    let folder = tempfile::TempDir::new().unwrap();
    let gone = folder.path().join("0");
    let other = format!("file://{}", gone.display());
    let publisher = Publisher::usual(&gone, &other, &["riscv64"]);
    let anchor = serde_json::to_string_pretty(&publisher.anchor()).unwrap();
    fs::write(image.root().join("etc/qus/trust.d/other.json"), anchor).unwrap();
    let own = image.publisher.url.clone();
    image.run(&["install", "--repository", &own, "aarch64"]).expect(0, &[]);
    image.run(&["install", "--repository", &other, "riscv64"]).expect(0, &[]);
    publish(&mut image, "11.1.4-1");
    fs::remove_dir_all(&gone).unwrap();
    let lost = format!("error: \"{other}/index.qus\" is not there");
    image.run_in_vain(&["update", "--check"]).expect(7, &["aarch64 11.1.3-1 -> 11.1.4-1", &lost]);
    image.run(&["update"]).expect(7, &["aarch64 11.1.3-1 -> 11.1.4-1", &lost, "help: "]);
    let said = image.run_in_vain(&["update"]).expect(7, &[&lost]);
    assert_eq!(said.stdout, "");
}
