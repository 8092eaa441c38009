//! `register.sh`.

mod request;

use std::ffi::OsString;

pub use request::{Request, parse};

use super::conf_sh::{self, NotDone, Tool, carry_out};
use crate::cli::Global;
use crate::commands::register::{register_afresh, table};
use crate::commands::{Context, Failure, warn_of};
use crate::exit::{Exit, Explain};
use crate::moment::Moment;
use crate::observed::Table;
use crate::system::environment::Environment;
use crate::system::lodging;
use crate::ui::{Paint, Ui};

const HELP: &str = include_str!("register_sh/help.txt");

pub(super) fn run(words: &[String], environment: &Environment, now: Moment) -> Exit {
    let global = super::global(environment);
    let ui = Ui::new(&global);
    let done = parse(words, environment).map_err(NotDone::from).and_then(|request| speak(&request, global, ui, now));
    let Err(error) = done else { return Exit::Done };
    match environment.get("ANSI_RED") {
        None => ui.error(&error),
        Some(red) => ui.painted_error(&error, &paint(red, environment.get("ANSI_NOCOLOR").unwrap_or_default())),
    }
    error.exit()
}

fn speak(request: &Request, global: Global, ui: Ui, now: Moment) -> Result<(), NotDone> {
    match request {
        Request::Help => ui.result(HELP.trim_end()),
        Request::Shell(words) => return Err(Failure::from(lodging::exec(&shell(words))).into()),
        Request::Table { request: Some(conf_sh::Request::Help), .. } => ui.result(conf_sh::HELP.trim_end()),
        Request::Table { reset, request, echo, list } => {
            if let Some(echo) = echo {
                ui.result(echo);
            }
            let context = Context::new(global, ui, now)?;
            match request {
                Some(conf_sh::Request::Register(wanted)) if *reset => {
                    warn_of(&wanted.letters, ui);
                    let done =
                        register_afresh(wanted, &context).map_err(|failure| NotDone::of(failure, Tool::RegisterSh))?;
                    conf_sh::tell(&done.rules, &context);
                }
                Some(request) => carry_out(request, &context, Tool::RegisterSh)?,
                None => {}
            }
            if *list {
                tell(&table(&context)?, ui);
            }
        }
    }
    Ok(())
}

/// What runs `words` as `sh -c` would, or a shell where there are none.
fn shell(words: &[String]) -> Vec<OsString> {
    let words = if words.is_empty() { vec!["-i".to_owned()] } else { vec!["-c".to_owned(), words.join(" ")] };
    std::iter::once("sh".to_owned()).chain(words).map(OsString::from).collect()
}

/// A line of every entry: name, whether it is enabled, interpreter, flags.
fn tell(table: &Table, ui: Ui) {
    let known = table.entries.iter().map(|entry| {
        let enabled = if entry.enabled { "enabled" } else { "disabled" };
        let flags = if entry.rule.flags.as_str().is_empty() { "-" } else { entry.rule.flags.as_str() };
        format!("{} {enabled} {} {flags}", entry.name(), entry.rule.interpreter)
    });
    let unknown = table.unknown.iter().map(|unknown| format!("{} unknown {} -", unknown.name, unknown.line));
    let mut lines: Vec<String> = known.chain(unknown).collect();
    lines.sort();
    for line in lines {
        ui.result(line);
    }
}

/// Colours as `printf` takes them.
fn paint(red: &str, no_colour: &str) -> Paint {
    let escape =
        |text: &str| ["\\033", "\\e", "\\x1b"].iter().fold(text.to_owned(), |text, code| text.replace(code, "\u{1b}"));
    Paint { before: escape(red), behind: escape(no_colour) }
}
