//! `exchports schema`

use super::command::Command;

/// The schema that is in the repository; a test holds it against a reader of its own.
const SCHEMA: &str = include_str!("../../.github/report.schema.json");

pub(super) fn command() -> Command {
    Command::Text(SCHEMA.to_owned())
}
