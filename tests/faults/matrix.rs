//! The matrix: commands and their steps by faults, each cell a number of runs that met the fault.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;

use nix::errno::Errno;
use tempfile::TempDir;

use super::machines::{Machine, State};
use super::scenarios::Scenario;
use crate::support::machine::Said;
use crate::support::shim::{Call, Fault, calls, stand_before};

/// The columns.
pub(super) const FAULTS: [Fault; 12] = [
    Fault::Kill,
    Fault::Torn,
    Fault::Error(Errno::ENOSPC),
    Fault::Error(Errno::EIO),
    Fault::Error(Errno::EROFS),
    Fault::Error(Errno::ETXTBSY),
    Fault::Lasting(Errno::ENOSPC),
    Fault::Lasting(Errno::EIO),
    Fault::Lasting(Errno::EROFS),
    Fault::Signal("INT"),
    Fault::Signal("TERM"),
    Fault::Signal("HUP"),
];

/// What is run after a fault, in turn. Any command is to do; a removal of what is not there is one that changes nothing
/// of its own.
const NEXT: [&[&str]; 4] = [&["status"], &[], &["apply"], &["remove", "riscv64"]];

/// How many failures are told.
const SHOWN: usize = 8;

/// What became of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Outcome {
    /// Old: undone by the command itself, or by the next one.
    Undone,
    UndoneLater,
    /// New: done all the same, or finished by the next command.
    Done,
    DoneLater,
}

impl Outcome {
    fn letter(self) -> char {
        match self {
            Outcome::Undone => 'o',
            Outcome::UndoneLater => 'O',
            Outcome::Done => 'n',
            Outcome::DoneLater => 'N',
        }
    }
}

/// A step of a command.
pub(super) struct Row {
    name: String,
    /// A column a fault.
    cells: Vec<BTreeMap<Outcome, usize>>,
}

/// What came of all runs of a command.
pub(super) struct Tried {
    rows: Vec<Row>,
    /// Runs that ended between old and new.
    wrongs: Vec<String>,
}

/// All rows of one kind of machine.
pub(super) struct Matrix {
    title: &'static str,
    rows: Vec<Row>,
    wrongs: Vec<String>,
}

impl Matrix {
    pub(super) fn of(title: &'static str, tried: Vec<Tried>) -> Matrix {
        let mut matrix = Matrix { title, rows: Vec::new(), wrongs: Vec::new() };
        for Tried { rows, wrongs } in tried {
            matrix.rows.extend(rows);
            matrix.wrongs.extend(wrongs);
        }
        matrix
    }

    /// Whether every command has a step of that name.
    pub(super) fn has(&self, step: &str) -> bool {
        let of = |row: &Row| row.name.split(": ").next().map(str::to_owned);
        let with = self.rows.iter().filter(|row| row.name.ends_with(&format!(": {step}")));
        with.filter_map(of).collect::<BTreeSet<_>>() == self.rows.iter().filter_map(of).collect()
    }

    /// Fails unless every step met every fault, and every run ended old or new. Prints it whether or not the test's
    /// output is kept back.
    pub(super) fn conclude(&self) {
        let (number, some) = (self.wrongs.len(), self.wrongs[..self.wrongs.len().min(SHOWN)].join("\n"));
        assert!(number == 0, "{number} runs ended between old and new:\n{some}");
        let mut text = format!(
            "\nfault matrix of {}: runs that ended with the old state (o: undone at once, O: by the next command) \
             or the new one (n: done all the same, N: finished by the next command); +: the fault lasts\n",
            self.title
        );
        let width = self.rows.iter().map(|row| row.name.chars().count()).max().unwrap_or_default();
        let line = |name: &str, cells: Vec<String>| {
            let cells: Vec<String> = cells.into_iter().map(|cell| format!("{cell:<9}")).collect();
            format!("{name:<width$}  {}\n", cells.join(" ").trim_end())
        };
        text += &line("command: step", FAULTS.iter().map(|fault| fault.name()).collect());
        for row in &self.rows {
            let cell = |cell: &BTreeMap<Outcome, usize>| {
                let runs: Vec<String> = cell.iter().map(|(how, runs)| format!("{runs}{}", how.letter())).collect();
                runs.join(" ")
            };
            text += &line(&row.name, row.cells.iter().map(cell).collect());
        }
        let cells = self.rows.iter().flat_map(|row| &row.cells);
        let runs: usize = cells.clone().flat_map(BTreeMap::values).sum();
        let (steps, faults, all) = (self.rows.len(), FAULTS.len(), cells.count());
        let closing = format!(
            "{}: {steps} steps x {faults} faults = {all} cells of {runs} runs, every one old or new\n",
            self.title
        );
        for row in &self.rows {
            assert!(row.cells.iter().all(|cell| !cell.is_empty()), "\"{}\" did not meet every fault", row.name);
        }
        text += &closing;
        std::io::stderr().write_all(text.as_bytes()).unwrap();
    }
}

/// Tries every fault at every call of a command.
pub(super) fn try_everything(scenario: &Scenario, machine: &dyn Machine) -> Tried {
    let folder = TempDir::new().unwrap();
    let log = folder.path().join("log");
    let names = machine.said(&[&["--dry-run"], scenario.command].concat()).expect(0, &[]).stdout;
    // What an update remembers where nothing is newer is no step of its plan.
    let names: Vec<&str> =
        names.lines().map(|line| if line.starts_with("nothing to do") { "remember the news" } else { line }).collect();

    let old = machine.state();
    let (said, clean) = run(machine, scenario, &log, None);
    said.expect(0, &[]);
    let new = machine.state();
    assert_ne!(old, new, "\"{}\" does nothing", scenario.name);

    let trial = Trial { scenario, machine, old, new, log: &log };
    let mut rows = Vec::new();
    let mut wrongs = Vec::new();
    for (row, (step, mut calls)) in steps(&clean, &names).into_iter().enumerate() {
        if let Some(samples) = machine.samples()
            && !calls.iter().any(|call| call.path.starts_with("/proc/"))
        {
            let last = calls.len() - 1;
            calls = calls
                .into_iter()
                .enumerate()
                .filter(|(at, _)| samples.contains(at) || *at == last)
                .map(|(_, call)| call)
                .collect();
        }
        let mut cells = vec![BTreeMap::new(); FAULTS.len()];
        for (at, call) in calls.iter().enumerate() {
            for (column, (fault, cell)) in FAULTS.iter().zip(&mut cells).enumerate() {
                // Calls that only look fail as disks do. Which signal it is makes a difference to none.
                let fits = match fault {
                    Fault::Error(Errno::EIO) | Fault::Lasting(Errno::EIO) => true,
                    Fault::Signal("TERM" | "HUP") => at == 0,
                    _ => !call.looks() || at == 0,
                };
                if fits {
                    match trial.meet(call, *fault, NEXT[(row + at + column) % NEXT.len()]) {
                        Ok(outcome) => *cell.entry(outcome).or_default() += 1,
                        Err(wrong) => {
                            wrongs.push(format!(
                                "{}: {} at \"{step}\", {call:?}: {wrong}",
                                scenario.name,
                                fault.name()
                            ));
                        }
                    }
                }
            }
        }
        rows.push(Row { name: format!("{}: {step}", scenario.name), cells });
    }
    Tried { rows, wrongs }
}

/// The calls of a run by its steps: what comes before the journal, each step with what the journal says of it, the
/// commit, and what is swept behind it.
fn steps(clean: &[Call], names: &[&str]) -> Vec<(String, Vec<Call>)> {
    let mut steps: Vec<(String, Vec<Call>)> = vec![("look".to_owned(), Vec::new())];
    for call in clean {
        let of_journal = call.path.ends_with("/journal.jsonl");
        let begun = call.text.strip_prefix("{\"begin\":").and_then(|text| text.split('}').next());
        let next = match (of_journal, call.name.as_str(), begun) {
            (true, "open", _) => Some("begin the journal".to_owned()),
            (true, "write", Some(number)) => Some(short(names[number.parse::<usize>().unwrap()])),
            (true, "write", None) if call.text.starts_with("\"committed\"") => Some("commit".to_owned()),
            _ => None,
        };
        if let Some(next) = next {
            steps.push((next, Vec::new()));
        }
        let (name, of_step) = steps.last_mut().unwrap();
        // The first call behind the commit that is not the journal's own begins the sweep.
        if name == "commit" && !of_journal {
            steps.push(("sweep".to_owned(), vec![call.clone()]));
        } else if of_step.last().is_none_or(|last: &Call| (&last.name, &last.path) != (&call.name, &call.path)) {
            // Of a row of writes into one file the first is as good as any.
            of_step.push(call.clone());
        }
    }
    assert_eq!(steps.len(), names.len() + 4, "{names:#?} {clean:#?}");
    steps
}

/// A step's description, as wide as a column of it.
fn short(name: &str) -> String {
    let name = name.replace("/usr/local/lib/qus/", "…/");
    match name.char_indices().nth(56) {
        Some((end, _)) => format!("{}…", &name[..end]),
        None => name,
    }
}

struct Trial<'a> {
    scenario: &'a Scenario,
    machine: &'a dyn Machine,
    old: State,
    new: State,
    log: &'a Path,
}

impl Trial<'_> {
    /// Runs the command with `fault` at `call`, and then `next`. Tells what became of it, or what is wrong.
    fn meet(&self, call: &Call, fault: Fault, next: &[&str]) -> Result<Outcome, String> {
        let Trial { scenario, machine, old, new, log } = self;
        machine.restore();
        ensure(machine.state() == *old, || "the machine is not what it was before".to_owned())?;
        let (said, met) = run(*machine, scenario, log, Some((call.number, fault)));
        let hit = met.iter().find(|call| call.hit).ok_or("it never came")?;
        ensure((&hit.name, &hit.path) == (&call.name, &call.path), || format!("it met another call, {hit:?}"))?;

        let left = machine.state();
        if said.code == Some(0) && scenario.does_without_the_kernel() && said.stderr.contains("table is left as it was")
        {
            let without = State { tree: new.tree.clone(), table: old.table.clone() };
            ensure_same(&without_empty_state(&left), &without, &said)?;
            let again = said_by(*machine, scenario.command);
            ensure_same(&machine.state(), new, &again).map_err(|wrong| format!("given again: {wrong}"))?;
            return Ok(Outcome::Done);
        }
        let at_once = match said.code {
            Some(0) => {
                ensure_same(&without_empty_state(&left), new, &said)?;
                Some(Outcome::Done)
            }
            Some(20) => {
                let journal = left.tree.keys().any(|path| path.ends_with("journal.jsonl"));
                let told = ["journal.jsonl", "help: "].iter().all(|word| said.stderr.contains(word));
                ensure(journal && told, || format!("no journal, or not told of it: {said:#?}"))?;
                None
            }
            Some(1 | 9) => {
                ensure(said.stderr.contains("error: "), || format!("nothing said: {said:#?}"))?;
                ensure_same(&without_empty_state(&left), old, &said)?;
                Some(Outcome::Undone)
            }
            // Before it has anything to undo, it ends as every program does.
            None if matches!(fault, Fault::Signal(_)) => {
                ensure_same(&left, old, &said)?;
                Some(Outcome::Undone)
            }
            code => {
                let killed = [Fault::Kill, Fault::Torn].contains(&fault) && code.is_none();
                ensure(killed, || format!("ended otherwise: {said:#?}"))?;
                None
            }
        };
        if let Fault::Signal(_) = fault {
            let told = at_once == Some(Outcome::Done) || said.code.is_none() || said.stderr.contains("interrupted");
            ensure(told, || format!("not told why: {said:#?}"))?;
        }

        // What is done, and goes to and fro, would go back.
        let next = if next.is_empty() && scenario.goes_to_and_fro() && without_empty_state(&left) == *new {
            NEXT[0]
        } else {
            next
        };
        let same = next.is_empty();
        let next = if same { scenario.command } else { next };
        let then = said_by(*machine, next);
        ensure(then.code == Some(0), || format!("{next:?} fails: {then:#?}"))?;
        let now = machine.state();
        if same || now != *old {
            ensure_same(&now, new, &said).map_err(|wrong| format!("after {next:?}, neither old nor new: {wrong}"))?;
        }
        // Whatever it was, the command can be given again.
        if now == *old || !(same || scenario.goes_to_and_fro()) {
            let again = said_by(*machine, scenario.command);
            ensure(again.code == Some(0), || format!("it fails after {next:?}: {again:#?}"))?;
            ensure_same(&machine.state(), new, &again).map_err(|wrong| format!("after {next:?} and again: {wrong}"))?;
        }
        Ok(match at_once {
            Some(outcome) => outcome,
            None if left == *new => Outcome::Done,
            None if now == *new => Outcome::DoneLater,
            None => Outcome::UndoneLater,
        })
    }
}

fn ensure(condition: bool, wrong: impl FnOnce() -> String) -> Result<(), String> {
    if condition { Ok(()) } else { Err(wrong()) }
}

/// Fails with what is other in `left` than it should be.
fn ensure_same(left: &State, right: &State, said: &Said) -> Result<(), String> {
    ensure(left == right, || format!("{}\n{said:#?}", left.difference(right)))
}

/// A directory of qus's own with nothing in it is cleared away by the next command.
fn without_empty_state(state: &State) -> State {
    let mut state = state.clone();
    if !state.tree.keys().any(|path| path.starts_with("var/lib/qus/")) {
        state.tree.remove("var/lib/qus");
    }
    state
}

/// Runs a command without a fault, and again if it says so: a qus whose own file was given back cannot go on. Disks are
/// not waited for.
fn said_by(machine: &dyn Machine, words: &[&str]) -> Said {
    let said = || {
        let mut command = machine.command(words);
        stand_before(&mut command, Path::new("/dev/null"), "", None);
        Said::by(command.output().unwrap())
    };
    match said() {
        first if first.code == Some(1) && first.stderr.contains("help: type the command again") => said(),
        first => first,
    }
}

/// Runs the command of a scenario, and tells by which calls.
fn run(machine: &dyn Machine, scenario: &Scenario, log: &Path, fault: Option<(usize, Fault)>) -> (Said, Vec<Call>) {
    // There is none before the first run.
    let _ = std::fs::remove_file(log);
    let mut command = machine.command(scenario.command);
    stand_before(&mut command, log, &machine.below(), fault);
    let output = command.output().unwrap();
    let signal = output.status.signal();
    let is_told = matches!(fault, Some((_, Fault::Signal(_))));
    assert!(is_told || [None, Some(9)].contains(&signal), "ended by signal {signal:?}");
    (Said::by(output), calls(log))
}
