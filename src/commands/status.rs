//! `qus status`.

use serde::Serialize;

use super::{Context, Failure};
use crate::cli::TargetArgs;
use crate::conflict::Conflict;
use crate::dropin;
use crate::entry::{Entry, UnknownEntry};
use crate::exit::{Exit, Explain};
use crate::hex::Sha256;
use crate::host::Host;
use crate::observed::{Access, Binfmt, FileState, Observed, State, Unreachable};
use crate::owner::Owner;
use crate::place::{Keeper, Place};
use crate::receipt::Installed;
use crate::rule::KernelVersion;
use crate::system::observe::{Look, observe};
use crate::target::Target;
use crate::version::Version;
use crate::wanted::Selection;

/// `qus status --json`: a promise to others.
#[derive(Debug, Serialize)]
struct Document {
    schema: u32,
    host: HostStatus,
    targets: Vec<TargetStatus>,
    /// Entries of the kernel that belong to none of the targets.
    others: Vec<EntryStatus>,
    /// Entries of a kind that this version does not know.
    unknown: Vec<UnknownEntry>,
}

#[derive(Debug, Serialize)]
struct HostStatus {
    architecture: Host,
    /// The running kernel; none for an image, which will be booted by another.
    kernel: Option<String>,
    binfmt_misc: &'static str,
    /// Why its table is not to be had, if it is not.
    unreachable: Option<Unreachable>,
    /// With whom the kernel's entries stay, if there is a table.
    keeper: Option<Keeper>,
    #[serde(flatten)]
    place: Place,
}

#[derive(Debug, Serialize)]
struct TargetStatus {
    target: Target,
    oci: Option<&'static str>,
    state: State,
    /// Whether the machine runs its programs by itself, whatever is registered.
    native: bool,
    installed: Option<InstalledStatus>,
    dropin: Option<DropinStatus>,
    /// The entry of the target: qus's, else the one of the usual name, else the one that answers.
    entry: Option<EntryStatus>,
    /// Name of the entry that the kernel uses for the target's usual programs.
    runs: Option<String>,
    /// Whose entry is to go before qus's, if that was settled.
    preferred: Option<String>,
    /// Names of others that it uses for some of the target's programs.
    runs_some: Vec<String>,
    /// Whose rule answers after a boot, as configured.
    boot: Option<BootStatus>,
}

#[derive(Debug, Serialize)]
struct InstalledStatus {
    version: Version,
    path: String,
    sha256: Sha256,
}

#[derive(Debug, Serialize)]
struct DropinStatus {
    path: String,
    state: &'static str,
}

#[derive(Debug, Serialize)]
struct BootStatus {
    path: String,
    owner: Owner,
}

#[derive(Clone, Debug, Serialize)]
struct EntryStatus {
    name: String,
    enabled: bool,
    interpreter: String,
    flags: String,
    owner: Owner,
}

pub(super) fn run(args: &TargetArgs, context: &Context) -> Result<Exit, Failure> {
    let selection = Selection::resolve_or_all(&args.targets)?;
    context.clear_up()?;
    let targets: Vec<Target> = Target::all().filter(|target| selection.includes(*target)).collect();
    let observed = observe(&context.root, context.kernel(), Look { native: &targets, contents: &[], files: true })?;
    let table = observed.binfmt.table();
    let document = Document {
        schema: 1,
        host: HostStatus {
            architecture: observed.host,
            kernel: (observed.kernel != KernelVersion::NEWEST)
                .then(|| format!("{}.{}", observed.kernel.0, observed.kernel.1)),
            binfmt_misc: describe_binfmt(&observed.binfmt),
            unreachable: match observed.binfmt {
                Binfmt::Unreachable(why) => Some(why),
                _ => None,
            },
            keeper: table.map(|table| table.keeper),
            place: observed.place.clone(),
        },
        targets: targets.iter().map(|target| status_of(*target, &observed)).collect(),
        others: others(&observed),
        unknown: table.map(|table| table.unknown.clone()).unwrap_or_default(),
    };
    context.ui.document(&document);
    show(&document, &selection, context);
    tell_table(&observed, context);
    Ok(Exit::Done)
}

fn describe_binfmt(binfmt: &Binfmt) -> &'static str {
    match binfmt {
        Binfmt::NotAsked => "not looked at",
        Binfmt::Mounted(table) if table.enabled => "enabled",
        Binfmt::Mounted(_) => "disabled",
        Binfmt::Unreachable(Unreachable::NotInKernel | Unreachable::NotLoaded | Unreachable::Wsl1) => {
            "not in the kernel"
        }
        Binfmt::Mountable | Binfmt::Unreachable(_) => "not mounted",
    }
}

fn status_of(target: Target, observed: &Observed) -> TargetStatus {
    let installed = observed.receipt.targets.get(&target);
    let table = observed.binfmt.table();
    let answering = table.filter(|table| table.enabled).map(|table| table.answering(target)).unwrap_or_default();
    let usual = || table.and_then(|table| table.entry_of(target));
    let entry = observed.ours(target).or_else(usual).or(answering.first().copied());
    let mut names = answering.iter().map(|entry| entry.name().to_string());
    TargetStatus {
        target,
        oci: target.oci(),
        state: observed.state(target),
        native: observed.native.contains(&target),
        installed: installed.map(|installed| InstalledStatus {
            version: installed.version.clone(),
            path: installed.path.to_string(),
            sha256: installed.sha256,
        }),
        dropin: dropin_of(target, installed, observed),
        entry: entry.map(|entry| entry_status(entry, observed)),
        runs: names.next(),
        runs_some: names.collect(),
        preferred: installed.and_then(|installed| Some(installed.yields.as_ref()?.word.clone())),
        boot: observed
            .configuration
            .winner(target)
            .map(|(file, rule)| BootStatus { path: file.path.to_string(), owner: Owner::of_rule(file, rule) }),
    }
}

fn entry_status(entry: &Entry, observed: &Observed) -> EntryStatus {
    EntryStatus {
        name: entry.name().to_string(),
        enabled: entry.enabled,
        interpreter: entry.rule.interpreter.clone(),
        flags: entry.rule.flags.to_string(),
        owner: observed.owner(entry),
    }
}

fn others(observed: &Observed) -> Vec<EntryStatus> {
    let entries = observed.binfmt.table().map(|table| table.entries.as_slice()).unwrap_or_default();
    let of_target = |entry: &&Entry| Target::all().any(|target| entry.rule.pattern.takes(target));
    entries.iter().filter(|entry| !of_target(entry)).map(|entry| entry_status(entry, observed)).collect()
}

fn dropin_of(target: Target, installed: Option<&Installed>, observed: &Observed) -> Option<DropinStatus> {
    let path = installed.map_or_else(|| Some(dropin::path(target)), |installed| installed.dropin.clone())?;
    let state = match (observed.files.get(&path), installed) {
        (None, None) => return None,
        (None, Some(_)) => "missing",
        (Some(FileState::Text(text)), Some(installed)) if *text == dropin::text(&installed.rule) => "ok",
        (Some(FileState::Link(to)), _) if to == "/dev/null" => "masked",
        _ => "foreign",
    };
    Some(DropinStatus { path: path.to_string(), state })
}

fn show(document: &Document, selection: &Selection, context: &Context) {
    let HostStatus { architecture, kernel, binfmt_misc, place, .. } = &document.host;
    let mut words = vec![format!("host {architecture}")];
    words.extend(kernel.as_ref().map(|kernel| format!("Linux {kernel}")));
    words.push(format!("binfmt_misc {binfmt_misc}"));
    words.push(place.to_string());
    words.retain(|word| !word.is_empty());
    context.ui.result(words.join(", "));
    let shown = |status: &&TargetStatus| *selection != Selection::All || status.state != State::Absent;
    let rows: Vec<&TargetStatus> = document.targets.iter().filter(shown).collect();
    let versions = rows.iter().filter_map(|row| Some(row.installed.as_ref()?.version.as_str().len()));
    let width = versions.max().unwrap_or_default().max(14) + 2;
    if !rows.is_empty() {
        context.ui.result(format!("\n{:<13}{:<12}{:<width$}{}", "TARGET", "STATE", "VERSION", "RUN BY"));
    }
    for row in &rows {
        let state = serde_json::to_value(row.state).ok();
        let state = state.as_ref().and_then(serde_json::Value::as_str).unwrap_or_default();
        let version = row.installed.as_ref().map_or("-", |installed| installed.version.as_str());
        context.ui.result(format!("{:<13}{state:<12}{version:<width$}{}", row.target.name(), run_by(row, document)));
    }
    if *selection == Selection::All {
        show_rest(document, context);
    }
    for row in &rows {
        tell(row, context);
    }
}

/// What is to be known of the kernel's table, if it is not simply the machine's.
fn tell_table(observed: &Observed, context: &Context) {
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
    if row.native && row.runs.is_some() {
        context.ui.note(format!("{target} is emulated, though this machine runs it by itself"));
    }
    if let (Some(_), Some(dropin)) = (&row.installed, &row.dropin)
        && dropin.state != "ok"
    {
        context.ui.note(format!("the drop-in of {target}, {}, is {}", dropin.path, dropin.state));
    }
    if let (State::Ready, Some(boot)) = (row.state, &row.boot)
        && boot.owner != Owner::Qus
    {
        let owner = boot.owner.title();
        context.ui.note(format!(
            "after a boot {target} is run by {owner}, for \"{}\" comes last; settle it: qus prefer {target} qus",
            boot.path
        ));
    }
}
