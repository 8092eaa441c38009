//! Paths as the system that is being changed sees them, whatever directory it lies in.

use std::fmt;

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// An absolute path without `.` or `..`, to be found below some root directory.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RootedPath(String);

/// A path that is not absolute, or not plain.
#[derive(Debug, PartialEq, Eq, Error)]
#[error("\"{0}\" is not an absolute path without \".\" and \"..\"")]
pub struct NotRooted(pub String);

impl RootedPath {
    /// A path that this program spelled itself.
    ///
    /// # Panics
    ///
    /// If it is not absolute and plain, which is an error in this program.
    pub fn from_trusted(path: impl Into<String>) -> RootedPath {
        match RootedPath::try_from(path.into()) {
            Ok(path) => path,
            Err(error) => panic!("{error}"),
        }
    }

    /// The path, absolute.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The path of `name` in this directory.
    #[must_use]
    pub fn join(&self, name: &str) -> RootedPath {
        RootedPath::from_trusted(format!("{}/{name}", self.0.trim_end_matches('/')))
    }

    /// Its last name; empty for `/`.
    pub fn name(&self) -> &str {
        self.0.rsplit('/').next().unwrap_or_default()
    }

    /// The directory it lies in; none for `/`.
    pub fn parent(&self) -> Option<RootedPath> {
        let (parent, name) = self.0.rsplit_once('/')?;
        match (parent, name) {
            ("", "") => None,
            ("", _) => Some(RootedPath("/".to_owned())),
            _ => Some(RootedPath(parent.to_owned())),
        }
    }

    /// Itself and every directory above it, nearest first, without `/`.
    pub fn ancestors(&self) -> impl Iterator<Item = RootedPath> {
        std::iter::successors(Some(self.clone()), RootedPath::parent).filter(|path| path.0 != "/")
    }

    /// Whether it is `directory` or lies below it.
    pub fn is_below(&self, directory: &RootedPath) -> bool {
        self.0
            .strip_prefix(directory.0.trim_end_matches('/'))
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }
}

impl TryFrom<String> for RootedPath {
    type Error = NotRooted;

    fn try_from(path: String) -> Result<Self, NotRooted> {
        let plain = path.strip_prefix('/').is_some_and(|rest| {
            rest.is_empty() || rest.split('/').all(|name| !matches!(name, "" | "." | "..") && !name.contains('\0'))
        });
        if plain { Ok(RootedPath(path)) } else { Err(NotRooted(path)) }
    }
}

impl From<RootedPath> for String {
    fn from(path: RootedPath) -> String {
        path.0
    }
}

impl fmt::Display for RootedPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}
