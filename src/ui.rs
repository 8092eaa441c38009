//! Speaking: results on standard output, everything else on standard error.

use std::fmt::Display;
use std::io::{self, IsTerminal, Write};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anstyle::{AnsiColor, Style};
use indicatif::{ProgressBar, ProgressStyle};

use crate::cli::{Color, Global};
use crate::exit::{Exit, Explain};
use crate::plan::{Plan, Step};
use crate::proof::{Outcome, Proof};
use crate::system::apply::Watch;
use crate::system::interrupt;

const ERROR: Style = AnsiColor::Red.on_default().bold();
const WARNING: Style = AnsiColor::Yellow.on_default().bold();
const NOTE: Style = AnsiColor::Cyan.on_default().bold();

/// How this run speaks.
#[derive(Clone, Copy, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of its own on the command line")]
pub struct Ui {
    /// Whether the result is a JSON document.
    pub json: bool,
    quiet: bool,
    verbose: bool,
    yes: bool,
}

impl Ui {
    /// As the options say.
    pub fn new(global: &Global) -> Ui {
        let choice = match global.color {
            Color::Auto => anstream::ColorChoice::Auto,
            Color::Always => anstream::ColorChoice::Always,
            Color::Never => anstream::ColorChoice::Never,
        };
        choice.write_global();
        Ui { json: global.json, quiet: global.quiet, verbose: global.verbose, yes: global.yes }
    }

    /// Whether every detail is wanted.
    pub fn is_verbose(self) -> bool {
        self.verbose
    }

    /// Whether nothing is wanted that is as it should be.
    pub fn is_quiet(self) -> bool {
        self.quiet
    }

    /// A line of the result.
    pub fn result(self, line: impl Display) {
        if !self.json {
            write_result(&line.to_string());
        }
    }

    /// The result as a document, if that is wanted.
    pub fn document(self, document: &impl serde::Serialize) {
        if self.json {
            self.print(document);
        }
    }

    /// A document that is the result in any case.
    pub fn print(self, document: &impl serde::Serialize) {
        match serde_json::to_string_pretty(document) {
            Ok(text) => write_result(&text),
            Err(error) => say("error", ERROR, &error.to_string()),
        }
    }

    /// Something worth knowing.
    pub fn note(self, line: impl Display) {
        if !self.quiet {
            say("note", NOTE, &line.to_string());
        }
    }

    /// Something that was wanted and is not done, for those too who want to hear little.
    pub fn left(self, line: impl Display) {
        say("note", NOTE, &line.to_string());
    }

    /// Something that may turn out badly.
    pub fn warn(self, line: impl Display) {
        say("warning", WARNING, &line.to_string());
    }

    /// What goes on.
    pub fn progress(self, line: impl Display) {
        if !self.quiet {
            write_aside(&line.to_string());
        }
    }

    /// What goes on, for those who want to know every step.
    pub fn detail(self, line: impl Display) {
        if self.verbose {
            write_aside(&line.to_string());
        }
    }

    /// What to type.
    pub fn help(self, line: impl Display) {
        say("help", NOTE, &line.to_string());
    }

    /// Asks whoever sits at the terminal; where nobody does, the answer is no.
    pub fn asks(self, question: impl Display) -> bool {
        if self.yes || !io::stdin().is_terminal() || !io::stderr().is_terminal() {
            return self.yes;
        }
        let _ = write!(anstream::stderr().lock(), "{question} [y/N] ");
        let mut answer = String::new();
        let answered = io::stdin().read_line(&mut answer).is_ok();
        answered && matches!(answer.trim(), "y" | "Y" | "yes")
    }

    /// Why it failed, and what to type.
    pub fn error(self, error: &dyn Explain) {
        say("error", ERROR, &error.to_string());
        self.cure(error);
    }

    /// The same in somebody's own colours, on a terminal or not.
    pub fn painted_error(self, error: &dyn Explain, Paint { before, behind }: &Paint) {
        let _ = writeln!(io::stderr().lock(), "{before}error: {error}{behind}");
        self.cure(error);
    }

    fn cure(self, error: &dyn Explain) {
        if let Some(help) = error.help() {
            self.help(help);
        }
    }

    /// The same with the cause in the last line, for callers that show no other.
    pub fn error_last(self, error: &dyn Explain) {
        if let Some(help) = error.help() {
            self.help(help);
        }
        say("error", ERROR, &error.to_string());
    }
}

/// Colours that somebody else chose: what is written before an error and behind it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Paint {
    /// Before it.
    pub before: String,
    /// Behind it.
    pub behind: String,
}

fn say(word: &str, style: Style, text: &str) {
    write_aside(&format!("{style}{word}:{style:#} {text}"));
}

/// A reader that went away is no reason to fail: nobody is left to be told. Anything else is: whoever reads the result
/// would take what is there for the whole.
fn write_result(line: &str) {
    let mut output = io::stdout().lock();
    let written = writeln!(output, "{line}").and_then(|()| output.flush());
    if let Err(error) = written.or_else(|error| match error.kind() {
        io::ErrorKind::BrokenPipe => Ok(()),
        _ => Err(error),
    }) && !RESULT_LOST.swap(true, Ordering::Relaxed)
    {
        say("error", ERROR, &format!("the result cannot be written: {error}"));
    }
}

/// Whether some of the result could not be written.
static RESULT_LOST: AtomicBool = AtomicBool::new(false);

/// How the program ends whose verb ended with `exit`: a result that nobody got is no success.
pub fn concluded(exit: Exit) -> Exit {
    if exit == Exit::Done && RESULT_LOST.load(Ordering::Relaxed) { Exit::Failed } else { exit }
}

fn write_aside(line: &str) {
    let write = || drop(writeln!(anstream::stderr().lock(), "{line}"));
    match BAR.lock() {
        Ok(bar) if bar.is_some() => bar.iter().for_each(|bar| bar.suspend(write)),
        _ => write(),
    }
}

/// The bar that is being drawn: a line is written above it, not into it.
static BAR: Mutex<Option<ProgressBar>> = Mutex::new(None);

fn draw(bar: Option<ProgressBar>) {
    let Ok(mut drawn) = BAR.lock() else { return };
    if let Some(before) = std::mem::replace(&mut *drawn, bar) {
        before.finish_and_clear();
    }
}

fn draw_at(bytes: u64) {
    if let Ok(Some(bar)) = BAR.lock().as_deref() {
        bar.set_position(bytes);
    }
}

/// Tells how a plan goes.
pub struct Progress {
    ui: Ui,
}

impl Progress {
    /// Says nothing yet.
    pub fn new(ui: Ui) -> Progress {
        Progress { ui }
    }
}

impl Watch for Progress {
    fn begins(&mut self, plan: &Plan, index: usize) {
        draw(None);
        let planned = &plan.steps[index];
        match &planned.step {
            Step::Fetch { asset, .. } => {
                self.ui.progress(&planned.step);
                if !self.ui.quiet {
                    draw(Some(bar(asset.size)));
                }
            }
            Step::FetchTool { archive, .. } => {
                self.ui.progress(&planned.step);
                if !self.ui.quiet {
                    draw(Some(bar(archive.size)));
                }
            }
            Step::Mount => self.ui.progress(&planned.step),
            step => self.ui.detail(step),
        }
    }

    fn fetched(&mut self, bytes: u64) {
        draw_at(bytes);
    }

    fn proved(&mut self, proof: &Proof) {
        self.ui.detail(describe_proof(proof));
    }

    fn undoes(&mut self) {
        draw(None);
        self.ui.progress("undoing what was done");
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        draw(None);
    }
}

/// A bar of bytes that is no step of a plan.
pub struct Bar(bool);

impl Ui {
    /// A bar of so many bytes, if what goes on is told.
    pub fn bar(self, bytes: u64) -> Bar {
        draw((!self.quiet).then(|| bar(bytes)));
        Bar(!self.quiet)
    }
}

impl Bar {
    /// Shows that so many bytes are done, and says whether to go on.
    pub fn stands_at(&self, bytes: u64) -> bool {
        if self.0 {
            draw_at(bytes);
        }
        !interrupt::asked()
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        draw(None);
    }
}

/// A bar of bytes; it draws on a terminal and nowhere else.
fn bar(bytes: u64) -> ProgressBar {
    let bar = ProgressBar::new(bytes);
    if let Ok(style) = ProgressStyle::with_template("{bar:40} {bytes}/{total_bytes} {bytes_per_sec} {eta}") {
        bar.set_style(style);
    }
    bar.enable_steady_tick(Duration::from_millis(200));
    bar
}

/// A proof in a sentence's half: `runs (23.4 ms)`.
pub fn describe_proof(proof: &Proof) -> String {
    let target = proof.target;
    match &proof.outcome {
        Outcome::Ready => format!("{target} runs ({:.1} ms)", proof.took.as_secs_f64() * 1e3),
        outcome => format!("{target} does not run: {}", describe(outcome)),
    }
}

/// What happened to a probe, in words.
pub fn describe(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Ready => "ready".to_owned(),
        Outcome::WrongAnswer { status, said } => format!("wrong answer, exit status {status}{}", quoted(said)),
        Outcome::Crash { signal, said } => format!("crash, {}{}", signal_name(*signal), quoted(said)),
        Outcome::TimedOut => "no answer in 20 seconds".to_owned(),
        Outcome::NotRegistered => "not registered".to_owned(),
        Outcome::NoEmulator => "registered, but its emulator is not found in another root".to_owned(),
        Outcome::Refused { error } => format!("registered, but the kernel does not start its emulator: {error}"),
        Outcome::NotTried { error } => format!("not tried: {error}"),
    }
}

fn quoted(said: &str) -> String {
    match said.lines().last() {
        Some(line) => format!(": {line}"),
        None => String::new(),
    }
}

fn signal_name(signal: i32) -> String {
    nix::sys::signal::Signal::try_from(signal).map_or_else(|_| format!("signal {signal}"), |signal| signal.to_string())
}
