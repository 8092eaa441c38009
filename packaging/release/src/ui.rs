//! What people see: progress, notes and errors on standard error, results on standard output.

use std::fmt::Display;
use std::io::{self, IsTerminal, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

use crate::error::Error;

/// How often a bar moves while its work does not: often enough to be seen to live.
const TICK: Duration = Duration::from_millis(200);

/// Where people look.
pub struct Ui {
    bars: Option<MultiProgress>,
    quiet: bool,
}

impl Ui {
    /// Bars on a terminal, else a line at the start and the end of long work.
    pub fn new() -> Ui {
        let bars = io::stderr().is_terminal().then(MultiProgress::new);
        Ui { bars, quiet: false }
    }

    /// For callers that have no reader.
    pub fn quiet() -> Ui {
        Ui { bars: None, quiet: true }
    }

    /// Long work on `size` bytes begins.
    pub fn begin(&self, doing: &str, size: u64) -> Work {
        let bar = match &self.bars {
            Some(bars) => bars.add(ProgressBar::new(size).with_style(style()).with_message(doing.to_owned())),
            None => ProgressBar::hidden(),
        };
        match self.bars {
            Some(_) => bar.enable_steady_tick(TICK),
            None => self.tell(&format!("{doing} …")),
        }
        Work { bar, begun: Instant::now(), stopped: AtomicBool::new(false) }
    }

    /// Long work is done, with this outcome.
    pub fn end(&self, work: &Work, outcome: &str) {
        work.bar.finish_and_clear();
        self.tell(&format!("{outcome} in {} s", work.begun.elapsed().as_secs_f64().round()));
    }

    /// Something worth knowing that stops nothing.
    pub fn note(&self, text: impl Display) {
        self.tell(&format!("note: {text}"));
    }

    /// What to type next.
    pub fn help(&self, text: impl Display) {
        self.tell(&format!("help: {text}"));
    }

    /// Why the command stops.
    pub fn error(&self, error: &Error) {
        self.tell(&format!("error: {error}"));
        if let Some(help) = error.help() {
            self.help(help);
        }
    }

    /// Asks whoever sits at the terminal; where nobody does, what was typed counts as the answer.
    pub fn confirms(&self, question: &str) -> bool {
        if !io::stdin().is_terminal() || !io::stderr().is_terminal() {
            return true;
        }
        let _ = write!(io::stderr(), "{question} [y/N] ");
        let mut answer = String::new();
        io::stdin().read_line(&mut answer).is_ok() && matches!(answer.trim(), "y" | "Y" | "yes")
    }

    /// A line of the result.
    pub fn result(&self, line: impl Display) {
        if !self.quiet {
            // Nobody reads any more: the work is done all the same.
            let _ = writeln!(io::stdout(), "{line}");
        }
    }

    fn tell(&self, line: &str) {
        if self.quiet {
            return;
        }
        // Where standard error is closed there is nobody to tell.
        let print = || drop(writeln!(io::stderr(), "{line}"));
        match &self.bars {
            Some(bars) => bars.suspend(print),
            None => print(),
        }
    }
}

impl Default for Ui {
    fn default() -> Self {
        Ui::new()
    }
}

/// Work that takes a while.
pub struct Work {
    bar: ProgressBar,
    begun: Instant,
    stopped: AtomicBool,
}

impl Work {
    /// That many bytes more are done.
    pub fn advance(&self, bytes: u64) {
        self.bar.inc(bytes);
    }

    /// Asks all threads at this work to stop.
    pub fn stop(&self) {
        self.stopped.store(true, Ordering::Relaxed);
    }

    /// Whether somebody asked to stop.
    pub fn is_stopped(&self) -> bool {
        self.stopped.load(Ordering::Relaxed)
    }
}

fn style() -> ProgressStyle {
    ProgressStyle::with_template("{msg} {wide_bar} {decimal_bytes}/{decimal_total_bytes} {eta}")
        .unwrap_or_else(|_| ProgressStyle::default_bar())
}

/// A number of things: `1 archive`, `2 archives`.
pub fn count(number: usize, thing: &str) -> String {
    if number == 1 { format!("1 {thing}") } else { format!("{number} {thing}s") }
}

/// Bytes as people read them: `3.0 MB`.
pub fn megabytes(bytes: u64) -> String {
    // Tenths of a megabyte, rounded half up; no file comes near the end of u64.
    let tenths = (bytes + 50_000) / 100_000;
    format!("{}.{} MB", tenths / 10, tenths % 10)
}
