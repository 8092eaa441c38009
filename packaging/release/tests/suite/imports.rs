//! Importing: what is taken of a package, what is refused, and what is left behind.

use std::collections::BTreeSet;

use qus::host::Host;
use qus::release::{Form, Linked, Source};
use qus::target::Target;
use qus_release::error::Error;
use serde_json::Value;

use crate::files::{AARCH64, Deb, INTERP, LOAD, X86_64, control, elf, emulator, line, sha256};
use crate::workshop::Workshop;

fn target(name: &str) -> Target {
    name.parse().unwrap()
}

/// Imports this package into a fresh repository, which must be as before afterwards.
fn refused(deb: &Deb) -> Error {
    let workshop = Workshop::new();
    workshop.deb("package.deb", deb);
    refused_in(&workshop, &["package.deb"])
}

fn refused_in(workshop: &Workshop, words: &[&str]) -> Error {
    let before = workshop.tree();
    let error = workshop.import(words).unwrap_err();
    assert_eq!(workshop.tree(), before, "a failed import leaves the repository as it was");
    error
}

#[test]
fn a_package_becomes_archives_of_each_emulator_one_of_all_and_their_list() {
    let workshop = Workshop::new();
    workshop.import_usual();

    let mut expected = vec!["anchor.json", "root.1.json", "root.1.json.minisig.root", "11.1.3-1/release.json"];
    for name in ["aarch64-static_amd64.tar.zst", "aarch64-static_amd64.tgz", "arm-static_amd64.tar.zst"] {
        assert!(workshop.names().contains(&format!("11.1.3-1/qemu-{name}.minisig")), "{name}");
    }
    let archives: Vec<String> = ["aarch64", "arm", "riscv64"]
        .iter()
        .flat_map(|target| ["tar.zst", "tgz"].map(|end| format!("11.1.3-1/qemu-{target}-static_amd64.{end}")))
        .chain(["11.1.3-1/qemu-static-all_amd64.tar.zst".to_owned()])
        .flat_map(|file| [format!("{file}.minisig"), file])
        .collect();
    expected.extend(archives.iter().map(String::as_str));
    expected.sort_unstable();
    assert_eq!(workshop.names(), expected);

    let release = workshop.release("11.1.3-1");
    let source = Source {
        package: "qemu-user".to_owned(),
        version: "1:11.1.3+ds-1".to_owned(),
        architecture: "amd64".to_owned(),
        sha256: sha256(&Deb::new(&["aarch64", "arm", "riscv64"]).bytes()),
        source: "https://snapshot.debian.org/package/qemu/1%3A11.1.3%2Bds-1/".to_owned(),
        linked: Vec::new(),
    };
    assert_eq!(release.sources, [source]);
    let set = release.asset(Form::Set, Host::Amd64, target("arm")).unwrap();
    let members: Vec<(Target, u64)> = set.members.iter().map(|member| (member.target, member.size)).collect();
    assert_eq!(members, ["aarch64", "arm", "riscv64"].map(|name| (target(name), emulator(name).len() as u64)));
    assert_eq!(set.member(target("arm")).unwrap().sha256, sha256(&emulator("arm")));
}

#[test]
fn what_is_linked_in_is_in_the_release_also_if_it_was_imported_before_that_was_read() {
    let workshop = Workshop::new();
    let mut deb = Deb::new(&["arm"]);
    deb.control += "Built-Using: glibc (= 2.43-7)\n";
    workshop.deb("package.deb", &deb);
    workshop.import(&["package.deb"]).unwrap();
    let first = workshop.read("repository/11.1.3-1/release.json");
    let source = "https://snapshot.debian.org/package/glibc/2.43-7/".to_owned();
    let linked = Linked { package: "glibc".to_owned(), version: "2.43-7".to_owned(), source };
    assert_eq!(workshop.release("11.1.3-1").sources[0].linked, [linked]);
    // As releases were before.
    let mut older: Value = serde_json::from_str(&first).unwrap();
    older["sources"][0].as_object_mut().unwrap().remove("linked").unwrap();
    workshop.write("repository/11.1.3-1/release.json", serde_json::to_string(&older).unwrap().as_bytes());
    assert_eq!(workshop.release("11.1.3-1").sources[0].linked, []);
    workshop.import(&["package.deb"]).unwrap();
    assert_eq!(workshop.read("repository/11.1.3-1/release.json"), first);
}

#[test]
fn however_a_package_is_compressed_it_gives_the_same_archives() {
    let of = |suffix| {
        let workshop = Workshop::new();
        workshop.deb("package.deb", &Deb { suffix, ..Deb::new(&["aarch64", "arm"]) });
        workshop.import(&["package.deb"]).unwrap();
        workshop.release("11.1.3-1").assets
    };
    let plain = of("");
    for suffix in [".gz", ".xz", ".zst"] {
        assert_eq!(of(suffix), plain, "{suffix}");
    }
}

#[test]
fn the_same_import_gives_the_same_bytes_signatures_included() {
    let workshop = Workshop::new();
    workshop.import_usual();
    let first = workshop.tree();
    workshop.import_usual();
    assert_eq!(workshop.tree(), first, "over the first one");
    std::fs::remove_dir_all(workshop.path("repository/11.1.3-1")).unwrap();
    workshop.import_usual();
    assert_eq!(workshop.tree(), first, "anew");
}

#[test]
fn further_hosts_and_targets_join_the_version_in_any_order() {
    let arm64 = Deb {
        control: control("1:11.1.3+ds-1", "arm64"),
        files: ["arm", "riscv64"]
            .map(|name| (format!("usr/bin/qemu-{name}"), elf(AARCH64, LOAD, &line(name, "11.1.3"))))
            .to_vec(),
        suffix: ".xz",
    };
    let with = |imports: &[&[&str]]| {
        let workshop = Workshop::new();
        workshop.deb("amd64.deb", &Deb::new(&["aarch64", "arm"]));
        workshop.deb("arm64.deb", &arm64);
        for words in imports {
            workshop.import(words).unwrap();
        }
        workshop.release("11.1.3-1")
    };
    let at_once = with(&[&["amd64.deb", "arm64.deb"]]);
    assert_eq!(with(&[&["arm64.deb"], &["amd64.deb"]]), at_once);
    assert_eq!(with(&[&["amd64.deb", "--target", "arm"], &["arm64.deb", "amd64.deb"]]), at_once);
    assert_eq!(at_once.targets(Host::Arm64v8).collect::<BTreeSet<_>>(), ["arm", "riscv64"].map(target).into());
    assert_eq!(at_once.sources.len(), 2);
}

#[test]
fn some_targets_make_no_archive_of_all() {
    let workshop = Workshop::new();
    workshop.deb("package.deb", &Deb::new(&["aarch64", "arm", "i386"]));
    let imported = workshop.import(&["package.deb", "--target", "arm64,i486"]).unwrap();
    let mut files: Vec<&str> = imported.assets.iter().map(|asset| asset.file.as_str()).collect();
    files.sort_unstable();
    // i486 is run by the emulator of i386.
    let expected = ["aarch64", "i386"].map(|t| ["tar.zst", "tgz"].map(|end| format!("qemu-{t}-static_amd64.{end}")));
    assert_eq!(files, expected.as_flattened());

    let error = refused_in(&workshop, &["package.deb", "--target", "s390x"]);
    assert!(matches!(error, Error::TargetNotFound(missing) if missing == target("s390x")));
}

#[test]
fn one_emulator_alone_makes_no_archive_of_all() {
    let workshop = Workshop::new();
    workshop.deb("package.deb", &Deb::new(&["arm"]));
    assert!(workshop.import(&["package.deb"]).unwrap().assets.iter().all(|asset| asset.form != Form::Set));
}

#[test]
fn a_folder_of_emulators_needs_a_version_and_tells_where_qemus_source_is() {
    let workshop = Workshop::new();
    workshop.write("built/qemu-arm", &emulator("arm"));
    workshop.write("built/qemu-aarch64-static", &emulator("aarch64"));
    workshop.write("built/notes.txt", b"qemu-arm version 11.1.3");
    assert!(matches!(refused_in(&workshop, &["built"]), Error::NoVersion { .. }));

    workshop.import(&["built", "--version", "11.1.3-local1"]).unwrap();
    let release = workshop.release("11.1.3-local1");
    let names: BTreeSet<Target> = release.targets(Host::Amd64).collect();
    assert_eq!(names, ["aarch64", "arm"].map(target).into());
    let list = ["aarch64", "arm"].map(|name| format!("{}  qemu-{name}-static\n", sha256(&emulator(name))));
    let source = Source {
        package: "qemu".to_owned(),
        version: "11.1.3".to_owned(),
        architecture: "amd64".to_owned(),
        sha256: sha256(list.concat().as_bytes()),
        source: "https://download.qemu.org/qemu-11.1.3.tar.xz".to_owned(),
        linked: Vec::new(),
    };
    assert_eq!(release.sources, [source]);

    workshop.import(&["built", "--version", "11.1.3-local2", "--source", "https://example.org/src"]).unwrap();
    assert_eq!(workshop.release("11.1.3-local2").sources[0].source, "https://example.org/src");
}

#[test]
fn emulators_of_targets_that_qus_does_not_know_are_left_out() {
    let workshop = Workshop::new();
    workshop.deb("package.deb", &Deb::new(&["arm", "cris", "nios2"]));
    workshop.import(&["package.deb"]).unwrap();
    assert_eq!(workshop.release("11.1.3-1").targets(Host::Amd64).collect::<Vec<_>>(), [target("arm")]);
}

#[test]
fn a_dynamic_emulator_is_refused_with_the_package_to_use_instead() {
    let error = refused(&Deb::new(&[]).with("usr/bin/qemu-arm", elf(X86_64, INTERP, &line("arm", "7.2.22"))));
    assert!(matches!(&error, Error::Dynamic { file, .. } if file == "usr/bin/qemu-arm"));
    assert!(error.help().unwrap().contains("qemu-user-static"));
}

#[test]
fn a_name_that_disagrees_with_the_content_is_refused() {
    for name in ["usr/bin/qemu-arm", "usr/bin/qemu-aarch64.old", "usr/bin/emulator"] {
        let error = refused(&Deb::new(&[]).with(name, emulator("aarch64")));
        let told = |file: &str, found| file == name && found == target("aarch64");
        assert!(matches!(&error, Error::NameDisagrees { file, target, .. } if told(file, *target)), "{error}");
    }
}

#[test]
fn emulators_for_an_unknown_host_or_another_than_the_package_says_are_refused() {
    let alpha = elf(0x9026, LOAD, &line("arm", "11.1.3"));
    let error = refused(&Deb::new(&[]).with("usr/bin/qemu-arm", alpha));
    assert!(matches!(error, Error::UnknownHost { machine: 0x9026, .. }));

    let foreign = elf(AARCH64, LOAD, &line("arm", "11.1.3"));
    let error = refused(&Deb::new(&["aarch64"]).with("usr/bin/qemu-arm", foreign));
    assert!(
        matches!(&error, Error::HostDisagrees { host: Host::Arm64v8, architecture, .. } if architecture == "amd64")
    );
}

#[test]
fn a_package_that_nothing_was_taken_of_is_no_source() {
    let workshop = Workshop::new();
    workshop.deb("one.deb", &Deb::new(&["arm"]));
    workshop.deb("two.deb", &Deb::new(&["sh4"]));
    workshop.import(&["one.deb", "two.deb", "--target", "sh4"]).unwrap();
    let sources = workshop.release("11.1.3-1").sources;
    assert_eq!(sources.iter().map(|source| source.sha256).collect::<Vec<_>>(), [sha256(&Deb::new(&["sh4"]).bytes())]);
}

#[test]
fn two_different_emulators_of_one_target_are_refused_and_the_same_one_twice_is_not() {
    let other = elf(X86_64, LOAD, &[line("arm", "11.1.3").as_str(), "patched"].concat());
    let error = refused(&Deb::new(&["arm"]).with("usr/libexec/qemu-arm", other));
    assert!(matches!(error, Error::TwoEmulators { host: Host::Amd64, .. }));

    let workshop = Workshop::new();
    workshop.deb("package.deb", &Deb::new(&["arm"]).with("usr/bin/qemu-arm-static", emulator("arm")));
    workshop.import(&["package.deb", "package.deb"]).unwrap();
}

#[test]
fn emulators_of_different_versions_do_not_make_one_release() {
    let error = refused(&Deb::new(&["arm"]).with("usr/bin/qemu-sh4", elf(X86_64, LOAD, &line("sh4", "10.0.13"))));
    assert!(matches!(&error, Error::TwoQemus { found, before, .. } if found == "10.0.13" && before == "11.1.3"));

    let workshop = Workshop::new();
    workshop.deb("one.deb", &Deb::new(&["arm"]));
    workshop.deb("two.deb", &Deb { control: control("1:11.1.3+ds-1+b1", "amd64"), ..Deb::new(&["sh4"]) });
    let error = refused_in(&workshop, &["one.deb", "two.deb"]);
    assert!(matches!(error, Error::TwoVersions { found, before, .. }
        if found.as_str() == "11.1.3-1+b1" && before.as_str() == "11.1.3-1"));
    workshop.import(&["one.deb", "two.deb", "--version", "11.1.3-1"]).unwrap();
}

#[test]
fn what_is_no_package_or_holds_no_emulator_is_refused() {
    assert!(matches!(refused(&Deb::new(&[])), Error::NoEmulators { .. }));
    assert!(matches!(refused(&Deb { suffix: ".lzma", ..Deb::new(&["arm"]) }), Error::BadPackage { .. }));
    assert!(matches!(refused(&Deb { control: String::new(), ..Deb::new(&["arm"]) }), Error::BadPackage { .. }));

    let workshop = Workshop::new();
    workshop.write("letter", b"Dear maintainer");
    assert!(matches!(refused_in(&workshop, &["letter"]), Error::NotAPackage(_)));
    let whole = Deb::new(&["arm", "aarch64"]).bytes();
    for length in [whole.len() - 20, whole.len() / 2, 100] {
        workshop.write("cut.deb", &whole[..length]);
        assert!(matches!(refused_in(&workshop, &["cut.deb"]), Error::BadPackage { .. }), "after {length} bytes");
    }
}

#[test]
fn published_files_change_only_by_force() {
    let workshop = Workshop::new();
    workshop.import_usual();
    let rebuilt = elf(X86_64, LOAD, &[line("arm", "11.1.3").as_str(), "rebuilt"].concat());
    workshop.deb("rebuilt.deb", &Deb::new(&["aarch64"]).with("usr/bin/qemu-arm", rebuilt.clone()));
    let error = refused_in(&workshop, &["rebuilt.deb", "--target", "arm"]);
    assert!(matches!(&error, Error::WouldChange { file, .. } if file == "qemu-arm-static_amd64.tar.zst"), "{error}");

    workshop.import(&["rebuilt.deb", "--target", "arm", "--force"]).unwrap();
    let release = workshop.release("11.1.3-1");
    let asset = release.asset(Form::Emulator, Host::Amd64, target("arm")).unwrap();
    assert_eq!(asset.members[0].sha256, sha256(&rebuilt));
    assert_eq!(release.sources.len(), 2, "the other archives come from the package before");
}

#[test]
fn a_key_that_the_root_does_not_name_is_refused_before_any_work() {
    let workshop = Workshop::new();
    workshop.deb("package.deb", &Deb::new(&["arm"]));
    let error = refused_in(&workshop, &["package.deb", "--key", "index.key"]);
    assert!(matches!(&error, Error::NotOfRole { role: "release", root, .. } if root == "root.1.json"));
}

#[test]
fn what_a_killed_import_left_is_removed_by_the_next_one() {
    let workshop = Workshop::new();
    workshop.write("repository/.qus-release/11.1.3-1/qemu-arm-static_amd64.tgz", b"half");
    workshop.import_usual();
    assert!(workshop.names().iter().all(|name| !name.starts_with('.')));
}

#[test]
fn an_import_that_is_killed_leaves_nothing_under_final_names() {
    let workshop = Workshop::new();
    // Takes a while to pack.
    let noise: Vec<u8> = (0..4 << 20).map(|at: u32| at.wrapping_mul(2_654_435_761).to_be_bytes()[0]).collect();
    workshop.write("built/qemu-arm", &[emulator("arm"), noise].concat());
    workshop.write("built/qemu-sh4", &emulator("sh4"));
    let before = workshop.tree();

    let words = ["import", "repository", "built", "--key", "release.key", "--version", "11.1.3-1"];
    let mut process = workshop.start(&words);
    while !workshop.path("repository/.qus-release/11.1.3-1/qemu-static-all_amd64.tar.zst").exists() {
        assert!(process.try_wait().unwrap().is_none(), "it has ended before it could be killed");
    }
    process.kill().unwrap();
    process.wait().unwrap();
    let mut left = workshop.tree();
    left.retain(|name, _| !name.starts_with(".qus-release/"));
    assert_eq!(left, before);

    assert!(workshop.run(&words).status.success());
    assert!(workshop.names().iter().all(|name| !name.starts_with('.')));
}

#[test]
fn an_import_that_cannot_place_a_file_takes_back_those_before_it() {
    let workshop = Workshop::new();
    workshop.deb("package.deb", &Deb::new(&["arm", "sh4"]));
    // A folder in the place of a file.
    workshop.write("repository/11.1.3-1/qemu-sh4-static_amd64.tgz/notes", b"");
    let error = refused_in(&workshop, &["package.deb"]);
    assert!(matches!(error, Error::File { doing: "create", .. }), "{error}");
}

#[test]
fn two_programs_do_not_change_one_repository_at_once() {
    let workshop = Workshop::new();
    workshop.deb("package.deb", &Deb::new(&["arm"]));
    let _held = qus_release::repository::Repository::lock(&workshop.repository()).unwrap();
    assert!(matches!(refused_in(&workshop, &["package.deb"]), Error::Busy(path) if path == workshop.repository()));
}
