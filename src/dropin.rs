//! Drop-ins: the `binfmt.d` files that make systemd-binfmt register a rule at every boot.

use crate::rooted::RootedPath;
use crate::rule::Rule;
use crate::target::Target;

/// Where an administrator's drop-ins lie: they come before `/run` and `/usr/lib`.
pub const DIRECTORY: &str = "/etc/binfmt.d";

/// Path of our drop-in of `target`. `qus-*` sorts after every distribution's `qemu-*`, and
/// systemd-binfmt registers in the order of the names: the last one wins.
pub fn path(target: Target) -> RootedPath {
    RootedPath::from_trusted(format!("{DIRECTORY}/qus-{target}.conf"))
}

/// What the drop-in holds.
pub fn text(rule: &Rule) -> String {
    format!("# Written by qus; \"qus remove\" takes it away again. See binfmt.d(5).\n{}\n", rule.line())
}
