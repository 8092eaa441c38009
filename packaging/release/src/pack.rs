//! Archives of programs: the same bytes for the same programs, whoever packs them and whenever.
//!
//! That holds for one version of zstd and of the gzip encoder, which `Cargo.lock` fixes. Each
//! archive is compressed by one thread, so the number of processors changes nothing.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;

use flate2::{Compression, GzBuilder};
use qus::hex::Sha256;
use qus::host::Host;
use qus::release::{Asset, Form, WINDOW_LOG_MAX};
use zstd::zstd_safe::CParameter;

use crate::error::{Error, failed};
use crate::package::Emulator;
use crate::tap::Tally;
use crate::ui::Work;

/// zstd's level of all archives. 22 takes twice the time for 2 % less of the set (22.0 instead of
/// 22.5 MB of QEMU 11.1.3) and nothing less of one emulator.
const LEVEL: i32 = 19;

/// Window of one emulator, as a power of two: 8 MiB is what its reader has to have of memory.
/// Twice or four times that make the archive of `aarch64` not smaller but, by some hundred bytes,
/// larger (3.04 MB of QEMU 11.1.3).
const WINDOW_LOG: u32 = 23;

/// Emulators packed together, and in what form.
#[derive(Clone, Debug)]
pub struct Order<'a> {
    /// The form.
    pub form: Form,
    /// What they run on.
    pub host: Host,
    /// The emulators, at least one, in the order of their targets.
    pub emulators: Vec<&'a Emulator>,
}

impl<'a> Order<'a> {
    /// All that is made of the emulators of one host: two archives of each, and one of all if
    /// `set`. That one stands first, for it takes longest.
    pub fn of_host(host: Host, emulators: &[&'a Emulator], set: bool) -> Vec<Order<'a>> {
        let order = |form, emulators: &[&'a Emulator]| Order { form, host, emulators: emulators.to_vec() };
        let set = (set && emulators.len() > 1).then(|| order(Form::Set, emulators));
        let singles = emulators.chunks(1).flat_map(|one| [order(Form::Emulator, one), order(Form::Tgz, one)]);
        set.into_iter().chain(singles).collect()
    }

    /// Size of the archive before compression, in bytes.
    pub fn unpacked(&self) -> u64 {
        unpacked(self.emulators.iter().map(|emulator| emulator.member.size))
    }

    /// What the index will say of it; size and hash are zero yet.
    pub fn asset(&self) -> Asset {
        Asset {
            file: Asset::file_name(self.form, self.emulators[0].member.target, self.host),
            form: self.form,
            host: self.host,
            size: 0,
            sha256: Sha256([0; 32]),
            members: self.emulators.iter().map(|emulator| emulator.member.clone()).collect(),
        }
    }

    /// Packs it into the new file `path`: its size and hash.
    pub fn pack(&self, path: &Path, work: &Work) -> Result<(u64, Sha256), Error> {
        let mut emulators = self.emulators.clone();
        // What is alike stands together, within reach of the window: families first (22.47 MB of
        // QEMU 11.1.3; 22.64 MB by name alone, 22.24 MB in an order chosen by hand).
        emulators.sort_by_key(|emulator| (emulator.member.target.family() as u8, emulator.member.target));
        let content = |emulator: &&'a Emulator| Content {
            name: emulator.member.target.emulator(),
            size: emulator.member.size,
            file: &emulator.file,
        };
        let contents: Vec<Content> = emulators.iter().map(content).collect();
        let compression = match self.form {
            Form::Tgz => Compressed::Gzip,
            Form::Emulator => Compressed::Zstd { window_log: WINDOW_LOG },
            Form::Set => Compressed::Zstd { window_log: WINDOW_LOG_MAX },
        };
        pack(&contents, compression, path, work)
    }
}

/// A program to be packed.
#[derive(Clone, Debug)]
pub struct Content<'a> {
    /// Its name in the archive.
    pub name: String,
    /// Size, in bytes.
    pub size: u64,
    /// Where it lies.
    pub file: &'a Path,
}

/// How an archive is compressed.
#[derive(Clone, Copy, Debug)]
pub enum Compressed {
    /// By gzip.
    Gzip,
    /// By zstd, with a window of this size, as a power of two.
    Zstd {
        /// Its logarithm.
        window_log: u32,
    },
}

impl Compressed {
    /// How an archive of one program is compressed by zstd.
    pub const ONE: Compressed = Compressed::Zstd { window_log: WINDOW_LOG };
}

/// Size of an archive of files of these sizes before compression, in bytes.
pub fn unpacked(sizes: impl Iterator<Item = u64>) -> u64 {
    /// Of a tar archive: everything in it begins at a multiple of this, and two empty blocks
    /// end it.
    const BLOCK: u64 = 512;
    sizes.map(|size| BLOCK + size.next_multiple_of(BLOCK)).sum::<u64>() + 2 * BLOCK
}

/// Packs `contents`, in this order, into the new file `path`: its size and hash.
pub fn pack(contents: &[Content], compression: Compressed, path: &Path, work: &Work) -> Result<(u64, Sha256), Error> {
    write(contents, compression, path, work).map_err(failed("write", path))
}

fn write(contents: &[Content], compression: Compressed, path: &Path, work: &Work) -> io::Result<(u64, Sha256)> {
    let sink = Tally::new(BufWriter::new(File::create(path)?));
    let sink = match compression {
        Compressed::Gzip => {
            let encoder = GzBuilder::new().mtime(0).write(sink, Compression::default());
            tar(contents, encoder, work)?.finish()?
        }
        Compressed::Zstd { window_log } => {
            let size = unpacked(contents.iter().map(|content| content.size));
            tar(contents, zstd(sink, window_log, size)?, work)?.finish()?
        }
    };
    let (file, size, sha256) = sink.finish();
    file.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()?;
    Ok((size, sha256))
}

/// The frame tells the size of its content, so that a reader asks for no more memory than that;
/// a checksum of zstd's would add nothing to the signed hash.
fn zstd<W: Write>(sink: W, window_log: u32, size: u64) -> io::Result<zstd::Encoder<'static, W>> {
    let mut encoder = zstd::Encoder::new(sink, LEVEL)?;
    encoder.set_parameter(CParameter::WindowLog(window_log))?;
    encoder.long_distance_matching(true)?;
    encoder.set_pledged_src_size(Some(size))?;
    Ok(encoder)
}

fn tar<W: Write>(contents: &[Content], sink: W, work: &Work) -> io::Result<W> {
    let mut archive = tar::Builder::new(sink);
    for content in contents {
        let mut header = tar::Header::new_gnu();
        header.set_path(&content.name)?;
        header.set_entry_type(tar::EntryType::Regular);
        header.set_mode(0o755);
        header.set_uid(0);
        header.set_gid(0);
        header.set_mtime(0);
        header.set_size(content.size);
        header.set_cksum();
        archive.append(&header, Counted { file: File::open(content.file)?, work })?;
    }
    archive.into_inner()
}

/// A file that tells how far it has been read.
struct Counted<'a> {
    file: File,
    work: &'a Work,
}

impl io::Read for Counted<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.work.is_stopped() {
            return Err(io::Error::other("stopped, for another archive failed"));
        }
        let read = self.file.read(buffer)?;
        self.work.advance(read as u64);
        Ok(read)
    }
}
