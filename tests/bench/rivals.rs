//! What other tools are asked for: TLS and the certificate of the same ports.

use std::env;
use std::ffi::OsString;
use std::process::{Command, Stdio};

use super::Trouble;
use super::stand_in::StandIn;

/// The services that `openssl s_client` can look at, with its word for STARTTLS. It does not know RDP's negotiation, and
/// 80 has no TLS.
const OPENSSL: [(&str, Option<&str>); 10] = [
    ("smtp", Some("smtp")),
    ("pop3", Some("pop3")),
    ("imap", Some("imap")),
    ("ldap", Some("ldap")),
    ("https", None),
    ("submissions", None),
    ("submission", Some("smtp")),
    ("ldaps", None),
    ("imaps", None),
    ("pop3s", None),
];

/// One command for each port that `openssl s_client` can look at, or why there are none.
pub(crate) fn openssl(stand_in: &StandIn) -> Result<Result<Vec<Command>, String>, Trouble> {
    if !is_there(&OsString::from("openssl"), "version") {
        return Ok(Err("no openssl in PATH".to_owned()));
    }
    let mut commands = Vec::new();
    for (service, starttls) in OPENSSL {
        let address = format!("127.0.0.1:{}", stand_in.port(service)?);
        let mut command = Command::new("openssl");
        command
            .args(["s_client", "-connect", &address])
            .args(["-servername", stand_in.target()])
            .args(["-CAfile", stand_in.ca_file()?]);
        if let Some(protocol) = starttls {
            command.args(["-starttls", protocol]);
        }
        // It succeeds whatever it sees: whether it sees the certificate is asked once, before anything is timed.
        let told = command.stdin(Stdio::null()).output()?;
        let told = String::from_utf8_lossy(&told.stdout).into_owned();
        if !told.contains("Verify return code: 0 (ok)") {
            return Ok(Err(format!(
                "openssl does not verify the certificate of {service}"
            )));
        }
        commands.push(command);
    }
    Ok(Ok(commands))
}

/// What sslyze is asked for: a certificate's facts and trust, and none of its other scans.
pub(crate) struct Sslyze {
    /// Every port with TLS that it can look at, in as many processes as there are ways to get to it.
    pub(crate) all: Vec<Command>,
    /// The ports with implicit TLS, in one process.
    pub(crate) implicit: Command,
}

/// Groups of services that one process of sslyze can take, with its word for STARTTLS. It compares LDAP's answer byte by
/// byte, and domain controllers, as the stand-in does, write lengths in a longer form: 389 is left out.
const SSLYZE: [(Option<&str>, &[&str]); 5] = [
    (None, &["https", "submissions", "ldaps", "imaps", "pop3s"]),
    (Some("smtp"), &["smtp", "submission"]),
    (Some("pop3"), &["pop3"]),
    (Some("imap"), &["imap"]),
    (Some("rdp"), &["rdp"]),
];

/// The commands for sslyze, or why there are none.
pub(crate) fn sslyze(stand_in: &StandIn) -> Result<Result<Sslyze, String>, Trouble> {
    let program = env::var_os("EXCHPORTS_BENCH_SSLYZE").unwrap_or_else(|| "sslyze".into());
    if !is_there(&program, "--help") {
        return Ok(Err(format!(
            "no {}; EXCHPORTS_BENCH_SSLYZE names it",
            program.display()
        )));
    }
    let command = |starttls: Option<&str>, services: &[&str]| -> Result<Command, Trouble> {
        let mut command = Command::new(&program);
        command
            .args(["--mozilla_config", "disable", "--certinfo"])
            .args(["--certinfo_ca_file", stand_in.ca_file()?]);
        if let Some(protocol) = starttls {
            command.args(["--starttls", protocol]);
        }
        for service in services {
            let port = stand_in.port(service)?;
            command.arg(format!("{}:{port}{{127.0.0.1}}", stand_in.target()));
        }
        Ok(command)
    };
    let mut all = Vec::new();
    for (starttls, services) in SSLYZE {
        let mut command = command(starttls, services)?;
        // It succeeds whatever it sees.
        let told = command.stdin(Stdio::null()).output()?;
        let told = String::from_utf8_lossy(&told.stdout).into_owned();
        let seen = told.matches("Number of cert chains detected").count();
        if seen != services.len() {
            return Ok(Err(format!(
                "{} shows {seen} certificates of {services:?}",
                program.display()
            )));
        }
        all.push(command);
    }
    let (starttls, services) = SSLYZE[0];
    Ok(Ok(Sslyze {
        all,
        implicit: command(starttls, services)?,
    }))
}

fn is_there(program: &OsString, argument: &str) -> bool {
    Command::new(program)
        .arg(argument)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|end| end.success())
}
