//! What the kernel prints of an entry: what is read of it prints the same again, and can be registered again.

use qus::entry::Entry;
use qus::hex;
use qus::rule::{Pattern, Rule};

pub(crate) fn check(bytes: &[u8]) {
    let Ok(entry) = Entry::parse("qemu-arm", &String::from_utf8_lossy(bytes)) else { return };
    assert_eq!(Entry::parse("qemu-arm", &printed(&entry)), Ok(entry.clone()));
    assert_eq!(Rule::parse(&entry.rule.line()), Ok(entry.rule.clone()));
    let _ = entry.answers(bytes);
}

/// As the kernel prints it (`entry_status` of `fs/binfmt_misc.c`, Linux tag v6.12).
fn printed(entry: &Entry) -> String {
    let Rule { pattern, interpreter, flags, .. } = &entry.rule;
    let state = if entry.enabled { "enabled" } else { "disabled" };
    let pattern = match pattern {
        Pattern::Extension(extension) => format!("extension .{extension}\n"),
        Pattern::Magic { offset, magic, mask } => {
            format!("offset {offset}\nmagic {}\nmask {}\n", hex::encode(magic), hex::encode(mask))
        }
    };
    format!("{state}\ninterpreter {interpreter}\nflags: {flags}\n{pattern}")
}
