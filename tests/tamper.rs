//! Whatever a repository, or whoever stands in between, does: refused by name, and nothing changed.

use std::fs;
use std::path::Path;

use minisign::KeyPair;
use qus::moment::Moment;
use qus::release::{Asset, Form, Member};
use tar::EntryType;
use tempfile::TempDir;

use crate::support::machine::{Image, Said};
use crate::support::publisher::{Packed, Publisher, archive, emulator, member, now, pack, plain_archive, target};
use crate::support::server::{Answer, Server};

const INSTALL: [&str; 2] = ["install", "aarch64"];

fn flip(path: &Path, at: usize) {
    let mut bytes = fs::read(path).unwrap();
    bytes[at] ^= 1;
    fs::write(path, bytes).unwrap();
}

/// Installs from a repository whose asset of aarch64 holds `packed`, and lists only aarch64.
#[track_caller]
fn install_packed(packed: &[Packed]) -> Said {
    let mut image = Image::trusting(&["aarch64", "arm"]);
    let aarch64 = target("aarch64");
    let members = vec![member(aarch64, &emulator(aarch64, "11.1.3-1"))];
    image.publisher.replace_asset("aarch64", packed, members);
    image.run_in_vain(&INSTALL)
}

fn good() -> Packed {
    pack(target("aarch64"), "11.1.3-1")
}

fn odd(name: &str, kind: EntryType, mode: u32) -> Packed {
    let content = if kind == EntryType::Regular { good().content } else { Vec::new() };
    Packed { name: name.to_owned(), kind, mode, content }
}

#[test]
fn a_flipped_bit_in_the_index() {
    let image = Image::trusting(&["aarch64"]);
    let index = image.publisher.folder.join("index.qus");
    flip(&index, fs::read(&index).unwrap().len() / 2);
    image.run_in_vain(&INSTALL).expect(3, &["the signature of \"index.qus\" does not fit its content", "help: "]);
}

#[test]
fn a_flipped_bit_in_the_asset() {
    let image = Image::trusting(&["aarch64"]);
    flip(&image.publisher.asset_path("aarch64"), 100);
    image
        .run_in_vain(&INSTALL)
        .expect(3, &["\"qemu-aarch64-static_amd64.tar.zst\" has another content than signed: SHA-256"]);
}

#[test]
fn a_flipped_bit_in_the_signature() {
    let image = Image::trusting(&["aarch64"]);
    let path = image.publisher.asset_path("aarch64").with_extension("zst.minisig");
    let mut text = fs::read(&path).unwrap();
    // Past the algorithm and the key's id, in the signature proper: one bit of the six that a letter stands for.
    let letter = text.iter().position(|byte| *byte == b'\n').unwrap() + 1 + 40;
    let alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    text[letter] = alphabet[alphabet.iter().position(|known| *known == text[letter]).unwrap() ^ 1];
    fs::write(&path, text).unwrap();
    image
        .run_in_vain(&INSTALL)
        .expect(3, &["the signature of \"qemu-aarch64-static_amd64.tar.zst\" does not fit its content"]);
}

#[test]
fn a_flipped_bit_in_the_root() {
    let image = Image::trusting(&["aarch64"]);
    let mut second = image.publisher.root();
    second.version = 2;
    image.publisher.publish_root(&second, &[("alice", &image.publisher.root_key)]);
    let root = image.publisher.folder.join("root.2.json");
    let expires = fs::read_to_string(&root).unwrap().find("expires").unwrap();
    flip(&root, expires + 15);
    image.run_in_vain(&INSTALL).expect(3, &["the signature of \"root.2.json\" does not fit its content"]);
}

#[test]
fn a_flipped_bit_in_the_anchor() {
    let image = Image::trusting(&["aarch64"]);
    let mut anchor = image.publisher.anchor();
    anchor.root = anchor.root.replacen("\"threshold\": 1", "\"threshold\":  1", 1);
    image.trust(&anchor);
    image
        .run_in_vain(&INSTALL)
        .expect(3, &["the signature of \"/etc/qus/trust.d/test.json\" does not fit its content"]);
}

#[test]
fn a_repository_that_nobody_vouched_for() {
    let image = Image::trusting(&["aarch64"]);
    let stranger = Publisher::usual(&image.folder.path().join("other"), "https://example.org", &["aarch64"]);
    let url = format!("file://{}", stranger.folder.display());
    image
        .run_in_vain(&["install", "aarch64", "--repository", &url])
        .expect(3, &["no root of trust is known for", "anchor.json", "/etc/qus/trust.d"]);
}

#[test]
fn an_index_signed_by_a_stranger() {
    let image = Image::trusting(&["aarch64"]);
    image.publisher.publish_signed_by(&KeyPair::generate_unencrypted_keypair().unwrap());
    image.run_in_vain(&INSTALL).expect(3, &["\"index.qus\" is not signed by a key that this machine trusts"]);
}

#[test]
fn an_asset_signed_by_the_index_key() {
    let mut image = Image::trusting(&["aarch64"]);
    let stolen = std::mem::replace(&mut image.publisher.release_key, KeyPair::generate_unencrypted_keypair().unwrap());
    let aarch64 = target("aarch64");
    image.publisher.replace_asset("aarch64", &[good()], vec![member(aarch64, &good().content)]);
    image.publisher.release_key = stolen;
    image
        .run_in_vain(&INSTALL)
        .expect(3, &["\"qemu-aarch64-static_amd64.tar.zst\" is not signed by a key that this machine trusts"]);
}

/// Puts a genuine asset, with its genuine signature, in the place of that of aarch64.
fn install_genuine_instead(other: impl FnOnce(&Publisher) -> (std::path::PathBuf, Asset)) -> Said {
    let image = Image::at_url(None, |folder, url| {
        let mut publisher = Publisher::new(folder, url);
        publisher.add_release("10.0.13-0", &["aarch64", "arm"]);
        publisher.add_release("11.1.3-1", &["aarch64", "arm"]);
        publisher.publish();
        publisher
    });
    let (other, _) = other(&image.publisher);
    let here = image.publisher.asset_path("aarch64");
    fs::copy(&other, &here).unwrap();
    fs::copy(format!("{}.minisig", other.display()), format!("{}.minisig", here.display())).unwrap();
    image.run_in_vain(&INSTALL)
}

#[test]
fn an_asset_of_another_version_under_the_right_name() {
    let said = install_genuine_instead(|publisher| {
        let file = publisher.folder.join("10.0.13-0/qemu-aarch64-static_amd64.tar.zst");
        (file, publisher.index.releases[0].assets[0].clone())
    });
    said.expect(3, &["is signed for version \"10.0.13-0\", where \"11.1.3-1\" is wanted"]);
}

#[test]
fn an_asset_of_another_target_under_the_right_name() {
    let said = install_genuine_instead(|publisher| {
        (publisher.asset_path("arm"), publisher.index.releases[1].assets[1].clone())
    });
    said.expect(3, &["is signed for file \"qemu-arm-static_amd64.tar.zst\", where \"qemu-aarch64-static_amd64.tar.zst\" is wanted"]);
}

#[test]
fn an_asset_of_another_host_under_the_right_name() {
    let said = install_genuine_instead(|publisher| {
        let bytes = archive(&[good()]);
        let file = "qemu-aarch64-static_amd64.tar.zst";
        let mut asset = publisher.write_asset(file, Form::Emulator, "9.9", &bytes, Vec::new());
        asset.host = qus::host::Host::Arm64v8;
        let claim = qus::trust::AssetClaim::of(&asset, &"11.1.3-1".parse().unwrap());
        let signature = crate::support::publisher::sign(&publisher.release_key, &bytes, &claim.comment());
        let path = publisher.folder.join("9.9").join(file);
        fs::write(format!("{}.minisig", path.display()), signature).unwrap();
        (path, asset)
    });
    said.expect(3, &["is signed for host \"arm64v8\", where \"amd64\" is wanted"]);
}

#[test]
fn an_unlisted_member() {
    let extra = pack(target("arm"), "11.1.3-1");
    install_packed(&[good(), extra]).expect(3, &["holds \"qemu-arm-static\", which is not on its signed list"]);
}

#[test]
fn a_missing_member() {
    install_packed(&[]).expect(3, &["lacks \"qemu-aarch64-static\", which is on its signed list"]);
}

#[test]
fn a_duplicate_member() {
    install_packed(&[good(), good()]).expect(3, &["holds \"qemu-aarch64-static\" twice"]);
}

#[test]
fn members_with_paths() {
    for name in ["../qemu-aarch64-static", "/qemu-aarch64-static", "./qemu-aarch64-static", "x/qemu-aarch64-static"] {
        install_packed(&[odd(name, EntryType::Regular, 0o755)])
            .expect(3, &[&format!("holds \"{name}\", which is not on its signed list")]);
    }
}

#[test]
fn members_that_are_no_plain_files() {
    let kinds = [
        (EntryType::Symlink, "symlink"),
        (EntryType::Link, "link"),
        (EntryType::Char, "char"),
        (EntryType::Block, "block"),
        (EntryType::Fifo, "fifo"),
        (EntryType::Directory, "directory"),
        (EntryType::XHeader, "xheader"),
        (EntryType::GNULongName, "gnulongname"),
        (EntryType::GNUSparse, "gnusparse"),
    ];
    for (kind, name) in kinds {
        install_packed(&[odd("qemu-aarch64-static", kind, 0o755)])
            .expect(3, &[&format!("holds \"qemu-aarch64-static\", which is {name}, not a plain file")]);
    }
}

#[test]
fn members_with_special_permissions() {
    for mode in [0o4755, 0o2755, 0o1755] {
        install_packed(&[odd("qemu-aarch64-static", EntryType::Regular, mode)])
            .expect(3, &[&format!("holds \"qemu-aarch64-static\" with special permissions {mode:o}")]);
    }
}

#[test]
fn a_member_of_another_size_or_content_than_listed() {
    let mut longer = good();
    longer.content.push(0);
    install_packed(&[longer]).expect(3, &["has 4097 bytes, not the signed 4096"]);
    let mut other = good();
    other.content[3000] ^= 1;
    install_packed(&[other]).expect(
        3,
        &["\"qemu-aarch64-static\" in \"qemu-aarch64-static_amd64.tar.zst\" has another content than signed"],
    );
}

/// Installs an emulator that is properly signed, but is `content`.
fn install_content(content: &[u8]) -> Said {
    let mut image = Image::trusting(&["aarch64"]);
    let packed = Packed { content: content.to_vec(), ..good() };
    let members: Vec<Member> = vec![member(target("aarch64"), content)];
    image.publisher.replace_asset("aarch64", &[packed], members);
    image.run_in_vain(&INSTALL)
}

#[test]
fn an_emulator_of_another_host_machine_or_class() {
    let elf = |name: &str| qus::program::Program::of(target(name)).elf;
    install_content(&elf("aarch64")).expect(3, &["is no program of host \"amd64\": it is one of \"arm64v8\""]);
    install_content(&elf("i386")).expect(3, &["is no program of host \"amd64\": it is one of \"i386\""]);
    install_content(&elf("hppa")).expect(3, &["is no program of host \"amd64\": its ELF machine is 15"]);
    install_content(b"#!/bin/sh\n").expect(3, &["is no program of host \"amd64\": too short for an ELF header"]);
}

#[test]
fn an_emulator_that_needs_a_dynamic_loader() {
    let mut elf = qus::program::Program::of(target("x86_64")).elf;
    elf[64] = 3; // PT_INTERP in place of PT_LOAD
    install_content(&elf).expect(3, &["is no program of host \"amd64\": it is dynamically linked"]);
}

#[test]
fn an_archive_with_something_behind_its_end() {
    let mut image = Image::trusting(&["aarch64"]);
    let members = || vec![member(target("aarch64"), &good().content)];
    let mut tar = plain_archive(&[good()]);
    tar.extend(b"more");
    image.publisher.replace_asset_bytes("aarch64", &zstd::encode_all(tar.as_slice(), 3).unwrap(), members());
    image.run_in_vain(&INSTALL).expect(3, &["holds more behind its last member"]);

    let mut frames = archive(&[good()]);
    frames.extend(archive(&[good()]));
    image.publisher.replace_asset_bytes("aarch64", &frames, members());
    image.run_in_vain(&INSTALL).expect(3, &["holds more behind its last member"]);

    let mut zeros = plain_archive(&[good()]);
    zeros.resize(zeros.len() + 64 * 1024 * 1024, 0);
    image.publisher.replace_asset_bytes("aarch64", &zstd::encode_all(zeros.as_slice(), 3).unwrap(), members());
    image.run_in_vain(&INSTALL).expect(3, &["holds more behind its last member"]);
}

#[test]
fn an_archive_that_is_none_or_wants_too_much_memory() {
    let mut image = Image::trusting(&["aarch64"]);
    let members = || vec![member(target("aarch64"), &good().content)];
    image.publisher.replace_asset_bytes("aarch64", b"not an archive at all", members());
    image.run_in_vain(&INSTALL).expect(3, &["is not a sound archive"]);

    let mut encoder = zstd::Encoder::new(Vec::new(), 3).unwrap();
    encoder.window_log(31).unwrap();
    encoder.long_distance_matching(true).unwrap();
    std::io::copy(&mut plain_archive(&[good()]).as_slice(), &mut encoder).unwrap();
    image.publisher.replace_asset_bytes("aarch64", &encoder.finish().unwrap(), members());
    image.run_in_vain(&INSTALL).expect(3, &["is not a sound archive"]);
}

#[test]
fn an_index_that_is_expired() {
    let mut image = Image::trusting(&["aarch64"]);
    image.publisher.index.expires = Moment(now().0 - 1);
    image.publisher.publish();
    image.run_in_vain(&INSTALL).expect(4, &["\"index.qus\" expired at ", "see date"]);
}

#[test]
fn an_index_from_the_future() {
    let mut image = Image::trusting(&["aarch64"]);
    image.publisher.index.issued = Moment(now().0 + 48 * 60 * 60);
    image.publisher.publish();
    image.run_in_vain(&INSTALL).expect(4, &["but this machine's clock says", "set this machine's clock"]);
}

#[test]
fn a_root_that_is_expired() {
    let image = Image::trusting(&["aarch64"]);
    let mut root = image.publisher.root();
    root.expires = Moment(now().0 - 1);
    image.trust(&image.publisher.anchor_of(&root));
    image.run_in_vain(&INSTALL).expect(4, &["root.1.json expired at "]);
}

#[test]
fn an_index_older_than_the_one_seen_before() {
    let mut image = Image::trusting(&["aarch64", "arm"]);
    image.run(&INSTALL).expect(0, &[]);
    image.publisher.index.serial -= 1;
    image.publisher.publish();
    image.run_in_vain(&["install", "arm"]).expect(5, &["\"index.qus\" has serial 6, older than the 7 seen before"]);
}

#[test]
fn a_revoked_asset() {
    let image = Image::trusting(&["aarch64"]);
    let mut root = image.publisher.root();
    root.revoked.push(image.publisher.index.releases[0].assets[0].sha256);
    image.trust(&image.publisher.anchor_of(&root));
    image.run_in_vain(&INSTALL).expect(3, &["\"qemu-aarch64-static_amd64.tar.zst\" was revoked"]);
}

/// An image that trusts a repository behind a server, the server, and the repository's folder.
fn served() -> (Image, Server, TempDir) {
    let folder = TempDir::new().unwrap();
    let server = Server::of(folder.path().to_owned());
    let image = Image::at_url(Some(&server.url), |_, url| Publisher::usual(folder.path(), url, &["aarch64"]));
    (image, server, folder)
}

#[test]
fn what_a_server_may_answer_for_the_index() {
    let answers = [
        (Answer::Status("404 Not Found"), 7, "is not there"),
        (Answer::Status("503 Service Unavailable"), 7, "the server answered 503"),
        (Answer::Page { kind: "text/html; charset=utf-8" }, 7, "is a web page, not the file that was asked for"),
        (Answer::Page { kind: "application/octet-stream" }, 7, "is a web page, not the file that was asked for"),
        (Answer::Endless, 3, "is longer than 4194304 bytes"),
        (Answer::Half, 7, "broke off: end of file before message length reached"),
        (
            Answer::Redirect("http://example.org/".to_owned()),
            7,
            "leads to \"http://example.org/\", a place without encryption",
        ),
    ];
    let (image, server, _folder) = served();
    for (answer, code, words) in answers {
        server.answer("index.qus", answer);
        image.run_in_vain(&INSTALL).expect(code, &[words]);
    }
}

#[test]
fn what_a_server_may_answer_for_the_asset() {
    let answers = [
        (Answer::Status("404 Not Found"), 7, "is not there"),
        (Answer::Page { kind: "text/html" }, 7, "is a web page, not the file that was asked for"),
        (Answer::Endless, 3, "is longer than the"),
        (Answer::Longer, 3, "is longer than the"),
        (Answer::Half, 7, "broke off again and again, and its server does not go on where it broke off"),
    ];
    let (image, server, _folder) = served();
    for (answer, code, words) in answers {
        server.answer("amd64.tar.zst", answer);
        image.run_in_vain(&INSTALL).expect(code, &[words]);
    }
}

#[test]
fn a_shorter_file_than_signed() {
    let image = Image::trusting(&["aarch64"]);
    let path = image.publisher.asset_path("aarch64");
    let bytes = fs::read(&path).unwrap();
    fs::write(&path, &bytes[..bytes.len() - 1]).unwrap();
    image.run_in_vain(&INSTALL).expect(3, &[&format!("ends after {} of {} bytes", bytes.len() - 1, bytes.len())]);
}

#[test]
fn a_longer_file_than_signed() {
    let image = Image::trusting(&["aarch64"]);
    let path = image.publisher.asset_path("aarch64");
    let mut bytes = fs::read(&path).unwrap();
    let signed = bytes.len();
    bytes.push(0);
    fs::write(&path, &bytes).unwrap();
    image.run_in_vain(&INSTALL).expect(3, &[&format!("is longer than the {signed} bytes that were signed")]);
}

#[test]
fn a_server_that_is_not_there_and_addresses_that_are_none() {
    let image = Image::trusting(&["aarch64"]);
    let refused = [
        ("http://example.org", 2, "would be fetched without encryption from another machine"),
        ("ftp://example.org", 2, "it is neither https nor file"),
        ("nonsense", 2, "is not the URL of a repository"),
        ("http://127.0.0.1:9", 7, "cannot reach"),
    ];
    for (url, code, words) in refused {
        let mut anchor = image.publisher.anchor();
        anchor.repository = url.to_owned();
        image.trust(&anchor);
        image.run_in_vain(&INSTALL).expect(code, &[words]);
    }
}
