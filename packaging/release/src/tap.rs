//! A reader and a writer that hash what goes by.

use std::io::{self, Read, Write};

use qus::hex::Sha256;
use sha2::{Digest, Sha256 as Sha256Hasher};

use crate::ui::Work;

/// Hashes all that is read through it, and tells the work's progress.
pub struct Tap<'a, R> {
    inner: R,
    hasher: Sha256Hasher,
    work: &'a Work,
}

impl<'a, R: Read> Tap<'a, R> {
    /// Looks at what is read from `inner`.
    pub fn new(inner: R, work: &'a Work) -> Tap<'a, R> {
        Tap { inner, hasher: Sha256Hasher::new(), work }
    }

    /// Reads to the end; the hash of everything.
    pub fn finish(mut self) -> io::Result<Sha256> {
        io::copy(&mut self, &mut io::sink())?;
        Ok(Sha256(self.hasher.finalize().into()))
    }
}

impl<R: Read> Read for Tap<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.hasher.update(&buffer[..read]);
        self.work.advance(read as u64);
        Ok(read)
    }
}

/// Counts and hashes all that is written through it.
pub struct Tally<W> {
    inner: W,
    hasher: Sha256Hasher,
    size: u64,
}

impl<W: Write> Tally<W> {
    /// Looks at what is written to `inner`.
    pub fn new(inner: W) -> Tally<W> {
        Tally { inner, hasher: Sha256Hasher::new(), size: 0 }
    }

    /// The writer below, and size and hash of everything.
    pub fn finish(self) -> (W, u64, Sha256) {
        (self.inner, self.size, Sha256(self.hasher.finalize().into()))
    }
}

impl<W: Write> Write for Tally<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.inner.write(bytes)?;
        self.hasher.update(&bytes[..written]);
        self.size += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}
