//! Rules over a mail domain: what is published for it, held against what its hosts showed.
//!
//! Tables like the ones over a check and over a host: on [`mod@names`], on [`autodiscover`], on [`dane`] and on [`mta_sts`].

use std::cmp::Reverse;

use time::OffsetDateTime;

use crate::catalog::{Expectation, ProviderKind, Role, ServiceId, expectation};
use crate::discovery::{Discovery, HostKind, MailHost};
use crate::finding::{Dane, DomainDiagnosis, DomainFinding, Recommended, Severity, Status, Way};
use case::{DomainCase, DomainRule};

mod autodiscover;
mod case;
mod dane;
mod mta_sts;
mod names;
mod statuses;
#[cfg(test)]
mod tests;

/// Says what was found of a domain means. Diagnoses come worst first, then in the order of the [rules](fn@domain_rules).
#[must_use]
pub fn judge_domain(discovery: Discovery, now: OffsetDateTime) -> DomainFinding {
    let ways: Vec<Way> = discovery
        .autodiscover
        .iter()
        .map(autodiscover::way)
        .collect();
    let wins = ways.iter().position(|way| way.is_autodiscover());
    let dane: Vec<Dane> = discovery
        .hosts
        .iter()
        .map(|host| dane::verdict(&discovery, host, now))
        .collect();
    let case = DomainCase {
        found: &discovery,
        ways: &ways,
        wins,
        dane: &dane,
        now,
    };
    let mut diagnoses: Vec<DomainDiagnosis> = domain_rules()
        .flat_map(|rule| rule.diagnose(&case))
        .collect();
    // Stable: what is equally bad stays in the order of the rules.
    diagnoses.sort_by_key(|told| Reverse(told.diagnosis.severity));
    let worst = diagnoses.iter().map(|told| told.diagnosis.severity).max();
    let status = match worst {
        Some(Severity::Fail) => Status::Fail,
        Some(Severity::Warn) => Status::Warn,
        _ => Status::Pass,
    };
    let targets = targets(&case);
    let host_statuses = statuses::of_hosts(&case, &diagnoses);
    let way_statuses = statuses::of_ways(&case);
    let sts_status = statuses::of_sts(&case, &diagnoses);
    DomainFinding {
        discovery,
        status,
        diagnoses,
        ways,
        wins,
        dane,
        host_statuses,
        way_statuses,
        sts_status,
        targets,
    }
}

/// All rules over a domain, in their order.
pub fn domain_rules() -> impl Iterator<Item = &'static DomainRule> {
    [
        names::RULES,
        autodiscover::RULES,
        dane::RULES,
        mta_sts::RULES,
    ]
    .into_iter()
    .flatten()
}

/// The hosts that are worth a check: where Outlook ends, where mail arrives, where mail clients are sent.
fn targets(case: &DomainCase<'_>) -> Vec<Recommended> {
    let mut targets: Vec<Recommended> = Vec::new();
    if let Some(index) = case.wins {
        let way = case.ways.get(index);
        let last = case
            .found
            .autodiscover
            .get(index)
            .and_then(|method| method.visits.last());
        match (way, last) {
            (Some(Way::Online), _) => add(
                &mut targets,
                ONLINE,
                Role::Online,
                (ServiceId::Https, ServiceId::Https.row().port),
                "Autodiscover leads to Exchange Online",
            ),
            (_, Some(last)) => add(
                &mut targets,
                &last.host,
                Role::Published,
                (ServiceId::Https, last.port),
                "Autodiscover answers there",
            ),
            _ => {}
        }
    }
    for srv in &case.found.srv {
        for record in srv.answer.records.iter().take(4) {
            let Some(service) = service_of(srv.service) else {
                continue;
            };
            add(
                &mut targets,
                &record.target,
                Role::Mail,
                (service, record.port),
                "SRV records send mail clients there",
            );
        }
    }
    let hosts = case.found.hosts.iter();
    for host in hosts.filter(|host| is_host(host)) {
        let role = match host.provider.map(|provider| provider.kind) {
            Some(ProviderKind::ExchangeOnline) => Role::OnlineMx,
            _ => Role::Edge,
        };
        add(
            &mut targets,
            &host.name,
            role,
            (ServiceId::Smtp, ServiceId::Smtp.row().port),
            "mail for the domain arrives there",
        );
    }
    targets
}

/// Adds a host, or what it is besides to a host that is there already; one whose name a shell or the program could read otherwise is left
/// out.
fn add(
    targets: &mut Vec<Recommended>,
    name: &str,
    role: Role,
    (service, port): (ServiceId, u16),
    why: &'static str,
) {
    let is_plain = name.starts_with(|first: char| first.is_ascii_alphanumeric())
        && name.len() <= 253
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_'));
    if !is_plain {
        return;
    }
    let map = (service.row().port != port).then_some((service, port));
    let Some(known) = targets.iter_mut().find(|known| known.name == name) else {
        targets.push(Recommended {
            name: name.to_owned(),
            role,
            maps: map.into_iter().collect(),
            requires: Vec::new(),
            why,
        });
        return;
    };
    let is_new = |known: &[(ServiceId, u16)]| !known.iter().any(|(known, _)| *known == service);
    if let Some(map) = map
        && is_new(&known.maps)
    {
        known.maps.push(map);
    }
    let is_required = expectation(known.role, service) == Some(Expectation::Required);
    if known.role != role && !is_required && !known.requires.contains(&service) {
        known.requires.push(service);
    }
}

fn service_of(srv: &str) -> Option<ServiceId> {
    match srv {
        "_submissions" => Some(ServiceId::Submissions),
        "_submission" => Some(ServiceId::Submission),
        "_imaps" => Some(ServiceId::Imaps),
        "_imap" => Some(ServiceId::Imap),
        "_pop3s" => Some(ServiceId::Pop3s),
        "_pop3" => Some(ServiceId::Pop3),
        _ => None,
    }
}

/// Where Exchange Online's services are, whatever Autodiscover's own name is.
const ONLINE: &str = "outlook.office365.com";

fn is_host(host: &MailHost) -> bool {
    host.kind == HostKind::Name && !host.addresses.records.is_empty()
}

/// Why nothing at all could be asked, where the resolver gave no answer to anything; in words.
#[must_use]
pub fn unanswered(found: &Discovery) -> Option<String> {
    let is_mute = !found.mx.outcome.is_answer() && !found.resolver.outcome.is_answer();
    let is_mute = is_mute && found.nonsense.outcome == found.mx.outcome;
    is_mute.then(|| {
        let servers: Vec<String> = found
            .resolver
            .servers
            .iter()
            .map(ToString::to_string)
            .collect();
        format!(
            "{} (asked: {})",
            names::trouble(found.mx.outcome),
            servers.join(", ")
        )
    })
}
