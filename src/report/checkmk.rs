//! Local checks of Checkmk's agent: a line for each check, and one for the host as a whole.
//!
//! <https://docs.checkmk.com/latest/en/localchecks.html>

use std::fmt::{self, Write as _};
use std::io::{self, Write};
use std::sync::Arc;

use crate::event::Event;
use crate::facts::Text;
use crate::finding::{Diagnosis, DomainFinding, Finding, PluginState, Severity, Status};
use crate::observation::State;

use super::digest::domain_verdict;
use super::evidence::{days_left, took};
use super::order::{Order, Told};
use super::plugin::{plain, seconds, state, told};
use super::reporter::Reporter;

/// Writes the lines of a target when it is over.
pub(super) struct Checkmk {
    out: Box<dyn Write + Send>,
    order: Order,
}

impl Checkmk {
    pub(super) fn new(out: Box<dyn Write + Send>) -> Self {
        Self {
            out,
            order: Order::default(),
        }
    }
}

impl Reporter for Checkmk {
    fn report(&mut self, event: &Event) -> io::Result<()> {
        let mut text = String::new();
        if let Event::RunStarted {
            domain: Some(domain),
            ..
        } = event
        {
            add_domain(domain, &mut text);
        }
        for told in self.order.take(event) {
            add_host(&told, &mut text);
            for row in &told.rows {
                add_row(&told, row, &mut text);
            }
        }
        if text.is_empty() {
            return Ok(());
        }
        self.out.write_all(text.as_bytes())?;
        self.out.flush()
    }
}

impl fmt::Debug for Checkmk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Checkmk").finish_non_exhaustive()
    }
}

/// What is the matter with the host as a whole, and how many of its checks are well: its own state is that of what no
/// check tells, so that nothing raises two alarms.
fn add_host(told: &Told, text: &mut String) {
    let diagnoses: Vec<&Diagnosis> = told
        .finding
        .diagnoses
        .iter()
        .map(|told| &told.diagnosis)
        .collect();
    let worst = diagnoses.iter().map(|told| told.severity).max();
    let state = match worst {
        Some(Severity::Fail) => PluginState::Critical,
        Some(Severity::Warn) => PluginState::Warning,
        Some(Severity::Info) | None => PluginState::Ok,
    };
    let well = told
        .rows
        .iter()
        .filter(|row| self::state(row) == PluginState::Ok)
        .count();
    let all = told.rows.len();
    let name = Text::from(told.finding.target.as_str());
    let metrics = format!("well={well};;;0;{all}");
    let summary = format!(
        "{well} of {all} checks are well; {}",
        told.finding.verdict()
    );
    let worth = diagnoses
        .into_iter()
        .filter(|told| told.severity > Severity::Info);
    add_line(
        state,
        name.as_str(),
        "host",
        &metrics,
        &summary,
        worth,
        text,
    );
}

/// The mail domain whose hosts follow.
fn add_domain(domain: &DomainFinding, text: &mut String) {
    let state = match domain.status {
        Status::Fail => PluginState::Critical,
        Status::Warn => PluginState::Warning,
        _ => PluginState::Ok,
    };
    let name = Text::from(domain.discovery.domain.as_str());
    let metrics = format!("time={};;;0", seconds(domain.discovery.took));
    let diagnoses = domain.diagnoses.iter().map(|told| &told.diagnosis);
    add_line(
        state,
        name.as_str(),
        "domain",
        &metrics,
        &domain_verdict(domain),
        diagnoses.filter(|told| told.severity > Severity::Info),
        text,
    );
}

fn add_row(target: &Told, row: &Finding, text: &mut String) {
    let name = Text::from(target.finding.target.as_str());
    let service = service_name(row, &target.rows);
    let mut metrics = Vec::new();
    if !row.observation.steps.is_empty() {
        metrics.push(format!("time={};;;0", seconds(took(row))));
    }
    if let Some(days) = row.days_left {
        metrics.push(format!("cert_days={days}"));
    }
    let metrics = if metrics.is_empty() {
        "-".to_owned()
    } else {
        metrics.join("|")
    };
    let diagnoses: Vec<&Diagnosis> = told(&row.diagnoses).collect();
    add_line(
        state(row),
        name.as_str(),
        &service,
        &metrics,
        &summary(row),
        diagnoses.into_iter(),
        text,
    );
}

/// `open, TLSv1.3, certificate 364 days left`
fn summary(row: &Finding) -> String {
    let seen = &row.observation;
    let mut words = vec![row.status.as_str().to_owned()];
    words.push(format!("port {}", row.check.port));
    words.extend(seen.state.map(State::as_str).map(str::to_owned));
    let version = seen.tls.as_ref().and_then(|tls| tls.version);
    words.extend(version.map(|version| version.as_str().to_owned()));
    words.extend(
        row.days_left
            .map(|days| format!("certificate {}", days_left(days))),
    );
    words.join(", ")
}

/// The service; where there are several rows of it, with the address of each.
fn service_name(row: &Finding, rows: &[Arc<Finding>]) -> String {
    let name = row.check.service.name;
    let is_same = |other: &&Arc<Finding>| other.check.service.id == row.check.service.id;
    match row.observation.address {
        Some(address) if rows.iter().filter(is_same).count() > 1 => {
            format!("{name} at {}", address.ip())
        }
        _ => name.to_owned(),
    }
}

/// `0 "exchports mail.example.com smtp" time=0.071|cert_days=364 pass, port 25, open`, then what is the matter behind
/// the two characters that Checkmk takes for the end of a line.
fn add_line<'a>(
    state: PluginState,
    host: &str,
    service: &str,
    metrics: &str,
    summary: &str,
    diagnoses: impl Iterator<Item = &'a Diagnosis>,
    text: &mut String,
) {
    let mut line = plain(summary);
    for (place, told) in diagnoses.enumerate() {
        let between = if place == 0 { ": " } else { "\\n" };
        // Writing to a String cannot fail.
        let _ = write!(line, "{between}{} [{}]", plain(&told.message), told.code);
        if told.severity > Severity::Info {
            let _ = write!(line, "\\n-> {}", plain(&told.hint));
        }
    }
    let _ = writeln!(
        text,
        "{} \"exchports {} {service}\" {metrics} {line}",
        state as u8,
        name(host)
    );
}

/// A host as part of a service's name, in which the monitoring core allows not every character.
fn name(host: &str) -> String {
    let is_illegal = |c: char| "`~!$%^&*|'\"<>?,()=;\\".contains(c) || !c.is_ascii_graphic();
    host.replace(is_illegal, "_")
}
