//! The plans of `qus self-update`.

use thiserror::Error;

use super::{Plan, Step};
use crate::conflict::Conflict;
use crate::exit::{Exit, Explain};
use crate::host::Host;
use crate::itself::{Provenance, ToolObserved};
use crate::news::News;
use crate::release::{TOOL_MEMBER, Tool, ToolArchive};
use crate::rooted::RootedPath;
use crate::tool::{Previous, ToolReceipt, compare, is_prerelease};
use crate::version::Version;

/// Room that a change needs beside the programs, for directories and documents.
const SPARE: u64 = 1024 * 1024;

/// What a repository offers of qus.
#[derive(Debug)]
pub struct ToolOffer<'a> {
    /// The versions in the verified index.
    pub tools: &'a [Tool],
    /// URL of the repository.
    pub repository: &'a str,
    /// What to remember of the repository from now on.
    pub trust: String,
    /// What that says of versions, and of what is revoked.
    pub news: News,
    /// Whether versions to try out are offered too: the channel `edge`.
    pub prereleases: bool,
}

impl ToolOffer<'_> {
    /// Fails if nobody is to have `archive` of `tool`.
    fn check(&self, tool: &Tool, archive: &ToolArchive) -> Result<(), ToolRefusal> {
        let is_revoked = |sha256| self.news.revoked(self.repository, sha256);
        if is_revoked(&archive.program_sha256) || is_revoked(&archive.sha256) {
            return Err(ToolRefusal::Revoked(tool.version.clone()));
        }
        let version = tool.version.clone();
        tool.withdrawn.clone().map_or(Ok(()), |why| Err(ToolRefusal::Withdrawn { version, why }))
    }

    /// Whether this very program was revoked.
    fn has_revoked(&self, observed: &ToolObserved) -> bool {
        self.news.revoked(self.repository, &observed.sha256)
    }
}

/// Which version is wanted.
#[derive(Clone, Debug, Default)]
pub struct ToolWanted {
    /// The one that was named; else the newest.
    pub version: Option<Version>,
    /// Whether it may be older than this one.
    pub allow_downgrade: bool,
}

/// Why qus does not replace itself. Nothing was changed.
#[derive(Debug, PartialEq, Eq, Error)]
#[expect(missing_docs, reason = "each says itself what it means")]
pub enum ToolRefusal {
    #[error("\"{path}\" is managed by {manager}")]
    Managed { path: RootedPath, manager: String, command: String },
    #[error("this qus came with the image of a container ({0})")]
    Container(String),
    #[error("how \"{0}\" was installed is not known, so it is not replaced")]
    Unknown(RootedPath),
    #[error("\"{0}\" is the whole machine's, and not this user's own")]
    OfMachine(RootedPath),
    #[error("\"{0}\" is this user's own, and not the whole machine's")]
    OfUser(RootedPath),
    #[error("\"{0}\" is not the file that qus's own installation put there, so it is not replaced")]
    Changed(RootedPath),
    #[error("the qus that runs here was replaced or removed meanwhile")]
    Gone,
    #[error("an image has no running qus that could be updated")]
    Image,
    #[error("this qus was built without self-update, for a package manager to manage")]
    LeftOut { command: Option<String> },
    #[error("the repository has no qus for host \"{0}\"")]
    NotOffered(Host),
    #[error("the repository has no qus {version} for host \"{host}\"")]
    NoSuchVersion { version: Version, host: Host, versions: Vec<Version> },
    #[error("qus {offered} is offered, older than this {present}")]
    Older { offered: Version, present: Version },
    #[error("qus {version} was withdrawn: {why}")]
    Withdrawn { version: Version, why: String },
    #[error("qus {0} was revoked: nobody is to run it any more")]
    Revoked(Version),
    #[error("no previous qus is kept beside \"{0}\"")]
    NoPrevious(RootedPath),
    #[error("\"{0}\" is not the qus that was replaced last")]
    PreviousChanged(RootedPath),
    #[error(transparent)]
    Place(#[from] Conflict),
}

impl Explain for ToolRefusal {
    fn exit(&self) -> Exit {
        match self {
            ToolRefusal::Managed { .. }
            | ToolRefusal::Container(_)
            | ToolRefusal::Unknown(_)
            | ToolRefusal::OfMachine(_)
            | ToolRefusal::OfUser(_)
            | ToolRefusal::Changed(_)
            | ToolRefusal::LeftOut { .. } => Exit::Managed,
            ToolRefusal::Image => Exit::Usage,
            ToolRefusal::Older { .. } => Exit::Older,
            ToolRefusal::Revoked(_) => Exit::NotAuthentic,
            ToolRefusal::Place(conflict) => conflict.exit(),
            _ => Exit::Failed,
        }
    }

    fn help(&self) -> Option<String> {
        Some(match self {
            ToolRefusal::Managed { command, .. } | ToolRefusal::LeftOut { command: Some(command) } => command.clone(),
            ToolRefusal::LeftOut { command: None } => {
                "use the package manager that installed it: apt install --only-upgrade qus, or dnf upgrade qus".to_owned()
            }
            ToolRefusal::Container(_) => "pull a newer image, and start the container from that".to_owned(),
            ToolRefusal::Unknown(_) | ToolRefusal::Changed(_) => {
                "if cargo installed it: cargo install qus; else remove it, and install it by the repository's script: curl -fsSL URL/install.sh | sudo sh"
                    .to_owned()
            }
            ToolRefusal::OfMachine(_) => "as root, and without --user: sudo qus self-update".to_owned(),
            ToolRefusal::OfUser(_) => "qus self-update --user".to_owned(),
            ToolRefusal::Gone => "type the command again".to_owned(),
            ToolRefusal::Image => "leave out --root".to_owned(),
            ToolRefusal::NotOffered(_) => "name another repository: qus self-update --repository URL".to_owned(),
            ToolRefusal::NoSuchVersion { versions, .. } => {
                let versions: Vec<&str> = versions.iter().map(Version::as_str).collect();
                format!("versions are {}", versions.join(", "))
            }
            ToolRefusal::Older { offered, .. } => format!("to have it all the same: qus self-update --allow-downgrade {offered}"),
            ToolRefusal::Withdrawn { .. } | ToolRefusal::Revoked(_) => {
                "the newest: qus self-update; or another one: qus self-update --allow-downgrade VERSION".to_owned()
            }
            ToolRefusal::NoPrevious(_) | ToolRefusal::PreviousChanged(_) => {
                "name the version to go back to: qus self-update --allow-downgrade VERSION".to_owned()
            }
            ToolRefusal::Place(conflict) => return conflict.help(),
        })
    }
}

/// Fails unless this copy is qus's own to replace; the record of how it came here.
pub fn own(observed: &ToolObserved) -> Result<&ToolReceipt, ToolRefusal> {
    let path = observed.path.clone();
    Err(match &observed.provenance {
        Provenance::Standalone(receipt) => return Ok(receipt),
        Provenance::Package(source) => {
            ToolRefusal::Managed { path, manager: source.manager.clone(), command: source.command.clone() }
        }
        Provenance::Container(kind) => ToolRefusal::Container(kind.clone()),
        Provenance::OfMachine => ToolRefusal::OfMachine(path),
        Provenance::OfUser => ToolRefusal::OfUser(path),
        Provenance::Changed => ToolRefusal::Changed(path),
        Provenance::Gone => ToolRefusal::Gone,
        Provenance::Unknown => ToolRefusal::Unknown(path),
    })
}

/// The archive that is to replace this program; none if there is nothing newer. One that was withdrawn or revoked is never
/// taken; and where this one was revoked, any other is, newer or not.
pub fn newer<'a>(
    wanted: &ToolWanted,
    observed: &ToolObserved,
    offer: &ToolOffer<'a>,
) -> Result<Option<(&'a Version, &'a ToolArchive)>, ToolRefusal> {
    let (host, present) = (observed.host, &observed.version);
    let mut listed: Vec<(&Tool, &ToolArchive)> =
        offer.tools.iter().filter_map(|tool| Some((tool, tool.archive(host)?))).collect();
    listed.sort_by(|(a, _), (b, _)| compare(&a.version, &b.version));
    let offered = listed.iter().filter(|(tool, archive)| offer.check(tool, archive).is_ok());
    let offered: Vec<(&Version, &ToolArchive)> = offered.map(|(tool, archive)| (&tool.version, *archive)).collect();
    let chosen = if let Some(version) = &wanted.version {
        let Some((tool, archive)) = listed.iter().find(|(tool, _)| tool.version == *version) else {
            let versions = offered.iter().map(|(version, _)| (*version).clone()).collect();
            return Err(ToolRefusal::NoSuchVersion { version: version.clone(), host, versions });
        };
        offer.check(tool, archive)?;
        (&tool.version, *archive)
    } else {
        let fit = |version: &Version| offer.prereleases || is_prerelease(present) || !is_prerelease(version);
        match offered.iter().rfind(|(version, _)| fit(version)) {
            Some(newest) => *newest,
            // All that there was is not to be had any more.
            None if offered.len() < listed.len() => return Ok(None),
            None => return Err(ToolRefusal::NotOffered(host)),
        }
    };
    if offer.has_revoked(observed) && chosen.1.program_sha256 != observed.sha256 {
        return Ok(Some(chosen));
    }
    match compare(chosen.0, present) {
        std::cmp::Ordering::Equal => Ok(None),
        std::cmp::Ordering::Less if !wanted.allow_downgrade || wanted.version.is_none() => {
            Err(ToolRefusal::Older { offered: chosen.0.clone(), present: present.clone() })
        }
        _ => Ok(Some(chosen)),
    }
}

/// How to replace this program by the one that is wanted; empty if there is nothing newer.
///
/// # Atomicity
///
/// There is a program at the path at every moment: the present one is copied beside itself, and the new one
/// renamed over it. Until the new one has started from there, everything is undone by renaming the copy back.
pub fn self_update(wanted: &ToolWanted, observed: &ToolObserved, offer: &ToolOffer) -> Result<Plan, ToolRefusal> {
    let receipt = own(observed)?;
    let Some((version, archive)) = newer(wanted, observed, offer)? else { return Ok(Plan::default()) };
    let mut plan = begin(observed, archive.size + 2 * archive.program_size)?;
    plan.push(Step::FetchTool { version: version.clone(), archive: archive.clone(), into: observed.staging() });
    let after = ToolReceipt {
        version: version.clone(),
        sha256: archive.program_sha256,
        repository: offer.repository.to_owned(),
        ..receipt.clone()
    };
    replace(&mut plan, after, receipt, observed);
    if observed.trust.as_deref() != Some(&offer.trust) {
        let (path, before) = (observed.layout.trust(), observed.trust.clone());
        plan.push(Step::PutFile { path, after: Some(offer.trust.clone()), before });
    }
    Ok(plan)
}

/// How to go back to the program that was replaced last, unless `news` has it that it was withdrawn or revoked.
pub fn self_rollback(observed: &ToolObserved, news: &News) -> Result<Plan, ToolRefusal> {
    let receipt = own(observed)?;
    let kept = observed.previous_path();
    let (Some(previous), Some(found)) = (&receipt.previous, observed.previous) else {
        return Err(ToolRefusal::NoPrevious(observed.path.clone()));
    };
    if previous.sha256 != found {
        return Err(ToolRefusal::PreviousChanged(kept));
    }
    let repository = previous.repository.as_ref().unwrap_or(&receipt.repository);
    if news.revoked(repository, &previous.sha256) {
        return Err(ToolRefusal::Revoked(previous.version.clone()));
    }
    if let Some(why) = news.withdrawn_tool(repository, &previous.version) {
        return Err(ToolRefusal::Withdrawn { version: previous.version.clone(), why: why.to_owned() });
    }
    let repository = repository.clone();
    let mut plan = begin(observed, 0)?;
    plan.push(Step::Copy { from: kept, to: observed.staging().join(TOOL_MEMBER) });
    let Previous { version, sha256, .. } = previous.clone();
    replace(&mut plan, ToolReceipt { version, sha256, repository, ..receipt.clone() }, receipt, observed);
    Ok(plan)
}

/// Whether `plan` goes back to the program that was replaced last: what it puts in place is no archive's.
pub fn is_self_rollback(plan: &Plan) -> bool {
    let any = |is: fn(&Step) -> bool| plan.steps.iter().any(|planned| is(&planned.step));
    any(|step| matches!(step, Step::Replace { .. })) && !any(|step| matches!(step, Step::FetchTool { .. }))
}

fn begin(observed: &ToolObserved, needed: u64) -> Result<Plan, ToolRefusal> {
    if let Some(fault) = &observed.fault {
        return Err(Conflict::fault(fault).into());
    }
    let needed = SPARE + needed;
    if observed.space < needed {
        let path = observed.path.parent().unwrap_or_else(|| observed.path.clone());
        return Err(Conflict::Full { path, free: observed.space, needed }.into());
    }
    let mut plan = Plan::default();
    plan.push(Step::MakeDir { path: observed.staging() });
    plan.sweep.push(observed.staging());
    Ok(plan)
}

/// Tries the program that lies ready, and puts it in the place of the present one.
fn replace(plan: &mut Plan, after: ToolReceipt, before: &ToolReceipt, observed: &ToolObserved) {
    let (path, kept, staging) = (observed.path.clone(), observed.previous_path(), observed.staging());
    let (ready, version) = (staging.join(TOOL_MEMBER), after.version.clone());
    plan.push(Step::Try { path: ready.clone(), version: version.clone() });
    if observed.previous.is_some() {
        plan.push(Step::Move { from: kept.clone(), to: staging.join("older") });
    }
    plan.push(Step::Copy { from: path.clone(), to: kept.clone() });
    plan.push(Step::Replace { path: path.clone(), by: ready, kept });
    plan.push(Step::Try { path, version });
    let previous = Previous {
        version: observed.version.clone(),
        sha256: observed.sha256,
        repository: Some(before.repository.clone()),
    };
    let receipt = ToolReceipt { previous: Some(previous), ..after };
    let (path, before) = (observed.layout.tool_receipt(), observed.receipt.clone());
    plan.push(Step::PutFile { path, after: Some(receipt.to_json()), before });
}

/// The version that this program becomes by `plan`, if it is one of these.
pub fn becomes(plan: &Plan) -> Option<&Version> {
    plan.steps.iter().find_map(|planned| match &planned.step {
        Step::Try { version, .. } => Some(version),
        _ => None,
    })
}
