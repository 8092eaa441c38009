//! What an emulator is, and what a Debian package says of itself: facts of bytes and text.

use qus::host::Host;
use qus_release::deb::Control;
use qus_release::emulator::{Recognised, TwoNames, recognise};

use crate::files::{AARCH64, INTERP, LOAD, X86_64, elf, line};

fn recognised(target: &str, qemu: &str, host: Result<Host, u16>, dynamic: bool) -> Recognised {
    Recognised { target: target.to_owned(), qemu: qemu.to_owned(), host, dynamic }
}

#[test]
fn an_emulator_is_known_by_the_line_that_tells_its_version() {
    for (machine, segment, line, expected) in [
        (X86_64, LOAD, line("aarch64", "11.1.3"), recognised("aarch64", "11.1.3", Ok(Host::Amd64), false)),
        (AARCH64, LOAD, line("mipsn32el", "7.2.22"), recognised("mipsn32el", "7.2.22", Ok(Host::Arm64v8), false)),
        (X86_64, INTERP, line("arm", "7.2.22"), recognised("arm", "7.2.22", Ok(Host::Amd64), true)),
        (0x9026, LOAD, line("arm", "10.0.13"), recognised("arm", "10.0.13", Err(0x9026), false)),
        // Without a distributor's mark, and with the line alone.
        (
            X86_64,
            LOAD,
            "\0qemu-s390x version 10.0.0\nCopy".to_owned(),
            recognised("s390x", "10.0.0", Ok(Host::Amd64), false),
        ),
        (X86_64, LOAD, "qemu-s390x version 10.0.0".to_owned(), recognised("s390x", "10.0.0", Ok(Host::Amd64), false)),
        // The same line twice says nothing new.
        (X86_64, LOAD, line("arm", "11.1.3").repeat(2), recognised("arm", "11.1.3", Ok(Host::Amd64), false)),
    ] {
        assert_eq!(recognise(&elf(machine, segment, &line)), Ok(Some(expected)), "{line:?}");
    }
}

#[test]
fn what_only_looks_like_that_line_is_no_emulator() {
    for text in [
        "",
        "qemu-%s version %s\n",
        "QEMU emulator version 11.1.3 (Debian 1:11.1.3+ds-1)\n",
        "qemu-arm: version 11.1.3\n",
        "qemu-arm version unknown\n",
        "qemu- version 11.1.3\n",
        "qemu-system arm version 11.1.3\n",
    ] {
        assert_eq!(recognise(&elf(X86_64, LOAD, text)), Ok(None), "{text:?}");
    }
    assert_eq!(recognise(line("arm", "11.1.3").as_bytes()), Ok(None), "it is not an ELF file");
}

#[test]
fn a_file_with_two_such_lines_is_not_believed() {
    let both = [line("arm", "11.1.3"), line("aarch64", "11.1.3")].concat();
    let expected = Err(TwoNames("qemu-aarch64 11.1.3".to_owned(), "qemu-arm 11.1.3".to_owned()));
    assert_eq!(recognise(&elf(X86_64, LOAD, &both)), expected);
}

fn control(version: &str) -> Control {
    Control::parse(&crate::files::control(version, "amd64")).unwrap()
}

#[test]
fn a_release_bears_the_version_of_the_package_without_epoch_and_mark_of_repacking() {
    for (debian, release) in [
        ("1:11.1.3+ds-1", "11.1.3-1"),
        ("1:10.0.13+ds-0+deb13u1", "10.0.13-0+deb13u1"),
        ("1:7.2+dfsg-7+deb12u18+b3", "7.2-7+deb12u18+b3"),
        ("1:10.0.0~rc2+ds-1", "10.0.0~rc2-1"),
        ("1:10.0.2+ds-2~bpo12+1", "10.0.2-2~bpo12+1"),
        ("1:9.2.1+ds-1ubuntu5", "9.2.1-1ubuntu5"),
        ("1:5.2+dfsg1-3", "5.2-3"),
        ("11.1.3", "11.1.3"),
    ] {
        assert_eq!(control(debian).release_version().unwrap().as_str(), release, "{debian}");
    }
}

#[test]
fn the_source_of_a_package_is_where_its_distribution_keeps_it_for_ever() {
    let rebuilt = "Package: qemu-user\nSource: qemu (1:7.2+dfsg-7+deb12u18)\nVersion: 1:7.2+dfsg-7+deb12u18+b3\nArchitecture: amd64\n";
    for (control, url) in [
        (control("1:11.1.3+ds-1"), "https://snapshot.debian.org/package/qemu/1%3A11.1.3%2Bds-1/"),
        (Control::parse(rebuilt).unwrap(), "https://snapshot.debian.org/package/qemu/1%3A7.2%2Bdfsg-7%2Bdeb12u18/"),
        (control("1:9.2.1+ds-1ubuntu5"), "https://launchpad.net/ubuntu/+source/qemu/1%3A9.2.1%2Bds-1ubuntu5"),
    ] {
        assert_eq!(control.source_url(), url);
    }
    assert_eq!(Control::parse("Package: qemu-user\nVersion: 1\n"), None, "it has no architecture");
}

#[test]
fn what_is_linked_in_is_read_with_where_it_stays() {
    let linked = |version: &str, fields: &str| {
        let control = Control::parse(&format!("{}{fields}", crate::files::control(version, "amd64")))?;
        Some(control.linked().into_iter().map(|one| (one.package, one.version, one.source)).collect::<Vec<_>>())
    };
    let said = |package: &str, version: &str, source: &str| (package.to_owned(), version.to_owned(), source.to_owned());
    let glibc = said("glibc", "2.43-7", "https://snapshot.debian.org/package/glibc/2.43-7/");
    let zlib = said("zlib", "1:1.3-4", "https://snapshot.debian.org/package/zlib/1%3A1.3-4/");
    for (fields, expected) in [
        ("", &[][..]),
        ("Built-Using: glibc (= 2.43-7)\n", std::slice::from_ref(&glibc)),
        ("Built-Using: zlib (= 1:1.3-4), glibc (= 2.43-7)\n", &[glibc.clone(), zlib.clone()]),
        (
            "Static-Built-Using:\n zlib (= 1:1.3-4),\n\tglibc (= 2.43-7),\nBuilt-Using: glibc (= 2.43-7)\n",
            &[glibc.clone(), zlib.clone()],
        ),
    ] {
        assert_eq!(linked("1:11.1.3+ds-1", fields).unwrap(), expected, "{fields}");
    }
    let ubuntu = linked("1:9.2.1+ds-1ubuntu5", "Built-Using: glibc (= 2.41-6ubuntu1)\n").unwrap();
    assert_eq!(ubuntu[0].2, "https://launchpad.net/ubuntu/+source/glibc/2.41-6ubuntu1");
    for fields in ["Built-Using: glibc\n", "Built-Using: glibc (>= 2)\n", "Built-Using: glibc (= 2.43-7\n"] {
        assert_eq!(linked("1:11.1.3+ds-1", fields), None, "{fields}");
    }
}
