//! Whom this machine trusts, for people.

use super::super::Context;
use super::document::{Document, RepositoryStatus, RoleStatus, SeenStatus};
use crate::moment::Moment;

/// Shows a paragraph a repository.
pub(super) fn show(document: &Document, context: &Context) {
    let now = document.clock.now;
    for (number, repository) in document.repositories.iter().enumerate() {
        if number > 0 {
            context.ui.result("");
        }
        show_repository(repository, now, context);
    }
    if document.repositories.is_empty() {
        context.ui.result("this machine trusts no repository yet: none was published when this qus was built");
        context.ui.help("put the anchor.json of a repository, received on another way, into /etc/qus/trust.d");
    }
    if document.clock.behind {
        let since = document.clock.not_before;
        context.ui.warn(format!("this machine's clock says {now}, and cannot be right: it was {since} already"));
        context.ui.help("set this machine's clock: date; timedatectl set-ntp true");
    }
}

fn show_repository(status: &RepositoryStatus, now: Moment, context: &Context) {
    let ui = context.ui;
    ui.result(&status.url);
    let from = status.anchor.file.as_deref().unwrap_or("this qus, as it was built");
    let row = |name: &str, text: String| ui.result(format!("  {name:<10}{text}"));
    let root = &status.root;
    row("trusted by", format!(" {from}"));
    row("root", format!(" {}, {}", root.version, until(root.expires, root.expired, now)));
    row("roots", format!(" signed by {}", signers(&root.roles.root)));
    row("releases", format!(" signed by {}", signers(&root.roles.release)));
    row("index", format!(" signed by {}", signers(&root.roles.index)));
    if root.revoked > 0 {
        row("revoked", format!(" {}", count(root.revoked, "archive")));
    }
    match &status.seen {
        None => row("last seen", " nothing yet".to_owned()),
        Some(seen) => show_seen(seen, now, &row),
    }
    if ui.is_verbose() {
        let roles = [("root", &root.roles.root), ("release", &root.roles.release), ("index", &root.roles.index)];
        for (name, key) in roles.iter().flat_map(|(name, role)| role.keys.iter().map(move |key| (name, key))) {
            row("key", format!(" {name} {}: {} (id {})", key.label, key.key, key.id));
        }
    }
    if root.expired {
        ui.warn(format!("root {} of {} has expired: nothing is installed by it", root.version, status.url));
        ui.help("qus install looks for a newer one; if there is none, its publisher must make one");
    }
    if status.seen.as_ref().is_some_and(|seen| seen.expired) {
        ui.warn(format!(
            "what was last seen of {} has expired: whether there is something newer is not known",
            status.url
        ));
        ui.help("qus install TARGET asks again; if it says the same, the publisher must renew the index");
    }
}

fn show_seen(seen: &SeenStatus, now: Moment, row: &dyn Fn(&str, String)) {
    let serials: Vec<String> = seen.serials.iter().map(|seen| format!("{} of {}", seen.serial, seen.label)).collect();
    // After a change of keys nothing is known of the new one yet.
    let serials = if serials.is_empty() { "none of the present key".to_owned() } else { serials.join(", ") };
    row("last seen", format!(" serial {serials}, issued {}, {}", seen.issued, until(seen.expires, seen.expired, now)));
    row("", format!(" {} withdrawn, {}", count(seen.withdrawn, "version"), advisories(seen.advisories)));
}

fn signers(role: &RoleStatus) -> String {
    let labels: Vec<&str> = role.keys.iter().map(|key| key.label.as_str()).collect();
    match labels[..] {
        [only] => only.to_owned(),
        _ => format!("{} of {}", role.threshold, labels.join(", ")),
    }
}

/// `until 2027-11-20T18:00:00Z (364 days)`.
fn until(end: Moment, over: bool, now: Moment) -> String {
    const DAY: u64 = 24 * 60 * 60;
    if over {
        let days = usize::try_from((now.0 - end.0) / DAY).unwrap_or(usize::MAX);
        format!("expired {end} ({} ago)", count(days, "day"))
    } else {
        let days = usize::try_from((end.0 - now.0) / DAY).unwrap_or(usize::MAX);
        format!("until {end} ({} left)", count(days, "day"))
    }
}

fn advisories(number: usize) -> String {
    if number == 1 { "1 advisory".to_owned() } else { format!("{number} advisories") }
}

fn count(number: usize, thing: &str) -> String {
    if number == 1 { format!("1 {thing}") } else { format!("{number} {thing}s") }
}
