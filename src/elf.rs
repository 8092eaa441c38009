//! The ELF header, as far as it tells what runs a program.

use thiserror::Error;

/// `EI_CLASS`: the word size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Class {
    /// 32-bit.
    Elf32 = 1,
    /// 64-bit.
    Elf64 = 2,
}

/// `EI_DATA`: the byte order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum ByteOrder {
    /// Least significant byte first.
    Little = 1,
    /// Most significant byte first.
    Big = 2,
}

/// `e_machine` values (Linux tag v6.12, `include/uapi/linux/elf-em.h`, but where noted).
#[expect(missing_docs, reason = "the names are those of elf-em.h")]
pub mod machine {
    pub const SPARC: u16 = 2;
    pub const I386: u16 = 3;
    pub const M68K: u16 = 4;
    pub const I486: u16 = 6;
    pub const MIPS: u16 = 8;
    pub const PARISC: u16 = 15;
    pub const SPARC32PLUS: u16 = 18;
    pub const PPC: u16 = 20;
    pub const PPC64: u16 = 21;
    pub const S390: u16 = 22;
    pub const ARM: u16 = 40;
    pub const SH: u16 = 42;
    pub const SPARCV9: u16 = 43;
    pub const X86_64: u16 = 62;
    pub const OPENRISC: u16 = 92;
    pub const XTENSA: u16 = 94;
    pub const HEXAGON: u16 = 164;
    pub const AARCH64: u16 = 183;
    pub const RISCV: u16 = 243;
    pub const LOONGARCH: u16 = 258;
    pub const ALPHA: u16 = 0x9026;
    /// `EM_MICROBLAZE_OLD` of QEMU's `include/elf.h` (tag v10.0.0), which its kernel and tools use.
    pub const MICROBLAZE: u16 = 0xbaab;
}

/// Size of the longest header, the 64-bit one, in bytes.
pub const HEADER_MAX: usize = 64;

/// What the header of a program says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// Word size.
    pub class: Class,
    /// Byte order.
    pub order: ByteOrder,
    /// `e_type`: 2 is `ET_EXEC`, 3 `ET_DYN`.
    pub kind: u16,
    /// `e_machine`, see [`machine`].
    pub machine: u16,
    /// `e_flags`: meaning depends on the machine.
    pub flags: u32,
    /// Where the program headers begin, in bytes from the start of the file.
    pub segments_at: u64,
    /// Size of one program header, in bytes.
    pub segment_size: u16,
    /// How many program headers there are.
    pub segments: u16,
}

/// Why bytes are no ELF header.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum NotElf {
    /// It ends before the header does.
    #[error("too short for an ELF header")]
    Short,
    /// The first four bytes are others.
    #[error("not an ELF file")]
    Magic,
    /// `EI_CLASS` or `EI_DATA` has a value that ELF does not define.
    #[error("ELF header of an undefined class or byte order")]
    Ident,
}

impl Header {
    /// Reads the header at the start of `bytes`.
    pub fn parse(bytes: &[u8]) -> Result<Header, NotElf> {
        let ident = bytes.get(..16).ok_or(NotElf::Short)?;
        if ident[..4] != *b"\x7fELF" {
            return Err(NotElf::Magic);
        }
        let class = match ident[4] {
            1 => Class::Elf32,
            2 => Class::Elf64,
            _ => return Err(NotElf::Ident),
        };
        let order = match ident[5] {
            1 => ByteOrder::Little,
            2 => ByteOrder::Big,
            _ => return Err(NotElf::Ident),
        };
        let length = match class {
            Class::Elf32 => 52,
            Class::Elf64 => HEADER_MAX,
        };
        let bytes = bytes.get(..length).ok_or(NotElf::Short)?;
        let u16_at = |at: usize| order.u16_at(bytes, at).ok_or(NotElf::Short);
        let u32_at = |at: usize| order.u32_at(bytes, at).ok_or(NotElf::Short);
        let (segments_at, flags, sizes_at) = match class {
            Class::Elf32 => (u64::from(u32_at(28)?), u32_at(36)?, 42),
            Class::Elf64 => (order.u64_at(bytes, 32).ok_or(NotElf::Short)?, u32_at(48)?, 54),
        };
        Ok(Header {
            class,
            order,
            kind: u16_at(16)?,
            machine: u16_at(18)?,
            flags,
            segments_at,
            segment_size: u16_at(sizes_at)?,
            segments: u16_at(sizes_at + 2)?,
        })
    }

    /// Whether it is of a program (`ET_EXEC`, `ET_DYN`), and not of an object file or a core dump.
    pub fn is_program(&self) -> bool {
        matches!(self.kind, 2 | 3)
    }

    /// Whether the program headers, which must lie within `bytes`, ask for a dynamic loader.
    pub fn wants_loader(&self, bytes: &[u8]) -> bool {
        const PT_INTERP: u32 = 3;
        (0..u64::from(self.segments)).any(|index| {
            let at = self.segments_at.saturating_add(index * u64::from(self.segment_size));
            usize::try_from(at).ok().and_then(|at| self.order.u32_at(bytes, at)) == Some(PT_INTERP)
        })
    }
}

impl ByteOrder {
    /// Appends `value`.
    pub fn push_u16(self, to: &mut Vec<u8>, value: u16) {
        match self {
            ByteOrder::Little => to.extend(value.to_le_bytes()),
            ByteOrder::Big => to.extend(value.to_be_bytes()),
        }
    }

    /// Appends `value`.
    pub fn push_u32(self, to: &mut Vec<u8>, value: u32) {
        match self {
            ByteOrder::Little => to.extend(value.to_le_bytes()),
            ByteOrder::Big => to.extend(value.to_be_bytes()),
        }
    }

    /// Appends `value`.
    pub fn push_u64(self, to: &mut Vec<u8>, value: u64) {
        match self {
            ByteOrder::Little => to.extend(value.to_le_bytes()),
            ByteOrder::Big => to.extend(value.to_be_bytes()),
        }
    }

    fn u16_at(self, bytes: &[u8], at: usize) -> Option<u16> {
        let field: [u8; 2] = bytes.get(at..at.checked_add(2)?)?.try_into().ok()?;
        Some(match self {
            ByteOrder::Little => u16::from_le_bytes(field),
            ByteOrder::Big => u16::from_be_bytes(field),
        })
    }

    fn u32_at(self, bytes: &[u8], at: usize) -> Option<u32> {
        let field: [u8; 4] = bytes.get(at..at.checked_add(4)?)?.try_into().ok()?;
        Some(match self {
            ByteOrder::Little => u32::from_le_bytes(field),
            ByteOrder::Big => u32::from_be_bytes(field),
        })
    }

    fn u64_at(self, bytes: &[u8], at: usize) -> Option<u64> {
        let field: [u8; 8] = bytes.get(at..at.checked_add(8)?)?.try_into().ok()?;
        Some(match self {
            ByteOrder::Little => u64::from_le_bytes(field),
            ByteOrder::Big => u64::from_be_bytes(field),
        })
    }
}
