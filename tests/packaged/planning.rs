//! Packages of emulators, decided without a machine.

use std::collections::BTreeSet;

use qus::configuration::DropIn;
use qus::conflict::Conflict;
use qus::diagnosis::{self, Diagnosis};
use qus::dropin::{self, packaged};
use qus::entry::Entry;
use qus::exit::{Exit, Explain};
use qus::layout::Layout;
use qus::news::News;
use qus::observed::{Access, Binfmt, FileState, Observed, PackagedEmulator, State, Table, Unreachable};
use qus::owner::Owner;
use qus::package::{Deed, Manager};
use qus::place::{Keeper, Place};
use qus::plan::{self, Attended, Step};
use qus::program::Program;
use qus::receipt::Preferred;
use qus::rooted::RootedPath;
use qus::rule::{Flags, KernelVersion, Rule, RuleName};
use qus::target::Target;
use qus::wanted::{Consent, Selection};

use crate::planning::{bare, install, installed, rule, select, steps, table_with};
use crate::support::publisher::target;

/// The files of a package.
fn unpacked(mut observed: Observed, name: &str) -> Observed {
    let target = target(name);
    let emulator = PackagedEmulator { rule: packaged::rule(target), head: Program::of("x86_64".parse().unwrap()).elf };
    observed.interpreters.insert(emulator.rule.interpreter.clone());
    observed.packaged.emulators.insert(target, emulator);
    observed.packaged.manager = Manager::Apt;
    observed.directories.insert(RootedPath::from_trusted("/usr/lib"));
    observed.directories.insert(RootedPath::from_trusted(packaged::DIRECTORY));
    observed
}

/// The same, which is read at boot.
fn linked(observed: Observed, name: &str) -> Observed {
    let mut observed = unpacked(observed, name);
    let target = target(name);
    let link = packaged::link(target);
    observed.packaged.links.insert(target, FileState::Link(packaged::link_content(target)));
    let own = observed.receipt.targets.get(&target).and_then(|installed| installed.dropin.clone());
    if let Some(path) = own {
        observed.configuration.add(DropIn::parse(path, &observed.receipt.targets[&target].rule.line()));
    }
    observed.configuration.add(DropIn::parse(link, &packaged::text(target)));
    observed
}

/// The same, which the kernel has too.
fn live(observed: Observed, name: &str) -> Observed {
    let mut observed = linked(observed, name);
    observed.binfmt = table_with(&[packaged::rule(target(name))]);
    observed
}

#[track_caller]
fn add(names: &[&str], observed: &Observed) -> Attended {
    plan::packaged_add(&select(names), Consent::default(), observed).unwrap()
}

#[track_caller]
fn remove(names: &[&str], observed: &Observed) -> Attended {
    plan::packaged_remove(&select(names), observed).unwrap()
}

/// What a plan makes of the kernel's entries: each name, and what it runs then.
fn entries(attended: &Attended) -> Vec<(String, Option<String>)> {
    let entry = |step: &Step| match step {
        Step::PutEntry { name, after, .. } => {
            Some((name.to_string(), after.as_ref().map(|after| after.rule.interpreter.clone())))
        }
        _ => None,
    };
    attended.plan.steps.iter().filter_map(|planned| entry(&planned.step)).collect()
}

const LINK: &str = "link /usr/lib/binfmt.d/qus-aarch64.conf to ../../share/qus/binfmt.d/qus-aarch64.conf";
const REGISTER: &str = "register qemu-aarch64 for /usr/libexec/qus/qemu-aarch64-static (POF)";

#[test]
fn a_package_is_registered_and_then_linked_and_given_up_the_other_way_round() {
    let attended = add(&["aarch64"], &unpacked(bare(), "aarch64"));
    assert_eq!(steps(&attended.plan), ["make directory /var/lib/qus", REGISTER, LINK]);
    assert_eq!((attended.later, attended.left), (None, Vec::new()));

    let attended = remove(&["aarch64"], &live(bare(), "aarch64"));
    assert_eq!(
        steps(&attended.plan),
        ["make directory /var/lib/qus", "remove /usr/lib/binfmt.d/qus-aarch64.conf", "unregister qemu-aarch64"]
    );
    assert!(remove(&["aarch64"], &unpacked(bare(), "aarch64")).plan.is_empty());
}

#[test]
fn what_is_registered_is_registered_again_for_there_may_be_another_file_behind_it() {
    let attended = add(&["aarch64"], &live(bare(), "aarch64"));
    assert_eq!(steps(&attended.plan), ["make directory /var/lib/qus", REGISTER]);
}

#[test]
fn directories_that_are_made_for_links_are_written_down_and_go_with_the_last() {
    let mut observed = unpacked(bare(), "aarch64");
    observed.directories.remove(&RootedPath::from_trusted(packaged::DIRECTORY));
    observed.binfmt = Binfmt::NotAsked;
    let attended = add(&["aarch64"], &observed);
    let directory = RootedPath::from_trusted("/usr/lib/binfmt.d");
    let Some(Step::Record { after, .. }) = attended.plan.steps.last().map(|planned| &planned.step) else {
        panic!("no record in {:#?}", steps(&attended.plan))
    };
    assert_eq!(after.directories.iter().collect::<Vec<_>>(), [&directory]);

    let mut observed = linked(linked(bare(), "aarch64"), "arm");
    observed.receipt = after.clone();
    assert!(!remove(&["arm"], &observed).plan.prune.contains(&directory));
    let attended = remove(&["all"], &observed);
    assert!(attended.plan.prune.contains(&directory));
    let Some(Step::Record { after, .. }) = attended.plan.steps.last().map(|planned| &planned.step) else {
        panic!("no record in {:#?}", steps(&attended.plan))
    };
    assert!(after.says_nothing());
}

#[test]
fn where_no_machine_runs_a_package_is_only_linked() {
    let place = |change: &dyn Fn(&mut Place)| {
        let mut observed = unpacked(bare(), "aarch64");
        change(&mut observed.place);
        observed
    };
    let table = |table: Table| Observed { binfmt: Binfmt::Mounted(table), ..unpacked(bare(), "aarch64") };
    let enabled = || Table { enabled: true, ..Table::default() };
    let image = Observed { binfmt: Binfmt::NotAsked, ..unpacked(bare(), "aarch64") };
    let emulated = Observed {
        own_heads: vec![target("aarch64").magic()],
        binfmt: table_with(&[rule("aarch64", "/usr/bin/qemu-aarch64")]),
        ..unpacked(bare(), "riscv64")
    };
    let circumstances = [
        (image, "this is an image"),
        (place(&|place| place.chroot = true), "this runs in a chroot"),
        (place(&|place| place.container = Some("docker".to_owned())), "this runs in a container (docker)"),
        (place(&|place| place.mount_namespace = true), "this runs in a mount namespace of its own"),
        (
            table(Table { access: Access::ReadOnly, ..enabled() }),
            "binfmt_misc is mounted read-only here, as in most containers",
        ),
        (
            table(Table { access: Access::Denied, ..enabled() }),
            "binfmt_misc is mounted, but this user may not register emulators in it",
        ),
        (table(Table::default()), "binfmt_misc is disabled: the kernel consults none of its entries"),
        (
            emulated,
            "this qus is itself run by an emulator, by entry \"qemu-aarch64\": what it would install is for another machine",
        ),
    ];
    for (observed, why) in circumstances {
        let attended = add(&["all"], &observed);
        assert_eq!(attended.later.as_deref(), Some(why));
        assert_eq!(entries(&attended), [], "{why}");
        assert!(steps(&attended.plan).iter().any(|step| step.starts_with("link /usr/lib/binfmt.d/")), "{why}");
        // Nor is anything taken away there.
        let mut observed = linked(observed, "aarch64");
        if let Binfmt::Mounted(table) = &mut observed.binfmt {
            table.add(Ok(Entry::of(packaged::rule(target("aarch64")))));
        }
        let attended = remove(&["aarch64"], &observed);
        assert_eq!(entries(&attended), [], "{why}");
        assert!(steps(&attended.plan).contains(&"remove /usr/lib/binfmt.d/qus-aarch64.conf".to_owned()), "{why}");
    }
    // A namespace with a table of its own is a machine by itself, and so is Windows' subsystem.
    let mut namespace = table(Table { keeper: Keeper::UserNamespace, ..enabled() });
    namespace.place = Place { user_namespace: true, mount_namespace: true, ..Place::default() };
    let mut wsl = table(Table { keeper: Keeper::Outside, ..enabled() });
    wsl.place = Place { mount_namespace: true, wsl: Some(2), ..Place::default() };
    for observed in [namespace, wsl] {
        assert_eq!(steps(&add(&["aarch64"], &observed).plan).last().map(String::as_str), Some(LINK));
        assert_eq!(entries(&add(&["aarch64"], &observed)).len(), 1);
    }
}

#[test]
fn a_table_that_is_not_mounted_is_mounted_for_a_package_too() {
    let observed = Observed { binfmt: Binfmt::Mountable, ..unpacked(bare(), "aarch64") };
    let said = steps(&add(&["aarch64"], &observed).plan);
    assert_eq!(said, ["make directory /var/lib/qus", "mount binfmt_misc", REGISTER, LINK]);
}

#[test]
fn before_linux_5_12_the_rule_is_another_and_so_is_what_a_boot_reads() {
    let mut observed = Observed { kernel: KernelVersion(5, 10), ..unpacked(bare(), "aarch64") };
    let register = "register qemu-aarch64 for /usr/libexec/qus/qemu-aarch64-static (OF)";
    let (write, take) = ("write /usr/lib/binfmt.d/qus-aarch64.conf", "remove /usr/lib/binfmt.d/qus-aarch64.conf");
    assert_eq!(steps(&add(&["aarch64"], &observed).plan), ["make directory /var/lib/qus", register, write]);
    let text = packaged::text_for_older_kernels(target("aarch64"));
    let file = DropIn::parse(packaged::link(target("aarch64")), &text);
    assert_eq!(
        file.rules,
        [Rule { flags: Flags::try_from("OF".to_owned()).unwrap(), ..packaged::rule(target("aarch64")) }]
    );
    observed.packaged.links.insert(target("aarch64"), FileState::Text(text));
    assert_eq!(steps(&add(&["aarch64"], &observed).plan), ["make directory /var/lib/qus", register]);
    // On a newer kernel it is a link, and back.
    observed.kernel = KernelVersion(6, 1);
    assert_eq!(steps(&add(&["aarch64"], &observed).plan), ["make directory /var/lib/qus", REGISTER, take, LINK]);
    let observed = Observed { kernel: KernelVersion(5, 10), ..linked(bare(), "aarch64") };
    assert_eq!(steps(&add(&["aarch64"], &observed).plan), ["make directory /var/lib/qus", register, take, write]);
}

/// An old kernel, which runs aarch64 by itself and has somebody on purpose for it, may build systems for other machines.
#[test]
fn nothing_of_the_machine_that_builds_a_system_decides_what_that_boots() {
    let fex = Rule { name: RuleName::try_from("FEX-aarch64".to_owned()).unwrap(), ..rule("aarch64", "/usr/bin/FEX") };
    let own = rule("riscv64", "/usr/bin/qemu-riscv64");
    let Binfmt::Mounted(table) = table_with(&[fex, own.clone()]) else { panic!("no table") };
    let builder = |place: Place, table: Table| Observed {
        binfmt: Binfmt::Mounted(table),
        kernel: KernelVersion(4, 18),
        native: [target("aarch64")].into(),
        place,
        ..unpacked(bare(), "aarch64")
    };
    let chroot = || Place { chroot: true, ..Place::default() };
    let emulated = Observed {
        own_heads: vec![target("riscv64").magic()],
        ..builder(Place::default(), Table { enabled: true, entries: vec![Entry::of(own)], ..Table::default() })
    };
    let with = |access, keeper| Table { access, keeper, ..table.clone() };
    let usual = || with(Access::Writable, Keeper::Outside);
    let no_table = |why| Observed { binfmt: Binfmt::Unreachable(why), ..builder(Place::default(), table.clone()) };
    let builders = [
        builder(chroot(), usual()),
        builder(Place { container: Some("podman".to_owned()), ..Place::default() }, usual()),
        builder(Place { mount_namespace: true, ..Place::default() }, usual()),
        builder(Place { user_namespace: true, ..Place::default() }, with(Access::Denied, Keeper::Machine)),
        builder(Place::default(), with(Access::ReadOnly, Keeper::Machine)),
        builder(Place::default(), with(Access::Writable, Keeper::Nobody)),
        no_table(Unreachable::NoProc),
        no_table(Unreachable::NoPrivilege),
        no_table(Unreachable::NotHandedIn),
        no_table(Unreachable::PrivateContainer),
        no_table(Unreachable::OtherUserNamespace),
        emulated,
    ];
    let image = Observed { binfmt: Binfmt::NotAsked, ..builder(Place::default(), Table::default()) };
    let as_image = add(&["aarch64"], &image);
    assert_eq!(steps(&as_image.plan), ["make directory /var/lib/qus", LINK]);
    for observed in builders {
        let attended = add(&["aarch64"], &observed);
        assert_eq!((&attended.plan, &attended.left), (&as_image.plan, &as_image.left), "{:?}", attended.later);
        // What was made elsewhere for an older kernel is made right, and what is there is said to be wrong by nobody.
        let mut observed = linked(observed, "aarch64");
        assert!(!plan::is_for_other_kernel(target("aarch64"), &observed));
        assert!(plan::repair(&Selection::All, &observed).unwrap().plan.is_empty());
        let small = packaged::text_for_older_kernels(target("aarch64"));
        observed.packaged.links.insert(target("aarch64"), FileState::Text(small));
        let said = steps(&add(&["aarch64"], &observed).plan);
        assert_eq!(said, ["make directory /var/lib/qus", "remove /usr/lib/binfmt.d/qus-aarch64.conf", LINK]);
    }
    // A machine's own kernel that has no table is the one that will boot it.
    for why in [Unreachable::NotInKernel, Unreachable::NotLoaded] {
        let observed = Observed { native: BTreeSet::new(), ..no_table(why) };
        let said = steps(&add(&["aarch64"], &observed).plan);
        assert_eq!(said, ["make directory /var/lib/qus", "write /usr/lib/binfmt.d/qus-aarch64.conf"]);
    }
    // Whatever takes the programs of the system that is built takes them after its boot too.
    let observed = Observed { own_heads: vec![target("aarch64").magic()], ..builder(chroot(), Table::default()) };
    assert_eq!(add(&["aarch64"], &observed).left[0].why, Conflict::Own(target("aarch64")).to_string());
}

#[test]
fn what_was_linked_for_another_kernel_is_told_by_doctor_and_put_right_by_apply() {
    let (write, take) = ("write /usr/lib/binfmt.d/qus-aarch64.conf", "remove /usr/lib/binfmt.d/qus-aarch64.conf");
    let small = FileState::Text(packaged::text_for_older_kernels(target("aarch64")));
    let link = FileState::Link(packaged::link_content(target("aarch64")));
    let is_own = |observed: Observed, kernel, there: &FileState| {
        let mut observed = Observed { kernel, ..observed };
        observed.packaged.links.insert(target("aarch64"), there.clone());
        observed
    };
    let told = |observed: &Observed| {
        let found = diagnosis::installed(target("aarch64"), observed, &News::default(), Diagnosis::default());
        found
            .findings
            .iter()
            .map(|finding| (finding.cause.to_string(), finding.cause.cure().unwrap()))
            .collect::<Vec<_>>()
    };
    let (older, newer) = (KernelVersion(5, 11), KernelVersion(5, 12));
    let registered = Observed {
        binfmt: table_with(&[Rule {
            flags: Flags::try_from("OF".to_owned()).unwrap(),
            ..packaged::rule(target("aarch64"))
        }]),
        ..linked(bare(), "aarch64")
    };
    let begin = "make directory /var/lib/qus";
    let cases = [
        (registered.clone(), older, &link, &[begin, take, write][..], "for Linux 5.12 or newer"),
        (live(bare(), "aarch64"), newer, &small, &[begin, take, LINK], "for Linux before 5.12"),
        // What is downloaded hides it today.
        (linked(installed(None), "aarch64"), older, &link, &[take, write], "for Linux 5.12 or newer"),
    ];
    for (observed, kernel, there, done, of) in cases {
        let observed = is_own(observed, kernel, there);
        let what = format!(
            "\"/usr/lib/binfmt.d/qus-aarch64.conf\", which a boot reads of the package of \"aarch64\", is {of}, and this kernel is not"
        );
        assert!(told(&observed).contains(&(what, "qus apply aarch64".to_owned())), "{:?}", told(&observed));
        let plan = plan::repair(&select(&["aarch64"]), &observed).unwrap().plan;
        assert_eq!(steps(&plan).iter().map(String::as_str).collect::<Vec<_>>(), done);
        assert!(plan::repair(&select(&["arm"]), &observed).unwrap().plan.is_empty());
    }
    for (observed, kernel, there) in [(registered, older, &small), (live(bare(), "aarch64"), newer, &link)] {
        let observed = is_own(observed, kernel, there);
        assert_eq!(told(&observed), []);
        assert!(plan::repair(&Selection::All, &observed).unwrap().plan.is_empty());
    }
    // The entry with the flag is registered anew, too.
    let observed = is_own(live(bare(), "aarch64"), older, &link);
    let register = "register qemu-aarch64 for /usr/libexec/qus/qemu-aarch64-static (OF)";
    assert_eq!(steps(&plan::repair(&Selection::All, &observed).unwrap().plan), [begin, take, write, register]);
}

#[test]
fn a_package_of_what_the_machine_runs_by_itself_is_neither_linked_nor_registered() {
    let attended = add(&["i386"], &unpacked(bare(), "i386"));
    assert!(attended.plan.is_empty());
    assert_eq!(attended.left.len(), 1);
    assert!(!attended.left[0].linked);
    assert_eq!(attended.left[0].why, "this machine runs \"i386\" programs by itself");
    // What an image was given is not taken away again.
    let attended = add(&["i386"], &linked(bare(), "i386"));
    assert!(attended.plan.is_empty());
    assert!(attended.left[0].linked);
}

#[test]
fn a_rule_that_takes_the_emulator_itself_is_never_linked_whatever_machine_it_is_for() {
    for binfmt in [Binfmt::NotAsked, bare().binfmt] {
        let observed = Observed { binfmt: binfmt.clone(), ..unpacked(bare(), "x86_64") };
        let attended = add(&["x86_64"], &observed);
        assert!(attended.plan.is_empty(), "{:#?}", steps(&attended.plan));
        assert_eq!(attended.left[0].why, Conflict::Own(target("x86_64")).to_string());
        let observed = Observed { binfmt, ..linked(bare(), "x86_64") };
        let said = steps(&add(&["x86_64"], &observed).plan);
        assert_eq!(said, ["make directory /var/lib/qus", "remove /usr/lib/binfmt.d/qus-x86_64.conf"]);
    }
    // Its emulator for arm64 is made ready in an image of that by a machine that is an x86_64 itself.
    let mut observed = unpacked(bare(), "x86_64");
    observed.binfmt = Binfmt::NotAsked;
    for emulator in observed.packaged.emulators.values_mut() {
        emulator.head = Program::of(target("aarch64")).elf;
    }
    assert!(steps(&add(&["x86_64"], &observed).plan).last().unwrap().starts_with("link "));
}

#[test]
fn whatever_is_read_in_its_place_keeps_a_package_from_being_registered() {
    for (text, why) in
        [("", "masks the package's rule"), (":mine:E::x::/bin/sh:\n", "is read in place of the package's rule")]
    {
        let mut observed = unpacked(bare(), "aarch64");
        observed.configuration.add(DropIn::parse(dropin::path(target("aarch64")), text));
        let attended = add(&["aarch64"], &observed);
        assert_eq!(steps(&attended.plan).last().map(String::as_str), Some(LINK));
        assert_eq!(entries(&attended), []);
        assert!(attended.left[0].linked && attended.left[0].why.contains(why), "{:?}", attended.left);
        // And `apply` does not register it either.
        let mut observed = linked(bare(), "aarch64");
        observed.configuration = Observed { ..unpacked(bare(), "aarch64") }.configuration;
        observed.configuration.add(DropIn::parse(dropin::path(target("aarch64")), text));
        assert!(plan::repair(&Selection::All, &observed).unwrap().plan.is_empty());
    }
}

#[test]
fn what_is_downloaded_goes_before_a_package() {
    let observed = unpacked(installed(None), "aarch64");
    let attended = add(&["aarch64"], &observed);
    assert_eq!(steps(&attended.plan), ["make directory /var/lib/qus", LINK]);
    assert_eq!(attended.left[0].why, "\"aarch64\" is installed in version 11.1.3-1, which goes before the package's");
    assert_eq!(linked(installed(None), "aarch64").state(target("aarch64")), State::Ready);
    // It hides the package's drop-in by its name, and needs no other.
    let plan = install(&["aarch64"], &live(bare(), "aarch64")).unwrap();
    let said = steps(&plan);
    assert!(said.contains(&"write /etc/binfmt.d/qus-aarch64.conf".to_owned()), "{said:#?}");
    let Some(Step::Record { after, .. }) = plan.steps.last().map(|planned| &planned.step) else { panic!("no record") };
    assert_eq!(after.targets[&target("aarch64")].displaced, Some(Entry::of(packaged::rule(target("aarch64")))));
}

#[test]
fn what_is_downloaded_is_removed_and_the_package_has_its_entry_also_if_it_came_later() {
    let theirs = rule("aarch64", "/usr/bin/qemu-aarch64");
    let file = DropIn::parse(RootedPath::from_trusted("/usr/lib/binfmt.d/qemu-aarch64.conf"), &theirs.line());
    for displaced in [None, Some(theirs.clone()), Some(packaged::rule(target("aarch64")))] {
        let mut observed = linked(installed(displaced), "aarch64");
        observed.interpreters.insert(theirs.interpreter.clone());
        observed.configuration.add(file.clone());
        let plan = plan::remove(&select(&["aarch64"]), &observed).unwrap();
        let given = plan.steps.into_iter().find_map(|planned| match planned.step {
            Step::PutEntry { after, .. } => after,
            _ => None,
        });
        assert_eq!(given, Some(Entry::of(packaged::rule(target("aarch64")))));
    }
}

#[test]
fn those_who_were_chosen_on_purpose_are_not_outdone_by_a_package_unasked() {
    let fex = Rule { name: RuleName::try_from("FEX-aarch64".to_owned()).unwrap(), ..rule("aarch64", "/usr/bin/FEX") };
    let mut observed = unpacked(bare(), "aarch64");
    observed.binfmt = table_with(std::slice::from_ref(&fex));
    let file = DropIn::parse(RootedPath::from_trusted("/usr/lib/binfmt.d/FEX-aarch64.conf"), &fex.line());
    observed.configuration.add(file.clone());
    let attended = add(&["aarch64"], &observed);
    assert!(attended.plan.is_empty());
    assert_eq!(
        attended.left[0].why,
        "\"aarch64\" is left to FEX (\"FEX-aarch64\"); to use this emulator all the same: qus packaged add --yes aarch64"
    );
    let consent = Consent { take_over: true, ..Consent::default() };
    let attended = plan::packaged_add(&select(&["aarch64"]), consent, &observed).unwrap();
    assert_eq!(steps(&attended.plan), ["make directory /var/lib/qus", REGISTER, LINK]);
    // What was decided is done again, and where they came since, they keep the table until the next boot.
    let mut observed = live(bare(), "aarch64");
    observed.configuration.add(file);
    assert_eq!(steps(&add(&["aarch64"], &observed).plan), ["make directory /var/lib/qus", REGISTER]);
    observed.binfmt = table_with(&[fex, packaged::rule(target("aarch64"))]);
    let attended = add(&["aarch64"], &observed);
    assert!(attended.plan.is_empty() && attended.left[0].linked);
}

#[test]
fn who_is_preferred_to_what_is_downloaded_is_preferred_to_a_package_too() {
    let fex = RuleName::try_from("FEX-aarch64".to_owned()).unwrap();
    let mut observed = unpacked(installed(None), "aarch64");
    let settled = observed.receipt.targets.get_mut(&target("aarch64")).unwrap();
    settled.yields = Some(Preferred { word: "fex".to_owned(), entry: fex.clone() });
    settled.dropin = dropin::before(target("aarch64"), "FEX-aarch64.conf");
    let attended = add(&["aarch64"], &observed);
    assert!(attended.plan.is_empty());
    assert_eq!(attended.left[0].why, "\"aarch64\" is left to \"fex\", as preferred");
    // Where it is linked, it would win: whoever settles it is told.
    let mut observed = linked(installed(None), "aarch64");
    let rule = Rule { name: fex, ..rule("aarch64", "/usr/bin/FEX") };
    observed
        .configuration
        .add(DropIn::parse(RootedPath::from_trusted("/usr/lib/binfmt.d/FEX-aarch64.conf"), &rule.line()));
    let refused = plan::prefer(target("aarch64"), "fex", &observed).unwrap_err();
    assert!(
        matches!(&refused, Conflict::Third { file, .. } if *file == packaged::link(target("aarch64"))),
        "{refused}"
    );
    assert_eq!(refused.help().as_deref(), Some("take the package qus-emulator-aarch64 away, then again"));
}

#[test]
fn whoever_a_boot_would_register_has_the_entry_of_a_package_that_goes() {
    let theirs = rule("aarch64", "/usr/bin/qemu-aarch64");
    let mut observed = live(bare(), "aarch64");
    observed.interpreters.insert(theirs.interpreter.clone());
    let file = RootedPath::from_trusted("/usr/lib/binfmt.d/qemu-aarch64.conf");
    observed.configuration.add(DropIn::parse(file, &theirs.line()));
    assert_eq!(
        entries(&remove(&["aarch64"], &observed)),
        [("qemu-aarch64".to_owned(), Some("/usr/bin/qemu-aarch64".to_owned()))]
    );
    // What was downloaded stood back for it.
    let mut observed = linked(installed(None), "aarch64");
    observed.binfmt = table_with(&[packaged::rule(target("aarch64"))]);
    let path = observed.receipt.targets[&target("aarch64")].path.to_string();
    assert_eq!(entries(&remove(&["aarch64"], &observed)), [("qemu-aarch64".to_owned(), Some(path))]);
}

#[test]
fn what_could_not_be_given_back_stays_and_a_packages_entry_stands_beside_it() {
    // Docker's, whose emulator lies in an image.
    let docker =
        Rule { flags: Flags::try_from("POCF".to_owned()).unwrap(), ..rule("aarch64", "/usr/bin/qemu-aarch64") };
    let beside = ("qus-aarch64".to_owned(), Some("/usr/libexec/qus/qemu-aarch64-static".to_owned()));
    let mut observed = unpacked(bare(), "aarch64");
    observed.binfmt = table_with(std::slice::from_ref(&docker));
    assert_eq!(entries(&add(&["aarch64"], &observed)), std::slice::from_ref(&beside));
    // What is downloaded then takes its place there, and gives it back.
    let mut observed = linked(bare(), "aarch64");
    let stands = packaged::rule(target("aarch64")).named(RuleName::beside(target("aarch64")));
    observed.binfmt = table_with(&[stands.clone(), docker.clone()]);
    assert_eq!(entries(&add(&["aarch64"], &observed)), [beside]);
    let said = steps(&install(&["aarch64"], &observed).unwrap());
    assert!(said.iter().any(|step| step.starts_with("register qus-aarch64 for /usr/local/lib/qus/bin/")), "{said:#?}");
    let mut observed = linked(installed(None), "aarch64");
    let own = observed.receipt.targets[&target("aarch64")].rule.named(RuleName::beside(target("aarch64")));
    observed.binfmt = table_with(&[own, docker]);
    let plan = plan::remove(&select(&["aarch64"]), &observed).unwrap();
    assert!(
        plan.steps.iter().any(|planned| {
            matches!(&planned.step, Step::PutEntry { after: Some(after), .. } if after.rule == stands)
        })
    );
    // Of two of ours only the one of the usual name gives anything back.
    let rule = observed.receipt.targets[&target("aarch64")].rule.clone();
    observed.binfmt = table_with(&[rule.named(RuleName::beside(target("aarch64"))), rule]);
    let plan = plan::remove(&select(&["aarch64"]), &observed).unwrap();
    let put = plan.steps.iter().filter(|planned| matches!(&planned.step, Step::PutEntry { after: Some(_), .. }));
    assert_eq!(put.count(), 1);
}

#[test]
fn another_file_in_the_place_of_the_link_is_an_error_and_stays() {
    let mut observed = unpacked(bare(), "aarch64");
    observed.packaged.links.insert(target("aarch64"), FileState::Text("mine".to_owned()));
    let refused = plan::packaged_add(&select(&["aarch64"]), Consent::default(), &observed).unwrap_err();
    assert_eq!((&refused, refused.exit()), (&Conflict::ForeignFile(packaged::link(target("aarch64"))), Exit::Failed));
    let attended = remove(&["aarch64"], &observed);
    assert!(attended.plan.is_empty() && attended.left.len() == 1);
}

#[test]
fn a_package_without_its_files_is_told_of_and_so_is_what_to_type() {
    let mut observed = bare();
    for (manager, cure) in [
        (Manager::Apt, "apt install --reinstall qus-emulator-x86-64"),
        (Manager::Dnf, "dnf reinstall qus-emulator-x86-64"),
        (Manager::Zypper, "zypper install --force qus-emulator-x86-64"),
        (Manager::Unknown, "use the package manager, for package qus-emulator-x86-64"),
    ] {
        observed.packaged.manager = manager;
        let refused = plan::packaged_add(&select(&["x86_64"]), Consent::default(), &observed).unwrap_err();
        assert_eq!((refused.exit(), refused.help().as_deref()), (Exit::Failed, Some(cure)));
    }
}

#[test]
fn what_only_a_package_provides_is_its_managers_to_change() {
    let observed = live(bare(), "aarch64");
    let refused = [
        (plan::remove(&select(&["aarch64"]), &observed).unwrap_err(), "apt remove qus-emulator-aarch64"),
        (plan::pin(&select(&["aarch64"]), true, &observed).unwrap_err(), "apt-mark hold qus-emulator-aarch64"),
        (plan::pin(&select(&["aarch64"]), false, &observed).unwrap_err(), "apt-mark unhold qus-emulator-aarch64"),
        (
            plan::check_packages(&select(&["aarch64"]), Deed::Upgrade, &observed).unwrap_err(),
            "apt install --only-upgrade qus-emulator-aarch64",
        ),
        (
            plan::check_packages(&select(&["aarch64"]), Deed::Downgrade, &observed).unwrap_err(),
            "apt install qus-emulator-aarch64=VERSION",
        ),
    ];
    for (refused, cure) in refused {
        assert_eq!((refused.exit(), refused.help().as_deref()), (Exit::Managed, Some(cure)), "{refused}");
    }
    assert!(plan::remove(&Selection::All, &observed).unwrap().is_empty());
    // What is downloaded as well is qus's to remove.
    assert!(plan::remove(&select(&["aarch64"]), &linked(installed(None), "aarch64")).is_ok());
}

#[test]
fn who_goes_before_what_only_a_package_provides_is_settled_otherwise_and_that_is_said() {
    let mut observed = live(bare(), "aarch64");
    let fex = Rule { name: RuleName::try_from("FEX-aarch64".to_owned()).unwrap(), ..rule("aarch64", "/usr/bin/FEX") };
    let file = RootedPath::from_trusted("/usr/lib/binfmt.d/FEX-aarch64.conf");
    observed.configuration.add(DropIn::parse(file, &fex.line()));
    let what = "\"aarch64\" is of the package qus-emulator-aarch64 alone, and qus has none of its own to put before or behind another";
    for (word, cure) in [
        ("qus", "to download one, which goes before the package's: qus install aarch64"),
        ("package", "to use the package's, whoever else was chosen: qus packaged add --yes aarch64"),
        ("fex", "to leave it to \"fex\": apt remove qus-emulator-aarch64"),
        ("FEX-aarch64", "to leave it to \"FEX-aarch64\": apt remove qus-emulator-aarch64"),
    ] {
        let refused = plan::prefer(target("aarch64"), word, &observed).unwrap_err();
        assert_eq!((refused.exit(), refused.to_string().as_str()), (Exit::Managed, what));
        assert_eq!(refused.help().as_deref(), Some(cure));
    }
    let refused = plan::prefer(target("aarch64"), "box64", &observed).unwrap_err();
    assert_eq!(refused.to_string(), "nobody called \"box64\" registers programs of \"aarch64\" here");
    let refused = plan::prefer(target("arm"), "fex", &observed).unwrap_err();
    assert_eq!(refused, Conflict::NotInstalled(target("arm")));
}

#[test]
fn states_of_packaged_targets_are_told_apart() {
    let state = |observed: &Observed| observed.state(target("aarch64"));
    assert_eq!(state(&live(bare(), "aarch64")), State::Ready);
    assert_eq!(state(&linked(bare(), "aarch64")), State::Installed);
    assert_eq!(state(&Observed { binfmt: Binfmt::NotAsked, ..linked(bare(), "aarch64") }), State::Installed);
    let theirs = table_with(&[rule("aarch64", "/usr/bin/qemu-aarch64")]);
    assert_eq!(state(&Observed { binfmt: theirs, ..linked(bare(), "aarch64") }), State::Registered);
    assert_eq!(unpacked(bare(), "i386").state(target("i386")), State::Native);
    let observed = live(bare(), "aarch64");
    let entry = observed.binfmt.table().unwrap().entry_of(target("aarch64")).unwrap();
    assert_eq!(observed.owner(entry), Owner::Package);
    assert!(!Layout::system().is_ours(&entry.rule.interpreter));
}

#[test]
fn what_somebody_flushed_is_registered_again_by_apply_as_a_boot_would() {
    let said = |observed: &Observed| steps(&plan::repair(&Selection::All, observed).unwrap().plan);
    assert_eq!(said(&linked(bare(), "aarch64")), ["make directory /var/lib/qus", REGISTER]);
    assert_eq!(said(&live(bare(), "aarch64")), Vec::<String>::new());
    assert_eq!(said(&unpacked(bare(), "aarch64")), Vec::<String>::new());
    let chroot = Observed { place: Place { chroot: true, ..Place::default() }, ..linked(bare(), "aarch64") };
    assert_eq!(said(&chroot), Vec::<String>::new());
    let selected = plan::repair(&select(&["arm"]), &linked(bare(), "aarch64")).unwrap();
    assert!(selected.plan.is_empty());
}

#[test]
fn every_target_has_a_package_and_its_drop_in_is_known_by_its_name() {
    for target in Target::all() {
        assert_eq!(packaged::target_of(packaged::link(target).name()), Some(target));
        assert!(packaged::is_emulator(packaged::emulator(target).as_str()));
    }
    assert_eq!(packaged::target_of("qus-banana.conf"), None);
}
