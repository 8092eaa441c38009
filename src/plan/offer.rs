//! What a repository offers, and how use is made of it.

use std::collections::BTreeSet;

use crate::channel::Channel;
use crate::conflict::Conflict;
use crate::host::Host;
use crate::news::News;
use crate::receipt::{Installed, Kept};
use crate::release::{Asset, Form, Index, Member, Release};
use crate::settings::Keep;
use crate::target::Target;
use crate::version::Version;

/// What a repository offers, and how it is to be used.
#[derive(Debug)]
pub struct Offer<'a> {
    /// The verified index.
    pub index: &'a Index,
    /// URL of the repository.
    pub repository: &'a str,
    /// What to remember of the repository from now on.
    pub trust: String,
    /// What that says of versions, and of what is revoked.
    pub news: News,
    /// How it is to be used.
    pub terms: Terms,
}

/// How use is made of a repository.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Terms {
    /// The channel that was asked for, of all targets for which nothing else was.
    pub asked: Option<Channel>,
    /// The channel of targets that follow no other.
    pub usual: Channel,
    /// How many versions of an emulator stay installed.
    pub keep: Keep,
}

impl<'a> Offer<'a> {
    /// The release of `version`, which must not be withdrawn.
    pub(super) fn release(&self, version: &Version) -> Result<&'a Release, Conflict> {
        let release = self.index.release(version).ok_or_else(|| self.no_such_version(version))?;
        match &release.withdrawn {
            Some(why) => Err(Conflict::Withdrawn { version: version.clone(), why: why.clone() }),
            None => Ok(release),
        }
    }

    fn no_such_version(&self, version: &Version) -> Conflict {
        let sound = self.index.releases.iter().filter(|release| release.withdrawn.is_none());
        let mut there: Vec<Version> = sound.map(|release| release.version.clone()).collect();
        there.sort();
        Conflict::NoSuchVersion { version: version.clone(), there }
    }

    /// The version that `channel` names.
    pub(super) fn named_by(&self, channel: &Channel) -> Result<&'a Version, Conflict> {
        let no_such = || {
            let there = self.index.channels.keys().cloned().collect();
            Conflict::NoSuchChannel { channel: channel.clone(), there }
        };
        self.index.channels.get(channel.as_str()).ok_or_else(no_such)
    }

    /// The assets by which `targets` of `version` move the fewest bytes, and what to take from each.
    pub(super) fn cheapest(
        &self,
        version: &Version,
        host: Host,
        targets: &BTreeSet<Target>,
    ) -> Vec<(&'a Asset, Vec<Target>)> {
        let release = self.index.release(version);
        release.map(|release| release.cheapest(host, targets)).unwrap_or_default()
    }

    /// The emulator of `target` that `release` has for `host`, which must not be revoked.
    pub(super) fn sound_member(
        &self,
        release: &'a Release,
        host: Host,
        target: Target,
    ) -> Result<&'a Member, Conflict> {
        let member = member(release, host, target)?;
        if self.news.revoked(self.repository, &member.sha256) {
            return Err(Conflict::Revoked { target, version: release.version.clone() });
        }
        Ok(member)
    }

    /// The versions that are kept beside `installed` and are not revoked.
    pub(super) fn unrevoked(&self, installed: &Installed) -> Vec<Kept> {
        let kept = installed.previous.iter();
        kept.filter(|kept| !self.news.revoked(&kept.repository, &kept.sha256)).cloned().collect()
    }

    /// The versions that stay beside `version`, once it has taken the place of `before`: none of them is one that the
    /// repository has withdrawn, or that was revoked.
    pub(super) fn kept(&self, before: Option<&Installed>, version: &Version) -> Vec<Kept> {
        let Some(before) = before else { return Vec::new() };
        if before.version == *version {
            return self.unrevoked(before);
        }
        let is_withdrawn = |kept: &Kept| {
            let release = self.index.release(&kept.version).filter(|_| kept.repository == self.repository);
            release.is_some_and(|release| release.withdrawn.is_some())
        };
        std::iter::once(before.kept())
            .chain(before.previous.iter().cloned())
            .filter(|kept| kept.version != *version && !is_withdrawn(kept))
            .filter(|kept| !self.news.revoked(&kept.repository, &kept.sha256))
            .take(self.terms.keep.versions() - 1)
            .collect()
    }
}

/// The emulator of `target` that `release` has for `host`.
pub(super) fn member(release: &Release, host: Host, target: Target) -> Result<&Member, Conflict> {
    let emulator = target.emulated_by();
    let asset = release.asset(Form::Emulator, host, emulator).or_else(|| release.asset(Form::Set, host, emulator));
    asset.and_then(|asset| asset.member(emulator)).ok_or_else(|| Conflict::NotOffered {
        target,
        host,
        version: release.version.clone(),
    })
}
