//! `JUnit`'s XML as Jenkins, GitLab and Azure Pipelines read it: a suite for each target, a case for each row and one for
//! the host as a whole. Written as targets finish; valid by Jenkins' `junit-10.xsd`.
//!
//! Names are the same in every run, since that is how these programs know a test again: no time and no finding is part
//! of one.

use std::borrow::Cow;
use std::fmt::{self, Write as _};
use std::io::{self, Write};
use std::sync::Arc;
use std::time::Duration;

use quick_xml::Writer;
use quick_xml::events::{BytesDecl, BytesEnd, BytesStart, BytesText, Event as Xml};

use crate::event::{Event, RunFinished};
use crate::facts::Text;
use crate::finding::{Diagnosis, DomainFinding, Finding, Severity, Status};
use crate::observation::Cause;

use super::digest::as_target;
use super::evidence::{evidence, took};
use super::notation::rfc3339;
use super::order::{Order, Told};
use super::reporter::Reporter;
use super::transcript;

/// Writes the document.
pub(super) struct Junit {
    out: Box<dyn Write + Send>,
    fails_from: Severity,
    order: Order,
    started: String,
}

impl Junit {
    /// `fails_from` is the severity from which a finding is a failure to a reader who knows no warnings.
    pub(super) fn new(out: Box<dyn Write + Send>, fails_from: Severity) -> Self {
        Self {
            out,
            fails_from,
            order: Order::default(),
            started: String::new(),
        }
    }

    fn suite(&self, told: &Told) -> TestSuite {
        let name = xml_text(Text::from(told.finding.target.as_str()).as_str()).into_owned();
        let mut cases = vec![self.host_case(told)];
        cases.extend(told.rows.iter().map(|row| self.row_case(row, &told.rows)));
        TestSuite {
            // Jenkins takes what stands behind the last dot for a class, and what stands before it for its package.
            class: format!("exchports.{}", name.replace('.', "_")),
            started: self.started.clone(),
            properties: properties(told),
            name,
            cases,
        }
    }

    /// A mail domain, with a case of the same name in every run.
    fn domain(&self, domain: &DomainFinding) -> TestSuite {
        let told = Told {
            finding: Arc::new(as_target(domain)),
            rows: Vec::new(),
        };
        let name = format!("mail domain {}", domain.discovery.domain);
        TestSuite {
            class: format!("exchports.{}", name.replace(['.', ' '], "_")),
            started: self.started.clone(),
            properties: vec![
                ("exchports", env!("CARGO_PKG_VERSION").to_owned()),
                ("status", domain.status.as_str().to_owned()),
            ],
            cases: vec![TestCase {
                name: "domain".to_owned(),
                ..self.host_case(&told)
            }],
            name,
        }
    }

    /// How long was waited, and how often looked: a suite without a case, since it passes and fails with the others.
    fn wait(&self, finished: &RunFinished) -> TestSuite {
        TestSuite {
            name: "wait".to_owned(),
            class: String::new(),
            started: self.started.clone(),
            properties: vec![
                ("rounds", finished.summary.rounds.to_string()),
                ("seconds", seconds(finished.took)),
            ],
            cases: Vec::new(),
        }
    }

    /// What is the matter with the host as a whole; it has a name of its own, so that it is there in every run.
    fn host_case(&self, told: &Told) -> TestCase {
        let diagnoses = told.finding.diagnoses.iter().map(|told| &told.diagnosis);
        let diagnoses: Vec<&Diagnosis> = diagnoses.collect();
        TestCase {
            name: "host".to_owned(),
            took: told.finding.resolve.unwrap_or_default(),
            outcome: self
                .failure(&diagnoses)
                .map_or(TestOutcome::Passed, |(code, message)| {
                    TestOutcome::Failed(code, message)
                }),
            text: sentences(&diagnoses),
        }
    }

    fn row_case(&self, row: &Finding, rows: &[Arc<Finding>]) -> TestCase {
        let diagnoses: Vec<&Diagnosis> = row.diagnoses.iter().collect();
        let first = || diagnoses.first().map_or("", |first| &first.message);
        let failure = row.observation.failure.as_ref();
        let code = row.failure_code.map_or("", crate::finding::Code::as_str);
        let outcome = match row.status {
            Status::Skip if failure.is_some_and(|failure| is_trouble_of_ours(failure.cause)) => {
                TestOutcome::Broken(code.to_owned(), first().to_owned())
            }
            Status::Skip => TestOutcome::Skipped(first().to_owned()),
            Status::Fail => match self.failure(&diagnoses) {
                Some((code, message)) => TestOutcome::Failed(code, message),
                // The name was not found: the host tells why.
                None => TestOutcome::Failed(code.to_owned(), "see the case of the host".to_owned()),
            },
            Status::Warn if self.fails_from <= Severity::Warn => {
                let (code, message) = self.failure(&diagnoses).unwrap_or_default();
                TestOutcome::Failed(code, message)
            }
            Status::Warn | Status::Pass | Status::Absent => TestOutcome::Passed,
        };
        let mut text = sentences(&diagnoses);
        for (label, seen) in evidence(row) {
            // Writing to a String cannot fail.
            let _ = writeln!(text, "{label}: {seen}");
        }
        for line in &row.observation.transcript {
            let _ = writeln!(text, "{}", transcript::line(line));
        }
        TestCase {
            name: case_name(row, rows),
            took: took(row),
            outcome,
            text,
        }
    }

    /// The worst diagnosis, where it is bad enough; they come worst first.
    fn failure(&self, diagnoses: &[&Diagnosis]) -> Option<(String, String)> {
        let worst = diagnoses.iter().max_by_key(|told| told.severity)?.severity;
        let worst = diagnoses.iter().find(|told| told.severity == worst)?;
        (worst.severity >= self.fails_from)
            .then(|| (worst.code.as_str().to_owned(), worst.message.clone()))
    }
}

impl Reporter for Junit {
    fn report(&mut self, event: &Event) -> io::Result<()> {
        let mut text = Vec::new();
        if let Event::RunStarted { at, domain, .. } = event {
            self.started = rfc3339(*at);
            let mut xml = Writer::new(&mut text);
            xml.write_event(Xml::Decl(BytesDecl::new("1.0", Some("UTF-8"), None)))?;
            text.extend_from_slice(b"\n<testsuites name=\"exchports\">\n");
            if let Some(domain) = domain {
                self.domain(domain).write(&mut text)?;
            }
        }
        for told in self.order.take(event) {
            self.suite(&told).write(&mut text)?;
        }
        if let Event::RunFinished(finished) = event {
            if finished.summary.rounds > 0 {
                self.wait(finished).write(&mut text)?;
            }
            text.extend_from_slice(b"</testsuites>\n");
        }
        if text.is_empty() {
            return Ok(());
        }
        self.out.write_all(&text)?;
        self.out.flush()
    }
}

impl fmt::Debug for Junit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Junit")
            .field("started", &self.started)
            .finish_non_exhaustive()
    }
}

/// A target.
struct TestSuite {
    name: String,
    class: String,
    started: String,
    properties: Vec<(&'static str, String)>,
    cases: Vec<TestCase>,
}

/// A row, or the host as a whole.
struct TestCase {
    name: String,
    took: Duration,
    outcome: TestOutcome,
    text: String,
}

enum TestOutcome {
    Passed,
    Skipped(String),
    /// Code and message.
    Failed(String, String),
    /// Code and message, where it is this program or this machine that could not.
    Broken(String, String),
}

impl TestSuite {
    fn write(&self, text: &mut Vec<u8>) -> io::Result<()> {
        let many = |is: fn(&TestOutcome) -> bool| {
            let cases = self.cases.iter().filter(|case| is(&case.outcome));
            cases.count().to_string()
        };
        let mut xml = Writer::new_with_indent(text, b' ', 2);
        let took = self.cases.iter().map(|case| case.took).sum();
        let suite = element(
            "testsuite",
            &[
                ("name", &self.name),
                ("tests", &self.cases.len().to_string()),
                (
                    "failures",
                    &many(|is| matches!(is, TestOutcome::Failed(..))),
                ),
                ("errors", &many(|is| matches!(is, TestOutcome::Broken(..)))),
                ("skipped", &many(|is| matches!(is, TestOutcome::Skipped(_)))),
                ("time", &seconds(took)),
                ("timestamp", &self.started),
            ],
        );
        xml.write_event(Xml::Start(suite))?;
        xml.write_event(Xml::Start(BytesStart::new("properties")))?;
        for (name, value) in &self.properties {
            let property = element("property", &[("name", name), ("value", value)]);
            xml.write_event(Xml::Empty(property))?;
        }
        xml.write_event(Xml::End(BytesEnd::new("properties")))?;
        for case in &self.cases {
            case.write(&self.class, &mut xml)?;
        }
        xml.write_event(Xml::End(BytesEnd::new("testsuite")))?;
        xml.into_inner().push(b'\n');
        Ok(())
    }
}

impl TestCase {
    fn write(&self, class: &str, xml: &mut Writer<&mut Vec<u8>>) -> io::Result<()> {
        let took = seconds(self.took);
        let attributes = [
            ("name", self.name.as_str()),
            ("classname", class),
            ("time", &took),
        ];
        let case = element("testcase", &attributes);
        xml.write_event(Xml::Start(case))?;
        let text = self.text.as_str();
        match &self.outcome {
            TestOutcome::Passed if text.is_empty() => {}
            TestOutcome::Passed => write_text(&element("system-out", &[]), text, xml)?,
            TestOutcome::Skipped(message) => {
                xml.write_event(Xml::Empty(element("skipped", &[("message", message)])))?;
            }
            TestOutcome::Failed(code, message) => {
                let attributes = [("type", code.as_str()), ("message", message)];
                write_text(&element("failure", &attributes), text, xml)?;
            }
            TestOutcome::Broken(code, message) => {
                let attributes = [("type", code.as_str()), ("message", message)];
                write_text(&element("error", &attributes), text, xml)?;
            }
        }
        xml.write_event(Xml::End(BytesEnd::new("testcase")))?;
        Ok(())
    }
}

/// An element with text in it and nothing else, on one line with its tags: blanks in it would be part of the text.
fn write_text(
    start: &BytesStart<'_>,
    text: &str,
    xml: &mut Writer<&mut Vec<u8>>,
) -> io::Result<()> {
    let end = start.to_end().into_owned();
    let text = xml_text(text);
    xml.write_event(Xml::Start(start.clone()))?;
    xml.write_event(Xml::Text(BytesText::new(&text)))?;
    xml.write_event(Xml::End(end))?;
    Ok(())
}

fn element(name: &'static str, attributes: &[(&str, &str)]) -> BytesStart<'static> {
    let mut start = BytesStart::new(name);
    for (name, value) in attributes {
        // The pair of strings is escaped; that of bytes would not be.
        start.push_attribute((*name, &*xml_text(value)));
    }
    start
}

/// Without what XML 1.0 cannot hold at all (§2.2), escaped or not: most control characters and two that are none.
fn xml_text(text: &str) -> Cow<'_, str> {
    let is_allowed = |c: char| matches!(c, '\t' | '\n' | '\r' | ' '..='\u{D7FF}' | '\u{E000}'..='\u{FFFD}' | '\u{10000}'..);
    if text.chars().all(is_allowed) {
        return Cow::Borrowed(text);
    }
    let replace = |c| if is_allowed(c) { c } else { '\u{FFFD}' };
    Cow::Owned(text.chars().map(replace).collect())
}

/// What a reader may want to know of the host, apart from what he is told of its cases.
fn properties(told: &Told) -> Vec<(&'static str, String)> {
    let mut properties = vec![
        ("exchports", env!("CARGO_PKG_VERSION").to_owned()),
        ("role", told.finding.role.as_str().to_owned()),
        ("status", told.finding.status.as_str().to_owned()),
    ];
    let addresses = told.finding.addresses.iter();
    properties.extend(addresses.map(|address| ("address", address.to_string())));
    properties
}

/// `submission (587)`; where a service has several rows, with the address of each.
fn case_name(row: &Finding, rows: &[Arc<Finding>]) -> String {
    let name = row.check.service.name;
    let port = row.check.port;
    let is_same = |other: &&Arc<Finding>| other.check.service.id == row.check.service.id;
    match row.observation.address {
        Some(address) if rows.iter().filter(is_same).count() > 1 => {
            format!("{name} ({port}) at {}", address.ip())
        }
        _ => format!("{name} ({port})"),
    }
}

fn is_trouble_of_ours(cause: Cause) -> bool {
    cause.kept_in()
}

/// Every diagnosis on a line, what to do on another.
fn sentences(diagnoses: &[&Diagnosis]) -> String {
    let mut text = String::new();
    for told in diagnoses {
        // Writing to a String cannot fail.
        let _ = writeln!(
            text,
            "{}: {} [{}]",
            told.severity.as_str(),
            told.message,
            told.code
        );
        if told.severity > Severity::Info {
            let _ = writeln!(text, "-> {}", told.hint);
        }
    }
    text
}

/// Seconds with three decimals, and never with an exponent.
fn seconds(duration: Duration) -> String {
    format!("{:.3}", duration.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_xml_cannot_hold_is_replaced() {
        for (text, held) in [
            ("plain", "plain"),
            ("a\u{0}b\u{1b}c", "a\u{fffd}b\u{fffd}c"),
            ("tab\tline\nend\r", "tab\tline\nend\r"),
            ("\u{fffe}\u{ffff}\u{1f600}", "\u{fffd}\u{fffd}\u{1f600}"),
        ] {
            assert_eq!(xml_text(text), held, "{text:?}");
        }
    }

    #[test]
    fn text_and_attributes_are_escaped() {
        let mut text = Vec::new();
        let mut xml = Writer::new(&mut text);
        let hostile = "</failure><a b='c'>]]>&amp;\"\u{1}";
        let start = element("failure", &[("message", hostile)]);
        write_text(&start, hostile, &mut xml).expect("a buffer takes everything");
        let escaped = "&lt;/failure&gt;&lt;a b=&apos;c&apos;&gt;]]&gt;&amp;amp;&quot;\u{fffd}";
        assert_eq!(
            String::from_utf8(text).expect("text"),
            format!("<failure message=\"{escaped}\">{escaped}</failure>")
        );
    }

    #[test]
    fn times_have_three_decimals_and_no_exponent() {
        for (duration, text) in [
            (Duration::from_nanos(1), "0.000"),
            (Duration::from_micros(50_100), "0.050"),
            (Duration::from_secs(1_000_000), "1000000.000"),
        ] {
            assert_eq!(seconds(duration), text);
        }
    }
}
