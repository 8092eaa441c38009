//! What is to be revoked: archives, and what is in them.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufReader, Read, Seek};
use std::path::Path;

use flate2::read::GzDecoder;
use qus::hex::Sha256;
use qus::release::{EMULATOR_MAX, WINDOW_LOG_MAX};
use qus::trust::Archive;
use sha2::{Digest, Sha256 as Sha256Hasher};

use crate::error::{Error, failed};
use crate::repository::Repository;
use crate::ui::Ui;

/// Most members that are looked at: a root has room for some nine hundred hashes, and an archive of all emulators for one
/// host has 31.
const MEMBERS_MAX: usize = 256;

/// Most bytes that are unpacked, in all: an archive of all emulators has a third of a gigabyte.
const UNPACKED_MAX: u64 = 4 * 1024 * 1024 * 1024;

/// The hashes that the word `word` means: itself, if it is one; else that of the file of this name and, unless `alone`, of
/// every file in it, if it is an archive. Each comes with what it is of.
pub fn hashes(word: &str, alone: bool, ui: &Ui) -> Result<BTreeMap<Sha256, String>, Error> {
    if let Ok(hash) = Sha256::try_from(word.to_owned()) {
        return Ok([(hash, "as typed".to_owned())].into());
    }
    let path = Path::new(word);
    let mut file = File::open(path).map_err(failed("open", path))?;
    let own = hash(&mut file, u64::MAX).map_err(failed("read", path))?;
    let mut found = BTreeMap::new();
    if !alone {
        file.rewind().map_err(failed("read", path))?;
        // A forger's archive may be unsound on purpose: it is revoked all the same, and what was found in it too.
        if let Err(error) = members(BufReader::new(file), &mut found) {
            ui.note(format_args!("\"{word}\" is not a sound archive: what is in it was not all looked at: {error}"));
        }
    }
    let mut hashes: BTreeMap<Sha256, String> =
        found.into_iter().map(|(hash, name)| (hash, format!("\"{name}\" in \"{word}\""))).collect();
    hashes.insert(own, format!("\"{word}\""));
    Ok(hashes)
}

/// Says of what else in the repository becomes useless when `revoked` is: archives that are not named themselves but hold
/// the same programs.
pub fn note_others(repository: &Repository, revoked: &[Sha256], ui: &Ui) -> Result<(), Error> {
    for release in repository.releases()? {
        release.assets.iter().for_each(|asset| note_other(asset, release.version.as_str(), revoked, ui));
    }
    for tool in repository.tools()? {
        tool.archives.iter().for_each(|archive| note_other(archive, tool.version.as_str(), revoked, ui));
    }
    Ok(())
}

fn note_other(archive: &impl Archive, version: &str, revoked: &[Sha256], ui: &Ui) {
    if !revoked.contains(&archive.sha256()) && archive.contents().any(|program| revoked.contains(&program)) {
        let file = archive.file();
        ui.note(format_args!("\"{file}\" of {version} holds what is revoked, and is refused with it"));
    }
}

/// The hashes of all plain files in an archive, with their names; nothing, if it is none.
fn members(mut content: impl io::BufRead, found: &mut BTreeMap<Sha256, String>) -> io::Result<()> {
    // RFC 8878, 3.1.1, and RFC 1952, 2.3.1.
    const ZSTD: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];
    const GZIP: [u8; 2] = [0x1f, 0x8b];
    let head = content.fill_buf()?;
    if head.starts_with(&ZSTD) {
        let mut decoder = zstd::Decoder::with_buffer(content)?;
        decoder.window_log_max(WINDOW_LOG_MAX)?;
        members_of_tar(decoder, found)
    } else if head.starts_with(&GZIP) {
        members_of_tar(GzDecoder::new(content), found)
    } else {
        Ok(())
    }
}

fn members_of_tar(unpacked: impl Read, found: &mut BTreeMap<Sha256, String>) -> io::Result<()> {
    let mut archive = tar::Archive::new(unpacked.take(UNPACKED_MAX));
    for (seen, entry) in archive.entries()?.raw(true).enumerate() {
        let mut entry = entry?;
        if seen >= MEMBERS_MAX {
            return Err(io::Error::other(format!("it holds more than {MEMBERS_MAX} files")));
        }
        if !entry.header().entry_type().is_file() {
            continue;
        }
        let name = String::from_utf8_lossy(&entry.path_bytes()).escape_debug().to_string();
        found.insert(hash(&mut entry, EMULATOR_MAX)?, name);
    }
    Ok(())
}

/// The hash of all that `content` has, which must not be more than `limit` bytes.
fn hash(content: &mut impl Read, limit: u64) -> io::Result<Sha256> {
    let mut hasher = Sha256Hasher::new();
    let mut buffer = vec![0; 128 * 1024];
    let mut have: u64 = 0;
    loop {
        let read = match content.read(&mut buffer) {
            Ok(0) => return Ok(Sha256(hasher.finalize().into())),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            read => read?,
        };
        have += read as u64;
        if have > limit {
            return Err(io::Error::other(format!("a file in it is longer than {limit} bytes")));
        }
        hasher.update(&buffer[..read]);
    }
}
