//! What `qus export` writes, and where it does not.

mod kernel;

use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use qus::dropin;
use qus::export::{File, Format, files};
use qus::rule::{Flags, Match, Rule};
use qus::target::Target;
use serde_json::{Value, json};

use crate::support::machine::{Image, Said, qus};
use crate::support::tree::tree;

/// A rule of every target, with letters and a path that are not the usual ones.
fn rules() -> Vec<(Target, Rule)> {
    let rule = |target: Target| {
        let path = format!("/opt/it's \"here\" $HOME\\x41/{}", target.emulator());
        Rule::new(target, Match::AppImage, &path, Flags::try_from("FC".to_owned()).unwrap()).unwrap()
    };
    Target::all().map(|target| (target, rule(target))).collect()
}

fn aarch64() -> Vec<(Target, Rule)> {
    let flags = Flags::try_from("POF".to_owned()).unwrap();
    let target: Target = "aarch64".parse().unwrap();
    vec![(target, Rule::new(target, Match::Elf, "/opt/qemu-aarch64-static", flags).unwrap())]
}

/// Its value in a format of binfmt-support.
fn field<'a>(text: &'a str, name: &str) -> &'a str {
    let mut values = text.lines().filter_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    let value = values.next().unwrap_or_else(|| panic!("no {name} in {text}"));
    assert_eq!(values.next(), None, "{text}");
    value
}

#[test]
fn for_systemd_there_is_a_file_a_target_which_sorts_after_the_distributions() {
    let rules = rules();
    let files = files(Format::Systemd, &rules);
    assert_eq!(files.len(), rules.len());
    for (file, (target, rule)) in files.iter().zip(&rules) {
        assert_eq!((file.name.as_str(), file.mode), (dropin::path(*target).name(), 0o644));
        let lines: Vec<&str> = file.text.lines().filter(|line| !line.starts_with('#')).collect();
        let [line] = lines[..] else { panic!("{lines:?}") };
        assert_eq!(Rule::parse(line).unwrap(), *rule);
        assert!(file.text.ends_with('\n') && line.len() <= qus::rule::LINE_MAX);
    }
}

#[test]
fn for_binfmt_support_there_is_a_file_a_target_that_is_named_as_its_entry() {
    let rules = rules();
    let files = files(Format::Debian, &rules);
    assert_eq!(files.len(), rules.len());
    for (file, (_, rule)) in files.iter().zip(&rules) {
        assert_eq!((file.name.as_str(), file.mode), (rule.name.as_str(), 0o644));
        let value = |name| field(&file.text, name);
        let letter = |letter, name| if value(name) == "yes" { letter } else { "" };
        let flags = [letter("P", "preserve"), letter("C", "credentials"), letter("F", "fix_binary")].concat();
        let line = format!(
            ":{}:M:{}:{}:{}:{}:{flags}",
            file.name,
            value("offset"),
            value("magic"),
            value("mask"),
            value("interpreter")
        );
        assert_eq!(Rule::parse(&line).unwrap(), *rule);
    }
}

#[test]
fn for_openrc_there_is_one_script_with_every_rule() {
    let rules = rules();
    let files = files(Format::OpenRc, &rules);
    let [File { name, mode: 0o755, text }] = &files[..] else { panic!("{files:?}") };
    assert_eq!(name, "qus");
    let quoted = text.split_once("cat <<'RULES'\n").and_then(|(_, after)| after.split_once("\nRULES\n")).unwrap().0;
    let parsed: Vec<Rule> = quoted.lines().map(|line| Rule::parse(line).unwrap()).collect();
    assert_eq!(parsed, rules.into_iter().map(|(_, rule)| rule).collect::<Vec<_>>());
}

#[test]
fn the_texts_are_these() {
    let magic = r"\x7f\x45\x4c\x46\x02\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\xb7\x00";
    let mask = r"\xff\xff\xff\xff\xff\xff\xff\x00\xff\xff\xff\xff\xff\xff\xff\xff\xfe\xff\xff\xff";
    let line = format!(":qemu-aarch64:M:0:{magic}:{mask}:/opt/qemu-aarch64-static:POF");
    let systemd = &files(Format::Systemd, &aarch64())[0].text;
    assert_eq!(*systemd, format!("# Written by qus; \"qus remove\" takes it away again. See binfmt.d(5).\n{line}\n"));
    let debian = &files(Format::Debian, &aarch64())[0].text;
    let expected = format!(
        "package qus\ninterpreter /opt/qemu-aarch64-static\nmagic {magic}\noffset 0\nmask {mask}\n\
         credentials no\nfix_binary yes\npreserve yes\n"
    );
    assert_eq!(*debian, expected);
    assert!(files(Format::OpenRc, &aarch64())[0].text.contains(&format!("\n{line}\nRULES\n")));
}

#[test]
fn shells_and_shellcheck_accept_the_script() {
    let folder = tempfile::TempDir::new().unwrap();
    let script = folder.path().join("qus");
    for rules in [aarch64(), rules()] {
        std::fs::write(&script, &files(Format::OpenRc, &rules)[0].text).unwrap();
        for check in [&["sh", "-n"][..], &["bash", "--posix", "-n"], &["shellcheck"]] {
            let output = Command::new(check[0]).args(&check[1..]).arg(&script).output().unwrap();
            let said = Said::by(output);
            assert!(said.code == Some(0) && said.stdout.is_empty() && said.stderr.is_empty(), "{check:?}: {said:#?}");
        }
    }
}

/// An image with two targets installed, and a folder to export to.
fn installed() -> (Image, PathBuf) {
    let image = Image::trusting(&["aarch64", "arm"]);
    image.run(&["install", "aarch64", "arm"]).expect(0, &[]);
    let directory = image.folder.path().join("export");
    (image, directory)
}

fn export(image: &Image, format: &str, directory: &Path, words: &[&str]) -> Said {
    image.run(&[&["export", format, directory.to_str().unwrap()], words].concat())
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap()
}

#[test]
fn an_export_says_what_the_drop_ins_say_and_changes_nothing_else() {
    let (image, directory) = installed();
    let before = image.tree();
    let said = export(&image, "systemd", &directory.join("new"), &[]).expect(0, &["note: load it with: cp "]);
    let written: Vec<PathBuf> = said.stdout.lines().map(PathBuf::from).collect();
    assert_eq!(written, ["qus-aarch64.conf", "qus-arm.conf"].map(|name| directory.join("new").join(name)));
    assert_eq!(tree(&directory).len(), 3);
    for file in written {
        let drop_in = image.root().join("etc/binfmt.d").join(file.file_name().unwrap());
        assert_eq!(read(&file), read(&drop_in));
    }
    assert_eq!(image.tree(), before);
}

#[test]
fn targets_may_be_named() {
    let (image, directory) = installed();
    let said = export(&image, "debian", &directory, &["linux/arm64"]).expect(0, &[]);
    assert_eq!(said.stdout, format!("{}/qemu-aarch64\n", directory.display()));
    export(&image, "debian", &directory, &["riscv64"])
        .expect(1, &["\"riscv64\" is not installed", "help: qus install riscv64"]);
}

#[test]
fn where_nothing_is_installed_there_is_nothing_to_export() {
    let image = Image::trusting(&["aarch64"]);
    let directory = image.folder.path().join("export");
    for words in [&[][..], &["--path", "/opt/none"]] {
        export(&image, "systemd", &directory, words)
            .expect(1, &["no emulator is installed that could be exported", "help: qus install TARGET"]);
    }
    assert!(!directory.exists());
}

#[test]
fn the_letters_are_those_of_the_install_or_those_asked_for_now() {
    let (image, directory) = installed();
    image.run(&["install", "--match", "appimage", "--credentials", "yes", "arm"]).expect(0, &[]);
    let rule = |words: &[&str]| {
        export(&image, "systemd", &directory, &[words, &["--yes", "arm"]].concat()).expect(0, &[]);
        let text = read(&directory.join("qus-arm.conf"));
        Rule::parse(text.lines().last().unwrap()).unwrap()
    };
    let appimage = qus::rule::Pattern::of("arm".parse().unwrap(), Match::AppImage);
    let elf = qus::rule::Pattern::of("arm".parse().unwrap(), Match::Elf);
    let as_installed = rule(&[]);
    assert_eq!((as_installed.flags.as_str(), &as_installed.pattern), ("POCF", &appimage));
    let other = rule(&["--flags", "F"]);
    assert_eq!((other.flags.as_str(), &other.pattern), ("F", &elf));
    let other = rule(&["--match", "appimage"]);
    assert_eq!((other.flags.as_str(), &other.pattern), ("POF", &appimage));
}

#[test]
fn emulators_of_an_image_are_looked_for_in_the_image() {
    let image = Image::trusting(&["aarch64"]);
    let directory = image.folder.path().join("export");
    let theirs = image.root().join("opt/qemu");
    std::fs::create_dir_all(&theirs).unwrap();
    // A program of this host, static or not.
    std::fs::copy(env!("CARGO_BIN_EXE_qus"), theirs.join("qemu-arm-static")).unwrap();
    export(&image, "debian", &directory, &["--path", "/opt/qemu"]).expect(0, &["qemu-arm"]);
    assert_eq!(field(&read(&directory.join("qemu-arm")), "interpreter"), "/opt/qemu/qemu-arm-static");
    export(&image, "debian", &directory, &["arm", "--interpreter", "/opt/qemu/none"]).expect(1, &["is not there"]);
}

#[test]
fn the_document_is_one() {
    let (image, directory) = installed();
    let said = export(&image, "openrc", &directory, &["--json"]).expect(0, &[]);
    let document: Value = serde_json::from_str(&said.stdout).unwrap();
    let directory = directory.display();
    assert_eq!(
        document,
        json!({
            "schema": 1,
            "dry_run": false,
            "files": [format!("{directory}/qus")],
            "load": format!("cp {directory}/qus /etc/init.d/; rc-update add qus boot; rc-service qus start"),
        })
    );
}

#[test]
fn what_to_type_can_be_pasted() {
    let (image, _) = installed();
    let directory = image.folder.path().join("it's here");
    let said = export(&image, "debian", &directory, &["--json"]).expect(0, &[]);
    let document: Value = serde_json::from_str(&said.stdout).unwrap();
    let load = document["load"].as_str().unwrap().replace("update-binfmts --import", "echo");
    let pasted = Said::by(Command::new("sh").args(["-ec", &load]).output().unwrap());
    assert_eq!(pasted.stdout.lines().count(), 2, "{pasted:#?}");
    assert!(pasted.stdout.lines().all(|path| Path::new(path).is_file()), "{pasted:#?}");

    // A relative path is relative to where it was typed only.
    let mut command = qus();
    command.current_dir(image.folder.path()).arg("--root").arg(image.root()).args(["export", "systemd", "here"]);
    Said::by(command.output().unwrap())
        .expect(0, &[&format!("cp {}/here/qus-*.conf /etc/binfmt.d/", image.folder.path().display())]);
}

#[test]
fn what_is_there_already_is_overwritten_only_if_it_says_the_same_or_with_yes() {
    let (image, directory) = installed();
    export(&image, "debian", &directory, &[]).expect(0, &[]);
    let exported = tree(&directory);
    export(&image, "debian", &directory, &[]).expect(0, &[]);
    assert_eq!(tree(&directory), exported);

    // The first is missing, and stays so: nothing is written where one is refused.
    std::fs::remove_file(directory.join("qemu-aarch64")).unwrap();
    let path = directory.join("qemu-arm");
    let others: [fn(&Path); 4] = [
        |path| std::fs::write(path, "package theirs\n").unwrap(),
        |path| symlink("/dev/null", path).unwrap(),
        |path| symlink("nowhere", path).unwrap(),
        |path| nix::unistd::mkfifo(path, nix::sys::stat::Mode::S_IRUSR).unwrap(),
    ];
    for put in others {
        std::fs::remove_file(&path).unwrap();
        put(&path);
        let before = tree(&directory);
        let path = path.display().to_string();
        for words in [&[][..], &["--dry-run"]] {
            export(&image, "debian", &directory, words).expect(
                1,
                &[&format!("\"{path}\" is there already and says something else"), "overwrite it with --yes"],
            );
        }
        assert_eq!(tree(&directory), before);
    }
    export(&image, "debian", &directory, &["--yes"]).expect(0, &[]);
    assert_eq!(tree(&directory), exported);
}

#[test]
fn a_dry_run_writes_nothing() {
    let (image, directory) = installed();
    let said = export(&image, "openrc", &directory, &["--dry-run"]).expect(0, &[]);
    assert_eq!(said.stdout, format!("{}/qus\n", directory.display()));
    assert!(!directory.exists());
}

#[test]
fn a_place_that_may_not_be_written_to_is_said_to_be_so() {
    let (image, _) = installed();
    if !nix::unistd::geteuid().is_root() {
        export(&image, "openrc", Path::new("/qus-export"), &[]).expect(9, &["/qus-export", "run the command as root"]);
        return;
    }
    // Somebody else may read the image, and not write beside it.
    let program = image.folder.path().join("program");
    std::fs::copy(env!("CARGO_BIN_EXE_qus"), &program).unwrap();
    for path in [image.folder.path(), &program] {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
    }
    let before = tree(image.folder.path());
    for directory in ["export", "new/export", "image"] {
        let mut command = Command::new("setpriv");
        command.args(["--reuid", "65534", "--regid", "65534", "--clear-groups"]).arg(&program);
        command.arg("--root").arg(image.root()).args(["export", "openrc"]).arg(image.folder.path().join(directory));
        let said = Said::by(command.output().unwrap());
        said.expect(9, &["Permission denied", "run the command as root"]);
    }
    assert_eq!(tree(image.folder.path()), before);
}

#[test]
fn a_directory_that_is_a_file_is_refused() {
    let (image, directory) = installed();
    std::fs::write(&directory, "").unwrap();
    export(&image, "systemd", &directory, &[]).expect(1, &["Not a directory"]);
    export(&image, "systemd", &directory.join("below"), &["--yes"]).expect(1, &["Not a directory"]);
}
