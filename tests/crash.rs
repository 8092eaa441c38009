//! Cut off at any moment: the next qus command finishes or undoes it.

use std::os::unix::fs::PermissionsExt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::Command;
use std::time::Duration;

use qus::entry::Entry;
use qus::news::News;
use qus::plan::{self, Offer, Plan, Planned, Step, Terms};
use qus::proof::{Outcome, Proof};
use qus::rooted::RootedPath;
use qus::rule::{Flags, Match, Rule};
use qus::system::apply::{Machine, Watch, apply, recover};
use qus::system::kernel::Kernel;
use qus::system::observe::{Look, observe};
use qus::system::root::Root;
use qus::system::store::Store;
use qus::target::Target;
use qus::trust::Memory;
use qus::wanted::{Consent, Letters, Selection};

use crate::support::fake_kernel::FakeKernel;
use crate::support::machine::{Image, Said, qus};
use crate::support::publisher::{now, target};

/// Cuts the run off when this step begins.
struct CutOff(usize);

impl Watch for CutOff {
    fn begins(&mut self, _: &Plan, index: usize) {
        assert!(index != self.0, "cut off");
    }
    fn fetched(&mut self, _: u64) {}
    fn proved(&mut self, _: &Proof) {}
    fn undoes(&mut self) {}
}

fn ready(target: Target) -> Proof {
    Proof { target, outcome: Outcome::Ready, took: Duration::ZERO }
}

fn crashes(target: Target) -> Proof {
    Proof { target, outcome: Outcome::Crash { signal: 11, said: String::new() }, took: Duration::ZERO }
}

/// Plans an install of all, or a removal, on an image with a fake kernel.
fn plan_on(root: &Root, kernel: &FakeKernel, selection: &Selection, remove: bool) -> (Plan, Option<Store>) {
    let mut observed =
        observe(root, Some(kernel as &dyn Kernel), Look { native: &[], contents: &[], files: true }).unwrap();
    // The fake opens emulators by their path, which lies in the image: `F` cannot be had.
    observed.kernel = qus::rule::KernelVersion(6, 12);
    if remove {
        return (plan::remove(selection, &observed).unwrap(), None);
    }
    let memory = Memory::default();
    let store = Store::open(root, None, true, &memory, now()).unwrap();
    let (index, memory) = store.index(&memory, now()).unwrap();
    let offer = Offer {
        index: index.index(),
        repository: store.url(),
        trust: memory.to_json(),
        news: News::default(),
        terms: Terms::default(),
    };
    let letters = Letters { exactly: Some(Flags::try_from("PO".to_owned()).unwrap()), ..Letters::default() };
    (plan::install(selection, &letters, Consent::default(), &observed, &offer).unwrap(), Some(store))
}

fn displaced() -> Rule {
    Rule::new(target("arm"), Match::Elf, "/usr/bin/qemu-arm", Flags::try_from("P".to_owned()).unwrap()).unwrap()
}

fn sorted(kernel: &FakeKernel) -> Vec<Entry> {
    let mut entries = kernel.entries();
    entries.sort_by(|a, b| a.name().cmp(b.name()));
    entries
}

/// Cuts `plan` off at every step in turn, and looks whether recovery gives back what was.
fn cut_off_everywhere(image: &Image, kernel: &FakeKernel, remove: bool) {
    let (tree, entries) = (image.tree(), sorted(kernel));
    let root = Root::image(image.root());
    let steps = plan_on(&root, kernel, &Selection::All, remove).0.steps.len();
    assert!(steps > 8, "{steps} steps");
    for step in 0..steps {
        let (plan, store) = plan_on(&root, kernel, &Selection::All, remove);
        let machine = Machine { root: &root, kernel: Some(kernel), store: store.as_ref(), prove: ready };
        let cut = catch_unwind(AssertUnwindSafe(|| apply(&plan, machine, &mut CutOff(step))));
        assert!(cut.is_err(), "step {step} was not reached");
        assert!(recover(machine).unwrap().is_some(), "no journal of step {step}");
        assert_eq!(image.tree(), tree, "cut off at step {step}");
        // An entry that was deleted and given back is a new one: their order may change.
        assert_eq!(sorted(kernel), entries, "cut off at step {step}");
        assert!(recover(machine).unwrap().is_none(), "recovered twice");
    }
}

#[test]
fn an_install_cut_off_before_any_step_is_undone_by_the_next_command() {
    let image = Image::trusting(&["aarch64", "arm", "riscv64"]);
    cut_off_everywhere(&image, &FakeKernel::with(&[displaced()]), false);
}

#[test]
fn a_remove_cut_off_before_any_step_is_undone_by_the_next_command() {
    let image = Image::trusting(&["aarch64", "arm", "riscv64"]);
    let kernel = FakeKernel::with(&[displaced()]);
    let root = Root::image(image.root());
    let (plan, store) = plan_on(&root, &kernel, &Selection::All, false);
    let machine = Machine { root: &root, kernel: Some(&kernel), store: store.as_ref(), prove: ready };
    apply(&plan, machine, &mut CutOff(usize::MAX)).unwrap();
    cut_off_everywhere(&image, &kernel, true);
}

#[test]
fn what_install_displaced_remove_gives_back() {
    let image = Image::trusting(&["aarch64", "arm"]);
    let kernel = FakeKernel::with(&[displaced()]);
    let tree = image.tree();
    let root = Root::image(image.root());
    for remove in [false, true] {
        let (plan, store) = plan_on(&root, &kernel, &Selection::All, remove);
        let machine = Machine { root: &root, kernel: Some(&kernel), store: store.as_ref(), prove: ready };
        apply(&plan, machine, &mut CutOff(usize::MAX)).unwrap();
    }
    assert_eq!(image.tree(), tree);
    let rules: Vec<Rule> = kernel.entries().into_iter().map(|entry| entry.rule).collect();
    assert_eq!(rules, [displaced()]);
}

#[test]
fn a_target_that_fails_its_proof_is_taken_back_and_the_others_stay() {
    fn only_arm_crashes(target: Target) -> Proof {
        if target.name() == "arm" { crashes(target) } else { ready(target) }
    }
    let image = Image::trusting(&["aarch64", "arm"]);
    let kernel = FakeKernel::with(&[displaced()]);
    let root = Root::image(image.root());
    let (plan, store) = plan_on(&root, &kernel, &Selection::All, false);
    let machine = Machine { root: &root, kernel: Some(&kernel), store: store.as_ref(), prove: only_arm_crashes };
    let applied = apply(&plan, machine, &mut CutOff(usize::MAX)).unwrap();
    assert_eq!(applied.dropped, [target("arm")]);
    assert_eq!(kernel.entry(&displaced().name).unwrap().unwrap().rule, displaced());
    let status = image.run(&["status", "aarch64", "arm"]).stdout;
    assert_eq!(status.matches("installed").count(), 1, "{status}");
    assert!(!image.tree().keys().any(|path| path.contains("arm")), "something of arm is left");
}

#[test]
fn an_install_of_which_nothing_runs_leaves_nothing() {
    let image = Image::trusting(&["aarch64", "arm"]);
    let (tree, kernel) = (image.tree(), FakeKernel::default());
    let root = Root::image(image.root());
    let (plan, store) = plan_on(&root, &kernel, &Selection::All, false);
    let machine = Machine { root: &root, kernel: Some(&kernel), store: store.as_ref(), prove: crashes };
    assert_eq!(apply(&plan, machine, &mut CutOff(usize::MAX)).unwrap().dropped.len(), 2);
    assert_eq!(image.tree(), tree);
    assert_eq!(kernel.entries(), []);
}

/// Puts what is new in the place of what is there, as a self-update and a repair do, is cut off behind that, undoes it, and
/// then once more: a power cut may bring the journal back when all is undone and swept away.
fn undone_twice(steps: Vec<Step>) {
    let image = Image::trusting(&["aarch64"]);
    let bin = image.root().join("usr/local/lib/qus");
    let put = |name: &str, text: &str| {
        std::fs::write(bin.join(name), text).unwrap();
        std::fs::set_permissions(bin.join(name), std::fs::Permissions::from_mode(0o755)).unwrap();
    };
    std::fs::create_dir_all(&bin).unwrap();
    put("program", "the present one");
    put("kept", "the one before");
    let before = image.tree();
    std::fs::create_dir(bin.join("staging")).unwrap();
    put("staging/new", "the next one");
    let last = steps.len();
    let mut steps: Vec<Planned> = steps.into_iter().map(|step| Planned { target: None, step }).collect();
    steps.push(Planned { target: None, step: Step::MakeDir { path: beside("last") } });
    let plan = Plan { steps, sweep: vec![beside("staging")], ..Plan::default() };
    let root = Root::image(image.root());
    let machine = Machine { root: &root, kernel: None, store: None, prove: ready };
    let cut = catch_unwind(AssertUnwindSafe(|| apply(&plan, machine, &mut CutOff(last))));
    assert!(cut.is_err());
    assert_ne!(image.tree(), before);
    let journal = root.layout().journal();
    let text = root.read(&journal).unwrap().unwrap();
    for time in 1..=3 {
        assert!(recover(machine).unwrap().is_some());
        assert_eq!(image.tree(), before, "undone {time} times");
        root.make_directory(root.layout().state(), 0o755).unwrap();
        root.write(&journal, &text).unwrap();
    }
}

fn beside(name: &str) -> RootedPath {
    RootedPath::try_from(format!("/usr/local/lib/qus/{name}")).unwrap()
}

fn staging(name: &str) -> RootedPath {
    beside("staging").join(name)
}

#[test]
fn what_was_replaced_is_given_back_and_not_what_was_before_it_however_often_it_is_undone() {
    undone_twice(vec![
        Step::Move { from: beside("kept"), to: staging("aside") },
        Step::Copy { from: beside("program"), to: beside("kept") },
        Step::Replace { path: beside("program"), by: staging("new"), kept: beside("kept") },
    ]);
}

#[test]
fn what_was_put_aside_is_given_back_and_stays_however_often_it_is_undone() {
    undone_twice(vec![
        Step::Move { from: beside("program"), to: staging("aside") },
        Step::Move { from: staging("new"), to: beside("program") },
    ]);
}

/// System calls by which qus changes files, and at each of which it is killed in turn.
const CALLS: [&str; 8] = ["mkdir", "openat", "write", "fsync", "rename", "unlink", "rmdir", "symlink"];

/// Kills the real program with SIGKILL at the `nth` such call. Tells whether it came that far.
fn kill_at(image: &Image, words: &[&str], call: &str, nth: usize) -> bool {
    let inject = format!("inject={call}:signal=SIGKILL:when={nth}");
    let mut command = Command::new("strace");
    command.args(["-f", "-qq", "-o", "/dev/null", "-e"]).arg(format!("trace={call}")).arg("-e").arg(inject);
    command.arg(qus().get_program()).arg("--root").arg(image.root()).args(words);
    let output = command.output().unwrap_or_else(|error| panic!("strace is needed: {error}"));
    match (std::os::unix::process::ExitStatusExt::signal(&output.status), output.status.code()) {
        (Some(9), _) | (_, Some(137)) => true,
        (_, Some(0)) => false,
        _ => panic!("{:#?}", Said::by(output)),
    }
}

/// After a kill, the next command must leave either what was or what was to be.
fn killed_everywhere(image: &Image, words: &[&str], undo: &[&str]) {
    let before = image.tree();
    image.run(words).expect(0, &[]);
    let after = image.tree();
    image.run(undo).expect(0, &[]);
    assert_eq!(image.tree(), before);
    let mut kills = 0;
    for call in CALLS {
        let stride = if call == "openat" || call == "write" { 3 } else { 1 };
        for nth in (1..400).step_by(stride) {
            if !kill_at(image, words, call, nth) {
                image.run(undo).expect(0, &[]);
                break;
            }
            kills += 1;
            image.run(&["status"]).expect(0, &[]);
            let mut now = image.tree();
            // Nobody holds it: the next change takes it over.
            now.remove("run/qus.lock");
            assert!(now == before || now == after, "{words:?} killed at {call} {nth} left {now:#?}");
            image.run(undo).expect(0, &[]);
            assert_eq!(image.tree(), before, "{words:?} killed at {call} {nth}");
        }
    }
    assert!(kills > 40, "only {kills} kills");
}

#[test]
fn an_install_killed_at_any_system_call_is_finished_or_undone_by_the_next_command() {
    let image = Image::trusting(&["aarch64"]);
    killed_everywhere(&image, &["install", "aarch64"], &["remove", "aarch64"]);
}

#[test]
fn a_remove_killed_at_any_system_call_is_finished_or_undone_by_the_next_command() {
    let image = Image::trusting(&["aarch64"]);
    image.run(&["install", "aarch64"]).expect(0, &[]);
    killed_everywhere(&image, &["remove", "aarch64"], &["install", "aarch64"]);
}
