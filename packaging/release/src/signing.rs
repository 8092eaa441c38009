//! Signatures in minisign's format, the same ones each time.
//!
//! The format is that of minisign's tag 0.11: four lines, of which the second is `ED`, the key's
//! id and an Ed25519 signature of the content's BLAKE2b-512, and the fourth an Ed25519 signature of
//! that signature and the trusted comment. Nothing in them depends on time or chance, so who
//! repeats an import gets the same bytes.

use std::io::{self, Read};

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use blake2::{Blake2b512, Digest};
use ed25519_compact::KeyPair;
use qus::trust::Key;

/// A secret key, ready to sign.
pub struct Signer {
    pair: KeyPair,
    id: [u8; 8],
    public: Key,
}

impl Signer {
    /// Takes a key that is not, or no longer, protected.
    pub fn new(key: &minisign::SecretKey) -> Result<Signer, String> {
        let id: [u8; 8] = key.keynum().try_into().map_err(|_| "its id has not eight bytes")?;
        // The key itself, before a checksum of 32 bytes at the end (minisign tag 0.11,
        // `SeckeyStruct` in `src/minisign.h`).
        let bytes = key.to_bytes();
        let pair = bytes.get(bytes.len().saturating_sub(96)..bytes.len().saturating_sub(32)).unwrap_or_default();
        let pair = KeyPair::from_slice(pair).map_err(|error| error.to_string())?;
        // Signing with another key's public half gives the secret one away.
        pair.validate().map_err(|_| "its two halves do not belong together")?;
        let public = Key::try_from(BASE64.encode([b"Ed", id.as_slice(), pair.pk.as_slice()].concat()))?;
        Ok(Signer { pair, id, public })
    }

    /// The public key.
    pub fn public(&self) -> &Key {
        &self.public
    }

    /// Signs all that `content` holds, and `comment` with it: the text of the signature file.
    pub fn sign(&self, mut content: impl Read, comment: &str) -> io::Result<String> {
        let mut hasher = Blake2b512::new();
        let mut buffer = vec![0; 128 * 1024];
        loop {
            match content.read(&mut buffer)? {
                0 => break,
                read => hasher.update(&buffer[..read]),
            }
        }
        let signature = self.pair.sk.sign(hasher.finalize(), None);
        let global = self.pair.sk.sign([signature.as_slice(), comment.as_bytes()].concat(), None);
        let signature = BASE64.encode([b"ED", self.id.as_slice(), signature.as_slice()].concat());
        let global = BASE64.encode(global.as_slice());
        // minisign's programs print the id as one little-endian number.
        let id = u64::from_le_bytes(self.id);
        Ok(format!(
            "untrusted comment: signed by qus-release with key {id:016X}\n{signature}\n\
             trusted comment: {comment}\n{global}\n"
        ))
    }
}
