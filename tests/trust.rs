//! Whom a machine believes: roots, indexes and signatures, as values.

use std::collections::BTreeMap;

use minisign::KeyPair;
use qus::moment::Moment;
use qus::trust::{
    Anchor, AnchorFloor, Key, Label, Memory, Minisig, Root, Signatures, TrustError, VerifiedIndex, built, check_clock,
    trusted, verify_index,
};
use serde_json::Value;
use tempfile::TempDir;

use crate::support::book::fences;
use crate::support::machine::{Image, Said, published};
use crate::support::publisher::{Publisher, now, public, sign};

fn publisher(folder: &TempDir) -> Publisher {
    Publisher::usual(&folder.path().join("repository"), "https://example.org/qus", &["aarch64"])
}

fn label(text: &str) -> Label {
    Label::try_from(text.to_owned()).unwrap()
}

fn index_bytes(publisher: &Publisher) -> Vec<u8> {
    std::fs::read(publisher.folder.join("index.qus")).unwrap()
}

fn check(publisher: &Publisher, bytes: &[u8], floor: u64, at: Moment) -> Result<VerifiedIndex, TrustError> {
    verify_index("the index", bytes, &publisher.root(), &|_: &Key| floor, at)
}

#[test]
fn an_index_is_believed_until_it_expires() {
    let folder = TempDir::new().unwrap();
    let publisher = publisher(&folder);
    let bytes = index_bytes(&publisher);
    let verified = check(&publisher, &bytes, 7, now()).unwrap();
    assert_eq!(verified.index(), &publisher.index);
    assert_eq!(verified.key(), &public(&publisher.index_key));
    let last = Moment(publisher.index.expires.0 - 1);
    assert!(check(&publisher, &bytes, 7, last).is_ok());
    let error = check(&publisher, &bytes, 7, publisher.index.expires).unwrap_err();
    assert!(matches!(error, TrustError::Expired { at, .. } if at == publisher.index.expires));
}

#[test]
fn an_index_from_tomorrow_is_believed_and_one_from_later_is_not() {
    let folder = TempDir::new().unwrap();
    let publisher = publisher(&folder);
    let bytes = index_bytes(&publisher);
    let day_before = Moment(publisher.index.issued.0 - 24 * 60 * 60);
    assert!(check(&publisher, &bytes, 0, day_before).is_ok());
    let error = check(&publisher, &bytes, 0, Moment(day_before.0 - 1)).unwrap_err();
    assert!(matches!(error, TrustError::FromTheFuture { .. }), "{error}");
}

#[test]
fn an_index_never_goes_back_behind_the_highest_serial_seen() {
    let folder = TempDir::new().unwrap();
    let publisher = publisher(&folder);
    let error = check(&publisher, &index_bytes(&publisher), 8, now()).unwrap_err();
    assert!(matches!(error, TrustError::Older { serial: 7, floor: 8, .. }), "{error}");
}

#[test]
fn one_flipped_bit_anywhere_in_an_index_is_noticed() {
    let folder = TempDir::new().unwrap();
    let publisher = publisher(&folder);
    let bytes = index_bytes(&publisher);
    // The first line is minisign's untrusted comment: nobody believes it, whatever it says.
    let start = bytes.iter().position(|byte| *byte == b'\n').unwrap() + 1;
    for at in start..bytes.len() {
        let mut flipped = bytes.clone();
        flipped[at] ^= 1;
        assert!(check(&publisher, &flipped, 0, now()).is_err(), "byte {at}");
    }
}

#[test]
fn no_other_role_can_sign_an_index() {
    let folder = TempDir::new().unwrap();
    let publisher = publisher(&folder);
    for key in [&publisher.release_key, &publisher.root_key] {
        publisher.publish_signed_by(key);
        let error = check(&publisher, &index_bytes(&publisher), 0, now()).unwrap_err();
        assert!(matches!(error, TrustError::UnknownKey { .. }), "{error}");
    }
}

#[test]
fn no_other_document_can_stand_in_for_an_index() {
    let folder = TempDir::new().unwrap();
    let publisher = publisher(&folder);
    let body = serde_json::to_string(&publisher.index).unwrap();
    let signed = |comment: &str| {
        let text = format!("{}\n{body}", sign(&publisher.index_key, body.as_bytes(), comment));
        check(&publisher, text.as_bytes(), 0, now()).unwrap_err()
    };
    assert!(matches!(signed("type:qus-asset\tserial:7"), TrustError::WrongType { .. }));
    assert!(matches!(signed("serial:7"), TrustError::WrongType { .. }));
    assert!(matches!(signed("type:qus-index\tserial:9"), TrustError::Mismatch { field: "serial", .. }));
}

#[test]
fn a_signature_is_four_lines_and_nothing_else() {
    let pair = KeyPair::generate_unencrypted_keypair().unwrap();
    let sound = sign(&pair, b"content", "type:qus-index\tserial:1");
    assert!(Minisig::parse("it", &sound).is_ok());
    let unsound = [
        String::new(),
        sound.trim_end().to_owned(),
        format!("{sound}more\n"),
        sound.replace('\n', "\r\n"),
        sound.replace("untrusted comment: ", ""),
        sound.replace("trusted comment: type", "comment: type"),
        sound.replace("\tserial:1", "\ttype:qus-root"),
        sound.replace("\tserial:1", "\tserial"),
        format!("untrusted comment: {}\n", "x".repeat(4096)),
    ];
    for text in unsound {
        assert!(matches!(Minisig::parse("it", &text), Err(TrustError::Malformed { .. })), "{text:?}");
    }
}

/// A publisher's second root, with other root keys.
fn second_root(publisher: &Publisher, keys: &[(&str, &KeyPair)], threshold: usize) -> Root {
    let mut root = publisher.root();
    root.version = 2;
    root.roles.root.threshold = threshold;
    root.roles.root.keys = keys.iter().map(|(name, pair)| (label(name), public(pair))).collect();
    root
}

fn signatures(text: &str, version: u64, keys: &[(&str, &KeyPair)]) -> Signatures {
    let comment = format!("type:qus-root\tversion:{version}");
    keys.iter().map(|(name, pair)| (label(name), sign(pair, text.as_bytes(), &comment))).collect()
}

#[test]
fn a_root_hands_over_when_both_its_keys_and_the_next_ones_signed() {
    let folder = TempDir::new().unwrap();
    let publisher = publisher(&folder);
    let bob = KeyPair::generate_unencrypted_keypair().unwrap();
    let (first, second) = (publisher.root(), second_root(&publisher, &[("bob", &bob)], 1));
    let text = serde_json::to_string(&second).unwrap();
    let both = signatures(&text, 2, &[("alice", &publisher.root_key), ("bob", &bob)]);
    assert_eq!(first.successor("root 2", &text, &both).unwrap(), second);

    for one in [("alice", &publisher.root_key), ("bob", &bob)] {
        let error = first.successor("root 2", &text, &signatures(&text, 2, &[one])).unwrap_err();
        assert!(matches!(error, TrustError::UnknownKey { .. }), "{error}");
    }
}

#[test]
fn a_key_counts_once_toward_the_threshold() {
    let folder = TempDir::new().unwrap();
    let publisher = publisher(&folder);
    let (bob, carol) =
        (KeyPair::generate_unencrypted_keypair().unwrap(), KeyPair::generate_unencrypted_keypair().unwrap());
    let alice = &publisher.root_key;
    let second = second_root(&publisher, &[("alice", alice), ("bob", &bob), ("carol", &carol)], 2);
    let text = serde_json::to_string(&second).unwrap();
    let twice = signatures(&text, 2, &[("alice", alice), ("other", alice)]);
    let error = publisher.root().successor("root 2", &text, &twice).unwrap_err();
    assert!(matches!(error, TrustError::TooFewSignatures { have: 1, need: 2, .. }), "{error}");
    let two = signatures(&text, 2, &[("alice", alice), ("carol", &carol)]);
    assert!(publisher.root().successor("root 2", &text, &two).is_ok());
}

#[test]
fn a_root_is_followed_by_the_next_one_only() {
    let folder = TempDir::new().unwrap();
    let publisher = publisher(&folder);
    for version in [1, 3] {
        let mut root = publisher.root();
        root.version = version;
        let text = serde_json::to_string(&root).unwrap();
        let signed = signatures(&text, version, &[("alice", &publisher.root_key)]);
        let error = publisher.root().successor("root", &text, &signed).unwrap_err();
        assert!(matches!(error, TrustError::NotNext { have: 1, found } if found == version), "{error}");
    }
}

#[test]
fn a_root_that_asks_for_no_signature_or_for_more_than_it_has_keys_is_refused() {
    let folder = TempDir::new().unwrap();
    let publisher = publisher(&folder);
    for threshold in [0, 2] {
        let second = second_root(&publisher, &[("alice", &publisher.root_key)], threshold);
        let text = serde_json::to_string(&second).unwrap();
        let signed = signatures(&text, 2, &[("alice", &publisher.root_key)]);
        let error = publisher.root().successor("root 2", &text, &signed).unwrap_err();
        assert!(matches!(error, TrustError::Malformed { .. }), "{error}");
    }
}

#[test]
fn a_root_that_asks_for_more_signatures_than_are_looked_at_is_refused() {
    let folder = TempDir::new().unwrap();
    let publisher = publisher(&folder);
    let mut second = second_root(&publisher, &[("alice", &publisher.root_key)], 1);
    second.roles.index.keys.insert(label("second"), public(&publisher.root_key));
    second.roles.index.threshold = 2;
    let text = serde_json::to_string(&second).unwrap();
    let signed = signatures(&text, 2, &[("alice", &publisher.root_key)]);
    let error = publisher.root().successor("root 2", &text, &signed).unwrap_err();
    assert!(matches!(error, TrustError::Malformed { .. }), "{error}");
}

#[test]
fn a_damaged_signature_of_a_root_is_an_error_and_a_strangers_does_not_count() {
    let folder = TempDir::new().unwrap();
    let publisher = publisher(&folder);
    let stranger = KeyPair::generate_unencrypted_keypair().unwrap();
    let mut root = publisher.root();
    root.version = 2;
    let text = serde_json::to_string(&root).unwrap();
    let mut signed = signatures(&text, 2, &[("alice", &publisher.root_key), ("mallory", &stranger)]);
    assert!(publisher.root().successor("root 2", &text, &signed).is_ok());
    let other = signatures("another text", 2, &[("alice", &publisher.root_key)]);
    signed.extend(other);
    let error = publisher.root().successor("root 2", &text, &signed).unwrap_err();
    assert!(matches!(error, TrustError::BadSignature { .. }), "{error}");
}

#[test]
fn an_anchor_that_was_damaged_is_noticed() {
    let folder = TempDir::new().unwrap();
    let publisher = publisher(&folder);
    let mut anchor = publisher.anchor();
    assert_eq!(anchor.root("the anchor").unwrap(), publisher.root());
    anchor.root = anchor.root.replace("\"version\": 1", "\"version\": 3");
    let error = anchor.root("the anchor").unwrap_err();
    assert!(matches!(error, TrustError::BadSignature { .. }), "{error}");
    anchor.signatures = BTreeMap::new();
    assert!(matches!(anchor.root("the anchor").unwrap_err(), TrustError::UnknownKey { .. }));
}

fn text(anchor: &Anchor) -> String {
    serde_json::to_string(anchor).unwrap()
}

#[test]
fn a_program_with_a_published_root_trusts_it_and_the_administrator_may_replace_it() {
    let folder = TempDir::new().unwrap();
    let mut anchor = publisher(&folder).anchor();
    assert!(trusted("null\n", []).unwrap().is_empty());

    let published = trusted(&text(&anchor), []).unwrap();
    let only = &published["https://example.org/qus"];
    assert_eq!((&only.anchor, only.name().as_str()), (&anchor, "the compiled-in root"));

    let published = text(&anchor);
    anchor.repository = "https://example.org/qus/".to_owned();
    let own = ("/etc/qus/trust.d/own.json".to_owned(), text(&anchor));
    anchor.repository = "https://example.com/other".to_owned();
    let other = ("/etc/qus/trust.d/other.json".to_owned(), text(&anchor));
    let all = trusted(&published, [other, own]).unwrap();
    let files: Vec<_> = all.iter().map(|(url, trusted)| (url.as_str(), trusted.file.as_deref())).collect();
    assert_eq!(
        files,
        [
            ("https://example.com/other", Some("/etc/qus/trust.d/other.json")),
            ("https://example.org/qus", Some("/etc/qus/trust.d/own.json")),
        ]
    );
    let damaged = ("/etc/qus/trust.d/x.json".to_owned(), "{".to_owned());
    let error = trusted("null", [damaged]).unwrap_err();
    assert!(matches!(&error, TrustError::Anchor { file, .. } if file == "/etc/qus/trust.d/x.json"), "{error}");
}

/// Whatever is wrong with an administrator's own file, the repository has no part in it.
#[test]
fn a_damaged_file_of_trust_d_is_named_with_what_to_do() {
    let image = image();
    let file = image.root().join("etc/qus/trust.d/test.json");
    let anchor = image.publisher.anchor();
    let forged = Anchor { root: anchor.root.replace("\"version\": 1", "\"version\": 3"), ..anchor.clone() };
    let other = Anchor { kind: "qus-root".to_owned(), ..anchor };
    for content in ["{".to_owned(), String::new(), text(&forged), text(&other)] {
        std::fs::write(&file, content).unwrap();
        for words in [&["install", "aarch64"][..], &["trust"]] {
            let said = image.run_in_vain(words).expect(
                3,
                &[
                    "\"/etc/qus/trust.d/test.json\"",
                    "help: put the anchor.json of its publisher in its place; or, to trust that repository no longer: \
                 rm /etc/qus/trust.d/test.json",
                ],
            );
            assert!(!said.stderr.contains("do not install from this repository"), "{said:#?}");
        }
    }
}

/// What is compiled in today: whoever publishes a root puts one there that this program reads.
#[test]
fn the_compiled_in_root_is_none_or_a_sound_one() {
    for trusted in trusted(include_str!("../packaging/trust/root.json"), []).unwrap().values() {
        trusted.anchor.root(&trusted.name()).unwrap();
    }
}

#[test]
fn a_clock_may_stand_a_day_back_and_no_more() {
    let since = now();
    let day = 24 * 60 * 60;
    check_clock(Moment(since.0 - day), since, "it was").unwrap();
    let error = check_clock(Moment(since.0 - day - 1), since, "it was").unwrap_err();
    assert!(matches!(error, TrustError::ClockBehind { .. }));
    assert!(built() >= "2026-01-01T00:00:00Z".parse().unwrap());
}

#[test]
fn what_a_memory_says_survives_its_file() {
    let folder = TempDir::new().unwrap();
    let publisher = publisher(&folder);
    let (url, root) = (publisher.url.as_str(), publisher.root());
    let index = check(&publisher, &index_bytes(&publisher), 0, now()).unwrap();
    let nothing = Memory::default();
    assert_eq!(nothing.after_root(url, &root), nothing, "of a repository that was not seen nothing is remembered");
    let memory = nothing.after_index(url, &root, &|_| 0, &index).unwrap();
    assert_eq!((memory.floor(url, index.key()), memory.issued(url, &root)), (7, Some(publisher.index.issued)));
    assert_eq!(Memory::parse("it", &memory.to_json()).unwrap(), memory);

    // A root that names another index key ends what the old one said, of serials and of the time.
    let fresh = KeyPair::generate_unencrypted_keypair().unwrap();
    let mut next = root.clone();
    next.version = 2;
    next.roles.index.keys = BTreeMap::from([(label("fresh"), public(&fresh))]);
    let after = memory.after_root(url, &next);
    assert_eq!((after.floor(url, index.key()), after.issued(url, &next)), (0, None));
    assert_eq!(after.repositories[url].root, next);
    // What the repository said of versions is still worth knowing.
    assert_eq!(after.repositories[url].advisories, memory.repositories[url].advisories);
}

/// A memory that an earlier qus wrote knows no hashes of indexes.
#[test]
fn a_memory_without_hashes_is_read() {
    let folder = TempDir::new().unwrap();
    let publisher = publisher(&folder);
    let index = check(&publisher, &index_bytes(&publisher), 0, now()).unwrap();
    let memory = Memory::default().after_index(&publisher.url, &publisher.root(), &|_| 0, &index).unwrap();
    let mut document: Value = serde_json::from_str(&memory.to_json()).unwrap();
    let seen = document["repositories"][&publisher.url].as_object_mut().unwrap();
    assert!(seen.remove("contents").is_some());
    let older = Memory::parse("it", &document.to_string()).unwrap();
    assert_eq!(older.after_index(&publisher.url, &publisher.root(), &|_| 7, &index).unwrap(), memory);
}

#[test]
fn a_damaged_memory_is_no_fault_of_the_repository() {
    let image = image();
    image.run(&["install", "aarch64"]).expect(0, &[]);
    std::fs::write(image.root().join("var/lib/qus/trust.json"), "{").unwrap();
    let cure = "let this machine forget: rm \"/var/lib/qus/trust.json\"";
    for words in [&["install", "aarch64"], &["rollback", "aarch64"], &["update", "--check"]] {
        image
            .run_in_vain(words)
            .expect(1, &["error: \"/var/lib/qus/trust.json\", which tells what", "cannot be read", cure]);
    }
}

/// An image that trusts a repository with a date that can be spelled out.
fn image() -> Image {
    Image::at_url(None, |folder, url| {
        let mut publisher = Publisher::new(folder, url);
        publisher.index.expires = Moment(now().0 + 10 * 24 * 60 * 60 + 12 * 60 * 60);
        publisher.add_release("11.1.3-1", &["aarch64"]);
        publisher.publish();
        publisher
    })
}

#[test]
fn trust_shows_whom_this_machine_trusts_until_when_and_what_it_saw() {
    let image = image();
    let url = image.publisher.url.clone();
    let expires = image.publisher.index.expires;
    let issued = image.publisher.index.issued;
    // Nothing of the repository is asked for.
    let away = image.folder.path().join("away");
    let said = image.run_in_vain(&["trust", "--offline"]).expect(0, &[]).stdout;
    let lines: Vec<&str> = said.lines().collect();
    assert_eq!(lines[0], url);
    assert_eq!(lines[1], "  trusted by /etc/qus/trust.d/test.json");
    assert!(lines[2].starts_with("  root       1, until ") && lines[2].ends_with(" days left)"), "{said}");
    assert_eq!(
        lines[3..],
        [
            "  roots      signed by alice",
            "  releases   signed by release",
            "  index      signed by index",
            "  last seen  nothing yet",
        ]
    );

    image.run(&["install", "aarch64"]).expect(0, &[]);
    std::fs::rename(&image.publisher.folder, &away).unwrap();
    let said = image.run_in_vain(&["trust"]).expect(0, &[]);
    assert_eq!(said.stderr, "");
    let lines: Vec<&str> = said.stdout.lines().collect();
    assert_eq!(
        lines[6..],
        [
            &format!("  last seen  serial 7 of index, issued {issued}, until {expires} (10 days left)"),
            "             0 versions withdrawn, 0 advisories",
        ]
    );
    let key = public(&image.publisher.release_key);
    let words = format!("release release: {} (id {})", key.as_str(), key.id());
    image.run_in_vain(&["trust", "--verbose"]).expect(0, &[&words]);

    let document: Value = serde_json::from_str(&image.run_in_vain(&["trust", "--json"]).expect(0, &[]).stdout).unwrap();
    assert_eq!((&document["schema"], &document["clock"]["behind"]), (&1.into(), &false.into()));
    let repository = &document["repositories"][0];
    assert_eq!(repository["url"], url.as_str());
    assert_eq!(repository["anchor"], serde_json::json!({ "file": "/etc/qus/trust.d/test.json", "version": 1 }));
    let release =
        serde_json::json!({ "threshold": 1, "keys": [{ "label": "release", "id": key.id(), "key": key.as_str() }] });
    assert_eq!((&repository["root"]["roles"]["release"], &repository["root"]["expired"]), (&release, &false.into()));
    let seen = serde_json::json!({
        "issued": issued.to_string(), "expires": expires.to_string(), "expired": false,
        "serials": [{ "label": "index", "serial": 7 }], "withdrawn": 0, "advisories": 0,
    });
    assert_eq!(repository["seen"], seen);
}

#[test]
fn trust_tells_what_has_expired_and_ends_with_4() {
    let image = image();
    image.run(&["install", "aarch64"]).expect(0, &[]);
    let path = image.root().join("var/lib/qus/trust.json");
    let mut memory = Memory::parse("it", &std::fs::read_to_string(&path).unwrap()).unwrap();
    memory.repositories.values_mut().next().unwrap().expires = Moment(now().0 - 3 * 24 * 60 * 60 - 12 * 60 * 60);
    std::fs::write(&path, memory.to_json()).unwrap();
    image.run_in_vain(&["trust"]).expect(4, &["(3 days ago)", "warning: what was last seen of ", "help: "]);
    let said = image.run_in_vain(&["trust", "--json"]).expect(4, &[]);
    let document: Value = serde_json::from_str(&said.stdout).unwrap();
    assert_eq!(document["repositories"][0]["seen"]["expired"], true);

    let mut root = image.publisher.root();
    root.expires = Moment(now().0 - 60);
    image.run(&["remove", "all"]).expect(0, &[]);
    image.trust(&image.publisher.anchor_of(&root));
    image.run_in_vain(&["trust"]).expect(4, &["  root       1, expired ", "warning: root 1 of "]);

    let mut anchor = image.publisher.anchor();
    anchor.floor = Some(AnchorFloor { issued: Moment(now().0 + 90 * 24 * 60 * 60), serials: BTreeMap::new() });
    image.trust(&anchor);
    image.run_in_vain(&["trust"]).expect(4, &["warning: this machine's clock says ", "help: set this machine's clock"]);
}

#[test]
fn trust_says_plainly_that_nobody_is_trusted_and_how_to_change_it_or_whom_it_was_built_to_trust() {
    let image = image();
    std::fs::remove_file(image.root().join("etc/qus/trust.d/test.json")).unwrap();
    nobody_but_the_published(image.run_in_vain(&["trust"]));
    let document: Value = serde_json::from_str(&image.run_in_vain(&["trust", "--json"]).expect(0, &[]).stdout).unwrap();
    let repositories = document["repositories"].as_array().unwrap();
    let urls: Vec<&str> = repositories.iter().map(|repository| repository["url"].as_str().unwrap()).collect();
    assert_eq!(urls, published().as_deref().as_slice());
    assert!(repositories.iter().all(|repository| repository["anchor"]["file"].is_null()), "{document}");
}

/// What `qus trust` says where there is no file in `trust.d`.
#[track_caller]
fn nobody_but_the_published(said: Said) {
    let nobody = "this machine trusts no repository yet";
    match published() {
        None => said.expect(0, &[nobody, "help: put the anchor.json of a repository", "/etc/qus/trust.d"]),
        Some(url) => said.expect(0, &[&url, "trusted by this qus, as it was built"]),
    };
}

/// What the book's page says to type, typed in its order for an image that trusts nobody yet.
#[test]
fn the_page_on_trust_says_what_works() {
    let image = image();
    let root = image.root().display().to_string();
    std::fs::remove_dir_all(image.root().join("etc/qus")).unwrap();
    let page = fences(include_str!("../docs/trust.md"));
    let commands: Vec<&str> =
        page.iter().filter(|fence| fence.language == "sh").map(|fence| fence.text.as_str()).collect();
    let [add, trust, date, forget] = commands[..] else { panic!("{commands:?}") };
    let types = |command: &str| {
        let command = command.replace("/etc/qus", &format!("{root}/etc/qus"));
        let command = command.replace("/var/lib/qus", &format!("{root}/var/lib/qus"));
        let script = format!("qus() {{ {} --root {root} \"$@\"; }}\n{command}", env!("CARGO_BIN_EXE_qus"));
        let mut shell = std::process::Command::new("sh");
        Said::by(shell.args(["-euc", &script]).current_dir(image.folder.path()).output().unwrap())
    };
    nobody_but_the_published(types(trust));
    std::fs::write(image.folder.path().join("anchor.json"), text(&image.publisher.anchor())).unwrap();
    types(add).expect(0, &[]);
    types(trust).expect(0, &[&image.publisher.url, "trusted by /etc/qus/trust.d/example.json", "nothing yet"]);
    types(date).expect(0, &[]);
    let url = &image.publisher.url;
    types(&format!("qus --repository {url} install aarch64")).expect(0, &[]);

    // The rows of the page's example are those that are shown.
    let example = page.iter().find(|fence| fence.language == "text").unwrap();
    let said = types(trust).expect(0, &[]).stdout;
    let rows = |text: &str| -> Vec<String> {
        text.lines().skip(1).map(|line| line.chars().take(13).collect::<String>()).collect()
    };
    let paragraph = said.split("\n\n").find(|paragraph| paragraph.starts_with(url)).unwrap();
    assert_eq!(rows(paragraph), rows(&example.text), "{said}");
    types(forget).expect(0, &[]);
    types(trust).expect(0, &["nothing yet"]);
}
