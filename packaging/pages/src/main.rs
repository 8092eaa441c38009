//! Writes the man pages and the shell completions of qus, for its packages, from the command line that it understands.

mod completions;
mod man;
mod sections;

use std::env;
use std::fs;
use std::io;
use std::path::Path;
use std::process::ExitCode;

use clap::{Command, CommandFactory};
use qus::cli::Cli;

#[expect(clippy::print_stderr, reason = "errors go there")]
fn main() -> ExitCode {
    let words: Vec<_> = env::args_os().skip(1).collect();
    let [folder] = &words[..] else {
        eprintln!("usage: qus-pages FOLDER");
        return ExitCode::from(2);
    };
    match write(Path::new(folder)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: cannot write to \"{}\": {error}", folder.display());
            ExitCode::FAILURE
        }
    }
}

/// Writes `man/NAME.1`, and below `completions` a file for each shell, of the name by which it looks for one.
#[expect(clippy::disallowed_methods, reason = "files are what it makes")]
fn write(folder: &Path) -> io::Result<()> {
    let [pages, scripts] = ["man", "completions"].map(|place| folder.join(place));
    for place in [&pages, &scripts] {
        fs::create_dir_all(place)?;
    }
    for page in man::pages(shown(&Cli::command()))? {
        fs::write(pages.join(page.file), page.text)?;
    }
    for (shell, file) in completions::SHELLS {
        fs::write(scripts.join(file), completions::text(shell, &shown(&Cli::command())))?;
    }
    Ok(())
}

/// The same without the verbs that are not for people: completions would offer them.
fn shown(whole: &Command) -> Command {
    let verbs: Vec<Command> = whole.get_subcommands().filter(|verb| !verb.is_hide_set()).cloned().collect();
    Command::new("qus")
        .version(env!("CARGO_PKG_VERSION"))
        .about(whole.get_about().cloned().unwrap_or_default())
        .after_help(whole.get_after_help().cloned().unwrap_or_default())
        .subcommand_required(true)
        .args(whole.get_arguments().cloned())
        .subcommands(verbs)
}
