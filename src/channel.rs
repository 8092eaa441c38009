//! Channels: a repository's names for versions, such as `stable`, which each of its indexes fills anew.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::release::STABLE;

/// The name of a channel. It begins with a letter, as a version begins with a digit.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Channel(String);

/// A word that is no name of a channel.
#[derive(Debug, PartialEq, Eq, Error)]
#[error("\"{0}\" is neither a version such as 11.1.3-1 nor a channel such as {STABLE}")]
pub struct BadChannel(String);

impl Channel {
    /// Its name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Default for Channel {
    /// The channel of those who name none.
    fn default() -> Channel {
        Channel(STABLE.to_owned())
    }
}

impl FromStr for Channel {
    type Err = BadChannel;

    fn from_str(text: &str) -> Result<Self, BadChannel> {
        /// Longer than any word for it, in bytes.
        const LENGTH_MAX: usize = 32;
        let plain = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".+_-".contains(&byte));
        let starts = text.starts_with(|c: char| c.is_ascii_alphabetic());
        if plain && starts && text.len() <= LENGTH_MAX {
            Ok(Channel(text.to_owned()))
        } else {
            Err(BadChannel(text.to_owned()))
        }
    }
}

impl TryFrom<String> for Channel {
    type Error = BadChannel;

    fn try_from(text: String) -> Result<Self, BadChannel> {
        text.parse()
    }
}

impl From<Channel> for String {
    fn from(channel: Channel) -> String {
        channel.0
    }
}

impl fmt::Display for Channel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}
