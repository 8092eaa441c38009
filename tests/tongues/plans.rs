//! The plans that only older tongues ask for, as functions of what was observed.

use std::collections::BTreeMap;

use qus::conflict::Conflict;
use qus::observed::{Access, Binfmt, Observed, Unreachable};
use qus::plan::{self, Emulators, Plan};
use qus::rule::RuleName;
use qus::wanted::{Consent, Letters, PassOver, Selection};

use crate::planning::{bare, rule, select, steps, table_with};
use crate::support::publisher::target;

/// A machine with entries of several registrars.
fn crowded() -> Observed {
    let named = |name: &str, of: &str, interpreter: &str| {
        rule(of, interpreter).named(RuleName::try_from(name.to_owned()).unwrap())
    };
    let mut observed = bare();
    observed.binfmt = table_with(&[
        named("qus-aarch64", "aarch64", "/opt/qemu-aarch64-static"),
        named("qemu-aarch64", "aarch64", "/usr/libexec/qemu-binfmt/aarch64-binfmt-P"),
        named("qemu-arm", "arm", "/usr/bin/qemu-arm"),
        named("qemu-mips", "mips", "/usr/bin/other-mips"),
        named("qemu-none", "mips", "/usr/bin/qemu-mips"),
        named("FEX-arm", "arm", "/usr/bin/FEX"),
    ]);
    observed
}

fn afresh(targets: &[&str], observed: &Observed) -> Result<Plan, Conflict> {
    let emulators = ["arm", "riscv64"].map(|name| (target(name), format!("/usr/bin/qemu-{name}-static")));
    let emulators = Emulators(BTreeMap::from(emulators));
    plan::register_afresh(&select(targets), &emulators, &Letters::default(), Consent::default(), observed)
}

#[test]
fn only_entries_that_run_an_emulator_of_qemu_are_cleared_whoever_made_them() {
    let observed = crowded();
    let cleared = |words: &[&str]| steps(&plan::clear(&select(words), &observed).unwrap());
    let state = "make directory /var/lib/qus";
    assert_eq!(cleared(&["all"]), [state, "unregister qemu-aarch64", "unregister qemu-arm", "unregister qus-aarch64"]);
    assert_eq!(cleared(&["arm", "mips"]), [state, "unregister qemu-arm"]);
    assert_eq!(cleared(&["mips", "riscv64"]), [""; 0]);
}

#[test]
fn clearing_says_why_it_cannot() {
    let mut observed = crowded();
    if let Binfmt::Mounted(table) = &mut observed.binfmt {
        table.access = Access::Denied;
    }
    assert_eq!(plan::clear(&Selection::All, &observed), Err(Conflict::MayNotRegister));
    observed.binfmt = Binfmt::Unreachable(Unreachable::Private);
    assert_eq!(plan::clear(&Selection::All, &observed), Err(Conflict::PrivateNamespace));
    observed.binfmt = Binfmt::Mountable;
    assert_eq!(plan::clear(&Selection::All, &observed), Ok(Plan::default()));
}

#[test]
fn what_comes_again_is_replaced_and_not_deleted_before() {
    let observed = crowded();
    assert_eq!(
        steps(&afresh(&["arm", "riscv64"], &observed).unwrap()),
        [
            "make directory /var/lib/qus",
            "register qemu-arm for /usr/bin/qemu-arm-static (POF), in place of /usr/bin/qemu-arm",
            "register qemu-riscv64 for /usr/bin/qemu-riscv64-static (POF)",
            "unregister qemu-aarch64",
            "unregister qus-aarch64",
        ]
    );
    // What cannot be registered keeps the rest from being deleted.
    assert_eq!(afresh(&["hppa"], &observed), Err(Conflict::NotInstalled(target("hppa"))));
}

#[test]
fn what_is_passed_over_is_the_host_itself_and_what_was_said() {
    let observed = bare();
    let passed = |pass_over: PassOver, emulate_native: bool| -> Vec<&str> {
        let consent = Consent { emulate_native, take_over: true, pass_over, ..Consent::default() };
        let targets = qus::target::Target::all();
        targets.filter(|target| plan::passes_over(*target, consent, &observed)).map(qus::target::Target::name).collect()
    };
    assert_eq!(passed(PassOver::Nothing, false), [""; 0]);
    assert_eq!(passed(PassOver::Native, false), ["i386", "i486", "x86_64"]);
    assert_eq!(passed(PassOver::Native, true), ["x86_64"]);
    assert_eq!(passed(PassOver::Family(target("arm").family()), true), ["aarch64", "arm", "x86_64"]);
    assert_eq!(passed(PassOver::Target(target("arm")), true), ["arm", "x86_64"]);
}
