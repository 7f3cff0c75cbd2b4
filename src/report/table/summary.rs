//! What all targets came to together.

use super::super::style::{Paragraph, Style};
use super::durations::in_words;
use super::page::TargetPage;
use super::wording::{STATUSES, checks, count};
use crate::event::{RunEnd, RunFinished};
use crate::facts::Text;
use crate::finding::Status;
use crate::plan::Limits;

/// What is known of the targets told so far.
#[derive(Default)]
pub(super) struct HostCounts {
    /// How many there will be.
    pub(super) planned: usize,
    /// How many are well and are only counted.
    pub(super) uncounted: usize,
    /// How many are well.
    pub(super) well: usize,
    /// How many are not, by status.
    warn: usize,
    fail: usize,
    skip: usize,
    /// What is wrong, each cause of each host once.
    pub(super) problems: usize,
    /// A line for each host that is not well, for the first [`Limits::OVERVIEW`] of them.
    pub(super) overview: Vec<(Status, String)>,
    /// How many are not well beyond these, and the worst of them.
    pub(super) unlisted: usize,
    pub(super) worst_unlisted: Option<Status>,
}

impl HostCounts {
    pub(super) fn add(&mut self, page: &TargetPage<'_>) {
        let status = page.target.status;
        match status {
            Status::Pass | Status::Absent => self.well += usize::from(page.is_well()),
            Status::Warn => self.warn += 1,
            Status::Fail => self.fail += 1,
            Status::Skip => self.skip += 1,
        }
        let problems = page.problems();
        self.problems += problems;
        if self.planned > 1 && !page.is_well() && self.overview.len() == Limits::OVERVIEW {
            self.unlisted += 1;
            self.worst_unlisted = self.worst_unlisted.max(Some(status));
        } else if self.planned > 1 && !page.is_well() {
            let name = Text::from(page.target.target.as_str());
            let first = page.matters.first().map_or(String::new(), |first| {
                let whom = match first.whom.as_str() {
                    "" => String::new(),
                    whom => format!("{whom}: "),
                };
                let more = match problems {
                    0 | 1 => String::new(),
                    _ => format!(", and {} more", problems - 1),
                };
                format!(": {whom}{}{more}", first.diagnosis.code)
            });
            self.overview
                .push((status, format!("{}{first}", name.as_str())));
        }
    }
}

pub(super) fn push_summary(
    end: &RunFinished,
    hosts: &HostCounts,
    indent: usize,
    style: Style,
    text: &mut String,
) {
    let mut parts = vec![checks(&end.summary)];
    if hosts.planned > 1 {
        let told = [
            (hosts.well, "well"),
            (hosts.warn, Status::Warn.as_str()),
            (hosts.fail, Status::Fail.as_str()),
            (hosts.skip, Status::Skip.as_str()),
        ];
        let told: Vec<String> = told
            .iter()
            .filter(|(many, _)| *many > 0)
            .map(|(many, word)| format!("{many} {word}"))
            .collect();
        let all = count(end.summary.targets, "host", "hosts");
        parts.push(match told.as_slice() {
            [] => all,
            some => format!("{all}: {}", some.join(", ")),
        });
    }
    if hosts.problems > 0 {
        parts.push(count(hosts.problems, "problem", "problems"));
    }
    if end.summary.rounds > 0 {
        parts.push(count(end.summary.rounds, "round", "rounds"));
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
            match STATUSES.iter().find(|status| status.as_str() == bare) {
                Some(status) => word.replace(bare, &style.color.status(*status, bare)),
                None => word.to_owned(),
            }
        });
        words.collect()
    };
    Paragraph::at(indent).push(&parts.join("; "), style.width, paint, text);
}
