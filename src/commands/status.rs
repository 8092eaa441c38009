//! `qus status`.

use serde::Serialize;

use super::{Context, Failure};
use crate::cli::TargetArgs;
use crate::dropin;
use crate::exit::Exit;
use crate::hex::Sha256;
use crate::host::Host;
use crate::layout;
use crate::observed::{Binfmt, FileState, Observed, State, Unreachable};
use crate::receipt::Installed;
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
}

#[derive(Debug, Serialize)]
struct HostStatus {
    architecture: Host,
    kernel: String,
    binfmt_misc: &'static str,
}

#[derive(Debug, Serialize)]
struct TargetStatus {
    target: Target,
    oci: Option<&'static str>,
    state: State,
    installed: Option<InstalledStatus>,
    dropin: Option<DropinStatus>,
    entry: Option<EntryStatus>,
    runs: Option<String>,
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
struct EntryStatus {
    name: String,
    enabled: bool,
    interpreter: String,
    flags: String,
    owner: &'static str,
}

pub(super) fn run(args: &TargetArgs, context: &Context) -> Result<Exit, Failure> {
    let selection = Selection::resolve_or_all(&args.targets)?;
    context.clear_up()?;
    let targets: Vec<Target> = Target::all().filter(|target| selection.includes(*target)).collect();
    let observed = observe(&context.root, context.kernel(), Look { native: &targets, contents: &[], files: true })?;
    let document = Document {
        schema: 1,
        host: HostStatus {
            architecture: observed.host,
            kernel: format!("{}.{}", observed.kernel.0, observed.kernel.1),
            binfmt_misc: describe_binfmt(&observed.binfmt),
        },
        targets: targets.iter().map(|target| status_of(*target, &observed)).collect(),
    };
    context.ui.document(&document);
    show(&document, &selection, context);
    Ok(Exit::Done)
}

fn describe_binfmt(binfmt: &Binfmt) -> &'static str {
    match binfmt {
        Binfmt::NotAsked => "not looked at",
        Binfmt::Mounted(table) if table.enabled => "enabled",
        Binfmt::Mounted(_) => "disabled",
        Binfmt::Mountable | Binfmt::Unreachable(Unreachable::NoPrivilege | Unreachable::Private) => "not mounted",
        Binfmt::Unreachable(Unreachable::NotInKernel) => "not in the kernel",
    }
}

fn status_of(target: Target, observed: &Observed) -> TargetStatus {
    let installed = observed.receipt.targets.get(&target);
    let entry = observed.binfmt.table().and_then(|table| table.entry_of(target));
    TargetStatus {
        target,
        oci: target.oci(),
        state: observed.state(target),
        installed: installed.map(|installed| InstalledStatus {
            version: installed.version.clone(),
            path: installed.path.to_string(),
            sha256: installed.sha256,
        }),
        dropin: dropin_of(target, installed, observed),
        entry: entry.map(|entry| EntryStatus {
            name: entry.name().to_string(),
            enabled: entry.enabled,
            interpreter: entry.rule.interpreter.clone(),
            flags: entry.rule.flags.to_string(),
            owner: if layout::is_ours(&entry.rule.interpreter) { "qus" } else { "other" },
        }),
        runs: runs(target, observed),
    }
}

/// The entry that the kernel would use. Of several that match, which one is newest cannot be read
/// off the table; the one of the usual name is named.
fn runs(target: Target, observed: &Observed) -> Option<String> {
    let table = observed.binfmt.table().filter(|table| table.enabled)?;
    let usual = table.entry_of(target).filter(|entry| entry.enabled);
    usual.or_else(|| table.matching(target).next()).map(|entry| entry.name().to_string())
}

fn dropin_of(target: Target, installed: Option<&Installed>, observed: &Observed) -> Option<DropinStatus> {
    let path = dropin::path(target);
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
    let HostStatus { architecture, kernel, binfmt_misc } = &document.host;
    context.ui.result(format!("host {architecture}, Linux {kernel}, binfmt_misc {binfmt_misc}"));
    let shown = |status: &&TargetStatus| *selection != Selection::All || status.state != State::Absent;
    let rows: Vec<&TargetStatus> = document.targets.iter().filter(shown).collect();
    if !rows.is_empty() {
        context.ui.result(format!("\n{:<13}{:<12}{:<16}{}", "TARGET", "STATE", "VERSION", "RUN BY"));
    }
    for row in rows {
        let state = serde_json::to_value(row.state).ok();
        let state = state.as_ref().and_then(serde_json::Value::as_str).unwrap_or_default();
        let version = row.installed.as_ref().map_or("-", |installed| installed.version.as_str());
        let by = match &row.entry {
            Some(entry) if entry.enabled => format!("{} ({})", entry.interpreter, entry.flags),
            Some(entry) => format!("{}, disabled", entry.interpreter),
            None if row.state == State::Native => "the machine itself".to_owned(),
            None => "nothing".to_owned(),
        };
        context.ui.result(format!("{:<13}{state:<12}{version:<16}{by}", row.target.name()));
    }
    let absent = document.targets.iter().filter(|status| status.state == State::Absent).count();
    if *selection == Selection::All && absent > 0 {
        context.ui.result(format!("\n{absent} more targets can be had: qus install all"));
    }
}
