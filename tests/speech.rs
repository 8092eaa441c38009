//! What qus says: help, words it does not know, results for people and for programs.

use serde_json::Value;

use crate::support::machine::{Image, Said, published, qus};

fn say(words: &[&str]) -> Said {
    Said::by(qus().args(words).output().unwrap())
}

#[test]
fn every_help_text_fits_eighty_columns() {
    let commands = [
        "",
        "install",
        "remove",
        "update",
        "rollback",
        "pin",
        "unpin",
        "status",
        "test",
        "trust",
        "doctor",
        "apply",
        "prefer",
        "run",
        "export",
        "register",
        "unregister",
        "self-update",
    ];
    for command in commands {
        for option in ["-h", "--help"] {
            let words: Vec<&str> = [command, option].into_iter().filter(|word| !word.is_empty()).collect();
            let said = say(&words).expect(0, &["Usage: qus"]);
            for line in said.stdout.lines() {
                assert!(line.chars().count() <= 80, "{command} {option}: {line}");
            }
        }
    }
}

#[test]
fn a_misspelt_target_is_a_usage_error_with_a_guess() {
    say(&["install", "arch64"]).expect(2, &["there is no target \"arch64\"", "did you mean \"aarch64\"?"]);
}

#[test]
fn wrong_words_are_usage_errors() {
    say(&["instal"]).expect(2, &["install"]);
    say(&["install"]).expect(2, &["<TARGET[@VERSION]>"]);
    say(&["install", "--flags", "XYZ", "arm"]).expect(2, &["\"XYZ\" are no binfmt_misc flags"]);
    say(&["install", "--root", "/no/such/place", "arm"])
        .expect(1, &["cannot use as a root directory \"/no/such/place\""]);
    say(&["register", "--interpreter", "/x", "arm", "aarch64"])
        .expect(2, &["--interpreter is the emulator of one target"]);
}

#[test]
fn a_qus_that_trusts_nobody_says_so_and_how_to_change_it_and_one_with_a_root_asks_its_repository() {
    let image = Image::trusting(&["aarch64"]);
    std::fs::remove_file(image.root().join("etc/qus/trust.d/test.json")).unwrap();
    let said = image.run_in_vain(&["install", "--offline", "aarch64"]);
    match published() {
        None => said.expect(3, &["trusts no repository yet", "anchor.json", "/etc/qus/trust.d"]),
        Some(url) => said.expect(7, &[&url, "--offline forbids"]),
    };
}

#[test]
fn status_as_a_document_keeps_its_promise() {
    let image = Image::trusting(&["aarch64"]);
    image.run(&["install", "aarch64"]).expect(0, &[]);
    let said = image.run(&["status", "--json"]).expect(0, &[]);
    let document: Value = serde_json::from_str(&said.stdout).unwrap();
    assert_eq!(document["schema"], 1);
    assert_eq!(document["host"]["architecture"], "amd64");
    // An image is booted by another kernel than the one that runs now.
    assert_eq!(
        (&document["host"]["kernel"], &document["host"]["binfmt_misc"]),
        (&Value::Null, &"not looked at".into())
    );
    assert_eq!(document["targets"].as_array().unwrap().len(), 34);
    let aarch64 = &document["targets"][0];
    assert_eq!(aarch64["target"], "aarch64");
    assert_eq!(aarch64["oci"], "linux/arm64");
    assert_eq!(aarch64["state"], "installed");
    assert_eq!(aarch64["installed"]["version"], "11.1.3-1");
    assert_eq!(aarch64["installed"]["path"], "/usr/local/lib/qus/bin/11.1.3-1/qemu-aarch64-static");
    assert_eq!(aarch64["installed"]["sha256"].as_str().unwrap().len(), 64);
    assert_eq!(aarch64["dropin"]["state"], "ok");
    assert_eq!(aarch64["entry"], Value::Null);
    assert_eq!(aarch64["runs"], Value::Null);
    let absent = &document["targets"][1];
    assert_eq!(
        (&absent["state"], &absent["installed"], &absent["dropin"]),
        (&"absent".into(), &Value::Null, &Value::Null)
    );
}

#[test]
fn a_result_that_cannot_be_written_is_a_failure_unless_nobody_reads_it() {
    let status = |to: std::fs::File| {
        Said::by(
            qus()
                .args(["doctor", "--explain", "no-entry"])
                .stdout(to)
                .stderr(std::process::Stdio::piped())
                .output()
                .unwrap(),
        )
    };
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let said = status(full).expect(1, &["the result cannot be written: No space left on device"]);
    assert_eq!(said.stderr.lines().count(), 1, "{said:#?}");
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let writer: std::os::fd::OwnedFd = writer.into();
    assert_eq!(status(writer.into()).expect(0, &[]).stderr, "");
}

#[test]
fn results_go_to_standard_output_and_everything_else_does_not() {
    let image = Image::trusting(&["aarch64"]);
    let said = image.run(&["install", "--json", "aarch64"]).expect(0, &[]);
    let document: Value = serde_json::from_str(&said.stdout).unwrap();
    assert_eq!((&document["schema"], &document["dry_run"]), (&1.into(), &false.into()));
    assert!(said.stderr.contains("fetch and verify"), "{said:?}");
    let said = image.run(&["remove", "--quiet", "aarch64"]).expect(0, &["aarch64 removed"]);
    assert_eq!(said.stderr, "");
}

#[test]
fn colour_is_for_terminals_or_for_who_asks() {
    let image = Image::trusting(&["aarch64"]);
    assert!(!image.run(&["install", "banana"]).stderr.contains('\x1b'));
    assert!(image.run(&["install", "banana", "--color", "always"]).stderr.contains('\x1b'));
}

#[test]
fn credentials_come_with_a_warning() {
    let image = Image::trusting(&["aarch64"]);
    image.run(&["install", "--credentials", "yes", "aarch64"]).expect(0, &["warning: with credentials"]);
    let dropin = std::fs::read_to_string(image.root().join("etc/binfmt.d/qus-aarch64.conf")).unwrap();
    assert!(dropin.trim_end().ends_with(":POCF"), "{dropin}");
}

#[test]
fn options_can_be_given_as_variables_but_a_key_cannot() {
    let image = Image::trusting(&["aarch64"]);
    let said =
        qus().env("QUS_ROOT", image.root()).env("QUS_DRY_RUN", "true").args(["install", "aarch64"]).output().unwrap();
    Said::by(said).expect(0, &["fetch and verify"]);
    for (yes, word) in [(true, "1"), (true, "yes"), (true, "on"), (false, "0"), (false, "no")] {
        let said = Said::by(qus().env("QUS_JSON", word).args(["doctor", "--explain", "no-entry"]).output().unwrap());
        assert_eq!(said.stdout.starts_with('{'), yes, "{word}: {said:#?}");
    }
    Said::by(qus().env("QUS_DRY_RUN", "perhaps").arg("status").output().unwrap())
        .expect(2, &["invalid value 'perhaps'"]);
    let help = say(&["--help"]).stdout;
    assert!(!help.to_lowercase().contains("key"), "{help}");
}

#[test]
fn a_variable_that_is_empty_is_none() {
    let image = Image::trusting(&["aarch64"]);
    let mut status = qus();
    status.arg("--root").arg(image.root()).args(["install", "aarch64"]);
    for name in [
        "ROOT",
        "USER",
        "REPOSITORY",
        "BINFMT_MISC",
        "OFFLINE",
        "YES",
        "DRY_RUN",
        "JSON",
        "QUIET",
        "COLOR",
        "WAIT_LOCK",
    ] {
        status.env(format!("QUS_{name}"), "");
    }
    Said::by(status.output().unwrap()).expect(0, &["installed; the image registers it"]);
}
