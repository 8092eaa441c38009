//! Many at once: one works, the others wait or say who does, and what comes out is what some order of them gives.

use std::process::Stdio;

use super::machines::{InImage, Machine, OnKernel, State};
use super::scenarios::{NOTHING, Scenario};
use crate::support::machine::Said;

/// What a crowd does, over and over: every order of it ends with none, one or both of two targets.
const DEEDS: [&[&str]; 7] = [
    &["install", "aarch64"],
    &["remove", "arm"],
    &["status"],
    &["install", "arm"],
    &["apply"],
    &["remove", "aarch64"],
    &["install", "arm", "aarch64"],
];

/// Runs so many at the same time.
fn crowd(machine: &dyn Machine, size: usize, more: &[&str]) -> Vec<(&'static [&'static str], Said)> {
    let start = |deed: &'static [&'static str]| {
        let mut command = machine.command(&[deed, more].concat());
        (deed, command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap())
    };
    let running: Vec<_> = DEEDS.into_iter().cycle().take(size).map(start).collect();
    running.into_iter().map(|(deed, child)| (deed, Said::by(child.wait_with_output().unwrap()))).collect()
}

/// Every state that an order of the deeds ends with.
fn outcomes(machine: &dyn Machine) -> Vec<State> {
    let ends: [&[&str]; 4] = [&[], &["aarch64"], &["arm"], &["aarch64", "arm"]];
    let outcome = |targets: &&[&str]| {
        machine.restore();
        for target in *targets {
            machine.qus(&["install", target]);
        }
        machine.state()
    };
    ends.iter().map(outcome).collect()
}

fn all_finish_when_they_wait(machine: &dyn Machine) {
    let outcomes = outcomes(machine);
    for size in [2, 20, 20] {
        for (deed, said) in crowd(machine, size, &["--wait-lock", "120"]) {
            assert_eq!(said.code, Some(0), "{deed:?}: {said:#?}");
        }
        let end = machine.state();
        assert!(outcomes.contains(&end), "{end:#?}");
    }
}

fn those_who_do_not_wait_name_who_works(machine: &dyn Machine) {
    let outcomes = outcomes(machine);
    let mut refused = 0;
    for _ in 0..5 {
        let said = crowd(machine, 20, &[]);
        assert!(
            said.iter().any(|(deed, said)| *deed != ["status"] && said.code == Some(0)),
            "nobody worked: {said:#?}"
        );
        for (deed, said) in said {
            if said.code == Some(6) {
                assert!(said.stderr.contains("error: another qus is at work here, process "), "{deed:?}: {said:#?}");
                refused += 1;
            } else {
                assert_eq!(said.code, Some(0), "{deed:?}: {said:#?}");
            }
        }
        let end = machine.state();
        assert!(outcomes.contains(&end), "{end:#?}");
    }
    assert!(refused > 0, "nobody met anybody");
}

const FROM_NOTHING: Scenario = Scenario { name: "a crowd", before: NOTHING, command: &[] };

#[test]
fn twenty_at_once_in_an_image_all_finish_when_they_wait() {
    all_finish_when_they_wait(&InImage::new(&FROM_NOTHING));
}

#[test]
fn twenty_at_once_with_the_kernels_table_all_finish_when_they_wait() {
    all_finish_when_they_wait(&OnKernel::new(&FROM_NOTHING));
}

#[test]
fn of_twenty_at_once_who_do_not_wait_those_refused_name_who_works() {
    those_who_do_not_wait_name_who_works(&InImage::new(&FROM_NOTHING));
    those_who_do_not_wait_name_who_works(&OnKernel::new(&FROM_NOTHING));
}
