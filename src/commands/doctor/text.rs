//! What was found, for people.

use super::document::FileDocument;
use crate::diagnosis::{At, Attempt, Diagnosis, Examined, Finding, Weight};
use crate::proof::Outcome;
use crate::ui::Ui;

/// A line of the result. Names come from files of anybody: what would move a terminal's cursor, or make a line of its own,
/// is written out.
pub(super) fn tell(line: &str, ui: Ui) {
    let written = |c: char| if c.is_control() { c.escape_default().collect() } else { String::from(c) };
    ui.result(line.chars().map(written).collect::<String>());
}

/// Shows what was found of one program.
pub(super) fn show_file(document: &FileDocument, examined: &Examined, found: &Diagnosis, ui: Ui) {
    let result = &document.result;
    if let Some(executed) = &document.executed {
        tell(&format!("{} is a script of {executed}", document.file), ui);
    }
    let path = &examined.executed().path;
    if let Some(target) = result.target {
        let oci = target.oci().map(|oci| format!(" ({oci})")).unwrap_or_default();
        tell(&format!("{path} is a program of {target}{oci}"), ui);
    }
    for finding in found.findings.iter().filter(|finding| finding.weight != Weight::Remark || ui.is_verbose()) {
        show(finding, found.at, ui);
    }
    if !found.is_healthy() {
        return;
    }
    let healthy = match (&examined.executed().attempt, result.native && result.entry.is_none()) {
        (Attempt::NotTried(why), _) if result.proof == Some(Outcome::Ready) => {
            format!("it should run: a probe of its kind ran to its end; it was not tried itself: {why}")
        }
        (Attempt::NotTried(why), _) => format!("nothing seems to be in its way; it was not tried: {why}"),
        (_, true) => "this machine runs it by itself".to_owned(),
        (Attempt::Started(running), false) => {
            let by = result.owner.map(|owner| format!(", of {}", owner.title())).unwrap_or_default();
            let version = running.version.map(|version| format!(", QEMU {version}")).unwrap_or_default();
            let probe = if result.proof == Some(Outcome::Ready) { "; a probe of its kind ran to its end" } else { "" };
            let by_itself = running.path.is_empty() || running.path == *path;
            let path = if by_itself { String::new() } else { format!(", by {}", running.path) };
            format!("it runs{path}{version}{by}{probe}")
        }
        (Attempt::Refused(_), false) => "nothing seems to be in its way".to_owned(),
    };
    tell(&healthy, ui);
}

/// Shows one cause, what to type, and where more is told.
pub(super) fn show(finding: &Finding, at: At, ui: Ui) {
    let cause = &finding.cause;
    let word = match finding.weight {
        Weight::Stops => "cause",
        Weight::Harms => "fault",
        Weight::Remark => "remark",
    };
    tell(&format!("{word}[{}]: {cause}", cause.id()), ui);
    if let Some(cure) = cause.cure() {
        let place = match at {
            At::Here => "",
            At::Root => ", as root",
            At::Host => ", on the host",
        };
        ui.result(format!("  type{place}: {cure}"));
    }
    ui.result(format!("  more: qus doctor --explain {}", cause.id()));
}
