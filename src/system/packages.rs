//! Looking at what packages of emulators brought, and who brings packages here.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::process::{Command, Stdio};

use super::root::{FileError, Root};
use super::tool_owner::{DPKG, RPM_MANAGERS};
use super::trial::hear;
use crate::configuration::DropIn;
use crate::dropin::packaged;
use crate::observed::{FileState, Packaged, PackagedEmulator};
use crate::package::Manager;
use crate::rooted::RootedPath;
use crate::rule::HEAD;
use crate::target::Target;

/// What dpkg knows of every package (dpkg(1), FILES).
const DPKG_STATUS: &str = "/var/lib/dpkg/status";

/// Looks at the emulators, their rules, and the links to these.
pub(super) fn look(root: &Root) -> Result<Packaged, FileError> {
    let mut found = Packaged::default();
    if root.layout().drop_ins().is_none() {
        // A user's own installation has no part in them.
        return Ok(found);
    }
    for target in named(root, &packaged::path)? {
        found.emulators.extend(emulator(target, root)?.map(|emulator| (target, emulator)));
    }
    for target in named(root, &packaged::link)? {
        let path = packaged::link(target);
        let state = match root.look(&path)? {
            Some(FileState::File(_)) => root.read_lossy(&path)?.map(FileState::Text),
            other => other,
        };
        found.links.extend(state.map(|state| (target, state)));
    }
    if !found.emulators.is_empty() || !found.links.is_empty() {
        let target = found.emulators.keys().chain(found.links.keys()).next();
        found.manager = manager(root, target.map(|target| packaged::package(*target)));
    }
    Ok(found)
}

/// The targets of which there is a file in the directory where `path` has one of each.
fn named(root: &Root, path: &dyn Fn(Target) -> RootedPath) -> Result<Vec<Target>, FileError> {
    let Some(directory) = Target::all().next().and_then(|target| path(target).parent()) else { return Ok(Vec::new()) };
    Ok(root.list(&directory)?.iter().filter_map(|name| packaged::target_of(name)).collect())
}

/// The emulator of `target`, if it is there with a rule for it.
fn emulator(target: Target, root: &Root) -> Result<Option<PackagedEmulator>, FileError> {
    let (path, file) = (packaged::path(target), packaged::emulator(target));
    let text = root.read_lossy(&path)?.unwrap_or_default();
    let rule = DropIn::parse(path, &text).rules.into_iter().find(|rule| rule.interpreter == file.as_str());
    let (Some(rule), Some(FileState::File(_))) = (rule, root.look(&file)?) else { return Ok(None) };
    let mut head = Vec::new();
    // One that cannot be read is there all the same; what it runs on is not known.
    let _ = File::open(root.locate(&file)).and_then(|file| file.take(HEAD as u64).read_to_end(&mut head));
    Ok(Some(PackagedEmulator { rule, head }))
}

/// Who brings packages to the system below `root`: whoever brought `package`, where that is known.
fn manager(root: &Root, package: Option<String>) -> Manager {
    let look = |path: &str| root.look(&RootedPath::from_trusted(path)).ok().flatten();
    let is_listed = package.is_some_and(|package| look(&format!("{DPKG}/{package}.list")).is_some());
    // Where dpkg is a program like any other, it knows of no package.
    if is_listed || matches!(look(DPKG_STATUS), Some(FileState::File(1..))) {
        return Manager::Apt;
    }
    let named = |name: &str| Manager::ALL.into_iter().find(|manager| manager.name() == Some(name));
    let mut of_rpm = RPM_MANAGERS.into_iter().filter(|(name, _)| look(&format!("/usr/bin/{name}")).is_some());
    of_rpm.find_map(|(name, _)| named(name)).unwrap_or_default()
}

/// The versions of packages, by their names, as far as they are known.
pub fn versions(root: &Root, manager: Manager, packages: &[String]) -> BTreeMap<String, String> {
    match manager {
        _ if packages.is_empty() => BTreeMap::new(),
        Manager::Apt => {
            let text = root.read_lossy(&RootedPath::from_trusted(DPKG_STATUS)).ok().flatten().unwrap_or_default();
            let paragraphs = text.split("\n\n").filter_map(|paragraph| {
                let field = |name: &str| paragraph.lines().find_map(|line| line.strip_prefix(name));
                let package = field("Package: ").filter(|package| packages.iter().any(|wanted| wanted == package))?;
                Some((package.to_owned(), field("Version: ")?.to_owned()))
            });
            paragraphs.collect()
        }
        // Its database is of its own kind, and the running system's.
        _ if root.is_system() => {
            let mut command = Command::new("rpm");
            command
                .args(["-q", "--queryformat", "%{NAME} %{VERSION}-%{RELEASE}\n"])
                .args(packages)
                .stderr(Stdio::null());
            let said = hear(command, super::tool_owner::PATIENCE).map(|(said, _)| said).unwrap_or_default();
            // What it does not know it tells in a sentence.
            let known =
                |(name, version): &(&str, &str)| packages.iter().any(|wanted| wanted == name) && !version.contains(' ');
            let lines = said.lines().filter_map(|line| line.split_once(' ')).filter(known);
            lines.map(|(name, version)| (name.to_owned(), version.to_owned())).collect()
        }
        _ => BTreeMap::new(),
    }
}
