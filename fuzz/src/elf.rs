//! Programs: of a hostile one no more is read than the limits say, and nothing is said that is not there.

use std::cell::Cell;

use qus::elf::{HEADER_MAX, Header};
use qus::host::Host;
use qus::kind::Kind;
use qus::linkage::Linkage;
use qus::target::Target;

use super::counted::Counted;

/// More than all that is read of any program, in bytes: two tables of 64 KiB, and as much as 4,096 names of 4 KiB.
const READ_MAX: u64 = 2 * 64 * 1024 + 4096 * 4096 + 1024 * 1024;

pub(crate) fn check(bytes: &[u8]) {
    let head = &bytes[..bytes.len().min(HEADER_MAX)];
    let header = Header::parse(bytes);
    assert_eq!(header, Header::parse(head), "only the header counts");
    let _ = Kind::of(bytes);
    if let Ok(header) = &header {
        let _ = header.wants_loader(bytes);
        let _ = Host::of(header);
        assert!(header.is_program() || Target::of_program(bytes).is_none());
    }
    let asked = Cell::new(0);
    let linkage = Linkage::read(Counted { bytes, asked: &asked });
    assert!(asked.get() <= READ_MAX, "{} bytes were read", asked.get());
    assert_eq!(linkage, Linkage::read(bytes), "it is read the same way twice");
    if let Ok(linkage) = linkage {
        assert!(header.is_ok());
        let holds = |text: &String| text.len() <= bytes.len() * 3;
        assert!(linkage.loader.iter().chain(&linkage.needed).chain(&linkage.runpath).all(holds));
        assert!(linkage.page == u64::MAX || linkage.page.is_power_of_two());
        assert!(linkage.apart == u64::MAX || linkage.apart.is_power_of_two());
        assert!(linkage.level().is_none_or(|level| (1..=4).contains(&level)));
    }
}
