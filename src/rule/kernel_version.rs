//! Versions of Linux, on which it depends what a rule may say.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Major and minor number of a Linux kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct KernelVersion(pub u32, pub u32);

impl KernelVersion {
    /// No kernel in particular: one that knows everything.
    pub const NEWEST: KernelVersion = KernelVersion(u32::MAX, 0);

    /// Reads `uname -r`, such as `6.12.107+deb13-amd64`.
    pub fn parse(release: &str) -> Option<KernelVersion> {
        let mut numbers = release.split(|c: char| !c.is_ascii_digit()).map(str::parse);
        Some(KernelVersion(numbers.next()?.ok()?, numbers.next()?.ok()?))
    }
}

impl fmt::Display for KernelVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.0, self.1)
    }
}

impl From<KernelVersion> for String {
    fn from(version: KernelVersion) -> String {
        version.to_string()
    }
}

impl TryFrom<String> for KernelVersion {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        KernelVersion::parse(&text).ok_or_else(|| format!("\"{text}\" is not a version of Linux such as 6.12"))
    }
}
