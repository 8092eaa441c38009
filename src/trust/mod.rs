//! Whom a machine believes, and what that lets a repository do.
//!
//! Three documents, each signed with minisign keys, each bearing its type inside the signed bytes
//! so that none can stand in for another:
//!
//! * A **root** (`root.N.json`) names the keys of the three roles `root`, `release` and `index`,
//!   and how many of them must sign. A machine starts from the root compiled in, or from one that
//!   its administrator put into `/etc/qus/trust.d` (an [`Anchor`], tied to one repository). It
//!   follows a repository from root N to root N+1 only if enough root keys of N *and* of N+1
//!   signed it.
//! * The **index** (`index.qus`) lists what the repository offers, signed by an index key. It
//!   expires, and bears a serial: a machine never goes back behind the highest it has seen of the
//!   key. Whoever holds the index key can pick among releases, and can do nothing else.
//! * An **asset** is an archive of emulators, signed by a release key that is kept off the network.
//!   The signature's trusted comment binds type, file, version, host, size and hash. Whoever holds
//!   a release key alone reaches nobody, because the index must list the asset too.
//!
//! An install needs both signatures, and every byte from outside has a limit that is known before
//! it is read. Nothing in this module touches disk, network or clock: it is handed bytes, keys and
//! the time.

mod asset;
mod index;
mod memory;
mod minisig;
mod root;

use thiserror::Error;

pub use asset::{Archive, AssetClaim, Verified, verify as verify_asset};
pub use index::{Floor, VerifiedIndex, verify as verify_index};
pub use memory::{Memory, Seen};
pub use minisig::{MINISIG_MAX, Minisig};
pub use root::{Anchor, Key, Label, ROOT_KIND, ROOT_MAX, Role, Roles, Root, Signatures, root_file, signature_file};

use crate::exit::{Exit, Explain};
use crate::moment::Moment;

/// Why a document or an asset is refused.
#[derive(Debug, Error)]
#[expect(missing_docs, reason = "each says itself what it means")]
pub enum TrustError {
    #[error("{what} is malformed: {why}")]
    Malformed { what: String, why: String },
    #[error("{what} is not signed by a key that this machine trusts")]
    UnknownKey { what: String },
    #[error("the signature of {what} does not fit its content")]
    BadSignature { what: String },
    #[error("{what} bears {have} of the {need} signatures it needs")]
    TooFewSignatures { what: String, have: usize, need: usize },
    #[error("{what} is signed as \"{signed}\", where \"{expected}\" is wanted")]
    WrongType { what: String, signed: String, expected: String },
    #[error("{what} is signed for {field} \"{signed}\", where \"{expected}\" is wanted")]
    Mismatch { what: String, field: &'static str, signed: String, expected: String },
    #[error("{what} is longer than the {limit} bytes that {signed}")]
    TooLong { what: String, limit: u64, signed: &'static str },
    #[error("{what} ends after {have} of {need} bytes")]
    TooShort { what: String, have: u64, need: u64 },
    #[error("{what} has another content than signed: SHA-256 {have}, not {need}")]
    WrongHash { what: String, have: String, need: String },
    #[error("{what} was revoked")]
    Revoked { what: String },
    #[error("{what} expired at {at}")]
    Expired { what: String, at: Moment },
    #[error("{what} was issued at {issued}, but this machine's clock says {now}")]
    FromTheFuture { what: String, issued: Moment, now: Moment },
    #[error("{what} has serial {serial}, older than the {floor} seen before")]
    Older { what: String, serial: u64, floor: u64 },
    #[error("no root of trust is known for \"{0}\"")]
    NoAnchor(String),
    #[error("root {found} is offered as the successor of root {have}")]
    NotNext { have: u64, found: u64 },
    #[error("reading {what} failed: {error}")]
    Read { what: String, error: std::io::Error },
    #[error("storing {what} failed: {error}")]
    Write { what: String, error: std::io::Error },
}

/// How far an issuer's clock may be ahead of this machine's: a day covers every time zone that was
/// mistaken for UTC.
const CLOCK_TOLERANCE: std::time::Duration = std::time::Duration::from_secs(24 * 60 * 60);

impl Explain for TrustError {
    fn exit(&self) -> Exit {
        match self {
            TrustError::Expired { .. } | TrustError::FromTheFuture { .. } => Exit::Expired,
            TrustError::Older { .. } => Exit::Older,
            TrustError::Read { .. } => Exit::Unreachable,
            TrustError::Write { .. } => Exit::Failed,
            _ => Exit::NotAuthentic,
        }
    }

    fn help(&self) -> Option<String> {
        Some(match self {
            TrustError::Expired { .. } => {
                "if the date of this machine is right (see date), the publisher must renew the document; nobody else can".to_owned()
            }
            TrustError::FromTheFuture { .. } => "set this machine's clock: date; timedatectl set-ntp true".to_owned(),
            TrustError::Older { .. } => "the repository serves an old state: try again later, or tell its publisher".to_owned(),
            TrustError::Read { .. } => "check the network, then try again".to_owned(),
            TrustError::Write { .. } => "df -h /usr/local/lib".to_owned(),
            TrustError::UnknownKey { .. } => {
                "if you chose this repository yourself, put its anchor.json into /etc/qus/trust.d; else do not install from it".to_owned()
            }
            TrustError::NoAnchor(_) => {
                "put the anchor.json of its publisher, received on another way, into /etc/qus/trust.d".to_owned()
            }
            _ => "do not install from this repository until its publisher has explained this".to_owned(),
        })
    }
}
