//! The machine's status for people.

use super::super::Context;
use super::document::{Document, EntryStatus, HostStatus, PackageStatus, TargetStatus};
use crate::conflict::Conflict;
use crate::dropin::packaged;
use crate::exit::Explain;
use crate::observed::{Access, Binfmt, Observed, State};
use crate::owner::Owner;
use crate::place::Keeper;
use crate::wanted::Selection;

/// Shows a row a target, and what is to be known beside.
pub(super) fn show(document: &Document, selection: &Selection, context: &Context) {
    let HostStatus { architecture, kernel, binfmt_misc, place, .. } = &document.host;
    let mut words = vec![format!("host {architecture}")];
    words.extend(kernel.as_ref().map(|kernel| format!("Linux {kernel}")));
    words.push(format!("binfmt_misc {binfmt_misc}"));
    words.push(place.to_string());
    words.retain(|word| !word.is_empty());
    context.ui.result(words.join(", "));
    let shown = |status: &&TargetStatus| *selection != Selection::All || status.state != State::Absent;
    let rows: Vec<&TargetStatus> = document.targets.iter().filter(shown).collect();
    let width = rows.iter().map(|row| version(row).len()).max().unwrap_or_default().max(14) + 2;
    if !rows.is_empty() {
        context.ui.result(format!("\n{:<13}{:<12}{:<width$}{}", "TARGET", "STATE", "VERSION", "RUN BY"));
    }
    for row in &rows {
        let state = serde_json::to_value(row.state).ok();
        let state = state.as_ref().and_then(serde_json::Value::as_str).unwrap_or_default();
        let version = version(row);
        context.ui.result(format!("{:<13}{state:<12}{version:<width$}{}", row.target.name(), run_by(row, document)));
    }
    if *selection == Selection::All {
        show_rest(document, context);
    }
    for row in &rows {
        tell(row, context);
    }
}

/// What is installed of a target, and what is not as usual about it.
fn version(row: &TargetStatus) -> String {
    let Some(installed) = &row.installed else {
        return match &row.package {
            Some(package) => package.version.clone().unwrap_or_else(|| "of a package".to_owned()),
            None => "-".to_owned(),
        };
    };
    let mut words = vec![installed.version.to_string()];
    words.extend((!installed.usual_channel).then(|| installed.channel.to_string()));
    words.extend(installed.pinned.then(|| "pinned".to_owned()));
    words.extend(installed.withdrawn.as_ref().map(|_| "withdrawn".to_owned()));
    words.extend(installed.revoked.then(|| "revoked".to_owned()));
    words.extend(installed.previous.first().map(|previous| format!("(before {previous})")));
    words.join(" ")
}

/// What is to be known of the kernel's table, if it is not simply the machine's.
pub(super) fn tell_table(observed: &Observed, context: &Context) {
    let table = match &observed.binfmt {
        Binfmt::Mounted(table) => table,
        Binfmt::Unreachable(why) => {
            let why = Conflict::unreachable(*why);
            return context.ui.note(match why.help() {
                Some(help) => format!("{why}; {help}"),
                None => why.to_string(),
            });
        }
        Binfmt::NotAsked | Binfmt::Mountable => return,
    };
    let foreign = observed.place.user_namespace || observed.place.container.is_some();
    match table.keeper {
        Keeper::Nobody => {
            context.ui.warn("binfmt_misc is mounted in this mount namespace alone: every entry vanishes with it");
        }
        Keeper::UserNamespace => {
            context.ui.note("this table is the user namespace's own: it serves programs in it and no others");
        }
        Keeper::Machine if foreign && table.access == Access::Writable => {
            context.ui.note("this table is the machine's: what is registered from here serves all of it");
        }
        Keeper::Outside if table.access == Access::Writable => {
            context.ui.note("this table is mounted outside too: what is registered from here stays as long as that");
        }
        Keeper::Machine | Keeper::Outside => {}
    }
}

/// Who runs a target, as a row's end.
fn run_by(row: &TargetStatus, document: &Document) -> String {
    let described = |entry: &EntryStatus| match entry.owner {
        Owner::Qus => format!("{} ({})", entry.interpreter, entry.flags),
        Owner::Package if row.package.is_some() => {
            format!("{} ({}), package {}", entry.interpreter, entry.flags, packaged::package(row.target))
        }
        owner => format!("{} ({}), {}", entry.interpreter, entry.flags, owner.title()),
    };
    match (&row.runs, &row.entry) {
        (Some(runs), Some(entry)) if *runs == entry.name => described(entry),
        (Some(runs), _) => {
            let by = document.targets.iter().filter_map(|other| other.entry.as_ref()).chain(&document.others);
            let by = by.clone().find(|entry| entry.name == *runs);
            by.map_or_else(|| format!("entry \"{runs}\""), described)
        }
        (None, Some(entry)) if !entry.enabled => format!("{}, disabled", entry.interpreter),
        (None, _) if row.state == State::Native => "the machine itself".to_owned(),
        (None, _) => "nothing".to_owned(),
    }
}

fn show_rest(document: &Document, context: &Context) {
    let mut rest: Vec<String> =
        document.others.iter().map(|entry| format!("{} ({})", entry.name, entry.owner.title())).collect();
    rest.extend(document.unknown.iter().map(|entry| format!("{} (of a kind unknown to this qus)", entry.name)));
    if !rest.is_empty() {
        context.ui.result(format!("\nOther entries: {}", rest.join(", ")));
    }
    let absent = document.targets.iter().filter(|status| status.state == State::Absent).count();
    if absent > 0 {
        context.ui.result(format!("\n{absent} more targets can be had: qus install all"));
    }
}

/// Who goes before a package's emulator, or why nothing uses it.
fn tell_package(row: &TargetStatus, package: &PackageStatus, context: &Context) {
    let (target, name) = (row.target, &package.name);
    let settled = row.preferred.is_some();
    match (&row.installed, row.state) {
        (Some(installed), _) if !settled => context.ui.note(format!(
            "{target} is installed twice: the downloaded {} goes before package {name}; to use that one: qus remove {target}, or qus prefer {target} package",
            installed.version
        )),
        (Some(_), _) | (None, State::Native) => {}
        (None, _) if package.dropin == "masked" => {
            context.ui.note(format!("package {name} is masked, and not registered at boot"));
        }
        (None, State::Registered) => {
            context.ui.note(format!("{target} is not run by package {name}: another entry answers"));
        }
        (None, _) if package.dropin != "ok" => {
            context.ui.note(format!("package {name} is not registered at boot: qus packaged add {target}"));
        }
        (None, State::Installed) if context.kernel.is_some() && row.runs.is_none() => {
            context.ui.note(format!("package {name} is installed and not registered: qus apply {target}"));
        }
        _ => {}
    }
}

/// What is not as it was installed, and what to type.
fn tell(row: &TargetStatus, context: &Context) {
    let target = row.target;
    match row.state {
        State::Conflict => {
            let runs = row.runs.iter().chain(&row.runs_some).cloned().collect::<Vec<_>>().join("\" and \"");
            context.ui.note(format!(
                "{target} is installed, but entry \"{runs}\" answers; for qus's: qus prefer {target} qus"
            ));
        }
        State::Installed if row.preferred.is_some() && row.runs.is_some() => {
            let word = row.preferred.as_deref().unwrap_or_default();
            context.ui.note(format!("{target} is left to {word}, as preferred; back again: qus prefer {target} qus"));
        }
        State::Stale | State::Installed
            if row.installed.is_some() && context.kernel.is_some() && row.runs.is_none() =>
        {
            context.ui.note(format!("{target} is installed and not registered: qus apply {target}"));
        }
        State::Stale => context.ui.note(format!("{target} still runs an older file than the one installed: qus apply")),
        _ => {}
    }
    if let Some(package) = &row.package {
        tell_package(row, package, context);
    }
    if row.native && row.runs.is_some() {
        context.ui.note(format!("{target} is emulated, though this machine runs it by itself"));
    }
    if let (Some(_), Some(dropin)) = (&row.installed, &row.dropin)
        && dropin.state != "ok"
    {
        context.ui.note(format!("the drop-in of {target}, {}, is {}", dropin.path, dropin.state));
    }
    let own = if row.installed.is_some() { Owner::Qus } else { Owner::Package };
    if let (State::Ready, Some(boot)) = (row.state, &row.boot)
        && boot.owner != own
    {
        let owner = boot.owner.title();
        let cure = if own == Owner::Qus { format!("; settle it: qus prefer {target} qus") } else { String::new() };
        context.ui.note(format!("after a boot {target} is run by {owner}, for \"{}\" comes last{cure}", boot.path));
    }
}
