//! The maintainers' program. See the library of the same name.

use std::path::Path;
use std::process::ExitCode;

use clap::Parser;
use qus::release::{Asset, Form};
use qus_release::cli::{
    Cli, Command, ImportArgs, KeygenArgs, PackagesArgs, PlaceArgs, PublishArgs, RenewArgs, RootArgs, RootCommand,
    RootStep, SignRootArgs, ToolArgs, VerifyArgs, WithdrawArgs,
};
use qus_release::error::Error;
use qus_release::passphrase::Passphrases;
use qus_release::pending::{Pending, Standing};
use qus_release::renew::Renewed;
use qus_release::ui::{Ui, count, megabytes};
use qus_release::{import, keygen, packages, place, publish, renew, root, rotate, sign_root, tool, verify, withdraw};

fn main() -> ExitCode {
    let cli = Cli::parse();
    let ui = Ui::new();
    let passphrases = Passphrases::from_environment();
    let outcome = match &cli.command {
        Command::Keygen(args) => keygen(args, &passphrases, &ui),
        Command::Root(command) => root_or_step(command, &passphrases, &ui),
        Command::SignRoot(args) => sign_root(args, &passphrases, &ui),
        Command::Revoke(args) => rotate::revoke(args, &ui).map(|pending| drawn_up(&pending, &args.pending, &ui)),
        Command::Import(args) => import(args, &passphrases, &ui),
        Command::Tool(args) => tool(args, &passphrases, &ui),
        Command::Publish(args) => publish(args, &passphrases, &ui),
        Command::Renew(args) => renew(args, &passphrases, &ui),
        Command::Withdraw(args) => withdraw(args, &ui),
        Command::Verify(args) => verify(args, &ui),
        Command::Packages(args) => make_packages(args, &ui),
    };
    outcome.unwrap_or_else(|error| {
        ui.error(&error);
        ExitCode::from(error.exit_code())
    })
}

fn keygen(args: &KeygenArgs, passphrases: &Passphrases, ui: &Ui) -> Result<ExitCode, Error> {
    let made = keygen::run(args, passphrases)?;
    ui.result(format_args!("{}\n{}\n{}", made.secret.display(), made.public.display(), made.key.as_str()));
    Ok(ExitCode::SUCCESS)
}

fn root_or_step(command: &RootCommand, passphrases: &Passphrases, ui: &Ui) -> Result<ExitCode, Error> {
    match (&command.step, &command.make) {
        (Some(RootStep::Rotate(args)), _) => rotate::run(args, ui).map(|pending| drawn_up(&pending, &args.pending, ui)),
        (Some(RootStep::Place(args)), _) => place(args, ui),
        (None, Some(args)) => root(args, passphrases, ui),
        // clap asks for one of them.
        (None, None) => Ok(ExitCode::from(2)),
    }
}

fn root(args: &RootArgs, passphrases: &Passphrases, ui: &Ui) -> Result<ExitCode, Error> {
    let made = root::run(args, passphrases)?;
    tell_made(&made, &args.repository, ui);
    Ok(ExitCode::SUCCESS)
}

fn place(args: &PlaceArgs, ui: &Ui) -> Result<ExitCode, Error> {
    let made = place::run(args)?;
    tell_made(&made, &args.repository, ui);
    Ok(ExitCode::SUCCESS)
}

fn tell_made(made: &root::Made, repository: &Path, ui: &Ui) {
    for file in &made.files {
        ui.result(file.display());
    }
    if made.version == 1 {
        ui.help("whoever is to install from this repository puts anchor.json into /etc/qus/trust.d");
        ui.help(format_args!("next: qus-release import {} PACKAGE --key FILE", repository.display()));
    } else {
        ui.help("leave the older roots in the repository: readers come from each of them");
        ui.help(format_args!("next: qus-release publish {} --key FILE", repository.display()));
    }
}

/// What was drawn up, and who is to sign it.
fn drawn_up(pending: &Pending, path: &Path, ui: &Ui) -> ExitCode {
    ui.result(path.display());
    for line in pending.describe().unwrap_or_default() {
        ui.note(line);
    }
    ui.help(format_args!("next, each signer: qus-release sign-root {} --anchor FILE --root-key FILE", path.display()));
    ExitCode::SUCCESS
}

fn sign_root(args: &SignRootArgs, passphrases: &Passphrases, ui: &Ui) -> Result<ExitCode, Error> {
    let signed = sign_root::run(args, passphrases, ui)?;
    ui.result(format_args!("signed by {}", signed.label));
    let open: Vec<&Standing> = signed.standing.iter().filter(|one| one.signed.len() < one.needed).collect();
    for Standing { of, signed, needed, .. } in &open {
        ui.note(format_args!("it bears {} of the {needed} signatures that {of} wants", signed.len()));
    }
    if open.is_empty() {
        ui.help(format_args!("enough have signed: qus-release root place REPOSITORY {}", args.pending.display()));
    }
    Ok(ExitCode::SUCCESS)
}

fn renew(args: &RenewArgs, passphrases: &Passphrases, ui: &Ui) -> Result<ExitCode, Error> {
    match renew::run(args, passphrases, ui)? {
        Renewed::Now(index) => ui.result(format_args!("serial {}, expires {}", index.serial, index.expires)),
        Renewed::NotYet(index, left) => {
            let days = usize::try_from(left.as_secs() / (24 * 60 * 60)).unwrap_or(usize::MAX);
            ui.result(format_args!("serial {} stays: it has {} left", index.serial, count(days, "day")));
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn withdraw(args: &WithdrawArgs, ui: &Ui) -> Result<ExitCode, Error> {
    withdraw::run(args)?;
    let (of, version) = (if args.tool { "qus " } else { "" }, &args.version);
    ui.result(match &args.why {
        Some(why) => format!("{of}{version} is withdrawn: {why}"),
        None => format!("{of}{version} is offered again"),
    });
    ui.help(format_args!("next: qus-release publish {} --key FILE", args.repository.display()));
    Ok(ExitCode::SUCCESS)
}

fn import(args: &ImportArgs, passphrases: &Passphrases, ui: &Ui) -> Result<ExitCode, Error> {
    let imported = import::run(args, passphrases, ui)?;
    let version = imported.version;
    for (form, what) in [(Form::Set, "all in one"), (Form::Emulator, "one by one"), (Form::Tgz, "one by one, as .tgz")]
    {
        let assets: Vec<&Asset> = imported.assets.iter().filter(|asset| asset.form == form).collect();
        let size = assets.iter().map(|asset| asset.size).sum();
        if !assets.is_empty() {
            ui.result(format_args!("{version}: {what}: {}, {}", count(assets.len(), "archive"), megabytes(size)));
        }
    }
    ui.help(format_args!("next: qus-release publish {} --key FILE", args.repository.display()));
    Ok(ExitCode::SUCCESS)
}

fn tool(args: &ToolArgs, passphrases: &Passphrases, ui: &Ui) -> Result<ExitCode, Error> {
    let tool = tool::run(args, passphrases, ui)?;
    for archive in &tool.archives {
        ui.result(format_args!("qus {}: {}, {}", tool.version, archive.file, megabytes(archive.size)));
    }
    ui.help(format_args!("next: qus-release publish {} --key FILE", args.repository.display()));
    Ok(ExitCode::SUCCESS)
}

fn publish(args: &PublishArgs, passphrases: &Passphrases, ui: &Ui) -> Result<ExitCode, Error> {
    let index = publish::run(args, passphrases, ui)?;
    ui.result(format_args!("serial {}, expires {}", index.serial, index.expires));
    for (channel, version) in &index.channels {
        ui.result(format_args!("{channel}: {version}"));
    }
    for tool in &index.tools {
        let withdrawn = if tool.withdrawn.is_some() { ", withdrawn" } else { "" };
        ui.result(format_args!("qus itself: {}{withdrawn}", tool.version));
    }
    Ok(ExitCode::SUCCESS)
}

fn verify(args: &VerifyArgs, ui: &Ui) -> Result<ExitCode, Error> {
    let report = verify::run(args, ui)?;
    for note in &report.notes {
        ui.note(note);
    }
    for problem in &report.problems {
        ui.result(problem);
    }
    match &report.index {
        Some(index) if report.problems.is_empty() => {
            let assets: usize = index.releases.iter().map(|release| release.assets.len()).sum();
            let assets = assets + index.tools.iter().map(|tool| tool.archives.len()).sum::<usize>();
            let (root, serial, expires, assets) = (report.root, index.serial, index.expires, count(assets, "archive"));
            ui.result(format_args!("authentic: root {root}, index {serial} until {expires}, {assets}"));
            Ok(ExitCode::SUCCESS)
        }
        _ => Ok(ExitCode::from(3)),
    }
}

fn make_packages(args: &PackagesArgs, ui: &Ui) -> Result<ExitCode, Error> {
    for file in packages::run(args, ui)? {
        ui.result(file.display());
    }
    Ok(ExitCode::SUCCESS)
}
