//! What an emulator is, told by its content alone.

use std::collections::BTreeSet;

use memchr::memmem;
use qus::elf::Header;
use qus::host::Host;

/// What a file says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recognised {
    /// QEMU's name of the target.
    pub target: String,
    /// QEMU's version.
    pub qemu: String,
    /// What it runs on; the ELF machine if that is no host of ours.
    pub host: Result<Host, u16>,
    /// Whether it needs a dynamic loader.
    pub dynamic: bool,
}

/// Why an ELF file is not believed.
#[derive(Debug, PartialEq, Eq)]
pub struct TwoNames(pub String, pub String);

/// Looks at a file's content; `None` if it is no emulator.
///
/// An emulator holds the line that it prints when asked for its version:
/// `printf("qemu-" TARGET_NAME " version " QEMU_FULL_VERSION "\n" QEMU_COPYRIGHT "\n")` (QEMU tag
/// v10.0.0, `linux-user/main.c`), where the full version is `10.0.0`, or that and the
/// distributor's in parentheses.
pub fn recognise(content: &[u8]) -> Result<Option<Recognised>, TwoNames> {
    let Ok(header) = Header::parse(content) else { return Ok(None) };
    let mut names: BTreeSet<(&str, &str)> =
        memmem::find_iter(content, b"qemu-").filter_map(|at| version_line(&content[at..])).collect();
    let Some((target, qemu)) = names.pop_first() else { return Ok(None) };
    if let Some((other, other_qemu)) = names.pop_first() {
        return Err(TwoNames(format!("qemu-{target} {qemu}"), format!("qemu-{other} {other_qemu}")));
    }
    Ok(Some(Recognised {
        target: target.to_owned(),
        qemu: qemu.to_owned(),
        host: Host::of(&header).ok_or(header.machine),
        dynamic: header.wants_loader(content),
    }))
}

/// Target and version, if `bytes` begin with `qemu-TARGET version X.Y.Z` and go on as that line does.
fn version_line(bytes: &[u8]) -> Option<(&str, &str)> {
    /// Longer than any line of QEMU's that tells its version, in bytes.
    const LINE_MAX: usize = 256;
    let line = &bytes[..bytes.len().min(LINE_MAX)];
    let end = memchr::memchr3(b'\n', 0, b'\r', line)?;
    let rest = std::str::from_utf8(&line[..end]).ok()?.strip_prefix("qemu-")?;
    let (target, rest) = rest.split_once(" version ")?;
    let (version, _) = rest.split_once(' ').unwrap_or((rest, ""));
    let named = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let numbered = |c: char| c.is_ascii_digit() || c == '.';
    let plain = !target.is_empty() && target.chars().all(named);
    let counted = version.starts_with(|c: char| c.is_ascii_digit()) && version.chars().all(numbered);
    (plain && counted).then_some((target, version))
}
