//! The whole machine: every target that is installed or registered, and every neighbour.

use serde::Serialize;

use super::super::{Context, Failure};
use super::document::{FindingDocument, ResultDocument};
use super::text;
use crate::diagnosis::{self, Attempt, Cause, Diagnosis, Finding, Weight};
use crate::entry::Entry;
use crate::exit::Exit;
use crate::observed::{Observed, State};
use crate::owner::Owner;
use crate::proof::Outcome;
use crate::system::examine;
use crate::system::observe::{Look, ObserveError, observe};
use crate::target::Target;
use crate::ui::Ui;

/// `qus doctor --json`.
#[derive(Debug, Serialize)]
struct Document {
    schema: u32,
    healthy: bool,
    /// What is amiss with the kernel's table itself.
    findings: Vec<FindingDocument>,
    targets: Vec<ResultDocument>,
    neighbours: Vec<NeighbourDocument>,
}

/// Somebody else's entry.
#[derive(Debug, Serialize)]
struct NeighbourDocument {
    entry: String,
    owner: Owner,
    enabled: bool,
    interpreter: String,
    /// Whether the file that it names is there and can be executed, or is held by the kernel.
    usable: bool,
    /// The targets whose programs it is asked for first.
    answers: Vec<Target>,
}

pub(super) fn run(context: &Context) -> Result<Exit, Failure> {
    let all: Vec<Target> = Target::all().collect();
    let observed = match observe(&context.root, context.kernel(), Look { native: &all, contents: &all, files: true }) {
        Err(ObserveError::NoProc) => return Ok(without_proc(context)),
        observed => observed?,
    };
    let entries = observed.binfmt.table().into_iter().flat_map(|table| &table.entries);
    let news = super::news(&observed, context);
    let around = examine::around(entries, &news);
    let meant = |target: &Target| !matches!(observed.state(*target), State::Absent | State::Native);
    let itself = diagnosis::of_table(&observed).map(Diagnosis::of);
    let mut found = Vec::new();
    for target in Target::all().filter(meant) {
        let examined = examine::probe(target, &observed);
        let diagnosis =
            diagnosis::installed(target, &observed, &news, diagnosis::program(&examined, &observed, &around));
        let document = ResultDocument::of(&examined, &diagnosis, Some(&observed));
        text::tell(&line(target, &diagnosis, &document, &examined.attempt), context.ui);
        found.push((target, diagnosis, document));
    }
    if found.is_empty() {
        context.ui.result("nothing is installed or registered: qus install TARGET");
    }
    let neighbours = neighbours(&observed);
    for neighbour in &neighbours {
        text::tell(&describe(neighbour), context.ui);
    }
    let itself = itself.unwrap_or_default();
    tell(&itself, &found, context.ui);
    let healthy = itself.is_healthy() && found.iter().all(|(_, diagnosis, _)| diagnosis.is_healthy());
    let targets = found.into_iter().map(|(_, _, document)| document).collect();
    context.ui.document(&Document {
        schema: 1,
        healthy,
        findings: itself.findings.iter().map(FindingDocument::of).collect(),
        targets,
        neighbours,
    });
    Ok(if healthy { Exit::Done } else { Exit::DoesNotRun })
}

/// Nothing of the kernel can be looked at.
fn without_proc(context: &Context) -> Exit {
    let found = Diagnosis::of(Cause::NoProc);
    tell(&found, &[], context.ui);
    let findings = found.findings.iter().map(FindingDocument::of).collect();
    context.ui.document(&Document { schema: 1, healthy: false, findings, targets: Vec::new(), neighbours: Vec::new() });
    Exit::DoesNotRun
}

/// A target's line.
fn line(target: Target, found: &Diagnosis, document: &ResultDocument, attempt: &Attempt) -> String {
    let of = document.owner.map(|owner| format!(", of {}", owner.title())).unwrap_or_default();
    let word = match (found.findings.first(), &document.proof) {
        (Some(Finding { weight: Weight::Stops, .. }), _) => "fails",
        (Some(Finding { weight: Weight::Harms, .. }), _) => "ails",
        (_, Some(Outcome::Ready)) => "runs",
        _ => "?",
    };
    let what = match (found.findings.first(), attempt) {
        (Some(Finding { weight: Weight::Stops | Weight::Harms, cause }), _) => format!("{}: {cause}", cause.id()),
        (_, Attempt::Started(running)) => {
            let version = running.version.map(|version| format!("QEMU {version}, ")).unwrap_or_default();
            format!("{version}{}{of}", running.path)
        }
        (_, Attempt::NotTried(why)) if document.proof == Some(Outcome::Ready) => {
            format!("by which emulator was not seen: {why}")
        }
        (_, Attempt::NotTried(why)) => format!("not tried: {why}"),
        (_, Attempt::Refused(_)) => String::new(),
    };
    format!("{:<13}{word:<7}{what}", target.name())
}

/// Each cause once, with what to type for the first target that has it; all of it for those who want to know all.
fn tell(itself: &Diagnosis, found: &[(Target, Diagnosis, ResultDocument)], ui: Ui) {
    for finding in &itself.findings {
        ui.result("");
        text::show(finding, itself.at, ui);
    }
    let of_targets = found.iter().flat_map(|(target, diagnosis, _)| {
        diagnosis.findings.iter().map(move |finding| (*target, diagnosis.at, finding))
    });
    let shown = |finding: &Finding| {
        let told = itself.findings.iter().any(|itself| itself.cause.id() == finding.cause.id());
        !told && (finding.weight != Weight::Remark || ui.is_verbose())
    };
    let mut waiting: Vec<_> = of_targets.filter(|(.., finding)| shown(finding)).collect();
    waiting.sort_by_key(|(.., finding)| finding.weight);
    while let Some((_, at, first)) = waiting.first().copied() {
        let is_same = |finding: &Finding| finding.cause.id() == first.cause.id();
        let (same, others): (Vec<_>, Vec<_>) = waiting.into_iter().partition(|(.., finding)| is_same(finding));
        waiting = others;
        ui.result("");
        if ui.is_verbose() {
            for (_, at, finding) in &same {
                text::show(finding, *at, ui);
            }
            continue;
        }
        text::show(first, at, ui);
        let names: Vec<&str> = same[1..].iter().map(|(target, ..)| target.name()).collect();
        if !names.is_empty() {
            ui.result(format!("  also: {}", names.join(", ")));
        }
    }
}

fn neighbours(observed: &Observed) -> Vec<NeighbourDocument> {
    let Some(table) = observed.binfmt.table() else { return Vec::new() };
    let is_stranger = |entry: &&Entry| !observed.is_ours(entry) && observed.owner(entry) != Owner::Package;
    let strangers = table.entries.iter().filter(is_stranger);
    strangers
        .map(|entry| NeighbourDocument {
            entry: entry.name().to_string(),
            owner: observed.owner(entry),
            enabled: entry.enabled,
            interpreter: entry.rule.interpreter.clone(),
            usable: entry.rule.flags.has('F') || observed.interpreters.contains(&entry.rule.interpreter),
            answers: Target::all().filter(|target| table.answering(*target).contains(&entry)).collect(),
        })
        .collect()
}

/// A neighbour's line.
fn describe(neighbour: &NeighbourDocument) -> String {
    let NeighbourDocument { entry, owner, enabled, interpreter, usable, answers } = neighbour;
    let answers: Vec<&str> = answers.iter().map(|target| target.name()).collect();
    let word = match (enabled, usable) {
        (false, _) => "off",
        (true, true) => "there",
        (true, false) => "gone",
    };
    let of = if answers.is_empty() { String::new() } else { format!(", runs {}", answers.join(", ")) };
    format!("{entry:<20} {word:<6} {interpreter}, of {}{of}", owner.title())
}
