//! The wiring: a plan is run, its events go to the reporters, the summary becomes the exit code.
//!
//! Reports are written on a thread of their own: a reader that is slow, or a full pipe, must not make a peer look slow.
//! A file is written aside and takes its name only when it is whole. A reader that goes away is no error.

use std::fs::{File, OpenOptions};
use std::io::{self, IsTerminal as _, Write};
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::sync::{Arc, OnceLock};
use std::thread;

use anstream::AutoStream;
use tempfile::NamedTempFile;

use crate::catalog::ServiceId;
use crate::cli::{self, CheckOrder, Cli, ColorWhen, Meant, Telling, UsageError};
use crate::event::{Event, RunEnd, RunFinished};
use crate::exit::{self, Exit};
use crate::net::{Halter, Roots, clock, trust};
use crate::plan::{Limits, Plan, Transcripts};
use crate::report::{self, Color, Progress, Reporter, Style, Tee};
use crate::run::{self, Orders};
use crate::simulate::{self, FAULTS, Settings, SimulateError, Simulation, Staged};

/// The tool's own trouble: nothing could be judged, or what was found could not be told.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// What was typed cannot be meant.
    #[error(transparent)]
    Usage(#[from] UsageError),
    /// A CA file that cannot be used.
    #[error("--ca-file {} cannot be used: {reason}; it takes certificates as PEM or DER", path.display())]
    CaFile {
        /// The file.
        path: PathBuf,
        /// Why not.
        reason: String,
    },
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
}

/// Does what was typed.
///
/// # Errors
/// What kept it from being done; one line, for standard error, and exit code 2.
pub fn run(cli: Cli) -> Result<Exit, Error> {
    match cli.meant()? {
        Meant::Check(order) => check(*order),
        Meant::List { json, color } => list(json, color),
        Meant::Explain(text) => print(text.as_bytes()),
        Meant::Demo { faults, telling } => demo(faults, &telling),
        Meant::Simulate(settings) => serve(settings),
        Meant::ListFaults => list_faults(),
    }
}

fn check(order: CheckOrder) -> Result<Exit, Error> {
    let CheckOrder {
        mut plan,
        ca_files,
        jobs,
        telling,
    } = order;
    for path in &ca_files {
        plan.trust.ca_certificates.extend(read_ca_file(path)?);
    }
    plan.limits.jobs = sockets(jobs);
    if cfg!(windows) && plan.limits.connect < cli::WINDOWS_CONNECT {
        complain(
            "warning: on Windows a refused connection takes two seconds to be told: with a connect timeout under 2.5s it looks filtered",
        );
    }
    let roots = Arc::new(roots(&plan, &ca_files)?);
    let outputs = Outputs::open(&telling)?;
    let runtime = runtime(plan.targets.len())?;
    let finished = runtime.block_on(carry_out(plan, roots, outputs));
    // A lookup that hangs must not keep the process: its thread is left behind.
    runtime.shutdown_background();
    Ok(exit::decide(&finished?, telling.fail_on))
}

fn demo(faults: Vec<Staged>, telling: &Telling) -> Result<Exit, Error> {
    let outputs = Outputs::open(telling)?;
    let runtime = runtime(1)?;
    let finished = runtime.block_on(async {
        let simulation = simulate::start(Settings {
            role: crate::catalog::Role::Any,
            faults,
            address: IpAddr::from([127, 0, 0, 1]),
            ports: simulate::Ports::Ephemeral,
            port_map: Vec::new(),
        })
        .await?;
        let plan = demo_plan(&simulation, telling)?;
        let roots = Arc::new(roots(&plan, &[])?);
        let finished = carry_out(plan, roots, outputs).await;
        simulation.stop().await;
        finished
    });
    runtime.shutdown_background();
    let finished = finished?;
    if telling.reports.iter().any(is_table_on_stdout) {
        complain(
            "that was the built-in stand-in server; for your own: exchports check mail.example.com",
        );
    }
    Ok(exit::decide(&finished, telling.fail_on))
}

fn demo_plan(simulation: &Simulation, telling: &Telling) -> Result<Plan, Error> {
    let ports: Vec<(ServiceId, u16)> = simulation
        .endpoints()
        .iter()
        .map(|(service, endpoint)| (*service, endpoint.port()))
        .collect();
    let transcripts = if telling.verbose {
        Transcripts::Kept
    } else {
        Transcripts::Dropped
    };
    let loopback = IpAddr::from([127, 0, 0, 1]);
    let mut plan = cli::demo_plan(simulation.target(), loopback, &ports, transcripts);
    plan.trust.ca_certificates = read_ca_file(simulation.ca_file())?;
    Ok(plan)
}

fn serve(settings: Settings) -> Result<Exit, Error> {
    let runtime = runtime(1)?;
    let served = runtime.block_on(async {
        let simulation = simulate::start(settings).await?;
        let arguments: Vec<String> = simulation
            .check_arguments()
            .iter()
            .map(|argument| shell_word(argument))
            .collect();
        print(format!("exchports check {}\n", arguments.join(" ")).as_bytes())?;
        complain("serving; the line above checks it; Ctrl-C stops it");
        let end = Arc::new(OnceLock::new());
        let (halter, mut halt) = Halter::new();
        listen_for_signals(halter, Arc::clone(&end));
        halt.said().await;
        simulation.stop().await;
        Ok(end.get().copied().unwrap_or_default())
    });
    runtime.shutdown_background();
    served.map(|end| match end {
        // Ctrl-C is how it is meant to end.
        RunEnd::Complete | RunEnd::Interrupted => Exit::Met,
        RunEnd::Terminated => Exit::Terminated,
    })
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
    let width = FAULTS.iter().map(|row| row.name.len()).max().unwrap_or(0);
    let text: String = FAULTS.iter().fold(String::new(), |mut text, row| {
        use std::fmt::Write as _;
        let _ = writeln!(text, "{:width$}  {}", row.name, row.what);
        text
    });
    print(text.as_bytes())
}

/// Runs the plan and writes its reports.
async fn carry_out(plan: Plan, roots: Arc<Roots>, outputs: Outputs) -> Result<RunFinished, Error> {
    let end = Arc::new(OnceLock::new());
    let (halter, halt) = Halter::new();
    listen_for_signals(halter, Arc::clone(&end));
    let (sender, receiver) = mpsc::channel();
    let writer = thread::spawn(move || write_reports(outputs, &receiver));
    let orders = Orders { halt, end };
    // The writer outlives the run, so nothing told is lost.
    let tell = |event| drop(sender.send(event));
    let finished = run::run(plan, roots, clock::now(), orders, tell).await;
    drop(sender);
    match writer.join() {
        Ok(written) => written.map(|()| finished),
        Err(_) => Err(Error::Report {
            to: "its reader".to_owned(),
            source: io::Error::other("a defect of exchports"),
        }),
    }
}

/// Tells every event to every report; one that cannot be written is given up, the others go on.
fn write_reports(outputs: Outputs, events: &mpsc::Receiver<Event>) -> Result<(), Error> {
    let Outputs {
        mut reporters,
        files,
        ..
    } = outputs;
    let mut first_error = None;
    for event in events {
        reporters.retain_mut(|(to, reporter)| match reporter.report(&event) {
            Ok(()) => true,
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => false,
            Err(source) => {
                first_error.get_or_insert(Error::Report {
                    to: to.clone(),
                    source,
                });
                false
            }
        });
    }
    drop(reporters);
    for file in files {
        let to = file.path.display().to_string();
        if let Err(source) = file.take_name() {
            first_error.get_or_insert(Error::Report { to, source });
        }
    }
    first_error.map_or(Ok(()), Err)
}

/// Everything that is written to, opened before anything is looked at.
struct Outputs {
    reporters: Vec<(String, Box<dyn Reporter + Send>)>,
    files: Vec<Aside>,
}

impl Outputs {
    fn open(telling: &Telling) -> Result<Self, Error> {
        let mut reporters: Vec<(String, Box<dyn Reporter + Send>)> = Vec::new();
        let mut files = Vec::new();
        let look = style(telling.color, telling.rows);
        for (format, path) in &telling.reports {
            let Some(path) = path else {
                let out = Box::new(AutoStream::new(io::stdout(), choice(telling.color)));
                reporters.push((
                    "standard output".to_owned(),
                    report::reporter(*format, out, look),
                ));
                continue;
            };
            let to = path.display().to_string();
            let plain = Style {
                color: Color::Plain,
                width: 100,
                rows: telling.rows,
            };
            let failed = |source| Error::Report {
                to: to.clone(),
                source,
            };
            let out: Box<dyn Write + Send> = if is_special(path) {
                // A device or a pipe cannot be replaced.
                Box::new(OpenOptions::new().write(true).open(path).map_err(failed)?)
            } else {
                let (aside, file) = Aside::open(path).map_err(failed)?;
                files.push(aside);
                Box::new(file)
            };
            reporters.push((to, report::reporter(*format, out, plain)));
        }
        if telling.verbose {
            let err = Box::new(AutoStream::new(io::stderr(), choice(telling.color)));
            reporters.push(("standard error".to_owned(), report::transcript(err)));
        }
        if telling.progress && io::stderr().is_terminal() {
            // Progress steps aside for whatever else writes to the terminal.
            let all = reporters
                .into_iter()
                .map(|(_, reporter)| reporter)
                .collect();
            let progress = Box::new(Progress::around(Tee(all)));
            reporters = vec![("standard output".to_owned(), progress)];
        }
        Ok(Self { reporters, files })
    }
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
                "it is a folder",
            ));
        }
        // A link stays a link: what it points to is replaced.
        let path = path.canonicalize().unwrap_or_else(|_| path.to_path_buf());
        let folder = match path.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder,
            _ => Path::new("."),
        };
        let mut builder = tempfile::Builder::new();
        builder.prefix(".exchports-");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            let mode = path
                .metadata()
                .map_or(0o666, |old| old.permissions().mode());
            builder.permissions(std::fs::Permissions::from_mode(mode));
        }
        let file = builder.tempfile_in(folder)?;
        let handle = file.reopen()?;
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

fn is_special(path: &Path) -> bool {
    path.metadata()
        .is_ok_and(|found| !found.is_file() && !found.is_dir())
}

fn is_table_on_stdout((format, file): &(report::Format, Option<PathBuf>)) -> bool {
    *format == report::Format::Table && file.is_none()
}

fn read_ca_file(path: &Path) -> Result<Vec<Vec<u8>>, Error> {
    let unusable = |reason: String| Error::CaFile {
        path: path.to_path_buf(),
        reason,
    };
    let bytes = std::fs::read(path).map_err(|error| unusable(error.to_string()))?;
    trust::certificates(&bytes).map_err(|error| unusable(error.to_string()))
}

fn roots(plan: &Plan, ca_files: &[PathBuf]) -> Result<Roots, Error> {
    Roots::new(&plan.trust).map_err(|error| Error::CaFile {
        path: ca_files.iter().collect(),
        reason: error.to_string(),
    })
}

/// How many sockets at once: as asked for, but never more than the system gives files for.
fn sockets(asked: Option<usize>) -> usize {
    let half = file_limit().map(|limit| (limit / 2).max(1));
    match (asked, half) {
        (Some(asked), Some(half)) => asked.min(half),
        (Some(asked), None) => asked,
        (None, half) => half.unwrap_or(usize::MAX).min(Limits::JOBS),
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

/// The first signal ends every wait, so that what is done can be told; the second ends the process.
fn listen_for_signals(halter: Halter, end: Arc<OnceLock<RunEnd>>) {
    tokio::spawn(async move {
        let how = signal().await;
        // Nobody else sets it.
        let _ = end.set(how);
        halter.halt();
        let how = signal().await;
        #[expect(clippy::exit, reason = "a second Ctrl-C is for a program that hangs")]
        std::process::exit(match how {
            RunEnd::Terminated => Exit::Terminated as i32,
            _ => Exit::Interrupted as i32,
        });
    });
}

#[cfg(unix)]
async fn signal() -> RunEnd {
    use tokio::signal::unix::{SignalKind, signal};
    let (Ok(mut terminate), Ok(mut hangup)) = (
        signal(SignalKind::terminate()),
        signal(SignalKind::hangup()),
    ) else {
        return ctrl_c().await;
    };
    tokio::select! {
        end = ctrl_c() => end,
        _ = terminate.recv() => RunEnd::Terminated,
        _ = hangup.recv() => RunEnd::Terminated,
    }
}

#[cfg(windows)]
async fn signal() -> RunEnd {
    use tokio::signal::windows::{ctrl_break, ctrl_close, ctrl_shutdown};
    let (Ok(mut brk), Ok(mut close), Ok(mut shutdown)) =
        (ctrl_break(), ctrl_close(), ctrl_shutdown())
    else {
        return ctrl_c().await;
    };
    tokio::select! {
        end = ctrl_c() => end,
        _ = brk.recv() => RunEnd::Interrupted,
        _ = close.recv() => RunEnd::Terminated,
        _ = shutdown.recv() => RunEnd::Terminated,
    }
}

#[cfg(not(any(unix, windows)))]
async fn signal() -> RunEnd {
    ctrl_c().await
}

async fn ctrl_c() -> RunEnd {
    if tokio::signal::ctrl_c().await.is_err() {
        std::future::pending::<()>().await;
    }
    RunEnd::Interrupted
}

fn style(color: ColorWhen, rows: report::Rows) -> Style {
    let colored = choice(color) != anstream::ColorChoice::Never;
    Style {
        color: if colored {
            Color::Colored
        } else {
            Color::Plain
        },
        width: width(),
        rows,
    }
}

fn choice(color: ColorWhen) -> anstream::ColorChoice {
    match color {
        ColorWhen::Auto => AutoStream::choice(&io::stdout()),
        ColorWhen::Always => anstream::ColorChoice::Always,
        ColorWhen::Never => anstream::ColorChoice::Never,
    }
}

/// The terminal's columns; 80 where there is none.
fn width() -> usize {
    const PIPED: usize = 80;
    terminal_size::terminal_size_of(io::stdout())
        .map_or(PIPED, |(terminal_size::Width(columns), _)| {
            usize::from(columns)
        })
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
