//! Keys and signatures: minisign's own, in both directions.

use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};

use qus_release::error::Error;
use qus_release::keys::{label, read_public, read_secret};
use qus_release::passphrase::Passphrases;

use crate::workshop::{Workshop, text};

/// Runs minisign(1) in the workshop; fails aloud where it is not installed.
fn minisign(workshop: &Workshop, words: &[&str], input: &str) -> String {
    let mut process = Command::new("minisign")
        .args(words)
        .current_dir(workshop.path(""))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("help: apt-get install minisign");
    process.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let output = process.wait_with_output().unwrap();
    assert!(output.status.success(), "minisign {words:?}: {}{}", text(&output.stdout), text(&output.stderr));
    text(&output.stdout)
}

fn given(passphrase: &str) -> Passphrases {
    Passphrases::Given(passphrase.to_owned())
}

#[test]
fn minisign_signs_with_a_key_of_ours_and_verifies_what_we_sign() {
    let workshop = Workshop::empty();
    workshop.keygen("alice");
    workshop.write("letter", b"content");
    minisign(&workshop, &["-S", "-s", "alice.key", "-m", "letter", "-x", "theirs.minisig"], "");
    minisign(&workshop, &["-V", "-p", "alice.key.pub", "-m", "letter", "-x", "theirs.minisig"], "");

    let signer = read_secret(&workshop.path("alice.key"), &Passphrases::Input).unwrap();
    let ours = signer.sign(&b"content"[..], "type:test\tfile:letter").unwrap();
    workshop.write("ours.minisig", ours.as_bytes());
    let said = minisign(&workshop, &["-V", "-p", "alice.key.pub", "-m", "letter", "-x", "ours.minisig"], "");
    assert!(said.contains("Trusted comment: type:test\tfile:letter"), "{said}");
}

#[test]
fn a_key_of_minisign_signs_for_us() {
    let workshop = Workshop::empty();
    minisign(&workshop, &["-G", "-W", "-s", "bob.key", "-p", "bob.key.pub"], "");
    let signer = read_secret(&workshop.path("bob.key"), &Passphrases::Input).unwrap();
    assert_eq!(*signer.public(), read_public(&workshop.path("bob.key.pub")).unwrap());

    workshop.write("letter", b"content");
    workshop.write("letter.minisig", signer.sign(&b"content"[..], "type:test").unwrap().as_bytes());
    minisign(&workshop, &["-V", "-p", "bob.key.pub", "-m", "letter"], "");
}

#[test]
fn a_signature_is_the_same_each_time_and_bears_no_date() {
    let workshop = Workshop::empty();
    workshop.keygen("alice");
    let sign = || {
        let signer = read_secret(&workshop.path("alice.key"), &Passphrases::Input).unwrap();
        signer.sign(&b"content"[..], "type:test").unwrap()
    };
    let first = sign();
    assert_eq!(first, sign());
    let lines: Vec<&str> = first.lines().collect();
    assert_eq!(lines.len(), 4);
    assert!(lines[0].starts_with("untrusted comment: signed by qus-release with key "));
    assert_eq!(lines[2], "trusted comment: type:test");
}

#[test]
fn a_passphrase_opens_the_key_and_no_other_does_and_minisign_takes_it_too() {
    let workshop = Workshop::empty();
    let output = workshop.run_with(&["keygen", "alice.key"], "open sesame\n");
    assert!(output.status.success(), "{}", text(&output.stderr));

    let key = workshop.path("alice.key");
    let signer = read_secret(&key, &given("open sesame")).unwrap();
    assert_eq!(*signer.public(), read_public(&workshop.path("alice.key.pub")).unwrap());
    assert!(matches!(read_secret(&key, &given("open barley")), Err(Error::WrongPassphrase(path)) if path == key));
    assert!(matches!(read_secret(&key, &given("")), Err(Error::NoPassphrase(path)) if path == key));

    workshop.write("letter", b"content");
    minisign(&workshop, &["-S", "-s", "alice.key", "-m", "letter"], "open sesame\n");
    minisign(&workshop, &["-V", "-p", "alice.key.pub", "-m", "letter"], "");
}

#[test]
fn a_new_key_is_for_its_owner_only_and_never_replaces_another() {
    let workshop = Workshop::empty();
    workshop.keygen("alice");
    let mode = |name| workshop.path(name).metadata().unwrap().permissions().mode() & 0o777;
    assert_eq!(mode("alice.key"), 0o600);

    for present in ["alice.key", "alice.key.pub"] {
        let (secret, public) = (workshop.read("alice.key"), workshop.read("alice.key.pub"));
        let output = workshop.run(&["keygen", "alice.key", "--no-passphrase"]);
        assert_eq!(output.status.code(), Some(1));
        let said = text(&output.stderr);
        assert!(said.starts_with("error: \"alice.key\" exists already\nhelp: "), "{present}: {said}");
        assert_eq!((secret, public), (workshop.read("alice.key"), workshop.read("alice.key.pub")));
    }
}

#[test]
fn files_that_are_no_keys_are_told_from_keys() {
    let workshop = Workshop::empty();
    workshop.keygen("alice");
    let secret = |name: &str| read_secret(&workshop.path(name), &given("x")).err().unwrap();
    let public = |name: &str| read_public(&workshop.path(name)).err().unwrap();
    assert!(matches!(secret("alice.key.pub"), Error::NotAKey { kind: "secret", .. }));
    assert!(matches!(public("alice.key"), Error::NotAKey { kind: "public", .. }));
    assert!(matches!(secret("missing"), Error::File { doing: "read", .. }));

    // One half of another key: signing with it would give the secret half away.
    let text = workshop.read("alice.key");
    let mut bytes = base64(text.lines().nth(1).unwrap());
    bytes[100] ^= 1;
    workshop.write("mixed.key", format!("untrusted comment: x\n{}\n", encode(&bytes)).as_bytes());
    assert!(matches!(secret("mixed.key"), Error::NotAKey { kind: "secret", .. }));
}

#[test]
fn a_label_is_the_name_of_the_file_up_to_the_first_dot() {
    let of = |name: &str| label(Path::new(name)).map(|label| label.to_string());
    assert_eq!(of("/keys/alice.key").unwrap(), "alice");
    assert_eq!(of("alice.key.pub").unwrap(), "alice");
    assert_eq!(of("release-2027").unwrap(), "release-2027");
    assert!(matches!(of("/keys/.key"), Err(Error::Label { .. })));
    assert!(matches!(of("müller.key"), Err(Error::Label { .. })));
}

fn base64(text: &str) -> Vec<u8> {
    use base64::Engine;
    base64::engine::general_purpose::STANDARD.decode(text).unwrap()
}

fn encode(bytes: &[u8]) -> String {
    use base64::Engine;
    base64::engine::general_purpose::STANDARD.encode(bytes)
}
