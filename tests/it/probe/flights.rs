//! How many round trips a check takes: everything is in memory, and the clock moves only when everybody waits. So what it
//! shows in the end is the number of flights, whatever the machine does. What a server computes takes no time here, and
//! TCP holds nothing back.

use std::time::Duration;

use exchports::catalog::{ServiceId, VirtualDirectory, WEB, virtual_directory};
use exchports::facts::{Health, PeerFacts, TlsVersion};
use exchports::plan::Transcripts;
use rustls::SupportedProtocolVersion;
use rustls::version::{TLS12, TLS13};

use super::script::{Step, peers, script};
use super::trial::{Outcome, Trial};
use super::web::request;
use crate::peer::{Act, Peer, Pipe, act, on_a_clock_that_stands_still};

const ROUND_TRIP: Duration = Duration::from_millis(50);

const VERSIONS: [(&SupportedProtocolVersion, TlsVersion); 2] =
    [(&TLS12, TlsVersion::Tls12), (&TLS13, TlsVersion::Tls13)];

/// From the dial to the verdict, and to the end of the connection, for which nobody waits. TCP's handshake takes one
/// flight, a greeting one, a command one, and TLS two in version 1.2 and one in 1.3.
#[test]
fn a_check_takes_as_many_round_trips_as_its_protocol_needs() {
    for (name, verdict, closed) in [
        // connect, greeting, EHLO, STARTTLS, TLS, EHLO; QUIT
        ("smtp-exchange-2019-25", [7, 6], [8, 7]),
        ("smtp-exchange-2019-587", [7, 6], [8, 7]),
        // connect, TLS (a greeting comes with the end of it in version 1.2), greeting, EHLO; QUIT
        ("smtp-465", [4, 4], [5, 5]),
        // connect, greeting, CAPABILITY, STARTTLS, TLS, CAPABILITY; LOGOUT
        ("imap-exchange-143", [7, 6], [8, 7]),
        // connect, TLS, greeting, CAPABILITY; LOGOUT
        ("imap-exchange-993", [4, 4], [5, 5]),
        // connect, greeting, CAPA, STLS, TLS, CAPA; QUIT
        ("pop3-exchange-110", [7, 6], [8, 7]),
        // connect, TLS, greeting, CAPA; QUIT
        ("pop3-exchange-995", [4, 4], [5, 5]),
        // connect, rootDSE, StartTLS, TLS, rootDSE; unbind. No StartTLS while an answer is outstanding (RFC 4513 §3.1.1)
        ("ldap-ad-389", [6, 5], [7, 6]),
        // connect, TLS, rootDSE; unbind
        ("ldap-ad-636", [4, 3], [5, 4]),
        // connect, X.224, TLS
        ("rdp-windows", [4, 3], [4, 3]),
        // connect, TLS, GET
        ("http-exchange-443", [4, 3], [4, 3]),
        // connect, GET
        ("http-exchange-80", [2, 2], [2, 2]),
    ] {
        for (index, (version, spoken)) in VERSIONS.into_iter().enumerate() {
            let mut script = script(name);
            let mut is_secure = false;
            for step in script.connections.iter_mut().flatten() {
                if let Step::Tls(asked) = step {
                    *asked = version;
                    is_secure = true;
                }
            }
            let outcome = far(script.service, peers(&script));
            let seen = &outcome.observation;
            assert_eq!(seen.failure, None, "{name}");
            let tls = seen.tls.as_ref().and_then(|tls| tls.version);
            assert_eq!(tls, is_secure.then_some(spoken), "{name}");
            assert_eq!(outcome.connections.len(), 1, "{name}");
            let took = [outcome.took, outcome.closed].map(flights);
            assert_eq!(took, [verdict[index], closed[index]], "{name}, {spoken:?}");
        }
    }
}

/// connect, TLS, the directory, and its health page; one more where the directory sends its visitors to another page.
#[test]
fn a_web_service_takes_a_flight_a_page() {
    for service in &WEB {
        let directory = virtual_directory(service.id).expect("it has one");
        for (redirects, page) in [(0, SIGN_IN), (1, TO_LOGON)] {
            for (index, (version, _)) in VERSIONS.into_iter().enumerate() {
                let has_health_page = directory.healthcheck.is_some();
                let expected = [4, 3][index] + redirects + u32::from(has_health_page);
                let outcome = far(directory.id, vec![pages(directory, page, version)]);
                let seen = &outcome.observation;
                assert_eq!(seen.failure, None, "{}", directory.path);
                let Some(PeerFacts::Http(facts)) = &seen.peer else {
                    panic!("no facts of {}", directory.path);
                };
                assert_eq!(facts.health, has_health_page.then_some(Health::Healthy));
                assert_eq!(outcome.connections.len(), 1, "{}", directory.path);
                let took = [outcome.took, outcome.closed].map(flights);
                assert_eq!(took, [expected; 2], "{}, {version:?}", directory.path);
            }
        }
    }
}

/// One that never answers a goodbye keeps its connection for a second, and the check not at all.
#[test]
fn nobody_waits_for_a_goodbye() {
    for name in [
        "smtp-465",
        "imap-exchange-993",
        "pop3-exchange-995",
        "ldap-ad-636",
    ] {
        let mut script = script(name);
        let steps = script.connections.first_mut().expect("a connection");
        while !matches!(steps.last(), Some(Step::Hear(_))) {
            steps.pop();
        }
        steps.push(Step::Silence);
        let trial = Trial {
            transcripts: Transcripts::Dropped,
            ..Trial::of(script.service, peers(&script))
        };
        let outcome = on_a_clock_that_stands_still(trial.run());
        assert_eq!(outcome.observation.failure, None, "{name}");
        assert_eq!(outcome.took, Duration::ZERO, "{name}");
        assert_eq!(outcome.closed, Duration::from_secs(1), "{name}");
    }
}

fn far(service: ServiceId, peers: Vec<Act>) -> Outcome {
    let trial = Trial {
        pipe: Pipe {
            round_trip: ROUND_TRIP,
            ..Pipe::WIDE
        },
        transcripts: Transcripts::Dropped,
        ..Trial::of(service, peers)
    };
    on_a_clock_that_stands_still(trial.run())
}

/// A whole number of them.
fn flights(took: Duration) -> u32 {
    let flights = took.as_millis() / ROUND_TRIP.as_millis();
    let flights = u32::try_from(flights).expect("few");
    assert_eq!(took, ROUND_TRIP * flights);
    flights
}

const SIGN_IN: &str =
    "HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: NTLM\r\nContent-Length: 0\r\n\r\n";
const TO_LOGON: &str =
    "HTTP/1.1 302 Found\r\nLocation: /owa/auth/logon.aspx\r\nContent-Length: 0\r\n\r\n";
const HEALTHY: &str = "HTTP/1.1 200 OK\r\nContent-Length: 25\r\n\r\n200 OK<br/>EX01.corp.test";

/// One that is asked for the directory, where that leads, and its health page, and for nothing else.
fn pages(
    directory: &VirtualDirectory,
    page: &'static str,
    version: &'static SupportedProtocolVersion,
) -> Act {
    let mut asked = vec![(request(directory.path), page)];
    if page == TO_LOGON {
        asked.push((request("/owa/auth/logon.aspx"), SIGN_IN));
    }
    if let Some(path) = directory.healthcheck {
        asked.push((request(path), HEALTHY));
    }
    act(move |mut peer: Peer| async move {
        peer.secure(version).await;
        for (request, answer) in asked {
            let heard = peer.hear(request.len()).await;
            assert_eq!(String::from_utf8_lossy(&heard), request);
            peer.say(answer.as_bytes()).await;
        }
        assert_eq!(peer.hear_out().await, b"");
        peer.close().await;
    })
}
