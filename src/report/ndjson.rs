//! One JSON object a line, as it happens.

use std::fmt;
use std::io::{self, Write};

use serde::Serialize;

use crate::event::Event;

use super::Reporter;
use super::contract;
use super::notation::{Layout, push_json};

/// Writes the lines.
pub(super) struct Ndjson {
    out: Box<dyn Write + Send>,
    targets: Vec<String>,
}

impl Ndjson {
    pub(super) fn new(out: Box<dyn Write + Send>) -> Self {
        Self {
            out,
            targets: Vec::new(),
        }
    }

    fn write_line(&mut self, line: &impl Serialize) -> io::Result<()> {
        let mut text = Vec::new();
        push_json(line, Layout::Compact, &mut text)?;
        text.push(b'\n');
        self.out.write_all(&text)?;
        self.out.flush()
    }
}

impl Reporter for Ndjson {
    fn report(&mut self, event: &Event) -> io::Result<()> {
        match event {
            Event::RunStarted(start) => {
                self.targets = start.targets.iter().map(|(name, _)| name.clone()).collect();
                self.write_line(&contract::RunStarted::line(start))
            }
            Event::TargetResolved { .. } | Event::CheckSeen { .. } => Ok(()),
            Event::CheckFinished {
                target, finding, ..
            } => {
                let name = self.targets.get(*target).cloned().unwrap_or_default();
                self.write_line(&contract::Row::line(&name, finding))
            }
            Event::TargetFinished { finding, .. } => {
                self.write_line(&contract::Target::line(finding))
            }
            Event::RunFinished(end) => self.write_line(&contract::RunFinished::line(end)),
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
