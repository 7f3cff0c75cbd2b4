//! The JSON contract of `discover`: one document about one mail domain.

use std::io::{self, Write};
use std::net::IpAddr;

use serde::Serialize;

use super::notation::{Layout, milliseconds, push_json, rfc3339};
use crate::discovery::{self, CutShort, MailHost, Method, StsFacts, Tlsa, Txt, Visit};
use crate::event::SCHEMA_VERSION;
use crate::facts::{Answer, CertificateFacts, DnssecState, Outcome, PeerFacts, Text, TlsVersion};
use crate::finding::{self, Dane, DomainFinding, Way};
use crate::observation::{Observation, State};

/// Tells what was found of a mail domain to scripts: one JSON document.
///
/// # Errors
/// That of the writer.
pub fn domain_json(out: &mut dyn Write, finding: &DomainFinding) -> io::Result<()> {
    let mut text = Vec::new();
    push_json(&Domain::of(finding), Layout::Indented(0), &mut text)?;
    text.push(b'\n');
    out.write_all(&text)?;
    out.flush()
}

/// As a part of the document about a run.
pub(super) fn push_domain(
    finding: &DomainFinding,
    layout: Layout,
    text: &mut Vec<u8>,
) -> io::Result<()> {
    push_json(&Domain::of(finding), layout, text)
}

/// A line of NDJSON.
pub(super) fn domain_line(finding: &DomainFinding) -> impl Serialize {
    Line {
        event: "domain-finished",
        domain: Domain::of(finding),
    }
}

#[derive(Serialize)]
struct Line<'a> {
    event: &'static str,
    domain: Domain<'a>,
}

#[expect(clippy::struct_field_names, reason = "the contract calls it so")]
#[derive(Serialize)]
struct Domain<'a> {
    schema_version: u32,
    exchports: &'static str,
    started_at: String,
    domain: &'a str,
    status: &'static str,
    resolver: Resolver,
    mx_outcome: &'static str,
    mx_dnssec: &'static str,
    null_mx: bool,
    mx: Vec<Mx<'a>>,
    autodiscover: Vec<Autodiscover<'a>>,
    autodiscover_wins: Option<&'static str>,
    srv: Vec<Srv<'a>>,
    mta_sts: MtaSts<'a>,
    tls_rpt: TlsRpt<'a>,
    caa: Vec<Caa>,
    targets: Vec<Target<'a>>,
    diagnoses: Vec<Diagnosis<'a>>,
    duration_ms: f64,
    cut_short: Option<&'static str>,
}

impl<'a> Domain<'a> {
    fn of(finding: &'a DomainFinding) -> Self {
        let found = &finding.discovery;
        let methods = found.autodiscover.iter().zip(&finding.ways);
        Self {
            schema_version: SCHEMA_VERSION,
            exchports: env!("CARGO_PKG_VERSION"),
            started_at: rfc3339(found.at),
            domain: &found.domain,
            status: finding.status.as_str(),
            resolver: Resolver {
                servers: found
                    .resolver
                    .servers
                    .iter()
                    .map(ToString::to_string)
                    .collect(),
                dnssec: found.resolver.security == DnssecState::Secure,
                questions: found.questions,
            },
            mx_outcome: found.mx.outcome.as_str(),
            mx_dnssec: found.mx.security.as_str(),
            null_mx: found.mx.records.iter().any(|record| record.host.is_empty()),
            mx: found
                .hosts
                .iter()
                .zip(&finding.dane)
                .map(|(host, dane)| Mx::of(host, *dane))
                .collect(),
            autodiscover: methods
                .map(|(method, way)| Autodiscover::of(method, *way))
                .collect(),
            autodiscover_wins: finding
                .wins
                .and_then(|index| found.autodiscover.get(index))
                .map(|method| method.kind.as_str()),
            srv: found
                .srv
                .iter()
                .flat_map(|srv| {
                    srv.answer.records.iter().map(move |record| Srv {
                        service: srv.service,
                        target: Some(record.target.as_str()).filter(|target| !target.is_empty()),
                        port: record.port,
                        priority: record.priority,
                        weight: record.weight,
                    })
                })
                .collect(),
            mta_sts: MtaSts::of(&found.mta_sts),
            tls_rpt: TlsRpt::of(&found.tls_rpt),
            caa: found
                .caa
                .records
                .iter()
                .map(|record| Caa {
                    tag: Text::from(record.tag.as_str()).to_string(),
                    value: Text::from_bytes(&record.value).to_string(),
                })
                .collect(),
            targets: finding.targets.iter().map(Target::of).collect(),
            diagnoses: finding.diagnoses.iter().map(Diagnosis::of).collect(),
            duration_ms: milliseconds(found.took),
            cut_short: found.cut_short.map(CutShort::as_str),
        }
    }
}

#[derive(Serialize)]
struct Resolver {
    servers: Vec<String>,
    dnssec: bool,
    questions: usize,
}

#[derive(Serialize)]
struct Mx<'a> {
    preference: u16,
    host: &'a str,
    addresses: &'a [IpAddr],
    outcome: &'static str,
    /// Whether addresses and TLSA records are signed; null where it cannot be told.
    secure: Option<bool>,
    aliases: &'a [String],
    names: &'a [String],
    hosted_by: Option<&'static str>,
    tlsa: Vec<TlsaRecord>,
    tlsa_dnssec: &'static str,
    dane: &'static str,
    port_25: Option<Seen<'a>>,
}

impl<'a> Mx<'a> {
    fn of(host: &'a MailHost, dane: Dane) -> Self {
        let secure = match host.addresses.security {
            DnssecState::Secure => Some(true),
            DnssecState::Insecure | DnssecState::Bogus => Some(false),
            DnssecState::Indeterminate => None,
        };
        let records = host.tlsa.records.iter().enumerate();
        Self {
            preference: host.preference,
            host: &host.name,
            addresses: &host.addresses.records,
            outcome: host.addresses.outcome.as_str(),
            secure,
            aliases: &host.addresses.aliases,
            names: host.names.as_ref().map_or(&[], |names| &names.records),
            hosted_by: host.provider.map(|provider| provider.name),
            tlsa: records
                .filter_map(|(index, record)| {
                    let record = record.as_ref().ok()?;
                    Some(TlsaRecord::of(record, dane == Dane::Matches(index)))
                })
                .collect(),
            tlsa_dnssec: host.tlsa.security.as_str(),
            dane: dane.as_str(),
            port_25: host.seen.as_deref().map(Seen::of),
        }
    }
}

#[derive(Serialize)]
struct TlsaRecord {
    usage: u8,
    selector: u8,
    matching_type: u8,
    data: String,
    unusable: Option<&'static str>,
    matches: bool,
}

impl TlsaRecord {
    fn of(record: &Tlsa, matches: bool) -> Self {
        use std::fmt::Write as _;
        let mut data = String::new();
        for byte in &record.data {
            // Writing to a String cannot fail.
            let _ = write!(data, "{byte:02x}");
        }
        Self {
            usage: record.usage,
            selector: record.selector,
            matching_type: record.matching,
            data,
            unusable: record.unusable().map(discovery::Unusable::as_str),
            matches,
        }
    }
}

/// What a connection showed.
#[derive(Serialize)]
struct Seen<'a> {
    state: Option<&'static str>,
    address: Option<String>,
    failure: Option<&'static str>,
    steps: Vec<Step>,
    tls_version: Option<&'static str>,
    certificate: Option<Certificate<'a>>,
    http_status: Option<u16>,
    location: Option<&'a str>,
    authentication: Vec<&'a str>,
}

impl<'a> Seen<'a> {
    fn of(seen: &'a Observation) -> Self {
        let http = match &seen.peer {
            Some(PeerFacts::Http(facts)) => Some(facts),
            _ => None,
        };
        let tls = seen.tls.as_ref();
        Self {
            state: seen.state.map(State::as_str),
            address: seen.address.map(|address| address.to_string()),
            failure: seen.failure.as_ref().map(|failure| failure.stage.as_str()),
            steps: seen
                .steps
                .iter()
                .map(|step| Step {
                    stage: step.stage.as_str(),
                    took_ms: milliseconds(step.took),
                })
                .collect(),
            tls_version: tls.and_then(|tls| tls.version).map(TlsVersion::as_str),
            certificate: tls
                .and_then(|tls| tls.certificate.as_deref())
                .map(Certificate::of),
            http_status: http.and_then(|facts| facts.status),
            location: http
                .and_then(|facts| facts.location.as_ref())
                .map(Text::as_str),
            authentication: http.map_or_else(Vec::new, |facts| {
                facts.authentication.iter().map(Text::as_str).collect()
            }),
        }
    }
}

#[derive(Serialize)]
struct Step {
    stage: &'static str,
    took_ms: f64,
}

#[derive(Serialize)]
struct Certificate<'a> {
    subject: &'a str,
    names: Vec<&'a str>,
    not_after: String,
    sha256: &'a str,
    name_matches: bool,
    trusted: bool,
}

impl<'a> Certificate<'a> {
    fn of(certificate: &'a CertificateFacts) -> Self {
        Self {
            subject: certificate.subject.as_str(),
            names: certificate.names.iter().map(Text::as_str).collect(),
            not_after: rfc3339(certificate.not_after),
            sha256: &certificate.sha256,
            name_matches: certificate.name_matches,
            trusted: certificate.trust.anchor.is_some() && certificate.trust.defects.is_empty(),
        }
    }
}

#[derive(Serialize)]
struct Autodiscover<'a> {
    method: &'static str,
    /// Null where there was nothing to ask.
    url: Option<String>,
    outcome: &'static str,
    steps: Vec<VisitStep<'a>>,
}

impl<'a> Autodiscover<'a> {
    fn of(method: &'a Method, way: Way) -> Self {
        Self {
            method: method.kind.as_str(),
            url: method.visits.first().map(Visit::url),
            outcome: way.as_str(),
            steps: method.visits.iter().map(VisitStep::of).collect(),
        }
    }
}

/// A page that was asked for.
#[derive(Serialize)]
struct VisitStep<'a> {
    url: String,
    addresses: &'a [IpAddr],
    outcome: &'static str,
    aliases: &'a [String],
    resolve_ms: f64,
    seen: Option<Seen<'a>>,
    /// The status of `autodiscover.json`, where it was asked.
    autodiscover_json: Option<u16>,
}

impl<'a> VisitStep<'a> {
    fn of(visit: &'a Visit) -> Self {
        Self {
            url: visit.url(),
            addresses: &visit.addresses.records,
            outcome: visit.addresses.outcome.as_str(),
            aliases: &visit.addresses.aliases,
            resolve_ms: milliseconds(visit.addresses.took),
            seen: visit.seen.as_deref().map(Seen::of),
            autodiscover_json: visit.json.map(|(status, _)| status),
        }
    }
}

#[derive(Serialize)]
struct Srv<'a> {
    service: &'static str,
    /// Null where the service is not offered.
    target: Option<&'a str>,
    port: u16,
    priority: u16,
    weight: u16,
}

#[derive(Serialize)]
struct MtaSts<'a> {
    outcome: &'static str,
    id: Option<&'a str>,
    policy: Option<VisitStep<'a>>,
    mode: Option<&'static str>,
    mx: Vec<&'a str>,
    max_age: Option<u32>,
    error: Option<&'static str>,
}

impl<'a> MtaSts<'a> {
    fn of(sts: &'a StsFacts) -> Self {
        let (read, broken) = match &sts.policy {
            Some(Ok(policy)) => (Some(policy), None),
            Some(Err(what)) => (None, Some(*what)),
            None => (None, None),
        };
        let first = sts.record.records.first();
        Self {
            outcome: outcome(&sts.record.answer, sts.record.records.len()),
            id: first
                .and_then(|record| record.as_ref().ok())
                .map(|record| record.id.as_str()),
            policy: sts.visit.as_ref().map(VisitStep::of),
            mode: read.map(|policy| policy.mode.as_str()),
            mx: read.map_or_else(Vec::new, |policy| {
                policy.mx.iter().map(String::as_str).collect()
            }),
            max_age: read.map(|policy| policy.max_age),
            error: first
                .and_then(|record| record.as_ref().err().copied())
                .or(broken),
        }
    }
}

#[derive(Serialize)]
struct TlsRpt<'a> {
    outcome: &'static str,
    destinations: Vec<&'a str>,
    error: Option<&'static str>,
}

impl<'a> TlsRpt<'a> {
    fn of(txt: &'a Txt<discovery::TlsRptRecord>) -> Self {
        let first = txt.records.first();
        Self {
            outcome: outcome(&txt.answer, txt.records.len()),
            destinations: first
                .and_then(|record| record.as_ref().ok())
                .map_or_else(Vec::new, |record| {
                    record.destinations.iter().map(String::as_str).collect()
                }),
            error: first.and_then(|record| record.as_ref().err().copied()),
        }
    }
}

/// Records of another kind are none of this one.
fn outcome(answer: &Answer<()>, records: usize) -> &'static str {
    match (answer.outcome, records) {
        (Outcome::Found, 0) => Outcome::NoRecords.as_str(),
        (outcome, _) => outcome.as_str(),
    }
}

#[derive(Serialize)]
struct Caa {
    tag: String,
    value: String,
}

#[derive(Serialize)]
struct Target<'a> {
    name: &'a str,
    role: &'static str,
    why: &'static str,
    command: String,
}

impl<'a> Target<'a> {
    fn of(target: &'a finding::Recommended) -> Self {
        Self {
            name: &target.name,
            role: target.role.as_str(),
            why: target.why,
            command: super::check_line(target),
        }
    }
}

#[derive(Serialize)]
struct Diagnosis<'a> {
    code: &'static str,
    severity: &'static str,
    message: &'a str,
    hint: &'a str,
    help_url: Option<String>,
    about: &'a [String],
}

impl<'a> Diagnosis<'a> {
    fn of(told: &'a finding::DomainDiagnosis) -> Self {
        Self {
            code: told.diagnosis.code.as_str(),
            severity: told.diagnosis.severity.as_str(),
            message: &told.diagnosis.message,
            hint: &told.diagnosis.hint,
            help_url: told.diagnosis.code.help_url(),
            about: &told.about,
        }
    }
}
