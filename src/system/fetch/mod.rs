//! Bytes from a repository: over HTTPS, from this machine over HTTP, or from its file systems.
//!
//! A [`Repository`] is asked for a file and asks its [`Source`]s in turn. A source answers, or says why it does not; the
//! status of an answer is looked at before anybody looks at its bytes, so that a file that is not there, a proxy that
//! wants a password and a network that wants a login are told apart from an attack. What passes is tried again
//! ([`Limits`]); an asset that was cut off is gone on with, in this run or in the next ([`Partial`]). Nothing that comes
//! from here is believed: that is for [`crate::trust`] to say.

mod body;
pub mod cache;
mod client;
mod error;
mod http;
mod limits;
mod local;
mod mirrors;
mod network;
mod notes;
mod pace;
mod partial;
mod resume;
mod retry;
mod source;

pub use error::FetchError;
pub use http::Validator;
pub use limits::Limits;
pub use mirrors::{Everywhere, Failure, Repository, everywhere};
pub use network::Network;
pub(super) use notes::tell;
pub use notes::tell_by;
pub use partial::Partial;
pub use source::{Source, Undelivered};
