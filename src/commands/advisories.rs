//! Known faults of what is installed.

use serde::Serialize;

use super::Context;
use crate::news::News;
use crate::observed::Observed;
use crate::target::Target;
use crate::version::Version;

/// A known fault of an installed version.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Fault {
    pub(super) target: Target,
    pub(super) version: Version,
    /// What happens.
    pub(super) what: String,
    /// Where it was reported.
    pub(super) source: String,
}

/// The known faults of what is installed of `targets`.
pub(super) fn of(targets: impl IntoIterator<Item = Target>, observed: &Observed, news: &News) -> Vec<Fault> {
    let installed = targets.into_iter().filter_map(|target| Some((target, observed.receipt.targets.get(&target)?)));
    let faults = installed.flat_map(|(target, installed)| {
        let version = &installed.version;
        let known = news.concerning(target, version, observed.host, observed.kernel);
        known.map(move |known| Fault {
            target,
            version: version.clone(),
            what: known.what.clone(),
            source: known.source.clone(),
        })
    });
    faults.collect()
}

/// Tells each fault once, with the targets that it meets and what to type for them.
pub(super) fn tell(faults: &[Fault], cure: impl Fn(&[Target]) -> String, context: &Context) {
    let mut waiting: Vec<&Fault> = faults.iter().collect();
    while let Some(first) = waiting.first().copied() {
        let is_same = |fault: &&Fault| (&fault.what, &fault.version) == (&first.what, &first.version);
        let (same, others): (Vec<_>, Vec<_>) = waiting.into_iter().partition(is_same);
        waiting = others;
        let targets: Vec<Target> = same.iter().map(|fault| fault.target).collect();
        let Fault { version, what, source, .. } = first;
        let (names, cure) = (names(&targets), cure(&targets));
        context.ui.note(format!("{names} in version {version} has a known fault: {what} ({source}); {cure}"));
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
