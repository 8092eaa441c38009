//! Why a command stops, and what its reader can do.

use std::io;
use std::path::{Path, PathBuf};

use qus::exit::{Exit, Explain};
use qus::host::Host;
use qus::system::unpack::UnpackError;
use qus::target::Target;
use qus::trust::{Label, SERIAL_JUMP_MAX, TrustError};
use qus::version::Version;
use thiserror::Error;

use crate::pending::Standing;

/// Why a command stops. A repository is then as it was before.
#[derive(Debug, Error)]
#[expect(missing_docs, reason = "each says itself what it means")]
pub enum Error {
    #[error("cannot {doing} \"{path}\": {error}")]
    File { doing: &'static str, path: PathBuf, error: io::Error },
    #[error("\"{0}\" exists already")]
    Exists(PathBuf),
    #[error("another qus-release works on \"{0}\"")]
    Busy(PathBuf),

    #[error("\"{path}\" is not a minisign {kind} key: {why}")]
    NotAKey { path: PathBuf, kind: &'static str, why: String },
    #[error("the passphrase does not open \"{0}\"")]
    WrongPassphrase(PathBuf),
    #[error("no passphrase for \"{0}\"")]
    NoPassphrase(PathBuf),
    #[error("the two passphrases differ")]
    PassphrasesDiffer,
    #[error("cannot ask for a passphrase: {0}")]
    Ask(io::Error),
    #[error("the name of \"{path}\" gives no label: {why}")]
    Label { path: PathBuf, why: String },
    #[error("two {role} keys have the label \"{label}\"")]
    SameLabel { role: &'static str, label: String },
    #[error("the keys \"{first}\" and \"{second}\" are one, but have two roles")]
    OneKeyForTwoRoles { first: String, second: String },
    #[error("{threshold} of {keys} root keys cannot sign")]
    Threshold { threshold: usize, keys: usize },
    #[error("readers of root {from} would not follow to the next: {error}")]
    NotFollowed { from: u64, error: TrustError },
    #[error("{file} bears {} of the {} signatures that {} wants", standing.signed.len(), standing.needed, standing.of)]
    TooFewSigned { file: String, standing: Standing },
    #[error("what the file is compared with does not follow from \"{anchor}\": {why}")]
    OtherAnchor { anchor: String, why: String },
    #[error("{0} is in the repository already")]
    PlacedAlready(String),
    #[error("nothing was signed")]
    NotConfirmed,
    #[error("the key \"{key}\" is none of the {role} keys of \"{root}\"")]
    NotOfRole { key: PathBuf, role: &'static str, root: String },

    #[error("\"{0}\" is neither a Debian package nor a folder")]
    NotAPackage(PathBuf),
    #[error("\"{path}\" is not a sound Debian package: {why}")]
    BadPackage { path: PathBuf, why: String },
    #[error("\"{package}\" holds no static emulator of a target that qus knows")]
    NoEmulators { package: PathBuf },
    #[error("\"{file}\" in \"{package}\" is dynamically linked")]
    Dynamic { package: PathBuf, file: String },
    #[error("\"{file}\" in \"{package}\" runs on no host that qus knows: its ELF machine is {machine}")]
    UnknownHost { package: PathBuf, file: String, machine: u16 },
    #[error("\"{file}\" in \"{package}\" names itself twice: \"{first}\" and \"{second}\"")]
    TwoNames { package: PathBuf, file: String, first: String, second: String },
    #[error("\"{file}\" in \"{package}\" is, by its content, the emulator of \"{target}\"")]
    NameDisagrees { package: PathBuf, file: String, target: Target },
    #[error("\"{file}\" in \"{package}\" runs on \"{host}\", but the package is for \"{architecture}\"")]
    HostDisagrees { package: PathBuf, file: String, host: Host, architecture: String },
    #[error("\"{package}\" holds another emulator of \"{target}\" for \"{host}\" than was found before")]
    TwoEmulators { package: PathBuf, target: Target, host: Host },
    #[error("\"{file}\" in \"{package}\" is {size} bytes long, more than the {limit} that qus takes")]
    TooLarge { package: PathBuf, file: String, size: u64, limit: u64 },
    #[error("\"{package}\" is QEMU {found}, but others of this import are {before}")]
    TwoQemus { package: PathBuf, found: String, before: String },
    #[error("\"{package}\" has version {found}, but others of this import have {before}")]
    TwoVersions { package: PathBuf, found: Version, before: Version },
    #[error("\"{package}\" says nothing of its version")]
    NoVersion { package: PathBuf },
    #[error("no package holds an emulator of \"{0}\"")]
    TargetNotFound(Target),
    #[error("version {version} has \"{file}\" already, of other emulators")]
    WouldChange { version: Version, file: String },
    #[error("version {version} has \"{file}\" already, of the same emulators but packed otherwise")]
    PacksOtherwise { version: Version, file: String },

    #[error("\"{path}\" is not qus: {why}")]
    NotATool { path: PathBuf, why: String },
    #[error("\"{path}\" is a second qus for host \"{host}\"")]
    TwoTools { path: PathBuf, host: Host },

    #[error("\"{0}\" holds no root of trust")]
    NoRoot(PathBuf),
    #[error("\"{path}\" is malformed: {why}")]
    Malformed { path: PathBuf, why: String },
    #[error("\"{0}\" holds no release")]
    NoReleases(PathBuf),
    #[error("the index is not one to build upon: {0}")]
    DamagedIndex(TrustError),
    #[error("channel \"{channel}\" leads to version {version}, which is not in the repository")]
    ChannelToNowhere { channel: String, version: Version },
    #[error("channel \"{channel}\" leads to version {version}, which is withdrawn")]
    ChannelToWithdrawn { channel: String, version: Version },
    #[error("there is no version {0} in the repository")]
    NoSuchVersion(Version),
    #[error("there is no version {0} of qus itself in the repository")]
    NoSuchTool(Version),
    #[error("channel \"{0}\" leads nowhere")]
    NoChannel(&'static str),
    #[error("version {version} is withdrawn: {why}")]
    Withdrawn { version: Version, why: String },
    #[error("version {version} has no emulators for host \"{host}\"")]
    HostNotInRelease { version: Version, host: Host },
    #[error("version {version} has no emulator of \"{target}\" for host \"{host}\"")]
    NotInRelease { version: Version, target: Target, host: Host },
    #[error("a package of \"{target}\" would take the own programs of host \"{host}\" from it at boot")]
    OwnTarget { target: Target, host: Host },
    #[error("{version}: {error}")]
    Unpack { version: Version, error: UnpackError },
    #[error("\"{0}\" is there already, and holds something else")]
    PackageWouldChange(PathBuf),
    #[error("serial {serial} is more than {SERIAL_JUMP_MAX} above {previous}, the one before")]
    SerialTooHigh { serial: u64, previous: u64 },
    #[error("serial {serial} is not higher than {previous}, which is published already")]
    SerialNotHigher { serial: u64, previous: u64 },
    #[error("{version}: {error}")]
    Asset { version: Version, error: TrustError },
    #[error(transparent)]
    Trust(#[from] TrustError),
}

/// Makes an [`Error::File`] of an I/O error: `.map_err(failed("read", &path))`.
pub fn failed(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Error {
    let path = path.to_owned();
    move |error| Error::File { doing, path, error }
}

impl Error {
    /// The program's exit code: 3 when something is not authentic, else 1.
    pub fn exit_code(&self) -> u8 {
        match self {
            Error::Trust(error) | Error::Asset { error, .. } | Error::DamagedIndex(error) => match error.exit() {
                Exit::NotAuthentic => 3,
                _ => 1,
            },
            Error::OtherAnchor { .. } => 3,
            Error::Unpack { error, .. } if error.exit() == Exit::NotAuthentic => 3,
            _ => 1,
        }
    }

    /// What to do about it.
    pub fn help(&self) -> Option<String> {
        Some(match self {
            Error::Exists(_) => "choose another name: nothing is overwritten".to_owned(),
            Error::Busy(_) => "wait until it has ended".to_owned(),
            Error::NotAKey { kind: "public", .. } => "give the file that ends in .pub".to_owned(),
            Error::NotAKey { .. } => "make one with: qus-release keygen FILE".to_owned(),
            Error::NoPassphrase(_) => {
                "type it on a terminal, put it into QUS_RELEASE_PASSPHRASE, or write it to standard input".to_owned()
            }
            Error::Label { .. } => "name the file so: alice.key, alice.key.pub".to_owned(),
            Error::OneKeyForTwoRoles { .. } => {
                "make another with qus-release keygen: whoever stole one key must not hold two roles".to_owned()
            }
            Error::TooFewSigned { standing, .. } => {
                let missing: Vec<&str> = standing.missing.iter().map(Label::as_str).collect();
                format!("let more of them sign, with qus-release sign-root: {}", missing.join(", "))
            }
            Error::OtherAnchor { .. } => {
                "do not sign it; ask the other signers which root they know: sha256sum root.N.json".to_owned()
            }
            Error::PlacedAlready(_) => {
                "draw up the next one with: qus-release root rotate REPOSITORY PENDING".to_owned()
            }
            Error::SameLabel { .. } => "give their files different names: alice.key, bob.key".to_owned(),
            Error::NotFollowed { .. } => {
                "sign with its keys too: --root-key for those that stay, --outgoing-key for those that go".to_owned()
            }
            Error::NotOfRole { role, .. } => {
                format!(
                    "name its public key in the next root: qus-release root rotate REPOSITORY PENDING --{role}-key …"
                )
            }
            Error::Dynamic { .. } => {
                "before Debian 13 the static emulators are in the package qemu-user-static".to_owned()
            }
            Error::NoEmulators { .. } => "they are in qemu-user since Debian 13, in qemu-user-static before".to_owned(),
            Error::NameDisagrees { target, .. } => {
                format!("find out where the file comes from; if it is right, call it \"{}\"", target.emulator())
            }
            Error::TwoVersions { .. } => {
                "import them one after the other, or name the version they share: --version VERSION".to_owned()
            }
            Error::NoVersion { .. } => "name it: --version 11.1.3-1".to_owned(),
            Error::WouldChange { .. } | Error::PacksOtherwise { .. } => {
                "published files never change: choose another --version; or --force, if nobody can have fetched it"
                    .to_owned()
            }
            Error::NotATool { .. } => {
                "give programs that cargo build --release made, and the version that they tell".to_owned()
            }
            Error::TwoTools { .. } => "give one program a host".to_owned(),
            Error::NoRoot(_) => "make one with: qus-release root REPOSITORY …".to_owned(),
            Error::NoReleases(_) => "make one with: qus-release import REPOSITORY PACKAGE …".to_owned(),
            Error::ChannelToNowhere { channel, .. } | Error::ChannelToWithdrawn { channel, .. } => {
                format!("lead it elsewhere with --channel {channel}=VERSION, or end it with --channel {channel}=")
            }
            Error::SerialNotHigher { previous, .. } => {
                format!("leave --serial out, or give at least {}", previous + 1)
            }
            Error::SerialTooHigh { previous, .. } => {
                format!("readers would refuse it: leave --serial out, or give at most {}", previous + SERIAL_JUMP_MAX)
            }
            Error::DamagedIndex(TrustError::UnknownKey { .. }) => {
                "sign a new one, of what is there, with: qus-release publish REPOSITORY --key FILE".to_owned()
            }
            Error::DamagedIndex(_) => {
                "restore it from a copy, or remove it and give a --serial higher than any that readers saw".to_owned()
            }
            Error::Asset { version, error: TrustError::Revoked { .. } | TrustError::RevokedMember { .. } } => {
                format!("take it out of the repository, with the rest of its version: rm -r REPOSITORY/{version}")
            }
            Error::NoChannel(_) | Error::Withdrawn { .. } => "name another: --version VERSION".to_owned(),
            Error::HostNotInRelease { .. } | Error::NotInRelease { .. } => {
                "import a package of that host, publish, then try again".to_owned()
            }
            Error::PackageWouldChange(_) => {
                "machines take both for the same: give a higher --revision, or the date of the packages that are there; \
                 or --force, if nobody can have fetched them"
                    .to_owned()
            }
            Error::Unpack { .. } | Error::Asset { .. } => "import it again, or restore it from a copy".to_owned(),
            Error::Trust(TrustError::Expired { .. }) => {
                "make the next root with: qus-release root rotate REPOSITORY PENDING".to_owned()
            }
            Error::Malformed { .. } => "restore the file from a copy, or remove it".to_owned(),
            _ => return None,
        })
    }
}
