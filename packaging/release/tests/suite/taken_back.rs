//! What is taken back: archives with what is in them, and versions of qus itself.

use qus::host::Host;
use qus::release::{Index, Tool, ToolArchive};
use qus::trust::TrustError;
use qus_release::error::Error;

use crate::files::{LOAD, X86_64, elf, sha256};
use crate::workshop::{Workshop, text};

const ARM: &str = "repository/11.1.3-1/qemu-arm-static_amd64.tar.zst";
const SET: &str = "repository/11.1.3-1/qemu-static-all_amd64.tar.zst";

fn hash(workshop: &Workshop, file: &str) -> String {
    sha256(&std::fs::read(workshop.path(file)).unwrap()).to_string()
}

fn published() -> Workshop {
    let workshop = Workshop::new();
    workshop.import_usual();
    workshop.publish(&[]).unwrap();
    workshop
}

/// What a root that revokes `words` says of it.
fn revoked(workshop: &Workshop, name: &str, words: &[&str]) -> Vec<String> {
    let pending = workshop.revoke(name, words).unwrap();
    pending.next().unwrap().revoked.iter().map(ToString::to_string).collect()
}

fn sorted(mut words: Vec<String>) -> Vec<String> {
    words.sort();
    words
}

#[test]
fn an_archive_is_revoked_with_everything_in_it_however_it_is_packed() {
    let workshop = published();
    let release = workshop.release("11.1.3-1");
    let member = |file: &str| {
        let asset = release.assets.iter().find(|asset| file.ends_with(&asset.file)).unwrap();
        asset.members.iter().map(|member| member.sha256.to_string()).collect::<Vec<_>>()
    };
    let tgz = "repository/11.1.3-1/qemu-arm-static_amd64.tgz";
    for (number, file) in [ARM, tgz, SET].into_iter().enumerate() {
        let expected = sorted([vec![hash(&workshop, file)], member(file)].concat());
        assert_eq!(revoked(&workshop, &format!("{number}.json"), &[file]), expected, "{file}");
        let alone = revoked(&workshop, &format!("{number}-alone.json"), &["--archives-only", file]);
        assert_eq!(alone, [hash(&workshop, file)], "{file}");
    }
    assert_eq!(member(SET).len(), 3);
    let rotated = workshop.rotate("rotated.json", &["--revoke", ARM]).unwrap().next().unwrap().revoked;
    assert_eq!(rotated.iter().map(ToString::to_string).collect::<Vec<_>>(), revoked(&workshop, "again.json", &[ARM]));
}

#[test]
fn a_plain_file_and_an_unsound_archive_are_revoked_by_their_own_hash() {
    let workshop = published();
    workshop.write("program", &elf(X86_64, LOAD, "a forged one"));
    assert_eq!(revoked(&workshop, "program.json", &["program"]), [hash(&workshop, "program")]);
    let sound = std::fs::read(workshop.path(ARM)).unwrap();
    workshop.write("cut.tar.zst", &sound[..sound.len() - 7]);
    let output = workshop.run(&["revoke", "repository", "cut.json", "cut.tar.zst"]);
    assert_eq!(output.status.code(), Some(0));
    let said = text(&output.stderr);
    assert!(
        said.contains("note: \"cut.tar.zst\" is not a sound archive: what is in it was not all looked at: "),
        "{said}"
    );
    assert!(workshop.read("cut.json").contains(&hash(&workshop, "cut.tar.zst")));
}

#[test]
fn who_revokes_is_told_what_each_hash_is_and_what_else_goes_with_it() {
    let workshop = published();
    let output = workshop.run(&["revoke", "repository", "next.json", ARM]);
    let said = text(&output.stderr);
    let member =
        workshop.release("11.1.3-1").assets.iter().find(|asset| ARM.ends_with(&asset.file)).unwrap().members[0].sha256;
    for line in [
        format!("note: {} is \"{ARM}\"\n", hash(&workshop, ARM)),
        format!("note: {member} is \"qemu-arm-static\" in \"{ARM}\"\n"),
        "note: \"qemu-static-all_amd64.tar.zst\" of 11.1.3-1 holds what is revoked, and is refused with it\n"
            .to_owned(),
        "note: \"qemu-arm-static_amd64.tgz\" of 11.1.3-1 holds what is revoked, and is refused with it\n".to_owned(),
    ] {
        assert!(said.contains(&line), "{line}{said}");
    }
    assert!(!said.contains("qemu-aarch64-static_amd64"), "{said}");
}

/// The same program in another archive is the same program.
#[test]
fn an_archive_that_holds_a_revoked_program_is_not_published() {
    let workshop = published();
    std::fs::copy(workshop.path(ARM), workshop.path("forged.tar.zst")).unwrap();
    workshop.revoke("next.json", &["forged.tar.zst"]).unwrap();
    workshop.sign_root("next.json", "root.key").unwrap();
    workshop.place(&["next.json"]).unwrap();
    for file in [ARM, "repository/11.1.3-1/qemu-arm-static_amd64.tgz"] {
        for end in ["", ".minisig"] {
            std::fs::remove_file(workshop.path(&format!("{file}{end}"))).unwrap();
        }
    }
    let mut release = workshop.release("11.1.3-1");
    release.assets.retain(|asset| !asset.file.starts_with("qemu-arm-"));
    let list = serde_json::to_string(&release).unwrap();
    workshop.write("repository/11.1.3-1/release.json", list.as_bytes());
    let error = workshop.publish(&[]).unwrap_err();
    assert!(matches!(error, Error::Asset { error: TrustError::RevokedMember { .. }, .. }), "{error}");
    assert!(
        error.to_string().contains("\"qemu-static-all_amd64.tar.zst\" holds a program that was revoked"),
        "{error}"
    );
    assert!(error.help().unwrap().contains("rm -r REPOSITORY/11.1.3-1"));
    assert!(workshop.verify(&[]).unwrap().problems.iter().any(|problem| problem.to_string().contains("was revoked")));
}

fn with_tools(versions: &[&str]) -> Workshop {
    let workshop = published();
    for version in versions {
        workshop.write("qus-amd64", &elf(X86_64, LOAD, &format!("qus {version} of amd64")));
        workshop.tool(&["qus-amd64", "--version", version]).unwrap();
    }
    workshop.publish(&[]).unwrap();
    workshop
}

fn withdrawn(tools: &[Tool]) -> Vec<(&str, Option<&str>)> {
    tools.iter().map(|tool| (tool.version.as_str(), tool.withdrawn.as_deref())).collect()
}

#[test]
fn a_version_of_qus_is_withdrawn_and_the_script_installs_the_one_before() {
    let workshop = with_tools(&["0.2.0", "0.3.0"]);
    assert!(workshop.read("repository/install.sh").contains("0.3.0"));
    let run = |words: &[&str]| {
        let output = workshop.run(&[&["withdraw", "repository"], words].concat());
        assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
        text(&output.stdout)
    };
    assert_eq!(run(&["--tool", "0.3.0", "--why", "it hangs"]), "qus 0.3.0 is withdrawn: it hangs\n");
    let index = workshop.publish(&[]).unwrap();
    assert_eq!(withdrawn(&index.tools), [("0.3.0", Some("it hangs")), ("0.2.0", None)]);
    let script = workshop.read("repository/install.sh");
    assert!(script.contains("0.2.0") && !script.contains("0.3.0"), "{script}");
    assert!(workshop.verify(&[]).unwrap().problems.is_empty());
    // Packed again it is still withdrawn.
    workshop.write("qus-amd64", &elf(X86_64, LOAD, "qus 0.3.0 of amd64"));
    assert_eq!(workshop.tool(&["qus-amd64", "--version", "0.3.0"]).unwrap().withdrawn.as_deref(), Some("it hangs"));

    workshop.withdraw("0.2.0", &["--tool", "--why", "so does it"]).unwrap();
    workshop.publish(&[]).unwrap();
    assert!(!workshop.names().contains(&"install.sh".to_owned()), "there is nothing left to install");
    assert!(workshop.verify(&[]).unwrap().problems.is_empty());
    assert_eq!(run(&["--tool", "0.3.0", "--undo"]), "qus 0.3.0 is offered again\n");
    assert_eq!(withdrawn(&workshop.publish(&[]).unwrap().tools), [("0.3.0", None), ("0.2.0", Some("so does it"))]);
    assert!(workshop.read("repository/install.sh").contains("0.3.0"));
}

#[test]
fn a_version_of_emulators_is_none_of_qus_and_the_other_way_round() {
    let workshop = with_tools(&["0.2.0"]);
    let before = workshop.tree();
    let error = workshop.withdraw("11.1.3-1", &["--tool", "--why", "x"]).unwrap_err();
    assert_eq!(error.to_string(), "there is no version 11.1.3-1 of qus itself in the repository");
    assert!(matches!(workshop.withdraw("0.2.0", &["--why", "x"]), Err(Error::NoSuchVersion(_))));
    assert_eq!(workshop.tree(), before);
}

/// Readers and repositories of before know of no such mark.
#[test]
fn a_list_of_before_is_read_and_one_without_the_mark_is_written_as_before() {
    let old = r#"{"version":"0.1.0","archives":[]}"#;
    let tool: Tool = serde_json::from_str(old).unwrap();
    assert_eq!(tool.withdrawn, None);
    assert_eq!(serde_json::to_string(&tool).unwrap(), old);
    let workshop = with_tools(&["0.2.0"]);
    let list = workshop.read("repository/tool-0.2.0/tool.json");
    let index = workshop.read("repository/index.qus");
    assert!(!list.contains("withdrawn") && !index.contains("withdrawn"));
    let index: Index = serde_json::from_str(index.split_once("\n\n").unwrap().1).unwrap();
    assert_eq!(index.tools[0].archives[0].file, ToolArchive::file_name(Host::Amd64));
}
