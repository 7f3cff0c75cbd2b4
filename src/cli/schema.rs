//! `exchports schema`

use clap::Args;

use super::command::Command;
use super::error::{UsageError, quoted};

/// The schemas that are in the repository; tests hold each against a reader of its own.
const REPORT: &str = include_str!("../../.github/report.schema.json");
const DISCOVER: &str = include_str!("../../.github/discover.schema.json");

#[derive(Args, Debug)]
pub(super) struct SchemaArgs {
    /// Which document: `report` is written by `check --report json`, `discover` by `discover --json`
    #[arg(value_name = "DOCUMENT", default_value = "report")]
    document: String,
}

impl SchemaArgs {
    pub(super) fn command(&self) -> Result<Command, UsageError> {
        match self.document.as_str() {
            "report" | "check" => Ok(Command::Text(REPORT.to_owned())),
            "discover" => Ok(Command::Text(DISCOVER.to_owned())),
            other => Err(UsageError(format!(
                "there is no schema of {}: give report or discover",
                quoted(other)
            ))),
        }
    }
}
