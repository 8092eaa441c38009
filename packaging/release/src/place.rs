//! `qus-release root place`: the signed root becomes the repository's.

use qus::trust::{Anchor, root_file};

use crate::cli::PlaceArgs;
use crate::error::Error;
use crate::pending::Pending;
use crate::repository::Repository;
use crate::root::{Made, place};

/// Puts the next root, signed by enough keys of the newest and of its own, into the repository. Signatures from several
/// copies of it are put together.
///
/// # Atomicity
///
/// Nothing is written unless readers will follow. The root appears after its signatures, the anchor after both.
pub fn run(args: &PlaceArgs) -> Result<Made, Error> {
    let repository = Repository::lock(&args.repository)?;
    let newest = repository.newest_root()?.ok_or_else(|| Error::NoRoot(args.repository.clone()))?;
    let mut copies = args.pending.iter().map(|path| Ok::<_, Error>((path, Pending::read(path)?)));
    // At least one was typed.
    let Some(first) = copies.next() else { return Err(Error::NoRoot(args.repository.clone())) };
    let (_, mut pending) = first?;
    for copy in copies {
        let (path, copy) = copy?;
        if copy.root != pending.root {
            return Err(Error::Malformed {
                path: path.clone(),
                why: "it holds another root than the first".to_owned(),
            });
        }
        pending.signatures.extend(copy.signatures);
    }
    let version = pending.next()?.version;
    let file = root_file(version);
    if version <= newest.root.version {
        return Err(Error::PlacedAlready(file));
    }
    for standing in pending.standing()? {
        if standing.signed.len() < standing.needed {
            return Err(Error::TooFewSigned { file, standing });
        }
    }
    // Who signed but is named by neither root is nobody to readers.
    let known = newest.root.signers(&pending.root);
    pending.signatures.retain(|label, _| known.contains(label));
    let from = newest.root.version;
    let followed = newest.root.successor(&file, &pending.root, &pending.signatures);
    followed.map_err(|error| Error::NotFollowed { from, error })?;
    let anchor = Anchor {
        kind: Anchor::KIND.to_owned(),
        repository: pending.before.repository,
        root: pending.root,
        signatures: pending.signatures,
        floor: repository.anchor()?.and_then(|anchor| anchor.floor),
    };
    place(&repository, &file, &anchor).map(|files| Made { version, files })
}
