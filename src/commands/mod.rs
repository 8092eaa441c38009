//! Verbs: what people type, as observe -> plan -> show -> apply.

mod advisories;
mod apply;
mod bundle;
mod doctor;
mod emulators;
pub(crate) mod entries;
pub(crate) mod export;
mod install;
mod memory;
mod packaged;
mod pin;
mod prefer;
pub(crate) mod register;
mod remove;
mod repository;
mod rollback;
mod run;
mod self_test;
#[cfg_attr(not(feature = "self-update"), path = "self_update_left_out.rs")]
mod self_update;
mod status;
mod tell;
mod test;
mod trust;
mod update;

use std::path::PathBuf;
use std::time::Duration;

use serde::Serialize;
use thiserror::Error;

use crate::cli::{Cli, Command, Global, LettersArgs, Programs, YesNo};
use crate::conflict::Conflict;
use crate::diagnosis::PAGES;
use crate::exit::{Exit, Explain};
use crate::moment::Moment;
use crate::plan::{CannotBundle, Plan, Planned, ToolRefusal};
use crate::proof::Proof;
use crate::rule::{BadRule, Match};
use crate::settings::Settings;
use crate::system;
use crate::system::apply::{Applied, ApplyError, Machine, Recovered, apply, recover};
use crate::system::bundle::BundleError;
use crate::system::fetch;
use crate::system::journal;
use crate::system::kernel::{BinfmtMisc, Kernel, is_table};
use crate::system::lock::{Lock, LockError};
use crate::system::lodging::LodgingError;
use crate::system::observe::ObserveError;
use crate::system::prove::prove;
use crate::system::root::{FileError, Root};
use crate::system::settings::{self, SettingsError};
use crate::system::store::{Store, StoreError};
use crate::system::table;
use crate::target::{Target, UnknownTarget};
use crate::ui::{Progress, Ui};
use crate::wanted::{BadSelection, Letters};

/// Does what was typed.
pub fn run(mut cli: Cli, now: Moment) -> Exit {
    let ui = Ui::new(&cli.global);
    fetch::tell_by(move |line| ui.note(line));
    // Where dpkg installs into another root directory without entering it, it says so to scripts.
    if let Command::Packaged(_) = cli.command {
        cli.global.root = cli.global.root.take().or_else(packaged::root_of_dpkg);
    }
    // A root directory to examine is no image to prepare: its programs run on this kernel.
    let examined = if let Command::Doctor(_) = cli.command {
        // What this user has at home is seen beside what the machine has.
        cli.global.user = false;
        cli.global.root.take()
    } else {
        None
    };
    let done = Context::new(cli.global, ui, now).and_then(|context| match &cli.command {
        Command::Install(args) => install::run(args, &context),
        Command::Remove(args) => remove::run(args, &context),
        Command::Update(args) => update::run(args, &context),
        Command::Rollback(args) => rollback::run(args, &context),
        Command::Pin(args) => pin::run(args, true, &context),
        Command::Unpin(args) => pin::run(args, false, &context),
        Command::Status(args) => status::run(args, &context),
        Command::Doctor(args) => doctor::run(args, examined.as_deref(), &context),
        Command::Apply(args) => apply::run(args, &context),
        Command::Prefer(args) => prefer::run(args, &context),
        Command::Run(args) => run::run(args, &context),
        Command::Bundle(args) => bundle::run(args, &context),
        Command::Export(args) => export::run(args, &context),
        Command::Test(args) => test::run(args, &context),
        Command::Trust => trust::run(&context),
        Command::Register(args) => register::run_register(args, &context),
        Command::Unregister(args) => register::run_unregister(args, &context),
        Command::SelfUpdate(args) => self_update::run(args, &context),
        Command::Packaged(args) => packaged::run(args, &context),
        Command::SelfTest => self_test::run(&context),
    });
    done.unwrap_or_else(|failure| {
        ui.error(&failure);
        failure.exit()
    })
}

/// Why a command failed.
#[derive(Debug, Error)]
#[error(transparent)]
#[expect(missing_docs, reason = "each is the error it holds")]
pub enum Failure {
    Selection(#[from] BadSelection),
    Rule(#[from] BadRule),
    Conflict(#[from] Conflict),
    Lock(#[from] LockError),
    Observe(#[from] ObserveError),
    Store(#[from] StoreError),
    Apply(#[from] ApplyError),
    File(#[from] FileError),
    Settings(#[from] SettingsError),
    SelfUpdate(#[from] ToolRefusal),
    #[error("\"{0}\" is not a version such as 1.2.3")]
    NotAVersion(String),
    #[error("this qus is not sound: {0}")]
    Unsound(String),
    #[error("--interpreter is the emulator of one target, but several are named")]
    OneInterpreter,
    #[error("the kernel's table is the running system's: it cannot be changed in an image, nor for one user")]
    ImageHasNoKernel,
    #[error("HOME names no directory of this user: --user keeps to the user's own home")]
    NoHome,
    Lodging(#[from] LodgingError),
    Bundle(Box<BundleError>),
    CannotBundle(#[from] CannotBundle),
    #[error("binfmt_misc is not mounted at \"{}\"", .0.display())]
    NoTable(PathBuf),
    #[error("there is no cause \"{0}\"")]
    NoSuchCause(String),
    #[error("\"{}\" has a name that is no text in UTF-8", .0.display())]
    NotText(PathBuf),
    #[error("no program is found in \"{}\"", .0.display())]
    NoProgramIn(PathBuf),
    #[error("no emulator is called \"{directory}/{prefix}qemu-TARGET{suffix}\"")]
    NoEmulators {
        directory: String,
        prefix: String,
        suffix: String,
    },
    #[error("packages are installed for everybody, not for one user")]
    PackagesOfUser,
    #[error("no emulator is installed that could be exported")]
    NothingToExport,
    #[error("the kernel does not let changes be watched: {0}")]
    Watch(std::io::Error),
}

impl Failure {
    fn explained(&self) -> Option<&dyn Explain> {
        Some(match self {
            Failure::Conflict(error) => error,
            Failure::Lock(error) => error,
            Failure::Observe(error) => error,
            Failure::Store(error) => error,
            Failure::Apply(error) => error,
            Failure::File(error) => error,
            Failure::Settings(error) => error,
            Failure::SelfUpdate(error) => error,
            Failure::Lodging(error) => error,
            Failure::Bundle(error) => &**error,
            Failure::CannotBundle(error) => error,
            Failure::Selection(_)
            | Failure::NotAVersion(_)
            | Failure::Unsound(_)
            | Failure::Rule(_)
            | Failure::OneInterpreter
            | Failure::NoHome
            | Failure::NoTable(_)
            | Failure::NoEmulators { .. }
            | Failure::NothingToExport
            | Failure::NoSuchCause(_)
            | Failure::NoProgramIn(_)
            | Failure::NotText(_)
            | Failure::Watch(_)
            | Failure::PackagesOfUser
            | Failure::ImageHasNoKernel => return None,
        })
    }
}

impl Explain for Failure {
    fn exit(&self) -> Exit {
        match self {
            Failure::NoTable(_) => Exit::Kernel,
            Failure::NoEmulators { .. }
            | Failure::NothingToExport
            | Failure::NoProgramIn(_)
            | Failure::NotText(_)
            | Failure::Unsound(_)
            | Failure::Watch(_) => Exit::Failed,
            _ => self.explained().map_or(Exit::Usage, Explain::exit),
        }
    }

    fn help(&self) -> Option<String> {
        match self {
            Failure::Selection(BadSelection::Target(UnknownTarget { nearest: Some(nearest), .. })) => {
                Some(format!("did you mean \"{nearest}\"?"))
            }
            Failure::Selection(BadSelection::Target(_)) => {
                let names: Vec<&str> = Target::all().map(Target::name).collect();
                Some(format!("targets are {}", names.join(", ")))
            }
            Failure::NoTable(_) => Some("leave out --binfmt-misc: it is found wherever it is mounted".to_owned()),
            Failure::NoEmulators { .. } => {
                Some("name the directory with --path, and what the names end with by --suffix".to_owned())
            }
            Failure::NothingToExport => {
                Some("qus install TARGET, or name a directory of emulators with --path".to_owned())
            }
            Failure::NoSuchCause(_) => {
                let names: Vec<&str> = PAGES.iter().map(|page| page.id).collect();
                Some(format!("causes are {}", names.join(", ")))
            }
            Failure::NotText(_) => Some("make a link to it that has one, and examine that: ln -s FILE LINK".to_owned()),
            Failure::NoProgramIn(_) => Some("name one: qus doctor --root DIR FILE".to_owned()),
            Failure::ImageHasNoKernel => {
                Some("leave out --root and --user; for one user there is qus run TARGET -- COMMAND".to_owned())
            }
            _ => self.explained().and_then(Explain::help),
        }
    }
}

/// What every command is given.
pub(crate) struct Context {
    pub(crate) global: Global,
    pub(crate) ui: Ui,
    now: Moment,
    root: Root,
    kernel: Option<BinfmtMisc>,
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
    fn settings(&self) -> Result<Settings, Failure> {
        Ok(settings::read(&self.root)?)
    }

    fn kernel(&self) -> Option<&dyn Kernel> {
        self.kernel.as_ref().map(|kernel| kernel as &dyn Kernel)
    }

    fn machine<'a>(&'a self, store: Option<&'a Store>) -> Machine<'a> {
        Machine { root: &self.root, kernel: self.kernel(), store, prove }
    }

    /// Makes sure that nobody else changes anything until the lock is dropped, and that no earlier
    /// change is half done. A dry run takes no lock: it changes nothing.
    fn begin_change(&self) -> Result<Begun<'_>, Failure> {
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
    fn clear_up(&self) -> Result<(), Failure> {
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
    fn carry_out(&self, plan: &Plan, store: Option<&Store>) -> Result<Report, Failure> {
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
struct Begun<'a> {
    _lock: Option<Lock<'a>>,
    /// What an interrupted change had done already.
    finished: Option<Plan>,
}

fn describe_step(planned: &Planned) -> String {
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
    steps: Vec<String>,
    proofs: Vec<Proof>,
    dropped: Vec<Target>,
}

impl Report {
    /// Nothing.
    fn empty() -> Report {
        Report::of(&Plan::default(), Applied::default(), false)
    }

    fn of(plan: &Plan, applied: Applied, dry_run: bool) -> Report {
        let Applied { proofs, dropped } = applied;
        Report { schema: 1, dry_run, steps: plan.steps.iter().map(describe_step).collect(), proofs, dropped }
    }
}

/// The letters that were asked for, with the warnings that some of them need.
fn letters(args: &LettersArgs, ui: Ui) -> Result<Letters, Failure> {
    let exactly = args.flags.as_deref().map(Letters::exactly).transpose()?;
    let programs = match args.programs {
        Programs::Elf => Match::Elf,
        Programs::AppImage => Match::AppImage,
    };
    let letters = Letters { exactly, credentials: args.credentials == YesNo::Yes, programs, ..Letters::default() };
    warn_of(&letters, ui);
    Ok(letters)
}

/// Says what letters bring with them that is not plain.
pub(crate) fn warn_of(letters: &Letters, ui: Ui) {
    if letters.credentials || letters.exactly.as_ref().is_some_and(|flags| flags.has('C')) {
        ui.warn(
            "with credentials, whoever can place a set-uid program of this target on the machine runs the emulator as its owner, root for instance",
        );
    }
    if letters.exactly.as_ref().is_some_and(|flags| !flags.has('F')) {
        ui.warn(
            "without F the emulator is looked for in the program's own root: containers and chroots do not have it",
        );
    }
}
