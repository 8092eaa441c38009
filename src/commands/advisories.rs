//! Known faults of what is installed.

use std::collections::BTreeMap;

use serde::Serialize;

use super::Context;
use crate::advisory::Advisory;
use crate::dropin::packaged;
use crate::news::News;
use crate::observed::Observed;
use crate::package::Deed;
use crate::target::Target;
use crate::version::Version;

/// A known fault of an installed version.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Fault {
    pub(super) target: Target,
    pub(super) version: Version,
    /// The package that brought it, if one did.
    pub(super) package: Option<String>,
    /// What happens.
    pub(super) what: String,
    /// Where it was reported.
    pub(super) source: String,
}

/// The known faults of what is installed of `targets`.
pub(super) fn of(targets: impl IntoIterator<Item = Target>, observed: &Observed, news: &News) -> Vec<Fault> {
    let installed = targets.into_iter().filter_map(|target| Some((target, observed.receipt.targets.get(&target)?)));
    installed.flat_map(|(target, installed)| known(target, &installed.version, None, observed, news)).collect()
}

/// The known faults of what packages brought of `targets`, in `versions`. What is downloaded goes before it, unless
/// somebody else is preferred to that.
pub(super) fn of_packages(
    targets: &[Target],
    versions: &BTreeMap<String, String>,
    observed: &Observed,
    news: &News,
) -> Vec<Fault> {
    let is_hidden =
        |target: &Target| observed.receipt.targets.get(target).is_some_and(|installed| installed.yields.is_none());
    let there = targets.iter().filter(|target| observed.packaged.emulators.contains_key(target) && !is_hidden(target));
    let faults = there.filter_map(|target| {
        let package = packaged::package(*target);
        let version: Version = versions.get(&package)?.parse().ok()?;
        Some(known(*target, &version, Some(&package), observed, news))
    });
    faults.flatten().collect()
}

fn known(target: Target, version: &Version, package: Option<&str>, observed: &Observed, news: &News) -> Vec<Fault> {
    let known = news.concerning(target, version, observed.host, observed.kernel);
    let fault = |known: &Advisory| Fault {
        target,
        version: version.clone(),
        package: package.map(str::to_owned),
        what: known.what.clone(),
        source: known.source.clone(),
    };
    known.map(fault).collect()
}

/// Tells each fault once, with the targets that it meets and what to type for them: `cure` knows it of what was
/// downloaded.
pub(super) fn tell(faults: &[Fault], observed: &Observed, cure: impl Fn(&[Target]) -> String, context: &Context) {
    let mut waiting: Vec<&Fault> = faults.iter().collect();
    while let Some(first) = waiting.first().copied() {
        let key = |fault: &Fault| (fault.what.clone(), fault.version.clone(), fault.package.is_some());
        let (same, others): (Vec<_>, Vec<_>) = waiting.into_iter().partition(|fault| key(fault) == key(first));
        waiting = others;
        let targets: Vec<Target> = same.iter().map(|fault| fault.target).collect();
        let packages: Vec<&str> = same.iter().filter_map(|fault| fault.package.as_deref()).collect();
        let (of, cure) = if packages.is_empty() {
            ("", cure(&targets))
        } else {
            let upgrade = observed.packaged.manager.command(Deed::Upgrade, &packages.join(" "));
            (" of a package", format!("a newer one, if there is any: {upgrade}"))
        };
        let (Fault { version, what, source, .. }, names) = (first, names(&targets));
        context.ui.note(format!("{names}{of} in version {version} has a known fault: {what} ({source}); {cure}"));
    }
}

/// Says so if this very version of qus was withdrawn.
pub(super) fn tell_tool(news: &News, context: &Context) {
    let Ok(present) = env!("CARGO_PKG_VERSION").parse::<Version>() else { return };
    for (repository, why) in news.withdrawers_of_tool(&present) {
        context
            .ui
            .note(format!("this qus, {present}, was withdrawn by {repository}: {why}; a newer one: qus self-update"));
    }
}

/// Targets in a row.
pub(super) fn names(targets: &[Target]) -> String {
    targets.iter().map(|target| target.name()).collect::<Vec<_>>().join(" ")
}
