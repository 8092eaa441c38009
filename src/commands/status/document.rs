//! The machine's status as a document: a promise to others.

use std::collections::BTreeMap;

use serde::Serialize;

use super::super::advisories::{self, Fault};
use crate::channel::Channel;
use crate::dropin::{self, packaged};
use crate::entry::{Entry, UnknownEntry};
use crate::hex::Sha256;
use crate::host::Host;
use crate::moment::Moment;
use crate::news::News;
use crate::observed::{Binfmt, FileState, Observed, State, Unreachable};
use crate::owner::Owner;
use crate::place::{Keeper, Place};
use crate::receipt::Installed;
use crate::rule::KernelVersion;
use crate::target::Target;
use crate::trust::Memory;
use crate::version::Version;

/// `qus status --json`: a promise to others.
#[derive(Debug, Serialize)]
pub(super) struct Document {
    pub(super) schema: u32,
    pub(super) host: HostStatus,
    pub(super) targets: Vec<TargetStatus>,
    /// Entries of the kernel that belong to none of the targets.
    pub(super) others: Vec<EntryStatus>,
    /// Entries of a kind that this version does not know.
    pub(super) unknown: Vec<UnknownEntry>,
    /// What was last heard of repositories.
    pub(super) news: Vec<NewsStatus>,
    /// Known faults of what is installed.
    pub(super) advisories: Vec<Fault>,
}

/// What was last heard of a repository.
#[derive(Debug, Serialize)]
pub(super) struct NewsStatus {
    pub(super) repository: String,
    pub(super) issued: Moment,
    pub(super) expires: Moment,
    pub(super) expired: bool,
}

#[derive(Debug, Serialize)]
pub(super) struct HostStatus {
    pub(super) architecture: Host,
    /// The running kernel; none for an image, which will be booted by another.
    pub(super) kernel: Option<String>,
    pub(super) binfmt_misc: &'static str,
    /// Why its table is not to be had, if it is not.
    pub(super) unreachable: Option<Unreachable>,
    /// With whom the kernel's entries stay, if there is a table.
    pub(super) keeper: Option<Keeper>,
    #[serde(flatten)]
    pub(super) place: Place,
}

#[derive(Debug, Serialize)]
pub(super) struct TargetStatus {
    pub(super) target: Target,
    pub(super) oci: Option<&'static str>,
    pub(super) state: State,
    /// Whether the machine runs its programs by itself, whatever is registered.
    pub(super) native: bool,
    pub(super) installed: Option<InstalledStatus>,
    pub(super) dropin: Option<DropinStatus>,
    /// The package that brought an emulator, if one did; what is downloaded goes before it.
    pub(super) package: Option<PackageStatus>,
    /// The entry of the target: qus's, else the one of the usual name, else the one that answers.
    pub(super) entry: Option<EntryStatus>,
    /// Name of the entry that the kernel uses for the target's usual programs.
    pub(super) runs: Option<String>,
    /// Whose entry is to go before qus's, if that was settled.
    pub(super) preferred: Option<String>,
    /// Names of others that it uses for some of the target's programs.
    pub(super) runs_some: Vec<String>,
    /// Whose rule answers after a boot, as configured.
    pub(super) boot: Option<BootStatus>,
}

#[derive(Debug, Serialize)]
pub(super) struct InstalledStatus {
    pub(super) version: Version,
    pub(super) path: String,
    sha256: Sha256,
    repository: String,
    /// The channel that `update` follows.
    pub(super) channel: Channel,
    /// Whether it is the one that is followed where nothing was chosen.
    #[serde(skip)]
    pub(super) usual_channel: bool,
    pub(super) pinned: bool,
    /// Why its repository withdrew it, if it did.
    pub(super) withdrawn: Option<String>,
    /// Whether its repository revoked it.
    pub(super) revoked: bool,
    /// The versions that are kept, the one used last first.
    pub(super) previous: Vec<Version>,
    /// Those of them that were revoked.
    pub(super) previous_revoked: Vec<Version>,
}

#[derive(Debug, Serialize)]
pub(super) struct PackageStatus {
    pub(super) name: String,
    /// Its version, where its manager says so.
    pub(super) version: Option<String>,
    path: String,
    /// Whether the system reads its rule at boot: `ok`, `hidden` by qus's own drop-in, `masked`, `missing`, `foreign`.
    pub(super) dropin: &'static str,
}

#[derive(Debug, Serialize)]
pub(super) struct DropinStatus {
    pub(super) path: String,
    pub(super) state: &'static str,
}

#[derive(Debug, Serialize)]
pub(super) struct BootStatus {
    pub(super) path: String,
    pub(super) owner: Owner,
}

#[derive(Clone, Debug, Serialize)]
pub(super) struct EntryStatus {
    pub(super) name: String,
    pub(super) enabled: bool,
    pub(super) interpreter: String,
    pub(super) flags: String,
    pub(super) owner: Owner,
}

impl Document {
    /// What was observed, of `targets`.
    pub(super) fn of(
        observed: &Observed,
        targets: &[Target],
        usual: &Channel,
        news: &News,
        memory: &Memory,
        versions: &BTreeMap<String, String>,
        now: Moment,
    ) -> Document {
        let table = observed.binfmt.table();
        Document {
            schema: 1,
            host: HostStatus {
                architecture: observed.host,
                kernel: (observed.kernel != KernelVersion::NEWEST).then(|| observed.kernel.to_string()),
                binfmt_misc: describe_binfmt(&observed.binfmt),
                unreachable: match observed.binfmt {
                    Binfmt::Unreachable(why) => Some(why),
                    _ => None,
                },
                keeper: table.map(|table| table.keeper),
                place: observed.place.clone(),
            },
            targets: targets.iter().map(|target| status_of(*target, observed, usual, news, versions)).collect(),
            others: others(observed),
            unknown: table.map(|table| table.unknown.clone()).unwrap_or_default(),
            news: memory
                .repositories
                .iter()
                .map(|(repository, seen)| NewsStatus {
                    repository: repository.clone(),
                    issued: seen.issued,
                    expires: seen.expires,
                    expired: now >= seen.expires,
                })
                .collect(),
            advisories: {
                let downloaded = advisories::of(targets.iter().copied(), observed, news);
                [downloaded, advisories::of_packages(targets, versions, observed, news)].concat()
            },
        }
    }
}

fn describe_binfmt(binfmt: &Binfmt) -> &'static str {
    match binfmt {
        Binfmt::NotAsked => "not looked at",
        Binfmt::Mounted(table) if table.enabled => "enabled",
        Binfmt::Mounted(_) => "disabled",
        Binfmt::Unreachable(Unreachable::NotInKernel | Unreachable::NotLoaded | Unreachable::Wsl1) => {
            "not in the kernel"
        }
        Binfmt::Mountable | Binfmt::Unreachable(_) => "not mounted",
    }
}

fn status_of(
    target: Target,
    observed: &Observed,
    usual: &Channel,
    news: &News,
    versions: &BTreeMap<String, String>,
) -> TargetStatus {
    let installed = observed.receipt.targets.get(&target);
    let table = observed.binfmt.table();
    let answering = table.filter(|table| table.enabled).map(|table| table.answering(target)).unwrap_or_default();
    let usually = || table.and_then(|table| table.entry_of(target));
    let entry = observed.ours(target).or_else(usually).or(answering.first().copied());
    let mut names = answering.iter().map(|entry| entry.name().to_string());
    TargetStatus {
        target,
        oci: target.oci(),
        state: observed.state(target),
        native: observed.native.contains(&target),
        installed: installed.map(|installed| installed_status(installed, usual, news)),
        dropin: dropin_of(target, installed, observed),
        package: package_of(target, observed, versions),
        entry: entry.map(|entry| entry_status(entry, observed)),
        runs: names.next(),
        runs_some: names.collect(),
        preferred: installed.and_then(|installed| Some(installed.yields.as_ref()?.word.clone())),
        boot: observed
            .configuration
            .winner(target)
            .map(|(file, rule)| BootStatus { path: file.path.to_string(), owner: Owner::of_rule(file, rule) }),
    }
}

fn installed_status(installed: &Installed, usual: &Channel, news: &News) -> InstalledStatus {
    let Installed { version, repository, .. } = installed;
    let channel = installed.channel.as_ref().unwrap_or(usual);
    InstalledStatus {
        version: version.clone(),
        path: installed.path.to_string(),
        sha256: installed.sha256,
        repository: repository.clone(),
        channel: channel.clone(),
        usual_channel: channel == usual,
        pinned: installed.pinned,
        withdrawn: news.withdrawn(repository, version).map(str::to_owned),
        revoked: news.revoked(repository, &installed.sha256),
        previous: installed.previous.iter().map(|kept| kept.version.clone()).collect(),
        previous_revoked: {
            let kept = installed.previous.iter().filter(|kept| news.revoked(&kept.repository, &kept.sha256));
            kept.map(|kept| kept.version.clone()).collect()
        },
    }
}

fn entry_status(entry: &Entry, observed: &Observed) -> EntryStatus {
    EntryStatus {
        name: entry.name().to_string(),
        enabled: entry.enabled,
        interpreter: entry.rule.interpreter.clone(),
        flags: entry.rule.flags.to_string(),
        owner: observed.owner(entry),
    }
}

fn others(observed: &Observed) -> Vec<EntryStatus> {
    let entries = observed.binfmt.table().map(|table| table.entries.as_slice()).unwrap_or_default();
    let of_target = |entry: &&Entry| Target::all().any(|target| entry.rule.pattern.takes(target));
    entries.iter().filter(|entry| !of_target(entry)).map(|entry| entry_status(entry, observed)).collect()
}

fn package_of(target: Target, observed: &Observed, versions: &BTreeMap<String, String>) -> Option<PackageStatus> {
    let emulator = observed.packaged.emulators.get(&target)?;
    let name = packaged::package(target);
    let link = packaged::link(target);
    let read = observed.configuration.files.iter().find(|file| file.name() == link.name());
    let own = observed.receipt.targets.get(&target).and_then(|installed| installed.dropin.as_ref());
    let dropin = match (observed.packaged.links.get(&target), read) {
        (None, _) => "missing",
        (Some(_), _) if !observed.packaged.is_linked(target) => "foreign",
        (Some(_), Some(read)) if read.path == link => "ok",
        (Some(_), Some(read)) if Some(&read.path) == own => "hidden",
        (Some(_), _) => "masked",
    };
    let version = versions.get(&name).cloned();
    Some(PackageStatus { version, path: emulator.rule.interpreter.clone(), dropin, name })
}

fn dropin_of(target: Target, installed: Option<&Installed>, observed: &Observed) -> Option<DropinStatus> {
    let path = installed.map_or_else(|| Some(dropin::path(target)), |installed| installed.dropin.clone())?;
    let state = match (observed.files.get(&path), installed) {
        (None, None) => return None,
        (None, Some(_)) => "missing",
        (Some(FileState::Text(text)), Some(installed)) if *text == dropin::text(&installed.rule) => "ok",
        (Some(FileState::Link(to)), _) if to == "/dev/null" => "masked",
        _ => "foreign",
    };
    Some(DropinStatus { path: path.to_string(), state })
}
