//! The stand-in server and the check together: every fault is told by the code whose name it bears, and by nothing
//! else; without a fault there is nothing to tell, in no role.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};

use serde_json::Value;

use exchports::catalog::{Group, ROLES, Role, ServiceId, all};
use exchports::simulate::{FAULTS, Fault, FaultRow};

use crate::cli::{Stand, alone, ran, rows, send, told, words};
use crate::schema::held;

use ServiceId::{Ecp, Http, Https, Imaps, Ldap, Ldaps, Pop3s, Rdp, Smtp, Submissions};

#[test]
fn the_demo_passes_and_says_what_it_was() {
    let (out, err, exit) = told(&ran(&words("demo")));
    assert_eq!(exit, Some(0), "{out}");
    assert!(out.contains("22 checks: 22 pass"), "{out}");
    assert_eq!(err.lines().count(), 1, "{err}");
    assert!(err.contains("exchports check mail.example.com"), "{err}");
    assert!(out.lines().all(|line| line.chars().count() <= 80), "{out}");
    let (out, err, exit) = told(&ran(&words("demo --json")));
    assert_eq!((err.as_str(), exit), ("", Some(0)));
    assert_eq!(held(&out)["summary"]["pass"], 22);
}

#[test]
fn the_faults_are_listed() {
    let (out, err, exit) = told(&ran(&words("simulate --list-faults")));
    assert_eq!((err.as_str(), exit), ("", Some(0)));
    let listed: Vec<_> = out
        .lines()
        .filter_map(|line| line.split_whitespace().next())
        .collect();
    let known: Vec<_> = FAULTS.iter().map(|row| row.name).collect();
    assert_eq!(listed, known);
    // Each with where it can be had, and what it takes to see it.
    for (line, row) in out.lines().zip(FAULTS) {
        assert!(line.contains(&row.places()), "{line}");
        let is_for_audit = line.contains("seen with --audit");
        assert_eq!(is_for_audit, row.fault.is_for_audit(), "{line}");
    }
}

#[test]
fn what_only_an_audit_sees_is_told_by_one() {
    for row in FAULTS.iter().filter(|row| row.fault.is_for_audit()) {
        let typed = format!("demo --json --audit --fault {}", row.name);
        let (out, err, exit) = told(&ran(&words(&typed)));
        assert_eq!((err.as_str(), exit), ("", Some(0)), "{}", row.name);
        let document = held(&out);
        for (service, told) in all().zip(rows(&document)) {
            if row.by_default.contains(&service.id) {
                let mut codes = codes(&told["diagnoses"]);
                codes.extend(self::codes(&document["targets"][0]["diagnoses"]));
                assert!(codes.contains(&row.name), "{}: {codes:?}", row.name);
            }
        }
    }
}

#[test]
fn each_fault_is_told_by_the_code_that_it_is_named_for() {
    let seen = |row: &&FaultRow| !is_slow(row.fault) && !row.fault.is_for_audit();
    for row in FAULTS.iter().filter(seen) {
        let (out, err, exit) = told(&ran(&words(&format!("demo --json --fault {}", row.name))));
        assert_eq!(err, "", "{}", row.name);
        let document = held(&out);
        hold(row, &document);
        // What is required and was not asked is no success either.
        let fails = document["summary"]["fail"] != 0 || document["summary"]["skip"] != 0;
        assert_eq!(exit, Some(i32::from(fails)), "{}", row.name);
    }
}

/// What a peer that says nothing costs is a share of the check's time, so here that is short.
#[test]
fn silence_is_told_by_its_code_as_well() {
    for row in FAULTS.iter().filter(|row| is_slow(row.fault)) {
        let stand = Stand::with(&[row.name]);
        let (document, exit) = stand.report("--json --timeout 3s");
        hold(row, &document);
        assert_eq!(exit, Some(1), "{}", row.name);
        // All wait at once: one after the other they would take half a minute.
        let took = document["duration_ms"].as_f64().expect("a number");
        assert!(took < 12_000.0, "{}: {took} ms", row.name);
    }
}

#[test]
fn the_line_that_simulate_prints_passes_in_every_role() {
    for role in &ROLES {
        // It plays no other mail server, and has to be told what it plays.
        if matches!(role.role, Role::Auto | Role::Mail) {
            let (_, err, exit) = told(&ran(&words(&format!("simulate --role {}", role.name))));
            assert_eq!((err.lines().count(), exit), (1, Some(2)), "{err}");
            continue;
        }
        let served = Served::new(&format!("simulate --role {}", role.name));
        let (out, err, exit) = told(&ran(&[&served.line[1..], &words("--json")].concat()));
        assert_eq!((err.as_str(), exit), ("", Some(0)), "{}: {out}", role.name);
        let document = held(&out);
        let rows = rows(&document);
        assert!(!rows.is_empty(), "{}", role.name);
        for row in rows {
            assert_eq!(row["status"], "pass", "{}: {row}", role.name);
        }
        served.stop();
    }
}

#[test]
fn the_stand_in_listens_where_it_is_told_to() {
    let port = free_port();
    let served = Served::new(&format!(
        "simulate --map smtp={port} --fault starttls-not-offered@smtp"
    ));
    assert!(
        served.line.contains(&format!("smtp={port}")),
        "{:?}",
        served.line
    );
    let more = words("--json --service smtp --fail-on warn");
    let (out, _, exit) = told(&ran(&[&served.line[1..], &more].concat()));
    assert_eq!(exit, Some(1));
    assert_eq!(
        rows(&held(&out))[0]["diagnoses"][0]["code"],
        "starttls-not-offered"
    );
    // A port that is taken is told, and nothing else listens.
    let (out, err, exit) = told(&ran(&words(&format!("simulate --map imap={port}"))));
    assert_eq!((out.as_str(), exit), ("", Some(2)));
    assert!(
        err.contains(&format!("imap cannot listen on 127.0.0.1:{port}")),
        "{err}"
    );
    served.stop();
}

/// It is served until it is stopped: however that is asked for, it is no trouble.
#[cfg(unix)]
#[test]
fn a_stand_in_that_is_told_to_stop_has_done_its_job() {
    for signal in ["INT", "TERM"] {
        Served::new("simulate --role edge").stop_by(signal);
    }
}

/// Those that take a timeout.
fn is_slow(fault: Fault) -> bool {
    matches!(
        fault,
        Fault::Silent | Fault::TlsOnCleartextPort | Fault::ProxyHeaderMissing
    )
}

/// Every service that has the fault tells it first, what depends on such a service tells it as well, and no other
/// service tells anything worse than info. A fault of the host as a whole is told by the target.
fn hold(fault: &FaultRow, document: &Value) {
    if is_of_the_target(fault.fault) {
        let told = codes(&document["targets"][0]["diagnoses"]);
        // A build that is throttled is of a product without support, which is told first.
        let place = usize::from(fault.fault == Fault::ExchangeOnlineThrottles);
        assert_eq!(told.get(place), Some(&fault.name), "{}", fault.name);
    }
    for (service, row) in all().zip(rows(document)) {
        assert_eq!(row["service"], service.name);
        let id = service.id;
        let told = codes(&row["diagnoses"]);
        let hint = format!("{} and {id}: {told:?}", fault.name);
        if let Some(code) = passed_on(fault, id) {
            assert!(told.contains(&code), "{hint}");
            continue;
        }
        if !fault.by_default.contains(&id) || is_told_elsewhere(fault.fault) {
            assert_eq!(row["status"], "pass", "{hint}");
            continue;
        }
        let (place, code) = expected(fault, id);
        assert_eq!(told.get(place), Some(&code), "{hint}");
        assert_eq!(row["status"], status(fault.fault, id), "{hint}");
    }
}

fn codes(diagnoses: &Value) -> Vec<&str> {
    let diagnoses = diagnoses.as_array().expect("diagnoses");
    let code = |told: &Value| told["code"].as_str().map(str::len).is_some();
    assert!(diagnoses.iter().all(code), "{diagnoses:?}");
    diagnoses
        .iter()
        .filter_map(|told| told["code"].as_str())
        .collect()
}

/// What a service tells of a fault that is not its own: what 443 shows before HTTP begins is what every directory
/// behind it would show, and the admin center sends everybody to the logon page of Outlook on the web.
fn passed_on(fault: &FaultRow, service: ServiceId) -> Option<&'static str> {
    let is_behind = service.row().group == Group::Web && fault.by_default.contains(&Https);
    match (fault.fault, service) {
        (Fault::Refused, _) if is_behind => Some("https-not-open"),
        (
            Fault::ClosedEarly
            | Fault::Silent
            | Fault::NoLiveMember
            | Fault::ProxyHeaderMissing
            | Fault::CleartextOnTlsPort
            | Fault::TlsClosedOnHello
            | Fault::TlsNameNotRecognised
            | Fault::TlsVersionTooOld
            | Fault::TlsLegacySuites
            | Fault::TlsUnverified
            | Fault::TlsNoCommonCipher,
            _,
        ) if is_behind => Some("https-unusable"),
        (Fault::HttpServerError, _) if is_behind => Some("web-server-error"),
        (Fault::WebServerError, Ecp) => Some("web-server-error"),
        (Fault::WebRedirectLoop, Ecp) => Some("web-redirect-loop"),
        _ if is_behind => Some(expected(fault, Https).1),
        _ => None,
    }
}

/// Those that a rule over the whole target tells, whatever the rows say.
fn is_of_the_target(fault: Fault) -> bool {
    matches!(
        fault,
        Fault::CertificateDiffers
            | Fault::NoLiveMember
            | Fault::ProxyHeaderMissing
            | Fault::CertificateMissingIntermediate
            | Fault::TlsInspected
            | Fault::CaptivePortal
            | Fault::ProxyAuthentication
            | Fault::ExchangeOnlineThrottles
    )
}

/// Those that no row shows: it takes a comparison, or a question that only an audit asks.
fn is_told_elsewhere(fault: Fault) -> bool {
    matches!(
        fault,
        Fault::CertificateDiffers | Fault::ExchangeOnlineThrottles
    ) || fault.is_for_audit()
}

/// Which of the diagnoses is about the fault, and what it is called there.
fn expected(fault: &FaultRow, service: ServiceId) -> (usize, &'static str) {
    match (fault.fault, service) {
        // Who closes when TLS begins may have no certificate: that is another thing to do.
        (Fault::ClosedEarly | Fault::NoLiveMember, Https | Submissions | Ldaps | Imaps | Pop3s) => {
            (0, "tls-closed-on-hello")
        }
        // They are not asked with a header; the host tells that they are as mute as the others.
        (Fault::ProxyHeaderMissing, Ldap | Rdp) | (Fault::NoLiveMember, _) => (0, "closed-early"),
        // Remote desktop's own certificate is signed by itself, and that comes first.
        (Fault::CertificateWrongName, Rdp) => (1, fault.name),
        // What one service shows could be an unknown authority as well.
        (Fault::CertificateMissingIntermediate, _) => (0, "certificate-unknown-issuer"),
        _ => (0, fault.name),
    }
}

/// The table of defects in the contract, and that STARTTLS on 25 and 389 is for those who want it.
fn status(fault: Fault, service: ServiceId) -> &'static str {
    match (fault, service) {
        (
            Fault::CertificateSelfSigned
            | Fault::CertificateUnknownIssuer
            | Fault::CertificateMissingIntermediate
            | Fault::CertificateUnproven
            | Fault::CertificateWrongName
            | Fault::TlsInspected,
            Smtp | Rdp,
        )
        | (Fault::ConnectionsLimited, _) => "pass",
        (Fault::CertificateExpired | Fault::CertificateNotYetValid, Smtp | Rdp)
        | (Fault::StarttlsNotOffered, Smtp | Ldap)
        | (Fault::NoCertificate, Ldap)
        | (
            Fault::CertificateExpiresSoon
            | Fault::GreetingSlow
            | Fault::GreetingMasked
            | Fault::CertificateUnproven
            | Fault::StarttlsInsideTls
            | Fault::TlsLegacySuites
            | Fault::TlsUnverified
            | Fault::DirectoryNotReady
            | Fault::ClockDiffers
            | Fault::WebThrottled
            | Fault::WebRestricted
            | Fault::WebUnhealthy,
            _,
        )
        // A browser may get on from there.

        | (Fault::CaptivePortal, Http | Https) => "warn",
        _ => "fail",
    }
}

/// A stand-in server in a process of its own, and the line that it printed.
struct Served {
    child: Child,
    line: Vec<String>,
}

impl Served {
    fn new(typed: &str) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_exchports"));
        alone(&mut command);
        let mut child = command
            .args(words(typed))
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("it runs");
        let mut line = String::new();
        let mut out = BufReader::new(child.stdout.take().expect("a pipe"));
        out.read_line(&mut line).expect("a line");
        Self {
            child,
            line: shell_words(line.trim_end()),
        }
    }

    /// As Ctrl-C does.
    fn stop(self) {
        self.stop_by("INT");
    }

    fn stop_by(mut self, signal: &str) {
        let is_sent = send(&mut self.child, signal);
        let exit = self.child.wait().expect("a child").code();
        assert!(!is_sent || exit == Some(0), "{signal}: {exit:?}");
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.child.kill();
    }
}

/// Words as a shell takes them apart: those with a space are in double quotes.
fn shell_words(line: &str) -> Vec<String> {
    let parts = line.split('"').enumerate();
    parts
        .flat_map(|(index, part)| match index % 2 {
            0 => words(part),
            _ => vec![part.to_owned()],
        })
        .collect()
}

fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
    listener.local_addr().expect("an address").port()
}
