//! One target, laid out: its heading, its rows, what is wrong and what to do, its verdict.

use std::cmp::Reverse;
use std::sync::Arc;

use super::super::order::Told;
use super::super::style::{self, Color, Paragraph, Rows, Style};
use super::audit::audited;
use super::causes::{SharedCause, causes, codes, label, names};
use super::columns::{Columns, INDENT};
use super::durations::in_words;
use super::lines::{RowLine, is_shown, lines};
use super::wording::{SEVERITY, checks, count, push_worded};
use crate::catalog::Role;
use crate::event::Summary;
use crate::facts::{PeerFacts, Text};
use crate::finding::{Code, Diagnosis, Finding, Severity, Status, TargetDiagnosis, TargetFinding};
use crate::observation::State;

/// Columns that must be left beside a name, else what is known of it stands below.
const BESIDE: usize = 20;

/// One target, laid out.
pub(super) struct TargetPage<'a> {
    pub(super) target: &'a TargetFinding,
    pub(super) rows: &'a [Arc<Finding>],
    lines: Vec<RowLine<'a>>,
    /// What the host is, where it told.
    build: Option<&'a str>,
    /// What is to be explained, worst first.
    pub(super) matters: Vec<Matter<'a>>,
    style: Style,
}

/// One thing that is explained below the rows.
pub(super) struct Matter<'a> {
    pub(super) diagnosis: &'a Diagnosis,
    /// Which services it is about; empty where that is all of them.
    pub(super) whom: String,
    lines: Vec<String>,
    /// The id of one of its requests, under which the server's logs have it.
    request: Option<&'a str>,
    /// Whether the next one says what to do about this one too.
    is_hint_next: bool,
}

/// What several of one kind ask for in the same words is said once, after the last of them.
fn hint_once(matters: &mut [Matter<'_>]) {
    for index in 1..matters.len() {
        let is_same = {
            let (one, next) = (matters[index - 1].diagnosis, matters[index].diagnosis);
            one.code == next.code && one.hint == next.hint
        };
        matters[index - 1].is_hint_next = is_same;
    }
}

impl<'a> TargetPage<'a> {
    pub(super) fn new(told: &'a Told, style: Style) -> Self {
        let (target, rows) = (&told.finding, told.rows.as_slice());
        let is_build = |told: &&TargetDiagnosis| {
            told.diagnosis.code == Code::ExchangeBuild && told.diagnosis.severity == Severity::Info
        };
        let build = target.diagnoses.iter().find(is_build);
        let mut matters: Vec<Matter<'a>> = target
            .diagnoses
            .iter()
            .filter(|told| !is_build(told))
            .filter(|told| style.rows == Rows::All || told.diagnosis.severity > Severity::Info)
            .map(|told| {
                let whom = whom(rows, told);
                let line = match whom.as_str() {
                    "" => told.diagnosis.message.clone(),
                    whom => format!("{whom}: {}", told.diagnosis.message),
                };
                Matter {
                    diagnosis: &told.diagnosis,
                    whom,
                    lines: vec![line],
                    request: None,
                    is_hint_next: false,
                }
            })
            .collect();
        matters.extend(
            causes(target, rows)
                .iter()
                .filter(|cause| cause.has(|row| is_shown(&rows[row], style.rows)))
                .map(|cause| Matter {
                    diagnosis: cause.diagnosis,
                    whom: label(rows, &cause.rows()),
                    lines: explained(cause, rows),
                    request: cause.rows().iter().find_map(|row| request_id(&rows[*row])),
                    is_hint_next: false,
                }),
        );
        matters.sort_by_key(|matter| Reverse(matter.diagnosis.severity));
        hint_once(&mut matters);
        Self {
            target,
            rows,
            lines: lines(rows, style.rows),
            build: build.map(|told| told.diagnosis.message.as_str()),
            matters,
            style,
        }
    }

    pub(super) fn is_well(&self) -> bool {
        let is_good = |status| matches!(status, Status::Pass | Status::Absent);
        is_good(self.target.status)
            && !self.rows.is_empty()
            && self.rows.iter().all(|row| is_good(row.status))
    }

    /// How many things are wrong.
    pub(super) fn problems(&self) -> usize {
        let is_wrong = |matter: &&Matter<'_>| matter.diagnosis.severity > Severity::Info;
        self.matters.iter().filter(is_wrong).count()
    }

    /// A host that is well, in one line.
    pub(super) fn push_short(&self, text: &mut String) {
        let name = Text::from(self.target.target.as_str());
        let seems = match self.target.guess {
            Some(_) if self.target.role != Role::Auto => ", as it seems",
            _ => "",
        };
        let passed = match self.target.candidates.first() {
            Some(judged) if judged.required > 0 => {
                format!("{} of {} required pass", judged.passed, judged.required)
            }
            _ => count(self.rows.len(), "check", "checks"),
        };
        let role = self.target.role.as_str();
        let line = format!("{}: {role}{seems}; {passed}", name.as_str());
        let Style { color, width, .. } = self.style;
        push_worded(
            self.target.status,
            &line,
            0,
            (color, width),
            str::to_owned,
            text,
        );
    }

    pub(super) fn push(&self, several: bool, text: &mut String) {
        self.push_heading(text);
        let fate = self.common_fate();
        if fate.is_none() {
            self.push_rows(text);
            text.push('\n');
        }
        for matter in &self.matters {
            self.push_matter(matter, text);
        }
        let audited = match self.style.rows {
            Rows::All => audited(self.rows),
            Rows::Problems => Vec::new(),
        };
        for line in &audited {
            self.push_aside("audit", line, text);
        }
        if !audited.is_empty() || !self.matters.is_empty() {
            text.push('\n');
        }
        self.push_verdict(fate, several, text);
    }

    /// As what the host was judged, why, and what that comes to.
    fn push_verdict(&self, fate: Option<&str>, several: bool, text: &mut String) {
        let Style { color, width, .. } = self.style;
        let verdict = match fate {
            Some(fate) => format!(
                "{} not {fate}",
                count(self.rows.len(), "service", "services")
            ),
            None if several => {
                let mut summary = Summary::default();
                self.rows.iter().for_each(|row| summary.add_check(row));
                format!("{}; {}", self.target.verdict(), checks(&summary))
            }
            None => self.target.verdict(),
        };
        let bold = |line: &str| color.bold(line);
        push_worded(
            self.target.status,
            &verdict,
            INDENT,
            (color, width),
            bold,
            text,
        );
    }

    pub(super) fn push_heading(&self, text: &mut String) {
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
        let proxy = self
            .rows
            .iter()
            .find_map(|row| row.observation.proxy.as_ref());
        known.extend(proxy.map(|proxy| format!("through {proxy}")));
        let mut known = known.join(", ");
        if let Some(build) = self.build {
            let gap = if known.is_empty() { "" } else { "; " };
            known = format!("{known}{gap}{build}");
        }
        let Style { color, width, .. } = self.style;
        let name_width = style::width(shown.as_str());
        if known.is_empty() || name_width > width / 2 || name_width + BESIDE > width {
            Paragraph::at(0).push(shown.as_str(), width, |line| color.bold(line), text);
            Paragraph::at(INDENT).push(&known, width, str::to_owned, text);
        } else {
            let shown = format!("{}:", color.bold(shown.as_str()));
            let heading = Paragraph {
                indent: 0,
                lead: &format!("{shown} "),
                lead_width: name_width + 2,
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
        let shown: Vec<&RowLine<'_>> = self
            .lines
            .iter()
            .filter(|line| is_shown(line.row, self.style.rows))
            .collect();
        if shown.is_empty() {
            return;
        }
        let codes: Vec<String> = shown
            .iter()
            .map(|line| codes(self.target, line.row).join(", "))
            .collect();
        let columns = Columns::fitting(&shown, &codes, self.style.width);
        text.push_str(&columns.heading());
        for (line, codes) in shown.into_iter().zip(&codes) {
            text.push_str(&columns.row(line, codes, self.style.color));
            let below = [
                columns.address_below(line.row),
                columns.codes_below(codes).map(str::to_owned),
            ];
            for told in below.into_iter().flatten() {
                let at = Paragraph::at(columns.depth());
                at.push(&told, self.style.width, str::to_owned, text);
            }
        }
    }

    /// One thing that is wrong or worth knowing: how bad, what, what to do.
    pub(super) fn push_matter(&self, matter: &Matter<'_>, text: &mut String) {
        let Matter {
            diagnosis, lines, ..
        } = matter;
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
        if !matter.is_hint_next {
            self.push_hint(diagnosis, INDENT + SEVERITY, text);
        }
        if let Some(id) = matter.request.filter(|_| severity > Severity::Info) {
            let line = format!(r"request-id {id}: grep it in Logging\HttpProxy on the server");
            let aside = Paragraph::at(INDENT + SEVERITY + 3);
            aside.push(&line, self.style.width, str::to_owned, text);
        }
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
}

/// What is to be told of a name and its nodes, each thing once, with the places that have it.
pub(super) fn of_all<'a>(pages: &[TargetPage<'a>]) -> Vec<Matter<'a>> {
    let mut all: Vec<(Vec<&str>, &Matter<'a>)> = Vec::new();
    for page in pages {
        for matter in &page.matters {
            let is_it = |(_, other): &&mut (Vec<&str>, &Matter<'a>)| {
                other.diagnosis.code == matter.diagnosis.code
                    && other.diagnosis.severity == matter.diagnosis.severity
                    && other.lines == matter.lines
            };
            match all.iter_mut().find(is_it) {
                Some((places, _)) => places.push(&page.target.target),
                None => all.push((vec![&page.target.target], matter)),
            }
        }
    }
    let mut matters: Vec<Matter<'a>> = all
        .into_iter()
        .map(|(places, matter)| {
            // What differs says where by itself.
            let is_everywhere =
                places.len() == pages.len() || matter.diagnosis.code == Code::NodesDiffer;
            let mut lines = matter.lines.clone();
            if let (Some(first), false) = (lines.first_mut(), is_everywhere) {
                let places = Text::from(places.join(", ").as_str());
                *first = format!("{}: {first}", places.as_str());
            }
            Matter {
                diagnosis: matter.diagnosis,
                whom: matter.whom.clone(),
                lines,
                request: matter.request,
                is_hint_next: false,
            }
        })
        .collect();
    matters.sort_by_key(|matter| Reverse(matter.diagnosis.severity));
    hint_once(&mut matters);
    matters
}

/// The id of the request behind what a web service answered.
fn request_id(row: &Finding) -> Option<&str> {
    match row.observation.peer.as_ref()? {
        PeerFacts::Http(facts) => facts.request_id.as_ref().map(Text::as_str),
        _ => None,
    }
}

/// Which services a diagnosis of the target is about, where they are not all.
fn whom(rows: &[Arc<Finding>], told: &TargetDiagnosis) -> String {
    let mut all = rows.iter().map(|row| row.check.service.id);
    if told.services.is_empty() || all.all(|service| told.services.contains(&service)) {
        return String::new();
    }
    names(rows, &told.services)
}

/// What is wrong with some rows: each wording with its rows, or where there are many of them, one for all.
fn explained(cause: &SharedCause<'_>, rows: &[Arc<Finding>]) -> Vec<String> {
    let messages = cause.messages();
    match messages.as_slice() {
        // What strangers said is worth a line each.
        [(message, first), _, _, _, ..] if cause.diagnosis.code != Code::NotTheProtocol => {
            let one = rows[first[0]].check.service.name;
            vec![format!(
                "{}; for example {one}: {message}",
                label(rows, &cause.rows())
            )]
        }
        few => few
            .iter()
            .map(|(message, chosen)| format!("{}: {message}", label(rows, chosen)))
            .collect(),
    }
}

fn paint(color: Color, severity: Severity) -> impl Fn(&str) -> String {
    move |line| match severity {
        Severity::Info => color.dim(line),
        Severity::Warn | Severity::Fail => line.to_owned(),
    }
}
