//! `--redact`: nobody's name in any report.

use std::fs;

use super::{folder, ran, refusal, told, words};
use crate::schema::held;

/// What the stand-in calls itself and its authority, in any case; what would name a customer, were it one.
const SECRETS: [&str; 8] = [
    "example.test",
    "ex01",
    "corp.",
    "stand-in issuing",
    "stand-in server",
    "dc=",
    "stand-in root",
    "mail.ex",
];

#[test]
fn no_report_names_anybody() {
    let folder = folder();
    let path = |format: &str| {
        folder
            .path()
            .join(format!("report.{format}"))
            .display()
            .to_string()
    };
    let formats = [
        "table",
        "json",
        "ndjson",
        "junit",
        "github",
        "markdown",
        "html",
        "prometheus",
        "checkmk",
    ];
    let faults = "certificate-wrong-name@https certificate-expired@imaps starttls-not-offered@submission captive-portal@http";
    let mut typed = words("demo -v");
    for fault in faults.split(' ') {
        typed.extend(["--fault".to_owned(), fault.to_owned()]);
    }
    for format in formats {
        typed.extend(["--report".to_owned(), format!("{format}={}", path(format))]);
    }
    let (_, plain, _) = told(&ran(&typed));
    let known = held(&fs::read_to_string(path("json")).expect("a report"));
    let mut secrets: Vec<String> = SECRETS.map(str::to_owned).to_vec();
    let without: Vec<String> = formats
        .iter()
        .map(|format| {
            fs::read_to_string(path(format))
                .expect("a report")
                .to_lowercase()
        })
        .collect();
    // The test would find them, were they there.
    assert!(plain.to_lowercase().contains("ex01"), "{plain}");
    assert!(without.iter().all(|text| text.contains("example.test")));
    let mut numbers = Vec::new();
    collect(&known, &mut numbers);
    assert!(numbers.len() > 4, "{numbers:?}");
    secrets.extend(numbers);

    typed.push("--redact".to_owned());
    let (_, conversations, _) = told(&ran(&typed));
    // The last line says what the demo was.
    let conversations = conversations
        .lines()
        .filter(|line| !line.starts_with("exchports: "));
    let conversations: Vec<String> = conversations.map(str::to_lowercase).collect();
    let mut texts = vec![("-v", conversations.join("\n"))];
    for format in formats {
        let text = fs::read_to_string(path(format)).expect("a report");
        texts.push((format, text.to_lowercase()));
    }
    for (what, text) in &texts {
        for secret in &secrets {
            let at = text.find(secret.as_str());
            let around = at.map(|at| text.get(at.saturating_sub(120)..(at + 60).min(text.len())));
            assert_eq!(at, None, "{what} has {secret}: {around:?}");
        }
    }
    let redacted = held(&fs::read_to_string(path("json")).expect("a report"));
    assert_eq!(redacted["redacted"], true);
    assert_eq!(redacted["targets"][0]["target"], "host-1");

    // The same again; and nothing that could be compared with.
    let first = fs::read_to_string(path("junit")).expect("a report");
    ran(&typed);
    let again = fs::read_to_string(path("junit")).expect("a report");
    let names = |text: &str| -> Vec<String> {
        let words = text.split(|c: char| !c.is_alphanumeric() && c != '-');
        words
            .filter(|word| word.starts_with("host-"))
            .map(str::to_owned)
            .collect()
    };
    assert_eq!(names(&first), names(&again));
    let typed = words(&format!("check a.example --baseline {}", path("json")));
    assert!(refusal(&typed).contains("--redact"));
}

/// Fingerprints and serial numbers of a document.
fn collect(value: &serde_json::Value, found: &mut Vec<String>) {
    match value {
        serde_json::Value::Object(members) => {
            for (key, value) in members {
                match value.as_str() {
                    Some(text) if matches!(key.as_str(), "sha1" | "sha256" | "serial") => {
                        found.push(text.to_owned());
                    }
                    _ => collect(value, found),
                }
            }
        }
        serde_json::Value::Array(items) => items.iter().for_each(|item| collect(item, found)),
        _ => {}
    }
}
