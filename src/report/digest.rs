//! What a page says of a target: the verdict, and what is wrong, each cause once.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::sync::Arc;

use crate::catalog::{Expectation, ServiceId};
use crate::finding::{Code, Diagnosis, Finding, Severity, Status, TargetFinding};
use crate::observation::State;

/// One thing that is wrong, with every row that has it.
pub(super) struct Problem<'a> {
    pub(super) severity: Severity,
    pub(super) code: Code,
    /// What was seen, and on which services; nobody is named where it is the whole host.
    pub(super) seen: Vec<(String, &'a str)>,
    /// What to do.
    pub(super) hint: &'a str,
}

impl Problem<'_> {
    /// `imap, imaps: the connection was refused; pop3: …`; of many wordings the first, and how many more there are.
    pub(super) fn sentence(&self) -> String {
        /// As many are told word for word.
        const FEW: usize = 3;
        let told = self.seen.iter().take(FEW).map(|(whom, message)| {
            if whom.is_empty() {
                (*message).to_owned()
            } else {
                format!("{whom}: {message}")
            }
        });
        let mut told: Vec<String> = told.collect();
        if self.seen.len() > FEW {
            told.push(format!("and {} more like it", self.seen.len() - FEW));
        }
        told.join("; ")
    }
}

/// Everything that is wrong: worst first, the host as a whole before its services. What is merely worth knowing is left
/// out, unless it is all there is to say of a row that did not pass.
pub(super) fn problems<'a>(
    target: &'a TargetFinding,
    rows: &'a [Arc<Finding>],
) -> Vec<Problem<'a>> {
    let mut found: Vec<Problem<'a>> = Vec::new();
    for told in &target.diagnoses {
        if told.diagnosis.severity > Severity::Info {
            let whom = services(told.services.iter().copied(), rows);
            add(&mut found, &told.diagnosis, whom);
        }
    }
    let mut of_rows: Vec<(&Diagnosis, Vec<usize>)> = Vec::new();
    for (index, row) in rows.iter().enumerate() {
        for diagnosis in worth_telling(row) {
            if is_told_by(target, row, diagnosis) {
                continue;
            }
            match of_rows.iter_mut().find(|(known, _)| *known == diagnosis) {
                Some((_, rows)) => rows.push(index),
                None => of_rows.push((diagnosis, vec![index])),
            }
        }
    }
    for (diagnosis, chosen) in of_rows {
        add(&mut found, diagnosis, label(rows, &chosen));
    }
    found.sort_by_key(|problem| Reverse(problem.severity));
    found
}

fn add<'a>(found: &mut Vec<Problem<'a>>, diagnosis: &'a Diagnosis, whom: String) {
    let is_same = |known: &&mut Problem<'_>| {
        (known.code, known.severity, known.hint)
            == (diagnosis.code, diagnosis.severity, &*diagnosis.hint)
    };
    let seen = (whom, diagnosis.message.as_str());
    match found.iter_mut().find(is_same) {
        Some(known) => known.seen.push(seen),
        None => found.push(Problem {
            severity: diagnosis.severity,
            code: diagnosis.code,
            seen: vec![seen],
            hint: &diagnosis.hint,
        }),
    }
}

fn worth_telling(row: &Finding) -> impl Iterator<Item = &Diagnosis> {
    let worst = row.diagnoses.iter().map(|told| told.severity).max();
    let is_all = worst == Some(Severity::Info)
        && match row.status {
            Status::Skip | Status::Warn | Status::Fail => true,
            Status::Absent => row.observation.state == Some(State::Open),
            Status::Pass => false,
        };
    row.diagnoses
        .iter()
        .filter(move |told| is_all || told.severity > Severity::Info)
}

/// Whether the target as a whole has told it already.
fn is_told_by(target: &TargetFinding, row: &Finding, diagnosis: &Diagnosis) -> bool {
    let ip = row.observation.address.map(|address| address.ip());
    target.diagnoses.iter().any(|whole| {
        whole.diagnosis.code.covers(diagnosis.code)
            && whole.diagnosis.severity >= diagnosis.severity
            && (whole.services.is_empty() || whole.services.contains(&row.check.service.id))
            && (whole.addresses.is_empty() || ip.is_some_and(|ip| whole.addresses.contains(&ip)))
    })
}

/// The services by name; nothing where they are all that were looked at.
fn services(about: impl Iterator<Item = ServiceId>, rows: &[Arc<Finding>]) -> String {
    let about: Vec<ServiceId> = about.collect();
    if rows.iter().all(|row| about.contains(&row.check.service.id)) {
        return String::new();
    }
    let names: Vec<&str> = about.iter().map(|id| id.row().name).collect();
    names.join(", ")
}

/// The names of some rows: `smtp, imap`, with the address where a service has several rows and not all are chosen.
fn label(rows: &[Arc<Finding>], chosen: &[usize]) -> String {
    let mut parts: Vec<String> = Vec::new();
    for &index in chosen {
        let Some(row) = rows.get(index) else { continue };
        let is_same = |other: &Finding| other.check.service.id == row.check.service.id;
        let of_service = rows.iter().filter(|other| is_same(other)).count();
        let here = chosen.iter().filter_map(|&index| rows.get(index));
        let name = match row.observation.address {
            Some(address) if of_service > here.filter(|other| is_same(other)).count() => {
                format!("{} on {}", row.check.service.name, address.ip())
            }
            _ => row.check.service.name.to_owned(),
        };
        if !parts.contains(&name) {
            parts.push(name);
        }
    }
    parts.join(", ")
}

/// What came of a target, in one sentence without a full stop.
pub(super) fn verdict(target: &TargetFinding, rows: &[Arc<Finding>]) -> String {
    let required = |row: &&Arc<Finding>| row.check.expect == Expectation::Required;
    let all = rows.iter().filter(required).count();
    let works = |row: &&Arc<Finding>| matches!(row.status, Status::Pass | Status::Warn);
    let well = rows.iter().filter(required).filter(works).count();
    let lead = match target.status {
        Status::Pass | Status::Absent => "as it should be",
        Status::Warn => "it works, with defects",
        Status::Skip => "not looked at",
        Status::Fail => "not as it should be",
    };
    if all == 0 {
        return format!("{lead}: {}", counts(rows));
    }
    format!(
        "{lead}: {well} of {all} required {} ({})",
        if well == 1 {
            "check works"
        } else {
            "checks work"
        },
        counts(rows)
    )
}

/// `10 pass, 1 fail, 1 absent`, the worst last.
pub(super) fn counts(rows: &[Arc<Finding>]) -> String {
    let mut many: BTreeMap<Status, usize> = BTreeMap::new();
    for row in rows {
        *many.entry(row.status).or_default() += 1;
    }
    let told = many
        .iter()
        .map(|(status, many)| format!("{many} {}", status.as_str()));
    let told: Vec<_> = told.collect();
    if told.is_empty() {
        "nothing to check".to_owned()
    } else {
        told.join(", ")
    }
}
