//! A machine whose qus is its own to replace.

use std::process::Command;

use super::machines::{Machine, State};
use super::scenarios::Scenario;
use crate::support::tools::{Standalone, real};

/// Where nothing else lies.
const PATH: &str = "/usr/local/lib/apps/qus";

/// A standalone qus to which a newer one is offered, and a copy of what it was before.
pub(super) struct Itself {
    machine: Standalone,
}

impl Itself {
    pub(super) fn new(scenario: &Scenario) -> Itself {
        let mut machine = Standalone::at(PATH);
        machine.offer("0.9.9", &real("0.9.9"));
        // It would be asked each time whose file it is.
        machine.sandbox.shell("rm -f /usr/bin/rpm").expect(0, &[]);
        let machine = Itself { machine };
        (scenario.before)(&machine);
        let keep = format!("mkdir {0}; cp -a /usr/local/lib/apps /var/lib/qus {0}", machine.kept());
        machine.machine.sandbox.shell(&keep).expect(0, &[]);
        machine
    }

    fn kept(&self) -> String {
        self.machine.image.folder.path().join("kept").display().to_string()
    }
}

impl Machine for Itself {
    fn command(&self, words: &[&str]) -> Command {
        self.machine.sandbox.command(PATH, words)
    }

    fn below(&self) -> String {
        "/usr/local/lib:/var/lib/qus:/etc/qus:/run".to_owned()
    }

    fn state(&self) -> State {
        State { tree: self.machine.tree(), table: String::new() }
    }

    fn restore(&self) {
        let script = format!(
            "rm -rf /usr/local/lib/apps /var/lib/qus /run/*
             cp -a {0}/apps /usr/local/lib/; cp -a {0}/qus /var/lib/",
            self.kept()
        );
        self.machine.sandbox.shell(&script).expect(0, &[]);
    }

    fn samples(&self) -> Option<&'static [usize]> {
        Some(&[0])
    }

    fn write(&self, path: &str, text: &str) {
        self.machine.sandbox.shell(&format!("cat > /{path} <<'END'\n{text}\nEND")).expect(0, &[]);
    }

    fn take(&self, path: &str) {
        self.machine.sandbox.shell(&format!("rm /{path}")).expect(0, &[]);
    }

    fn lay_emulators(&self, directory: &str) {
        panic!("nothing runs emulators in /{directory}: it is qus that is tried")
    }

    fn lay_packages(&self) {
        panic!("no package has a part in it: it is qus that is tried")
    }

    fn offer(&self, index: &str) {
        panic!("\"{index}\" is of emulators: it is qus that is tried")
    }
}
