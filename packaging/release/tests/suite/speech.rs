//! The program itself: help, usage, messages, exit codes.

use clap::CommandFactory;
use qus_release::cli::Cli;

use crate::files::Deb;
use crate::workshop::{Workshop, text};

#[test]
fn every_help_text_fits_80_columns() {
    let workshop = Workshop::empty();
    let names: Vec<String> = Cli::command().get_subcommands().map(|command| command.get_name().to_owned()).collect();
    let pages = names.iter().map(|name| vec![name.as_str(), "--help"]).chain([
        vec!["--help"],
        vec!["root", "rotate", "--help"],
        vec!["root", "place", "--help"],
    ]);
    for words in pages {
        let output = workshop.run(&words);
        assert!(output.status.success());
        for line in text(&output.stdout).lines() {
            assert!(line.chars().count() <= 80, "{words:?}: {line}");
        }
    }
}

#[test]
fn wrong_usage_ends_with_2() {
    let workshop = Workshop::empty();
    for words in [
        &[][..],
        &["sign"],
        &["keygen"],
        &["root"],
        &["root", "rotate", "repository"],
        &["root", "place", "repository"],
        &["root", "rotate", "repository", "pending", "--url", "repository"],
        &["sign-root", "pending"],
        &["revoke", "repository", "pending"],
        &["withdraw", "repository", "11.1.3-1", "--why", "x", "--undo"],
        &["renew", "repository"],
        &["publish", "repository", "--key", "k", "--mirror", "https://example.org", "--no-mirrors"],
        &["import", "repository"],
        &["packages", "repository", "packages"],
        &["packages", "repository", "packages", "--host", "amd64", "--deb", "--rpm"],
        &["packages", "repository", "packages", "--host", "amd64", "--maintainer", "Ann"],
        &["packages", "repository", "packages", "--host", "amd64", "--revision", "0"],
        &["import", "repository", "x.deb", "--key", "k", "--target", "arm65"],
        &["import", "repository", "x.deb", "--key", "k", "--version", "../11"],
        &["publish", "repository", "--key", "k", "--channel", "11=11.1.3-1"],
        &["publish", "repository", "--key", "k", "--expires", "0"],
        &["publish", "repository", "--key", "k", "--now", "tomorrow"],
        &["root", "repository", "--url", "repository", "--root-key", "a", "--release-key", "b", "--index-key", "c"],
    ] {
        assert_eq!(workshop.run(words).status.code(), Some(2), "{words:?}");
    }
}

#[test]
fn a_failure_says_what_failed_and_what_to_do() {
    let workshop = Workshop::new();
    workshop.deb("package.deb", &Deb::new(&["cris"]));
    let output = workshop.run(&["import", "repository", "package.deb", "--key", "release.key"]);
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(text(&output.stdout), "");
    let said = text(&output.stderr);
    let lines: Vec<&str> = said.lines().collect();
    assert_eq!(
        lines,
        [
            "reading package.deb …",
            "note: \"usr/bin/qemu-cris\" is left out: qus has no target \"cris\"",
            "error: \"package.deb\" holds no static emulator of a target that qus knows",
            "help: they are in qemu-user since Debian 13, in qemu-user-static before",
        ]
    );
}

#[test]
fn each_command_tells_its_result_on_standard_output() {
    let workshop = Workshop::empty();
    let run = |words: &[&str]| {
        let output = workshop.run(words);
        assert_eq!(output.status.code(), Some(0), "{words:?}: {}", text(&output.stderr));
        text(&output.stdout)
    };
    for key in ["root", "release", "index"] {
        let said = run(&["keygen", key, "--no-passphrase"]);
        let lines: Vec<&str> = said.lines().collect();
        let public = workshop.read(&format!("{key}.pub"));
        assert_eq!(lines, [key, &format!("{key}.pub"), public.lines().nth(1).unwrap()]);
    }
    let said = run(&[
        "root",
        "repository",
        "--url",
        "file:///srv/qus",
        "--root-key",
        "root",
        "--release-key",
        "release.pub",
        "--index-key",
        "index.pub",
    ]);
    let files = ["root.1.json.minisig.root", "root.1.json", "anchor.json"];
    assert_eq!(said, files.map(|file| format!("repository/{file}\n")).concat());

    workshop.deb("package.deb", &Deb::new(&["arm", "sh4"]));
    let said = run(&["import", "repository", "package.deb", "--key", "release"]);
    assert!(said.starts_with("11.1.3-1: all in one: 1 archive, 0.0 MB\n11.1.3-1: one by one: 2 archives, "), "{said}");
    let said = run(&["publish", "repository", "--key", "index"]);
    assert!(said.starts_with("serial 1, expires ") && said.ends_with("\nstable: 11.1.3-1\n"), "{said}");
    assert!(run(&["verify", "repository"]).starts_with("authentic: root 1, index 1 until "));
}

#[test]
fn passphrases_come_from_the_environment_or_line_by_line() {
    let workshop = Workshop::empty();
    for (key, passphrase) in [("alice", "one\n"), ("bob", "two\n")] {
        assert!(workshop.run_with(&["keygen", key], passphrase).status.success());
    }
    for key in ["release", "index"] {
        assert!(workshop.run(&["keygen", key, "--no-passphrase"]).status.success());
    }
    let words = ["--url", "https://example.org", "--root-key", "alice", "bob"];
    let words = [&["root", "repository"], &words[..], &["--release-key", "release.pub", "--index-key", "index.pub"]];
    let words = words.concat();
    assert!(workshop.run_with(&words, "one\ntwo\n").status.success());

    let missing = workshop.run_with(&words, "one\n");
    assert_eq!(missing.status.code(), Some(1));
    assert!(text(&missing.stderr).starts_with("error: no passphrase for \"bob\"\nhelp: "));
    let wrong = workshop.run_with(&words, "one\nthree\n");
    assert!(text(&wrong.stderr).starts_with("error: the passphrase does not open \"bob\"\n"));
}
