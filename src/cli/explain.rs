//! `exchports explain`

use clap::Args;

use super::command::Command;
use super::error::{UsageError, quoted};
use super::possible::{self, Words};
use crate::judge;

#[derive(Args, Debug)]
pub(super) struct ExplainArgs {
    /// A service, a port, a role, or a code from a report
    #[arg(value_parser = Words(possible::topics), hide_possible_values = true, required_unless_present = "list")]
    word: Option<String>,

    /// List every word that can be explained
    #[arg(long, conflicts_with = "word")]
    list: bool,
}

impl ExplainArgs {
    pub(super) fn command(&self) -> Result<Command, UsageError> {
        let Some(word) = self.word.as_deref().filter(|_| !self.list) else {
            return Ok(Command::Explain(judge::list_of_words()));
        };
        judge::explain(word)
            .map(Command::Explain)
            .ok_or_else(|| unknown(word))
    }
}

fn unknown(word: &str) -> UsageError {
    let near = judge::near(word);
    let meant = match near.as_slice() {
        [] => {
            "give a service, port or role of `exchports list`, or a code from a report;".to_owned()
        }
        [one] => format!("did you mean `{one}`?"),
        [several @ .., last] => format!("did you mean {} or {last}?", several.join(", ")),
    };
    UsageError(format!(
        "nothing is known as {}: {meant} `exchports explain --list` has every word",
        quoted(word)
    ))
}
