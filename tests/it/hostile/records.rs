//! Peers that shake hands as no server does.

use exchports::catalog::ServiceId;
use exchports::observation::Cause::{
    Alert, ClientCertificateRequired, Closed, ClosedOnHello, Flood, HandshakeFailed,
    NotTheProtocol, Reset, Silent, Stalled, TlsBroken, VersionTooOld,
};
use exchports::observation::Stage::{Application, SecureCapabilities, TlsHandshake};
use rustls::pki_types::CertificateDer;
use rustls::version::{TLS12, TLS13};
use rustls::{ContentType, ServerConfig};

use super::by_hand::{Handshake, hear};
use super::everywhere::hear_record;
use super::sheet::{Ending, Row, Sheet, fails, fails_at, passes};
use crate::peer::{self, Act, Line, Peer, act, identity};

/// Records in place of a handshake.
const RECORDS: &[(&str, &[u8], Ending)] = &[
    (
        "a ServerHello of SSL 3",
        &hello([3, 0]),
        fails(VersionTooOld, 4_000),
    ),
    (
        "a ServerHello of TLS 1.1",
        &hello([3, 2]),
        fails(VersionTooOld, 4_000),
    ),
    (
        "a ServerHello of TLS 1.4",
        &hello([3, 5]),
        fails(HandshakeFailed, 0),
    ),
    (
        "a ServerHello of version 255.255",
        &hello([255, 255]),
        fails(HandshakeFailed, 0),
    ),
    (
        "a record of no bytes",
        b"\x16\x03\x03\0\0",
        fails(HandshakeFailed, 0),
    ),
    (
        "a record of 65,535 bytes",
        b"\x16\x03\x03\xff\xff",
        fails(HandshakeFailed, 0),
    ),
    (
        "a record of no known type",
        b"\x63\x03\x03\0\x01\0",
        fails(NotTheProtocol, 1_000),
    ),
    (
        "a heartbeat",
        b"\x18\x03\x03\0\x03\x01\xff\xff",
        fails(HandshakeFailed, 500),
    ),
    (
        "data before the handshake",
        b"\x17\x03\x03\0\x05hello",
        fails(HandshakeFailed, 0),
    ),
    (
        "a ServerHello of 16 MB, begun",
        b"\x16\x03\x03\x40\0\x02\xff\xff\xff",
        fails(Stalled, 5_000),
    ),
    (
        "a ServerHello of TLS 1.5 in its extension",
        &extended_hello([3, 6]),
        fails(HandshakeFailed, 0),
    ),
    (
        "a ServerHello of a draft in its extension",
        &extended_hello([0x7f, 0x1c]),
        fails(HandshakeFailed, 0),
    ),
    (
        "a ServerHello of TLS 1.1 in its extension",
        &extended_hello([3, 2]),
        fails(VersionTooOld, 4_000),
    ),
    (
        "half a record",
        b"\x16\x03\x03\x40\0\x02\0",
        fails(Stalled, 5_000),
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

/// A version that was not offered, where TLS 1.3 tells it (RFC 8446 §4.2.1).
const fn extended_hello(version: [u8; 2]) -> [u8; 55] {
    let plain = hello([3, 3]);
    let mut bytes = [0; 55];
    let mut at = 0;
    while at < plain.len() {
        bytes[at] = plain[at];
        at += 1;
    }
    // The record, the message, and what follows its last byte.
    bytes[4] += 8;
    bytes[8] += 8;
    let extensions = [0, 6, 0, 0x2b, 0, 2, version[0], version[1]];
    let mut at = 0;
    while at < extensions.len() {
        bytes[47 + at] = extensions[at];
        at += 1;
    }
    bytes
}

/// Where an alert comes.
#[derive(Clone, Copy, Debug)]
enum Point {
    /// In place of everything.
    First,
    /// In clear, after so many messages of the first flight of TLS 1.2; it has four.
    After(usize),
    /// In clear, in place of the second flight of TLS 1.2.
    ForFinished,
    /// Right behind the second flight of TLS 1.2, which is read together with it.
    BehindFinished,
    /// In clear, behind the `ServerHello` of TLS 1.3.
    ClearBehindHello,
    /// Behind the `ServerHello` of TLS 1.3.
    BehindHello,
    /// Behind the first flight of TLS 1.3.
    BehindFlight,
    /// In the secure session, before a word was said.
    Secure(Version),
    /// In the secure session, behind half an answer.
    Within(Version),
}

type Version = &'static rustls::SupportedProtocolVersion;

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Way {
    Close,
    Reset,
}

/// What is tried on 443, and has to end in the handshake where nothing else is said.
#[derive(Default)]
struct Https(Sheet);

impl Https {
    fn row(&mut self, peer: &'static str, acts: Vec<Act>, right: Ending) {
        self.0.try_out(Row {
            peer,
            service: ServiceId::Https,
            acts,
            right: right.at(TlsHandshake),
        });
    }
}

#[test]
fn tls_records_in_place_of_a_handshake() {
    let mut https = Https::default();
    for (name, bytes, right) in RECORDS {
        let acts = (0..2).map(|_| records(bytes)).collect();
        https.row(name, acts, *right);
    }
    https.0.hold();
}

#[test]
fn tls_handshakes_that_are_no_server_s() {
    let mut https = Https::default();
    for version in [&TLS12, &TLS13] {
        let acts = vec![change(version, 1, |bytes| single_bytes(&bytes))];
        https.row("handshake in fragments of one byte", acts, passes(0));
        for flight in [1, 2] {
            for keep in [0, 1, 7, 60] {
                // The second flight of TLS 1.3 is tickets, and of TLS 1.2 it has 51 bytes.
                let right = match (flight, keep, version == &TLS13) {
                    (1, 0, _) => fails(Silent, 5_000),
                    (2, 60, _) | (2, _, true) => fails_at(Application, Silent, 5_000),
                    _ => fails(Stalled, 5_000),
                };
                let acts = vec![stall(version, flight, keep)];
                https.row("a stall in each flight", acts, right);
            }
        }
        https.row(
            "a chain of 1,000 certificates",
            vec![chain(version, 1000, 0)],
            fails(HandshakeFailed, 0),
        );
        https.row(
            "a certificate of 10 MB",
            vec![chain(version, 1, 10_000_000)],
            fails(HandshakeFailed, 0),
        );
        https.row(
            "empty records without end",
            vec![empty(version)],
            fails_at(Application, TlsBroken, 0),
        );
    }
    https.row(
        "a close without close_notify",
        vec![after(0, &[])],
        fails_at(Application, Closed, 0),
    );
    https.row(
        "a close in the middle, without close_notify",
        vec![after(0, &[b"HTTP/1.1 200"])],
        fails_at(Application, Closed, 0),
    );
    https.row(
        "an answer, no close_notify",
        vec![after(0, &[b"HTTP/1.1 200 OK\r\n\r\n"])],
        passes(0),
    );
    https.row(
        "20,000 tickets",
        vec![after(20_000, &[])],
        fails_at(Application, Flood, 0),
    );
    https.row(
        "33 new keys without a word",
        vec![keys(0)],
        fails_at(Application, TlsBroken, 0),
    );
    https.row(
        "new keys without end",
        vec![keys(1)],
        fails_at(Application, Flood, 0),
    );
    https.0.hold();
}

/// Peers that hang up at each byte of their side of the handshake.
#[test]
fn tls_hangs_up_at_each_byte() {
    // A signature has two bytes more or fewer: what is certain is counted from the front, the rest from the end.
    const CERTAIN: usize = 600;
    const REST: usize = 120;
    let mut https = Https::default();
    for (way, peer, cause) in [
        (Way::Close, "closes at each byte of the handshake", Closed),
        (Way::Reset, "resets at each byte of the handshake", Reset),
    ] {
        for version in [&TLS12, &TLS13] {
            let places = (0..CERTAIN)
                .map(Place::Byte)
                .chain((1..REST).map(Place::FromEnd));
            for place in places {
                let right = match place {
                    Place::Byte(0) => fails(ClosedOnHello, 0),
                    _ => fails(cause, 0),
                };
                https.row(peer, vec![cut(version, 1, place, way)], right);
            }
        }
        // ChangeCipherSpec and Finished
        for byte in 0..51 {
            let acts = vec![cut(&TLS12, 2, Place::Byte(byte), way)];
            https.row(peer, acts, fails(cause, 0));
        }
        // Tickets: the handshake is over.
        for byte in 0..60 {
            let acts = vec![cut(&TLS13, 2, Place::Byte(byte), way)];
            https.row(peer, acts, fails_at(Application, cause, 0));
        }
    }
    https.0.hold();
}

/// What the second look meets: a server that has no word for the first `ClientHello`, and speaks old TLS to the other.
#[test]
fn old_tls_flights() {
    let mut https = Https::default();
    let certificate = identity().certificate.to_vec();
    let whole = old_flight(std::slice::from_ref(&certificate));
    for (way, peer) in [
        (Some(Way::Close), "second look: closes at each byte"),
        (Some(Way::Reset), "second look: resets at each byte"),
        (None, "second look: silent at each byte"),
    ] {
        let every = if way.is_some() { 1 } else { 16 };
        for byte in (0..=whole.len()).step_by(every) {
            // It is told as soon as the ServerHello has come.
            let cause = if byte < OLD_HELLO {
                Alert(40)
            } else {
                VersionTooOld
            };
            let time = match way {
                None if byte < whole.len() => 4_000,
                _ => 0,
            };
            let acts = vec![records(REFUSAL), old(whole[..byte].to_vec(), way)];
            https.row(peer, acts, fails(cause, time));
        }
    }
    let huge = old_flight(&[vec![0x30; 10_000_000]]);
    let many = old_flight(&vec![b"\x30\0".to_vec(); 1000]);
    let long = old_flight(&vec![certificate; 1000]);
    for (peer, flight) in [
        ("second look: a certificate of 10 MB", huge),
        ("second look: 1,000 tiny certificates", many),
        ("second look: 1,000 certificates", long),
        ("second look: fragments of one byte", single_bytes(&whole)),
    ] {
        https.row(
            peer,
            vec![records(REFUSAL), old(flight, None)],
            fails(VersionTooOld, 0),
        );
    }
    https.0.hold();
}

/// A fatal alert is told as one, and at once, wherever it comes and whatever it is; a warning is none to TLS 1.2, and one
/// like the others to TLS 1.3 (RFC 8446 §6).
#[test]
fn tls_alerts() {
    let mut sheet = Sheet::default();
    let in_clear = [
        Point::First,
        Point::After(1),
        Point::After(2),
        Point::After(3),
    ];
    let costly = [
        Point::After(4),
        Point::ForFinished,
        Point::BehindFinished,
        Point::ClearBehindHello,
        Point::BehindHello,
        Point::BehindFlight,
        Point::Secure(&TLS12),
        Point::Secure(&TLS13),
        Point::Within(&TLS12),
        Point::Within(&TLS13),
    ];
    for level in [1, 2] {
        for number in 0..=255 {
            let is_known = exchports::facts::alert_name(number).is_some();
            for point in in_clear.into_iter().chain(costly) {
                let is_costly = !matches!(point, Point::First | Point::After(0..=3));
                if number % 16 > 0 && (level == 1 || is_costly) && !(is_known && level == 2) {
                    continue;
                }
                for service in [ServiceId::Https, ServiceId::Smtp] {
                    // Behind STARTTLS a handshake costs twice as much.
                    if service == ServiceId::Smtp && (!is_known || level == 1) {
                        continue;
                    }
                    sheet.try_out(Row {
                        peer: "an alert of every kind at every point",
                        service,
                        acts: (0..2)
                            .map(|_| alert(service, [level, number], point))
                            .collect(),
                        right: right_for_alert(service, [level, number], point),
                    });
                }
            }
        }
    }
    sheet.hold();
}

fn right_for_alert(service: ServiceId, [level, number]: [u8; 2], point: Point) -> Ending {
    let secure_stage = match service {
        ServiceId::Https => Application,
        _ => SecureCapabilities,
    };
    let stage = match point {
        Point::Secure(_) | Point::Within(_) => secure_stage,
        // The handshake is whole: what may be ignored is, and an end is one of the session.
        Point::After(4) | Point::BehindFinished if level == 1 => secure_stage,
        Point::BehindFlight | Point::BehindFinished if number == 0 => secure_stage,
        _ => TlsHandshake,
    };
    let is_of_tls13 = match point {
        Point::ClearBehindHello | Point::BehindHello | Point::BehindFlight => true,
        Point::Secure(version) | Point::Within(version) => version == &TLS13,
        _ => false,
    };
    match (stage, level, number) {
        // close_notify is the end, whatever its level.
        (Application | SecureCapabilities, _, 0) if !matches!(point, Point::After(4)) => {
            fails_at(stage, Closed, 0)
        }
        (_, 1, _) if !is_of_tls13 => match point {
            Point::Secure(_) | Point::After(4) | Point::BehindFinished => {
                fails_at(stage, Silent, 5_000)
            }
            _ => fails_at(stage, Stalled, 5_000),
        },
        (TlsHandshake, _, 70) => fails_at(stage, VersionTooOld, 0),
        (_, _, 116) => fails_at(stage, ClientCertificateRequired, 0),
        _ => fails_at(stage, Alert(number), 0),
    }
}

fn records(bytes: &'static [u8]) -> Act {
    act(move |mut peer: Peer| async move {
        hear_record(&mut peer).await;
        peer.say(bytes).await;
        peer.hear_out().await;
    })
}

/// A handshake in which the server's flight of that number passes through `change`.
fn change(version: Version, number: usize, change: fn(Vec<u8>) -> Vec<u8>) -> Act {
    act(move |mut peer: Peer| async move {
        let mut handshake = Handshake::begin(ServerConfig::clone(&peer::config(version)));
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
fn stall(version: Version, number: usize, keep: usize) -> Act {
    act(move |mut peer: Peer| async move {
        let mut handshake = Handshake::begin(ServerConfig::clone(&peer::config(version)));
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

fn chain(version: Version, count: usize, extra: usize) -> Act {
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
        let mut config = ServerConfig::clone(&peer::config(&TLS13));
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
        let mut handshake = Handshake::begin(ServerConfig::clone(&peer::config(&TLS13)));
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

fn alert(service: ServiceId, alert: [u8; 2], point: Point) -> Act {
    let record = [&b"\x15\x03\x03\0\x02"[..], &alert].concat();
    act(move |mut peer: Peer| async move {
        if service == ServiceId::Smtp && go_ahead(&mut peer).await == Line::Down {
            return;
        }
        let (version, flight) = match point {
            Point::First => {
                hear_record(&mut peer).await;
                peer.say(&record).await;
                peer.hear_out().await;
                return;
            }
            Point::After(_) => (&TLS12, 1),
            Point::ForFinished => (&TLS12, 2),
            Point::BehindFinished => (&TLS12, 0),
            Point::ClearBehindHello | Point::BehindHello | Point::BehindFlight => (&TLS13, 1),
            Point::Secure(version) | Point::Within(version) => (version, 0),
        };
        let mut config = ServerConfig::clone(&peer::config(version));
        config.send_tls13_tickets = 0;
        let mut handshake = Handshake::begin(config);
        let mut flights = 0;
        while handshake.is_shaking() {
            let Some(bytes) = handshake.hear(&mut peer).await else {
                return;
            };
            flights += usize::from(!bytes.is_empty());
            let bytes = if flights == flight && !bytes.is_empty() {
                with_alert(&handshake, bytes, &record, point)
            } else {
                bytes
            };
            if peer.say(&bytes).await == Line::Down {
                return;
            }
        }
        if let Point::BehindFinished | Point::Secure(_) | Point::Within(_) = point {
            if !matches!(point, Point::BehindFinished) {
                // Our first word there
                hear(&mut peer).await;
            }
            let mut seal = handshake.seal();
            if let Point::Within(_) = point {
                let half = match service {
                    ServiceId::Https => &b"HTTP/1.1 200"[..],
                    _ => b"250-mail01\r\n",
                };
                peer.say(&seal.record(ContentType::ApplicationData, half))
                    .await;
            }
            peer.say(&seal.record(ContentType::Alert, &alert)).await;
        }
        while peer.read(&mut [0; 512]).await > 0 {}
    })
}

/// A flight with an alert in it, or behind it.
fn with_alert(handshake: &Handshake, flight: Vec<u8>, record: &[u8], point: Point) -> Vec<u8> {
    let alert = &record[5..];
    let hello = split(&flight)[0].1.len() + 5;
    match point {
        // The whole flight comes in one record or in some: a message is one here.
        Point::After(count) => [&messages(&flight)[..count].concat(), record].concat(),
        Point::ForFinished => record.to_vec(),
        Point::ClearBehindHello => [&flight[..hello], record].concat(),
        Point::BehindHello => {
            let sealed = handshake.handshake_seal().record(ContentType::Alert, alert);
            [&flight[..hello], &sealed].concat()
        }
        Point::BehindFlight => {
            let sealed = handshake.flight_seal().record(ContentType::Alert, alert);
            [flight, sealed].concat()
        }
        Point::First | Point::BehindFinished | Point::Secure(_) | Point::Within(_) => flight,
    }
}

/// SMTP up to the go-ahead.
async fn go_ahead(peer: &mut Peer) -> Line {
    peer.say(b"220 mail01\r\n").await;
    peer.hear(b"EHLO [192.0.2.10]\r\n".len()).await;
    peer.say(b"250-mail01\r\n250 STARTTLS\r\n").await;
    peer.hear(b"STARTTLS\r\n".len()).await;
    peer.say(b"220 go\r\n").await
}

/// A handshake, and then records that carry nothing.
fn empty(version: Version) -> Act {
    act(move |mut peer: Peer| async move {
        let mut config = ServerConfig::clone(&peer::config(version));
        config.send_tls13_tickets = 0;
        let mut handshake = Handshake::begin(config);
        handshake.shake(&mut peer, |bytes| bytes).await;
        hear(&mut peer).await;
        let mut seal = handshake.seal();
        loop {
            let wave: Vec<u8> = (0..100)
                .flat_map(|_| seal.record(ContentType::ApplicationData, b""))
                .collect();
            if peer.say(&wave).await == Line::Down {
                return;
            }
        }
    })
}

/// A byte of a flight, before which it ends.
#[derive(Clone, Copy, Debug)]
enum Place {
    Byte(usize),
    FromEnd(usize),
}

fn cut(version: Version, number: usize, place: Place, way: Way) -> Act {
    act(move |mut peer: Peer| async move {
        let mut handshake = Handshake::begin(ServerConfig::clone(&peer::config(version)));
        let mut flight = 0;
        while flight < number {
            let Some(mut bytes) = handshake.hear(&mut peer).await else {
                break;
            };
            flight += usize::from(!bytes.is_empty());
            if flight == number {
                bytes.truncate(match place {
                    Place::Byte(byte) => byte,
                    Place::FromEnd(count) => bytes.len() - count,
                });
            }
            peer.say(&bytes).await;
        }
        hang_up(peer, way).await;
    })
}

async fn hang_up(peer: Peer, way: Way) {
    match way {
        Way::Close => peer.close().await,
        Way::Reset => peer.reset(),
    }
}

/// `handshake_failure`
const REFUSAL: &[u8] = b"\x15\x03\x03\0\x02\x02\x28";

/// So many bytes are a `ServerHello`, its record's head included.
const OLD_HELLO: usize = 47;

/// What a server of TLS 1.0 with RSA says first.
pub(super) fn old_flight(certificates: &[Vec<u8>]) -> Vec<u8> {
    let length = |bytes: &[u8]| u32::try_from(bytes.len()).unwrap().to_be_bytes()[1..].to_vec();
    let mut chain = Vec::new();
    for certificate in certificates {
        chain.extend(length(certificate));
        chain.extend(certificate);
    }
    let chain = [length(&chain), chain].concat();
    let chain = [b"\x0b".to_vec(), length(&chain), chain].concat();
    let mut flight = hello([3, 1]).to_vec();
    flight[44..46].copy_from_slice(b"\0\x2f");
    for part in chain.chunks(0x4000).chain([&b"\x0e\0\0\0"[..]]) {
        flight.extend(b"\x16\x03\x01");
        flight.extend(u16::try_from(part.len()).unwrap().to_be_bytes());
        flight.extend(part);
    }
    flight
}

fn old(flight: Vec<u8>, way: Option<Way>) -> Act {
    act(move |mut peer: Peer| async move {
        hear_record(&mut peer).await;
        peer.say(&flight).await;
        match way {
            Some(way) => hang_up(peer, way).await,
            None => drop(peer.hear_out().await),
        }
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
