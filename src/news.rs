//! News: what repositories last said of versions, for everybody who has no repository at hand.

use std::collections::{BTreeMap, BTreeSet};

use crate::advisory::{self, Advisory};
use crate::hex::Sha256;
use crate::host::Host;
use crate::qemu::QemuVersion;
use crate::receipt::Installed;
use crate::rule::KernelVersion;
use crate::target::Target;
use crate::trust::Memory;
use crate::version::Version;

/// What is known of versions without asking anybody.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct News {
    advisories: Vec<Advisory>,
    withdrawn: Vec<Withdrawn>,
    /// Versions of qus itself.
    withdrawn_tools: Vec<Withdrawn>,
    /// By repository: no other one speaks of what came from there.
    revoked: BTreeMap<String, BTreeSet<Sha256>>,
}

/// A version that its repository withdrew.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Withdrawn {
    repository: String,
    version: Version,
    why: String,
}

impl News {
    /// What `memory` holds. Where no repository said anything of faults, it is what this qus was built with.
    pub fn of(memory: &Memory) -> News {
        let mut advisories: Vec<Advisory> = Vec::new();
        let (mut withdrawn, mut withdrawn_tools) = (Vec::new(), Vec::new());
        let mut revoked = BTreeMap::new();
        for (repository, seen) in &memory.repositories {
            for advisory in &seen.advisories {
                if !advisories.contains(advisory) {
                    advisories.push(advisory.clone());
                }
            }
            let told = |(version, why): (&Version, &String)| Withdrawn {
                repository: repository.clone(),
                version: version.clone(),
                why: why.clone(),
            };
            withdrawn.extend(seen.withdrawn.iter().map(told));
            withdrawn_tools.extend(seen.withdrawn_tools.iter().map(told));
            revoked.insert(repository.clone(), seen.root.revoked.iter().copied().collect());
        }
        if advisories.is_empty() {
            advisories = advisory::known().to_vec();
        }
        News { advisories, withdrawn, withdrawn_tools, revoked }
    }

    /// Every known fault.
    pub fn advisories(&self) -> &[Advisory] {
        &self.advisories
    }

    /// The known faults that `version` has with programs of `target`, on `host` and `kernel`.
    pub fn concerning(
        &self,
        target: Target,
        version: &Version,
        host: Host,
        kernel: KernelVersion,
    ) -> impl Iterator<Item = &Advisory> {
        let version = QemuVersion::of_release(version);
        let meets = move |known: &&Advisory| version.is_some_and(|version| known.meets(version, target, host, kernel));
        self.advisories.iter().filter(meets)
    }

    /// Why `repository` withdrew `version`, if it did.
    pub fn withdrawn(&self, repository: &str, version: &Version) -> Option<&str> {
        find(&self.withdrawn, repository, version)
    }

    /// Why `repository` withdrew `version` of qus itself, if it did.
    pub fn withdrawn_tool(&self, repository: &str, version: &Version) -> Option<&str> {
        find(&self.withdrawn_tools, repository, version)
    }

    /// Every repository that withdrew `version` of qus itself, and why.
    pub fn withdrawers_of_tool(&self, version: &Version) -> impl Iterator<Item = (&str, &str)> {
        let known = self.withdrawn_tools.iter().filter(|withdrawn| withdrawn.version == *version);
        known.map(|withdrawn| (withdrawn.repository.as_str(), withdrawn.why.as_str()))
    }

    /// Whether `repository` revoked what has this hash, by the newest root of it that was seen.
    pub fn revoked(&self, repository: &str, sha256: &Sha256) -> bool {
        self.revoked.get(repository).is_some_and(|revoked| revoked.contains(sha256))
    }

    /// Whether nothing is known against the version to which `target` would go back.
    pub fn lets_go_back(&self, target: Target, installed: &Installed, host: Host, kernel: KernelVersion) -> bool {
        installed.previous.first().is_some_and(|kept| {
            self.withdrawn(&kept.repository, &kept.version).is_none()
                && !self.revoked(&kept.repository, &kept.sha256)
                && self.concerning(target, &kept.version, host, kernel).next().is_none()
        })
    }
}

fn find<'a>(known: &'a [Withdrawn], repository: &str, version: &Version) -> Option<&'a str> {
    let is_it = |withdrawn: &&Withdrawn| withdrawn.repository == repository && withdrawn.version == *version;
    known.iter().find(is_it).map(|withdrawn| withdrawn.why.as_str())
}
