//! What must hold of every conversation, whatever the peer says and does: the real probe over a peer that is all bytes.
//!
//! * it ends, and in the time that it has;
//! * one connection at a time, and not many of them;
//! * nobody signs in, sends mail or binds, and nothing that a peer says changes what is asked of it;
//! * what comes of it can be judged and told ([`told`](super::told)).
//!
//! The first byte says which service of the protocol it is, and whether more is asked for (`--audit`); see
//! [`peer`](super::peer) for the others.

use exchports::catalog::{Expectation, Protocol, Service, all, virtual_directory};
use exchports::observation::{Cause, Observation};
use exchports::plan::{Audit, Check, Depth, Host, Limits, Transcripts};
use exchports::probe::{Ask, probe};
use exchports::wire::{http, ldap};

use super::peer::{HOST, ScriptedDial, acts, on_a_clock_that_stands_still};
use super::told;

/// Connections of one check at the most: three to pages, or two ways; and one a version that is asked for.
const MOST_CONNECTIONS: usize = 3 + 5;

/// A conversation with a mail server.
pub(crate) fn probe_smtp(data: &[u8]) {
    let heard = converse(data, |service| service.protocol == Protocol::Smtp);
    assert_none_of(
        &heard,
        &[b"AUTH ", b"MAIL FROM", b"RCPT TO", b"HELO [", b"\nDATA"],
    );
}

/// A conversation with an IMAP server.
pub(crate) fn probe_imap(data: &[u8]) {
    let heard = converse(data, |service| service.protocol == Protocol::Imap);
    assert_none_of(&heard, &[b" LOGIN", b"AUTHENTICATE", b"SELECT"]);
}

/// A conversation with a POP3 server.
pub(crate) fn probe_pop3(data: &[u8]) {
    let heard = converse(data, |service| service.protocol == Protocol::Pop3);
    assert_none_of(&heard, &[b"USER ", b"PASS ", b"APOP ", b"AUTH "]);
}

/// A conversation with a directory server.
pub(crate) fn probe_ldap(data: &[u8]) {
    for said in converse(data, |service| service.protocol == Protocol::Ldap) {
        let mut rest = said.as_slice();
        while let Ok(Some((message, used))) = ldap::message(rest) {
            let is_polite = match message.op {
                ldap::Op::SearchRequest { base, .. } => base.is_empty(),
                ldap::Op::ExtendedRequest { name } => name == b"1.3.6.1.4.1.1466.20037",
                ldap::Op::UnbindRequest => true,
                _ => false,
            };
            assert!(is_polite, "{}", said.escape_ascii());
            rest = &rest[used..];
        }
    }
}

/// A conversation with a remote desktop host.
pub(crate) fn probe_rdp(data: &[u8]) {
    converse(data, |service| service.protocol == Protocol::Rdp);
}

/// A conversation with a web server.
pub(crate) fn probe_http(data: &[u8]) {
    let heard = converse(data, |service| {
        service.protocol == Protocol::Http && virtual_directory(service.id).is_none()
    });
    assert_asks_for_pages(&heard);
}

/// A visit to a virtual directory of Exchange, redirects and health page included.
pub(crate) fn probe_web(data: &[u8]) {
    let heard = converse(data, |service| virtual_directory(service.id).is_some());
    assert_asks_for_pages(&heard);
}

/// Holds what must hold for every conversation, and returns what was heard of us on each connection.
fn converse(data: &[u8], is_meant: impl Fn(&Service) -> bool) -> Vec<Vec<u8>> {
    let Some((&kind, data)) = data.split_first() else {
        return Vec::new();
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
    let (seen, heard) = on_a_clock_that_stands_still(look(data, &ask));
    let check = Check {
        service,
        port: service.port,
        expect: Expectation::Required,
    };
    told::hold(check, seen, data.len());
    heard
}

async fn look(data: &[u8], ask: &Ask) -> (Observation, Vec<Vec<u8>>) {
    let limits = Limits::default();
    let dial = ScriptedDial::new(acts(data), limits);
    let seen = probe(&dial, ask).await;
    let took = dial.took();
    assert!(took <= limits.check + limits.goodbye, "{took:?}: {seen:#?}");
    let cause = seen.failure.as_ref().map(|failure| failure.cause);
    assert_ne!(cause, Some(Cause::Internal), "{seen:#?}");
    assert!(seen.transcript.len() <= Limits::TRANSCRIPT_LINES);
    let heard = dial.heard();
    assert!(heard.len() <= MOST_CONNECTIONS, "{seen:#?}");
    (seen, heard)
}

/// Words that a polite client does not say, in none of the conversations.
fn assert_none_of(heard: &[Vec<u8>], words: &[&[u8]]) {
    for said in heard {
        for word in words {
            let is_said = said
                .windows(word.len())
                .any(|window| window.eq_ignore_ascii_case(word));
            assert!(!is_said, "we said {}", said.escape_ascii());
        }
    }
}

/// Nothing but requests for pages of the one host, without credentials.
fn assert_asks_for_pages(heard: &[Vec<u8>]) {
    for said in heard {
        let mut rest = said.as_slice();
        // Behind them may stand a handshake that nobody answered.
        while rest.starts_with(b"G") {
            let request = match http::request(rest) {
                Ok(Some((request, used))) => {
                    rest = &rest[used..];
                    request
                }
                // The peer stopped listening in the middle.
                Ok(None) => break,
                Err(violation) => panic!("{violation:?}: we said {}", said.escape_ascii()),
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
}
