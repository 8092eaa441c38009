//! Whatever the bytes: what `scripts/fuzz` looks for without end, a bounded number of times. Every seed and every input
//! that a fuzzer once found goes through the same checks, and so do copies of them that are damaged, the same each time.

mod seeds;

#[path = "../fuzz/src/lib.rs"]
#[expect(unreachable_pub, reason = "the fuzzers, a package of their own, call it from outside")]
mod properties;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use fastrand::Rng;

pub(crate) use properties::Counted;

/// How many damaged copies are looked at of each parser's inputs.
const COPIES: u32 = 2000;

/// Of those that are signed and unpacked first.
const COPIES_SIGNED: u32 = 200;

const SIGNED: [&str; 5] = ["archive", "claims", "index", "root", "tar"];

/// Longest damaged copy, in bytes.
const COPY_MAX: usize = 64 * 1024;

fn folder(kind: &str, parser: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz").join(kind).join(parser)
}

/// What lies in a folder, if there is one.
fn files(folder: &Path) -> Vec<Vec<u8>> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let mut paths: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths.iter().map(|path| fs::read(path).unwrap()).collect()
}

/// Seeds and once found inputs of a parser, and what the machine's own documents are today.
fn inputs(parser: &str, made: &[seeds::Seed]) -> Vec<Vec<u8>> {
    let made = made.iter().filter(|seed| seed.parser == parser).map(|seed| seed.bytes.clone());
    files(&folder("seeds", parser)).into_iter().chain(files(&folder("regressions", parser))).chain(made).collect()
}

#[test]
fn every_parser_has_seeds_and_a_fuzzer() {
    let fuzzers: BTreeMap<String, String> = fs::read_dir(folder("fuzz_targets", ""))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .map(|path| (path.file_stem().unwrap().to_str().unwrap().to_owned(), fs::read_to_string(path).unwrap()))
        .collect();
    let names: Vec<&str> = properties::CHECKS.iter().map(|(name, _)| *name).collect();
    assert_eq!(fuzzers.keys().collect::<Vec<_>>(), names);
    for (name, text) in fuzzers {
        assert!(text.contains(&format!("check(\"{name}\", bytes)")), "{text}");
        assert!(!files(&folder("seeds", &name)).is_empty(), "no seeds of {name}");
    }
}

#[test]
fn whatever_lies_in_the_corpus_or_is_made_of_it_every_parser_keeps_its_promises() {
    let made = seeds::made();
    seeds::write_if_asked(&made, |parser| folder("seeds", parser));
    for (name, _) in properties::CHECKS {
        let inputs = inputs(name, &made);
        for input in &inputs {
            examine(name, input);
        }
        let copies = if SIGNED.contains(&name) { COPIES_SIGNED } else { COPIES };
        let mut random = Rng::with_seed(5);
        for _ in 0..copies {
            let mut copy = random.choice(&inputs).unwrap().clone();
            for _ in 0..random.u32(1..=4) {
                damage(&mut copy, &inputs, &mut random);
            }
            copy.truncate(COPY_MAX);
            examine(name, &copy);
        }
    }
}

/// Says which input it was, if something does not hold of it.
fn examine(name: &str, input: &[u8]) {
    let held = std::panic::catch_unwind(|| properties::check(name, input));
    assert!(held.is_ok(), "\"{name}\" fails on \"{}\"", input.escape_ascii());
}

/// Changes a few bytes, or takes some out, doubles some, or puts some of another input in.
fn damage(bytes: &mut Vec<u8>, others: &[Vec<u8>], random: &mut Rng) {
    let mut range = |length: usize| {
        let start = random.usize(..=length);
        start..random.usize(start..=length.min(start + 64))
    };
    let (here, other) = (range(bytes.len()), range(bytes.len()));
    match random.u32(..6) {
        0 if !bytes.is_empty() => {
            let at = random.usize(..bytes.len());
            bytes[at] ^= 1 << random.u32(..8);
        }
        1 if !bytes.is_empty() => {
            let at = random.usize(..bytes.len());
            bytes[at] = *random.choice(b"\0\xff \n\t\r\"\\/:.,0189aZ{}[]-".as_slice()).unwrap();
        }
        2 => drop(bytes.drain(here)),
        3 => {
            let piece = bytes[other].to_vec();
            bytes.splice(here.start..here.start, piece);
        }
        4 => {
            let donor = random.choice(others).unwrap();
            let start = random.usize(..=donor.len());
            let piece = donor[start..donor.len().min(start + 64)].to_vec();
            bytes.splice(here, piece);
        }
        _ => bytes.truncate(here.start),
    }
}
