//! The target table: one row a target, in named columns.

use crate::elf::ByteOrder::{self, Big, Little};
use crate::elf::Class::{self, Elf32, Elf64};
use crate::elf::machine;

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
///
/// [`Target::magic`]: super::Target::magic
/// [`Target::mask`]: super::Target::mask
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

/// What is known of a target.
pub(super) struct Row {
    pub(super) name: &'static str,
    /// Which `qemu-*` runs it, where that is not `qemu-<name>`.
    pub(super) emulator: Option<&'static str>,
    pub(super) family: Family,
    pub(super) class: Class,
    pub(super) order: ByteOrder,
    pub(super) machine: u16,
    pub(super) os_abi: OsAbi,
    pub(super) quirks: &'static [Quirk],
    /// Why our bytes are not those of upstream's script (QEMU tag v10.0.0), if they are not.
    pub(super) differs_from_upstream: Option<&'static str>,
    /// The platform's name in container images.
    pub(super) oci: Option<&'static str>,
    /// Other spellings: Debian, RPM, `uname -m`, Docker's image prefixes, dbhi/qus.
    pub(super) aliases: &'static [&'static str],
}

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

/// The 33 emulators of QEMU 11 and `i486`, in the order of their names.
#[rustfmt::skip]
pub(super) static TABLE: [Row; 34] = [
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
