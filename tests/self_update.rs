//! qus replaces itself, by what is verified, tried and journalled; and only where it is its own to replace.

mod again;
pub(crate) mod choosing;
mod faults;
mod owners;
mod taken_back;
mod trials;

use std::fs;

use minisign::KeyPair;
use qus::trust::Memory;
use serde_json::Value;

use crate::support::machine::Said;
use crate::support::machine::qus;
use crate::support::publisher::public;
use crate::support::tools::{self, PATH, PRESENT, Standalone, real};

#[test]
fn a_newer_version_takes_the_place_of_this_one_which_is_kept() {
    let mut machine = Standalone::new();
    let before = machine.tree();
    machine.offer("0.9.9", &real("0.9.9"));
    let steps = [
        "fetch and verify tool-0.9.9/qus_amd64.tar.zst",
        "try whether /usr/local/bin/.qus-update/qus is qus 0.9.9 and starts",
        "copy /usr/local/bin/qus to /usr/local/bin/qus.previous",
        "put /usr/local/bin/.qus-update/qus in the place of /usr/local/bin/qus",
        "try whether /usr/local/bin/qus is qus 0.9.9 and starts",
        "write /var/lib/qus/self.json",
    ];
    machine.in_vain(&["self-update", "--dry-run"]).expect(0, &steps);
    machine.in_vain(&["self-update", "--check"]).expect(100, &["qus 0.9.9 is there"]);
    machine.qus(&["self-update"]).expect(0, &["/usr/local/bin/qus is qus 0.9.9 now, in place of", "--rollback"]);
    assert_eq!(machine.version(), "0.9.9");

    // Two programs, two documents, and nothing else.
    let after = machine.tree();
    let changed: Vec<&str> =
        after.iter().filter(|(path, state)| before.get(*path) != Some(state)).map(|(path, _)| path.as_str()).collect();
    assert_eq!(
        changed,
        ["usr/local/bin/qus", "usr/local/bin/qus.previous", "var/lib/qus/self.json", "var/lib/qus/trust.json"]
    );
    assert_eq!(after["usr/local/bin/qus.previous"], before["usr/local/bin/qus"]);
    assert!(after["usr/local/bin/qus"].starts_with("100755 0:0 "), "{}", after["usr/local/bin/qus"]);
    machine.in_vain(&["self-update"]).expect(0, &["nothing to do: qus 0.9.9 is the newest"]);
    machine.in_vain(&["self-update", "--check"]).expect(0, &["nothing to do"]);
}

#[test]
fn the_one_that_was_replaced_comes_back_without_a_network() {
    let mut machine = Standalone::new();
    machine.in_vain(&["self-update", "--rollback"]).expect(1, &["no previous qus is kept"]);
    machine.offer("0.9.9", &real("0.9.9"));
    machine.qus(&["self-update"]).expect(0, &[]);
    let newer = machine.tree();
    fs::remove_dir_all(&machine.image.publisher.folder).unwrap();
    let steps = [
        "make directory /usr/local/bin/.qus-update",
        "copy /usr/local/bin/qus.previous to /usr/local/bin/.qus-update/qus",
        &format!("try whether /usr/local/bin/.qus-update/qus is qus {PRESENT} and starts"),
        "remove /usr/local/bin/qus.previous",
        "copy /usr/local/bin/qus to /usr/local/bin/qus.previous",
        "put /usr/local/bin/.qus-update/qus in the place of /usr/local/bin/qus",
        &format!("try whether /usr/local/bin/qus is qus {PRESENT} and starts"),
        "write /var/lib/qus/self.json",
        "",
    ];
    let said = machine.in_vain(&["self-update", "--rollback", "--dry-run"]).expect(0, &[]);
    assert_eq!(said.stdout, steps.join("\n"));
    machine.qus(&["self-update", "--rollback"]).expect(0, &[&format!("is qus {PRESENT} now, in place of 0.9.9")]);
    assert_eq!(machine.version(), PRESENT);
    machine.qus(&["self-update", "--rollback"]).expect(0, &["is qus 0.9.9 now"]);
    assert_eq!(machine.tree(), newer, "back and forth is not where it began");
    machine.sandbox.shell("echo >> /usr/local/bin/qus.previous").expect(0, &[]);
    machine.in_vain(&["self-update", "--rollback"]).expect(1, &["is not the qus that was replaced last"]);
}

#[test]
fn an_older_version_is_refused_unless_it_is_named_and_allowed() {
    let mut machine = Standalone::new();
    machine.offer("0.0.9", &real("0.0.9"));
    let refused = [&*format!("qus 0.0.9 is offered, older than this {PRESENT}"), "--allow-downgrade 0.0.9"];
    machine.in_vain_but_for_the_memory(&["self-update"]).expect(5, &refused);
    machine.in_vain(&["self-update", "--check"]).expect(5, &refused);
    machine.in_vain_but_for_the_memory(&["self-update", "0.0.9"]).expect(5, &refused);
    machine.in_vain(&["self-update", "--allow-downgrade"]).expect(2, &["VERSION"]);
    machine
        .in_vain_but_for_the_memory(&["self-update", "7.7.7"])
        .expect(1, &["has no qus 7.7.7", "versions are 0.0.9"]);
    machine.in_vain(&["self-update", "newest"]).expect(2, &["\"newest\" is not a version"]);
    machine.qus(&["self-update", "--allow-downgrade", "0.0.9"]).expect(0, &["is qus 0.0.9 now"]);
    assert_eq!(machine.version(), "0.0.9");
}

#[test]
fn a_repository_that_went_back_in_time_is_refused() {
    let mut machine = Standalone::new();
    machine.offer("0.9.9", &real("0.9.9"));
    machine.qus(&["self-update"]).expect(0, &[]);
    machine.image.publisher.index.serial -= 1;
    machine.offer("0.9.8", &real("0.9.8"));
    machine.in_vain(&["self-update", "--allow-downgrade", "0.9.8"]).expect(5, &["older than the 7 seen before"]);
}

/// What was seen is remembered, whether or not anything came of it.
#[test]
fn a_root_and_an_index_are_remembered_though_nothing_is_replaced() {
    let mut machine = Standalone::new();
    machine.offer("0.0.9", &real("0.0.9"));
    machine.in_vain(&["self-update", "--dry-run"]).expect(5, &["older than this"]);
    machine.in_vain_but_for_the_memory(&["self-update"]).expect(5, &["older than this"]);
    let seen = |machine: &Standalone| {
        let text = machine.sandbox.shell("cat /var/lib/qus/trust.json").expect(0, &[]).stdout;
        Memory::parse("it", &text).unwrap().repositories.into_values().next().unwrap()
    };
    assert_eq!(seen(&machine).serials.into_values().collect::<Vec<_>>(), [7]);

    // The next root names another index key, and the index that it wants does not arrive.
    let publisher = &machine.image.publisher;
    let mut root = publisher.root();
    root.version = 2;
    let fresh = KeyPair::generate_unencrypted_keypair().unwrap();
    root.roles.index.keys.values_mut().for_each(|key| *key = public(&fresh));
    publisher.publish_root(&root, &[("alice", &publisher.root_key)]);
    machine.in_vain(&["self-update", "--check"]).expect(3, &["is not signed by a key"]);
    machine.in_vain_but_for_the_memory(&["self-update"]).expect(3, &["is not signed by a key"]);
    let seen = seen(&machine);
    assert_eq!((seen.root.version, seen.serials.len()), (2, 0));
}

#[test]
fn what_is_not_authentic_is_never_started() {
    let mut machine = Standalone::new();
    machine.offer("0.9.9", &real("0.9.9"));
    let publisher = &machine.image.publisher;
    let (file, signature) = (tools::file(publisher, "0.9.9"), tools::signature(publisher, "0.9.9"));
    let (bytes, signed) = (fs::read(&file).unwrap(), fs::read_to_string(&signature).unwrap());

    let mut changed = bytes.clone();
    *changed.last_mut().unwrap() ^= 1;
    fs::write(&file, changed).unwrap();
    machine.in_vain_but_for_the_memory(&["self-update"]).expect(3, &["has another content than signed"]);
    fs::write(&file, &bytes).unwrap();

    // Signed by the same key as an archive of emulators, or of another version.
    for (kind, version, word) in [
        ("qus-asset", "0.9.9", "is signed as \"qus-asset\", where \"qus-tool\" is wanted"),
        ("qus-tool", "0.9.8", "for version \"0.9.8\""),
    ] {
        let comment = signed.lines().nth(2).unwrap().trim_start_matches("trusted comment: ");
        let comment = comment
            .replace("type:qus-tool", &format!("type:{kind}"))
            .replace("version:0.9.9", &format!("version:{version}"));
        fs::write(&signature, crate::support::publisher::sign(&publisher.release_key, &bytes, &comment)).unwrap();
        machine.in_vain_but_for_the_memory(&["self-update"]).expect(3, &[word]);
    }
    fs::write(&signature, crate::support::publisher::sign(&publisher.index_key, &bytes, "type:qus-tool")).unwrap();
    machine.in_vain_but_for_the_memory(&["self-update"]).expect(3, &[]);
    fs::write(&signature, signed).unwrap();
    machine.qus(&["self-update"]).expect(0, &[]);
}

#[test]
fn an_archive_of_qus_is_none_of_emulators_and_the_other_way_round() {
    let mut machine = Standalone::new();
    machine.offer("0.9.9", &real("0.9.9"));
    // A tool's archive, with its own good signature, where an emulator's is listed.
    let publisher = &mut machine.image.publisher;
    let (file, signature) = (tools::file(publisher, "0.9.9"), tools::signature(publisher, "0.9.9"));
    let asset = publisher.asset_path("aarch64");
    let release = publisher.index.releases.last_mut().unwrap();
    release.assets.retain(|asset| asset.form == qus::release::Form::Emulator);
    let listed = &mut release.assets[0];
    let archive = &publisher.index.tools[0].archives[0];
    (listed.size, listed.sha256) = (archive.size, archive.sha256);
    fs::copy(file, &asset).unwrap();
    fs::copy(signature, asset.with_extension("zst.minisig")).unwrap();
    publisher.publish();
    machine
        .image
        .run_in_vain(&["install", "aarch64"])
        .expect(3, &["is signed as \"qus-tool\", where \"qus-asset\" is wanted"]);
}

#[test]
fn the_result_can_be_read_by_programs() {
    let mut machine = Standalone::new();
    machine.offer("0.9.9", &real("0.9.9"));
    let read = |said: Said| serde_json::from_str::<Value>(&said.stdout).unwrap();
    let checked = read(machine.in_vain(&["self-update", "--check", "--json"]).expect(100, &[]));
    assert_eq!((&checked["present"], &checked["newer"]), (&PRESENT.into(), &"0.9.9".into()));
    let done = read(machine.qus(&["self-update", "--json"]).expect(0, &[]));
    assert_eq!(done["steps"].as_array().unwrap().len(), 8, "{done}");
    let receipt = machine.sandbox.shell("cat /var/lib/qus/self.json").stdout;
    let receipt: Value = serde_json::from_str(&receipt).unwrap();
    assert_eq!((&receipt["path"], &receipt["version"]), (&PATH.into(), &"0.9.9".into()));
    assert_eq!(receipt["previous"]["version"], PRESENT);
}

#[test]
fn a_link_to_the_program_stays_one_and_a_second_name_of_the_file_keeps_the_old_program() {
    let mut machine = Standalone::at("/usr/local/lib/apps/qus");
    machine.offer("0.9.9", &real("0.9.9"));
    machine
        .sandbox
        .shell(&format!("ln -s ../lib/apps/qus {PATH}; ln /usr/local/lib/apps/qus /usr/local/lib/apps/twin"))
        .expect(0, &[]);
    // The receipt names what was typed: the link.
    machine.write_receipt(PATH);
    machine.qus(&["self-update"]).expect(0, &["/usr/local/lib/apps/qus is qus 0.9.9 now", "other names (hard links)"]);
    assert_eq!(machine.version(), "0.9.9");
    let tree = machine.tree();
    assert!(tree["usr/local/bin/qus"].ends_with("-> ../lib/apps/qus"), "{tree:#?}");
    assert_eq!(tree["usr/local/lib/apps/twin"], tree["usr/local/lib/apps/qus.previous"]);
}

#[test]
fn a_user_replaces_a_copy_at_home() {
    let mut machine = Standalone::new();
    machine.offer("0.9.9", &real("0.9.9"));
    machine
        .sandbox
        .shell("mkdir -p /usr/local/lib/home/.local/state/qus; mv /var/lib/qus/self.json /usr/local/lib/home/.local/state/qus/")
        .expect(0, &[]);
    machine.in_vain(&["self-update"]).expect(8, &["how \"/usr/local/bin/qus\" was installed is not known"]);
    let script = format!("HOME=/usr/local/lib/home {PATH} self-update");
    machine.sandbox.shell(&script).expect(
        8,
        &["\"/usr/local/bin/qus\" is this user's own, and not the whole machine's\nhelp: qus self-update --user\n"],
    );
    let script = format!("HOME=/usr/local/lib/home {PATH} self-update --user");
    machine.sandbox.shell(&script).expect(0, &["is qus 0.9.9 now"]);
    assert!(machine.tree().contains_key("usr/local/lib/home/.local/state/qus/self.json"));
}

#[test]
fn an_image_has_no_qus_that_runs() {
    Said::by(qus().args(["self-update", "--root", "/tmp"]).output().unwrap())
        .expect(2, &["an image has no running qus"]);
}
