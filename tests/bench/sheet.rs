//! The sheet of figures, written as they come.

use std::io::Write;
use std::process::ExitCode;
use std::thread;
use std::time::Duration;

use super::runs::Spread;

/// One line.
pub(crate) enum Row {
    /// What something took.
    Times {
        what: &'static str,
        median: Duration,
        shortest: Duration,
        longest: Duration,
    },
    /// A figure without a bound.
    Figure { what: &'static str, figure: String },
    /// A figure with one.
    Bound {
        what: &'static str,
        figure: String,
        bound: String,
        met: bool,
    },
    /// What was not measured.
    Skipped { what: &'static str, why: String },
}

impl Row {
    pub(crate) fn times(what: &'static str, spread: &Spread) -> Self {
        Self::Times {
            what,
            median: spread.median(),
            shortest: spread.shortest(),
            longest: spread.longest(),
        }
    }
}

/// Writes rows, and counts what the exit code depends on.
pub(crate) struct Sheet<W> {
    out: W,
    unmet: usize,
    skipped: usize,
    failed: usize,
}

impl<W: Write> Sheet<W> {
    pub(crate) fn new(out: W) -> Self {
        Self {
            out,
            unmet: 0,
            skipped: 0,
            failed: 0,
        }
    }

    /// A line of its own. A reader that goes away does not change what is measured.
    pub(crate) fn say(&mut self, line: &str) {
        let _ = writeln!(self.out, "{line}").and_then(|()| self.out.flush());
    }

    pub(crate) fn head(&mut self, binary: &str, rounds: usize) {
        let cores = thread::available_parallelism().map_or(1, usize::from);
        self.say(&format!(
            "{binary}; {cores} cores; {rounds} runs unless it says otherwise\n"
        ));
        self.say(&line("", "median", "shortest", "longest"));
    }

    pub(crate) fn write(&mut self, row: &Row) {
        let text = match row {
            Row::Times {
                what,
                median,
                shortest,
                longest,
            } => line(
                what,
                &millis(*median),
                &millis(*shortest),
                &millis(*longest),
            ),
            Row::Figure { what, figure } => line(what, figure, "", ""),
            Row::Bound {
                what,
                figure,
                bound,
                met,
            } => {
                self.unmet += usize::from(!met);
                let verdict = if *met { "met" } else { "NOT MET" };
                format!("{}  {bound}: {verdict}", line(what, figure, "", ""))
            }
            Row::Skipped { what, why } => {
                self.skipped += 1;
                format!("{}  {why}", line(what, "skipped", "", ""))
            }
        };
        self.say(&text);
    }

    /// A measurement that came to nothing.
    pub(crate) fn fail(&mut self, name: &str, why: &str) {
        self.failed += 1;
        self.say(&format!("{}  {why}", line(name, "failed", "", "")));
    }

    /// The last line, and the exit code: 1 when something failed, and under `strict` when a bound is not met.
    pub(crate) fn finish(mut self, strict: bool) -> ExitCode {
        self.say(&format!(
            "\nbounds not met: {}, skipped: {}, failed: {}",
            self.unmet, self.skipped, self.failed
        ));
        if self.failed > 0 || (strict && self.unmet > 0) {
            ExitCode::FAILURE
        } else {
            ExitCode::SUCCESS
        }
    }
}

fn line(what: &str, median: &str, shortest: &str, longest: &str) -> String {
    let line = format!("{what:<36}{median:>12}{shortest:>12}{longest:>12}");
    line.trim_end().to_owned()
}

pub(crate) fn millis(time: Duration) -> String {
    format!("{:.1} ms", time.as_secs_f64() * 1000.0)
}

pub(crate) fn times(ratio: f64) -> String {
    format!("{ratio:.2} x")
}

/// Bytes, in millions of them.
pub(crate) fn bytes(bytes: u64) -> String {
    format!("{}.{:02} MB", bytes / 1_000_000, bytes % 1_000_000 / 10_000)
}
