//! A program that an entry takes, and what is asked of the two.

use super::cause::Provider;
use super::examined::{Around, EmulatorFile, Examined};
use crate::entry::Entry;
use crate::observed::Observed;
use crate::owner::Owner;
use crate::qemu::QemuVersion;
use crate::rule::KernelVersion;
use crate::target::Target;

/// A program that an entry takes, on the machine on which it was examined.
#[derive(Clone, Copy)]
pub(super) struct Taken<'a> {
    pub(super) entry: &'a Entry,
    pub(super) examined: &'a Examined,
    pub(super) observed: &'a Observed,
    pub(super) around: &'a Around,
}

impl<'a> Taken<'a> {
    /// The path that the entry names.
    pub(super) fn interpreter(&self) -> &'a str {
        &self.entry.rule.interpreter
    }

    /// The file at that path, as far as it was looked at.
    pub(super) fn file(&self) -> Option<&'a EmulatorFile> {
        self.around.emulators.get(self.interpreter())
    }

    /// Whether the entry has that flag.
    pub(super) fn has(&self, letter: char) -> bool {
        self.entry.rule.flags.has(letter)
    }

    /// Whether the entry runs an emulator of qus.
    pub(super) fn is_ours(&self) -> bool {
        self.observed.is_ours(self.entry)
    }

    /// Whose its emulator is.
    pub(super) fn provider(&self) -> Provider {
        match self.observed.owner(self.entry) {
            _ if self.is_ours() => Provider::Qus,
            Owner::Package => Provider::Package(self.observed.packaged.manager),
            _ => Provider::Other,
        }
    }

    /// The version of the emulator that runs it: what it says itself, else what the receipt says of ours.
    pub(super) fn version(&self, target: Target) -> Option<QemuVersion> {
        let running = self.examined.running()?;
        let ours = || {
            let installed = self.observed.receipt.targets.get(&target)?;
            (installed.path.as_str() == running.path).then(|| QemuVersion::of_release(&installed.version)).flatten()
        };
        running.version.or_else(ours)
    }

    /// Whether the kernel does not tell emulators of flag `P`: `AT_FLAGS_PRESERVE_ARGV0` came with Linux 5.12.
    pub(super) fn is_on_old_kernel(&self) -> bool {
        self.observed.kernel < KernelVersion(5, 12)
    }
}
