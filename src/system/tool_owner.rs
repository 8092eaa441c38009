//! Who put a program where it lies: dpkg, rpm, another package that says so, or a container's image.

use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};
use std::time::Duration;

use super::root::Root;
use super::trial::hear;
use crate::rooted::RootedPath;
use crate::tool::{INSTALL_SOURCE, InstallSource};

/// Where dpkg lists what each package put where (dpkg(1), FILES).
pub(super) const DPKG: &str = "/var/lib/dpkg/info";

/// Managers of rpm packages, and the word by which each updates one; the first that is there is asked.
pub(super) const RPM_MANAGERS: [(&str, &str); 4] =
    [("dnf", "upgrade"), ("zypper", "update"), ("yum", "update"), ("rpm-ostree", "upgrade")];

/// How long rpm may take to answer: it may wait for who changes its database.
pub(super) const PATIENCE: Duration = Duration::from_secs(30);

/// The package manager that `path` belongs to.
pub(super) fn package(root: &Root, path: &RootedPath) -> Option<InstallSource> {
    dpkg(root, path).or_else(|| rpm(path)).or_else(|| said(root, path))
}

/// Any list of dpkg's that names it. Where `/bin` leads to `/usr/bin`, a package may know it by the short name.
fn dpkg(root: &Root, path: &RootedPath) -> Option<InstallSource> {
    let path = path.as_str();
    let names = [Some(path), path.strip_prefix("/usr").filter(|rest| !rest.starts_with("/local/"))];
    let directory = RootedPath::from_trusted(DPKG);
    for list in root.list(&directory).unwrap_or_default() {
        let Some(package) = list.strip_suffix(".list") else { continue };
        let text = root.read_lossy(&directory.join(&list)).ok().flatten().unwrap_or_default();
        if text.lines().any(|line| names.contains(&Some(line))) {
            // A package of several architectures is listed as `NAME:ARCHITECTURE`.
            let package = package.split(':').next().unwrap_or(package);
            let command = format!("apt install --only-upgrade {package}");
            return Some(InstallSource { manager: "apt".to_owned(), command });
        }
    }
    None
}

/// rpm has a database of its own kind, and is asked; but not where it has none, for it would make one.
fn rpm(path: &RootedPath) -> Option<InstallSource> {
    let there = |name: &str| {
        let programs = ["/usr/bin", "/bin"].map(|bin| format!("{bin}/{name}"));
        programs.into_iter().find(|program| Path::new(program).is_file())
    };
    let rpm = there("rpm")?;
    let ask = |words: &[&str]| {
        let mut command = Command::new(&rpm);
        command.args(words).stderr(Stdio::null());
        let (said, status) = hear(command, PATIENCE).ok()?;
        status.filter(ExitStatus::success).map(|_| said)
    };
    let database = ask(&["--eval", "%{_dbpath}"])?;
    Path::new(database.trim()).is_dir().then_some(())?;
    let package = ask(&["-qf", "--queryformat", "%{NAME}\n", path.as_str()])?.lines().next()?.to_owned();
    let manager = RPM_MANAGERS.into_iter().find(|(manager, _)| there(manager).is_some());
    let (manager, word) = manager.unwrap_or(("dnf", "upgrade"));
    Some(InstallSource { manager: manager.to_owned(), command: format!("{manager} {word} {package}") })
}

/// What a package of another manager says of itself. It speaks of what packages put below `/usr`, and not of what
/// the administrator did in `/usr/local`, `/opt` or a home.
fn said(root: &Root, path: &RootedPath) -> Option<InstallSource> {
    let below = |directory: &str| path.is_below(&RootedPath::from_trusted(directory));
    if !below("/usr") || below("/usr/local") {
        return None;
    }
    let text = root.read_lossy(&RootedPath::from_trusted(INSTALL_SOURCE)).ok().flatten()?;
    Some(toml::from_str(&text).unwrap_or_else(|_| InstallSource {
        manager: "a package manager".to_owned(),
        command: format!("see {INSTALL_SOURCE}"),
    }))
}

/// The kind of container whose image brought it.
pub(super) fn container() -> Option<String> {
    super::surroundings::place().container
}
