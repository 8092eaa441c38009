//! What can be typed. What is meant by it is [`crate::wanted`].

use std::ffi::OsString;
use std::path::PathBuf;

use clap::builder::BoolishValueParser;
use clap::{Args, FromArgMatches, Parser, Subcommand, ValueEnum};

use crate::host::Host;

/// Runs programs of other CPU architectures: verified QEMU emulators, registered and proved.
#[derive(Debug, Parser)]
#[command(name = "qus", version, max_term_width = 80, arg_required_else_help = true, subcommand_required = true)]
#[command(after_help = "Targets go by QEMU's names, and by those of Docker, Debian, RPM and uname:\n\
    aarch64 is arm64 is linux/arm64. \"qus help COMMAND\" tells more of each.")]
pub struct Cli {
    #[command(flatten)]
    #[expect(missing_docs, reason = "clap shows this to users")]
    pub global: Global,
    #[command(subcommand)]
    #[expect(missing_docs, reason = "clap shows this to users")]
    pub command: Command,
}

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

/// The verbs.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Download, verify, install and register emulators; keep them across reboots
    Install(InstallArgs),
    /// Undo what install did, and give back what it displaced
    Remove(RemoveArgs),
    /// Bring installed emulators to what their channels name, without a gap
    Update(UpdateArgs),
    /// Go back to the version before, without any network
    Rollback(RollbackArgs),
    /// Make update leave targets at their version
    Pin(PinArgs),
    /// Let update have them again
    Unpin(PinArgs),
    /// Show what is installed, what is registered, and what really runs
    Status(TargetArgs),
    /// Run a program of each target and tell what happened
    Test(TargetArgs),
    /// Show whom this machine trusts, until when, and what it last saw of them
    Trust,
    /// Tell why a program does not run, or what is amiss with the machine, and what to type
    Doctor(DoctorArgs),
    /// Make the kernel and the drop-ins what install left them as, after anybody's meddling
    Apply(ApplyArgs),
    /// Settle who runs a target that several can run
    Prefer(PreferArgs),
    /// Run a command where foreign programs work, without root
    Run(RunArgs),
    /// Write all that an install without a network needs to one file, or check such a file
    Bundle(BundleArgs),
    /// Write configuration for others to load
    Export(ExportArgs),
    /// Register emulators with the kernel until it is restarted; download nothing
    Register(RegisterArgs),
    /// Take back what register did
    Unregister(EmulatorArgs),
    /// Replace this program by a newer one, if no package manager does
    SelfUpdate(SelfUpdateArgs),
    /// Take up the emulators that packages brought, or give them up: for the packages' own scripts
    #[command(hide = true)]
    Packaged(PackagedArgs),
    /// Examine this program itself: what self-update asks of a new one
    #[command(hide = true)]
    SelfTest,
}

/// Targets, or none.
#[derive(Debug, Args)]
pub struct TargetArgs {
    /// Targets such as aarch64 or linux/arm64; none means all that there are
    #[arg(value_name = "TARGET")]
    pub targets: Vec<String>,
}

/// What to examine.
#[derive(Debug, Args)]
pub struct DoctorArgs {
    /// The program that does not run; none means the whole machine. With --root DIR it is one of the container or chroot
    /// in DIR, by default its shell
    #[arg(value_name = "FILE")]
    pub file: Option<PathBuf>,
    /// Print the book's page on a cause
    #[arg(long, value_name = "CAUSE", conflicts_with = "file")]
    pub explain: Option<String>,
}

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

/// What to repair.
#[derive(Debug, Args)]
pub struct ApplyArgs {
    #[command(flatten)]
    #[expect(missing_docs, reason = "clap shows this to users")]
    pub targets: TargetArgs,
    /// Go on until the process is ended, and repair what others break
    #[arg(long)]
    pub watch: bool,
}

/// Who is to run what.
#[derive(Debug, Args)]
pub struct PreferArgs {
    /// The target
    #[arg(value_name = "TARGET")]
    pub target: String,
    /// qus, debian, fex, rosetta … as "qus status" names them, or an entry
    #[arg(value_name = "OWNER")]
    pub owner: String,
}

/// What to run, and with which emulators.
#[derive(Debug, Args)]
pub struct RunArgs {
    #[command(flatten)]
    #[expect(missing_docs, reason = "clap shows this to users")]
    pub targets: TargetArgs,
    /// The command; it keeps its exit status and gets all signals
    #[arg(value_name = "COMMAND", last = true, required = true)]
    pub command: Vec<OsString>,
}

/// Who is to load the configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// binfmt.d files, for systemd-binfmt
    Systemd,
    /// Formats of binfmt-support, for update-binfmts --import
    Debian,
    /// A service script, for OpenRC
    Openrc,
}

/// What to write, and where.
#[derive(Debug, Args)]
pub struct ExportArgs {
    /// Who is to load it
    #[arg(value_name = "FORMAT")]
    pub format: Format,
    /// Where to write it
    #[arg(value_name = "DIR")]
    pub directory: PathBuf,
    /// Targets; none means all that are installed, or that --path has
    #[arg(value_name = "TARGET")]
    pub targets: Vec<String>,
    #[command(flatten)]
    #[expect(missing_docs, reason = "clap shows this to users")]
    pub source: SourceArgs,
    #[command(flatten)]
    #[expect(missing_docs, reason = "clap shows this to users")]
    pub letters: LettersArgs,
}

/// What to remove.
#[derive(Debug, Args)]
pub struct RemoveArgs {
    /// Targets, or "all"
    #[arg(value_name = "TARGET", required = true)]
    pub targets: Vec<String>,
}

/// What the scripts of packages ask for.
#[derive(Debug, Args)]
#[command(after_help = "A target's emulator is /usr/libexec/qus/qemu-TARGET-static, and its rule\n\
    /usr/share/qus/binfmt.d/qus-TARGET.conf. \"docs/emulator-packages.md\" tells more.")]
pub struct PackagedArgs {
    #[command(subcommand)]
    #[expect(missing_docs, reason = "clap shows this to users")]
    pub command: PackagedCommand,
}

/// What can be asked for.
#[derive(Debug, Subcommand)]
pub enum PackagedCommand {
    /// Make the system register emulators at boot, and on a running machine now
    Add(PackagedTargets),
    /// Undo that, before their files go
    Remove(PackagedTargets),
}

/// Targets of packages.
#[derive(Debug, Args)]
pub struct PackagedTargets {
    /// Targets, or "all" that packages brought
    #[arg(value_name = "TARGET", required = true)]
    pub targets: Vec<String>,
}

/// Which qus is wanted.
#[derive(Debug, Args)]
pub struct SelfUpdateArgs {
    /// The version; none means the newest
    #[arg(value_name = "VERSION")]
    pub version: Option<String>,
    /// Tell whether there is a newer one, by exit code 100, and change nothing
    #[arg(long, conflicts_with = "version")]
    pub check: bool,
    /// Go back to the one that was replaced last; no network is needed
    #[arg(long, conflicts_with_all = ["version", "check"])]
    pub rollback: bool,
    /// Take the named version even if it is older
    #[arg(long, requires = "version")]
    pub allow_downgrade: bool,
}

/// How a rule is to be written.
#[derive(Debug, Args)]
pub struct LettersArgs {
    /// Let set-uid programs run with their owner's rights, the emulator too
    #[arg(long, value_name = "WHETHER", env = "QUS_CREDENTIALS", hide_env_values = true, default_value = "no")]
    pub credentials: YesNo,
    /// Exactly these binfmt_misc flags, for experts: letters of POCF
    #[arg(long, value_name = "LETTERS", env = "QUS_FLAGS", hide_env_values = true)]
    pub flags: Option<String>,
    /// Which programs of a target to take: appimage takes AppImages too
    #[arg(long = "match", value_name = "WHICH", env = "QUS_MATCH", hide_env_values = true, default_value = "elf")]
    pub programs: Programs,
    /// Emulate a named target even if this machine runs it by itself
    #[arg(long, env = "QUS_EMULATE_NATIVE", hide_env_values = true, value_parser = BoolishValueParser::new())]
    pub emulate_native: bool,
}

/// Which programs of a target a rule takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
#[expect(missing_docs, reason = "a sentence of each would make every help text twice as long")]
pub enum Programs {
    Elf,
    #[value(name = "appimage")]
    AppImage,
}

/// Yes or no.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
#[expect(missing_docs, reason = "a sentence of each would make every help text twice as long")]
pub enum YesNo {
    Yes,
    No,
}

/// What to register.
#[derive(Debug, Args)]
pub struct RegisterArgs {
    #[command(flatten)]
    #[expect(missing_docs, reason = "clap shows this to users")]
    pub emulators: EmulatorArgs,
    #[command(flatten)]
    #[expect(missing_docs, reason = "clap shows this to users")]
    pub letters: LettersArgs,
}

/// Which emulators are meant.
#[derive(Debug, Args)]
pub struct EmulatorArgs {
    /// Targets, or "all"
    #[arg(value_name = "TARGET", required = true)]
    pub targets: Vec<String>,
    #[command(flatten)]
    #[expect(missing_docs, reason = "clap shows this to users")]
    pub source: SourceArgs,
}

/// Where emulators lie that qus did not install.
#[derive(Debug, Args)]
pub struct SourceArgs {
    /// The emulator of the one target that is named
    #[arg(long, value_name = "FILE", conflicts_with_all = ["path", "suffix"])]
    pub interpreter: Option<String>,
    /// A directory of emulators, in place of those that qus installed
    #[arg(long, value_name = "DIR", env = "QUS_PATH", hide_env_values = true)]
    pub path: Option<String>,
    /// What their names end with, as in qemu-aarch64-static
    #[arg(
        long,
        value_name = "TEXT",
        env = "QUS_SUFFIX",
        requires = "path",
        default_value_if("path", clap::builder::ArgPredicate::IsPresent, "-static")
    )]
    pub suffix: Option<String>,
}
