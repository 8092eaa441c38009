//! Looking into archives as qus will, without keeping anything of them.

use std::io::{self, BufRead, BufReader, Read};

use flate2::bufread::GzDecoder;
use qus::hex::Sha256;
use qus::host::Host;
use qus::listing::{HEAD, Listed, Listing, PADDING_MAX};
use qus::release::{Asset, EMULATOR_MAX, Form, ToolArchive, WINDOW_LOG_MAX};
use sha2::{Digest, Sha256 as Sha256Hasher};
use thiserror::Error;

/// Why an archive is not what was signed.
#[derive(Debug, Error)]
#[expect(missing_docs, reason = "each says itself what it means")]
pub enum BadArchive {
    #[error("\"{file}\" is not a sound archive: {error}")]
    Damaged { file: String, error: io::Error },
    #[error("\"{file}\" holds \"{member}\", which is not on its list")]
    Unlisted { file: String, member: String },
    #[error("\"{file}\" holds \"{member}\" twice")]
    Twice { file: String, member: String },
    #[error("\"{file}\" lacks \"{member}\", which is on its list")]
    Missing { file: String, member: String },
    #[error("\"{file}\" holds \"{member}\", which is not a plain file of mode 755")]
    NotPlain { file: String, member: String },
    #[error("\"{member}\" in \"{file}\" has {have} bytes, not {need}")]
    Size { file: String, member: String, have: u64, need: u64 },
    #[error("\"{member}\" in \"{file}\" has another content than listed: SHA-256 {have}, not {need}")]
    Hash { file: String, member: String, have: Sha256, need: Sha256 },
    #[error("\"{member}\" in \"{file}\" is no program of host \"{host}\" that qus takes")]
    WrongHost { file: String, member: String, host: Host },
    #[error("\"{file}\" holds more behind its last member")]
    Trailing { file: String },
}

/// Fails unless the archive that `content` holds is the one that `asset` describes: its members and
/// no others, plain files of the right size, hash and host, and nothing behind them.
pub fn check(asset: &Asset, content: impl Read) -> Result<(), BadArchive> {
    check_listed(&Listing::of(asset), asset.form == Form::Tgz, content)
}

/// The same for an archive of qus, which may be a program that needs its host's libraries.
pub fn check_tool(archive: &ToolArchive, content: impl Read) -> Result<(), BadArchive> {
    check_listed(&Listing::of_tool(archive), archive.file == ToolArchive::tgz_name(archive.host), content)
}

fn check_listed(asset: &Listing, gzip: bool, content: impl Read) -> Result<(), BadArchive> {
    let damaged = |error| BadArchive::Damaged { file: asset.file.clone(), error };
    let content = BufReader::new(content);
    let mut rest = if gzip {
        check_tar(asset, GzDecoder::new(content))?.into_inner()
    } else {
        let mut decoder = zstd::Decoder::with_buffer(content).map_err(damaged)?.single_frame();
        decoder.window_log_max(WINDOW_LOG_MAX).map_err(damaged)?;
        check_tar(asset, decoder)?.finish()
    };
    match rest.fill_buf().map_err(damaged)? {
        [] => Ok(()),
        _ => Err(BadArchive::Trailing { file: asset.file.clone() }),
    }
}

fn check_tar<R: Read>(asset: &Listing, decoder: R) -> Result<R, BadArchive> {
    let damaged = |error| BadArchive::Damaged { file: asset.file.clone(), error };
    let mut archive = tar::Archive::new(decoder);
    let mut seen: Vec<&str> = Vec::new();
    // `raw`: names in extension headers would otherwise replace those we look at.
    for entry in archive.entries().map_err(damaged)?.raw(true) {
        let mut entry = entry.map_err(damaged)?;
        let member = check_header(asset, &entry, &seen)?;
        seen.push(&member.name);
        check_content(asset, member, &mut entry)?;
    }
    if let Some(missing) = asset.missing(&seen) {
        return Err(BadArchive::Missing { file: asset.file.clone(), member: missing.name.clone() });
    }
    let mut decoder = archive.into_inner();
    let mut padding = Vec::new();
    (&mut decoder).take(PADDING_MAX as u64 + 1).read_to_end(&mut padding).map_err(damaged)?;
    if padding.len() > PADDING_MAX || padding.iter().any(|byte| *byte != 0) {
        return Err(BadArchive::Trailing { file: asset.file.clone() });
    }
    Ok(decoder)
}

/// The listed member that an entry is, if it is one, for the first time.
fn check_header<'a>(
    asset: &'a Listing,
    entry: &tar::Entry<'_, impl Read>,
    seen: &[&str],
) -> Result<&'a Listed, BadArchive> {
    let file = asset.file.clone();
    let member = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
    let Some(listed) = asset.member(&member) else {
        return Err(BadArchive::Unlisted { file, member });
    };
    if seen.contains(&listed.name.as_str()) {
        return Err(BadArchive::Twice { file, member });
    }
    let header = entry.header();
    if !header.entry_type().is_file() || !header.mode().is_ok_and(|mode| mode == 0o755) {
        return Err(BadArchive::NotPlain { file, member });
    }
    if entry.size() != listed.size || listed.size > EMULATOR_MAX {
        return Err(BadArchive::Size { file, member, have: entry.size(), need: listed.size });
    }
    Ok(listed)
}

fn check_content(asset: &Listing, member: &Listed, entry: &mut impl Read) -> Result<(), BadArchive> {
    let (file, name) = (asset.file.clone(), member.name.clone());
    let damaged = |error| BadArchive::Damaged { file: asset.file.clone(), error };
    let mut hasher = Sha256Hasher::new();
    let mut head = Vec::new();
    entry.take(HEAD as u64).read_to_end(&mut head).map_err(damaged)?;
    hasher.update(&head);
    let mut buffer = vec![0; 256 * 1024];
    let mut have = head.len() as u64;
    loop {
        match entry.read(&mut buffer).map_err(damaged)? {
            0 => break,
            read => {
                hasher.update(&buffer[..read]);
                have += read as u64;
            }
        }
    }
    if have != member.size {
        return Err(BadArchive::Size { file, member: name, have, need: member.size });
    }
    let hash = Sha256(hasher.finalize().into());
    if hash != member.sha256 {
        return Err(BadArchive::Hash { file, member: name, have: hash, need: member.sha256 });
    }
    asset.check_host(&head).map_err(|_| BadArchive::WrongHost { file, member: name, host: asset.host })
}
