//! What the man pages say beside what the command line says of itself.

use clap::Command;
use qus::exit::Exit;
use qus::layout::Layout;

/// All the ways to end, in their order.
const EXITS: [Exit; 15] = [
    Exit::Done,
    Exit::Failed,
    Exit::Usage,
    Exit::NotAuthentic,
    Exit::Expired,
    Exit::Older,
    Exit::Locked,
    Exit::Unreachable,
    Exit::Managed,
    Exit::Kernel,
    Exit::DoesNotRun,
    Exit::NotUndone,
    Exit::Newer,
    Exit::NotExecutable,
    Exit::NotFound,
];

fn meaning(exit: Exit) -> &'static str {
    match exit {
        Exit::Done => "Done, or nothing to do.",
        Exit::Failed => "Failed; nothing is changed, or all is undone.",
        Exit::Usage => "Wrong usage, or settings that cannot be read.",
        Exit::NotAuthentic => "Not authentic: a signature, hash, size or name is not what it should be.",
        Exit::Expired => "What the repository says has expired, or the clock is wrong.",
        Exit::Older => "An older version was offered and refused.",
        Exit::Locked => "Another qus is at work; --wait-lock waits for it.",
        Exit::Unreachable => "The repository cannot be reached.",
        Exit::Managed => "A package manager has to do it; it is named.",
        Exit::Kernel => "The kernel or the privilege for it is missing.",
        Exit::DoesNotRun => "A target does not run.",
        Exit::NotUndone => "Failed and not fully undone; the command that finishes it is named.",
        Exit::Newer => "update --check and self-update --check: there is something newer.",
        Exit::NotExecutable => "run: the command cannot be executed. Otherwise it ends as its command does.",
        Exit::NotFound => "run: there is no such command.",
    }
}

/// The exit codes.
pub(crate) fn exits() -> Vec<(String, String)> {
    EXITS.map(|exit| ((exit as u8).to_string(), meaning(exit).to_owned())).into()
}

/// The variables that stand for options of every command.
pub(crate) fn environment(program: &Command) -> Vec<(String, String)> {
    let of_option = |argument: &clap::Arg| {
        let variable = argument.get_env()?.to_str()?.to_owned();
        Some((variable, format!("As --{}.", argument.get_long()?)))
    };
    program.get_arguments().filter_map(of_option).collect()
}

/// The files.
pub(crate) fn files() -> Vec<(String, String)> {
    let layout = Layout::system();
    let mut files: Vec<(String, String)> = Vec::new();
    let mut say = |path: String, what: &str| files.push((path, what.to_owned()));
    for settings in layout.settings() {
        say(settings.to_string(), "Settings. The file that the package brings tells each with its default.");
    }
    for anchors in layout.anchors() {
        say(format!("{anchors}/*.json"), "Whom this machine trusts.");
    }
    if let Some(drop_ins) = layout.drop_ins() {
        say(format!("{drop_ins}/qus-TARGET.conf"), "What makes systemd-binfmt(8) register a target at boot.");
    }
    say(format!("{}/VERSION/qemu-TARGET-static", layout.emulators()), "Emulators that were downloaded.");
    say(layout.receipt().to_string(), "What was done, and what was there before.");
    say(layout.trust().to_string(), "What was last seen of each repository.");
    say(layout.cache().to_string(), "What was fetched, and may be fetched again.");
    files
}
