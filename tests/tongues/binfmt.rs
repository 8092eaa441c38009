//! `binfmt`: tonistiigi's and linuxkit's.

use std::fmt::Write;
use std::process::Stdio;

use serde_json::Value;

use crate::support::machine::Said;
use crate::support::real::{self, program, provided, runs};
use crate::support::sandbox::Sandbox;
use crate::support::table_of_the_book::{rows, walk};

const BOOK: &str = include_str!("../../docs/tongues/binfmt.md");

/// A machine on which qus is called `binfmt`, with Debian's emulators in `/usr/bin` and nobody else's.
fn machine() -> Sandbox {
    prepare(Sandbox::new())
}

fn prepare(machine: Sandbox) -> Sandbox {
    machine.call_it(&["qus", "binfmt"]);
    let debian = provided("QUS_TEST_NEIGHBOURS").join("debian-13/usr/bin");
    let script = format!(
        "rm -f /usr/bin/qemu-*; mkdir /usr/local/lib/emulators
         for target in aarch64 arm riscv64; do
             ln -s {debian}/qemu-$target /usr/bin/; ln -s {debian}/qemu-$target /usr/local/lib/emulators/own-qemu-$target
         done
         ln -s {debian}/qemu-arm /usr/local/lib/emulators/qemu-arm",
        debian = debian.display()
    );
    machine.shell(&script).expect(0, &[]);
    machine
}

/// The platforms that are the machine's own, by what the kernel says of its processor.
fn own_platforms() -> Vec<String> {
    let processor = std::fs::read_to_string("/proc/cpuinfo").unwrap();
    let flags: Vec<&str> = processor.lines().find(|line| line.starts_with("flags")).unwrap().split(' ').collect();
    // The last that came with each level.
    let levels = [("v2", "sse4_2"), ("v3", "avx2"), ("v4", "avx512vl")];
    let levels = levels.iter().take_while(|(_, flag)| flags.contains(flag));
    let levels = levels.map(|(level, _)| format!("linux/amd64/{level}"));
    std::iter::once("linux/amd64".to_owned()).chain(levels).collect()
}

/// The document that `PLATFORM… : ENTRY…` stands for in the book.
fn document(short: &str) -> String {
    let (platforms, entries) = short.split_once(':').unwrap();
    let platforms = own_platforms().into_iter().chain(platforms.split_whitespace().map(str::to_owned));
    let list = |name: &str, words: Vec<String>| {
        let words: Vec<String> = words.iter().map(|word| format!("    \"{word}\"")).collect();
        match words.as_slice() {
            [] => format!("  \"{name}\": []"),
            words => format!("  \"{name}\": [\n{}\n  ]", words.join(",\n")),
        }
    };
    let entries = entries.split_whitespace().map(str::to_owned).collect();
    format!("{{\n{},\n{}\n}}", list("supported", platforms.collect()), list("emulators", entries))
}

/// The book with every document in full.
fn book() -> String {
    const SHORT: &str = "`JSON ";
    let mut pieces = BOOK.split(SHORT);
    let mut book = pieces.next().unwrap().to_owned();
    for piece in pieces {
        let (short, rest) = piece.split_once('`').unwrap();
        let lines: Vec<String> = document(short).lines().map(|line| format!("`{line}`")).collect();
        let _ = write!(book, "{}{rest}", lines.join("<br>"));
    }
    book
}

#[test]
fn every_row_of_the_book_is_as_it_says() {
    walk(&book(), machine);
}

#[test]
fn what_qus_installed_is_its_own_and_apply_brings_it_back() {
    let machine = real::machine();
    machine.call_it(&["binfmt"]);
    machine.qus(&["install", "aarch64", "riscv64"]).expect(0, &[]);
    let table = machine.table();
    machine.run("/usr/local/bin/binfmt", &["--uninstall", "arm64"]).expect(0, &["uninstalling: qemu-aarch64 OK"]);
    assert!(!machine.table().contains("qemu-aarch64") && machine.table().contains("qemu-riscv64"));
    machine.run("/usr/local/bin/binfmt", &["--uninstall", "qemu-*"]).expect(0, &["uninstalling: qemu-riscv64 OK"]);
    assert_eq!(machine.table(), "[register]\n[status]\nenabled\n");
    machine.qus(&["apply"]).expect(0, &[]);
    assert_eq!(machine.table(), table);
}

/// What docker/setup-qemu-action does with the image that it is told of.
fn setup_qemu_action(machine: &Sandbox, platforms: &str) -> Vec<String> {
    let call = |words: &[&str]| -> Said {
        let said = machine.run("/usr/local/bin/binfmt", words);
        // It fails where both are so, and shows the last line.
        assert!(said.stderr.is_empty() || said.code == Some(0), "{said:#?}");
        said
    };
    call(&["--version"]);
    call(&["--uninstall", "qemu-*"]);
    call(&["--install", platforms]);
    let status: Value = serde_json::from_str(call(&[]).stdout.trim()).unwrap();
    serde_json::from_value(status["supported"].clone()).unwrap()
}

#[test]
fn setup_qemu_action_gets_what_it_asks_for_and_programs_run() {
    for platforms in ["all", "arm64,riscv64", "linux/amd64,linux/arm64,linux/riscv64"] {
        let machine = machine();
        for _ in 0..2 {
            let supported = setup_qemu_action(&machine, platforms);
            for platform in ["linux/amd64", "linux/arm64", "linux/riscv64"] {
                assert!(supported.iter().any(|found| found == platform), "{supported:?}");
            }
            assert_eq!(supported.iter().any(|found| found == "linux/arm/v7"), platforms == "all");
        }
        runs(&machine, &program("arm64"), "aarch64");
        runs(&machine, &program("riscv64"), "riscv64");
        if platforms == "all" {
            runs(&machine, &program("armhf"), "armv7l");
        }
    }
}

#[test]
fn the_last_line_of_a_failure_says_why() {
    let machine = machine();
    let said = machine.run("/usr/local/bin/binfmt", &["--install", "arm64,s390x"]);
    assert_eq!((said.code, said.stdout.as_str()), (Some(1), ""));
    assert_eq!(said.stderr.lines().last(), Some("error: emulator \"/usr/bin/qemu-s390x\" is not there"));
    machine.shell("cp --remove-destination /bin/true /usr/bin/qemu-arm").expect(0, &[]);
    let said = machine.run("/usr/local/bin/binfmt", &["--install", "all"]).expect(10, &["installing: arm64 OK"]);
    let why =
        "an emulator is registered and does not run: arm registered, but its emulator is not found in another root";
    assert_eq!(said.stderr.lines().last(), Some(format!("error: {why}").as_str()));
}

#[test]
fn the_version_is_the_one_that_an_emulator_tells() {
    let machine = machine();
    let version = machine.shell("/usr/bin/qemu-aarch64 --version").expect(0, &[]).stdout;
    let version = version.split(' ').nth(2).unwrap();
    let said = machine.run("/usr/local/bin/binfmt", &["--version"]);
    let expected = format!("binfmt/qus-{} qemu/{version}\n", env!("CARGO_PKG_VERSION"));
    assert_eq!((said.code, said.stdout.as_str(), said.stderr.as_str()), (Some(0), "", expected.as_str()));
    // What is no emulator is not asked for long, and tells nothing.
    machine.shell("rm /usr/bin/qemu-*; cp /bin/sleep /usr/bin/qemu-aarch64").expect(0, &[]);
    machine.run("/usr/local/bin/binfmt", &["--version"]).expect(0, &["qemu/none"]);
}

#[test]
fn whoever_may_not_register_may_ask() {
    let machine = machine();
    machine.run("/usr/local/bin/binfmt", &["--install", "arm64"]).expect(0, &[]);
    let asking = ["--bounding-set=-all", "--inh-caps=-all", "/usr/local/bin/binfmt"];
    let said = machine.run("setpriv", &asking).expect(0, &[]);
    assert_eq!(said.stdout, document("linux/arm64 linux/386 : qemu-aarch64") + "\n");
    // As in most containers.
    let read_only = "mount -o remount,bind,ro /proc/sys/fs/binfmt_misc; exec binfmt \"$@\"";
    let in_vain =
        |words: &[&str]| machine.run("unshare", &[&["--mount", "sh", "-ec", read_only, "sh"], words].concat());
    in_vain(&[]).expect(0, &["qemu-aarch64"]);
    let before = machine.table();
    for words in [["--install", "riscv64"], ["--install", "all"], ["--uninstall", "arm64"]] {
        let said = in_vain(&words).expect(9, &["binfmt_misc is mounted read-only here"]);
        assert_eq!(said.stdout, "");
    }
    assert_eq!(machine.table(), before);
}

#[test]
fn without_a_table_there_is_a_status_and_nothing_else() {
    let machine = prepare(Sandbox::without_table());
    let said = machine.run("/usr/local/bin/binfmt", &[]).expect(0, &[]);
    assert_eq!(said.stdout, document("linux/386 :") + "\n");
    let before = machine.changes();
    for words in [&["--install", "all"][..], &["--install", "arm64"], &["-dir", "/run/rules"]] {
        machine.shell("mkdir -p /run/rules; echo :one:E::one::/bin/true: > /run/rules/a").expect(0, &[]);
        machine.run("/usr/local/bin/binfmt", words).expect(9, &["binfmt_misc is not mounted"]);
        machine.shell("rm -r /run/rules").expect(0, &[]);
    }
    assert_eq!(machine.changes(), before);
}

#[test]
fn many_at_once_wait_for_each_other() {
    let machine = machine();
    let started = ["arm64", "arm", "riscv64", "all"].map(|word| {
        let mut command = machine.command("/usr/local/bin/binfmt", &["--install", word]);
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    });
    for one in started {
        Said::by(one.wait_with_output().unwrap()).expect(0, &[]);
    }
    let expected =
        document("linux/arm64 linux/riscv64 linux/386 linux/arm/v7 linux/arm/v6 : qemu-aarch64 qemu-arm qemu-riscv64");
    assert_eq!(machine.run("/usr/local/bin/binfmt", &[]).stdout, expected + "\n");
}

#[test]
fn help_fits_80_columns_and_names_every_option_and_variable_of_the_book() {
    let help = machine().run("/usr/local/bin/binfmt", &["--help"]).expect(0, &[]).stdout;
    assert!(help.lines().all(|line| line.chars().count() <= 80), "{help}");
    let typed: Vec<String> =
        rows(BOOK).iter().filter(|row| row.exit() == 0).flat_map(|row| row.code("typed")).collect();
    for word in typed.iter().flat_map(|line| line.split(' ')) {
        let name = word.split('=').next().unwrap_or(word);
        let is_option = name.starts_with("--");
        let is_variable = word.contains('=') && name.chars().all(|c| c.is_ascii_uppercase() || c == '_');
        if (is_option || is_variable) && !["--help", "--dir", "QUS_DRY_RUN", "QUS_JSON"].contains(&name) {
            assert!(help.contains(name), "\"{name}\" is not in the help");
        }
    }
}
