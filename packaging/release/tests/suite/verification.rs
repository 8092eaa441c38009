//! Verifying a whole repository: what a reader would refuse, and nothing else.

use qus::trust::TrustError;
use qus_release::archive::BadArchive;
use qus_release::error::Error;
use qus_release::verify::Problem;

use crate::workshop::{Workshop, text};

fn published() -> Workshop {
    let workshop = Workshop::new();
    workshop.import_usual();
    workshop.publish(&[]).unwrap();
    workshop
}

/// The only problem of the repository.
fn problem(workshop: &Workshop, words: &[&str]) -> Problem {
    let mut problems = workshop.verify(words).unwrap().problems;
    assert_eq!(problems.len(), 1, "{problems:?}");
    problems.remove(0)
}

fn trust(problem: Problem) -> TrustError {
    match problem {
        Problem::Document(Error::Trust(error) | Error::Asset { error, .. }) => error,
        other => panic!("not a matter of trust: {other}"),
    }
}

#[test]
fn a_sound_repository_has_no_problem() {
    let workshop = published();
    let report = workshop.verify(&[]).unwrap();
    assert!(report.problems.is_empty(), "{:?}", report.problems);
    assert!(report.notes.is_empty(), "{:?}", report.notes);
    assert_eq!((report.root, report.index.unwrap().serial), (1, 1));

    let output = workshop.run(&["verify", "repository", "--now", crate::workshop::NOW]);
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(text(&output.stdout), "authentic: root 1, index 1 until 2026-12-20T18:00:00Z, 7 archives\n");
}

/// Does something to the first of two files.
type Damage = fn(&Workshop, &str, &str);

/// Whether an error is the one expected.
type Expected = fn(TrustError) -> bool;

#[test]
fn every_damage_to_an_archive_or_its_signature_is_found() {
    let arm = "repository/11.1.3-1/qemu-arm-static_amd64.tar.zst";
    let all = "repository/11.1.3-1/qemu-static-all_amd64.tar.zst";
    let cases: [(&str, Damage, Expected); 5] = [
        ("another byte", |w, arm, _| damage(w, arm), |e| matches!(e, TrustError::WrongHash { .. })),
        (
            "another archive",
            |w, arm, all| copy(w, all, arm),
            |e| matches!(e, TrustError::TooLong { .. } | TrustError::TooShort { .. }),
        ),
        (
            "the signature of another archive",
            |w, arm, all| copy(w, &format!("{all}.minisig"), &format!("{arm}.minisig")),
            |e| matches!(e, TrustError::Mismatch { field: "file", .. }),
        ),
        (
            "another trusted comment",
            |w, arm, _| {
                let name = format!("{arm}.minisig");
                w.write(&name, w.read(&name).replace("type:qus-asset", "type:qus-index").as_bytes());
            },
            |e| matches!(e, TrustError::WrongType { .. }),
        ),
        (
            "a fifth line",
            |w, arm, _| {
                let name = format!("{arm}.minisig");
                w.write(&name, (w.read(&name) + "more\n").as_bytes());
            },
            |e| matches!(e, TrustError::Malformed { .. }),
        ),
    ];
    for (what, damage, expected) in cases {
        let workshop = published();
        damage(&workshop, arm, all);
        assert!(expected(trust(problem(&workshop, &[]))), "{what}");
        let output = workshop.run(&["verify", "repository", "--now", crate::workshop::NOW]);
        assert_eq!(output.status.code(), Some(3), "{what}");
        assert_eq!(text(&output.stdout).lines().count(), 1, "{what}: {}", text(&output.stdout));
    }
}

fn copy(workshop: &Workshop, from: &str, to: &str) {
    std::fs::copy(workshop.path(from), workshop.path(to)).unwrap();
}

/// Flips a bit of the last byte.
fn damage(workshop: &Workshop, name: &str) {
    let mut bytes = std::fs::read(workshop.path(name)).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    workshop.write(name, &bytes);
}

#[test]
fn missing_files_are_found() {
    for name in ["11.1.3-1/qemu-arm-static_amd64.tgz", "11.1.3-1/qemu-arm-static_amd64.tgz.minisig", "index.qus"] {
        let workshop = published();
        std::fs::remove_file(workshop.path(&format!("repository/{name}"))).unwrap();
        assert!(matches!(problem(&workshop, &[]), Problem::Missing(file) if file.ends_with(name)), "{name}");
    }
    let workshop = published();
    std::fs::remove_file(workshop.path("repository/anchor.json")).unwrap();
    assert!(matches!(workshop.verify(&[]), Err(Error::File { doing: "open", .. })), "there is nothing to start from");
}

#[test]
fn an_expired_or_early_index_is_found_and_looked_into() {
    let workshop = published();
    assert!(matches!(trust(problem(&workshop, &["--now", "2027-01-01T00:00:00Z"])), TrustError::Expired { .. }));
    assert!(matches!(trust(problem(&workshop, &["--now", "2026-11-01T00:00:00Z"])), TrustError::FromTheFuture { .. }));

    damage(&workshop, "repository/11.1.3-1/qemu-arm-static_amd64.tgz");
    let report = workshop.verify(&["--now", "2028-01-01T00:00:00Z"]).unwrap();
    let said: Vec<String> = report.problems.iter().map(ToString::to_string).collect();
    assert_eq!(said.len(), 3, "root, index and archive: {said:?}");
}

#[test]
fn an_index_by_another_key_or_with_another_text_is_found() {
    let workshop = published();
    let good = workshop.read("repository/index.qus");
    workshop.write("repository/index.qus", good.replace("\"stable\"", "\"Stable\"").as_bytes());
    assert!(matches!(trust(problem(&workshop, &[])), TrustError::BadSignature { .. }));

    let stranger = published();
    workshop.write("repository/index.qus", stranger.read("repository/index.qus").as_bytes());
    assert!(matches!(trust(problem(&workshop, &[])), TrustError::UnknownKey { .. }));
}

#[test]
fn every_root_in_the_repository_must_lead_to_the_newest() {
    let workshop = published();
    let old = workshop.read("repository/anchor.json");
    workshop.write("old-anchor.json", old.as_bytes());
    workshop.root(&["--root-key", "root.key"]).unwrap();
    for words in [&[][..], &["--anchor", "old-anchor.json"]] {
        let report = workshop.verify(words).unwrap();
        assert!(report.problems.is_empty() && report.root == 2, "{:?}", report.problems);
    }

    let good = workshop.read("repository/root.2.json");
    workshop.write("repository/root.2.json", good.replace("2027", "2037").as_bytes());
    for words in [&[][..], &["--anchor", "old-anchor.json"]] {
        assert!(matches!(trust(problem(&workshop, words)), TrustError::BadSignature { .. }));
    }
    std::fs::remove_file(workshop.path("repository/root.2.json")).unwrap();
    assert!(matches!(problem(&workshop, &[]), Problem::Missing(file) if file == "root.2.json"));
}

#[test]
fn the_anchor_of_another_repository_does_not_fit() {
    let (workshop, stranger) = (published(), published());
    workshop.write("stranger.json", stranger.read("repository/anchor.json").as_bytes());
    let problems = workshop.verify(&["--anchor", "stranger.json"]).unwrap().problems;
    assert!(
        matches!(&problems[..], [
        Problem::OtherRoot(root),
        Problem::Document(Error::Trust(TrustError::UnknownKey { .. })),
    ] if root == "root.1.json"),
        "{problems:?}"
    );

    workshop.write("damaged.json", workshop.read("repository/anchor.json").replace("2027", "2037").as_bytes());
    assert!(matches!(trust(problem(&workshop, &["--anchor", "damaged.json"])), TrustError::BadSignature { .. }));
}

#[test]
fn an_archive_that_holds_something_else_than_the_list_says_is_found() {
    // Its maker signed what he should not have: the list names the members of another archive.
    let workshop = Workshop::new();
    workshop.import_usual();
    let list = workshop.read("repository/11.1.3-1/release.json");
    let release = workshop.release("11.1.3-1");
    let [arm, riscv64] = ["arm", "riscv64"].map(|name| {
        let target = name.parse().unwrap();
        release.asset(qus::release::Form::Emulator, qus::host::Host::Amd64, target).unwrap().members[0].clone()
    });
    workshop.write(
        "repository/11.1.3-1/release.json",
        list.replacen(&arm.sha256.to_string(), &riscv64.sha256.to_string(), 1).as_bytes(),
    );
    workshop.publish(&[]).unwrap();
    let problems = workshop.verify(&[]).unwrap().problems;
    let hash = |p: &Problem| matches!(p, Problem::Archive { error: BadArchive::Hash { .. }, .. });
    let unlike = |p: &Problem| matches!(p, Problem::NotAlike { .. });
    assert_eq!(problems.iter().filter(|problem| hash(problem)).count(), 1, "{problems:?}");
    assert_eq!(problems.iter().filter(|problem| unlike(problem)).count(), 2, "{problems:?}");
}

#[test]
fn a_release_that_is_not_published_yet_is_a_note_and_no_problem() {
    let workshop = published();
    workshop.deb("more.deb", &crate::files::Deb::new(&["sh4"]));
    workshop.import(&["more.deb"]).unwrap();
    let report = workshop.verify(&[]).unwrap();
    assert!(report.problems.is_empty(), "{:?}", report.problems);
    assert_eq!(report.notes, ["the index does not list 11.1.3-1 as it was imported last"]);
}
