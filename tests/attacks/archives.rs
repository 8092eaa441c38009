//! Archives that are properly signed and meant to hurt: what they would need beyond what was signed, they do not get.
//!
//! More of their kind, such as links, devices and trailing frames, stand in `tamper`.

use std::io::{Read, Write};

use qus::release::Member;
use tar::EntryType;

use crate::support::machine::{Image, Said};
use crate::support::publisher::{Packed, archive, member, pack, plain_archive, target};

const INSTALL: [&str; 2] = ["install", "aarch64"];

fn good() -> Packed {
    pack(target("aarch64"), "11.1.3-1")
}

/// Installs from an asset of these bytes, signed, and listed as holding the emulator of aarch64.
#[track_caller]
fn install(bytes: &[u8]) -> Said {
    let mut image = Image::trusting(&["aarch64"]);
    let members: Vec<Member> = vec![member(target("aarch64"), &good().content)];
    image.publisher.replace_asset_bytes("aarch64", bytes, members);
    image.run_in_vain(&INSTALL)
}

fn compressed(tar: &[u8]) -> Vec<u8> {
    zstd::encode_all(tar, 3).unwrap()
}

/// A sound archive after something was done to the header of its only member.
fn header(change: impl FnOnce(&mut tar::Header)) -> Vec<u8> {
    let mut tar = plain_archive(&[good()]);
    let mut header = tar::Header::new_old();
    header.as_mut_bytes().copy_from_slice(&tar[..512]);
    change(&mut header);
    header.set_cksum();
    tar[..512].copy_from_slice(header.as_bytes());
    tar
}

#[test]
fn a_zstd_bomb_of_half_a_gibibyte_of_zeros() {
    let mut encoder = zstd::Encoder::new(Vec::new(), 3).unwrap();
    std::io::copy(&mut std::io::repeat(0).take(512 << 20), &mut encoder).unwrap();
    install(&encoder.finish().unwrap()).expect(3, &["lacks \"qemu-aarch64-static\", which is on its signed list"]);
}

#[test]
fn a_tar_bomb_of_half_a_gibibyte_in_one_member() {
    let mut encoder = zstd::Encoder::new(Vec::new(), 3).unwrap();
    encoder.write_all(&header(|header| header.set_size(512 << 20))[..512]).unwrap();
    std::io::copy(&mut std::io::repeat(0).take(512 << 20), &mut encoder).unwrap();
    install(&encoder.finish().unwrap()).expect(3, &["has 536870912 bytes, not the signed 4096"]);
}

#[test]
fn a_tar_bomb_of_ten_thousand_members() {
    let empty = |index: u32| Packed { name: format!("x{index}"), content: Vec::new(), ..good() };
    let bomb: Vec<Packed> = std::iter::once(good()).chain((0..10_000).map(empty)).collect();
    install(&archive(&bomb)).expect(3, &["holds \"x0\", which is not on its signed list"]);
}

#[test]
fn a_window_of_two_gibibytes() {
    // A frame's header by RFC 8878: magic number, no content size, no checksum, and a window of 2^31 bytes; then one
    // raw block, the last, of a byte.
    let frame = [0x28, 0xb5, 0x2f, 0xfd, 0x00, (31 - 10) << 3, 0x09, 0x00, 0x00, b'x'];
    install(&frame).expect(3, &["is not a sound archive: ", "too much memory"]);
}

#[test]
fn frames_before_between_and_behind() {
    let tar = plain_archive(&[good()]);
    let skippable = [&[0x50, 0x2a, 0x4d, 0x18, 4, 0, 0, 0][..], b"skip"].concat();
    let sound = compressed(&tar);
    let halves = [compressed(&tar[..1024]), compressed(&tar[1024..])].concat();
    let rows = [
        ("skippable, before", [&skippable[..], &sound].concat(), "lacks \"qemu-aarch64-static\""),
        ("skippable, behind", [&sound[..], &skippable].concat(), "holds more behind its last member"),
        ("a second one", [&sound[..], &sound].concat(), "holds more behind its last member"),
        ("an empty one behind", [&sound[..], &compressed(b"")].concat(), "holds more behind its last member"),
        ("two halves", halves, "has 512 bytes, not the signed 4096"),
        ("a byte", [&sound[..], b"x"].concat(), "holds more behind its last member"),
        ("cut short", sound[..sound.len() - 8].to_vec(), "is not a sound archive"),
    ];
    for (row, bytes, words) in rows {
        let said = install(&bytes);
        assert_eq!(said.code, Some(3), "{row}: {said:#?}");
        assert!(said.stderr.contains(words), "{row}: {said:#?}");
    }
}

#[test]
fn extension_headers_rename_and_resize_nothing() {
    let records = |text: &str| Packed {
        name: "pax".to_owned(),
        kind: EntryType::XHeader,
        mode: 0o644,
        content: text.as_bytes().to_vec(),
    };
    let rows = [
        ("a size", records("13 size=4097\n"), "xheader"),
        ("a size of nothing", records("10 size=0\n"), "xheader"),
        ("a path", records("17 path=/etc/motd\n"), "xheader"),
        ("for all", Packed { kind: EntryType::XGlobalHeader, ..records("13 size=4097\n") }, "xglobalheader"),
        ("a long name", Packed { kind: EntryType::GNULongName, ..records("../../etc/passwd\0") }, "gnulongname"),
        ("a long link", Packed { kind: EntryType::GNULongLink, ..records("/etc/passwd\0") }, "gnulonglink"),
        ("sparse", Packed { kind: EntryType::GNUSparse, ..good() }, "gnusparse"),
        ("contiguous", Packed { kind: EntryType::Continuous, ..good() }, "continuous"),
        ("of no known kind", Packed { kind: EntryType::new(b'Z'), ..good() }, "of unknown type \"Z\""),
    ];
    for (row, extension, kind) in rows {
        let said = install(&archive(&[extension, good()]));
        assert_eq!(said.code, Some(3), "{row}: {said:#?}");
        assert!(said.stderr.contains(&format!("which is {kind}, not a plain file")), "{row}: {said:#?}");
    }
}

#[test]
fn headers_that_are_out_of_shape() {
    let whole = u64::MAX;
    let rows = [
        ("a size of almost all numbers", header(|header| header.set_size(whole)), "has "),
        (
            "a size that is no number",
            header(|header| header.as_mut_bytes()[124..136].fill(b'x')),
            "is not a sound archive",
        ),
        (
            "a mode that is no number",
            header(|header| header.as_mut_bytes()[100..108].fill(b'x')),
            "is not a sound archive",
        ),
        ("a name without end", header(|header| header.as_mut_bytes()[..100].fill(b'a')), "not on its signed list"),
        ("no name", header(|header| header.as_mut_bytes()[..100].fill(0)), "not on its signed list"),
        ("a prefix", header(prefixed), "holds \"x/qemu-aarch64-static\", which is not on its signed list"),
    ];
    for (row, tar, words) in rows {
        let said = install(&compressed(&tar));
        assert_eq!(said.code, Some(3), "{row}: {said:#?}");
        assert!(said.stderr.contains(words), "{row}: {said:#?}");
    }
    let mut tar = plain_archive(&[good()]);
    tar[148] ^= 1;
    install(&compressed(&tar)).expect(3, &["is not a sound archive"]);
}

/// The name in two fields, as POSIX has it.
fn prefixed(header: &mut tar::Header) {
    let bytes = header.as_mut_bytes();
    bytes[257..265].copy_from_slice(b"ustar\x0000");
    bytes[345] = b'x';
}
