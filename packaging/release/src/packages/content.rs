//! What packages hold, whatever their format.

use std::fmt::Write;
use std::path::{Path, PathBuf};

use qus::dropin::packaged;
use qus::host::Host;
use qus::moment::Moment;
use qus::release::{Linked, Source};
use qus::target::Target;

use super::version::PackageVersion;
use super::words;

/// Where people read about qus.
pub(super) const HOMEPAGE: &str = env!("CARGO_PKG_REPOSITORY");

/// The program that the emulators are registered by, and its package.
pub(super) const TOOL: &str = "qus";

/// The first version of it that has `qus packaged`, which the packages' scripts call.
const TOOL_SINCE: &str = "0.1.0";

/// The package that depends on the others.
pub(super) const ALL: &str = "qus-emulators";

/// What all packages of one run share.
pub(super) struct Edition {
    /// What their programs run on.
    pub(super) host: Host,
    /// Their version.
    pub(super) version: PackageVersion,
    /// When they were made, as far as anybody can see.
    pub(super) date: Moment,
    /// Who answers for them: `NAME <ADDRESS>`.
    pub(super) maintainer: String,
    /// Where the emulators came from.
    pub(super) sources: Vec<Source>,
}

/// A package.
pub(super) struct Package {
    /// Its name.
    pub(super) name: String,
    /// What it is, in less than 80 characters.
    pub(super) summary: String,
    /// What it is, in paragraphs.
    pub(super) description: Vec<String>,
    /// What it needs.
    pub(super) depends: Vec<Needed>,
    /// What it is good to have beside.
    pub(super) recommends: Vec<&'static str>,
    /// What it is all about, but for its documentation.
    pub(super) files: Vec<File>,
    /// The target that its scripts register, if it has any.
    pub(super) target: Option<Target>,
}

/// A package that another needs.
pub(super) struct Needed {
    /// Its name.
    pub(super) name: String,
    /// The first version that will do, if not any will.
    pub(super) since: Option<&'static str>,
}

/// A file.
pub(super) struct File {
    /// Where it is to lie, without a slash at its start.
    pub(super) path: String,
    /// Its permissions.
    pub(super) mode: u32,
    /// What it holds.
    pub(super) content: Content,
}

/// What a file holds.
pub(super) enum Content {
    /// This.
    Text(String),
    /// These.
    Bytes(Vec<u8>),
    /// The same as this file, of that many bytes.
    Emulator(PathBuf, u64),
}

impl Package {
    /// The emulator of `target`, which lies at `file`.
    pub(super) fn emulator(target: Target, file: &Path, size: u64, edition: &Edition) -> Package {
        let Edition { host, version, .. } = edition;
        let platform = target.oci().map_or(String::new(), |oci| format!(" (in containers: {oci})"));
        let mut description = vec![
            format!(
                "This is QEMU {}'s emulator of Linux programs that were built for {target}{platform}. Together with \
                 qus it makes the machine run them as if they were its own: in a shell, in a chroot, in a container, \
                 and again after each boot.",
                version.qemu()
            ),
            "It is statically linked: it is found in every root directory, and needs no other file there.".to_owned(),
        ];
        if words::runs_itself(*host, target) {
            description.push(format!(
                "Most {} machines run such programs by themselves, and faster. This package is for those that do not.",
                words::debian(*host)
            ));
        }
        let relative = |path: &str| path.trim_start_matches('/').to_owned();
        let files = vec![
            File {
                path: relative(packaged::emulator(target).as_str()),
                mode: 0o755,
                content: Content::Emulator(file.to_owned(), size),
            },
            File {
                path: relative(packaged::path(target).as_str()),
                mode: 0o644,
                content: Content::Text(packaged::text(target)),
            },
        ];
        Package {
            name: packaged::package(target),
            summary: format!("QEMU emulator of {target} programs, for qus"),
            description,
            depends: vec![Needed { name: TOOL.to_owned(), since: Some(TOOL_SINCE) }],
            recommends: vec!["systemd"],
            files,
            target: Some(target),
        }
    }

    /// The package that brings the emulators of all `targets` that the host does not run by itself.
    pub(super) fn all(targets: impl Iterator<Item = Target>, edition: &Edition) -> Package {
        let foreign = targets.filter(|target| !words::runs_itself(edition.host, *target));
        Package {
            name: ALL.to_owned(),
            summary: "QEMU emulators of all other architectures, for qus".to_owned(),
            description: vec![format!(
                "This metapackage brings the emulators of every architecture whose programs {} machines do not run by \
                 themselves. It holds nothing itself.",
                words::debian(edition.host)
            )],
            depends: foreign.map(|target| Needed { name: packaged::package(target), since: None }).collect(),
            recommends: Vec::new(),
            files: Vec::new(),
            target: None,
        }
    }

    /// One of its scripts, if it has any.
    pub(super) fn script(&self, text: &str) -> Option<String> {
        self.target.map(|target| text.replace("@TARGET@", target.name()))
    }

    /// Whose the files are, in the form that Debian asks for (copyright-format 1.0).
    pub(super) fn copyright(edition: &Edition) -> String {
        let mut origin = String::new();
        // Emulators that came in a folder have no package, and bear our own name of the host.
        let (host, debian) = (edition.host, words::debian(edition.host));
        for Source { package, version, sha256, source, linked, .. } in
            edition.sources.iter().filter(|source| [debian, host.name()].contains(&source.architecture.as_str()))
        {
            // A String takes everything that is written to it.
            let _ = write!(
                origin,
                "\n .\n It came unchanged from the package {package} {version}, of SHA-256\n {sha256};\n \
                 its complete source, with the licences of its parts, is at\n {source}"
            );
            if !linked.is_empty() {
                origin.push_str(
                    "\n .\n Its build says what is linked into it; their sources, with their licences, are at",
                );
            }
            for Linked { package, version, source } in linked {
                let _ = write!(origin, "\n {package} {version}: {source}");
            }
        }
        let indented = |line: &str| if line.is_empty() { " .".to_owned() } else { format!(" {line}") };
        // Behind its title and whose it is, which stand in fields of their own.
        let mit: Vec<String> = include_str!("../../../../LICENSE-MIT").lines().skip(4).map(indented).collect();
        include_str!("copyright").replace("@ORIGIN@", &origin).replace("@MIT@", &mit.join("\n"))
    }

    /// What is to be told of this version: each is made of one release, and of nothing before it.
    pub(super) fn change(edition: &Edition) -> String {
        format!("Emulators of QEMU {}.", edition.version.qemu())
    }
}
