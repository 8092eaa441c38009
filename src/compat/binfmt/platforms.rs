//! Container platforms, by the names and in the order in which BuildKit tells of them (`docker buildx inspect` of
//! BuildKit v0.29.0).

use crate::host::Host;
use crate::target::Target;

/// What runs beside the machine's own programs: the target that is tried, and the platforms that it stands for.
const OTHERS: [(&str, &[&str]); 11] = [
    ("x86_64", &["linux/amd64"]),
    ("aarch64", &["linux/arm64"]),
    ("riscv64", &["linux/riscv64"]),
    ("ppc64", &["linux/ppc64"]),
    ("ppc64le", &["linux/ppc64le"]),
    ("s390x", &["linux/s390x"]),
    ("i386", &["linux/386"]),
    ("mips64el", &["linux/mips64le"]),
    ("mips64", &["linux/mips64"]),
    ("loongarch64", &["linux/loong64"]),
    ("arm", &["linux/arm/v7", "linux/arm/v6"]),
];

/// Targets that are not the machine's own, and the platforms that each stands for.
fn others(host: Host) -> impl Iterator<Item = (Target, &'static [&'static str])> {
    let own = own(host, None);
    let is_own = move |platforms: &[&str]| own.iter().any(|own| platforms.contains(&own.as_str()));
    let others = OTHERS.into_iter().filter(move |(_, platforms)| !is_own(platforms));
    others.filter_map(|(target, platforms)| Some((target.parse().ok()?, platforms)))
}

/// The targets that are tried on `host` to know its platforms.
pub fn candidates(host: Host) -> Vec<Target> {
    others(host).map(|(target, _)| target).collect()
}

/// The platforms of a machine on which programs of the targets run that `runs` tells, and whose processor has this
/// level of x86-64.
pub fn supported(host: Host, x86_64_level: Option<u8>, runs: impl Fn(Target) -> bool) -> Vec<String> {
    let others = others(host).filter(|(target, _)| runs(*target)).flat_map(|(_, platforms)| platforms);
    own(host, x86_64_level).into_iter().chain(others.map(|&platform| platform.to_owned())).collect()
}

/// The platforms of this machine itself, the one that it prefers first.
fn own(host: Host, x86_64_level: Option<u8>) -> Vec<String> {
    let own: &[&str] = match host {
        Host::Amd64 => &["linux/amd64"],
        Host::Arm32v6 => &["linux/arm/v6"],
        Host::Arm32v7 => &["linux/arm/v7", "linux/arm/v6"],
        Host::Arm64v8 => &["linux/arm64"],
        Host::I386 => &["linux/386"],
        Host::Loong64 => &["linux/loong64"],
        Host::Mips64le => &["linux/mips64le"],
        Host::Mipsle => &["linux/mipsle"],
        Host::Ppc64le => &["linux/ppc64le"],
        Host::Riscv64 => &["linux/riscv64"],
        Host::S390x => &["linux/s390x"],
    };
    let levels =
        (2..=x86_64_level.filter(|_| host == Host::Amd64).unwrap_or(1)).map(|level| format!("linux/amd64/v{level}"));
    own.iter().map(|&platform| platform.to_owned()).chain(levels).collect()
}
