//! `exchports simulate`: the stand-in server serves until it is told to stop; and what faults it can show.

use std::sync::Arc;

use super::error::Error;
use super::limits::runtime;
use super::signals::{Signals, heed};
use super::terminal::{columns, complain, print, to_stdout};
use crate::exit::Exit;
use crate::net::Halter;
use crate::report;
use crate::simulate::{self, FAULTS, Settings};

pub(super) fn serve(settings: Settings) -> Result<Exit, Error> {
    let runtime = runtime(1)?;
    let served = runtime.block_on(async {
        // First: whoever reads the line may stop it at once.
        let signals = Signals::listen()?;
        let simulation = simulate::start(settings).await?;
        let arguments: Vec<String> = simulation
            .check_arguments()
            .iter()
            .map(|argument| shell_word(argument))
            .collect();
        let (halter, mut halt) = Halter::new();
        heed(signals, halter, Arc::default(), Vec::new());
        print(format!("exchports check {}\n", arguments.join(" ")).as_bytes())?;
        complain("serving: check it with the command above; Ctrl-C stops it");
        halt.said().await;
        simulation.stop().await;
        // However it was told to stop: that is how it is meant to end.
        Ok(Exit::Met)
    });
    runtime.shutdown_background();
    served
}

pub(super) fn list_faults() -> Result<Exit, Error> {
    let told: Vec<_> = FAULTS
        .iter()
        .map(|row| {
            let seen = if row.fault.is_for_audit() {
                "; seen with --audit"
            } else {
                ""
            };
            (row.name, format!("{} ({}{seen})", row.what, row.places()))
        })
        .collect();
    let names: Vec<_> = told
        .iter()
        .map(|(name, what)| (*name, what.as_str()))
        .collect();
    let mut text = Vec::new();
    report::glossary(&mut text, &names, columns()).map_err(to_stdout)?;
    print(&text)
}

/// A word as a shell takes it: in double quotes where it has to be, which PowerShell and cmd understand as well.
fn shell_word(word: &str) -> String {
    let is_plain = |c: char| c.is_alphanumeric() || "-_./:=@,+\\[]".contains(c);
    if !word.is_empty() && word.chars().all(is_plain) {
        word.to_owned()
    } else {
        format!("\"{word}\"")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_with_more_than_letters_are_quoted_for_the_shell() {
        for (word, expected) in [
            ("--map", "--map"),
            ("smtp=2525", "smtp=2525"),
            (r"C:\Temp\ca.pem", r"C:\Temp\ca.pem"),
            ("/tmp/my files/ca.pem", "\"/tmp/my files/ca.pem\""),
            ("", "\"\""),
        ] {
            assert_eq!(shell_word(word), expected);
        }
    }
}
