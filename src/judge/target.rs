//! Rules over a whole target: what only all its checks together can tell.
//!
//! A table like the one over single checks. A cause that several rows share is told here once; their rows keep it,
//! short.

use std::net::IpAddr;
use std::time::Duration;

use super::{Context, looks};
use crate::catalog::ServiceId;
use crate::finding::{Code, Finding, Severity, Status, TargetDiagnosis, TargetFinding};
use crate::plan::Target;

/// Says what the findings of a target's checks mean together.
///
/// `addresses` are those that the target has, in the order in which they were tried; `resolve` is how long the lookup
/// took. The status is the worst of the checks and of the diagnoses of the target; an absent service counts as passed,
/// and a target of which nothing was looked at is skipped.
#[must_use]
pub fn judge_target(
    target: &Target,
    addresses: Vec<IpAddr>,
    resolve: Option<Duration>,
    findings: &[Finding],
    context: &Context<'_>,
) -> TargetFinding {
    let diagnoses: Vec<TargetDiagnosis> = RULES
        .iter()
        .flat_map(|rule| (rule.holds)(findings))
        .collect();
    TargetFinding {
        target: target.name.clone(),
        role: context.role,
        addresses,
        resolve,
        status: worst(findings, &diagnoses),
        diagnoses,
        looks_like: looks::looks_like(findings, context),
    }
}

/// A row of the rules over a target.
struct TargetRule {
    holds: fn(&[Finding]) -> Vec<TargetDiagnosis>,
}

/// All rules over a target, in the order in which they are told.
const RULES: &[TargetRule] = &[TargetRule { holds: unresolved }];

/// The codes of a lookup that failed.
const UNRESOLVED: [Code; 3] = [
    Code::NameNotFound,
    Code::NameWithoutAddress,
    Code::NameLookupFailed,
];

/// A name without an address keeps every check from being made: told once.
fn unresolved(findings: &[Finding]) -> Vec<TargetDiagnosis> {
    UNRESOLVED
        .into_iter()
        .filter_map(|code| shared(code, findings))
        .collect()
}

/// A failure of several rows, told as the first of them tells it, with the services that share it.
fn shared(code: Code, findings: &[Finding]) -> Option<TargetDiagnosis> {
    let rows = || {
        findings
            .iter()
            .filter(|finding| finding.failure_code == Some(code))
    };
    let diagnosis = rows()
        .flat_map(|finding| &finding.diagnoses)
        .find(|diagnosis| diagnosis.code == code)?
        .clone();
    let mut services: Vec<ServiceId> = rows().map(|finding| finding.check.service.id).collect();
    services.sort_unstable();
    services.dedup();
    Some(TargetDiagnosis {
        diagnosis,
        services,
        addresses: Vec::new(),
    })
}

fn worst(findings: &[Finding], diagnoses: &[TargetDiagnosis]) -> Status {
    let of_checks = findings
        .iter()
        .map(|finding| match finding.status {
            Status::Absent => Status::Pass,
            status => status,
        })
        .max()
        // Nothing was looked at: that is no success.
        .unwrap_or(Status::Skip);
    let of_target = diagnoses
        .iter()
        .map(|told| match told.diagnosis.severity {
            Severity::Info => Status::Pass,
            Severity::Warn => Status::Warn,
            Severity::Fail => Status::Fail,
        })
        .max()
        .unwrap_or(Status::Pass);
    of_checks.max(of_target)
}
