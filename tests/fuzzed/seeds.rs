//! Seeds: what the parsers read where nothing is amiss, made by what makes it.
//!
//! `QUS_TEST_SEEDS=write` writes them to `fuzz/seeds`; other seeds lie there beside them.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use qus::dropin;
use qus::entry::Entry;
use qus::host::Host;
use qus::layout::Layout;
use qus::program::Program;
use qus::release::Form;
use qus::rooted::RootedPath;
use qus::rule::{Flags, KernelVersion, Match, Pattern, Rule};
use qus::target::Target;
use qus::trust::AssetClaim;
use serde_json::Value;
use tar::EntryType;

use super::properties;
use crate::support::machine::Image;
use crate::support::publisher::{Packed, archive, plain_archive, target};

/// What one parser is to begin with.
pub(crate) struct Seed {
    pub(crate) parser: &'static str,
    pub(crate) name: String,
    pub(crate) bytes: Vec<u8>,
}

fn seed(parser: &'static str, name: &str, bytes: impl Into<Vec<u8>>) -> Seed {
    Seed { parser, name: name.to_owned(), bytes: bytes.into() }
}

/// Every seed that can be made anew.
pub(crate) fn made() -> Vec<Seed> {
    [documents(), archives(), rules(), programs()].into_iter().flatten().collect()
}

/// Puts them where the fuzzers begin.
pub(crate) fn write_if_asked(seeds: &[Seed], folder: impl Fn(&str) -> PathBuf) {
    if std::env::var_os("QUS_TEST_SEEDS").is_some_and(|asked| asked == "write") {
        for Seed { parser, name, bytes } in seeds {
            fs::create_dir_all(folder(parser)).unwrap();
            fs::write(folder(parser).join(name), bytes).unwrap();
        }
    }
}

/// What a repository serves, and what an install from it leaves behind, finished and cut off.
fn documents() -> Vec<Seed> {
    let mut image = Image::trusting(&["aarch64", "arm"]);
    image.publisher.index.mirrors.push("https://mirror.example.org/qus".to_owned());
    image.publisher.publish();
    let anchor = image.publisher.anchor();
    let signature = anchor.signatures.values().next().unwrap().clone();
    let mut next: Value = serde_json::from_str(&anchor.root).unwrap();
    next["version"] = 2.into();
    next["roles"]["root"]["keys"]["alice"] = properties::root_key().into();
    let bundle = image.folder.path().join("bundle");
    image.run(&["bundle", "create", bundle.to_str().unwrap(), "arm"]).expect(0, &[]);
    let release = &image.publisher.index.releases[0];
    let asset = release.asset(Form::Emulator, Host::Amd64, target("arm")).unwrap();

    let layout = Layout::system();
    let state = |path: RootedPath| fs::read(image.root().join(path.as_str().trim_start_matches('/'))).unwrap();
    let cut_off = Command::new("strace")
        .args(["-f", "-o", "/dev/null", "-e", "trace=symlink", "-e", "inject=symlink:signal=KILL:when=1"])
        .args([env!("CARGO_BIN_EXE_qus"), "--root"])
        .arg(image.root())
        .args(["install", "arm"])
        .output()
        .unwrap();
    assert!(!cut_off.status.success(), "{cut_off:?}");
    let journal = state(layout.journal());
    image.run(&["install", "arm"]).expect(0, &[]);
    vec![
        seed("anchor", "test", serde_json::to_string_pretty(&anchor).unwrap()),
        seed("bundle", "arm", fs::read(bundle).unwrap()),
        seed("root", "next", serde_json::to_string_pretty(&next).unwrap()),
        seed("index", "usual", serde_json::to_string_pretty(&image.publisher.index).unwrap()),
        seed("minisig", "root", signature),
        seed("claims", "asset", AssetClaim::of(asset, &release.version).comment()),
        seed("journal", "install", journal),
        seed("receipt", "arm", state(layout.receipt())),
        seed("memory", "arm", state(layout.trust())),
    ]
}

/// Sound ones, and ones with what only some tar programs write.
fn archives() -> Vec<Seed> {
    let packed = |kind: EntryType, name: &str| Packed {
        name: name.to_owned(),
        kind,
        mode: 0o755,
        content: properties::emulator(target(if name.contains("aarch64") { "aarch64" } else { "arm" })),
    };
    let names = ["aarch64", "arm"].map(|name| target(name).emulator());
    let plain = names.clone().map(|name| packed(EntryType::Regular, &name));
    let pax = [
        Packed { content: b"20 path=../outside\n".to_vec(), ..packed(EntryType::XHeader, &names[0]) },
        plain[0].clone(),
        Packed { content: b"a long name".to_vec(), ..packed(EntryType::GNULongName, &names[1]) },
        plain[1].clone(),
    ];
    let link = [packed(EntryType::Symlink, &names[0]), plain[1].clone()];
    vec![
        seed("tar", "sound", plain_archive(&plain)),
        seed("tar", "extended", plain_archive(&pax)),
        seed("tar", "link", plain_archive(&link)),
        seed("archive", "sound", archive(&plain)),
        seed("archive", "frames", [archive(&plain[..1]), archive(&plain[1..])].concat()),
    ]
}

/// Lines, entries and files of the same rules.
fn rules() -> Vec<Seed> {
    let flags = Flags::for_kernel(KernelVersion::NEWEST, false);
    let of = |target: Target| {
        Rule::new(target, Match::AppImage, "/usr/local/lib/qus/bin/qemu-static", flags.clone()).unwrap()
    };
    let lines: String = Target::all().map(|target| of(target).line() + "\n").collect();
    let rule = of(target("arm"));
    let Pattern::Magic { magic, mask, .. } = &rule.pattern else { panic!("targets go by their magic") };
    let entry = format!(
        "enabled\ninterpreter {}\nflags: {}\noffset 0\nmagic {}\nmask {}\n",
        rule.interpreter,
        rule.flags,
        qus::hex::encode(magic),
        qus::hex::encode(mask)
    );
    assert_eq!(Entry::parse("qemu-arm", &entry), Ok(Entry::of(rule.clone())));
    vec![
        seed("rule", "targets", lines),
        seed("rule", "extension", ":jar:E::jar::/usr/bin/jexec:\n|odd|E||exe||/opt/a:b/wine|P\n"),
        seed("entry", "magic", entry),
        seed("entry", "extension", "disabled\ninterpreter /usr/bin/jexec\nflags: \nextension .jar\n"),
        seed("dropin", "ours", dropin::text(&rule)),
    ]
}

/// The least program of each target.
fn programs() -> Vec<Seed> {
    Target::all().map(|target| seed("elf", target.name(), Program::of(target).elf)).collect()
}
