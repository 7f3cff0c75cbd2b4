//! What must hold of every conversation, whatever the peer says and does: the real probe over a peer that is all bytes.
//!
//! * it ends, and in the time that it has;
//! * one connection at a time, and not many of them;
//! * nobody signs in, sends mail or binds, and nothing that a peer says changes what is asked of it;
//! * a failure stands at a stage where it can happen, and what is told as said in a session was said in it;
//! * what comes of it can be judged and told ([`told`](super::told)).
//!
//! The first byte says which service of the protocol it is, and whether more is asked for (`--audit`); see
//! [`moves`] for the others.

use exchports::catalog::{
    Expectation, Protocol, Security, Service, ServiceId, all, virtual_directory,
};
use exchports::net::{Bounds, Halt};
use exchports::observation::{Cause, Failure, Observation, Speaker, Stage};
use exchports::plan::{Audit, Check, Depth, Host, Limits, Transcripts};
use exchports::probe::{Ask, probe};
use exchports::wire::{http, ldap};
use tokio::time::Instant;

use super::{told, unescaped};
use crate::peer::{HOST, Heard, PeerDial, Pipe, moves, on_a_clock_that_stands_still};

/// Connections of one check at the most: three to pages, or two ways; and one a version that is asked for.
const MOST_CONNECTIONS: usize = 3 + 5;

/// A conversation with a mail server.
pub(crate) fn probe_smtp(data: &[u8]) {
    converse(data, |service| service.protocol == Protocol::Smtp);
}

/// A conversation with an IMAP server.
pub(crate) fn probe_imap(data: &[u8]) {
    converse(data, |service| service.protocol == Protocol::Imap);
}

/// A conversation with a POP3 server.
pub(crate) fn probe_pop3(data: &[u8]) {
    converse(data, |service| service.protocol == Protocol::Pop3);
}

/// A conversation with a directory server.
pub(crate) fn probe_ldap(data: &[u8]) {
    converse(data, |service| service.protocol == Protocol::Ldap);
}

/// A conversation with a remote desktop host.
pub(crate) fn probe_rdp(data: &[u8]) {
    converse(data, |service| service.protocol == Protocol::Rdp);
}

/// A conversation with a web server.
pub(crate) fn probe_http(data: &[u8]) {
    converse(data, |service| {
        service.protocol == Protocol::Http && virtual_directory(service.id).is_none()
    });
}

/// A visit to a virtual directory of Exchange, redirects and health page included.
pub(crate) fn probe_web(data: &[u8]) {
    converse(data, |service| virtual_directory(service.id).is_some());
}

/// A conversation in TLS, with any service that has it: what is said is right more often than in the others, and what
/// is wrong is beneath it.
pub(crate) fn net_session(data: &[u8]) {
    converse(data, |service| {
        service.security != Security::Cleartext
            && (virtual_directory(service.id).is_none() || service.id == ServiceId::Owa)
    });
}

/// Holds what must hold for every conversation.
fn converse(data: &[u8], is_meant: impl Fn(&Service) -> bool) {
    let Some((&kind, data)) = data.split_first() else {
        return;
    };
    let services: Vec<&'static Service> = all().filter(|service| is_meant(service)).collect();
    let service = services[usize::from(kind & 0x0f) % services.len()];
    let ask = Ask {
        service,
        port: service.port,
        host: Host::Name(HOST.to_owned()),
        ehlo_name: None,
        depth: Depth::Full,
        audit: if kind & 0x40 == 0 {
            Audit::No
        } else {
            Audit::Yes
        },
        transcripts: Transcripts::Kept,
    };
    let (seen, connections) = on_a_clock_that_stands_still(look(data, &ask));
    for connection in &connections {
        assert_polite(service.protocol, &connection.said);
    }
    assert_fits(&seen);
    assert_secrets(&seen, &connections);
    let check = Check {
        service,
        port: service.port,
        expect: Expectation::Required,
    };
    told::hold(check, seen, data.len());
}

async fn look(data: &[u8], ask: &Ask) -> (Observation, Vec<Heard>) {
    let limits = Limits::default();
    let began = Instant::now();
    let bounds = Bounds {
        limits,
        until: began + limits.check,
        deadline: None,
        halt: Halt::never(),
    };
    let dial = PeerDial::new(ask.host.clone(), moves::peers(data), Pipe::WIDE, bounds);
    let seen = probe(&dial, ask).await;
    let took = began.elapsed();
    assert!(took <= limits.check + limits.goodbye, "{took:?}: {seen:#?}");
    let cause = seen.failure.as_ref().map(|failure| failure.cause);
    assert_ne!(cause, Some(Cause::Internal), "{seen:#?}");
    assert!(seen.transcript.len() <= Limits::TRANSCRIPT_LINES);
    let connections = dial.heard().await;
    assert!(connections.len() <= MOST_CONNECTIONS, "{seen:#?}");
    (seen, connections)
}

/// A cause stands at a stage where it can arise, and a stage in the session comes after a handshake.
fn assert_fits(seen: &Observation) {
    let Some(Failure { stage, cause, .. }) = &seen.failure else {
        return;
    };
    let is_secure = seen.tls.as_ref().is_some_and(|tls| tls.version.is_some());
    let fits = match cause {
        Cause::Refused => *stage == Stage::Connect,
        Cause::StarttlsNotOffered
        | Cause::StarttlsOverwritten
        | Cause::StarttlsRejected
        | Cause::NoTls
        | Cause::NegotiationFailed => *stage == Stage::Starttls,
        Cause::NoCertificate => matches!(stage, Stage::Starttls | Stage::TlsHandshake),
        Cause::BytesInjected
        | Cause::Cleartext
        | Cause::ClosedOnHello
        | Cause::VersionTooOld
        | Cause::LegacySuitesOnly
        | Cause::HandshakeFailed => *stage == Stage::TlsHandshake,
        Cause::Alert(_) | Cause::ClientCertificateRequired => {
            *stage == Stage::TlsHandshake || is_secure
        }
        _ => *stage >= Stage::Greeting,
    };
    assert!(fits, "{seen:#?}");
    assert!(
        *stage != Stage::SecureCapabilities || is_secure,
        "{seen:#?}"
    );
    let step = seen.steps.iter().find(|step| step.stage == *stage);
    assert!(step.is_some(), "{seen:#?}");
    let is_first = seen.steps.iter().all(|step| step.connection == 1);
    assert!(
        !(is_first && *stage == Stage::TlsHandshake && is_secure),
        "{seen:#?}"
    );
}

/// What is told as said in a session was said in it, in that order, and not beneath it.
fn assert_secrets(seen: &Observation, connections: &[Heard]) {
    for (connection, heard) in (1..).zip(connections) {
        let lines = seen.transcript.iter();
        let after_the_handshake = lines
            .filter(|line| line.connection == connection)
            .skip_while(|line| {
                let is_event = line.speaker == Speaker::Event;
                !(is_event && line.text.as_str().starts_with("TLSv1."))
            });
        let mut said = heard.in_secret.as_slice();
        for line in after_the_handshake.filter(|line| line.speaker == Speaker::Server) {
            let text = line.text.as_str();
            let bytes = [unescaped(text.trim_end_matches('…')), dumped(text)];
            let after = bytes.iter().flatten().find_map(|bytes| after(said, bytes));
            said = after
                .unwrap_or_else(|| panic!("{text} was not said in the session then: {seen:#?}"));
        }
    }
}

/// The bytes that are shown in hexadecimal, where that is what a line shows.
fn dumped(text: &str) -> Option<Vec<u8>> {
    let (digits, _) = text.split_once("… (").or_else(|| text.split_once('('))?;
    let bytes = digits.split_whitespace();
    bytes
        .map(|digits| u8::from_str_radix(digits, 16).ok())
        .collect()
}

/// What comes after these bytes, where they first are.
fn after<'a>(all: &'a [u8], bytes: &[u8]) -> Option<&'a [u8]> {
    let Some(first) = bytes.first() else {
        return Some(all);
    };
    // A comparison is dear where libFuzzer looks on.
    let candidates = (0..all.len()).filter(|at| all[*at] == *first);
    candidates
        .map(|at| &all[at..])
        .find_map(|rest| rest.strip_prefix(bytes))
}

/// Nobody signs in, sends mail or binds.
fn assert_polite(protocol: Protocol, heard: &[u8]) {
    match protocol {
        Protocol::Smtp => assert_none_of(
            heard,
            &[b"AUTH ", b"MAIL FROM", b"RCPT TO", b"HELO [", b"\nDATA"],
        ),
        Protocol::Imap => assert_none_of(heard, &[b" LOGIN", b"AUTHENTICATE", b"SELECT"]),
        Protocol::Pop3 => assert_none_of(heard, &[b"USER ", b"PASS ", b"APOP ", b"AUTH "]),
        Protocol::Ldap => assert_asks_for_the_root(heard),
        Protocol::Http => assert_asks_for_pages(heard),
        // There is nothing to say.
        Protocol::Rdp => {}
    }
}

/// Words that a polite client does not say.
fn assert_none_of(heard: &[u8], words: &[&[u8]]) {
    for word in words {
        let is_said = heard
            .windows(word.len())
            .any(|window| window.eq_ignore_ascii_case(word));
        assert!(!is_said, "we said {}", heard.escape_ascii());
    }
}

/// Nothing but the rootDSE, `StartTLS` and goodbye.
fn assert_asks_for_the_root(heard: &[u8]) {
    let mut rest = heard;
    while let Ok(Some((message, used))) = ldap::message(rest) {
        let is_polite = match message.op {
            ldap::Op::SearchRequest { base, .. } => base.is_empty(),
            ldap::Op::ExtendedRequest { name } => name == b"1.3.6.1.4.1.1466.20037",
            ldap::Op::UnbindRequest => true,
            _ => false,
        };
        assert!(is_polite, "{}", heard.escape_ascii());
        rest = &rest[used..];
    }
}

/// Nothing but requests for pages of the one host, without credentials.
fn assert_asks_for_pages(heard: &[u8]) {
    let mut rest = heard;
    // Behind them may stand a handshake that nobody answered.
    while rest.starts_with(b"G") {
        let request = match http::request(rest) {
            Ok(Some((request, used))) => {
                rest = &rest[used..];
                request
            }
            // The peer stopped listening in the middle.
            Ok(None) => break,
            Err(violation) => panic!("{violation:?}: we said {}", heard.escape_ascii()),
        };
        assert_eq!(request.method, "GET");
        assert!(request.target.starts_with('/'), "{}", request.target);
        let hosts: Vec<&[u8]> = request
            .headers
            .iter()
            .filter(|(name, _)| name.eq_ignore_ascii_case("Host"))
            .map(|(_, value)| value.as_slice())
            .collect();
        assert!(
            matches!(hosts.as_slice(), [host] if host.starts_with(HOST.as_bytes())),
            "{request:?}"
        );
        let credentials = |name: &str| {
            ["authorization", "proxy-authorization", "cookie"]
                .contains(&name.to_ascii_lowercase().as_str())
        };
        assert!(
            !request.headers.iter().any(|(name, _)| credentials(name)),
            "{request:?}"
        );
    }
}
