//! What is not what was signed, what was cut off, and what is in the way: nothing is started, and nothing stays.

use std::fs;

use std::time::Duration;

use crate::support::publisher::sign;
use crate::support::server::{Answer, Server};
use crate::support::tools::claiming;

use super::script::{Installer, MINISIGN, NEITHER, OPENSSL, SHELLS, TARGET, TEMPLATE};

/// Leaves a trace if it is started.
const TRACE: &str = "fclose(fopen(\"/usr/local/lib/started\", \"w\"))";

fn tracing() -> Installer {
    Installer::of(&claiming("0.9.9", TRACE))
}

#[test]
fn an_archive_that_was_changed_on_its_way() {
    let installer = tracing();
    let mut bytes = fs::read(installer.file()).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    fs::write(installer.file(), bytes).unwrap();
    for shell in SHELLS {
        for programs in [MINISIGN, OPENSSL, NEITHER] {
            installer
                .run_in_vain(shell, programs)
                .expect(1, &["qus_amd64.tgz has another SHA-256 than this script says: it is not installed"]);
        }
    }
}

#[test]
fn a_script_whose_hash_was_changed() {
    let installer = tracing();
    let script = installer.script();
    let line = script.lines().find(|line| line.starts_with("amd64 ")).unwrap();
    let hash = line.split(' ').nth(2).unwrap();
    let changed = script.replace(hash, &hash.chars().rev().collect::<String>());
    for shell in SHELLS {
        installer.pipe_in_vain(&changed, shell, NEITHER, "").expect(1, &["has another SHA-256"]);
    }
}

/// Whoever can change the script, but has no release key: where the signature can be checked, that is not enough.
#[test]
fn an_archive_and_a_script_that_were_changed_together() {
    let mut installer = tracing();
    let other = minisign::KeyPair::generate_unencrypted_keypair().unwrap();
    let honest = fs::read_to_string(installer.signature()).unwrap();
    let honest: Vec<&str> = honest.lines().collect();
    let mut bytes = fs::read(installer.file()).unwrap();
    // The time in gzip's header (RFC 1952, 2.3.1): another file of the same content.
    bytes[4] ^= 1;
    installer.replace(&bytes);
    let comment = installer.comment();
    let line = format!("trusted comment: {comment}");
    let forged = sign(&other, &bytes, &comment);
    let signatures = [
        ("as it was", honest.join("\n") + "\n", "is signed as something else"),
        ("of another key", forged.clone(), "the signature of qus_amd64.tgz is not good"),
        ("with another claim", [honest[0], honest[1], &line, honest[3], ""].join("\n"), "is not good"),
        (
            "with a foreign claim",
            [honest[0], honest[1], &line, forged.lines().nth(3).unwrap(), ""].join("\n"),
            "is not good",
        ),
        ("empty", String::new(), "is signed as something else"),
    ];
    for (what, signature, word) in signatures {
        fs::write(installer.signature(), signature).unwrap();
        for shell in SHELLS {
            for programs in [MINISIGN, OPENSSL] {
                let said = installer.run_in_vain(shell, programs);
                assert!(said.stderr.contains(word) && said.code == Some(1), "{what}, {shell}, {programs:?}: {said:#?}");
            }
        }
    }
    fs::remove_file(installer.signature()).unwrap();
    installer.run_in_vain("dash", OPENSSL).expect(1, &["cannot fetch", "qus_amd64.tgz.minisig"]);
}

#[test]
fn a_claim_that_was_changed_under_a_good_signature_of_the_bytes() {
    let installer = tracing();
    let honest = fs::read_to_string(installer.signature()).unwrap();
    let lines: Vec<&str> = honest.lines().collect();
    let other = minisign::KeyPair::generate_unencrypted_keypair().unwrap();
    let forged = sign(&other, &fs::read(installer.file()).unwrap(), &installer.comment());
    fs::write(installer.signature(), [lines[0], lines[1], lines[2], forged.lines().nth(3).unwrap(), ""].join("\n"))
        .unwrap();
    for programs in [MINISIGN, OPENSSL] {
        installer.run_in_vain("dash", programs).expect(1, &["the signature of qus_amd64.tgz is not good"]);
    }
}

#[test]
fn what_a_release_key_signed_as_something_else() {
    let installer = tracing();
    let key = &installer.image.publisher.release_key;
    for (from, to) in
        [("type:qus-tool", "type:qus-asset"), ("version:0.9.9", "version:0.9.8"), ("host:amd64", "host:i386")]
    {
        installer.sign(key, &installer.comment().replace(from, to));
        for programs in [MINISIGN, OPENSSL] {
            installer.run_in_vain("dash", programs).expect(1, &["qus_amd64.tgz is signed as something else"]);
        }
    }
}

#[test]
fn a_script_that_was_cut_off_anywhere() {
    let installer = tracing();
    let script = installer.script();
    installer.run("dash", NEITHER).expect(0, &[]);
    installer.uninstall();
    installer.sandbox.shell("rm /usr/local/lib/started").expect(0, &[]);
    let before = installer.tree();
    let file = installer.image.folder.path().join("install.sh");
    fs::write(&file, &script).unwrap();
    let last = script.len() - "main\n".len();
    for shell in ["dash", "bash", "busybox sh"] {
        // Every line, and every byte of what could be taken for the call.
        let cut = format!(
            "export QUS_DESTINATION=/usr/local/lib/apps
             for line in $(seq 0 {lines}); do head -n $line {file} | {shell} >/dev/null 2>&1 || :; done
             for bytes in $(seq {from} {to}); do head -c $bytes {file} | {shell} >/dev/null 2>&1 || :; done",
            lines = script.lines().count() - 1,
            from = last - 10,
            // With the whole word, but without the end of its line, it is the whole script.
            to = script.len() - "n\n".len(),
            file = file.display()
        );
        installer.sandbox.shell(&cut).expect(0, &[]);
        assert_eq!(installer.tree(), before, "{shell}");
    }
}

#[test]
fn the_template_itself() {
    let installer = tracing();
    for shell in SHELLS {
        installer
            .pipe_in_vain(TEMPLATE, shell, MINISIGN, "")
            .expect(1, &["this is a template, which installs nothing"]);
    }
}

#[test]
fn a_repository_that_is_reached_without_encryption() {
    let installer = tracing();
    for url in ["http://example.org/qus", "ftp://example.org/qus", "http://127.0.0.1.example.org/qus", "file:relative"]
    {
        let script = installer.script().replace(&installer.image.publisher.url, url);
        installer.pipe_in_vain(&script, "dash", NEITHER, "").expect(1, &["would be fetched without encryption"]);
    }
}

/// With a second's patience in place of the minute's. At this pace the archive would take an hour.
#[test]
fn a_server_that_lets_the_archive_drip_is_left() {
    let installer = tracing();
    let size = fs::metadata(installer.file()).unwrap().len();
    let server = Server::of(installer.image.publisher.folder.clone());
    server.answer(".tgz", Answer::Drip(Duration::from_secs(3600) / u32::try_from(size).unwrap()));
    let installer = installer.at(&server.url);
    let mut script = installer.script();
    for (minute, second) in [("-y 60 ", "-y 1 "), ("/ 1024 + 60)", "/ 1024 / 1024 + 1)")] {
        assert_eq!(script.matches(minute).count(), 1);
        script = script.replace(minute, second);
    }
    for shell in SHELLS {
        for fetcher in [&["curl"][..], &["wget", "timeout"]] {
            let programs = [fetcher, &["sha256sum"]].concat();
            installer
                .pipe_in_vain(&script, shell, &programs, "")
                .expect(1, &["cannot fetch", "qus_amd64.tgz, of at most"]);
        }
    }
    // Neither does that of busybox.
    let folder = installer.image.folder.path().display().to_string();
    let script = format!(
        "mkdir {folder}/box; /usr/bin/busybox --install -s {folder}/box
         cat {folder}/install.sh | env -i HOME=/root PATH={folder}/box QUS_DESTINATION=/usr/local/lib/apps {folder}/box/sh"
    );
    installer.sandbox.shell(&script).expect(1, &["cannot fetch"]);
    assert!(server.asked().len() > SHELLS.len() * 2, "{:?}", server.asked());
}

#[test]
fn a_machine_that_it_has_nothing_for() {
    let installer = tracing();
    let script = installer.script().replace("\namd64 ", "\ns390x ");
    installer
        .pipe_in_vain(&script, "dash", NEITHER, "")
        .expect(1, &["there is no qus 0.9.9 for x86_64", "cargo install qus"]);
}

#[test]
fn a_program_that_does_not_start_or_is_of_another_version() {
    for program in [claiming("0.9.8", ""), claiming("0.9.9", "raise(SIGSEGV)"), b"\x7fELF".to_vec()] {
        let installer = Installer::of(&program);
        for shell in SHELLS {
            installer.run_in_vain(shell, MINISIGN).expect(1, &["qus 0.9.9 does not start here"]);
        }
    }
}

#[test]
fn a_script_that_was_killed_before_its_last_step_is_run_again() {
    for shell in SHELLS {
        let installer = Installer::of(&claiming("0.9.9", ""));
        let script = installer.script();
        let (before, last) = script.rsplit_once("mv -f").unwrap();
        let killed = installer.pipe(&format!("{before}kill -KILL $$; mv -f{last}"), shell, MINISIGN, "");
        assert!(!killed.stdout.contains("is installed"), "{killed:#?}");
        installer.run(shell, MINISIGN).expect(0, &["qus 0.9.9 is installed"]);
    }
}

#[test]
fn what_is_in_the_way() {
    let installer = Installer::of(&claiming("0.9.9", ""));
    let elsewhere = "QUS_DESTINATION=/usr/local/lib/nowhere";
    let vain = |script: &str, variables: &str| {
        installer.sandbox.shell(script).expect(0, &[]);
        installer.pipe_in_vain(&installer.script(), "dash", MINISIGN, variables)
    };
    vain(":", elsewhere).expect(1, &["there is no directory \"/usr/local/lib/nowhere\"", "mkdir -p"]);
    vain(&format!("echo theirs > {TARGET}"), "").expect(1, &["is there already, and not by this script"]);
    vain(&format!("ln -sf /nowhere {TARGET}"), "").expect(1, &["is there already, and not by this script"]);
    vain(&format!("rm {TARGET}; echo file > /var/lib/qus"), "").expect(1, &["cannot write \"/var/lib/qus/self.json\""]);
    installer.sandbox.shell("rm /var/lib/qus; mount -t tmpfs -o size=64k tmpfs /usr/local/lib/apps").expect(0, &[]);
    let said = installer.run("dash", MINISIGN).expect(1, &["df -h /usr/local/lib/apps"]);
    assert_eq!(installer.sandbox.shell("ls -A /usr/local/lib/apps").stdout, "", "{said:#?}");
    installer.sandbox.shell("mount -o remount,ro /usr/local/lib/apps").expect(0, &[]);
    vain(":", "").expect(1, &["\"/usr/local/lib/apps\" cannot be written to", "sudo sh"]);
}
