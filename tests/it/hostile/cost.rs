//! What a peer can make us spend: time on the processor, and time at all.

use std::io::Read as _;
use std::sync::Arc;
use std::time::{Duration, Instant};

use exchports::catalog::ServiceId;
use exchports::net::{Halt, Terms, TlsAsk};
use exchports::observation::Cause;
use exchports::plan::{Host, Limits};

use rustls::ServerConfig;
use rustls::version::TLS13;

use super::by_hand::Handshake;
use crate::probe::peer::{
    Line, Peer, Pipe, Trial, Writes, act, identity, on_a_clock_that_stands_still, roots,
};

/// Work that is never at its end and always has something to do uses up every turn that the event loop gives it; the
/// clock and the interrupt are heard nevertheless.
#[test]
fn who_never_pauses_cannot_stop_the_clock() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .unwrap();
    let ended = runtime.block_on(async {
        let limits = Limits::default();
        let mut terms = Terms {
            limits,
            until: tokio::time::Instant::now() + limits.check,
            deadline: None,
            halt: Halt::never(),
            tls: Arc::new(TlsAsk {
                host: Host::Name("mail.example.com".to_owned()),
                roots: roots(),
            }),
        };
        let begun = Instant::now();
        let busy = async {
            while begun.elapsed() < Duration::from_secs(5) {
                tokio::task::consume_budget().await;
            }
        };
        terms.bounded(Duration::from_millis(50), busy).await
    });
    assert!(ended.is_err(), "the work came to its end first");
}

/// A long answer in single bytes: the decoders begin at the front each time.
#[test]
fn a_long_answer_in_single_bytes_costs_little_of_the_processor() {
    let line = |text: &str, length: usize| format!("{text}{}\r\n", "x".repeat(length)).into_bytes();
    let smtp = line("220-", 320).repeat(190);
    let http = [b"HTTP/1.1 200 OK\r\n".to_vec(), line("A: ", 640).repeat(98)].concat();
    let imap = [
        b"* OK ready\r\n* LIST {65000}\r\n".to_vec(),
        vec![b'x'; 65_000],
    ]
    .concat();
    let ldap = [
        &b"\x30\x84\0\0\xff\xf0\x02\x01\x01\x64\x84\0\0\xff\xe7"[..],
        &b"\x04\0".repeat(32_000),
    ]
    .concat();
    let blank = b"\r\n".repeat(32_000);
    for (id, said) in [
        (ServiceId::Smtp, smtp),
        (ServiceId::Http, http),
        (ServiceId::Http, blank),
        (ServiceId::Imap, imap),
        (ServiceId::Ldap, ldap),
    ] {
        let length = said.len();
        let peer = act(move |mut peer: Peer| async move {
            peer.say(&said).await;
            peer.hear_out().await;
        });
        let trial = Trial {
            pipe: Pipe {
                writes: Writes::Single,
                ..Pipe::WIDE
            },
            ..Trial::of(id, vec![peer])
        };
        let begun = on_the_processor();
        let outcome = on_a_clock_that_stands_still(trial.run());
        let spent = on_the_processor().saturating_sub(begun);
        println!("{id:?}: {length} bytes one by one, {spent:?} of the processor");
        assert!(outcome.took <= Limits::CHECK);
        // Some of it is the peer's own.
        assert!(spent < Duration::from_secs(2), "{id:?}: {spent:?}");
    }
}

/// Records that carry no word are counted by nobody but the bound on the whole connection: tickets (RFC 8446 §4.6.1),
/// and new keys (§4.6.3), of which rustls takes 32 between two words.
#[test]
fn a_secure_session_without_words_is_a_flood() {
    for (tickets, read) in [(20_000, 80 * 1024), (0, Limits::WIRE_BYTES + 64 * 1024)] {
        let peer = act(move |mut peer: Peer| async move {
            let mut config = ServerConfig::clone(&identity().config(&TLS13));
            config.send_tls13_tickets = tickets;
            let mut handshake = Handshake::begin(config);
            handshake.shake(&mut peer, |bytes| bytes).await;
            handshake.say(&mut peer, b"* OK ").await;
            'flood: while handshake.say(&mut peer, b"x").await == Line::Up {
                for _ in 0..31 {
                    if handshake.update_keys(&mut peer).await == Line::Down {
                        break 'flood;
                    }
                }
            }
        });
        let outcome = on_a_clock_that_stands_still(Trial::of(ServiceId::Imaps, vec![peer]).run());
        let failure = outcome.observation.failure.unwrap();
        assert_eq!(failure.cause, Cause::Flood, "{tickets} tickets");
        assert!(outcome.connections[0].read <= read, "{tickets} tickets");
        assert_eq!(outcome.took, Duration::ZERO);
    }
}

/// What this thread has spent so far; nothing where the system does not tell.
fn on_the_processor() -> Duration {
    let mut text = String::new();
    let read = std::fs::File::open("/proc/thread-self/schedstat")
        .and_then(|mut file| file.read_to_string(&mut text));
    let nanoseconds = read
        .ok()
        .and_then(|_| text.split_whitespace().next()?.parse().ok());
    Duration::from_nanos(nanoseconds.unwrap_or(0))
}
