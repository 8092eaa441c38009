//! Ceremonies: a root that its signers sign one at a time, what is taken back, and an index that is kept fresh.

use std::collections::BTreeMap;
use std::io::Write;
use std::process::{Command, Stdio};

use qus::moment::Moment;
use qus::release::Index;
use qus::trust::{Anchor, TrustError};
use qus_release::error::Error;
use qus_release::renew::Renewed;
use qus_release::verify::Problem;

use crate::files::{Deb, LOAD, X86_64, control, elf, line, sha256};
use crate::workshop::{NOW, Workshop, text};

/// A repository whose roots two of alice, bob and carol sign, with 11.1.3-1 published.
fn of_three() -> Workshop {
    let workshop = Workshop::empty();
    for name in ["alice", "bob", "carol", "release", "index"] {
        workshop.keygen(name);
    }
    workshop.root(&["--root-key", "alice.key", "bob.key", "carol.key"]).unwrap();
    workshop.import_usual();
    workshop.publish(&[]).unwrap();
    workshop
}

fn anchor(workshop: &Workshop) -> Anchor {
    Anchor::parse("anchor.json", &workshop.read("repository/anchor.json")).unwrap()
}

/// Fails, and the repository is as it was.
fn in_vain<T: std::fmt::Debug>(workshop: &Workshop, deed: impl FnOnce() -> Result<T, Error>) -> Error {
    let before = workshop.tree();
    let error = deed().unwrap_err();
    assert_eq!(workshop.tree(), before);
    error
}

#[test]
fn signers_sign_one_at_a_time_and_each_sees_what_changes() {
    let workshop = of_three();
    let first = anchor(&workshop);
    let before = workshop.tree();
    workshop.keygen("dave");
    workshop.keygen("index-2");
    let roots = ["--root-key", "alice.key.pub", "bob.key.pub", "dave.key.pub"];
    workshop.rotate("next.json", &[&roots[..], &["--index-key", "index-2.key.pub"]].concat()).unwrap();
    assert_eq!(workshop.tree(), before, "drawing up a root changes nothing in the repository");

    // On a machine that has nothing but the file and a key.
    let away = Workshop::empty();
    away.write("next.json", workshop.read("next.json").as_bytes());
    away.write("alice.key", workshop.read("alice.key").as_bytes());
    let output = away.run(&["sign-root", "next.json", "--root-key", "alice.key"]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let key = |name: &str| workshop.read(&format!("{name}.key.pub")).lines().nth(1).unwrap().to_owned();
    assert_eq!(
        text(&output.stdout).lines().collect::<Vec<_>>(),
        [
            "repository: https://example.org/qus",
            "root 2 behind root 1, until 2027-11-20T18:00:00Z",
            "root keys: 2 of 3 must sign",
            &format!("  removes carol: {}", key("carol")),
            &format!("  keeps alice: {}", key("alice")),
            &format!("  keeps bob: {}", key("bob")),
            &format!("  adds dave: {}", key("dave")),
            "release keys: 1 of 1 must sign",
            &format!("  keeps release: {}", key("release")),
            "index keys: 1 of 1 must sign",
            &format!("  removes index: {}", key("index")),
            &format!("  adds index-2: {}", key("index-2")),
            &format!(
                "compared with root 1, SHA-256 {}, which is what the file itself says",
                sha256(first.root.as_bytes())
            ),
            "signed by alice",
        ]
    );
    assert!(text(&output.stderr).contains("note: it bears 1 of the 2 signatures that root 1 wants\n"));

    // Dave is of the next root only: root 1 still wants another of its own.
    workshop.write("of-alice.json", away.read("next.json").as_bytes());
    let signed = workshop.sign_root("next.json", "dave.key").unwrap();
    assert_eq!(signed.label.to_string(), "dave");
    let error = in_vain(&workshop, || workshop.place(&["next.json", "of-alice.json"]));
    assert!(matches!(&error, Error::TooFewSigned { standing, .. } if standing.of == "root 1"), "{error}");
    assert_eq!(error.to_string(), "root.2.json bears 1 of the 2 signatures that root 1 wants");
    assert_eq!(error.help().unwrap(), "let more of them sign, with qus-release sign-root: bob, carol");

    // Carol goes, but her signature counts for root 1.
    workshop.sign_root("of-alice.json", "carol.key").unwrap();
    let made = workshop.place(&["next.json", "of-alice.json"]).unwrap();
    assert_eq!(made.version, 2);
    let second = anchor(&workshop);
    let labels: Vec<String> = second.signatures.keys().map(ToString::to_string).collect();
    assert_eq!(labels, ["alice", "carol", "dave"]);
    let old = first.root("anchor").unwrap();
    assert_eq!(old.successor("root.2.json", &second.root, &second.signatures).unwrap(), second.root("it").unwrap());

    let error = in_vain(&workshop, || workshop.place(&["next.json"]));
    assert!(matches!(error, Error::PlacedAlready(file) if file == "root.2.json"));
    workshop.publish(&["--key", "index-2.key"]).unwrap();
    assert!(workshop.verify(&[]).unwrap().problems.is_empty());
}

#[test]
fn what_is_not_named_stays_as_it_is() {
    let workshop = of_three();
    let before = anchor(&workshop).root("it").unwrap();
    let pending = workshop.rotate("next.json", &["--now", "2027-10-01T00:00:00Z"]).unwrap();
    let next = pending.next().unwrap();
    assert_eq!((next.version, next.expires), (2, "2028-09-30T00:00:00Z".parse::<Moment>().unwrap()));
    assert_eq!((&next.roles, &next.revoked), (&before.roles, &before.revoked));
    // The file is not written over: signatures may be in it.
    let error = workshop.rotate("next.json", &[]).unwrap_err();
    assert!(matches!(error, Error::Exists(_)), "{error}");
}

#[test]
fn a_stranger_cannot_sign_and_a_label_is_not_handed_on() {
    let workshop = of_three();
    workshop.rotate("next.json", &[]).unwrap();
    let before = workshop.read("next.json");
    workshop.keygen("mallory");
    for key in ["mallory.key", "release.key", "index.key"] {
        let error = workshop.sign_root("next.json", key).unwrap_err();
        assert!(matches!(error, Error::NotOfRole { role: "root", .. }), "{error}");
    }
    assert_eq!(workshop.read("next.json"), before);

    // Both keys would have to sign under one name.
    workshop.keygen("other/alice");
    let error = workshop.rotate("other.json", &["--root-key", "other/alice.key.pub", "bob.key.pub"]).unwrap_err();
    assert!(matches!(&error, Error::SameLabel { role: "root", label } if label == "alice"), "{error}");
}

#[test]
fn what_a_signer_is_shown_cannot_be_forged_on_the_way() {
    let workshop = of_three();
    workshop.rotate("next.json", &["--now", "2027-10-01T00:00:00Z"]).unwrap();
    let sound = workshop.read("next.json");
    let mut document: BTreeMap<String, serde_json::Value> = serde_json::from_str(&sound).unwrap();
    // The root before is said to be another, so that less seems to change.
    let before = document["before"]["root"].as_str().unwrap().replace("\"threshold\": 2", "\"threshold\": 1");
    document.get_mut("before").unwrap()["root"] = before.into();
    workshop.write("next.json", serde_json::to_string(&document).unwrap().as_bytes());
    let error = workshop.sign_root("next.json", "alice.key").unwrap_err();
    assert!(matches!(error, Error::Trust(TrustError::BadSignature { .. })), "{error}");

    // Another root under signatures that were made for the first.
    workshop.write("next.json", sound.as_bytes());
    workshop.sign_root("next.json", "alice.key").unwrap();
    workshop.sign_root("next.json", "bob.key").unwrap();
    let changed = workshop.read("next.json").replace("2028-09-30", "2038-09-30");
    workshop.write("next.json", changed.as_bytes());
    let error = in_vain(&workshop, || workshop.place(&["next.json"]));
    assert!(matches!(error, Error::TooFewSigned { .. }), "{error}");
    for unsound in ["{}", "nothing", &sound.replace("qus-pending-root", "qus-root")] {
        workshop.write("next.json", unsound.as_bytes());
        assert!(matches!(workshop.sign_root("next.json", "alice.key"), Err(Error::Malformed { .. })), "{unsound}");
    }
}

#[test]
fn revoke_takes_a_hash_or_a_file_and_nothing_else_changes() {
    let workshop = of_three();
    let asset = "repository/11.1.3-1/qemu-arm-static_amd64.tar.zst";
    let hash = sha256(&std::fs::read(workshop.path(asset)).unwrap());
    let other = "11".repeat(32);
    let member =
        workshop.release("11.1.3-1").assets.iter().find(|listed| asset.ends_with(&listed.file)).unwrap().members[0]
            .sha256;
    let pending = workshop.revoke("next.json", &[asset, &other]).unwrap();
    let (before, next) = (pending.before().unwrap(), pending.next().unwrap());
    let mut revoked = [hash.to_string(), member.to_string(), other];
    revoked.sort();
    assert_eq!(next.revoked.iter().map(ToString::to_string).collect::<Vec<_>>(), revoked);
    assert_eq!(next.roles, before.roles);
    assert!(pending.describe().unwrap().contains(&format!("revokes {hash}")));
    workshop.sign_root("next.json", "alice.key").unwrap();
    workshop.sign_root("next.json", "carol.key").unwrap();
    workshop.place(&["next.json"]).unwrap();
    // What is revoked cannot be published any more.
    let error = workshop.publish(&[]).unwrap_err();
    assert!(matches!(error, Error::Asset { error: TrustError::Revoked { .. }, .. }), "{error}");
    assert!(matches!(workshop.revoke("other.json", &["no-such-file"]), Err(Error::File { doing: "open", .. })));
}

#[test]
fn a_withdrawn_version_is_listed_as_such_and_no_channel_leads_to_it() {
    let workshop = of_three();
    let deb = Deb { control: control("1:10.0.13+ds-1", "amd64"), ..Deb::new(&[]) };
    workshop.deb("old.deb", &deb.with("usr/bin/qemu-arm", elf(X86_64, LOAD, &line("arm", "10.0.13"))));
    workshop.import(&["old.deb"]).unwrap();

    let why = "crashes in libc-bin";
    workshop.withdraw("11.1.3-1", &["--why", why]).unwrap();
    assert_eq!(workshop.release("11.1.3-1").withdrawn.as_deref(), Some(why));
    let error = in_vain(&workshop, || workshop.publish(&[]));
    assert!(matches!(&error, Error::ChannelToWithdrawn { channel, .. } if channel == "stable"), "{error}");
    let index = workshop.publish(&["--channel", "stable=10.0.13-1"]).unwrap();
    let withdrawn: Vec<_> = index.releases.iter().map(|release| release.withdrawn.as_deref()).collect();
    assert_eq!(withdrawn, [Some(why), None]);
    // Importing more of it does not offer it again; taking the mark away does.
    workshop.import(&["usual.deb"]).unwrap();
    assert_eq!(workshop.release("11.1.3-1").withdrawn.as_deref(), Some(why));
    workshop.withdraw("11.1.3-1", &["--undo"]).unwrap();
    assert_eq!(workshop.release("11.1.3-1").withdrawn, None);
    workshop.publish(&["--channel", "stable=11.1.3-1"]).unwrap();
    let error = in_vain(&workshop, || workshop.withdraw("12.0-1", &["--undo"]));
    assert!(matches!(error, Error::NoSuchVersion(_)));
    assert_eq!(workshop.run(&["withdraw", "repository", "11.1.3-1"]).status.code(), Some(2), "it wants a reason");
}

#[test]
fn the_first_index_offers_the_highest_version_that_is_not_withdrawn() {
    let workshop = Workshop::new();
    workshop.import_usual();
    workshop.withdraw("11.1.3-1", &["--why", "it crashes"]).unwrap();
    assert_eq!(workshop.publish(&[]).unwrap().channels, BTreeMap::new());
}

fn renewed(renewed: Renewed) -> Index {
    match renewed {
        Renewed::Now(index) => index,
        Renewed::NotYet(index, left) => panic!("serial {} has {left:?} left", index.serial),
    }
}

#[test]
fn renew_signs_the_same_index_anew_when_its_end_is_near_and_not_before() {
    let workshop = of_three();
    let before = workshop.publish(&["--channel", "next=11.1.3-1", "--mirror", "https://mirror.example.org/"]).unwrap();
    let tree = workshop.tree();
    for words in
        [&["--now", NOW][..], &["--now", "2026-11-29T17:00:00Z"], &["--now", "2026-12-10T00:00:00Z", "--left", "10"]]
    {
        assert!(matches!(workshop.renew(words), Ok(Renewed::NotYet(..))), "{words:?}");
    }
    assert_eq!(workshop.tree(), tree);

    let now = "2026-11-29T18:00:00Z";
    let index = renewed(workshop.renew(&["--now", now]).unwrap());
    let expected = Index {
        serial: before.serial + 1,
        issued: now.parse().unwrap(),
        expires: "2026-12-29T18:00:00Z".parse().unwrap(),
        ..before
    };
    assert_eq!(index, expected);
    assert!(matches!(workshop.renew(&["--now", now]), Ok(Renewed::NotYet(..))), "twice on one day is once");
    assert_eq!(renewed(workshop.renew(&["--now", now, "--force"]).unwrap()).serial, expected.serial + 1);
    // Long after its end it is still what was published.
    renewed(workshop.renew(&["--now", "2027-06-01T00:00:00Z"]).unwrap());
    assert!(workshop.verify(&["--now", "2027-06-02T00:00:00Z"]).unwrap().problems.is_empty());
}

#[test]
fn renew_signs_nothing_that_is_not_signed_already() {
    let workshop = of_three();
    let good = workshop.read("repository/index.qus");
    workshop.write("repository/index.qus", good.replace("\"stable\"", "\"Stable\"").as_bytes());
    let error = in_vain(&workshop, || workshop.renew(&["--now", NOW, "--force"]));
    assert!(matches!(error, Error::DamagedIndex(TrustError::BadSignature { .. })), "{error}");
    let stranger = of_three();
    workshop.write("repository/index.qus", stranger.read("repository/index.qus").as_bytes());
    let error = in_vain(&workshop, || workshop.renew(&["--now", NOW, "--force"]));
    assert!(matches!(error, Error::DamagedIndex(TrustError::UnknownKey { .. })), "{error}");
    assert!(error.help().unwrap().contains("qus-release publish"), "{error}");
    std::fs::remove_file(workshop.path("repository/index.qus")).unwrap();
    assert!(matches!(in_vain(&workshop, || workshop.renew(&["--now", NOW])), Error::File { doing: "open", .. }));
}

#[test]
fn a_serial_does_not_run_away_from_readers() {
    let workshop = of_three();
    let error = in_vain(&workshop, || workshop.publish(&["--serial", "10002"]));
    assert!(matches!(error, Error::SerialTooHigh { serial: 10002, previous: 1 }), "{error}");
    assert_eq!(workshop.publish(&["--serial", "10001"]).unwrap().serial, 10001);
}

#[test]
fn mirrors_and_advisories_are_those_that_are_named() {
    let workshop = of_three();
    let index = workshop.publish(&["--mirror", "https://a.example.org/", "--mirror", "https://b.example.org"]).unwrap();
    assert_eq!(index.mirrors, ["https://a.example.org", "https://b.example.org"]);
    assert_eq!(index.advisories, qus::advisory::known());
    workshop.write("advisories.json", b"[]");
    let index = workshop.publish(&["--advisories", "advisories.json"]).unwrap();
    assert_eq!((index.mirrors.len(), index.advisories.len()), (2, 0), "mirrors stay until others are named");
    assert_eq!(workshop.publish(&["--no-mirrors"]).unwrap().mirrors, Vec::<String>::new());
    workshop.write("advisories.json", b"{");
    assert!(matches!(
        in_vain(&workshop, || workshop.publish(&["--advisories", "advisories.json"])),
        Error::Malformed { .. }
    ));
}

/// Who is handed the anchor later is led to nothing older than what was published by then.
#[test]
fn the_anchor_knows_how_far_the_index_has_come() {
    let workshop = of_three();
    let key = |name: &str| workshop.read(&format!("{name}.key.pub")).lines().nth(1).unwrap().to_owned();
    let floor = || anchor(&workshop).floor.unwrap();
    assert_eq!((floor().issued, floor().serials), (NOW.parse().unwrap(), BTreeMap::from([(key("index"), 1)])));
    workshop.publish(&["--serial", "5"]).unwrap();
    workshop.renew(&["--now", NOW, "--force"]).unwrap();
    assert_eq!(floor().serials, BTreeMap::from([(key("index"), 6)]));

    workshop.keygen("index-2");
    workshop.rotate("next.json", &["--index-key", "index-2.key.pub"]).unwrap();
    workshop.sign_root("next.json", "alice.key").unwrap();
    workshop.sign_root("next.json", "bob.key").unwrap();
    workshop.place(&["next.json"]).unwrap();
    assert_eq!(floor().serials, BTreeMap::from([(key("index"), 6)]));
    workshop.publish(&["--key", "index-2.key"]).unwrap();
    assert_eq!(floor().serials, BTreeMap::from([(key("index-2"), 7)]));
}

#[test]
fn an_index_restored_from_a_copy_is_found_and_its_serials_are_not_used_again() {
    let workshop = of_three();
    let old = workshop.read("repository/index.qus");
    workshop.publish(&["--serial", "8"]).unwrap();
    workshop.write("repository/index.qus", old.as_bytes());
    let problems = workshop.verify(&[]).unwrap().problems;
    let older = |problem: &Problem| {
        matches!(problem, Problem::Document(Error::Trust(TrustError::Older { serial: 1, floor: 8, .. })))
    };
    assert!(matches!(&problems[..], [problem] if older(problem)), "{problems:?}");
    assert_eq!(renewed(workshop.renew(&["--now", NOW, "--force"]).unwrap()).serial, 9);
    workshop.write("repository/index.qus", old.as_bytes());
    assert_eq!(workshop.publish(&[]).unwrap().serial, 10);
}

#[test]
fn one_key_does_not_get_two_roles() {
    let workshop = of_three();
    for words in [["--index-key", "release.key.pub"], ["--release-key", "alice.key.pub"]] {
        let error = in_vain(&workshop, || workshop.rotate("next.json", &words));
        assert!(matches!(error, Error::OneKeyForTwoRoles { .. }), "{error}");
    }
    let error = workshop.root(&["--root-key", "alice.key", "bob.key", "release.key"]).unwrap_err();
    assert!(matches!(error, Error::OneKeyForTwoRoles { .. }), "{error}");
}

/// Runs the program on a terminal, where somebody types `answer`.
fn on_a_terminal(workshop: &Workshop, words: &str, answer: &str) -> (Option<i32>, String) {
    let line = format!("{} {words}", env!("CARGO_BIN_EXE_qus-release"));
    let mut process = Command::new("script")
        .args(["-qec", &line, "/dev/null"])
        .current_dir(workshop.path(""))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("help: apt-get install bsdutils");
    process.stdin.take().unwrap().write_all(answer.as_bytes()).unwrap();
    let output = process.wait_with_output().unwrap();
    (output.status.code(), text(&output.stdout))
}

#[test]
fn on_a_terminal_nothing_is_signed_without_a_yes() {
    let workshop = of_three();
    workshop.rotate("next.json", &[]).unwrap();
    let before = workshop.read("next.json");
    for answer in ["n\n", "\n"] {
        let (code, said) = on_a_terminal(&workshop, "sign-root next.json --root-key alice.key", answer);
        assert_eq!(code, Some(1), "{said}");
        assert!(said.contains("root 2 behind root 1") && said.contains("sign this? [y/N]"), "{said}");
        assert!(said.contains("error: nothing was signed"), "{said}");
        assert_eq!(workshop.read("next.json"), before);
    }
    let (code, said) = on_a_terminal(&workshop, "sign-root next.json --root-key alice.key", "y\n");
    assert_eq!((code, said.contains("signed by alice")), (Some(0), true), "{said}");
    let (code, said) = on_a_terminal(&workshop, "sign-root next.json --root-key bob.key --yes", "");
    assert_eq!(
        (code, said.contains("sign this?"), said.contains("enough have signed")),
        (Some(0), false, true),
        "{said}"
    );
}
