//! `qus-release keygen`: a pair of keys.

use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use minisign::KeyPair;
use qus::trust::Key;

use crate::cli::KeygenArgs;
use crate::error::{Error, failed};
use crate::passphrase::Passphrases;

/// A new pair of keys.
#[derive(Debug)]
pub struct Made {
    /// File of the secret key.
    pub secret: PathBuf,
    /// File of the public key.
    pub public: PathBuf,
    /// The public key.
    pub key: Key,
}

/// Makes a pair of keys that minisign reads too.
///
/// # Atomicity
///
/// When the public key's file cannot be written, the secret one is removed again.
pub fn run(args: &KeygenArgs, passphrases: &Passphrases) -> Result<Made, Error> {
    let secret = args.file.clone();
    let public = public_file(&secret);
    for file in [&secret, &public] {
        if file.symlink_metadata().is_ok() {
            return Err(Error::Exists(file.clone()));
        }
    }
    let bad = |why: String| Error::NotAKey { path: secret.clone(), kind: "secret", why };
    let (pair, comment) = if args.no_passphrase {
        (KeyPair::generate_unencrypted_keypair(), "minisign secret key, not protected")
    } else {
        let passphrase = passphrases.choose(&secret)?;
        (KeyPair::generate_encrypted_keypair(Some(passphrase)), "minisign encrypted secret key")
    };
    let pair = pair.map_err(|error| bad(error.to_string()))?;
    let key = Key::try_from(pair.pk.to_base64()).map_err(bad)?;
    let secret_text = pair.sk.to_box(Some(comment)).map_err(|error| bad(error.to_string()))?.into_string();
    let public_text = pair.pk.to_box().map_err(|error| bad(error.to_string()))?.into_string();

    write_new(&secret, 0o600, &secret_text)?;
    if let Err(error) = write_new(&public, 0o644, &public_text) {
        // The error that stands is the first; a secret key without its public one is of no use.
        let _ = std::fs::remove_file(&secret);
        return Err(error);
    }
    Ok(Made { secret, public, key })
}

/// The file of the public key beside `secret`.
fn public_file(secret: &Path) -> PathBuf {
    let mut name = secret.as_os_str().to_owned();
    name.push(".pub");
    PathBuf::from(name)
}

fn write_new(path: &Path, mode: u32, text: &str) -> Result<(), Error> {
    let file = OpenOptions::new().write(true).create_new(true).mode(mode).open(path);
    let mut file = file.map_err(failed("create", path))?;
    file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).map_err(failed("write", path))
}
