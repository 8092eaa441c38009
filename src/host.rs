//! Hosts: the architectures that emulators run on, by Docker's names as dbhi/qus used them.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::elf::{ByteOrder, Class, Header, machine};
use crate::target::Family;

/// The architecture of a machine, or of an emulator's file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[expect(missing_docs, reason = "the names are Docker's")]
pub enum Host {
    Amd64,
    Arm32v6,
    Arm32v7,
    Arm64v8,
    I386,
    Loong64,
    Mips64le,
    Mipsle,
    Ppc64le,
    Riscv64,
    S390x,
}

impl Host {
    /// Every host.
    pub const ALL: [Host; 11] = [
        Host::Amd64,
        Host::Arm32v6,
        Host::Arm32v7,
        Host::Arm64v8,
        Host::I386,
        Host::Loong64,
        Host::Mips64le,
        Host::Mipsle,
        Host::Ppc64le,
        Host::Riscv64,
        Host::S390x,
    ];

    /// Docker's name, such as `arm64v8`.
    pub fn name(self) -> &'static str {
        match self {
            Host::Amd64 => "amd64",
            Host::Arm32v6 => "arm32v6",
            Host::Arm32v7 => "arm32v7",
            Host::Arm64v8 => "arm64v8",
            Host::I386 => "i386",
            Host::Loong64 => "loong64",
            Host::Mips64le => "mips64le",
            Host::Mipsle => "mipsle",
            Host::Ppc64le => "ppc64le",
            Host::Riscv64 => "riscv64",
            Host::S390x => "s390x",
        }
    }

    /// The host that runs the program with this header, if it is one of ours.
    pub fn of(header: &Header) -> Option<Host> {
        use ByteOrder::{Big, Little};
        use Class::{Elf32, Elf64};
        /// `EF_ARM_ABI_FLOAT_HARD` (binutils tag `binutils-2_40`, `include/elf/arm.h`): set in
        /// Debian's armhf, clear in its armel.
        const EF_ARM_ABI_FLOAT_HARD: u32 = 0x400;
        match (header.machine, header.class, header.order) {
            (machine::X86_64, Elf64, Little) => Some(Host::Amd64),
            (machine::I386, Elf32, Little) => Some(Host::I386),
            (machine::AARCH64, Elf64, Little) => Some(Host::Arm64v8),
            (machine::ARM, Elf32, Little) if header.flags & EF_ARM_ABI_FLOAT_HARD != 0 => Some(Host::Arm32v7),
            (machine::ARM, Elf32, Little) => Some(Host::Arm32v6),
            (machine::LOONGARCH, Elf64, Little) => Some(Host::Loong64),
            (machine::MIPS, Elf64, Little) => Some(Host::Mips64le),
            (machine::MIPS, Elf32, Little) => Some(Host::Mipsle),
            (machine::PPC64, Elf64, Little) => Some(Host::Ppc64le),
            (machine::RISCV, Elf64, Little) => Some(Host::Riscv64),
            (machine::S390, Elf64, Big) => Some(Host::S390x),
            _ => None,
        }
    }

    /// The family whose targets it may run by itself.
    pub fn family(self) -> Family {
        match self {
            Host::Amd64 | Host::I386 => Family::I386,
            Host::Arm32v6 | Host::Arm32v7 | Host::Arm64v8 => Family::Arm,
            Host::Loong64 => Family::LoongArch,
            Host::Mips64le | Host::Mipsle => Family::Mips,
            Host::Ppc64le => Family::PpcLe,
            Host::Riscv64 => Family::RiscV,
            Host::S390x => Family::S390x,
        }
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Host {
    type Err = String;

    fn from_str(word: &str) -> Result<Self, String> {
        Host::ALL.into_iter().find(|host| host.name() == word).ok_or_else(|| {
            let names = Host::ALL.map(Host::name).join(", ");
            format!("there is no host \"{word}\"; hosts are {names}")
        })
    }
}
