//! A rollback that was interrupted and is typed again: whether it is done already, is told from its plan.

use std::collections::BTreeSet;

use qus::layout::Layout;
use qus::observed::{FileState, Observed};
use qus::plan::{self, Plan, Step, is_rollback};
use qus::receipt::{Installed, Kept};
use qus::rooted::RootedPath;
use qus::wanted::Selection;

use super::planning::{at, rollback, update};
use crate::planning::{rule, select};
use crate::support::publisher::target;

fn back(words: &[&str], observed: &Observed) -> Plan {
    rollback(words, &BTreeSet::new(), observed).unwrap()
}

/// Of these words, those of which `plan` is the rollback; no words mean all.
fn answers<'a>(plan: &Plan, words: &[&'a [&'a str]]) -> Vec<&'a [&'a str]> {
    let selection = |words: &[&str]| if words.is_empty() { Selection::All } else { select(words) };
    words.iter().copied().filter(|words| is_rollback(plan, &selection(words))).collect()
}

/// What may be typed behind `qus rollback`.
const WORDS: [&[&str]; 7] = [
    &[],
    &["aarch64"],
    &["arm"],
    &["aarch64", "arm"],
    &["aarch64@11.1.4-1"],
    &["aarch64@11.1.3-1"],
    &["aarch64@9.0-1"],
];

#[test]
fn a_rollback_is_told_by_the_targets_and_versions_that_it_brings_back() {
    let observed = at("12.0.0-1", &["11.1.4-1", "11.1.3-1"]);
    let expected: [&[&str]; 3] = [&[], &["aarch64"], &["aarch64@11.1.4-1"]];
    assert_eq!(answers(&back(&[], &observed), &WORDS), expected);
    let older: [&[&str]; 1] = [&["aarch64@11.1.3-1"]];
    assert_eq!(answers(&back(&["aarch64@11.1.3-1"], &observed), &WORDS), older);
}

/// With arm too, in the same versions.
fn two() -> Observed {
    let mut observed = at("12.0.0-1", &["11.1.4-1", "11.1.3-1"]);
    let of_arm = |path: &RootedPath| RootedPath::from_trusted(path.as_str().replace("aarch64", "arm"));
    let other = observed.receipt.targets[&target("aarch64")].clone();
    let (path, dropin) = (of_arm(&other.path), other.dropin.as_ref().map(of_arm));
    let previous = other.previous.iter().map(|kept| Kept { path: of_arm(&kept.path), ..kept.clone() }).collect();
    let arm = Installed { rule: rule("arm", path.as_str()), path, dropin, previous, ..other };
    observed.files.extend(arm.files().map(|path| (path.clone(), FileState::File(4096))));
    observed.receipt.targets.insert(target("arm"), arm);
    observed
}

#[test]
fn one_of_two_targets_is_not_both_and_both_are_not_one() {
    let observed = two();
    let one: [&[&str]; 2] = [&["aarch64"], &["aarch64@11.1.4-1"]];
    assert_eq!(answers(&back(&["aarch64"], &observed), &WORDS), one);
    let both: [&[&str]; 2] = [&[], &["aarch64", "arm"]];
    assert_eq!(answers(&back(&[], &observed), &WORDS), both);
}

#[test]
fn what_is_no_rollback_is_not_taken_for_one() {
    let observed = at("11.1.3-1", &["11.1.2-1"]);
    let nothing: [&[&str]; 0] = [];
    let pin = plan::pin(&select(&["aarch64"]), true, &observed).unwrap();
    let remove = plan::remove(&Selection::All, &observed).unwrap();
    for plan in [update(&observed).plan, pin, remove, Plan::default()] {
        assert_eq!(answers(&plan, &WORDS), nothing, "{plan:#?}");
    }
    // Nothing to go back to is nothing that was done.
    assert!(!is_rollback(&back(&[], &at("11.1.3-1", &[])), &Selection::All));
}

#[test]
fn a_file_that_is_moved_to_where_nothing_stays_is_removed_and_any_other_is_installed() {
    let path = |text: &str| RootedPath::from_trusted(text.to_owned());
    let said = |from: &str, to: &str| Step::Move { from: path(from), to: path(to) }.to_string();
    let home = path("/home/staging/me");
    for layout in [Layout::system(), Layout::home(&home)] {
        let (ready, kept) = (layout.staging().join("qemu-arm-static"), layout.emulators().join("1/qemu-arm-static"));
        assert_eq!(said(ready.as_str(), kept.as_str()), format!("install {kept}"));
        assert_eq!(said(kept.as_str(), ready.as_str()), format!("remove {kept}"));
    }
    assert_eq!(
        said("/etc/binfmt.d/qemu-arm.conf", "/etc/binfmt.d/qemu-arm.conf.saved"),
        "put /etc/binfmt.d/qemu-arm.conf aside as /etc/binfmt.d/qemu-arm.conf.saved"
    );
}
