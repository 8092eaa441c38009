//! What hosts are called in Debian's packages and in RPM's.

use qus::host::Host;
use qus::target::Target;

/// Debian's name of a host's architecture.
pub(super) fn debian(host: Host) -> &'static str {
    match host {
        Host::Amd64 => "amd64",
        Host::Arm32v6 => "armel",
        Host::Arm32v7 => "armhf",
        Host::Arm64v8 => "arm64",
        Host::I386 => "i386",
        Host::Loong64 => "loong64",
        Host::Mips64le => "mips64el",
        Host::Mipsle => "mipsel",
        Host::Ppc64le => "ppc64el",
        Host::Riscv64 => "riscv64",
        Host::S390x => "s390x",
    }
}

/// RPM's name of it. The emulators come from Debian: those of armel have no hardware floating point.
pub(super) fn rpm(host: Host) -> &'static str {
    match host {
        Host::Amd64 => "x86_64",
        Host::Arm32v6 => "armv5tel",
        Host::Arm32v7 => "armv7hl",
        Host::Arm64v8 => "aarch64",
        Host::I386 => "i686",
        Host::Loong64 => "loongarch64",
        Host::Mips64le => "mips64el",
        Host::Mipsle => "mipsel",
        Host::Ppc64le => "ppc64le",
        Host::Riscv64 => "riscv64",
        Host::S390x => "s390x",
    }
}

/// Whether a rule of `target` would take the host's own programs: at boot that ends in a machine that runs nothing.
pub(super) fn is_own(host: Host, target: Target) -> bool {
    // QEMU's names and RPM's are the same, but for these.
    let own = match host {
        Host::Arm32v6 | Host::Arm32v7 => "arm",
        Host::I386 => "i386",
        other => rpm(other),
    };
    target.emulated_by().name() == own
}

/// Whether hosts of this kind usually run `target` by themselves.
pub(super) fn runs_itself(host: Host, target: Target) -> bool {
    target.family() == host.family()
}
