//! What can be typed. What is meant by it is [`crate::wanted`].

mod bundle;
mod global;
mod rules;
mod versions;

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

pub use bundle::{BundleArgs, BundleCommand, CreateBundleArgs, VerifyBundleArgs};
pub use global::{Color, Global};
pub use rules::{EmulatorArgs, ExportArgs, Format, LettersArgs, Programs, RegisterArgs, SourceArgs, YesNo};
pub use versions::{FromArgs, InstallArgs, PinArgs, RollbackArgs, UpdateArgs, VersionArgs};

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
