//! Decisions: plans as functions of what is wanted and what was observed.

use std::collections::{BTreeMap, BTreeSet};

use qus::configuration::{Configuration, DropIn};
use qus::conflict::Conflict;
use qus::dropin;
use qus::entry::Entry;
use qus::exit::{Exit, Explain};
use qus::host::Host;
use qus::layout::Layout;
use qus::news::News;
use qus::observed::{Access, Binfmt, Fault, FaultKind, FileState, Observed, Packaged, State, Table, Unreachable};
use qus::place::{Keeper, Place};
use qus::plan::{self, Emulators, Offer, Plan, Step, Terms};
use qus::receipt::{Installed, Receipt};
use qus::release::Index;
use qus::rooted::RootedPath;
use qus::rule::{Flags, KernelVersion, Match, Rule, RuleName};
use qus::target::Target;
use qus::wanted::{BadSelection, Consent, Letters, Selection};
use tempfile::TempDir;

use crate::support::publisher::{Publisher, target, version};

/// A machine of its kind with nothing on it.
pub(crate) fn bare() -> Observed {
    let directory = |path: &str| RootedPath::from_trusted(path);
    Observed {
        host: Host::Amd64,
        kernel: KernelVersion(6, 12),
        layout: Layout::system(),
        place: Place::default(),
        own_heads: vec![qus::program::Program::of(target("x86_64")).elf],
        native: BTreeSet::from([target("i386"), target("i486"), target("x86_64")]),
        binfmt: Binfmt::Mounted(Table { enabled: true, ..Table::default() }),
        configuration: Configuration::default(),
        interpreters: BTreeSet::new(),
        receipt: Receipt::default(),
        damaged: BTreeSet::new(),
        files: BTreeMap::new(),
        directories: ["/usr", "/usr/local", "/usr/local/lib", "/etc", "/var", "/var/lib"]
            .into_iter()
            .map(directory)
            .collect(),
        faults: Vec::new(),
        space: u64::MAX,
        trust: None,
        packaged: Packaged::default(),
    }
}

fn native() -> Consent {
    Consent { emulate_native: true, ..Consent::default() }
}

fn index() -> Index {
    let folder = TempDir::new().unwrap();
    Publisher::usual(folder.path(), "https://example.org", &["aarch64", "arm", "i386", "x86_64"]).index
}

/// What a repository with this index offers that nothing is known of beside.
fn offer(index: &Index) -> Offer<'_> {
    Offer {
        index,
        repository: "https://example.org",
        trust: "seen".to_owned(),
        news: News::default(),
        terms: Terms::default(),
    }
}

pub(crate) fn install(words: &[&str], observed: &Observed) -> Result<Plan, Conflict> {
    plan::install(&select(words), &Letters::default(), Consent::default(), observed, &offer(&index()))
}

pub(crate) fn select(words: &[&str]) -> Selection {
    let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
    Selection::resolve(&words).unwrap()
}

pub(crate) fn steps(plan: &Plan) -> Vec<String> {
    plan.steps.iter().map(|planned| planned.step.to_string()).collect()
}

pub(crate) fn rule(name: &str, interpreter: &str) -> Rule {
    Rule::new(target(name), Match::Elf, interpreter, Flags::try_from("POF".to_owned()).unwrap()).unwrap()
}

pub(crate) fn table_with(rules: &[Rule]) -> Binfmt {
    let mut table = Table { enabled: true, ..Table::default() };
    for rule in rules {
        table.add(Ok(Entry { rule: rule.clone(), enabled: true }));
    }
    Binfmt::Mounted(table)
}

/// A machine on which aarch64 was installed.
pub(crate) fn installed(displaced: Option<Rule>) -> Observed {
    let mut observed = bare();
    let path = Layout::system().emulator(target("aarch64"), &version("11.1.3-1"));
    let rule = rule("aarch64", path.as_str());
    let index = index();
    let member = &index.releases[0].assets[0].members[0];
    observed.binfmt = table_with(std::slice::from_ref(&rule));
    observed.files.insert(path.clone(), FileState::File(member.size));
    observed
        .files
        .insert(Layout::system().link(target("aarch64")), FileState::Link("11.1.3-1/qemu-aarch64-static".to_owned()));
    observed.files.insert(dropin::path(target("aarch64")), FileState::Text(dropin::text(&rule)));
    observed.receipt.targets.insert(
        target("aarch64"),
        Installed {
            version: version("11.1.3-1"),
            repository: "https://example.org".to_owned(),
            channel: None,
            pinned: false,
            path,
            size: member.size,
            sha256: member.sha256,
            rule,
            dropin: Some(dropin::path(target("aarch64"))),
            yields: None,
            displaced: displaced.map(Entry::of),
            previous: Vec::new(),
        },
    );
    observed
}

#[test]
fn an_install_fetches_places_links_registers_proves_and_then_writes_the_dropin() {
    let plan = install(&["aarch64"], &bare()).unwrap();
    let size = index().releases[0].assets[0].size.div_ceil(100_000);
    assert_eq!(
        steps(&plan),
        [
            "make directory /usr/local/lib/qus",
            "make directory /usr/local/lib/qus/bin",
            "make directory /usr/local/lib/qus/bin/11.1.3-1",
            "make directory /usr/local/lib/qus/staging",
            "make directory /etc/binfmt.d",
            "make directory /var/lib/qus",
            &format!("fetch and verify 11.1.3-1/qemu-aarch64-static_amd64.tar.zst (1 emulator, 0.{size} MB)"),
            "install /usr/local/lib/qus/bin/11.1.3-1/qemu-aarch64-static",
            "link /usr/local/lib/qus/bin/qemu-aarch64-static to 11.1.3-1/qemu-aarch64-static",
            "register qemu-aarch64 for /usr/local/lib/qus/bin/11.1.3-1/qemu-aarch64-static (POF)",
            "prove it by running a program",
            "write /etc/binfmt.d/qus-aarch64.conf",
            "write /var/lib/qus/trust.json",
            "write the receipt",
        ]
    );
}

#[test]
fn all_leaves_out_what_the_host_runs_by_itself() {
    let plan = install(&["all"], &bare()).unwrap();
    let targets: BTreeSet<Target> = plan.steps.iter().filter_map(|planned| planned.target).collect();
    assert_eq!(targets, BTreeSet::from([target("aarch64"), target("arm")]));
}

#[test]
fn what_is_installed_and_registered_needs_nothing() {
    assert!(install(&["aarch64"], &installed(None)).unwrap().is_empty());
}

#[test]
fn what_somebody_unregistered_is_registered_again_without_a_download() {
    let mut observed = installed(None);
    observed.binfmt = table_with(&[]);
    let plan = install(&["aarch64"], &observed).unwrap();
    assert!(!plan.steps.iter().any(|planned| matches!(planned.step, Step::Fetch { .. })));
    assert!(plan.steps.iter().any(|planned| matches!(planned.step, Step::PutEntry { .. })));
}

#[test]
fn another_registrars_entry_is_displaced_recorded_and_given_back() {
    let theirs = rule("aarch64", "/usr/bin/qemu-aarch64");
    let mut observed = bare();
    observed.binfmt = table_with(std::slice::from_ref(&theirs));
    // With `F` only a file that says the same tells that it could be registered again.
    observed.interpreters.insert(theirs.interpreter.clone());
    let file = RootedPath::from_trusted("/usr/lib/binfmt.d/qemu-aarch64.conf");
    let file = DropIn::parse(file, &theirs.line());
    observed.configuration.add(file.clone());
    let plan = install(&["aarch64"], &observed).unwrap();
    let Some(Step::Record { after, .. }) = plan.steps.last().map(|planned| &planned.step) else { panic!("no record") };
    assert_eq!(after.targets[&target("aarch64")].displaced, Some(Entry::of(theirs.clone())));

    let mut observed = installed(Some(theirs.clone()));
    observed.interpreters.insert(theirs.interpreter.clone());
    let given_back = |observed: &Observed| {
        let plan = plan::remove(&select(&["aarch64"]), observed).unwrap();
        plan.steps.into_iter().find_map(|planned| match planned.step {
            Step::PutEntry { after, .. } => after,
            _ => None,
        })
    };
    // Without the file it is not wanted any more: its package was removed, or it is masked.
    assert_eq!(given_back(&observed), None);
    observed.configuration.add(file);
    assert_eq!(given_back(&observed), Some(Entry::of(theirs)));
}

#[test]
fn remove_takes_the_dropin_first_and_the_emulator_last() {
    let plan = plan::remove(&select(&["all"]), &installed(None)).unwrap();
    assert_eq!(
        steps(&plan),
        [
            "make directory /usr/local/lib/qus",
            "make directory /usr/local/lib/qus/staging",
            "remove /etc/binfmt.d/qus-aarch64.conf",
            "unregister qemu-aarch64",
            "remove /usr/local/lib/qus/bin/qemu-aarch64-static",
            "remove /usr/local/lib/qus/bin/11.1.3-1/qemu-aarch64-static",
            "write the receipt",
        ]
    );
}

#[test]
fn remove_leaves_an_entry_alone_that_somebody_else_made_since() {
    let mut observed = installed(None);
    observed.binfmt = table_with(&[rule("aarch64", "/usr/bin/qemu-aarch64")]);
    let plan = plan::remove(&select(&["aarch64"]), &observed).unwrap();
    assert!(!plan.steps.iter().any(|planned| matches!(planned.step, Step::PutEntry { .. })));
}

#[test]
fn a_rule_that_would_match_the_hosts_own_programs_is_never_made() {
    assert_eq!(install(&["x86_64"], &bare()), Err(Conflict::Own(target("x86_64"))));
    let emulators = Emulators(BTreeMap::from([(target("x86_64"), "/emulator".to_owned())]));
    let forced = plan::register(&select(&["x86_64"]), &emulators, &Letters::default(), native(), &bare());
    assert_eq!(forced, Err(Conflict::Own(target("x86_64"))));
}

#[test]
fn a_rule_that_takes_any_of_the_hosts_own_programs_is_refused_not_only_this_ones() {
    let index = index();
    let offer = offer(&index);
    // A 64-bit qus on a 64-bit kernel, below a 32-bit system.
    let mut observed = bare();
    observed.own_heads.push(target("i386").magic());
    let refused = plan::install(&select(&["i386"]), &Letters::default(), native(), &observed, &offer);
    assert_eq!(refused, Err(Conflict::Own(target("i386"))));
    // An AppImage of the host's own kind is no less its own.
    let mut appimage = target("i386").magic();
    appimage[8..11].copy_from_slice(b"AI\x02");
    let mut observed = bare();
    observed.own_heads = vec![appimage];
    let letters = Letters { programs: Match::AppImage, ..Letters::default() };
    let refused = plan::install(&select(&["i386"]), &letters, native(), &observed, &offer);
    assert_eq!(refused, Err(Conflict::Own(target("i386"))));
}

#[test]
fn a_qus_that_is_itself_emulated_does_nothing_for_the_machine() {
    let theirs = rule("aarch64", "/usr/bin/qemu-aarch64");
    let mut observed = bare();
    observed.own_heads = vec![target("aarch64").magic()];
    observed.binfmt = table_with(std::slice::from_ref(&theirs));
    let emulated = Conflict::Emulated(theirs.name.clone());
    assert_eq!(emulated.exit(), Exit::Kernel);
    assert_eq!(install(&["riscv64"], &observed), Err(Conflict::Emulated(theirs.name.clone())));
    let emulators = Emulators(BTreeMap::from([(target("arm"), "/x/qemu-arm".to_owned())]));
    let registered = plan::register(&select(&["arm"]), &emulators, &Letters::default(), native(), &observed);
    assert_eq!(registered, Err(emulated));
}

#[test]
fn a_target_that_the_host_runs_by_itself_is_emulated_only_when_that_is_said() {
    assert_eq!(install(&["i386"], &bare()), Err(Conflict::Native(target("i386"))));
    let index = index();
    assert!(plan::install(&select(&["i386"]), &Letters::default(), native(), &bare(), &offer(&index)).is_ok());
}

#[test]
fn what_the_repository_does_not_have_is_named() {
    let error = install(&["s390x"], &bare()).unwrap_err();
    assert_eq!(
        error,
        Conflict::NotOffered { target: target("s390x"), host: Host::Amd64, version: version("11.1.3-1") }
    );
}

#[test]
fn every_bad_circumstance_has_its_own_message_exit_code_and_cure() {
    let table = |enabled, access| Binfmt::Mounted(Table { enabled, access, ..Table::default() });
    let keeper = |keeper| Binfmt::Mounted(Table { enabled: true, keeper, ..Table::default() });
    let fault = |kind| vec![Fault { path: Layout::system().emulators(), kind }];
    let (path, free) = (Layout::system().emulators(), 10);
    let with = |change: &dyn Fn(&mut Observed)| {
        let mut observed = bare();
        change(&mut observed);
        install(&["aarch64"], &observed).unwrap_err()
    };
    let circumstances = [
        (with(&|it| it.binfmt = Binfmt::Unreachable(Unreachable::NotInKernel)), Conflict::NotInKernel, Exit::Kernel),
        (with(&|it| it.binfmt = Binfmt::Unreachable(Unreachable::NoPrivilege)), Conflict::MayNotMount, Exit::Kernel),
        (with(&|it| it.binfmt = Binfmt::Unreachable(Unreachable::Private)), Conflict::PrivateNamespace, Exit::Kernel),
        (with(&|it| it.binfmt = table(true, Access::Denied)), Conflict::MayNotRegister, Exit::Kernel),
        (with(&|it| it.binfmt = table(true, Access::ReadOnly)), Conflict::ReadOnlyTable, Exit::Kernel),
        (with(&|it| it.binfmt = table(false, Access::Writable)), Conflict::Disabled, Exit::Kernel),
        (with(&|it| it.binfmt = keeper(Keeper::Nobody)), Conflict::MountedOnlyHere, Exit::Kernel),
        (with(&|it| it.binfmt = Binfmt::Unreachable(Unreachable::Wsl1)), Conflict::Wsl1, Exit::Kernel),
        (with(&|it| it.binfmt = Binfmt::Unreachable(Unreachable::NoProc)), Conflict::NoProc, Exit::Kernel),
        (
            with(&|it| it.binfmt = Binfmt::Unreachable(Unreachable::OtherUserNamespace)),
            Conflict::OtherUserNamespace,
            Exit::Kernel,
        ),
        (
            with(&|it| it.faults = fault(FaultKind::ReadOnly)),
            Conflict::ReadOnly(Layout::system().emulators()),
            Exit::Failed,
        ),
        (
            with(&|it| it.faults = fault(FaultKind::NoExec)),
            Conflict::NoExec(Layout::system().emulators()),
            Exit::Failed,
        ),
        (
            with(&|it| it.faults = fault(FaultKind::Permission)),
            Conflict::MayNotWrite(Layout::system().emulators()),
            Exit::Kernel,
        ),
    ];
    let mut said = BTreeSet::new();
    for (error, expected, exit) in circumstances {
        assert_eq!(error, expected);
        assert_eq!(error.exit(), exit);
        assert!(error.help().is_some_and(|help| !help.is_empty()), "{error}");
        assert!(said.insert(error.to_string()));
    }
    let full = with(&|it| it.space = 10);
    assert!(matches!(&full, Conflict::Full { path: at, free: left, .. } if *at == path && *left == free), "{full}");
}

#[test]
fn a_table_that_is_not_mounted_is_mounted_where_that_lasts() {
    let mut observed = bare();
    observed.binfmt = Binfmt::Mountable;
    let plan = install(&["aarch64"], &observed).unwrap();
    assert!(plan.steps.iter().any(|planned| planned.step == Step::Mount));
}

#[test]
fn unregister_touches_only_what_is_ours_or_is_named() {
    let mut observed = bare();
    observed.binfmt = table_with(&[
        rule("aarch64", "/usr/bin/qemu-aarch64"),
        rule("arm", "/usr/local/lib/qus/bin/1/qemu-arm-static"),
    ]);
    let nothing = Emulators::default();
    let all = plan::unregister(&Selection::All, &nothing, &observed).unwrap();
    let names: Vec<&RuleName> = all
        .steps
        .iter()
        .filter_map(|planned| match &planned.step {
            Step::PutEntry { name, .. } => Some(name),
            _ => None,
        })
        .collect();
    assert_eq!(names, [&RuleName::of(target("arm"))]);
    let foreign = plan::unregister(&select(&["aarch64"]), &nothing, &observed).unwrap_err();
    assert!(matches!(foreign, Conflict::ForeignEntry { .. }));
    let theirs = Emulators(BTreeMap::from([(target("aarch64"), "/usr/bin/qemu-aarch64".to_owned())]));
    assert!(!plan::unregister(&select(&["aarch64"]), &theirs, &observed).unwrap().is_empty());
}

#[test]
fn states_are_told_apart() {
    let state = |observed: &Observed| observed.state(target("aarch64"));
    let with_table = |mut observed: Observed, rules: &[Rule]| {
        observed.binfmt = table_with(rules);
        observed
    };
    assert_eq!(state(&bare()), State::Absent);
    assert_eq!(bare().state(target("i386")), State::Native);
    assert_eq!(state(&installed(None)), State::Ready);
    assert_eq!(state(&with_table(installed(None), &[])), State::Installed);
    let theirs = rule("aarch64", "/usr/bin/qemu-aarch64");
    assert_eq!(state(&with_table(bare(), std::slice::from_ref(&theirs))), State::Registered);
    assert_eq!(state(&with_table(installed(None), &[theirs])), State::Conflict);
    let older = rule("aarch64", "/usr/local/lib/qus/bin/10.0.13-0/qemu-aarch64-static");
    assert_eq!(state(&with_table(installed(None), &[older])), State::Stale);
}

#[test]
fn words_that_select_nothing_sensible_are_refused() {
    let resolve = |words: &[&str]| {
        let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
        Selection::resolve(&words)
    };
    assert_eq!(resolve(&[]), Err(BadSelection::Nothing));
    assert_eq!(resolve(&["all", "arm"]), Err(BadSelection::AllAndMore));
    assert_eq!(resolve(&["arm@1", "armhf@2"]), Err(BadSelection::TwoVersions(target("arm"))));
    assert!(matches!(resolve(&["banana"]), Err(BadSelection::Target(_))));
    assert!(matches!(resolve(&["arm@.."]), Err(BadSelection::Channel(_))));
    assert!(matches!(resolve(&["arm@1..2"]), Err(BadSelection::Version(_))));
    assert_eq!(resolve(&["arm64", "aarch64"]), resolve(&["linux/arm64"]));
}

#[test]
fn a_plan_survives_its_journal() {
    let plan = install(&["all"], &bare()).unwrap();
    let text = serde_json::to_string(&plan).unwrap();
    assert_eq!(serde_json::from_str::<Plan>(&text).unwrap(), plan);
}

#[test]
fn of_two_targets_that_share_an_emulator_one_decides_where_its_link_leads() {
    let mut observed = installed(None);
    let (aarch64, i386, i486) = (target("aarch64"), target("i386"), target("i486"));
    let template = observed.receipt.targets.remove(&aarch64).unwrap();
    observed.binfmt = Binfmt::NotAsked;
    for (target, release) in [(i386, "11.1.3-1"), (i486, "11.2.0-1")] {
        let path = Layout::system().emulator(target, &version(release));
        let rule = rule(target.name(), path.as_str());
        observed.files.insert(path.clone(), FileState::File(template.size));
        observed.files.insert(dropin::path(target), FileState::Text(dropin::text(&rule)));
        let dropin = Some(dropin::path(target));
        let installed = Installed { version: version(release), path, rule, dropin, ..template.clone() };
        observed.receipt.targets.insert(target, installed);
    }
    observed.files.insert(Layout::system().link(i386), FileState::Link("11.1.3-1/qemu-i386-static".to_owned()));
    let repair = plan::repair(&Selection::All, &observed).unwrap();
    assert_eq!((steps(&repair.plan), repair.beyond.len()), (Vec::new(), 0));
}
