//! The types of the contract, written from it and not from the program.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};

use schemars::JsonSchema;
use serde::Deserialize;

use crate::discover::document::Discovered;

// A value that may not be known: null then. The key is always there (`Option` alone would let it be missing). No
// description of its own, so that the schema has none.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(inline)]
pub(super) struct Known<T>(pub(super) Option<T>);

/// What exchports found: the document that `exchports check --json` writes.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "exchports report")]
pub(super) struct Report {
    /// The version of this contract; within one version keys are only ever added.
    pub(super) schema_version: u32,
    /// The version of the program.
    pub(super) exchports: String,
    /// When the run began, RFC 3339 in UTC.
    #[schemars(extend("format" = "date-time"))]
    pub(super) started_at: String,
    /// Whether names and addresses are placeholders (`--redact`); absent unless they are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "bool")]
    pub(super) redacted: Option<bool>,
    /// What is published for the mail domain whose hosts are among the targets (`--domain`); absent without.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Discovered")]
    #[expect(dead_code, reason = "to be read is what it is for")]
    pub(super) domain: Option<Discovered>,
    /// The targets in the order in which they were given.
    pub(super) targets: Vec<Target>,
    pub(super) summary: Summary,
    /// How long the run took, in milliseconds.
    pub(super) duration_ms: f64,
    /// Whether the run was ended from outside before it was through.
    pub(super) interrupted: bool,
}

/// A host that was looked at.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "to be read is what it is for")]
#[expect(clippy::struct_field_names, reason = "the contract calls it so")]
pub(super) struct Target {
    /// The host as it was typed.
    pub(super) target: String,
    /// The target that it is a node of (`--nodes`), by whose name it was looked at; absent unless it is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    pub(super) node_of: Option<String>,
    /// What kind of host it was judged as; `auto` where none was named and none recognised.
    pub(super) role: String,
    /// Whether the role was found from what the host showed.
    pub(super) role_guessed: bool,
    /// The signs that it was found by, in words; none where the role was named.
    pub(super) role_reasons: Vec<String>,
    /// The role that it was judged as, then the others that fit.
    pub(super) roles: Vec<Candidate>,
    /// Its addresses; none when the name did not resolve.
    pub(super) addresses: Vec<IpAddr>,
    /// How long the lookup took, in milliseconds; null when there was none.
    pub(super) resolve_ms: Known<f64>,
    /// The worst of its checks and of its own diagnoses.
    pub(super) status: Status,
    /// What is the matter with the target as a whole.
    pub(super) diagnoses: Vec<TargetDiagnosis>,
    /// One row a service, or a service and address, in the order of the catalog.
    pub(super) checks: Vec<Row>,
}

/// A role that the target was judged as.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "to be read is what it is for")]
pub(super) struct Candidate {
    /// Which.
    pub(super) role: String,
    /// How many services it requires; a group of which one has to work counts as one.
    pub(super) required: usize,
    /// How many of these work.
    pub(super) passed: usize,
    /// What the target is worth as that.
    pub(super) status: Status,
}

/// What is the matter with a target as a whole.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "to be read is what it is for")]
pub(super) struct TargetDiagnosis {
    /// What `exchports explain` takes.
    #[schemars(regex(pattern = "^[a-z0-9]+(-[a-z0-9]+)*$"))]
    pub(super) code: String,
    pub(super) severity: Severity,
    /// What was seen.
    pub(super) message: String,
    /// What to do next.
    pub(super) hint: String,
    /// Where to read more; null where no document has an address.
    pub(super) help_url: Known<String>,
    /// Codes that the rows of these services need not tell besides: this one, and those that are the same matter.
    pub(super) covers: Vec<String>,
    /// The services it is about.
    pub(super) services: Vec<String>,
    /// The addresses it is about, where they differ.
    pub(super) addresses: Vec<IpAddr>,
}

/// What is the matter with a check.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Diagnosis {
    /// What `exchports explain` takes.
    #[schemars(regex(pattern = "^[a-z0-9]+(-[a-z0-9]+)*$"))]
    pub(super) code: String,
    pub(super) severity: Severity,
    /// What was seen.
    pub(super) message: String,
    /// What to do next.
    pub(super) hint: String,
    /// Where to read more; null where no document has an address.
    pub(super) help_url: Known<String>,
}

/// One check: a service of a target, with `--all-addresses` at one address.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "to be read is what it is for")]
pub(super) struct Row {
    /// The service's id.
    pub(super) service: String,
    pub(super) port: u16,
    pub(super) protocol: Protocol,
    pub(super) security: Security,
    /// What the role, or the command line, expects of it.
    pub(super) expect: Expect,
    /// The endpoint that was reached, or the one whose failure is told: `192.0.2.10:587`, `[2001:db8::10]:587`. A row
    /// that was not asked has the one that it would have been asked at, where there is but one.
    #[schemars(with = "Known<String>")]
    pub(super) address: Known<SocketAddr>,
    /// Our own end.
    #[schemars(with = "Known<String>")]
    pub(super) local_address: Known<SocketAddr>,
    /// The proxy that the way went through (`--proxy`), by its URL and without user and password; absent without one.
    /// Where it looks names up, `address` is null.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    pub(super) proxy: Option<String>,
    /// What TCP showed; null when nothing was attempted.
    pub(super) state: Known<State>,
    pub(super) status: Status,
    /// The worst first; empty where the lookup failed, which the target tells once.
    pub(super) diagnoses: Vec<Diagnosis>,
    /// Where and why the conversation ended early.
    pub(super) failure: Known<Failure>,
    /// When it began, from the beginning of the run; absent where nothing was attempted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "f64")]
    pub(super) began_ms: Option<f64>,
    /// The addresses that were dialled, when they were several.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Vec<Attempt>")]
    pub(super) attempts: Option<Vec<Attempt>>,
    /// The stages that were gone through, the failed one included.
    pub(super) steps: Vec<Step>,
    /// What the handshake showed; null when there was none.
    pub(super) tls: Known<Tls>,
    /// What the peer said of itself; null when it said nothing.
    pub(super) peer: Known<Peer>,
    /// The conversation, when `-v` asked for it: `C: ` we, `S: ` the peer, `* ` what happened; from the second
    /// connection on with its number before it: `[2] C: `.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Vec<String>")]
    pub(super) transcript: Option<Vec<String>>,
}

/// Where and why a conversation ended early.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "to be read is what it is for")]
pub(super) struct Failure {
    pub(super) stage: Stage,
    /// The code of the diagnosis about it; where the stage is `resolve`, that is one of the target.
    #[schemars(regex(pattern = "^[a-z0-9]+(-[a-z0-9]+)*$"))]
    pub(super) code: String,
    /// The peer's own words, or this system's.
    pub(super) detail: Known<String>,
}

/// An address that was dialled.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "to be read is what it is for")]
pub(super) struct Attempt {
    #[schemars(with = "String")]
    pub(super) address: SocketAddr,
    /// What TCP showed; null when another address answered first.
    pub(super) state: Known<State>,
    pub(super) took_ms: f64,
}

/// A stage that was gone through.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "to be read is what it is for")]
pub(super) struct Step {
    pub(super) stage: Stage,
    pub(super) took_ms: f64,
    /// On which connection, from the second on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "u8")]
    pub(super) connection: Option<u8>,
}

/// What a TLS handshake showed, also one that failed half-way.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "to be read is what it is for")]
pub(super) struct Tls {
    pub(super) version: Known<TlsVersion>,
    /// Its IANA name.
    pub(super) cipher_suite: Known<String>,
    /// The key exchange group.
    pub(super) group: Known<String>,
    pub(super) alpn: Known<String>,
    pub(super) certificate: Known<Certificate>,
    /// The chain as sent, leaf first.
    pub(super) chain: Vec<ChainLink>,
    /// What the server would speak in old TLS, when the handshake failed and a second look asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Legacy")]
    pub(super) legacy: Option<Legacy>,
    /// Which versions are enabled, by name; when `--audit` asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "BTreeMap<String, VersionAnswer>")]
    pub(super) versions: Option<BTreeMap<String, VersionAnswer>>,
}

/// What a server would speak in old TLS.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Legacy {
    /// The version that it chose.
    pub(super) version: Known<TlsVersion>,
    /// The suite that it chose: its IANA name, or its number.
    pub(super) cipher_suite: Known<String>,
    /// The alert that it sent.
    pub(super) alert: Known<u8>,
}

/// The server's own certificate.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "to be read is what it is for")]
pub(super) struct Certificate {
    pub(super) subject: String,
    pub(super) issuer: String,
    /// DNS names and addresses that it is made out to; a few hundred at the most.
    pub(super) names: Vec<String>,
    /// How many more there are, where there are too many to list.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) more_names: Option<u64>,
    #[schemars(extend("format" = "date-time"))]
    pub(super) not_before: String,
    #[schemars(extend("format" = "date-time"))]
    pub(super) not_after: String,
    /// Rounded down; negative once it has ended.
    pub(super) days_left: Known<i64>,
    /// Lower-case hexadecimal.
    pub(super) serial: String,
    /// The thumbprint that Windows and Exchange show, in lower case.
    #[schemars(regex(pattern = "^[0-9a-f]{40}$"))]
    sha1: String,
    #[schemars(regex(pattern = "^[0-9a-f]{64}$"))]
    sha256: String,
    pub(super) key: Key,
    pub(super) signature: String,
    pub(super) self_signed: bool,
    /// Whether it is made out to the name that was asked for.
    pub(super) name_matches: bool,
    pub(super) trust: Trust,
}

/// A public key.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "to be read is what it is for")]
pub(super) struct Key {
    pub(super) algorithm: String,
    pub(super) bits: Known<u32>,
}

/// How far trust reaches.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Trust {
    /// Whether there is no defect at all.
    pub(super) trusted: bool,
    /// Which set of roots the chain leads to.
    pub(super) anchor: Known<Anchor>,
    pub(super) defects: Vec<Defect>,
}

/// A certificate of the chain as sent.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "to be read is what it is for")]
pub(super) struct ChainLink {
    pub(super) subject: String,
    pub(super) issuer: String,
    #[schemars(regex(pattern = "^[0-9a-f]{64}$"))]
    sha256: String,
    #[schemars(extend("format" = "date-time"))]
    pub(super) not_after: Known<String>,
}

/// What a peer said of itself in its own protocol.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(untagged)]
#[expect(dead_code, reason = "to be read is what it is for")]
#[expect(
    clippy::large_enum_variant,
    reason = "a reader of the schema, made once a document"
)]
pub(super) enum Peer {
    Mail(Mail),
    Directory(Directory),
    Desktop(Desktop),
    Web(Web),
}

/// An SMTP, IMAP or POP3 server.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "to be read is what it is for")]
pub(super) struct Mail {
    pub(super) greeting: Known<String>,
    /// Before TLS.
    pub(super) capabilities: Vec<String>,
    /// In the secure session.
    pub(super) secure_capabilities: Vec<String>,
}

/// A directory server.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "to be read is what it is for")]
pub(super) struct Directory {
    /// Attributes of the rootDSE with their values.
    pub(super) root_dse: BTreeMap<String, Vec<String>>,
    /// The result code of the `StartTLS` operation.
    pub(super) starttls_result: Known<u32>,
}

/// A remote desktop host.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "to be read is what it is for")]
pub(super) struct Desktop {
    /// 0 standard RDP, 1 TLS, 2 `CredSSP` (NLA), 8 `CredSSP` with early result.
    pub(super) selected_protocol: Known<u32>,
    /// Network level authentication.
    pub(super) nla: Known<Nla>,
    /// The failure code of the negotiation.
    pub(super) failure_code: Known<u32>,
}

/// A web server.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "to be read is what it is for")]
pub(super) struct Web {
    pub(super) http_status: Known<u16>,
    pub(super) location: Known<String>,
    pub(super) server: Known<String>,
    /// Authentication schemes.
    pub(super) authentication: Vec<String>,
    pub(super) exchange_build: Known<String>,
    /// Which Exchange that build is.
    pub(super) exchange: Known<Exchange>,
    pub(super) front_end: Known<String>,
    pub(super) health: Known<String>,
    /// The id under which the server's `HttpProxy` logs have the request.
    pub(super) request_id: Known<String>,
    /// What the directory answers to an empty Bearer; absent unless an audit asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Bearer")]
    pub(super) bearer: Option<Bearer>,
}

/// Modern authentication, as a directory offers it.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "to be read is what it is for")]
pub(super) struct Bearer {
    /// Whether it takes tokens at all.
    pub(super) offered: bool,
    /// Whose: `ID@REALM`.
    pub(super) trusted_issuers: Vec<String>,
    /// Where people sign in; null where only other servers can.
    pub(super) authorization_uri: Known<String>,
}

/// Which Exchange a build is, as far as it is known.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "to be read is what it is for")]
pub(super) struct Exchange {
    pub(super) product: String,
    /// The cumulative and the security update.
    pub(super) update: Known<String>,
    pub(super) build: String,
}

/// The counts.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Summary {
    pub(super) targets: usize,
    /// Rows, and how many of them are about something required, passed, and so on.
    pub(super) checks: usize,
    pub(super) required: usize,
    pub(super) pass: usize,
    pub(super) warn: usize,
    pub(super) fail: usize,
    pub(super) absent: usize,
    pub(super) skip: usize,
    /// How often everything was looked at, where it was waited for (`--wait`); absent where it was not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "usize")]
    pub(super) rounds: Option<usize>,
}

/// The first line of NDJSON, its `event` aside.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Start {
    pub(super) schema_version: u32,
    pub(super) exchports: String,
    pub(super) started_at: String,
    pub(super) redacted: Option<bool>,
}

/// The last line of NDJSON, its `event` aside.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct End {
    pub(super) summary: Summary,
    pub(super) duration_ms: f64,
    pub(super) interrupted: bool,
}

/// What `exchports list --json` writes.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Catalog {
    pub(super) services: Vec<CatalogService>,
    pub(super) roles: Vec<CatalogRole>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "to be read is what it is for")]
pub(super) struct CatalogService {
    pub(super) service: String,
    pub(super) port: u16,
    pub(super) protocol: Protocol,
    pub(super) security: Security,
    pub(super) group: Option<String>,
    pub(super) title: String,
    pub(super) purpose: String,
    pub(super) aliases: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "to be read is what it is for")]
pub(super) struct CatalogRole {
    pub(super) role: String,
    pub(super) purpose: String,
    pub(super) required: Vec<String>,
    pub(super) one_of: Vec<Vec<String>>,
    pub(super) optional: Vec<String>,
    pub(super) forbidden: Vec<String>,
    pub(super) forbidden_if_public: Vec<String>,
}

#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Status {
    Pass,
    Absent,
    Skip,
    Warn,
    Fail,
}

#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Severity {
    Info,
    Warn,
    Fail,
}

impl Severity {
    /// The worst first.
    pub(super) fn rank(self) -> u8 {
        match self {
            Self::Fail => 0,
            Self::Warn => 1,
            Self::Info => 2,
        }
    }
}

#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Expect {
    Required,
    Optional,
    Forbidden,
}

#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Protocol {
    Smtp,
    Http,
    Pop3,
    Imap,
    Ldap,
    Rdp,
}

#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Security {
    Cleartext,
    Starttls,
    ImplicitTls,
    X224,
}

#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq)]
#[serde(rename_all = "kebab-case")]
pub(super) enum State {
    Open,
    Closed,
    Filtered,
    Unreachable,
    Blocked,
    Unresolved,
}

#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Stage {
    Resolve,
    Connect,
    Proxy,
    Greeting,
    Capabilities,
    Starttls,
    TlsHandshake,
    SecureCapabilities,
    Application,
}

/// Whether a version of TLS is enabled.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq)]
#[serde(rename_all = "kebab-case")]
pub(super) enum VersionAnswer {
    Accepted,
    Refused,
    Unknown,
}

#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq)]
pub(super) enum TlsVersion {
    #[serde(rename = "SSLv3")]
    Ssl3,
    #[serde(rename = "TLSv1.0")]
    Tls10,
    #[serde(rename = "TLSv1.1")]
    Tls11,
    #[serde(rename = "TLSv1.2")]
    Tls12,
    #[serde(rename = "TLSv1.3")]
    Tls13,
}

#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Anchor {
    Public,
    System,
    CaFile,
}

#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Defect {
    UnknownIssuer,
    SelfSigned,
    MissingIntermediate,
    Expired,
    NotYetValid,
    InvalidPurpose,
    WeakSignature,
    WeakKey,
    Unproven,
    Other,
}

#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Nla {
    Supported,
    Required,
    NotSupported,
}
