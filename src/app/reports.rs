//! The reports of a run: opened before anything is looked at, told every event, each keeping its own trouble.

use std::env;
use std::io::{self, IsTerminal as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use anstream::AutoStream;
use tokio::sync::mpsc;

use super::error::Error;
use super::files::{Aside, open_file, open_step_summary};
use super::terminal::{choice, style};
use crate::cli::{self, Telling};
use crate::event::Event;
use crate::exit::FailOn;
use crate::facts::Text;
use crate::finding::{Severity, Status};
use crate::plan::Transcripts;
use crate::report::{self, Color, Format, Names, Progress, Reporter, Style, Tee};
use crate::run::Sequence;

/// Everything that is written to, opened before anything is looked at.
pub(super) struct Outputs {
    reporter: Box<dyn Reporter + Send>,
    reports: Vec<Report>,
    /// Whether one of them keeps the order of targets.
    pub(super) sequence: Sequence,
}

/// What a report is written to, and what became of it.
struct Report {
    to: String,
    aside: Option<Aside>,
    trouble: Arc<OnceLock<io::Error>>,
}

/// Tells a report until that fails; the others go on.
struct Guarded {
    within: Box<dyn Reporter + Send>,
    trouble: Arc<OnceLock<io::Error>>,
}

impl Outputs {
    pub(super) fn open(telling: &Telling) -> Result<Self, Error> {
        let mut reporters: Vec<Box<dyn Reporter + Send>> = Vec::new();
        let mut reports = Vec::new();
        let mut add = |to, aside, within| {
            let trouble = Arc::new(OnceLock::new());
            reporters.push(Box::new(Guarded {
                within,
                trouble: Arc::clone(&trouble),
            }));
            reports.push(Report { to, aside, trouble });
        };
        for (format, path) in &telling.reports {
            let Some(path) = path else {
                let out = Box::new(AutoStream::new(io::stdout(), choice(telling.color)));
                let look = Style {
                    fails_from: fails_from(telling.fail_on),
                    names: telling.names,
                    certificates: telling.certificates,
                    ..style(telling.color, telling.rows)
                };
                add(
                    "standard output".to_owned(),
                    None,
                    fitted(telling, *format, report::reporter(*format, out, look)),
                );
                continue;
            };
            let to = cli::shown(path);
            let (out, aside) = open_file(path).map_err(|source| Error::Report {
                to: to.clone(),
                source,
            })?;
            let plain = Style {
                color: Color::Plain,
                width: 100,
                rows: telling.rows,
                certificates: telling.certificates,
                fails_from: fails_from(telling.fail_on),
                names: telling.names,
            };
            if let (Format::Prometheus, Some(aside)) = (format, &aside) {
                aside.let_others_read();
            }
            let reporter = report::reporter(*format, out, plain);
            add(to, aside, fitted(telling, *format, reporter));
        }
        if telling
            .reports
            .iter()
            .any(|(format, _)| *format == Format::Github)
            && let Some(path) = env::var_os(STEP_SUMMARY).filter(|path| !path.is_empty())
        {
            let to = format!("${STEP_SUMMARY}");
            let (out, room) =
                open_step_summary(Path::new(&path)).map_err(|source| Error::Report {
                    to: to.clone(),
                    source,
                })?;
            let summary = report::step_summary(Box::new(out), room);
            add(to, None, fitted(telling, Format::Markdown, summary));
        }
        if telling.verbose {
            let err = Box::new(AutoStream::auto(io::stderr()));
            let conversations = nameless(telling, report::transcript(err));
            add("standard error".to_owned(), None, conversations);
        }
        let all = Tee(reporters);
        let reporter: Box<dyn Reporter + Send> = if telling.progress && io::stderr().is_terminal() {
            // Progress steps aside for whatever else writes to the terminal.
            Box::new(Progress::around(all))
        } else {
            Box::new(all)
        };
        let is_ordered = telling
            .reports
            .iter()
            .any(|(format, _)| format.is_ordered());
        Ok(Self {
            reporter,
            reports,
            sequence: if is_ordered {
                Sequence::Ordered
            } else {
                Sequence::Unordered
            },
        })
    }

    /// The files that have no name yet.
    pub(super) fn begun(&self) -> Vec<PathBuf> {
        let asides = self
            .reports
            .iter()
            .filter_map(|report| report.aside.as_ref());
        asides.map(Aside::path_so_far).collect()
    }
}

impl Report {
    /// A file takes its name when everything was told and nothing went wrong; else it goes, and what had that name
    /// stays.
    fn end(mut self, is_whole: bool) -> Result<(), Error> {
        let written = match (
            Arc::get_mut(&mut self.trouble).and_then(OnceLock::take),
            self.aside,
        ) {
            (Some(error), _) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            (Some(error), _) => Err(error),
            (None, Some(aside)) if is_whole => aside.take_name(),
            (None, _) => Ok(()),
        };
        written.map_err(|source| Error::Report {
            to: self.to,
            source,
        })
    }
}

impl Reporter for Guarded {
    fn report(&mut self, event: &Event) -> io::Result<()> {
        if self.trouble.get().is_none()
            && let Err(error) = self.within.report(event)
        {
            // There is none yet.
            let _ = self.trouble.set(error);
        }
        Ok(())
    }
}

/// The variable that names the file of a step's summary, to which every program of the step adds.
const STEP_SUMMARY: &str = "GITHUB_STEP_SUMMARY";

/// Tells every event to every report, and gives the files their names when all is told; says why the first check that
/// was skipped was.
pub(super) fn write_reports(
    outputs: Outputs,
    mut events: mpsc::Receiver<Event>,
) -> Result<Option<String>, Error> {
    let Outputs {
        mut reporter,
        reports,
        ..
    } = outputs;
    let (mut is_whole, mut skipped) = (false, None);
    while let Some(event) = events.blocking_recv() {
        skipped = skipped.or_else(|| why_skipped(&event));
        is_whole = matches!(event, Event::RunFinished(_));
        // Each report keeps its own trouble.
        let _ = reporter.report(&event);
    }
    // Closes the files: Windows renames none that is open.
    drop(reporter);
    let ended: Vec<_> = reports
        .into_iter()
        .map(|report| report.end(is_whole))
        .collect();
    ended.into_iter().collect::<Result<(), Error>>()?;
    Ok(skipped)
}

/// Why a check was skipped, where the event tells of one that was; or all of a target, which then tells it once.
fn why_skipped(event: &Event) -> Option<String> {
    let (whose, told) = match event {
        Event::CheckFinished { finding, .. } if finding.status == Status::Skip => (
            Text::from(finding.check.service.name),
            finding.diagnoses.first()?,
        ),
        Event::TargetFinished { finding, .. } => (
            Text::from(finding.target.as_str()),
            &finding.diagnoses.first()?.diagnosis,
        ),
        _ => return None,
    };
    Some(format!(
        "{}: {} [{}]",
        whose.as_str(),
        told.message,
        told.code
    ))
}

/// A report as it was asked for: conversations that another report has asked for are not told in one where only `-v`
/// tells them.
fn fitted(
    telling: &Telling,
    format: Format,
    within: Box<dyn Reporter + Send>,
) -> Box<dyn Reporter + Send> {
    let is_for_others = telling.transcripts() == Transcripts::Kept && !telling.verbose;
    let within = if is_for_others && !format.has_conversations() {
        report::without_conversations(within)
    } else {
        within
    };
    nameless(telling, within)
}

/// A report without names, where they are not to be told.
fn nameless(telling: &Telling, within: Box<dyn Reporter + Send>) -> Box<dyn Reporter + Send> {
    match telling.names {
        Names::Told => within,
        Names::Redacted => report::redacted(within),
    }
}

/// What is a failure to a format that knows no warnings: what makes the exit code 1, if anything does.
fn fails_from(fail_on: FailOn) -> Severity {
    match fail_on {
        FailOn::Warn => Severity::Warn,
        FailOn::Fail | FailOn::Never => Severity::Fail,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::io::Write as _;
    use std::time::Duration;

    use crate::event::{RunEnd, RunFinished, Summary, TargetId};
    use crate::run;

    /// Takes no second word after the first, which it did not like.
    #[derive(Default)]
    struct Offended(Option<Event>);

    impl Reporter for Offended {
        fn report(&mut self, event: &Event) -> io::Result<()> {
            assert!(self.0.is_none(), "it was told more");
            self.0 = Some(event.clone());
            Err(io::ErrorKind::StorageFull.into())
        }
    }

    #[test]
    fn a_report_that_has_failed_is_told_no_more() {
        let mut guarded = Guarded {
            within: Box::new(Offended::default()),
            trouble: Arc::default(),
        };
        for target in 0..2 {
            let resolved = Event::TargetResolved {
                target: TargetId(target),
                checks: Vec::new(),
            };
            assert!(guarded.report(&resolved).is_ok(), "the others go on");
        }
        let trouble = guarded.trouble.get().map(io::Error::kind);
        assert_eq!(trouble, Some(io::ErrorKind::StorageFull));
    }

    /// Tells the start, and fails at the end with this.
    struct Failing(io::ErrorKind);

    impl Reporter for Failing {
        fn report(&mut self, event: &Event) -> io::Result<()> {
            match event {
                Event::RunFinished(_) => Err(self.0.into()),
                _ => Ok(()),
            }
        }
    }

    struct Fine;

    impl Reporter for Fine {
        fn report(&mut self, _: &Event) -> io::Result<()> {
            Ok(())
        }
    }

    fn start() -> Event {
        Event::RunStarted {
            at: time::OffsetDateTime::UNIX_EPOCH,
            targets: Some(1),
            domain: None,
        }
    }

    fn end() -> Event {
        Event::RunFinished(RunFinished {
            summary: Summary::default(),
            took: Duration::ZERO,
            end: RunEnd::Complete,
        })
    }

    /// What the file holds after these events, how many files are left, and how it ended.
    fn after(within: Box<dyn Reporter + Send>, events: Vec<Event>) -> (String, usize, String) {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("report");
        fs::write(&path, "old").expect("a file");
        let (aside, mut handle) = Aside::open(&path).expect("a file beside it");
        handle.write_all(b"new").expect("it is written");
        drop(handle);
        let trouble = Arc::new(OnceLock::new());
        let reports = vec![Report {
            to: "report".to_owned(),
            aside: Some(aside),
            trouble: Arc::clone(&trouble),
        }];
        let outputs = Outputs {
            reporter: Box::new(Guarded { within, trouble }),
            reports,
            sequence: Sequence::Ordered,
        };
        let (sender, receiver) = run::channel();
        for event in events {
            sender.try_send(event).expect("a receiver");
        }
        drop(sender);
        let ended = match write_reports(outputs, receiver) {
            Ok(_) => String::new(),
            Err(error) => error.to_string(),
        };
        let files = fs::read_dir(folder.path()).expect("the folder").count();
        (fs::read_to_string(&path).expect("a file"), files, ended)
    }

    #[test]
    fn only_a_whole_report_takes_the_name_of_its_file() {
        let (text, files, error) = after(Box::new(Fine), vec![start(), end()]);
        assert_eq!((text.as_str(), files, error.as_str()), ("new", 1, ""));

        let full = Box::new(Failing(io::ErrorKind::StorageFull));
        let (text, files, error) = after(full, vec![start(), end()]);
        assert_eq!((text.as_str(), files), ("old", 1));
        assert!(
            error.starts_with("the report cannot be written to report: "),
            "{error}"
        );

        // A run that broke never came to its end.
        let (text, files, error) = after(Box::new(Fine), vec![start()]);
        assert_eq!((text.as_str(), files, error.as_str()), ("old", 1, ""));

        let gone = Box::new(Failing(io::ErrorKind::BrokenPipe));
        let (text, files, error) = after(gone, vec![start(), end()]);
        assert_eq!((text.as_str(), files, error.as_str()), ("old", 1, ""));
    }
}
