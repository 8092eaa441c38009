//! News: what repositories last said of versions, for everybody who has no repository at hand.

use crate::advisory::{self, Advisory};
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
        let mut withdrawn = Vec::new();
        for (repository, seen) in &memory.repositories {
            for advisory in &seen.advisories {
                if !advisories.contains(advisory) {
                    advisories.push(advisory.clone());
                }
            }
            withdrawn.extend(seen.withdrawn.iter().map(|(version, why)| Withdrawn {
                repository: repository.clone(),
                version: version.clone(),
                why: why.clone(),
            }));
        }
        if advisories.is_empty() {
            advisories = advisory::known().to_vec();
        }
        News { advisories, withdrawn }
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
        let is_it = |withdrawn: &&Withdrawn| withdrawn.repository == repository && withdrawn.version == *version;
        self.withdrawn.iter().find(is_it).map(|withdrawn| withdrawn.why.as_str())
    }

    /// Whether nothing is known against the version to which `target` would go back.
    pub fn lets_go_back(&self, target: Target, installed: &Installed, host: Host, kernel: KernelVersion) -> bool {
        installed.previous.first().is_some_and(|kept| {
            self.withdrawn(&kept.repository, &kept.version).is_none()
                && self.concerning(target, &kept.version, host, kernel).next().is_none()
        })
    }
}
