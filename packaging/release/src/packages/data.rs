//! The tar archives of a Debian package: root's, with every folder before what is in it, compressed by xz.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs::File as DiskFile;
use std::io::{self, Read};

use liblzma::write::XzEncoder;
use md5::{Digest, Md5};
use qus::hex;

use super::LEVEL;
use super::content::{Content, File};

/// An archive in the making.
pub(super) struct Data {
    archive: tar::Builder<XzEncoder<Vec<u8>>>,
    mtime: u64,
    folders: BTreeSet<String>,
    sums: String,
    kibibytes: u64,
}

impl Data {
    /// With nothing in it but the top. Everything is dated `mtime`.
    pub(super) fn new(mtime: u64) -> io::Result<Data> {
        let archive = tar::Builder::new(XzEncoder::new(Vec::new(), LEVEL));
        let mut data = Data { archive, mtime, folders: BTreeSet::new(), sums: String::new(), kibibytes: 0 };
        data.append("./", tar::EntryType::Directory, 0o755, 0, io::empty())?;
        Ok(data)
    }

    /// Adds a file, and the folders that it lies in.
    pub(super) fn file(&mut self, file: &File) -> io::Result<()> {
        for (end, _) in file.path.match_indices('/') {
            let folder = &file.path[..=end];
            if self.folders.insert(folder.to_owned()) {
                self.append(&format!("./{folder}"), tar::EntryType::Directory, 0o755, 0, io::empty())?;
                self.kibibytes += 1;
            }
        }
        let size = file.content.size();
        let mut summed = Summed { inner: file.content.open()?, hasher: Md5::new() };
        self.append(&format!("./{}", file.path), tar::EntryType::Regular, file.mode, size, &mut summed)?;
        self.kibibytes += size.div_ceil(1024);
        // A String takes everything that is written to it.
        let _ = writeln!(self.sums, "{}  {}", hex::encode(&summed.hasher.finalize()), file.path);
        Ok(())
    }

    /// What `md5sum` would say of the files.
    pub(super) fn sums(&self) -> &str {
        &self.sums
    }

    /// What it takes when unpacked, as `Installed-Size` counts (deb-substvars(5)): every file rounded up, and one for
    /// each folder.
    pub(super) fn kibibytes(&self) -> u64 {
        self.kibibytes
    }

    /// The whole archive.
    pub(super) fn finish(self) -> io::Result<Vec<u8>> {
        self.archive.into_inner()?.finish()
    }

    fn append(&mut self, path: &str, kind: tar::EntryType, mode: u32, size: u64, content: impl Read) -> io::Result<()> {
        let mut header = tar::Header::new_gnu();
        // By hand: the library leaves out the "./" that dpkg's own archives begin with.
        let name = &mut header.as_old_mut().name;
        let field = name.get_mut(..path.len()).ok_or_else(|| io::Error::other("a path is longer than a tar header"))?;
        field.copy_from_slice(path.as_bytes());
        header.set_entry_type(kind);
        header.set_mode(mode);
        header.set_uid(0);
        header.set_gid(0);
        header.set_username("root")?;
        header.set_groupname("root")?;
        header.set_mtime(self.mtime);
        header.set_size(size);
        header.set_cksum();
        self.archive.append(&header, content)
    }
}

impl Content {
    /// How many bytes it is.
    fn size(&self) -> u64 {
        match self {
            Content::Text(text) => text.len() as u64,
            Content::Bytes(bytes) => bytes.len() as u64,
            Content::Emulator(_, size) => *size,
        }
    }

    fn open(&self) -> io::Result<Box<dyn Read + '_>> {
        Ok(match self {
            Content::Text(text) => Box::new(text.as_bytes()),
            Content::Bytes(bytes) => Box::new(bytes.as_slice()),
            Content::Emulator(path, _) => Box::new(DiskFile::open(path)?),
        })
    }
}

/// Hashes what is read through it.
struct Summed<R> {
    inner: R,
    hasher: Md5,
}

impl<R: Read> Read for Summed<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.hasher.update(&buffer[..read]);
        Ok(read)
    }
}
