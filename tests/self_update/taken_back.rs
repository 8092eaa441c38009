//! Versions of qus itself that were withdrawn or revoked: never offered, never gone back to, and told where they run.

use qus::hex::Sha256;
use qus::host::Host;
use qus::itself::Provenance;
use qus::news::News;
use qus::plan::{ToolOffer, ToolRefusal, ToolWanted, newer, self_rollback};
use qus::release::Tool;
use qus::tool::{Previous, ToolReceipt};
use qus::trust::Memory;
use tempfile::TempDir;

use super::choosing::{observed, tool};
use crate::support::machine::Image;
use crate::support::publisher::{Publisher, sha256, version};
use crate::support::tools::{PRESENT, Standalone, real, stripped};
use crate::updates::revoked::revoke;

const REPOSITORY: &str = "https://example.org";

/// What is known of a repository that withdrew versions, and revoked hashes.
fn news(withdrawn: &[&str], revoked: &[Sha256]) -> News {
    let folder = TempDir::new().unwrap();
    let mut publisher = Publisher::new(folder.path(), REPOSITORY);
    publisher.index.tools = withdrawn.iter().map(|text| withdraw(tool(text, Host::Amd64))).collect();
    let mut seen = publisher.seen();
    seen.root.revoked = revoked.to_vec();
    News::of(&Memory { repositories: [(REPOSITORY.to_owned(), seen)].into() })
}

fn withdraw(tool: Tool) -> Tool {
    Tool { withdrawn: Some("it hangs".to_owned()), ..tool }
}

fn hash(byte: u8) -> Sha256 {
    Sha256([byte; 32])
}

/// A version whose program has this hash.
fn of_hash(text: &str, program: Sha256) -> Tool {
    let mut tool = tool(text, Host::Amd64);
    (tool.archives[0].sha256, tool.archives[0].program_sha256) = (hash(9), program);
    tool
}

fn chosen(
    present: &str,
    tools: &[Tool],
    revoked: &[Sha256],
    named: Option<&str>,
) -> Result<Option<String>, ToolRefusal> {
    let offer =
        ToolOffer { tools, repository: REPOSITORY, trust: String::new(), news: news(&[], revoked), prereleases: false };
    let wanted = ToolWanted { version: named.map(version), allow_downgrade: true };
    Ok(newer(&wanted, &observed(present), &offer)?.map(|(version, _)| version.to_string()))
}

#[test]
fn a_withdrawn_version_is_never_offered_also_not_when_it_is_named() {
    let tools = [tool("0.2.0", Host::Amd64), withdraw(tool("0.3.0", Host::Amd64))];
    assert_eq!(chosen("0.1.0", &tools, &[], None), Ok(Some("0.2.0".to_owned())));
    let refused = chosen("0.1.0", &tools, &[], Some("0.3.0")).unwrap_err();
    assert_eq!(refused.to_string(), "qus 0.3.0 was withdrawn: it hangs");
    assert_eq!(chosen("0.2.0", &tools, &[], None), Ok(None));
    // All that there was.
    assert_eq!(chosen("0.3.0", &tools[1..], &[], None), Ok(None));
    assert_eq!(chosen("0.3.0", &[], &[], None), Err(ToolRefusal::NotOffered(Host::Amd64)));
}

#[test]
fn a_revoked_program_is_never_offered_and_where_it_runs_any_other_is() {
    let tools = [of_hash("0.2.0", hash(2)), of_hash("0.3.0", hash(3))];
    assert_eq!(chosen("0.1.0", &tools, &[hash(3)], None), Ok(Some("0.2.0".to_owned())));
    assert_eq!(chosen("0.1.0", &tools, &[hash(3)], Some("0.3.0")), Err(ToolRefusal::Revoked(version("0.3.0"))));
    // What runs has the hash of zeros: an older one takes its place, and another of the same version.
    assert_eq!(chosen("0.4.0", &tools, &[hash(0)], None), Ok(Some("0.3.0".to_owned())));
    assert_eq!(chosen("0.3.0", &tools, &[hash(0)], None), Ok(Some("0.3.0".to_owned())));
    assert_eq!(chosen("0.3.0", &tools, &[], None), Ok(None));
}

#[test]
fn what_is_known_to_be_withdrawn_or_revoked_is_not_gone_back_to() {
    let back = |repository: Option<&str>, of_receipt: &str, news: &News| {
        let previous =
            Previous { version: version("0.2.0"), sha256: hash(2), repository: repository.map(str::to_owned) };
        let mut observed = observed("0.3.0");
        let receipt = ToolReceipt {
            schema: 1,
            path: observed.path.clone(),
            version: version("0.3.0"),
            sha256: hash(0),
            repository: of_receipt.to_owned(),
            previous: Some(previous),
        };
        (observed.provenance, observed.previous, observed.space) =
            (Provenance::Standalone(receipt), Some(hash(2)), u64::MAX);
        self_rollback(&observed, news).map(|plan| plan.steps.len())
    };
    let why = "it hangs".to_owned();
    let withdrawn = Err(ToolRefusal::Withdrawn { version: version("0.2.0"), why });
    let revoked = Err(ToolRefusal::Revoked(version("0.2.0")));
    let elsewhere = "https://example.net";
    // Where it came from is written down; of old receipts, it is where the present one came from.
    for (repository, of_receipt) in [(None, REPOSITORY), (Some(REPOSITORY), elsewhere)] {
        assert!(back(repository, of_receipt, &News::default()).is_ok());
        assert_eq!(back(repository, of_receipt, &news(&["0.2.0"], &[])), withdrawn);
        assert_eq!(back(repository, of_receipt, &news(&["0.2.0"], &[hash(2)])), revoked);
    }
    assert!(back(Some(elsewhere), REPOSITORY, &news(&["0.2.0"], &[hash(2)])).is_ok());
}

#[test]
fn a_running_qus_that_was_withdrawn_is_told_left_and_not_gone_back_to() {
    let mut machine = Standalone::new();
    machine.offer(PRESENT, stripped());
    machine.image.publisher.index.serial += 1;
    machine.image.publisher.index.tools[0].withdrawn = Some("it hangs".to_owned());
    machine.image.publisher.publish();
    let told = format!("this qus, {PRESENT}, was withdrawn: it hangs; the newest: qus self-update");
    machine.in_vain(&["self-update", "--check"]).expect(0, &[&told, "nothing to do"]);
    machine
        .in_vain_but_for_the_memory(&["self-update", "--allow-downgrade", PRESENT])
        .expect(1, &["was withdrawn: it hangs"]);

    machine.image.publisher.index.serial += 1;
    machine.offer("0.9.9", &real("0.9.9"));
    machine.in_vain(&["self-update", "--check"]).expect(100, &[&told, "qus 0.9.9 is there"]);
    machine.qus(&["self-update"]).expect(0, &[&told, "is qus 0.9.9 now"]);
    let refused = format!("error: qus {PRESENT} was withdrawn: it hangs");
    machine.in_vain(&["self-update", "--rollback"]).expect(1, &[&refused, "help: the newest: qus self-update"]);
}

#[test]
fn status_and_update_tell_that_this_qus_was_withdrawn() {
    let mut image = Image::trusting(&["aarch64"]);
    image.publisher.index.tools.push(withdraw(tool(PRESENT, Host::Amd64)));
    image.publisher.publish();
    image.run(&["install", "aarch64"]).expect(0, &[]);
    let told = format!("this qus, {PRESENT}, was withdrawn by {}: it hangs; a newer one", image.publisher.url);
    for words in [&["status"][..], &["update"], &["update", "--check"]] {
        image.run_in_vain(words).expect(0, &[&told]);
    }
    // Nor is it forgotten when the repository has it no more.
    image.publisher.index.tools.clear();
    image.publisher.index.serial += 1;
    image.publisher.publish();
    image.run(&["update"]).expect(0, &[&told]);
    image.run_in_vain(&["status"]).expect(0, &[&told]);
}

#[test]
fn a_previous_qus_that_was_revoked_is_not_gone_back_to() {
    let mut machine = Standalone::new();
    machine.offer("0.9.9", &real("0.9.9"));
    machine.qus(&["self-update"]).expect(0, &[]);
    machine.qus(&["self-update", "--rollback"]).expect(0, &[]);
    machine.qus(&["self-update"]).expect(0, &[]);

    revoke(&machine.image.publisher, 2, &[sha256(stripped())]);
    machine.image.publisher.index.serial += 1;
    machine.offer("0.9.8", &real("0.9.8"));
    machine.qus(&["self-update", "--allow-downgrade", "0.9.8"]).expect(0, &["is qus 0.9.8 now"]);
    machine.qus(&["self-update", "--rollback"]).expect(0, &["is qus 0.9.9 now"]);
    assert_eq!(machine.version(), "0.9.9");
    // The one that runs now, and then the one that is kept.
    revoke(&machine.image.publisher, 3, &[sha256(stripped()), sha256(&real("0.9.9"))]);
    let told = "warning: this qus, 0.9.9, was revoked: nobody is to run it any more; the newest: qus self-update";
    machine.in_vain(&["self-update", "--check"]).expect(100, &[told, "qus 0.9.8 is there"]);
    machine.qus(&["self-update"]).expect(0, &[told, "is qus 0.9.8 now"]);
    machine.in_vain(&["self-update", "--rollback"]).expect(3, &["qus 0.9.9 was revoked"]);
}
