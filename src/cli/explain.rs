//! `exchports explain`

use clap::Args;

use super::command::Command;
use super::error::{UsageError, quoted};
use super::possible::{self, Words};
use crate::judge;

#[derive(Args, Debug)]
pub(super) struct ExplainArgs {
    /// A service, port, role, a code from a report, or an error from another program
    // Several, since people paste `450 4.7.230` as it stands.
    #[arg(
        value_parser = Words(possible::topics),
        hide_possible_values = true,
        required_unless_present = "list",
        value_name = "WORD"
    )]
    words: Vec<String>,

    /// List every word that can be explained
    #[arg(long, conflicts_with = "words")]
    list: bool,
}

impl ExplainArgs {
    pub(super) fn command(&self) -> Result<Command, UsageError> {
        if self.list {
            return Ok(Command::Explain(judge::list_of_words()));
        }
        let pasted = self.words.join(" ");
        judge::explain(&pasted)
            .map(Command::Explain)
            .ok_or_else(|| unknown(&pasted))
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
