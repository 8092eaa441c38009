//! The completions: what each shell offers behind a word that was begun.

use std::fmt::Write as _;

use clap::builder::PossibleValuesParser;
use clap::{Arg, Command};
use clap_complete::Shell;
use qus::target::Target;

/// The shells, and the names by which each looks for its file.
pub(crate) const SHELLS: [(Shell, &str); 3] = [(Shell::Bash, "qus"), (Shell::Zsh, "_qus"), (Shell::Fish, "qus.fish")];

/// What `shell` reads.
pub(crate) fn text(shell: Shell, program: &Command) -> Vec<u8> {
    let mut text = Vec::new();
    clap_complete::generate(shell, &mut offering_targets(program.clone()), "qus", &mut text);
    if shell == Shell::Fish {
        text.extend(targets_in_fish(program).into_bytes());
    }
    text
}

/// Whether targets are to stand there. With versions or channels behind them they are the same words, so far.
fn is_target(argument: &Arg) -> bool {
    let names = argument.get_value_names().unwrap_or_default();
    argument.is_positional() && names.iter().any(|name| name.starts_with("TARGET"))
}

fn targets() -> Vec<&'static str> {
    Target::all().map(Target::name).chain(["all"]).collect()
}

/// The same command line, as if nothing but those words were good: it is to offer them, and understands nothing.
fn offering_targets(command: Command) -> Command {
    let offering = |argument: Arg| {
        if is_target(&argument) { argument.value_parser(PossibleValuesParser::new(targets())) } else { argument }
    };
    command.mut_args(offering).mut_subcommands(offering_targets)
}

/// fish's own file has options alone (`clap_complete` 4.6).
fn targets_in_fish(program: &Command) -> String {
    let mut text = String::new();
    for verb in program.get_subcommands().filter(|verb| verb.get_positionals().any(is_target)) {
        let (name, targets) = (verb.get_name(), targets().join(" "));
        let no_files = if verb.get_positionals().all(is_target) { "-f " } else { "" };
        // A String takes everything that is written to it.
        let _ = writeln!(text, "complete -c qus -n \"__fish_qus_using_subcommand {name}\" {no_files}-a \"{targets}\"");
    }
    text
}
