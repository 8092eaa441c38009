//! `qus-release sign-root`: one signer, on a machine of their own that needs no network.

use std::path::Path;

use qus::trust::{Anchor, Label, ROOT_KIND, ROOT_MAX, root_file};

use crate::cli::SignRootArgs;
use crate::error::{Error, failed};
use crate::keys::read_secret;
use crate::passphrase::Passphrases;
use crate::pending::{Pending, Standing};
use crate::repository::read_document;
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
///
/// What changes is told by the root before, which travels in the file too: whoever had the file in hand could have put
/// another one there. The signer's own anchor tells; without one, that is said.
pub fn run(args: &SignRootArgs, passphrases: &Passphrases, ui: &Ui) -> Result<Signed, Error> {
    let mut pending = Pending::read(&args.pending)?;
    for line in pending.describe()? {
        ui.result(line);
    }
    ui.result(compared(&pending, args.anchor.as_deref(), ui)?);
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

/// What the next root was compared with, and who vouches for that.
fn compared(pending: &Pending, anchor: Option<&Path>, ui: &Ui) -> Result<String, Error> {
    let Some(path) = anchor else {
        ui.note("nobody vouches for what this is compared with: give your own copy of the anchor with --anchor");
        return pending.compared("which is what the file itself says");
    };
    let anchor = read_anchor(path)?;
    pending.check_anchor(&path.display().to_string(), &anchor)?;
    if anchor.repository != pending.before.repository {
        ui.note(format_args!("by your anchor the repository is at {}", anchor.repository));
    }
    pending.compared(&format!("which your \"{}\" vouches for", path.display()))
}

fn read_anchor(path: &Path) -> Result<Anchor, Error> {
    // An anchor is a root with its signatures, each shorter than a root.
    let text = read_document(path, 4 * ROOT_MAX)?;
    let text = text.ok_or_else(|| failed("open", path)(std::io::ErrorKind::NotFound.into()))?;
    Ok(Anchor::parse(&format!("\"{}\"", path.display()), &text)?)
}
