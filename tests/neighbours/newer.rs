//! What newer kernels print: letters and kinds of entries that this version does not know.

use qus::entry::{Entry, UnknownEntry};
use qus::observed::{Binfmt, Observed, State, Table};
use qus::plan::{self, Plan, Step};
use qus::rule::Rule;

use crate::planning::{bare, install, installed, rule, select};
use crate::support::publisher::target;

/// An emulator's entry as a kernel prints it that knows `T`, the transparent interpreter.
const TRANSPARENT: &str = "enabled
interpreter /usr/bin/qemu-aarch64
flags: PTF
offset 0
magic 7f454c460201010000000000000000000200b700
mask ffffffffffffff00fffffffffffffffffeffffff
";

/// One whose handler is chosen by a program in the kernel.
const CHOSEN: &str = "enabled\nbpf chooser\nflags: \n";

fn table_of(texts: &[(&str, &str)]) -> Table {
    let mut table = Table { enabled: true, ..Table::default() };
    for (name, text) in texts {
        table.add(Entry::parse(name, text));
    }
    table
}

fn machine_with(texts: &[(&str, &str)]) -> Observed {
    Observed { binfmt: Binfmt::Mounted(table_of(texts)), ..bare() }
}

/// Names of the entries that a plan registers, and of those that it deletes.
fn changed(plan: &Plan) -> (Vec<String>, Vec<String>) {
    let entries = plan.steps.iter().filter_map(|planned| match &planned.step {
        Step::PutEntry { name, after, .. } => Some((name.to_string(), after.is_some())),
        _ => None,
    });
    let (put, gone): (Vec<_>, Vec<_>) = entries.partition(|(_, put)| *put);
    let names = |entries: Vec<(String, bool)>| entries.into_iter().map(|(name, _)| name).collect();
    (names(put), names(gone))
}

#[test]
fn an_unknown_letter_is_kept_and_shown_and_registered_again() {
    let entry = Entry::parse("qemu-aarch64", TRANSPARENT).unwrap();
    assert!(entry.rule.flags.has('T') && entry.rule.flags.has('F'));
    assert_eq!(entry.rule.flags.to_string(), "PFT");
    assert_eq!(Rule::parse(&entry.rule.line()).unwrap(), entry.rule);
    let text = serde_json::to_string(&entry).unwrap();
    assert_eq!(serde_json::from_str::<Entry>(&text).unwrap(), entry);
}

#[test]
fn an_entry_with_an_unknown_letter_answers_and_is_given_back_as_it_was() {
    let text = TRANSPARENT.replace("PTF", "PT");
    let observed = machine_with(&[("qemu-aarch64", &text)]);
    assert_eq!(observed.state(target("aarch64")), State::Registered);
    let plan = install(&["aarch64"], &observed).unwrap();
    assert_eq!(changed(&plan), (vec!["qemu-aarch64".to_owned()], vec![]));
    let recorded = plan.steps.iter().find_map(|planned| match &planned.step {
        Step::Record { after, .. } => after.targets[&target("aarch64")].displaced.clone(),
        _ => None,
    });
    assert_eq!(recorded, Some(Entry::parse("qemu-aarch64", &text).unwrap()));
}

#[test]
fn an_entry_of_an_unknown_kind_is_shown_with_what_is_unknown() {
    let table = table_of(&[("chosen", CHOSEN), ("qemu-aarch64", TRANSPARENT)]);
    assert_eq!(table.unknown, [UnknownEntry { name: "chosen".to_owned(), line: "bpf chooser".to_owned() }]);
    assert_eq!(table.entries.len(), 1);
    for (text, line) in [
        ("enabled\nsomething new\n", "something new"),
        ("enabled\ninterpreter /i\nflags: p?\nmagic 00\n", "flags: p?"),
        ("", "neither magic nor extension"),
    ] {
        assert_eq!(Entry::parse("chosen", text).unwrap_err().line, line);
    }
}

#[test]
fn an_unknown_thing_of_a_targets_name_stays_and_ours_stands_beside_it() {
    let observed = machine_with(&[("qemu-aarch64", CHOSEN), ("wine", "enabled\nbpf wine\n")]);
    let plan = install(&["all"], &observed).unwrap();
    assert_eq!(changed(&plan), (vec!["qus-aarch64".to_owned(), "qemu-arm".to_owned()], vec![]));
    let record = |planned: &plan::Planned| match &planned.step {
        Step::Record { after, .. } => Some(after.targets[&target("aarch64")].displaced.clone()),
        _ => None,
    };
    assert_eq!(plan.steps.iter().find_map(record), Some(None));
}

#[test]
fn an_unknown_thing_of_a_targets_name_survives_remove_unregister_and_apply() {
    let mut observed = installed(None);
    let ours = rule("aarch64", observed.receipt.targets[&target("aarch64")].path.as_str());
    let beside = ours.named("qus-aarch64".to_owned().try_into().unwrap());
    let mut table = table_of(&[("qemu-aarch64", CHOSEN)]);
    table.add(Ok(Entry::of(beside)));
    observed.binfmt = Binfmt::Mounted(table);
    assert_eq!(observed.state(target("aarch64")), State::Ready);
    assert!(install(&["aarch64"], &observed).unwrap().is_empty());
    assert!(plan::repair(&select(&["all"]), &observed).unwrap().plan.is_empty());
    let gone = (vec![], vec!["qus-aarch64".to_owned()]);
    assert_eq!(changed(&plan::remove(&select(&["all"]), &observed).unwrap()), gone);
    let nothing = plan::Emulators::default();
    assert_eq!(changed(&plan::unregister(&select(&["all"]), &nothing, &observed).unwrap()), gone);
}
