//! What is read and written byte for byte: rules, entries, headers, versions, paths, times.

use std::cmp::Ordering;

use qus::elf::{Class, Header, NotElf, machine};
use qus::entry::Entry;
use qus::host::Host;
use qus::moment::Moment;
use qus::rooted::RootedPath;
use qus::rule::{BadRule, Flags, KernelVersion, Match, Pattern, Rule, RuleName};
use qus::target::Target;
use qus::version::Version;

use crate::support::publisher::{target, version};

fn rule(name: &str) -> Rule {
    Rule::new(target(name), Match::Elf, "/usr/bin/emulator", Flags::for_kernel(KernelVersion(6, 12), false)).unwrap()
}

#[test]
fn a_rule_is_one_line_with_every_byte_escaped() {
    let expected = concat!(
        r":qemu-aarch64:M:0:\x7f\x45\x4c\x46\x02\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\xb7\x00",
        r":\xff\xff\xff\xff\xff\xff\xff\x00\xff\xff\xff\xff\xff\xff\xff\xff\xfe\xff\xff\xff:/usr/bin/emulator:POF",
    );
    assert_eq!(rule("aarch64").line(), expected);
}

#[test]
fn a_line_in_whatever_spelling_is_the_rule_that_it_was_made_of() {
    for target in Target::all() {
        for programs in [Match::Elf, Match::AppImage] {
            let rule = Rule::new(target, programs, "/opt/a b/emulator", Flags::default()).unwrap();
            assert_eq!(Rule::parse(&rule.line()), Ok(rule));
        }
    }
    // As box64 and Python write theirs.
    let box64 = r",box64,M,,\x7fELF\x02\x01,\xff\xff\xff\xff\xff\xff,/usr/bin/box64,";
    let Pattern::Magic { offset: 0, magic, mask } = Rule::parse(box64).unwrap().pattern else { unreachable!() };
    assert_eq!((magic.as_slice(), mask.as_slice()), (&b"\x7fELF\x02\x01"[..], &[0xff; 6][..]));
    let extension = Rule::parse(":py:E::pyc::/usr/bin/odd:name:P").unwrap_err();
    assert_eq!(extension, BadRule::Line(":py:E::pyc::/usr/bin/odd:name:P".to_owned()));
    let extension = Rule::parse("|py|E||pyc||/usr/bin/odd:name|P").unwrap();
    assert_eq!(extension.line(), "|py|E||pyc||/usr/bin/odd:name|P");
    for nonsense in
        ["", ":", "::::::::", ":a:M:0:::/x:", ":a:M:x:ab::/x:", r":a:M::\xg0::/x:", ":a:M::ab:c:/x:", ":/:M::ab::/x:"]
    {
        assert!(Rule::parse(nonsense).is_err(), "{nonsense}");
    }
}

#[test]
fn argv0_is_kept_only_where_the_kernel_tells_the_emulator() {
    assert_eq!(Flags::for_kernel(KernelVersion(5, 11), false).as_str(), "OF");
    assert_eq!(Flags::for_kernel(KernelVersion(5, 12), false).as_str(), "POF");
    assert_eq!(Flags::for_kernel(KernelVersion(6, 12), true).as_str(), "POCF");
    assert_eq!(KernelVersion::parse("6.12.107+deb13-amd64"), Some(KernelVersion(6, 12)));
    assert_eq!(KernelVersion::parse("7.2-rc1"), Some(KernelVersion(7, 2)));
}

#[test]
fn an_emulator_path_that_the_kernel_cannot_hold_is_refused() {
    let refusal = |path: &str| Rule::new(target("arm"), Match::Elf, path, Flags::default()).unwrap_err();
    assert_eq!(refusal("bin/emulator"), BadRule::Relative("bin/emulator".to_owned()));
    assert_eq!(refusal("/a:b"), BadRule::Characters("/a:b".to_owned()));
    let long = format!("/{}", "x".repeat(127));
    assert_eq!(refusal(&long), BadRule::Long(long.clone()));
}

#[test]
fn flags_are_a_set_and_letters_of_newer_kernels_are_kept() {
    let flags = |letters: &str| Flags::try_from(letters.to_owned()).unwrap();
    assert_eq!(flags("FOP"), flags("POF"));
    assert_eq!(flags("TF").as_str(), "FT");
    assert_eq!(Flags::try_from("of".to_owned()), Err(BadRule::Flags("of".to_owned())));
}

#[test]
fn an_entry_reads_as_the_rule_that_made_it() {
    let rule = rule("mips");
    let Pattern::Magic { magic, mask, .. } = &rule.pattern else { unreachable!() };
    let (magic, mask) = (qus::hex::encode(magic), qus::hex::encode(mask));
    let text = format!("enabled\ninterpreter /usr/bin/emulator\nflags: POF\noffset 0\nmagic {magic}\nmask {mask}\n");
    assert_eq!(Entry::parse("qemu-mips", &text), Ok(Entry { rule, enabled: true }));
}

#[test]
fn entries_of_others_are_read_too() {
    let text = "disabled\ninterpreter /usr/bin/wine\nflags: \nextension .exe\n";
    let entry = Entry::parse("wine", text).unwrap();
    assert!(!entry.enabled);
    assert_eq!(entry.rule.line(), ":wine:E::exe::/usr/bin/wine:");
    let text = "enabled\ninterpreter /init\nflags: PF\noffset 0\nmagic 4d5a\n";
    assert_eq!(Entry::parse("WSLInterop", text).unwrap().rule.line(), r":WSLInterop:M:0:\x4d\x5a:\xff\xff:/init:PF");
    let unknown = Entry::parse("new", "enabled\ninterpreter /x\nflags: \nprogram 17\n").unwrap_err();
    assert_eq!(unknown.line, "program 17");
}

#[test]
fn names_that_the_kernel_or_a_path_would_misread_are_no_rule_names() {
    for name in ["", ".", "..", "register", "status", "a/b", "a:b", "a\nb"] {
        assert_eq!(RuleName::try_from(name.to_owned()), Err(BadRule::Name(name.to_owned())));
    }
}

#[test]
fn a_header_tells_the_host() {
    let mut arm = qus::program::Program::of(target("arm")).elf;
    assert_eq!(Host::of(&Header::parse(&arm).unwrap()), Some(Host::Arm32v6));
    arm[37] = 4; // EF_ARM_ABI_FLOAT_HARD
    assert_eq!(Host::of(&Header::parse(&arm).unwrap()), Some(Host::Arm32v7));
    let header = Header::parse(&qus::program::Program::of(target("s390x")).elf).unwrap();
    assert_eq!((header.class, header.machine), (Class::Elf64, machine::S390));
    assert_eq!(Host::of(&header), Some(Host::S390x));
}

#[test]
fn what_is_no_elf_header_is_refused_whatever_its_length() {
    let elf = qus::program::Program::of(target("x86_64")).elf;
    for length in 0..64 {
        assert_eq!(Header::parse(&elf[..length]), Err(NotElf::Short), "{length} bytes");
    }
    assert_eq!(Header::parse(&[0; 64]), Err(NotElf::Magic));
    let mut odd = elf;
    odd[4] = 3;
    assert_eq!(Header::parse(&odd), Err(NotElf::Ident));
}

#[test]
fn versions_are_ordered_as_debian_orders_them() {
    let ascending = [
        "7.2-7+deb12u15",
        "7.2-7+deb12u18",
        "10.0.13-0+deb13u1",
        "11.1.0~rc1-1",
        "11.1.0-1",
        "11.1.3-1",
        "11.1.3-2",
        "11.1.10-1",
    ];
    for pair in ascending.windows(2) {
        assert_eq!(version(pair[0]).cmp(&version(pair[1])), Ordering::Less, "{pair:?}");
    }
}

#[test]
fn a_version_is_never_a_path() {
    for text in ["", "..", "1/2", "../1", "1..2", "v1", "1 2", "1\n"] {
        assert!(text.parse::<Version>().is_err(), "{text:?}");
    }
}

#[test]
fn a_rooted_path_is_absolute_and_plain() {
    for path in ["", "etc", "/etc/../x", "/./x", "//x", "/x/"] {
        assert!(RootedPath::try_from(path.to_owned()).is_err(), "{path:?}");
    }
    let path = RootedPath::try_from("/usr/local/lib".to_owned()).unwrap();
    let ancestors: Vec<String> = path.ancestors().map(String::from).collect();
    assert_eq!(ancestors, ["/usr/local/lib", "/usr/local", "/usr"]);
    let other = RootedPath::try_from("/usr/localized".to_owned()).unwrap();
    assert!(path.is_below(&RootedPath::try_from("/usr/local".to_owned()).unwrap()));
    assert!(!other.is_below(&RootedPath::try_from("/usr/local".to_owned()).unwrap()));
}

#[test]
fn moments_are_spelled_as_rfc_3339() {
    let moment: Moment = "2026-11-20T18:00:00Z".parse().unwrap();
    assert_eq!(moment, Moment(1_795_197_600));
    assert_eq!(moment.to_string(), "2026-11-20T18:00:00Z");
    assert_eq!(Moment(u64::MAX).to_string(), "9999-12-31T23:59:59Z");
    assert!("yesterday".parse::<Moment>().is_err());
}
