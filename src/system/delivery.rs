//! What is fetched: signed files of a repository, and how each kind is judged.

use std::fs::File;
use std::io::Read;

use crate::release::Asset;
use crate::trust::{self, Minisig, Root, TrustError, Verified};
use crate::version::Version;

/// A signed file of a repository, and how it is judged.
pub trait Delivery {
    /// What it is when it was found good.
    type Good;
    /// Where in the repository it is. Its signature lies beside it.
    fn path(&self) -> String;
    /// What it is called in messages.
    fn name(&self) -> &str;
    /// Its size, in bytes, as the index has it.
    fn size(&self) -> u64;
    /// Fails unless `signature` is made out to it. Done before the file is fetched.
    fn claim(&self, signature: &Minisig) -> Result<(), TrustError>;
    /// Reads all of it and writes it to `sink`, and fails unless it is good by the keys of `root`.
    fn verify(
        &self,
        signature: &Minisig,
        root: &Root,
        source: &mut dyn Read,
        sink: File,
    ) -> Result<Self::Good, TrustError>;
}

/// An archive of emulators.
pub(super) struct AssetDelivery<'a> {
    pub(super) version: &'a Version,
    pub(super) asset: &'a Asset,
}

impl Delivery for AssetDelivery<'_> {
    type Good = Verified<File>;

    fn path(&self) -> String {
        format!("{}/{}", self.version, self.asset.file)
    }

    fn name(&self) -> &str {
        &self.asset.file
    }

    fn size(&self) -> u64 {
        self.asset.size
    }

    fn claim(&self, signature: &Minisig) -> Result<(), TrustError> {
        trust::AssetClaim::of(self.asset, self.version).check(signature)
    }

    fn verify(
        &self,
        signature: &Minisig,
        root: &Root,
        source: &mut dyn Read,
        sink: File,
    ) -> Result<Verified<File>, TrustError> {
        trust::verify_asset(self.asset, self.version, signature, root, source, sink)
    }
}

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
