//! The target table against what other registrars write.

use std::path::Path;

use qus::dropin::packaged;
use qus::elf::ByteOrder;
use qus::program::Program;
use qus::rule::{Flags, KernelVersion, Match, Pattern, Rule};
use qus::target::{Target, UnknownTarget};

/// Upstream's script of QEMU 10.0.13 and Debian's files of 11.1.3, byte for byte.
const GOLDEN: &str = include_str!("golden/magic.tsv");

struct Golden {
    target: Target,
    upstream: (Vec<u8>, Vec<u8>),
    debian: Option<(Vec<u8>, Vec<u8>)>,
}

fn golden() -> Vec<Golden> {
    let pair = |magic: &str, mask: &str| Some((qus::hex::decode(magic)?, qus::hex::decode(mask)?));
    GOLDEN
        .lines()
        .skip(1)
        .map(|line| {
            let column: Vec<&str> = line.split('\t').collect();
            Golden {
                target: column[0].parse().unwrap(),
                upstream: pair(column[1], column[2]).unwrap(),
                debian: pair(column[3], column[4]),
            }
        })
        .collect()
}

#[test]
fn the_table_has_exactly_the_targets_of_the_golden_list() {
    let golden: Vec<Target> = golden().iter().map(|row| row.target).collect();
    assert_eq!(golden, Target::all().collect::<Vec<_>>());
    assert_eq!(golden.len(), 34);
}

#[test]
fn every_rule_is_debians_and_i486_which_debian_lacks_is_upstreams() {
    for row in golden() {
        let ours = (row.target.magic(), row.target.mask());
        assert_eq!(ours, row.debian.unwrap_or(row.upstream), "{}", row.target);
    }
}

#[test]
fn every_difference_from_upstream_is_explained_and_nothing_else_is() {
    for row in golden() {
        let differs = (row.target.magic(), row.target.mask()) != row.upstream;
        assert_eq!(differs, row.target.differs_from_upstream().is_some(), "{}", row.target);
    }
}

#[test]
fn a_rule_matches_the_probe_of_its_own_target_and_no_other() {
    for target in Target::all() {
        for other in Target::all() {
            let matches = Pattern::of(target, Match::Elf).matches(&Program::of(other).elf);
            assert_eq!(matches, target == other, "rule of {target}, program of {other}");
        }
    }
}

#[test]
fn every_probe_is_small_and_has_a_status_of_its_own() {
    let mut statuses: Vec<i32> = Target::all().map(|target| Program::of(target).status).collect();
    assert!(Target::all().all(|target| Program::of(target).elf.len() < 200));
    statuses.sort_unstable();
    statuses.dedup();
    assert_eq!(statuses.len(), 34);
    assert!(statuses.iter().all(|status| (1..=125).contains(status)), "a shell's or a signal's status proves nothing");
}

#[test]
fn every_rule_is_short_enough_for_the_kernel() {
    let path = "/usr/local/lib/qus/bin/11.1.3-1/qemu-microblazeel-static";
    for target in Target::all() {
        let rule = Rule::new(target, Match::Elf, path, Flags::for_kernel(KernelVersion(6, 12), true)).unwrap();
        assert!(rule.line().len() < 512, "{target}");
    }
}

#[test]
fn a_package_brings_the_rule_of_its_emulator_and_a_link_that_leads_to_it() {
    for target in Target::all() {
        let line = packaged::text(target).lines().last().unwrap().to_owned();
        assert_eq!(Rule::parse(&line).unwrap(), packaged::rule(target));
        let from = Path::new(packaged::link(target).as_str()).parent().unwrap().join(packaged::link_content(target));
        let up = from.to_str().unwrap().replace("/lib/binfmt.d/../..", "");
        assert_eq!(up, packaged::path(target).as_str());
    }
    let x86_64: Target = "x86_64".parse().unwrap();
    assert_eq!(packaged::package(x86_64), "qus-emulator-x86-64");
    assert_eq!(packaged::rule(x86_64).interpreter, "/usr/libexec/qus/qemu-x86_64-static");
    assert_eq!(packaged::link(x86_64).as_str(), "/usr/lib/binfmt.d/qus-x86_64.conf");
}

#[test]
fn targets_go_by_the_names_of_qemu_docker_debian_rpm_and_uname() {
    let spellings = [
        ("aarch64", "aarch64 arm64 linux/arm64 linux/arm64/v8 arm64v8 ARM64 AArch64"),
        ("arm", "arm armhf armel linux/arm linux/arm/v7 arm/v7 arm/v6 arm32v7 armv7l armv7hl armv6l"),
        ("x86_64", "x86_64 x86-64 amd64 linux/amd64 x64"),
        ("i386", "i386 i686 i586 386 linux/386 x86"),
        ("ppc64le", "ppc64le ppc64el powerpc64le linux/ppc64le"),
        ("s390x", "s390x linux/s390x"),
        ("riscv64", "riscv64 linux/riscv64"),
        ("loongarch64", "loongarch64 loong64 linux/loong64"),
        ("mips64el", "mips64el mips64le linux/mips64le"),
        ("mipsel", "mipsel mipsle linux/mipsle"),
        ("hppa", "hppa parisc"),
        ("or1k", "or1k openrisc"),
        ("ppc", "ppc powerpc"),
    ];
    for (name, words) in spellings {
        for word in words.split(' ') {
            assert_eq!(word.parse::<Target>().map(Target::name), Ok(name), "{word}");
        }
    }
}

#[test]
fn no_word_names_two_targets() {
    let mut names: Vec<&str> =
        Target::all().flat_map(|target| [target.name()].into_iter().chain(target.aliases().iter().copied())).collect();
    let all = names.len();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), all);
}

#[test]
fn a_misspelt_target_gets_a_guess_and_nonsense_gets_none() {
    let nearest = |word: &str| {
        let UnknownTarget { nearest, .. } = word.parse::<Target>().unwrap_err();
        nearest.map(Target::name)
    };
    assert_eq!(nearest("aarch46"), Some("aarch64"));
    assert_eq!(nearest("arm46"), Some("aarch64"));
    assert_eq!(nearest("risc64"), Some("riscv64"));
    assert_eq!(nearest("s390"), Some("s390x"));
    assert_eq!(nearest("powerpc64el"), Some("ppc64le"));
    assert_eq!(nearest("banana"), None);
}

#[test]
fn what_a_rule_takes_is_a_program_of_its_target() {
    for target in Target::all() {
        for mut head in target.heads() {
            head.resize(64, 0);
            assert_eq!(Target::of_program(&head), Some(target), "{head:x?}");
            // Whatever rules say of them, these bytes do not make another processor.
            for (at, byte) in [(7, 9), (8, b'A'), (9, b'I'), (10, 2)] {
                head[at] = byte;
                assert_eq!(Target::of_program(&head), Some(target), "{head:x?}");
            }
            for kind in [1, 4, 0xfe00] {
                head.truncate(16);
                target.order().push_u16(&mut head, kind);
                target.order().push_u16(&mut head, target.machine());
                head.resize(64, 0);
                assert_eq!(Target::of_program(&head), None, "an object file, a core dump: {head:x?}");
            }
        }
        assert_eq!(Target::of_program(&Program::of(target).elf), Some(target));
    }
}

#[test]
fn variants_that_nothing_runs_are_programs_of_no_target() {
    let head = |class: u8, order: u8, machine: u16| {
        let mut head = vec![0x7f, b'E', b'L', b'F', class, order, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        let order = if order == 1 { ByteOrder::Little } else { ByteOrder::Big };
        order.push_u16(&mut head, 2);
        order.push_u16(&mut head, machine);
        head.resize(64, 0);
        Target::of_program(&head)
    };
    // x32, s390 of 31 bits, ARM64's ILP32, big-endian RISC-V, SuperH of 64 bits, Itanium.
    for (class, order, number) in [(1, 1, 62), (1, 2, 22), (1, 1, 183), (2, 2, 243), (2, 1, 42), (2, 1, 50)] {
        assert_eq!(head(class, order, number), None, "{class} {order} {number}");
    }
}
