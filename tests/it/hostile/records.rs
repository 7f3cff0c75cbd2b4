//! Peers that shake hands as no server does.

use exchports::catalog::ServiceId;
use rustls::ServerConfig;
use rustls::pki_types::CertificateDer;
use rustls::version::{TLS12, TLS13};

use super::by_hand::Handshake;
use super::everywhere::hear_record;
use super::sheet::{Row, Sheet};
use crate::probe::peer::{Act, Line, Peer, act, identity};

/// Records in place of a handshake.
const RECORDS: &[(&str, &[u8], &[&str])] = &[
    (
        "a ServerHello of SSL 3",
        &hello([3, 0]),
        &["version-too-old 4s"],
    ),
    (
        "a ServerHello of TLS 1.1",
        &hello([3, 2]),
        &["version-too-old 4s"],
    ),
    (
        "a ServerHello of TLS 1.4",
        &hello([3, 5]),
        &["handshake-failed 0s"],
    ),
    (
        "a ServerHello of version 255.255",
        &hello([255, 255]),
        &["handshake-failed 0s"],
    ),
    (
        "a record of no bytes",
        b"\x16\x03\x03\0\0",
        &["handshake-failed 0s"],
    ),
    (
        "a record of 65,535 bytes",
        b"\x16\x03\x03\xff\xff",
        &["handshake-failed 0s"],
    ),
    (
        "a record of no known type",
        b"\x63\x03\x03\0\x01\0",
        &["not-the-protocol 1s"],
    ),
    (
        "a heartbeat",
        b"\x18\x03\x03\0\x03\x01\xff\xff",
        &["handshake-failed 500ms"],
    ),
    (
        "data before the handshake",
        b"\x17\x03\x03\0\x05hello",
        &["handshake-failed 0s"],
    ),
    (
        "a ServerHello of 16 MB, begun",
        b"\x16\x03\x03\x40\0\x02\xff\xff\xff",
        &["stalled 5s"],
    ),
    (
        "half a record",
        b"\x16\x03\x03\x40\0\x02\0",
        &["stalled 5s"],
    ),
];

const fn hello(version: [u8; 2]) -> [u8; 47] {
    let mut bytes = [7; 47];
    let begin = *b"\x16\x03\x03\0\x2a\x02\0\0\x26";
    let mut at = 0;
    while at < begin.len() {
        bytes[at] = begin[at];
        at += 1;
    }
    bytes[9] = version[0];
    bytes[10] = version[1];
    let end = *b"\0\xc0\x30\0";
    let mut at = 0;
    while at < end.len() {
        bytes[43 + at] = end[at];
        at += 1;
    }
    bytes
}

/// Where an alert comes.
#[derive(Clone, Copy, Debug)]
enum Point {
    /// In place of everything.
    First,
    /// After so many records of the server's first flight.
    After(usize),
}

pub(super) fn try_out(sheet: &mut Sheet) {
    let mut row = |peer, acts, right| {
        sheet.try_out(Row {
            peer,
            service: ServiceId::Https,
            acts,
            right,
        });
    };
    for (name, bytes, right) in RECORDS {
        let acts = (0..2).map(|_| records(bytes)).collect();
        row(name, acts, right);
    }
    for version in [&TLS12, &TLS13] {
        let acts = vec![change(version, 1, |bytes| single_bytes(&bytes))];
        row("handshake in fragments of one byte", acts, &["pass 0s"]);
        for flight in [1, 2] {
            for keep in [0, 1, 7, 60] {
                let acts = vec![stall(version, flight, keep)];
                row("a stall in each flight", acts, &["silent 5s", "stalled 5s"]);
            }
        }
        row(
            "a chain of 1,000 certificates",
            vec![chain(version, 1000, 0)],
            &["handshake-failed 0s"],
        );
        row(
            "a certificate of 10 MB",
            vec![chain(version, 1, 10_000_000)],
            &["handshake-failed 0s"],
        );
    }
    row(
        "a close without close_notify",
        vec![after(0, &[])],
        &["closed 0s"],
    );
    row(
        "a close in the middle, without close_notify",
        vec![after(0, &[b"HTTP/1.1 200"])],
        &["closed 0s"],
    );
    row(
        "an answer, no close_notify",
        vec![after(0, &[b"HTTP/1.1 200 OK\r\n\r\n"])],
        &["pass 0s"],
    );
    row("20,000 tickets", vec![after(20_000, &[])], &["flood 0s"]);
    row(
        "33 new keys without a word",
        vec![keys(0)],
        &["not-the-protocol 0s"],
    );
    row("new keys without end", vec![keys(1)], &["flood 0s"]);
    for level in [1, 2] {
        for number in 0..=255 {
            if level == 1 && number % 16 > 0 {
                continue;
            }
            for point in [
                Point::First,
                Point::After(1),
                Point::After(2),
                Point::After(3),
            ] {
                let acts = vec![alert([level, number], point), alert([level, number], point)];
                row("an alert of every kind at every point", acts, ALERTS);
            }
        }
    }
}

const ALERTS: &[&str] = &[
    "alert 0s",
    // certificate_required, protocol_version
    "client-certificate-required 0s",
    "version-too-old 0s",
    // A warning is no end.
    "stalled 5s",
];

fn records(bytes: &'static [u8]) -> Act {
    act(move |mut peer: Peer| async move {
        hear_record(&mut peer).await;
        peer.say(bytes).await;
        peer.hear_out().await;
    })
}

/// A handshake in which the server's flight of that number passes through `change`.
fn change(
    version: &'static rustls::SupportedProtocolVersion,
    number: usize,
    change: fn(Vec<u8>) -> Vec<u8>,
) -> Act {
    act(move |mut peer: Peer| async move {
        let mut handshake = Handshake::begin(ServerConfig::clone(&identity().config(version)));
        let mut flight = 0;
        let through = |bytes: Vec<u8>| {
            flight += usize::from(!bytes.is_empty());
            if flight == number {
                change(bytes)
            } else {
                bytes
            }
        };
        if handshake.shake(&mut peer, through).await {
            handshake.say(&mut peer, b"HTTP/1.1 200 OK\r\n\r\n").await;
        }
        while peer.read(&mut [0; 512]).await > 0 {}
    })
}

/// Handshake records in clear, a byte to a record; what is encrypted stays whole.
fn single_bytes(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    for (head, body) in split(bytes) {
        if head[0] != 0x16 {
            out.extend(head);
            out.extend(body);
            continue;
        }
        for byte in body {
            out.extend([0x16, 3, 3, 0, 1, *byte]);
        }
    }
    out
}

/// The records of a flight, heads and bodies.
fn split(mut bytes: &[u8]) -> Vec<(&[u8], &[u8])> {
    let mut records = Vec::new();
    while let Some((head, rest)) = bytes.split_at_checked(5) {
        let length = usize::from(u16::from_be_bytes([head[3], head[4]]));
        let (body, rest) = rest.split_at(length);
        records.push((head, body));
        bytes = rest;
    }
    records
}

/// So many bytes of a flight, and then no more.
fn stall(version: &'static rustls::SupportedProtocolVersion, number: usize, keep: usize) -> Act {
    act(move |mut peer: Peer| async move {
        let mut handshake = Handshake::begin(ServerConfig::clone(&identity().config(version)));
        let mut flight = 0;
        let through = |mut bytes: Vec<u8>| {
            flight += usize::from(!bytes.is_empty());
            if flight >= number {
                bytes.truncate(if flight == number { keep } else { 0 });
            }
            bytes
        };
        handshake.shake(&mut peer, through).await;
        while peer.read(&mut [0; 512]).await > 0 {}
    })
}

fn chain(version: &'static rustls::SupportedProtocolVersion, count: usize, extra: usize) -> Act {
    let mut chain = vec![identity().certificate.clone(); count];
    if extra > 0 {
        chain.push(CertificateDer::from(vec![0x30; extra]));
    }
    act(move |mut peer: Peer| async move {
        let config = ServerConfig::builder_with_provider(exchports::net::tls::provider())
            .with_protocol_versions(&[version])
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(chain, identity().key.clone_key())
            .unwrap();
        Handshake::begin(config)
            .shake(&mut peer, |bytes| bytes)
            .await;
        while peer.read(&mut [0; 512]).await > 0 {}
    })
}

/// After the handshake: tickets, words, and an end without a word.
fn after(tickets: usize, words: &'static [&'static [u8]]) -> Act {
    act(move |mut peer: Peer| async move {
        let mut config = ServerConfig::clone(&identity().config(&TLS13));
        config.send_tls13_tickets = tickets;
        let mut handshake = Handshake::begin(config);
        handshake.shake(&mut peer, |bytes| bytes).await;
        for word in words {
            handshake.say(&mut peer, word).await;
        }
    })
}

/// New keys without end, and this many bytes after every 31 of them.
fn keys(words: usize) -> Act {
    act(move |mut peer: Peer| async move {
        let mut handshake = Handshake::begin(ServerConfig::clone(&identity().config(&TLS13)));
        handshake.shake(&mut peer, |bytes| bytes).await;
        handshake.say(&mut peer, b"HTTP/1.1 200 ").await;
        loop {
            for _ in 0..31 {
                if handshake.update_keys(&mut peer).await == Line::Down {
                    return;
                }
            }
            handshake.say(&mut peer, &b"x".repeat(words)).await;
        }
    })
}

fn alert(alert: [u8; 2], point: Point) -> Act {
    let record = [&b"\x15\x03\x03\0\x02"[..], &alert].concat();
    act(move |mut peer: Peer| async move {
        let Point::After(count) = point else {
            hear_record(&mut peer).await;
            peer.say(&record).await;
            peer.hear_out().await;
            return;
        };
        let mut handshake = Handshake::begin(ServerConfig::clone(&identity().config(&TLS12)));
        let mut is_first = true;
        let through = |bytes: Vec<u8>| {
            if !std::mem::take(&mut is_first) {
                return bytes;
            }
            // The whole flight comes in one record or in some: a message is one here.
            let mut out = messages(&bytes)[..count].concat();
            out.extend(&record);
            out
        };
        handshake.shake(&mut peer, through).await;
        while peer.read(&mut [0; 512]).await > 0 {}
    })
}

/// The handshake messages of a flight in clear, each in a record of its own.
fn messages(flight: &[u8]) -> Vec<Vec<u8>> {
    let mut bytes: Vec<u8> = Vec::new();
    for (_, body) in split(flight) {
        bytes.extend(body);
    }
    let mut rest = bytes.as_slice();
    let mut messages = Vec::new();
    while let [_, high, middle, low, ..] = *rest {
        let length = u32::from_be_bytes([0, high, middle, low]);
        let (message, more) = rest.split_at(4 + usize::try_from(length).unwrap());
        let length = u16::try_from(message.len()).unwrap().to_be_bytes();
        messages.push([&b"\x16\x03\x03"[..], &length, message].concat());
        rest = more;
    }
    messages
}
