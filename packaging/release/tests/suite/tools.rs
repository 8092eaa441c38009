//! Archives of qus itself, and the script that installs them.

use std::process::Command;

use qus::host::Host;
use qus::release::ToolArchive;
use qus_release::error::Error;
use qus_release::verify::Problem;

use crate::files::{AARCH64, INTERP, LOAD, X86_64, elf};
use crate::workshop::{NOW, Workshop, text};

/// A program of two hosts that bears a version.
fn programs(workshop: &Workshop, version: &str) {
    workshop.write("qus-amd64", &elf(X86_64, LOAD, &format!("qus {version} of amd64")));
    workshop.write("qus-arm64", &elf(AARCH64, LOAD, &format!("qus {version} of arm64")));
}

fn usual() -> Workshop {
    let workshop = Workshop::new();
    workshop.import_usual();
    programs(&workshop, "0.2.0");
    workshop.tool(&["qus-amd64", "qus-arm64", "--version", "0.2.0"]).unwrap();
    workshop
}

#[test]
fn a_version_of_qus_is_packed_signed_listed_and_found_sound() {
    let workshop = usual();
    let names: Vec<String> = workshop.names().into_iter().filter(|name| name.starts_with("tool-")).collect();
    assert_eq!(
        names,
        [
            "tool-0.2.0/qus_amd64.tar.zst",
            "tool-0.2.0/qus_amd64.tar.zst.minisig",
            "tool-0.2.0/qus_amd64.tgz",
            "tool-0.2.0/qus_amd64.tgz.minisig",
            "tool-0.2.0/qus_arm64v8.tar.zst",
            "tool-0.2.0/qus_arm64v8.tar.zst.minisig",
            "tool-0.2.0/qus_arm64v8.tgz",
            "tool-0.2.0/qus_arm64v8.tgz.minisig",
            "tool-0.2.0/tool.json",
        ]
    );
    let index = workshop.publish(&[]).unwrap();
    assert_eq!(index.tools.len(), 1);
    let hosts: Vec<Host> = index.tools[0].archives.iter().map(|archive| archive.host).collect();
    assert_eq!(hosts, [Host::Amd64, Host::Amd64, Host::Arm64v8, Host::Arm64v8]);
    assert_eq!(index.tools[0].archive(Host::Arm64v8).unwrap().file, "qus_arm64v8.tar.zst");
    assert!(workshop.verify(&[]).unwrap().problems.is_empty());
    let signature = workshop.read("repository/tool-0.2.0/qus_amd64.tgz.minisig");
    let claim = signature.lines().nth(2).unwrap();
    assert!(
        claim.starts_with("trusted comment: type:qus-tool\tfile:qus_amd64.tgz\tversion:0.2.0\thost:amd64\t"),
        "{claim}"
    );
}

#[test]
fn the_same_program_gives_the_same_bytes_whoever_packs_it_and_whenever() {
    let workshop = usual();
    let before = workshop.tree();
    workshop.tool(&["qus-arm64", "--version", "0.2.0"]).unwrap();
    workshop.tool(&["qus-arm64", "qus-amd64", "--version", "0.2.0", "--force"]).unwrap();
    assert_eq!(workshop.tree(), before);
}

#[test]
fn a_published_version_never_changes_unless_it_is_forced() {
    let workshop = usual();
    let before = workshop.tree();
    workshop.write("qus-amd64", &elf(X86_64, LOAD, "another qus 0.2.0"));
    let words = ["qus-amd64", "--version", "0.2.0"];
    assert!(matches!(workshop.tool(&words), Err(Error::WouldChange { .. })));
    assert_eq!(workshop.tree(), before);
    let tool = workshop.tool(&[&words[..], &["--force"]].concat()).unwrap();
    assert_eq!(tool.archives.len(), 4, "the other host's archives stay");
}

#[test]
fn what_is_not_qus_of_that_version_is_refused() {
    let workshop = Workshop::new();
    programs(&workshop, "0.2.0");
    workshop.write("script", b"#!/bin/sh\n# qus 0.2.0");
    workshop.write("sparc", &elf(43, LOAD, "qus 0.2.0"));
    workshop.write("dynamic", &elf(X86_64, INTERP, "qus 0.2.0"));
    let why = |words: &[&str]| workshop.tool(words).unwrap_err().to_string();
    assert!(why(&["script", "--version", "0.2.0"]).contains("not an ELF file"));
    assert!(
        why(&["sparc", "--version", "0.2.0"]).contains("it is no program of a host that qus knows (ELF machine 43)")
    );
    assert!(why(&["qus-amd64", "--version", "0.3.0"]).contains("it bears no version 0.3.0"));
    assert!(why(&["qus-amd64", "dynamic", "--version", "0.2.0"]).contains("a second qus for host \"amd64\""));
    assert!(matches!(
        workshop.tool(&["qus-amd64", "--version", "0.2.0", "--key", "index.key"]),
        Err(Error::NotOfRole { role: "release", .. })
    ));
    assert!(!workshop.names().iter().any(|name| name.starts_with("tool-")));
    let key = workshop.path("release.key").display().to_string();
    let output = workshop.run(&["tool", "repository", "dynamic", "--version", "0.2.0", "--key", &key]);
    assert!(output.status.success());
    assert!(text(&output.stderr).contains("\"dynamic\" is dynamically linked: it runs only where its libraries are"));
}

#[test]
fn an_emulators_archive_is_none_of_qus_and_the_other_way_round() {
    let workshop = usual();
    workshop.publish(&[]).unwrap();
    let tool = "repository/tool-0.2.0/qus_amd64.tar.zst";
    let emulator = "repository/11.1.3-1/qemu-arm-static_amd64.tar.zst";
    for end in ["", ".minisig"] {
        std::fs::copy(workshop.path(&format!("{emulator}{end}")), workshop.path(&format!("{tool}{end}"))).unwrap();
    }
    assert!(
        workshop
            .publish(&[])
            .unwrap_err()
            .to_string()
            .contains("is signed as \"qus-asset\", where \"qus-tool\" is wanted")
    );
    let problems = workshop.verify(&[]).unwrap().problems;
    assert!(matches!(problems[..], [Problem::Document(Error::Asset { .. })]), "{problems:?}");
}

#[test]
fn publish_fills_the_script_that_installs_the_newest_version() {
    let workshop = usual();
    programs(&workshop, "0.10.0");
    workshop.tool(&["qus-amd64", "--version", "0.10.0"]).unwrap();
    programs(&workshop, "0.11.0-rc.1");
    workshop.tool(&["qus-amd64", "--version", "0.11.0-rc.1"]).unwrap();
    let tools = workshop.publish(&[]).unwrap().tools;
    let versions: Vec<&str> = tools.iter().map(|tool| tool.version.as_str()).collect();
    assert_eq!(versions, ["0.11.0-rc.1", "0.10.0", "0.2.0"]);

    let script = workshop.read("repository/install.sh");
    let archive = tools[1].archives.iter().find(|archive| archive.file == ToolArchive::tgz_name(Host::Amd64)).unwrap();
    let key = workshop.read("release.key.pub").lines().nth(1).unwrap().to_owned();
    let line = format!("{} {} {} {key}", archive.host, archive.size, archive.sha256);
    let template = include_str!("../../../../scripts/install.sh");
    let filled = template
        .replace("@URL@", "https://example.org/qus")
        .replace("@VERSION@", "0.10.0")
        .replace("@ARCHIVES@", &line);
    assert_eq!(script, filled);
    let output =
        Command::new("sh").arg(workshop.path("repository/install.sh")).env("QUS_DRY_RUN", "1").output().unwrap();
    let said = text(&output.stdout);
    assert!(
        said.starts_with("would fetch https://example.org/qus/tool-0.10.0/qus_amd64.tgz"),
        "{said} {:?}",
        output.stderr
    );
}

#[test]
fn a_script_that_publish_did_not_write_is_found() {
    let workshop = usual();
    workshop.publish(&[]).unwrap();
    let script = workshop.read("repository/install.sh");
    for changed in [script.replace("chmod 755", "chmod 4755"), String::new()] {
        workshop.write("repository/install.sh", changed.as_bytes());
        assert!(matches!(workshop.verify(&[]).unwrap().problems[..], [Problem::OtherInstaller]));
    }
    std::fs::remove_file(workshop.path("repository/install.sh")).unwrap();
    assert!(matches!(workshop.verify(&[]).unwrap().problems[..], [Problem::OtherInstaller]));
    workshop.write("repository/install.sh", script.as_bytes());
    assert!(workshop.verify(&[]).unwrap().problems.is_empty());
}

#[test]
fn a_repository_without_qus_has_no_such_script() {
    let workshop = Workshop::new();
    workshop.import_usual();
    workshop.publish(&["--now", NOW]).unwrap();
    assert!(!workshop.names().contains(&"install.sh".to_owned()));
}
