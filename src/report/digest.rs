//! What a page says of a target: the verdict, and what is wrong, each cause once.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::sync::Arc;

use crate::catalog::{Group, Role, ServiceId};
use crate::finding::{
    Code, Diagnosis, DomainFinding, Finding, Severity, Status, TargetDiagnosis, TargetFinding,
};
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

/// The parts of a text, and whether each stands between backticks; one without its second is text.
pub(super) fn marked(text: &str) -> impl Iterator<Item = (bool, &str)> {
    let count = text.split('`').count();
    // Of an even number of parts the last begins with a backtick that nothing ends.
    let parts = if count.is_multiple_of(2) {
        count - 1
    } else {
        count
    };
    let mut parts = text.splitn(parts, '`').enumerate();
    std::iter::from_fn(move || parts.next())
        .map(|(index, part)| (index % 2 == 1, part))
        .filter(|(_, part)| !part.is_empty())
}

/// The names of some rows: `smtp, imap`, with the address where a service has several rows and not all are chosen.
fn label(rows: &[Arc<Finding>], chosen: &[usize]) -> String {
    let web = |indexes: &mut dyn Iterator<Item = usize>| {
        let is_web = |index: &usize| rows.get(*index).is_some_and(|row| is_web(row));
        indexes.filter(is_web).count()
    };
    let all_web = web(&mut (0..rows.len()));
    let is_short = all_web > FEW && all_web == web(&mut chosen.iter().copied());
    let mut parts: Vec<String> = Vec::new();
    for &index in chosen {
        let Some(row) = rows.get(index) else { continue };
        if is_short && is_web(row) {
            continue;
        }
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
    if is_short {
        parts.push("all web services".to_owned());
    }
    parts.join(", ")
}

/// As many web services are named one by one.
const FEW: usize = 3;

fn is_web(row: &Finding) -> bool {
    row.check.service.group == Group::Web
}

/// What came of a target, in one sentence without a full stop.
pub(super) fn verdict(target: &TargetFinding, rows: &[Arc<Finding>]) -> String {
    format!("{} ({})", target.verdict(), counts(rows))
}

/// A mail domain in the shape of a target without rows, for pages that tell what is wrong with either.
pub(super) fn as_target(domain: &DomainFinding) -> TargetFinding {
    let diagnoses = domain.diagnoses.iter();
    TargetFinding {
        target: domain.discovery.domain.clone(),
        node_of: None,
        role: Role::Auto,
        addresses: Vec::new(),
        resolve: Some(domain.discovery.took),
        status: domain.status,
        diagnoses: diagnoses
            .map(|told| TargetDiagnosis {
                diagnosis: told.diagnosis.clone(),
                services: Vec::new(),
                addresses: Vec::new(),
            })
            .collect(),
        unrequired: Vec::new(),
        guess: None,
        candidates: Vec::new(),
    }
}

/// What came of a mail domain: `mail domain: 1 wrong, 2 to look at`.
pub(super) fn domain_verdict(domain: &DomainFinding) -> String {
    let count = |severity| {
        let all = domain.diagnoses.iter();
        all.filter(|told| told.diagnosis.severity == severity)
            .count()
    };
    match (count(Severity::Fail), count(Severity::Warn)) {
        (0, 0) => "consistent".to_owned(),
        (0, warn) => format!("{warn} to look at"),
        (fail, 0) => format!("{fail} wrong"),
        (fail, warn) => format!("{fail} wrong, {warn} to look at"),
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_between_backticks_is_to_be_typed() {
        for (text, parts) in [
            ("plain", vec![(false, "plain")]),
            (
                "`a`, then `b`.",
                vec![(true, "a"), (false, ", then "), (true, "b"), (false, ".")],
            ),
            ("a `b", vec![(false, "a `b")]),
            (
                "a `b` c ` d",
                vec![(false, "a "), (true, "b"), (false, " c ` d")],
            ),
            ("``", vec![]),
            ("", vec![]),
        ] {
            assert_eq!(marked(text).collect::<Vec<_>>(), parts, "{text}");
        }
    }
}
