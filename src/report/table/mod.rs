//! The table: per target a heading, a row a service, what is the matter and what to do; at the end the counts.
//!
//! What is the matter with one row stands under it. What several rows have in common (same code, same hint) is told
//! once, below all rows. What is merely worth knowing is told only where nothing else explains a row that did not pass.

use std::fmt;
use std::io::{self, Write};
use std::time::Duration;

use crate::event::{Event, RunEnd, RunFinished};
use crate::facts::Text;
use crate::finding::{Code, Diagnosis, Finding, Severity, Status, TargetDiagnosis, TargetFinding};
use crate::observation::State;

use super::Reporter;
use super::order::{Order, Told};
use super::style::{Color, Paragraph, Style};

use audit::audited;
use causes::{Cause, causes, label, names};
use columns::Columns;
use lines::{Line, is_shown, lines};

mod audit;
mod causes;
mod columns;
mod lines;

/// Writes the table.
pub(super) struct Table {
    out: Box<dyn Write + Send>,
    style: Style,
    order: Order,
}

impl Table {
    pub(super) fn new(out: Box<dyn Write + Send>, style: Style) -> Self {
        Self {
            out,
            style,
            order: Order::default(),
        }
    }
}

impl Reporter for Table {
    fn report(&mut self, event: &Event) -> io::Result<()> {
        let mut text = String::new();
        for told in self.order.take(event) {
            Page::new(&told, self.style).push(&mut text);
            text.push('\n');
        }
        if let Event::RunFinished(end) = event {
            push_summary(end, self.style, &mut text);
        }
        if text.is_empty() {
            return Ok(());
        }
        self.out.write_all(text.as_bytes())?;
        self.out.flush()
    }
}

impl fmt::Debug for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Table")
            .field("style", &self.style)
            .finish_non_exhaustive()
    }
}

/// How far everything below the heading of a target is indented.
const INDENT: usize = 2;
/// Columns of the word that opens what is not about one row: `fail`, `warn`, `info`, and a gap.
const SEVERITY: usize = 6;

/// One target, laid out.
struct Page<'a> {
    target: &'a TargetFinding,
    rows: &'a [Finding],
    lines: Vec<Line<'a>>,
    causes: Vec<Cause<'a>>,
    style: Style,
}

impl<'a> Page<'a> {
    fn new(told: &'a Told, style: Style) -> Self {
        Self {
            target: &told.finding,
            rows: &told.rows,
            lines: lines(&told.rows, style.rows),
            causes: causes(&told.finding, &told.rows),
            style,
        }
    }

    fn push(&self, text: &mut String) {
        self.push_heading(text);
        for told in &self.target.diagnoses {
            let line = format!("{}{}", self.whom(told), told.diagnosis.message);
            self.push_shared(&told.diagnosis, &[line], text);
        }
        if let Some(fate) = self.common_fate() {
            for cause in &self.causes {
                self.push_cause(cause, text);
            }
            let count = self.rows.len();
            let services = if count == 1 { "service" } else { "services" };
            self.push_line(&format!("{count} {services} not {fate}"), text);
            return;
        }
        if !self.target.diagnoses.is_empty() {
            text.push('\n');
        }
        self.push_rows(text);
        let is_told =
            |cause: &Cause<'_>| self.lines.iter().any(|line| cause.only_of(line).is_some());
        let shared: Vec<_> = self.causes.iter().filter(|c| !is_told(c)).collect();
        let audited = audited(self.rows);
        if !shared.is_empty() || !audited.is_empty() {
            text.push('\n');
        }
        for cause in shared {
            self.push_cause(cause, text);
        }
        for line in audited {
            self.push_aside("audit", &line, text);
        }
        text.push('\n');
        self.push_verdict(text);
    }

    /// As what the host was judged, why, and what that comes to.
    fn push_verdict(&self, text: &mut String) {
        let color = self.style.color;
        let status = self.target.status;
        let verdict = Paragraph {
            lead: &format!("{} ", color.status(status, status.as_str())),
            lead_width: status.as_str().len() + 1,
            ..Paragraph::at(INDENT)
        };
        let bold = |line: &str| color.bold(line);
        verdict.push(&self.target.verdict(), self.style.width, bold, text);
    }

    /// Which services a diagnosis of the target is about, where they are not all.
    fn whom(&self, told: &TargetDiagnosis) -> String {
        let mut all = self.rows.iter().map(|row| row.check.service.id);
        if told.services.is_empty() || all.all(|service| told.services.contains(&service)) {
            return String::new();
        }
        format!("{}: ", names(self.rows, &told.services))
    }

    fn push_heading(&self, text: &mut String) {
        let TargetFinding {
            target, addresses, ..
        } = self.target;
        // As typed, and out of a file anything can have been typed.
        let shown = Text::from(target.as_str());
        let mut known: Vec<_> = addresses.iter().map(ToString::to_string).collect();
        // An address literal is its own only address.
        known.retain(|address| address != target.trim_matches(['[', ']']));
        known.extend(
            self.target
                .resolve
                .map(|took| format!("looked up in {}", in_words(took))),
        );
        let role = self.target.role.as_str();
        let known = match known.as_slice() {
            [] => format!("({role})"),
            some => format!("({role}): {}", some.join(", ")),
        };
        let Style { color, width, .. } = self.style;
        let name_width = super::style::width(shown.as_str());
        if name_width > width / 2 {
            Paragraph::at(0).push(shown.as_str(), width, |line| color.bold(line), text);
            Paragraph::at(INDENT).push(&known, width, str::to_owned, text);
        } else {
            let heading = Paragraph {
                indent: 0,
                lead: &format!("{} ", color.bold(shown.as_str())),
                lead_width: name_width + 1,
                hang: INDENT,
            };
            heading.push(&known, width, str::to_owned, text);
        }
    }

    /// What befell all rows alike, so that a table of them would say nothing; `None` when there is a table to show.
    fn common_fate(&self) -> Option<&'static str> {
        let all = |state| self.rows.iter().all(|row| row.observation.state == state);
        if self.rows.is_empty() || all(Some(State::Unresolved)) {
            Some("reached")
        } else if all(None) {
            Some("looked at")
        } else {
            None
        }
    }

    fn push_rows(&self, text: &mut String) {
        let shown: Vec<&Line<'_>> = self
            .lines
            .iter()
            .filter(|line| is_shown(line.row, self.style.rows))
            .collect();
        if shown.is_empty() {
            let count = self.rows.len();
            return self.push_line(&format!("{count} of {count} pass"), text);
        }
        let columns = Columns::fitting(&self.lines, self.style.width);
        text.push_str(&columns.heading());
        for line in shown {
            let row = line.row;
            text.push_str(&columns.row(line, self.style.color));
            let depth = columns.depth();
            if let Some(address) = columns.address_below(row) {
                Paragraph::at(depth).push(&address, self.style.width, str::to_owned, text);
            }
            let own: Vec<_> = self.causes.iter().filter_map(|c| c.only_of(line)).collect();
            for alike in own.chunk_by(|a, b| a.hint == b.hint) {
                for diagnosis in alike {
                    self.push_own(diagnosis, row.status, depth, text);
                }
                if let [diagnosis, ..] = alike {
                    self.push_hint(diagnosis, depth, text);
                }
            }
        }
    }

    /// What is the matter with this row alone.
    fn push_own(&self, diagnosis: &Diagnosis, status: Status, indent: usize, text: &mut String) {
        let Style { color, width, .. } = self.style;
        let severity = diagnosis.severity;
        let word = severity.as_str();
        let message = format!("{} [{}]", diagnosis.message, diagnosis.code);
        // The row has said how bad it is; only what is less bad says so again.
        let what = if severity == Severity::Info || word == status.as_str() {
            Paragraph::at(indent)
        } else {
            Paragraph {
                lead: &format!("{}: ", color.severity(severity, word)),
                lead_width: word.len() + 2,
                ..Paragraph::at(indent)
            }
        };
        what.push(&message, width, paint(color, severity), text);
    }

    /// What is the matter with several rows: each wording with its rows, or where there are many of them, one for all.
    fn push_cause(&self, cause: &Cause<'_>, text: &mut String) {
        let messages = cause.messages();
        let lines: Vec<String> = match messages.as_slice() {
            // What strangers said is worth a line each.
            [(message, rows), _, _, _, ..] if cause.diagnosis.code != Code::NotTheProtocol => {
                let all: Vec<usize> = messages
                    .iter()
                    .flat_map(|(_, rows)| rows)
                    .copied()
                    .collect();
                let one = self.rows[rows[0]].check.service.name;
                vec![format!(
                    "{}, such as {one}: {message}",
                    label(self.rows, &all)
                )]
            }
            few => few
                .iter()
                .map(|(message, rows)| format!("{}: {message}", label(self.rows, rows)))
                .collect(),
        };
        self.push_shared(cause.diagnosis, &lines, text);
    }

    /// What is not the matter of one row: how bad, what, what to do.
    fn push_shared(&self, diagnosis: &Diagnosis, lines: &[String], text: &mut String) {
        let severity = diagnosis.severity;
        let word = self.style.color.severity(severity, severity.as_str());
        let gap = SEVERITY - severity.as_str().len();
        let mut lead = format!("{word}{:gap$}", "");
        for (index, line) in lines.iter().enumerate() {
            let line = if index + 1 == lines.len() {
                format!("{line} [{}]", diagnosis.code)
            } else {
                line.clone()
            };
            let what = Paragraph {
                indent: INDENT,
                lead: &lead,
                lead_width: SEVERITY,
                hang: SEVERITY,
            };
            what.push(
                &line,
                self.style.width,
                paint(self.style.color, severity),
                text,
            );
            lead = " ".repeat(SEVERITY);
        }
        self.push_hint(diagnosis, INDENT + SEVERITY, text);
    }

    /// What is good to know, after a word that says what it is.
    fn push_aside(&self, word: &str, line: &str, text: &mut String) {
        let gap = SEVERITY - word.len();
        let aside = Paragraph {
            indent: INDENT,
            lead: &format!("{}{:gap$}", self.style.color.dim(word), ""),
            lead_width: SEVERITY,
            hang: SEVERITY,
        };
        aside.push(line, self.style.width, str::to_owned, text);
    }

    fn push_hint(&self, diagnosis: &Diagnosis, indent: usize, text: &mut String) {
        if diagnosis.severity > Severity::Info {
            let hint = Paragraph {
                indent,
                lead: "-> ",
                lead_width: 3,
                hang: 3,
            };
            hint.push(&diagnosis.hint, self.style.width, str::to_owned, text);
        }
    }

    fn push_line(&self, line: &str, text: &mut String) {
        Paragraph::at(INDENT).push(line, self.style.width, str::to_owned, text);
    }
}

fn paint(color: Color, severity: Severity) -> impl Fn(&str) -> String {
    move |line| match severity {
        Severity::Info => color.dim(line),
        Severity::Warn | Severity::Fail => line.to_owned(),
    }
}

fn push_summary(end: &RunFinished, style: Style, text: &mut String) {
    let summary = &end.summary;
    let checks = [
        (Status::Pass, summary.pass),
        (Status::Warn, summary.warn),
        (Status::Fail, summary.fail),
        (Status::Absent, summary.absent),
        (Status::Skip, summary.skip),
    ];
    let whole_hosts = [
        (Status::Warn, summary.target_warn),
        (Status::Fail, summary.target_fail),
    ];
    let mut parts = vec![format!(
        "{}: {}",
        count(summary.checks, "check", "checks"),
        counts(&checks)
    )];
    if summary.targets > 1 {
        parts.push(format!("{} targets", summary.targets));
    }
    // Not how many hosts: one can have several such findings, and one without any can fail all the same.
    if summary.target_warn + summary.target_fail > 0 {
        let whom = if summary.targets == 1 {
            "host"
        } else {
            "hosts"
        };
        parts.push(format!("{whom} as a whole: {}", counts(&whole_hosts)));
    }
    parts.push(in_words(end.took));
    match end.end {
        RunEnd::Complete => {}
        RunEnd::Interrupted => parts.push("interrupted".to_owned()),
        RunEnd::Terminated => parts.push("terminated".to_owned()),
    }
    let paint = |line: &str| {
        let words = line.split_inclusive(' ').map(|word| {
            let bare = word.trim_end_matches([' ', ',', ';']);
            match checks.iter().find(|(status, _)| status.as_str() == bare) {
                Some((status, _)) => word.replace(bare, &style.color.status(*status, bare)),
                None => word.to_owned(),
            }
        });
        words.collect()
    };
    Paragraph::at(0).push(&parts.join("; "), style.width, paint, text);
}

fn counts(counts: &[(Status, usize)]) -> String {
    let told: Vec<_> = counts
        .iter()
        .filter(|(_, many)| *many > 0)
        .map(|(status, many)| format!("{many} {}", status.as_str()))
        .collect();
    if told.is_empty() {
        "none".to_owned()
    } else {
        told.join(", ")
    }
}

fn count(many: usize, one: &str, more: &str) -> String {
    format!("{many} {}", if many == 1 { one } else { more })
}

/// `3.1 ms`, `312 ms`, `3.0 s`.
fn in_words(duration: Duration) -> String {
    if duration < Duration::from_secs(1) {
        in_milliseconds(duration)
    } else {
        format!("{:.1} s", duration.as_secs_f64())
    }
}

/// `3.1 ms`, `312 ms`: under a second.
fn in_milliseconds(duration: Duration) -> String {
    let ms = duration.as_secs_f64() * 1e3;
    let decimals = usize::from(ms < 9.95);
    format!("{ms:.decimals$} ms")
}
