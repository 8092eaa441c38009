//! What was found, as a document: a promise to others.

use serde::Serialize;

use crate::diagnosis::{At, Attempt, Diagnosis, Examined, Finding, Weight};
use crate::observed::Observed;
use crate::owner::Owner;
use crate::proof::Outcome;
use crate::target::Target;

/// `qus doctor --json FILE`.
#[derive(Debug, Serialize)]
pub(super) struct FileDocument {
    schema: u32,
    pub(super) file: String,
    /// The root directory in which it was examined, if that is not this process's.
    root: Option<String>,
    /// The program that is executed in the end, if the file is a script.
    pub(super) executed: Option<String>,
    #[serde(flatten)]
    pub(super) result: ResultDocument,
}

/// What was found of one program.
#[derive(Debug, Serialize)]
pub(super) struct ResultDocument {
    pub(super) target: Option<Target>,
    oci: Option<&'static str>,
    /// Whether the machine runs it by itself.
    pub(super) native: bool,
    pub(super) healthy: bool,
    /// The entry that takes it, whose that is, and what it runs.
    pub(super) entry: Option<String>,
    pub(super) owner: Option<Owner>,
    pub(super) emulator: Option<EmulatorDocument>,
    /// What came of running a probe of the same target.
    pub(super) proof: Option<Outcome>,
    /// Where cures that change the machine are to be typed.
    at: At,
    findings: Vec<FindingDocument>,
}

#[derive(Debug, Serialize)]
pub(super) struct EmulatorDocument {
    pub(super) path: String,
    pub(super) version: Option<String>,
}

#[derive(Debug, Serialize)]
pub(super) struct FindingDocument {
    cause: &'static str,
    weight: Weight,
    what: String,
    /// What to type.
    cure: Option<String>,
    /// The page of the book.
    page: String,
}

impl FileDocument {
    pub(super) fn of(examined: &Examined, found: &Diagnosis, observed: Option<&Observed>) -> FileDocument {
        let executed = examined.executed();
        FileDocument {
            schema: 1,
            file: examined.path.clone(),
            root: examined.root.clone(),
            executed: (executed.path != examined.path).then(|| executed.path.clone()),
            result: ResultDocument::of(executed, found, observed),
        }
    }
}

impl ResultDocument {
    pub(super) fn of(executed: &Examined, found: &Diagnosis, observed: Option<&Observed>) -> ResultDocument {
        let owner = observed.and_then(|observed| {
            let entry = observed.binfmt.table()?.entry(found.entry.as_ref()?)?;
            Some(observed.owner(entry))
        });
        let by_itself = found.native && found.entry.is_none();
        let emulator = match &executed.attempt {
            Attempt::Started(running) if by_itself || found.target.is_none() || running.path.is_empty() => None,
            Attempt::Started(running) => Some(EmulatorDocument {
                path: running.path.clone(),
                version: running.version.map(|version| version.to_string()),
            }),
            _ => None,
        };
        ResultDocument {
            target: found.target,
            oci: found.target.and_then(Target::oci),
            native: found.native,
            healthy: found.is_healthy(),
            entry: found.entry.as_ref().map(ToString::to_string),
            owner,
            emulator,
            proof: executed.proof.clone(),
            at: found.at,
            findings: found.findings.iter().map(FindingDocument::of).collect(),
        }
    }
}

impl FindingDocument {
    pub(super) fn of(finding: &Finding) -> FindingDocument {
        let cause = &finding.cause;
        FindingDocument {
            cause: cause.id(),
            weight: finding.weight,
            what: cause.to_string(),
            cure: cause.cure(),
            page: format!("docs/causes/{}.md", cause.id()),
        }
    }
}
