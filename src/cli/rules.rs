//! What the commands take that write rules: how, and of which emulators.

use std::path::PathBuf;

use clap::builder::BoolishValueParser;
use clap::{Args, ValueEnum};

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
