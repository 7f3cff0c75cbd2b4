//! The program against real daemons: Postfix, Dovecot, nginx, slapd and xrdp, and what `openssl s_client` says of the
//! same ports.
//!
//! These tests run when `EXCHPORTS_DAEMONS` names a folder in which the daemons were started; otherwise each passes
//! and says that it was skipped. Under `EXCHPORTS_REQUIRE_DAEMONS=1` a skip is a failure.
//!
//! ```sh
//! sudo tests/daemons/daemons install
//! sudo tests/daemons/daemons start /tmp/daemons
//! EXCHPORTS_DAEMONS=/tmp/daemons cargo test --test it daemons
//! sudo tests/daemons/daemons stop /tmp/daemons
//! ```

use std::collections::BTreeMap;
use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};
use std::{env, fs, thread};

use serde::Deserialize;
use serde_json::Value;

/// What the daemons' certificate is made out to.
const NAME: &str = "mail.example.test";

/// A name that the certificate does not bear.
const OTHER_NAME: &str = "mail.example.org";

/// The twelve, and how `openssl s_client` gets to TLS on each.
const SERVICES: [(&str, Upgrade); 12] = [
    ("smtp", Upgrade::Openssl("smtp")),
    ("http", Upgrade::NoTls),
    ("pop3", Upgrade::Openssl("pop3")),
    ("imap", Upgrade::Openssl("imap")),
    ("ldap", Upgrade::Openssl("ldap")),
    ("https", Upgrade::Implicit),
    ("submissions", Upgrade::Implicit),
    ("submission", Upgrade::Openssl("smtp")),
    ("ldaps", Upgrade::Implicit),
    ("imaps", Upgrade::Implicit),
    ("pop3s", Upgrade::Implicit),
    ("rdp", Upgrade::X224),
];

/// Nothing here takes a second; whatever takes this long hangs.
const PATIENCE: Duration = Duration::from_secs(60);

#[test]
fn every_service_passes_when_the_root_is_given() {
    let Some(daemons) = Daemons::started() else {
        return;
    };
    let (document, exit) = daemons.report(&["--ca-file", &daemons.ca_file()], NAME);

    let rows = rows(&document);
    for (service, _) in SERVICES {
        let row = rows[service];
        let diagnoses = row.codes();
        assert_eq!(row.state.as_deref(), Some("open"), "{service}");
        assert_eq!(row.status, "pass", "{service}: {diagnoses:?}");
        let address = format!("127.0.0.1:{}", daemons.port(service));
        assert_eq!(row.address.as_deref(), Some(address.as_str()), "{service}");
    }
    assert_eq!(document.targets[0].status, "pass");
    assert_eq!(exit, Some(0));
}

#[test]
fn without_the_root_the_issuer_is_unknown() {
    let Some(daemons) = Daemons::started() else {
        return;
    };
    let (document, exit) = daemons.report(&[], NAME);

    let rows = rows(&document);
    for (service, upgrade) in SERVICES {
        let row = rows[service];
        let unknown = row.codes().contains(&"certificate-unknown-issuer");
        assert_eq!(
            unknown,
            upgrade != Upgrade::NoTls,
            "{service}: {:?}",
            row.codes()
        );
        // Mail between servers and remote desktop live with certificates that nobody vouches for.
        let passes = matches!(service, "smtp" | "http" | "rdp");
        assert_eq!(
            row.status,
            if passes { "pass" } else { "fail" },
            "{service}: {:?}",
            row.codes()
        );
    }
    assert_eq!(exit, Some(1));
}

#[test]
fn openssl_says_the_same_of_every_handshake() {
    let Some(daemons) = Daemons::started() else {
        return;
    };
    let ca_file = daemons.ca_file();
    for (roots, name, verified) in [
        (vec!["--ca-file", &ca_file], NAME, true),
        (vec![], NAME, false),
        (vec!["--ca-file", &ca_file], OTHER_NAME, false),
    ] {
        let openssl_roots = if roots.is_empty() {
            vec![]
        } else {
            vec!["-CAfile", &ca_file]
        };
        let (document, _) = daemons.report(&roots, name);
        let rows = rows(&document);
        for (service, upgrade) in SERVICES {
            let ours = rows[service].handshake();
            let theirs = upgrade.handshake(daemons.port(service), name, &openssl_roots);
            assert_eq!(
                ours, theirs,
                "{service} as {name}, {roots:?}: exchports left, openssl right"
            );
            // Both could be wrong together.
            if let Some(theirs) = theirs {
                assert_eq!(theirs.verified, verified, "{service} as {name}, {roots:?}");
                assert_eq!(theirs.leaf_sha256, daemons.leaf_sha256(), "{service}");
            }
        }
    }
}

#[test]
fn what_the_daemons_say_of_themselves_is_told() {
    let Some(daemons) = Daemons::started() else {
        return;
    };
    let (document, _) = daemons.report(&["--ca-file", &daemons.ca_file()], NAME);
    let rows = rows(&document);

    // What is offered in clear and what in the secure session are two lists, and both are asked for. (Dovecot
    // forgives LOGIN in clear to its own machine, so that LOGINDISABLED cannot be seen here.)
    for (service, word) in [
        ("smtp", "STARTTLS"),
        ("submission", "STARTTLS"),
        ("imap", "STARTTLS"),
        ("pop3", "STLS"),
    ] {
        let peer = &rows[service].peer;
        assert!(tells(&peer["capabilities"], word), "{service}: {peer}");
        assert!(
            !tells(&peer["secure_capabilities"], word),
            "{service}: {peer}"
        );
    }
    let submission = &rows["submission"].peer;
    let greeting = submission["greeting"].as_str().unwrap_or_default();
    assert!(
        greeting.starts_with("220 mail.example.test "),
        "{submission}"
    );
    assert!(
        !tells(&submission["capabilities"], "AUTH PLAIN"),
        "{submission}"
    );
    assert!(
        tells(&submission["secure_capabilities"], "AUTH PLAIN"),
        "{submission}"
    );

    for service in ["ldap", "ldaps"] {
        let ldap = &rows[service].peer;
        assert!(
            ldap["root_dse"].to_string().contains("dc=example,dc=test"),
            "{service}: {ldap}"
        );
    }

    let http = &rows["http"].peer;
    assert_eq!(http["http_status"], 302, "{http}");
    assert_eq!(http["location"], "https://mail.example.test/owa/", "{http}");

    let rdp = &rows["rdp"].peer;
    assert_eq!(rdp["nla"], "not-supported", "{rdp}");
}

#[test]
fn the_table_has_twelve_rows_and_no_problem() {
    let Some(daemons) = Daemons::started() else {
        return;
    };
    let output = daemons.check(&["--ca-file", &daemons.ca_file(), "--color", "never"], NAME);
    let table = String::from_utf8(output.stdout).expect("a table is UTF-8");

    let row_of = |port: u16| {
        let has_port = |line: &str| line.split_whitespace().next() == Some(&port.to_string());
        let row = table.lines().position(has_port);
        row.unwrap_or_else(|| panic!("no row for port {port}:\n{table}"))
    };
    let rows: Vec<usize> = SERVICES
        .iter()
        .map(|(service, _)| row_of(daemons.port(service)))
        .collect();
    let lines: Vec<&str> = table.lines().collect();
    for row in &rows {
        assert!(lines[*row].contains("pass"), "{}\nin\n{table}", lines[*row]);
    }
    // A problem is told between its row and the next: where there is nothing but rows, there is none. The web services
    // share one row under 443, since nginx has none of them.
    let told = &lines[rows[0]..=rows[11]];
    assert_eq!(told.len(), 12 + 1, "{table}");
    let is_fine = |line: &&str| line.contains(" pass ") || line.contains(" absent ");
    assert!(told.iter().all(is_fine), "{table}");
    assert_eq!(output.status.code(), Some(0));
}

/// The folder in which the daemons were started.
struct Daemons {
    folder: PathBuf,
    ports: BTreeMap<String, u16>,
}

impl Daemons {
    fn started() -> Option<Self> {
        let Some(folder) = env::var_os("EXCHPORTS_DAEMONS").map(PathBuf::from) else {
            assert!(
                env::var_os("EXCHPORTS_REQUIRE_DAEMONS").is_none_or(|it| it != "1"),
                "EXCHPORTS_REQUIRE_DAEMONS is set, but EXCHPORTS_DAEMONS names no folder"
            );
            say_skipped();
            return None;
        };
        let ports = fs::read_to_string(folder.join("ports"))
            .expect("no `ports` in the folder EXCHPORTS_DAEMONS names");
        let ports = ports.lines().map(|line| {
            let (service, port) = line
                .split_once('=')
                .expect("`ports` has lines such as smtp=12025");
            (
                service.to_owned(),
                port.parse().expect("a port is a number"),
            )
        });
        Some(Self {
            ports: ports.collect(),
            folder,
        })
    }

    fn port(&self, service: &str) -> u16 {
        self.ports[service]
    }

    fn ca_file(&self) -> String {
        self.folder
            .join("ca.pem")
            .into_os_string()
            .into_string()
            .expect("the folder's name is UTF-8")
    }

    fn leaf_sha256(&self) -> String {
        sha256(
            &fs::read_to_string(self.folder.join("leaf.pem")).expect("no `leaf.pem` in the folder"),
        )
    }

    /// Runs `exchports check` for all twelve services of `name`, which live here.
    fn check(&self, options: &[&str], name: &str) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_exchports"));
        command.args(["check", "--role", "any", "--address", "127.0.0.1"]);
        for (service, port) in &self.ports {
            command.arg("--map").arg(format!("{service}={port}"));
        }
        run(command.args(options).arg(name))
    }

    /// The same as JSON, and its exit code.
    fn report(&self, options: &[&str], name: &str) -> (Document, Option<i32>) {
        let options = [&["--json"], options].concat();
        let Output {
            status,
            stdout,
            stderr,
        } = self.check(&options, name);
        let document = serde_json::from_slice(&stdout).unwrap_or_else(|error| {
            panic!(
                "{error} in what `check {options:?}` wrote ({status}):\n{}\n{}",
                String::from_utf8_lossy(&stdout),
                String::from_utf8_lossy(&stderr)
            )
        });
        (document, status.code())
    }
}

/// Past the test harness, which keeps what passing tests print.
fn say_skipped() {
    let test = thread::current().name().unwrap_or("a test").to_owned();
    let _ = writeln!(
        io::stderr(),
        "SKIPPED {test}: EXCHPORTS_DAEMONS names no started daemons (see tests/daemons/daemons)"
    );
}

/// What these tests read of the JSON document.
#[derive(Deserialize)]
struct Document {
    targets: Vec<Target>,
}

#[derive(Deserialize)]
struct Target {
    status: String,
    checks: Vec<Check>,
}

#[derive(Deserialize)]
struct Check {
    service: String,
    address: Option<String>,
    state: Option<String>,
    status: String,
    diagnoses: Vec<Diagnosis>,
    tls: Option<Tls>,
    peer: Value,
}

#[derive(Deserialize)]
struct Diagnosis {
    code: String,
}

#[derive(Deserialize)]
struct Tls {
    version: String,
    certificate: Certificate,
}

#[derive(Deserialize)]
struct Certificate {
    sha256: String,
    name_matches: bool,
    trust: Trust,
}

#[derive(Deserialize)]
struct Trust {
    trusted: bool,
}

impl Check {
    fn codes(&self) -> Vec<&str> {
        self.diagnoses.iter().map(|it| it.code.as_str()).collect()
    }

    fn handshake(&self) -> Option<Handshake> {
        let Tls {
            version,
            certificate,
        } = self.tls.as_ref()?;
        Some(Handshake {
            version: version.clone(),
            leaf_sha256: certificate.sha256.clone(),
            verified: certificate.trust.trusted && certificate.name_matches,
        })
    }
}

/// The rows of the only target by service; each of the twelve has exactly one.
fn rows(document: &Document) -> BTreeMap<&str, &Check> {
    assert_eq!(document.targets.len(), 1);
    let checks = &document.targets[0].checks;
    for (service, _) in SERVICES {
        assert_eq!(
            checks.iter().filter(|row| row.service == service).count(),
            1,
            "rows of {service}"
        );
    }
    checks
        .iter()
        .map(|row| (row.service.as_str(), row))
        .collect()
}

fn tells(capabilities: &Value, wanted: &str) -> bool {
    let capabilities = capabilities
        .as_array()
        .unwrap_or_else(|| panic!("no capabilities: {capabilities}"));
    capabilities.iter().any(|it| it == wanted)
}

/// What both programs say of one handshake.
#[derive(Debug, Eq, PartialEq)]
struct Handshake {
    version: String,
    leaf_sha256: String,
    verified: bool,
}

/// How `openssl s_client` gets to TLS.
#[derive(Clone, Copy, Eq, PartialEq)]
enum Upgrade {
    NoTls,
    Implicit,
    /// With this word for its `-starttls`.
    Openssl(&'static str),
    /// RDP's negotiation, which openssl does not know: a relay goes ahead with it.
    X224,
}

impl Upgrade {
    fn handshake(self, port: u16, name: &str, roots: &[&str]) -> Option<Handshake> {
        let (port, starttls) = match self {
            Self::NoTls => return None,
            Self::Implicit => (port, None),
            Self::Openssl(word) => (port, Some(word)),
            Self::X224 => (relay_after_x224(port), None),
        };
        let mut openssl = Command::new("openssl");
        openssl.args([
            "s_client",
            "-servername",
            name,
            "-verify_hostname",
            name,
            "-connect",
        ]);
        openssl.arg(format!("127.0.0.1:{port}"));
        openssl.args(starttls.iter().flat_map(|word| ["-starttls", word]));
        let output = run(openssl.args(roots));
        Some(read_s_client(&String::from_utf8_lossy(&output.stdout)))
    }
}

/// Reads lines such as `New, TLSv1.3, Cipher is TLS_AES_256_GCM_SHA384` and `Verification: OK`, and the certificate.
fn read_s_client(text: &str) -> Handshake {
    let line = |start: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(start));
        line.unwrap_or_else(|| panic!("no line `{start}…` in what openssl s_client says:\n{text}"))
    };
    let version = line("New, ").split(',').next().unwrap_or_default();
    let verification = line("Verification");
    assert!(
        verification == ": OK" || verification.starts_with(" error: "),
        "openssl says{verification}"
    );
    Handshake {
        version: version.to_owned(),
        leaf_sha256: sha256(text),
        verified: verification == ": OK",
    }
}

/// The SHA-256 of the first certificate in PEM in `text`, as openssl computes it: 64 lower-case hexadecimal digits.
fn sha256(text: &str) -> String {
    let mut openssl = Command::new("openssl");
    openssl
        .args(["x509", "-noout", "-fingerprint", "-sha256"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped());
    let mut openssl = openssl.spawn().expect("openssl starts");
    openssl
        .stdin
        .take()
        .expect("its input is a pipe")
        .write_all(text.as_bytes())
        .expect("openssl reads");
    let output = openssl.wait_with_output().expect("openssl ends");
    let line = String::from_utf8_lossy(&output.stdout);
    let (_, fingerprint) = line
        .split_once('=')
        .unwrap_or_else(|| panic!("no certificate in:\n{text}"));
    fingerprint
        .chars()
        .filter(char::is_ascii_hexdigit)
        .map(|it| it.to_ascii_lowercase())
        .collect()
}

/// Runs it without input; kills it, and fails, when it takes too long.
fn run(command: &mut Command) -> Output {
    let child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let mut child = child.unwrap_or_else(|error| panic!("{command:?} does not start: {error}"));
    let stdout = read_aside(child.stdout.take().expect("its output is a pipe"));
    let stderr = read_aside(child.stderr.take().expect("its errors are a pipe"));
    let begin = Instant::now();
    let status = loop {
        if let Some(status) = child.try_wait().expect("it can be waited for") {
            break status;
        }
        if begin.elapsed() > PATIENCE {
            child.kill().expect("it can be killed");
            panic!("{command:?} hangs");
        }
        thread::sleep(Duration::from_millis(2));
    };
    let join = |reader: thread::JoinHandle<Vec<u8>>| reader.join().expect("its output can be read");
    Output {
        status,
        stdout: join(stdout),
        stderr: join(stderr),
    }
}

fn read_aside(mut pipe: impl Read + Send + 'static) -> thread::JoinHandle<Vec<u8>> {
    thread::spawn(move || {
        let mut bytes = Vec::new();
        pipe.read_to_end(&mut bytes).expect("a pipe can be read");
        bytes
    })
}

/// A port whose one visitor is talking to `port` after the X.224 exchange of \[MS-RDPBCGR\] 2.2.1.1 and 2.2.1.2.
fn relay_after_x224(port: u16) -> u16 {
    /// Connection request that asks for TLS.
    const REQUEST: [u8; 19] = [3, 0, 0, 19, 14, 0xe0, 0, 0, 0, 0, 0, 1, 0, 8, 0, 1, 0, 0, 0];
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    let relay = listener.local_addr().expect("its address").port();
    thread::spawn(move || {
        let (visitor, _) = listener.accept().expect("a visitor");
        let mut server = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).expect("xrdp listens");
        for stream in [&visitor, &server] {
            stream.set_read_timeout(Some(PATIENCE)).expect("a bound");
        }
        let mut confirm = [0; 19];
        server
            .write_all(&REQUEST)
            .and_then(|()| server.read_exact(&mut confirm))
            .expect("xrdp negotiates");
        assert_eq!(
            (confirm[5], confirm[11], confirm[15]),
            (0xd0, 2, 1),
            "xrdp chose no TLS: {confirm:02x?}"
        );
        let there = copy_aside(&visitor, &server);
        let back = copy_aside(&server, &visitor);
        let _ = (there.join(), back.join());
    });
    relay
}

fn copy_aside(from: &TcpStream, to: &TcpStream) -> thread::JoinHandle<()> {
    let mut from = from.try_clone().expect("a second handle");
    let mut to = to.try_clone().expect("a second handle");
    thread::spawn(move || {
        let _ = io::copy(&mut from, &mut to);
        let _ = to.shutdown(Shutdown::Write);
    })
}
