//! The conversations, word for word.

use std::collections::HashMap;
use std::fmt;
use std::io::{self, Write};
use std::sync::Arc;

use crate::event::{Event, TargetId};
use crate::facts::Text;
use crate::finding::Finding;
use crate::observation::{Line, Speaker};

use super::reporter::Reporter;

/// Writes the conversation of every check when the check is over: a heading, then its lines. Checks that said nothing
/// are left out.
#[must_use]
pub fn transcript(out: Box<dyn Write + Send>) -> Box<dyn Reporter + Send> {
    Box::new(Conversations {
        out,
        targets: HashMap::new(),
    })
}

/// `C: EHLO [192.0.2.1]` what we said, `S: 250 mail` what the peer said, `* connected` what happened; from the second
/// connection on with its number before it: `[2] C: EHLO [192.0.2.1]`.
pub(super) fn line(line: &Line) -> String {
    let Line {
        connection, text, ..
    } = line;
    let speaker = match line.speaker {
        Speaker::Client => "C:",
        Speaker::Server => "S:",
        Speaker::Event => "*",
    };
    if *connection > 1 {
        format!("[{connection}] {speaker} {text}")
    } else {
        format!("{speaker} {text}")
    }
}

struct Conversations {
    out: Box<dyn Write + Send>,
    /// The names of the targets that are under way.
    targets: HashMap<TargetId, String>,
}

impl Reporter for Conversations {
    fn report(&mut self, event: &Event) -> io::Result<()> {
        match event {
            Event::TargetStarted { target, name, .. } => {
                self.targets.insert(*target, name.clone());
                Ok(())
            }
            Event::TargetFinished { target, .. } => {
                self.targets.remove(target);
                Ok(())
            }
            Event::CheckFinished {
                target, finding, ..
            } if !finding.observation.transcript.is_empty() => {
                let target = self.targets.get(target).map_or("", String::as_str);
                self.out
                    .write_all(conversation(target, finding).as_bytes())?;
                self.out.flush()
            }
            _ => Ok(()),
        }
    }
}

impl fmt::Debug for Conversations {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Conversations")
            .field("targets", &self.targets)
            .finish_non_exhaustive()
    }
}

/// Passes everything on but the conversations.
pub(super) struct Withheld(pub(super) Box<dyn Reporter + Send>);

impl Reporter for Withheld {
    fn report(&mut self, event: &Event) -> io::Result<()> {
        match event {
            Event::CheckFinished {
                target,
                row,
                finding,
            } if !finding.observation.transcript.is_empty() => {
                let mut finding = (**finding).clone();
                finding.observation.transcript = Vec::new();
                self.0.report(&Event::CheckFinished {
                    target: *target,
                    row: *row,
                    finding: Arc::new(finding),
                })
            }
            _ => self.0.report(event),
        }
    }
}

fn conversation(target: &str, finding: &Finding) -> String {
    use fmt::Write as _;
    let mut text = format!("{} {}", Text::from(target), finding.check.service.name);
    // Writing to a String cannot fail.
    let _ = match finding.observation.address {
        Some(address) => writeln!(text, " ({address})"),
        None => writeln!(text, " (port {})", finding.check.port),
    };
    for said in &finding.observation.transcript {
        let _ = writeln!(text, "  {}", line(said));
    }
    text.push('\n');
    text
}
