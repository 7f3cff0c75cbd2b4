//! Standard output and standard error: colour, width, and a reader that has gone away, which is no error.

use std::io::{self, Write as _};

use anstream::AutoStream;

use super::error::Error;
use crate::cli::ColorWhen;
use crate::exit::Exit;
use crate::report::{self, Color, Style};

pub(super) fn style(color: ColorWhen, rows: report::Rows) -> Style {
    let colored = choice(color) != anstream::ColorChoice::Never;
    Style {
        color: if colored {
            Color::Colored
        } else {
            Color::Plain
        },
        width: columns().unwrap_or(PIPED),
        rows,
        ..Style::default()
    }
}

pub(super) fn choice(color: ColorWhen) -> anstream::ColorChoice {
    match color {
        ColorWhen::Auto => AutoStream::choice(&io::stdout()),
        ColorWhen::Always => anstream::ColorChoice::Always,
        ColorWhen::Never => anstream::ColorChoice::Never,
    }
}

/// How wide a table or a page is where there is no terminal.
const PIPED: usize = 80;

/// The terminal's columns, where there is one.
pub(super) fn columns() -> Option<usize> {
    terminal_size::terminal_size_of(io::stdout())
        .map(|(terminal_size::Width(columns), _)| usize::from(columns))
}

/// How wide a page of text is: as the terminal, but not wider than is read with ease.
pub(super) fn page_columns() -> usize {
    columns().map_or(PIPED, |columns| columns.clamp(20, 100))
}

pub(super) fn print(text: &[u8]) -> Result<Exit, Error> {
    let mut out = AutoStream::auto(io::stdout());
    match out.write_all(text).and_then(|()| out.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(to_stdout(error)),
        _ => Ok(Exit::Met),
    }
}

pub(super) fn to_stdout(source: io::Error) -> Error {
    Error::Report {
        to: "standard output".to_owned(),
        source,
    }
}

/// A line on standard error; when even that is gone, nobody is left to tell.
pub(super) fn complain(line: &str) {
    let _ = writeln!(io::stderr(), "exchports: {line}");
}
