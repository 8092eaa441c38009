//! What programs ask of a machine and its root directory, and that no file makes the reader of it stumble.

use qus::elf::{ByteOrder, Class, NotElf};
use qus::linkage::{BadLinkage, Linkage};
use qus::program::Program;
use qus::rule::KernelVersion;
use qus::target::Target;

#[test]
fn a_dynamic_program_of_this_machine_asks_for_its_loader_and_libraries() {
    let ls = Linkage::read(&*std::fs::read("/bin/ls").unwrap()).unwrap();
    assert_eq!(ls.loader.as_deref(), Some("/lib64/ld-linux-x86-64.so.2"));
    assert!(ls.needed.contains(&"libc.so.6".to_owned()), "{ls:?}");
}

#[test]
fn probes_ask_for_their_address_and_nothing_else() {
    for target in Target::all() {
        let expected = Linkage { page: 0x10000, ..Linkage::default() };
        assert_eq!(Linkage::read(&*Program::of(target).elf), Ok(expected), "{target}");
    }
}

/// A dynamic program made by hand: loader, libraries and search path, and notes about its kernel and processor.
struct Handmade {
    class: Class,
    order: ByteOrder,
    machine: u16,
    segments: Vec<(u32, Vec<u8>, u64)>,
}

const ADDRESS: u64 = 0x40_0000;
const LOAD: u32 = 1;
const DYNAMIC: u32 = 2;
const INTERP: u32 = 3;
const NOTE: u32 = 4;

impl Handmade {
    fn new(class: Class, order: ByteOrder, machine: u16) -> Handmade {
        Handmade { class, order, machine, segments: Vec::new() }
    }

    fn word(&self, to: &mut Vec<u8>, value: u64) {
        match self.class {
            Class::Elf32 => self.order.push_u32(to, u32::try_from(value).unwrap()),
            Class::Elf64 => self.order.push_u64(to, value),
        }
    }

    fn note(&self, kind: u32, words: &[u32]) -> Vec<u8> {
        let mut note = Vec::new();
        for word in [4, u32::try_from(words.len() * 4).unwrap(), kind] {
            self.order.push_u32(&mut note, word);
        }
        note.extend(b"GNU\0");
        for word in words {
            self.order.push_u32(&mut note, *word);
        }
        note
    }

    /// Entries of a dynamic section; the strings are those of [`Handmade::elf`].
    fn dynamic(&self, entries: &[(u64, u64)]) -> Vec<u8> {
        let mut section = Vec::new();
        for (tag, value) in entries {
            self.word(&mut section, *tag);
            self.word(&mut section, *value);
        }
        section
    }

    fn with(mut self, kind: u32, bytes: Vec<u8>, align: u64) -> Handmade {
        self.segments.push((kind, bytes, align));
        self
    }

    /// The file: header, program headers, and the segments one after the other, each 16 bytes aligned, with one
    /// `PT_LOAD` over all. The first segment is at [`Handmade::first`].
    fn elf(&self) -> Vec<u8> {
        let (header, entry) = self.sizes();
        let mut elf = vec![0x7f, b'E', b'L', b'F', self.class as u8, self.order as u8, 1, 0];
        elf.extend([0; 8]);
        self.order.push_u16(&mut elf, 2);
        self.order.push_u16(&mut elf, self.machine);
        self.order.push_u32(&mut elf, 1);
        self.word(&mut elf, ADDRESS);
        self.word(&mut elf, header);
        self.word(&mut elf, 0);
        self.order.push_u32(&mut elf, 0);
        for half in [header, entry, self.segments.len() as u64 + 1, 0, 0, 0] {
            self.order.push_u16(&mut elf, u16::try_from(half).unwrap());
        }
        let mut at = self.first();
        let mut body = Vec::new();
        let mut headers = Vec::new();
        for (kind, bytes, align) in &self.segments {
            self.header(&mut headers, *kind, at, bytes.len() as u64, *align);
            body.extend(bytes);
            body.resize(body.len().next_multiple_of(16), 0);
            at += (bytes.len() as u64).next_multiple_of(16);
        }
        self.header(&mut headers, LOAD, 0, at, 0x1000);
        elf.extend(headers);
        elf.resize(usize::try_from(self.first()).unwrap(), 0);
        elf.extend(body);
        elf
    }

    fn sizes(&self) -> (u64, u64) {
        match self.class {
            Class::Elf32 => (52, 32),
            Class::Elf64 => (64, 56),
        }
    }

    /// Where the first segment lies, in bytes from the start of the file.
    fn first(&self) -> u64 {
        // One more for those that are still to come.
        let (header, entry) = self.sizes();
        (header + entry * 8).next_multiple_of(16)
    }

    fn header(&self, to: &mut Vec<u8>, kind: u32, offset: u64, size: u64, align: u64) {
        self.order.push_u32(to, kind);
        if self.class == Class::Elf64 {
            self.order.push_u32(to, 5);
        }
        for value in [offset, ADDRESS + offset, ADDRESS + offset, size, size] {
            self.word(to, value);
        }
        if self.class == Class::Elf32 {
            self.order.push_u32(to, 5);
        }
        self.word(to, align);
    }
}

const STRINGS: &[u8] = b"\0libone.so\0libtwo.so.2\0$ORIGIN/../lib::/opt/lib\0/old\0";

fn everything(class: Class, order: ByteOrder, machine: u16) -> Handmade {
    let made = Handmade::new(class, order, machine);
    let strings = ADDRESS + made.first();
    let dynamic = made.dynamic(&[
        (1, 1),
        (15, 46),
        (29, 23),
        (1, 11),
        (5, strings),
        (10, STRINGS.len() as u64),
        (0, 0),
        (1, 999),
    ]);
    let mut notes = made.note(1, &[0, 3, 7, 0]);
    let padding = if class == Class::Elf64 { &[0xc000_8002, 4, 0b101, 0][..] } else { &[0xc000_8002, 4, 0b101][..] };
    notes.extend(made.note(5, padding));
    made.with(6, STRINGS.to_vec(), 1)
        .with(INTERP, b"/lib/ld.so\0".to_vec(), 1)
        .with(DYNAMIC, dynamic, 8)
        .with(NOTE, notes, 4)
}

const SHAPES: [(Class, ByteOrder); 4] = [
    (Class::Elf32, ByteOrder::Little),
    (Class::Elf32, ByteOrder::Big),
    (Class::Elf64, ByteOrder::Little),
    (Class::Elf64, ByteOrder::Big),
];

#[test]
fn programs_of_either_class_and_byte_order_are_read_alike() {
    for (class, order) in SHAPES {
        for (machine, isa) in [(qus::elf::machine::X86_64, Some(0b101)), (qus::elf::machine::PPC, None)] {
            let expected = Linkage {
                loader: Some("/lib/ld.so".to_owned()),
                needed: vec!["libone.so".to_owned(), "libtwo.so.2".to_owned()],
                runpath: vec!["$ORIGIN/../lib".to_owned(), "/opt/lib".to_owned()],
                inherited: false,
                page: ADDRESS,
                apart: u64::MAX,
                kernel: Some(KernelVersion(3, 7)),
                isa,
                cut_off: false,
            };
            assert_eq!(Linkage::read(&*everything(class, order, machine).elf()), Ok(expected), "{class:?} {order:?}");
        }
    }
}

#[test]
fn the_older_path_of_libraries_counts_for_theirs_too() {
    let made = Handmade::new(Class::Elf64, ByteOrder::Little, qus::elf::machine::AARCH64);
    let strings = ADDRESS + made.first();
    let dynamic = made.dynamic(&[(1, 1), (15, 48), (5, strings), (10, STRINGS.len() as u64), (0, 0)]);
    let linkage = Linkage::read(&*made.with(6, STRINGS.to_vec(), 1).with(DYNAMIC, dynamic, 8).elf()).unwrap();
    assert_eq!((linkage.runpath, linkage.inherited), (vec!["/old".to_owned()], true));
}

#[test]
fn the_highest_bit_is_the_level_of_the_processor() {
    let level = |isa| Linkage { isa, ..Linkage::default() }.level();
    assert_eq!(
        [None, Some(0), Some(1), Some(0b11), Some(0b101), Some(0x1f)].map(level),
        [None, None, Some(1), Some(2), Some(3), Some(4)]
    );
}

/// An ELF file of these segments: offset, address, bytes of the file, bytes of memory, and rights.
fn laid_out(segments: &[(u64, u64, u64, u64, u32)]) -> Vec<u8> {
    let order = ByteOrder::Little;
    let mut elf = Program::of("x86_64".parse().unwrap()).elf;
    elf.truncate(64);
    elf[56] = u8::try_from(segments.len()).unwrap();
    for (offset, address, of_file, of_memory, rights) in segments {
        order.push_u32(&mut elf, LOAD);
        order.push_u32(&mut elf, *rights);
        for value in [*offset, *address, *address, *of_file, *of_memory, 0x1000] {
            order.push_u64(&mut elf, value);
        }
    }
    elf
}

#[test]
fn the_pages_on_which_a_program_can_be_mapped_follow_from_its_addresses() {
    const R: u32 = 4;
    const RW: u32 = 6;
    const RX: u32 = 5;
    // As gcc 12 and binutils 2.40 lay a static program out for arm64 with `max-page-size=4096`, and what came of it on
    // Linux 6.12.107 with pages of 16 KiB. Each segment says 4096 of itself.
    let cases: [(&str, &[_], u64, u64); 6] = [
        ("ran", &[(0, 0x40_0000, 0xf9, 0xf9, RX)], 0x40_0000, u64::MAX),
        // Placed by itself.
        ("ran", &[(0, 0, 0x8_7e50, 0x8_7e50, RX), (0x8_8670, 0x8_8670, 0x8898, 0xdd78, RW)], u64::MAX, 0x8000),
        // noseparate-code: SIGSEGV before its first instruction.
        ("fails", &[(0, 0x40_0000, 0x7_d1c8, 0x7_d1c8, RX), (0x7_d810, 0x47_e810, 0x86f8, 0xdc08, RW)], 4096, 0x2000),
        // separate-code: it ran into the end of its code, which shares a page with what is only read, by SIGSEGV.
        (
            "faults",
            &[
                (0, 0x40_0000, 0x2f0, 0x2f0, R),
                (0x1000, 0x40_1000, 0x5_7088, 0x5_7088, RX),
                (0x5_9000, 0x45_9000, 0x2_5eb8, 0x2_5eb8, R),
                (0x7_f810, 0x47_f810, 0x86f8, 0xdc08, RW),
            ],
            0x40_0000,
            0x1000,
        ),
        // Debian 12's busybox for armhf, which the same kernel loads by itself: SIGSEGV before its first instruction.
        ("fails", &[(0, 0x1_0000, 0x13_4088, 0x13_4088, RX), (0x13_44d4, 0x14_54d4, 0x4f80, 0x900c, RW)], 4096, 0x1000),
        // What is not of the file may lie anywhere.
        ("unseen", &[(0, 0x1_0000, 0x100, 0x100, RX), (0x123, 0x2_0000, 0, 0x100, RW)], 0x1_0000, 0x2_0000),
    ];
    for (what, segments, page, apart) in cases {
        let linkage = Linkage::read(&*laid_out(segments)).unwrap();
        assert_eq!((linkage.page, linkage.apart), (page, apart), "{what}: {segments:x?}");
    }
    // No size of pages helps what overlaps, or says that it ends before it begins.
    for segments in [&[(0, 0, 9, 9, RX), (0, 8, 9, 9, R)], &[(0, 0, 9, 9, RX), (0, u64::MAX, 9, 9, R)]] {
        assert_eq!(Linkage::read(&*laid_out(segments)).unwrap().apart, u64::MAX);
    }
}

/// Reads `bytes`, which are a damaged copy of `whole`: what is still read must be what `whole` says.
#[track_caller]
pub(crate) fn damaged(bytes: &[u8], whole: &Linkage) {
    if let Ok(linkage) = Linkage::read(bytes) {
        let Linkage { kernel, isa, cut_off, .. } = linkage.clone();
        let expected = Linkage { kernel, isa, cut_off, ..whole.clone() };
        assert_eq!(linkage, expected, "{} bytes", bytes.len());
    }
}

#[test]
fn a_file_cut_off_anywhere_says_the_same_or_nothing() {
    for (class, order) in SHAPES {
        let elf = everything(class, order, 62).elf();
        let whole = Linkage::read(&*elf).unwrap();
        (0..elf.len()).for_each(|length| damaged(&elf[..length], &whole));
        assert!(Linkage::read(&elf[..elf.len() - 1]).unwrap().cut_off);
        assert_eq!(Linkage::read(&elf[..15]), Err(BadLinkage::NotElf(NotElf::Short)));
        assert_eq!(Linkage::read(&elf[..64]), Err(BadLinkage::Segments));
    }
    let ls = std::fs::read("/bin/ls").unwrap();
    let whole = Linkage::read(&*ls).unwrap();
    (0..ls.len()).for_each(|length| damaged(&ls[..length], &whole));
}

#[test]
fn ten_thousand_random_files_and_as_many_random_damages_are_survived() {
    let mut random = fastrand::Rng::with_seed(4);
    let mut read = 0;
    for round in 0..10_000 {
        let (class, order) = SHAPES[round % 4];
        let mut bytes = vec![0; random.usize(0..2048)];
        random.fill(&mut bytes);
        let head = [0x7f, b'E', b'L', b'F', class as u8, order as u8, 1];
        bytes.splice(..head.len().min(bytes.len()), head);
        // Whatever it says of these, it says something.
        let _ = Linkage::read(&*bytes);

        let mut elf = everything(class, order, 62).elf();
        for _ in 0..random.usize(1..8) {
            let at = random.usize(..elf.len());
            elf[at] ^= 1 << random.u8(..8);
        }
        read += usize::from(Linkage::read(&*elf).is_ok());
    }
    // Most damages are to something that matters, many are not.
    assert!((1_000..9_900).contains(&read), "{read}");
}

#[test]
fn counts_and_lengths_beyond_reason_are_refused() {
    for (class, order) in SHAPES {
        let huge =
            |kind: u32, bytes: Vec<u8>| Linkage::read(&*Handmade::new(class, order, 62).with(kind, bytes, 1).elf());
        assert_eq!(huge(INTERP, vec![b'a'; 5000]), Err(BadLinkage::Loader));
        assert_eq!(huge(INTERP, b"/lib/no-end".to_vec()), Err(BadLinkage::Loader));
        assert_eq!(huge(DYNAMIC, vec![1; 128 * 1024]), Err(BadLinkage::Dynamic));
        assert_eq!(huge(NOTE, vec![1; 128 * 1024]).map(|linkage| linkage.kernel), Ok(None));
        // Libraries without strings, and strings that are nowhere.
        let made = Handmade::new(class, order, 62);
        let without = made.dynamic(&[(1, 1), (0, 0)]);
        let nowhere = made.dynamic(&[(1, 1), (5, 0xffff_0000), (10, 0xffff_ffff), (0, 0)]);
        let behind = made.dynamic(&[(1, 0xffff_fff0), (5, ADDRESS), (10, 0xffff_ffff), (0, 0)]);
        for section in [without, nowhere, behind] {
            assert_eq!(huge(DYNAMIC, section), Err(BadLinkage::Dynamic));
        }
        // As many program headers as can be written, in a file that could hold them.
        let mut many = Handmade::new(class, order, 62).with(6, vec![0; 4 << 20], 1).elf();
        let at = if class == Class::Elf32 { 44 } else { 56 };
        many[at..at + 2].fill(0xff);
        assert_eq!(Linkage::read(&*many), Err(BadLinkage::Segments));
    }
}

#[test]
fn what_is_no_elf_file_is_told() {
    assert_eq!(Linkage::read(&b""[..]), Err(BadLinkage::NotElf(NotElf::Short)));
    assert_eq!(Linkage::read(&b"#!/bin/sh\necho hello\n"[..]), Err(BadLinkage::NotElf(NotElf::Magic)));
}
