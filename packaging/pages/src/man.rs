//! The man pages: one of the program, one of each verb.

use std::io;

use clap::Command;
use clap_mangen::Man;
use clap_mangen::roff::{Inline, Roff, bold, roman};

use crate::sections;

/// A page.
pub(crate) struct Page {
    /// What it is called: `qus-install.1`.
    pub(crate) file: String,
    /// What `man` reads.
    pub(crate) text: Vec<u8>,
}

/// The pages of the program and of all its verbs, and of theirs.
pub(crate) fn pages(program: Command) -> io::Result<Vec<Page>> {
    // Every verb would have a page of its "help".
    let mut program = program.disable_help_subcommand(true);
    program.build();
    let source = format!("qus {}", program.get_version().unwrap_or_default());
    let mut pages = vec![page(&program, &source, true)?];
    below(&program, &source, &mut pages)?;
    Ok(pages)
}

fn below(command: &Command, source: &str, pages: &mut Vec<Page>) -> io::Result<()> {
    for verb in command.get_subcommands() {
        pages.push(page(verb, source, false)?);
        below(verb, source, pages)?;
    }
    Ok(())
}

fn page(command: &Command, source: &str, of_program: bool) -> io::Result<Page> {
    let man = Man::new(command.clone()).source(source).manual("qus");
    let mut text = Vec::new();
    man.render_title(&mut text)?;
    man.render_name_section(&mut text)?;
    man.render_synopsis_section(&mut text)?;
    man.render_description_section(&mut text)?;
    if of_program {
        if let Some(more) = command.get_after_help() {
            section("TARGETS", &[(String::new(), more.to_string())], &mut text)?;
        }
        man.render_subcommands_section(&mut text)?;
    } else if command.has_subcommands() {
        man.render_subcommands_section(&mut text)?;
    }
    man.render_options_section(&mut text)?;
    section("EXIT STATUS", &sections::exits(), &mut text)?;
    if of_program {
        section("ENVIRONMENT", &sections::environment(command), &mut text)?;
        section("FILES", &sections::files(), &mut text)?;
    } else {
        section("SEE ALSO", &[(String::new(), "qus(1)".to_owned())], &mut text)?;
    }
    Ok(Page { file: man.get_filename(), text })
}

/// A section of terms and what they are; without a term, of a paragraph.
fn section(heading: &str, entries: &[(String, String)], text: &mut Vec<u8>) -> io::Result<()> {
    let mut roff = Roff::default();
    roff.control("SH", [heading]);
    for (term, meaning) in entries {
        let line: Vec<Inline> = vec![roman(meaning)];
        if term.is_empty() {
            roff.text(line);
        } else {
            roff.control("TP", []).text([bold(term)]).text(line);
        }
    }
    roff.to_writer(text)
}
