//! The words that an option takes, for completions; `--help` does not list them where they would drown it. What is typed
//! beside them is read in [`values`](super::values), which knows aliases, ports and lists, and says what would be right.

use std::ffi::OsStr;

use clap::builder::{PossibleValue, StringValueParser, TypedValueParser};
use clap::{Arg, Command, Error};

use crate::catalog::{self, ROLES, Role};
use crate::judge;
use crate::report::Format;
use crate::simulate::FAULTS;

/// Takes any text, and tells which words are meant to be in it.
#[derive(Clone, Copy)]
pub(super) struct Words(pub(super) fn() -> Vec<&'static str>);

impl TypedValueParser for Words {
    type Value = String;

    fn parse_ref(
        &self,
        command: &Command,
        arg: Option<&Arg>,
        typed: &OsStr,
    ) -> Result<String, Error> {
        StringValueParser::new().parse_ref(command, arg, typed)
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        Some(Box::new((self.0)().into_iter().map(PossibleValue::new)))
    }
}

/// Services and their groups.
pub(super) fn services() -> Vec<&'static str> {
    let ids = catalog::all().map(|service| service.name);
    ids.chain(["web", "all"]).collect()
}

pub(super) fn roles() -> Vec<&'static str> {
    ROLES.iter().map(|row| row.name).collect()
}

/// The roles that the stand-in can play.
pub(super) fn roles_to_play() -> Vec<&'static str> {
    let played = ROLES
        .iter()
        .filter(|row| !matches!(row.role, Role::Auto | Role::Mail));
    played.map(|row| row.name).collect()
}

pub(super) fn formats() -> Vec<&'static str> {
    Format::ALL.iter().map(|format| format.as_str()).collect()
}

pub(super) fn faults() -> Vec<&'static str> {
    FAULTS.iter().map(|row| row.name).collect()
}

pub(super) fn lowest_versions() -> Vec<&'static str> {
    vec!["1.2", "1.3"]
}

/// What can be explained.
pub(super) fn topics() -> Vec<&'static str> {
    judge::words().collect()
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;

    use super::super::{Cli, read};
    use super::*;

    #[test]
    fn every_possible_word_is_taken() {
        for (before, words) in [
            (&["check", "a", "--service"][..], services()),
            (&["check", "a", "--role"], roles()),
            (&["check", "a", "--report"], formats()),
            (&["check", "a", "--min-tls"], lowest_versions()),
            (&["demo", "--audit", "--fault"], faults()),
            (&["simulate", "--role"], roles_to_play()),
            (&["explain"], topics()),
        ] {
            assert!(!words.is_empty());
            for word in words {
                let typed = ["exchports"].iter().chain(before).chain([&word]);
                let read = read(typed.map(OsString::from));
                assert!(read.is_ok(), "{before:?} {word}: {read:?}");
            }
        }
    }

    #[test]
    fn options_tell_completions_which_words_they_take() {
        use clap::CommandFactory as _;
        let known = Cli::command();
        for (command, argument) in [
            ("check", "service"),
            ("check", "role"),
            ("check", "require"),
            ("check", "report"),
            ("demo", "fault"),
            ("simulate", "role"),
            ("simulate", "fault"),
            ("explain", "words"),
        ] {
            let command = known.find_subcommand(command).expect("a command");
            let argument = command
                .get_arguments()
                .find(|found| found.get_id() == argument)
                .expect("an argument");
            assert!(!argument.get_possible_values().is_empty(), "{argument}");
        }
    }
}
