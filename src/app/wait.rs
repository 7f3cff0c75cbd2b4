//! What is waited for with `--wait`, and the line that tells of it.

use std::collections::HashMap;
use std::io::{self, Write as _};
use std::time::Duration;

use crate::event::{Event, RunFinished, TargetId};
use crate::exit::{self, Exit, FailOn};
use crate::facts::Text;
use crate::finding::Status;

use super::terminal::columns;

/// Whether there is nothing left to wait for. Who wants no findings waits for what would be one.
pub(super) fn is_well(finished: &RunFinished, fail_on: FailOn) -> bool {
    let fail_on = match fail_on {
        FailOn::Never => FailOn::Fail,
        other => other,
    };
    exit::decide(finished, fail_on) == Exit::Met
}

/// The line on standard error that is written over again and again.
pub(super) struct WaitLine {
    patience: Duration,
    is_shown: bool,
}

impl WaitLine {
    pub(super) fn new(patience: Duration, is_shown: bool) -> Self {
        Self { patience, is_shown }
    }

    pub(super) fn show(&self, events: &[Event], so_far: Duration) {
        let missing = missing(events);
        let text = format!(
            "waiting, {} s of {} s, for {missing}",
            so_far.as_secs(),
            self.patience.as_secs()
        );
        self.write(&text);
    }

    pub(super) fn clear(&self) {
        self.write("");
        if self.is_shown {
            let _ = write!(io::stderr(), "\r");
        }
    }

    /// Blanks instead of an escape sequence: no console is too old for them.
    fn write(&self, text: &str) {
        if !self.is_shown {
            return;
        }
        let room = columns().unwrap_or(80).saturating_sub(1);
        let text: String = text.chars().take(room).collect();
        // Where nobody reads it nobody misses it.
        let _ = write!(io::stderr(), "\r{text:<room$}");
    }
}

/// `mail.example.com: smtp, imap; other.example.com: https`
fn missing(events: &[Event]) -> String {
    let mut hosts: Vec<(TargetId, Vec<&str>)> = Vec::new();
    let mut names = HashMap::new();
    for event in events {
        match event {
            Event::CheckFinished {
                target, finding, ..
            } if matches!(finding.status, Status::Fail | Status::Skip) => {
                let service = finding.check.service.name;
                match hosts.iter_mut().find(|(known, _)| known == target) {
                    Some((_, services)) => services.push(service),
                    None => hosts.push((*target, vec![service])),
                }
            }
            Event::TargetFinished { target, finding } => {
                names.insert(*target, Text::from(finding.target.as_str()));
            }
            _ => {}
        }
    }
    let told: Vec<String> = hosts
        .iter()
        .map(|(target, services)| {
            let name = names.get(target).map_or("", Text::as_str);
            format!("{name}: {}", services.join(", "))
        })
        .collect();
    told.join("; ")
}
