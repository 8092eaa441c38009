//! What a bundle is to hold.

use std::collections::{BTreeMap, BTreeSet};

use thiserror::Error;

use crate::bundle::Content;
use crate::channel::Channel;
use crate::exit::{Exit, Explain};
use crate::host::Host;
use crate::release::{Asset, Index, Release};
use crate::target::Target;
use crate::version::Version;
use crate::wanted::{Pick, Selection};

/// What a bundle is to hold of a repository.
#[derive(Debug)]
pub struct Contents<'a> {
    /// Its targets.
    pub targets: Vec<Content>,
    /// The archives that hold their emulators, the fewest bytes that do.
    pub archives: Vec<(&'a Version, &'a Asset)>,
}

/// What is wanted cannot be had.
#[derive(Debug, PartialEq, Eq, Error)]
#[expect(missing_docs, reason = "each says itself what it means")]
pub enum CannotBundle {
    #[error("the repository has no channel \"{channel}\"")]
    NoChannel { channel: Channel, there: Vec<String> },
    #[error("the repository has no version {version}")]
    NoVersion { version: Version, there: Vec<Version> },
    #[error("version {version} was withdrawn: {why}")]
    Withdrawn { version: Version, why: String },
    #[error("version {version} has no emulator of \"{target}\" for \"{host}\" hosts")]
    NoEmulator { target: Target, host: Host, version: Version },
    #[error("version {version} has no emulators for \"{host}\" hosts")]
    NoHost { host: Host, version: Version },
}

impl Explain for CannotBundle {
    fn exit(&self) -> Exit {
        Exit::Failed
    }

    fn help(&self) -> Option<String> {
        Some(match self {
            CannotBundle::NoChannel { there, .. } => format!("channels are {}", there.join(", ")),
            CannotBundle::NoVersion { there, .. } => {
                let there: Vec<&str> = there.iter().map(Version::as_str).collect();
                format!("versions are {}", there.join(", "))
            }
            CannotBundle::Withdrawn { .. } => "name another version: TARGET@VERSION".to_owned(),
            CannotBundle::NoEmulator { .. } | CannotBundle::NoHost { .. } => {
                "qus bundle create FILE all takes what this version has; --host names another host".to_owned()
            }
        })
    }
}

/// What to take from the repository with this index for a host of this kind. Targets that are named without a version have
/// the one that `channel` names; all are those that this version has.
pub fn bundle<'a>(
    selection: &Selection,
    channel: &Channel,
    host: Host,
    index: &'a Index,
) -> Result<Contents<'a>, CannotBundle> {
    let chosen: Vec<(Option<Target>, &Release)> = match selection {
        Selection::All => vec![(None, named_by(channel, index)?)],
        Selection::Named(choices) => choices
            .iter()
            .map(|choice| {
                let release = match &choice.pick {
                    Some(Pick::Version(version)) => release(version, index),
                    Some(Pick::Channel(channel)) => named_by(channel, index),
                    None => named_by(channel, index),
                };
                Ok((Some(choice.target), release?))
            })
            .collect::<Result<_, _>>()?,
    };
    let mut targets = Vec::new();
    let mut wanted: BTreeMap<&Version, (&Release, BTreeSet<Target>)> = BTreeMap::new();
    for (target, release) in chosen {
        let version = &release.version;
        let offered: BTreeSet<Target> = release.targets(host).collect();
        if offered.is_empty() {
            return Err(CannotBundle::NoHost { host, version: version.clone() });
        }
        let these = target.map_or_else(|| offered.clone(), |target| BTreeSet::from([target]));
        for target in these {
            if !offered.contains(&target.emulated_by()) {
                return Err(CannotBundle::NoEmulator { target, host, version: version.clone() });
            }
            targets.push(Content { target, version: version.clone() });
            wanted.entry(version).or_insert((release, BTreeSet::new())).1.insert(target.emulated_by());
        }
    }
    targets.sort();
    let archives = wanted.into_iter().flat_map(|(version, (release, targets))| {
        release.cheapest(host, &targets).into_iter().map(move |(asset, _)| (version, asset))
    });
    Ok(Contents { archives: archives.collect(), targets })
}

fn named_by<'a>(channel: &Channel, index: &'a Index) -> Result<&'a Release, CannotBundle> {
    let there = || index.channels.keys().cloned().collect();
    let version = index.channels.get(channel.as_str());
    release(version.ok_or_else(|| CannotBundle::NoChannel { channel: channel.clone(), there: there() })?, index)
}

fn release<'a>(version: &Version, index: &'a Index) -> Result<&'a Release, CannotBundle> {
    let there = || index.releases.iter().map(|release| release.version.clone()).collect();
    let release = index.release(version);
    let release = release.ok_or_else(|| CannotBundle::NoVersion { version: version.clone(), there: there() })?;
    match &release.withdrawn {
        Some(why) => Err(CannotBundle::Withdrawn { version: version.clone(), why: why.clone() }),
        None => Ok(release),
    }
}
