//! The program `qus`.

use std::process::ExitCode;

use clap::Parser;
use qus::{cli::Cli, commands, system};

fn main() -> ExitCode {
    let cli = Cli::parse();
    ExitCode::from(commands::run(cli, system::now()) as u8)
}
