//! Rules over a whole target: what only all its checks together can tell.
//!
//! Tables like the ones over single checks: on [`reach`], on [`certificates`], and on what the host is ([`identity`]).
//! A cause that several rows share is told here once, with the services that share it; their rows keep it, and reports
//! for people need not repeat it ([`Code::covers`]).

use std::borrow::Borrow;
use std::cmp::Reverse;
use std::net::IpAddr;
use std::time::Duration;

use super::context::Context;
use crate::catalog::{Expectation, ServiceId};
use crate::finding::{Code, Finding, Severity, Status, TargetDiagnosis, TargetFinding};
use crate::plan::Target;

mod candidate;
mod case;
mod certificates;
mod changes;
mod identity;
mod modern;
mod mute;
mod nodes;
mod port_25;
mod reach;
mod shared;
mod unanswered;

pub(super) use candidate::is_good;
pub use case::{Control, Elsewhere};
pub use nodes::{Place, compare_nodes};

use candidate::candidate;
use case::{HostRule, TargetCase};

/// What was seen of a target besides its checks.
#[derive(Clone, Debug, Default)]
pub struct Surroundings {
    /// The addresses that it has, in the order in which they were tried.
    pub addresses: Vec<IpAddr>,
    /// How long the lookup took; `None` when there was none.
    pub resolve: Option<Duration>,
    /// What a port showed on which nobody should be; `None` when none was tried.
    pub control: Option<Control>,
    /// What port 25 of other hosts showed, in the order in which they were tried, where that of the target did not answer.
    pub port_25: Vec<Elsewhere>,
}

/// Says what the findings of a target's checks mean together.
///
/// The status is the worst of the checks and of the diagnoses of the target; an absent service counts as passed, and a
/// target of which nothing was looked at is skipped. Diagnoses come worst first, then in the order of the
/// [rules](fn@target_rules).
#[must_use]
pub fn judge_target<F: Borrow<Finding>>(
    target: &Target,
    around: Surroundings,
    findings: &[F],
    context: &Context<'_>,
) -> TargetFinding {
    let findings: Vec<&Finding> = findings.iter().map(Borrow::borrow).collect();
    let whole = TargetCase {
        findings: &findings,
        context,
        control: around.control,
        port_25: &around.port_25,
    };
    let mut diagnoses = shared::of_the_lookup(&whole);
    diagnoses.extend(target_rules().flat_map(|rule| rule.diagnose(&whole)));
    diagnoses.extend(shared::left_out(&whole));
    let is_told = |shared: &TargetDiagnosis| {
        diagnoses.iter().any(|told| {
            told.diagnosis.code.covers(shared.diagnosis.code)
                && shared.services.iter().all(|it| told.services.contains(it))
        })
    };
    let shared: Vec<_> = shared::of_the_rows(&whole)
        .into_iter()
        .filter(|shared| !is_told(shared))
        .collect();
    diagnoses.extend(shared);
    // Stable: what is equally bad stays in the order of the rules.
    diagnoses.sort_by_key(|told| Reverse(told.diagnosis.severity));
    let status = worst(&findings, &diagnoses);
    TargetFinding {
        target: target.name.clone(),
        node_of: target.node_of.clone(),
        role: context.role,
        addresses: around.addresses,
        resolve: around.resolve,
        status,
        diagnoses,
        unrequired: unrequired(&findings),
        guess: None,
        candidates: vec![candidate(context.role, &findings, status)],
    }
}

/// Whether a port should be tried on which nobody is: every port of the target accepted, so possibly something on the
/// way accepts everything.
#[must_use]
pub fn calls_for_control<F: Borrow<Finding>>(findings: &[F]) -> bool {
    mute::is_everything_open(findings.iter().map(Borrow::borrow))
}

/// Whether port 25 of another host would tell something: that of the target was looked at and does not answer.
#[must_use]
pub fn calls_for_port_25<F: Borrow<Finding>>(findings: &[F]) -> bool {
    port_25::is_25_unanswered(findings.iter().map(Borrow::borrow))
}

/// All rules over a target, in their order.
pub fn target_rules() -> impl Iterator<Item = &'static HostRule> {
    [
        reach::RULES,
        certificates::RULES,
        identity::RULES,
        nodes::RULES,
        modern::RULES,
        changes::RULES,
    ]
    .into_iter()
    .flatten()
}

/// What fails although nothing requires it, each service once.
fn unrequired(findings: &[&Finding]) -> Vec<(ServiceId, Expectation)> {
    let mut failing: Vec<(ServiceId, Expectation)> = findings
        .iter()
        .filter(|finding| finding.status == Status::Fail)
        .map(|finding| (finding.check.service.id, finding.check.expect))
        .filter(|(_, expect)| *expect != Expectation::Required)
        .collect();
    failing.dedup();
    failing
}

fn worst(findings: &[&Finding], diagnoses: &[TargetDiagnosis]) -> Status {
    let of_checks = findings
        .iter()
        .map(|finding| match finding.status {
            Status::Absent => Status::Pass,
            // What is behind a 443 that need not be there need not be there either.
            Status::Skip
                if finding.failure_code == Some(Code::HttpsNotOpen)
                    && finding.check.expect != Expectation::Required =>
            {
                Status::Pass
            }
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
