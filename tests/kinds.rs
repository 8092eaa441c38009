//! What files are that are no programs of a target.

use qus::elf::machine;
use qus::kind::{Kind, machine_name};
use qus::target::Target;

#[test]
fn files_are_known_by_their_beginning() {
    let known: [(&[u8], Kind); 22] = [
        (b"", Kind::Empty),
        (b"\x7fELF\x01", Kind::Elf),
        (b"#!/bin/sh\n", Kind::Script),
        (b"MZ\x90\0\x03\0\0\0", Kind::Windows),
        (b"MZ is how this note begins\n", Kind::Text),
        (b"\xcf\xfa\xed\xfe\x0c\0\0\x01", Kind::MachO),
        (b"\xce\xfa\xed\xfe\x07\0\0\0", Kind::MachO),
        (b"\xfe\xed\xfa\xce\0\0\0\x12", Kind::MachO),
        (b"\xca\xfe\xba\xbe\0\0\0\x02", Kind::MachO),
        (b"\xca\xfe\xba\xbe\0\0\0\x2d", Kind::JavaClass),
        (b"\xca\xfe\xba\xbe\0\0\0\x41", Kind::JavaClass),
        (b"\xca\xfe\xba\xbe", Kind::Unknown),
        (b"\0asm\x01\0\0\0", Kind::WebAssembly),
        (b"\x1f\x8b\x08\0", Kind::Packed("gzip")),
        (b"PK\x03\x04\x14\0", Kind::Packed("zip")),
        (b"\xfd7zXZ\0\0\x04", Kind::Packed("xz")),
        (b"\x28\xb5\x2f\xfd\x04", Kind::Packed("zstd")),
        (b"BZh91AY&SY", Kind::Packed("bzip2")),
        (b"!<arch>\ndebian-binary", Kind::Packed("ar")),
        ("echo \u{fc}ber\n".as_bytes(), Kind::Text),
        (b"echo \xc3", Kind::Text),
        (b"\x01\x02\x03\0", Kind::Unknown),
    ];
    for (head, kind) in known {
        assert_eq!(Kind::of(head), kind, "{head:?}");
    }
}

#[test]
fn machines_without_an_emulator_have_a_name_and_those_of_targets_need_none() {
    // Numbers as Linux's elf-em.h has them (6.1), or else the registry of the ELF specification.
    let told = [
        (50, "Itanium (ia64)"),
        (76, "CRIS"),
        (83, "AVR microcontroller"),
        (93, "ARC"),
        (106, "Blackfin"),
        (113, "Nios II"),
        (140, "TI C6000"),
        (189, "MicroBlaze"),
        (190, "Nvidia CUDA"),
        (191, "TILE-Gx"),
        (195, "ARC"),
        (224, "AMD GPU"),
        (247, "BPF"),
        (252, "C-SKY"),
    ];
    for (number, name) in told {
        assert_eq!(machine_name(number), Some(name));
    }
    assert_eq!(machine_name(0), None);
    for target in Target::all() {
        assert_eq!(machine_name(target.machine()), None, "{target}");
    }
    assert_ne!(machine::MICROBLAZE, 189);
}
