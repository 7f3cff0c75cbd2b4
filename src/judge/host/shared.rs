//! What several rows have in common is told once, as the first of them tells it.

use super::case::{TargetCase, address, services, worst_of};
use crate::facts::{ChainLink, Text, TrustDefect};
use crate::finding::{Code, Diagnosis, Finding, Severity, TargetDiagnosis};
use crate::judge::check::Case;
use crate::judge::row::diagnose;

/// What makes rows with the same code share its cause.
#[derive(Clone, Copy, Eq, PartialEq)]
enum SharedBy {
    /// The certificate.
    Certificate,
    /// The way to the target: a device or a program on it.
    Path,
}

/// The codes that are told once when several rows share them.
const SHARED: [(Code, SharedBy); 28] = [
    (Code::CertificateExpired, SharedBy::Certificate),
    (Code::CertificateNotYetValid, SharedBy::Certificate),
    (Code::CertificateSelfSigned, SharedBy::Certificate),
    (Code::CertificateUnknownIssuer, SharedBy::Certificate),
    (Code::CertificateMissingIntermediate, SharedBy::Certificate),
    (Code::CertificateWrongName, SharedBy::Certificate),
    (Code::CertificateInvalidPurpose, SharedBy::Certificate),
    (Code::CertificateWeakKey, SharedBy::Certificate),
    (Code::CertificateUntrusted, SharedBy::Certificate),
    (Code::CertificateExpiresSoon, SharedBy::Certificate),
    (Code::CertificateWeakSignature, SharedBy::Certificate),
    (Code::TlsInspected, SharedBy::Path),
    (Code::StarttlsOverwritten, SharedBy::Path),
    (Code::GreetingMasked, SharedBy::Path),
    (Code::ProxyHeaderUnexpected, SharedBy::Path),
    (Code::ConnectionsLimited, SharedBy::Path),
    (Code::CaptivePortal, SharedBy::Path),
    (Code::ProxyAuthentication, SharedBy::Path),
    (Code::Blocked, SharedBy::Path),
    (Code::AddressFamilyMissing, SharedBy::Path),
    (Code::NoNetwork, SharedBy::Path),
    (Code::SourceUnusable, SharedBy::Path),
    (Code::ProxyUnreachable, SharedBy::Path),
    (Code::ProxyNotUnderstood, SharedBy::Path),
    (Code::ProxySignInRequired, SharedBy::Path),
    (Code::ProxySignInRefused, SharedBy::Path),
    (Code::ProxyForbids, SharedBy::Path),
    (Code::ProxyCouldNotTell, SharedBy::Path),
];

/// A lookup that failed keeps every check from being made, be it one; its rows tell nothing of it themselves.
pub(super) fn of_the_lookup(whole: &TargetCase<'_>) -> Vec<TargetDiagnosis> {
    let mut told: Vec<TargetDiagnosis> = Vec::new();
    for finding in whole.rows() {
        let case = Case {
            check: finding.check,
            seen: &finding.observation,
            context: whole.context,
        };
        if !case.is_without_address() {
            continue;
        }
        let service = finding.check.service.id;
        for diagnosis in diagnose(&case) {
            match told.iter_mut().find(|one| one.diagnosis == diagnosis) {
                Some(one) => one.services.push(service),
                None => told.push(TargetDiagnosis {
                    diagnosis,
                    services: vec![service],
                    addresses: Vec::new(),
                }),
            }
        }
    }
    told
}

/// What two services or more have in common.
pub(super) fn of_the_rows(whole: &TargetCase<'_>) -> Vec<TargetDiagnosis> {
    let mut all = Vec::new();
    for (code, by) in SHARED {
        let mut groups: Vec<(Option<&str>, Vec<&Finding>)> = Vec::new();
        for finding in whole.rows() {
            if !tells(finding, code) {
                continue;
            }
            let mark = match by {
                SharedBy::Path => None,
                SharedBy::Certificate => {
                    certificate(finding).map(|certificate| certificate.sha256.as_str())
                }
            };
            match groups.iter_mut().find(|(known, _)| *known == mark) {
                Some((_, rows)) => rows.push(finding),
                None => groups.push((mark, vec![finding])),
            }
        }
        for (_, rows) in groups {
            // That one was turned away says as much of the host as that all were.
            if services(rows.iter().copied()).len() > 1 || code == Code::ConnectionsLimited {
                all.extend(told(code, &rows, whole));
            }
        }
    }
    all
}

/// Intermediates that one service leaves out and another one sends. To a single check that looks like an unknown issuer;
/// only here is the certificate known that is missing.
pub(super) fn left_out(whole: &TargetCase<'_>) -> Vec<TargetDiagnosis> {
    const CODE: Code = Code::CertificateMissingIntermediate;
    let sent: Vec<&ChainLink> = whole
        .rows()
        .filter(|row| certificate(row).is_some_and(|found| found.trust.anchor.is_some()))
        .filter_map(|row| row.observation.tls.as_ref())
        .flat_map(|tls| tls.chain.iter().skip(1))
        .collect();
    let missing = |row: &Finding| {
        let is_open_end = certificate(row)?
            .trust
            .defects
            .contains(&TrustDefect::UnknownIssuer);
        let last = row.observation.tls.as_ref()?.chain.last()?;
        let is_left_out = |link: &&&ChainLink| {
            is_open_end && link.subject == last.issuer && last.issuer != last.subject
        };
        sent.iter().find(is_left_out).map(|link| &link.subject)
    };
    let mut groups: Vec<(&Text, Vec<&Finding>)> = Vec::new();
    for row in whole.rows() {
        let Some(subject) = missing(row) else {
            continue;
        };
        match groups.iter_mut().find(|(known, _)| *known == subject) {
            Some((_, rows)) => rows.push(row),
            None => groups.push((subject, vec![row])),
        }
    }
    let diagnose = |(subject, rows): (&Text, Vec<&Finding>)| TargetDiagnosis {
        diagnosis: Diagnosis {
            code: CODE,
            severity: worst_of(CODE, rows.iter().copied()),
            message: format!(
                "the intermediate \"{subject}\" is not sent, though other services send it"
            ),
            hint: whole.product().hint(None, CODE.definition()).into_owned(),
        },
        services: services(rows),
        addresses: Vec::new(),
    };
    groups.into_iter().map(diagnose).collect()
}

pub(super) fn certificate(finding: &Finding) -> Option<&crate::facts::CertificateFacts> {
    finding.observation.tls.as_ref()?.certificate.as_deref()
}

/// Whether the row tells this, and not merely as worth knowing.
fn tells(finding: &Finding, code: Code) -> bool {
    // A limit is never worse than an info, and yet an admin wants to know of it.
    diagnosis(finding, code).is_some_and(|diagnosis| {
        diagnosis.severity > Severity::Info || code == Code::ConnectionsLimited
    })
}

fn diagnosis(finding: &Finding, code: Code) -> Option<&Diagnosis> {
    finding
        .diagnoses
        .iter()
        .find(|diagnosis| diagnosis.code == code)
}

/// The diagnosis of these rows, in the words of the worst; the hint is theirs if it is one, else the rule's own.
fn told(code: Code, rows: &[&Finding], whole: &TargetCase<'_>) -> Option<TargetDiagnosis> {
    let of_rows = || rows.iter().filter_map(|finding| diagnosis(finding, code));
    let severity = of_rows().map(|diagnosis| diagnosis.severity).max()?;
    let first = of_rows().find(|diagnosis| diagnosis.severity == severity)?;
    let is_one_hint = of_rows().all(|diagnosis| diagnosis.hint == first.hint);
    let services = services(rows.iter().copied());
    // Where a service has rows that are fine, or have another cause, the addresses tell which are meant.
    let has_others = whole.rows().any(|finding| {
        services.contains(&finding.check.service.id)
            && !rows.iter().any(|row| std::ptr::eq(*row, finding))
    });
    let mut addresses: Vec<_> = if has_others {
        rows.iter().filter_map(|finding| address(finding)).collect()
    } else {
        Vec::new()
    };
    addresses.sort_unstable();
    addresses.dedup();
    Some(TargetDiagnosis {
        diagnosis: Diagnosis {
            code,
            severity,
            message: first.message.clone(),
            hint: if is_one_hint {
                first.hint.clone()
            } else {
                whole.product().hint(None, code.definition()).into_owned()
            },
        },
        services,
        addresses,
    })
}
