//! On the ways to Autodiscover: what each comes to, which one wins, and what the others do to Outlook.

use super::case::{DomainCase, DomainEvidence, DomainRule, objection};
use crate::catalog::is_online_autodiscover;
use crate::discovery::{Method, MethodKind, Scheme, Visit};
use crate::facts::{HttpFacts, Outcome, PeerFacts, Text};
use crate::finding::{Code, Severity, Way};
use crate::observation::{Cause, Observation, State};

pub(super) const RULES: &[DomainRule] = &[
    DomainRule {
        code: Code::AutodiscoverNotFound,
        holds: not_found,
    },
    DomainRule {
        code: Code::AutodiscoverCertificate,
        holds: certificate,
    },
    DomainRule {
        code: Code::AutodiscoverContradicts,
        holds: contradicts,
    },
    DomainRule {
        code: Code::AutodiscoverSlow,
        holds: slow,
    },
    DomainRule {
        code: Code::AutodiscoverRedirectsElsewhere,
        holds: redirects_elsewhere,
    },
    DomainRule {
        code: Code::AutodiscoverDeadEnd,
        holds: dead_end,
    },
    DomainRule {
        code: Code::AutodiscoverWebSite,
        holds: web_site,
    },
    DomainRule {
        code: Code::AutodiscoverFound,
        holds: found,
    },
];

/// What a way comes to.
pub(super) fn way(method: &Method) -> Way {
    let online = method.visits.iter().any(|visit| {
        let names = visit.addresses.aliases.iter().chain([&visit.host]);
        let mut names = names.map(String::as_str);
        names.any(is_online_autodiscover)
    });
    let Some(last) = method.visits.last() else {
        return match method.srv.as_ref().map(|srv| srv.outcome) {
            _ if method.is_cut_short() => Way::Unfinished,
            Some(outcome) if !outcome.is_answer() => Way::LookupFailed,
            _ => Way::NoName,
        };
    };
    let came_to = page(last);
    let is_there = matches!(
        came_to,
        Way::Exchange | Way::DeadEnd | Way::OtherAnswer | Way::WebSite
    );
    if online && is_there {
        return Way::Online;
    }
    match (method.kind, came_to) {
        // On port 80 nobody signs in: Outlook takes nothing from there but a redirect.
        (MethodKind::Redirect, Way::Exchange) if last.scheme == Scheme::Http => Way::OtherAnswer,
        (_, way) => way,
    }
}

fn page(visit: &Visit) -> Way {
    let has_answered = visit.seen.as_ref().is_some_and(|seen| http(seen).is_some());
    if visit.is_cut_short() && !has_answered {
        return Way::Unfinished;
    }
    let Some(seen) = &visit.seen else {
        return if visit.addresses.outcome.is_answer() && visit.addresses.outcome != Outcome::Found {
            Way::NoName
        } else {
            Way::LookupFailed
        };
    };
    match (seen.state, http(seen)) {
        (Some(State::Closed | State::Unreachable), _) => Way::Closed,
        (Some(State::Filtered), _) => Way::Silent,
        (_, Some(facts)) => answer(facts, visit),
        _ => match seen.failure.as_ref().map(|failure| failure.cause) {
            Some(Cause::Silent | Cause::Stalled) => Way::Silent,
            _ => Way::Broken,
        },
    }
}

fn answer(facts: &HttpFacts, visit: &Visit) -> Way {
    let asks = |scheme: &str| {
        let mut schemes = facts.authentication.iter();
        schemes.any(|found| found.as_str().eq_ignore_ascii_case(scheme))
    };
    let is_exchange = !visit.signs.is_empty()
        || visit.json.is_some_and(|(_, names_protocol)| names_protocol)
        || asks("Negotiate")
        || asks("NTLM")
        || asks("Bearer");
    let is_xml = visit
        .content_type
        .as_ref()
        .is_some_and(|kind| kind.as_str().to_ascii_lowercase().contains("xml"));
    match facts.status {
        Some(401) if is_exchange || asks("Basic") => Way::Exchange,
        Some(200) if is_xml => Way::Exchange,
        Some(200) => Way::WebSite,
        Some(301..=303 | 307 | 308) => Way::DeadEnd,
        Some(_) => Way::OtherAnswer,
        None => Way::Broken,
    }
}

/// What the web server said, where it said anything.
pub(super) fn http(seen: &Observation) -> Option<&HttpFacts> {
    match &seen.peer {
        Some(PeerFacts::Http(facts)) if facts.status.is_some() => Some(facts),
        _ => None,
    }
}

fn not_found(case: &DomainCase<'_>) -> Vec<DomainEvidence> {
    let is_there = case.found.mx.outcome != Outcome::NoName && case.found.mx.outcome.is_answer();
    let takes_mail = case
        .found
        .mx
        .records
        .iter()
        .any(|record| !record.host.is_empty());
    let is_known = !case.ways.contains(&Way::Unfinished);
    if case.wins.is_some() || !is_there || !takes_mail || !is_known {
        return Vec::new();
    }
    let domain = &case.found.domain;
    let evidence = DomainEvidence::new(
        format!("None of the four ways to Autodiscover of {domain} leads to Exchange"),
        [domain],
    );
    let mut services = case.found.srv.iter().flat_map(|srv| &srv.answer.records);
    vec![if services.any(|record| !record.target.is_empty()) {
        evidence.severity(Severity::Info)
    } else {
        evidence
    }]
}

fn certificate(case: &DomainCase<'_>) -> Vec<DomainEvidence> {
    let mut told: Vec<DomainEvidence> = Vec::new();
    let ways = case.ways.iter().zip(&case.found.autodiscover);
    for (index, (_, method)) in ways.enumerate() {
        for visit in &method.visits {
            let seen = visit.seen.as_ref();
            let tls = seen.and_then(|seen| seen.tls.as_ref());
            let Some(certificate) = tls.and_then(|tls| tls.certificate.as_ref()) else {
                continue;
            };
            let Some(why) = objection(certificate, case.now) else {
                continue;
            };
            // Behind a name of Exchange Online no certificate has the domain's: Outlook knows, and takes the redirect.
            let aliases = &visit.addresses.aliases;
            if aliases.iter().any(|alias| is_online_autodiscover(alias)) {
                continue;
            }
            if told.iter().any(|known| known.about.contains(&visit.host)) {
                continue;
            }
            let message = format!("The certificate of {} {why}", visit.host);
            let evidence = DomainEvidence::new(message, [&visit.host]);
            // Outlook stops at a way that is later than the one that wins.
            let is_met = case.wins.is_none_or(|wins| index <= wins);
            told.push(if is_met {
                evidence
            } else {
                evidence.severity(Severity::Info)
            });
        }
    }
    told
}

fn contradicts(case: &DomainCase<'_>) -> Vec<DomainEvidence> {
    let mut ends: Vec<(&str, usize)> = Vec::new();
    for (index, (way, method)) in case.ways.iter().zip(&case.found.autodiscover).enumerate() {
        let end = match way {
            Way::Online => "Exchange Online",
            Way::Exchange => method.visits.last().map_or("", |visit| visit.host.as_str()),
            _ => continue,
        };
        if !ends.iter().any(|(known, _)| *known == end) {
            ends.push((end, index));
        }
    }
    let is_online = ends.iter().any(|(end, _)| *end == "Exchange Online");
    if ends.len() < 2 || !is_online {
        return Vec::new();
    }
    let words: Vec<String> = ends
        .iter()
        .map(|(end, index)| {
            let url = case.found.autodiscover.get(*index);
            let url = url.and_then(|method| method.visits.first()).map(Visit::url);
            format!(
                "{} to {end}",
                url.unwrap_or_else(|| "the SRV record".to_owned())
            )
        })
        .collect();
    vec![DomainEvidence::new(
        format!(
            "The Autodiscover methods contradict each other: {}",
            words.join(", ")
        ),
        ends.iter().map(|(end, _)| *end),
    )]
}

fn slow(case: &DomainCase<'_>) -> Vec<DomainEvidence> {
    let met = case.wins.unwrap_or(case.ways.len());
    let ways = case.ways.iter().zip(&case.found.autodiscover).take(met);
    ways.filter(|(way, _)| **way == Way::Silent)
        .filter_map(|(_, method)| {
            let last = method.visits.last()?;
            let message = format!("{} does not answer, and Outlook waits for it", last.url());
            Some(DomainEvidence::new(message, [&last.host]))
        })
        .collect()
}

fn redirects_elsewhere(case: &DomainCase<'_>) -> Vec<DomainEvidence> {
    let wins = case
        .wins
        .and_then(|index| case.found.autodiscover.get(index));
    let Some(method) = wins else {
        return Vec::new();
    };
    let (Some(first), Some(last)) = (method.visits.first(), method.visits.last()) else {
        return Vec::new();
    };
    let is_within = |host: &str| {
        let domain = &case.found.domain;
        host == domain || host.ends_with(&format!(".{domain}"))
    };
    let is_asked = method.kind == MethodKind::Redirect || method.kind == MethodKind::Srv;
    if !is_asked || is_within(&last.host) || is_online_autodiscover(&last.host) {
        return Vec::new();
    }
    let message = match method.kind {
        MethodKind::Srv => format!(
            "The service record sends Outlook to {}, another domain",
            last.host
        ),
        _ => format!(
            "{} sends Outlook to {}, another domain",
            first.url(),
            last.host
        ),
    };
    vec![DomainEvidence::new(message, [&last.host])]
}

fn dead_end(case: &DomainCase<'_>) -> Vec<DomainEvidence> {
    let ways = case.ways.iter().zip(&case.found.autodiscover);
    let mut told: Vec<String> = Vec::new();
    ways.filter(|(way, _)| **way == Way::DeadEnd)
        .filter_map(|(_, method)| {
            let last = method.visits.last()?;
            // Two ways can end in one place.
            if told.contains(&last.url()) {
                return None;
            }
            told.push(last.url());
            let location = http(last.seen.as_ref()?)?.location.as_ref();
            let location = location.map_or("nowhere", Text::as_str);
            let message = format!(
                "{} redirects to {location}, which Outlook does not follow",
                last.url()
            );
            Some(DomainEvidence::new(message, [&last.host]))
        })
        .collect()
}

fn web_site(case: &DomainCase<'_>) -> Vec<DomainEvidence> {
    let met = case.wins.unwrap_or(case.ways.len());
    let ways = case.ways.iter().zip(&case.found.autodiscover).take(met);
    ways.filter(|(way, method)| **way == Way::WebSite && method.kind != MethodKind::Redirect)
        .filter_map(|(_, method)| {
            let last = method.visits.last()?;
            let message = format!(
                "A web site answers {} with a page of its own, as it answers every request",
                last.url()
            );
            Some(DomainEvidence::new(message, [&last.host]))
        })
        .collect()
}

fn found(case: &DomainCase<'_>) -> Vec<DomainEvidence> {
    let Some(index) = case.wins else {
        return Vec::new();
    };
    let (Some(way), Some(method)) = (case.ways.get(index), case.found.autodiscover.get(index))
    else {
        return Vec::new();
    };
    let place = match way {
        Way::Online => "Exchange Online".to_owned(),
        _ => method
            .visits
            .last()
            .map(|visit| visit.host.clone())
            .unwrap_or_default(),
    };
    let by = match method.kind {
        MethodKind::Domain => "the domain's own web server",
        MethodKind::Host => "the host autodiscover",
        MethodKind::Redirect => "the redirect on port 80",
        MethodKind::Srv => "the service record",
    };
    vec![DomainEvidence::new(
        format!("Outlook finds {place} by {by}"),
        [&case.found.domain],
    )]
}
