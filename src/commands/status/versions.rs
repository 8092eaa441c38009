//! What is to be known of the versions that are installed.

use std::collections::BTreeMap;

use super::super::{Context, advisories};
use super::document::{Document, NewsStatus};
use crate::news::News;
use crate::observed::Observed;
use crate::target::Target;
use crate::version::Version;
use crate::wanted::Selection;

/// Tells of revoked and withdrawn versions, of known faults, and of how old the news are.
pub(super) fn tell(document: &Document, selection: &Selection, observed: &Observed, news: &News, context: &Context) {
    tell_revoked(document, observed, news, context);
    tell_withdrawn(document, observed, news, context);
    advisories::tell_tool(news, context);
    advisories::tell(&document.advisories, observed, |targets| cure(targets, observed, news), context);
    for NewsStatus { repository, issued, expires, expired } in &document.news {
        if *expired {
            let what = "what was last heard of it may be out of date: qus update --check";
            context.ui.note(format!("the news of {repository} expired at {expires}; {what}"));
        } else if *selection == Selection::All {
            context.ui.result(format!("\nNews of {repository}: of {issued}, good until {expires}"));
        }
    }
}

/// Each revoked version once: what is installed, and what is kept.
fn tell_revoked(document: &Document, observed: &Observed, news: &News, context: &Context) {
    let (mut revoked, mut kept): (Versions, Versions) = Default::default();
    for row in &document.targets {
        let Some(installed) = &row.installed else { continue };
        if installed.revoked {
            revoked.entry(&installed.version).or_default().push(row.target);
        }
        for version in &installed.previous_revoked {
            kept.entry(version).or_default().push(row.target);
        }
    }
    for (version, targets) in revoked {
        let (names, cure) = (advisories::names(&targets), cure(&targets, observed, news));
        let what = "which was revoked: nobody is to run it any more";
        context.ui.warn(format!("{names} in version {version}, {what}; {cure}; or none: qus remove {names}"));
    }
    for (version, targets) in kept {
        let names = advisories::names(&targets);
        let what = "which was revoked and is not gone back to";
        context.ui.note(format!("{names} kept in version {version} too, {what}; to take it away: qus update {names}"));
    }
}

/// Targets by version.
type Versions<'a> = BTreeMap<&'a Version, Vec<Target>>;

/// Each withdrawn version once.
fn tell_withdrawn(document: &Document, observed: &Observed, news: &News, context: &Context) {
    let mut withdrawn: BTreeMap<(&Version, &str), Vec<Target>> = BTreeMap::new();
    for row in &document.targets {
        if let Some(installed) = &row.installed
            && let Some(why) = &installed.withdrawn
        {
            withdrawn.entry((&installed.version, why)).or_default().push(row.target);
        }
    }
    for ((version, why), targets) in withdrawn {
        let (names, cure) = (advisories::names(&targets), cure(&targets, observed, news));
        context.ui.note(format!("{names} in version {version}, which was withdrawn: {why}; {cure}"));
    }
}

/// What to type about a version that is not sound: whether there is a newer one, only its repository knows.
fn cure(targets: &[Target], observed: &Observed, news: &News) -> String {
    let back = |target: &Target| {
        let installed = observed.receipt.targets.get(target);
        installed.is_some_and(|installed| news.lets_go_back(*target, installed, observed.host, observed.kernel))
    };
    let names = advisories::names(targets);
    if targets.iter().all(back) {
        format!("a newer one, if there is any: qus update {names}; or back: qus rollback {names}")
    } else {
        format!("a newer one, if there is any: qus update {names}")
    }
}
