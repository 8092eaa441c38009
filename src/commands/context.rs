//! What every command is given, and how all of them change the machine.

use std::time::Duration;

use serde::Serialize;

use super::Failure;
use crate::cli::Global;
use crate::moment::Moment;
use crate::plan::{Plan, Planned};
use crate::proof::Proof;
use crate::settings::Settings;
use crate::system;
use crate::system::apply::{Applied, Machine, Recovered, apply, recover};
use crate::system::journal;
use crate::system::kernel::{BinfmtMisc, Kernel, is_table};
use crate::system::lock::Lock;
use crate::system::prove::prove;
use crate::system::root::Root;
use crate::system::settings;
use crate::system::store::Store;
use crate::system::table;
use crate::target::Target;
use crate::ui::{Progress, Ui};

/// What every command is given.
pub(crate) struct Context {
    pub(crate) global: Global,
    pub(crate) ui: Ui,
    pub(super) now: Moment,
    pub(super) root: Root,
    pub(super) kernel: Option<BinfmtMisc>,
}

impl Context {
    pub(crate) fn new(global: Global, ui: Ui, now: Moment) -> Result<Context, Failure> {
        let root = match &global.root {
            Some(directory) => Root::image(Root::resolve(directory)?),
            None if global.user => Root::home(&system::home().ok_or(Failure::NoHome)?),
            None => Root::system(),
        };
        let kernel = match &global.binfmt_misc {
            _ if !root.is_system() || global.user => None,
            Some(directory) if !is_table(directory) => return Err(Failure::NoTable(directory.clone())),
            Some(directory) => Some(BinfmtMisc::at(directory.clone())),
            None => Some(BinfmtMisc::at(table::find())),
        };
        Ok(Context { global, ui, now, root, kernel })
    }

    /// What the administrator set.
    pub(super) fn settings(&self) -> Result<Settings, Failure> {
        Ok(settings::read(&self.root)?)
    }

    pub(super) fn kernel(&self) -> Option<&dyn Kernel> {
        self.kernel.as_ref().map(|kernel| kernel as &dyn Kernel)
    }

    pub(super) fn machine<'a>(&'a self, store: Option<&'a Store>) -> Machine<'a> {
        Machine { root: &self.root, kernel: self.kernel(), store, prove }
    }

    /// Makes sure that nobody else changes anything until the lock is dropped, and that no earlier
    /// change is half done. A dry run takes no lock: it changes nothing.
    pub(super) fn begin_change(&self) -> Result<Begun<'_>, Failure> {
        if self.global.dry_run {
            return Ok(Begun { _lock: None, finished: None });
        }
        let lock = Lock::take(&self.root, Duration::from_secs(self.global.wait_lock))?;
        let recovered = recover(self.machine(None))?;
        if recovered.is_some() {
            self.ui.note("an earlier qus was interrupted; what it had begun is cleared up now");
        }
        let finished = recovered.and_then(|recovered| match recovered {
            Recovered::Finished(plan) => Some(plan),
            Recovered::Undone => None,
        });
        Ok(Begun { _lock: Some(lock), finished })
    }

    /// Clears up after a killed qus, for commands that change nothing themselves, if they may.
    pub(super) fn clear_up(&self) -> Result<(), Failure> {
        let state = self.root.layout().state();
        let left_empty = self.root.locate(state).is_dir() && self.root.list(state)?.is_empty();
        match journal::unfinished(&self.root) {
            Ok(None) if !left_empty => Ok(()),
            Ok(_) => match self.begin_change() {
                Err(Failure::Lock(error)) => {
                    self.ui.note(format!("a change is under way, or was interrupted: {error}"));
                    Ok(())
                }
                Err(error) => {
                    self.ui
                        .note(format!("a change was interrupted, and what it had begun cannot be cleared up: {error}"));
                    Ok(())
                }
                done => done.map(drop),
            },
            Err(error) => {
                self.ui.warn(error);
                Ok(())
            }
        }
    }

    /// Shows the plan, and carries it out unless this is a dry run.
    pub(super) fn carry_out(&self, plan: &Plan, store: Option<&Store>) -> Result<Report, Failure> {
        if let Some(store) = store.filter(|_| !self.global.dry_run) {
            store.keep_index(&self.root);
        }
        if self.global.dry_run || plan.is_empty() {
            for planned in &plan.steps {
                self.ui.result(describe_step(planned));
            }
            return Ok(Report::of(plan, Applied::default(), self.global.dry_run));
        }
        let applied = apply(plan, self.machine(store), &mut Progress::new(self.ui))?;
        let synced = self.root.time_synced().as_secs_f64() * 1e3;
        self.ui.detail(format!("waited {synced:.1} ms for disks"));
        Ok(Report::of(plan, applied, false))
    }
}

/// A change that may begin: nobody else changes anything for as long as this value lives.
pub(super) struct Begun<'a> {
    _lock: Option<Lock<'a>>,
    /// What an interrupted change had done already.
    pub(super) finished: Option<Plan>,
}

pub(super) fn describe_step(planned: &Planned) -> String {
    match planned.target {
        Some(target) => format!("{target}: {}", planned.step),
        None => planned.step.to_string(),
    }
}

/// What a command did, or would do.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    schema: u32,
    pub(crate) dry_run: bool,
    pub(super) steps: Vec<String>,
    pub(super) proofs: Vec<Proof>,
    pub(super) dropped: Vec<Target>,
    /// Whether nothing is left of it, for nothing of it runs.
    #[serde(skip)]
    undone: bool,
}

impl Report {
    /// Nothing.
    pub(super) fn empty() -> Report {
        Report::of(&Plan::default(), Applied::default(), false)
    }

    /// Whether the machine is as it was: what was seen of the repository is not written down either.
    pub(super) fn changed_nothing(&self) -> bool {
        self.undone || self.steps.is_empty()
    }

    pub(super) fn of(plan: &Plan, applied: Applied, dry_run: bool) -> Report {
        let Applied { proofs, dropped } = applied;
        let undone = plan.comes_to_nothing(&dropped);
        Report { schema: 1, dry_run, steps: plan.steps.iter().map(describe_step).collect(), proofs, dropped, undone }
    }
}
