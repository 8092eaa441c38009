//! The roots of a repository: from the one that a machine starts from to the newest.

use super::{StoreError, if_there, quoted};
use crate::system::fetch::{FetchError, Repository, Source};
use crate::system::interrupt;
use crate::trust::{MINISIG_MAX, ROOT_MAX, ROOTS_MAX, Root, Signatures, TrustError, root_file, signature_file};

/// Goes from root to root, each vouched for by the one before, until there is no next.
pub(super) fn follow(repository: &Repository, start: Root) -> Result<Root, StoreError> {
    let first = start.version;
    let mut root = start;
    loop {
        let (mut missing, mut forged) = (false, false);
        let first_source = repository.sources().next().map(Source::url);
        let next = repository.first(&root_file(root.version + 1), &mut |source| match successor(source, &root) {
            // A mirror that lacks it may be behind; the first source is not.
            Ok(None) if Some(source.url()) == first_source => Ok(None),
            Err(error @ StoreError::Trust(_)) => {
                forged |= Some(source.url()) == first_source;
                Err(error)
            }
            Ok(None) => {
                missing = true;
                Err(FetchError::NotFound(format!("{}/{}", source.url(), root_file(root.version + 1))).into())
            }
            other => other,
        });
        root = match next {
            Ok(Some(_)) if root.version >= first + ROOTS_MAX => return Err(TrustError::TooManyRoots(first).into()),
            Ok(Some(next)) => next,
            Ok(None) => return Ok(root),
            // Where the repository itself has a next root that is not to be believed, the one before is not gone on with.
            Err(_) if missing && !forged && !interrupt::asked() => return Ok(root),
            Err(error) => return Err(error),
        };
    }
}

/// The root that follows `root` at `source`, if there is one.
fn successor(source: &Source, root: &Root) -> Result<Option<Root>, StoreError> {
    let file = root_file(root.version + 1);
    let Some(text) = if_there(source.get(&file, ROOT_MAX))? else { return Ok(None) };
    let text = String::from_utf8_lossy(&text).into_owned();
    let mut signatures = Signatures::new();
    for label in root.signers(&text) {
        if let Some(signature) = if_there(source.get(&signature_file(&file, &label), MINISIG_MAX))? {
            signatures.insert(label, String::from_utf8_lossy(&signature).into_owned());
        }
    }
    Ok(Some(root.successor(&quoted(&file), &text, &signatures)?))
}
