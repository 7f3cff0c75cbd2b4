//! One trial, what it came to, and the table of all.

use std::collections::BTreeMap;
use std::fmt::{self, Write as _};
use std::io::{self, Write};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use exchports::catalog::{Expectation, Role, ServiceId, service};
use exchports::event::{Event, TargetId};
use exchports::judge::{Context, judge};
use exchports::observation::{Cause, Observation, Stage};
use exchports::plan::{Check, Host, Limits, Standards};
use exchports::report::{Color, Format, Rows, Style, reporter, transcript};

use crate::peer::{Act, HOST, on_a_clock_that_stands_still};
use crate::probe::trial::{Outcome, Trial};
use crate::wire::oracles::told;

/// A peer against a service, and what it may come to.
pub(super) struct Row {
    pub(super) peer: &'static str,
    pub(super) service: ServiceId,
    /// One for each connection that may be made.
    pub(super) acts: Vec<Act>,
    pub(super) right: Ending,
}

/// What a check of a hostile peer comes to.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Ending {
    /// Where and why it failed; `None` where nothing is wrong.
    failure: Option<(Option<Stage>, Cause)>,
    /// When that was known.
    after: Duration,
}

/// Nothing is wrong.
pub(super) const fn passes(milliseconds: u64) -> Ending {
    Ending {
        failure: None,
        after: Duration::from_millis(milliseconds),
    }
}

/// It fails at the stage at which the peer turned.
pub(super) const fn fails(cause: Cause, milliseconds: u64) -> Ending {
    Ending {
        failure: Some((None, cause)),
        after: Duration::from_millis(milliseconds),
    }
}

/// It fails at this stage, wherever the peer turned.
pub(super) const fn fails_at(stage: Stage, cause: Cause, milliseconds: u64) -> Ending {
    Ending {
        failure: Some((Some(stage), cause)),
        after: Duration::from_millis(milliseconds),
    }
}

impl Ending {
    /// The same, of a peer that turned there.
    pub(super) fn at(self, turned: Stage) -> Self {
        let failure = self
            .failure
            .map(|(stage, cause)| (stage.or(Some(turned)), cause));
        Self { failure, ..self }
    }

    fn of(outcome: &Outcome) -> Self {
        let failure = outcome.observation.failure.as_ref();
        Self {
            failure: failure.map(|failure| (Some(failure.stage), failure.cause)),
            after: outcome.took,
        }
    }
}

impl fmt::Display for Ending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.failure {
            None => f.write_str("passes")?,
            Some((stage, cause)) => {
                let stage = stage.map_or("where it turned", Stage::as_str);
                write!(f, "{stage}: {cause:?}")?;
            }
        }
        write!(f, " after {}", humantime::format_duration(self.after))
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
        let ended = Ending::of(&outcome);
        let took = humantime::format_duration(outcome.took);
        let listed = match ended.failure {
            Some((_, Cause::Alert(_))) => format!("alert {took}"),
            Some((_, cause)) => format!("{cause:?} {took}"),
            None => format!("passes {took}"),
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
        if outcome.closed > TIME || read > READ || told > TOLD {
            let _ = writeln!(
                self.wrong,
                "{} on {name}: {:?}, {read} bytes read, {told} told",
                row.peer, outcome.closed
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

    /// Prints the table, and fails where something was out of bounds.
    pub(super) fn hold(self) {
        let mut table = format!(
            "{:<46} {:>9} {:>10} {:>10}  outcomes\n",
            "peer",
            format!("s of {}", TIME.as_secs()),
            format!("read/{}K", READ / 1024),
            format!("told/{}K", TOLD / 1024),
        );
        for (peer, line) in &self.lines {
            let outcomes: Vec<String> = line
                .outcomes
                .iter()
                .map(|(outcome, count)| format!("{outcome} ×{count}"))
                .collect();
            let _ = writeln!(
                table,
                "{peer:<46} {:>9.1} {:>10} {:>10}  {}",
                line.took.as_secs_f64(),
                line.read,
                line.told,
                outcomes.join(", ")
            );
        }
        println!("{table}");
        let first: Vec<&str> = self.wrong.lines().take(20).collect();
        assert!(first.is_empty(), "\n{}", first.join("\n"));
    }
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
        unused_proxy: None,
        server_name: &host,
        now: time::OffsetDateTime::now_utc(),
    };
    let finding = judge(check, seen.clone(), &context);
    let event = Event::CheckFinished {
        target: TargetId(0),
        row: 0,
        finding: Arc::new(finding),
    };
    let start = Event::TargetStarted {
        target: TargetId(0),
        name: HOST.to_owned(),
        role: Role::Any,
    };
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
