//! Whose an entry or a rule is: everybody who is known to register programs with binfmt_misc.
//!
//! A name is no proof of ownership, and the kernel keeps none. What tells owners apart is what they are known to write:
//! the interpreter's path first, then the file that configures it, then name and flags.

use serde::Serialize;

use crate::configuration::{Configuration, DropIn, SUPPORT};
use crate::dropin::packaged;
use crate::entry::Entry;
use crate::rooted::RootedPath;
use crate::rule::{Flags, Rule};
use crate::target::Target;

/// Somebody who registers programs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
#[expect(missing_docs, reason = "`title` says who each is")]
pub enum Owner {
    Qus,
    Package,
    Debian,
    BinfmtSupport,
    Fedora,
    Opensuse,
    Arch,
    Alpine,
    Nixos,
    Docker,
    Multiarch,
    Fex,
    Box64,
    Rosetta,
    BinfmtDispatcher,
    Wine,
    Java,
    Mono,
    Python,
    Wsl,
    Unknown,
}

/// How an owner's entry is dealt with when qus installs a target that it takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stance {
    /// qus wins, says so, and gives back what it displaced.
    Win,
    /// Somebody chose it on purpose: qus asks first.
    Ask,
}

impl Owner {
    /// Every owner that can be named.
    pub const ALL: [Owner; 20] = [
        Owner::Qus,
        Owner::Package,
        Owner::Debian,
        Owner::BinfmtSupport,
        Owner::Fedora,
        Owner::Opensuse,
        Owner::Arch,
        Owner::Alpine,
        Owner::Nixos,
        Owner::Docker,
        Owner::Multiarch,
        Owner::Fex,
        Owner::Box64,
        Owner::Rosetta,
        Owner::BinfmtDispatcher,
        Owner::Wine,
        Owner::Java,
        Owner::Mono,
        Owner::Python,
        Owner::Wsl,
    ];

    /// One word, as `status --json` has it and `prefer` takes it.
    pub fn id(self) -> &'static str {
        match self {
            Owner::Qus => "qus",
            Owner::Package => "package",
            Owner::Debian => "debian",
            Owner::BinfmtSupport => "binfmt-support",
            Owner::Fedora => "fedora",
            Owner::Opensuse => "opensuse",
            Owner::Arch => "arch",
            Owner::Alpine => "alpine",
            Owner::Nixos => "nixos",
            Owner::Docker => "docker",
            Owner::Multiarch => "multiarch",
            Owner::Fex => "fex",
            Owner::Box64 => "box64",
            Owner::Rosetta => "rosetta",
            Owner::BinfmtDispatcher => "binfmt-dispatcher",
            Owner::Wine => "wine",
            Owner::Java => "java",
            Owner::Mono => "mono",
            Owner::Python => "python",
            Owner::Wsl => "wsl",
            Owner::Unknown => "unknown",
        }
    }

    /// Who that is, for people.
    pub fn title(self) -> &'static str {
        match self {
            Owner::Qus => "qus",
            Owner::Package => "a package of emulators (qus-emulator-TARGET)",
            Owner::Debian => "Debian's or Ubuntu's qemu-user",
            Owner::BinfmtSupport => "binfmt-support (update-binfmts)",
            Owner::Fedora => "Fedora's qemu-user-static",
            Owner::Opensuse => "openSUSE's qemu-linux-user",
            Owner::Arch => "Arch's qemu-user-static-binfmt",
            Owner::Alpine => "Alpine's qemu-openrc",
            Owner::Nixos => "NixOS's boot.binfmt",
            Owner::Docker => "a container image (Docker Desktop, tonistiigi/binfmt)",
            Owner::Multiarch => "a container image (multiarch/qemu-user-static, dbhi/qus)",
            Owner::Fex => "FEX",
            Owner::Box64 => "box64",
            Owner::Rosetta => "Rosetta",
            Owner::BinfmtDispatcher => "binfmt-dispatcher",
            Owner::Wine => "Wine",
            Owner::Java => "Java",
            Owner::Mono => "Mono",
            Owner::Python => "Python",
            Owner::Wsl => "Windows (WSL)",
            Owner::Unknown => "somebody unknown",
        }
    }

    /// How to deal with it.
    pub fn stance(self) -> Stance {
        match self {
            Owner::Fex | Owner::Box64 | Owner::Rosetta | Owner::BinfmtDispatcher | Owner::Unknown => Stance::Ask,
            _ => Stance::Win,
        }
    }

    /// Whose an entry is, where the system is configured like that. `there` tells whether an
    /// interpreter's file is to be found here.
    pub fn of_entry(entry: &Entry, configuration: &Configuration, there: bool) -> Owner {
        let rule = &entry.rule;
        if let Some(file) = configuration.source(entry) {
            return Owner::of_rule(file, rule);
        }
        if let Some(owner) = by_interpreter(rule) {
            return owner;
        }
        by_flags(rule, there, configuration.openrc)
    }

    /// Whose a rule in a file is.
    pub fn of_rule(file: &DropIn, rule: &Rule) -> Owner {
        if let Some(owner) = by_interpreter(rule) {
            return owner;
        }
        if file.path.is_below(&RootedPath::from_trusted(SUPPORT)) {
            return Owner::BinfmtSupport;
        }
        let vendor = file.path.is_below(&RootedPath::from_trusted("/usr/lib/binfmt.d"));
        let Some(target) = target_of(rule).filter(|_| vendor) else { return Owner::Unknown };
        let bare = rule.interpreter == format!("/usr/bin/qemu-{target}");
        let is = |letters: &str| rule.flags == Flags::sorted(letters);
        // What each distribution's package writes, by the names and flags of its files.
        match (file.name().trim_end_matches(".conf").strip_prefix(&format!("qemu-{target}")), bare) {
            (Some(""), true) if is("POF") || is("POCF") => Owner::Debian,
            (Some(""), _) if is("PF") => Owner::Opensuse,
            (Some("-static"), false) if is("PF") => Owner::Arch,
            (Some("-static"), false) | (Some("-dynamic"), true) => Owner::Fedora,
            _ => Owner::Unknown,
        }
    }
}

/// The target that an entry's name speaks of, as everybody names them.
fn target_of(rule: &Rule) -> Option<Target> {
    let name = rule.name.as_str().strip_prefix("qemu-")?;
    Target::all().find(|target| target.name() == name)
}

/// Those who are known by what they run, whatever they call it.
fn by_interpreter(rule: &Rule) -> Option<Owner> {
    let (interpreter, name) = (rule.interpreter.as_str(), rule.name.as_str());
    let program = interpreter.rsplit('/').next().unwrap_or_default();
    let below = |directory: &str| interpreter.starts_with(directory);
    Some(match program {
        _ if below("/usr/local/lib/qus/bin/") || interpreter.contains("/.local/lib/qus/bin/") => Owner::Qus,
        _ if packaged::is_emulator(interpreter) => Owner::Package,
        _ if below("/usr/libexec/qemu-binfmt/") => Owner::Debian,
        _ if below("/usr/lib/binfmt-support/") => Owner::BinfmtSupport,
        _ if below("/run/binfmt/") => Owner::Nixos,
        "FEX" | "FEXInterpreter" | "FEXLoader" => Owner::Fex,
        "box64" | "box86" | "box32" => Owner::Box64,
        "rosetta" => Owner::Rosetta,
        "binfmt-dispatcher" => Owner::BinfmtDispatcher,
        "init" if interpreter == "/init" && name.starts_with("WSLInterop") => Owner::Wsl,
        "jarwrapper" | "jexec" | "java" | "javaws" => Owner::Java,
        "mono" | "cli" => Owner::Mono,
        _ if program.starts_with("wine") => Owner::Wine,
        _ if program.starts_with("python") || program.starts_with("pypy") => Owner::Python,
        _ => return None,
    })
}

/// What is left is told apart by what registrars without files are known to write.
fn by_flags(rule: &Rule, there: bool, openrc: bool) -> Owner {
    let Some(target) = target_of(rule) else { return Owner::Unknown };
    let bare = rule.interpreter == format!("/usr/bin/qemu-{target}");
    let with_suffix = rule.interpreter == format!("/usr/bin/qemu-{target}-static");
    match (bare, with_suffix) {
        // Docker's tools always set `C`, from inside an image; Alpine's script does, for files of the system. Such a
        // file alone proves nothing: Fedora's qemu-user has it too, beside containers of Docker's.
        (true, _) if rule.flags.has('C') && rule.flags.has('F') => {
            if there && openrc {
                Owner::Alpine
            } else {
                Owner::Docker
            }
        }
        (_, true) if !there => Owner::Multiarch,
        _ => Owner::Unknown,
    }
}
