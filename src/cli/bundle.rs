//! What can be typed of bundles.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use crate::host::Host;

/// What to do with a bundle.
#[derive(Debug, Args)]
pub struct BundleArgs {
    #[command(subcommand)]
    #[expect(missing_docs, reason = "clap shows this to users")]
    pub command: BundleCommand,
}

/// What can be done with a bundle.
#[derive(Debug, Subcommand)]
pub enum BundleCommand {
    /// Write what "qus install --from FILE" needs
    Create(CreateBundleArgs),
    /// Check all that an install from it would check; say what is in it, and how old it is
    Verify(VerifyBundleArgs),
}

/// What a bundle is to hold.
#[derive(Debug, Args)]
pub struct CreateBundleArgs {
    /// Where to write it
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// Targets; none, or "all", means all that there are
    #[arg(value_name = "TARGET[@VERSION]")]
    pub targets: Vec<String>,
    /// What its emulators are to run on, such as arm64v8; this host's kind unless it is named
    #[arg(long, value_name = "HOST")]
    pub host: Option<Host>,
    /// The channel of targets without a version: stable, previous, edge
    #[arg(long, value_name = "NAME", env = "QUS_CHANNEL", hide_env_values = true)]
    pub channel: Option<String>,
}

/// What to check.
#[derive(Debug, Args)]
pub struct VerifyBundleArgs {
    /// The bundle
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// Believe what is in it for so long after it expired
    #[arg(long, value_name = "DAYS", default_value_t = 0)]
    pub allow_stale: u64,
}
