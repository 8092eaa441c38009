//! Plans of update, rollback and pin, as functions of what is installed and what is offered.

use std::collections::BTreeSet;

use qus::conflict::Conflict;
use qus::dropin;
use qus::exit::{Exit, Explain};
use qus::layout::Layout;
use qus::news::News;
use qus::observed::{FileState, Observed};
use qus::plan::{self, Offer, Plan, Step, Terms, Update, Verdict};
use qus::receipt::{Installed, Receipt};
use qus::release::Index;
use qus::rooted::RootedPath;
use qus::settings::{Keep, Settings};
use qus::trust::Memory;
use qus::wanted::{Consent, Letters};
use tempfile::TempDir;

use crate::planning::{installed, rule, select, steps, table_with};
use crate::support::publisher::{Publisher, emulator, sha256, target, version};

pub(super) const REPOSITORY: &str = "https://example.org";

/// Four releases, of which the third is the stable one.
pub(super) fn index() -> Index {
    let folder = TempDir::new().unwrap();
    let mut publisher = Publisher::new(folder.path(), REPOSITORY);
    for text in ["11.1.2-1", "11.1.3-1", "11.1.4-1", "12.0.0-1"] {
        publisher.add_release(text, &["aarch64", "arm"]);
    }
    for (channel, text) in [("stable", "11.1.4-1"), ("previous", "11.1.2-1"), ("edge", "12.0.0-1")] {
        publisher.index.channels.insert(channel.to_owned(), version(text));
    }
    publisher.index
}

pub(super) fn withdrawn(text: &str) -> Index {
    let mut index = index();
    let release = index.releases.iter_mut().find(|release| release.version == version(text)).unwrap();
    release.withdrawn = Some("it eats files".to_owned());
    index
}

pub(super) fn offer<'a>(index: &'a Index, terms: &Terms) -> Offer<'a> {
    Offer { index, repository: REPOSITORY, trust: "seen".to_owned(), news: News::default(), terms: terms.clone() }
}

fn asking(channel: &str) -> Terms {
    Terms { asked: Some(channel.parse().unwrap()), ..Terms::default() }
}

pub(super) fn keeping(settings: &str) -> Keep {
    Settings::parse(settings).unwrap().keep
}

pub(super) fn update_of(words: &[&str], index: &Index, terms: &Terms, observed: &Observed) -> Result<Update, Conflict> {
    let selection = if words.is_empty() { qus::wanted::Selection::All } else { select(words) };
    plan::update(&selection, Consent::default(), observed, &offer(index, terms), |_| true)
}

pub(super) fn update(observed: &Observed) -> Update {
    update_of(&[], &index(), &Terms::default(), observed).unwrap()
}

/// The same machine with another version of aarch64 on it, and versions that are kept.
pub(crate) fn at(text: &str, kept: &[&str]) -> Observed {
    let mut observed = installed(None);
    let layout = Layout::system();
    let of = |text: &str| {
        let content = emulator(target("aarch64"), text);
        let path = layout.emulator(target("aarch64"), &version(text));
        (path.clone(), content.len() as u64, sha256(&content), rule("aarch64", path.as_str()))
    };
    let template = observed.receipt.targets[&target("aarch64")].clone();
    let with = |text: &str| {
        let (path, size, sha256, rule) = of(text);
        Installed { version: version(text), path, size, sha256, rule, ..template.clone() }
    };
    let mut now = with(text);
    now.previous = kept.iter().map(|text| with(text).kept()).collect();
    observed.files.retain(|path, _| !path.is_below(&layout.emulators()));
    observed.files.extend(now.files().map(|path| (path.clone(), FileState::File(4096))));
    observed.files.insert(layout.link(target("aarch64")), FileState::Link(format!("{text}/qemu-aarch64-static")));
    observed.files.insert(dropin::path(target("aarch64")), FileState::Text(dropin::text(&now.rule)));
    observed.binfmt = table_with(std::slice::from_ref(&now.rule));
    observed.directories.extend(
        [layout.emulators(), layout.prefix().clone(), layout.state().clone()]
            .into_iter()
            .chain(now.files().filter_map(RootedPath::parent)),
    );
    observed.receipt.targets.insert(target("aarch64"), now);
    observed
}

pub(super) fn pinned(mut observed: Observed) -> Observed {
    observed.receipt.targets.get_mut(&target("aarch64")).unwrap().pinned = true;
    observed
}

fn after(plan: &Plan) -> &Receipt {
    match plan.steps.last().map(|planned| &planned.step) {
        Some(Step::Record { after, .. }) => after,
        step => panic!("a plan ends with its receipt, not with {step:?}"),
    }
}

pub(super) fn aarch64(plan: &Plan) -> &Installed {
    &after(plan).targets[&target("aarch64")]
}

#[test]
fn an_update_puts_the_new_beside_the_old_bridges_proves_and_clears_away_at_last() {
    let plan = update(&at("11.1.3-1", &["11.1.2-1"])).plan;
    let size = index().releases[2].assets[0].size.div_ceil(100_000);
    assert_eq!(
        steps(&plan),
        [
            "make directory /usr/local/lib/qus/bin/11.1.4-1",
            "make directory /usr/local/lib/qus/staging",
            "make directory /etc/binfmt.d",
            &format!("fetch and verify 11.1.4-1/qemu-aarch64-static_amd64.tar.zst (1 emulator, 0.{size} MB)"),
            "install /usr/local/lib/qus/bin/11.1.4-1/qemu-aarch64-static",
            "link /usr/local/lib/qus/bin/qemu-aarch64-static to 11.1.4-1/qemu-aarch64-static",
            "register qemu-aarch64 for /usr/local/lib/qus/bin/11.1.4-1/qemu-aarch64-static (POF), \
             in place of /usr/local/lib/qus/bin/11.1.3-1/qemu-aarch64-static",
            "prove it by running a program",
            "write /etc/binfmt.d/qus-aarch64.conf",
            "remove /usr/local/lib/qus/bin/11.1.2-1/qemu-aarch64-static",
            "write /var/lib/qus/trust.json",
            "write the receipt",
        ]
    );
    let kept: Vec<&str> = aarch64(&plan).previous.iter().map(|kept| kept.version.as_str()).collect();
    assert_eq!((aarch64(&plan).version.as_str(), kept), ("11.1.4-1", vec!["11.1.3-1"]));
}

#[test]
fn as_many_versions_stay_as_are_to_be_kept() {
    for (settings, expected) in
        [("keep = 1", vec![]), ("", vec!["11.1.3-1"]), ("keep = 3", vec!["11.1.3-1", "11.1.2-1"])]
    {
        let terms = Terms { keep: keeping(settings), ..Terms::default() };
        let plan = update_of(&[], &index(), &terms, &at("11.1.3-1", &["11.1.2-1"])).unwrap().plan;
        let kept: Vec<&str> = aarch64(&plan).previous.iter().map(|kept| kept.version.as_str()).collect();
        assert_eq!(kept, expected, "{settings}");
        let removed = steps(&plan).iter().filter(|step| step.starts_with("remove ")).count();
        assert_eq!(removed, 2 - expected.len(), "{settings}");
    }
}

#[test]
fn a_withdrawn_version_is_not_kept_in_the_place_of_a_sound_one() {
    let plan = update_of(&[], &withdrawn("11.1.3-1"), &Terms::default(), &at("11.1.3-1", &["11.1.2-1"])).unwrap().plan;
    let kept: Vec<&str> = aarch64(&plan).previous.iter().map(|kept| kept.version.as_str()).collect();
    assert_eq!(kept, ["11.1.2-1"]);
}

#[test]
fn what_another_target_still_has_or_keeps_is_not_cleared_away() {
    let mut observed = at("11.1.3-1", &["11.1.2-1"]);
    // As i486 with i386: another target whose emulator is the same file.
    let other = Installed { previous: Vec::new(), ..observed.receipt.targets[&target("aarch64")].clone() };
    let kept = observed.receipt.targets[&target("aarch64")].previous[0].clone();
    let other = Installed { version: kept.version, path: kept.path, ..other };
    observed.receipt.targets.insert(target("riscv64"), other);
    let plan = update_of(&["aarch64"], &index(), &Terms::default(), &observed).unwrap().plan;
    assert!(!steps(&plan).iter().any(|step| step.starts_with("remove ")), "{:#?}", steps(&plan));
}

#[test]
fn an_emulator_that_nobody_knows_of_any_more_is_cleared_away_and_its_directory() {
    let mut observed = at("11.1.3-1", &[]);
    let lost = Layout::system().emulator(target("aarch64"), &version("9.0-1"));
    observed.files.insert(lost.clone(), FileState::File(4096));
    let plan = update(&observed).plan;
    assert!(steps(&plan).contains(&format!("remove {lost}")), "{:#?}", steps(&plan));
    assert!(plan.prune.contains(&lost.parent().unwrap()), "{:?}", plan.prune);
}

#[test]
fn each_target_follows_its_own_channel_and_an_asked_one_is_written_down() {
    let mut observed = at("11.1.4-1", &[]);
    assert_eq!(update(&observed).prospects[0].verdict, Verdict::Current);
    observed.receipt.targets.get_mut(&target("aarch64")).unwrap().channel = Some("edge".parse().unwrap());
    let followed = update(&observed);
    assert_eq!(aarch64(&followed.plan).version, version("12.0.0-1"));

    let asked = update_of(&["aarch64@edge"], &index(), &Terms::default(), &at("11.1.4-1", &[])).unwrap();
    assert_eq!(aarch64(&asked.plan).channel.as_ref().unwrap().as_str(), "edge");
    assert_eq!(aarch64(&asked.plan).version, version("12.0.0-1"));

    // Of the same version nothing is touched but the receipt, and what is known of the repository.
    let noted = update_of(&[], &index(), &asking("stable"), &at("11.1.4-1", &[])).unwrap().plan;
    assert_eq!(steps(&noted), ["write /var/lib/qus/trust.json", "write the receipt"]);
    assert_eq!(aarch64(&noted).channel.as_ref().unwrap().as_str(), "stable");
}

#[test]
fn the_channel_of_the_settings_is_that_of_all_who_follow_no_other() {
    let terms = Terms { usual: "edge".parse().unwrap(), ..Terms::default() };
    let plan = update_of(&[], &index(), &terms, &at("11.1.4-1", &[])).unwrap().plan;
    assert_eq!((aarch64(&plan).version.as_str(), &aarch64(&plan).channel), ("12.0.0-1", &None));
}

#[test]
fn a_channel_that_is_not_there_is_an_error_that_tells_which_are() {
    let conflict = update_of(&[], &index(), &asking("nightly"), &at("11.1.4-1", &[])).unwrap_err();
    assert_eq!(conflict.to_string(), "the repository has no channel \"nightly\"");
    assert_eq!(conflict.help().unwrap(), "there is edge, previous, stable");
}

#[test]
fn a_version_that_is_not_there_is_an_error_that_tells_which_are() {
    let (index, terms) = (withdrawn("11.1.3-1"), Terms::default());
    let install = |index: &Index| {
        let (selection, letters) = (select(&["aarch64@9.9-9"]), Letters::default());
        let offer = offer(index, &terms);
        plan::install(&selection, &letters, Consent::default(), &crate::planning::bare(), &offer).unwrap_err()
    };
    let conflict = install(&index);
    assert_eq!(conflict.to_string(), "the repository has no version 9.9-9");
    // In their order, and without the one that nobody may have.
    assert_eq!(conflict.help().unwrap(), "versions are 11.1.2-1, 11.1.4-1, 12.0.0-1");
    let turned = Index { releases: index.releases.into_iter().rev().collect(), ..index };
    assert_eq!(install(&turned), conflict);
    let none = install(&Index { releases: Vec::new(), ..turned });
    assert_eq!(none.help().unwrap(), "it has none that may be installed; ask whoever publishes the repository");
}

#[test]
fn what_is_pinned_stays() {
    let update = update(&pinned(at("11.1.3-1", &[])));
    assert_eq!(update.prospects[0].verdict, Verdict::Pinned);
    assert!(update.plan.is_empty());
}

#[test]
fn an_older_version_is_refused_unless_it_is_allowed() {
    let observed = at("12.0.0-1", &[]);
    let all = update(&observed);
    assert_eq!(all.prospects[0].verdict, Verdict::Older);
    assert!(matches!(all.refused[..], [(_, Conflict::OlderVersion { .. })]), "{:?}", all.refused);
    let named = update_of(&["aarch64"], &index(), &Terms::default(), &observed).unwrap_err();
    assert_eq!(named.exit(), Exit::Older);
    assert_eq!(named.help().unwrap(), "if the older one is wanted: qus install --allow-downgrade aarch64@11.1.4-1");
    let (consent, index) = (Consent { downgrade: true, ..Consent::default() }, index());
    let terms = Terms::default();
    let allowed = plan::update(&select(&["aarch64"]), consent, &observed, &offer(&index, &terms), |_| true).unwrap();
    assert_eq!(aarch64(&allowed.plan).version, version("11.1.4-1"));
}

#[test]
fn a_withdrawn_version_is_never_installed_also_not_when_it_is_named() {
    let index = withdrawn("11.1.4-1");
    let found = update_of(&[], &index, &Terms::default(), &at("11.1.3-1", &[])).unwrap();
    assert_eq!(found.prospects[0].verdict, Verdict::Withdrawn);
    assert!(found.plan.is_empty());
    let terms = Terms::default();
    for word in ["aarch64", "aarch64@11.1.4-1", "aarch64@stable"] {
        let install = plan::install(
            &select(&[word]),
            &Letters::default(),
            Consent::default(),
            &crate::planning::bare(),
            &offer(&index, &terms),
        );
        let conflict = install.unwrap_err();
        assert_eq!(conflict.to_string(), "version 11.1.4-1 was withdrawn: it eats files", "{word}");
        assert_eq!(conflict.exit(), Exit::Failed);
    }
}

#[test]
fn the_flags_that_were_chosen_and_the_place_of_the_dropin_stay_as_they_are() {
    let mut observed = at("11.1.3-1", &[]);
    let installed = observed.receipt.targets.get_mut(&target("aarch64")).unwrap();
    installed.rule.flags = qus::rule::Flags::try_from("POCF".to_owned()).unwrap();
    let elsewhere = RootedPath::from_trusted("/etc/binfmt.d/zz-qus-aarch64.conf");
    installed.dropin = Some(elsewhere.clone());
    observed.binfmt = table_with(std::slice::from_ref(&installed.rule));
    let plan = update(&observed).plan;
    assert_eq!(aarch64(&plan).rule.flags.as_str(), "POCF");
    assert_eq!(aarch64(&plan).dropin, Some(elsewhere));
}

#[test]
fn a_masked_dropin_is_in_the_way_of_its_own_target_alone() {
    let mut observed = at("11.1.3-1", &[]);
    let template = observed.receipt.targets[&target("aarch64")].clone();
    let path = Layout::system().emulator(target("arm"), &version("11.1.3-1"));
    let arm =
        Installed { rule: rule("arm", path.as_str()), path, dropin: Some(dropin::path(target("arm"))), ..template };
    observed.receipt.targets.insert(target("arm"), arm);
    observed.files.insert(dropin::path(target("aarch64")), FileState::Link("/dev/null".to_owned()));
    let update = update(&observed);
    assert!(matches!(update.refused[..], [(_, Conflict::Masked { .. })]), "{:?}", update.refused);
    assert_eq!(aarch64(&update.plan).version, version("11.1.3-1"));
    assert_eq!(after(&update.plan).targets[&target("arm")].version, version("11.1.4-1"));
}

pub(crate) fn rollback(words: &[&str], damaged: &BTreeSet<RootedPath>, observed: &Observed) -> Result<Plan, Conflict> {
    let selection = if words.is_empty() { qus::wanted::Selection::All } else { select(words) };
    plan::rollback(&selection, &News::default(), damaged, observed)
}

#[test]
fn a_rollback_fetches_nothing_bridges_proves_and_pins() {
    let observed = at("11.1.4-1", &["11.1.3-1"]);
    let plan = rollback(&[], &BTreeSet::new(), &observed).unwrap();
    assert_eq!(
        steps(&plan),
        [
            "make directory /etc/binfmt.d",
            "link /usr/local/lib/qus/bin/qemu-aarch64-static to 11.1.3-1/qemu-aarch64-static",
            "register qemu-aarch64 for /usr/local/lib/qus/bin/11.1.3-1/qemu-aarch64-static (POF), \
             in place of /usr/local/lib/qus/bin/11.1.4-1/qemu-aarch64-static",
            "prove it by running a program",
            "write /etc/binfmt.d/qus-aarch64.conf",
            "write the receipt",
        ]
    );
    let back = aarch64(&plan);
    assert!(back.pinned);
    assert_eq!(back.previous, [observed.receipt.targets[&target("aarch64")].kept()]);
}

#[test]
fn of_several_kept_versions_one_can_be_named() {
    let observed = at("12.0.0-1", &["11.1.4-1", "11.1.3-1"]);
    let plan = rollback(&["aarch64@11.1.3-1"], &BTreeSet::new(), &observed).unwrap();
    let kept: Vec<&str> = aarch64(&plan).previous.iter().map(|kept| kept.version.as_str()).collect();
    assert_eq!((aarch64(&plan).version.as_str(), kept), ("11.1.3-1", vec!["12.0.0-1", "11.1.4-1"]));
    let conflict = rollback(&["aarch64@9.0-1"], &BTreeSet::new(), &observed).unwrap_err();
    assert_eq!(conflict.to_string(), "version 9.0-1 of \"aarch64\" is not kept");
    assert!(conflict.help().unwrap().contains("there is 11.1.4-1, 11.1.3-1"), "{conflict:?}");
}

#[test]
fn a_kept_version_that_is_damaged_or_withdrawn_is_not_gone_back_to() {
    let observed = at("11.1.4-1", &["11.1.3-1"]);
    let kept = observed.receipt.targets[&target("aarch64")].previous[0].path.clone();
    let conflict = rollback(&[], &BTreeSet::from([kept]), &observed).unwrap_err();
    assert_eq!(conflict.help().unwrap(), "qus install --allow-downgrade aarch64@11.1.3-1");

    let folder = TempDir::new().unwrap();
    let mut publisher = Publisher::new(folder.path(), REPOSITORY);
    publisher.index = withdrawn("11.1.3-1");
    let memory = Memory { repositories: [(REPOSITORY.to_owned(), publisher.seen())].into() };
    let selection = qus::wanted::Selection::All;
    let conflict = plan::rollback(&selection, &News::of(&memory), &BTreeSet::new(), &observed).unwrap_err();
    assert!(matches!(conflict, Conflict::Withdrawn { .. }), "{conflict:?}");
}

#[test]
fn without_anything_kept_there_is_nothing_to_go_back_to() {
    let observed = at("11.1.4-1", &[]);
    assert!(rollback(&[], &BTreeSet::new(), &observed).unwrap().is_empty());
    assert_eq!(rollback(&["aarch64"], &BTreeSet::new(), &observed), Err(Conflict::NothingKept(target("aarch64"))));
    assert_eq!(rollback(&["arm"], &BTreeSet::new(), &observed), Err(Conflict::NotInstalled(target("arm"))));
}

#[test]
fn a_pin_is_in_the_receipt_and_names_the_version_that_is_there() {
    let observed = at("11.1.4-1", &[]);
    let plan = plan::pin(&select(&["aarch64@11.1.4-1"]), true, &observed).unwrap();
    assert_eq!(steps(&plan), ["write the receipt"]);
    assert!(aarch64(&plan).pinned);
    assert!(plan::pin(&select(&["aarch64"]), true, &pinned(observed.clone())).unwrap().is_empty());
    assert!(!aarch64(&plan::pin(&select(&["all"]), false, &pinned(observed.clone())).unwrap()).pinned);
    let conflict = plan::pin(&select(&["aarch64@11.1.3-1"]), true, &observed).unwrap_err();
    assert_eq!(conflict.help().unwrap(), "qus install --allow-downgrade aarch64@11.1.3-1 && qus pin aarch64");
}

#[test]
fn what_is_installed_again_stays_at_its_pin_and_follows_what_it_followed() {
    let (index, terms) = (index(), Terms::default());
    let install = |observed: &Observed| {
        let (selection, letters) = (select(&["aarch64"]), Letters::default());
        plan::install(&selection, &letters, Consent::default(), observed, &offer(&index, &terms)).unwrap()
    };
    assert!(install(&pinned(at("11.1.3-1", &[]))).is_empty());
    let mut edge = at("11.1.3-1", &[]);
    edge.receipt.targets.get_mut(&target("aarch64")).unwrap().channel = Some("edge".parse().unwrap());
    assert_eq!(aarch64(&install(&edge)).version, version("12.0.0-1"));
}
