//! A reader that tells how far it is, and can be told to stop.

use std::io::Read;

/// Counts what goes by.
pub(super) struct Counted<'a> {
    source: &'a mut dyn Read,
    have: u64,
    progress: &'a mut dyn FnMut(u64) -> bool,
}

impl<'a> Counted<'a> {
    pub(super) fn new(source: &'a mut dyn Read, progress: &'a mut dyn FnMut(u64) -> bool) -> Counted<'a> {
        Counted { source, have: 0, progress }
    }
}

impl Read for Counted<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let read = self.source.read(buffer)?;
        self.have += read as u64;
        if (self.progress)(self.have) { Ok(read) } else { Err(std::io::Error::other("interrupted")) }
    }
}
