//! How a run is told: reports, colour, progress, and what makes the exit code 1.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::error::UsageError;
use super::possible::{self, Words};
use super::reports;
use crate::exit::FailOn;
use crate::plan::Transcripts;
use crate::report::{CertificateList, Format, Names, Rows};

/// How a run is to be told.
#[derive(Clone, Debug)]
pub struct Telling {
    /// The reports, at most one of them on standard output.
    pub reports: Vec<(Format, Option<PathBuf>)>,
    /// Which rows the table shows.
    pub rows: Rows,
    /// Whether the table tells every certificate.
    pub certificates: CertificateList,
    /// When to use colour.
    pub color: ColorWhen,
    /// Whether conversations are told.
    pub verbose: bool,
    /// Whether names and addresses are.
    pub names: Names,
    /// Whether a line of progress may be shown.
    pub progress: bool,
    /// What makes the exit code 1.
    pub fail_on: FailOn,
}

impl Telling {
    /// Whether conversations have to be kept: `-v` tells them, and so do some formats.
    #[must_use]
    pub fn transcripts(&self) -> Transcripts {
        let is_told = self
            .reports
            .iter()
            .any(|(format, _)| format.has_conversations());
        if self.verbose || is_told {
            Transcripts::Kept
        } else {
            Transcripts::Dropped
        }
    }
}

/// When to use colour.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum ColorWhen {
    /// On a terminal that can, unless `NO_COLOR` is set.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

#[derive(Args, Debug)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "as typed: each is a switch of its own"
)]
pub(super) struct OutputArgs {
    /// Short for `--report json`
    #[arg(long, help_heading = "Output")]
    json: bool,

    /// Report format, and the file to write it to instead of standard output: `table`, `json`, `ndjson`, `junit`, `github`, `markdown`, `html`, `prometheus`, `checkmk` (repeatable); if every report goes to a file, the table still goes to standard output [default: table]
    #[arg(long, value_name = "FORMAT[=FILE]", value_parser = Words(possible::formats), hide_possible_values = true, help_heading = "Output")]
    report: Vec<String>,

    /// Replace host names, addresses and names in certificates with placeholders, in every report
    #[arg(long, help_heading = "Output")]
    redact: bool,

    /// What makes the exit code 1
    #[arg(
        long,
        value_enum,
        default_value_t,
        value_name = "WHAT",
        help_heading = "Output"
    )]
    fail_on: FailOnArg,

    /// Show only rows that did not pass
    #[arg(long, help_heading = "Output")]
    problems: bool,

    /// End the table with a list of the certificates, each once: names, dates, key, thumbprints, chain, and which services present it
    #[arg(long, help_heading = "Output")]
    certificates: bool,

    /// Show the protocol dialogue, on standard error and in JSON
    #[arg(short, long, help_heading = "Output")]
    pub(super) verbose: bool,

    /// No table and no progress line: only the exit code shows the result
    #[arg(short, long, help_heading = "Output")]
    quiet: bool,

    /// When to use colour; `auto` means on a terminal, unless `NO_COLOR` is set
    #[arg(
        long,
        value_enum,
        default_value_t,
        value_name = "WHEN",
        help_heading = "Output"
    )]
    color: ColorArg,

    /// No progress line (it is written to standard error, and only on a terminal)
    #[arg(long, help_heading = "Output")]
    no_progress: bool,
}

#[derive(Clone, Copy, Debug, Default, ValueEnum)]
pub(super) enum ColorArg {
    #[default]
    Auto,
    Always,
    Never,
}

#[derive(Clone, Copy, Debug, Default, ValueEnum)]
enum FailOnArg {
    #[default]
    Fail,
    Warn,
    Never,
}

impl OutputArgs {
    /// No report at all: the run is told otherwise.
    pub(super) fn silent() -> Self {
        Self {
            json: false,
            certificates: false,
            report: Vec::new(),
            redact: false,
            fail_on: FailOnArg::Fail,
            problems: false,
            verbose: false,
            quiet: true,
            color: ColorArg::Never,
            no_progress: true,
        }
    }

    pub(super) fn telling(&self) -> Result<Telling, UsageError> {
        let mut reports = reports::read(&self.report)?;
        if self.json {
            reports.push((Format::Json, None));
        }
        let on_stdout = reports.iter().filter(|(_, file)| file.is_none()).count();
        if on_stdout > 1 {
            return Err(UsageError(
                "only one report can go to standard output: give the others a file, as in --report json=report.json"
                    .to_owned(),
            ));
        }
        if self.quiet && reports.contains(&(Format::Table, None)) {
            return Err(UsageError(
                "--quiet means no table, and --report table asks for one: leave one of them out"
                    .to_owned(),
            ));
        }
        // Where every report goes to a file, people still read.
        if on_stdout == 0 && !self.quiet {
            reports.push((Format::Table, None));
        }
        Ok(Telling {
            reports,
            rows: if self.problems {
                Rows::Problems
            } else {
                Rows::All
            },
            certificates: if self.certificates {
                CertificateList::Shown
            } else {
                CertificateList::Omitted
            },
            color: self.color.when(),
            verbose: self.verbose,
            names: if self.redact {
                Names::Redacted
            } else {
                Names::Told
            },
            progress: !self.no_progress && !self.quiet && !self.verbose,
            fail_on: match self.fail_on {
                FailOnArg::Fail => FailOn::Fail,
                FailOnArg::Warn => FailOn::Warn,
                FailOnArg::Never => FailOn::Never,
            },
        })
    }
}

impl ColorArg {
    pub(super) fn when(self) -> ColorWhen {
        match self {
            Self::Auto => ColorWhen::Auto,
            Self::Always => ColorWhen::Always,
            Self::Never => ColorWhen::Never,
        }
    }
}
