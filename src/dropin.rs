//! Drop-ins: the `binfmt.d` files that make systemd-binfmt register a rule at every boot.

use crate::rooted::RootedPath;
use crate::rule::Rule;
use crate::target::Target;

/// Where an administrator's drop-ins lie: they come before `/run` and `/usr/lib`.
pub const DIRECTORY: &str = "/etc/binfmt.d";

/// What the names of our drop-ins begin with, in the order in which they sort. `qus-` sorts after every distribution's
/// `qemu-*`, and systemd-binfmt registers in the order of the names: the last one wins. The others are for
/// neighbours that must win, or must not.
const PREFIXES: [&str; 5] = ["00-qus-", "qus-", "zz-qus-", "zzzz-qus-", "zzzzzzzz-qus-"];

/// Path of our drop-in of `target`, where nobody else's decides otherwise.
pub fn path(target: Target) -> RootedPath {
    named("qus-", target)
}

/// Path of one that sorts after a file of this name, if there is any.
pub fn after(target: Target, name: &str) -> Option<RootedPath> {
    PREFIXES[1..].iter().map(|prefix| named(prefix, target)).find(|path| path.name() > name)
}

/// Path of one that sorts before a file of this name, if there is any.
pub fn before(target: Target, name: &str) -> Option<RootedPath> {
    [PREFIXES[1], PREFIXES[0]].iter().map(|prefix| named(prefix, target)).find(|path| path.name() < name)
}

/// Whether it is a path of a drop-in of ours, for `target`.
pub fn is_ours(path: &RootedPath, target: Target) -> bool {
    PREFIXES.iter().any(|prefix| named(prefix, target) == *path)
}

/// Where a drop-in is put aside that somebody changed, and nothing lies yet: systemd-binfmt reads only what ends in
/// `.conf`.
pub fn aside(path: &RootedPath, is_taken: impl Fn(&RootedPath) -> bool) -> RootedPath {
    let mut aside = RootedPath::from_trusted(format!("{path}{ASIDE}"));
    let mut number = 2;
    while is_taken(&aside) {
        aside = RootedPath::from_trusted(format!("{path}{ASIDE}.{number}"));
        number += 1;
    }
    aside
}

/// Whether a path is one of those.
pub fn is_aside(path: &RootedPath) -> bool {
    path.name().contains(&format!(".conf{ASIDE}"))
}

const ASIDE: &str = ".saved";

/// What the drop-in holds.
pub fn text(rule: &Rule) -> String {
    format!("# Written by qus; \"qus remove\" takes it away again. See binfmt.d(5).\n{}\n", rule.line())
}

fn named(prefix: &str, target: Target) -> RootedPath {
    RootedPath::from_trusted(format!("{DIRECTORY}/{prefix}{target}.conf"))
}
