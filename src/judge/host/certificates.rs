//! Rules on the certificates of a target: whether its services, and its addresses, serve the same one.

use std::net::IpAddr;

use time::{Duration, OffsetDateTime};

use super::case::{HostRule, TargetCase, TargetEvidence, address, names, services, worst_of};
use super::shared::certificate;
use crate::catalog::{Expectation, Group, Protocol, ServiceId};
use crate::facts::CertificateFacts;
use crate::finding::{Code, Finding, Severity};
use crate::judge::quoting::date;

pub(super) const RULES: &[HostRule] = &[
    HostRule {
        code: Code::CertificateExpired,
        holds: |whole| of_predecessors(whole, Code::CertificateExpired),
    },
    HostRule {
        code: Code::CertificateExpiresSoon,
        holds: |whole| of_predecessors(whole, Code::CertificateExpiresSoon),
    },
    HostRule {
        code: Code::CertificateDiffers,
        holds: |whole| of_predecessors(whole, Code::CertificateDiffers),
    },
];

/// A certificate and the rows that serve it.
struct Served<'a> {
    certificate: &'a CertificateFacts,
    rows: Vec<&'a Finding>,
}

/// The certificates that were renewed in one place and not in another, of those the ones that this code is about: one
/// that has expired, or is about to, is that matter, with the renewal that it missed, and no second one.
fn of_predecessors(whole: &TargetCase<'_>, code: Code) -> Vec<TargetEvidence> {
    let served = served(whole);
    let Some(newest) = served
        .iter()
        .max_by_key(|one| (one.certificate.not_before, one.certificate.not_after))
    else {
        return Vec::new();
    };
    served
        .iter()
        .filter(|one| is_predecessor(one.certificate, newest.certificate))
        .filter(|one| matter(&one.rows) == code)
        .map(|old| {
            let severity = worst_of(code, old.rows.iter().copied());
            told(old, newest, whole.context.now).severity(severity.max(Severity::Warn))
        })
        .collect()
}

/// What these rows say of the dates of their certificate; where nothing, that another is newer.
fn matter(rows: &[&Finding]) -> Code {
    let is_told = |code: &Code| {
        rows.iter()
            .any(|row| row.diagnoses.iter().any(|told| told.code == *code))
    };
    [Code::CertificateExpired, Code::CertificateExpiresSoon]
        .into_iter()
        .find(is_told)
        .unwrap_or(Code::CertificateDiffers)
}

/// Every certificate that somebody checks, or that was meant to be checked. Directories and desktops have their own by
/// design, and one signed by itself is what setup made: neither is a renewal that was forgotten.
fn served<'a>(whole: &TargetCase<'a>) -> Vec<Served<'a>> {
    let mut all: Vec<Served<'a>> = Vec::new();
    for finding in whole.rows() {
        let protocol = finding.check.service.protocol;
        // Nor is one renewed for what must not be reachable.
        let is_forbidden = finding.check.expect == Expectation::Forbidden;
        if is_forbidden || matches!(protocol, Protocol::Ldap | Protocol::Rdp) {
            continue;
        }
        let Some(found) = certificate(finding).filter(|found| !found.self_signed) else {
            continue;
        };
        match all
            .iter_mut()
            .find(|one| one.certificate.sha256 == found.sha256)
        {
            Some(one) => one.rows.push(finding),
            None => all.push(Served {
                certificate: found,
                rows: vec![finding],
            }),
        }
    }
    // What is behind 443 has the certificate of 443, which stands for it.
    let is_port = |row: &&Finding| row.check.service.group == Group::Port;
    for one in &mut all {
        if one.rows.iter().any(is_port) {
            one.rows.retain(is_port);
        }
    }
    all
}

/// Whether the one was to be replaced by the other: made out to one name at least that both have, begun earlier, and
/// ending earlier.
pub(super) fn is_predecessor(old: &CertificateFacts, new: &CertificateFacts) -> bool {
    // What is issued in one go, such as one for each kind of key, begins together.
    const TOGETHER: Duration = Duration::DAY;
    let shares_name = old.names.iter().any(|name| {
        new.names
            .iter()
            .any(|other| other.as_str().eq_ignore_ascii_case(name.as_str()))
    });
    shares_name && new.not_before - old.not_before > TOGETHER && new.not_after > old.not_after
}

fn told(old: &Served<'_>, new: &Served<'_>, now: OffsetDateTime) -> TargetEvidence {
    let (of_old, of_new) = (
        services(old.rows.iter().copied()),
        services(new.rows.iter().copied()),
    );
    let same_service: Vec<ServiceId> = of_old
        .iter()
        .copied()
        .filter(|service| of_new.contains(service))
        .collect();
    let ends = if old.certificate.not_after < now {
        "expired on"
    } else {
        "expires on"
    };
    if same_service.is_empty() {
        let message = format!(
            "the certificate {ends} {}, and the newer one of {}, which expires on {}, is not assigned here",
            date(old.certificate.not_after),
            names(&of_new),
            date(new.certificate.not_after)
        );
        let told = TargetEvidence::new(message, old.rows.iter().copied());
        return match assign_hint(&old.rows) {
            Some(hint) => told.hint(hint),
            None => told,
        };
    }
    let addresses = |one: &Served<'_>| {
        let mut found: Vec<IpAddr> = one.rows.iter().filter_map(|row| address(row)).collect();
        found.sort_unstable();
        found.dedup();
        found
    };
    let list = |addresses: &[IpAddr]| {
        let listed: Vec<String> = addresses.iter().map(ToString::to_string).collect();
        listed.join(", ")
    };
    let (at_old, at_new) = (addresses(old), addresses(new));
    if at_old == at_new || at_old.is_empty() {
        // The same address gives now this one, now that one: members behind a load balancer.
        let message = format!(
            "two certificates are served in turn: one expires on {}, the other on {}",
            date(old.certificate.not_after),
            date(new.certificate.not_after)
        );
        return TargetEvidence::new(message, old.rows.iter().copied()).hint(
            "Possibly the members behind a load balancer differ: check each one with `--address`, and assign the new \
             certificate to those that still serve the old one.",
        );
    }
    let message = format!(
        "the certificate at {} {ends} {} and is older than the one at {}, which expires on {}",
        list(&at_old),
        date(old.certificate.not_after),
        list(&at_new),
        date(new.certificate.not_after)
    );
    TargetEvidence::new(message, old.rows.iter().copied())
        .hint(
            "Assign the new certificate to the servers at the older addresses (`Enable-ExchangeCertificate`), or install \
             it on the load balancer there.",
        )
        .at(at_old)
}

/// How to assign the new certificate, where one kind of service alone has the old one.
fn assign_hint(rows: &[&Finding]) -> Option<&'static str> {
    let is_all = |is: fn(Protocol) -> bool| rows.iter().all(|row| is(row.check.service.protocol));
    if is_all(|protocol| protocol == Protocol::Http) {
        Some(
            "Assign the new certificate to IIS (`Enable-ExchangeCertificate -Services IIS`), and to every load balancer \
             in front.",
        )
    } else if is_all(|protocol| protocol == Protocol::Smtp) {
        Some(
            "Assign the new certificate to SMTP (`Enable-ExchangeCertificate -Services SMTP`). If the old one is still \
             served then, restart MSExchangeFrontEndTransport.",
        )
    } else if is_all(|protocol| matches!(protocol, Protocol::Imap | Protocol::Pop3)) {
        Some(
            "Assign the new certificate (`Enable-ExchangeCertificate -Services POP,IMAP`), then restart the POP3 and \
             IMAP4 services, which keep the old one until then.",
        )
    } else {
        None
    }
}
