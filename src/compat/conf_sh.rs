//! `qemu-binfmt-conf.sh`.

mod not_done;
mod request;
pub(super) mod words;

pub(super) use not_done::{NotDone, Tool};
pub use request::{Request, parse};

use crate::commands::export::export;
use crate::commands::register::{self, check, check_clear, clear};
use crate::commands::{Context, warn_of};
use crate::exit::{Exit, Explain};
use crate::moment::Moment;
use crate::rule::Rule;
use crate::system::environment::Environment;
use crate::target::Target;
use crate::ui::Ui;

pub(super) const HELP: &str = include_str!("conf_sh/help.txt");

pub(super) fn run(words: &[String], environment: &Environment, now: Moment) -> Exit {
    let global = super::global(environment);
    let ui = Ui::new(&global);
    let done = parse(words, environment).map_err(NotDone::from).and_then(|request| match request {
        Request::Help => {
            ui.result(HELP.trim_end());
            Ok(())
        }
        request => carry_out(&request, &Context::new(global, ui, now)?, Tool::Alone),
    });
    done.map_or_else(
        |error| {
            ui.error(&error);
            error.exit()
        },
        |()| Exit::Done,
    )
}

/// Does it, and tells what was done.
pub(super) fn carry_out(request: &Request, context: &Context, tool: Tool) -> Result<(), NotDone> {
    let done = match request {
        Request::Help => Ok(Vec::new()),
        Request::Register(wanted) => {
            warn_of(&wanted.letters, context.ui);
            register::register(wanted, context).map(|done| done.rules)
        }
        Request::Clear(selection) => clear(selection, context).map(|_| Vec::new()),
        Request::Export(wanted) => {
            warn_of(&wanted.letters, context.ui);
            export(wanted, context)
        }
        Request::Test(request) => match &**request {
            Request::Register(wanted) => check(wanted, context).map(|()| Vec::new()),
            Request::Clear(selection) => check_clear(selection, context).map(|()| Vec::new()),
            Request::Export(_) | Request::Help | Request::Test(_) => Ok(Vec::new()),
        },
    };
    let rules = done.map_err(|failure| NotDone::of(failure, tool))?;
    tell(&rules, context);
    Ok(())
}

/// The line of each target that others read, after it was done.
pub(super) fn tell(rules: &[(Target, Rule)], context: &Context) {
    if !context.global.dry_run {
        for (target, rule) in rules {
            context.ui.result(format!("Setting {} as binfmt interpreter for {target}", rule.interpreter));
        }
    }
}
