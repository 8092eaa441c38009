//! A rollback of qus itself that was interrupted and is typed again: whether it is done already, is told from its plan.

use std::collections::BTreeSet;

use qus::hex::Sha256;
use qus::host::Host;
use qus::itself::{Provenance, ToolObserved};
use qus::news::News;
use qus::plan::{Plan, Step, ToolOffer, ToolWanted, is_self_rollback, self_rollback, self_update};
use qus::rooted::RootedPath;
use qus::tool::{Previous, ToolReceipt};

use super::choosing::{observed, tool};
use crate::support::publisher::version;

/// A copy that is its own to replace, with another that it replaced.
fn standalone() -> ToolObserved {
    let observed = observed("0.2.0");
    let receipt = ToolReceipt {
        schema: 1,
        path: observed.path.clone(),
        version: observed.version.clone(),
        sha256: observed.sha256,
        repository: "https://example.org".to_owned(),
        previous: Some(Previous { version: version("0.1.0"), sha256: Sha256([1; 32]), repository: None }),
    };
    let (provenance, previous) = (Provenance::Standalone(receipt), Some(Sha256([1; 32])));
    ToolObserved { provenance, previous, space: u64::MAX, ..observed }
}

#[test]
fn a_rollback_is_what_puts_a_program_in_place_that_no_archive_brought() {
    let observed = standalone();
    let back = self_rollback(&observed, &News::default()).unwrap();
    assert!(is_self_rollback(&back), "{back:#?}");

    let tools = [tool("0.3.0", Host::Amd64), tool("0.1.0", Host::Amd64)];
    let offer =
        ToolOffer { tools: &tools, repository: "", trust: String::new(), news: News::default(), prereleases: false };
    let newer = self_update(&ToolWanted::default(), &observed, &offer).unwrap();
    assert!(!newer.is_empty());
    assert!(!is_self_rollback(&newer), "{newer:#?}");
    // The version before, from the repository: that is no rollback.
    let wanted = ToolWanted { version: Some(version("0.1.0")), allow_downgrade: true };
    let older = self_update(&wanted, &observed, &offer).unwrap();
    assert!(!older.is_empty());
    assert!(!is_self_rollback(&older), "{older:#?}");
}

#[test]
fn a_change_of_emulators_is_none() {
    let emulators = crate::updates::planning::rollback(
        &[],
        &BTreeSet::new(),
        &crate::updates::planning::at("11.1.4-1", &["11.1.3-1"]),
    )
    .unwrap();
    assert!(!emulators.is_empty());
    assert!(!is_self_rollback(&emulators), "{emulators:#?}");
    assert!(!is_self_rollback(&Plan::default()));
}

#[test]
fn an_older_copy_that_is_moved_to_where_nothing_stays_is_removed() {
    let path = RootedPath::from_trusted("/home/staging/me/bin/qus");
    let tool = ToolObserved { path, ..observed("0.1.0") };
    let step = Step::Move { from: tool.previous_path(), to: tool.staging().join("older") };
    assert_eq!(step.to_string(), "remove /home/staging/me/bin/qus.previous");
}
