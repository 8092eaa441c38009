//! Whatever a file says that it is a bundle: refused by name, and nothing changed.

use std::fs;
use std::process::Command;

use qus::system::bundle::{Bundle, BundleError};
use tar::{EntryType, Header};
use tempfile::TempDir;

use super::Bundled;
use crate::support::machine::Image;
use crate::support::publisher::Publisher;

const BLOCK: usize = 512;

/// The files of a bundle, each with its header.
type Files = Vec<(Header, Vec<u8>)>;

fn files(bytes: &[u8]) -> Files {
    let mut archive = tar::Archive::new(bytes);
    let entries = archive.entries().unwrap().map(|entry| {
        let mut entry = entry.unwrap();
        let mut content = Vec::new();
        std::io::copy(&mut entry, &mut content).unwrap();
        (entry.header().clone(), content)
    });
    entries.collect()
}

/// A bundle of these files, whatever they are.
fn bundle(files: &[(Header, Vec<u8>)]) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for (header, content) in files {
        builder.append(header, content.as_slice()).unwrap();
    }
    builder.into_inner().unwrap()
}

/// A header as qus writes it; the library would refuse the names that matter here.
fn header(name: &str, size: u64) -> Header {
    let mut header = Header::new_ustar();
    header.as_mut_bytes()[..name.len()].copy_from_slice(name.as_bytes());
    header.set_entry_type(EntryType::Regular);
    header.set_mode(0o644);
    for set in [Header::set_uid, Header::set_gid, Header::set_mtime, Header::set_size] {
        set(&mut header, 0);
    }
    header.set_size(size);
    header.set_cksum();
    header
}

fn name(header: &Header) -> String {
    String::from_utf8(header.path_bytes().into_owned()).unwrap()
}

/// The same bundle with another content of one of its files.
pub(super) fn with_file(bytes: &[u8], changed: &str, content: &[u8]) -> Vec<u8> {
    let mut files = files(bytes);
    let (header, old) = files.iter_mut().find(|(header, _)| name(header) == changed).unwrap();
    *header = self::header(changed, content.len() as u64);
    *old = content.to_vec();
    bundle(&files)
}

impl Bundled {
    /// Writes `bytes` in its place, and fails unless checking and installing them is refused, and changes nothing.
    #[track_caller]
    fn refuses(&self, bytes: &[u8], code: i32, words: &[&str]) {
        fs::write(&self.file, bytes).unwrap();
        let before = self.image.tree();
        self.verify().expect(code, words);
        self.install(&["arm"]).expect(code, words);
        assert_eq!(self.image.tree(), before);
    }
}

#[test]
fn a_bundle_cut_off_anywhere_is_no_bundle() {
    let bundled = Bundled::of(&["arm"]);
    let bytes = fs::read(&bundled.file).unwrap();
    assert!(bytes.len() > 10 * BLOCK && bytes.len().is_multiple_of(BLOCK));
    for length in (0..bytes.len()).step_by(BLOCK).chain([1, bytes.len() - 1]) {
        fs::write(&bundled.file, &bytes[..length]).unwrap();
        let error = Bundle::open(&bundled.file).unwrap_err();
        assert!(matches!(error, BundleError::Damaged { .. }), "{length}: {error}");
    }
    bundled.refuses(&bytes[..3 * BLOCK], 3, &["is not a sound bundle", "sha256sum"]);
}

#[test]
fn a_bundle_with_any_bit_turned_over_is_refused() {
    let bundled = Bundled::of(&["arm"]);
    let bytes = fs::read(&bundled.file).unwrap();
    for at in (0..bytes.len()).step_by(97) {
        let mut damaged = bytes.clone();
        damaged[at] ^= 1;
        fs::write(&bundled.file, damaged).unwrap();
        let said = bundled.verify();
        let untrusted = said.code == Some(0);
        // The only bytes that nobody signs, and that are not looked at: what a signature says in its first line.
        let line = bytes[..at].windows(11).rposition(|window| window == b"untrusted c").filter(|_| untrusted);
        assert!(said.code == Some(3) || line.is_some_and(|line| at - line < 60), "byte {at}: {said:#?}");
    }
}

#[test]
fn what_is_no_bundle_at_all_is_called_what_it_is() {
    let bundled = Bundled::of(&["arm"]);
    bundled.refuses(b"", 3, &["it is empty"]);
    bundled.refuses(b"#!/bin/sh\n", 3, &["it ends too early"]);
    bundled.refuses(&[7; 4 * BLOCK], 3, &["is no header of a tar archive"]);
    bundled.refuses(&[0; 2 * BLOCK], 3, &["it lacks \"index.qus\""]);
    fs::remove_file(&bundled.file).unwrap();
    bundled.verify().expect(7, &["No such file"]);
    fs::create_dir(&bundled.file).unwrap();
    bundled.verify().expect(2, &["is a directory, where the file of a bundle is wanted"]);
    fs::remove_dir(&bundled.file).unwrap();
    Command::new("mkfifo").arg(&bundled.file).status().unwrap();
    bundled.install(&["arm"]).expect(2, &["is no regular file"]);
}

#[test]
fn files_that_no_bundle_has_are_refused_by_name() {
    let bundled = Bundled::of(&["arm"]);
    let sound = files(&fs::read(&bundled.file).unwrap());
    for name in [
        "../../etc/passwd",
        "/etc/passwd",
        "11.1.3-1/../x",
        "11.1.3-1/.x",
        "11.1.3-1/a/b",
        "..",
        "root.02.json",
        "root.1.json.minisig.a/b",
        "index.qus\n",
        "setup.sh",
    ] {
        let mut more = sound.clone();
        more.push((header(name, 1), b"x".to_vec()));
        let shown = name.escape_debug().to_string();
        bundled.refuses(&bundle(&more), 3, &[&format!("it holds \"{shown}\", which no bundle has")]);
    }
}

#[test]
fn links_devices_and_other_headers_than_qus_writes_are_refused() {
    let bundled = Bundled::of(&["arm"]);
    let sound = files(&fs::read(&bundled.file).unwrap());
    for (kind, word) in [
        (EntryType::Symlink, "symlink"),
        (EntryType::Link, "link"),
        (EntryType::Char, "char"),
        (EntryType::Directory, "directory"),
        (EntryType::XHeader, "xheader"),
        (EntryType::GNULongName, "gnulongname"),
        (EntryType::GNUSparse, "gnusparse"),
    ] {
        let mut changed = sound.clone();
        changed[3].0.set_entry_type(kind);
        changed[3].0.set_cksum();
        bundled.refuses(&bundle(&changed), 3, &[&format!("is {word}, not a plain file")]);
    }
    let other_fields: [fn(&mut Header); 5] = [
        |header| header.set_mtime(1),
        |header| header.set_mode(0o4755),
        |header| header.set_uid(1000),
        |header| header.as_mut_bytes()[345] = b'x',
        |header| header.as_mut_bytes()[157] = b'x',
    ];
    for change in other_fields {
        let mut changed = sound.clone();
        change(&mut changed[3].0);
        changed[3].0.set_cksum();
        bundled.refuses(&bundle(&changed), 3, &["the header of \"index.qus\" is not as qus writes it"]);
    }
}

#[test]
fn files_twice_in_another_order_too_large_or_missing_are_refused() {
    let bundled = Bundled::of(&["arm"]);
    let bytes = fs::read(&bundled.file).unwrap();
    let sound = files(&bytes);
    let but = |change: &dyn Fn(&mut Files)| {
        let mut changed = sound.clone();
        change(&mut changed);
        bundle(&changed)
    };
    bundled.refuses(&but(&|files| files.push(files[3].clone())), 3, &["\"index.qus\" is in it twice"]);
    bundled.refuses(&but(&|files| files.swap(2, 3)), 3, &["or in the wrong place"]);
    bundled.refuses(&but(&|files| files.swap(0, 1)), 3, &["does not begin with its one \"qus-bundle.json\""]);
    bundled.refuses(&but(&|files| files.push(files[0].clone())), 3, &["does not begin with its one"]);
    bundled.refuses(&but(&|files| drop(files.remove(0))), 3, &["does not begin with its one"]);
    bundled.refuses(&but(&|files| drop(files.remove(1))), 3, &["it lacks \"11.1.3-1/qemu-arm-static_amd64.tar.zst\""]);
    bundled.refuses(&but(&|files| drop(files.remove(2))), 3, &["amd64.tar.zst.minisig\""]);
    bundled.refuses(&but(&|files| drop(files.remove(3))), 3, &["it lacks \"index.qus\""]);
    let unsigned = but(&|files| files.push((header("root.2.json", 2), b"{}".to_vec())));
    bundled.refuses(&unsigned, 3, &["nobody has signed \"root.2.json\""]);

    // A size that the file has not, and one that no such file may have.
    for (size, why) in [(4 << 20, "it ends within \"index.qus\""), ((4 << 20) + 1, "bytes, of 4194304 at most")] {
        let mut changed = sound.clone();
        changed[3].0.set_size(size);
        changed[3].0.set_cksum();
        bundled.refuses(&bundle(&changed), 3, &[why]);
    }
    bundled.refuses(&[bytes.as_slice(), &[0; BLOCK]].concat(), 3, &["something behind its end"]);
    bundled.refuses(&[bytes.as_slice(), b"x"].concat(), 3, &["something behind its end"]);
    let mut padded = bytes.clone();
    let manifest = sound[0].1.len();
    padded[BLOCK + manifest] = b'x';
    bundled.refuses(&padded, 3, &["between \"qus-bundle.json\" and what follows it"]);
}

#[test]
fn a_manifest_that_lies_gains_nothing() {
    let bundled = Bundled::of(&["arm"]);
    let bytes = fs::read(&bundled.file).unwrap();
    let said = String::from_utf8(files(&bytes)[0].1.clone()).unwrap();
    let lie = |from: &str, to: &str| {
        assert!(said.contains(from), "{said}");
        with_file(&bytes, "qus-bundle.json", said.replace(from, to).as_bytes())
    };
    bundled.refuses(&lie("qus-bundle", "qus-index"), 3, &["its type is \"qus-index\""]);
    bundled.refuses(&lie("\"format\": 1", "\"format\": 2"), 3, &["it has format 2"]);
    bundled.refuses(&lie("\"format\"", "\"extra\": 0, \"format\""), 3, &["unknown field"]);
    bundled.refuses(&lie(&bundled.image.publisher.url, "https://elsewhere"), 3, &["no root of trust is known"]);

    fs::write(&bundled.file, lie("\"arm\"", "\"riscv64\"")).unwrap();
    bundled.verify().expect(3, &["it says that it has \"riscv64\" in version 11.1.3-1"]);
    bundled.install(&["riscv64"]).expect(1, &["riscv64"]);
    fs::write(&bundled.file, lie("amd64", "arm64v8")).unwrap();
    bundled.verify().expect(3, &["its index lists no", "for \"arm64v8\" hosts"]);
}

#[test]
fn files_of_another_repository_or_of_nobody_are_refused() {
    let bundled = Bundled::of(&["arm"]);
    let bytes = fs::read(&bundled.file).unwrap();
    let elsewhere = TempDir::new().unwrap();
    let mut other = Publisher::usual(elsewhere.path(), &bundled.image.publisher.url, &["arm"]);
    other.index.serial = 9;
    other.publish();
    let theirs = |name: &str| fs::read(elsewhere.path().join(name)).unwrap();
    let index = with_file(&bytes, "index.qus", &theirs("index.qus"));
    bundled.refuses(&index, 3, &["\"index.qus\" is not signed by a key that this machine trusts"]);
    let signature = "11.1.3-1/qemu-arm-static_amd64.tar.zst.minisig";
    let signed = with_file(&bytes, signature, &theirs(signature));
    bundled.refuses(&signed, 3, &["not signed by a key"]);

    // An archive under the name of another, as genuine as it is.
    let (asset, sig) = ("11.1.3-1/qemu-arm-static_amd64.tar.zst", signature);
    let own = |name: &str| fs::read(bundled.image.publisher.folder.join(name)).unwrap();
    let aarch64 = asset.replace("arm", "aarch64");
    let renamed = with_file(&with_file(&bytes, asset, &own(&aarch64)), sig, &own(&format!("{aarch64}.minisig")));
    bundled.refuses(&renamed, 3, &["is signed for file \"qemu-aarch64-static_amd64.tar.zst\""]);
}

#[test]
fn roots_that_do_not_follow_are_refused() {
    let bundled = Bundled::of(&["arm"]);
    let mut files = files(&fs::read(&bundled.file).unwrap());
    let stranger = Image::trusting(&["arm"]);
    let publisher = &stranger.publisher;
    let mut root = publisher.root();
    root.version = 2;
    publisher.publish_root(&root, &[("alice", &publisher.root_key)]);
    for name in ["root.2.json", "root.2.json.minisig.alice"] {
        let content = fs::read(publisher.folder.join(name)).unwrap();
        files.push((header(name, content.len() as u64), content));
    }
    bundled.refuses(&bundle(&files), 3, &["\"root.2.json\""]);
}
