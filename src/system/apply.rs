//! Applying plans.

mod error;
mod undo;

use std::fs::File;

use super::interrupt;
use super::journal::{self, Journal};
use super::kernel::{self, Kernel};
use super::root::{FileError, Root};
use super::store::Store;
use super::trial;
use super::unpack::{unpack, unpack_tool};
use crate::plan::{Plan, Step};
use crate::proof::{Outcome, Proof};
use crate::receipt::Receipt;
use crate::release::{Asset, ToolArchive};
use crate::rooted::RootedPath;
use crate::target::Target;
use crate::trust::{Archive, Verified};
use crate::version::Version;

pub use error::{ApplyError, StepError};
pub use undo::{Recovered, recover};

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
    if plan.comes_to_nothing(&run.dropped) {
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
