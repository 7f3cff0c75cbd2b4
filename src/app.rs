//! The wiring: a plan is run, its events go to the reporters, the summary becomes the exit code.
//!
//! Reports are written on a thread of their own: a reader that is slow, or a full pipe, must not make a peer look slow.
//! A file is written aside and takes its name only when it is whole. A reader that goes away is no error.

mod discover;

use std::env;
use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::{self, IsTerminal as _, Read as _, Write};
use std::net::IpAddr;
use std::panic::{self, AssertUnwindSafe};
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::thread;
use std::time::Duration;

use anstream::AutoStream;
use tempfile::NamedTempFile;
use tokio::sync::{mpsc, oneshot};

use crate::baseline::Baseline;
use crate::catalog::ServiceId;
use crate::cli::{self, CheckOrder, ColorWhen, Command, Telling, UsageError};
use crate::event::{Event, RunEnd, RunFinished};
use crate::exit::{self, Exit, FailOn};
use crate::facts::Text;
use crate::finding::{Severity, Status};
use crate::net::{Gate, Halter, Roots, clock, trust};
use crate::plan::{Audit, Depth, Limits, Plan, Transcripts};
use crate::report::{self, Color, Format, Names, Progress, Reporter, Style, Tee};
use crate::run::{self, Cancellation, Sequence, Setup, Wait};
use crate::simulate::{self, Authority, FAULTS, Settings, SimulateError, Simulation, Staged};

mod wait;

/// The tool's own trouble: nothing could be judged, or what was found could not be told.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// What was typed cannot be meant.
    #[error(transparent)]
    Usage(#[from] UsageError),
    /// A CA file that cannot be used.
    #[error(
        "--ca-file {} cannot be used: {reason}; it takes certificates as PEM or DER",
        cli::shown(path)
    )]
    CaFile {
        /// The file.
        path: PathBuf,
        /// Why not.
        reason: String,
    },
    /// A document that cannot be compared with.
    #[error("--baseline {} cannot be compared with: {reason}", cli::shown(path))]
    Baseline {
        /// The file.
        path: PathBuf,
        /// Why not.
        reason: String,
    },
    /// `--trust system`, and there is nothing in it.
    #[error("--trust system leaves nobody to trust: {0}")]
    NoRoots(Text),
    /// A report that cannot be written.
    #[error("the report cannot be written to {to}: {source}")]
    Report {
        /// Where to.
        to: String,
        /// The system's words.
        source: io::Error,
    },
    /// The stand-in server cannot be started.
    #[error(transparent)]
    Simulate(#[from] SimulateError),
    /// No event loop, no signals.
    #[error("this system gives no event loop: {0}")]
    System(#[from] io::Error),
    /// A defect of ours, told by the panic before it.
    #[error("that was a defect of exchports: nothing it told can be relied on")]
    Defect,
}

/// Does what was typed, the program's own name first; tells on standard error what kept it from being done.
pub fn main(arguments: impl IntoIterator<Item = OsString>) -> Exit {
    let done = panic::catch_unwind(AssertUnwindSafe(|| {
        cli::read(arguments).map_err(Error::from).and_then(run)
    }));
    match done.unwrap_or(Err(Error::Defect)) {
        Ok(exit) => exit,
        Err(error) => {
            complain(&error.to_string());
            Exit::Nothing
        }
    }
}

/// Does what is meant.
///
/// # Errors
/// What kept it from being done; one line, for standard error, and exit code 2.
pub fn run(meant: Command) -> Result<Exit, Error> {
    match meant {
        Command::Nothing(text) => {
            let _ = AutoStream::auto(io::stderr()).write_all(text.as_bytes());
            Ok(Exit::Nothing)
        }
        Command::Check(order) => check(*order),
        Command::Discover(order) => discover::run(&order),
        Command::List { json, color } => list(json, color),
        Command::Help(text) | Command::Text(text) => print(text.as_bytes()),
        Command::Explain(page) => print(page.in_columns(page_columns()).as_bytes()),
        Command::Demo {
            faults,
            audit,
            telling,
        } => demo(faults, audit, &telling),
        Command::Simulate(settings) => serve(settings),
        Command::ListFaults => list_faults(),
    }
}

fn check(order: CheckOrder) -> Result<Exit, Error> {
    let CheckOrder {
        mut plan,
        ca_files,
        baseline,
        wait,
        jobs,
        telling,
    } = order;
    for path in &ca_files {
        plan.trust.ca_certificates.extend(read_ca_file(path)?);
    }
    plan.baseline = baseline.as_deref().map(read_baseline).transpose()?;
    plan.limits.jobs = sockets(jobs, file_limit());
    for warning in cli::warnings(&plan) {
        complain(&format!("warning: {warning}"));
    }
    let outputs = Outputs::open(&telling)?;
    let runtime = runtime(plan.targets.len())?;
    let done = runtime.block_on(async {
        // Before anything that takes time; what came before could be ended at once, and nothing was lost.
        let signals = Signals::listen()?;
        let roots = Arc::new(roots(&plan, &ca_files)?);
        // Nobody heeds an interrupt yet. What comes later is told of each certificate.
        let patience = plan.limits.reply.min(Limits::default().reply);
        let patience = plan.limits.run.map_or(patience, |run| run.min(patience));
        if plan.depth != Depth::TcpOnly
            && let Some(lack) = roots.lack(patience).await
        {
            return Err(Error::NoRoots(lack));
        }
        let wait = wait.map(|patience| Awaited {
            patience,
            fail_on: telling.fail_on,
            is_shown: telling.progress && io::stderr().is_terminal(),
        });
        let done = carry_out(plan, Arc::clone(&roots), outputs, signals, wait).await?;
        Ok((done, roots.trouble()))
    });
    // What hangs must not keep the process: its thread is left behind.
    runtime.shutdown_background();
    let (done, trouble) = done?;
    if let Some(trouble) = trouble {
        complain(&format!("warning: {trouble}"));
    }
    Ok(ended(&done, &telling))
}

fn demo(faults: Vec<Staged>, audit: Audit, telling: &Telling) -> Result<Exit, Error> {
    let outputs = Outputs::open(telling)?;
    let runtime = runtime(1)?;
    let done = runtime.block_on(async {
        let signals = Signals::listen()?;
        let simulation = simulate::start(Settings {
            role: crate::catalog::Role::Any,
            faults,
            address: IpAddr::from([127, 0, 0, 1]),
            ports: simulate::Ports::Ephemeral,
            port_map: Vec::new(),
            authority: Authority::Memory,
        })
        .await?;
        let plan = demo_plan(&simulation, audit, telling)?;
        let roots = Arc::new(roots(&plan, &[])?);
        let done = carry_out(plan, roots, outputs, signals, None).await;
        simulation.stop().await;
        done
    });
    runtime.shutdown_background();
    let done = done?;
    if done.finished.end == RunEnd::Complete && telling.reports.iter().any(is_table_on_stdout) {
        complain(
            "that was the built-in stand-in server; for your own: exchports check mail.example.com",
        );
    }
    Ok(ended(&done, telling))
}

/// What is waited for, and whether a line tells of it.
#[derive(Clone, Copy)]
struct Awaited {
    patience: Duration,
    fail_on: FailOn,
    is_shown: bool,
}

/// What a run came to.
struct Done {
    finished: RunFinished,
    /// Why the first check that was skipped was.
    skipped: Option<String>,
}

/// The exit code; where nothing could be judged and no report says so on standard output, standard error does.
fn ended(done: &Done, telling: &Telling) -> Exit {
    let exit = exit::decide(&done.finished, telling.fail_on);
    let is_silent = telling.reports.iter().all(|(_, file)| file.is_some());
    if exit == Exit::Nothing && is_silent {
        let why = done.skipped.as_deref();
        complain(&format!(
            "nothing could be judged: {}",
            why.unwrap_or("there was nothing to look at")
        ));
    }
    exit
}

fn demo_plan(simulation: &Simulation, audit: Audit, telling: &Telling) -> Result<Plan, Error> {
    let ports: Vec<(ServiceId, u16)> = simulation
        .endpoints()
        .iter()
        .map(|(service, endpoint)| (*service, endpoint.port()))
        .collect();
    let loopback = IpAddr::from([127, 0, 0, 1]);
    let mut plan = cli::demo_plan(
        simulation.target(),
        loopback,
        &ports,
        audit,
        telling.transcripts(),
    );
    plan.trust.ca_certificates = trust::certificates(simulation.ca_pem().as_bytes())
        .map_err(|error| Error::System(io::Error::other(error)))?;
    Ok(plan)
}

fn serve(settings: Settings) -> Result<Exit, Error> {
    let runtime = runtime(1)?;
    let served = runtime.block_on(async {
        // First: whoever reads the line may stop it at once.
        let signals = Signals::listen()?;
        let simulation = simulate::start(settings).await?;
        let arguments: Vec<String> = simulation
            .check_arguments()
            .iter()
            .map(|argument| shell_word(argument))
            .collect();
        let (halter, mut halt) = Halter::new();
        heed(signals, halter, Arc::default(), Vec::new());
        print(format!("exchports check {}\n", arguments.join(" ")).as_bytes())?;
        complain("serving; the line above checks it; Ctrl-C stops it");
        halt.said().await;
        simulation.stop().await;
        // However it was told to stop: that is how it is meant to end.
        Ok(Exit::Met)
    });
    runtime.shutdown_background();
    served
}

fn list(json: bool, color: ColorWhen) -> Result<Exit, Error> {
    let mut text = Vec::new();
    let listed = if json {
        report::catalog_json(&mut text)
    } else {
        report::catalog_table(&mut text, style(color, report::Rows::All))
    };
    listed.map_err(to_stdout)?;
    print(&text)
}

fn list_faults() -> Result<Exit, Error> {
    let told: Vec<_> = FAULTS
        .iter()
        .map(|row| {
            let seen = if row.fault.is_for_audit() {
                "; seen with --audit"
            } else {
                ""
            };
            (row.name, format!("{} ({}{seen})", row.what, row.places()))
        })
        .collect();
    let names: Vec<_> = told
        .iter()
        .map(|(name, what)| (*name, what.as_str()))
        .collect();
    let mut text = Vec::new();
    report::glossary(&mut text, &names, columns()).map_err(to_stdout)?;
    print(&text)
}

/// Runs the plan and writes its reports.
async fn carry_out(
    plan: Plan,
    roots: Arc<Roots>,
    outputs: Outputs,
    signals: Signals,
    wait: Option<Awaited>,
) -> Result<Done, Error> {
    let end = Arc::new(OnceLock::new());
    let (halter, halt) = Halter::new();
    heed(signals, halter, Arc::clone(&end), outputs.begun());
    let setup = Setup {
        started_at: clock::now(),
        roots,
        gate: Gate::new(plan.limits.jobs, plan.limits.per_address),
        sequence: outputs.sequence,
        cancellation: Cancellation { halt, end },
        kept: Arc::default(),
    };
    let (sender, receiver) = run::channel();
    let (done, written) = oneshot::channel();
    // The writer outlives the run, so nothing told is lost.
    thread::spawn(move || drop(done.send(write_reports(outputs, receiver))));
    let finished = match wait {
        Some(awaited) => {
            let wait = Wait {
                patience: awaited.patience,
                is_well: |finished: &RunFinished| wait::is_well(finished, awaited.fail_on),
            };
            let line = wait::Line::new(awaited.patience, awaited.is_shown);
            let show = |events: &[Event], so_far| line.show(events, so_far);
            let finished = run::until_well(plan, setup, wait, show, sender).await;
            line.clear();
            finished
        }
        None => run::run(plan, setup, sender).await,
    };
    // Awaited, not joined: a reader that takes nothing any more must not keep a second Ctrl-C from being heard.
    match written.await {
        Ok(written) => written.map(|skipped| Done { finished, skipped }),
        Err(_) => Err(Error::Defect),
    }
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

/// Tells every event to every report, and gives the files their names when all is told; says why the first check that
/// was skipped was.
fn write_reports(
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

/// Everything that is written to, opened before anything is looked at.
struct Outputs {
    reporter: Box<dyn Reporter + Send>,
    reports: Vec<Report>,
    /// Whether one of them keeps the order of targets.
    sequence: Sequence,
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
    fn open(telling: &Telling) -> Result<Self, Error> {
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
    fn begun(&self) -> Vec<PathBuf> {
        let asides = self
            .reports
            .iter()
            .filter_map(|report| report.aside.as_ref());
        asides
            .map(|aside| aside.file.path().to_path_buf())
            .collect()
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

/// Opens it to be added to, and tells how much room there is: GitHub refuses all of what is over a mebibyte.
fn open_step_summary(path: &Path) -> io::Result<(File, usize)> {
    const LARGEST: u64 = 1024 * 1024;
    let out = OpenOptions::new().append(true).create(true).open(path)?;
    let room = LARGEST.saturating_sub(out.metadata()?.len());
    Ok((out, usize::try_from(room).unwrap_or(0)))
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

fn open_file(path: &Path) -> io::Result<(Box<dyn Write + Send>, Option<Aside>)> {
    let is_special = match path.metadata() {
        Ok(found) => !found.is_file() && !found.is_dir(),
        // Windows opens its devices and pipes, NUL among them, but says nothing of them.
        Err(_) => path.try_exists().unwrap_or(false),
    };
    if is_special || is_descriptor(path) {
        // A device or a pipe cannot be replaced, and what is open already gets its report at its end.
        let out = OpenOptions::new()
            .write(true)
            .append(cfg!(unix))
            .open(path)?;
        return Ok((Box::new(out), None));
    }
    let (aside, out) = Aside::open(path)?;
    Ok((Box::new(out), Some(aside)))
}

/// Whether a path is a name for something that was opened before, as `/dev/stderr` and `/dev/fd/3` are: it may lead to a
/// file, but nobody who opened that asked for another in its place.
fn is_descriptor(path: &Path) -> bool {
    let folder = path.parent().and_then(|folder| folder.canonicalize().ok());
    cfg!(unix)
        && folder.is_some_and(|folder| {
            ["/dev", "/dev/fd"].map(Path::new).contains(&&*folder) || folder.starts_with("/proc")
        })
}

/// A file that is written under another name in the same folder until it is whole.
struct Aside {
    file: NamedTempFile,
    path: PathBuf,
}

impl Aside {
    fn open(path: &Path) -> io::Result<(Self, File)> {
        if path.is_dir() {
            return Err(io::Error::new(
                io::ErrorKind::IsADirectory,
                "it is a folder; name a file in it",
            ));
        }
        // A link stays a link: what it points to is replaced.
        let path = path.canonicalize().unwrap_or_else(|_| path.to_path_buf());
        let folder = match path.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder,
            _ => Path::new("."),
        };
        if !folder.is_dir() {
            return Err(io::Error::new(
                io::ErrorKind::NotFound,
                format!("there is no folder {}; make it first", cli::shown(folder)),
            ));
        }
        let mut builder = tempfile::Builder::new();
        builder.prefix(".exchports-");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            // What a new file has, after the umask; else it would be its owner's alone.
            builder.permissions(fs::Permissions::from_mode(0o666));
        }
        let file = builder.tempfile_in(folder).map_err(without_path)?;
        if let Ok(old) = path.metadata() {
            // A file that must not be written is not replaced either.
            drop(OpenOptions::new().append(true).open(&path)?);
            file.as_file().set_permissions(old.permissions())?;
        }
        let handle = file.as_file().try_clone()?;
        Ok((Self { file, path }, handle))
    }

    fn take_name(self) -> io::Result<()> {
        self.file.as_file().sync_all()?;
        self.file
            .persist(&self.path)
            .map(drop)
            .map_err(|error| error.error)
    }
}

/// The system's own error, without the name that the file had for the time being.
fn without_path(error: io::Error) -> io::Error {
    let source = error.get_ref().and_then(|within| within.source());
    let code = source
        .and_then(|source| source.downcast_ref())
        .and_then(io::Error::raw_os_error);
    code.map_or(error, io::Error::from_raw_os_error)
}

fn is_table_on_stdout((format, file): &(Format, Option<PathBuf>)) -> bool {
    *format == Format::Table && file.is_none()
}

/// What is in a file, unless that is more than anyone needs; why it cannot be read.
fn read_file(path: &Path) -> Result<Vec<u8>, String> {
    let read = || -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        File::open(path)?
            .take(Limits::FILE_BYTES + 1)
            .read_to_end(&mut bytes)?;
        Ok(bytes)
    };
    let bytes = read().map_err(|error| error.to_string())?;
    if bytes.len() as u64 > Limits::FILE_BYTES {
        return Err("it is over 16 MiB".to_owned());
    }
    Ok(bytes)
}

fn read_baseline(path: &Path) -> Result<Arc<Baseline>, Error> {
    let unusable = |reason: String| Error::Baseline {
        path: path.to_path_buf(),
        reason,
    };
    let bytes = read_file(path).map_err(unusable)?;
    let read = Baseline::read(&bytes).map_err(|why| unusable(why.to_string()))?;
    Ok(Arc::new(read))
}

fn read_ca_file(path: &Path) -> Result<Vec<Vec<u8>>, Error> {
    let unusable = |reason: String| Error::CaFile {
        path: path.to_path_buf(),
        reason,
    };
    let bytes = read_file(path).map_err(unusable)?;
    trust::certificates(&bytes).map_err(|error| unusable(error.to_string()))
}

fn roots(plan: &Plan, ca_files: &[PathBuf]) -> Result<Roots, Error> {
    Roots::new(&plan.trust).map_err(|error| Error::CaFile {
        path: ca_files.iter().collect(),
        reason: error.to_string(),
    })
}

/// How many sockets at once: as asked for, but never more than the system gives files for.
fn sockets(asked: Option<usize>, files: Option<usize>) -> usize {
    /// Files of our own: the standard streams, the event loop, the reports.
    const OURS: usize = 16;
    let room = files.map(|limit| (limit / 2).min(limit.saturating_sub(OURS)).max(1));
    match (asked, room) {
        (Some(asked), Some(room)) => asked.min(room),
        (Some(asked), None) => asked,
        (None, room) => room.unwrap_or(usize::MAX).min(Limits::JOBS),
    }
}

#[cfg(unix)]
fn file_limit() -> Option<usize> {
    // What is asked for here suffices for the largest --jobs.
    let raised = rlimit::increase_nofile_limit(131_072).ok()?;
    usize::try_from(raised).ok()
}

#[cfg(not(unix))]
fn file_limit() -> Option<usize> {
    None
}

/// One thread is enough for the conversations of a few hosts; lookups have threads of their own.
fn runtime(targets: usize) -> Result<tokio::runtime::Runtime, io::Error> {
    if targets > 16 {
        tokio::runtime::Builder::new_multi_thread()
    } else {
        tokio::runtime::Builder::new_current_thread()
    }
    .enable_all()
    .build()
}

/// How long the first signal has until a second one may cut it short. Signals come in pairs: a key held down, a
/// terminal and a service manager that both send one. To close a document that is read takes milliseconds; only one
/// that nobody reads is still open after this.
const GRACE: Duration = Duration::from_secs(1);

/// The first signal ends every wait, so that what is done can be told; a second ends the process where that has not come
/// to its end by [`GRACE`], and takes the files with it that were begun.
fn heed(mut signals: Signals, halter: Halter, end: Arc<OnceLock<RunEnd>>, begun: Vec<PathBuf>) {
    tokio::spawn(async move {
        let first = signals.next().await;
        // It runs from here on.
        let grace = tokio::time::sleep(GRACE);
        // Nobody else sets it.
        let _ = end.set(first);
        halter.halt();
        signals.next().await;
        grace.await;
        for path in begun {
            let _ = fs::remove_file(path);
        }
        #[expect(clippy::exit, reason = "a second Ctrl-C is for a program that hangs")]
        std::process::exit(match first {
            RunEnd::Terminated => Exit::Terminated as i32,
            _ => Exit::Interrupted as i32,
        });
    });
}

#[cfg(unix)]
struct Signals {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
    hangup: Option<tokio::signal::unix::Signal>,
}

#[cfg(unix)]
impl Signals {
    fn listen() -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        // Without a terminal nothing hangs up, but nohup has asked not to be told.
        let on_terminal =
            io::stdin().is_terminal() || io::stdout().is_terminal() || io::stderr().is_terminal();
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hangup: on_terminal
                .then(|| signal(SignalKind::hangup()))
                .transpose()?,
        })
    }

    async fn next(&mut self) -> RunEnd {
        let hangup = async {
            match &mut self.hangup {
                Some(hangup) => hangup.recv().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            _ = self.interrupt.recv() => RunEnd::Interrupted,
            _ = self.terminate.recv() => RunEnd::Terminated,
            _ = hangup => RunEnd::Terminated,
        }
    }
}

#[cfg(windows)]
struct Signals {
    interrupt: tokio::signal::windows::CtrlC,
    pause: tokio::signal::windows::CtrlBreak,
    close: tokio::signal::windows::CtrlClose,
    shutdown: tokio::signal::windows::CtrlShutdown,
}

#[cfg(windows)]
impl Signals {
    fn listen() -> io::Result<Self> {
        use tokio::signal::windows::{ctrl_break, ctrl_c, ctrl_close, ctrl_shutdown};
        Ok(Self {
            interrupt: ctrl_c()?,
            pause: ctrl_break()?,
            close: ctrl_close()?,
            shutdown: ctrl_shutdown()?,
        })
    }

    async fn next(&mut self) -> RunEnd {
        tokio::select! {
            _ = self.interrupt.recv() => RunEnd::Interrupted,
            _ = self.pause.recv() => RunEnd::Interrupted,
            _ = self.close.recv() => RunEnd::Terminated,
            _ = self.shutdown.recv() => RunEnd::Terminated,
        }
    }
}

fn style(color: ColorWhen, rows: report::Rows) -> Style {
    let colored = choice(color) != anstream::ColorChoice::Never;
    Style {
        color: if colored {
            Color::Colored
        } else {
            Color::Plain
        },
        width: columns().unwrap_or(PIPED),
        rows,
        ..Style::default()
    }
}

/// What is a failure to a format that knows no warnings: what makes the exit code 1, if anything does.
fn fails_from(fail_on: FailOn) -> Severity {
    match fail_on {
        FailOn::Warn => Severity::Warn,
        FailOn::Fail | FailOn::Never => Severity::Fail,
    }
}

fn choice(color: ColorWhen) -> anstream::ColorChoice {
    match color {
        ColorWhen::Auto => AutoStream::choice(&io::stdout()),
        ColorWhen::Always => anstream::ColorChoice::Always,
        ColorWhen::Never => anstream::ColorChoice::Never,
    }
}

/// How wide a table or a page is where there is no terminal.
const PIPED: usize = 80;

/// The terminal's columns, where there is one.
fn columns() -> Option<usize> {
    terminal_size::terminal_size_of(io::stdout())
        .map(|(terminal_size::Width(columns), _)| usize::from(columns))
}

/// How wide a page of text is: as the terminal, but not wider than is read with ease.
fn page_columns() -> usize {
    columns().map_or(PIPED, |columns| columns.clamp(40, 100))
}

/// A word as a shell takes it: in double quotes where it has to be, which PowerShell and cmd understand as well.
fn shell_word(word: &str) -> String {
    let is_plain = |c: char| c.is_alphanumeric() || "-_./:=@,+\\[]".contains(c);
    if !word.is_empty() && word.chars().all(is_plain) {
        word.to_owned()
    } else {
        format!("\"{word}\"")
    }
}

fn print(text: &[u8]) -> Result<Exit, Error> {
    let mut out = AutoStream::auto(io::stdout());
    match out.write_all(text).and_then(|()| out.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(to_stdout(error)),
        _ => Ok(Exit::Met),
    }
}

fn to_stdout(source: io::Error) -> Error {
    Error::Report {
        to: "standard output".to_owned(),
        source,
    }
}

/// A line on standard error; when even that is gone, nobody is left to tell.
pub fn complain(line: &str) {
    let _ = writeln!(io::stderr(), "exchports: {line}");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{Summary, TargetId};

    #[test]
    fn sockets_are_never_more_than_there_are_files_for() {
        for (asked, files, at_once) in [
            (None, None, Limits::JOBS),
            (None, Some(131_072), Limits::JOBS),
            (None, Some(256), 128),
            (None, Some(64), 32),
            (None, Some(20), 4),
            (None, Some(3), 1),
            (Some(1000), None, 1000),
            (Some(1000), Some(64), 32),
            (Some(7), Some(64), 7),
        ] {
            assert_eq!(sockets(asked, files), at_once, "{asked:?} {files:?}");
        }
    }

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
            targets: 1,
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

    #[test]
    fn words_with_more_than_letters_are_quoted_for_the_shell() {
        for (word, expected) in [
            ("--map", "--map"),
            ("smtp=2525", "smtp=2525"),
            (r"C:\Temp\ca.pem", r"C:\Temp\ca.pem"),
            ("/tmp/my files/ca.pem", "\"/tmp/my files/ca.pem\""),
            ("", "\"\""),
        ] {
            assert_eq!(shell_word(word), expected);
        }
    }
}
