//! Advisories: versions of QEMU with a known fault that no probe shows, since it shows only in some programs.
//!
//! A repository's index brings them; `packaging/advisories.json` is compiled in for those who have none yet, and is what
//! `qus-release publish` puts into an index.

use std::sync::LazyLock;

use serde::{Deserialize, Serialize};

use crate::host::Host;
use crate::qemu::QemuVersion;
use crate::rule::KernelVersion;
use crate::target::Target;

/// A fault of some versions.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Advisory {
    /// The first version that has it.
    pub from: QemuVersion,
    /// The last version that is known to have it.
    pub to: QemuVersion,
    /// The targets whose programs it meets.
    pub targets: Vec<Target>,
    /// The hosts on which it shows; none means all.
    pub hosts: Vec<Host>,
    /// The kernels on which it shows, the first and the last; none means all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kernels: Option<(KernelVersion, KernelVersion)>,
    /// What happens.
    pub what: String,
    /// Where it was reported.
    pub source: String,
}

/// Every advisory that this qus was built with.
static KNOWN: LazyLock<Vec<Advisory>> = LazyLock::new(|| {
    let known = serde_json::from_str(include_str!("../packaging/advisories.json"));
    known.expect("a test reads the file too")
});

/// Every advisory that this qus was built with.
pub fn known() -> &'static [Advisory] {
    &KNOWN
}

impl Advisory {
    /// Whether it meets `target`'s programs that are run with `version` on `host` and `kernel`.
    pub fn meets(&self, version: QemuVersion, target: Target, host: Host, kernel: KernelVersion) -> bool {
        (self.from..=self.to).contains(&version)
            && self.targets.contains(&target)
            && (self.hosts.is_empty() || self.hosts.contains(&host))
            && self.kernels.is_none_or(|(from, to)| (from..=to).contains(&kernel))
    }
}
