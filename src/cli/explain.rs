//! `exchports explain`

use clap::Args;

use super::command::Command;
use super::error::{UsageError, quoted};
use super::possible::{self, Words};
use crate::judge;

#[derive(Args, Debug)]
pub(super) struct ExplainArgs {
    /// A service, a port, a role, or a code from a report
    #[arg(value_parser = Words(possible::topics), hide_possible_values = true)]
    word: String,
}

impl ExplainArgs {
    pub(super) fn command(&self) -> Result<Command, UsageError> {
        match judge::explain(&self.word) {
            Some(page) => Ok(Command::Explain(page)),
            None => Err(unknown(&self.word)),
        }
    }
}

fn unknown(word: &str) -> UsageError {
    let near = judge::near(word);
    let like = if near.is_empty() {
        String::new()
    } else {
        format!("; like it: {}", near.join(", "))
    };
    UsageError(format!(
        "nothing is known as {}: give a service or port of `exchports list`, a role, or a code from a report{like}",
        quoted(word)
    ))
}
