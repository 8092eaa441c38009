//! What an update did or found, as a document: a promise to others.

use serde::Serialize;

use super::super::Report;
use super::super::advisories::Fault;
use crate::conflict::Conflict;
use crate::plan::{Prospect, Verdict};
use crate::proof::Proof;
use crate::target::Target;

/// `qus update --json`.
#[derive(Debug, Serialize)]
pub(super) struct Document {
    schema: u32,
    dry_run: bool,
    /// Every installed target that was looked at.
    pub(super) targets: Vec<Prospect>,
    /// Those that are left as they are, though there is something for them.
    refused: Vec<Refused>,
    /// The repositories from which nothing could be had; those of the other fields are what came of the others.
    pub(super) failed: Vec<Failed>,
    /// Known faults of what is installed now.
    pub(super) advisories: Vec<Fault>,
    steps: Vec<String>,
    proofs: Vec<Proof>,
    pub(super) dropped: Vec<Target>,
}

/// A target that is left as it is.
#[derive(Debug, Serialize)]
struct Refused {
    target: Target,
    why: String,
}

/// A repository that failed while others did not.
#[derive(Debug, Serialize)]
pub(super) struct Failed {
    pub(super) url: String,
    pub(super) error: String,
    /// The exit code that it would have alone.
    pub(super) exit: u8,
}

impl Default for Document {
    fn default() -> Document {
        Document {
            schema: 1,
            dry_run: false,
            targets: Vec::new(),
            refused: Vec::new(),
            failed: Vec::new(),
            advisories: Vec::new(),
            steps: Vec::new(),
            proofs: Vec::new(),
            dropped: Vec::new(),
        }
    }
}

impl Document {
    /// What was done with one repository.
    pub(super) fn add(&mut self, prospects: Vec<Prospect>, refused: &[(Target, Conflict)], report: Report) {
        self.dry_run = report.dry_run;
        self.targets.extend(prospects);
        let refused = refused.iter().map(|(target, why)| Refused { target: *target, why: why.to_string() });
        self.refused.extend(refused);
        self.steps.extend(report.steps);
        self.proofs.extend(report.proofs);
        self.dropped.extend(report.dropped);
    }

    /// The targets that got another version, or would, or could not keep it.
    pub(super) fn moved(&self) -> Vec<Target> {
        let refused = |target: Target| self.refused.iter().any(|refused| refused.target == target);
        let moved = self.targets.iter().filter(|prospect| prospect.verdict == Verdict::Move);
        moved.map(|prospect| prospect.target).filter(|target| !refused(*target)).collect()
    }
}
