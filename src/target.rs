//! The target table: every guest architecture that QEMU's user-mode emulators run.
//!
//! One row a target, in named columns. Everything else about a target (the kernel's magic and
//! mask, its aliases, the help text, the probe's ELF header) is derived from its row. The
//! derived bytes are proved against `tests/golden/magic.tsv`.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::elf::{ByteOrder, Class, Header, machine};

/// Architectures that one processor or kernel usually runs by itself, as upstream's
/// `scripts/qemu-binfmt-conf.sh` groups them (QEMU tag v10.0.0).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are those of QEMU's script")]
pub enum Family {
    Alpha,
    Arm,
    ArmBe,
    Hexagon,
    Hppa,
    I386,
    LoongArch,
    M68k,
    MicroBlaze,
    MicroBlazeEl,
    Mips,
    OpenRisc,
    Ppc,
    PpcLe,
    RiscV,
    S390x,
    Sh4,
    Sparc,
    Xtensa,
    XtensaBe,
}

/// Which values of the ELF header's OS/ABI byte a target's rule accepts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OsAbi {
    /// Any value: mask `00`, as both upstream and Debian write it for most targets.
    Any,
    /// 0 to 3, of which compilers write 0 (System V) and 3 (GNU): mask `fc`. It leaves
    /// FreeBSD's programs (9) alone.
    SysvToGnu,
}

/// How a target's rule deviates from the regular shape of [`Target::magic`] and [`Target::mask`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Quirk {
    /// The lowest bit of byte order and ELF version is not looked at (mask `fe fe`). Both
    /// upstream and Debian have it so; harmless, for no such file exists.
    LooseOrderAndVersion,
    /// The ABI version is not looked at (mask `00`): MIPS uses 1 to 5, LoongArch left it open.
    AnyAbiVersion,
    /// The machine's high byte is not looked at, as in every registrar's row of ppc64le.
    MachineLowByteOnly,
    /// 40 bytes, to test `EF_MIPS_ABI2` (0x20) of `e_flags`: set for n32, clear for o32. Without
    /// it the two share one magic, and whichever was registered last takes both.
    MipsAbi2(bool),
}

struct Row {
    name: &'static str,
    /// Which `qemu-*` runs it, where that is not `qemu-<name>`.
    emulator: Option<&'static str>,
    family: Family,
    class: Class,
    order: ByteOrder,
    machine: u16,
    os_abi: OsAbi,
    quirks: &'static [Quirk],
    /// Why our bytes are not those of upstream's script (QEMU tag v10.0.0), if they are not.
    differs_from_upstream: Option<&'static str>,
    /// The platform's name in container images.
    oci: Option<&'static str>,
    /// Other spellings: Debian, RPM, `uname -m`, Docker's image prefixes, dbhi/qus.
    aliases: &'static [&'static str],
}

/// A guest architecture: one row of the table, by QEMU's name.
#[derive(Clone, Copy)]
pub struct Target(&'static Row);

const NARROW_OS_ABI: Option<&str> =
    Some("Debian's OS/ABI mask fc: upstream's 00 also takes FreeBSD's programs, which a Linux emulator cannot run");
const STRICT_IDENT: Option<&str> =
    Some("Debian's mask ff of byte order and version: upstream's fe accepts headers that no file has");

/// What most rows share; a row names what is its own.
const REGULAR: Row = Row {
    name: "",
    emulator: None,
    family: Family::Alpha,
    class: Elf32,
    order: Little,
    machine: 0,
    os_abi: OsAbi::Any,
    quirks: &[],
    differs_from_upstream: None,
    oci: None,
    aliases: &[],
};

use ByteOrder::{Big, Little};
use Class::{Elf32, Elf64};

/// The 33 emulators of QEMU 11 and `i486`, in the order of their names.
#[rustfmt::skip]
static TABLE: [Row; 34] = [
    Row { name: "aarch64", family: Family::Arm, class: Elf64, order: Little, machine: machine::AARCH64,
          oci: Some("linux/arm64"), aliases: &["arm64", "arm64/v8", "arm64v8", "armv8"], ..REGULAR },
    Row { name: "aarch64_be", family: Family::ArmBe, class: Elf64, order: Big, machine: machine::AARCH64,
          aliases: &["aarch64be", "arm64_be", "arm64be"], ..REGULAR },
    Row { name: "alpha", family: Family::Alpha, class: Elf64, order: Little, machine: machine::ALPHA,
          differs_from_upstream: STRICT_IDENT, aliases: &["alphaev56", "alphaev6"], ..REGULAR },
    Row { name: "arm", family: Family::Arm, class: Elf32, order: Little, machine: machine::ARM,
          oci: Some("linux/arm"),
          aliases: &["armhf", "armel", "arm/v5", "arm/v6", "arm/v7", "arm32v5", "arm32v6", "arm32v7",
                     "armv5", "armv6", "armv7", "armv5l", "armv5tel", "armv6l", "armv6hl", "armv7l",
                     "armv7hl", "armv8l", "aarch32"], ..REGULAR },
    Row { name: "armeb", family: Family::ArmBe, class: Elf32, order: Big, machine: machine::ARM,
          aliases: &["armbe"], ..REGULAR },
    Row { name: "hexagon", family: Family::Hexagon, class: Elf32, order: Little, machine: machine::HEXAGON,
          aliases: &["qdsp6"], ..REGULAR },
    Row { name: "hppa", family: Family::Hppa, class: Elf32, order: Big, machine: machine::PARISC,
          aliases: &["parisc", "hppa1.1"], ..REGULAR },
    Row { name: "i386", family: Family::I386, class: Elf32, order: Little, machine: machine::I386,
          os_abi: OsAbi::SysvToGnu, quirks: &[Quirk::LooseOrderAndVersion], differs_from_upstream: NARROW_OS_ABI,
          oci: Some("linux/386"), aliases: &["386", "i586", "i686", "x86", "ia32"], ..REGULAR },
    Row { name: "i486", emulator: Some("i386"), family: Family::I386, class: Elf32, order: Little, machine: machine::I486,
          quirks: &[Quirk::LooseOrderAndVersion], ..REGULAR },
    Row { name: "loongarch64", family: Family::LoongArch, class: Elf64, order: Little, machine: machine::LOONGARCH,
          os_abi: OsAbi::SysvToGnu, quirks: &[Quirk::AnyAbiVersion],
          oci: Some("linux/loong64"), aliases: &["loong64"], ..REGULAR },
    Row { name: "m68k", family: Family::M68k, class: Elf32, order: Big, machine: machine::M68K,
          differs_from_upstream: STRICT_IDENT, aliases: &["68k", "m68000"], ..REGULAR },
    Row { name: "microblaze", family: Family::MicroBlaze, class: Elf32, order: Big, machine: machine::MICROBLAZE,
          differs_from_upstream: Some("Debian's e_type: upstream writes it little-endian into a big-endian header, so no real file matches"),
          aliases: &["microblazebe"], ..REGULAR },
    Row { name: "microblazeel", family: Family::MicroBlazeEl, class: Elf32, order: Little, machine: machine::MICROBLAZE,
          ..REGULAR },
    Row { name: "mips", family: Family::Mips, class: Elf32, order: Big, machine: machine::MIPS,
          quirks: &[Quirk::AnyAbiVersion, Quirk::MipsAbi2(false)], oci: Some("linux/mips"), aliases: &["mipso32"], ..REGULAR },
    Row { name: "mips64", family: Family::Mips, class: Elf64, order: Big, machine: machine::MIPS,
          quirks: &[Quirk::AnyAbiVersion], oci: Some("linux/mips64"), aliases: &["mips64n64"], ..REGULAR },
    Row { name: "mips64el", family: Family::Mips, class: Elf64, order: Little, machine: machine::MIPS,
          quirks: &[Quirk::AnyAbiVersion], oci: Some("linux/mips64le"), aliases: &["mips64le", "mips64eln64"], ..REGULAR },
    Row { name: "mipsel", family: Family::Mips, class: Elf32, order: Little, machine: machine::MIPS,
          quirks: &[Quirk::AnyAbiVersion, Quirk::MipsAbi2(false)], oci: Some("linux/mipsle"), aliases: &["mipsle", "mipselo32"], ..REGULAR },
    Row { name: "mipsn32", family: Family::Mips, class: Elf32, order: Big, machine: machine::MIPS,
          quirks: &[Quirk::AnyAbiVersion, Quirk::MipsAbi2(true)], aliases: &["mips64n32"], ..REGULAR },
    Row { name: "mipsn32el", family: Family::Mips, class: Elf32, order: Little, machine: machine::MIPS,
          quirks: &[Quirk::AnyAbiVersion, Quirk::MipsAbi2(true)], aliases: &["mips64eln32", "mipsn32le"], ..REGULAR },
    Row { name: "or1k", family: Family::OpenRisc, class: Elf32, order: Big, machine: machine::OPENRISC,
          aliases: &["openrisc", "or32"], ..REGULAR },
    Row { name: "ppc", family: Family::Ppc, class: Elf32, order: Big, machine: machine::PPC,
          os_abi: OsAbi::SysvToGnu, differs_from_upstream: NARROW_OS_ABI, aliases: &["powerpc", "ppc32"], ..REGULAR },
    Row { name: "ppc64", family: Family::Ppc, class: Elf64, order: Big, machine: machine::PPC64,
          os_abi: OsAbi::SysvToGnu, differs_from_upstream: NARROW_OS_ABI,
          oci: Some("linux/ppc64"), aliases: &["powerpc64"], ..REGULAR },
    Row { name: "ppc64le", family: Family::PpcLe, class: Elf64, order: Little, machine: machine::PPC64,
          os_abi: OsAbi::SysvToGnu, quirks: &[Quirk::MachineLowByteOnly], differs_from_upstream: NARROW_OS_ABI,
          oci: Some("linux/ppc64le"), aliases: &["ppc64el", "powerpc64le"], ..REGULAR },
    Row { name: "riscv32", family: Family::RiscV, class: Elf32, order: Little, machine: machine::RISCV,
          aliases: &["rv32"], ..REGULAR },
    Row { name: "riscv64", family: Family::RiscV, class: Elf64, order: Little, machine: machine::RISCV,
          oci: Some("linux/riscv64"), aliases: &["rv64"], ..REGULAR },
    Row { name: "s390x", family: Family::S390x, class: Elf64, order: Big, machine: machine::S390,
          os_abi: OsAbi::SysvToGnu, differs_from_upstream: NARROW_OS_ABI, oci: Some("linux/s390x"), ..REGULAR },
    Row { name: "sh4", family: Family::Sh4, class: Elf32, order: Little, machine: machine::SH,
          os_abi: OsAbi::SysvToGnu, differs_from_upstream: NARROW_OS_ABI, aliases: &["sh4a"], ..REGULAR },
    Row { name: "sh4eb", family: Family::Sh4, class: Elf32, order: Big, machine: machine::SH,
          os_abi: OsAbi::SysvToGnu, differs_from_upstream: NARROW_OS_ABI, ..REGULAR },
    Row { name: "sparc", family: Family::Sparc, class: Elf32, order: Big, machine: machine::SPARC,
          os_abi: OsAbi::SysvToGnu, differs_from_upstream: NARROW_OS_ABI, aliases: &["sparcv8"], ..REGULAR },
    Row { name: "sparc32plus", family: Family::Sparc, class: Elf32, order: Big, machine: machine::SPARC32PLUS,
          os_abi: OsAbi::SysvToGnu, differs_from_upstream: NARROW_OS_ABI, aliases: &["sparcv8plus"], ..REGULAR },
    Row { name: "sparc64", family: Family::Sparc, class: Elf64, order: Big, machine: machine::SPARCV9,
          os_abi: OsAbi::SysvToGnu, differs_from_upstream: NARROW_OS_ABI, aliases: &["sparcv9"], ..REGULAR },
    Row { name: "x86_64", family: Family::I386, class: Elf64, order: Little, machine: machine::X86_64,
          os_abi: OsAbi::SysvToGnu, quirks: &[Quirk::LooseOrderAndVersion], differs_from_upstream: NARROW_OS_ABI,
          oci: Some("linux/amd64"), aliases: &["amd64", "x64", "x86_64/v2", "amd64/v2", "amd64/v3", "amd64/v4"], ..REGULAR },
    Row { name: "xtensa", family: Family::Xtensa, class: Elf32, order: Little, machine: machine::XTENSA,
          ..REGULAR },
    Row { name: "xtensaeb", family: Family::XtensaBe, class: Elf32, order: Big, machine: machine::XTENSA,
          aliases: &["xtensabe"], ..REGULAR },
];

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

/// A word that names no target.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no target \"{word}\"")]
pub struct UnknownTarget {
    /// What was typed.
    pub word: String,
    /// The target that was most likely meant.
    pub nearest: Option<Target>,
}

impl FromStr for Target {
    type Err = UnknownTarget;

    /// Accepts QEMU's name and every alias, in any case, with or without `linux/` before it.
    fn from_str(word: &str) -> Result<Self, UnknownTarget> {
        let lower = word.to_ascii_lowercase().replace('-', "_");
        let plain = lower.strip_prefix("linux/").unwrap_or(&lower);
        Target::all()
            .find(|target| target.name() == plain || target.aliases().contains(&plain))
            .ok_or_else(|| UnknownTarget { word: word.to_owned(), nearest: nearest(plain) })
    }
}

/// The target with the name or alias most like `word`, if any is like it at all.
fn nearest(word: &str) -> Option<Target> {
    /// Below this Jaro-Winkler likeness a guess puzzles more than it helps.
    const LIKE: f64 = 0.8;
    /// Twice the longest name, in bytes: what is longer is no slip, and may be as long as a document of somebody's.
    const WORD_MAX: usize = 32;
    if word.len() > WORD_MAX {
        return None;
    }
    Target::all()
        .flat_map(|target| {
            let names = std::iter::once(target.name()).chain(target.aliases().iter().copied());
            names.map(move |name| (strsim::jaro_winkler(word, name), target))
        })
        .filter(|(likeness, _)| *likeness >= LIKE)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, target)| target)
}

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
