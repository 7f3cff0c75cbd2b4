//! Rules over a whole target: what only all its checks together can tell.
//!
//! Tables like the ones over single checks: on [`reach`], on [`certificates`], and on what the host is ([`identity`]).
//! A cause that several rows share is told here once, with the services that share it; their rows keep it, and reports
//! for people need not repeat it ([`Code::covers`]).

use std::cmp::Reverse;
use std::net::IpAddr;
use std::time::Duration;

use super::check::Case;
use super::product::Product;
use super::{Context, Evidence, role};
use crate::catalog::{Expectation, Group, Protocol, ServiceId};
use crate::facts::{HttpFacts, PeerFacts, SmtpFacts};
use crate::finding::{Code, Finding, Severity, Status, TargetDiagnosis, TargetFinding};
use crate::observation::State;
use crate::plan::Target;

mod certificates;
mod changes;
mod identity;
mod modern;
mod nodes;
mod reach;
mod shared;

pub use nodes::{Place, compare_nodes};

/// What was seen of a target besides its checks.
#[derive(Clone, Debug, Default)]
pub struct Surroundings {
    /// The addresses that it has, in the order in which they were tried.
    pub addresses: Vec<IpAddr>,
    /// How long the lookup took; `None` when there was none.
    pub resolve: Option<Duration>,
    /// What a port showed on which nobody should be; `None` when none was tried.
    pub control: Option<Control>,
}

/// A port of a target that was tried because everything else had been open ([`calls_for_control`]).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Control {
    /// Which.
    pub port: u16,
    /// What TCP showed; `None` when it could not be tried.
    pub state: Option<State>,
}

/// Says what the findings of a target's checks mean together.
///
/// The status is the worst of the checks and of the diagnoses of the target; an absent service counts as passed, and a
/// target of which nothing was looked at is skipped. Diagnoses come worst first, then in the order of the
/// [rules](fn@target_rules).
#[must_use]
pub fn judge_target(
    target: &Target,
    around: Surroundings,
    findings: &[Finding],
    context: &Context<'_>,
) -> TargetFinding {
    let whole = TargetCase {
        findings,
        context,
        control: around.control,
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
    let status = worst(findings, &diagnoses);
    TargetFinding {
        target: target.name.clone(),
        node_of: target.node_of.clone(),
        role: context.role,
        addresses: around.addresses,
        resolve: around.resolve,
        status,
        diagnoses,
        unrequired: unrequired(findings),
        guess: None,
        candidates: vec![role::candidate(context.role, findings, status)],
    }
}

/// Whether a port should be tried on which nobody is: every port of the target accepted, so possibly something on the
/// way accepts everything.
#[must_use]
pub fn calls_for_control(findings: &[Finding]) -> bool {
    reach::is_everything_open(findings)
}

/// A rule over a target.
pub(super) type HostRule = super::Rule<fn(&TargetCase<'_>) -> Vec<TargetEvidence>>;

impl HostRule {
    fn diagnose(&self, whole: &TargetCase<'_>) -> Vec<TargetDiagnosis> {
        let code = self.code;
        let diagnose = |found: TargetEvidence| TargetDiagnosis {
            diagnosis: found
                .evidence
                .diagnose(code, code.definition().severity, whole.product()),
            services: found.services,
            addresses: found.addresses,
        };
        (self.holds)(whole).into_iter().map(diagnose).collect()
    }
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

/// Why a rule over a target holds, and of what.
#[derive(Debug)]
pub struct TargetEvidence {
    evidence: Evidence,
    services: Vec<ServiceId>,
    addresses: Vec<IpAddr>,
}

impl TargetEvidence {
    /// Of these rows.
    fn new<'a>(
        message: impl Into<String>,
        findings: impl IntoIterator<Item = &'a Finding>,
    ) -> Self {
        Self {
            evidence: Evidence::new(message),
            services: services(findings),
            addresses: Vec::new(),
        }
    }

    fn severity(mut self, severity: Severity) -> Self {
        self.evidence = self.evidence.severity(severity);
        self
    }

    fn hint(mut self, hint: &'static str) -> Self {
        self.evidence = self.evidence.hint(hint);
        self
    }

    fn own_hint(mut self, hint: String) -> Self {
        self.evidence.hint = Some(hint.into());
        self
    }

    fn at(mut self, addresses: Vec<IpAddr>) -> Self {
        self.addresses = addresses;
        self
    }
}

/// What a rule over a target looks at.
#[derive(Debug)]
pub struct TargetCase<'a> {
    findings: &'a [Finding],
    context: &'a Context<'a>,
    control: Option<Control>,
}

impl<'a> TargetCase<'a> {
    /// Whose software the host runs: what one service says of it holds for those that say nothing.
    fn product(&self) -> Product {
        product(&self.findings.iter(), self.context)
    }

    /// Services with a port of their own.
    fn ports(&self) -> impl Iterator<Item = &'a Finding> + Clone {
        ports(self.findings)
    }

    /// The services behind 443, with what their directories answered, as far as they did.
    fn web(&self) -> impl Iterator<Item = (&'a Finding, &'a HttpFacts)> + Clone {
        self.findings
            .iter()
            .filter(|finding| finding.check.service.group == Group::Web)
            .filter_map(|finding| Some((finding, http(finding)?)))
            .filter(|(_, facts)| facts.status.is_some())
    }
}

fn product<'a>(
    findings: &(impl Iterator<Item = &'a Finding> + Clone),
    context: &Context<'_>,
) -> Product {
    let cases = || {
        findings.clone().map(|finding| Case {
            check: finding.check,
            seen: &finding.observation,
            context,
        })
    };
    let says = |product: Product| {
        // Directories and desktops are others' on hosts of every kind.
        cases()
            .filter(|case| !matches!(case.check.service.protocol, Protocol::Ldap | Protocol::Rdp))
            .any(|case| case.says() == Some(product))
    };
    let mut known = [Product::Exchange, Product::Other].into_iter();
    Product::of(known.find(|product| says(*product)), context.role)
}

fn ports(findings: &[Finding]) -> impl Iterator<Item = &Finding> + Clone {
    findings
        .iter()
        .filter(|finding| finding.check.service.group == Group::Port)
}

fn http(finding: &Finding) -> Option<&HttpFacts> {
    match finding.observation.peer.as_ref()? {
        PeerFacts::Http(facts) => Some(facts),
        _ => None,
    }
}

fn smtp(finding: &Finding) -> Option<&SmtpFacts> {
    match finding.observation.peer.as_ref()? {
        PeerFacts::Smtp(facts) => Some(facts),
        _ => None,
    }
}

fn is_open(finding: &Finding) -> bool {
    finding.observation.state == Some(State::Open)
}

/// Nobody said yes or no: a firewall, or nobody at all.
fn is_unanswered(finding: &Finding) -> bool {
    matches!(
        finding.observation.state,
        Some(State::Filtered | State::Unreachable)
    )
}

fn address(finding: &Finding) -> Option<IpAddr> {
    finding.observation.address.map(|address| address.ip())
}

/// The services of these rows, each once, in the catalog's order.
fn services<'a>(findings: impl IntoIterator<Item = &'a Finding>) -> Vec<ServiceId> {
    let mut services: Vec<ServiceId> = findings
        .into_iter()
        .map(|finding| finding.check.service.id)
        .collect();
    services.sort_unstable();
    services.dedup();
    services
}

/// `smtp, https and imaps`
fn names(services: &[ServiceId]) -> String {
    let names: Vec<&str> = services.iter().map(|id| id.row().name).collect();
    match names.as_slice() {
        [] => String::new(),
        [one] => (*one).to_owned(),
        [several @ .., last] => format!("{} and {last}", several.join(", ")),
    }
}

/// How bad these rows are: the worst of their diagnoses that this code covers.
fn worst_of<'a>(code: Code, findings: impl IntoIterator<Item = &'a Finding>) -> Severity {
    findings
        .into_iter()
        .flat_map(|finding| &finding.diagnoses)
        .filter(|diagnosis| code.covers(diagnosis.code))
        .map(|diagnosis| diagnosis.severity)
        .max()
        .unwrap_or(Severity::Info)
}

/// What fails although nothing requires it, each service once.
fn unrequired(findings: &[Finding]) -> Vec<(ServiceId, Expectation)> {
    let mut failing: Vec<(ServiceId, Expectation)> = findings
        .iter()
        .filter(|finding| finding.status == Status::Fail)
        .map(|finding| (finding.check.service.id, finding.check.expect))
        .filter(|(_, expect)| *expect != Expectation::Required)
        .collect();
    failing.dedup();
    failing
}

fn worst(findings: &[Finding], diagnoses: &[TargetDiagnosis]) -> Status {
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
