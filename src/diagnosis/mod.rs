//! Diagnosing: why a program does not run, as a pure function of what was found out about it.
//!
//! What happened when it was executed counts for more than what it looks like: an entry with flag `F` runs an emulator
//! that is in no directory any more, and one whose emulator is in its place may fail all the same. So the kernel's own
//! answer decides whether anything is in the way, and what was seen says what.

mod behaviour;
mod cause;
mod emulator;
mod examined;
mod machine;
mod pages;
mod program;
mod refused;
mod table;
mod taken;

pub use cause::{Cause, Provider, Supply};
pub use emulator::LOWEST_USUAL;
pub use examined::{
    Around, Attempt, EmulatorFile, Examined, Identity, Missing, Mode, Refusal, Running, Settings, There,
};
pub use machine::{installed, table as of_table};
pub use pages::{PAGES, Page};
pub use program::program;
pub use table::{answering, takes};

use serde::Serialize;

use crate::target::Target;

/// How much a cause matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Weight {
    /// The program does not run.
    Stops,
    /// It runs, but not as it should, or not for long.
    Harms,
    /// It is worth knowing.
    Remark,
}

/// Where something is to be typed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum At {
    /// Where the diagnosis was made.
    #[default]
    Here,
    /// There, as root.
    Root,
    /// On the machine that this container runs on.
    Host,
}

/// A cause that was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The cause.
    pub cause: Cause,
    /// How much it matters here.
    pub weight: Weight,
}

/// What was found of one program, or of one target; the most likely cause first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Diagnosis {
    /// The architecture of the program that is executed in the end.
    pub target: Option<Target>,
    /// Whether this machine runs it by itself.
    pub native: bool,
    /// The entry that takes it.
    pub entry: Option<crate::rule::RuleName>,
    /// Where cures that change the machine are to be typed.
    pub at: At,
    /// What was found.
    pub findings: Vec<Finding>,
}

impl Diagnosis {
    /// With one cause, which is in the way of everything.
    pub fn of(cause: Cause) -> Diagnosis {
        Diagnosis { findings: vec![Finding { cause, weight: Weight::Stops }], ..Diagnosis::default() }
    }

    fn add(&mut self, weight: Weight, cause: Cause) {
        self.findings.push(Finding { cause, weight });
    }

    fn stops(&mut self, cause: Cause) {
        self.add(Weight::Stops, cause);
    }

    /// Puts first what matters most; what matters as much stays in the order in which it was found.
    fn ranked(mut self) -> Diagnosis {
        self.findings.sort_by_key(|finding| finding.weight);
        self
    }

    /// Whether all is as it should be.
    pub fn is_healthy(&self) -> bool {
        self.findings.iter().all(|finding| finding.weight == Weight::Remark)
    }
}
