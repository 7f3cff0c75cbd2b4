//! One trial, what it came to, and the table of all.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{self, Write};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use exchports::catalog::{Expectation, Role, ServiceId, service};
use exchports::event::Event;
use exchports::judge::{Context, judge};
use exchports::observation::{Cause, Observation};
use exchports::plan::{Check, Host, Limits, Standards};
use exchports::report::{Color, Format, Rows, Style, reporter, transcript};

use crate::probe::peer::{Act, HOST, Outcome, Trial, on_a_clock_that_stands_still};
use crate::probe::transcripts::cause;

use crate::wire::oracles::told;

/// A peer against a service, and what it may come to.
pub(super) struct Row {
    pub(super) peer: &'static str,
    pub(super) service: ServiceId,
    /// One for each connection that may be made.
    pub(super) acts: Vec<Act>,
    /// `greeting: stalled 5s`: stage, code, and the moment at which it has to come; `pass 0s` where nothing is wrong.
    pub(super) right: String,
}

/// What is right at a stage: `stalled 5s` is of that stage; what names another one, or is no failure, stands as it is.
pub(super) fn at(stage: &str, what: &str) -> String {
    if what.contains(": ") || what.starts_with("pass ") {
        what.to_owned()
    } else {
        format!("{stage}: {what}")
    }
}

/// What the trials of one peer came to.
#[derive(Default)]
struct Line {
    outcomes: BTreeMap<String, usize>,
    took: Duration,
    read: usize,
    told: usize,
}

/// All peers, in the order in which they came.
#[derive(Default)]
pub(super) struct Sheet {
    lines: Vec<(&'static str, Line)>,
    wrong: String,
}

/// How long a check takes at the most, goodbye included.
const TIME: Duration = Limits::CHECK.saturating_add(Duration::from_secs(1));

/// What is read from one connection at the most, TLS records and all; a pipe's worth may be on its way.
const READ: usize = Limits::WIRE_BYTES + 64 * 1024;

/// What is told of a check at the most: its line of JSON, conversation included. It is no peak of memory: `sockets` has
/// that.
const TOLD: usize = 1024 * 1024;

impl Sheet {
    /// Lets a peer meet the probe.
    pub(super) fn try_out(&mut self, row: Row) {
        let outcome = on_a_clock_that_stands_still(Trial::of(row.service, row.acts).run());
        let took = humantime::format_duration(outcome.took);
        let (ended, listed) = match &outcome.observation.failure {
            Some(failure) => {
                let code = cause(failure);
                let family = code.split_once("alert-").map_or(code.as_str(), |_| "alert");
                (
                    format!("{}: {code} {took}", failure.stage.as_str()),
                    format!("{family} {took}"),
                )
            }
            None => (format!("pass {took}"), format!("pass {took}")),
        };
        let read = most_read(&outcome);
        let told = told(row.service, &outcome.observation);
        let name = service(row.service).name;
        if row.right != ended {
            let _ = writeln!(
                self.wrong,
                "{} on {name}: {ended}, not {}: {:?}",
                row.peer, row.right, outcome.observation.failure
            );
        }
        if outcome.took > TIME || read > READ || told > TOLD {
            let _ = writeln!(
                self.wrong,
                "{} on {name}: {:?}, {read} bytes read, {told} told",
                row.peer, outcome.took
            );
        }
        assert_ne!(
            outcome.observation.failure.map(|failure| failure.cause),
            Some(Cause::Internal),
            "{} on {name}",
            row.peer
        );
        if !self.lines.iter().any(|(peer, _)| *peer == row.peer) {
            self.lines.push((row.peer, Line::default()));
        }
        let known = self.lines.iter_mut().find(|(peer, _)| *peer == row.peer);
        let line = known.map(|(_, line)| line).unwrap();
        *line.outcomes.entry(listed).or_default() += 1;
        line.took = line.took.max(outcome.took);
        line.read = line.read.max(read);
        line.told = line.told.max(told);
    }
}

/// Prints the table, and fails where something was out of bounds.
pub(super) fn hold(sheets: impl IntoIterator<Item = Sheet>) {
    let mut wrong = String::new();
    println!(
        "{:<46} {:>9} {:>10} {:>10}  outcomes",
        "peer",
        format!("s of {}", TIME.as_secs()),
        format!("read/{}K", READ / 1024),
        format!("told/{}K", TOLD / 1024),
    );
    for sheet in sheets {
        wrong.push_str(&sheet.wrong);
        for (peer, line) in &sheet.lines {
            let outcomes: Vec<String> = line
                .outcomes
                .iter()
                .map(|(outcome, count)| format!("{outcome} ×{count}"))
                .collect();
            println!(
                "{peer:<46} {:>9.1} {:>10} {:>10}  {}",
                line.took.as_secs_f64(),
                line.read,
                line.told,
                outcomes.join(", ")
            );
        }
    }
    let first: Vec<&str> = wrong.lines().take(20).collect();
    assert!(first.is_empty(), "\n{}", first.join("\n"));
}

fn most_read(outcome: &Outcome) -> usize {
    let read = outcome.connections.iter().map(|connection| connection.read);
    read.max().unwrap_or(0)
}

/// Has it told in every format, and nothing in it that moves a cursor or turns a line round; how long its JSON is.
fn told(id: ServiceId, seen: &Observation) -> usize {
    let service = service(id);
    let check = Check {
        service,
        port: service.port,
        expect: Expectation::Required,
    };
    let host = Host::Name(HOST.to_owned());
    let context = Context {
        standards: &Standards::default(),
        role: Role::Any,
        server_name: &host,
        now: time::OffsetDateTime::now_utc(),
    };
    let finding = judge(check, seen.clone(), &context);
    let event = Event::CheckFinished {
        target: 0,
        row: 0,
        finding: Box::new(finding),
    };
    let start = Event::RunStarted(exchports::event::RunStarted {
        at: time::OffsetDateTime::UNIX_EPOCH,
        targets: vec![(HOST.to_owned(), Role::Any)],
    });
    let style = Style {
        color: Color::Plain,
        width: 80,
        rows: Rows::All,
        ..Style::default()
    };
    let mut json = 0;
    let page = Page::default();
    for mut reporter in [
        reporter(Format::Ndjson, Box::new(page.clone()), style),
        reporter(Format::Table, Box::new(page.clone()), style),
        Box::new(transcript(Box::new(page.clone()))),
    ] {
        reporter.report(&start).unwrap();
        reporter.report(&event).unwrap();
        let text = String::from_utf8(std::mem::take(&mut *page.0.lock().unwrap())).unwrap();
        for line in text.lines().filter(|line| line.starts_with('{')) {
            serde_json::from_str::<serde_json::Value>(line).unwrap();
            assert!(line.is_ascii());
            json = json.max(line.len());
        }
        assert!(
            text.lines().all(told::is_safe),
            "{}",
            text.escape_debug().take(2000).collect::<String>()
        );
    }
    json
}

#[derive(Clone, Default)]
struct Page(Arc<Mutex<Vec<u8>>>);

impl Write for Page {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
