//! What must hold of everything that is told of an observation, whatever the peer said:
//!
//! * it can be judged, as any role and whatever is expected; a failure has its code, and a diagnosis of that code;
//! * no reporter fails, and none tells a character that would move, turn or hide what stands around it;
//! * the documents can be read, and say what was seen, both the same.

use std::io::{self, Write};
use std::net::IpAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use exchports::catalog::{Expectation, ROLES, Role};
use exchports::event::{Event, RunEnd, RunFinished, Summary, TargetId};
use exchports::facts::Text;
use exchports::finding::Finding;
use exchports::judge::{Context, Surroundings, judge, judge_target};
use exchports::observation::Observation;
use exchports::plan::{Check, Host, Standards, Target};
use exchports::report::{Format, Reporter, Style, reporter, transcript};
use serde_json::Value;
use time::OffsetDateTime;

use crate::peer::HOST;

/// Holds all of it: as a host whose role is not known, and as one of the others, which `chance` chooses.
pub(crate) fn hold(check: Check, seen: Observation, chance: usize) {
    let host = Host::Name(HOST.to_owned());
    let expect = match chance % 3 {
        0 => Expectation::Required,
        1 => Expectation::Optional,
        _ => Expectation::Forbidden,
    };
    let role = ROLES[chance % ROLES.len()].role;
    let finding = judged(Check { expect, ..check }, seen.clone(), role, &host);
    assert_eq!(finding.observation, seen);
    let finding = judged(check, seen, Role::Any, &host);
    tell(&finding, &host);
}

/// Whether a text can be shown anywhere: nothing in it that moves a cursor, turns the writing direction, breaks the
/// line, piles up or cannot be seen.
pub(crate) fn is_safe(text: &str) -> bool {
    !text.chars().any(is_dangerous)
}

/// Whether a character does that. The list is made from Unicode's own data, not from the program's.
pub(crate) fn is_dangerous(character: char) -> bool {
    let code = u32::from(character);
    DANGEROUS
        .iter()
        .any(|(first, last)| (*first..=*last).contains(&code))
}

/// Controls (Cc), format characters (Cf), gaps that are no space (Zs, Zl, Zp), combining marks of the scripts that have
/// them in blocks of their own (Mn, Me), selectors, and letters and symbols that show nothing.
const DANGEROUS: &[(u32, u32)] = &[
    (0x0000, 0x001f),
    (0x007f, 0x00a0),
    (0x00ad, 0x00ad),
    (0x0300, 0x036f),
    (0x0483, 0x0489),
    (0x0591, 0x05bd),
    (0x0600, 0x0605),
    (0x0610, 0x061a),
    (0x061c, 0x061c),
    (0x064b, 0x065f),
    (0x06dd, 0x06dd),
    (0x070f, 0x070f),
    (0x0890, 0x0891),
    (0x08e2, 0x08e2),
    (0x0e34, 0x0e3a),
    (0x0e47, 0x0e4e),
    (0x115f, 0x1160),
    (0x1680, 0x1680),
    (0x17b4, 0x17b5),
    (0x180b, 0x180f),
    (0x1ab0, 0x1ac0),
    (0x1dc0, 0x1dff),
    (0x2000, 0x200f),
    (0x2028, 0x202f),
    (0x205f, 0x206f),
    (0x20d0, 0x20f0),
    (0x2800, 0x2800),
    (0x3000, 0x3000),
    (0x302a, 0x302d),
    (0x3164, 0x3164),
    (0xfe00, 0xfe0f),
    (0xfe20, 0xfe2f),
    (0xfeff, 0xfeff),
    (0xffa0, 0xffa0),
    (0xfff9, 0xfffc),
    (0x110bd, 0x110bd),
    (0x110cd, 0x110cd),
    (0x13430, 0x1343f),
    (0x1bca0, 0x1bca3),
    (0x1d159, 0x1d159),
    (0x1d167, 0x1d169),
    (0x1d173, 0x1d182),
    (0xe0000, 0xe0fff),
];

fn context(role: Role, server_name: &Host) -> Context<'_> {
    static STANDARDS: std::sync::OnceLock<Standards> = std::sync::OnceLock::new();
    Context {
        standards: STANDARDS.get_or_init(Standards::default),
        role,
        unused_proxy: None,
        server_name,
        now: now(),
    }
}

fn now() -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp(1_795_000_000).expect("a time")
}

fn judged(check: Check, seen: Observation, role: Role, host: &Host) -> Finding {
    let finding = judge(check, seen, &context(role, host));
    assert_eq!(
        finding.failure_code.is_some(),
        finding.observation.failure.is_some(),
        "{finding:#?}"
    );
    if let Some(code) = finding.failure_code {
        let told = finding
            .diagnoses
            .iter()
            .any(|diagnosis| diagnosis.code == code);
        assert!(told, "{code:?} is not told: {finding:#?}");
    }
    for diagnosis in &finding.diagnoses {
        assert!(
            is_safe(&diagnosis.message) && is_safe(&diagnosis.hint),
            "{diagnosis:?}"
        );
        assert!(!diagnosis.message.is_empty() && !diagnosis.hint.is_empty());
    }
    finding
}

fn tell(finding: &Finding, host: &Host) {
    let events = run_of(finding, host);
    let document: Value = serde_json::from_str(&written(Format::Json, &events)).expect("JSON");
    assert_safe(&document);
    let lines: Vec<Value> = written(Format::Ndjson, &events)
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON on every line"))
        .collect();
    lines.iter().for_each(assert_safe);

    let row = &document["targets"][0]["checks"][0];
    let mut line = lines
        .iter()
        .find(|line| line["event"] == "check-finished")
        .expect("the check")
        .clone();
    let keys = line.as_object_mut().expect("an object");
    keys.remove("event");
    keys.remove("target");
    assert_eq!(&line, row);
    assert_says(row, finding);

    for text in [written(Format::Table, &events), conversation(&events)] {
        for line in text.lines() {
            assert!(is_safe(line), "{line:?}");
        }
    }
}

/// The row says what was seen, word for word.
fn assert_says(row: &Value, finding: &Finding) {
    let seen = &finding.observation;
    let failure = seen.failure.as_ref();
    assert_eq!(row["failure"].is_null(), failure.is_none());
    let detail = failure.and_then(|failure| failure.detail.as_ref());
    assert_eq!(row["failure"]["detail"].as_str(), detail.map(Text::as_str));
    let told = row["transcript"].as_array().map_or(0, Vec::len);
    assert_eq!(told, seen.transcript.len());
    for (at, line) in seen.transcript.iter().enumerate() {
        let told = row["transcript"][at].as_str().expect("a text");
        assert!(told.ends_with(line.text.as_str()), "{told:?}, {line:?}");
    }
    let diagnoses = row["diagnoses"].as_array().expect("a list");
    assert_eq!(diagnoses.len(), finding.diagnoses.len());
    assert_eq!(
        row["steps"].as_array().map_or(0, Vec::len),
        seen.steps.len()
    );
}

/// A run of this one check.
fn run_of(finding: &Finding, host: &Host) -> Vec<Event> {
    let target = Target {
        name: HOST.to_owned(),
        host: host.clone(),
        address: None,
        server_name: host.clone(),
        role: Role::Any,
        checks: vec![finding.check],
        named: Vec::new(),
        node_of: None,
    };
    let around = Surroundings {
        port_25: Vec::new(),
        addresses: vec![IpAddr::from([192, 0, 2, 25])],
        ..Surroundings::default()
    };
    let findings = std::slice::from_ref(finding);
    let whole = judge_target(&target, around, findings, &context(Role::Any, host));
    let mut summary = Summary::default();
    summary.add_check(finding);
    summary.add_target(&whole);
    vec![
        Event::RunStarted {
            at: now(),
            targets: Some(1),
            domain: None,
        },
        Event::TargetStarted {
            target: TargetId(0),
            name: HOST.to_owned(),
            role: Role::Any,
        },
        Event::TargetResolved {
            target: TargetId(0),
            checks: vec![finding.check.service.id],
        },
        Event::CheckFinished {
            target: TargetId(0),
            row: 0,
            finding: Arc::new(finding.clone()),
        },
        Event::TargetFinished {
            target: TargetId(0),
            finding: Arc::new(whole),
        },
        Event::RunFinished(RunFinished {
            summary,
            took: Duration::from_secs(1),
            end: RunEnd::Complete,
        }),
    ]
}

fn written(format: Format, events: &[Event]) -> String {
    let page = Page::default();
    let told = reporter(format, Box::new(page.clone()), Style::default());
    page.filled(told, events)
}

fn conversation(events: &[Event]) -> String {
    let page = Page::default();
    let told = transcript(Box::new(page.clone()));
    page.filled(told, events)
}

/// What a reporter writes on.
#[derive(Clone, Default)]
struct Page(Arc<Mutex<Vec<u8>>>);

impl Page {
    fn filled(&self, mut told: Box<dyn Reporter + Send>, events: &[Event]) -> String {
        for event in events {
            told.report(event).expect("paper is patient");
        }
        String::from_utf8(self.0.lock().expect("nobody panicked").clone()).expect("UTF-8")
    }
}

impl Write for Page {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().expect("nobody panicked").write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// All texts of a document are.
fn assert_safe(value: &Value) {
    match value {
        Value::String(text) => assert!(is_safe(text), "{text:?}"),
        Value::Array(values) => values.iter().for_each(assert_safe),
        Value::Object(members) => {
            for (key, value) in members {
                assert!(is_safe(key), "{key:?}");
                assert_safe(value);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}
