//! The journal: what is being done, written down before it is done.
//!
//! One JSON document a line. A line that a power cut tore is ignored: what it would have told had
//! not begun.
//!
//! # Atomicity
//!
//! A line of a durable journal has reached the disk, and with the first one the file's name, before anything is done
//! that it tells of.

use std::fs::File;
use std::io::Write;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::root::{FileError, Root, failed};
use crate::plan::Plan;
use crate::rooted::RootedPath;
use crate::target::Target;

/// One line.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Line {
    /// The plan; always the first line.
    Plan(Plan),
    /// This step is about to be done.
    Begin(usize),
    /// The steps of this target were undone.
    Dropped(Target),
    /// Every step is done.
    Committed,
}

/// A journal being written.
#[derive(Debug)]
pub struct Journal<'a> {
    root: &'a Root,
    file: File,
    durable: bool,
    /// Length without its last line, in bytes.
    before: u64,
    length: u64,
}

/// What a journal that was found says.
#[derive(Debug)]
pub struct Unfinished {
    /// The plan.
    pub plan: Plan,
    /// How many of its steps have begun.
    pub begun: usize,
    /// Targets whose steps were undone already.
    pub dropped: Vec<Target>,
    /// Whether every step was done.
    pub committed: bool,
}

/// A journal that says nothing that can be acted upon.
#[derive(Debug, Error)]
#[error(transparent)]
#[expect(missing_docs, reason = "each says itself what it means")]
pub enum JournalError {
    File(#[from] FileError),
    #[error("the journal of an unfinished change, \"{path}\", cannot be read: {why}")]
    Unreadable {
        path: RootedPath,
        why: String,
    },
}

impl<'a> Journal<'a> {
    /// Begins the journal of `plan`. A `durable` one outlives a power cut; the other only its
    /// process, which is enough where nothing but the kernel's table is changed.
    pub fn begin(root: &'a Root, plan: &Plan, durable: bool) -> Result<Journal<'a>, FileError> {
        let path = root.layout().journal();
        let mut directories: Vec<RootedPath> = path.ancestors().skip(1).collect();
        directories.reverse();
        for directory in directories {
            root.make_directory(&directory, 0o755)?;
        }
        let file = root.create(&path, 0o600)?;
        let mut journal = Journal { root, file, durable, before: 0, length: 0 };
        journal.write(&Line::Plan(plan.clone()))?;
        if durable {
            root.sync_parent(&path)?;
        }
        Ok(journal)
    }

    /// Notes that step `index` is about to be done.
    pub fn step(&mut self, index: usize) -> Result<(), FileError> {
        self.write(&Line::Begin(index))
    }

    /// Notes that the steps of `target` were undone.
    pub fn dropped(&mut self, target: Target) -> Result<(), FileError> {
        self.write(&Line::Dropped(target))
    }

    /// Notes that every step is done. If that fails, the journal may say so or not.
    pub fn commit(&mut self) -> Result<(), FileError> {
        self.write(&Line::Committed)
    }

    /// Makes it say what it said before its last line, of which all, a part or nothing was written. It works on a full
    /// disk.
    pub fn take_back(&mut self) -> Result<(), FileError> {
        let path = self.root.layout().journal();
        self.file.set_len(self.before).map_err(failed("shorten", &path))?;
        if self.durable { self.root.sync(&self.file, &path) } else { Ok(()) }
    }

    fn write(&mut self, line: &Line) -> Result<(), FileError> {
        let path = self.root.layout().journal();
        let mut text = serde_json::to_string(line).map_err(|error| failed("write", &path)(error.into()))?;
        text.push('\n');
        self.before = self.length;
        self.length += text.len() as u64;
        self.file.write_all(text.as_bytes()).map_err(failed("write", &path))?;
        if self.durable { self.root.sync(&self.file, &path) } else { Ok(()) }
    }
}

/// Ends the journal of `plan`, which is finished or undone.
///
/// # Atomicity
///
/// A power cut may bring it back as it is, or with no commit at its end only if all was undone: to finish or to undo the
/// same again is to do nothing. It cannot bring it back behind the next change, whose own journal takes its name on the
/// disk before it does anything.
pub fn end(root: &Root, plan: &Plan) -> Result<(), FileError> {
    let path = root.layout().journal();
    match root.forget(&path) {
        Err(_) if root.look(&path).is_ok_and(|there| there.is_none()) => return Ok(()),
        done => done?,
    }
    // What a power cut would bring back of the kernel's table, it would bring back to one that is empty.
    if plan.outlives_the_kernel() {
        // The name is gone; there is nothing left that could be named to whoever is to mend it.
        let _ = root.sync_parent(&path);
    }
    Ok(())
}

/// The change that a killed qus left behind, if there is one.
pub fn unfinished(root: &Root) -> Result<Option<Unfinished>, JournalError> {
    let path = root.layout().journal();
    let Some(text) = root.read(&path)? else { return Ok(None) };
    let mut lines = text.split_inclusive('\n').filter(|line| line.ends_with('\n')).map(serde_json::from_str);
    let Some(first) = lines.next() else {
        // Torn before it was whole: nothing had begun.
        let nothing = Unfinished { plan: Plan::default(), begun: 0, dropped: Vec::new(), committed: false };
        return Ok(Some(nothing));
    };
    let unreadable = |why: String| JournalError::Unreadable { path: path.clone(), why };
    let plan = match first {
        Ok(Line::Plan(plan)) => plan,
        Ok(_) => return Err(unreadable("it does not begin with a plan".to_owned())),
        // A step that this qus does not know is one that it must not pass over.
        Err(error) => return Err(unreadable(format!("it is damaged, or another version of qus wrote it: {error}"))),
    };
    let mut unfinished = Unfinished { plan, begun: 0, dropped: Vec::new(), committed: false };
    for line in lines {
        match line.map_err(|error| unreadable(error.to_string()))? {
            Line::Begin(index) if index < unfinished.plan.steps.len() => unfinished.begun = index + 1,
            Line::Begin(index) => return Err(unreadable(format!("its plan has no step {index}"))),
            Line::Dropped(target) => unfinished.dropped.push(target),
            Line::Committed => unfinished.committed = true,
            Line::Plan(_) => return Err(unreadable("it holds two plans".to_owned())),
        }
    }
    Ok(Some(unfinished))
}
