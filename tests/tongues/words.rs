//! What the words and variables of `register.sh` and `qemu-binfmt-conf.sh` mean, without doing it.

use std::path::PathBuf;

use qus::compat::conf_sh::{self, Request};
use qus::compat::register_sh;
use qus::compat::usage::Usage;
use qus::export::Format;
use qus::rule::Flags;
use qus::system::environment::Environment;
use qus::wanted::{Consent, Letters, PassOver, Registration, Selection, Source};

use crate::support::publisher::target;

fn words(text: &str) -> Vec<String> {
    text.split(' ').filter(|word| !word.is_empty()).map(str::to_owned).collect()
}

fn conf(text: &str) -> Result<Request, Usage> {
    conf_sh::parse(&words(text), &Environment::default())
}

fn register(text: &str) -> Result<register_sh::Request, Usage> {
    register_sh::parse(&words(text), &Environment::default())
}

fn conf_with<const N: usize>(text: &str, variables: [(&str, &str); N]) -> Result<Request, Usage> {
    conf_sh::parse(&words(text), &Environment::from(variables))
}

/// What is registered: the targets, the flags, and where from.
fn registration(targets: &str, flags: &str, directory: &str, suffix: &str) -> Request {
    let (directory, suffix) = (directory.to_owned(), suffix.to_owned());
    let source = if flags.contains('F') {
        Source::Folder { directory, prefix: String::new(), suffix }
    } else {
        Source::Elsewhere { directory, suffix }
    };
    let exactly = Some(Flags::try_from(flags.to_owned()).unwrap());
    Request::Register(Registration {
        selection: Selection::resolve_or_all(&words(targets)).unwrap(),
        source,
        letters: Letters { exactly, ..Letters::default() },
        consent: Consent { emulate_native: false, take_over: true, pass_over: PassOver::Native, ..Consent::default() },
    })
}

#[test]
fn both_spellings_of_the_conf_script_are_told_apart_by_how_they_are_used() {
    let cases = [
        // QEMU's own.
        ("", "", ""),
        ("-p yes", "", "F"),
        ("-p no", "", ""),
        ("-c yes -p yes", "", "OCF"),
        ("--credential yes --persistent yes --preserve-argv0 yes", "", "POCF"),
        ("-g yes", "", "P"),
        // The fork's.
        ("-p", "", "F"),
        ("-p arm", "arm", "F"),
        ("arm -p", "arm", "F"),
        ("-p -c arm aarch64", "aarch64 arm", "OCF"),
        ("--persistent --credential --preserve-argv0 arm", "arm", "POCF"),
        // Of both at once.
        ("-p yes arm", "arm", "F"),
        ("-p arm -c no", "arm", "F"),
        // As getopt takes them.
        ("-pc", "", "OCF"),
        ("-pcyes", "", "OCF"),
        ("-pyes -cno", "", "F"),
        ("--persistent=yes --credential=no", "", "F"),
        ("--pers yes --cred", "", "OCF"),
        ("-persistent", "", "F"),
        ("-persistent=yes -credential no", "", "F"),
        ("-p -- arm", "arm", "F"),
        // The last one counts.
        ("-p -p no", "", ""),
        // Targets, as everybody calls them, each once.
        ("-p arm64,armhf linux/amd64", "aarch64 arm x86_64", "F"),
        ("-p x86-64 arm arm ppc64el", "arm ppc64le x86_64", "F"),
        ("-p aarch64, arm,", "aarch64 arm", "F"),
        ("-p ALL", "", "F"),
    ];
    for (typed, targets, flags) in cases {
        assert_eq!(conf(typed), Ok(registration(targets, flags, "/usr/local/bin", "")), "{typed}");
    }
    for typed in [
        "-Q /opt -F -static -p",
        "-Q/opt -F-static -p",
        "--qemu-path /opt --qemu-suffix -static -p",
        "--path=/opt --suffix=-static -p",
        "--pa /opt --su -static -p",
        "--qemu-p=/opt --qemu-s=-static -p",
        "-pQ /opt -F -static",
    ] {
        assert_eq!(conf(typed), Ok(registration("", "F", "/opt", "-static")), "{typed}");
    }
}

#[test]
fn what_means_nothing_is_an_error_that_says_so() {
    let no = |word: &str| Usage::UnknownOption(word.to_owned());
    let maybe = |what: &str| Usage::YesOrNo { what: what.to_owned(), value: "maybe".to_owned() };
    let ambiguous = |word: &str, could: &[&str]| Usage::Ambiguous {
        word: word.to_owned(),
        could: could.iter().map(|&name| name.to_owned()).collect(),
    };
    let unknown = |word: &str| Usage::from(word.parse::<qus::target::Target>().unwrap_err());
    let cases = [
        ("--none", no("--none")),
        ("-x", no("-x")),
        ("-px", no("-px")),
        ("-none", no("-none")),
        ("--p", ambiguous("--p", &["--path", "--persistent", "--preserve-argv0"])),
        ("--qemu", ambiguous("--qemu", &["--qemu-path", "--qemu-suffix"])),
        ("-Q", Usage::NoValue("-Q".to_owned())),
        ("--suffix", Usage::NoValue("--suffix".to_owned())),
        ("--clear=yes", Usage::NeedlessValue("--clear".to_owned())),
        ("--persistent=maybe", maybe("--persistent")),
        ("-p maybe", unknown("maybe")),
        ("-p cris", unknown("cris")),
        ("-p ,", unknown(",")),
        ("-p all arm", Usage::AllAndMore),
        ("-s -r", Usage::ClearOfExport),
        ("-r -d arm", Usage::ClearOfExport),
    ];
    for (typed, error) in cases {
        assert_eq!(conf(typed), Err(error), "{typed}");
    }
    // It would mean all.
    assert_eq!(conf_sh::parse(&["-p".to_owned(), String::new()], &Environment::default()), Err(unknown("")));
    assert_eq!(conf_with("", [("QEMU_PERSISTENT", "maybe")]), Err(maybe("QEMU_PERSISTENT")));
    assert_eq!(conf_with("", [("HOST_ARCH", "pdp11")]), Err(Usage::UnknownHost("pdp11".to_owned())));
    let before = |word: &str, instead: &str| Usage::BeforeDashes { word: word.to_owned(), instead: instead.to_owned() };
    let cases = [
        ("-s aarch64", before("aarch64", "register.sh -s -- -p aarch64")),
        ("-p aarch64", before("-p", "register.sh -s -- -p TARGET, or, for all: register.sh -p yes")),
        ("-c", before("-c", "register.sh -s -- -c, or: register.sh -c yes")),
        ("-r", before("-r", "register.sh -- -r")),
        ("--test -- arm", before("--test", "register.sh -- --test")),
        ("--reset arm", before("arm", "register.sh -s -- -p arm")),
        ("--nothing", no("--nothing")),
        ("--reset -- -s", Usage::ClearOfExport),
    ];
    for (typed, error) in cases {
        assert_eq!(register(typed), Err(error), "{typed}");
    }
}

#[test]
fn variables_count_where_nothing_is_typed() {
    let path = [("QEMU_PATH", "/opt"), ("QEMU_SUFFIX", "-static"), ("QEMU_PERSISTENT", "yes")];
    assert_eq!(conf_with("", path), Ok(registration("", "F", "/opt", "-static")));
    assert_eq!(
        conf_with("-Q /usr/bin -F -x -p no arm", path),
        Ok(registration("arm", "", "/usr/bin", "-x")),
        "what is typed counts"
    );
    let usual = |targets: &str| Ok(registration(targets, "", "/usr/local/bin", ""));
    assert_eq!(conf_with("", [("QEMU_TARGETS", "arm, aarch64\nriscv64 ")]), usual("arm aarch64 riscv64"));
    assert_eq!(conf_with("", [("QEMU_TARGETS", "arm"), ("QEMU_TARGET", "mips")]), usual("arm"));
    assert_eq!(conf_with("", [("QEMU_TARGET", "mips")]), usual("mips"));
    assert_eq!(conf_with("", [("QEMU_TARGETS", "")]), usual(""));
    assert_eq!(conf_with("", [("QEMU_CLEAR", "yes")]), conf("-r"));
    assert_eq!(conf_with("", [("QEMU_CLEAR", "no")]), usual(""));
    assert_eq!(conf_with("-r", [("QEMU_TEST", "yes")]), conf("-r -t"));
}

#[test]
fn the_host_is_tried_or_it_is_what_the_variable_says() {
    let consent = |host: &str, typed: &str| match conf_with(typed, [("HOST_ARCH", host)]).unwrap() {
        Request::Register(wanted) => (wanted.consent.emulate_native, wanted.consent.pass_over),
        other => panic!("{other:?}"),
    };
    assert_eq!(consent("", ""), (false, PassOver::Native));
    assert_eq!(consent("", "-i yes"), (true, PassOver::Native));
    // Every name that QEMU's script knows a host by.
    let hosts = [
        ("i386 i486 i586 i686", "i386"),
        ("x86_64 amd64", "x86_64"),
        ("powerpc ppc", "ppc"),
        ("ppc64el ppc64le", "ppc64le"),
        ("arm armel armhf armv4l armv4tl armv5tel armv5tejl armv6l armv7l armv8l armv9l", "arm"),
        ("armeb armv5teb armv7b", "armeb"),
        ("arm64 aarch64", "aarch64"),
        ("aarch64_be", "aarch64_be"),
        ("mips64", "mips64"),
        ("riscv64", "riscv64"),
        ("s390x", "s390x"),
        ("loongarch64", "loongarch64"),
    ];
    for (spellings, name) in hosts {
        for spelling in words(spellings) {
            assert_eq!(consent(&spelling, ""), (true, PassOver::Family(target(name).family())), "{spelling}");
        }
    }
    assert_eq!(consent("arm64", "-i yes"), (true, PassOver::Target(target("aarch64"))));
}

#[test]
fn files_are_for_a_host_like_this_or_the_one_that_the_variable_names() {
    let export = |host: &str, typed: &str| match conf_with(typed, [("HOST_ARCH", host)]).unwrap() {
        Request::Export(wanted) => wanted,
        other => panic!("{other:?}"),
    };
    let names = |host: &str, typed: &str| -> Vec<&str> {
        export(host, typed).targets.into_iter().map(qus::target::Target::name).collect()
    };
    assert_eq!(names("x86_64", "-s").len(), 31);
    assert_eq!(names("x86_64", "-s ALL -i yes").len(), 33);
    assert_eq!(names("loongarch64", "-d").len(), 33);
    assert_eq!(names("aarch64", "-s arm aarch64 mips"), ["mips"]);
    assert_eq!(names("aarch64", "-s arm aarch64 mips -i yes"), ["arm", "mips"]);
    for typed in ["--systemd mips", "--systemd=mips", "-s mips", "-smips", "-ps mips -p no"] {
        let wanted = export("", typed);
        assert_eq!((wanted.format, &wanted.targets[..]), (Format::Systemd, &[target("mips")][..]), "{typed}");
        assert_eq!(wanted.directory, PathBuf::from("/etc/binfmt.d"));
    }
    let wanted = export("", "-sp -e/run/files mips");
    assert_eq!((wanted.directory, wanted.letters.exactly.unwrap().as_str()), (PathBuf::from("/run/files"), "F"));
    assert_eq!(export("", "-d").directory, PathBuf::from("/usr/share/binfmts"));
    assert_eq!(export("", "-s -d").format, Format::Debian);
}

#[test]
fn register_sh_hands_on_what_stands_behind_its_dashes() {
    let request = |typed: &str| match register(typed).unwrap() {
        register_sh::Request::Table { reset: false, request: Some(request), list: false, .. } => request,
        other => panic!("{typed}: {other:?}"),
    };
    for typed in ["-s -- -p arm", "-static -- -p arm", "--static -- -p arm", "-- -p arm -F -static", "-s -- -p -- arm"]
    {
        assert_eq!(request(typed), registration("arm", "F", "/usr/bin", "-static"), "{typed}");
    }
    assert_eq!(request("--"), registration("", "", "/usr/bin", ""));
    assert_eq!(request("-- -p --path /opt"), registration("", "F", "/opt", ""));
    assert_eq!(request("-p yes"), registration("", "F", "/usr/bin", "-static"));
    assert_eq!(request("-p yes -- -c"), registration("", "OCF", "/usr/bin", "-static"));
    assert_eq!(request("-- -r"), Request::Clear(Selection::All));
    assert_eq!(request("-- -h"), Request::Help);
    let shell = |typed: &str| Ok(register_sh::Request::Shell(words(typed)));
    assert_eq!(register("-i"), shell(""));
    assert_eq!(register("-s -i ls -l -- -p"), shell("ls -l -- -p"));
    assert_eq!(register("-si ls"), shell("ls"));
    for typed in ["-h", "-help", "--help", "-s -h", "-sh", "-h nonsense"] {
        assert_eq!(register(typed), Ok(register_sh::Request::Help), "{typed}");
    }
    for typed in ["-l", "-list", "--list", "-ls", "-s -l", "-l --"] {
        let list = register_sh::Request::Table { reset: false, request: None, echo: None, list: true };
        assert_eq!(register(typed), Ok(list), "{typed}");
    }
}

#[test]
fn register_sh_drops_words_that_hold_nothing_but_not_values_that_do() {
    let request = |typed: &[&str]| {
        let typed: Vec<String> = typed.iter().map(|&word| word.to_owned()).collect();
        match register_sh::parse(&typed, &Environment::default()).unwrap() {
            register_sh::Request::Table { request, echo, .. } => (request.unwrap(), echo),
            other => panic!("{other:?}"),
        }
    };
    let (all, echo) = request(&["", "-s", " ", "--", "-p", "", "\n", ""]);
    assert_eq!(all, registration("", "F", "/usr/bin", "-static"));
    assert_eq!(echo.as_deref(), Some("cat ./qemu-binfmt-conf.sh | sh -s -- --path=/usr/bin -p --suffix -static"));
    assert_eq!(request(&["-s", "--", "-p", "arm mips\n"]).0, registration("arm mips", "F", "/usr/bin", "-static"));
    for values in
        [&["--", "-p", "-F", "", "arm"][..], &["--", "-pF", "", "", "arm"], &["--", "-p", "--suffix", "", "arm"]]
    {
        assert_eq!(request(values).0, registration("arm", "F", "/usr/bin", ""), "{values:?}");
    }
    assert_eq!(request(&["-p", "yes", "-Q", ""]).0, registration("", "F", "", "-static"));
    let shell = ["-i", "printf", ""].map(str::to_owned);
    assert_eq!(
        register_sh::parse(&shell, &Environment::default()),
        Ok(register_sh::Request::Shell(shell[1..].to_vec()))
    );
}
