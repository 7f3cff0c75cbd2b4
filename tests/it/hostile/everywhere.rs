//! Peers that are polite up to some point, and then no more: at every stage of every service.

use std::time::Duration;

use exchports::catalog::ServiceId::{
    self, Http, Https, Imap, Imaps, Ldap, Ldaps, Pop3, Pop3s, Rdp, Smtp, Submission, Submissions,
};
use exchports::catalog::{Protocol, service};
use exchports::observation::Cause::{
    Alert, BytesInjected, Cleartext, Closed, ClosedOnHello, CommandRejected, Flood,
    HandshakeFailed, NotTheProtocol, Reset, Silent, Stalled, StarttlsRejected, Tls,
};
use exchports::observation::Stage::{
    self, Application, Capabilities, Greeting, SecureCapabilities, Starttls, TlsHandshake,
};

use super::sheet::{Ending, Row, Sheet, fails, fails_at, passes};
use crate::peer::{Act, Line, Peer, act};
use crate::probe::bounds::{Cut, every_cut};
use crate::probe::script::Step;

/// What a peer does in place of its answer, or with it.
#[derive(Clone, Copy, Debug)]
enum Turn {
    Silence,
    Close,
    Reset,
    GarbageThenSilence,
    GarbageThenClose,
    Without(&'static [u8]),
    HalfThenSilence,
    HalfThen(&'static [u8]),
    ByteASecond,
    ByteInTime,
    Twice,
    WithoutEnd,
    Nasty,
    BareLineFeeds,
    BareReturns,
    ThenPlaintext,
    Handshake,
    Alert,
    Warnings,
    OtherProtocol,
    Echo,
}

/// At which stage, of which services, and what it comes to there. The first row that fits is the one. What a peer begins in
/// one stage may show in the next one only: there `fails_at` names it. Healthy are none but those who took leave in an odd
/// way, and those whose last answer is whole whatever follows it.
type Right = &'static [(Option<Stage>, &'static [ServiceId], Ending)];

/// After the last answer.
const GOODBYE: Option<Stage> = None;

/// Of all services.
const EVERYWHERE: &[ServiceId] = &[];

const TURNS: [(&str, Turn, Right); 26] = [
    (
        "silent",
        Turn::Silence,
        &[
            // Where nobody greets, the other way is tried: TLS on a port of STARTTLS.
            (
                Some(Greeting),
                &[Submissions, Imaps, Pop3s],
                fails(Silent, 8_000),
            ),
            (Some(Greeting), EVERYWHERE, fails(Silent, 13_000)),
            (Some(Capabilities), EVERYWHERE, fails(Silent, 5_000)),
            (Some(Starttls), EVERYWHERE, fails(Silent, 5_000)),
            (Some(TlsHandshake), EVERYWHERE, fails(Silent, 5_000)),
            (Some(SecureCapabilities), EVERYWHERE, fails(Silent, 5_000)),
            (Some(Application), EVERYWHERE, fails(Silent, 5_000)),
            (GOODBYE, EVERYWHERE, passes(1_000)),
        ],
    ),
    (
        "closes",
        Turn::Close,
        &[
            // LDAP hung up on its first question: TLS is tried, and this peer waits for more of it than there is.
            (Some(Greeting), EVERYWHERE, fails(Closed, 0)),
            (Some(Capabilities), &[Ldap], fails(Closed, 5_000)),
            (Some(Capabilities), EVERYWHERE, fails(Closed, 0)),
            (Some(Starttls), EVERYWHERE, fails(Closed, 0)),
            (Some(TlsHandshake), EVERYWHERE, fails(ClosedOnHello, 0)),
            (Some(SecureCapabilities), EVERYWHERE, fails(Closed, 0)),
            (Some(Application), EVERYWHERE, fails(Closed, 0)),
            (GOODBYE, EVERYWHERE, passes(0)),
        ],
    ),
    (
        "resets",
        Turn::Reset,
        &[
            // With TLS 1.2 the last flight is the server's: a reset behind it is there before the flight has been read out.
            (
                Some(Greeting),
                &[Imaps, Pop3s],
                fails_at(TlsHandshake, Reset, 0),
            ),
            (Some(Greeting), EVERYWHERE, fails(Reset, 0)),
            (Some(Capabilities), &[Ldap], fails(Reset, 5_000)),
            (Some(Capabilities), EVERYWHERE, fails(Reset, 0)),
            (Some(Starttls), EVERYWHERE, fails(Reset, 0)),
            (Some(TlsHandshake), EVERYWHERE, fails(ClosedOnHello, 0)),
            (Some(SecureCapabilities), EVERYWHERE, fails(Reset, 0)),
            (Some(Application), EVERYWHERE, fails(Reset, 0)),
            (GOODBYE, EVERYWHERE, passes(0)),
        ],
    ),
    ("garbage, then silent", Turn::GarbageThenSilence, STRANGER),
    ("garbage, then closes", Turn::GarbageThenClose, STRANGER),
    ("NUL without end", Turn::Without(b"\0"), STRANGER),
    ("0xff without end", Turn::Without(b"\xff"), STRANGER),
    (
        "a line without end",
        Turn::Without(b"x"),
        &[
            (Some(Greeting), &[Imap, Imaps], fails(Flood, 0)),
            (Some(Greeting), EVERYWHERE, fails(NotTheProtocol, 0)),
            (Some(Capabilities), &[Imap], fails(Flood, 0)),
            (Some(Capabilities), EVERYWHERE, fails(NotTheProtocol, 0)),
            (Some(Starttls), &[Imap], fails(Flood, 0)),
            (Some(Starttls), EVERYWHERE, fails(NotTheProtocol, 0)),
            (
                Some(TlsHandshake),
                &[Https, Ldaps],
                fails(NotTheProtocol, 0),
            ),
            (
                Some(TlsHandshake),
                &[Submissions, Imaps, Pop3s],
                fails(Cleartext, 8_000),
            ),
            (Some(TlsHandshake), EVERYWHERE, fails(BytesInjected, 0)),
            (Some(SecureCapabilities), &[Imap, Imaps], fails(Flood, 0)),
            (
                Some(SecureCapabilities),
                EVERYWHERE,
                fails(NotTheProtocol, 0),
            ),
            (Some(Application), EVERYWHERE, fails(NotTheProtocol, 0)),
            (GOODBYE, EVERYWHERE, passes(0)),
        ],
    ),
    (
        "bare LF without end",
        Turn::Without(b"\n"),
        &[
            (Some(Greeting), EVERYWHERE, fails(NotTheProtocol, 0)),
            (Some(Capabilities), EVERYWHERE, fails(NotTheProtocol, 0)),
            (Some(Starttls), EVERYWHERE, fails(NotTheProtocol, 0)),
            // A server of HTTP takes blank lines, and may be one.
            (Some(TlsHandshake), &[Https], fails(Cleartext, 0)),
            (Some(TlsHandshake), &[Ldaps], fails(NotTheProtocol, 0)),
            (
                Some(TlsHandshake),
                &[Submissions, Imaps, Pop3s],
                fails(Cleartext, 8_000),
            ),
            (Some(TlsHandshake), EVERYWHERE, fails(BytesInjected, 0)),
            (
                Some(SecureCapabilities),
                EVERYWHERE,
                fails(NotTheProtocol, 0),
            ),
            (Some(Application), &[Http, Https], fails(Flood, 0)),
            (Some(Application), EVERYWHERE, fails(NotTheProtocol, 0)),
            (GOODBYE, EVERYWHERE, passes(0)),
        ],
    ),
    ("bare CR without end", Turn::Without(b"\r"), STRANGER),
    (
        "half an answer, then silent",
        Turn::HalfThenSilence,
        STALLED,
    ),
    (
        "half an answer, then x without end",
        Turn::HalfThen(b"x"),
        &[
            (Some(Greeting), EVERYWHERE, fails(Flood, 0)),
            (Some(Capabilities), &[Ldap], fails(NotTheProtocol, 0)),
            (Some(Capabilities), EVERYWHERE, fails(Flood, 0)),
            (Some(Starttls), &[Ldap, Rdp], fails(NotTheProtocol, 0)),
            (Some(Starttls), EVERYWHERE, fails(Flood, 0)),
            (Some(TlsHandshake), EVERYWHERE, fails(HandshakeFailed, 0)),
            (Some(SecureCapabilities), EVERYWHERE, fails(Flood, 0)),
            (Some(Application), &[Http, Https], fails(Flood, 0)),
            (Some(Application), EVERYWHERE, fails(NotTheProtocol, 0)),
            (GOODBYE, EVERYWHERE, passes(0)),
        ],
    ),
    (
        "half an answer, then LF without end",
        Turn::HalfThen(b"\n"),
        &[
            // A line that ends early is a line: the next one is at fault. A head of HTTP is whole after its status.
            (
                Some(Greeting),
                &[Submissions, Imaps, Pop3s],
                fails_at(SecureCapabilities, NotTheProtocol, 0),
            ),
            (
                Some(Greeting),
                EVERYWHERE,
                fails_at(Capabilities, NotTheProtocol, 0),
            ),
            (Some(Capabilities), &[Pop3], fails(Flood, 0)),
            (Some(Capabilities), EVERYWHERE, fails(NotTheProtocol, 0)),
            (Some(Starttls), &[Rdp], fails(NotTheProtocol, 0)),
            (
                Some(Starttls),
                EVERYWHERE,
                fails_at(TlsHandshake, BytesInjected, 0),
            ),
            (Some(TlsHandshake), EVERYWHERE, fails(HandshakeFailed, 0)),
            (Some(SecureCapabilities), &[Pop3, Pop3s], fails(Flood, 0)),
            (
                Some(SecureCapabilities),
                EVERYWHERE,
                fails(NotTheProtocol, 0),
            ),
            (Some(Application), &[Http, Https], passes(0)),
            (Some(Application), EVERYWHERE, fails(NotTheProtocol, 0)),
            (GOODBYE, EVERYWHERE, passes(0)),
        ],
    ),
    ("a byte a second", Turn::ByteASecond, STALLED),
    (
        "a byte just before each timer ends",
        Turn::ByteInTime,
        STALLED,
    ),
    (
        "every answer twice",
        Turn::Twice,
        &[
            // In lock-step the second answer is taken for that to the next question.
            (
                Some(Greeting),
                &[Pop3],
                fails_at(Capabilities, Stalled, 5_000),
            ),
            (
                Some(Greeting),
                &[Imap],
                fails_at(Capabilities, Silent, 5_000),
            ),
            (
                Some(Greeting),
                &[Submissions],
                fails_at(SecureCapabilities, CommandRejected, 1_000),
            ),
            (
                Some(Greeting),
                &[Imaps],
                fails_at(SecureCapabilities, Silent, 5_000),
            ),
            (
                Some(Greeting),
                &[Pop3s],
                fails_at(SecureCapabilities, Stalled, 5_000),
            ),
            (
                Some(Greeting),
                EVERYWHERE,
                fails_at(Capabilities, CommandRejected, 1_000),
            ),
            (
                Some(Capabilities),
                &[Pop3],
                fails_at(TlsHandshake, BytesInjected, 0),
            ),
            (
                Some(Capabilities),
                &[Imap],
                fails_at(Starttls, NotTheProtocol, 1_000),
            ),
            (
                Some(Capabilities),
                &[Ldap],
                fails_at(Starttls, NotTheProtocol, 0),
            ),
            (
                Some(Capabilities),
                EVERYWHERE,
                fails_at(Starttls, StarttlsRejected, 1_000),
            ),
            (
                Some(Starttls),
                &[Ldap, Rdp],
                fails_at(TlsHandshake, BytesInjected, 500),
            ),
            (
                Some(Starttls),
                EVERYWHERE,
                fails_at(TlsHandshake, BytesInjected, 0),
            ),
            (Some(TlsHandshake), EVERYWHERE, fails(HandshakeFailed, 0)),
            (Some(SecureCapabilities), EVERYWHERE, passes(0)),
            (Some(Application), EVERYWHERE, passes(0)),
            (GOODBYE, EVERYWHERE, passes(0)),
        ],
    ),
    (
        "the answer without end",
        Turn::WithoutEnd,
        &[
            (
                Some(Greeting),
                &[Submissions],
                fails_at(SecureCapabilities, CommandRejected, 0),
            ),
            (
                Some(Greeting),
                &[Smtp, Submission],
                fails_at(Capabilities, CommandRejected, 0),
            ),
            (
                Some(Greeting),
                &[Pop3, Imap],
                fails_at(Capabilities, Flood, 0),
            ),
            (
                Some(Greeting),
                EVERYWHERE,
                fails_at(SecureCapabilities, Flood, 0),
            ),
            (
                Some(Capabilities),
                &[Pop3],
                fails_at(TlsHandshake, BytesInjected, 0),
            ),
            (
                Some(Capabilities),
                &[Smtp, Submission],
                fails_at(Starttls, StarttlsRejected, 0),
            ),
            (
                Some(Capabilities),
                EVERYWHERE,
                fails_at(Starttls, NotTheProtocol, 0),
            ),
            (
                Some(Starttls),
                EVERYWHERE,
                fails_at(TlsHandshake, BytesInjected, 0),
            ),
            (Some(TlsHandshake), EVERYWHERE, fails(HandshakeFailed, 0)),
            (Some(SecureCapabilities), EVERYWHERE, passes(0)),
            (Some(Application), EVERYWHERE, passes(0)),
            (GOODBYE, EVERYWHERE, passes(0)),
        ],
    ),
    (
        "NUL, escapes, bidi, no UTF-8 in the answer",
        Turn::Nasty,
        &[
            (
                Some(Greeting),
                &[Submissions, Imaps, Pop3s],
                fails_at(SecureCapabilities, Silent, 5_000),
            ),
            (
                Some(Greeting),
                EVERYWHERE,
                fails_at(Capabilities, Silent, 5_000),
            ),
            (Some(Capabilities), &[Pop3, Ldap], fails(NotTheProtocol, 0)),
            (
                Some(Capabilities),
                EVERYWHERE,
                fails_at(Starttls, Silent, 5_000),
            ),
            (
                Some(Starttls),
                &[Ldap],
                fails_at(TlsHandshake, BytesInjected, 500),
            ),
            (Some(Starttls), &[Rdp], fails(NotTheProtocol, 500)),
            (
                Some(Starttls),
                EVERYWHERE,
                fails_at(TlsHandshake, Silent, 5_000),
            ),
            (Some(TlsHandshake), EVERYWHERE, fails(HandshakeFailed, 0)),
            (
                Some(SecureCapabilities),
                &[Pop3, Pop3s],
                fails(NotTheProtocol, 0),
            ),
            (Some(SecureCapabilities), EVERYWHERE, passes(1_000)),
            (Some(Application), EVERYWHERE, fails(NotTheProtocol, 0)),
            (GOODBYE, EVERYWHERE, passes(0)),
        ],
    ),
    (
        "bare LF for CR LF",
        Turn::BareLineFeeds,
        &[
            (
                Some(Greeting),
                &[Submissions, Imaps, Pop3s],
                fails_at(SecureCapabilities, Silent, 5_000),
            ),
            (
                Some(Greeting),
                EVERYWHERE,
                fails_at(Capabilities, Silent, 5_000),
            ),
            (
                Some(Capabilities),
                EVERYWHERE,
                fails_at(Starttls, Silent, 5_000),
            ),
            (
                Some(Starttls),
                EVERYWHERE,
                fails_at(TlsHandshake, Silent, 5_000),
            ),
            (Some(TlsHandshake), EVERYWHERE, fails(Stalled, 5_000)),
            (Some(SecureCapabilities), EVERYWHERE, passes(1_000)),
            (Some(Application), &[Http, Https], passes(0)),
            (Some(Application), EVERYWHERE, passes(1_000)),
            (GOODBYE, EVERYWHERE, passes(0)),
        ],
    ),
    (
        "bare CR for CR LF",
        Turn::BareReturns,
        &[
            (Some(Greeting), EVERYWHERE, fails(Stalled, 8_000)),
            (Some(Capabilities), &[Ldap], fails(NotTheProtocol, 0)),
            (Some(Capabilities), EVERYWHERE, fails(Stalled, 5_000)),
            (
                Some(Starttls),
                &[Rdp],
                fails_at(TlsHandshake, Silent, 5_000),
            ),
            (Some(Starttls), EVERYWHERE, fails(Stalled, 5_000)),
            (Some(TlsHandshake), EVERYWHERE, fails(Stalled, 5_000)),
            (Some(SecureCapabilities), EVERYWHERE, fails(Stalled, 5_000)),
            (
                Some(Application),
                &[Http, Https],
                fails(NotTheProtocol, 500),
            ),
            (Some(Application), EVERYWHERE, fails(NotTheProtocol, 0)),
            (GOODBYE, EVERYWHERE, passes(1_000)),
        ],
    ),
    (
        "plaintext behind the answer",
        Turn::ThenPlaintext,
        &[
            (
                Some(Greeting),
                &[Submissions, Imaps, Pop3s],
                fails_at(SecureCapabilities, NotTheProtocol, 0),
            ),
            (
                Some(Greeting),
                EVERYWHERE,
                fails_at(Capabilities, NotTheProtocol, 0),
            ),
            (
                Some(Capabilities),
                EVERYWHERE,
                fails_at(Starttls, NotTheProtocol, 0),
            ),
            (
                Some(Starttls),
                EVERYWHERE,
                fails_at(TlsHandshake, BytesInjected, 0),
            ),
            (Some(TlsHandshake), EVERYWHERE, fails(HandshakeFailed, 500)),
            (Some(SecureCapabilities), EVERYWHERE, passes(0)),
            (Some(Application), EVERYWHERE, passes(0)),
            (GOODBYE, EVERYWHERE, passes(0)),
        ],
    ),
    (
        "a TLS ServerHello",
        Turn::Handshake,
        &[
            // TLS in clear where it does not belong: the other way is tried, and in vain.
            (
                Some(Greeting),
                &[Submissions, Imaps, Pop3s],
                fails(NotTheProtocol, 500),
            ),
            (Some(Greeting), EVERYWHERE, fails(Tls, 5_500)),
            (Some(Capabilities), &[Ldap], fails(Tls, 5_500)),
            (Some(Capabilities), EVERYWHERE, fails(Tls, 500)),
            (Some(Starttls), &[Ldap], fails(Tls, 5_500)),
            (Some(Starttls), EVERYWHERE, fails(Tls, 500)),
            (Some(TlsHandshake), EVERYWHERE, fails(Stalled, 5_000)),
            (
                Some(SecureCapabilities),
                EVERYWHERE,
                fails(NotTheProtocol, 500),
            ),
            (Some(Application), &[Http], fails(Tls, 5_500)),
            (Some(Application), EVERYWHERE, fails(NotTheProtocol, 500)),
            (GOODBYE, EVERYWHERE, passes(1_000)),
        ],
    ),
    (
        "a fatal alert",
        Turn::Alert,
        &[
            (
                Some(Greeting),
                &[Submissions, Imaps, Pop3s],
                fails(NotTheProtocol, 0),
            ),
            (Some(Greeting), EVERYWHERE, fails(Tls, 0)),
            (Some(Capabilities), &[Ldap], fails(Tls, 5_000)),
            (Some(Capabilities), EVERYWHERE, fails(Tls, 0)),
            (Some(Starttls), &[Ldap], fails(Tls, 5_000)),
            (Some(Starttls), EVERYWHERE, fails(Tls, 0)),
            (Some(TlsHandshake), EVERYWHERE, fails(Alert(80), 0)),
            (
                Some(SecureCapabilities),
                EVERYWHERE,
                fails(NotTheProtocol, 0),
            ),
            (Some(Application), &[Http], fails(Tls, 0)),
            (Some(Application), EVERYWHERE, fails(NotTheProtocol, 0)),
            (GOODBYE, EVERYWHERE, passes(1_000)),
        ],
    ),
    (
        "warnings without end",
        Turn::Warnings,
        &[
            (
                Some(Greeting),
                &[Submissions, Imaps, Pop3s],
                fails(NotTheProtocol, 0),
            ),
            (Some(Greeting), EVERYWHERE, fails(Tls, 0)),
            (Some(Capabilities), &[Ldap], fails(Tls, 5_000)),
            (Some(Capabilities), EVERYWHERE, fails(Tls, 0)),
            (Some(Starttls), &[Ldap], fails(Tls, 5_000)),
            (Some(Starttls), EVERYWHERE, fails(Tls, 0)),
            (Some(TlsHandshake), EVERYWHERE, fails(HandshakeFailed, 0)),
            (
                Some(SecureCapabilities),
                EVERYWHERE,
                fails(NotTheProtocol, 0),
            ),
            (Some(Application), &[Http], fails(Tls, 0)),
            (Some(Application), EVERYWHERE, fails(NotTheProtocol, 0)),
            (GOODBYE, EVERYWHERE, passes(0)),
        ],
    ),
    (
        "SSH",
        Turn::OtherProtocol,
        &[
            (Some(Greeting), EVERYWHERE, fails(NotTheProtocol, 0)),
            (Some(Capabilities), EVERYWHERE, fails(NotTheProtocol, 0)),
            (Some(Starttls), EVERYWHERE, fails(NotTheProtocol, 0)),
            // It is known by its name: this is no port in clear.
            (
                Some(TlsHandshake),
                &[Https, Ldaps],
                fails(NotTheProtocol, 0),
            ),
            (
                Some(TlsHandshake),
                &[Submissions, Imaps, Pop3s],
                fails(NotTheProtocol, 8_000),
            ),
            (Some(TlsHandshake), EVERYWHERE, fails(BytesInjected, 0)),
            (
                Some(SecureCapabilities),
                EVERYWHERE,
                fails(NotTheProtocol, 0),
            ),
            (Some(Application), EVERYWHERE, fails(NotTheProtocol, 0)),
            (GOODBYE, EVERYWHERE, passes(0)),
        ],
    ),
    (
        "our own words back",
        Turn::Echo,
        &[
            (Some(Greeting), EVERYWHERE, fails(Silent, 8_000)),
            (Some(Capabilities), EVERYWHERE, fails(Silent, 5_000)),
            (Some(Starttls), EVERYWHERE, fails(Silent, 5_000)),
            (Some(TlsHandshake), EVERYWHERE, fails(Silent, 5_000)),
            (Some(SecureCapabilities), EVERYWHERE, fails(Silent, 5_000)),
            (Some(Application), EVERYWHERE, fails(Silent, 5_000)),
            (GOODBYE, EVERYWHERE, passes(1_000)),
        ],
    ),
];

/// What is no protocol of ours, whatever it is. A port of TLS that speaks in clear is looked at once more, in clear: where
/// we speak first that tells what it is not, where it has to it may still be the protocol in clear.
const STRANGER: Right = &[
    (Some(Greeting), EVERYWHERE, fails(NotTheProtocol, 0)),
    (Some(Capabilities), EVERYWHERE, fails(NotTheProtocol, 0)),
    (Some(Starttls), EVERYWHERE, fails(NotTheProtocol, 0)),
    (
        Some(TlsHandshake),
        &[Https, Ldaps],
        fails(NotTheProtocol, 0),
    ),
    (
        Some(TlsHandshake),
        &[Submissions, Imaps, Pop3s],
        fails(Cleartext, 8_000),
    ),
    (Some(TlsHandshake), EVERYWHERE, fails(BytesInjected, 0)),
    (
        Some(SecureCapabilities),
        EVERYWHERE,
        fails(NotTheProtocol, 0),
    ),
    (Some(Application), EVERYWHERE, fails(NotTheProtocol, 0)),
    (GOODBYE, EVERYWHERE, passes(0)),
];

/// Half an answer, and the rest not in time.
const STALLED: Right = &[
    (Some(Greeting), EVERYWHERE, fails(Stalled, 8_000)),
    (Some(Capabilities), EVERYWHERE, fails(Stalled, 5_000)),
    (Some(Starttls), EVERYWHERE, fails(Stalled, 5_000)),
    (Some(TlsHandshake), EVERYWHERE, fails(Stalled, 5_000)),
    (Some(SecureCapabilities), EVERYWHERE, fails(Stalled, 5_000)),
    (Some(Application), EVERYWHERE, fails(Stalled, 5_000)),
    (GOODBYE, EVERYWHERE, passes(1_000)),
];

/// Every turn, at every stage of the services of one protocol.
fn hold(protocol: Protocol) {
    let mut sheet = Sheet::default();
    let cuts = every_cut();
    for (name, turn, right) in TURNS {
        for cut in &cuts {
            if service(cut.script.service).protocol != protocol {
                continue;
            }
            let (_, ending) = right_of(right, cut);
            sheet.try_out(Row {
                peer: name,
                service: cut.script.service,
                acts: (0..3).map(|_| peer(cut, turn)).collect(),
                right: match cut.stage {
                    Some(stage) => ending.at(stage),
                    None => ending,
                },
            });
        }
    }
    sheet.hold();
}

#[test]
fn smtp() {
    hold(Protocol::Smtp);
}

#[test]
fn imap() {
    hold(Protocol::Imap);
}

#[test]
fn pop3() {
    hold(Protocol::Pop3);
}

#[test]
fn ldap() {
    hold(Protocol::Ldap);
}

#[test]
fn rdp() {
    hold(Protocol::Rdp);
}

#[test]
fn http() {
    hold(Protocol::Http);
}

/// A row that nobody is at holds nothing.
#[test]
fn every_row_of_the_table_is_somebody_s() {
    let cuts = every_cut();
    for (name, _, right) in TURNS {
        let used: Vec<usize> = cuts.iter().map(|cut| right_of(right, cut).0).collect();
        for (row, (stage, services, _)) in right.iter().enumerate() {
            assert!(used.contains(&row), "{name}: {stage:?} of {services:?}");
        }
    }
}

/// The first row that fits, and its number.
fn right_of(right: Right, cut: &Cut) -> (usize, Ending) {
    let fits =
        |services: &[ServiceId]| services.is_empty() || services.contains(&cut.script.service);
    let found = right
        .iter()
        .position(|(stage, services, _)| *stage == cut.stage && fits(services))
        .unwrap();
    (found, right[found].2)
}

fn peer(cut: &Cut, turn: Turn) -> Act {
    let steps = cut.steps.clone();
    let (answer, is_tls) = match cut.script.connections.concat().get(steps.len()) {
        Some(Step::Say(answer)) => (answer.clone(), false),
        // What begins a handshake: a ServerHello that is answered by nobody.
        _ => (SERVER_HELLO.to_vec(), true),
    };
    let in_time = match cut.stage {
        Some(Greeting) => Duration::from_millis(7900),
        _ => Duration::from_millis(4900),
    };
    act(move |mut peer: Peer| async move {
        for step in steps {
            match step {
                Step::Say(bytes) => drop(peer.say(&bytes).await),
                Step::Hear(expected) => drop(peer.hear(expected.len()).await),
                Step::Tls(version) => peer.secure(version).await,
                other => panic!("{other:?} is in no healthy conversation"),
            }
        }
        if is_tls {
            hear_record(&mut peer).await;
        }
        play(turn, answer, in_time, peer).await;
    })
}

async fn play(turn: Turn, answer: Vec<u8>, in_time: Duration, mut peer: Peer) {
    let half = answer.len() / 2;
    match turn {
        Turn::Silence => {}
        Turn::Close => return peer.close().await,
        Turn::Reset => return peer.reset(),
        Turn::GarbageThenSilence => drop(peer.say(GARBAGE).await),
        Turn::GarbageThenClose => {
            peer.say(GARBAGE).await;
            return peer.close().await;
        }
        Turn::Without(bytes) => flood(&mut peer, bytes).await,
        Turn::HalfThenSilence => drop(peer.say(&answer[..half]).await),
        Turn::HalfThen(bytes) => {
            peer.say(&answer[..half]).await;
            flood(&mut peer, bytes).await;
        }
        Turn::ByteASecond => drip(&mut peer, &answer, Duration::from_secs(1)).await,
        Turn::ByteInTime => drip(&mut peer, &answer, in_time).await,
        Turn::Twice => drop(peer.say(&answer.repeat(2)).await),
        Turn::WithoutEnd => flood(&mut peer, &answer).await,
        Turn::Nasty => {
            let middle = answer
                .iter()
                .position(|byte| *byte == b'\r')
                .unwrap_or(half);
            let (before, after) = answer.split_at(middle);
            peer.say(&[before, NASTY, after].concat()).await;
        }
        Turn::BareLineFeeds => drop(peer.say(&without(&answer, b'\r')).await),
        Turn::BareReturns => drop(peer.say(&without(&answer, b'\n')).await),
        Turn::ThenPlaintext => drop(peer.say(&[&answer, &b"injected\r\n"[..]].concat()).await),
        Turn::Handshake => drop(peer.say(SERVER_HELLO).await),
        Turn::Alert => drop(peer.say(b"\x15\x03\x03\0\x02\x02\x50").await),
        Turn::Warnings => flood(&mut peer, b"\x15\x03\x03\0\x02\x01\x5a").await,
        Turn::OtherProtocol => drop(peer.say(b"SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n").await),
        Turn::Echo => loop {
            let mut word = [0; 512];
            let count = peer.read(&mut word).await;
            if count == 0 || peer.say(&word[..count]).await == Line::Down {
                return;
            }
        },
    }
    peer.hear_out().await;
}

const GARBAGE: &[u8] = b"\x8f\xfe\x00\x01\x7f\x80\xc3\x28\x1b[31m\r\n\xf0\x9f\n\0\0\xff";

/// A cursor that moves, a title that changes, a line that turns round, a BOM, half of a character.
const NASTY: &[u8] =
    b"\0\x07\x1b[2J\x1b]0;x\x07\x9b31m\xe2\x80\xaeevil\xe2\x80\xac\xef\xbb\xbf\xe2\x80\xc3\r\r\x08\x7f";

/// TLS 1.2, `ECDHE_RSA_WITH_AES_256_GCM_SHA384`.
pub(super) const SERVER_HELLO: &[u8] =
    b"\x16\x03\x03\0\x2a\x02\0\0\x26\x03\x037777777777777777777777777777777\x07\0\xc0\x30\0";

async fn drip(peer: &mut Peer, bytes: &[u8], pause: Duration) {
    for byte in bytes {
        tokio::time::sleep(pause).await;
        if peer.say(&[*byte]).await == Line::Down {
            return;
        }
    }
}

async fn flood(peer: &mut Peer, bytes: &[u8]) {
    let wave = bytes.repeat(4096_usize.div_ceil(bytes.len()));
    let mut said = 0;
    while peer.say(&wave).await == Line::Up {
        said += wave.len();
        assert!(said < 100_000_000, "it was swallowed");
    }
}

fn without(bytes: &[u8], other: u8) -> Vec<u8> {
    let kept = bytes.iter().copied().filter(|byte| *byte != other);
    kept.collect()
}

/// A record of ours, if it is one.
pub(super) async fn hear_record(peer: &mut Peer) {
    if peer.hear(1).await != [0x16] {
        return;
    }
    if let [_, _, high, low] = *peer.hear(4).await {
        peer.hear(u16::from_be_bytes([high, low]).into()).await;
    }
}
