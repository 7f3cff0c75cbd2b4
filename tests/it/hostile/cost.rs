//! What a peer can make us spend by words that cost it nothing.

use std::cell::Cell;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use exchports::catalog::ServiceId;
use exchports::facts::{LegacyAnswer, TlsVersion};
use exchports::net::{Bounds, Halt, Record, Session, Stream, TlsAsk};
use exchports::observation::{Cause, Stage};
use exchports::plan::{Host, Limits, Transcripts};
use exchports::wire::http::{self, Framing};
use exchports::wire::{Decoded, Violation, imap, ldap, pop3, smtp};

use rustls::ServerConfig;
use rustls::version::TLS13;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, DuplexStream, ReadBuf, duplex};
use tokio::time::Instant;

use super::by_hand::Handshake;
use super::everywhere::SERVER_HELLO;
use crate::peer::{self, HOST, Line, Peer, act, on_a_clock_that_stands_still, roots};
use crate::probe::trial::Trial;

/// A long answer in single bytes: the decoders begin at the front each time. A look at each byte would be two thousand
/// million bytes looked at.
#[test]
fn a_long_answer_in_single_bytes_is_not_looked_at_for_each_of_them() {
    let line = |text: &str, length: usize| format!("{text}{}\r\n", "x".repeat(length)).into_bytes();
    let smtp = line("220-", 320).repeat(190);
    let http = [b"HTTP/1.1 200 OK\r\n".to_vec(), line("A: ", 640).repeat(98)].concat();
    let imap = [b"* LIST {65000}\r\n".to_vec(), vec![b'x'; 65_000]].concat();
    let pop3 = [b"+OK\r\n".to_vec(), line("x", 320).repeat(190)].concat();
    let ldap = [
        &b"\x30\x84\0\0\xff\xf0\x02\x01\x01\x64\x84\0\0\xff\xe7"[..],
        &b"\x04\0".repeat(32_000),
    ]
    .concat();
    let chunks = b"1\r\nx\r\n".repeat(10_000);
    let blank = b"\r\n".repeat(32_000);
    let page = |bytes: &[u8]| http::body(bytes, Framing::Chunked, Limits::REPLY_BYTES);
    for (name, length, looks) in [
        ("SMTP", smtp.len(), looks(&smtp, smtp::reply)),
        ("HTTP, a head", http.len(), looks(&http, http::head)),
        ("HTTP, blank lines", blank.len(), looks(&blank, http::head)),
        ("HTTP, chunks", chunks.len(), looks(&chunks, page)),
        ("IMAP", imap.len(), looks(&imap, imap::response)),
        ("POP3", pop3.len(), looks(&pop3, pop3::listing)),
        ("LDAP", ldap.len(), looks(&ldap, ldap::message)),
    ] {
        assert_few(name, length, looks);
    }
}

/// The same for what a server says in a TLS that is read by hand.
#[test]
fn a_long_flight_in_single_bytes_is_not_looked_at_for_each_of_them() {
    let certificate = [&b"\x16\x03\x03\x40\0\x0b\x03\xff\xf0"[..], &[0; 0x3ffc]].concat();
    let record = [&b"\x16\x03\x03\x40\0"[..], &[0; 0x4000]].concat();
    let flight = [SERVER_HELLO, &certificate, &record.repeat(2)].concat();
    let length = flight.len();
    let looks = on_a_clock_that_stands_still(async {
        let mut record = Record::new(Transcripts::Dropped);
        let stream = Counted::over(single_bytes(flight));
        let counted = Arc::clone(&stream.looks);
        let mut session = Session::new(stream, &mut record, bounds(), ask());
        let legacy = session.ask_in_old_tls(TlsVersion::Tls12).await.unwrap();
        assert_eq!(legacy.answer, LegacyAnswer::Agreed);
        *counted.lock().unwrap()
    });
    assert_few("TLS", length, looks);
}

/// Up to 4 KiB each byte is worth a look, which makes eight million. Whoever goes beyond this is stopped, so that the
/// test ends.
const MOST: usize = 16_000_000;

/// How often what has come is looked at, and how many bytes that are in all.
#[derive(Clone, Copy, Debug, Default)]
struct Looks {
    count: usize,
    bytes: usize,
}

impl Looks {
    fn add(&mut self, bytes: usize) {
        self.count += 1;
        self.bytes += bytes;
    }
}

fn assert_few(name: &str, length: usize, looks: Looks) {
    println!("{name}: {length} bytes one by one, {looks:?}");
    assert!(length > 45_000, "{name}: this is no long answer");
    assert!(looks.count > 4_000, "{name}: they came in heaps: {looks:?}");
    assert!(looks.count < 5_000, "{name}: {looks:?}");
    assert!(looks.bytes < MOST, "{name}: {looks:?}");
}

/// What a decoder is shown of this, byte by byte and then no more.
fn looks<T>(said: &[u8], decode: impl Fn(&[u8]) -> Decoded<T>) -> Looks {
    let said = said.to_vec();
    on_a_clock_that_stands_still(async {
        let mut record = Record::new(Transcripts::Dropped);
        let mut session = Session::new(single_bytes(said), &mut record, bounds(), ask());
        session.enter(Stage::Capabilities);
        let looks = Cell::new(Looks::default());
        let ended = session
            .receive(|bytes| {
                let mut so_far = looks.get();
                so_far.add(bytes.len());
                looks.set(so_far);
                if so_far.bytes > MOST {
                    return Err(Violation::malformed("looked at too often", 0));
                }
                decode(bytes)
            })
            .await;
        assert!(ended.is_err(), "there was an end to it");
        looks.get()
    })
}

/// Every byte is there to be read before the next one comes.
fn single_bytes(said: Vec<u8>) -> DuplexStream {
    let (ours, mut theirs) = duplex(64 * 1024);
    tokio::spawn(async move {
        for byte in said {
            if theirs.write_all(&[byte]).await.is_err() {
                return;
            }
            tokio::task::yield_now().await;
        }
        // What we say is heard, and there is no answer.
        let _ = tokio::io::copy(&mut theirs, &mut tokio::io::sink()).await;
    });
    ours
}

/// Whoever reads from it looks at all that came.
struct Counted {
    within: DuplexStream,
    came: usize,
    looks: Arc<Mutex<Looks>>,
}

impl Counted {
    fn over(within: DuplexStream) -> Self {
        Self {
            within,
            came: 0,
            looks: Arc::default(),
        }
    }
}

impl Stream for Counted {}

impl AsyncRead for Counted {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.within).poll_read(context, buffer))?;
        self.came += buffer.filled().len() - before;
        let mut looks = self.looks.lock().unwrap();
        looks.add(self.came);
        if looks.bytes > MOST {
            return Poll::Ready(Err(io::ErrorKind::QuotaExceeded.into()));
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Counted {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.within).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.within).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.within).poll_shutdown(context)
    }
}

fn bounds() -> Bounds {
    let limits = Limits::default();
    Bounds {
        limits,
        until: Instant::now() + limits.check,
        deadline: None,
        halt: Halt::never(),
    }
}

fn ask() -> Arc<TlsAsk> {
    Arc::new(TlsAsk {
        host: Host::Name(HOST.to_owned()),
        identity: None,
        roots: roots(),
    })
}

/// Records that carry no word are counted by nobody but the bound on the whole connection: tickets (RFC 8446 §4.6.1),
/// and new keys (§4.6.3), of which rustls takes 32 between two words.
#[test]
fn a_secure_session_without_words_is_a_flood() {
    for (tickets, read) in [(20_000, 80 * 1024), (0, Limits::WIRE_BYTES + 64 * 1024)] {
        let peer = act(move |mut peer: Peer| async move {
            let mut config = ServerConfig::clone(&peer::config(&TLS13));
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
