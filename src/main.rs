//! The program `qus`.

use std::ffi::OsString;
use std::process::ExitCode;

use clap::Parser;
use qus::cli::Cli;
use qus::compat::Tongue;
use qus::system::environment::Environment;
use qus::{commands, system, ui};

fn main() -> ExitCode {
    system::signals::make_usual();
    system::environment::forget_empty();
    let typed: Vec<OsString> = std::env::args_os().collect();
    let now = system::now();
    let exit = match typed.first().and_then(|called| Tongue::of(called)) {
        Some(tongue) => tongue.speak(&typed[1..], &Environment::of_process(), now),
        None => commands::run(Cli::parse_from(typed), now),
    };
    ExitCode::from(ui::concluded(exit) as u8)
}
