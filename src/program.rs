//! Probe programs: for every target the least program that proves its emulator.
//!
//! Each does nothing but `exit` with a status of its own. The code comes from `probes/`, the ELF
//! file around it from the target table: so a probe also proves that the target's rule matches.

use crate::elf::{ByteOrder, Class};
use crate::target::Target;

/// Where the file is mapped. The usual `vm.mmap_min_addr` is no higher, and pages of 4, 16 and
/// 64 KiB all begin there.
const ADDRESS: u32 = 0x10000;

/// The code of every target, made by `scripts/probes`.
const TABLE: &str = include_str!("../probes/programs.tsv");

/// A probe program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Program {
    /// The ELF file, under 200 bytes.
    pub elf: Vec<u8>,
    /// What it exits with: another for every target, so that none passes for another.
    pub status: i32,
}

impl Program {
    /// The probe of `target`.
    ///
    /// # Panics
    ///
    /// If `probes/programs.tsv`, which is compiled in, has no sound row of it: a test looks at all.
    pub fn of(target: Target) -> Program {
        let row = TABLE.lines().find_map(|line| Row::parse(line, target));
        let Some(Row { status, flags, code }) = row else { panic!("probes/programs.tsv has no row of {target}") };
        Program { elf: wrap(target, flags, &code), status }
    }
}

struct Row {
    status: i32,
    flags: u32,
    code: Vec<u8>,
}

impl Row {
    fn parse(line: &str, target: Target) -> Option<Row> {
        let mut columns = line.split('\t');
        if columns.next() != Some(target.name()) {
            return None;
        }
        Some(Row {
            status: columns.next()?.parse().ok()?,
            flags: u32::from_str_radix(columns.next()?, 16).ok()?,
            code: crate::hex::decode(columns.next()?)?,
        })
    }
}

/// An ELF file of one segment, readable and executable, that holds the whole file.
fn wrap(target: Target, flags: u32, code: &[u8]) -> Vec<u8> {
    const PT_LOAD: u32 = 1;
    const READ_EXECUTE: u32 = 5;
    let order = target.order();
    let (header, segment) = match target.class() {
        Class::Elf32 => (52_u16, 32_u16),
        Class::Elf64 => (64, 56),
    };
    let code_at = (header + segment).next_multiple_of(16);
    let length = u32::from(code_at) + u32::try_from(code.len()).unwrap_or(u32::MAX);

    let mut elf = vec![0x7f, b'E', b'L', b'F', target.class() as u8, order as u8, 1, 0];
    elf.extend([0; 8]);
    order.push_u16(&mut elf, 2); // ET_EXEC
    order.push_u16(&mut elf, target.machine());
    order.push_u32(&mut elf, 1); // EV_CURRENT
    let word = |elf: &mut Vec<u8>, value: u32| push_word(elf, target.class(), order, value);
    word(&mut elf, ADDRESS + u32::from(code_at)); // e_entry
    word(&mut elf, header.into()); // e_phoff
    word(&mut elf, 0); // e_shoff
    order.push_u32(&mut elf, flags);
    for half in [header, segment, 1, 0, 0, 0] {
        order.push_u16(&mut elf, half);
    }

    order.push_u32(&mut elf, PT_LOAD);
    if target.class() == Class::Elf64 {
        order.push_u32(&mut elf, READ_EXECUTE);
    }
    for field in [0, ADDRESS, ADDRESS, length, length] {
        word(&mut elf, field); // offset, two addresses, two sizes
    }
    if target.class() == Class::Elf32 {
        order.push_u32(&mut elf, READ_EXECUTE);
    }
    word(&mut elf, ADDRESS); // p_align
    elf.resize(code_at.into(), 0);
    elf.extend(code);
    elf
}

fn push_word(elf: &mut Vec<u8>, class: Class, order: ByteOrder, value: u32) {
    match class {
        Class::Elf32 => order.push_u32(elf, value),
        Class::Elf64 => order.push_u64(elf, value.into()),
    }
}
