//! A second reader of the JSON contract: its own types, written from the contract and not from the program, that take
//! nothing they do not know and miss everything that is not there. The JSON Schema that is committed for others is made
//! from these types.
//!
//! `UPDATE_SCHEMA=1 cargo test` writes the schema anew.

use std::collections::{BTreeMap, HashSet};
use std::net::{IpAddr, SocketAddr};
use std::path::Path;

use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde::Deserialize;
use serde_json::{Value, json};

use exchports::catalog::all;
use exchports::finding::Code;
use exchports::report::{Format, Style, catalog_json};

use crate::discover::document::Discovered;
use crate::report::{hold, run, told};

#[test]
fn the_document_is_what_the_contract_says() {
    let report = document();
    assert_eq!(report.schema_version, 1);
    assert_eq!(report.exchports, env!("CARGO_PKG_VERSION"));
    assert_eq!(report.started_at, "2026-11-21T20:00:00Z");
    assert!((report.duration_ms - 3012.345).abs() < 1e-9);
    assert!(!report.interrupted);
    assert_eq!((report.redacted, report.summary.rounds), (None, None));

    let rows: Vec<&Row> = report.targets.iter().flat_map(|t| &t.checks).collect();
    let summary = &report.summary;
    assert_eq!(report.targets.len(), summary.targets);
    assert_eq!(rows.len(), summary.checks);
    let with = |status| rows.iter().filter(|row| row.status == status).count();
    assert_eq!(with(Status::Pass), summary.pass);
    assert_eq!(with(Status::Warn), summary.warn);
    assert_eq!(with(Status::Fail), summary.fail);
    assert_eq!(with(Status::Absent), summary.absent);
    assert_eq!(with(Status::Skip), summary.skip);
    let required = rows.iter().filter(|row| row.expect == Expect::Required);
    assert_eq!(required.count(), summary.required);
}

#[test]
fn a_row_has_a_key_of_its_own_and_only_known_codes() {
    for target in document().targets {
        let mut keys = HashSet::new();
        for row in &target.checks {
            assert!(keys.insert((&row.service, row.address.0)), "{row:?}");
            assert!(all().any(|known| known.name == row.service));
            for told in &row.diagnoses {
                assert!(Code::from_word(&told.code).is_some(), "{}", told.code);
                assert!(!told.message.is_empty() && !told.hint.is_empty());
                let url = told.help_url.0.as_deref();
                assert!(url.is_none_or(|url| url.starts_with("https://")));
            }
            if let Some(failure) = &row.failure.0 {
                let by_row = row.diagnoses.iter().any(|told| told.code == failure.code);
                let by_target = target
                    .diagnoses
                    .iter()
                    .any(|told| told.code == failure.code);
                // A lookup that failed is told once, at the target.
                let is_lookup = failure.stage == Stage::Resolve;
                assert_eq!((by_row, by_target || !is_lookup), (!is_lookup, true));
            }
            assert!(row.diagnoses.is_sorted_by_key(|told| told.severity.rank()));
        }
        assert!(
            target
                .diagnoses
                .iter()
                .all(|told| Code::from_word(&told.code).is_some()),
            "{target:?}"
        );
    }
}

#[test]
fn an_unresolved_target_has_neither_addresses_nor_states() {
    let report = document();
    let target = report.targets.iter().find(|t| t.target == "nosuch.example");
    let target = target.expect("it was asked for");
    assert!(target.addresses.is_empty());
    assert_eq!(target.checks.len(), 12);
    for row in &target.checks {
        assert_eq!(
            (row.address.0, row.state.0),
            (None, Some(State::Unresolved))
        );
        let failure = row.failure.0.as_ref().expect("it failed");
        assert_eq!(failure.stage, Stage::Resolve);
        assert!(row.diagnoses.is_empty());
    }
}

#[test]
fn what_belongs_to_several_connections_is_there_only_then() {
    let report = document();
    let smtp = row_of(&report, "mail.example.com", "smtp");
    let attempts = smtp.attempts.as_ref().expect("two addresses raced");
    assert_eq!(attempts.len(), 2);
    assert_eq!(attempts[0].state.0, None);
    assert_eq!(attempts[1].took_ms.to_string(), "12");
    let proxy = row_of(&report, "mail.example.com", "submissions");
    let connections: Vec<_> = proxy.steps.iter().map(|step| step.connection).collect();
    assert_eq!(connections, [None, None, Some(2), Some(2)]);
    let transcript = proxy.transcript.as_ref().expect("it was kept");
    assert!(transcript.contains(&"C: TLS ClientHello".to_owned()));
    assert!(transcript.contains(&"[2] S: 220 EXCH01.example.com ready".to_owned()));
    let web = row_of(&report, "mail.example.com", "https");
    assert!(web.attempts.is_none() && web.transcript.is_none());
}

#[test]
fn what_old_tls_and_an_audit_showed_is_there_only_then() {
    let report = document();
    let tls = |target, service| {
        let row = row_of(&report, target, service);
        row.tls.0.as_ref().expect("a handshake")
    };
    let controller =
        "a-rather-long-name-for-a-domain-controller.in-the-headquarters.corp.example.com";
    let old = tls(controller, "ldaps");
    let legacy = old.legacy.as_ref().expect("a second look");
    assert_eq!(legacy.version.0, Some(TlsVersion::Tls12));
    assert_eq!(
        legacy.cipher_suite.0.as_deref(),
        Some("TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA384")
    );
    assert_eq!(legacy.alert.0, None);
    let versions = old.versions.as_ref().expect("an audit");
    let told: Vec<_> = versions
        .iter()
        .map(|(version, answer)| (version.as_str(), *answer))
        .collect();
    assert_eq!(
        told,
        [
            ("TLSv1.0", VersionAnswer::Refused),
            ("TLSv1.2", VersionAnswer::Accepted),
            ("TLSv1.3", VersionAnswer::Unknown),
        ]
    );
    let web = tls("mail.example.com", "https");
    assert!(web.legacy.is_none() && web.versions.is_none());
}

#[test]
fn trust_tells_every_defect_dates_keys_and_signatures_included() {
    let report = document();
    let trust = |target, service| {
        let tls = row_of(&report, target, service).tls.0.as_ref();
        let certificate = tls.and_then(|tls| tls.certificate.0.as_ref());
        &certificate.expect("a certificate").trust
    };
    let clean = trust("mail.example.com", "smtp");
    assert!(clean.trusted && clean.defects.is_empty());
    assert_eq!(clean.anchor.0, Some(Anchor::Public));
    let web = trust("mail.example.com", "https");
    assert!(!web.trusted);
    assert_eq!(web.anchor.0, None);
    assert_eq!(
        web.defects,
        [Defect::UnknownIssuer, Defect::WeakSignature, Defect::Other]
    );
    let ended = &report.targets.last().expect("targets").checks[0];
    let tls = ended.tls.0.as_ref().expect("a handshake");
    let certificate = tls.certificate.0.as_ref().expect("a certificate");
    assert_eq!(certificate.days_left.0, Some(-3));
    assert_eq!(certificate.trust.defects, [Defect::Expired]);
    assert!(!certificate.trust.trusted);
}

#[test]
fn a_directory_cannot_make_a_document_that_powershell_refuses() {
    let report = document();
    let row = &report.targets.last().expect("targets").checks[0];
    let Some(Peer::Directory(directory)) = &row.peer.0 else {
        panic!("{row:?}")
    };
    let expected = [
        (
            "dnsHostName".to_owned(),
            vec!["dc1.example.com".to_owned(), "again".to_owned()],
        ),
        ("empty".to_owned(), vec![]),
    ];
    assert_eq!(directory.root_dse, BTreeMap::from(expected));
}

#[test]
fn bytes_that_are_not_text_are_shown_escaped() {
    let report = document();
    let row = row_of(&report, "mail.example.com", "submission");
    let Some(Peer::Mail(mail)) = &row.peer.0 else {
        panic!("{row:?}")
    };
    let greeting = mail.greeting.0.as_deref().expect("it greeted");
    assert!(
        greeting.starts_with(r"554 \x1B[2J\x1B]0;owned\x07 \xE4rger "),
        "{greeting}"
    );
    assert!(greeting.contains("漢字 C:\\\\>"), "{greeting}");
}

#[test]
fn the_lines_tell_the_same_as_the_document() {
    let report: Value = serde_json::from_str(&told(&run(), Format::Json, Style::default()))
        .expect("what is written can be read");
    let text = told(&run(), Format::Ndjson, Style::default());
    let mut rows: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    let mut targets = Vec::new();
    let mut ends = 0;
    for (index, line) in text.lines().enumerate() {
        let mut value: Value = serde_json::from_str(line).expect("a line can be read");
        let event = take(&mut value, "event");
        match event.as_str().expect("a word") {
            "run-started" => {
                assert_eq!(index, 0);
                let start: Start = serde_json::from_value(value).expect("a start");
                assert_eq!((start.schema_version, start.started_at.len()), (1, 20));
                assert_eq!(start.exchports, report["exchports"]);
                assert_eq!(start.redacted, None);
            }
            "check-finished" => {
                let target = take(&mut value, "target");
                let target = target.as_str().expect("a name").to_owned();
                rows.entry(target).or_default().push(value);
            }
            "target-finished" => targets.push(value),
            "run-finished" => {
                ends += 1;
                let end: End = serde_json::from_value(value).expect("an end");
                assert_eq!(json!(end.duration_ms), report["duration_ms"]);
                assert_eq!(json!(end.interrupted), report["interrupted"]);
                assert_eq!(json!(end.summary.checks), report["summary"]["checks"]);
            }
            other => panic!("{other}"),
        }
    }
    assert_eq!(ends, 1);
    // Put together again they are the document.
    for target in &mut targets {
        let name = target["target"].as_str().expect("a name").to_owned();
        target["checks"] = json!(rows.remove(&name).unwrap_or_default());
    }
    assert_eq!(json!(targets), report["targets"]);
}

#[test]
fn the_catalog_names_every_service_and_role() {
    let mut text = Vec::new();
    catalog_json(&mut text).expect("a buffer takes everything");
    assert!(text.is_ascii() && text.ends_with(b"}\n"));
    let catalog: Catalog = serde_json::from_slice(&text).expect("what is written can be read");
    let services: HashSet<_> = catalog
        .services
        .iter()
        .map(|s| s.service.as_str())
        .collect();
    assert_eq!(services.len(), all().count());
    for role in &catalog.roles {
        let all = [&role.required, &role.optional, &role.forbidden];
        let all = all.into_iter().chain([&role.forbidden_if_public]);
        for service in all.chain(&role.one_of).flatten() {
            assert!(
                services.contains(service.as_str()),
                "{}: {service}",
                role.role
            );
        }
    }
    let https = catalog.services.iter().find(|s| s.port == 443);
    assert_eq!(https.expect("443").security, Security::ImplicitTls);
}

#[test]
fn this_reader_misses_what_is_not_there_and_takes_nothing_it_does_not_know() {
    let text = told(&run(), Format::Json, Style::default());
    let report: Value = serde_json::from_str(&text).expect("what is written can be read");
    let row = &report["targets"][0]["checks"][6];
    let keys = row.as_object().expect("an object").keys();
    for key in keys.filter(|key| *key != "transcript") {
        let mut less = row.clone();
        take(&mut less, key);
        assert!(serde_json::from_value::<Row>(less).is_err(), "{key}");
    }
    let mut more = row.clone();
    more["more"] = Value::Null;
    assert!(serde_json::from_value::<Row>(more).is_err());
    assert!(serde_json::from_value::<Row>(row.clone()).is_ok());
}

#[test]
fn the_committed_schema_is_that_of_these_types() {
    let settings = SchemaSettings::draft2020_12().for_serialize();
    let schema = settings.into_generator().into_root_schema_for::<Report>();
    let mut text = serde_json::to_string_pretty(&schema).expect("a schema is JSON");
    text.push('\n');
    hold(
        Path::new(".github/report.schema.json"),
        "UPDATE_SCHEMA",
        &text,
    );
}

/// What the program wrote, held against the contract.
pub(crate) fn held(text: &str) -> Value {
    let report: Result<Report, _> = serde_json::from_str(text);
    report.unwrap_or_else(|error| panic!("{error}: {text}"));
    serde_json::from_str(text).expect("it was read before")
}

fn document() -> Report {
    let text = told(&run(), Format::Json, Style::default());
    serde_json::from_str(&text).expect("what is written can be read")
}

fn row_of<'a>(report: &'a Report, target: &str, service: &str) -> &'a Row {
    let target = report.targets.iter().find(|t| t.target == target);
    let rows = &target.expect("it was asked for").checks;
    rows.iter()
        .find(|row| row.service == service)
        .expect("it was asked for")
}

fn take(value: &mut Value, key: &str) -> Value {
    let object = value.as_object_mut().expect("an object");
    object.remove(key).expect("it has that key")
}

// -- the types

// A value that may not be known: null then. The key is always there (`Option` alone would let it be missing). No
// description of its own, so that the schema has none.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(inline)]
struct Known<T>(Option<T>);

/// What exchports found: the document that `exchports check --json` writes.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "exchports report")]
struct Report {
    /// The version of this contract; within one version keys are only ever added.
    schema_version: u32,
    /// The version of the program.
    exchports: String,
    /// When the run began, RFC 3339 in UTC.
    #[schemars(extend("format" = "date-time"))]
    started_at: String,
    /// Whether names and addresses are placeholders (`--redact`); absent unless they are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "bool")]
    redacted: Option<bool>,
    /// What is published for the mail domain whose hosts are among the targets (`--domain`); absent without.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Discovered")]
    #[expect(dead_code, reason = "to be read is what it is for")]
    domain: Option<Discovered>,
    /// The targets in the order in which they were given.
    targets: Vec<Target>,
    summary: Summary,
    /// How long the run took, in milliseconds.
    duration_ms: f64,
    /// Whether the run was ended from outside before it was through.
    interrupted: bool,
}

/// A host that was looked at.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "to be read is what it is for")]
#[expect(clippy::struct_field_names, reason = "the contract calls it so")]
struct Target {
    /// The host as it was typed.
    target: String,
    /// The target that it is a node of (`--nodes`), by whose name it was looked at; absent unless it is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    node_of: Option<String>,
    /// What kind of host it was judged as; `auto` where none was named and none recognised.
    role: String,
    /// Whether the role was found from what the host showed.
    role_guessed: bool,
    /// The signs that it was found by, in words; none where the role was named.
    role_reasons: Vec<String>,
    /// The role that it was judged as, then the others that fit.
    roles: Vec<Candidate>,
    /// Its addresses; none when the name did not resolve.
    addresses: Vec<IpAddr>,
    /// How long the lookup took, in milliseconds; null when there was none.
    resolve_ms: Known<f64>,
    /// The worst of its checks and of its own diagnoses.
    status: Status,
    /// What is the matter with the target as a whole.
    diagnoses: Vec<TargetDiagnosis>,
    /// One row a service, or a service and address, in the order of the catalog.
    checks: Vec<Row>,
}

/// A role that the target was judged as.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "to be read is what it is for")]
struct Candidate {
    /// Which.
    role: String,
    /// How many services it requires; a group of which one has to work counts as one.
    required: usize,
    /// How many of these work.
    passed: usize,
    /// What the target is worth as that.
    status: Status,
}

/// What is the matter with a target as a whole.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "to be read is what it is for")]
struct TargetDiagnosis {
    /// What `exchports explain` takes.
    #[schemars(regex(pattern = "^[a-z0-9]+(-[a-z0-9]+)*$"))]
    code: String,
    severity: Severity,
    /// What was seen.
    message: String,
    /// What to do next.
    hint: String,
    /// Where to read more; null where no document has an address.
    help_url: Known<String>,
    /// Codes that the rows of these services need not tell besides: this one, and those that are the same matter.
    covers: Vec<String>,
    /// The services it is about.
    services: Vec<String>,
    /// The addresses it is about, where they differ.
    addresses: Vec<IpAddr>,
}

/// What is the matter with a check.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Diagnosis {
    /// What `exchports explain` takes.
    #[schemars(regex(pattern = "^[a-z0-9]+(-[a-z0-9]+)*$"))]
    code: String,
    severity: Severity,
    /// What was seen.
    message: String,
    /// What to do next.
    hint: String,
    /// Where to read more; null where no document has an address.
    help_url: Known<String>,
}

/// One check: a service of a target, with `--all-addresses` at one address.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "to be read is what it is for")]
struct Row {
    /// The service's id.
    service: String,
    port: u16,
    protocol: Protocol,
    security: Security,
    /// What the role, or the command line, expects of it.
    expect: Expect,
    /// The endpoint that was reached, or the one whose failure is told: `192.0.2.10:587`, `[2001:db8::10]:587`. A row
    /// that was not asked has the one that it would have been asked at, where there is but one.
    #[schemars(with = "Known<String>")]
    address: Known<SocketAddr>,
    /// Our own end.
    #[schemars(with = "Known<String>")]
    local_address: Known<SocketAddr>,
    /// The proxy that the way went through (`--proxy`), by its URL and without user and password; absent without one.
    /// Where it looks names up, `address` is null.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    proxy: Option<String>,
    /// What TCP showed; null when nothing was attempted.
    state: Known<State>,
    status: Status,
    /// The worst first; empty where the lookup failed, which the target tells once.
    diagnoses: Vec<Diagnosis>,
    /// Where and why the conversation ended early.
    failure: Known<Failure>,
    /// When it began, from the beginning of the run; absent where nothing was attempted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "f64")]
    began_ms: Option<f64>,
    /// The addresses that were dialled, when they were several.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Vec<Attempt>")]
    attempts: Option<Vec<Attempt>>,
    /// The stages that were gone through, the failed one included.
    steps: Vec<Step>,
    /// What the handshake showed; null when there was none.
    tls: Known<Tls>,
    /// What the peer said of itself; null when it said nothing.
    peer: Known<Peer>,
    /// The conversation, when `-v` asked for it: `C: ` we, `S: ` the peer, `* ` what happened; from the second
    /// connection on with its number before it: `[2] C: `.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Vec<String>")]
    transcript: Option<Vec<String>>,
}

/// Where and why a conversation ended early.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "to be read is what it is for")]
struct Failure {
    stage: Stage,
    /// The code of the diagnosis about it; where the stage is `resolve`, that is one of the target.
    #[schemars(regex(pattern = "^[a-z0-9]+(-[a-z0-9]+)*$"))]
    code: String,
    /// The peer's own words, or this system's.
    detail: Known<String>,
}

/// An address that was dialled.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "to be read is what it is for")]
struct Attempt {
    #[schemars(with = "String")]
    address: SocketAddr,
    /// What TCP showed; null when another address answered first.
    state: Known<State>,
    took_ms: f64,
}

/// A stage that was gone through.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "to be read is what it is for")]
struct Step {
    stage: Stage,
    took_ms: f64,
    /// On which connection, from the second on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "u8")]
    connection: Option<u8>,
}

/// What a TLS handshake showed, also one that failed half-way.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "to be read is what it is for")]
struct Tls {
    version: Known<TlsVersion>,
    /// Its IANA name.
    cipher_suite: Known<String>,
    /// The key exchange group.
    group: Known<String>,
    alpn: Known<String>,
    certificate: Known<Certificate>,
    /// The chain as sent, leaf first.
    chain: Vec<ChainLink>,
    /// What the server would speak in old TLS, when the handshake failed and a second look asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Legacy")]
    legacy: Option<Legacy>,
    /// Which versions are enabled, by name; when `--audit` asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "BTreeMap<String, VersionAnswer>")]
    versions: Option<BTreeMap<String, VersionAnswer>>,
}

/// What a server would speak in old TLS.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Legacy {
    /// The version that it chose.
    version: Known<TlsVersion>,
    /// The suite that it chose: its IANA name, or its number.
    cipher_suite: Known<String>,
    /// The alert that it sent.
    alert: Known<u8>,
}

/// The server's own certificate.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "to be read is what it is for")]
struct Certificate {
    subject: String,
    issuer: String,
    /// DNS names and addresses that it is made out to; a few hundred at the most.
    names: Vec<String>,
    /// How many more there are, where there are too many to list.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    more_names: Option<u64>,
    #[schemars(extend("format" = "date-time"))]
    not_before: String,
    #[schemars(extend("format" = "date-time"))]
    not_after: String,
    /// Rounded down; negative once it has ended.
    days_left: Known<i64>,
    /// Lower-case hexadecimal.
    serial: String,
    /// The thumbprint that Windows and Exchange show, in lower case.
    #[schemars(regex(pattern = "^[0-9a-f]{40}$"))]
    sha1: String,
    #[schemars(regex(pattern = "^[0-9a-f]{64}$"))]
    sha256: String,
    key: Key,
    signature: String,
    self_signed: bool,
    /// Whether it is made out to the name that was asked for.
    name_matches: bool,
    trust: Trust,
}

/// A public key.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "to be read is what it is for")]
struct Key {
    algorithm: String,
    bits: Known<u32>,
}

/// How far trust reaches.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Trust {
    /// Whether there is no defect at all.
    trusted: bool,
    /// Which set of roots the chain leads to.
    anchor: Known<Anchor>,
    defects: Vec<Defect>,
}

/// A certificate of the chain as sent.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "to be read is what it is for")]
struct ChainLink {
    subject: String,
    issuer: String,
    #[schemars(regex(pattern = "^[0-9a-f]{64}$"))]
    sha256: String,
    #[schemars(extend("format" = "date-time"))]
    not_after: Known<String>,
}

/// What a peer said of itself in its own protocol.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(untagged)]
#[expect(dead_code, reason = "to be read is what it is for")]
#[expect(
    clippy::large_enum_variant,
    reason = "a reader of the schema, made once a document"
)]
enum Peer {
    Mail(Mail),
    Directory(Directory),
    Desktop(Desktop),
    Web(Web),
}

/// An SMTP, IMAP or POP3 server.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "to be read is what it is for")]
struct Mail {
    greeting: Known<String>,
    /// Before TLS.
    capabilities: Vec<String>,
    /// In the secure session.
    secure_capabilities: Vec<String>,
}

/// A directory server.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "to be read is what it is for")]
struct Directory {
    /// Attributes of the rootDSE with their values.
    root_dse: BTreeMap<String, Vec<String>>,
    /// The result code of the `StartTLS` operation.
    starttls_result: Known<u32>,
}

/// A remote desktop host.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "to be read is what it is for")]
struct Desktop {
    /// 0 standard RDP, 1 TLS, 2 `CredSSP` (NLA), 8 `CredSSP` with early result.
    selected_protocol: Known<u32>,
    /// Network level authentication.
    nla: Known<Nla>,
    /// The failure code of the negotiation.
    failure_code: Known<u32>,
}

/// A web server.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "to be read is what it is for")]
struct Web {
    http_status: Known<u16>,
    location: Known<String>,
    server: Known<String>,
    /// Authentication schemes.
    authentication: Vec<String>,
    exchange_build: Known<String>,
    /// Which Exchange that build is.
    exchange: Known<Exchange>,
    front_end: Known<String>,
    health: Known<String>,
    /// The id under which the server's `HttpProxy` logs have the request.
    request_id: Known<String>,
    /// What the directory answers to an empty Bearer; absent unless an audit asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Bearer")]
    bearer: Option<Bearer>,
}

/// Modern authentication, as a directory offers it.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "to be read is what it is for")]
struct Bearer {
    /// Whether it takes tokens at all.
    offered: bool,
    /// Whose: `ID@REALM`.
    trusted_issuers: Vec<String>,
    /// Where people sign in; null where only other servers can.
    authorization_uri: Known<String>,
}

/// Which Exchange a build is, as far as it is known.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "to be read is what it is for")]
struct Exchange {
    product: String,
    /// The cumulative and the security update.
    update: Known<String>,
    build: String,
}

/// The counts.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Summary {
    targets: usize,
    /// Rows, and how many of them are about something required, passed, and so on.
    checks: usize,
    required: usize,
    pass: usize,
    warn: usize,
    fail: usize,
    absent: usize,
    skip: usize,
    /// How often everything was looked at, where it was waited for (`--wait`); absent where it was not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "usize")]
    rounds: Option<usize>,
}

/// The first line of NDJSON, its `event` aside.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Start {
    schema_version: u32,
    exchports: String,
    started_at: String,
    redacted: Option<bool>,
}

/// The last line of NDJSON, its `event` aside.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct End {
    summary: Summary,
    duration_ms: f64,
    interrupted: bool,
}

/// What `exchports list --json` writes.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Catalog {
    services: Vec<CatalogService>,
    roles: Vec<CatalogRole>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "to be read is what it is for")]
struct CatalogService {
    service: String,
    port: u16,
    protocol: Protocol,
    security: Security,
    group: Option<String>,
    title: String,
    purpose: String,
    aliases: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "to be read is what it is for")]
struct CatalogRole {
    role: String,
    purpose: String,
    required: Vec<String>,
    one_of: Vec<Vec<String>>,
    optional: Vec<String>,
    forbidden: Vec<String>,
    forbidden_if_public: Vec<String>,
}

#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq)]
#[serde(rename_all = "kebab-case")]
enum Status {
    Pass,
    Absent,
    Skip,
    Warn,
    Fail,
}

#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq)]
#[serde(rename_all = "kebab-case")]
enum Severity {
    Info,
    Warn,
    Fail,
}

impl Severity {
    /// The worst first.
    fn rank(self) -> u8 {
        match self {
            Self::Fail => 0,
            Self::Warn => 1,
            Self::Info => 2,
        }
    }
}

#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq)]
#[serde(rename_all = "kebab-case")]
enum Expect {
    Required,
    Optional,
    Forbidden,
}

#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq)]
#[serde(rename_all = "kebab-case")]
enum Protocol {
    Smtp,
    Http,
    Pop3,
    Imap,
    Ldap,
    Rdp,
}

#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq)]
#[serde(rename_all = "kebab-case")]
enum Security {
    Cleartext,
    Starttls,
    ImplicitTls,
    X224,
}

#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq)]
#[serde(rename_all = "kebab-case")]
enum State {
    Open,
    Closed,
    Filtered,
    Unreachable,
    Blocked,
    Unresolved,
}

#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq)]
#[serde(rename_all = "kebab-case")]
enum Stage {
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
enum VersionAnswer {
    Accepted,
    Refused,
    Unknown,
}

#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq)]
enum TlsVersion {
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
enum Anchor {
    Public,
    System,
    CaFile,
}

#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq)]
#[serde(rename_all = "kebab-case")]
enum Defect {
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
enum Nla {
    Supported,
    Required,
    NotSupported,
}
