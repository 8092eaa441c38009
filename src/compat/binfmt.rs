//! `binfmt of tonistiigi and linuxkit`.

use crate::exit::Exit;
use crate::moment::Moment;
use crate::system::environment::Environment;

pub(super) fn run(_words: &[String], _environment: &Environment, _now: Moment) -> Exit {
    Exit::Usage
}
