//! Others' files, letter by letter, on the machines that they are written for: no kernel is asked.

use std::collections::BTreeSet;

use qus::configuration::DropIn;
use qus::conflict::Conflict;
use qus::entry::Entry;
use qus::host::Host;
use qus::observed::{Binfmt, Observed, Table};
use qus::owner::{Owner, Stance};
use qus::rooted::RootedPath;
use qus::rule::Rule;

use crate::planning::{bare, install};
use crate::support::publisher::target;

const BOX64: &str = r":box64:M::\x7fELF\x02\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\x3e\x00:\xff\xff\xff\xff\xff\xff\xff\x00\x00\x00\x00\xff\xff\xff\xff\xff\xfe\xff\xff\xff:/usr/bin/box64:";
const FEX_X86_64: &str = r":FEX-x86_64:M:0:\x7fELF\x02\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\x3e\x00:\xff\xff\xff\xff\xff\xfe\xfe\x00\x00\x00\x00\xff\xff\xff\xff\xff\xfe\xff\xff\xff:/usr/bin/FEX:POCF";
const FEX_X86: &str = r":FEX-x86:M:0:\x7fELF\x01\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\x03\x00:\xff\xff\xff\xff\xff\xfe\xfe\x00\x00\x00\x00\xff\xff\xff\xff\xff\xfe\xff\xff\xff:/usr/bin/FEX:POCF";
const ROSETTA: &str = r":rosetta:M::\x7fELF\x02\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\x3e\x00:\xff\xff\xff\xff\xff\xfe\xfe\x00\xff\xff\xff\xff\xff\xff\xff\xff\xfe\xff\xff\xff:/mnt/lima-rosetta/rosetta:OCF";
const WINE: &str = ":wine:M::MZ::/usr/bin/wine:";
const PYTHON: &str = r":python3.11:M::\xa7\x0d\x0d\x0a::/usr/bin/python3.11:";
const WSL: &str = ":WSLInterop:M::MZ::/init:FP";
const WSL_LATE: &str = ":WSLInterop-late:M::MZ::/init:FP";

/// What `update-binfmts` keeps of Java's format.
const JAR: &str = "openjdk-17\nmagic\n0\nPK\\x03\\x04\n\n/usr/bin/jexec\n\n\n\n\n";

/// An arm64 machine, which is what those who run `x86_64` programs are for, with a file of theirs that was registered.
fn arm64_with(path: &str, line: &str) -> Observed {
    let mut observed = bare();
    observed.host = Host::Arm64v8;
    observed.own_heads = vec![qus::program::Program::of(target("aarch64")).elf];
    observed.native = BTreeSet::from([target("aarch64"), target("arm")]);
    let mut table = Table { enabled: true, ..Table::default() };
    table.add(Ok(Entry::of(Rule::parse(line).unwrap())));
    observed.binfmt = Binfmt::Mounted(table);
    if !path.is_empty() {
        observed.configuration.add(DropIn::parse(RootedPath::from_trusted(path), line));
    }
    observed
}

#[track_caller]
fn owner_of(path: &str, line: &str) -> Owner {
    let observed = arm64_with(path, line);
    let table = observed.binfmt.table().unwrap();
    let registered = observed.owner(&table.entries[0]);
    let configured = observed.configuration.rules().next().map(|(file, rule)| Owner::of_rule(file, rule));
    assert!(configured.is_none_or(|owner| owner == registered), "{configured:?} and {registered:?}");
    registered
}

#[test]
fn those_who_are_chosen_on_purpose_are_known_and_asked_about() {
    let files = [
        ("/etc/binfmt.d/box64.conf", BOX64, Owner::Box64, "x86_64"),
        ("/usr/lib/binfmt.d/FEX-x86_64.conf", FEX_X86_64, Owner::Fex, "x86_64"),
        ("/usr/lib/binfmt.d/FEX-x86.conf", FEX_X86, Owner::Fex, "i386"),
        ("/usr/lib/binfmt.d/rosetta.conf", ROSETTA, Owner::Rosetta, "x86_64"),
    ];
    for (path, line, owner, runs) in files {
        assert_eq!(owner_of(path, line), owner);
        assert_eq!(owner_of("", line), owner);
        assert_eq!(owner.stance(), Stance::Ask);
        let (target, by) = (target(runs), Rule::parse(line).unwrap().name.to_string());
        assert_eq!(install(&[runs], &arm64_with(path, line)), Err(Conflict::Rival { target, owner, by }));
        // Registered by nobody now, it would be after a boot.
        let mut later = arm64_with(path, line);
        later.binfmt = Binfmt::Mounted(Table { enabled: true, ..Table::default() });
        assert_eq!(install(&[runs], &later), Err(Conflict::Rival { target, owner, by: path.to_owned() }));
    }
}

#[test]
fn those_who_are_no_emulators_are_known_and_take_no_target() {
    let files = [
        ("/etc/binfmt.d/wine.conf", WINE, Owner::Wine),
        ("/usr/lib/binfmt.d/python3.11.conf", PYTHON, Owner::Python),
        ("/usr/lib/binfmt.d/WSLInterop.conf", WSL, Owner::Wsl),
        ("", WSL_LATE, Owner::Wsl),
    ];
    for (path, line, owner) in files {
        assert_eq!(owner_of(path, line), owner);
        let rule = Rule::parse(line).unwrap();
        assert!(!qus::target::Target::all().any(|target| rule.pattern.takes(target)), "{line}");
    }
    let jar = DropIn::parse_format(RootedPath::from_trusted("/var/lib/binfmts/jar"), JAR);
    let [rule] = &jar.rules[..] else { panic!("{jar:?}") };
    assert_eq!(rule.line(), r":jar:M:0:\x50\x4b\x03\x04:\xff\xff\xff\xff:/usr/bin/jexec:");
    assert_eq!(Owner::of_rule(&jar, rule), Owner::Java);
}

#[test]
fn an_administrators_own_file_is_nobodys_that_is_known() {
    let line = FEX_X86_64.replace("/usr/bin/FEX", "/opt/wonder/emulate").replace("FEX-x86_64", "wonder");
    assert_eq!(owner_of("/etc/binfmt.d/wonder.conf", &line), Owner::Unknown);
    assert_eq!(Owner::Unknown.stance(), Stance::Ask);
}
