//! On MTA-STS (RFC 8461) and TLS reporting (RFC 8460).

use super::autodiscover::http;
use super::case::{DomainCase, DomainEvidence, DomainRule, objection};
use crate::discovery::{Mode, Policy, Txt, Visit};
use crate::facts::{Anchor, Text};
use crate::finding::{Code, Severity};
use crate::observation::{Cause, State};

pub(super) const RULES: &[DomainRule] = &[
    DomainRule {
        code: Code::MtaStsMxNotCovered,
        holds: mx_not_covered,
    },
    DomainRule {
        code: Code::MtaStsMxCertificate,
        holds: mx_certificate,
    },
    DomainRule {
        code: Code::MtaStsRecord,
        holds: record,
    },
    DomainRule {
        code: Code::MtaStsPolicyUnreachable,
        holds: policy_unreachable,
    },
    DomainRule {
        code: Code::MtaStsPolicyInvalid,
        holds: policy_invalid,
    },
    DomainRule {
        code: Code::MtaStsInForce,
        holds: in_force,
    },
    DomainRule {
        code: Code::TlsRptRecord,
        holds: tls_rpt,
    },
];

/// The policy that senders use: one record, a page that they take, and rules that hold for somebody.
fn policy<'a>(case: &DomainCase<'a>) -> Option<&'a Policy> {
    let sts = &case.found.mta_sts;
    let is_record = matches!(sts.record.records.as_slice(), [Ok(_)]);
    let is_page = sts
        .visit
        .as_ref()
        .is_some_and(|visit| unreachable(case, visit).is_none());
    match &sts.policy {
        Some(Ok(policy)) if is_record && is_page => Some(policy),
        _ => None,
    }
}

fn severity(policy: &Policy) -> Severity {
    match policy.mode {
        Mode::Enforce => Severity::Fail,
        Mode::Testing => Severity::Warn,
        Mode::None => Severity::Info,
    }
}

fn mx_not_covered(case: &DomainCase<'_>) -> Vec<DomainEvidence> {
    let Some(policy) = policy(case).filter(|policy| policy.mode != Mode::None) else {
        return Vec::new();
    };
    let hosts = case.found.hosts.iter();
    hosts
        .filter(|host| !policy.covers(&host.name))
        .map(|host| {
            let message = format!(
                "The MTA-STS policy ({}) does not list the mail host {}: it lists {}",
                policy.mode.as_str(),
                host.name,
                policy.mx.join(", ")
            );
            DomainEvidence::new(message, [&host.name]).severity(severity(policy))
        })
        .collect()
}

fn mx_certificate(case: &DomainCase<'_>) -> Vec<DomainEvidence> {
    let Some(policy) = policy(case).filter(|policy| policy.mode != Mode::None) else {
        return Vec::new();
    };
    let hosts = case.found.hosts.iter();
    hosts
        .filter_map(|host| {
            let seen = host
                .seen
                .as_ref()
                .filter(|seen| seen.state == Some(State::Open) && !seen.is_cut_short())?;
            let tls = seen.tls.as_ref().filter(|tls| tls.version.is_some());
            let why = match tls.and_then(|tls| tls.certificate.as_ref()) {
                Some(certificate) => {
                    let why = objection(certificate, case.now)
                        .or_else(|| not_public(certificate.trust.anchor))?;
                    format!("the certificate of {} {why}", host.name)
                }
                None if seen.failure.as_ref().map(|it| it.cause)
                    == Some(Cause::StarttlsNotOffered) =>
                {
                    format!("{} does not offer STARTTLS", host.name)
                }
                None => format!("{} has no working TLS", host.name),
            };
            let message = format!("MTA-STS ({}): {why}", policy.mode.as_str());
            Some(DomainEvidence::new(message, [&host.name]).severity(severity(policy)))
        })
        .collect()
}

/// Senders know the public authorities only; one that was named with `--ca-file` counts as one.
fn not_public(anchor: Option<Anchor>) -> Option<String> {
    match anchor {
        Some(Anchor::System) => {
            Some("chains to a root of this machine only, which senders do not have".to_owned())
        }
        _ => None,
    }
}

fn record(case: &DomainCase<'_>) -> Vec<DomainEvidence> {
    let name = format!("_mta-sts.{}", case.found.domain);
    of_records(&case.found.mta_sts.record, &name)
}

fn tls_rpt(case: &DomainCase<'_>) -> Vec<DomainEvidence> {
    let name = format!("_smtp._tls.{}", case.found.domain);
    of_records(&case.found.tls_rpt, &name)
}

/// Where there is more than one record of a kind, or one that cannot be read, senders go on as if there were none.
fn of_records<T>(txt: &Txt<T>, name: &str) -> Vec<DomainEvidence> {
    let message = match txt.records.as_slice() {
        [] | [Ok(_)] => return Vec::new(),
        [Err(what)] => format!("The record {name} cannot be used: {what}"),
        more => format!("There are {} records at {name} instead of one", more.len()),
    };
    vec![DomainEvidence::new(message, [name])]
}

/// Why no sender takes the page, in words; `None` where it is taken.
fn unreachable(case: &DomainCase<'_>, visit: &Visit) -> Option<String> {
    let Some(seen) = &visit.seen else {
        return Some(super::names::trouble(visit.addresses.outcome));
    };
    if seen.state != Some(State::Open) {
        return Some(format!(
            "port 443 is {}",
            seen.state.map_or("not reached", State::as_str)
        ));
    }
    if let Some(certificate) = seen.tls.as_ref().and_then(|tls| tls.certificate.as_ref())
        && let Some(why) =
            objection(certificate, case.now).or_else(|| not_public(certificate.trust.anchor))
    {
        return Some(format!("its certificate {why}"));
    }
    let Some(facts) = http(seen) else {
        return Some("no answer came".to_owned());
    };
    match seen.failure.as_ref().map(|failure| failure.cause) {
        Some(Cause::Flood) => return Some("it is larger than 64 KB".to_owned()),
        Some(_) => return Some("the answer was incomplete".to_owned()),
        None => {}
    }
    match (facts.status, &facts.location) {
        (Some(200), _) => {}
        (Some(status @ 300..=399), Some(location)) => {
            return Some(format!(
                "{status} redirects to {location}, which senders do not follow"
            ));
        }
        (status, _) => return Some(format!("the answer is {}", status.unwrap_or_default())),
    }
    let kind = visit.content_type.as_ref().map_or("", Text::as_str);
    let kind = kind.split(';').next().unwrap_or_default().trim();
    (!kind.eq_ignore_ascii_case("text/plain")).then(|| {
        let kind = if kind.is_empty() { "missing" } else { kind };
        format!("its content type is {kind}, not text/plain")
    })
}

fn policy_unreachable(case: &DomainCase<'_>) -> Vec<DomainEvidence> {
    let sts = &case.found.mta_sts;
    let (Some(visit), [Ok(_)]) = (&sts.visit, sts.record.records.as_slice()) else {
        return Vec::new();
    };
    if visit.is_cut_short() {
        return Vec::new();
    }
    let Some(why) = unreachable(case, visit) else {
        return Vec::new();
    };
    let message = format!(
        "Senders do not accept the MTA-STS policy at {}: {why}",
        visit.url()
    );
    vec![DomainEvidence::new(message, [&visit.host])]
}

fn policy_invalid(case: &DomainCase<'_>) -> Vec<DomainEvidence> {
    let sts = &case.found.mta_sts;
    let (Some(Err(what)), Some(visit)) = (&sts.policy, &sts.visit) else {
        return Vec::new();
    };
    if unreachable(case, visit).is_some() {
        return Vec::new();
    }
    let message = format!(
        "The MTA-STS policy at {} cannot be used: {what}",
        visit.url()
    );
    vec![DomainEvidence::new(message, [&visit.host])]
}

fn in_force(case: &DomainCase<'_>) -> Vec<DomainEvidence> {
    let Some(policy) = policy(case).filter(|policy| policy.mode != Mode::None) else {
        return Vec::new();
    };
    let days = policy.max_age / 86_400;
    let message = format!(
        "MTA-STS is in force (mode {}), and senders keep the policy for {days} day(s)",
        policy.mode.as_str()
    );
    vec![DomainEvidence::new(message, [&case.found.domain])]
}
