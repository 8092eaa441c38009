//! Unpacking: from a verified asset, exactly the files it was signed with.

use std::fs::{File, Permissions};
use std::io::{self, Read, Seek, Write};
use std::os::unix::fs::PermissionsExt;
use std::sync::mpsc;

use sha2::{Digest, Sha256 as Sha256Hasher};
use thiserror::Error;

use super::root::{FileError, Root, failed};
use crate::exit::{Exit, Explain};
use crate::hex::Sha256;
use crate::host::Host;
use crate::listing::{HEAD, Listed, Listing, PADDING_MAX};
use crate::release::{TOOL_MEMBER, ToolArchive, WINDOW_LOG_MAX};
use crate::rooted::RootedPath;
use crate::target::Target;
use crate::trust::Verified;

/// How much is read at once.
const PIECE: usize = 256 * 1024;

/// How many pieces may wait to be hashed.
const WAITING: usize = 4;

/// Why an archive is not unpacked. What was unpacked of it stays in its directory, under names that
/// nothing uses.
#[derive(Debug, Error)]
#[expect(missing_docs, reason = "each says itself what it means")]
pub enum UnpackError {
    #[error("\"{0}\" is not a sound archive: {1}")]
    Damaged(String, io::Error),
    #[error("\"{file}\" holds \"{member}\", which is not on its signed list")]
    Unlisted { file: String, member: String },
    #[error("\"{file}\" holds \"{member}\" twice")]
    Twice { file: String, member: String },
    #[error("\"{file}\" lacks \"{member}\", which is on its signed list")]
    Missing { file: String, member: String },
    #[error("\"{file}\" holds \"{member}\", which is {kind}, not a plain file")]
    NotPlain { file: String, member: String, kind: String },
    #[error("\"{file}\" holds \"{member}\" with special permissions {mode:o}")]
    SpecialMode { file: String, member: String, mode: u32 },
    #[error("\"{member}\" in \"{file}\" has {have} bytes, not the signed {need}")]
    Size { file: String, member: String, have: u64, need: u64 },
    #[error("\"{member}\" in \"{file}\" has another content than signed: SHA-256 {have}, not {need}")]
    Hash { file: String, member: String, have: Sha256, need: Sha256 },
    #[error("\"{member}\" in \"{file}\" is no program of host \"{host}\": {why}")]
    WrongHost { file: String, member: String, host: Host, why: String },
    #[error("\"{0}\" holds more behind its last member")]
    Trailing(String),
    #[error(transparent)]
    File(#[from] FileError),
}

impl Explain for UnpackError {
    fn exit(&self) -> Exit {
        match self {
            UnpackError::File(error) => error.exit(),
            _ => Exit::NotAuthentic,
        }
    }

    fn help(&self) -> Option<String> {
        match self {
            UnpackError::File(error) => error.help(),
            _ => Some("do not install from this repository until its publisher has explained this".to_owned()),
        }
    }
}

/// Unpacks `targets` of a verified asset into the directory `into`, as root's, mode 0755, and waits
/// until they have reached the disk. Every other member is checked all the same.
///
/// Nothing of the archive's own names, owners or modes is used: members are picked by their signed
/// names, and anything else in it is an error.
///
/// # Atomicity
///
/// What is unpacked are the very bytes that were verified: the file is not opened again by its name. Files appear one by
/// one, under names that nothing uses until all have reached the disk with their directory.
pub fn unpack(root: &Root, verified: Verified<File>, targets: &[Target], into: &RootedPath) -> Result<(), UnpackError> {
    let (content, asset) = verified.into_parts();
    let names: Vec<String> = targets.iter().map(|target| target.emulator()).collect();
    unpack_listed(root, content, &Listing::of(&asset), &names, into)
}

/// Unpacks a verified archive of qus into the directory `into`, by the same rules.
pub fn unpack_tool(root: &Root, verified: Verified<File, ToolArchive>, into: &RootedPath) -> Result<(), UnpackError> {
    let (content, archive) = verified.into_parts();
    unpack_listed(root, content, &Listing::of_tool(&archive), &[TOOL_MEMBER.to_owned()], into)
}

fn unpack_listed(
    root: &Root,
    mut content: File,
    asset: &Listing,
    wanted: &[String],
    into: &RootedPath,
) -> Result<(), UnpackError> {
    let damaged = |error: io::Error| UnpackError::Damaged(asset.file.clone(), error);
    content.rewind().map_err(damaged)?;
    let mut decoder = zstd::Decoder::new(content).map_err(damaged)?.single_frame();
    decoder.window_log_max(WINDOW_LOG_MAX).map_err(damaged)?;
    let mut archive = tar::Archive::new(decoder);

    let mut seen: Vec<&str> = Vec::new();
    let mut written = Vec::new();
    // `raw`: names in extension headers would otherwise replace those we look at.
    for entry in archive.entries().map_err(damaged)?.raw(true) {
        let mut entry = entry.map_err(damaged)?;
        let member = check_entry(asset, &entry, &seen)?;
        seen.push(&member.name);
        let sink = if wanted.contains(&member.name) {
            let path = into.join(&member.name);
            let file = root.create(&path, 0o600)?;
            written.push((file.try_clone().map_err(failed("write", &path))?, path.clone()));
            Some((file, path))
        } else {
            None
        };
        copy_member(asset, member, &mut entry, sink)?;
    }
    if let Some(missing) = asset.missing(&seen) {
        return Err(UnpackError::Missing { file: asset.file.clone(), member: missing.name.clone() });
    }
    check_end(asset, archive.into_inner())?;
    for (file, path) in &written {
        file.set_permissions(Permissions::from_mode(0o755)).map_err(failed("write", path))?;
        root.sync(file, path)?;
    }
    Ok(root.sync_parent(&into.join("member"))?)
}

/// The signed member that an entry is, if it is one, for the first time, of the signed size.
fn check_entry<'a>(
    asset: &'a Listing,
    entry: &tar::Entry<'_, impl Read>,
    seen: &[&str],
) -> Result<&'a Listed, UnpackError> {
    let file = asset.file.clone();
    let member = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
    let header = entry.header();
    if !header.entry_type().is_file() {
        let kind = describe(header.entry_type());
        return Err(UnpackError::NotPlain { file, member, kind });
    }
    let Some(listed) = asset.member(&member) else {
        return Err(UnpackError::Unlisted { file, member });
    };
    if seen.contains(&listed.name.as_str()) {
        return Err(UnpackError::Twice { file, member });
    }
    let mode = header.mode().map_err(|error| UnpackError::Damaged(file.clone(), error))?;
    if mode & 0o7000 != 0 {
        return Err(UnpackError::SpecialMode { file, member, mode });
    }
    if entry.size() != listed.size {
        return Err(UnpackError::Size { file, member, have: entry.size(), need: listed.size });
    }
    Ok(listed)
}

/// What an entry is, in a word.
fn describe(kind: tar::EntryType) -> String {
    match format!("{kind:?}").to_lowercase() {
        // The library has a name for what it knows.
        name if name.starts_with('_') => format!("of unknown type \"{}\"", kind.as_byte().escape_ascii()),
        name => name,
    }
}

/// Copies a member into its file, if it is to have one, hashing it on a second processor.
fn copy_member(
    asset: &Listing,
    member: &Listed,
    entry: &mut impl Read,
    mut sink: Option<(File, RootedPath)>,
) -> Result<(), UnpackError> {
    let (file, name) = (asset.file.clone(), member.name.clone());
    let (to_hash, pieces) = mpsc::sync_channel::<Vec<u8>>(WAITING);
    let (used, free) = mpsc::channel::<Vec<u8>>();
    let mut head = Vec::new();
    let (copied, hash) = std::thread::scope(|scope| {
        let hasher = scope.spawn(move || {
            let mut hasher = Sha256Hasher::new();
            for piece in pieces {
                hasher.update(&piece);
                // The other side may be done already and need no more buffers.
                let _ = used.send(piece);
            }
            Sha256(hasher.finalize().into())
        });
        let mut copy = || -> Result<u64, UnpackError> {
            let mut have = 0;
            loop {
                let mut piece = free.try_recv().unwrap_or_default();
                piece.clear();
                let read = entry.take(PIECE as u64).read_to_end(&mut piece);
                let read = read.map_err(|error| UnpackError::Damaged(file.clone(), error))?;
                if read == 0 {
                    return Ok(have);
                }
                if have == 0 {
                    head = piece[..read.min(HEAD)].to_vec();
                }
                if let Some((sink, path)) = &mut sink {
                    sink.write_all(&piece).map_err(failed("write", path))?;
                }
                have += read as u64;
                // The hasher ends only after this side.
                let _ = to_hash.send(piece);
            }
        };
        let copied = copy();
        drop(to_hash);
        (copied, hasher.join())
    });
    let have = copied?;
    let hash = hash.map_err(|_| UnpackError::Damaged(file.clone(), io::Error::other("hashing failed")))?;
    if have != member.size {
        return Err(UnpackError::Size { file, member: name, have, need: member.size });
    }
    if hash != member.sha256 {
        return Err(UnpackError::Hash { file, member: name, have: hash, need: member.sha256 });
    }
    asset.check_host(&head).map_err(|why| UnpackError::WrongHost { file, member: name, host: asset.host, why })
}

/// Behind the last member a tar archive is zeros to its end, the frame ends there, and the file too.
fn check_end<R: io::BufRead>(asset: &Listing, mut decoder: zstd::Decoder<'_, R>) -> Result<(), UnpackError> {
    let damaged = |error: io::Error| UnpackError::Damaged(asset.file.clone(), error);
    let mut rest = [0; 4096];
    let mut padding = 0;
    loop {
        match decoder.read(&mut rest).map_err(damaged)? {
            0 => break,
            read if padding + read <= PADDING_MAX && rest[..read].iter().all(|byte| *byte == 0) => padding += read,
            _ => return Err(UnpackError::Trailing(asset.file.clone())),
        }
    }
    match decoder.finish().fill_buf().map_err(damaged)? {
        [] => Ok(()),
        _ => Err(UnpackError::Trailing(asset.file.clone())),
    }
}
