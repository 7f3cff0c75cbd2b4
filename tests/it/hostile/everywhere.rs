//! Peers that are polite up to some point, and then no more: at every stage of every service.

use std::time::Duration;

use exchports::observation::Stage;

use super::sheet::{Row, Sheet};
use crate::probe::bounds::{Cut, every_cut};
use crate::probe::peer::{Act, Line, Peer, act};
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

const TURNS: [(&str, Turn, &[&str]); 24] = [
    (
        "silent",
        Turn::Silence,
        &["pass 1s", "silent 13s", "silent 5s", "silent 8s"],
    ),
    (
        "closes",
        Turn::Close,
        &["closed 0s", "closed 5s", "closed-on-hello 0s", "pass 0s"],
    ),
    (
        "resets",
        Turn::Reset,
        &["closed-on-hello 0s", "pass 0s", "reset 0s", "reset 5s"],
    ),
    (
        "garbage, then silent",
        Turn::GarbageThenSilence,
        &[
            "bytes-injected 0s",
            "cleartext 0s",
            "cleartext 8s",
            "not-the-protocol 0s",
            "pass 0s",
        ],
    ),
    (
        "garbage, then closes",
        Turn::GarbageThenClose,
        &[
            "bytes-injected 0s",
            "cleartext 0s",
            "cleartext 8s",
            "not-the-protocol 0s",
            "pass 0s",
        ],
    ),
    (
        "NUL without end",
        Turn::Without(b"\0"),
        &[
            "bytes-injected 0s",
            "cleartext 0s",
            "cleartext 8s",
            "not-the-protocol 0s",
            "pass 0s",
        ],
    ),
    (
        "0xff without end",
        Turn::Without(b"\xff"),
        &[
            "bytes-injected 0s",
            "cleartext 0s",
            "cleartext 8s",
            "not-the-protocol 0s",
            "pass 0s",
        ],
    ),
    (
        "a line without end",
        Turn::Without(b"x"),
        &[
            "bytes-injected 0s",
            "cleartext 0s",
            "cleartext 8s",
            "flood 0s",
            "not-the-protocol 0s",
            "pass 0s",
        ],
    ),
    (
        "bare LF without end",
        Turn::Without(b"\n"),
        &[
            "bytes-injected 0s",
            "cleartext 0s",
            "cleartext 8s",
            "flood 0s",
            "not-the-protocol 0s",
            "pass 0s",
        ],
    ),
    (
        "bare CR without end",
        Turn::Without(b"\r"),
        &[
            "bytes-injected 0s",
            "cleartext 0s",
            "cleartext 8s",
            "not-the-protocol 0s",
            "pass 0s",
        ],
    ),
    (
        "half an answer, then silent",
        Turn::HalfThenSilence,
        &["pass 1s", "stalled 5s", "stalled 8s"],
    ),
    (
        "half an answer, then x without end",
        Turn::HalfThen(b"x"),
        &[
            "flood 0s",
            "handshake-failed 0s",
            "not-the-protocol 0s",
            "pass 0s",
        ],
    ),
    (
        "half an answer, then LF without end",
        Turn::HalfThen(b"\n"),
        &[
            "bytes-injected 0s",
            "flood 0s",
            "handshake-failed 0s",
            "not-the-protocol 0s",
            "pass 0s",
        ],
    ),
    (
        "a byte a second",
        Turn::ByteASecond,
        &["pass 1s", "stalled 5s", "stalled 8s"],
    ),
    (
        "a byte just before each timer ends",
        Turn::ByteInTime,
        &["pass 1s", "stalled 5s", "stalled 8s"],
    ),
    (
        "every answer twice",
        Turn::Twice,
        &[
            "bytes-injected 0s",
            "bytes-injected 500ms",
            "command-rejected 1s",
            "handshake-failed 0s",
            "not-the-protocol 0s",
            "not-the-protocol 1s",
            "pass 0s",
            "silent 5s",
            "stalled 5s",
            "starttls-rejected 1s",
        ],
    ),
    (
        "the answer without end",
        Turn::WithoutEnd,
        &[
            "bytes-injected 0s",
            "command-rejected 0s",
            "flood 0s",
            "handshake-failed 0s",
            "not-the-protocol 0s",
            "pass 0s",
            "starttls-rejected 0s",
        ],
    ),
    (
        "NUL, escapes, bidi, no UTF-8 in the answer",
        Turn::Nasty,
        &[
            "bytes-injected 500ms",
            "handshake-failed 0s",
            "not-the-protocol 0s",
            "not-the-protocol 500ms",
            "pass 0s",
            "pass 1s",
            "silent 5s",
        ],
    ),
    (
        "bare LF for CR LF",
        Turn::BareLineFeeds,
        &["pass 0s", "pass 1s", "silent 5s", "stalled 5s"],
    ),
    (
        "bare CR for CR LF",
        Turn::BareReturns,
        &[
            "not-the-protocol 0s",
            "not-the-protocol 500ms",
            "pass 1s",
            "silent 5s",
            "stalled 5s",
            "stalled 8s",
        ],
    ),
    (
        "plaintext behind the answer",
        Turn::ThenPlaintext,
        &[
            "bytes-injected 0s",
            "handshake-failed 500ms",
            "not-the-protocol 0s",
            "pass 0s",
        ],
    ),
    (
        "a TLS ServerHello",
        Turn::Handshake,
        &[
            "not-the-protocol 500ms",
            "pass 1s",
            "stalled 5s",
            "tls 500ms",
            "tls 5s 500ms",
        ],
    ),
    (
        "a fatal alert",
        Turn::Alert,
        &[
            "alert 0s",
            "not-the-protocol 0s",
            "pass 1s",
            "tls 0s",
            "tls 5s",
        ],
    ),
    (
        "warnings without end",
        Turn::Warnings,
        &[
            "handshake-failed 0s",
            "not-the-protocol 0s",
            "pass 0s",
            "tls 0s",
            "tls 5s",
        ],
    ),
];

const MORE: [(&str, Turn, &[&str]); 2] = [
    (
        "SSH",
        Turn::OtherProtocol,
        &[
            "bytes-injected 0s",
            "not-the-protocol 0s",
            "not-the-protocol 8s",
            "pass 0s",
        ],
    ),
    (
        "our own words back",
        Turn::Echo,
        &["pass 1s", "silent 5s", "silent 8s"],
    ),
];

pub(super) fn try_out(sheet: &mut Sheet) {
    for (name, turn, right) in TURNS.into_iter().chain(MORE) {
        for cut in every_cut() {
            sheet.try_out(Row {
                peer: name,
                service: cut.script.service,
                acts: (0..3).map(|_| peer(&cut, turn)).collect(),
                right,
            });
        }
    }
}

fn peer(cut: &Cut, turn: Turn) -> Act {
    let steps = cut.steps.clone();
    let (answer, is_tls) = match cut.script.connections.concat().get(steps.len()) {
        Some(Step::Say(answer)) => (answer.clone(), false),
        // What begins a handshake: a ServerHello that is answered by nobody.
        _ => (SERVER_HELLO.to_vec(), true),
    };
    let in_time = match cut.stage {
        Some(Stage::Greeting) => Duration::from_millis(7900),
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
