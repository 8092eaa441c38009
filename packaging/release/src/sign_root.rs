//! `qus-release sign-root`: one signer, on a machine of their own that needs no network.

use qus::trust::{Label, ROOT_KIND, root_file};

use crate::cli::SignRootArgs;
use crate::error::{Error, failed};
use crate::keys::read_secret;
use crate::passphrase::Passphrases;
use crate::pending::{Pending, Standing};
use crate::ui::Ui;

/// Who signed, and how far the signing has come with it.
#[derive(Debug)]
pub struct Signed {
    /// Who.
    pub label: Label,
    /// By the keys of the root before, and by those of the next.
    pub standing: [Standing; 2],
}

/// Shows what changes, and adds a signature of it to the file.
pub fn run(args: &SignRootArgs, passphrases: &Passphrases, ui: &Ui) -> Result<Signed, Error> {
    let mut pending = Pending::read(&args.pending)?;
    for line in pending.describe()? {
        ui.result(line);
    }
    if !args.yes && !ui.confirms("sign this?") {
        return Err(Error::NotConfirmed);
    }
    let signer = read_secret(&args.root_key, passphrases)?;
    let (before, next) = (pending.before()?, pending.next()?);
    let mut keys = next.roles.root.keys.iter().chain(&before.roles.root.keys);
    let label = keys.find(|(_, key)| *key == signer.public()).map(|(label, _)| label.clone());
    let label = label.ok_or_else(|| Error::NotOfRole {
        key: args.root_key.clone(),
        role: "root",
        root: format!("{}\" or of \"{}", root_file(before.version), root_file(next.version)),
    })?;
    let comment = format!("type:{ROOT_KIND}\tversion:{}", next.version);
    let signature = signer.sign(pending.root.as_bytes(), &comment).map_err(failed("sign", &args.pending))?;
    pending.signatures.insert(label.clone(), signature);
    pending.write(&args.pending, true)?;
    Ok(Signed { label, standing: pending.standing()? })
}
