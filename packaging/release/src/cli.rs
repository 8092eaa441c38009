//! What people type.

mod ceremony;

use std::path::PathBuf;
use std::str::FromStr;
use std::time::{Duration, SystemTime};

use clap::{Args, Parser, Subcommand};
use qus::hex::Sha256;
use qus::host::Host;
use qus::moment::Moment;
use qus::target::Target;
use qus::version::Version;

pub use ceremony::{PlaceArgs, RenewArgs, RevokeArgs, RootCommand, RootStep, RotateArgs, SignRootArgs, WithdrawArgs};

/// Make a repository of signed QEMU emulators, for qus to install from.
#[derive(Debug, Parser)]
#[command(name = "qus-release", version, max_term_width = 80, after_help = AFTER_HELP)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

const AFTER_HELP: &str = "\
From nothing to a repository:
  qus-release keygen root.key    (and release.key, index.key)
  qus-release root DIR --url URL --root-key root.key \\
      --release-key release.key.pub --index-key index.key.pub
  qus-release import DIR qemu-user_VERSION_amd64.deb --key release.key
  qus-release publish DIR --key index.key
  qus-release verify DIR

Each year, and when a key is lost or stolen (docs/publishing.md):
  qus-release root rotate DIR pending.json [what changes]
  qus-release sign-root pending.json --root-key root.key   (each signer)
  qus-release root place DIR pending.json

Passphrases are asked for on the terminal. Without one they are taken from
QUS_RELEASE_PASSPHRASE, the same for every key, or from the lines of standard
input, one for each protected key in the order of the options.

Exit codes: 0 done, 1 failed, 2 wrong usage, 3 not authentic.";

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Make a pair of minisign keys: FILE (secret) and FILE.pub
    Keygen(KeygenArgs),
    /// Make the root of trust of a repository, or the next one
    Root(Box<RootCommand>),
    /// Sign the next root, with one key, on a machine without network
    SignRoot(SignRootArgs),
    /// Draw up a root that revokes archives, whoever signed them
    Revoke(RevokeArgs),
    /// Add the emulators of packages to a repository
    Import(ImportArgs),
    /// Add versions of qus itself, for qus self-update and install.sh
    Tool(ToolArgs),
    /// Write the signed index of a repository
    Publish(PublishArgs),
    /// Sign the index anew before it expires; for a weekly job
    Renew(RenewArgs),
    /// Mark a version as one that nobody is to install any more
    Withdraw(WithdrawArgs),
    /// Check a whole repository as its readers will
    Verify(VerifyArgs),
    /// Make .deb and .rpm packages of a release's emulators
    Packages(PackagesArgs),
}

/// `qus-release keygen`.
#[derive(Clone, Debug, Args)]
pub struct KeygenArgs {
    /// Where the secret key goes
    pub file: PathBuf,
    /// Leave the secret key unprotected
    #[arg(long)]
    pub no_passphrase: bool,
}

/// `qus-release root`.
#[derive(Clone, Debug, Args)]
#[command(override_usage = "\
qus-release root [OPTIONS] <REPOSITORY> --url <URL> --root-key <FILE>...
           --release-key <PUBFILE>... --index-key <PUBFILE>...")]
pub struct RootArgs {
    /// Folder of the repository, made if missing
    pub repository: PathBuf,
    /// Where readers will find the repository: https://… or file:///…
    #[arg(long, value_parser = url)]
    pub url: String,
    /// Secret keys that sign this root, and whose public keys it names
    #[arg(long, value_name = "FILE", required = true, num_args = 1..)]
    pub root_key: Vec<PathBuf>,
    /// Secret keys that sign this root, as the one before demands, but that
    /// it no longer names
    #[arg(long, value_name = "FILE", num_args = 1..)]
    pub outgoing_key: Vec<PathBuf>,
    /// Public keys that may sign emulators
    #[arg(long, value_name = "PUBFILE", required = true, num_args = 1..)]
    pub release_key: Vec<PathBuf>,
    /// Public keys that may sign the index
    #[arg(long, value_name = "PUBFILE", required = true, num_args = 1..)]
    pub index_key: Vec<PathBuf>,
    /// How many root keys must sign a root [default: more than half]
    #[arg(long, value_name = "N")]
    pub threshold: Option<usize>,
    /// Hash of an asset that nobody is to install any more; those of the root
    /// before stay revoked
    #[arg(long, value_name = "SHA256", value_parser = sha256)]
    pub revoke: Vec<Sha256>,
    /// Days until this root is no longer believed
    #[arg(long, value_name = "DAYS", default_value = "365", value_parser = days)]
    pub expires: Duration,
    /// Take this for the present time: 2026-11-20T18:00:00Z, or seconds since
    /// 1970
    #[arg(long, value_name = "TIME", env = "SOURCE_DATE_EPOCH", hide_env_values = true, value_parser = moment)]
    pub now: Option<Moment>,
}

/// `qus-release import`.
#[derive(Clone, Debug, Args)]
#[command(override_usage = "\
qus-release import [OPTIONS] <REPOSITORY> <PACKAGE>...
           --key <RELEASE_SECRET>")]
pub struct ImportArgs {
    /// Folder of the repository, made if missing
    pub repository: PathBuf,
    /// Debian packages (qemu-user, or qemu-user-static before Debian 13), or
    /// folders of emulators
    #[arg(required = true, value_name = "PACKAGE")]
    pub packages: Vec<PathBuf>,
    /// Secret key that signs the emulators
    #[arg(long, value_name = "RELEASE_SECRET")]
    pub key: PathBuf,
    /// Only these targets, and no archive of all [default: all]
    #[arg(long, value_name = "TARGET", value_delimiter = ',', value_parser = selection)]
    pub target: Vec<Selection>,
    /// The release's version [default: that of the packages]
    #[arg(long)]
    pub version: Option<Version>,
    /// Where the source of these emulators is [default: Debian's archive of
    /// all sources, or QEMU's own downloads for a folder]
    #[arg(long, value_name = "URL")]
    pub source: Option<String>,
    /// Replace files of the same name that have other content
    #[arg(long)]
    pub force: bool,
}

/// `qus-release tool`.
#[derive(Clone, Debug, Args)]
#[command(override_usage = "\
qus-release tool [OPTIONS] <REPOSITORY> <PROGRAM>...
           --version <VERSION> --key <RELEASE_SECRET>")]
pub struct ToolArgs {
    /// Folder of the repository, made if missing
    pub repository: PathBuf,
    /// Programs of qus, one a host; the host is told by their content
    #[arg(required = true, value_name = "PROGRAM")]
    pub programs: Vec<PathBuf>,
    /// Their version, which is what qus --version says
    #[arg(long)]
    pub version: Version,
    /// Secret key that signs them
    #[arg(long, value_name = "RELEASE_SECRET")]
    pub key: PathBuf,
    /// Replace files of the same name that have other content
    #[arg(long)]
    pub force: bool,
}

/// `qus-release publish`.
#[derive(Clone, Debug, Args)]
pub struct PublishArgs {
    /// Folder of the repository
    pub repository: PathBuf,
    /// Secret key that signs the index
    #[arg(long, value_name = "INDEX_SECRET")]
    pub key: PathBuf,
    /// Name for a version; an empty version ends the channel [default: those
    /// of the index before; stable=HIGHEST in the first]
    #[arg(long, value_name = "NAME=VERSION", value_parser = channel)]
    pub channel: Vec<Channel>,
    /// URL of a folder with the same files, to fetch archives from; several may
    /// be named [default: those of the index before]
    #[arg(long, value_name = "URL", value_parser = url)]
    pub mirror: Vec<String>,
    /// Name no mirrors any more
    #[arg(long, conflicts_with = "mirror")]
    pub no_mirrors: bool,
    /// Known faults of versions, in JSON [default: those of this build]
    #[arg(long, value_name = "FILE")]
    pub advisories: Option<PathBuf>,
    /// The index's number [default: one more than before]
    #[arg(long, value_name = "N")]
    pub serial: Option<u64>,
    /// Days until this index is no longer believed
    #[arg(long, value_name = "DAYS", default_value = "30", value_parser = days)]
    pub expires: Duration,
    /// Take this for the present time: 2026-11-20T18:00:00Z, or seconds since
    /// 1970
    #[arg(long, value_name = "TIME", env = "SOURCE_DATE_EPOCH", hide_env_values = true, value_parser = moment)]
    pub now: Option<Moment>,
}

/// `qus-release verify`.
#[derive(Clone, Debug, Args)]
pub struct VerifyArgs {
    /// Folder of the repository
    pub repository: PathBuf,
    /// What a reader starts from [default: REPOSITORY/anchor.json]
    #[arg(long, value_name = "FILE")]
    pub anchor: Option<PathBuf>,
    /// Take this for the present time
    #[arg(long, value_name = "TIME", value_parser = moment)]
    pub now: Option<Moment>,
}

/// `qus-release packages`.
#[derive(Clone, Debug, Args)]
#[command(override_usage = "qus-release packages [OPTIONS] <REPOSITORY> <OUTPUT> --host <HOST>")]
pub struct PackagesArgs {
    /// Folder of the repository; nothing is taken from it that is not signed
    pub repository: PathBuf,
    /// Folder that the packages are put into, made if missing
    pub output: PathBuf,
    /// What the emulators are to run on, such as amd64 or arm64v8
    #[arg(long)]
    pub host: Host,
    /// Only these targets, and no package of all [default: all but the host
    /// itself]
    #[arg(long, value_name = "TARGET", value_delimiter = ',', value_parser = selection)]
    pub target: Vec<Selection>,
    /// The release [default: that of the channel stable]
    #[arg(long)]
    pub version: Option<Version>,
    /// Only Debian's packages
    #[arg(long, conflicts_with = "rpm")]
    pub deb: bool,
    /// Only RPM's packages
    #[arg(long)]
    pub rpm: bool,
    /// How many times this release has been packaged: packages that are made
    /// anew need a higher number
    #[arg(long, value_name = "N", default_value = "1", value_parser = clap::value_parser!(u32).range(1..))]
    pub revision: u32,
    /// Who answers for the packages
    #[arg(long, value_name = "NAME <ADDRESS>", value_parser = maintainer, default_value = MAINTAINER)]
    pub maintainer: String,
    /// Replace packages of the same name that hold something else
    #[arg(long)]
    pub force: bool,
    /// What a reader starts from [default: REPOSITORY/anchor.json]
    #[arg(long, value_name = "FILE")]
    pub anchor: Option<PathBuf>,
    /// Date the packages so: 2026-11-20T18:00:00Z, or seconds since 1970
    /// [default: when the index was issued]
    #[arg(long, value_name = "TIME", env = "SOURCE_DATE_EPOCH", hide_env_values = true, value_parser = moment)]
    pub date: Option<Moment>,
    /// Take this for the present time
    #[arg(long, value_name = "TIME", value_parser = moment)]
    pub now: Option<Moment>,
}

/// Whoever publishes packages names themselves.
const MAINTAINER: &str = "The qus maintainers <dbhi@users.noreply.github.com>";

/// The time that was typed, or the clock's.
pub fn time(typed: Option<Moment>) -> Moment {
    typed.unwrap_or_else(|| Moment::from(SystemTime::now()))
}

/// A word after `--target`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Selection {
    /// `all`.
    All,
    /// One target.
    One(Target),
}

/// A word after `--channel`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Channel {
    /// Its name.
    pub name: String,
    /// Where it leads; `None` ends it.
    pub version: Option<Version>,
}

fn moment(text: &str) -> Result<Moment, String> {
    match text.parse() {
        Ok(seconds) => Ok(Moment(seconds)),
        Err(_) => text.parse(),
    }
}

fn days(text: &str) -> Result<Duration, String> {
    /// Ten years: longer than any key is to be trusted unseen.
    const MOST: u64 = 3650;
    match text.parse::<u64>() {
        Ok(days @ 1..=MOST) => Ok(Duration::from_secs(days * 24 * 60 * 60)),
        _ => Err(format!("not a number of days from 1 to {MOST}")),
    }
}

/// `NAME <ADDRESS>`, as both formats have it.
fn maintainer(text: &str) -> Result<String, String> {
    let address = text.strip_suffix('>').and_then(|rest| rest.split_once(" <")).map(|(_, address)| address);
    match address {
        Some(address) if address.contains('@') && !text.contains(['\n', ',']) => Ok(text.to_owned()),
        _ => Err("not NAME <ADDRESS>".to_owned()),
    }
}

fn sha256(text: &str) -> Result<Sha256, String> {
    Sha256::try_from(text.to_owned())
}

/// A URL without the slash at its end.
fn url(text: &str) -> Result<String, String> {
    let plain = text.trim_end_matches('/');
    let known = ["https://", "http://", "file:///"]
        .iter()
        .any(|scheme| plain.len() > scheme.len() && plain.starts_with(scheme));
    if known {
        Ok(plain.to_owned())
    } else {
        Err("not a URL such as https://example.org/qus or file:///srv/qus".to_owned())
    }
}

fn selection(word: &str) -> Result<Selection, String> {
    if word == "all" {
        return Ok(Selection::All);
    }
    match Target::from_str(word) {
        Ok(target) => Ok(Selection::One(target.emulated_by())),
        Err(error) => Err(match error.nearest {
            Some(nearest) => format!("{error}; did you mean \"{nearest}\"?"),
            None => error.to_string(),
        }),
    }
}

fn channel(text: &str) -> Result<Channel, String> {
    let (name, version) = text.split_once('=').ok_or("not NAME=VERSION")?;
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    // A version begins with a digit: a channel must not be taken for one.
    if !name.starts_with(|c: char| c.is_ascii_lowercase()) || !name.chars().all(plain) {
        return Err(format!("\"{name}\" is not a channel's name: small letters, digits and \"-\""));
    }
    let version = match version {
        "" => None,
        version => Some(version.parse::<Version>().map_err(|error| error.to_string())?),
    };
    Ok(Channel { name: name.to_owned(), version })
}
