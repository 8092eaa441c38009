//! Verbs: what people type, as observe -> plan -> show -> apply.

mod advisories;
mod apply;
mod bundle;
mod context;
mod doctor;
mod emulators;
pub(crate) mod entries;
pub(crate) mod export;
mod failure;
mod install;
mod letters;
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

use crate::cli::{Cli, Command};
use crate::exit::{Exit, Explain};
use crate::moment::Moment;
use crate::system::fetch;
use crate::ui::Ui;

use context::{Begun, describe_step};
use letters::letters;

pub(crate) use context::{Context, Report};
pub use failure::Failure;
pub(crate) use letters::warn_of;

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
