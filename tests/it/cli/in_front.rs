//! What stands in front of a server: a relay that counts connections, limits them, or waits for a PROXY header; and how
//! many connections a check makes, how long it leaves a server alone, how long twelve silent ports take.

use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use exchports::catalog::{SERVICES, ServiceId};

use super::{Stand, ran, rows, silent, told, words};
use crate::schema::held;

use ServiceId::{Https, Imaps, Pop3s, Smtp, Submission, Submissions};

/// One connection of a client at a time is what this server takes; with and without a word for the others.
#[test]
fn a_server_that_limits_is_asked_once_more_alone_after_a_pause() {
    for words in [
        &b""[..],
        b"421 4.7.0 mail.example.test Error: too many connections from 127.0.0.1\r\n",
    ] {
        let front = Front::before(Stand::with(&[]), Way::OneAtATime(words), DELAY);
        let services = [Smtp, Submission, Submissions];
        let document = front.check(&services, "");
        let turned = front.log().turned_away();
        assert!(!turned.is_empty(), "all came one after the other");
        for row in rows(&document) {
            assert_eq!(row["status"], "pass", "{row}");
            let service = row["service"].as_str().expect("a service");
            let was_turned = turned.iter().any(|one| one.row().name == service);
            assert_eq!(
                codes(row).contains(&"connections-limited"),
                was_turned,
                "{row}"
            );
        }
        let host = &document["targets"][0];
        assert_eq!(codes(host), ["connections-limited"], "{host}");
        assert_eq!(host["diagnoses"][0]["severity"], "info");
        let hint = host["diagnoses"][0]["hint"].as_str().expect("a hint");
        assert!(hint.contains("`--per-address 1`"), "{hint}");
        // Who was turned away got through in the end, alone, after the server was left alone for a second.
        let log = front.log();
        for service in turned {
            let last = |seen: &[Seen]| {
                let mut seen = seen.iter().rev();
                seen.find(|one| one.service == service).map(|one| one.at)
            };
            let (away, through) = (last(&log.turned), last(&log.taken));
            let pause = through
                .zip(away)
                .map(|(through, away)| through.duration_since(away));
            assert!(pause > Some(Duration::from_secs(1)), "{service}: {pause:?}");
        }
        assert_eq!(log.most, 1);
    }
}

/// That is no limit: nothing is claimed of one, and it is not asked for ever.
#[test]
fn a_server_that_turns_away_twice_is_told_as_it_is() {
    const WORDS: &[u8] = b"421 4.3.2 Too many concurrent connections\r\n";
    let front = Front::before(Stand::with(&[]), Way::Never(Submission, WORDS), DELAY);
    let document = front.check(&[Smtp, Submission], "");
    let told: Vec<_> = rows(&document)
        .iter()
        .map(|row| (row["status"].clone(), codes(row).join(" ")))
        .collect();
    assert_eq!(told[0], ("pass".into(), String::new()));
    assert_eq!(told[1].0, "fail");
    assert!(told[1].1.contains("service-unavailable"), "{told:?}");
    assert_eq!(front.log().turned.len(), 2);
}

/// With and without a limit.
#[test]
fn per_address_1_is_one_connection_at_a_time() {
    let services = [Smtp, Submissions, Submission, Imaps, Pop3s];
    for way in [Way::All, Way::OneAtATime(b"")] {
        let front = Front::before(Stand::with(&[]), way, DELAY);
        let document = front.check(&services, "--per-address 1");
        for row in rows(&document) {
            assert_eq!(row["status"], "pass", "{row}");
        }
        assert_eq!(codes(&document["targets"][0]), [""; 0]);
        let log = front.log();
        assert_eq!((log.most, log.turned.len()), (1, 0));
        assert_eq!(log.taken.len(), services.len());
    }
    // What it is held against: without it they come together.
    let front = Front::before(Stand::with(&[]), Way::All, DELAY);
    front.check(&services, "");
    assert_eq!(front.log().most, services.len());
}

/// A server that is well pays for no second look, no pause, no header.
#[test]
fn a_healthy_host_takes_one_connection_a_service() {
    let front = Front::before(Stand::with(&[]), Way::All, Duration::ZERO);
    let services: Vec<ServiceId> = SERVICES.iter().map(|row| row.id).collect();
    let document = front.check_all();
    assert_eq!(document["summary"]["pass"], 22, "{document}");
    let mut counts = BTreeMap::new();
    for taken in &front.log().taken {
        *counts.entry(taken.service.row().name).or_insert(0) += 1;
    }
    // Behind 443 are ten more, each with its health page or logon page on the same connection.
    let table: BTreeMap<&str, usize> = services
        .iter()
        .map(|service| (service.row().name, if *service == Https { 11 } else { 1 }))
        .collect();
    assert_eq!(counts, table);
}

/// They are waited for all at once.
#[test]
fn twelve_silent_ports_take_as_long_as_one() {
    let run = |services: &[ServiceId]| {
        let maps: Vec<String> = services
            .iter()
            .map(|service| format!("--map {}={}", service.row().name, silent()))
            .collect();
        let names: Vec<&str> = services.iter().map(|service| service.row().name).collect();
        let typed = format!(
            "check 127.0.0.1 --json --timeout 6s -s {} {}",
            names.join(","),
            maps.join(" ")
        );
        let begun = Instant::now();
        let (out, err, _) = told(&ran(&words(&typed)));
        assert_eq!(err, "");
        let document = held(&out);
        for row in rows(&document) {
            assert_eq!(row["failure"]["code"], "silent", "{row}");
        }
        begun.elapsed()
    };
    // SMTP's greeting is waited for longest, and then for TLS.
    let one = run(&[Smtp]);
    let all: Vec<ServiceId> = SERVICES.iter().map(|row| row.id).collect();
    let twelve = run(&all);
    assert!(
        twelve < one + Duration::from_secs(3),
        "{twelve:?}, one alone {one:?}"
    );
}

/// TLS ports alone tell it as well: the answer to a header is the proof.
#[test]
fn a_port_that_waits_for_a_header_is_told_as_such() {
    let front = Front::before(Stand::with(&[]), Way::AfterHeader, Duration::ZERO);
    for service in [Imaps, Https, Smtp, ServiceId::Http] {
        let document = front.check(&[service], "");
        let row = rows(&document)[0];
        assert_eq!(row["status"], "fail", "{row}");
        assert_eq!(row["failure"]["code"], "proxy-header-missing", "{row}");
        assert_eq!(codes(row), ["proxy-header-missing"]);
    }
    let document = front.check(&[Imaps, Pop3s], "");
    assert_eq!(codes(&document["targets"][0]), ["proxy-header-missing"]);
    // Who closes and takes no header either waits for none.
    let front = Front::before(Stand::with(&[]), Way::Never(Imaps, b""), Duration::ZERO);
    let document = front.check(&[Imaps], "");
    assert_eq!(rows(&document)[0]["failure"]["code"], "tls-closed-on-hello");
}

/// How long the server takes for its first word: connections that come together meet.
const DELAY: Duration = Duration::from_millis(400);

fn codes(told: &Value) -> Vec<&str> {
    let diagnoses = told["diagnoses"].as_array().expect("diagnoses");
    let codes = diagnoses.iter().map(|one| one["code"].as_str());
    codes.map(|code| code.expect("a code")).collect()
}

/// Whom a front lets through.
#[derive(Clone, Copy)]
enum Way {
    All,
    /// One connection at a time over all services; the others get these words and are closed.
    OneAtATime(&'static [u8]),
    /// Nobody to this service.
    Never(ServiceId, &'static [u8]),
    /// Who begins with a PROXY header.
    AfterHeader,
}

/// A connection, and when it came.
struct Seen {
    service: ServiceId,
    at: Instant,
}

/// What a front has seen.
#[derive(Default)]
struct Log {
    open: usize,
    /// The most that were open at once.
    most: usize,
    taken: Vec<Seen>,
    turned: Vec<Seen>,
}

impl Log {
    fn turned_away(&self) -> Vec<ServiceId> {
        let mut services: Vec<_> = self.turned.iter().map(|seen| seen.service).collect();
        services.sort_unstable();
        services.dedup();
        services
    }
}

/// Stands in front of all ports of the stand-in.
struct Front {
    stand: Stand,
    ports: Vec<(ServiceId, u16, u16)>,
    log: Arc<Mutex<Log>>,
}

impl Front {
    fn before(stand: Stand, way: Way, delay: Duration) -> Self {
        let log = Arc::new(Mutex::new(Log::default()));
        let ports = stand
            .simulation
            .endpoints()
            .iter()
            .map(|(service, to)| {
                let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
                let port = listener.local_addr().expect("an address").port();
                let (log, to, service) = (Arc::clone(&log), to.port(), *service);
                thread::spawn(move || {
                    for client in listener.incoming().flatten() {
                        meet(client, service, to, way, delay, &log);
                    }
                });
                (service, to, port)
            })
            .collect();
        Self { stand, ports, log }
    }

    fn check(&self, services: &[ServiceId], more: &str) -> Value {
        let names: Vec<&str> = services.iter().map(|service| service.row().name).collect();
        self.run(&format!("--json -s {} {more}", names.join(",")))
    }

    fn check_all(&self) -> Value {
        self.run("--json --require all")
    }

    /// As the stand-in's own line has it, on our ports.
    fn run(&self, more: &str) -> Value {
        let mut arguments = vec!["check".to_owned()];
        for argument in self.stand.simulation.check_arguments() {
            let ours = self.ports.iter().find_map(|(_, theirs, ours)| {
                let (service, port) = argument.split_once('=')?;
                (port == theirs.to_string()).then(|| format!("{service}={ours}"))
            });
            arguments.push(ours.unwrap_or(argument));
        }
        arguments.extend(words(more));
        let (out, err, _) = told(&ran(&arguments));
        assert_eq!(err, "");
        held(&out)
    }

    fn log(&self) -> MutexGuard<'_, Log> {
        lock(&self.log)
    }
}

fn lock(log: &Mutex<Log>) -> MutexGuard<'_, Log> {
    log.lock().unwrap_or_else(PoisonError::into_inner)
}

fn meet(
    mut client: TcpStream,
    service: ServiceId,
    to: u16,
    way: Way,
    delay: Duration,
    log: &Arc<Mutex<Log>>,
) {
    // The end of one connection and the beginning of the next are seen by two threads.
    let begun = Instant::now();
    while lock(log).open > 0 && begun.elapsed() < delay / 2 {
        thread::sleep(Duration::from_millis(5));
    }
    let mut seen = lock(log);
    let words = match way {
        Way::OneAtATime(words) if seen.open > 0 => Some(words),
        Way::Never(never, words) if never == service => Some(words),
        _ => None,
    };
    if let Some(words) = words {
        seen.turned.push(Seen {
            service,
            at: Instant::now(),
        });
        let _ = client.write_all(words);
        return;
    }
    seen.open += 1;
    seen.most = seen.most.max(seen.open);
    seen.taken.push(Seen {
        service,
        at: Instant::now(),
    });
    drop(seen);
    let log = Arc::clone(log);
    thread::spawn(move || {
        if !matches!(way, Way::AfterHeader) || took_header(&mut client) {
            relay(&client, to, delay);
        }
        lock(&log).open -= 1;
    });
}

/// Reads a first line, which has to be a header.
fn took_header(client: &mut TcpStream) -> bool {
    let mut line = Vec::new();
    let mut byte = [0];
    while !line.ends_with(b"\r\n") && line.len() < 107 {
        match client.read(&mut byte) {
            Ok(1) => line.extend(byte),
            _ => return false,
        }
        if !b"PROXY ".starts_with(&line[..line.len().min(6)]) {
            return false;
        }
    }
    line == b"PROXY UNKNOWN\r\n"
}

/// Carries bytes both ways until the client has gone.
fn relay(client: &TcpStream, to: u16, delay: Duration) {
    let Ok(server) = TcpStream::connect((Ipv4Addr::LOCALHOST, to)) else {
        return;
    };
    let carry = |from: &TcpStream, to: &TcpStream| {
        let (Ok(mut from), Ok(mut to)) = (from.try_clone(), to.try_clone()) else {
            return;
        };
        let _ = std::io::copy(&mut from, &mut to);
        let _ = to.shutdown(Shutdown::Write);
    };
    thread::scope(|scope| {
        scope.spawn(|| {
            thread::sleep(delay);
            carry(&server, client);
        });
        carry(client, &server);
    });
}
