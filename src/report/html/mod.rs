//! # html: one page that needs nothing else
//!
//! A file to be mailed, attached to a ticket, and opened in ten years: no script, nothing loaded from elsewhere, readable
//! light, dark, narrow and on paper. The verdict comes first, so all is written at the end. The template escapes
//! everything that is put into it; this module makes its lines of what was found.

use std::fmt;
use std::io::{self, Write};
use std::sync::{Arc, Mutex, PoisonError};

use askama::Template;

use crate::event::{Event, RunEnd, RunFinished};
use crate::facts::Text;
use crate::finding::{DomainFinding, Finding, Severity, Status};
use crate::observation::{Speaker, State};

use self::timeline::Timeline;
use super::digest::{as_target, counts, domain_verdict, marked, problems, verdict};
use super::document::Document;
use super::evidence::{certificate, chain, days_left, evidence, in_words, took};
use super::notation::rfc3339;
use super::order::{Order, Told};
use super::reporter::Reporter;
use super::style::Names;
use super::transcript;

mod timeline;

/// Writes the page.
pub(super) struct Html {
    out: Box<dyn Write + Send>,
    order: Order,
    document: Document,
    json: PageBuffer,
    started: String,
    hosts: Vec<HostView>,
}

impl Html {
    pub(super) fn new(out: Box<dyn Write + Send>, names: Names) -> Self {
        let json = PageBuffer::default();
        Self {
            out,
            order: Order::default(),
            document: Document::dense(Box::new(json.clone()), names),
            json,
            started: String::new(),
            hosts: Vec::new(),
        }
    }

    fn write(&mut self, end: &RunFinished) -> io::Result<()> {
        let mut hosts = std::mem::take(&mut self.hosts);
        // One host is read at once; of many those that are not well.
        let is_alone = hosts.len() == 1;
        for host in &mut hosts {
            host.is_open = is_alone;
        }
        let worst = hosts.iter().map(|host| host.status.rank).max().unwrap_or(0);
        let status = hosts
            .iter()
            .map(|host| host.status)
            .find(|status| status.rank == worst)
            .unwrap_or(Badge::of(Status::Skip));
        let page = PageView {
            version: env!("CARGO_PKG_VERSION"),
            title: title(&hosts, status),
            status,
            counts: in_all(end),
            started: self.started.clone(),
            took: match end.summary.rounds {
                0 | 1 => in_words(end.took),
                many => format!("{} in {many} rounds", in_words(end.took)),
            },
            end: match end.end {
                RunEnd::Complete => None,
                RunEnd::Interrupted => Some("interrupted"),
                RunEnd::Terminated => Some("terminated"),
            },
            hosts,
            json: self.json.take(),
        };
        let text = page.render().map_err(io::Error::other)?;
        self.out.write_all(text.as_bytes())?;
        self.out.flush()
    }
}

impl Reporter for Html {
    fn report(&mut self, event: &Event) -> io::Result<()> {
        self.document.report(event)?;
        if let Event::RunStarted { at, domain, .. } = event {
            self.started = rfc3339(*at);
            if let Some(domain) = domain {
                self.hosts.push(HostView::of_domain(domain));
            }
        }
        for told in self.order.take(event) {
            let number = self.hosts.len() + 1;
            self.hosts.push(HostView::of(&told, number));
        }
        match event {
            Event::RunFinished(end) => self.write(end),
            _ => Ok(()),
        }
    }
}

impl fmt::Debug for Html {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Html")
            .field("hosts", &self.hosts.len())
            .finish_non_exhaustive()
    }
}

/// A writer whose text can be taken out again.
#[derive(Clone, Default)]
struct PageBuffer(Arc<Mutex<Vec<u8>>>);

impl PageBuffer {
    /// The JSON, such that no reader of HTML can find anything of its own in it: what begins every tag and every comment
    /// stands only in strings there, and can be told in another way.
    fn take(&self) -> String {
        let bytes = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        within_script(&String::from_utf8_lossy(&bytes))
    }
}

impl Write for PageBuffer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn within_script(json: &str) -> String {
    json.replace('<', "\\u003c")
        .replace('>', "\\u003e")
        .replace('&', "\\u0026")
}

#[derive(Template)]
#[template(path = "page.html", config = "src/report/html/askama.toml")]
struct PageView {
    version: &'static str,
    title: String,
    status: Badge,
    counts: String,
    started: String,
    took: String,
    end: Option<&'static str>,
    hosts: Vec<HostView>,
    json: String,
}

/// A word, and a shape for those who do not see its colour.
#[derive(Clone, Copy)]
struct Badge {
    word: &'static str,
    sign: &'static str,
    rank: u8,
}

impl Badge {
    fn of(status: Status) -> Self {
        let (sign, rank) = match status {
            Status::Pass => ("✓", 1),
            Status::Absent => ("–", 0),
            Status::Skip => ("○", 2),
            Status::Warn => ("!", 3),
            Status::Fail => ("✕", 4),
        };
        Self {
            word: status.as_str(),
            sign,
            rank,
        }
    }

    fn of_severity(severity: Severity) -> Self {
        match severity {
            Severity::Info => Self {
                word: "info",
                sign: "i",
                rank: 0,
            },
            Severity::Warn => Self::of(Status::Warn),
            Severity::Fail => Self::of(Status::Fail),
        }
    }
}

struct HostView {
    id: String,
    name: String,
    status: Badge,
    role: &'static str,
    counts: String,
    verdict: String,
    addresses: Vec<String>,
    resolve: Option<String>,
    is_open: bool,
    problems: Vec<ProblemView>,
    rows: Vec<RowView>,
    has_more: bool,
    timeline: Option<Timeline>,
    certificates: Vec<Certificate>,
}

struct ProblemView {
    severity: Badge,
    code: &'static str,
    seen: Vec<(String, String)>,
    /// Its parts, and whether each is to be typed.
    hint: Vec<(bool, String)>,
}

struct RowView {
    id: String,
    port: u16,
    name: String,
    status: Badge,
    expect: &'static str,
    state: &'static str,
    tls: &'static str,
    certificate: String,
    took: String,
    told: Vec<(Badge, String, &'static str)>,
    evidence: Vec<(&'static str, String)>,
    conversation: Vec<(&'static str, String)>,
    has_more: bool,
}

struct Certificate {
    subject: String,
    lines: Vec<(&'static str, String)>,
}

impl HostView {
    /// A mail domain, which has no rows of its own.
    fn of_domain(domain: &DomainFinding) -> Self {
        let told = Told {
            finding: Arc::new(as_target(domain)),
            rows: Vec::new(),
        };
        Self {
            role: "mail domain",
            counts: "mail domain".to_owned(),
            verdict: domain_verdict(domain),
            ..Self::of(&told, 1)
        }
    }

    fn of(told: &Told, number: usize) -> Self {
        let Told { finding, rows } = told;
        let id = format!("host-{number}");
        let shown: Vec<RowView> = rows
            .iter()
            .enumerate()
            .map(|(index, row)| RowView::of(row, &name(row, rows), format!("{id}-{}", index + 1)))
            .collect();
        Self {
            name: Text::from(finding.target.as_str()).to_string(),
            status: Badge::of(finding.status),
            role: finding.role.as_str(),
            counts: counts(rows),
            verdict: verdict(finding, rows),
            addresses: finding.addresses.iter().map(ToString::to_string).collect(),
            resolve: finding.resolve.map(in_words),
            is_open: false,
            problems: problems(finding, rows)
                .iter()
                .map(|problem| ProblemView {
                    severity: Badge::of_severity(problem.severity),
                    code: problem.code.as_str(),
                    seen: problem
                        .seen
                        .iter()
                        .map(|(whom, message)| (whom.clone(), (*message).to_owned()))
                        .collect(),
                    hint: marked(problem.hint)
                        .map(|(is_code, part)| (is_code, part.to_owned()))
                        .collect(),
                })
                .collect(),
            has_more: shown.iter().any(|row| row.has_more),
            timeline: Timeline::of(rows, |row| name(row, rows)),
            certificates: certificates(rows),
            rows: shown,
            id,
        }
    }
}

impl RowView {
    fn of(row: &Finding, name: &str, id: String) -> Self {
        let seen = &row.observation;
        let version = seen.tls.as_ref().and_then(|tls| tls.version);
        let evidence = evidence(row);
        let told: Vec<_> = row
            .diagnoses
            .iter()
            .map(|told| {
                let badge = Badge::of_severity(told.severity);
                (badge, told.message.clone(), told.code.as_str())
            })
            .collect();
        let conversation: Vec<_> = seen
            .transcript
            .iter()
            .map(|line| {
                let class = match line.speaker {
                    Speaker::Client => "c",
                    Speaker::Server => "s",
                    Speaker::Event => "e",
                };
                (class, transcript::line(line))
            })
            .collect();
        Self {
            id,
            port: row.check.port,
            name: name.to_owned(),
            status: Badge::of(row.status),
            expect: row.check.expect.as_str(),
            state: seen.state.map_or("", State::as_str),
            tls: version.map_or("", crate::facts::TlsVersion::name),
            certificate: row.days_left.map_or_else(String::new, days_left),
            took: if seen.steps.is_empty() {
                String::new()
            } else {
                in_words(took(row))
            },
            has_more: !evidence.is_empty() || !told.is_empty(),
            told,
            evidence,
            conversation,
        }
    }
}

/// The service; with its address where there are several.
fn name(row: &Finding, rows: &[Arc<Finding>]) -> String {
    let service = row.check.service;
    let many = rows
        .iter()
        .filter(|other| other.check.service.id == service.id)
        .count();
    match row.observation.address {
        Some(address) if many > 1 => format!("{} on {}", service.name, address.ip()),
        _ => service.name.to_owned(),
    }
}

/// Every certificate once, with the services that present it.
fn certificates(rows: &[Arc<Finding>]) -> Vec<Certificate> {
    let mut found: Vec<(&str, Vec<String>, Certificate)> = Vec::new();
    for row in rows {
        let tls = row.observation.tls.as_ref();
        let Some((tls, facts)) = tls.and_then(|tls| Some((tls, tls.certificate.as_ref()?))) else {
            continue;
        };
        let by = name(row, rows);
        match found
            .iter_mut()
            .find(|(sha256, ..)| *sha256 == facts.sha256)
        {
            Some((_, services, _)) => services.push(by),
            None => found.push((
                &facts.sha256,
                vec![by],
                Certificate {
                    subject: facts.subject.to_string(),
                    lines: [certificate(facts, row.days_left), chain(tls)].concat(),
                },
            )),
        }
    }
    found
        .into_iter()
        .map(|(_, services, mut certificate)| {
            certificate
                .lines
                .insert(0, ("presented by", services.join(", ")));
            certificate
        })
        .collect()
}

fn title(hosts: &[HostView], status: Badge) -> String {
    match hosts {
        [] => "Nothing was checked".to_owned(),
        [host] => format!("{}: {}", host.name, status.word),
        many => {
            let bad = many.iter().filter(|host| host.status.rank >= 3).count();
            match bad {
                0 => format!("{} hosts: {}", many.len(), status.word),
                bad => format!("{bad} of {} hosts need attention", many.len()),
            }
        }
    }
}

fn in_all(end: &RunFinished) -> String {
    let summary = &end.summary;
    let told = [
        ("pass", summary.pass),
        ("warn", summary.warn),
        ("fail", summary.fail),
        ("absent", summary.absent),
        ("skip", summary.skip),
    ];
    let told: Vec<String> = told
        .iter()
        .filter(|(_, many)| *many > 0)
        .map(|(word, many)| format!("{many} {word}"))
        .collect();
    let checks = if summary.checks == 1 {
        "check"
    } else {
        "checks"
    };
    if told.is_empty() {
        format!("{} {checks}", summary.checks)
    } else {
        format!("{} {checks}: {}", summary.checks, told.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_json_ends_its_element_or_begins_a_comment() {
        for text in ["</script><script>alert(1)", "<!--<script>", "a & b > c"] {
            let json = serde_json::to_string(text).expect("JSON");
            let held = within_script(&json);
            assert!(!held.contains(['<', '>', '&']), "{held}");
            let read: String = serde_json::from_str(&held).expect("JSON");
            assert_eq!(read, text);
        }
    }
}
