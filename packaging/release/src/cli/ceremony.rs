//! What people type when keys change hands, something is taken back, or the index grows old.

use std::path::PathBuf;
use std::time::Duration;

use clap::{ArgGroup, Args, Subcommand};
use qus::moment::Moment;
use qus::version::Version;

use super::{RootArgs, days, moment, url};

/// `qus-release root`, and the ceremonies of the next root.
#[derive(Clone, Debug, Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub struct RootCommand {
    /// A ceremony in which each signer signs alone.
    #[command(subcommand)]
    pub step: Option<RootStep>,
    /// All secret keys at hand.
    #[command(flatten)]
    pub make: Option<RootArgs>,
}

/// The first and the last step of the next root; `sign-root` stands between.
#[derive(Clone, Debug, Subcommand)]
pub enum RootStep {
    /// Draw up the next root, for its signers to sign one at a time
    Rotate(RotateArgs),
    /// Put the next root into the repository, once enough have signed
    Place(PlaceArgs),
}

/// `qus-release root rotate`.
#[derive(Clone, Debug, Args)]
#[command(override_usage = "qus-release root rotate [OPTIONS] <REPOSITORY> <PENDING>")]
pub struct RotateArgs {
    /// Folder of the repository; it is only read
    pub repository: PathBuf,
    /// Where the root goes that is to be signed, to be carried to its signers
    pub pending: PathBuf,
    /// All public keys that sign roots from now on [default: as before]
    #[arg(long, value_name = "PUBFILE", num_args = 1..)]
    pub root_key: Vec<PathBuf>,
    /// All public keys that may sign emulators from now on [default: as before]
    #[arg(long, value_name = "PUBFILE", num_args = 1..)]
    pub release_key: Vec<PathBuf>,
    /// All public keys that may sign the index from now on [default: as before]
    #[arg(long, value_name = "PUBFILE", num_args = 1..)]
    pub index_key: Vec<PathBuf>,
    /// How many root keys must sign a root [default: as before, or more than
    /// half of new ones]
    #[arg(long, value_name = "N")]
    pub threshold: Option<usize>,
    /// An archive that nobody is to install any more, nor to run what is in
    /// it; or a hash. Those of the root before stay revoked
    #[arg(long, value_name = "FILE|SHA256", num_args = 1..)]
    pub revoke: Vec<String>,
    /// Revoke archives alone, and not also what is in them
    #[arg(long = "archives-only", requires = "revoke")]
    pub alone: bool,
    /// Where readers find the repository [default: as the anchor says]
    #[arg(long, value_parser = url)]
    pub url: Option<String>,
    /// Days until this root is no longer believed
    #[arg(long, value_name = "DAYS", default_value = "365", value_parser = days)]
    pub expires: Duration,
    /// Take this for the present time: 2026-11-20T18:00:00Z, or seconds since
    /// 1970
    #[arg(long, value_name = "TIME", env = "SOURCE_DATE_EPOCH", hide_env_values = true, value_parser = moment)]
    pub now: Option<Moment>,
}

/// `qus-release root place`.
#[derive(Clone, Debug, Args)]
#[command(override_usage = "qus-release root place <REPOSITORY> <PENDING>...")]
pub struct PlaceArgs {
    /// Folder of the repository
    pub repository: PathBuf,
    /// The signed root; several, if its signers signed copies of it
    #[arg(required = true)]
    pub pending: Vec<PathBuf>,
}

/// `qus-release sign-root`.
#[derive(Clone, Debug, Args)]
pub struct SignRootArgs {
    /// The root to sign, as "root rotate" made it; nothing else is needed
    pub pending: PathBuf,
    /// Secret key that signs it
    #[arg(long, value_name = "FILE")]
    pub root_key: PathBuf,
    /// Your own copy of the repository's anchor.json: what changes is told by
    /// the root in it, or by one that follows from it
    #[arg(long, value_name = "FILE")]
    pub anchor: Option<PathBuf>,
    /// Do not ask on a terminal whether to sign what was shown
    #[arg(long)]
    pub yes: bool,
}

/// `qus-release revoke`.
#[derive(Clone, Debug, Args)]
pub struct RevokeArgs {
    /// Folder of the repository; it is only read
    pub repository: PathBuf,
    /// Where the root goes that is to be signed, to be carried to its signers
    pub pending: PathBuf,
    /// Archives that nobody is to install any more, nor to run what is in
    /// them; or hashes
    #[arg(value_name = "FILE|SHA256", required = true)]
    pub what: Vec<String>,
    /// Revoke archives alone, and not also what is in them
    #[arg(long = "archives-only")]
    pub alone: bool,
    /// Take this for the present time
    #[arg(long, value_name = "TIME", env = "SOURCE_DATE_EPOCH", hide_env_values = true, value_parser = moment)]
    pub now: Option<Moment>,
}

/// `qus-release withdraw`.
#[derive(Clone, Debug, Args)]
#[command(group = ArgGroup::new("deed").required(true).args(["why", "undo"]))]
#[command(override_usage = "\
qus-release withdraw [--tool] <REPOSITORY> <VERSION>
           <--why <TEXT>|--undo>")]
pub struct WithdrawArgs {
    /// Folder of the repository
    pub repository: PathBuf,
    /// The version that nobody is to install any more
    pub version: Version,
    /// It is one of qus itself
    #[arg(long)]
    pub tool: bool,
    /// Why, in a sentence that its users are told
    #[arg(long, value_name = "TEXT")]
    pub why: Option<String>,
    /// Offer it again
    #[arg(long)]
    pub undo: bool,
}

/// `qus-release renew`.
#[derive(Clone, Debug, Args)]
pub struct RenewArgs {
    /// Folder of the repository
    pub repository: PathBuf,
    /// Secret key that signs the index
    #[arg(long, value_name = "INDEX_SECRET")]
    pub key: PathBuf,
    /// Do nothing while it has more days left than this
    #[arg(long, value_name = "DAYS", default_value = "21", value_parser = days)]
    pub left: Duration,
    /// Renew it however long it has left
    #[arg(long)]
    pub force: bool,
    /// Days until the renewed index is no longer believed
    #[arg(long, value_name = "DAYS", default_value = "30", value_parser = days)]
    pub expires: Duration,
    /// Take this for the present time: 2026-11-20T18:00:00Z, or seconds since
    /// 1970
    #[arg(long, value_name = "TIME", env = "SOURCE_DATE_EPOCH", hide_env_values = true, value_parser = moment)]
    pub now: Option<Moment>,
}
