//! Targets: every guest architecture that QEMU's user-mode emulators run.
//!
//! Everything about a target (the kernel's magic and mask, its aliases, the help text, the probe's ELF header) is its row
//! in the table, or derived from it. The derived bytes are proved against `tests/golden/magic.tsv`.

mod table;
mod word;

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::elf::Class::{Elf32, Elf64};
use crate::elf::{ByteOrder, Class, Header};

use table::{Row, TABLE};

pub use table::{Family, OsAbi, Quirk};
pub use word::UnknownTarget;

/// A guest architecture: one row of the table, by QEMU's name.
#[derive(Clone, Copy)]
pub struct Target(&'static Row);

impl Target {
    /// Every target, in the order of the names.
    pub fn all() -> impl ExactSizeIterator<Item = Target> + Clone {
        TABLE.iter().map(Target)
    }

    /// The target whose program begins with `head`, 64 bytes of it or all: by class, byte order, machine and flags,
    /// whatever the rules say of the other bytes. None for what is no program of any, an object file too.
    pub fn of_program(head: &[u8]) -> Option<Target> {
        let header = Header::parse(head).ok().filter(Header::is_program)?;
        let abi2 = header.flags & EF_MIPS_ABI2 != 0;
        Target::all().find(|target| {
            (target.class(), target.order(), target.machine()) == (header.class, header.order, header.machine)
                && target.mips_abi2().is_none_or(|set| set == abi2)
        })
    }

    /// QEMU's name, such as `aarch64`.
    pub fn name(self) -> &'static str {
        self.0.name
    }

    /// File name of the emulator that runs it, such as `qemu-aarch64-static`.
    pub fn emulator(self) -> String {
        format!("qemu-{}-static", self.emulated_by().name())
    }

    /// The target whose emulator runs this one: itself, but for `i486`.
    pub fn emulated_by(self) -> Target {
        let name = self.0.emulator.unwrap_or(self.0.name);
        TABLE.iter().find(|row| row.name == name).map_or(self, Target)
    }

    /// Architectures that are usually run by the same processor.
    pub fn family(self) -> Family {
        self.0.family
    }

    /// Word size of its programs.
    pub fn class(self) -> Class {
        self.0.class
    }

    /// Byte order of its programs.
    pub fn order(self) -> ByteOrder {
        self.0.order
    }

    /// `e_machine` of its programs.
    pub fn machine(self) -> u16 {
        self.0.machine
    }

    /// Bytes of addresses that its emulator reserves at start: all that a 32-bit program could ask for, none for a 64-bit
    /// one (as QEMU 7.2.22, 10.0.13 and 11.1.3 do when `ulimit -v` bounds them).
    pub fn reserved(self) -> u64 {
        const GIB: u64 = 1 << 30;
        match (self.class(), self.family()) {
            (Elf64, _) => 0,
            (Elf32, Family::Mips) => 2 * GIB,
            (Elf32, Family::Xtensa | Family::XtensaBe) => GIB,
            (Elf32, _) => 4 * GIB,
        }
    }

    /// Name of the container platform, such as `linux/arm64`.
    pub fn oci(self) -> Option<&'static str> {
        self.0.oci
    }

    /// Other names by which people call it.
    pub fn aliases(self) -> &'static [&'static str] {
        self.0.aliases
    }

    /// Where its rule leaves the regular shape.
    pub fn quirks(self) -> &'static [Quirk] {
        self.0.quirks
    }

    /// Why its rule is not the one of upstream's script, if it is not.
    pub fn differs_from_upstream(self) -> Option<&'static str> {
        self.0.differs_from_upstream
    }

    /// The first bytes of its programs, as the kernel is to look for them: `ET_EXEC` of its
    /// machine, 20 bytes, or 40 where `e_flags` is looked at.
    pub fn magic(self) -> Vec<u8> {
        let mut magic = vec![0x7f, b'E', b'L', b'F', self.0.class as u8, self.0.order as u8, 1, 0];
        magic.extend([0; 8]);
        self.0.order.push_u16(&mut magic, 2);
        self.0.order.push_u16(&mut magic, self.0.machine);
        if let Some(abi2) = self.mips_abi2() {
            self.0.order.push_u32(&mut magic, 1);
            magic.extend([0; 12]);
            self.0.order.push_u32(&mut magic, if abi2 { EF_MIPS_ABI2 } else { 0 });
        }
        magic
    }

    /// How its programs begin: fixed and position-independent ones, marked as System V's and as GNU's.
    /// Rules of others may take some of them and not the rest.
    pub fn heads(self) -> [Vec<u8>; 4] {
        /// `ET_DYN` of the ELF specification, beside the `ET_EXEC` of [`Target::magic`].
        const POSITION_INDEPENDENT: u16 = 3;
        /// `ELFOSABI_GNU`, which compilers write where a program has indirect functions.
        const GNU: u8 = 3;
        let fixed = self.magic();
        let mut independent = fixed.clone();
        independent.truncate(16);
        self.0.order.push_u16(&mut independent, POSITION_INDEPENDENT);
        independent.extend_from_slice(&fixed[18..]);
        let gnu = |head: &[u8]| {
            let mut head = head.to_vec();
            head[7] = GNU;
            head
        };
        let (fixed_gnu, independent_gnu) = (gnu(&fixed), gnu(&independent));
        [fixed, independent, fixed_gnu, independent_gnu]
    }

    /// Which bits of [`Target::magic`] count. The lowest bit of `e_type` does not: `ET_EXEC` (2)
    /// and `ET_DYN` (3) are both programs.
    pub fn mask(self) -> Vec<u8> {
        let mut mask = vec![0xff; 16];
        mask[7] = match self.0.os_abi {
            OsAbi::Any => 0x00,
            OsAbi::SysvToGnu => 0xfc,
        };
        self.0.order.push_u16(&mut mask, 0xfffe);
        self.0.order.push_u16(&mut mask, 0xffff);
        for quirk in self.0.quirks {
            match quirk {
                Quirk::LooseOrderAndVersion => mask[5..7].fill(0xfe),
                Quirk::AnyAbiVersion => mask[8] = 0,
                Quirk::MachineLowByteOnly => mask[19] = 0,
                Quirk::MipsAbi2(_) => {
                    mask.extend([0xff; 4]);
                    mask.extend([0; 12]);
                    self.0.order.push_u32(&mut mask, EF_MIPS_ABI2);
                }
            }
        }
        mask
    }

    fn mips_abi2(self) -> Option<bool> {
        self.0.quirks.iter().find_map(|quirk| match quirk {
            Quirk::MipsAbi2(set) => Some(*set),
            _ => None,
        })
    }
}

/// `EF_MIPS_ABI2` of the MIPS n32 ABI (Linux tag v6.12, `arch/mips/include/asm/elf.h`).
const EF_MIPS_ABI2: u32 = 0x20;

impl PartialEq for Target {
    fn eq(&self, other: &Self) -> bool {
        self.name() == other.name()
    }
}

impl Eq for Target {}

impl PartialOrd for Target {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Target {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.name().cmp(other.name())
    }
}

impl std::hash::Hash for Target {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.name().hash(state);
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Target({})", self.name())
    }
}

impl Serialize for Target {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

impl<'de> Deserialize<'de> for Target {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = String::deserialize(deserializer)?;
        Target::all()
            .find(|target| target.name() == name)
            .ok_or_else(|| serde::de::Error::custom(format!("there is no target \"{name}\"")))
    }
}
