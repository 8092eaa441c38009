//! What an ELF program asks of the machine it runs on and of the root directory it runs in: its loader
//! and libraries, its pages and addresses, the kernel and the processor it was built for.
//!
//! Files come from anywhere, so nothing in them is believed: every count and length has a limit below,
//! and what is read is bounded by them and not by the file.

use object::Endianness;
use object::elf;
use object::endian::Endian;
use object::read::ReadRef;
use object::read::elf::{Dyn, FileHeader, NoteIterator, ProgramHeader};
use thiserror::Error;

use crate::elf::{Class, HEADER_MAX, Header, NotElf};
use crate::rule::KernelVersion;

/// Longest table of program headers, in bytes: the kernel refuses more (`load_elf_phdrs` of
/// `fs/binfmt_elf.c`, Linux tag v6.12).
const SEGMENTS_MAX: usize = 64 * 1024;

/// Longest path or library name, in bytes: `PATH_MAX` of Linux, also the kernel's limit of a loader's path.
const NAME_MAX: u64 = 4096;

/// Longest dynamic section that is read, in bytes: 4,096 entries. Programs with hundreds of libraries have
/// under 1,000.
const DYNAMIC_MAX: u64 = 64 * 1024;

/// Longest note segment that is read, in bytes. Those of programs have under 200; those of core dumps are longer and
/// hold nothing that is looked for here.
const NOTES_MAX: u64 = 4096;

/// What a program asks for. The default asks for nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Linkage {
    /// Path of the dynamic loader, `PT_INTERP`. None in a static program.
    pub loader: Option<String>,
    /// Names of the libraries, `DT_NEEDED`, in their order.
    pub needed: Vec<String>,
    /// Where the loader is to look for them first: `DT_RUNPATH`, else `DT_RPATH`, split at colons. `$ORIGIN`,
    /// the program's directory, is left as it stands.
    pub runpath: Vec<String>,
    /// Whether [`Linkage::runpath`] counts for the libraries of its libraries too: `DT_RPATH` does, `DT_RUNPATH` does not
    /// (`ld.so(8)`).
    pub inherited: bool,
    /// The largest size of pages, in bytes, on which it can be mapped, as its addresses and offsets say: what `p_align`
    /// promises is often less. `u64::MAX` where nothing is asked.
    pub page: u64,
    /// The largest size of pages, in bytes, on which none of it is mapped over by what may do less: on larger ones the
    /// end of the code is not executable any more, if what follows it is only read.
    pub apart: u64,
    /// The oldest Linux on which its C library starts, from the note `NT_GNU_ABI_TAG`.
    pub kernel: Option<KernelVersion>,
    /// Bits of `GNU_PROPERTY_X86_ISA_1_NEEDED`, the processor it was built for; see [`Linkage::level`].
    pub isa: Option<u32>,
    /// Whether the file ends before what is to be loaded of it does, as a broken download does: it is mapped all the
    /// same, and ends by `SIGBUS`.
    pub cut_off: bool,
}

impl Default for Linkage {
    fn default() -> Linkage {
        Linkage {
            loader: None,
            needed: Vec::new(),
            runpath: Vec::new(),
            inherited: false,
            page: u64::MAX,
            apart: u64::MAX,
            kernel: None,
            isa: None,
            cut_off: false,
        }
    }
}

/// Why it cannot be told what a program asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum BadLinkage {
    /// It has no ELF header.
    #[error(transparent)]
    NotElf(#[from] NotElf),
    /// It could not be read.
    #[error("its beginning cannot be read")]
    Unreadable,
    /// The kernel would refuse it too.
    #[error("its program headers are malformed, or not within the file")]
    Segments,
    /// The kernel would refuse it too.
    #[error("the path of its loader is malformed, or not within the file")]
    Loader,
    /// The loader would fail on it.
    #[error("its dynamic section is malformed, or not within the file")]
    Dynamic,
}

impl Linkage {
    /// Reads it from a file, of which only the parts that matter are looked at: bytes, or an
    /// `object::ReadCache` of an open file.
    pub fn read<'data, R: ReadRef<'data>>(data: R) -> Result<Linkage, BadLinkage> {
        let length = data.len().map_err(|()| BadLinkage::Unreadable)?;
        let head = data.read_bytes_at(0, length.min(HEADER_MAX as u64)).map_err(|()| BadLinkage::Unreadable)?;
        match Header::parse(head)?.class {
            Class::Elf32 => Program::<elf::FileHeader32<Endianness>, R>::open(data)?.linkage(),
            Class::Elf64 => Program::<elf::FileHeader64<Endianness>, R>::open(data)?.linkage(),
        }
    }

    /// The level of x86-64 processors that it needs, 1 to 4, of the x86-64 psABI (`x86-64-v3` is 3).
    pub fn level(&self) -> Option<u8> {
        let bits = self.isa?;
        // Bit 0 is level 1. A level holds those below it, so that the highest counts.
        (bits & 0xf).checked_ilog2().and_then(|highest| u8::try_from(highest + 1).ok())
    }
}

/// An ELF file of one class.
struct Program<'data, Elf: FileHeader<Endian = Endianness>, R> {
    data: R,
    order: Endianness,
    header: &'data Elf,
    segments: &'data [Elf::ProgramHeader],
}

impl<'data, Elf: FileHeader<Endian = Endianness>, R: ReadRef<'data>> Program<'data, Elf, R> {
    fn open(data: R) -> Result<Self, BadLinkage> {
        let malformed = |_| BadLinkage::Segments;
        let header = Elf::parse(data).map_err(malformed)?;
        let order = header.endian().map_err(malformed)?;
        // The count as it stands there: the kernel knows no escape for more than 65,534 of them.
        if usize::from(header.e_phnum(order)) * size_of::<Elf::ProgramHeader>() > SEGMENTS_MAX {
            return Err(BadLinkage::Segments);
        }
        let segments = header.program_headers(order, data).map_err(malformed)?;
        Ok(Program { data, order, header, segments })
    }

    fn linkage(&self) -> Result<Linkage, BadLinkage> {
        let mut linkage = Linkage {
            loader: self.loader()?,
            page: self.page(),
            apart: self.apart(),
            cut_off: self.is_cut_off()?,
            ..Linkage::default()
        };
        self.dynamic(&mut linkage)?;
        self.notes(&mut linkage);
        Ok(linkage)
    }

    fn of_type(&self, kind: elf::ProgramType) -> impl Iterator<Item = &'data Elf::ProgramHeader> + use<'data, Elf, R> {
        let order = self.order;
        self.segments.iter().filter(move |segment| segment.p_type(order) == kind)
    }

    /// The first, as for the kernel.
    fn loader(&self) -> Result<Option<String>, BadLinkage> {
        let Some(segment) = self.of_type(elf::PT_INTERP).next() else { return Ok(None) };
        if segment.p_filesz(self.order).into() > NAME_MAX {
            return Err(BadLinkage::Loader);
        }
        let path = segment.interpreter(self.order, self.data).map_err(|_| BadLinkage::Loader)?;
        Ok(path.map(text))
    }

    fn page(&self) -> u64 {
        // A page of the file is mapped as a page of memory, or not at all. What is not of the file is mapped anywhere.
        let of_file = self.of_type(elf::PT_LOAD).filter(|segment| segment.p_filesz(self.order).into() > 0);
        let moved = of_file.map(|segment| {
            let (address, offset): (u64, u64) =
                (segment.p_vaddr(self.order).into(), segment.p_offset(self.order).into());
            address.wrapping_sub(offset)
        });
        moved.filter_map(|moved| 1_u64.checked_shl(moved.trailing_zeros())).min().unwrap_or(u64::MAX)
    }

    fn apart(&self) -> u64 {
        let loaded: Vec<_> = self.of_type(elf::PT_LOAD).filter_map(|segment| Extent::of(segment, self.order)).collect();
        let pairs = loaded.iter().enumerate().flat_map(|(index, first)| {
            let later = loaded[index + 1..].iter();
            later.filter(|later| first.rights & !later.rights != 0).map(|later| first.apart(later))
        });
        pairs.min().unwrap_or(u64::MAX)
    }

    fn is_cut_off(&self) -> Result<bool, BadLinkage> {
        let length = self.data.len().map_err(|()| BadLinkage::Unreadable)?;
        let ends = self.of_type(elf::PT_LOAD).map(|segment| segment.file_range(self.order));
        Ok(ends.filter(|(_, size)| *size > 0).any(|(offset, size)| offset.saturating_add(size) > length))
    }

    fn dynamic(&self, linkage: &mut Linkage) -> Result<(), BadLinkage> {
        let Some(segment) = self.of_type(elf::PT_DYNAMIC).next() else { return Ok(()) };
        if segment.p_filesz(self.order).into() > DYNAMIC_MAX {
            return Err(BadLinkage::Dynamic);
        }
        let entries = segment.dynamic(self.order, self.data).map_err(|_| BadLinkage::Dynamic)?.unwrap_or_default();
        let until = entries.iter().position(|entry| entry.d_tag(self.order) == elf::DT_NULL).unwrap_or(entries.len());
        let entries = &entries[..until];
        let all =
            |tag| entries.iter().filter(move |entry| entry.d_tag(self.order) == tag).map(|entry| entry.val(self.order));
        // A static program that places itself has a dynamic section, and asks for nothing in it.
        let names = [elf::DT_NEEDED, elf::DT_RUNPATH, elf::DT_RPATH];
        if !entries.iter().any(|entry| names.contains(&entry.d_tag(self.order))) {
            return Ok(());
        }
        let first = |tag| all(tag).next().ok_or(BadLinkage::Dynamic);
        let (strings, length) = (self.in_file(first(elf::DT_STRTAB)?)?, first(elf::DT_STRSZ)?);
        let string = |at: u64| self.name(strings, length, at);
        linkage.needed = all(elf::DT_NEEDED).map(string).collect::<Result<_, _>>()?;
        let runpath = all(elf::DT_RUNPATH).next();
        if let Some(path) = runpath.or_else(|| all(elf::DT_RPATH).next()) {
            linkage.inherited = runpath.is_none();
            let path = string(path)?;
            linkage.runpath = path.split(':').filter(|part| !part.is_empty()).map(str::to_owned).collect();
        }
        Ok(())
    }

    /// Where in the file the byte lies that is loaded at `address`.
    fn in_file(&self, address: u64) -> Result<u64, BadLinkage> {
        let within = |segment: &Elf::ProgramHeader| {
            let (offset, size) = segment.file_range(self.order);
            let into = address.checked_sub(segment.p_vaddr(self.order).into())?;
            offset.checked_add(into).filter(|_| into < size)
        };
        self.of_type(elf::PT_LOAD).find_map(within).ok_or(BadLinkage::Dynamic)
    }

    /// The name at `at` of the strings, which begin at `strings` in the file and have `length` bytes.
    fn name(&self, strings: u64, length: u64, at: u64) -> Result<String, BadLinkage> {
        let file = self.data.len().map_err(|()| BadLinkage::Dynamic)?;
        let start = strings.checked_add(at).filter(|_| at < length).ok_or(BadLinkage::Dynamic)?;
        let end = strings.saturating_add(length).min(file).min(start.saturating_add(NAME_MAX));
        if start >= end {
            return Err(BadLinkage::Dynamic);
        }
        self.data.read_bytes_at_until(start..end, 0).map(text).map_err(|()| BadLinkage::Dynamic)
    }

    /// What the notes say. They are advice: nobody refuses a program for malformed ones, and so they are no error.
    fn notes(&self, linkage: &mut Linkage) {
        let segments = self.of_type(elf::PT_NOTE).filter(|segment| segment.p_filesz(self.order).into() <= NOTES_MAX);
        for notes in segments.filter_map(|segment| segment.notes(self.order, self.data).ok().flatten()) {
            self.note(notes, linkage);
        }
    }

    fn note(&self, mut notes: NoteIterator<'data, Elf>, linkage: &mut Linkage) {
        while let Ok(Some(note)) = notes.next() {
            if note.name() == elf::ELF_NOTE_GNU && note.n_type(self.order) == elf::NT_GNU_ABI_TAG {
                linkage.kernel = linkage.kernel.or_else(|| abi_tag(self.order, note.desc()));
            }
            let Some(mut properties) = note.gnu_properties(self.order).filter(|_| self.is_x86()) else { continue };
            while let Ok(Some(property)) = properties.next() {
                if property.pr_type() == elf::GNU_PROPERTY_X86_ISA_1_NEEDED {
                    linkage.isa = linkage.isa.or_else(|| property.data_u32(self.order).ok());
                }
            }
        }
    }

    fn is_x86(&self) -> bool {
        // The same number means other things on other processors.
        [elf::EM_X86_64, elf::EM_386].contains(&self.header.e_machine(self.order))
    }
}

/// What a loaded segment takes up of a program's addresses.
struct Extent {
    first: u64,
    last: u64,
    /// The bits of `PF_R`, `PF_W` and `PF_X`.
    rights: u32,
}

impl Extent {
    fn of<Segment: ProgramHeader<Endian = Endianness>>(segment: &Segment, order: Endianness) -> Option<Extent> {
        let (first, size): (u64, u64) = (segment.p_vaddr(order).into(), segment.p_memsz(order).into());
        let last = first.checked_add(size.checked_sub(1)?)?;
        Some(Extent { first, last, rights: segment.p_flags(order).0 & (elf::PF_R | elf::PF_W | elf::PF_X).0 })
    }

    /// The largest size of pages of which none holds something of both: at the highest bit in which the nearest
    /// addresses of the two differ, a page ends between them.
    fn apart(&self, other: &Extent) -> u64 {
        let between = if self.last < other.first { self.last ^ other.first } else { other.last ^ self.first };
        let overlap = self.first <= other.last && other.first <= self.last;
        // What overlaps byte by byte does so on pages of any size.
        between.checked_ilog2().filter(|_| !overlap).map_or(u64::MAX, |bit| 1 << bit)
    }
}

/// Four words: the system, and the major, minor and patch number of its oldest kernel.
fn abi_tag(order: Endianness, words: &[u8]) -> Option<KernelVersion> {
    let word = |index: usize| {
        let bytes: [u8; 4] = words.get(index * 4..index * 4 + 4)?.try_into().ok()?;
        Some(order.read_u32(bytes))
    };
    (word(0)? == elf::ELF_NOTE_OS_LINUX).then_some(KernelVersion(word(1)?, word(2)?))
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
