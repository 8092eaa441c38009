//! `qus-release verify`: a whole repository, as its readers will see it.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::ErrorKind;

use qus::host::Host;
use qus::moment::Moment;
use qus::release::{Form, INDEX_FILE, INDEX_MAX, Index, Release, Tool, ToolArchive};
use qus::target::Target;
use qus::trust::{Anchor, ROOT_MAX, TrustError, root_file, verify_index};
use qus::version::Version;
use thiserror::Error as ThisError;

use crate::archive::{self, BadArchive};
use crate::cli::{VerifyArgs, time};
use crate::error::{Error, failed};
use crate::installer::{self, INSTALLER_FILE};
use crate::repository::{ANCHOR_FILE, Repository, SignedRoot, read_document};
use crate::ui::{Ui, megabytes};

/// Why a reader would refuse something of the repository.
#[derive(Debug, ThisError)]
#[expect(missing_docs, reason = "each says itself what it means")]
pub enum Problem {
    #[error(transparent)]
    Document(#[from] Error),
    #[error("there is no \"{0}\"")]
    Missing(String),
    #[error("\"{0}\" is not the one that the anchor holds, or leads to")]
    OtherRoot(String),
    #[error("channel \"{channel}\" leads to version {version}, which is not in the index")]
    ChannelToNowhere { channel: String, version: Version },
    #[error("{version}: {error}")]
    Archive { version: Version, error: BadArchive },
    #[error("{version}: \"{file}\" is listed twice")]
    ListedTwice { version: Version, file: String },
    #[error("\"{INSTALLER_FILE}\" is not the one that publish writes for the index's versions of qus")]
    OtherInstaller,
    #[error("{version}: two archives hold different programs of qus for host \"{host}\"")]
    ToolsNotAlike { version: Version, host: Host },
    #[error("{version}: \"{file}\" holds another emulator of \"{target}\" than the archives of one emulator")]
    NotAlike { version: Version, file: String, target: Target },
}

/// What was found.
#[derive(Debug, Default)]
pub struct Report {
    /// What a reader would refuse.
    pub problems: Vec<Problem>,
    /// What readers cannot see.
    pub notes: Vec<String>,
    /// The newest root that was reached.
    pub root: u64,
    /// What the index says, if it can be believed.
    pub index: Option<Index>,
}

impl Report {
    /// Adds what can be blamed on the repository; what cannot, ends the check.
    fn add(&mut self, error: Error) -> Result<(), Error> {
        let problem = match error {
            Error::File { path, error, .. } if error.kind() == ErrorKind::NotFound => {
                Problem::Missing(path.display().to_string())
            }
            Error::File { .. } => return Err(error),
            error => Problem::Document(error),
        };
        self.problems.push(problem);
        Ok(())
    }
}

/// Checks everything that the repository's index lists, beginning with the anchor.
pub fn run(args: &VerifyArgs, ui: &Ui) -> Result<Report, Error> {
    let now = time(args.now);
    let repository = Repository::open(&args.repository)?;
    let mut report = Report::default();
    let Some((start, anchor)) = anchored(args, &repository, &mut report)? else { return Ok(report) };

    check_older_roots(&repository, &start, &mut report)?;
    let (newest, end) = repository.follow(start);
    report.root = newest.root.version;
    if let Err(error) = end.and_then(|()| Ok(newest.root.check_expiry(now)?)) {
        report.add(error)?;
    }
    let Some(index) = checked_index(&repository, &newest, &anchor, now, &mut report)? else { return Ok(report) };
    check_channels(&index, &mut report);
    check_archives(&repository, &index, &newest, &mut report, ui)?;
    for release in repository.releases()? {
        if index.release(&release.version) != Some(&release) {
            report.notes.push(format!("the index does not list {} as it was imported last", release.version));
        }
    }
    if report.problems.is_empty() {
        // Whoever runs it believes it: it must be made of nothing but what was found sound.
        let expected = installer::script(&repository, &index.tools, &newest.root)?;
        if repository.read(INSTALLER_FILE, INDEX_MAX)? != expected {
            report.problems.push(Problem::OtherInstaller);
        }
    }
    for tool in repository.tools()? {
        if !index.tools.contains(&tool) {
            report.notes.push(format!("the index does not list qus {} as it was packed last", tool.version));
        }
    }
    report.index = Some(index);
    Ok(report)
}

/// The root in the anchor, and the anchor.
fn anchored(
    args: &VerifyArgs,
    repository: &Repository,
    report: &mut Report,
) -> Result<Option<(SignedRoot, Anchor)>, Error> {
    let path = args.anchor.clone().unwrap_or_else(|| repository.file(ANCHOR_FILE));
    // An anchor is a root with its signatures, each shorter than a root.
    let Some(text) = read_document(&path, 4 * ROOT_MAX)? else {
        return Err(failed("open", &path)(ErrorKind::NotFound.into()));
    };
    let what = path.display().to_string();
    let checked = Anchor::parse(&what, &text).and_then(|anchor| Ok((anchor.root(&what)?, anchor)));
    match checked {
        Ok((root, anchor)) => {
            let (text, signatures) = (anchor.root.clone(), anchor.signatures.clone());
            Ok(Some((SignedRoot { root, text, signatures }, anchor)))
        }
        Err(error) => report.add(error.into()).map(|()| None),
    }
}

/// Those who installed qus long ago start from an older root than the anchor's: they must arrive
/// at the same.
fn check_older_roots(repository: &Repository, anchor: &SignedRoot, report: &mut Report) -> Result<(), Error> {
    let Some(first) = repository.root_text(1)? else {
        report.problems.push(Problem::Missing(root_file(1)));
        return Ok(());
    };
    let mut reached = match repository.self_signed(first) {
        Ok(first) => first,
        Err(error) => return report.add(error),
    };
    while reached.root.version < anchor.root.version {
        match repository.successor(&reached.root) {
            Ok(Some(next)) => reached = next,
            Ok(None) => {
                report.problems.push(Problem::Missing(root_file(reached.root.version + 1)));
                return Ok(());
            }
            Err(error) => return report.add(error),
        }
    }
    if reached.root.version == anchor.root.version && reached.text != anchor.text {
        report.problems.push(Problem::OtherRoot(root_file(anchor.root.version)));
    }
    Ok(())
}

/// The index, if a reader would believe it but for its age.
fn checked_index(
    repository: &Repository,
    newest: &SignedRoot,
    anchor: &Anchor,
    now: Moment,
    report: &mut Report,
) -> Result<Option<Index>, Error> {
    let text = match repository.read(INDEX_FILE, INDEX_MAX) {
        Ok(Some(text)) => text,
        Ok(None) => {
            report.problems.push(Problem::Missing(INDEX_FILE.to_owned()));
            return Ok(None);
        }
        Err(error) => return report.add(error).map(|()| None),
    };
    let verify = |now| verify_index(INDEX_FILE, text.as_bytes(), &newest.root, &|key| anchor.floor(key), now);
    let verified = match verify(now) {
        Err(error @ (TrustError::Expired { .. } | TrustError::FromTheFuture { .. })) => {
            report.add(error.into())?;
            // Both are said of an authentic index: what it lists is worth looking at.
            let issued = text.split_once("\n\n").and_then(|(_, body)| serde_json::from_str::<Index>(body).ok());
            verify(issued.map_or(now, |index| index.issued))
        }
        verified => verified,
    };
    match verified {
        Ok(verified) => Ok(Some(verified.index().clone())),
        Err(error) => report.add(error.into()).map(|()| None),
    }
}

fn check_channels(index: &Index, report: &mut Report) {
    for (channel, version) in &index.channels {
        if index.release(version).is_none() {
            let (channel, version) = (channel.clone(), version.clone());
            report.problems.push(Problem::ChannelToNowhere { channel, version });
        }
    }
}

fn check_archives(
    repository: &Repository,
    index: &Index,
    newest: &SignedRoot,
    report: &mut Report,
    ui: &Ui,
) -> Result<(), Error> {
    let size = index.releases.iter().flat_map(|release| &release.assets).map(|asset| asset.size).sum();
    check_tools(repository, index, newest, report)?;
    let work = ui.begin("checking all archives and what is in them", size);
    for release in &index.releases {
        let version = &release.version;
        let mut files = BTreeSet::new();
        for asset in &release.assets {
            if !files.insert(&asset.file) {
                report.problems.push(Problem::ListedTwice { version: version.clone(), file: asset.file.clone() });
            }
            match repository.check_asset(version, asset, &newest.root) {
                Ok(path) => {
                    let content = File::open(&path).map_err(failed("open", &path))?;
                    if let Err(error) = archive::check(asset, content) {
                        report.problems.push(Problem::Archive { version: version.clone(), error });
                    }
                }
                Err(error) => report.add(error)?,
            }
            work.advance(asset.size);
        }
        check_alike(release, report);
    }
    ui.end(&work, &format!("checked all archives and what is in them, {}", megabytes(size)));
    Ok(())
}

/// Archives of qus itself, and that no two of a host hold different programs.
fn check_tools(repository: &Repository, index: &Index, newest: &SignedRoot, report: &mut Report) -> Result<(), Error> {
    for Tool { version, archives, .. } in &index.tools {
        let mut files = BTreeSet::new();
        for archive in archives {
            let (version, file) = (version.clone(), archive.file.clone());
            if !files.insert(&archive.file) {
                report.problems.push(Problem::ListedTwice { version: version.clone(), file: file.clone() });
            }
            let other =
                |first: &ToolArchive| first.host == archive.host && first.program_sha256 != archive.program_sha256;
            if archives.iter().any(other) {
                report.problems.push(Problem::ToolsNotAlike { version: version.clone(), host: archive.host });
            }
            match repository.check_tool(&version, archive, &newest.root) {
                Ok(path) => {
                    let content = File::open(&path).map_err(failed("open", &path))?;
                    if let Err(error) = archive::check_tool(archive, content) {
                        report.problems.push(Problem::Archive { version, error });
                    }
                }
                Err(error) => report.add(error)?,
            }
        }
    }
    Ok(())
}

/// Whichever archive qus takes, it must get the same emulator.
fn check_alike(release: &Release, report: &mut Report) {
    for asset in &release.assets {
        for member in &asset.members {
            let single = release.asset(Form::Emulator, asset.host, member.target);
            if single.and_then(|single| single.member(member.target)).is_some_and(|single| single != member) {
                report.problems.push(Problem::NotAlike {
                    version: release.version.clone(),
                    file: asset.file.clone(),
                    target: member.target,
                });
            }
        }
    }
}
