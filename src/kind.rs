//! What a file is that is no program of a target, as far as its first bytes tell.

use object::elf;

/// What kind of file it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// It has no bytes.
    Empty,
    /// An ELF file.
    Elf,
    /// It begins with `#!`.
    Script,
    /// A program of Windows or DOS.
    Windows,
    /// A program of macOS, for one architecture or several.
    MachO,
    /// A compiled class of Java.
    JavaClass,
    /// A `WebAssembly` module.
    WebAssembly,
    /// An archive or a compressed file, by the name of its format.
    Packed(&'static str),
    /// Text that does not begin with `#!`.
    Text,
    /// Anything else.
    Unknown,
}

/// Formats that have a fixed beginning.
const BEGINNINGS: [(&[u8], Kind); 14] = [
    (b"\x7fELF", Kind::Elf),
    (b"#!", Kind::Script),
    (b"\xfe\xed\xfa\xce", Kind::MachO),
    (b"\xfe\xed\xfa\xcf", Kind::MachO),
    (b"\xce\xfa\xed\xfe", Kind::MachO),
    (b"\xcf\xfa\xed\xfe", Kind::MachO),
    (b"\0asm", Kind::WebAssembly),
    (b"\x1f\x8b", Kind::Packed("gzip")),
    (b"PK\x03\x04", Kind::Packed("zip")),
    (b"\xfd7zXZ\0", Kind::Packed("xz")),
    (b"\x28\xb5\x2f\xfd", Kind::Packed("zstd")),
    (b"BZh", Kind::Packed("bzip2")),
    (b"!<arch>\n", Kind::Packed("ar")),
    (b"!<thin>\n", Kind::Packed("ar")),
];

impl Kind {
    /// What a file is that begins with `head`, a few hundred bytes of it or all.
    pub fn of(head: &[u8]) -> Kind {
        let begins = |(beginning, _): &&(&[u8], Kind)| head.starts_with(beginning);
        match BEGINNINGS.iter().find(begins) {
            Some((_, kind)) => *kind,
            None if head.is_empty() => Kind::Empty,
            None if head.starts_with(b"\xca\xfe\xba\xbe") => java_or_macos(head),
            None if is_text(head) => Kind::Text,
            None if head.starts_with(b"MZ") => Kind::Windows,
            None => Kind::Unknown,
        }
    }
}

/// Two formats begin with the same four bytes. In a class the next four are its version, of which the lowest
/// ever was 45 (Java Virtual Machine Specification, section 4.1); in a program of macOS for several
/// architectures they are the number of those, which is far lower.
fn java_or_macos(head: &[u8]) -> Kind {
    const FIRST_VERSION: u32 = 45;
    match head.get(4..8).and_then(|word| word.try_into().ok()).map(u32::from_be_bytes) {
        Some(count) if count < FIRST_VERSION => Kind::MachO,
        Some(_) => Kind::JavaClass,
        None => Kind::Unknown,
    }
}

/// Whether there is nothing in it that no text has. A letter may be cut off at its end.
fn is_text(head: &[u8]) -> bool {
    let whole = match std::str::from_utf8(head) {
        Ok(text) => text,
        Err(error) if error.error_len().is_none() => {
            std::str::from_utf8(&head[..error.valid_up_to()]).unwrap_or_default()
        }
        Err(_) => return false,
    };
    !whole.is_empty()
        && whole.chars().all(|letter| !letter.is_control() || matches!(letter, '\t' | '\n' | '\r' | '\x0c' | '\x1b'))
}

/// What the `e_machine` of an ELF file stands for, where it is of no target.
pub fn machine_name(machine: u16) -> Option<&'static str> {
    Some(match elf::Machine(machine) {
        elf::EM_88K => "Motorola 88000",
        elf::EM_860 => "Intel 80860",
        elf::EM_SPU => "Cell SPU",
        elf::EM_ARC | elf::EM_ARC_COMPACT | elf::EM_ARC_COMPACT2 => "ARC",
        elf::EM_H8_300 => "Renesas H8/300",
        elf::EM_IA_64 => "Itanium (ia64)",
        elf::EM_VAX => "VAX",
        elf::EM_CRIS => "CRIS",
        elf::EM_AVR => "AVR microcontroller",
        elf::EM_V850 => "Renesas V850",
        elf::EM_M32R => "M32R",
        elf::EM_MN10300 => "MN10300",
        elf::EM_MSP430 => "MSP430 microcontroller",
        elf::EM_BLACKFIN => "Blackfin",
        elf::EM_UNICORE => "UniCore",
        elf::EM_ALTERA_NIOS2 => "Nios II",
        elf::EM_SCORE7 => "Score",
        elf::EM_TI_C6000 => "TI C6000",
        elf::EM_RX => "Renesas RX",
        elf::EM_METAG => "Meta",
        elf::EM_MCST_ELBRUS => "Elbrus 2000 (e2k)",
        elf::EM_AVR32 => "AVR32",
        elf::EM_TILEPRO => "TILEPro",
        elf::EM_TILEGX => "TILE-Gx",
        elf::EM_MICROBLAZE => "MicroBlaze",
        elf::EM_CUDA => "Nvidia CUDA",
        elf::EM_XCORE => "XCore",
        elf::EM_KVARC => "KVARC",
        elf::EM_Z80 => "Z80",
        elf::EM_AMDGPU => "AMD GPU",
        elf::EM_BPF => "BPF",
        elf::EM_CSKY => "C-SKY",
        _ => return None,
    })
}
