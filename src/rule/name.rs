//! Names of rules.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::BadRule;
use crate::target::Target;

/// A rule's name: the name of the file that the kernel makes of it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RuleName(String);

impl RuleName {
    /// The name under which `target` is registered, such as `qemu-aarch64`.
    pub fn of(target: Target) -> RuleName {
        RuleName(format!("qemu-{target}"))
    }

    /// The name under which `target` is registered live where another's entry has the usual name and
    /// could not be given back: `qus-aarch64`.
    pub fn beside(target: Target) -> RuleName {
        RuleName(format!("qus-{target}"))
    }

    /// The same name with `prefix` before it.
    pub fn prefixed(&self, prefix: &str) -> Result<RuleName, BadRule> {
        RuleName::try_from(format!("{prefix}{}", self.0))
    }

    /// The name of the entry that stands in while this one is replaced.
    #[must_use]
    pub fn next(&self) -> RuleName {
        RuleName(format!("{}-next", self.0))
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RuleName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl TryFrom<String> for RuleName {
    type Error = BadRule;

    fn try_from(name: String) -> Result<Self, BadRule> {
        let reserved = matches!(name.as_str(), "" | "." | ".." | "register" | "status");
        if reserved || name.contains(['/', ':', '\n', '\0']) {
            return Err(BadRule::Name(name));
        }
        Ok(RuleName(name))
    }
}

impl From<RuleName> for String {
    fn from(name: RuleName) -> String {
        name.0
    }
}
