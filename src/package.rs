//! Who brings packages, and what to type so that they do what qus leaves to them.

use serde::Serialize;

/// What manages the packages of a system.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
#[expect(missing_docs, reason = "the names are those of the programs")]
pub enum Manager {
    Apt,
    Dnf,
    Yum,
    Zypper,
    /// None that is known.
    #[default]
    Unknown,
}

/// What is to be done with a package.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deed {
    /// Put its files in their places again.
    Reinstall,
    /// Take it away.
    Remove,
    /// Bring it up to date.
    Upgrade,
    /// Go back to an earlier version.
    Downgrade,
    /// Keep it at its version.
    Hold,
    /// Keep it there no longer.
    Release,
}

impl Manager {
    /// Every one that is known.
    pub const ALL: [Manager; 4] = [Manager::Apt, Manager::Dnf, Manager::Yum, Manager::Zypper];

    /// The program's name; none of who is not known.
    pub fn name(self) -> Option<&'static str> {
        Some(match self {
            Manager::Apt => "apt",
            Manager::Dnf => "dnf",
            Manager::Yum => "yum",
            Manager::Zypper => "zypper",
            Manager::Unknown => return None,
        })
    }

    /// What to type, as root; `VERSION` in it is to be replaced.
    pub fn command(self, deed: Deed, package: &str) -> String {
        let Some(name) = self.name() else {
            return format!("use the package manager, for package {package}");
        };
        match (self, deed) {
            (Manager::Apt, Deed::Reinstall) => format!("apt install --reinstall {package}"),
            (Manager::Apt, Deed::Upgrade) => format!("apt install --only-upgrade {package}"),
            (Manager::Apt, Deed::Downgrade) => format!("apt install {package}=VERSION"),
            (Manager::Apt, Deed::Hold) => format!("apt-mark hold {package}"),
            (Manager::Apt, Deed::Release) => format!("apt-mark unhold {package}"),
            (Manager::Zypper, Deed::Reinstall) => format!("zypper install --force {package}"),
            (Manager::Zypper, Deed::Upgrade) => format!("zypper update {package}"),
            (Manager::Zypper, Deed::Downgrade) => format!("zypper install --oldpackage {package}=VERSION"),
            (Manager::Zypper, Deed::Hold) => format!("zypper addlock {package}"),
            (Manager::Zypper, Deed::Release) => format!("zypper removelock {package}"),
            (_, Deed::Reinstall) => format!("{name} reinstall {package}"),
            (_, Deed::Remove) => format!("{name} remove {package}"),
            (_, Deed::Upgrade) => format!("{name} upgrade {package}"),
            (_, Deed::Downgrade) => format!("{name} downgrade {package}"),
            (_, Deed::Hold) => format!("{name} versionlock add {package}"),
            (_, Deed::Release) => format!("{name} versionlock delete {package}"),
        }
    }
}
