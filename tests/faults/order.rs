//! What has reached the disk before what: the system calls of whole changes, as strace saw them.

use std::collections::BTreeSet;
use std::process::Command;

use tempfile::TempDir;

use super::machines::{InImage, Machine};
use super::scenarios::{OF_FILES, Scenario};
use crate::support::machine::Said;

/// A call that succeeded, with the files it names.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Call {
    /// The first bytes that were written.
    Write(String, String),
    Chmod(String),
    Truncate(String),
    Sync(String),
    Rename(String, String),
    /// A file, a link or a directory that has a name now.
    Make(String),
    /// One that has none any more.
    Remove(String),
}

const CALLS: &str = "trace=write,fsync,rename,unlink,unlinkat,mkdir,rmdir,symlink,fchmod,chmod,ftruncate,openat";

/// The calls by which `scenario` changes its image, paths below it.
fn calls_of(scenario: &Scenario) -> Vec<Call> {
    let machine = InImage::new(scenario);
    let folder = TempDir::new().unwrap();
    let log = folder.path().join("log");
    let qus = machine.command(scenario.command);
    let mut strace = Command::new("strace");
    strace
        .args(["-f", "-y", "-z", "-s", "40", "-e", CALLS, "-o"])
        .arg(&log)
        .arg(qus.get_program())
        .args(qus.get_args());
    let output = strace.output().unwrap_or_else(|error| panic!("strace is needed: {error}"));
    Said::by(output).expect(0, &[]);
    let root = machine.below() + "/";
    let text = std::fs::read_to_string(&log).unwrap();
    let calls: Vec<Call> =
        text.lines().filter(|line| line.contains(&root)).filter_map(|line| parse(line, &root)).collect();
    let written = |call: &&Call| matches!(call, Call::Write(..));
    assert!(calls.iter().filter(written).count() > 4, "{text}");
    calls
}

/// A line as `PID name(FD</path>, "text"…, 5) = 5`.
fn parse(line: &str, root: &str) -> Option<Call> {
    let (name, rest) = line.split_once(' ')?.1.trim_start().split_once('(')?;
    // Of a descriptor strace tells the path, and of a path only that.
    let of_descriptor = rest.split_once('<').and_then(|(_, rest)| Some(rest.split_once('>')?.0.to_owned()));
    let quoted: Vec<&str> = rest.split('"').skip(1).step_by(2).collect();
    let below = |path: &str| path.strip_prefix(root).map(str::to_owned);
    let at = || match quoted.first()?.strip_prefix('/') {
        Some(_) => below(quoted[0]),
        None => below(&format!("{}/{}", of_descriptor.clone()?, quoted[0])),
    };
    Some(match name {
        "write" => Call::Write(below(&of_descriptor?)?, rest.split_once(">, \"")?.1.replace('\\', "")),
        "fsync" => Call::Sync(below(&of_descriptor?)?),
        "fchmod" => Call::Chmod(below(&of_descriptor?)?),
        "ftruncate" => Call::Truncate(below(&of_descriptor?)?),
        "chmod" => Call::Chmod(below(quoted.first()?)?),
        "rename" => Call::Rename(below(quoted[0])?, below(quoted[1])?),
        "mkdir" => Call::Make(below(quoted.first()?)?),
        "symlink" => Call::Make(below(quoted[1])?),
        "openat" if rest.contains("O_CREAT") => Call::Make(below(quoted.first()?)?),
        "openat" => return None,
        "unlink" | "rmdir" | "unlinkat" => Call::Remove(at()?),
        _ => panic!("a call that was not asked for: {line}"),
    })
}

const JOURNAL: &str = "var/lib/qus/journal.jsonl";
const RECEIPT: &str = "var/lib/qus/receipt.json";
const LOCK: &str = "run/qus.lock";

fn directory(path: &str) -> String {
    path.rsplit_once('/').map_or("", |(directory, _)| directory).to_owned()
}

/// Names that nobody looks for, and that go with the next try.
fn is_draft(path: &str) -> bool {
    path.ends_with(".qus-new") || path.ends_with(".unverified")
}

/// What is not as it has to be. The rules:
///
/// 1. nothing is done between a line of the journal and its fsync;
/// 2. before the first step the journal's name has reached the disk;
/// 3. a file is renamed into place only after an fsync behind its last write;
/// 4. before the journal's next line every file that was written and every directory in which a name came or went has
///    reached the disk, and so has every directory before the journal goes;
/// 5. the receipt, if it changes, is the last that does before the commit;
/// 6. nothing is swept away before the commit;
/// 7. the journal goes last: behind it there are only directories of its own, and the lock.
fn wrongs(calls: &[Call]) -> Vec<String> {
    let mut wrongs = Vec::new();
    let (mut files, mut names) = (BTreeSet::<String>::new(), BTreeSet::<String>::new());
    let (mut began, mut committed, mut over) = (false, false, false);
    let of_receipt =
        calls.iter().any(|call| matches!(call, Call::Rename(_, path) | Call::Remove(path) if path == RECEIPT));
    let mut last_line: Option<String> = None;
    let mut last_rename = None;
    for call in calls {
        if matches!(call, Call::Write(path, _) | Call::Make(path) | Call::Remove(path) | Call::Truncate(path) if path == LOCK)
        {
            continue;
        }
        if let Some(line) = last_line.take() {
            if *call != Call::Sync(JOURNAL.to_owned()) {
                wrongs.push(format!("1: {call:?} behind {line}, which has not reached the disk"));
            }
            files.remove(JOURNAL);
            continue;
        }
        match call {
            Call::Write(path, text) if path == JOURNAL => {
                if began && !(files.is_empty() && names.is_empty()) {
                    wrongs.push(format!("2, 4: {files:?} and {names:?} before {text}"));
                }
                committed |= text.starts_with("\"committed");
                if committed && of_receipt && last_rename.as_deref() != Some(RECEIPT) {
                    wrongs.push(format!("5: {last_rename:?} before the commit"));
                }
                began = true;
                last_line = Some(text.clone());
            }
            Call::Write(path, _) | Call::Chmod(path) if !path.ends_with(".unverified") => {
                files.insert(path.clone());
            }
            Call::Sync(path) => {
                files.remove(path);
                names.remove(path);
            }
            Call::Rename(from, to) => {
                if files.contains(from) {
                    wrongs.push(format!("3: {from} is renamed before it has reached the disk"));
                }
                names.extend([directory(from), directory(to)]);
                last_rename = Some(to.clone());
            }
            Call::Make(path) if !is_draft(path) => drop(names.insert(directory(path))),
            Call::Remove(path) if path == JOURNAL => {
                if !(committed && files.is_empty() && names.is_empty()) {
                    wrongs.push(format!("4: {files:?} and {names:?} before the journal goes"));
                }
                over = true;
                names.insert(directory(path));
            }
            Call::Remove(path) if !is_draft(path) => {
                if path.contains("/staging") && !committed {
                    wrongs.push(format!("6: {path} goes before the commit"));
                }
                if over && !JOURNAL.starts_with(path) {
                    wrongs.push(format!("7: {path} goes behind the journal"));
                }
                // What goes away needs not reach the disk before that.
                files.retain(|file| file != path);
                names.retain(|name| name != path);
                names.insert(directory(path));
                last_rename = Some(path.clone()).filter(|_| !committed).or(last_rename);
            }
            Call::Write(..) | Call::Chmod(_) | Call::Truncate(_) | Call::Make(_) | Call::Remove(_) => {}
        }
    }
    if !(committed && over && files.is_empty() && names.is_empty()) {
        wrongs.push(format!("4: {files:?} and {names:?} at the end"));
    }
    wrongs
}

#[test]
fn everything_reaches_the_disk_before_what_builds_on_it() {
    for scenario in OF_FILES {
        let calls = calls_of(scenario);
        assert_eq!(wrongs(&calls), [""; 0], "{}: {calls:#?}", scenario.name);
    }
}

#[test]
fn no_fsync_is_idle() {
    for scenario in OF_FILES {
        let calls = calls_of(scenario);
        let syncs = calls.iter().enumerate().filter_map(|(at, call)| match call {
            Call::Sync(path) => Some((at, path)),
            _ => None,
        });
        for (at, path) in syncs {
            // What comes and goes with the change is synced like everything else.
            let is_gone_later = calls[at..].contains(&Call::Remove(path.clone()));
            let without = [&calls[..at], &calls[at + 1..]].concat();
            assert!(
                is_gone_later || !wrongs(&without).is_empty(),
                "{}: nobody misses {path} at {at} of {calls:#?}",
                scenario.name
            );
        }
        assert!(calls.iter().filter(|call| matches!(call, Call::Sync(_))).count() > 6, "{calls:#?}");
    }
}
