//! The formats that programs of continuous integration read: valid whatever a peer said, and nothing in them that a peer
//! could mean for the reader.

use std::collections::BTreeMap;

use proptest::prelude::*;
use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event as Xml};

use exchports::event::Event;
use exchports::facts::Text;
use exchports::finding::Severity;
use exchports::report::{Format, Style};

use crate::report::{PLAIN, hold_golden, one_row, run, told};

#[test]
fn ci_reports_look_as_they_did() {
    let mask = |text: String| text.replace(env!("CARGO_PKG_VERSION"), "VERSION");
    hold_golden(
        "report.junit.xml",
        &mask(told(&run(), Format::Junit, PLAIN)),
    );
    hold_golden("report.github.txt", &told(&run(), Format::Github, PLAIN));
    hold_golden("report.md", &mask(told(&run(), Format::Markdown, PLAIN)));
    hold_golden("report.html", &mask(told(&run(), Format::Html, PLAIN)));
}

#[test]
fn junit_is_as_the_schema_says_and_counts_right() {
    let strict = Style {
        fails_from: Severity::Warn,
        ..PLAIN
    };
    for style in [PLAIN, strict] {
        check_junit(&told(&run(), Format::Junit, style));
    }
    // A run that was over before anything was finished.
    let all = run();
    let cut = [all[0].clone(), all[all.len() - 1].clone()];
    check_junit(&told(&cut, Format::Junit, PLAIN));
}

#[test]
fn warnings_are_failures_where_they_make_the_exit_code_1() {
    let text = told(&run(), Format::Junit, PLAIN);
    let strict = Style {
        fails_from: Severity::Warn,
        ..PLAIN
    };
    let stricter = told(&run(), Format::Junit, strict);
    let code = "<failure type=\"tls-no-common-cipher\"";
    assert!(!text.contains(code) && stricter.contains(code));
}

#[test]
fn names_in_junit_are_the_same_whatever_was_found() {
    let names = |events: &[Event]| {
        let text = told(events, Format::Junit, PLAIN);
        let cases = text.lines().filter(|line| line.contains("<testcase "));
        let names = cases.map(|line| line.split(" time=").next().unwrap_or_default().to_owned());
        names.collect::<Vec<_>>()
    };
    let good = one_row(&Text::from("220 ready"));
    let other = one_row(&Text::from("554 5.7.1 go away 2026-11-27"));
    assert_eq!(names(&good), names(&other));
    assert_eq!(names(&good).len(), 2);
}

#[test]
fn annotations_are_sorted_and_no_more_than_are_shown() {
    let text = told(&run(), Format::Github, PLAIN);
    let kinds: Vec<&str> = text
        .lines()
        .map(|line| line.split(' ').next().unwrap_or_default())
        .collect();
    for kind in ["::error", "::warning", "::notice"] {
        let many = kinds.iter().filter(|found| **found == kind).count();
        assert!((1..=10).contains(&many), "{many} of {kind}");
    }
    let order = ["::error", "::warning", "::notice"];
    let places = kinds
        .iter()
        .map(|kind| order.iter().position(|known| known == kind));
    assert!(places.is_sorted(), "{kinds:?}");
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(64) })]

    #[test]
    fn no_peer_breaks_junit_or_issues_a_command(
        bytes in proptest::collection::vec(any::<u8>(), 0..200),
        choice in 0..HOSTILE.len(),
    ) {
        for said in [&bytes[..], HOSTILE[choice].as_bytes()] {
            let events = one_row(&Text::from_bytes(said));
            check_junit(&told(&events, Format::Junit, PLAIN));
            check_commands(&told(&events, Format::Github, PLAIN));
        }
    }
}

/// What a peer would say to be heard by the reader of a report.
pub(crate) const HOSTILE: [&str; 9] = [
    "220 x\r\n::error::owned",
    "::stop-commands::x ::set-output name=a::b ##[error]c ##vso[task.setvariable variable=a]b",
    "%0A::error::owned",
    "</failure></testcase><testcase name=\"owned\">]]>",
    "<!ENTITY a \"b\"> &a; &#0; \u{b}",
    "| a | b |\n|---|---|\n`code` [link](javascript:alert(1)) @everyone #1",
    "</script><script>alert(1)</script><img src=x onerror=alert(1)>",
    "<!--<script>\u{2028}\u{2029} style=\"x\" onload='y'",
    "```\n</details>\n# heading\n",
];

/// Every line is a command of the three kinds that are ours, and its title has one value.
fn check_commands(text: &str) {
    for line in text.lines() {
        let (command, _) = line[2..].split_once("::").expect("a command has data");
        let (kind, properties) = command.split_once(' ').expect("a title");
        assert!(line.starts_with("::"), "{line}");
        assert!(["error", "warning", "notice"].contains(&kind), "{line}");
        let title = properties.strip_prefix("title=").expect("a title");
        assert!(!title.contains([',', ':']), "{line}");
    }
}

/// What `junit-10.xsd` allows: element → attributes (those with a mark have to be there) and children.
const SCHEMA: [(&str, &[&str], &[&str]); 9] = [
    (
        "testsuites",
        &["name", "time", "tests", "failures", "errors"],
        &["testsuite"],
    ),
    (
        "testsuite",
        &[
            "name!",
            "tests!",
            "failures!",
            "errors!",
            "skipped",
            "time",
            "timestamp",
            "hostname",
            "id",
            "package",
        ],
        &["properties", "testcase", "system-out", "system-err"],
    ),
    ("properties", &[], &["property"]),
    ("property", &["name!", "value!"], &[]),
    (
        "testcase",
        &["name!", "time", "classname", "group"],
        &["skipped", "error", "failure", "system-out", "system-err"],
    ),
    ("failure", &["type", "message"], &[]),
    ("error", &["type", "message"], &[]),
    ("skipped", &["type", "message"], &[]),
    ("system-out", &[], &[]),
];

/// Holds a document against the schema, and its counts against its cases.
pub(crate) fn check_junit(text: &str) {
    let mut reader = Reader::from_str(text);
    let mut open: Vec<String> = Vec::new();
    let mut counted: BTreeMap<String, usize> = BTreeMap::new();
    let mut said = BTreeMap::new();
    loop {
        let event = reader.read_event().expect("well-formed XML");
        match &event {
            Xml::Start(start) | Xml::Empty(start) => {
                let name = start.name().as_ref().to_owned();
                let attributes = check_element(&name, open.last(), start);
                if name == "testsuite" {
                    counted.clear();
                    said = attributes;
                }
                *counted.entry(name.clone()).or_default() += 1;
                if matches!(event, Xml::Start(_)) {
                    open.push(name);
                }
            }
            Xml::End(_) => {
                if open.pop().as_deref() == Some("testsuite") {
                    for (attribute, element) in [
                        ("tests", "testcase"),
                        ("failures", "failure"),
                        ("errors", "error"),
                        ("skipped", "skipped"),
                    ] {
                        let many = counted.get(element).copied().unwrap_or(0).to_string();
                        assert_eq!(said.get(attribute), Some(&many), "{attribute}\n{text}");
                    }
                }
            }
            Xml::Text(inside) => {
                let inside = inside.xml10_content();
                let may_hold = ["failure", "error", "skipped", "system-out"];
                assert!(
                    inside.trim().is_empty()
                        || open.last().is_some_and(|open| may_hold.contains(&&**open)),
                    "{inside:?} in {open:?}"
                );
                check_characters(&inside);
            }
            Xml::Eof => break,
            Xml::Decl(_) | Xml::GeneralRef(_) => {}
            other => panic!("{other:?}"),
        }
    }
    assert!(open.is_empty());
    check_characters(text);
}

fn check_characters(text: &str) {
    let bad = text.chars().find(|c| {
        (c.is_ascii_control() && !['\n', '\r', '\t'].contains(c))
            || ['\u{fffe}', '\u{ffff}'].contains(c)
    });
    assert_eq!(bad, None, "{text}");
}

fn check_element(
    name: &str,
    parent: Option<&String>,
    start: &BytesStart<'_>,
) -> BTreeMap<String, String> {
    let row = |name: &str| SCHEMA.iter().find(|(known, ..)| *known == name);
    let (_, allowed, _) = row(name).unwrap_or_else(|| panic!("<{name}> is no element"));
    match parent {
        Some(parent) => {
            let (.., children) = row(parent).expect("it was checked");
            assert!(children.contains(&name), "<{name}> in <{parent}>");
        }
        None => assert_eq!(name, "testsuites"),
    }
    let mut found = BTreeMap::new();
    for attribute in start.attributes() {
        let attribute = attribute.expect("an attribute");
        let key = attribute.key.as_ref().to_owned();
        let value = attribute
            .normalized_value(quick_xml::XmlVersion::Explicit1_0)
            .expect("a value")
            .into_owned();
        assert!(
            allowed
                .iter()
                .any(|known| known.trim_end_matches('!') == key),
            "{key} on <{name}>"
        );
        if key == "time" {
            let (whole, decimals) = value.split_once('.').expect("decimals");
            assert!(
                decimals.len() <= 3
                    && format!("{whole}{decimals}")
                        .bytes()
                        .all(|b| b.is_ascii_digit())
            );
        }
        found.insert(key, value);
    }
    for needed in allowed.iter().filter_map(|known| known.strip_suffix('!')) {
        assert!(found.contains_key(needed), "<{name}> without {needed}");
    }
    found
}
