//! What a machine remembers of repositories: what is read is written so that it reads the same.

use qus::trust::Memory;

pub(crate) fn check(bytes: &[u8]) {
    let Ok(memory) = Memory::parse("it", &String::from_utf8_lossy(bytes)) else { return };
    assert_eq!(Memory::parse("it", &memory.to_json()).expect("it was one before"), memory);
}
