//! A second reader of the JSON contract: its own types, written from the contract and not from the program, that take
//! nothing they do not know and miss everything that is not there. The JSON Schema that is committed for others is made
//! from these types.
//!
//! `UPDATE_SCHEMA=1 cargo test` writes the schema anew.

mod contract;

use std::collections::{BTreeMap, HashSet};
use std::path::Path;

use exchports::catalog::all;
use exchports::finding::Code;
use exchports::report::{Format, Style, catalog_json};
use schemars::generate::SchemaSettings;
use serde_json::{Value, json};

use crate::report::{hold, run, told};
use contract::{
    Anchor, Catalog, Defect, End, Expect, Peer, Report, Row, Security, Stage, Start, State, Status,
    TlsVersion, VersionAnswer,
};

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
