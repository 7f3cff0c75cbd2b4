//! The shapes that scripts rely on, one struct each, in the order in which keys are written.
//!
//! They are told, never read back: the tests read them with types of their own. A key is always there, null when its
//! value is not known, unless its comment says when it is absent.

use std::collections::{BTreeMap, HashMap};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use serde::ser::SerializeMap as _;
use serde::{Serialize, Serializer};
use time::OffsetDateTime;

use crate::catalog::Role;
use crate::catalog::builds::BuildNumber;
use crate::event::{self, RunEnd, SCHEMA_VERSION};
use crate::facts::{
    self, BearerAnswer, CertificateFacts, HttpFacts, LdapFacts, PeerFacts, RdpFacts,
    SignatureStrength, Text, TlsFacts, TrustDefect,
};
use crate::finding::{self, Code, Finding, TargetFinding};
use crate::observation::{self, Observation};

use super::notation::{milliseconds, rfc3339};
use super::style::Names;
use super::transcript;

/// The first line of NDJSON.
#[derive(Serialize)]
pub(super) struct RunStarted {
    event: &'static str,
    schema_version: u32,
    exchports: &'static str,
    started_at: String,
    /// Absent unless it is so.
    #[serde(skip_serializing_if = "Option::is_none")]
    redacted: Option<bool>,
}

impl RunStarted {
    pub(super) fn line(at: OffsetDateTime, names: Names) -> Self {
        Self {
            event: "run-started",
            schema_version: SCHEMA_VERSION,
            exchports: env!("CARGO_PKG_VERSION"),
            started_at: rfc3339(at),
            redacted: (names == Names::Redacted).then_some(true),
        }
    }
}

/// The last line of NDJSON.
#[derive(Serialize)]
pub(super) struct RunFinished {
    event: &'static str,
    summary: Summary,
    duration_ms: f64,
    interrupted: bool,
}

impl RunFinished {
    pub(super) fn line(end: &event::RunFinished) -> Self {
        Self {
            event: "run-finished",
            summary: Summary::of(&end.summary),
            duration_ms: milliseconds(end.took),
            interrupted: interrupted(end.end),
        }
    }
}

/// Whether a run ended before its time.
pub(super) fn interrupted(end: RunEnd) -> bool {
    match end {
        RunEnd::Complete => false,
        RunEnd::Interrupted | RunEnd::Terminated => true,
    }
}

/// The counts.
#[derive(Serialize)]
pub(super) struct Summary {
    targets: usize,
    checks: usize,
    required: usize,
    pass: usize,
    warn: usize,
    fail: usize,
    absent: usize,
    skip: usize,
    /// Absent unless it was waited for.
    #[serde(skip_serializing_if = "Option::is_none")]
    rounds: Option<usize>,
}

impl Summary {
    pub(super) fn of(summary: &event::Summary) -> Self {
        Self {
            targets: summary.targets,
            checks: summary.checks,
            required: summary.required,
            pass: summary.pass,
            warn: summary.warn,
            fail: summary.fail,
            absent: summary.absent,
            skip: summary.skip,
            rounds: (summary.rounds > 0).then_some(summary.rounds),
        }
    }
}

/// A target: with its rows in a document, without them on a line.
#[expect(clippy::struct_field_names, reason = "the contract calls it so")]
#[derive(Serialize)]
pub(super) struct Target<'a> {
    /// `target-finished`; absent in documents.
    #[serde(skip_serializing_if = "Option::is_none")]
    event: Option<&'static str>,
    target: &'a str,
    /// Absent unless it is a node.
    #[serde(skip_serializing_if = "Option::is_none")]
    node_of: Option<&'a str>,
    role: &'static str,
    role_guessed: bool,
    role_reasons: &'a [String],
    roles: Vec<Candidate>,
    addresses: &'a [IpAddr],
    resolve_ms: Option<f64>,
    status: &'static str,
    diagnoses: Vec<TargetDiagnosis<'a>>,
    /// Absent on a line.
    #[serde(skip_serializing_if = "Option::is_none")]
    checks: Option<Vec<Row<'a>>>,
}

impl<'a> Target<'a> {
    pub(super) fn in_document(finding: &'a TargetFinding, rows: &'a [Arc<Finding>]) -> Self {
        Self {
            event: None,
            checks: Some(rows.iter().map(|row| Row::in_document(row)).collect()),
            ..Self::line(finding)
        }
    }

    pub(super) fn line(finding: &'a TargetFinding) -> Self {
        Self {
            event: Some("target-finished"),
            target: &finding.target,
            node_of: finding.node_of.as_deref(),
            role: finding.role.as_str(),
            role_guessed: finding.guess.is_some() && finding.role != Role::Auto,
            role_reasons: finding
                .guess
                .as_ref()
                .map_or(&[][..], |guess| &guess.reasons),
            roles: finding.candidates.iter().map(Candidate::of).collect(),
            addresses: &finding.addresses,
            resolve_ms: finding.resolve.map(milliseconds),
            status: finding.status.as_str(),
            diagnoses: finding.diagnoses.iter().map(TargetDiagnosis::of).collect(),
            checks: None,
        }
    }
}

/// A role that a target was judged as.
#[derive(Serialize)]
struct Candidate {
    role: &'static str,
    required: usize,
    passed: usize,
    status: &'static str,
}

impl Candidate {
    fn of(candidate: &finding::Candidate) -> Self {
        Self {
            role: candidate.role.as_str(),
            required: candidate.required,
            passed: candidate.passed,
            status: candidate.status.as_str(),
        }
    }
}

/// What is the matter with a target.
#[derive(Serialize)]
struct TargetDiagnosis<'a> {
    code: &'static str,
    severity: &'static str,
    message: &'a str,
    hint: &'a str,
    help_url: Option<String>,
    covers: Vec<&'static str>,
    services: Vec<&'static str>,
    addresses: &'a [IpAddr],
}

impl<'a> TargetDiagnosis<'a> {
    fn of(told: &'a finding::TargetDiagnosis) -> Self {
        Self {
            code: told.diagnosis.code.as_str(),
            severity: told.diagnosis.severity.as_str(),
            message: &told.diagnosis.message,
            hint: &told.diagnosis.hint,
            help_url: told.diagnosis.code.help_url(),
            covers: covered(told.diagnosis.code),
            services: told.services.iter().map(|id| id.row().name).collect(),
            addresses: &told.addresses,
        }
    }
}

/// The codes that need not be told of a row where this is told of its target: its own, and what that makes one matter.
fn covered(code: Code) -> Vec<&'static str> {
    let others = code.definition().covers.iter();
    let others = others.filter(|other| **other != code);
    std::iter::once(&code)
        .chain(others)
        .map(|code| code.as_str())
        .collect()
}

/// What is the matter with a row.
#[derive(Serialize)]
struct Diagnosis<'a> {
    code: &'static str,
    severity: &'static str,
    message: &'a str,
    hint: &'a str,
    help_url: Option<String>,
}

impl<'a> Diagnosis<'a> {
    fn of(diagnosis: &'a finding::Diagnosis) -> Self {
        Self {
            code: diagnosis.code.as_str(),
            severity: diagnosis.severity.as_str(),
            message: &diagnosis.message,
            hint: &diagnosis.hint,
            help_url: diagnosis.code.help_url(),
        }
    }
}

/// A row: one service, or one service at one address.
#[derive(Serialize)]
pub(super) struct Row<'a> {
    /// `check-finished`; absent in documents.
    #[serde(skip_serializing_if = "Option::is_none")]
    event: Option<&'static str>,
    /// Absent in documents.
    #[serde(skip_serializing_if = "Option::is_none")]
    target: Option<&'a str>,
    service: &'static str,
    port: u16,
    protocol: &'static str,
    security: &'static str,
    expect: &'static str,
    address: Option<SocketAddr>,
    local_address: Option<SocketAddr>,
    /// The proxy on the way; absent where there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    proxy: Option<&'a str>,
    state: Option<&'static str>,
    status: &'static str,
    diagnoses: Vec<Diagnosis<'a>>,
    failure: Option<Failure<'a>>,
    /// When it began, from the beginning of the run; absent where nothing was attempted.
    #[serde(skip_serializing_if = "Option::is_none")]
    began_ms: Option<f64>,
    /// Absent unless several addresses were dialled.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    attempts: Vec<Attempt>,
    steps: Vec<Step>,
    tls: Option<Tls<'a>>,
    peer: Option<Peer<'a>>,
    /// Absent unless it was asked for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    transcript: Vec<String>,
}

impl<'a> Row<'a> {
    pub(super) fn in_document(finding: &'a Finding) -> Self {
        let Finding {
            check, observation, ..
        } = finding;
        Self {
            event: None,
            target: None,
            service: check.service.name,
            port: check.port,
            protocol: check.service.protocol.as_str(),
            security: check.service.security.as_str(),
            expect: check.expect.as_str(),
            address: observation.address,
            local_address: observation.local_address,
            proxy: observation.proxy.as_ref().map(Text::as_str),
            state: observation.state.map(observation::State::as_str),
            status: finding.status.as_str(),
            diagnoses: finding.diagnoses.iter().map(Diagnosis::of).collect(),
            failure: Failure::of(finding),
            began_ms: observation.began.map(milliseconds),
            attempts: attempts(observation),
            steps: observation.steps.iter().map(Step::of).collect(),
            tls: observation.tls.as_ref().map(|tls| Tls::of(tls, finding)),
            peer: observation.peer.as_ref().map(Peer::of),
            transcript: observation
                .transcript
                .iter()
                .map(transcript::line)
                .collect(),
        }
    }

    pub(super) fn line(target: &'a str, finding: &'a Finding) -> Self {
        Self {
            event: Some("check-finished"),
            target: Some(target),
            ..Self::in_document(finding)
        }
    }
}

/// Where and why a conversation ended early.
#[derive(Serialize)]
struct Failure<'a> {
    stage: &'static str,
    code: Option<&'static str>,
    detail: Option<&'a str>,
}

impl<'a> Failure<'a> {
    fn of(finding: &'a Finding) -> Option<Self> {
        let failure = finding.observation.failure.as_ref()?;
        Some(Self {
            stage: failure.stage.as_str(),
            code: finding.failure_code.map(Code::as_str),
            detail: failure.detail.as_ref().map(Text::as_str),
        })
    }
}

/// One address that was dialled.
#[derive(Serialize)]
struct Attempt {
    address: SocketAddr,
    state: Option<&'static str>,
    took_ms: f64,
}

fn attempts(observation: &Observation) -> Vec<Attempt> {
    if observation.attempts.len() < 2 {
        return Vec::new();
    }
    let told = observation.attempts.iter().map(|attempt| Attempt {
        address: attempt.address,
        state: attempt.state.map(observation::State::as_str),
        took_ms: milliseconds(attempt.took),
    });
    told.collect()
}

/// One stage.
#[derive(Serialize)]
struct Step {
    stage: &'static str,
    took_ms: f64,
    /// Absent on the first connection.
    #[serde(skip_serializing_if = "is_first")]
    connection: u8,
}

impl Step {
    fn of(step: &observation::Step) -> Self {
        Self {
            stage: step.stage.as_str(),
            took_ms: milliseconds(step.took),
            connection: step.connection,
        }
    }
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde hands a reference to it"
)]
fn is_first(connection: &u8) -> bool {
    *connection <= 1
}

/// What the handshake showed.
#[derive(Serialize)]
struct Tls<'a> {
    version: Option<&'static str>,
    cipher_suite: Option<&'a str>,
    group: Option<&'a str>,
    alpn: Option<&'a str>,
    certificate: Option<Certificate<'a>>,
    chain: Vec<ChainLink<'a>>,
    /// Absent unless the handshake failed and a second look asked in old TLS.
    #[serde(skip_serializing_if = "Option::is_none")]
    legacy: Option<Legacy<'a>>,
    /// Absent unless an audit asked.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    versions: BTreeMap<&'static str, &'static str>,
}

/// What the server would speak in old TLS.
#[derive(Serialize)]
struct Legacy<'a> {
    version: Option<&'static str>,
    cipher_suite: Option<&'a str>,
    alert: Option<u8>,
}

impl<'a> Tls<'a> {
    fn of(tls: &'a TlsFacts, finding: &Finding) -> Self {
        let certificate = tls.certificate.as_ref();
        Self {
            version: tls.version.map(facts::TlsVersion::as_str),
            cipher_suite: tls.cipher_suite.as_deref(),
            group: tls.group.as_deref(),
            alpn: tls.alpn.as_ref().map(Text::as_str),
            certificate: certificate.map(|facts| Certificate::of(facts, finding)),
            chain: tls.chain.iter().map(ChainLink::of).collect(),
            legacy: tls.legacy.as_ref().map(|legacy| Legacy {
                version: legacy.version.map(facts::TlsVersion::as_str),
                cipher_suite: legacy.cipher_suite.as_deref(),
                alert: legacy.alert,
            }),
            versions: tls
                .versions
                .iter()
                .map(|(version, answer)| (version.as_str(), answer.as_str()))
                .collect(),
        }
    }
}

/// The server's own certificate.
#[derive(Serialize)]
struct Certificate<'a> {
    subject: &'a str,
    issuer: &'a str,
    names: Vec<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    more_names: Option<usize>,
    not_before: String,
    not_after: String,
    days_left: Option<i64>,
    serial: &'a str,
    sha1: &'a str,
    sha256: &'a str,
    key: Key<'a>,
    signature: &'a str,
    self_signed: bool,
    name_matches: bool,
    trust: Trust,
}

#[derive(Serialize)]
struct Key<'a> {
    algorithm: &'a str,
    bits: Option<u32>,
}

impl<'a> Certificate<'a> {
    fn of(facts: &'a CertificateFacts, finding: &Finding) -> Self {
        Self {
            subject: facts.subject.as_str(),
            issuer: facts.issuer.as_str(),
            names: words(&facts.names),
            more_names: (facts.more_names > 0).then_some(facts.more_names),
            not_before: rfc3339(facts.not_before),
            not_after: rfc3339(facts.not_after),
            days_left: finding.days_left,
            serial: &facts.serial,
            sha1: &facts.sha1,
            sha256: &facts.sha256,
            key: Key {
                algorithm: &facts.key.algorithm,
                bits: facts.key.bits,
            },
            signature: &facts.signature,
            self_signed: facts.self_signed,
            name_matches: facts.name_matches,
            trust: Trust::of(facts, finding),
        }
    }
}

/// How far trust reaches; the name stands on its own.
#[derive(Serialize)]
struct Trust {
    trusted: bool,
    anchor: Option<&'static str>,
    defects: Vec<&'static str>,
}

/// Every defect, in the order in which they are told.
const DEFECTS: [&str; 10] = [
    "unknown-issuer",
    "self-signed",
    "missing-intermediate",
    "expired",
    "not-yet-valid",
    "invalid-purpose",
    "weak-signature",
    "weak-key",
    "unproven",
    "other",
];

impl Trust {
    /// What the chain shows, and what the rules made of dates, key and signature.
    fn of(facts: &CertificateFacts, finding: &Finding) -> Self {
        let mut found: Vec<&str> = facts.trust.defects.iter().map(defect).collect();
        if finding.days_left.is_some_and(|days| days < 0) {
            found.push("expired");
        }
        if facts.signature_strength == SignatureStrength::Weak {
            found.push("weak-signature");
        }
        let told = finding.diagnoses.iter();
        found.extend(told.filter_map(|diagnosis| match diagnosis.code {
            Code::CertificateExpired => Some("expired"),
            Code::CertificateNotYetValid => Some("not-yet-valid"),
            Code::CertificateWeakSignature => Some("weak-signature"),
            Code::CertificateWeakKey => Some("weak-key"),
            _ => None,
        }));
        Self {
            trusted: found.is_empty(),
            anchor: facts.trust.anchor.map(facts::Anchor::as_str),
            defects: DEFECTS
                .into_iter()
                .filter(|word| found.contains(word))
                .collect(),
        }
    }
}

/// Whether nothing is wrong with a certificate and what stands above it, its name aside.
pub(super) fn is_trusted(facts: &CertificateFacts, finding: &Finding) -> bool {
    Trust::of(facts, finding).trusted
}

fn defect(defect: &TrustDefect) -> &'static str {
    match defect {
        TrustDefect::UnknownIssuer => "unknown-issuer",
        TrustDefect::SelfSigned => "self-signed",
        TrustDefect::MissingIntermediate => "missing-intermediate",
        TrustDefect::InvalidPurpose => "invalid-purpose",
        TrustDefect::Unproven(_) => "unproven",
        TrustDefect::Other(_) => "other",
    }
}

/// A certificate of the chain as sent.
#[derive(Serialize)]
struct ChainLink<'a> {
    subject: &'a str,
    issuer: &'a str,
    sha256: &'a str,
    not_after: Option<String>,
}

impl<'a> ChainLink<'a> {
    fn of(link: &'a facts::ChainLink) -> Self {
        Self {
            subject: link.subject.as_str(),
            issuer: link.issuer.as_str(),
            sha256: &link.sha256,
            not_after: link.not_after.map(rfc3339),
        }
    }
}

/// What a peer said of itself; the protocol says which keys there are.
enum Peer<'a> {
    Mail(Mail<'a>),
    Directory(Directory<'a>),
    Desktop(Desktop),
    Web(Web<'a>),
}

impl<'a> Peer<'a> {
    fn of(facts: &'a PeerFacts) -> Self {
        match facts {
            PeerFacts::Smtp(facts) => Self::Mail(Mail {
                greeting: facts.greeting.as_ref().map(Text::as_str),
                capabilities: words(&facts.extensions),
                secure_capabilities: words(&facts.secure_extensions),
            }),
            PeerFacts::Imap(facts) => Self::Mail(Mail {
                greeting: facts.greeting.as_ref().map(Text::as_str),
                capabilities: words(&facts.capabilities),
                secure_capabilities: words(&facts.secure_capabilities),
            }),
            PeerFacts::Pop3(facts) => Self::Mail(Mail {
                greeting: facts.greeting.as_ref().map(Text::as_str),
                capabilities: words(&facts.capabilities),
                secure_capabilities: words(&facts.secure_capabilities),
            }),
            PeerFacts::Ldap(facts) => Self::Directory(Directory {
                root_dse: RootDse::of(facts),
                starttls_result: facts.starttls_result,
            }),
            PeerFacts::Rdp(facts) => Self::Desktop(Desktop::of(facts)),
            PeerFacts::Http(facts) => Self::Web(Web::of(facts)),
        }
    }
}

impl Serialize for Peer<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Mail(mail) => mail.serialize(serializer),
            Self::Directory(directory) => directory.serialize(serializer),
            Self::Desktop(desktop) => desktop.serialize(serializer),
            Self::Web(web) => web.serialize(serializer),
        }
    }
}

#[derive(Serialize)]
struct Mail<'a> {
    greeting: Option<&'a str>,
    capabilities: Vec<&'a str>,
    secure_capabilities: Vec<&'a str>,
}

#[derive(Serialize)]
struct Directory<'a> {
    root_dse: RootDse<'a>,
    starttls_result: Option<u32>,
}

/// Attributes by name, in the order in which they came.
///
/// `PowerShell`'s reader refuses an object with an empty name, or with two names that differ only in case; so a
/// nameless attribute is left out, and values of the same name are told together.
struct RootDse<'a>(Vec<(&'a str, Vec<&'a str>)>);

impl<'a> RootDse<'a> {
    fn of(facts: &'a LdapFacts) -> Self {
        let mut places = HashMap::new();
        let mut attributes: Vec<(&str, Vec<&str>)> = Vec::new();
        for (name, values) in &facts.root_dse {
            if name.is_empty() {
                continue;
            }
            let place = *places
                .entry(name.as_str().to_lowercase())
                .or_insert(attributes.len());
            match attributes.get_mut(place) {
                Some((_, told)) => told.extend(words(values)),
                None => attributes.push((name.as_str(), words(values))),
            }
        }
        Self(attributes)
    }
}

impl Serialize for RootDse<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (name, values) in &self.0 {
            map.serialize_entry(name, values)?;
        }
        map.end()
    }
}

#[derive(Serialize)]
struct Desktop {
    selected_protocol: Option<u32>,
    nla: Option<&'static str>,
    failure_code: Option<u32>,
}

impl Desktop {
    fn of(facts: &RdpFacts) -> Self {
        Self {
            selected_protocol: facts.selected_protocol,
            nla: facts.nla.map(facts::Nla::as_str),
            failure_code: facts.failure_code,
        }
    }
}

#[derive(Serialize)]
struct Web<'a> {
    http_status: Option<u16>,
    location: Option<&'a str>,
    server: Option<&'a str>,
    authentication: Vec<&'a str>,
    exchange_build: Option<&'a str>,
    exchange: Option<Exchange>,
    front_end: Option<&'a str>,
    health: Option<String>,
    request_id: Option<&'a str>,
    /// Absent unless an audit asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    bearer: Option<BearerOffer<'a>>,
}

/// What a directory answers to an empty Bearer.
#[derive(Serialize)]
struct BearerOffer<'a> {
    offered: bool,
    trusted_issuers: Vec<&'a str>,
    authorization_uri: Option<&'a str>,
}

impl<'a> BearerOffer<'a> {
    fn of(answer: &'a BearerAnswer) -> Self {
        match answer {
            BearerAnswer::Offered {
                trusted_issuers,
                authorization_uri,
            } => Self {
                offered: true,
                trusted_issuers: words(trusted_issuers),
                authorization_uri: authorization_uri.as_ref().map(Text::as_str),
            },
            BearerAnswer::NotOffered => Self {
                offered: false,
                trusted_issuers: Vec::new(),
                authorization_uri: None,
            },
        }
    }
}

/// Which Exchange a build is, as far as it is known.
#[derive(Serialize)]
struct Exchange {
    product: &'static str,
    update: Option<String>,
    build: String,
}

impl Exchange {
    fn of(build: &Text) -> Option<Self> {
        let known = BuildNumber::read(build.as_str())?.known()?;
        let name = known.name();
        let update = name
            .strip_prefix(known.product.name)
            .map(|update| update.trim().to_owned())
            .filter(|update| !update.is_empty());
        Some(Self {
            product: known.product.name,
            update,
            build: build.as_str().to_owned(),
        })
    }
}

impl<'a> Web<'a> {
    fn of(facts: &'a HttpFacts) -> Self {
        Self {
            http_status: facts.status,
            location: facts.location.as_ref().map(Text::as_str),
            server: facts.server.as_ref().map(Text::as_str),
            authentication: words(&facts.authentication),
            exchange_build: facts.exchange_build.as_ref().map(Text::as_str),
            exchange: facts.exchange_build.as_ref().and_then(Exchange::of),
            front_end: facts.front_end.as_ref().map(Text::as_str),
            health: facts.health.map(facts::Health::word),
            request_id: facts.request_id.as_ref().map(Text::as_str),
            bearer: facts.bearer.as_deref().map(BearerOffer::of),
        }
    }
}

fn words(texts: &[Text]) -> Vec<&str> {
    texts.iter().map(Text::as_str).collect()
}
