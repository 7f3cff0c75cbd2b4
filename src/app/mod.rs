//! # app: the wiring
//!
//! Does what was meant: a file a command, and what the commands share in a file a concern. It reads and writes files,
//! heeds signals and starts the event loop; it neither judges nor lays out.
//!
//! Start reading at [`run`]; a check goes on in `check` and `execute`.

mod check;
mod demo;
mod discover;
mod domain;
mod error;
mod execute;
mod files;
mod inputs;
mod limits;
mod list;
mod nagios;
mod reports;
mod serve;
mod signals;
mod simulate;
mod targets;
mod terminal;
mod wait;

use std::ffi::OsString;
use std::io::{self, Write as _};
use std::panic::{self, AssertUnwindSafe};
use std::process::ExitCode;

use anstream::AutoStream;

use crate::cli::{self, Command};
use crate::exit::Exit;

pub use error::Error;

use terminal::{complain, page_columns, print};

/// Does what was typed, the program's own name first; tells on standard error what kept it from being done.
pub fn main(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let arguments: Vec<OsString> = arguments.into_iter().collect();
    if cli::is_plugin(&arguments) {
        return nagios::main(&arguments).into();
    }
    let done = panic::catch_unwind(AssertUnwindSafe(|| {
        cli::read(arguments).map_err(Error::from).and_then(run)
    }));
    match done.unwrap_or(Err(Error::Defect)) {
        Ok(exit) => exit.into(),
        Err(error) => {
            complain(&error.to_string());
            Exit::Nothing.into()
        }
    }
}

/// Does what is meant.
///
/// # Errors
/// What kept it from being done; one line, for standard error, and exit code 2.
pub fn run(meant: Command) -> Result<Exit, Error> {
    match meant {
        Command::Nothing(text) => {
            let _ = AutoStream::auto(io::stderr()).write_all(text.as_bytes());
            Ok(Exit::Nothing)
        }
        Command::Check(order) => check::check(*order),
        Command::Serve(order) => serve::serve(*order),
        Command::Nagios(order) => nagios::run(*order).map(|_| Exit::Nothing),
        Command::Discover(order) => discover::run(&order),
        Command::List { json, color } => list::list(json, color),
        Command::Help(text) | Command::Text(text) => print(text.as_bytes()),
        Command::Explain(page) => print(page.in_columns(page_columns()).as_bytes()),
        Command::Demo {
            faults,
            audit,
            telling,
        } => demo::demo(faults, audit, &telling),
        Command::Simulate(settings) => simulate::serve(settings),
        Command::ListFaults => simulate::list_faults(),
    }
}
