//! One JSON object a line, as it happens.

use std::collections::HashMap;
use std::fmt;
use std::io::{self, Write};

use serde::Serialize;

use crate::event::{Event, TargetId};

use super::contract;
use super::domain_document::domain_line;
use super::notation::{Layout, push_json};
use super::reporter::Reporter;
use super::style::Names;

/// Writes the lines.
pub(super) struct Ndjson {
    out: Box<dyn Write + Send>,
    /// The names of the targets that are under way.
    targets: HashMap<TargetId, String>,
    names: Names,
}

impl Ndjson {
    pub(super) fn new(out: Box<dyn Write + Send>, names: Names) -> Self {
        Self {
            out,
            targets: HashMap::new(),
            names,
        }
    }
}

impl Reporter for Ndjson {
    fn report(&mut self, event: &Event) -> io::Result<()> {
        match event {
            Event::RunStarted { at, domain, .. } => {
                let line = contract::RunStarted::line(*at, self.names);
                write_line(&mut *self.out, &line)?;
                match domain {
                    Some(domain) => write_line(&mut *self.out, &domain_line(domain)),
                    None => Ok(()),
                }
            }
            Event::TargetStarted { target, name, .. } => {
                self.targets.insert(*target, name.clone());
                Ok(())
            }
            Event::TargetResolved { .. } | Event::CheckSeen { .. } => Ok(()),
            Event::CheckFinished {
                target, finding, ..
            } => {
                let name = self.targets.get(target).map_or("", String::as_str);
                let line = contract::Row::line(name, finding);
                write_line(&mut *self.out, &line)
            }
            Event::TargetFinished { target, finding } => {
                self.targets.remove(target);
                write_line(&mut *self.out, &contract::Target::line(finding))
            }
            Event::RunFinished(end) => {
                write_line(&mut *self.out, &contract::RunFinished::line(end))
            }
        }
    }
}

impl fmt::Debug for Ndjson {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ndjson")
            .field("targets", &self.targets)
            .finish_non_exhaustive()
    }
}

fn write_line(out: &mut dyn Write, line: &impl Serialize) -> io::Result<()> {
    let mut text = Vec::new();
    push_json(line, Layout::Compact, &mut text)?;
    text.push(b'\n');
    out.write_all(&text)?;
    out.flush()
}
