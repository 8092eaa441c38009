//! `register.sh`.

use crate::support::real::Emulators;
use crate::support::sandbox::Sandbox;
use crate::support::table_of_the_book::walk;

const BOOK: &str = include_str!("../../docs/tongues/register.sh.md");

/// A machine on which qus is called `register.sh`, with emulators in `/usr/bin`.
fn machine(emulators: &Emulators) -> Sandbox {
    let machine = Sandbox::new();
    machine.call_it(&["qus", "register.sh"]);
    machine.shell(&(emulators.link("/usr/bin", "-static") + &emulators.link("/usr/bin", ""))).expect(0, &[]);
    machine
}

#[test]
fn every_row_of_the_book_is_as_it_says() {
    let emulators = Emulators::of(&["aarch64", "arm", "hexagon", "riscv64"]);
    walk(BOOK, || machine(&emulators));
}
