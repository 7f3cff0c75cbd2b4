//! Parse, run, exit; nothing else.

use std::process::ExitCode;

use exchports::app;

fn main() -> ExitCode {
    app::main(std::env::args_os())
}
