//! Peers that are polite up to some point, and then no more: at every stage of every service.

use std::time::Duration;

use exchports::catalog::service;
use exchports::observation::Stage;

use super::sheet::{Row, Sheet, at};
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

/// Where, and what it comes to there: `greeting of smtp imap`, `silent 8s`. The first row that fits is the one; where no
/// services are named they are all meant. What a peer begins in one stage may show in the next one only (`capabilities:
/// silent 5s`): there the stage is named. Healthy are none but those who took leave in an odd way, and those whose last
/// answer is whole whatever follows it.
type Right = &'static [(&'static str, &'static str)];

const TURNS: [(&str, Turn, Right); 26] = [
    (
        "silent",
        Turn::Silence,
        &[
            // Where nobody greets, the other way is tried: TLS on a port of STARTTLS.
            ("greeting of submissions imaps pop3s", "silent 8s"),
            ("greeting", "silent 13s"),
            ("capabilities", "silent 5s"),
            ("starttls", "silent 5s"),
            ("tls-handshake", "silent 5s"),
            ("secure-capabilities", "silent 5s"),
            ("application", "silent 5s"),
            ("goodbye", "pass 1s"),
        ],
    ),
    (
        "closes",
        Turn::Close,
        &[
            // LDAP hung up on its first question: TLS is tried, and this peer waits for more of it than there is.
            ("greeting", "closed 0s"),
            ("capabilities of ldap", "closed 5s"),
            ("capabilities", "closed 0s"),
            ("starttls", "closed 0s"),
            ("tls-handshake", "closed-on-hello 0s"),
            ("secure-capabilities", "closed 0s"),
            ("application", "closed 0s"),
            ("goodbye", "pass 0s"),
        ],
    ),
    (
        "resets",
        Turn::Reset,
        &[
            // With TLS 1.2 the last flight is the server's: a reset behind it is there before the flight has been read out.
            ("greeting of imaps pop3s", "tls-handshake: reset 0s"),
            ("greeting", "reset 0s"),
            ("capabilities of ldap", "reset 5s"),
            ("capabilities", "reset 0s"),
            ("starttls", "reset 0s"),
            ("tls-handshake", "closed-on-hello 0s"),
            ("secure-capabilities", "reset 0s"),
            ("application", "reset 0s"),
            ("goodbye", "pass 0s"),
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
            ("greeting of imap imaps", "flood 0s"),
            ("greeting", "not-the-protocol 0s"),
            ("capabilities of imap", "flood 0s"),
            ("capabilities", "not-the-protocol 0s"),
            ("starttls of imap", "flood 0s"),
            ("starttls", "not-the-protocol 0s"),
            ("tls-handshake of https ldaps", "not-the-protocol 0s"),
            ("tls-handshake of submissions imaps pop3s", "cleartext 8s"),
            ("tls-handshake", "bytes-injected 0s"),
            ("secure-capabilities of imap imaps", "flood 0s"),
            ("secure-capabilities", "not-the-protocol 0s"),
            ("application", "not-the-protocol 0s"),
            ("goodbye", "pass 0s"),
        ],
    ),
    (
        "bare LF without end",
        Turn::Without(b"\n"),
        &[
            ("greeting", "not-the-protocol 0s"),
            ("capabilities", "not-the-protocol 0s"),
            ("starttls", "not-the-protocol 0s"),
            // A server of HTTP takes blank lines, and may be one.
            ("tls-handshake of https", "cleartext 0s"),
            ("tls-handshake of ldaps", "not-the-protocol 0s"),
            ("tls-handshake of submissions imaps pop3s", "cleartext 8s"),
            ("tls-handshake", "bytes-injected 0s"),
            ("secure-capabilities", "not-the-protocol 0s"),
            ("application of http https", "flood 0s"),
            ("application", "not-the-protocol 0s"),
            ("goodbye", "pass 0s"),
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
            ("greeting", "flood 0s"),
            ("capabilities of ldap", "not-the-protocol 0s"),
            ("capabilities", "flood 0s"),
            ("starttls of ldap rdp", "not-the-protocol 0s"),
            ("starttls", "flood 0s"),
            ("tls-handshake", "handshake-failed 0s"),
            ("secure-capabilities", "flood 0s"),
            ("application of http https", "flood 0s"),
            ("application", "not-the-protocol 0s"),
            ("goodbye", "pass 0s"),
        ],
    ),
    (
        "half an answer, then LF without end",
        Turn::HalfThen(b"\n"),
        &[
            // A line that ends early is a line: the next one is at fault. A head of HTTP is whole after its status.
            (
                "greeting of submissions imaps pop3s",
                "secure-capabilities: not-the-protocol 0s",
            ),
            ("greeting", "capabilities: not-the-protocol 0s"),
            ("capabilities of pop3", "flood 0s"),
            ("capabilities", "not-the-protocol 0s"),
            ("starttls of rdp", "not-the-protocol 0s"),
            ("starttls", "tls-handshake: bytes-injected 0s"),
            ("tls-handshake", "handshake-failed 0s"),
            ("secure-capabilities of pop3 pop3s", "flood 0s"),
            ("secure-capabilities", "not-the-protocol 0s"),
            ("application of http https", "pass 0s"),
            ("application", "not-the-protocol 0s"),
            ("goodbye", "pass 0s"),
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
            ("greeting of pop3", "capabilities: stalled 5s"),
            ("greeting of imap", "capabilities: silent 5s"),
            (
                "greeting of submissions",
                "secure-capabilities: command-rejected 1s",
            ),
            ("greeting of imaps", "secure-capabilities: silent 5s"),
            ("greeting of pop3s", "secure-capabilities: stalled 5s"),
            ("greeting", "capabilities: command-rejected 1s"),
            ("capabilities of pop3", "tls-handshake: bytes-injected 0s"),
            ("capabilities of imap", "starttls: not-the-protocol 1s"),
            ("capabilities of ldap", "starttls: not-the-protocol 0s"),
            ("capabilities", "starttls: starttls-rejected 1s"),
            (
                "starttls of ldap rdp",
                "tls-handshake: bytes-injected 500ms",
            ),
            ("starttls", "tls-handshake: bytes-injected 0s"),
            ("tls-handshake", "handshake-failed 0s"),
            ("secure-capabilities", "pass 0s"),
            ("application", "pass 0s"),
            ("goodbye", "pass 0s"),
        ],
    ),
    (
        "the answer without end",
        Turn::WithoutEnd,
        &[
            (
                "greeting of submissions",
                "secure-capabilities: command-rejected 0s",
            ),
            (
                "greeting of smtp submission",
                "capabilities: command-rejected 0s",
            ),
            ("greeting of pop3 imap", "capabilities: flood 0s"),
            ("greeting", "secure-capabilities: flood 0s"),
            ("capabilities of pop3", "tls-handshake: bytes-injected 0s"),
            (
                "capabilities of smtp submission",
                "starttls: starttls-rejected 0s",
            ),
            ("capabilities", "starttls: not-the-protocol 0s"),
            ("starttls", "tls-handshake: bytes-injected 0s"),
            ("tls-handshake", "handshake-failed 0s"),
            ("secure-capabilities", "pass 0s"),
            ("application", "pass 0s"),
            ("goodbye", "pass 0s"),
        ],
    ),
    (
        "NUL, escapes, bidi, no UTF-8 in the answer",
        Turn::Nasty,
        &[
            (
                "greeting of submissions imaps pop3s",
                "secure-capabilities: silent 5s",
            ),
            ("greeting", "capabilities: silent 5s"),
            ("capabilities of pop3 ldap", "not-the-protocol 0s"),
            ("capabilities", "starttls: silent 5s"),
            ("starttls of ldap", "tls-handshake: bytes-injected 500ms"),
            ("starttls of rdp", "not-the-protocol 500ms"),
            ("starttls", "tls-handshake: silent 5s"),
            ("tls-handshake", "handshake-failed 0s"),
            ("secure-capabilities of pop3 pop3s", "not-the-protocol 0s"),
            ("secure-capabilities", "pass 1s"),
            ("application", "not-the-protocol 0s"),
            ("goodbye", "pass 0s"),
        ],
    ),
    (
        "bare LF for CR LF",
        Turn::BareLineFeeds,
        &[
            (
                "greeting of submissions imaps pop3s",
                "secure-capabilities: silent 5s",
            ),
            ("greeting", "capabilities: silent 5s"),
            ("capabilities", "starttls: silent 5s"),
            ("starttls", "tls-handshake: silent 5s"),
            ("tls-handshake", "stalled 5s"),
            ("secure-capabilities", "pass 1s"),
            ("application of http https", "pass 0s"),
            ("application", "pass 1s"),
            ("goodbye", "pass 0s"),
        ],
    ),
    (
        "bare CR for CR LF",
        Turn::BareReturns,
        &[
            ("greeting", "stalled 8s"),
            ("capabilities of ldap", "not-the-protocol 0s"),
            ("capabilities", "stalled 5s"),
            ("starttls of rdp", "tls-handshake: silent 5s"),
            ("starttls", "stalled 5s"),
            ("tls-handshake", "stalled 5s"),
            ("secure-capabilities", "stalled 5s"),
            ("application of http https", "not-the-protocol 500ms"),
            ("application", "not-the-protocol 0s"),
            ("goodbye", "pass 1s"),
        ],
    ),
    (
        "plaintext behind the answer",
        Turn::ThenPlaintext,
        &[
            (
                "greeting of submissions imaps pop3s",
                "secure-capabilities: not-the-protocol 0s",
            ),
            ("greeting", "capabilities: not-the-protocol 0s"),
            ("capabilities", "starttls: not-the-protocol 0s"),
            ("starttls", "tls-handshake: bytes-injected 0s"),
            ("tls-handshake", "handshake-failed 500ms"),
            ("secure-capabilities", "pass 0s"),
            ("application", "pass 0s"),
            ("goodbye", "pass 0s"),
        ],
    ),
    (
        "a TLS ServerHello",
        Turn::Handshake,
        &[
            // TLS in clear where it does not belong: the other way is tried, and in vain.
            (
                "greeting of submissions imaps pop3s",
                "not-the-protocol 500ms",
            ),
            ("greeting", "tls 5s 500ms"),
            ("capabilities of ldap", "tls 5s 500ms"),
            ("capabilities", "tls 500ms"),
            ("starttls of ldap", "tls 5s 500ms"),
            ("starttls", "tls 500ms"),
            ("tls-handshake", "stalled 5s"),
            ("secure-capabilities", "not-the-protocol 500ms"),
            ("application of http", "tls 5s 500ms"),
            ("application", "not-the-protocol 500ms"),
            ("goodbye", "pass 1s"),
        ],
    ),
    (
        "a fatal alert",
        Turn::Alert,
        &[
            ("greeting of submissions imaps pop3s", "not-the-protocol 0s"),
            ("greeting", "tls 0s"),
            ("capabilities of ldap", "tls 5s"),
            ("capabilities", "tls 0s"),
            ("starttls of ldap", "tls 5s"),
            ("starttls", "tls 0s"),
            ("tls-handshake", "alert-80 0s"),
            ("secure-capabilities", "not-the-protocol 0s"),
            ("application of http", "tls 0s"),
            ("application", "not-the-protocol 0s"),
            ("goodbye", "pass 1s"),
        ],
    ),
    (
        "warnings without end",
        Turn::Warnings,
        &[
            ("greeting of submissions imaps pop3s", "not-the-protocol 0s"),
            ("greeting", "tls 0s"),
            ("capabilities of ldap", "tls 5s"),
            ("capabilities", "tls 0s"),
            ("starttls of ldap", "tls 5s"),
            ("starttls", "tls 0s"),
            ("tls-handshake", "handshake-failed 0s"),
            ("secure-capabilities", "not-the-protocol 0s"),
            ("application of http", "tls 0s"),
            ("application", "not-the-protocol 0s"),
            ("goodbye", "pass 0s"),
        ],
    ),
    (
        "SSH",
        Turn::OtherProtocol,
        &[
            ("greeting", "not-the-protocol 0s"),
            ("capabilities", "not-the-protocol 0s"),
            ("starttls", "not-the-protocol 0s"),
            // It is known by its name: this is no port in clear.
            ("tls-handshake of https ldaps", "not-the-protocol 0s"),
            (
                "tls-handshake of submissions imaps pop3s",
                "not-the-protocol 8s",
            ),
            ("tls-handshake", "bytes-injected 0s"),
            ("secure-capabilities", "not-the-protocol 0s"),
            ("application", "not-the-protocol 0s"),
            ("goodbye", "pass 0s"),
        ],
    ),
    (
        "our own words back",
        Turn::Echo,
        &[
            ("greeting", "silent 8s"),
            ("capabilities", "silent 5s"),
            ("starttls", "silent 5s"),
            ("tls-handshake", "silent 5s"),
            ("secure-capabilities", "silent 5s"),
            ("application", "silent 5s"),
            ("goodbye", "pass 1s"),
        ],
    ),
];

/// What is no protocol of ours, whatever it is. A port of TLS that speaks in clear is looked at once more, in clear: where
/// we speak first that tells what it is not, where it has to it may still be the protocol in clear.
const STRANGER: Right = &[
    ("greeting", "not-the-protocol 0s"),
    ("capabilities", "not-the-protocol 0s"),
    ("starttls", "not-the-protocol 0s"),
    ("tls-handshake of https ldaps", "not-the-protocol 0s"),
    ("tls-handshake of submissions imaps pop3s", "cleartext 8s"),
    ("tls-handshake", "bytes-injected 0s"),
    ("secure-capabilities", "not-the-protocol 0s"),
    ("application", "not-the-protocol 0s"),
    ("goodbye", "pass 0s"),
];

/// Half an answer, and the rest not in time.
const STALLED: Right = &[
    ("greeting", "stalled 8s"),
    ("capabilities", "stalled 5s"),
    ("starttls", "stalled 5s"),
    ("tls-handshake", "stalled 5s"),
    ("secure-capabilities", "stalled 5s"),
    ("application", "stalled 5s"),
    ("goodbye", "pass 1s"),
];

pub(super) fn try_out(sheet: &mut Sheet) {
    for (name, turn, right) in TURNS {
        let mut unused: Vec<&str> = right.iter().map(|(place, _)| *place).collect();
        for cut in every_cut() {
            let stage = cut.stage.map_or("goodbye", Stage::as_str);
            let place = |place: &str| is_there(place, stage, service(cut.script.service).name);
            let (fits, what) = right.iter().find(|(named, _)| place(named)).unwrap();
            unused.retain(|named| named != fits);
            sheet.try_out(Row {
                peer: name,
                service: cut.script.service,
                acts: (0..3).map(|_| peer(&cut, turn)).collect(),
                right: at(stage, what),
            });
        }
        assert!(unused.is_empty(), "{name}: nobody is at {unused:?}");
    }
}

/// Whether a place names this stage of this service.
fn is_there(place: &str, stage: &str, service: &str) -> bool {
    match place.split_once(" of ") {
        Some((named, services)) => {
            named == stage && services.split(' ').any(|name| name == service)
        }
        None => place == stage,
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
