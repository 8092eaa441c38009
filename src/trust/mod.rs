//! Whom a machine believes, and what that lets a repository do.
//!
//! # Documents
//!
//! Three documents, each signed with minisign keys, each bearing its type inside the signed bytes
//! so that none can stand in for another:
//!
//! * A **root** (`root.N.json`) names the keys of the three roles `root`, `release` and `index`,
//!   how many of them must sign, until when it is to be believed, and what is revoked.
//! * The **index** (`index.qus`) lists what the repository offers, signed by an index key, which
//!   is online. It expires within weeks, and bears a serial.
//! * An **asset** is an archive of emulators, signed by a release key that is kept off the network.
//!   The signature's trusted comment binds type, file, version, host, size and hash.
//!
//! An install needs index and asset both. Whoever holds the index key alone can pick among what the
//! release key signed, and nothing else; whoever holds a release key alone reaches nobody, because
//! the index must list the asset too. Roles are types ([`Role`]): keys of one cannot be handed to a
//! check that asks for another's.
//!
//! # What an update does, in this order
//!
//! 1. The time is read once; everything is judged by it.
//! 2. It starts from the newest root that this machine has seen, or from its [`Anchor`]: the one
//!    compiled in, or a file in `/etc/qus/trust.d`, each tied to one repository. A clock that stands
//!    before this program was built, or before the anchor was made, is wrong, and said to be
//!    ([`TrustError::ClockBehind`]).
//! 3. From root N it goes to root N+1 and no other, if enough *different* keys of N *and* of N+1
//!    signed it. The same secret under two labels or ids counts once. After 32 steps a machine gives
//!    up rather than stop halfway. How far it came is remembered at once, whatever else fails: also
//!    if the last root has expired, which only the last must not have, or the next one is forged.
//! 4. The index must be signed by an index key of that root, and say so; be issued at most a day
//!    ahead of the clock; not have expired; have no lower serial than the highest seen of that key,
//!    by this machine or by the maker of the anchor (its [`AnchorFloor`], for who has no memory); not
//!    run ahead by more than [`SERIAL_JUMP_MAX`]; and say the same as the one seen before if it has
//!    the same serial. Where several keys sign indexes, serials of two cannot be compared: then it
//!    must not have been issued before the newest that was seen of another key.
//! 5. What was seen of an index key is forgotten when a root no longer names it. So a thief who used
//!    up the serials, or the time, stops nobody for longer than it takes to change the key.
//! 6. The asset's signature must be made out to exactly the file, version, host, size and hash that
//!    the index lists, before a byte of it is fetched; then all of it must go by, and nothing more.
//!    A revoked hash is refused whoever signed it, that of the asset and that of anything in it; and what
//!    a machine has already is looked up in the newest root that it remembers.
//!
//! # What it does not do
//!
//! One signature is all that is looked for beside an index or an asset. A root that wants more of
//! these two roles is refused, for it would promise what nobody checks: who wants two people behind a
//! release keeps its key where it takes both to get at it. Signatures in minisign's legacy form
//! are refused, for with them a signature and its comment could be passed off as a signed file. Who
//! can cut a machine off from its repository can keep it from learning anything; but it notices,
//! because what it knows expires.
//!
//! Every byte from outside has a limit that is known before it is read. Nothing in this module
//! touches disk, network or clock: it is handed bytes, keys and the time.

mod anchor;
mod asset;
mod clock;
mod index;
mod memory;
mod minisig;
mod role;
mod root;
mod trusted;

use thiserror::Error;

pub use anchor::{Anchor, AnchorFloor};
pub use asset::{Archive, AssetClaim, Verified, verify as verify_asset};
pub use clock::{built, check as check_clock};
pub use index::{Floor, VerifiedIndex, verify as verify_index};
pub use memory::{Memory, SERIAL_JUMP_MAX, Seen};
pub use minisig::{MINISIG_MAX, Minisig};
pub use role::{ForIndexes, ForReleases, ForRoots, Purpose, Role};
pub use root::{Key, Label, ROOT_KIND, ROOT_MAX, ROOTS_MAX, Roles, Root, Signatures, root_file, signature_file};
pub use trusted::{Trusted, trusted};

use crate::exit::{Exit, Explain};
use crate::hex::Sha256;
use crate::moment::Moment;

/// Why a document or an asset is refused.
#[derive(Debug, Error)]
#[expect(missing_docs, reason = "each says itself what it means")]
pub enum TrustError {
    #[error("{what} is malformed: {why}")]
    Malformed { what: String, why: String },
    #[error("{error}")]
    Anchor { file: String, error: Box<TrustError> },
    #[error("{what}, which tells what this machine saw of repositories, cannot be read: {why}")]
    Memory { what: String, why: String },
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
    #[error("{what} holds a program that was revoked: SHA-256 {member}")]
    RevokedMember { what: String, member: Sha256 },
    #[error("{what} expired at {at}")]
    Expired { what: String, at: Moment },
    #[error("{what} was issued at {issued}, but this machine's clock says {now}")]
    FromTheFuture { what: String, issued: Moment, now: Moment },
    #[error("this machine's clock says {now}, but {what} at {since}")]
    ClockBehind { now: Moment, since: Moment, what: &'static str },
    #[error("{what} has serial {serial}, older than the {floor} seen before")]
    Older { what: String, serial: u64, floor: u64 },
    #[error("{what} was issued at {issued}, before the one of {newest} by another key that was seen before")]
    OlderByTime { what: String, issued: Moment, newest: Moment },
    #[error("{what} has serial {serial}, more than {SERIAL_JUMP_MAX} above the {floor} seen before")]
    RunsAway { what: String, serial: u64, floor: u64 },
    #[error("{what} says something else than the one seen before, which has the same serial {serial}")]
    TwoOfOneSerial { what: String, serial: u64 },
    #[error("no root of trust is known for \"{0}\"")]
    NoAnchor(String),
    #[error("root {found} is offered as the successor of root {have}")]
    NotNext { have: u64, found: u64 },
    #[error("more than {ROOTS_MAX} roots follow on root {0}")]
    TooManyRoots(u64),
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
            TrustError::Expired { .. } | TrustError::FromTheFuture { .. } | TrustError::ClockBehind { .. } => {
                Exit::Expired
            }
            TrustError::Older { .. } | TrustError::OlderByTime { .. } => Exit::Older,
            TrustError::Anchor { error, .. } => error.exit(),
            TrustError::Read { .. } => Exit::Unreachable,
            TrustError::Write { .. } | TrustError::Memory { .. } => Exit::Failed,
            _ => Exit::NotAuthentic,
        }
    }

    fn help(&self) -> Option<String> {
        Some(match self {
            TrustError::Expired { .. } => {
                "if the date of this machine is right (see date), the publisher must renew the document; nobody else can".to_owned()
            }
            TrustError::FromTheFuture { .. } | TrustError::ClockBehind { .. } => {
                "set this machine's clock: date; timedatectl set-ntp true".to_owned()
            }
            TrustError::RunsAway { .. } => {
                "its publisher must change the key of the index by a new root; nobody else can help".to_owned()
            }
            TrustError::TooManyRoots(_) => {
                "put the present anchor.json of its publisher, received on another way, into /etc/qus/trust.d".to_owned()
            }
            TrustError::Older { .. } | TrustError::OlderByTime { .. } => "the repository serves an old state: try again later, or tell its publisher".to_owned(),
            TrustError::Read { .. } => "check the network, then try again".to_owned(),
            // Whoever knows the place says more.
            TrustError::Write { .. } => return None,
            TrustError::Anchor { file, .. } => {
                format!("put the anchor.json of its publisher in its place; or, to trust that repository no longer: rm {file}")
            }
            TrustError::Memory { what, .. } => {
                format!("it was written by a newer qus, or damaged; use that qus, or let this machine forget: rm {what}")
            }
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
