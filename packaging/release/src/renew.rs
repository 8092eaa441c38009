//! `qus-release renew`: the same index for longer. A weekly job runs it, with the index key alone.

use std::time::Duration;

use qus::release::{INDEX_FILE, INDEX_MAX, Index};
use qus::trust::verify_index;

use crate::cli::{RenewArgs, time};
use crate::error::{Error, failed};
use crate::keys::read_secret;
use crate::passphrase::Passphrases;
use crate::publish::{index_root, write};
use crate::repository::Repository;
use crate::ui::Ui;

/// What came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Renewed {
    /// It was signed anew.
    Now(Index),
    /// It has long enough left, and stays.
    NotYet(Index, Duration),
}

/// Signs the index anew, with the next serial and nothing else changed, if its end is near. An index that is not signed by
/// a key of the newest root is not renewed: who signs blindly would sign anything.
///
/// # Atomicity
///
/// The index appears whole, in the place of the one before.
pub fn run(args: &RenewArgs, passphrases: &Passphrases, ui: &Ui) -> Result<Renewed, Error> {
    let now = time(args.now);
    let signer = read_secret(&args.key, passphrases)?;
    let repository = Repository::lock(&args.repository)?;
    let root = index_root(&repository, &signer, &args.key, now)?;
    let text = repository.read(INDEX_FILE, INDEX_MAX)?;
    let text = text.ok_or_else(|| failed("open", &repository.file(INDEX_FILE))(std::io::ErrorKind::NotFound.into()))?;
    // Even a year after its end it is what was published.
    let issued = text.split_once("\n\n").and_then(|(_, body)| serde_json::from_str::<Index>(body).ok());
    let issued = issued.map_or(now, |index| index.issued);
    let verified = verify_index(INDEX_FILE, text.as_bytes(), &root, &|_| 0, issued).map_err(Error::DamagedIndex)?;
    let mut index = verified.index().clone();
    let left = Duration::from_secs(index.expires.0.saturating_sub(now.0));
    if left > args.left && !args.force {
        return Ok(Renewed::NotYet(index, left));
    }
    index.serial = index.serial.max(repository.floor(signer.public())?) + 1;
    index.issued = now;
    index.expires = now.plus(args.expires);
    if root.expires < index.expires {
        ui.note(format!("root {} expires at {}, before this index does", root.version, root.expires));
        ui.help(format!("draw up the next one: qus-release root rotate {} PENDING", args.repository.display()));
    }
    write(&repository, &index, None, &root, &signer, now)?;
    Ok(Renewed::Now(index))
}
