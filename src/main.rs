//! Parse, run, exit; nothing else.

use std::process::ExitCode;

use clap::Parser as _;
use exchports::app;
use exchports::cli::Cli;
use exchports::exit::Exit;

fn main() -> ExitCode {
    match app::run(Cli::parse()) {
        Ok(exit) => exit.into(),
        Err(error) => {
            app::complain(&error.to_string());
            Exit::Nothing.into()
        }
    }
}
