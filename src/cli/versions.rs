//! What the commands take that give targets another version than they have: which, and from where.

use std::path::PathBuf;

use clap::Args;

use super::LettersArgs;

/// What to install.
#[derive(Debug, Args)]
pub struct InstallArgs {
    /// Targets, or "all"; the stable version unless one, or a channel, is named
    #[arg(value_name = "TARGET[@VERSION]", required = true)]
    pub targets: Vec<String>,
    #[command(flatten)]
    #[expect(missing_docs, reason = "clap shows this to users")]
    pub versions: VersionArgs,
    #[command(flatten)]
    #[expect(missing_docs, reason = "clap shows this to users")]
    pub from: FromArgs,
    #[command(flatten)]
    #[expect(missing_docs, reason = "clap shows this to users")]
    pub letters: LettersArgs,
}

/// Which versions are meant where none is named.
#[derive(Debug, Args)]
pub struct VersionArgs {
    /// Follow this channel of the repository from now on: stable, previous, edge
    #[arg(long, value_name = "NAME", env = "QUS_CHANNEL", hide_env_values = true)]
    pub channel: Option<String>,
    /// Take an older version than the installed one, if that is what is named
    #[arg(long)]
    pub allow_downgrade: bool,
}

/// What to update.
#[derive(Debug, Args)]
pub struct UpdateArgs {
    /// Targets, or targets with the channel to follow; none means all
    #[arg(value_name = "TARGET[@CHANNEL]")]
    pub targets: Vec<String>,
    /// Change nothing; exit 100 if there is something newer, 0 if not
    #[arg(long, conflicts_with = "from")]
    pub check: bool,
    #[command(flatten)]
    #[expect(missing_docs, reason = "clap shows this to users")]
    pub versions: VersionArgs,
    #[command(flatten)]
    #[expect(missing_docs, reason = "clap shows this to users")]
    pub from: FromArgs,
    /// Do nothing outside the window of /etc/qus/config.toml
    #[arg(long)]
    pub scheduled: bool,
}

/// What to bring back.
#[derive(Debug, Args)]
pub struct RollbackArgs {
    /// Targets, or targets with one of their kept versions; none means all
    #[arg(value_name = "TARGET[@VERSION]")]
    pub targets: Vec<String>,
}

/// What to pin.
#[derive(Debug, Args)]
pub struct PinArgs {
    /// Targets, or "all"; a version must be the one that is installed
    #[arg(value_name = "TARGET[@VERSION]", required = true)]
    pub targets: Vec<String>,
}

/// A bundle in place of a repository.
#[derive(Debug, Args)]
pub struct FromArgs {
    /// Take everything from a file that "qus bundle create" wrote
    #[arg(long, value_name = "FILE")]
    pub from: Option<PathBuf>,
    /// Believe what is in it for so long after it expired
    #[arg(long, value_name = "DAYS", requires = "from", default_value_t = 0)]
    pub allow_stale: u64,
}
