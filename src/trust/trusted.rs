//! Whom a machine trusts before it has asked anybody.

use std::collections::BTreeMap;

use super::{Anchor, Root, TrustError};

/// An anchor, and where it came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trusted {
    /// The anchor.
    pub anchor: Anchor,
    /// The administrator's file; none for the one that the program was built with.
    pub file: Option<String>,
}

impl Trusted {
    /// What messages call it.
    pub fn name(&self) -> String {
        self.file.as_ref().map_or_else(|| "the compiled-in root".to_owned(), |file| format!("\"{file}\""))
    }

    /// The root in its anchor.
    pub fn root(&self) -> Result<Root, TrustError> {
        self.anchor.root(&self.name()).map_err(|error| blame(self.file.as_deref(), error))
    }
}

/// What is wrong with an administrator's file is no fault of the repository.
fn blame(file: Option<&str>, error: TrustError) -> TrustError {
    match file {
        Some(file) => TrustError::Anchor { file: file.to_owned(), error: Box::new(error) },
        None => error,
    }
}

/// Whom a program trusts that was built with `published` (an anchor, or `null` while there is none), on a machine with
/// these anchors, path and text, the nearest last: by the URL of the repository. A nearer one replaces another.
pub fn trusted(
    published: &str,
    files: impl IntoIterator<Item = (String, String)>,
) -> Result<BTreeMap<String, Trusted>, TrustError> {
    let published = (published.trim() != "null").then(|| (None, published.to_owned()));
    let files = files.into_iter().map(|(file, text)| (Some(file), text));
    let mut all = BTreeMap::new();
    for (file, text) in published.into_iter().chain(files) {
        let what = file.as_ref().map_or_else(|| "the compiled-in root".to_owned(), |file| format!("\"{file}\""));
        let anchor = Anchor::parse(&what, &text).map_err(|error| blame(file.as_deref(), error))?;
        all.insert(anchor.repository.trim_end_matches('/').to_owned(), Trusted { anchor, file });
    }
    Ok(all)
}
