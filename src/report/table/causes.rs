//! What is the matter, by cause rather than by row.

use std::cmp::Reverse;
use std::net::IpAddr;
use std::sync::Arc;

use crate::catalog::ServiceId;
use crate::finding::{Code, Diagnosis, Finding, Severity, Status, TargetDiagnosis, TargetFinding};
use crate::observation::State;

use super::lines::{FEW, is_web};

/// A cause, and the rows that have it, by their index, each with its own wording.
pub(super) struct SharedCause<'a> {
    /// The diagnosis of the first row that has it.
    pub(super) diagnosis: &'a Diagnosis,
    rows: Vec<(usize, &'a Diagnosis)>,
}

/// All causes that the table tells: the worst first, then in the order of rows.
pub(super) fn causes<'a>(target: &TargetFinding, rows: &'a [Arc<Finding>]) -> Vec<SharedCause<'a>> {
    let mut causes: Vec<SharedCause<'a>> = Vec::new();
    for (index, row) in rows.iter().enumerate() {
        for diagnosis in told(row) {
            if is_told_by(target, row, diagnosis) {
                continue;
            }
            match causes.iter_mut().find(|cause| cause.is_of(diagnosis)) {
                Some(cause) => cause.rows.push((index, diagnosis)),
                None => causes.push(SharedCause {
                    diagnosis,
                    rows: vec![(index, diagnosis)],
                }),
            }
        }
    }
    causes.sort_by_key(|cause| Reverse(cause.diagnosis.severity));
    causes
}

impl<'a> SharedCause<'a> {
    /// The rows that have it.
    pub(super) fn rows(&self) -> Vec<usize> {
        self.rows.iter().map(|(row, _)| *row).collect()
    }

    /// Whether one of its rows is so.
    pub(super) fn has(&self, is_so: impl Fn(usize) -> bool) -> bool {
        self.rows.iter().any(|(row, _)| is_so(*row))
    }

    /// The different wordings, each with its rows.
    pub(super) fn messages(&self) -> Vec<(&'a str, Vec<usize>)> {
        let mut messages: Vec<(&str, Vec<usize>)> = Vec::new();
        for (row, diagnosis) in &self.rows {
            let message = diagnosis.message.as_str();
            match messages.iter_mut().find(|(known, _)| *known == message) {
                Some((_, rows)) => rows.push(*row),
                None => messages.push((message, vec![*row])),
            }
        }
        messages
    }

    fn is_of(&self, other: &Diagnosis) -> bool {
        let Diagnosis {
            code,
            severity,
            hint,
            ..
        } = self.diagnosis;
        (*code, *severity, hint) == (other.code, other.severity, &other.hint)
    }
}

/// The diagnoses of a row that the table tells: warnings and failures; what is merely worth knowing only where nothing
/// else explains why the row did not pass. A port that is closed explains itself.
fn told(row: &Finding) -> impl Iterator<Item = &Diagnosis> {
    let worst = row.diagnoses.iter().map(|told| told.severity).max();
    let least = match (worst, row.status) {
        (Some(Severity::Info), Status::Skip | Status::Warn | Status::Fail) => Severity::Info,
        (Some(Severity::Info), Status::Absent) if row.observation.state == Some(State::Open) => {
            Severity::Info
        }
        _ => Severity::Warn,
    };
    row.diagnoses
        .iter()
        .filter(move |told| told.severity >= least)
}

/// The codes under which what is wrong with a row is explained.
pub(super) fn codes(target: &TargetFinding, row: &Finding) -> Vec<&'static str> {
    let mut codes: Vec<Code> = Vec::new();
    for diagnosis in told(row) {
        let code =
            teller(target, row, diagnosis).map_or(diagnosis.code, |whole| whole.diagnosis.code);
        if !codes.contains(&code) {
            codes.push(code);
        }
    }
    codes.into_iter().map(Code::as_str).collect()
}

/// Whether the target as a whole has told it already.
fn is_told_by(target: &TargetFinding, row: &Finding, diagnosis: &Diagnosis) -> bool {
    teller(target, row, diagnosis).is_some()
}

/// What of the target as a whole tells it as well.
fn teller<'a>(
    target: &'a TargetFinding,
    row: &Finding,
    diagnosis: &Diagnosis,
) -> Option<&'a TargetDiagnosis> {
    target.diagnoses.iter().find(|whole| {
        whole.diagnosis.code.covers(diagnosis.code)
            && whole.diagnosis.severity >= diagnosis.severity
            && (whole.services.is_empty() || whole.services.contains(&row.check.service.id))
            && (whole.addresses.is_empty()
                || address(row).is_some_and(|ip| whole.addresses.contains(&ip)))
    })
}

/// The names of some of the rows, as short as they can be: `smtp, imap`, `all 12`, `https, all 9 web services`,
/// `smtp on 2001:db8::1`.
pub(super) fn label(rows: &[Arc<Finding>], chosen: &[usize]) -> String {
    let services = services(rows, |_| true);
    if chosen.len() == rows.len() && services.len() > 2 {
        return format!("all {}", services.len());
    }
    let is_chosen = |index: usize| chosen.contains(&index);
    // Services of which all rows are chosen go by their name, the others by address.
    let (whole, partial): (Vec<ServiceId>, Vec<ServiceId>) = self::services(rows, is_chosen)
        .into_iter()
        .partition(|service| {
            (0..rows.len()).all(|row| rows[row].check.service.id != *service || is_chosen(row))
        });
    let mut parts = Vec::new();
    if !whole.is_empty() {
        parts.push(names(rows, &whole));
    }
    for ip in addresses(rows, chosen) {
        let there = self::services(rows, |row| address(&rows[row]) == ip);
        let here: Vec<ServiceId> =
            self::services(rows, |row| is_chosen(row) && address(&rows[row]) == ip)
                .into_iter()
                .filter(|service| partial.contains(service))
                .collect();
        let who = if here.len() == there.len() && here.len() > 2 {
            "all".to_owned()
        } else {
            names(rows, &here)
        };
        match ip {
            _ if here.is_empty() => {}
            Some(ip) => parts.push(format!("{who} on {ip}")),
            None => parts.push(who),
        }
    }
    parts.join("; ")
}

/// The services of the rows that are wanted, each once.
fn services(rows: &[Arc<Finding>], wanted: impl Fn(usize) -> bool) -> Vec<ServiceId> {
    let mut found = Vec::new();
    for (index, row) in rows.iter().enumerate() {
        if wanted(index) && !found.contains(&row.check.service.id) {
            found.push(row.check.service.id);
        }
    }
    found
}

/// The addresses of these rows, each once.
fn addresses(rows: &[Arc<Finding>], chosen: &[usize]) -> Vec<Option<IpAddr>> {
    let mut found = Vec::new();
    for row in chosen.iter().map(|&index| &rows[index]) {
        if !found.contains(&address(row)) {
            found.push(address(row));
        }
    }
    found
}

fn address(row: &Finding) -> Option<IpAddr> {
    row.observation.address.map(|address| address.ip())
}

/// The names of services, in one where they are all that there are behind 443.
pub(super) fn names(rows: &[Arc<Finding>], services: &[ServiceId]) -> String {
    let web = self::services(rows, |row| is_web(&rows[row]));
    let is_short = web.len() > FEW && web.iter().all(|id| services.contains(id));
    let mut names: Vec<String> = services
        .iter()
        .filter(|id| !(is_short && web.contains(id)))
        .map(|id| id.row().name.to_owned())
        .collect();
    if is_short {
        names.push(format!("all {} web services", web.len()));
    }
    names.join(", ")
}
