//! Ten thousand headers that no compiler wrote: none is taken for another architecture's.

use qus::diagnosis::{self, Around};
use qus::elf::{HEADER_MAX, Header};
use qus::kind::Kind;
use qus::linkage::Linkage;
use qus::observed::Observed;
use qus::program::Program;
use qus::rule::{Match, Pattern};
use qus::system::examine::{self, Surroundings};
use qus::system::root::Root;
use qus::target::Target;
use tempfile::TempDir;

use crate::planning::bare;

/// What the bytes themselves say, read without qus: class, byte order, machine.
fn raw(head: &[u8]) -> Option<(u8, u8, u16)> {
    let machine = [*head.get(18)?, *head.get(19)?];
    let machine = if head[5] == 1 { u16::from_le_bytes(machine) } else { u16::from_be_bytes(machine) };
    Some((head[4], head[5], machine))
}

fn raw_of(target: Target) -> (u8, u8, u16) {
    (target.class() as u8, target.order() as u8, target.machine())
}

/// A file in which heads are laid down for doctor to look at, and the machine that it thinks it is on.
struct Bench {
    folder: TempDir,
    observed: Observed,
}

impl Bench {
    fn new() -> Bench {
        Bench { folder: TempDir::new().unwrap(), observed: bare() }
    }

    /// The architecture that doctor tells of a program with this head.
    fn told(&self, head: &[u8]) -> Option<Target> {
        let path = self.folder.path().join("program");
        std::fs::write(&path, head).unwrap();
        let root = Root::system();
        let examined = examine::look(path.to_str().unwrap(), &Surroundings { root: &root, called: None });
        let found = diagnosis::program(&examined, &self.observed, &Around::default());
        assert!(!found.is_healthy(), "{head:x?}: {found:#?}");
        found.target
    }
}

/// Looks at `head` in every way; whether it was taken for a program of a target.
#[track_caller]
fn examine(head: &[u8], bench: &Bench) -> bool {
    let _ = (Linkage::read(head).is_ok(), Kind::of(head), Header::parse(head).is_ok());
    let taken = Target::of_program(head);
    if let Some(target) = taken {
        assert_eq!(raw(head), Some(raw_of(target)), "{target}: {head:x?}");
        assert!(head.starts_with(b"\x7fELF"));
    }
    assert_eq!(bench.told(head), taken, "{head:x?}");
    // Some rules also take bytes that no header has (`Quirk` says which); those are no programs.
    let rules = Target::all().filter(|target| Pattern::of(*target, Match::Elf).matches(head));
    for target in rules.filter(|target| raw(head) == Some(raw_of(*target)) && Header::parse(head).is_ok()) {
        assert_eq!(taken, Some(target), "{head:x?}");
    }
    taken.is_some()
}

#[test]
fn ten_thousand_random_and_damaged_headers_are_taken_for_no_other_architecture() {
    let mut random = fastrand::Rng::with_seed(4);
    let probes: Vec<Vec<u8>> = Target::all().map(|target| Program::of(target).elf).collect();
    let bench = Bench::new();
    let mut taken = 0;
    for round in 0..10_000 {
        let head = match round % 3 {
            // The magic number, and anything behind it.
            0 => {
                let mut head = vec![0; random.usize(4..HEADER_MAX * 2)];
                random.fill(&mut head);
                head[..4].copy_from_slice(b"\x7fELF");
                head
            }
            // As far as the byte order right, and a machine that there is.
            1 => {
                let probe = random.choice(&probes).unwrap();
                let mut head = probe[..HEADER_MAX.min(probe.len())].to_vec();
                random.fill(&mut head[20..]);
                random.fill(&mut head[7..16]);
                head
            }
            // One to four bits of a real one.
            _ => {
                let mut head = random.choice(&probes).unwrap().clone();
                for _ in 0..random.u8(1..=4) {
                    head[random.usize(..HEADER_MAX)] ^= 1 << random.u8(..8);
                }
                head
            }
        };
        taken += usize::from(examine(&head, &bench));
    }
    // A third of them say of which architecture they are, and most of another third still do.
    assert!((4_000..7_000).contains(&taken), "{taken}");
}

#[test]
fn headers_cut_off_anywhere_are_no_programs() {
    let bench = Bench::new();
    for target in Target::all() {
        let elf = Program::of(target).elf;
        let whole = if raw_of(target).0 == 1 { 52 } else { 64 };
        for length in 0..elf.len() {
            assert_eq!(examine(&elf[..length], &bench), length >= whole, "{target}, {length} bytes");
        }
    }
}
