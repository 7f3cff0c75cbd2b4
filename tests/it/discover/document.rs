//! A second reader of the JSON of `discover`: its own types, written from the contract, that take nothing they do not
//! know and miss everything that is not there. The schema that is committed for others is made from them.
//!
//! `UPDATE_SCHEMA=1 cargo test` writes the schema anew.

use std::path::Path;

use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde::Deserialize;

use crate::report::hold;

#[test]
fn the_committed_schema_is_that_of_these_types() {
    let settings = SchemaSettings::draft2020_12().for_serialize();
    let schema = settings
        .into_generator()
        .into_root_schema_for::<Discovered>();
    let mut text = serde_json::to_string_pretty(&schema).expect("a schema is JSON");
    text.push('\n');
    hold(
        Path::new(".github/discover.schema.json"),
        "UPDATE_SCHEMA",
        &text,
    );
}

// A value that may not be known: null then. The key is always there (`Option` alone would let it be missing). No
// description of its own, so that the schema has none.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(inline)]
pub(crate) struct Known<T>(pub(super) Option<T>);

/// What is published for a mail domain: the document that `exchports discover --json` writes.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "exchports discover")]
#[expect(dead_code, reason = "to be read is what it is for")]
pub(crate) struct Discovered {
    /// The version of this contract; within one version keys are only ever added.
    pub(super) schema_version: u32,
    /// The version of the program.
    exchports: String,
    /// When it was begun, RFC 3339 in UTC.
    #[schemars(extend("format" = "date-time"))]
    started_at: String,
    /// The domain, in ASCII.
    pub(super) domain: String,
    /// `pass`, `warn` or `fail`: the worst of the diagnoses.
    pub(super) status: String,
    pub(super) resolver: Resolver,
    /// `found`, `no-records`, `no-such-name`, or why the question was not answered.
    mx_outcome: String,
    /// What DNSSEC says of the MX records: `secure`, `insecure`, `bogus`, `indeterminate`.
    pub(super) mx_dnssec: String,
    /// Whether the domain says that it takes no mail.
    null_mx: bool,
    /// The mail hosts that were looked at, the preferred ones first.
    pub(super) mx: Vec<MailHost>,
    /// The ways to Autodiscover in Outlook's order.
    autodiscover: Vec<Autodiscover>,
    /// The method that Outlook ends with.
    autodiscover_wins: Known<String>,
    /// Services for mail clients.
    srv: Vec<Srv>,
    mta_sts: MtaSts,
    tls_rpt: TlsRpt,
    /// Which authorities may issue certificates.
    caa: Vec<Caa>,
    /// The hosts that are worth a check.
    pub(super) targets: Vec<Target>,
    /// What is the matter, worst first.
    pub(super) diagnoses: Vec<Diagnosis>,
    /// How long it took, in milliseconds.
    duration_ms: f64,
    /// What ended it before everything was looked at: `deadline`, `interrupt`; null where nothing did.
    pub(super) cut_short: Known<String>,
}

/// Whom it was asked of.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "to be read is what it is for")]
pub(crate) struct Resolver {
    servers: Vec<String>,
    /// Whether it hands out the signatures of DNSSEC.
    pub(super) dnssec: bool,
    /// How many questions it was asked.
    pub(super) questions: usize,
}

/// A mail host.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "to be read is what it is for")]
pub(crate) struct MailHost {
    pub(super) preference: u16,
    host: String,
    addresses: Vec<String>,
    /// What became of the question for its addresses.
    outcome: String,
    /// Whether its addresses are signed; null where it cannot be told.
    secure: Known<bool>,
    aliases: Vec<String>,
    /// The names of its first address.
    names: Vec<String>,
    /// Who takes mail behind names like this; null where it is its own or unknown.
    hosted_by: Known<String>,
    tlsa: Vec<Tlsa>,
    tlsa_dnssec: String,
    /// `none`, `not-secure`, `unknown`, `unusable`, `matches`, `mismatch`, `without-tls`, `unseen`.
    pub(super) dane: String,
    port_25: Known<Seen>,
}

/// A TLSA record.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "to be read is what it is for")]
pub(crate) struct Tlsa {
    usage: u8,
    selector: u8,
    matching_type: u8,
    /// Lower-case hexadecimal.
    data: String,
    /// Why senders pass it over.
    unusable: Known<String>,
    /// Whether it is the one that matches what port 25 serves.
    matches: bool,
}

/// What a connection showed.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "to be read is what it is for")]
pub(crate) struct Seen {
    state: Known<String>,
    address: Known<String>,
    /// The stage at which it ended early.
    failure: Known<String>,
    steps: Vec<Step>,
    tls_version: Known<String>,
    certificate: Known<Certificate>,
    http_status: Known<u16>,
    location: Known<String>,
    authentication: Vec<String>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "to be read is what it is for")]
pub(crate) struct Step {
    stage: String,
    took_ms: f64,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "to be read is what it is for")]
pub(crate) struct Certificate {
    subject: String,
    names: Vec<String>,
    #[schemars(extend("format" = "date-time"))]
    not_after: String,
    sha256: String,
    name_matches: bool,
    trusted: bool,
}

/// A way to Autodiscover.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "to be read is what it is for")]
pub(crate) struct Autodiscover {
    /// `domain`, `autodiscover-host`, `http-redirect`, `srv`.
    method: String,
    url: Known<String>,
    /// `exchange`, `exchange-online`, `web-site`, `other-answer`, `dead-end`, `no-name`, `lookup-failed`, `closed`,
    /// `silent`, `broken`.
    outcome: String,
    /// The pages asked for, each where the one before sent us.
    steps: Vec<Visit>,
}

/// A page that was asked for.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "to be read is what it is for")]
pub(crate) struct Visit {
    url: String,
    addresses: Vec<String>,
    outcome: String,
    aliases: Vec<String>,
    resolve_ms: f64,
    seen: Known<Seen>,
    /// The status of `autodiscover.json`, where it was asked.
    autodiscover_json: Known<u16>,
}

/// A service for mail clients.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "to be read is what it is for")]
pub(crate) struct Srv {
    service: String,
    /// Null where the service is not offered.
    target: Known<String>,
    port: u16,
    priority: u16,
    weight: u16,
}

/// MTA-STS.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "to be read is what it is for")]
pub(crate) struct MtaSts {
    outcome: String,
    id: Known<String>,
    policy: Known<Visit>,
    mode: Known<String>,
    mx: Vec<String>,
    max_age: Known<u32>,
    error: Known<String>,
}

/// TLS reporting.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "to be read is what it is for")]
pub(crate) struct TlsRpt {
    outcome: String,
    destinations: Vec<String>,
    error: Known<String>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "to be read is what it is for")]
pub(crate) struct Caa {
    tag: String,
    value: String,
}

/// A host that is worth a check.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "to be read is what it is for")]
pub(crate) struct Target {
    name: String,
    role: String,
    why: String,
    /// The command, ready to paste.
    pub(super) command: String,
}

/// What is the matter.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "to be read is what it is for")]
pub(crate) struct Diagnosis {
    pub(super) code: String,
    pub(super) severity: String,
    pub(super) message: String,
    pub(super) hint: String,
    /// Where to read more; null where no document has an address.
    help_url: Known<String>,
    /// The names it is about.
    about: Vec<String>,
}
