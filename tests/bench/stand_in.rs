//! The stand-in server, in a process of its own, and the command lines that look at it.

use std::io::{BufRead, BufReader};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use std::{fmt::Write as _, fs};

use tempfile::TempDir;

use super::delay::relay;
use super::{BINARY, Trouble};

/// The twelve, in the catalog's order.
pub(crate) const SERVICES: [&str; 12] = [
    "smtp",
    "http",
    "pop3",
    "imap",
    "ldap",
    "https",
    "submissions",
    "submission",
    "ldaps",
    "imaps",
    "pop3s",
    "rdp",
];

/// A running `exchports simulate`; it is killed when this is dropped.
pub(crate) struct StandIn {
    process: Child,
    /// The words behind `exchports check` that it printed: target first, then options.
    arguments: Vec<String>,
    /// For its CA file, which a process that is killed leaves behind.
    _folder: TempDir,
}

/// A check of many targets, and the file that names them.
pub(crate) struct Many {
    pub(crate) command: Command,
    _folder: TempDir,
}

impl StandIn {
    pub(crate) fn start() -> Result<Self, Trouble> {
        let folder = tempfile::tempdir()?;
        let mut process = Command::new(BINARY)
            .arg("simulate")
            .env("TMPDIR", folder.path())
            .env("TMP", folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()?;
        let mut line = String::new();
        if let Some(out) = process.stdout.take() {
            BufReader::new(out).read_line(&mut line)?;
        }
        let stand_in = Self {
            process,
            arguments: words(&line).into_iter().skip(2).collect(),
            _folder: folder,
        };
        if !line.starts_with("exchports check ") || stand_in.arguments.is_empty() {
            return Err(format!("simulate printed no command line but {line:?}").into());
        }
        Ok(stand_in)
    }

    /// The same, so far away.
    pub(crate) fn start_far(one_way: Duration) -> Result<Self, Trouble> {
        let local = |port| SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let mut stand_in = Self::start()?;
        for word in &mut stand_in.arguments {
            if let Some((service, port)) = word.split_once('=')
                && let Ok(port) = port.parse()
            {
                let far = relay(local(0), local(port), one_way)?;
                *word = format!("{service}={}", far.port());
            }
        }
        Ok(stand_in)
    }

    /// The command line that it printed, for the twelve.
    pub(crate) fn check(&self) -> Command {
        self.check_of(&SERVICES.join(","))
    }

    /// The command line that it printed, for these services.
    pub(crate) fn check_of(&self, services: &str) -> Command {
        let mut command = Command::new(BINARY);
        command.arg("check").args(&self.arguments);
        command.args(["--service", services]);
        command
    }

    /// The twelve of so many targets, all of them this one under other names.
    pub(crate) fn check_many(&self, targets: usize) -> Result<Many, Trouble> {
        let folder = tempfile::tempdir()?;
        let file = folder.path().join("targets");
        write_targets(&file, targets)?;
        let mut command = Command::new(BINARY);
        command
            .arg("check")
            .args([Path::new("--targets-file"), &file])
            .args(["--servername", self.target()])
            .args(["--service", &SERVICES.join(",")])
            .args(&self.arguments[1..]);
        Ok(Many {
            command,
            _folder: folder,
        })
    }

    /// The name that its certificates are made out to.
    pub(crate) fn target(&self) -> &str {
        &self.arguments[0]
    }

    pub(crate) fn ca_file(&self) -> Result<&str, Trouble> {
        let mut words = self.arguments.iter();
        words
            .find(|word| *word == "--ca-file")
            .and_then(|_| words.next())
            .map(String::as_str)
            .ok_or_else(|| "simulate named no CA file".into())
    }

    pub(crate) fn port(&self, service: &str) -> Result<u16, Trouble> {
        let port = self
            .arguments
            .iter()
            .find_map(|word| word.strip_prefix(service)?.strip_prefix('='))
            .ok_or_else(|| format!("simulate named no port for {service}"))?;
        Ok(port.parse()?)
    }
}

impl Drop for StandIn {
    fn drop(&mut self) {
        // It may be gone already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Adds the twelve, each on a port of its own.
pub(crate) fn with_the_twelve(command: &mut Command, ports: &[u16]) {
    command.args(["--service", &SERVICES.join(",")]);
    for (service, port) in SERVICES.iter().zip(ports) {
        command.arg("--map").arg(format!("{service}={port}"));
    }
}

/// Writes a file of so many target names.
pub(crate) fn write_targets(file: &Path, targets: usize) -> Result<(), Trouble> {
    let mut text = String::new();
    for number in 0..targets {
        writeln!(text, "host-{number}.example.test")?;
    }
    Ok(fs::write(file, text)?)
}

/// The words of a command line; one with spaces stands in double quotes.
fn words(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    for (index, part) in line.trim_end().split('"').enumerate() {
        if index % 2 == 1 {
            words.push(part.to_owned());
        } else {
            words.extend(part.split_whitespace().map(str::to_owned));
        }
    }
    words
}
