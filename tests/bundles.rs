//! Bundles: what a machine without a network installs from is checked as if there were one.

mod ages;
mod hostile;
mod kernel;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use qus::host::Host;
use qus::release::{Asset, Form, Release};
use qus::trust::AssetClaim;
use serde_json::Value;
use tempfile::TempDir;

use crate::support::machine::{Image, Said, qus};
use crate::support::publisher::{Publisher, member, sha256, sign, target, version};

/// An image, a repository, and what was made of it: `words` are the targets.
struct Bundled {
    image: Image,
    file: PathBuf,
}

impl Bundled {
    #[track_caller]
    fn of(words: &[&str]) -> Bundled {
        Bundled::from(Image::trusting(&["aarch64", "arm", "riscv64"]), words)
    }

    #[track_caller]
    fn from(image: Image, words: &[&str]) -> Bundled {
        let bundled = Bundled { file: image.folder.path().join("bundle"), image };
        bundled.create(words).expect(0, &["is sound"]);
        bundled
    }

    fn create(&self, words: &[&str]) -> Said {
        self.run(&["--yes", "bundle", "create"], words)
    }

    fn verify(&self) -> Said {
        self.run(&["bundle", "verify"], &[])
    }

    fn install(&self, words: &[&str]) -> Said {
        self.run(&["install", "--from"], words)
    }

    fn run(&self, before: &[&str], behind: &[&str]) -> Said {
        self.image.run(&[before, &[self.file.to_str().unwrap()], behind].concat())
    }

    /// Takes the repository away.
    fn cut_off(&self) {
        fs::remove_dir_all(&self.image.publisher.folder).unwrap();
    }

    /// The names of its files, by another reader of tar archives.
    fn names(&self) -> Vec<String> {
        let listed = Command::new("tar").arg("-tf").arg(&self.file).output().unwrap();
        assert!(listed.status.success(), "{listed:?}");
        String::from_utf8(listed.stdout).unwrap().lines().map(str::to_owned).collect()
    }
}

/// Whatever else lies where a bundle was written.
fn others(file: &Path) -> Vec<String> {
    let names = fs::read_dir(file.parent().unwrap()).unwrap().map(|entry| entry.unwrap().file_name());
    let mut names: Vec<String> = names.map(|name| name.into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn what_is_installed_from_a_bundle_is_what_is_installed_from_its_repository() {
    let bundled = Bundled::of(&[]);
    bundled.image.run(&["install", "all"]).expect(0, &[]);
    let from_repository = bundled.image.tree();
    bundled.image.run(&["remove", "all"]).expect(0, &[]);
    bundled.cut_off();
    bundled.image.run(&["install", "all"]).expect(7, &[]);
    bundled.install(&["all"]).expect(0, &["issued less than a day ago, expires in"]);
    assert_eq!(bundled.image.tree(), from_repository);
    bundled.install(&["all"]).expect(0, &["nothing to do"]);
}

#[test]
fn an_update_from_a_bundle_brings_what_is_installed_to_what_is_in_it() {
    let mut bundled = Bundled::of(&["arm"]);
    bundled.install(&["arm"]).expect(0, &[]);
    bundled.image.publisher.index.serial += 1;
    bundled.image.publisher.add_release("11.1.4-1", &["aarch64", "arm", "riscv64"]);
    bundled.image.publisher.publish();
    bundled.create(&["arm"]).expect(0, &[]);
    bundled.cut_off();
    let from = |words: &[&str]| bundled.run(&["update", "--from"], words);
    from(&["--check"]).expect(2, &["--check"]);
    from(&[]).expect(0, &["arm 11.1.3-1 -> 11.1.4-1", "issued less than a day ago"]);
    from(&[]).expect(0, &["nothing to do"]);
    bundled.image.run(&["rollback"]).expect(0, &["11.1.3-1"]);
}

#[test]
fn a_bundle_holds_the_fewest_bytes_and_can_be_listed_with_tar() {
    let of = |archive: &str| {
        let signature = format!("11.1.3-1/{archive}.minisig");
        vec!["qus-bundle.json".to_owned(), format!("11.1.3-1/{archive}"), signature, "index.qus".to_owned()]
    };
    assert_eq!(Bundled::of(&["arm"]).names(), of("qemu-arm-static_amd64.tar.zst"));
    let all = Bundled::of(&["all"]);
    assert_eq!(all.names(), of("qemu-static-all_amd64.tar.zst"));
    // The index offers arm by itself too, and that is not at hand.
    all.cut_off();
    all.install(&["arm"]).expect(0, &["qemu-static-all_amd64.tar.zst"]);
}

#[test]
fn a_bundle_is_the_same_whoever_makes_it_and_whenever() {
    let bundled = Bundled::of(&["arm", "aarch64"]);
    let first = fs::read(&bundled.file).unwrap();
    bundled.create(&["aarch64", "linux/arm"]).expect(0, &[]);
    assert_eq!(fs::read(&bundled.file).unwrap(), first);
}

#[test]
fn a_bundle_is_written_over_another_file_only_if_that_is_wanted() {
    let bundled = Bundled::of(&["arm"]);
    let before = fs::read(&bundled.file).unwrap();
    bundled.run(&["bundle", "create"], &["aarch64"]).expect(1, &["is there already", "--yes"]);
    assert_eq!(fs::read(&bundled.file).unwrap(), before);
    bundled.create(&["aarch64"]).expect(0, &[]);
    assert_ne!(fs::read(&bundled.file).unwrap(), before);
}

#[test]
fn a_bundle_that_cannot_be_made_leaves_nothing_behind() {
    let bundled = Bundled::of(&["arm"]);
    let (before, names) = (fs::read(&bundled.file).unwrap(), others(&bundled.file));
    let asset = bundled.image.publisher.asset_path("aarch64");
    let mut bytes = fs::read(&asset).unwrap();
    bytes[40] ^= 1;
    fs::write(&asset, bytes).unwrap();
    bundled.create(&["aarch64"]).expect(3, &["SHA-256"]);
    bundled.create(&["hexagon"]).expect(1, &["has no emulator of \"hexagon\" for \"amd64\" hosts"]);
    bundled.create(&["arm@9.9"]).expect(1, &["no version 9.9", "versions are 11.1.3-1"]);
    bundled.create(&["--host", "s390x"]).expect(1, &["no emulators for \"s390x\" hosts"]);
    bundled.create(&["--channel", "edge"]).expect(1, &["no channel \"edge\"", "channels are stable"]);
    bundled.create(&["--host", "vax"]).expect(2, &["hosts are amd64"]);
    assert_eq!(fs::read(&bundled.file).unwrap(), before);
    assert_eq!(others(&bundled.file), names);
}

#[test]
fn a_dry_run_tells_what_a_bundle_would_hold_and_writes_nothing() {
    let image = Image::trusting(&["aarch64", "arm"]);
    let file = image.folder.path().join("bundle");
    let said = image.run(&["--dry-run", "bundle", "create", file.to_str().unwrap()]).expect(0, &["would be written"]);
    assert_eq!(said.stdout, "aarch64 11.1.3-1\narm 11.1.3-1\n");
    assert_eq!(others(&file), ["image", "repository"]);
}

#[test]
fn a_bundle_tells_scripts_what_is_in_it() {
    let bundled = Bundled::of(&["arm", "aarch64"]);
    let said = bundled.run(&["--json", "bundle", "verify"], &[]).expect(0, &[]);
    let mut document: Value = serde_json::from_str(&said.stdout).unwrap();
    let (issued, expires) = (document["issued"].take(), document["expires"].take());
    assert!(issued.as_str() < expires.as_str(), "{issued} {expires}");
    let expected = serde_json::json!({
        "schema": 1, "dry_run": false, "file": bundled.file, "size": fs::metadata(&bundled.file).unwrap().len(),
        "repository": bundled.image.publisher.url, "host": "amd64", "serial": 7, "issued": null, "expires": null,
        "targets": [
            { "target": "aarch64", "version": "11.1.3-1" },
            { "target": "arm", "version": "11.1.3-1" },
        ],
    });
    assert_eq!(document, expected);
}

#[test]
fn a_bundle_may_hold_several_versions_and_the_only_one_is_the_one_that_is_meant() {
    let two = |folder: &Path, url: &str| {
        let mut publisher = Publisher::usual(folder, url, &["arm", "aarch64"]);
        publisher.add_release("11.2.0-1", &["arm", "aarch64"]);
        publisher.publish();
        publisher
    };
    let bundled = Bundled::from(Image::at_url(None, two), &["arm@11.1.3-1", "aarch64"]);
    bundled.cut_off();
    bundled.install(&["arm@11.1.3-1"]).expect(0, &["11.1.3-1/qemu-arm-static_amd64.tar.zst"]);
    bundled.install(&["arm"]).expect(1, &["\"arm\" for host \"amd64\""]);
    bundled.install(&["aarch64"]).expect(0, &["11.2.0-1/qemu-aarch64-static_amd64.tar.zst"]);

    let older = Bundled::from(Image::at_url(None, two), &["arm@11.1.3-1"]);
    older.install(&["arm"]).expect(0, &["11.1.3-1/qemu-arm-static_amd64.tar.zst"]);
}

#[test]
fn what_a_bundle_lacks_is_said_before_anything_is_changed() {
    let bundled = Bundled::of(&["arm"]);
    let before = bundled.image.tree();
    bundled.install(&["riscv64"]).expect(1, &["\"riscv64\""]);
    assert_eq!(bundled.image.tree(), before);
}

/// A repository with an emulator of arm for hosts of another kind: a program of theirs.
fn for_arm64(folder: &Path, url: &str) -> Publisher {
    let mut publisher = Publisher::usual(folder, url, &["arm"]);
    let program = qus::program::Program::of(target("aarch64")).elf;
    let arm = target("arm");
    let packed = crate::support::publisher::Packed {
        content: program.clone(),
        ..crate::support::publisher::pack(arm, "11.1.3-1")
    };
    let bytes = crate::support::publisher::archive(&[packed]);
    let asset = Asset {
        file: Asset::file_name(Form::Emulator, arm, Host::Arm64v8),
        form: Form::Emulator,
        host: Host::Arm64v8,
        size: bytes.len() as u64,
        sha256: sha256(&bytes),
        members: vec![member(arm, &program)],
    };
    let place = publisher.folder.join("11.1.3-1").join(&asset.file);
    let comment = AssetClaim::of(&asset, &version("11.1.3-1")).comment();
    fs::write(&place, &bytes).unwrap();
    fs::write(format!("{}.minisig", place.display()), sign(&publisher.release_key, &bytes, &comment)).unwrap();
    let release: &mut Release = &mut publisher.index.releases[0];
    release.assets.push(asset);
    publisher.publish();
    publisher
}

#[test]
fn a_bundle_for_another_host_is_made_and_checked_here_and_installed_there_only() {
    let bundled = Bundled::from(Image::at_url(None, for_arm64), &["--host", "arm64v8"]);
    bundled.verify().expect(0, &["arm 11.1.3-1", "1 emulator for arm64v8 hosts"]);
    let before = bundled.image.tree();
    bundled.install(&["arm"]).expect(2, &["is for \"arm64v8\" hosts", "this one is \"amd64\"", "--host amd64"]);
    assert_eq!(bundled.image.tree(), before);
}

#[test]
fn a_bundle_brings_every_root_and_a_machine_that_knows_the_first_ends_at_the_last() {
    let bundled = Bundled::of(&["arm"]);
    let publisher = &bundled.image.publisher;
    let mut root = publisher.root();
    publisher.publish_root(&root, &[("alice", &publisher.root_key)]);
    for number in 2..=4 {
        root.version = number;
        publisher.publish_root(&root, &[("alice", &publisher.root_key)]);
    }
    bundled.create(&["arm"]).expect(0, &[]);
    let roots: Vec<String> =
        (1..=4).flat_map(|n| [format!("root.{n}.json"), format!("root.{n}.json.minisig.alice")]).collect();
    assert_eq!(bundled.names()[4..], roots);
    bundled.cut_off();
    bundled.verify().expect(0, &[]);
    bundled.install(&["arm"]).expect(0, &[]);
    let memory: Value =
        serde_json::from_slice(&fs::read(bundled.image.root().join("var/lib/qus/trust.json")).unwrap()).unwrap();
    let seen = memory["repositories"].as_object().unwrap().values().next().unwrap();
    assert_eq!(seen["root"]["version"], 4);
}

#[test]
fn without_any_network_a_bundle_is_made_of_a_folder_checked_and_installed() {
    let bundled = Bundled::of(&["arm"]);
    let nowhere = |words: &[&str]| {
        let mut command = Command::new("unshare");
        command.args(["--map-root-user", "--net", env!("CARGO_BIN_EXE_qus"), "--offline", "--root"]);
        Said::by(command.arg(bundled.image.root()).args(words).output().unwrap())
    };
    let (file, other) = (bundled.file.to_str().unwrap(), bundled.image.folder.path().join("other"));
    nowhere(&["bundle", "create", other.to_str().unwrap(), "aarch64"]).expect(0, &["is sound"]);
    bundled.cut_off();
    nowhere(&["bundle", "verify", file]).expect(0, &["arm 11.1.3-1"]);
    nowhere(&["install", "--from", file, "arm"]).expect(0, &["installed"]);
    nowhere(&["install", "--from", other.to_str().unwrap(), "aarch64"]).expect(0, &["installed"]);
}

#[test]
fn nobody_is_trusted_because_of_a_bundle() {
    let bundled = Bundled::of(&["arm"]);
    let stranger = TempDir::new().unwrap();
    let mut verify = qus();
    verify.arg("--root").arg(stranger.path()).args(["bundle", "verify"]).arg(&bundled.file);
    Said::by(verify.output().unwrap()).expect(3, &["no root of trust is known for", "trust.d"]);
}
