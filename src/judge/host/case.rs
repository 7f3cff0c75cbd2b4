//! What a rule over a target looks at, and what it says.

use std::net::IpAddr;

use crate::catalog::{Group, Protocol, ServiceId};
use crate::facts::{HttpFacts, PeerFacts, SmtpFacts};
use crate::finding::{Code, Finding, Severity, TargetDiagnosis};
use crate::judge::check::Case;
use crate::judge::context::Context;
use crate::judge::product::Product;
use crate::judge::rule::{Evidence, Rule};
use crate::observation::State;

/// A port of a target that was tried because everything else had been open ([`calls_for_control`](super::calls_for_control)).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Control {
    /// Which.
    pub port: u16,
    /// What TCP showed; `None` when it could not be tried.
    pub state: Option<State>,
}

/// What the same port of another host showed.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Elsewhere {
    /// The host, as it was named.
    pub host: String,
    /// Where it was dialled.
    pub addresses: Vec<IpAddr>,
    /// What TCP showed; `None` when it could not be tried.
    pub state: Option<State>,
}

/// A rule over a target.
pub(super) type HostRule = Rule<fn(&TargetCase<'_>) -> Vec<TargetEvidence>>;

impl HostRule {
    pub(super) fn diagnose(&self, whole: &TargetCase<'_>) -> Vec<TargetDiagnosis> {
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

/// Why a rule over a target holds, and of what.
#[derive(Debug)]
pub struct TargetEvidence {
    pub(super) evidence: Evidence,
    pub(super) services: Vec<ServiceId>,
    pub(super) addresses: Vec<IpAddr>,
}

impl TargetEvidence {
    /// Of these rows.
    pub(super) fn new<'a>(
        message: impl Into<String>,
        findings: impl IntoIterator<Item = &'a Finding>,
    ) -> Self {
        Self {
            evidence: Evidence::new(message),
            services: services(findings),
            addresses: Vec::new(),
        }
    }

    pub(super) fn severity(mut self, severity: Severity) -> Self {
        self.evidence = self.evidence.severity(severity);
        self
    }

    pub(super) fn hint(mut self, hint: &'static str) -> Self {
        self.evidence = self.evidence.hint(hint);
        self
    }

    pub(super) fn own_hint(mut self, hint: String) -> Self {
        self.evidence.hint = Some(hint.into());
        self
    }

    pub(super) fn at(mut self, addresses: Vec<IpAddr>) -> Self {
        self.addresses = addresses;
        self
    }
}

/// What a rule over a target looks at.
#[derive(Debug)]
pub struct TargetCase<'a> {
    pub(super) findings: &'a [&'a Finding],
    pub(super) context: &'a Context<'a>,
    pub(super) control: Option<Control>,
    pub(super) port_25: &'a [Elsewhere],
}

impl<'a> TargetCase<'a> {
    /// Whose software the host runs: what one service says of it holds for those that say nothing.
    pub(super) fn product(&self) -> Product {
        product(&self.rows(), self.context)
    }

    /// What was found of every check.
    pub(super) fn rows(&self) -> impl Iterator<Item = &'a Finding> + Clone {
        self.findings.iter().copied()
    }

    /// Services with a port of their own.
    pub(super) fn ports(&self) -> impl Iterator<Item = &'a Finding> + Clone {
        ports(self.rows())
    }

    /// The services behind 443, with what their directories answered, as far as they did.
    pub(super) fn web(&self) -> impl Iterator<Item = (&'a Finding, &'a HttpFacts)> + Clone {
        self.rows()
            .filter(|finding| finding.check.service.group == Group::Web)
            .filter_map(|finding| Some((finding, http(finding)?)))
            .filter(|(_, facts)| facts.status.is_some())
    }
}

pub(super) fn product<'a>(
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

pub(super) fn ports<'a>(
    rows: impl Iterator<Item = &'a Finding> + Clone,
) -> impl Iterator<Item = &'a Finding> + Clone {
    rows.filter(|finding| finding.check.service.group == Group::Port)
}

pub(super) fn http(finding: &Finding) -> Option<&HttpFacts> {
    match finding.observation.peer.as_ref()? {
        PeerFacts::Http(facts) => Some(facts),
        _ => None,
    }
}

pub(super) fn smtp(finding: &Finding) -> Option<&SmtpFacts> {
    match finding.observation.peer.as_ref()? {
        PeerFacts::Smtp(facts) => Some(facts),
        _ => None,
    }
}

pub(super) fn is_open(finding: &Finding) -> bool {
    finding.observation.state == Some(State::Open)
}

/// Nobody said yes or no: a firewall, or nobody at all.
pub(super) fn is_unanswered(finding: &Finding) -> bool {
    matches!(
        finding.observation.state,
        Some(State::Filtered | State::Unreachable)
    )
}

pub(super) fn address(finding: &Finding) -> Option<IpAddr> {
    finding.observation.address.map(|address| address.ip())
}

/// The services of these rows, each once, in the catalog's order.
pub(super) fn services<'a>(findings: impl IntoIterator<Item = &'a Finding>) -> Vec<ServiceId> {
    let mut services: Vec<ServiceId> = findings
        .into_iter()
        .map(|finding| finding.check.service.id)
        .collect();
    services.sort_unstable();
    services.dedup();
    services
}

/// `smtp, https and imaps`
pub(super) fn names(services: &[ServiceId]) -> String {
    let names: Vec<&str> = services.iter().map(|id| id.row().name).collect();
    match names.as_slice() {
        [] => String::new(),
        [one] => (*one).to_owned(),
        [several @ .., last] => format!("{} and {last}", several.join(", ")),
    }
}

/// How bad these rows are: the worst of their diagnoses that this code covers.
pub(super) fn worst_of<'a>(
    code: Code,
    findings: impl IntoIterator<Item = &'a Finding>,
) -> Severity {
    findings
        .into_iter()
        .flat_map(|finding| &finding.diagnoses)
        .filter(|diagnosis| code.covers(diagnosis.code))
        .map(|diagnosis| diagnosis.severity)
        .max()
        .unwrap_or(Severity::Info)
}

/// Where the service is looked at.
pub(super) fn port(whole: &TargetCase<'_>, service: ServiceId) -> u16 {
    whole
        .ports()
        .find(|row| row.check.service.id == service)
        .map_or(service.row().port, |row| row.check.port)
}
