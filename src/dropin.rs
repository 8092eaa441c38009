//! Drop-ins: the `binfmt.d` files that make systemd-binfmt register a rule at every boot.

use crate::rooted::RootedPath;
use crate::rule::{Flags, KernelVersion, Match, Rule};
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

/// What emulator packages bring, and where: names of packages, of their files, and of the link that is no file of
/// theirs.
pub mod packaged {
    use super::{Flags, KernelVersion, Match, RootedPath, Rule, Target};

    /// Where packages' drop-ins are read from at boot.
    pub const DIRECTORY: &str = "/usr/lib/binfmt.d";

    /// Name of the package of `target`. Neither Debian's names nor RPM's like `_`.
    pub fn package(target: Target) -> String {
        format!("qus-emulator-{}", target.name().replace('_', "-"))
    }

    /// The emulator. Below `/usr/libexec`, so that SELinux calls it `bin_t`.
    pub fn emulator(target: Target) -> RootedPath {
        RootedPath::from_trusted(format!("/usr/libexec/qus/{}", target.emulator()))
    }

    /// The rule, as the package brings it. Nothing reads it there: a file that came and went below [`DIRECTORY`] itself
    /// would fire systemd's triggers of dpkg and of RPM, which drop everybody's entries.
    pub fn path(target: Target) -> RootedPath {
        RootedPath::from_trusted(format!("/usr/share/qus/binfmt.d/{}", file_name(target)))
    }

    /// Where a link makes systemd-binfmt read the rule at boot. A drop-in of what qus downloaded has the same name in
    /// `/etc/binfmt.d`, and so wins.
    pub fn link(target: Target) -> RootedPath {
        RootedPath::from_trusted(format!("{DIRECTORY}/{}", file_name(target)))
    }

    /// What the link holds: relative, so that it is right in an image too.
    pub fn link_content(target: Target) -> String {
        format!("../../share/qus/binfmt.d/{}", file_name(target))
    }

    /// The rule of the packaged emulator, for kernels from Linux 5.12 on.
    ///
    /// # Panics
    ///
    /// Never: the path of every target's emulator is one that the kernel takes.
    pub fn rule(target: Target) -> Rule {
        let flags = Flags::for_kernel(KernelVersion(5, 12), false);
        match Rule::new(target, Match::Elf, emulator(target).as_str(), flags) {
            Ok(rule) => rule,
            Err(error) => panic!("{error}"),
        }
    }

    /// What the packaged drop-in holds.
    pub fn text(target: Target) -> String {
        let (package, link, rule) = (package(target), link(target), rule(target).line());
        format!(
            "# Of the package {package}. To do without it at boot: ln -s /dev/null /etc/binfmt.d/{}\n{rule}\n",
            link.name()
        )
    }

    /// What a file of qus's own says in the place of the link where the kernel is older than Linux 5.12: of flag `P`
    /// QEMU would not learn there, and take every argument for the one before it.
    pub fn text_for_older_kernels(target: Target) -> String {
        let rule = Rule { flags: Flags::for_kernel(KernelVersion(5, 11), false), ..rule(target) };
        let package = package(target);
        format!("# Of the package {package}, for Linux before 5.12. Written by qus.\n{}\n", rule.line())
    }

    /// Whether an interpreter is one that a package of emulators brings.
    pub fn is_emulator(interpreter: &str) -> bool {
        interpreter.starts_with("/usr/libexec/qus/")
    }

    /// The target whose packaged drop-in has this name.
    pub fn target_of(name: &str) -> Option<Target> {
        Target::all().find(|target| file_name(*target) == name)
    }

    fn file_name(target: Target) -> String {
        format!("qus-{target}.conf")
    }
}

fn named(prefix: &str, target: Target) -> RootedPath {
    RootedPath::from_trusted(format!("{DIRECTORY}/{prefix}{target}.conf"))
}
