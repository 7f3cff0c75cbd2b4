//! `exchports list`

use clap::Args;

use super::command::Command;
use super::output::ColorArg;

#[derive(Args, Debug)]
pub(super) struct ListArgs {
    /// As JSON
    #[arg(long)]
    json: bool,

    /// When to use colour; `auto` means on a terminal, unless `NO_COLOR` is set
    #[arg(long, value_enum, default_value_t, value_name = "WHEN")]
    color: ColorArg,
}

impl ListArgs {
    pub(super) fn command(&self) -> Command {
        Command::List {
            json: self.json,
            color: self.color.when(),
        }
    }
}
