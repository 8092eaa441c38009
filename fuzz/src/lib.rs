//! What must hold of every parser of outside bytes, whatever the bytes.
//!
//! One file a parser, each with a function `check` that panics where something does not hold. The fuzzers call it with
//! what they invent (`scripts/fuzz`), and so do the tests with the seeds and with what a fuzzer once found (`tests/fuzzed.rs`).

mod archive;
mod bundle;
mod claims;
mod counted;
mod dropin;
mod elf;
mod entry;
mod index;
mod journal;
mod keys;
mod ldconf;
mod memory;
mod minisig;
mod mountinfo;
mod receipt;
mod root;
mod rule;
mod scratch;
mod settings;
mod shebang;
mod words;

pub use archive::emulator;
pub use counted::Counted;

/// The public key whose secret key every root is signed with.
pub fn root_key() -> &'static str {
    keys::ROOT.public
}

/// Panics where something does not hold of a parser and these bytes.
type Check = fn(&[u8]);

/// Every parser by name, and what must hold of it.
pub const CHECKS: [(&str, Check); 20] = [
    ("anchor", root::check_anchor),
    ("archive", archive::check_archive),
    ("bundle", bundle::check),
    ("claims", claims::check),
    ("dropin", dropin::check),
    ("elf", elf::check),
    ("entry", entry::check),
    ("index", index::check),
    ("journal", journal::check),
    ("ldconf", ldconf::check),
    ("memory", memory::check),
    ("minisig", minisig::check),
    ("mountinfo", mountinfo::check),
    ("receipt", receipt::check),
    ("root", root::check),
    ("rule", rule::check),
    ("settings", settings::check),
    ("shebang", shebang::check),
    ("tar", archive::check_tar),
    ("words", words::check),
];

/// Looks at `bytes` as the parser `name` would.
pub fn check(name: &str, bytes: &[u8]) {
    let (_, check) = CHECKS.iter().find(|(known, _)| *known == name).expect("every fuzzer has a check");
    check(bytes);
}
