//! The tar format, as far as bundles use it: each file has one header, which says its name and size and nothing else, and
//! two blocks of zeros end it all.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

use super::Unsound;
use crate::bundle::NAME_MAX;

/// What tar is made of, in bytes.
const BLOCK: usize = 512;

/// What stands behind the last file.
pub(super) const END: [u8; 2 * BLOCK] = [0; 2 * BLOCK];

/// What a header says.
pub(super) struct Header {
    pub(super) name: String,
    pub(super) size: u64,
}

/// `size` and what fills up its last block, in bytes.
pub(super) fn padded(size: u64) -> u64 {
    size.next_multiple_of(BLOCK as u64)
}

/// How long an archive of files of these sizes is, in bytes.
pub(super) fn length(sizes: impl Iterator<Item = u64>) -> u64 {
    sizes.map(|size| BLOCK as u64 + padded(size)).sum::<u64>() + END.len() as u64
}

/// The header of a file, the same for everybody and at any time. `name` has at most [`NAME_MAX`] bytes.
pub(super) fn written(name: &str, size: u64) -> io::Result<tar::Header> {
    let mut header = tar::Header::new_ustar();
    let field = &mut header.as_old_mut().name;
    let name = name.as_bytes();
    field.get_mut(..name.len()).ok_or(io::ErrorKind::InvalidFilename)?.copy_from_slice(name);
    header.set_entry_type(tar::EntryType::Regular);
    header.set_mode(0o644);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(0);
    header.set_size(size);
    header.set_cksum();
    Ok(header)
}

/// The header at `at`; none where the archive ends, as its file must.
pub(super) fn header(file: &File, at: u64, length: u64) -> Result<Option<Header>, Unsound> {
    let block = read::<BLOCK>(file, at, length)?;
    if block == [0; BLOCK] {
        let end = read::<BLOCK>(file, at + BLOCK as u64, length)?;
        if end != [0; BLOCK] || length != at + END.len() as u64 {
            return Err("there is something behind its end".to_owned().into());
        }
        return Ok(None);
    }
    let header = tar::Header::from_byte_slice(&block);
    let field = &header.as_old().name;
    let name = &field[..field.iter().position(|byte| *byte == 0).unwrap_or(NAME_MAX)];
    let shown = name.escape_ascii();
    if header.as_ustar().is_none() {
        return Err(format!("what stands at byte {at} is no header of a tar archive").into());
    }
    if header.entry_type() != tar::EntryType::Regular {
        let kind = format!("{:?}", header.entry_type()).to_lowercase();
        return Err(format!("\"{shown}\" in it is {kind}, not a plain file").into());
    }
    let same = std::str::from_utf8(name)
        .ok()
        .zip(header.entry_size().ok())
        .filter(|(name, size)| written(name, *size).is_ok_and(|written| written.as_bytes() == header.as_bytes()));
    match same {
        Some((name, size)) => Ok(Some(Header { name: name.to_owned(), size })),
        None => Err(format!("the header of \"{shown}\" is not as qus writes it").into()),
    }
}

/// Where the next header is, behind the header at `at` and the file `name` of `size` bytes.
pub(super) fn content(file: &File, at: u64, name: &str, size: u64, length: u64) -> Result<u64, Unsound> {
    let begin = at + BLOCK as u64;
    let next = begin + padded(size);
    if next > length {
        return Err(format!("it ends within \"{name}\"").into());
    }
    let mut padding = vec![0; usize::try_from(padded(size) - size).unwrap_or_default()];
    file.read_exact_at(&mut padding, begin + size)?;
    if padding.iter().any(|byte| *byte != 0) {
        return Err(format!("there is something between \"{name}\" and what follows it").into());
    }
    Ok(next)
}

fn read<const SIZE: usize>(file: &File, at: u64, length: u64) -> Result<[u8; SIZE], Unsound> {
    let mut block = [0; SIZE];
    if at + SIZE as u64 > length {
        return Err(if length == 0 { "it is empty" } else { "it ends too early" }.to_owned().into());
    }
    file.read_exact_at(&mut block, at)?;
    Ok(block)
}
