//! Proofs: what came of running a program of a target.

use std::time::Duration;

use serde::Serialize;

use crate::target::Target;

/// What happened to a probe.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "outcome", rename_all = "kebab-case")]
#[expect(missing_docs, reason = "fields are what the variant's sentence names")]
pub enum Outcome {
    /// It exited with its own status.
    Ready,
    /// It exited with another one.
    WrongAnswer { status: i32, said: String },
    /// It was ended by a signal.
    Crash { signal: i32, said: String },
    /// It did not end.
    TimedOut,
    /// The kernel found nothing to run it with.
    NotRegistered,
    /// The kernel found an entry, but not its emulator: it was registered without `F`, or is gone.
    NoEmulator,
    /// The kernel found an entry, but may not start its emulator.
    Refused { error: String },
    /// This machine gave no place to try it.
    NotTried { error: String },
}

/// A probe that was run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Proof {
    /// The target.
    pub target: Target,
    /// What happened.
    #[serde(flatten)]
    pub outcome: Outcome,
    /// From the start of the program to its end.
    #[serde(rename = "milliseconds", serialize_with = "milliseconds")]
    pub took: Duration,
}

fn milliseconds<S: serde::Serializer>(took: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64((took.as_secs_f64() * 1e4).round() / 10.0)
}
