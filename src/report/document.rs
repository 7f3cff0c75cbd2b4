//! One JSON document, written as it comes: the head at once, a target when it and all before it are finished.

use std::fmt;
use std::io::{self, Write};

use time::OffsetDateTime;

use crate::event::{Event, RunFinished, SCHEMA_VERSION};
use crate::finding::DomainFinding;

use super::contract;
use super::domain_document::push_domain;
use super::notation::{Layout, milliseconds, push_json, rfc3339};
use super::order::{Order, Told};
use super::reporter::Reporter;
use super::style::Names;

/// Writes the document.
pub(super) struct Document {
    out: Box<dyn Write + Send>,
    order: Order,
    targets: usize,
    layout: Layout,
    names: Names,
}

impl Document {
    pub(super) fn new(out: Box<dyn Write + Send>, names: Names) -> Self {
        Self {
            out,
            order: Order::default(),
            targets: 0,
            layout: Layout::Indented(2),
            names,
        }
    }

    /// A target on a line, for a page that holds the document besides.
    pub(super) fn dense(out: Box<dyn Write + Send>, names: Names) -> Self {
        Self {
            layout: Layout::Compact,
            ..Self::new(out, names)
        }
    }

    fn push_target(&mut self, told: &Told, text: &mut Vec<u8>) -> io::Result<()> {
        text.extend_from_slice(if self.targets == 0 {
            b"\n    "
        } else {
            b",\n    "
        });
        self.targets += 1;
        let target = contract::Target::in_document(&told.finding, &told.rows);
        push_json(&target, self.layout, text)
    }

    fn push_head(
        &self,
        at: OffsetDateTime,
        domain: Option<&DomainFinding>,
        text: &mut Vec<u8>,
    ) -> io::Result<()> {
        write!(
            text,
            "{{\n  \"schema_version\": {SCHEMA_VERSION},\n  \"exchports\": \"{}\",\n  \"started_at\": \"{}\",\n  {}",
            env!("CARGO_PKG_VERSION"),
            rfc3339(at),
            if self.names == Names::Redacted {
                "\"redacted\": true,\n  "
            } else {
                ""
            }
        )?;
        if let Some(domain) = domain {
            text.extend_from_slice(b"\"domain\": ");
            push_domain(domain, self.domain_layout(), text)?;
            text.extend_from_slice(b",\n  ");
        }
        text.extend_from_slice(b"\"targets\": [");
        Ok(())
    }

    fn domain_layout(&self) -> Layout {
        match self.layout {
            Layout::Compact => Layout::Compact,
            Layout::Indented(_) => Layout::Indented(1),
        }
    }

    fn push_end(&self, end: &RunFinished, text: &mut Vec<u8>) -> io::Result<()> {
        text.extend_from_slice(if self.targets == 0 {
            b"],\n"
        } else {
            b"\n  ],\n"
        });
        text.extend_from_slice(b"  \"summary\": ");
        push_json(
            &contract::Summary::of(&end.summary),
            Layout::Indented(1),
            text,
        )?;
        writeln!(
            text,
            ",\n  \"duration_ms\": {:?},\n  \"interrupted\": {}\n}}",
            milliseconds(end.took),
            contract::interrupted(end.end)
        )
    }
}

impl Reporter for Document {
    fn report(&mut self, event: &Event) -> io::Result<()> {
        let mut text = Vec::new();
        if let Event::RunStarted { at, domain, .. } = event {
            self.push_head(*at, domain.as_deref(), &mut text)?;
        }
        for told in self.order.take(event) {
            self.push_target(&told, &mut text)?;
        }
        if let Event::RunFinished(end) = event {
            self.push_end(end, &mut text)?;
        }
        if text.is_empty() {
            return Ok(());
        }
        self.out.write_all(&text)?;
        self.out.flush()
    }
}

impl fmt::Debug for Document {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Document")
            .field("targets", &self.targets)
            .finish_non_exhaustive()
    }
}
