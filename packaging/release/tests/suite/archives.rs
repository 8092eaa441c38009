//! Archives: how they are packed, and that `verify` refuses every other way.

use std::io::{Read, Write};

use qus::host::Host;
use qus::release::{Asset, Form, Member};
use qus_release::archive::{BadArchive, check};

use crate::files::{AARCH64, INTERP, LOAD, X86_64, elf, emulator, line, sha256};
use crate::workshop::Workshop;

fn asset(form: Form, targets: &[(&str, &[u8])]) -> Asset {
    let member = |(target, content): &(&str, &[u8])| Member {
        target: target.parse().unwrap(),
        size: content.len() as u64,
        sha256: sha256(content),
    };
    Asset {
        file: "archive".to_owned(),
        form,
        host: Host::Amd64,
        size: 0,
        sha256: sha256(b""),
        members: targets.iter().map(member).collect(),
    }
}

/// Whether an error is the one expected.
type Expected = fn(&BadArchive) -> bool;

/// Name, type, mode and content.
type Entry<'a> = (&'a str, tar::EntryType, u32, &'a [u8]);

fn tarball(entries: &[Entry]) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for (name, kind, mode, content) in entries {
        let mut header = tar::Header::new_gnu();
        header.set_path(name).unwrap();
        header.set_entry_type(*kind);
        header.set_mode(*mode);
        header.set_size(content.len() as u64);
        header.set_cksum();
        builder.append(&header, *content).unwrap();
    }
    builder.into_inner().unwrap()
}

fn plain<'a>(name: &'a str, content: &'a [u8]) -> Entry<'a> {
    (name, tar::EntryType::Regular, 0o755, content)
}

fn compress(form: Form, bytes: &[u8]) -> Vec<u8> {
    if form == Form::Tgz {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    } else {
        zstd::encode_all(bytes, 1).unwrap()
    }
}

#[test]
fn members_bear_no_trace_of_who_packed_them_and_when() {
    let workshop = Workshop::new();
    workshop.import_usual();
    let file = std::fs::File::open(workshop.path("repository/11.1.3-1/qemu-static-all_amd64.tar.zst")).unwrap();
    let mut archive = tar::Archive::new(zstd::Decoder::new(file).unwrap());
    let mut names = Vec::new();
    for entry in archive.entries().unwrap().raw(true) {
        let entry = entry.unwrap();
        let header = entry.header();
        assert_eq!((header.mode().unwrap(), header.mtime().unwrap()), (0o755, 0));
        assert_eq!((header.uid().unwrap(), header.gid().unwrap()), (0, 0));
        assert_eq!((header.username(), header.groupname()), (Ok(Some("")), Ok(Some(""))));
        assert!(header.entry_type().is_file());
        names.push(String::from_utf8(entry.path_bytes().into_owned()).unwrap());
    }
    assert_eq!(names, ["qemu-aarch64-static", "qemu-arm-static", "qemu-riscv64-static"]);
}

#[test]
fn a_gzip_header_bears_no_time_and_no_name() {
    let workshop = Workshop::new();
    workshop.import_usual();
    let mut header = [0; 10];
    let path = workshop.path("repository/11.1.3-1/qemu-arm-static_amd64.tgz");
    std::fs::File::open(path).unwrap().read_exact(&mut header).unwrap();
    assert_eq!(header, [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff]);
}

#[test]
fn a_frame_tells_its_size_and_asks_for_no_large_window() {
    let workshop = Workshop::new();
    // Longer than the window, and not to be compressed to nothing.
    let noise: Vec<u8> = (0..10 << 20).map(|at: u32| at.wrapping_mul(2_654_435_761).to_be_bytes()[0]).collect();
    let large = [emulator("arm"), noise].concat();
    workshop.write("built/qemu-arm", &large);
    workshop.import(&["built", "--version", "11.1.3-1"]).unwrap();
    let bytes = std::fs::read(workshop.path("repository/11.1.3-1/qemu-arm-static_amd64.tar.zst")).unwrap();
    let size = zstd::zstd_safe::get_frame_content_size(&bytes).unwrap();
    assert_eq!(size, Some(512 + (large.len() as u64).next_multiple_of(512) + 1024));
    // Frame header (RFC 8878, 3.1.1.1): the window descriptor follows magic number and descriptor;
    // its upper five bits are the logarithm less ten.
    assert_eq!(u32::from(bytes[5] >> 3) + 10, 23);
}

#[test]
fn a_sound_archive_of_either_compression_is_accepted() {
    for form in [Form::Emulator, Form::Tgz] {
        let arm = emulator("arm");
        let bytes = compress(form, &tarball(&[plain("qemu-arm-static", &arm)]));
        check(&asset(form, &[("arm", &arm)]), &bytes[..]).unwrap();
    }
}

#[test]
fn an_archive_that_is_not_exactly_its_list_is_refused() {
    use BadArchive as Bad;
    let arm = emulator("arm");
    let changed = [&arm[..arm.len() - 1], b"x"].concat();
    let foreign = elf(AARCH64, LOAD, &line("arm", "11.1.3"));
    let dynamic = elf(X86_64, INTERP, &line("arm", "11.1.3"));
    let good = || plain("qemu-arm-static", &arm);
    let mode = (good().0, good().1, 0o4755, good().3);
    let link = ("qemu-arm-static", tar::EntryType::Symlink, 0o755, &b""[..]);
    let long = ("././@LongLink", tar::EntryType::GNULongName, 0o644, &b"qemu-arm-static\0"[..]);
    let cases: [(&str, &[u8], Vec<Entry>, Expected); 11] = [
        ("another file", &arm, vec![good(), plain("qemu-sh4-static", &arm)], |e| matches!(e, Bad::Unlisted { .. })),
        ("a path", &arm, vec![plain("bin/qemu-arm-static", &arm)], |e| matches!(e, Bad::Unlisted { .. })),
        ("a long name", &arm, vec![long, good()], |e| matches!(e, Bad::Unlisted { .. })),
        ("twice", &arm, vec![good(), good()], |e| matches!(e, Bad::Twice { .. })),
        ("nothing", &arm, vec![], |e| matches!(e, Bad::Missing { .. })),
        ("a link", &arm, vec![link], |e| matches!(e, Bad::NotPlain { .. })),
        ("set user id", &arm, vec![mode], |e| matches!(e, Bad::NotPlain { .. })),
        ("shorter", &arm, vec![plain("qemu-arm-static", &arm[..100])], |e| matches!(e, Bad::Size { .. })),
        ("changed", &arm, vec![plain("qemu-arm-static", &changed)], |e| matches!(e, Bad::Hash { .. })),
        ("of another host", &foreign, vec![plain("qemu-arm-static", &foreign)], |e| matches!(e, Bad::WrongHost { .. })),
        ("dynamic", &dynamic, vec![plain("qemu-arm-static", &dynamic)], |e| matches!(e, Bad::WrongHost { .. })),
    ];
    for (what, listed, entries, expected) in cases {
        for form in [Form::Emulator, Form::Tgz] {
            let bytes = compress(form, &tarball(&entries));
            let error = check(&asset(form, &[("arm", listed)]), &bytes[..]).unwrap_err();
            assert!(expected(&error), "{what}: {error}");
        }
    }
}

#[test]
fn nothing_may_stand_behind_the_last_member() {
    let arm = emulator("arm");
    let tarball = tarball(&[plain("qemu-arm-static", &arm)]);
    for form in [Form::Emulator, Form::Tgz] {
        let asset = asset(form, &[("arm", &arm)]);
        let refused = |bytes: &[u8]| check(&asset, bytes).unwrap_err();
        let inside = compress(form, &[tarball.as_slice(), b"more"].concat());
        assert!(matches!(refused(&inside), BadArchive::Trailing { .. }));
        let padded = compress(form, &[tarball.as_slice(), &vec![0; 1 << 20]].concat());
        assert!(matches!(refused(&padded), BadArchive::Trailing { .. }));
        let behind = [compress(form, &tarball), b"more".to_vec()].concat();
        assert!(matches!(refused(&behind), BadArchive::Trailing { .. }));
        let twice = compress(form, &tarball).repeat(2);
        assert!(matches!(refused(&twice), BadArchive::Trailing { .. }));
        let cut = compress(form, &tarball);
        assert!(matches!(refused(&cut[..cut.len() / 2]), BadArchive::Damaged { .. }));
    }
}

#[test]
fn a_window_larger_than_qus_grants_is_refused() {
    let arm = emulator("arm");
    let mut encoder = zstd::Encoder::new(Vec::new(), 1).unwrap();
    encoder.window_log(28).unwrap();
    encoder.write_all(&tarball(&[plain("qemu-arm-static", &arm)])).unwrap();
    let bytes = encoder.finish().unwrap();
    let error = check(&asset(Form::Emulator, &[("arm", &arm)]), &bytes[..]).unwrap_err();
    assert!(matches!(error, BadArchive::Damaged { .. }), "{error}");
}
