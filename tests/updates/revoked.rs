//! What was revoked after it had been installed: nobody goes back to it, it is not kept, and an update leaves it.

use std::collections::BTreeSet;
use std::fs;

use qus::conflict::Conflict;
use qus::exit::{Exit, Explain};
use qus::hex::Sha256;
use qus::news::News;
use qus::observed::Observed;
use qus::plan::{self, Step, Terms, Update, Verdict};
use qus::release::Index;
use qus::trust::Memory;
use qus::wanted::{Consent, Letters, Selection};
use serde_json::Value;
use tempfile::TempDir;

use super::images::{behind, emulators};
use super::planning::{REPOSITORY, aarch64, at, index, keeping, offer, pinned};
use crate::planning::{select, steps};
use crate::support::machine::Image;
use crate::support::publisher::{Publisher, emulator, sha256, target, version};
use crate::support::real::Emulators;
use crate::support::releases::Releases;

/// The hash of the emulator of aarch64 in a version.
fn hash_of(text: &str) -> Sha256 {
    sha256(&emulator(target("aarch64"), text))
}

/// What is known once the root of `repository` names `revoked`.
fn news(repository: &str, revoked: &[Sha256]) -> News {
    let folder = TempDir::new().unwrap();
    let mut seen = Publisher::new(folder.path(), REPOSITORY).seen();
    seen.root.revoked = revoked.to_vec();
    News::of(&Memory { repositories: [(repository.to_owned(), seen)].into() })
}

fn update(index: &Index, revoked: &[&str], terms: &Terms, observed: &Observed) -> Update {
    let hashes: Vec<Sha256> = revoked.iter().map(|text| hash_of(text)).collect();
    let offer = plan::Offer { news: news(REPOSITORY, &hashes), ..offer(index, terms) };
    plan::update(&Selection::All, Consent::default(), observed, &offer, |_| true).unwrap()
}

fn versions(kept: &[qus::receipt::Kept]) -> Vec<&str> {
    kept.iter().map(|kept| kept.version.as_str()).collect()
}

#[test]
fn a_kept_version_that_was_revoked_is_not_gone_back_to() {
    let observed = at("12.0.0-1", &["11.1.4-1", "11.1.3-1"]);
    let back = |repository: &str, word: &str| {
        let news = news(repository, &[hash_of("11.1.4-1")]);
        plan::rollback(&select(&[word]), &news, &BTreeSet::new(), &observed)
    };
    let conflict = back(REPOSITORY, "aarch64").unwrap_err();
    assert_eq!(conflict, Conflict::Revoked { target: target("aarch64"), version: version("11.1.4-1") });
    assert_eq!(conflict.to_string(), "version 11.1.4-1 of \"aarch64\" was revoked: nobody is to run it any more");
    assert_eq!(conflict.exit(), Exit::NotAuthentic);
    assert_eq!(conflict.help().unwrap(), "install another version: qus install --allow-downgrade aarch64@VERSION");
    assert_eq!(aarch64(&back(REPOSITORY, "aarch64@11.1.3-1").unwrap()).version, version("11.1.3-1"));
    // A repository speaks of nothing that came from another.
    assert_eq!(aarch64(&back("https://example.net", "aarch64").unwrap()).version, version("11.1.4-1"));
}

#[test]
fn what_was_revoked_is_not_kept() {
    let terms = Terms { keep: keeping("keep = 3"), ..Terms::default() };
    let kept = |revoked: &[&str]| {
        let plan = update(&index(), revoked, &terms, &at("11.1.3-1", &["11.1.2-1"])).plan;
        let cleared = steps(&plan).into_iter().filter(|step| step.starts_with("remove ")).count();
        (versions(&aarch64(&plan).previous).join(" "), cleared)
    };
    assert_eq!(kept(&[]), ("11.1.3-1 11.1.2-1".to_owned(), 0));
    assert_eq!(kept(&["11.1.3-1"]), ("11.1.2-1".to_owned(), 1));
    assert_eq!(kept(&["11.1.2-1"]), ("11.1.3-1".to_owned(), 1));
    assert_eq!(kept(&["11.1.3-1", "11.1.2-1"]), (String::new(), 2));
}

#[test]
fn where_nothing_is_newer_a_kept_one_that_was_revoked_is_taken_away_and_nothing_else_is_touched() {
    let found = update(&index(), &["11.1.3-1"], &Terms::default(), &at("11.1.4-1", &["11.1.3-1"]));
    assert_eq!(found.prospects[0].verdict, Verdict::Current);
    assert_eq!(found.prospects[0].previous_revoked, [version("11.1.3-1")]);
    assert_eq!(
        steps(&found.plan),
        [
            "make directory /usr/local/lib/qus/staging",
            "make directory /etc/binfmt.d",
            "remove /usr/local/lib/qus/bin/11.1.3-1/qemu-aarch64-static",
            "write /var/lib/qus/trust.json",
            "write the receipt",
        ]
    );
    assert!(!found.plan.steps.iter().any(|planned| matches!(planned.step, Step::PutEntry { .. } | Step::Prove)));
    assert!(aarch64(&found.plan).previous.is_empty());
}

/// Whichever version it is, what the channel names is better.
#[test]
fn a_revoked_emulator_gives_way_to_a_newer_an_older_and_another_of_the_same_version_pinned_or_not() {
    for (installed, offered) in [("11.1.3-1", "11.1.4-1"), ("12.0.0-1", "11.1.4-1")] {
        for observed in [at(installed, &[]), pinned(at(installed, &[]))] {
            let found = update(&index(), &[installed], &Terms::default(), &observed);
            assert_eq!((found.prospects[0].verdict, found.prospects[0].revoked), (Verdict::Move, true), "{installed}");
            let after = aarch64(&found.plan);
            assert_eq!((after.version.as_str(), versions(&after.previous)), (offered, vec![]), "{installed}");
            assert_eq!(after.pinned, observed.receipt.targets[&target("aarch64")].pinned, "a pin holds the new one");
        }
    }
    // The same version, published anew with another program.
    let mut observed = at("11.1.4-1", &[]);
    let forged = sha256(b"what a thief had signed");
    observed.receipt.targets.get_mut(&target("aarch64")).unwrap().sha256 = forged;
    let (index, terms) = (index(), Terms::default());
    let offer = plan::Offer { news: news(REPOSITORY, &[forged]), ..offer(&index, &terms) };
    let found = plan::update(&Selection::All, Consent::default(), &observed, &offer, |_| true).unwrap();
    assert_eq!(found.prospects[0].verdict, Verdict::Move);
    assert_eq!(aarch64(&found.plan).sha256, hash_of("11.1.4-1"));
    assert!(steps(&found.plan).iter().any(|step| step.starts_with("fetch and verify 11.1.4-1/")));
}

#[test]
fn a_revoked_emulator_is_not_installed_whatever_the_index_says() {
    let found = update(&index(), &["11.1.4-1"], &Terms::default(), &at("11.1.3-1", &[]));
    assert_eq!(found.prospects[0].verdict, Verdict::Revoked);
    assert!(matches!(&found.refused[..], [(_, Conflict::Revoked { .. })]), "{:?}", found.refused);
    assert!(found.plan.is_empty());
    // It is what runs, and there is nothing else.
    let found = update(&index(), &["11.1.4-1"], &Terms::default(), &at("11.1.4-1", &[]));
    assert_eq!((found.prospects[0].verdict, found.prospects[0].revoked), (Verdict::Current, true));
    assert!(found.plan.is_empty() && found.refused.is_empty());

    let (index, terms) = (index(), Terms::default());
    let offer = plan::Offer { news: news(REPOSITORY, &[hash_of("11.1.4-1")]), ..offer(&index, &terms) };
    let (bare, letters) = (crate::planning::bare(), Letters::default());
    let install = plan::install(&select(&["aarch64"]), &letters, Consent::default(), &bare, &offer);
    assert!(matches!(install, Err(Conflict::Revoked { .. })), "{install:?}");
}

/// Root `number` revokes these hashes.
pub(crate) fn revoke(publisher: &Publisher, number: u64, hashes: &[Sha256]) {
    let mut root = publisher.root();
    (root.version, root.revoked) = (number, hashes.to_vec());
    publisher.publish_root(&root, &[("alice", &publisher.root_key)]);
}

fn revoke_version(image: &Image, number: u64, texts: &[&str]) {
    let of = |text: &&str| ["aarch64", "arm"].map(|name| sha256(&emulator(target(name), text)));
    revoke(&image.publisher, number, &texts.iter().flat_map(of).collect::<Vec<_>>());
}

#[test]
fn an_installed_one_is_told_and_left_for_what_the_channel_names_though_it_is_older_and_pinned() {
    let mut image = behind();
    image.run(&["update"]).expect(0, &[]);
    image.run(&["pin", "arm"]).expect(0, &[]);
    revoke_version(&image, 2, &["11.1.4-1"]);
    // The index still names it: that it is revoked is known, and there is nothing to do about it.
    image.run_in_vain(&["update", "--check"]).expect(0, &["arm is installed in version 11.1.4-1, which was revoked"]);
    let said = image.run(&["update", "--quiet"]).expect(0, &[]);
    assert_eq!(said.stdout, "");
    assert!(said.stderr.contains("warning: aarch64 is installed in version 11.1.4-1, which was revoked"), "{said:#?}");
    assert!(said.stderr.contains("another one: qus install --allow-downgrade arm@VERSION; or none: qus remove arm"));
    let said = image.run(&["status"]).expect(0, &["11.1.4-1 pinned revoked (before 11.1.3-1)"]);
    assert!(
        said.stderr.contains(
            "warning: arm aarch64 in version 11.1.4-1, which was revoked: nobody is to run it any more; \
             a newer one, if there is any: qus update arm aarch64; or back: qus rollback arm aarch64; \
             or none: qus remove arm aarch64\n"
        ) || said
            .stderr
            .contains("warning: aarch64 arm in version 11.1.4-1, which was revoked: nobody is to run it any more; "),
        "{said:#?}"
    );
    image.run_in_vain(&["install", "arm@11.1.4-1"]).expect(3, &["version 11.1.4-1 of \"arm\" was revoked"]);

    image.publisher.index.channels.insert("stable".to_owned(), version("11.1.3-1"));
    image.publisher.index.serial += 1;
    image.publisher.publish();
    image.run_in_vain(&["update", "--check"]).expect(100, &["arm 11.1.4-1 -> 11.1.3-1"]);
    let words =
        ["aarch64 11.1.4-1 -> 11.1.3-1", "arm leaves version 11.1.4-1, which was revoked, for what stable names"];
    image.run(&["update"]).expect(0, &words);
    assert_eq!(emulators(&image), ["11.1.3-1/qemu-aarch64-static", "11.1.3-1/qemu-arm-static"], "none is kept");
    let said = image.run(&["status"]).expect(0, &["11.1.3-1 pinned"]);
    assert!(!said.stderr.contains("revoked"), "{said:#?}");
}

#[test]
fn a_kept_one_is_told_not_gone_back_to_and_taken_away_by_the_next_update() {
    let image = behind();
    image.run(&["update"]).expect(0, &[]);
    revoke_version(&image, 2, &["11.1.3-1"]);
    // Any command that asks the repository learns of it.
    image.run(&["install", "aarch64"]).expect(0, &[]);
    image
        .run_in_vain(&["rollback", "arm"])
        .expect(3, &["version 11.1.3-1 of \"arm\" was revoked", "help: install another version: qus install"]);
    let said = image.run(&["status", "--json", "arm"]).expect(0, &[]);
    let document: Value = serde_json::from_str(&said.stdout).unwrap();
    let installed = &document["targets"][0]["installed"];
    assert_eq!((&installed["revoked"], &installed["previous_revoked"]), (&false.into(), &vec!["11.1.3-1"].into()));
    let kept =
        "arm kept in version 11.1.3-1 too, which was revoked and is not gone back to; to take it away: qus update";
    image.run(&["status", "arm"]).expect(0, &[kept]);
    let said = image.run_in_vain(&["update", "--check", "--json", "arm"]).expect(0, &[]);
    let document: Value = serde_json::from_str(&said.stdout).unwrap();
    assert_eq!(document["targets"][0]["previous_revoked"], Value::from(vec!["11.1.3-1"]));
    assert_eq!(document["targets"][0]["revoked"], false);

    image.run(&["update"]).expect(0, &["arm was kept in version 11.1.3-1 too, which was revoked"]);
    assert_eq!(emulators(&image), ["11.1.4-1/qemu-aarch64-static", "11.1.4-1/qemu-arm-static"]);
    image.run_in_vain(&["rollback", "arm"]).expect(1, &["no earlier version of \"arm\" is kept"]);
    image.run_in_vain(&["update"]).expect(0, &["nothing to do"]);
}

/// Of what is remembered: rollback asks nobody.
#[test]
fn a_rollback_without_a_network_knows_what_was_revoked() {
    let image = behind();
    image.run(&["update"]).expect(0, &[]);
    revoke_version(&image, 2, &["11.1.3-1"]);
    image.run_in_vain(&["rollback", "--dry-run", "arm"]).expect(0, &[]);
    fs::remove_file(image.publisher.folder.join("index.qus")).unwrap();
    image.run(&["update"]).expect(7, &[]);
    fs::remove_dir_all(&image.publisher.folder).unwrap();
    image.run_in_vain(&["rollback"]).expect(3, &["was revoked"]);
    image.run_in_vain(&["rollback", "arm@11.1.3-1"]).expect(3, &["was revoked"]);
}

#[test]
fn an_archive_with_a_revoked_program_is_refused_whichever_archive_it_is() {
    let mut image = Image::trusting(&["aarch64", "arm"]);
    revoke(&image.publisher, 2, &[sha256(&emulator(target("arm"), "11.1.3-1"))]);
    image.run_in_vain(&["install", "arm"]).expect(3, &["version 11.1.3-1 of \"arm\" was revoked"]);
    // By itself it is sound, and in an archive with the other it is not fetched.
    image.run(&["install", "aarch64"]).expect(0, &[]);
    image.run(&["remove", "aarch64"]).expect(0, &[]);
    let assets = &mut image.publisher.index.releases[0].assets;
    assets.retain(|asset| asset.form == qus::release::Form::Set);
    image.publisher.index.serial += 1;
    image.publisher.publish();
    let word = "\"qemu-static-all_amd64.tar.zst\" holds a program that was revoked: SHA-256 ";
    image.run_in_vain(&["install", "aarch64"]).expect(3, &[word]);
}

#[test]
fn doctor_finds_it_and_update_cures_it_on_a_live_machine() {
    let mut releases = Releases::with("11.1.3-1");
    let machine = releases.machine();
    machine.qus(&["install", "aarch64"]).expect(0, &[]);
    releases.add_single("11.1.4-1", "aarch64");
    // Both versions are of the same bytes.
    let single = releases.publisher.index.releases[1].assets[0].clone();
    let hash = single.member(target("aarch64")).unwrap().sha256;
    revoke(&releases.publisher, 2, &[hash]);
    machine.qus(&["update", "--check"]).expect(0, &["aarch64 is installed in version 11.1.3-1, which was revoked"]);
    machine.qus(&["update"]).expect(3, &["version 11.1.4-1 of \"aarch64\" was revoked"]);
    let said = machine.qus(&["doctor", "--json"]).expect(10, &[]);
    let document: Value = serde_json::from_str(&said.stdout).unwrap();
    let finding = &document["targets"][0]["findings"][0];
    assert_eq!(
        (&finding["cause"], &finding["weight"], &finding["cure"]),
        (&"emulator-revoked".into(), &"harms".into(), &"qus update aarch64".into())
    );
    assert_eq!(finding["what"], "version 11.1.3-1 of \"aarch64\" was revoked: nobody is to run it any more");
    machine.qus(&["doctor"]).expect(10, &["ails   emulator-revoked: version 11.1.3-1 of \"aarch64\" was revoked"]);
    machine.qus(&["doctor", "--explain", "emulator-revoked"]).expect(0, &["qus remove\nTARGET"]);

    let mut sound = fs::read(Emulators::of(&["aarch64"]).folder().join("qemu-aarch64-static")).unwrap();
    sound.extend(b"other bytes");
    releases.add_broken("11.1.5-1", "aarch64", sound);
    machine.qus(&["update"]).expect(0, &["aarch64 11.1.3-1 -> 11.1.5-1"]);
    machine.qus(&["doctor"]).expect(0, &["runs"]);
    machine.qus(&["rollback"]).expect(0, &["nothing to do: no earlier version is kept"]);
}
