//! `qus-release publish`: the signed index.

use std::collections::BTreeMap;

use std::path::Path;

use qus::advisory::{self, Advisory};
use qus::moment::Moment;
use qus::release::{INDEX_FILE, INDEX_FORMAT, INDEX_KIND, INDEX_MAX, Index, Release, STABLE, Tool};
use qus::trust::{AnchorFloor, Root, SERIAL_JUMP_MAX, TrustError, root_file, verify_index};
use qus::version::Version;

use crate::cli::{Channel, PublishArgs, time};
use crate::error::{Error, failed};
use crate::installer::{self, INSTALLER_FILE};
use crate::keys::read_secret;
use crate::passphrase::Passphrases;
use crate::repository::{ANCHOR_FILE, Repository};
use crate::root::anchor_text;
use crate::signing::Signer;
use crate::ui::{Ui, megabytes};

/// Writes the index of everything in the repository, after checking it by the newest root.
///
/// # Atomicity
///
/// The index appears whole, in the place of the one before; the script that installs qus a moment earlier.
pub fn run(args: &PublishArgs, passphrases: &Passphrases, ui: &Ui) -> Result<Index, Error> {
    let now = time(args.now);
    let signer = read_secret(&args.key, passphrases)?;
    let repository = Repository::lock(&args.repository)?;
    let root = index_root(&repository, &signer, &args.key, now)?;

    let releases = repository.releases()?;
    if releases.is_empty() {
        return Err(Error::NoReleases(args.repository.clone()));
    }
    let tools = repository.tools()?;
    check_assets(&repository, &releases, &tools, &root, ui)?;
    let installer = installer::script(&repository, &tools, &root)?;
    let previous = previous(&repository, &root, ui)?;
    // Of an index that was restored from a copy, the anchor may know a later one.
    let before = previous.as_ref().map_or(0, |index| index.serial).max(repository.floor(signer.public())?);
    let serial = args.serial.unwrap_or(before + 1);
    if serial <= before {
        return Err(Error::SerialNotHigher { serial, previous: before });
    }
    if before > 0 && serial > before + SERIAL_JUMP_MAX {
        return Err(Error::SerialTooHigh { serial, previous: before });
    }
    let channels = channels(previous.as_ref(), &args.channel, &releases)?;
    note_channels(&channels, &releases, ui);
    let index = Index {
        kind: INDEX_KIND.to_owned(),
        format: INDEX_FORMAT,
        serial,
        issued: now,
        expires: now.plus(args.expires),
        channels,
        mirrors: mirrors(args, previous.as_ref()),
        advisories: advisories(args)?,
        tools,
        releases,
    };
    if installer.is_none() {
        withhold_installer(&repository)?;
    }
    write(&repository, &index, installer, &root, &signer, now)?;
    Ok(index)
}

/// Nobody is to install what was withdrawn by the script that was written before.
fn withhold_installer(repository: &Repository) -> Result<(), Error> {
    let path = repository.file(INSTALLER_FILE);
    match std::fs::remove_file(&path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(failed("remove", &path)(error)),
        _ => Ok(()),
    }
}

/// The newest root, which must name the signer among the keys of the index.
pub(crate) fn index_root(repository: &Repository, signer: &Signer, key: &Path, now: Moment) -> Result<Root, Error> {
    let root = repository.newest_root()?.ok_or_else(|| Error::NoRoot(repository.path().to_owned()))?.root;
    root.check_expiry(now)?;
    if !root.roles.index.has(signer.public()) {
        let root = root_file(root.version);
        return Err(Error::NotOfRole { key: key.to_owned(), role: "index", root });
    }
    Ok(root)
}

/// Those that were typed, or those of the index before.
fn mirrors(args: &PublishArgs, previous: Option<&Index>) -> Vec<String> {
    match previous {
        Some(previous) if args.mirror.is_empty() && !args.no_mirrors => previous.mirrors.clone(),
        _ => args.mirror.clone(),
    }
}

fn advisories(args: &PublishArgs) -> Result<Vec<Advisory>, Error> {
    let Some(path) = &args.advisories else { return Ok(advisory::known().to_vec()) };
    let text = std::fs::read_to_string(path).map_err(failed("read", path))?;
    serde_json::from_str(&text).map_err(|error| Error::Malformed { path: path.clone(), why: error.to_string() })
}

fn check_assets(
    repository: &Repository,
    releases: &[Release],
    tools: &[Tool],
    root: &Root,
    ui: &Ui,
) -> Result<(), Error> {
    let size = releases.iter().flat_map(|release| &release.assets).map(|asset| asset.size);
    let size = size.chain(tools.iter().flat_map(|tool| &tool.archives).map(|archive| archive.size)).sum();
    let work = ui.begin("checking all archives", size);
    for release in releases {
        for asset in &release.assets {
            repository.check_asset(&release.version, asset, root)?;
            work.advance(asset.size);
        }
    }
    for tool in tools {
        for archive in &tool.archives {
            repository.check_tool(&tool.version, archive, root)?;
            work.advance(archive.size);
        }
    }
    ui.end(&work, &format!("checked all archives, {}", megabytes(size)));
    Ok(())
}

/// The index that is there. It may have expired, and after a change of keys none of them may fit,
/// but a damaged one is not built upon.
fn previous(repository: &Repository, root: &Root, ui: &Ui) -> Result<Option<Index>, Error> {
    let Some(text) = repository.read(INDEX_FILE, INDEX_MAX)? else { return Ok(None) };
    let malformed = |why: String| Error::Malformed { path: repository.file(INDEX_FILE), why };
    let (_, body) = text.split_once("\n\n").ok_or_else(|| malformed("it has no body".to_owned()))?;
    let index: Index = serde_json::from_str(body).map_err(|error| malformed(error.to_string()))?;
    match verify_index(INDEX_FILE, text.as_bytes(), root, &|_| 0, index.issued) {
        Ok(_) => {}
        Err(TrustError::UnknownKey { .. }) => {
            ui.note("the index before was signed by a key that the root does not name");
        }
        Err(error) => return Err(Error::DamagedIndex(error)),
    }
    Ok(Some(index))
}

/// The channels of the index before, changed as was typed; `stable` leads to the highest version
/// when it is new.
fn channels(
    previous: Option<&Index>,
    typed: &[Channel],
    releases: &[Release],
) -> Result<BTreeMap<String, Version>, Error> {
    let mut channels = previous.map(|index| index.channels.clone()).unwrap_or_default();
    let offered = releases.iter().find(|release| release.withdrawn.is_none());
    if let (false, Some(highest)) = (channels.contains_key(STABLE), offered) {
        channels.insert(STABLE.to_owned(), highest.version.clone());
    }
    for Channel { name, version } in typed {
        match version {
            Some(version) => channels.insert(name.clone(), version.clone()),
            None => channels.remove(name),
        };
    }
    for (channel, version) in &channels {
        match releases.iter().find(|release| release.version == *version) {
            Some(release) if release.withdrawn.is_none() => {}
            Some(_) => {
                return Err(Error::ChannelToWithdrawn { channel: channel.clone(), version: version.clone() });
            }
            None => return Err(Error::ChannelToNowhere { channel: channel.clone(), version: version.clone() }),
        }
    }
    Ok(channels)
}

fn note_channels(channels: &BTreeMap<String, Version>, releases: &[Release], ui: &Ui) {
    let offered = releases.iter().find(|release| release.withdrawn.is_none());
    let Some(highest) = offered.map(|release| &release.version) else { return };
    match channels.get(STABLE) {
        Some(stable) if stable < highest => {
            ui.note(format!("channel \"{STABLE}\" stays at {stable}, although there is {highest}"));
            ui.help(format!("to offer that to everybody: --channel {STABLE}={highest}"));
        }
        Some(_) => {}
        None => ui.note(format!("there is no channel \"{STABLE}\": readers have to name a version")),
    }
}

/// Signs the index, and puts it into the repository. The anchor is told of it, so that who starts from there later is led
/// to nothing older.
pub(crate) fn write(
    repository: &Repository,
    index: &Index,
    installer: Option<String>,
    root: &Root,
    signer: &Signer,
    now: Moment,
) -> Result<(), Error> {
    let path = repository.file(INDEX_FILE);
    let malformed = |why: String| Error::Malformed { path: path.clone(), why };
    let body = serde_json::to_string(index).map_err(|error| malformed(error.to_string()))? + "\n";
    let comment = format!("type:{INDEX_KIND}\tserial:{}", index.serial);
    let signature = signer.sign(body.as_bytes(), &comment).map_err(failed("sign", &path))?;
    let text = format!("{signature}\n{body}");
    if text.len() as u64 > INDEX_MAX {
        return Err(malformed(format!(
            "it would be {} bytes long, more than the {INDEX_MAX} that qus reads",
            text.len()
        )));
    }
    verify_index(INDEX_FILE, text.as_bytes(), root, &|_| 0, now)?;
    let staging = repository.staging()?;
    staging.write(INDEX_FILE, &text)?;
    let mut names = Vec::new();
    if let Some(script) = installer {
        staging.write(INSTALLER_FILE, &script)?;
        names.push(INSTALLER_FILE.to_owned());
    }
    names.push(INDEX_FILE.to_owned());
    if let Some(mut anchor) = repository.anchor()? {
        let mut serials = anchor.floor.map(|floor| floor.serials).unwrap_or_default();
        serials.retain(|key, _| root.roles.index.keys.values().any(|known| known.as_str() == key));
        serials.insert(signer.public().as_str().to_owned(), index.serial);
        anchor.floor = Some(AnchorFloor { issued: index.issued, serials });
        staging.write(ANCHOR_FILE, &anchor_text(repository, &anchor)?)?;
        names.push(ANCHOR_FILE.to_owned());
    }
    staging.place(&names)
}
