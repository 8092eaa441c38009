//! Advisories: versions of QEMU with a known fault that no probe shows, since it shows only in some programs.

use crate::host::Host;
use crate::qemu::QemuVersion;
use crate::target::Target;

/// A fault of some versions.
#[derive(Clone, Copy, Debug)]
pub struct Advisory {
    /// The first version that has it.
    pub from: QemuVersion,
    /// The last version that is known to have it.
    pub to: QemuVersion,
    /// Names of the targets whose programs it meets.
    pub targets: &'static [&'static str],
    /// The hosts on which it shows; none means all.
    pub hosts: &'static [Host],
    /// What happens.
    pub what: &'static str,
    /// Where it was reported.
    pub source: &'static str,
}

/// Every advisory that this qus knows.
pub const ADVISORIES: [Advisory; 6] = [
    Advisory {
        from: QemuVersion(0, 0, 0),
        to: QemuVersion(4, 2, 1),
        targets: &["aarch64"],
        hosts: &[],
        what: "ldconfig crashes, and with it the installation of libc-bin",
        source: "https://github.com/moby/moby/issues/43039",
    },
    Advisory {
        from: QemuVersion(0, 0, 0),
        to: QemuVersion(7, 1, 0),
        targets: &["x86_64"],
        hosts: &[],
        what: "its processor is no x86-64-v2, which the programs of RHEL 9 and its kin ask for",
        source: "https://github.com/containers/podman/issues/15456",
    },
    Advisory {
        from: QemuVersion(7, 2, 0),
        to: QemuVersion(7, 2, 0),
        targets: &["x86_64"],
        hosts: &[Host::S390x],
        what: "some programs crash that ran with 7.1",
        source: "https://github.com/libbpf/ci/pull/100",
    },
    Advisory {
        from: QemuVersion(8, 0, 0),
        to: QemuVersion(8, 1, 5),
        targets: &["aarch64"],
        hosts: &[],
        what: "ldconfig of Ubuntu 22.04 crashes, and with it the installation of libc-bin",
        source: "https://github.com/docker/for-win/issues/15004",
    },
    Advisory {
        from: QemuVersion(9, 2, 0),
        to: QemuVersion(9, 2, 2),
        targets: &["aarch64"],
        hosts: &[],
        what: "ldconfig of Ubuntu 22.04 and Debian 11 crashes, and with it the installation of libc-bin",
        source: "https://github.com/tonistiigi/binfmt/issues/240",
    },
    Advisory {
        from: QemuVersion(10, 1, 3),
        to: QemuVersion(10, 1, 3),
        targets: &["aarch64"],
        hosts: &[],
        what: "ldconfig of Ubuntu 22.04 crashes, and with it the installation of libc-bin",
        source: "https://github.com/tonistiigi/binfmt/issues/298",
    },
];

/// What is known against running `target`'s programs with `version` on `host`.
pub fn against(version: QemuVersion, target: Target, host: Host) -> impl Iterator<Item = &'static Advisory> {
    ADVISORIES.iter().filter(move |advisory| {
        (advisory.from..=advisory.to).contains(&version)
            && advisory.targets.contains(&target.name())
            && (advisory.hosts.is_empty() || advisory.hosts.contains(&host))
    })
}
