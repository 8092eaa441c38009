//! The maintainers' program. See the library of the same name.

use std::process::ExitCode;

use clap::Parser;
use qus::release::{Asset, Form};
use qus_release::cli::{Cli, Command, ImportArgs, KeygenArgs, PublishArgs, RootArgs, ToolArgs, VerifyArgs};
use qus_release::error::Error;
use qus_release::passphrase::Passphrases;
use qus_release::ui::{Ui, count, megabytes};
use qus_release::{import, keygen, publish, root, tool, verify};

fn main() -> ExitCode {
    let cli = Cli::parse();
    let ui = Ui::new();
    let passphrases = Passphrases::from_environment();
    let outcome = match &cli.command {
        Command::Keygen(args) => keygen(args, &passphrases, &ui),
        Command::Root(args) => root(args, &passphrases, &ui),
        Command::Import(args) => import(args, &passphrases, &ui),
        Command::Tool(args) => tool(args, &passphrases, &ui),
        Command::Publish(args) => publish(args, &passphrases, &ui),
        Command::Verify(args) => verify(args, &ui),
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

fn root(args: &RootArgs, passphrases: &Passphrases, ui: &Ui) -> Result<ExitCode, Error> {
    let made = root::run(args, passphrases)?;
    for file in &made.files {
        ui.result(file.display());
    }
    if made.version == 1 {
        ui.help("whoever is to install from this repository puts anchor.json into /etc/qus/trust.d");
        ui.help(format_args!("next: qus-release import {} PACKAGE --key FILE", args.repository.display()));
    } else {
        ui.help("leave the older roots in the repository: readers come from each of them");
        ui.help(format_args!("next: qus-release publish {} --key FILE", args.repository.display()));
    }
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
        ui.result(format_args!("qus itself: {}", tool.version));
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
