//! How much of a program is read.

use std::cell::Cell;
use std::ops::Range;

use object::ReadRef;

/// Bytes, and how many of them were asked for.
#[derive(Clone, Copy)]
pub struct Counted<'a> {
    /// The bytes.
    pub bytes: &'a [u8],
    /// How many of them were asked for.
    pub asked: &'a Cell<u64>,
}

impl<'a> ReadRef<'a> for Counted<'a> {
    fn len(self) -> Result<u64, ()> {
        ReadRef::len(self.bytes)
    }

    fn read_bytes_at(self, offset: u64, size: u64) -> Result<&'a [u8], ()> {
        let read = self.bytes.read_bytes_at(offset, size)?;
        self.asked.set(self.asked.get() + size);
        Ok(read)
    }

    fn read_bytes_at_until(self, range: Range<u64>, delimiter: u8) -> Result<&'a [u8], ()> {
        let found = self.bytes.read_bytes_at_until(range, delimiter)?;
        self.asked.set(self.asked.get() + found.len() as u64);
        Ok(found)
    }
}
