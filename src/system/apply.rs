//! Applying plans, and undoing them.

use std::fs::File;

use thiserror::Error;

use super::interrupt;
use super::journal::{self, Journal, JournalError};
use super::kernel::{self, Kernel, KernelError};
use super::root::{FileError, Root};
use super::store::{Store, StoreError};
use super::trial::{self, TrialError};
use super::unpack::{UnpackError, unpack, unpack_tool};
use crate::exit::{Exit, Explain};
use crate::plan::{Plan, Step};
use crate::proof::{Outcome, Proof};
use crate::receipt::Receipt;
use crate::release::{Asset, ToolArchive};
use crate::rooted::RootedPath;
use crate::target::Target;
use crate::trust::{Archive, Verified};
use crate::version::Version;

/// What plans are applied to.
#[derive(Clone, Copy)]
pub struct Machine<'a> {
    /// Its files.
    pub root: &'a Root,
    /// Its kernel; none for an image.
    pub kernel: Option<&'a dyn Kernel>,
    /// Where assets come from, for plans that fetch any.
    pub store: Option<&'a Store>,
    /// How a target is proved: [`prove`](super::prove::prove), but in tests without a kernel.
    pub prove: fn(Target) -> Proof,
}

/// Who is told how it goes.
pub trait Watch {
    /// Step `index` of `plan` begins.
    fn begins(&mut self, plan: &Plan, index: usize);
    /// So many bytes of an asset are there.
    fn fetched(&mut self, bytes: u64);
    /// A target was proved, or not.
    fn proved(&mut self, proof: &Proof);
    /// The change failed and is being undone.
    fn undoes(&mut self);
}

/// What came of a plan.
#[derive(Debug, Default)]
pub struct Applied {
    /// The proofs that were made.
    pub proofs: Vec<Proof>,
    /// Targets that failed their proof; all that was done for them is undone.
    pub dropped: Vec<Target>,
}

/// Why a plan was not applied.
#[derive(Debug, Error)]
#[error(transparent)]
#[expect(missing_docs, reason = "each says itself what it means")]
pub enum ApplyError {
    Step(#[from] StepError),
    Journal(#[from] JournalError),
    #[error("{cause}; and undoing what was done failed: {undo}")]
    NotUndone {
        cause: String,
        undo: StepError,
        journal: RootedPath,
    },
    #[error("all of it is done, but clearing up behind it failed: {error}")]
    NotCleared {
        error: StepError,
        journal: RootedPath,
    },
}

/// Why a step failed.
#[derive(Debug, Error)]
#[error(transparent)]
#[expect(missing_docs, reason = "each is the error it holds")]
pub enum StepError {
    File(#[from] FileError),
    Kernel(#[from] KernelError),
    Store(#[from] StoreError),
    Unpack(#[from] UnpackError),
    Trial(#[from] TrialError),
    #[error("interrupted; nothing is changed")]
    Interrupted,
    #[error("this plan was made for another machine")]
    WrongMachine,
}

impl Explain for StepError {
    fn exit(&self) -> Exit {
        match self {
            StepError::File(error) => error.exit(),
            StepError::Kernel(error) => error.exit(),
            StepError::Store(error) => error.exit(),
            StepError::Unpack(error) => error.exit(),
            StepError::Trial(error) => error.exit(),
            StepError::Interrupted | StepError::WrongMachine => Exit::Failed,
        }
    }

    fn help(&self) -> Option<String> {
        match self {
            StepError::File(error) => error.help(),
            StepError::Kernel(error) => error.help(),
            StepError::Store(error) => error.help(),
            StepError::Unpack(error) => error.help(),
            StepError::Trial(error) => error.help(),
            StepError::Interrupted | StepError::WrongMachine => None,
        }
    }
}

impl Explain for ApplyError {
    fn exit(&self) -> Exit {
        match self {
            ApplyError::Step(error) => error.exit(),
            ApplyError::Journal(JournalError::File(error)) => error.exit(),
            ApplyError::Journal(_) | ApplyError::NotUndone { .. } | ApplyError::NotCleared { .. } => Exit::NotUndone,
        }
    }

    fn help(&self) -> Option<String> {
        match self {
            ApplyError::Step(error) => error.help(),
            ApplyError::Journal(JournalError::File(error)) => error.help(),
            ApplyError::Journal(JournalError::Unreadable { path, .. }) => {
                Some(format!("look at it, then move it away: {path}; qus status tells what is installed"))
            }
            ApplyError::NotUndone { journal, .. } => Some(format!(
                "mend what is in the way, then run any qus command that changes something: it undoes the rest by its journal {journal}"
            )),
            ApplyError::NotCleared { journal, .. } => Some(format!(
                "mend what is in the way, then run any qus command that changes something: it clears up by the journal {journal}"
            )),
        }
    }
}

/// Applies `plan`: all of it, or nothing; of targets that fail their proof, nothing.
///
/// # Atomicity
///
/// The journal says that a step begins, on the disk, before the step does anything; and a step has reached the disk
/// before the journal says the next. The receipt is the last step. Only when the journal says that all is done is
/// anything swept away, so that until then everything can be undone; what fails from there on is cleared up by the next
/// change. A commit that fails is taken back out of the journal before anything is undone.
pub fn apply(plan: &Plan, machine: Machine, watch: &mut dyn Watch) -> Result<Applied, ApplyError> {
    let mut run = Run { machine, plan, dropped: Vec::new(), proofs: Vec::new() };
    let begin = Journal::begin(machine.root, plan, plan.outlives_the_kernel());
    let mut journal = match begin {
        Ok(journal) => journal,
        Err(error) => {
            return Err(match run.end_journal() {
                Ok(()) => StepError::from(error).into(),
                Err(undo) => run.not_undone(&error, undo),
            });
        }
    };
    for index in 0..plan.steps.len() {
        if let Err(error) = run.step(index, &mut journal, watch) {
            watch.undoes();
            return Err(run.taken_back(index + 1, error));
        }
    }
    if run.nothing_is_left() {
        let undone = run.undo(plan.steps.len()).and_then(|()| run.end());
        undone.map_err(|undo| run.not_undone(&"no target runs", undo))?;
    } else {
        if let Err(error) = journal.commit() {
            watch.undoes();
            return Err(match journal.take_back() {
                Ok(()) => run.taken_back(plan.steps.len(), error.into()),
                // It may be committed, or not: the next change sees which.
                Err(undo) => run.not_undone(&error, undo.into()),
            });
        }
        run.end().map_err(|error| run.not_cleared(error))?;
    }
    Ok(Applied { proofs: run.proofs, dropped: run.dropped })
}

/// What was made of a change that a killed qus left behind.
#[derive(Debug)]
pub enum Recovered {
    /// All of it had been done, and is cleared up now.
    Finished(Plan),
    /// What had been done of it is undone.
    Undone,
}

/// Finishes or undoes what a killed qus left behind, if there is anything.
pub fn recover(machine: Machine) -> Result<Option<Recovered>, ApplyError> {
    let Some(unfinished) = journal::unfinished(machine.root)? else {
        prune_state(machine.root);
        return Ok(None);
    };
    let run = Run { machine, plan: &unfinished.plan, dropped: unfinished.dropped, proofs: Vec::new() };
    if unfinished.committed {
        run.end().map_err(|error| run.not_cleared(error))?;
    } else {
        let undone = run.undo(unfinished.begun).and_then(|()| run.end());
        undone.map_err(|undo| run.not_undone(&"an earlier qus was interrupted", undo))?;
    }
    prune_state(machine.root);
    Ok(Some(if unfinished.committed { Recovered::Finished(unfinished.plan) } else { Recovered::Undone }))
}

/// A kill before the journal's first line, or between its end and that of its directory, leaves the directory.
fn prune_state(root: &Root) {
    // Empty, it is in nobody's way.
    let _ = root.prune(root.layout().state());
}

struct Run<'a> {
    machine: Machine<'a>,
    plan: &'a Plan,
    dropped: Vec<Target>,
    proofs: Vec<Proof>,
}

impl Run<'_> {
    fn not_undone(&self, cause: &dyn std::fmt::Display, undo: StepError) -> ApplyError {
        ApplyError::NotUndone { cause: cause.to_string(), undo, journal: self.machine.root.layout().journal() }
    }

    fn not_cleared(&self, error: StepError) -> ApplyError {
        ApplyError::NotCleared { error, journal: self.machine.root.layout().journal() }
    }

    /// Undoes the first `begun` steps because of `error`, which is what is told if that succeeds.
    fn taken_back(&self, begun: usize, error: StepError) -> ApplyError {
        match self.undo(begun).and_then(|()| self.end()) {
            Ok(()) => error.into(),
            Err(undo) => self.not_undone(&error, undo),
        }
    }

    fn step(&mut self, index: usize, journal: &mut Journal, watch: &mut dyn Watch) -> Result<(), StepError> {
        let planned = &self.plan.steps[index];
        if planned.target.is_some_and(|target| self.dropped.contains(&target)) {
            return Ok(());
        }
        if interrupt::asked() {
            return Err(StepError::Interrupted);
        }
        journal.step(index)?;
        watch.begins(self.plan, index);
        let Machine { root, .. } = self.machine;
        match &planned.step {
            Step::MakeDir { path } => root.make_directory(path, 0o755)?,
            Step::Fetch { version, asset, targets, into } => self.fetch(version, asset, targets, into, watch)?,
            Step::Move { from, to } => root.rename(from, to)?,
            Step::PutLink { path, after, .. } => put_link(root, path, after.as_deref())?,
            Step::PutFile { path, after, .. } => put_file(root, path, after.as_deref())?,
            Step::Mount => self.kernel()?.mount()?,
            Step::PutEntry { name, after, .. } => kernel::put(self.kernel()?, name, after.as_ref())?,
            Step::Prove => {
                let Some(target) = planned.target else { return Err(StepError::WrongMachine) };
                let proof = (self.machine.prove)(target);
                watch.proved(&proof);
                let ready = proof.outcome == Outcome::Ready;
                self.proofs.push(proof);
                if !ready {
                    self.drop_target(target, index, journal)?;
                }
            }
            Step::FetchTool { version, archive, into } => self.fetch_tool(version, archive, into, watch)?,
            Step::Try { path, version } => match trial::attempt(root, path, version) {
                // Ctrl-C reaches the program that is tried, too.
                Err(_) if interrupt::asked() => return Err(StepError::Interrupted),
                tried => tried?,
            },
            Step::Copy { from, to } => root.copy_program(from, to)?,
            Step::Replace { path, by, .. } => root.rename(by, path)?,
            Step::Record { after, before } => put_receipt(root, &after.without(&self.dropped, before))?,
        }
        Ok(())
    }

    fn fetch(
        &self,
        version: &Version,
        asset: &Asset,
        targets: &[Target],
        into: &RootedPath,
        watch: &mut dyn Watch,
    ) -> Result<(), StepError> {
        let verified = self.fetch_verified(version, asset, into, watch)?;
        Ok(unpack(self.machine.root, verified, targets, into)?)
    }

    fn fetch_tool(
        &self,
        version: &Version,
        archive: &ToolArchive,
        into: &RootedPath,
        watch: &mut dyn Watch,
    ) -> Result<(), StepError> {
        let verified = self.fetch_verified(version, archive, into, watch)?;
        Ok(unpack_tool(self.machine.root, verified, into)?)
    }

    /// Fetches an archive by way of a file in `into` that has lost its name when this returns.
    fn fetch_verified<A: Archive>(
        &self,
        version: &Version,
        archive: &A,
        into: &RootedPath,
        watch: &mut dyn Watch,
    ) -> Result<Verified<File, A>, StepError> {
        let Machine { root, store, .. } = self.machine;
        let store = store.ok_or(StepError::WrongMachine)?;
        let place = into.join(&format!("{}.unverified", archive.file()));
        let partial = store.partial(root, &archive.sha256(), archive.size(), place)?;
        let fetched = store.fetch(version, archive, &partial, &mut |bytes| {
            watch.fetched(bytes);
            !interrupt::asked()
        });
        // What is read from now on is the open file; its name would only be in the way. What failed leaves what it
        // has for the next run.
        if fetched.is_ok() || !partial.waits(archive.size())? {
            partial.forget(root)?;
        }
        let verified = match fetched {
            Err(_) if interrupt::asked() => return Err(StepError::Interrupted),
            fetched => fetched?,
        };
        Ok(verified)
    }

    /// Undoes the first `begun` steps, last first. Each can be undone whether or not it was done, and
    /// again.
    fn undo(&self, begun: usize) -> Result<(), StepError> {
        let begun = begun.min(self.plan.steps.len());
        (0..begun).rev().try_for_each(|index| self.undo_step(index))
    }

    /// Whether the step that made room for what step `index` put somewhere is undone, and so this one too: what lies
    /// there now is what lay there at first. An undoing that was cut off behind that is told so by nothing else.
    fn room_is_given_back(&self, index: usize) -> Result<bool, FileError> {
        let (Step::Move { to: place, .. } | Step::Copy { to: place, .. } | Step::Replace { kept: place, .. }) =
            &self.plan.steps[index].step
        else {
            return Ok(false);
        };
        let aside = self.plan.steps[..index].iter().find_map(|planned| match &planned.step {
            Step::Move { from, to } if from == place => Some(to),
            _ => None,
        });
        aside.map_or(Ok(false), |aside| Ok(self.machine.root.look(aside)?.is_none()))
    }

    fn undo_step(&self, index: usize) -> Result<(), StepError> {
        let Machine { root, kernel, .. } = self.machine;
        if self.room_is_given_back(index)? {
            return Ok(());
        }
        match &self.plan.steps[index].step {
            // Directories are pruned at the end, when nothing is left in them.
            Step::MakeDir { .. } | Step::Fetch { .. } | Step::FetchTool { .. } | Step::Prove | Step::Try { .. } => {}
            Step::Copy { to, .. } => root.unwrite(to)?,
            Step::Replace { path, by, kept } => {
                // Undone already, or never done, if the new one lies ready, or the copy is not there any more.
                if root.look(by)?.is_none() && root.look(kept)?.is_some() {
                    root.rename(kept, path)?;
                }
            }
            Step::Move { from, to } => {
                // Undone already, or never done, if what was moved lies where it came from.
                if root.look(from)?.is_none() && root.look(to)?.is_some() {
                    root.rename(to, from)?;
                }
            }
            Step::PutLink { path, before, .. } => put_link(root, path, before.as_deref())?,
            Step::PutFile { path, before, .. } => put_file(root, path, before.as_deref())?,
            Step::Mount => {
                if let Some(kernel) = kernel {
                    kernel.unmount()?;
                }
            }
            Step::PutEntry { name, before, .. } => {
                // After a reboot there is no table of that time to give back.
                if let Some(kernel) = kernel.filter(|kernel| kernel.table().is_ok_and(|table| table.is_some())) {
                    kernel::restore(kernel, name, before.as_ref())?;
                }
            }
            Step::Record { before, .. } => put_receipt(root, before)?,
        }
        Ok(())
    }

    /// Takes back everything that was done for `target` alone.
    fn drop_target(&mut self, target: Target, index: usize, journal: &mut Journal) -> Result<(), StepError> {
        for own in (0..index).rev().filter(|own| self.plan.steps[*own].target == Some(target)) {
            self.undo_step(own)?;
        }
        self.dropped.push(target);
        Ok(journal.dropped(target)?)
    }

    /// Whether every target of the plan was dropped, so that there is nothing to keep.
    fn nothing_is_left(&self) -> bool {
        !self.dropped.is_empty()
            && self.plan.steps.iter().filter_map(|planned| planned.target).all(|target| self.dropped.contains(&target))
    }

    /// Sweeps away what is no longer needed, the journal last.
    fn end(&self) -> Result<(), StepError> {
        for path in &self.plan.sweep {
            self.machine.root.remove_tree(path)?;
        }
        // The journal's own directories go after it; all others before, so that it tells of them.
        let journal = self.machine.root.layout().journal();
        for path in self.plan.prune.iter().filter(|path| !journal.is_below(path)) {
            self.machine.root.prune(path)?;
        }
        self.end_journal()
    }

    /// Ends the journal, and sweeps its own directories away if they are to go.
    fn end_journal(&self) -> Result<(), StepError> {
        let root = self.machine.root;
        journal::end(root, self.plan)?;
        for path in self.plan.prune.iter().filter(|path| root.layout().journal().is_below(path)) {
            // No journal would tell of it; empty, it is in nobody's way, and the next change prunes it.
            let _ = root.prune(path);
        }
        Ok(())
    }

    fn kernel(&self) -> Result<&dyn Kernel, StepError> {
        self.machine.kernel.ok_or(StepError::WrongMachine)
    }
}

fn put_link(root: &Root, path: &RootedPath, to: Option<&str>) -> Result<(), FileError> {
    match to {
        Some(to) => root.link(path, to),
        None => root.unwrite(path),
    }
}

fn put_file(root: &Root, path: &RootedPath, text: Option<&str>) -> Result<(), FileError> {
    match text {
        Some(text) => root.write(path, text),
        None => root.unwrite(path),
    }
}

fn put_receipt(root: &Root, receipt: &Receipt) -> Result<(), FileError> {
    let text = (!receipt.says_nothing()).then(|| receipt.to_json());
    put_file(root, &root.layout().receipt(), text.as_deref())
}
