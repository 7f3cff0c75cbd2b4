//! Every certificate once, at the end of the table: what it says, and which services of which hosts present it.

use std::sync::Arc;

use crate::facts::Text;
use crate::finding::{Finding, TargetFinding};

use super::super::evidence::{certificate, chain};
use super::super::style::{Paragraph, Style};
use super::causes::label;
use super::columns::INDENT;

/// The certificates of a run, in the order in which they were first presented.
#[derive(Default)]
pub(super) struct Presented(Vec<One>);

/// A certificate.
struct One {
    sha256: String,
    subject: String,
    /// By whom: a host, and which of its services.
    by: Vec<(String, String)>,
    lines: Vec<(&'static str, String)>,
}

/// Columns of the longest label, `presented by`, and a gap.
const LABEL: usize = 14;
/// In fewer columns a label has a line of its own.
const NARROW: usize = 60;

impl Presented {
    /// Adds those of a host.
    pub(super) fn add(&mut self, target: &TargetFinding, rows: &[Arc<Finding>]) {
        let host = Text::from(target.target.as_str()).to_string();
        let mut known: Vec<(&str, Vec<usize>)> = Vec::new();
        for (index, row) in rows.iter().enumerate() {
            let tls = row.observation.tls.as_ref();
            let Some((tls, facts)) = tls.and_then(|tls| Some((tls, tls.certificate.as_ref()?)))
            else {
                continue;
            };
            match known.iter_mut().find(|(sha256, _)| *sha256 == facts.sha256) {
                Some((_, rows)) => rows.push(index),
                None => known.push((&facts.sha256, vec![index])),
            }
            if !self.0.iter().any(|one| one.sha256 == facts.sha256) {
                self.0.push(One {
                    sha256: facts.sha256.clone(),
                    subject: facts.subject.to_string(),
                    by: Vec::new(),
                    lines: [certificate(facts, row.days_left), chain(tls)].concat(),
                });
            }
        }
        for (sha256, chosen) in known {
            if let Some(one) = self.0.iter_mut().find(|one| one.sha256 == sha256) {
                one.by.push((host.clone(), label(rows, &chosen)));
            }
        }
    }

    /// Writes them, a blank line before each.
    pub(super) fn push(&self, several_hosts: bool, style: Style, text: &mut String) {
        let Style { color, width, .. } = style;
        for one in &self.0 {
            text.push('\n');
            let heading = format!("certificate {}", one.subject);
            Paragraph::at(0).push(&heading, width, |line| color.bold(line), text);
            let by = one.by.iter().map(|(host, services)| {
                if several_hosts {
                    format!("{host}: {services}")
                } else {
                    services.clone()
                }
            });
            let by: Vec<String> = by.collect();
            let by = ("presented by", by.join("; "));
            let mut before = "";
            for (label, line) in std::iter::once(&by).chain(&one.lines) {
                let shown = if *label == before { "" } else { *label };
                before = label;
                if width < NARROW {
                    Paragraph::at(INDENT).push(shown, width, |label| color.dim(label), text);
                    Paragraph::at(2 * INDENT).push(line, width, str::to_owned, text);
                    continue;
                }
                let item = Paragraph {
                    indent: INDENT,
                    lead: &color.dim(&format!("{shown:LABEL$}")),
                    lead_width: LABEL,
                    hang: LABEL,
                };
                item.push(line, width, str::to_owned, text);
            }
        }
    }
}
