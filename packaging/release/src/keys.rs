//! Key files of minisign, and the labels by which a root calls their holders.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use minisign::{SecretKey, SecretKeyBox};
use qus::trust::{Key, Label};

use crate::error::{Error, failed};
use crate::passphrase::Passphrases;
use crate::signing::Signer;

/// Reads the secret key in `path`, asking for its passphrase if it has one.
pub fn read_secret(path: &Path, passphrases: &Passphrases) -> Result<Signer, Error> {
    let not_a_key = |why: String| Error::NotAKey { path: path.to_owned(), kind: "secret", why };
    let text = std::fs::read_to_string(path).map_err(failed("read", path))?;
    let bytes = decode(&text).map_err(|why| not_a_key(why.to_owned()))?;
    // The third and fourth byte name the way from passphrase to key, zero for none.
    let key = if bytes[2..4] == [0, 0] {
        // minisign's own program leaves the checksum of such a key empty, which the crate takes for
        // damage; a signer looks whether its two halves fit.
        SecretKey::from_bytes(&bytes).map_err(|error| not_a_key(error.to_string()))?
    } else {
        let passphrase = passphrases.ask(path)?;
        SecretKeyBox::from(text).into_secret_key(Some(passphrase)).map_err(|error| match error.kind() {
            minisign::ErrorKind::Verify => Error::WrongPassphrase(path.to_owned()),
            _ => not_a_key(error.to_string()),
        })?
    };
    Signer::new(&key).map_err(not_a_key)
}

/// The second line of a secret key's file.
fn decode(text: &str) -> Result<Vec<u8>, &'static str> {
    /// `sizeof(SeckeyStruct)`, in bytes (minisign tag 0.11, `src/minisign.h`).
    const LENGTH: usize = 158;
    let line = text.lines().nth(1).ok_or("it has not two lines")?;
    let bytes = BASE64.decode(line.trim()).map_err(|_| "its second line is not base64")?;
    if bytes.len() == LENGTH { Ok(bytes) } else { Err("its second line has not the length of a secret key") }
}

/// Reads the public key in `path`.
pub fn read_public(path: &Path) -> Result<Key, Error> {
    let not_a_key = |why: &str| Error::NotAKey { path: path.to_owned(), kind: "public", why: why.to_owned() };
    let text = std::fs::read_to_string(path).map_err(failed("read", path))?;
    let line = text.lines().nth(1).ok_or_else(|| not_a_key("it has not two lines"))?;
    Key::try_from(line.trim().to_owned()).map_err(|_| not_a_key("its second line is none"))
}

/// The label of the key in `path`: its file's name up to the first dot.
pub fn label(path: &Path) -> Result<Label, Error> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let stem = name.split('.').next().unwrap_or_default();
    Label::try_from(stem.to_owned()).map_err(|why| Error::Label { path: path.to_owned(), why })
}

/// The keys of one role by their labels, each made of its file by `read`.
pub fn labelled<T>(
    role: &'static str,
    paths: &[PathBuf],
    mut read: impl FnMut(&Path) -> Result<T, Error>,
) -> Result<BTreeMap<Label, T>, Error> {
    let mut keys = BTreeMap::new();
    for path in paths {
        let label = label(path)?;
        if keys.contains_key(&label) {
            return Err(Error::SameLabel { role, label: label.to_string() });
        }
        keys.insert(label, read(path)?);
    }
    Ok(keys)
}
