//! The program from outside: what is typed, what comes out, what it ends with.

mod baseline;
mod documents;
mod exit_code;
mod in_front;
mod interrupt;
mod lists;
mod output;
mod redact;
mod report_files;
mod slow_server;
mod targets;
// A pipe for a store, and where the store is looked for.
#[cfg(target_os = "linux")]
mod trust_store;
mod usage;
mod wait;
mod widths;

use std::io::Write as _;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};
use std::{fs, thread};

use serde_json::Value;
use tempfile::TempDir;

use exchports::catalog::Role;
use exchports::simulate::{self, Settings, Simulation, Staged};

use crate::schema::held;

/// Each of these is refused, with these words among others.
pub(super) fn refused(cases: &[(Vec<String>, &[&str])]) {
    for (arguments, said) in cases {
        let line = refusal(arguments);
        for word in *said {
            assert!(line.contains(word), "{arguments:?}: {line}");
        }
    }
}

/// Nothing here takes ten seconds; what takes longer hangs.
pub(super) const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) fn words(typed: &str) -> Vec<String> {
    typed.split_whitespace().map(str::to_owned).collect()
}

pub(super) fn check(target: &str) -> Vec<String> {
    vec!["check".to_owned(), target.to_owned()]
}

pub(super) fn option(option: &str, value: &str) -> Vec<String> {
    ["check", "a.example", option, value]
        .map(str::to_owned)
        .to_vec()
}

pub(super) fn file(option: &str, path: &str) -> Vec<String> {
    let mut arguments = vec!["check".to_owned(), option.to_owned(), path.to_owned()];
    if option != "--targets-file" {
        arguments.push("a.example".to_owned());
    }
    arguments
}

pub(super) fn program(arguments: &[String]) -> assert_cmd::Command {
    let mut command = assert_cmd::Command::new(env!("CARGO_BIN_EXE_exchports"));
    for variable in ["NO_COLOR", "CLICOLOR", "CLICOLOR_FORCE", "RUST_BACKTRACE"] {
        command.env_remove(variable);
    }
    command.args(arguments).timeout(PATIENCE);
    command
}

pub(crate) fn ran(arguments: &[String]) -> Output {
    ran_with(arguments, &[])
}

pub(super) fn ran_with(arguments: &[String], input: &[u8]) -> Output {
    let mut command = program(arguments);
    command.write_stdin(input).output().expect("it runs")
}

/// Standard output, standard error, exit code.
pub(crate) fn told(output: &Output) -> (String, String, Option<i32>) {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).expect("it writes UTF-8");
    (
        text(&output.stdout),
        text(&output.stderr),
        output.status.code(),
    )
}

/// The one line of a run that was refused.
pub(super) fn refusal(arguments: &[String]) -> String {
    let (out, err, exit) = told(&ran(arguments));
    assert_eq!((out.as_str(), exit), ("", Some(2)), "{arguments:?}: {err}");
    let line = err.strip_suffix('\n').expect("a line");
    assert!(line.starts_with("exchports: "), "{line}");
    assert!(!line.chars().any(char::is_control), "{line:?}");
    line.to_owned()
}

/// The document of a check and what it ended with.
pub(super) fn report(arguments: &str, input: &[u8]) -> (Value, Option<i32>) {
    let (out, err, exit) = told(&ran_with(&words(&format!("check {arguments}")), input));
    assert_eq!(err, "", "{arguments}");
    (held(&out), exit)
}

pub(crate) fn rows(document: &Value) -> Vec<&Value> {
    let targets = document["targets"].as_array().expect("targets");
    let rows = targets.iter().map(|target| target["checks"].as_array());
    rows.flat_map(|rows| rows.expect("rows")).collect()
}

pub(super) fn names(document: &Value) -> Vec<&str> {
    let targets = document["targets"].as_array().expect("targets");
    let names = targets.iter().map(|target| target["target"].as_str());
    names.map(|name| name.expect("a name")).collect()
}

pub(super) fn spawned(arguments: &[String]) -> Child {
    let mut command = Command::new(env!("CARGO_BIN_EXE_exchports"));
    alone(&mut command);
    command
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it runs")
}

/// Lets a process be interrupted without the tests.
pub(crate) fn alone(command: &mut Command) {
    #[cfg(windows)]
    {
        use std::os::windows::process::CommandExt as _;
        const CREATE_NEW_PROCESS_GROUP: u32 = 0x200;
        command.creation_flags(CREATE_NEW_PROCESS_GROUP);
    }
    // A signal goes to one process anyway.
    #[cfg(not(windows))]
    let _ = command;
}

/// A run that finds one port closed and waits for another that is silent.
pub(super) fn waiting_run(more: &str) -> Child {
    let (silent, closed) = (silent(), closed());
    let typed = format!(
        "check 127.0.0.1 -s smtp,imap --map smtp={silent} --map imap={closed} --timeout 60s {more}"
    );
    spawned(&words(&typed))
}

/// What it writes, line by line.
pub(super) fn lines(child: &mut Child) -> impl Iterator<Item = String> + use<> {
    use std::io::BufRead as _;
    let out = std::io::BufReader::new(child.stdout.take().expect("a pipe"));
    out.lines().map(|line| line.expect("UTF-8"))
}

/// What it ended with; it has little time for that.
pub(crate) fn ended(mut child: Child) -> Option<i32> {
    let begun = Instant::now();
    while begun.elapsed() < PATIENCE {
        if let Some(status) = child.try_wait().expect("a child") {
            return status.code();
        }
        thread::sleep(Duration::from_millis(10));
    }
    child.kill().expect("it can be killed");
    panic!("it did not end");
}

/// Ends a process as a terminal does, for a test that is about that; where it cannot be done, it says so aloud.
pub(super) fn sent(child: &mut Child, signal: &str) -> bool {
    let is_sent = send(child, signal);
    if !is_sent {
        let test = thread::current().name().unwrap_or("a test").to_owned();
        let why = "no PowerShell here to send a Ctrl-Break with";
        let _ = writeln!(std::io::stderr(), "SKIPPED {test}: {why}");
    }
    is_sent
}

/// Ends a process as a terminal does. Where that cannot be done it is killed, and this is `false`.
#[cfg(unix)]
pub(crate) fn send(child: &mut Child, signal: &str) -> bool {
    let kill = format!("kill -{signal} {}", child.id());
    let sent = Command::new("sh").args(["-c", &kill]).status();
    assert!(sent.expect("a shell").success(), "{kill}");
    true
}

/// Ends a process as a terminal does. Where that cannot be done it is killed, and this is `false`.
///
/// To one group of processes Windows sends Ctrl-Break, but not Ctrl-C (Microsoft, `GenerateConsoleCtrlEvent`). Nothing
/// here may call that; PowerShell may. Wine has only the name of a PowerShell.
#[cfg(windows)]
pub(crate) fn send(child: &mut Child, _: &str) -> bool {
    let script = format!(
        "Add-Type -Namespace Win -Name Console -MemberDefinition '[DllImport(\"kernel32.dll\")] \
         public static extern bool GenerateConsoleCtrlEvent(uint kind, uint group);'; \
         if ([Win.Console]::GenerateConsoleCtrlEvent(1, {})) {{ 'sent' }}",
        child.id()
    );
    let told = Command::new("powershell")
        .args(["-NoProfile", "-NonInteractive", "-Command", &script])
        .stdin(Stdio::null())
        .output();
    let is_sent = told.is_ok_and(|told| told.stdout.starts_with(b"sent"));
    if !is_sent {
        child.kill().expect("it can be killed");
    }
    is_sent
}

pub(super) fn folder() -> TempDir {
    tempfile::tempdir().expect("a folder")
}

/// A file in the folder, made when it has a text.
pub(super) fn path(folder: &TempDir, name: &str, text: Option<&str>) -> String {
    let path = folder.path().join(name);
    if let Some(text) = text {
        fs::write(&path, text).expect("a file");
    }
    path.display().to_string()
}

/// The stand-in server in this process.
pub(crate) struct Stand {
    pub(crate) simulation: Simulation,
    pub(super) _runtime: tokio::runtime::Runtime,
}

impl Stand {
    pub(crate) fn with(faults: &[&str]) -> Self {
        Self::of(Settings::default().role, faults)
    }

    /// One that plays such a host.
    pub(crate) fn of(role: Role, faults: &[&str]) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .expect("an event loop");
        let faults = faults
            .iter()
            .map(|fault| Staged::parse(fault).expect("a fault"));
        let settings = Settings {
            faults: faults.collect(),
            role,
            ..Settings::default()
        };
        let simulation = runtime
            .block_on(simulate::start(settings))
            .expect("free ports");
        Self {
            simulation,
            _runtime: runtime,
        }
    }

    pub(crate) fn check(&self, more: &str) -> Output {
        let mut arguments = vec!["check".to_owned()];
        arguments.extend(self.simulation.check_arguments());
        arguments.extend(words(more));
        ran(&arguments)
    }

    pub(crate) fn report(&self, more: &str) -> (Value, Option<i32>) {
        let (out, err, exit) = told(&self.check(more));
        assert_eq!(err, "", "{more}");
        (held(&out), exit)
    }

    pub(super) fn port(&self, service: &str) -> u16 {
        let mut endpoints = self.simulation.endpoints().iter();
        let found = endpoints.find(|(id, _)| id.row().name == service);
        found.expect("a service").1.port()
    }
}

pub(super) fn listener() -> TcpListener {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port")
}

/// A port that nobody listens on.
pub(super) fn closed() -> u16 {
    listener().local_addr().expect("an address").port()
}

/// A port that accepts and never says a word.
pub(super) fn silent() -> u16 {
    serve(|stream, kept| kept.push(stream))
}

pub(super) fn serve(mut meet: impl FnMut(TcpStream, &mut Vec<TcpStream>) + Send + 'static) -> u16 {
    let listener = listener();
    let port = listener.local_addr().expect("an address").port();
    thread::spawn(move || {
        let mut kept = Vec::new();
        for stream in listener.incoming().flatten() {
            meet(stream, &mut kept);
        }
    });
    port
}
