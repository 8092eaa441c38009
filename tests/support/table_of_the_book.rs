//! Tables of the book that are tests: what a row says, is typed on a machine of its own.
//!
//! A table counts if it has a column `typed`. In a cell, what stands in backticks is code, `<br>` separates lines, and
//! `\|` is a bar. The columns, of which others may stand between them:
//!
//! | column | what it says |
//! |---|---|
//! | `typed` | a script of `sh`; the tool is found by its name |
//! | `before` | if there is one: a script that is run first, and must succeed |
//! | `entries after` | every entry of the kernel, by name: `NAME PROGRAM FLAGS`, and ` disabled` behind it |
//! | `exit` | the exit code of what was typed |
//! | `prints` | its standard output; a last line `…` stands for any more lines, one at least |
//! | `qus` | if there is code in it: a command that leaves the same entries on another machine, and also succeeds or fails |

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use qus::entry::Entry;

use super::machine::Said;
use super::sandbox::Sandbox;

/// As many machines at a time keep two processors busy while file systems are mounted.
const MACHINES: usize = 3;

/// What stands for lines that are not told.
const MORE: &str = "…";

/// A row, by the columns' names.
#[derive(Debug)]
pub(crate) struct Row {
    /// Where it stands in the book.
    pub(crate) line: usize,
    cells: BTreeMap<String, String>,
}

impl Row {
    /// The lines of code in a cell; none if it has no code, or the table no such column.
    pub(crate) fn code(&self, column: &str) -> Vec<String> {
        let cell = self.cells.get(column).map(String::as_str).unwrap_or_default();
        let lines = cell.split("<br>").map(str::trim);
        lines.filter_map(|line| Some(line.strip_prefix('`')?.strip_suffix('`')?.to_owned())).collect()
    }

    /// Its code as a script.
    fn script(&self, column: &str) -> Option<String> {
        Some(self.code(column).join("\n")).filter(|script| !script.is_empty())
    }

    /// The exit code that it promises.
    pub(crate) fn exit(&self) -> i32 {
        let cell = self.cells.get("exit").unwrap_or_else(|| panic!("line {}: no column \"exit\"", self.line));
        cell.parse().unwrap_or_else(|_| panic!("line {}: \"{cell}\" is no exit code", self.line))
    }
}

/// The rows of every table of `book` that has a column `typed`.
pub(crate) fn rows(book: &str) -> Vec<Row> {
    let mut header: Option<Vec<String>> = None;
    let mut rows = Vec::new();
    for (number, line) in book.lines().enumerate() {
        let Some(cells) = cells(line) else {
            header = None;
            continue;
        };
        match &header {
            None => header = Some(cells),
            Some(_) if cells.iter().all(|cell| cell.chars().all(|c| "-:".contains(c))) => {}
            Some(header) if header.iter().any(|column| column == "typed") => {
                assert_eq!(header.len(), cells.len(), "line {}: not as many cells as columns", number + 1);
                rows.push(Row { line: number + 1, cells: header.iter().cloned().zip(cells).collect() });
            }
            Some(_) => {}
        }
    }
    rows
}

fn cells(line: &str) -> Option<Vec<String>> {
    /// No book has it.
    const BAR: &str = "\u{1}";
    let line = line.trim().replace("\\|", BAR);
    let inner = line.strip_prefix('|')?.strip_suffix('|')?;
    Some(inner.split('|').map(|cell| cell.trim().replace(BAR, "|")).collect())
}

/// Types every row of `book`, each on a machine that `prepare` makes, and fails with all that is not as it says.
#[track_caller]
pub(crate) fn walk(book: &str, prepare: impl Fn() -> Sandbox + Sync) {
    let rows = rows(book);
    assert!(!rows.is_empty(), "the book has no table with a column \"typed\"");
    let (next, wrong) = (AtomicUsize::new(0), Mutex::new(BTreeMap::new()));
    std::thread::scope(|scope| {
        for _ in 0..MACHINES {
            scope.spawn(|| {
                while let Some(row) = rows.get(next.fetch_add(1, Ordering::Relaxed)) {
                    if let Err(why) = check(row, &prepare) {
                        wrong.lock().unwrap().insert(row.line, why);
                    }
                }
            });
        }
    });
    let wrong = wrong.into_inner().unwrap();
    let told = wrong.iter().fold(String::new(), |mut told, (line, why)| {
        let _ = writeln!(told, "\nline {line}: {why}");
        told
    });
    assert!(wrong.is_empty(), "{} of {} rows are not as the book says{told}", wrong.len(), rows.len());
}

fn check(row: &Row, prepare: &impl Fn() -> Sandbox) -> Result<(), String> {
    let typed = row.script("typed").ok_or("nothing is typed")?;
    let on_a_machine = |script: &str| -> Result<(Said, Vec<String>), String> {
        let machine = prepare();
        if let Some(before) = row.script("before") {
            let said = machine.shell(&before);
            if said.code != Some(0) {
                return Err(format!("what comes before failed: {said:#?}"));
            }
        }
        let said = machine.run("sh", &["-c", script]);
        Ok((said, entries(&machine)))
    };
    let (said, entries) = on_a_machine(&typed)?;
    if said.code != Some(row.exit()) {
        return Err(format!("exit code {:?} is not {}: {said:#?}", said.code, row.exit()));
    }
    if entries != row.code("entries after") {
        return Err(format!("entries are {entries:#?}: {said:#?}"));
    }
    if !prints(&row.code("prints"), &said.stdout) {
        return Err(format!("it prints {:#?}", said.stdout.lines().collect::<Vec<_>>()));
    }
    if let Some(qus) = row.script("qus") {
        let (said, same) = on_a_machine(&qus)?;
        if same != entries || (said.code == Some(0)) != (row.exit() == 0) {
            return Err(format!("by \"{qus}\" entries are {same:#?}: {said:#?}"));
        }
    }
    Ok(())
}

fn prints(expected: &[String], stdout: &str) -> bool {
    let lines: Vec<&str> = stdout.lines().collect();
    match expected {
        [first @ .., more] if more == MORE => {
            lines.len() > first.len() && first.iter().zip(&lines).all(|(line, printed)| line == printed)
        }
        all => all == lines,
    }
}

/// Every entry in a machine's table, by name.
fn entries(machine: &Sandbox) -> Vec<String> {
    let table = machine.shell(
        "cd /proc/sys/fs/binfmt_misc 2>/dev/null || exit 0
         for entry in *; do case $entry in register|status|'*') ;; *) echo \"[$entry]\"; cat \"./$entry\";; esac; done",
    );
    assert_eq!(table.code, Some(0), "{table:#?}");
    let mut entries = Vec::new();
    for text in table.stdout.split("\n[").map(|text| text.trim_start_matches('[')).filter(|text| !text.is_empty()) {
        let (name, text) = text.split_once("]\n").unwrap();
        let Entry { rule, enabled } = Entry::parse(name, text).unwrap();
        let program = rule.interpreter.rsplit('/').next().unwrap_or_default();
        let flags = Some(rule.flags.as_str()).filter(|flags| !flags.is_empty());
        let disabled = Some("disabled").filter(|_| !enabled);
        let words: Vec<&str> = [Some(name), Some(program), flags, disabled].into_iter().flatten().collect();
        entries.push(words.join(" "));
    }
    entries.sort();
    entries
}

#[test]
fn tables_of_the_book_are_read_by_the_names_of_their_columns() {
    let book = "\
text
| option | typed |
|---|:-:|
| a | `one \\| two`<br>`three` |

| option | said |
|---|---|
| b | `none` |
";
    let rows = rows(book);
    assert_eq!(rows.len(), 1);
    assert_eq!((rows[0].line, rows[0].code("typed")), (4, vec!["one | two".to_owned(), "three".to_owned()]));
    assert_eq!((rows[0].code("option"), rows[0].code("none")), (vec![], vec![]));
    let lines = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
    assert!(prints(&lines("a b"), "a\nb\n") && !prints(&lines("a"), "a\nb\n"));
    assert!(prints(&lines("a …"), "a\nb\n") && !prints(&lines("a …"), "a\n") && !prints(&lines("b …"), "a\nb\n"));
}
