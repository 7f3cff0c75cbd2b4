//! The word that opens a line, and the counts in one.

use super::super::style::{Color, Paragraph};
use crate::event::Summary;
use crate::finding::Status;

/// Columns of the word that opens what is not about one row: `fail`, `warn`, `info`, and a gap.
pub(super) const SEVERITY: usize = 6;

/// A text after the word of a status.
pub(super) fn push_worded(
    status: Status,
    line: &str,
    indent: usize,
    (color, width): (Color, usize),
    paint: impl Fn(&str) -> String,
    text: &mut String,
) {
    let word = status.as_str();
    let gap = SEVERITY.saturating_sub(word.len()).max(1);
    let worded = Paragraph {
        indent,
        lead: &format!("{}{:gap$}", color.status(status, word), ""),
        lead_width: word.len() + gap,
        hang: SEVERITY,
    };
    worded.push(line, width, paint, text);
}

pub(super) const STATUSES: [Status; 5] = [
    Status::Pass,
    Status::Warn,
    Status::Fail,
    Status::Absent,
    Status::Skip,
];

/// `12 checks: 11 pass, 1 fail`.
pub(super) fn checks(summary: &Summary) -> String {
    let many = [
        summary.pass,
        summary.warn,
        summary.fail,
        summary.absent,
        summary.skip,
    ];
    let told: Vec<_> = STATUSES.into_iter().zip(many).collect();
    format!(
        "{}: {}",
        count(summary.checks, "check", "checks"),
        counts(&told)
    )
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

pub(super) fn count(many: usize, one: &str, more: &str) -> String {
    format!("{many} {}", if many == 1 { one } else { more })
}
