//! What we say to whom: a closed list of words, whatever the peer does; and a goodbye where somebody is left to hear
//! it.

use std::time::Duration;

use exchports::catalog::{Protocol, SERVICES, ServiceId, WEB, service, virtual_directory};
use exchports::observation::{Cause, Observation, Speaker};
use exchports::plan::Limits;

use super::script::{Script, Step, peers, play_along, script, scripts};
use super::trial::Trial;
use super::web;
use crate::peer::{Line, Peer, Pipe, act, on_a_clock_that_stands_still};

/// Panics when there is a word among these that a polite client does not say.
pub(super) fn assert_polite(protocol: Protocol, said: &[u8]) {
    if let Some(word) = first_impolite(protocol, said) {
        panic!("{protocol:?}: we said {word:?}");
    }
}

/// What follows the last word of the closed list.
fn first_impolite(protocol: Protocol, said: &[u8]) -> Option<String> {
    let words = words(protocol);
    let mut rest = said;
    while !rest.is_empty() {
        let used = match rest {
            // A record of TLS that nobody took: ClientHello or alert.
            [0x15 | 0x16, 3, _, high, low, ..] => {
                5 + usize::from(u16::from_be_bytes([*high, *low]))
            }
            [0x15 | 0x16, ..] if rest.len() < 5 => rest.len(),
            _ => match words.iter().find(|word| rest.starts_with(word)) {
                Some(word) => word.len(),
                // The peer stopped listening in the middle of a word.
                None if words.iter().any(|word| word.starts_with(rest)) => rest.len(),
                None => return Some(rest.escape_ascii().to_string()),
            },
        };
        rest = rest.get(used..).unwrap_or_default();
    }
    None
}

/// The header of the PROXY protocol with which a mute port is asked whether it waits for one.
const HEADER: &str = "PROXY UNKNOWN";

fn words(protocol: Protocol) -> Vec<Vec<u8>> {
    let lines = |lines: &[&str]| {
        lines
            .iter()
            .map(|line| format!("{line}\r\n").into())
            .collect()
    };
    match protocol {
        Protocol::Smtp => lines(&["EHLO [192.0.2.10]", "STARTTLS", "QUIT", HEADER]),
        Protocol::Imap => lines(&[
            "A1 CAPABILITY",
            "A2 STARTTLS",
            "A3 CAPABILITY",
            "A9 LOGOUT",
            HEADER,
        ]),
        Protocol::Pop3 => lines(&["CAPA", "STLS", "QUIT", HEADER]),
        Protocol::Http => ["", ":80", ":443"]
            .map(|port| {
                format!(
                    "GET / HTTP/1.1\r\nHost: mail.example.com{port}\r\nUser-Agent: exchports/{}\r\n\
                     Accept: */*\r\nConnection: close\r\n\r\n",
                    env!("CARGO_PKG_VERSION")
                )
                .into()
            })
            .into_iter()
            .chain(web::PATHS.map(|path| web::request(path).into()))
            .chain(pages().map(|path| web::request(path).into()))
            .chain(lines(&[HEADER]))
            .collect(),
        Protocol::Rdp => vec![b"\x03\0\0\x13\x0e\xe0\0\0\0\0\0\x01\0\x08\0\x0b\0\0\0".to_vec()],
        Protocol::Ldap => ldap_words(),
    }
}

/// The pages of all web services.
fn pages() -> impl Iterator<Item = &'static str> {
    WEB.iter()
        .filter_map(|service| virtual_directory(service.id))
        .flat_map(|directory| [Some(directory.path), directory.healthcheck])
        .flatten()
}

/// Two searches of the rootDSE, `StartTLS`, unbind, as the transcript has them.
fn ldap_words() -> Vec<Vec<u8>> {
    script("ldap-ad-389")
        .connections
        .concat()
        .into_iter()
        .filter_map(|step| match step {
            Step::Hear(bytes) => Some(bytes),
            _ => None,
        })
        .chain([format!("{HEADER}\r\n").into()])
        .collect()
}

#[test]
fn the_list_of_words_leaves_out_what_is_impolite() {
    for (protocol, said) in [
        (Protocol::Smtp, "AUTH LOGIN\r\n"),
        (
            Protocol::Smtp,
            "EHLO [192.0.2.10]\r\nMAIL FROM:<a@example.com>\r\n",
        ),
        (Protocol::Smtp, "STARTTLS\r\nRCPT TO:<a@example.com>\r\n"),
        (Protocol::Smtp, "EHLO mail.example.com\r\n"),
        (Protocol::Imap, "A1 LOGIN a b\r\n"),
        (Protocol::Imap, "A1 AUTHENTICATE PLAIN\r\n"),
        (Protocol::Pop3, "USER a\r\n"),
        (Protocol::Pop3, "CAPA\r\nPASS b\r\n"),
        (
            Protocol::Http,
            "GET / HTTP/1.1\r\nHost: mail.example.com\r\nAuthorization: Basic x\r\n\r\n",
        ),
        (
            Protocol::Ldap,
            "\x30\x0c\x02\x01\x01\x60\x07\x02\x01\x03\x04\0",
        ),
        (Protocol::Rdp, "\x03\0\0\x13\x0e"),
    ] {
        let polite = protocol == Protocol::Rdp;
        let found = first_impolite(protocol, said.as_bytes());
        assert_eq!(found.is_none(), polite, "{protocol:?} {said:?}");
    }
    for word in words(Protocol::Smtp) {
        assert_eq!(first_impolite(Protocol::Smtp, &word), None);
    }
    // Search, StartTLS, search, unbind (RFC 4511 §4.5.1, §4.12, §4.3), and no bind, which is 0x60.
    let operations: Vec<u8> = ldap_words()
        .iter()
        .filter(|word| !word.starts_with(b"PROXY "))
        .map(|word| match word.as_slice() {
            [0x30, 0x84, _, _, _, _, 2, 1, _, operation, ..]
            | [0x30, 0..=0x7f, 2, 1, _, operation, ..] => *operation,
            other => panic!("{}", other.escape_ascii()),
        })
        .collect();
    assert_eq!(operations, [0x63, 0x77, 0x63, 0x42]);
}

/// Peers that go through a transcript and then do something else: leave a step out, say another peer's words, hang up,
/// wait. Every trial checks each of our words; this one checks that there is an end as well.
#[test]
fn whatever_a_peer_does_we_stay_polite_and_come_to_an_end() {
    let all = scripts("");
    let says: Vec<Vec<u8>> = all
        .iter()
        .flat_map(|script| script.connections.concat())
        .filter_map(|step| match step {
            Step::Say(bytes) => Some(bytes),
            _ => None,
        })
        .collect();
    let mut dice = Dice(0x5eed);
    for service in &SERVICES {
        let own: Vec<&Script> = all
            .iter()
            .filter(|script| {
                exchports::catalog::service(script.service).protocol == service.protocol
            })
            .collect();
        for round in 0..40 {
            let peers = (0..2)
                .map(|_| {
                    let script = own[dice.below(own.len())];
                    let steps = &script.connections[dice.below(script.connections.len())];
                    let steps = altered(steps.clone(), &says, &mut dice);
                    act(move |peer| play_along(steps, peer))
                })
                .collect();
            let outcome = on_a_clock_that_stands_still(Trial::of(service.id, peers).run());
            let seen = &outcome.observation;
            assert!(
                outcome.took <= Limits::CHECK,
                "{} {round}: {seen:#?}",
                service.name
            );
            assert_ne!(cause(seen), Some(Cause::Internal), "{seen:#?}");
        }
    }
}

fn altered(mut steps: Vec<Step>, says: &[Vec<u8>], dice: &mut Dice) -> Vec<Step> {
    for _ in 0..=dice.below(2) {
        let at = dice.below(steps.len() + 1);
        match dice.below(8) {
            0 if at < steps.len() => drop(steps.remove(at)),
            1 => steps.truncate(at),
            2 => steps.insert(at, Step::Close),
            3 => steps.insert(at, Step::Reset),
            4 => steps.insert(
                at,
                Step::Wait(Duration::from_millis(700 * dice.below(12) as u64)),
            ),
            5 if at < steps.len() => {
                let step = steps[at].clone();
                steps.insert(at, step);
            }
            _ => steps.insert(at, Step::Say(says[dice.below(says.len())].clone())),
        }
    }
    steps
}

/// Chance that is the same in every run (xorshift64).
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 16).unwrap_or(usize::MAX >> 16) % limit
    }
}

#[test]
fn who_only_knocks_says_nothing() {
    for service in &SERVICES {
        let quiet = act(|mut peer: Peer| async move {
            assert_eq!(peer.hear_out().await, b"");
        });
        let trial = Trial {
            depth: exchports::plan::Depth::TcpOnly,
            ..Trial::of(service.id, vec![quiet])
        };
        let outcome = on_a_clock_that_stands_still(trial.run());
        assert_eq!(outcome.observation.failure, None);
        assert_eq!(outcome.took, Duration::ZERO);
    }
}

/// A goodbye is brief, whatever it meets, and changes nothing of what is told.
#[test]
fn a_goodbye_costs_a_second_at_the_most_and_is_not_told() {
    let second = Duration::from_secs(1);
    for (meets, took) in [
        (Farewell::Silence, second),
        (Farewell::Deafness, second),
        (Farewell::Drip, second),
        (Farewell::Flood, Duration::ZERO),
        (Farewell::Reset, Duration::ZERO),
        (Farewell::Close, Duration::ZERO),
    ] {
        for limits in [Limits::default(), scaled()] {
            let mut steps = script("pop3-exchange-110").connections.concat();
            let goodbye = steps
                .iter()
                .rposition(|step| *step == Step::Hear(b"QUIT\r\n".to_vec()))
                .expect("the transcript has one");
            steps.truncate(goodbye);
            let healthy = on_a_clock_that_stands_still(
                Trial::of(ServiceId::Pop3, peers(&script("pop3-exchange-110"))).run(),
            );
            let peer = act(move |peer| take_leave(steps, meets, peer));
            let trial = Trial {
                limits,
                pipe: Pipe {
                    up: if meets == Farewell::Deafness { 1 } else { 4096 },
                    ..Pipe::WIDE
                },
                ..Trial::of(ServiceId::Pop3, vec![peer])
            };
            let outcome = on_a_clock_that_stands_still(trial.run());
            assert_eq!((outcome.took, outcome.closed), (took, took), "{meets:?}");
            // Only what was said whole stands in the conversation.
            let is_said = |line: &exchports::observation::Line| {
                line.speaker == Speaker::Client && line.text.as_str() == "QUIT"
            };
            let is_noted = outcome.observation.transcript.iter().any(is_said);
            assert_eq!(is_noted, meets != Farewell::Deafness, "{meets:?}");
            let untold = |mut seen: Observation| {
                seen.transcript.clear();
                seen
            };
            assert_eq!(
                untold(outcome.observation),
                untold(healthy.observation),
                "{meets:?}"
            );
        }
    }
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Farewell {
    Silence,
    Deafness,
    Drip,
    Flood,
    Reset,
    Close,
}

async fn take_leave(steps: Vec<Step>, meets: Farewell, mut peer: Peer) {
    for step in steps {
        match step {
            Step::Say(bytes) => {
                peer.say(&bytes).await;
            }
            Step::Hear(expected) => assert_eq!(peer.hear(expected.len()).await, expected),
            Step::Tls(version) => peer.secure(version).await,
            other => panic!("{other:?} is no part of it"),
        }
    }
    if meets == Farewell::Deafness {
        return peer.stay_deaf().await;
    }
    assert_eq!(peer.hear(6).await, b"QUIT\r\n");
    match meets {
        Farewell::Silence | Farewell::Deafness => assert_eq!(peer.hear_out().await, b""),
        Farewell::Drip => {
            while peer.say(b"+").await == Line::Up {
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
        Farewell::Flood => while peer.say(&[b'+'; 4096]).await == Line::Up {},
        Farewell::Reset => peer.reset(),
        Farewell::Close => peer.close().await,
    }
}

fn scaled() -> Limits {
    Limits::for_check(Duration::from_secs(3), Duration::from_secs(1))
}

/// Whoever says no is told goodbye; whoever is silent, gone or somebody else is not.
#[test]
fn goodbye_is_said_to_whoever_still_talks() {
    for script in scripts("") {
        let outcome = on_a_clock_that_stands_still(Trial::of(script.service, peers(&script)).run());
        let protocol = service(script.service).protocol;
        let Some(goodbye) = goodbye(protocol) else {
            continue;
        };
        let Some(last) = outcome.connections.last() else {
            continue;
        };
        let words = &last.said;
        match cause(&outcome.observation) {
            None
            | Some(
                Cause::StarttlsNotOffered | Cause::StarttlsOverwritten | Cause::CommandRejected,
            ) => assert!(words.ends_with(goodbye), "{}: none", script.name),
            Some(
                Cause::Silent
                | Cause::Stalled
                | Cause::Closed
                | Cause::Reset
                | Cause::ClosedOnHello
                | Cause::BytesInjected
                | Cause::Alert(_),
            ) => assert!(!words.ends_with(goodbye), "{}: one", script.name),
            // The transcripts themselves say.
            Some(_) => {}
        }
    }
}

fn goodbye(protocol: Protocol) -> Option<&'static [u8]> {
    match protocol {
        Protocol::Smtp | Protocol::Pop3 => Some(b"QUIT\r\n"),
        Protocol::Imap => Some(b"A9 LOGOUT\r\n"),
        Protocol::Ldap => Some(b"\x30\x05\x02\x01\x04\x42\0"),
        Protocol::Http | Protocol::Rdp => None,
    }
}

fn cause(seen: &Observation) -> Option<Cause> {
    seen.failure.as_ref().map(|failure| failure.cause)
}
