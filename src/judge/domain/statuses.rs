//! How the parts of a domain stand, for the tree. What is told of a part must not change by what comes after it: the tree
//! is shown as it grows.

use super::{DomainCase, DomainDiagnosis, autodiscover, names};
use crate::discovery::{MailHost, Method, Visit};
use crate::facts::DnssecState;
use crate::finding::{Code, Severity, Status};

/// Each mail host, MTA-STS aside.
pub(super) fn of_hosts(case: &DomainCase<'_>, diagnoses: &[DomainDiagnosis]) -> Vec<Status> {
    let status = |host: &MailHost| {
        let is_bogus = [host.addresses.security, host.tlsa.security].contains(&DnssecState::Bogus);
        if is_bogus && names::has_signatures(case) {
            return Status::Fail;
        }
        let of_host = diagnoses
            .iter()
            .filter(|told| is_of_a_host(told.diagnosis.code) && told.about.contains(&host.name));
        let worst = of_host.map(|told| told.diagnosis.severity).max();
        worst_of(worst, host.is_cut_short(), Status::Pass)
    };
    case.found.hosts.iter().map(status).collect()
}

fn is_of_a_host(code: Code) -> bool {
    matches!(
        code,
        Code::MxMissing
            | Code::MxUnusable
            | Code::MxIsAlias
            | Code::MxUnreachable
            | Code::MxOldAndNew
            | Code::MxNamesDiffer
            | Code::DaneMismatch
            | Code::DaneWithoutTls
            | Code::DaneLookupFailed
            | Code::DaneNotSecure
            | Code::DaneUnusable
            | Code::DaneUnseen
    )
}

/// Each way to Autodiscover, as if there were none behind it.
pub(super) fn of_ways(case: &DomainCase<'_>) -> Vec<Status> {
    let ways = case.ways.iter().zip(&case.found.autodiscover).enumerate();
    ways.map(|(place, (way, method))| {
        let so_far = DomainCase {
            ways: &case.ways[..=place],
            wins: case.wins.filter(|wins| *wins <= place),
            ..*case
        };
        let otherwise = if way.is_autodiscover() {
            Status::Pass
        } else {
            Status::Absent
        };
        // Outlook never comes to a way behind the one that wins.
        let is_met = so_far.wins.is_none_or(|wins| place <= wins);
        let worst = is_met.then(|| worst_on_way(&so_far, method)).flatten();
        worst_of(worst, method.is_cut_short(), otherwise)
    })
    .collect()
}

fn worst_on_way(case: &DomainCase<'_>, method: &Method) -> Option<Severity> {
    let rules = autodiscover::RULES.iter().filter(|rule| {
        matches!(
            rule.code,
            Code::AutodiscoverCertificate
                | Code::AutodiscoverSlow
                | Code::AutodiscoverRedirectsElsewhere
                | Code::AutodiscoverDeadEnd
        )
    });
    let told = rules.flat_map(|rule| rule.diagnose(case));
    told.filter(|told| {
        let mut hosts = method.visits.iter().map(|visit| &visit.host);
        hosts.any(|host| told.about.contains(host))
    })
    .map(|told| told.diagnosis.severity)
    .max()
}

/// MTA-STS, what it means for the mail hosts included.
pub(super) fn of_sts(case: &DomainCase<'_>, diagnoses: &[DomainDiagnosis]) -> Status {
    let sts = &case.found.mta_sts;
    if sts.record.answer.security == DnssecState::Bogus && names::has_signatures(case) {
        return Status::Fail;
    }
    let of_sts = diagnoses.iter().filter(|told| {
        matches!(
            told.diagnosis.code,
            Code::MtaStsMxNotCovered
                | Code::MtaStsMxCertificate
                | Code::MtaStsRecord
                | Code::MtaStsPolicyUnreachable
                | Code::MtaStsPolicyInvalid
        )
    });
    let worst = of_sts.map(|told| told.diagnosis.severity).max();
    let is_cut_short = sts.visit.as_ref().is_some_and(Visit::is_cut_short);
    worst_of(worst, is_cut_short, Status::Pass)
}

fn worst_of(worst: Option<Severity>, is_cut_short: bool, otherwise: Status) -> Status {
    match worst {
        Some(Severity::Fail) => Status::Fail,
        Some(Severity::Warn) => Status::Warn,
        _ if is_cut_short => Status::Skip,
        _ => otherwise,
    }
}
