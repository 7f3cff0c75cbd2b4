//! The table: per target a heading, a row a service, what is wrong and what to do, the verdict; at the end the counts.
//!
//! A row names the codes of what is wrong with it; below all rows each of them is explained once, worst first, with all
//! services that it is about. What is merely worth knowing is told only where nothing else explains a row that did not
//! pass. Of several targets, one that is well is a single line.

use std::cmp::Reverse;
use std::fmt;
use std::io::{self, Write};
use std::sync::Arc;

use crate::catalog::Role;
use crate::event::{Event, RunEnd, RunFinished, Summary};
use crate::facts::{PeerFacts, Text};
use crate::finding::{Code, Diagnosis, Finding, Severity, Status, TargetDiagnosis, TargetFinding};
use crate::observation::State;

use super::domain::push_domain;
use super::order::{Order, Told};
use super::reporter::Reporter;
use super::style::{CertificateList, Color, Paragraph, Rows, Style};

use audit::audited;
use causes::{SharedCause, causes, codes, label, names};
use certificates::Presented;
use columns::{Columns, INDENT};
use durations::in_words;
use lines::{RowLine, is_shown, lines};
use nodes::side_by_side;

mod audit;
mod causes;
mod certificates;
mod columns;
mod durations;
mod lines;
mod nodes;

/// Writes the table.
pub(super) struct Table {
    out: Box<dyn Write + Send>,
    style: Style,
    order: Order,
    hosts: HostCounts,
    presented: Presented,
    last: Last,
}

/// What is known of the targets told so far.
#[derive(Default)]
struct HostCounts {
    /// How many there will be.
    planned: usize,
    /// How many are well and are only counted.
    uncounted: usize,
    /// How many are well.
    well: usize,
    /// How many are not, by status.
    warn: usize,
    fail: usize,
    skip: usize,
    /// What is wrong, each cause of each host once.
    problems: usize,
    /// A line for each host that is not well.
    overview: Vec<(Status, String)>,
}

/// What was written last.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
enum Last {
    #[default]
    Nothing,
    /// One line for a host that is well.
    Line,
    /// A whole page.
    Page,
}

impl Table {
    pub(super) fn new(out: Box<dyn Write + Send>, style: Style) -> Self {
        Self {
            out,
            style,
            order: Order::default(),
            hosts: HostCounts::default(),
            presented: Presented::default(),
            last: Last::default(),
        }
    }

    fn push_target(&mut self, told: &Told, text: &mut String) {
        let several = self.hosts.planned > 1;
        let page = TargetPage::new(told, self.style);
        self.hosts.add(&page);
        if self.style.certificates == CertificateList::Shown {
            self.presented.add(page.target, page.rows);
        }
        let is_short = page.is_well() && (several || self.style.rows == Rows::Problems);
        if is_short && several && self.style.rows == Rows::Problems {
            self.hosts.uncounted += 1;
        } else if is_short && (self.style.rows == Rows::Problems || audited(page.rows).is_empty()) {
            if self.last == Last::Page {
                text.push('\n');
            }
            page.push_short(text);
            self.last = Last::Line;
        } else {
            if self.last != Last::Nothing {
                text.push('\n');
            }
            page.push(several, text);
            self.last = Last::Page;
        }
    }

    /// A name and its nodes in one page, where that fits.
    fn push_nodes(&mut self, group: &[Told], text: &mut String) -> bool {
        let pages: Vec<TargetPage<'_>> = group
            .iter()
            .map(|told| TargetPage::new(told, self.style))
            .collect();
        let [name, ..] = pages.as_slice() else {
            return false;
        };
        if self.style.rows == Rows::Problems {
            return false;
        }
        let Some(table) = side_by_side(group, self.style) else {
            return false;
        };
        if self.last != Last::Nothing {
            text.push('\n');
        }
        name.push_heading(text);
        text.push_str(&table);
        text.push('\n');
        let matters = of_all(&pages);
        for matter in &matters {
            name.push_matter(matter, text);
        }
        if !matters.is_empty() {
            text.push('\n');
        }
        let Style { color, width, .. } = self.style;
        let bold = |line: &str| color.bold(line);
        for page in &pages {
            let label = Text::from(page.target.target.as_str());
            let verdict = format!("{}: {}", label.as_str(), page.target.verdict());
            let status = page.target.status;
            push_worded(status, &verdict, INDENT, (color, width), bold, text);
            self.hosts.add(page);
            if self.style.certificates == CertificateList::Shown {
                self.presented.add(page.target, page.rows);
            }
        }
        // The verdicts stand above.
        self.hosts.overview.clear();
        self.hosts.problems = matters
            .iter()
            .filter(|matter| matter.diagnosis.severity > Severity::Info)
            .count();
        self.last = Last::Page;
        true
    }

    fn push_end(&self, end: &RunFinished, text: &mut String) {
        let hosts = &self.hosts;
        let Style { color, width, .. } = self.style;
        if hosts.planned < 2 {
            let indent = match self.last {
                Last::Nothing => 0,
                Last::Line => SEVERITY,
                Last::Page => INDENT + SEVERITY,
            };
            return push_summary(end, hosts, indent, self.style, text);
        }
        if self.last != Last::Nothing {
            text.push('\n');
        }
        for (status, line) in &hosts.overview {
            push_worded(*status, line, 0, (color, width), str::to_owned, text);
        }
        if hosts.uncounted > 0 {
            let line = match hosts.uncounted {
                1 => "1 host is well".to_owned(),
                many => format!("{many} hosts are well"),
            };
            push_worded(Status::Pass, &line, 0, (color, width), str::to_owned, text);
        }
        push_summary(end, hosts, 0, self.style, text);
    }
}

impl Reporter for Table {
    fn report(&mut self, event: &Event) -> io::Result<()> {
        let mut text = String::new();
        if let Event::RunStarted {
            targets, domain, ..
        } = event
        {
            self.hosts.planned = *targets;
            if let Some(domain) = domain {
                push_domain(domain, self.style, &mut text);
                self.last = Last::Page;
            }
        }
        let told = self.order.take(event);
        // A name is told last, so that it comes with its nodes.
        let has_nodes = told.iter().any(|told| told.finding.node_of.is_some());
        if !(has_nodes && self.push_nodes(&told, &mut text)) {
            for told in &told {
                self.push_target(told, &mut text);
            }
        }
        if let Event::RunFinished(end) = event {
            self.push_end(end, &mut text);
            self.presented
                .push(self.hosts.planned > 1, self.style, &mut text);
        }
        if text.is_empty() {
            return Ok(());
        }
        self.out.write_all(text.as_bytes())?;
        self.out.flush()
    }
}

impl HostCounts {
    fn add(&mut self, page: &TargetPage<'_>) {
        let status = page.target.status;
        match status {
            Status::Pass | Status::Absent => self.well += usize::from(page.is_well()),
            Status::Warn => self.warn += 1,
            Status::Fail => self.fail += 1,
            Status::Skip => self.skip += 1,
        }
        let problems = page.problems();
        self.problems += problems;
        if self.planned > 1 && !page.is_well() {
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

impl fmt::Debug for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Table")
            .field("style", &self.style)
            .finish_non_exhaustive()
    }
}

/// Columns that must be left beside a name, else what is known of it stands below.
const BESIDE: usize = 20;
/// Columns of the word that opens what is not about one row: `fail`, `warn`, `info`, and a gap.
const SEVERITY: usize = 6;

/// One target, laid out.
struct TargetPage<'a> {
    target: &'a TargetFinding,
    rows: &'a [Arc<Finding>],
    lines: Vec<RowLine<'a>>,
    /// What the host is, where it told.
    build: Option<&'a str>,
    /// What is to be explained, worst first.
    matters: Vec<Matter<'a>>,
    style: Style,
}

/// One thing that is explained below the rows.
struct Matter<'a> {
    diagnosis: &'a Diagnosis,
    /// Which services it is about; empty where that is all of them.
    whom: String,
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
    fn new(told: &'a Told, style: Style) -> Self {
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

    fn is_well(&self) -> bool {
        let is_good = |status| matches!(status, Status::Pass | Status::Absent);
        is_good(self.target.status)
            && !self.rows.is_empty()
            && self.rows.iter().all(|row| is_good(row.status))
    }

    /// How many things are wrong.
    fn problems(&self) -> usize {
        let is_wrong = |matter: &&Matter<'_>| matter.diagnosis.severity > Severity::Info;
        self.matters.iter().filter(is_wrong).count()
    }

    /// A host that is well, in one line.
    fn push_short(&self, text: &mut String) {
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

    fn push(&self, several: bool, text: &mut String) {
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
        let name_width = super::style::width(shown.as_str());
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
    fn push_matter(&self, matter: &Matter<'_>, text: &mut String) {
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
fn of_all<'a>(pages: &[TargetPage<'a>]) -> Vec<Matter<'a>> {
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

/// A text after the word of a status.
fn push_worded(
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

fn paint(color: Color, severity: Severity) -> impl Fn(&str) -> String {
    move |line| match severity {
        Severity::Info => color.dim(line),
        Severity::Warn | Severity::Fail => line.to_owned(),
    }
}

fn push_summary(
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

const STATUSES: [Status; 5] = [
    Status::Pass,
    Status::Warn,
    Status::Fail,
    Status::Absent,
    Status::Skip,
];

/// `12 checks: 11 pass, 1 fail`.
fn checks(summary: &Summary) -> String {
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

fn count(many: usize, one: &str, more: &str) -> String {
    format!("{many} {}", if many == 1 { one } else { more })
}
