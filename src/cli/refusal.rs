//! What clap says of a command line, on one line: what was wrong, and where the right is told.

use std::borrow::Cow;
use std::ffi::OsString;

use clap::error::{ContextKind, ContextValue, ErrorKind};

use super::command::Command;
use super::error::{UsageError, quoted, without_controls};
use super::targets;

/// Help that was asked for is an answer; the rest is an error of one line.
pub(super) fn read(
    error: &clap::Error,
    typed: &[OsString],
    known: &clap::Command,
) -> Result<Command, UsageError> {
    let text = error.render();
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => {
            Ok(Command::Help(text.ansi().to_string()))
        }
        ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            Ok(Command::Nothing(text.ansi().to_string()))
        }
        kind => Err(UsageError(match meant(error, kind, typed, known) {
            Some(meant) => meant,
            None => format!(
                "{}; see exchports{} --help",
                sentence(&text.to_string()),
                command_of(typed, known)
            ),
        })),
    }
}

/// The same of a program that is one command only.
pub(super) fn read_plugin(error: &clap::Error, name: &str) -> Result<Command, UsageError> {
    let text = error.render();
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => {
            Ok(Command::Help(text.ansi().to_string()))
        }
        _ => Err(UsageError(format!(
            "{}; see {name} --help",
            sentence(&text.to_string())
        ))),
    }
}

/// What people type that other tools take, and what it is here.
fn meant(
    error: &clap::Error,
    kind: ErrorKind,
    typed: &[OsString],
    known: &clap::Command,
) -> Option<String> {
    let told = |kind| match error.get(kind) {
        Some(ContextValue::String(word)) => Some(word.as_str()),
        _ => None,
    };
    match kind {
        ErrorKind::InvalidSubcommand => {
            let word = told(ContextKind::InvalidSubcommand)?;
            let is_host = word.contains(['.', ':']) && targets::host(word).is_ok();
            is_host.then(|| {
                format!(
                    "{} is not a command: to check a host, exchports check {word}",
                    quoted(word)
                )
            })
        }
        ErrorKind::UnknownArgument => {
            let option = told(ContextKind::InvalidArg)?;
            let option = option.split(['=', ' ']).next().unwrap_or(option);
            let has_command = typed
                .iter()
                .skip(1)
                .filter_map(|word| word.to_str())
                .any(|word| {
                    known
                        .get_subcommands()
                        .any(|command| command.get_name() == word)
                });
            let belongs_to_check = known.find_subcommand("check").is_some_and(|check| {
                let bare = option.trim_start_matches('-');
                check.get_arguments().any(|argument| {
                    argument.get_long() == Some(bare)
                        || argument.get_short().map(String::from).as_deref() == Some(bare)
                })
            });
            match option {
                _ if !has_command && belongs_to_check => Some(format!(
                    "{option} is an option of a command: for example exchports check {option} … mail.example.com"
                )),
                "--port" | "--ports" | "-p" => {
                    let port = port_behind(option, typed).unwrap_or_else(|| "443".to_owned());
                    Some(format!(
                        "there is no {option}: name the service by its port, as in --service {port}, or move one to another port, as in --map https=8443"
                    ))
                }
                "--insecure" | "-k" => Some(format!(
                    "there is no {option}, and none is needed: an untrusted certificate does not end a check; to trust your own authority, give --ca-file FILE"
                )),
                _ => None,
            }
        }
        _ => None,
    }
}

/// The list of ports that was typed behind an option, or with it.
fn port_behind(option: &str, typed: &[OsString]) -> Option<String> {
    let mut words = typed.iter().filter_map(|word| word.to_str());
    let with = words.find_map(|word| word.strip_prefix(option).map(str::to_owned))?;
    let ports = match with.trim_start_matches('=') {
        "" => words.next()?,
        with => with,
    };
    let is_list = ports.split(',').all(|port| port.parse::<u16>().is_ok());
    is_list.then(|| ports.to_owned())
}

/// The message and its tips, without the usage that follows.
fn sentence(text: &str) -> String {
    let mut sentence = String::new();
    let mut is_new_paragraph = false;
    for line in text.lines() {
        let line = line.trim().trim_start_matches("error: ");
        if line.starts_with("Usage:") || line.starts_with("For more information") {
            break;
        }
        if is_long_list(line) {
            continue;
        }
        if line.is_empty() {
            is_new_paragraph = true;
            continue;
        }
        if !sentence.is_empty() {
            sentence.push_str(if is_new_paragraph { "; " } else { " " });
        }
        sentence.push_str(&closest(line.trim_start_matches("tip: ")));
        is_new_paragraph = false;
    }
    without_controls(&sentence)
}

/// Of several commands that are like what was typed, the one that is most like it: clap has it last.
fn closest(tip: &str) -> Cow<'_, str> {
    let several = tip.strip_prefix("some similar subcommands exist: ");
    match several.and_then(|words| words.rsplit(", ").next()) {
        Some(word) => format!("a similar subcommand exists: {word}").into(),
        None => tip.into(),
    }
}

/// More words than can be read at a glance.
fn is_long_list(line: &str) -> bool {
    const GLANCE: usize = 200;
    line.starts_with("[possible values: ") && line.len() > GLANCE
}

/// ` check` and the like: the first word that is a command.
fn command_of(typed: &[OsString], known: &clap::Command) -> String {
    typed
        .iter()
        .skip(1)
        .filter_map(|word| word.to_str())
        .find(|word| {
            known
                .find_subcommand(word)
                .is_some_and(|command| command.get_name() != "help")
        })
        .map(|word| format!(" {word}"))
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::super::read;
    use super::*;

    fn refused(words: &[&str]) -> String {
        let typed = std::iter::once("exchports").chain(words.iter().copied());
        match read(typed.map(OsString::from)) {
            Err(error) => error.to_string(),
            Ok(meant) => panic!("{words:?}: {meant:?}"),
        }
    }

    #[test]
    fn what_clap_refuses_is_told_on_one_line_with_its_tip() {
        for (words, said) in [
            (
                &["check", "--forbidd", "rdp", "a"][..],
                "unexpected argument '--forbidd' found; a similar argument exists: '--forbid'; see exchports check --help",
            ),
            (
                &["check", "a", "--timeout"],
                "a value is required for '--timeout <D>' but none was supplied; see exchports check --help",
            ),
            (
                &["check", "a", "--trust", "nobody"],
                "invalid value 'nobody' for '--trust <TRUST>' [possible values: both, public, system]; see exchports check --help",
            ),
            (
                &["demo", "--fault"],
                "a value is required for '--fault <NAME>' but none was supplied; see exchports demo --help",
            ),
            (
                &["check", "-4", "-6", "a"],
                "the argument '--ipv4' cannot be used with '--ipv6'; see exchports check --help",
            ),
            (
                &["explain"],
                "the following required arguments were not provided: <WORD>...; see exchports explain --help",
            ),
            (
                &["chek"],
                "unrecognized subcommand 'chek'; a similar subcommand exists: 'check'; see exchports --help",
            ),
            (
                &["mail.example.com"],
                "`mail.example.com` is not a command: to check a host, exchports check mail.example.com",
            ),
            (
                &["check", "a", "--port", "587"],
                "there is no --port: name the service by its port, as in --service 587, or move one to another port, as in --map https=8443",
            ),
            (
                &["check", "a", "-p443,25"],
                "there is no -p: name the service by its port, as in --service 443,25, or move one to another port, as in --map https=8443",
            ),
            (
                &["-s", "smtp", "a"],
                "-s is an option of a command: for example exchports check -s … mail.example.com",
            ),
            (
                &["check", "a", "--insecure"],
                "there is no --insecure, and none is needed: an untrusted certificate does not end a check; to trust your own authority, give --ca-file FILE",
            ),
            (
                &["explain"],
                "the following required arguments were not provided: <WORD>...; see exchports explain --help",
            ),
        ] {
            assert_eq!(refused(words), said);
        }
    }

    #[test]
    fn what_was_typed_cannot_break_the_line() {
        let said = refused(&["check", "--a\u{1b}[31m\r\nb", "a"]);
        assert!(!said.chars().any(char::is_control), "{said:?}");
    }
}
