//! What is meant by what is typed after `binfmt`, and what it tells, as far as no machine matters.

use std::path::Path;

use qus::compat::binfmt::{BadLine, BadWords, Deed, Usage, candidates, rules, supported};
use qus::host::Host;
use qus::rule::{BadRule, Flags};
use qus::system::environment::Environment;
use qus::target::Target;
use qus::wanted::{BadSelection, Dismissal, Letters, Meant, Registration, Selection, Source};

use crate::support::publisher::target;

fn parse(words: &[&str], variables: &Environment) -> Result<Deed, Usage> {
    Deed::parse(&words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>(), variables)
}

fn parse_plainly(words: &[&str]) -> Result<Deed, Usage> {
    parse(words, &Environment::default())
}

fn folder(directory: &str, prefix: &str) -> Source {
    Source::Folder { directory: directory.to_owned(), prefix: prefix.to_owned(), suffix: String::new() }
}

fn flags(letters: &str) -> Flags {
    Flags::try_from(letters.to_owned()).unwrap()
}

#[track_caller]
fn registration(words: &[&str], variables: &Environment) -> Registration {
    match parse(words, variables) {
        Ok(Deed::Emulators { registration: Some(registration), .. }) => *registration,
        other => panic!("{other:?}"),
    }
}

#[track_caller]
fn dismissal(words: &[&str]) -> Dismissal {
    match parse_plainly(words) {
        Ok(Deed::Emulators { dismissal: Some(dismissal), .. }) => dismissal,
        other => panic!("{other:?}"),
    }
}

#[test]
fn options_are_those_of_go() {
    let arm64 = registration(&["--install", "arm64"], &Environment::default());
    assert_eq!(arm64.selection, [target("aarch64")].into_iter().collect());
    for words in [
        &["-install", "arm64"][..],
        &["--install=arm64"],
        &["-install=arm64", "--"],
        &["-install=arm", "-install", "arm64"],
    ] {
        assert_eq!(registration(words, &Environment::default()), arm64, "{words:?}");
    }
    // A value is whatever comes next.
    let taken = parse_plainly(&["--install", "--uninstall"]);
    assert!(matches!(taken, Err(Usage::Selection(BadSelection::Target(_)))), "{taken:?}");
    for words in [&["-h"][..], &["--help"], &["-help=T", "--version"]] {
        assert_eq!(parse_plainly(words), Ok(Deed::Help));
    }
    assert_eq!(parse_plainly(&["-version", "--install", "arm64"]), Ok(Deed::Version(folder("/usr/bin", ""))));
    for words in [&[][..], &["--version=false"], &["--install", ""], &["--install=", "--uninstall", " , "]] {
        let nothing = Deed::Emulators { mount: None, dismissal: None, registration: None };
        assert_eq!(parse_plainly(words), Ok(nothing), "{words:?}");
    }
    let bad = |words: &[&str], error: BadWords| assert_eq!(parse_plainly(words), Err(Usage::Words(error)), "{words:?}");
    let text = str::to_owned;
    bad(&["--instal", "arm64"], BadWords::Unknown(text("--instal")));
    bad(&["---install", "arm64"], BadWords::Unknown(text("---install")));
    bad(&["--install"], BadWords::NoValue(text("--install")));
    bad(&["--install", "arm64", "riscv64"], BadWords::Stray(text("riscv64")));
    bad(&["--", "arm64"], BadWords::Stray(text("arm64")));
    bad(&["-"], BadWords::Stray(text("-")));
    bad(&["-version=yes"], BadWords::NoBoolean { option: text("-version"), value: text("yes") });
    bad(&["-dir", "/etc/binfmt.d", "--install", "all"], BadWords::Mixed);
    bad(&["--uninstall", "qemu-["], BadWords::Pattern { word: text("qemu-["), why: text("invalid range pattern") });
}

#[test]
fn variables_say_where_emulators_lie_and_how_their_rules_are_written() {
    let plain = registration(&["--install", "all"], &Environment::default());
    assert_eq!(plain.selection, Selection::All);
    assert_eq!(plain.source, folder("/usr/bin", ""));
    let letters = Letters { exactly: Some(flags("OCF")), credentials: true, ..Letters::default() };
    assert_eq!(plain.letters, letters);
    let variables = [
        ("QEMU_BINARY_PATH", "/opt/q"),
        ("QEMU_BINARY_PREFIX", "own-"),
        ("QEMU_PRESERVE_ARGV0", "0"),
        ("QUS_CREDENTIALS", "no"),
    ];
    let other = registration(&["--install", "all"], &Environment::from(variables));
    assert_eq!(other.source, folder("/opt/q", "own-"));
    let letters = Letters { exactly: Some(flags("POF")), prefix: "own-".to_owned(), ..Letters::default() };
    assert_eq!(other.letters, letters);
    // What is empty is not set.
    let empty = variables.map(|(name, _)| (name, ""));
    assert_eq!(registration(&["--install", "all"], &Environment::from(empty)), plain);
    for (variable, value, error) in [
        ("QEMU_BINARY_PREFIX", "a/b", BadWords::Prefix("a/b".to_owned())),
        ("QEMU_BINARY_PREFIX", "a:", BadWords::Prefix("a:".to_owned())),
        ("QEMU_BINARY_PATH", "bin", BadWords::Directory("bin".to_owned())),
        ("QUS_CREDENTIALS", "maybe", BadWords::Credentials("maybe".to_owned())),
    ] {
        assert_eq!(parse(&["--install", "all"], &Environment::from([(variable, value)])), Err(error.into()));
    }
}

#[test]
fn lists_are_of_platforms_names_and_patterns() {
    let targets = |words: &str| registration(&["--install", words], &Environment::default()).selection;
    let expected: Selection = ["arm", "aarch64", "mips64el", "x86_64"].map(target).into_iter().collect();
    assert_eq!(targets("linux/arm/v7, linux/arm/v6,,aarch64,linux/arm64/v8,mips64le,linux/amd64"), expected);
    assert_eq!(parse_plainly(&["--install", "all,arm64"]), Err(Usage::Selection(BadSelection::AllAndMore)));
    let pattern = |text: &str| Meant::Pattern(text.parse().unwrap());
    assert_eq!(
        dismissal(&["--uninstall", "qemu-*,arm64,linux/arm/v7,python3.12,qemu-s390x,all"]).entries,
        [
            pattern("qemu-*"),
            Meant::Target(target("aarch64")),
            Meant::Target(target("arm")),
            Meant::Name("python3.12".to_owned()),
            Meant::Name("qemu-s390x".to_owned()),
            pattern("*")
        ]
    );
}

#[test]
fn platforms_have_the_names_and_the_order_of_buildkit() {
    let everything = |_| true;
    assert_eq!(
        supported(Host::Amd64, Some(3), everything).join(" "),
        "linux/amd64 linux/amd64/v2 linux/amd64/v3 linux/arm64 linux/riscv64 linux/ppc64 linux/ppc64le linux/s390x \
         linux/386 linux/mips64le linux/mips64 linux/loong64 linux/arm/v7 linux/arm/v6"
    );
    let x86 = |target: Target| target.name() == "x86_64";
    assert_eq!(supported(Host::Arm64v8, None, x86), ["linux/arm64", "linux/amd64"]);
    assert_eq!(supported(Host::Arm32v7, None, x86), ["linux/arm/v7", "linux/arm/v6", "linux/amd64"]);
    let arm = |target: Target| target.name() == "arm";
    assert_eq!(supported(Host::Arm64v8, None, arm), ["linux/arm64", "linux/arm/v7", "linux/arm/v6"]);
    // That it runs a program of no version in particular does not make a processor a newer one.
    assert_eq!(supported(Host::Arm32v6, None, arm), ["linux/arm/v6"]);
    for host in Host::ALL {
        let all = supported(host, None, everything);
        let mut once = all.clone();
        once.sort();
        once.dedup();
        assert_eq!((all.len(), once.len()), (once.len(), all.len()), "{all:?}");
        assert!(
            candidates(host).iter().all(|target| target.family() != host.family() || target.oci() != Some(&all[0]))
        );
    }
}

#[test]
fn a_line_that_is_no_rule_is_told_with_its_file_and_number() {
    let file = Path::new("/etc/binfmt.d/a.conf");
    let good = ":one:M::ab::/emulator:CF";
    let text = format!("# a comment\n\n{good}\n   \n:two:E::py::/python:\n");
    let names: Vec<String> = rules(file, &text).unwrap().iter().map(|rule| rule.name.to_string()).collect();
    assert_eq!(names, ["one", "two"]);
    let text = format!("{good}\n; no comment\n");
    let error = rules(file, &text).unwrap_err();
    let why = BadRule::Line("; no comment".to_owned());
    assert_eq!(error, BadLine { file: file.to_owned(), line: 2, why });
    assert_eq!(error.to_string(), "\"/etc/binfmt.d/a.conf\", line 2: \"; no comment\" is no rule of binfmt_misc");
}
