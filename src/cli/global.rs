//! Options of every command, and the variables that stand for them.

use std::path::PathBuf;

use clap::builder::BoolishValueParser;
use clap::{Args, FromArgMatches, ValueEnum};

/// Options of every command.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Global options")]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of its own on the command line")]
pub struct Global {
    /// Another root directory: an image to prepare, a container to examine
    #[arg(long, global = true, value_name = "DIR", env = "QUS_ROOT", hide_env_values = true)]
    pub root: Option<PathBuf>,
    /// Keep to your own home, without root; "qus run" uses it
    #[arg(long, global = true, env = "QUS_USER", hide_env_values = true, conflicts_with = "root", value_parser = BoolishValueParser::new())]
    pub user: bool,
    /// Where emulators come from: https://… or file:///…
    #[arg(long, global = true, value_name = "URL", env = "QUS_REPOSITORY", hide_env_values = true)]
    pub repository: Option<String>,
    /// Where binfmt_misc is mounted, if not where it usually is
    #[arg(long, global = true, value_name = "DIR", env = "QUS_BINFMT_MISC", hide_env_values = true)]
    pub binfmt_misc: Option<PathBuf>,
    /// Use no network: repositories on disk only
    #[arg(long, global = true, env = "QUS_OFFLINE", hide_env_values = true, value_parser = BoolishValueParser::new())]
    pub offline: bool,
    /// Do not ask: take over from others, overwrite
    #[arg(long, short, global = true, env = "QUS_YES", hide_env_values = true, value_parser = BoolishValueParser::new())]
    pub yes: bool,
    /// Show what would be done, and change nothing
    #[arg(long, global = true, env = "QUS_DRY_RUN", hide_env_values = true, value_parser = BoolishValueParser::new())]
    pub dry_run: bool,
    /// Print the result as one JSON document
    #[arg(long, global = true, env = "QUS_JSON", hide_env_values = true, value_parser = BoolishValueParser::new())]
    pub json: bool,
    /// Print errors and nothing else but results
    #[arg(long, short, global = true, env = "QUS_QUIET", hide_env_values = true, value_parser = BoolishValueParser::new())]
    pub quiet: bool,
    /// Tell every step
    #[arg(long, short, global = true, env = "QUS_VERBOSE", hide_env_values = true, conflicts_with = "quiet", value_parser = BoolishValueParser::new())]
    pub verbose: bool,
    /// When to use colour
    #[arg(long, global = true, value_name = "WHEN", env = "QUS_COLOR", hide_env_values = true, default_value = "auto")]
    pub color: Color,
    /// How long to wait for another qus to finish
    #[arg(
        long,
        global = true,
        value_name = "SECONDS",
        env = "QUS_WAIT_LOCK",
        hide_env_values = true,
        default_value_t = 0
    )]
    pub wait_lock: u64,
}

impl Global {
    /// As the variables `QUS_…` say, where nothing is typed.
    pub fn of_environment() -> Global {
        let matches = Global::augment_args(clap::Command::new("qus")).get_matches_from(["qus"]);
        Global::from_arg_matches(&matches).unwrap_or_else(|error| error.exit())
    }
}

/// When to use colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
#[expect(missing_docs, reason = "a sentence of each would make every help text twice as long")]
pub enum Color {
    Auto,
    Always,
    Never,
}
