//! How handshakes go, and what comes in their place.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use rustls::crypto::ring;
use rustls::{ServerConfig, version};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt, DuplexStream, copy, duplex, split};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

use exchports::catalog::{SERVICES, ServiceId};
use exchports::facts::{Text, TlsVersion};
use exchports::net::{Alpn, Dial, Halt, Record, SocketLimits, TcpDial, TlsAsk};
use exchports::observation::{Cause, Observation, Stage, State};
use exchports::plan::{Audit, Depth, Host, Limits, Reach, Transcripts};
use exchports::probe::{Ask, probe};

use super::{
    NAME, authority, cause, converse, facts, issued, meet, rsa, self_signed, serve, shake, trusting,
};
use TlsVersion::{Tls12, Tls13};

#[tokio::test]
async fn version_suite_group_and_protocol_are_told_by_their_iana_names() {
    let ec = self_signed(|_| ());
    let rsa = rsa("rsa-leaf");
    for (served, version, suite) in [
        (&ec, Tls13, "TLS_AES_256_GCM_SHA384"),
        (&rsa, Tls13, "TLS_AES_256_GCM_SHA384"),
        (&ec, Tls12, "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384"),
        (&rsa, Tls12, "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384"),
    ] {
        let seen = shake(served, version, &trusting(&[], NAME)).await;
        let tls = facts(&seen).0;
        assert_eq!(tls.version, Some(version));
        assert_eq!(tls.cipher_suite.as_deref(), Some(suite));
        assert_eq!(tls.group.as_deref(), Some("X25519"));
        assert_eq!(tls.alpn, None);
        assert_eq!(tls.server_name.as_deref(), Some(NAME));
        assert_eq!(tls.client_certificate, None);
    }
    // One suite, one group, one protocol.
    let mut provider = ring::default_provider();
    provider.cipher_suites = vec![ring::cipher_suite::TLS13_CHACHA20_POLY1305_SHA256];
    provider.kx_groups = vec![ring::kx_group::SECP384R1];
    let mut config = ec.config_of(provider, &[&version::TLS13]);
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    let seen = meet(&trusting(&[], NAME), Alpn::Http11, async |stream| {
        serve(config, stream).await;
    })
    .await;
    let tls = facts(&seen).0;
    assert_eq!(
        tls.cipher_suite.as_deref(),
        Some("TLS_CHACHA20_POLY1305_SHA256")
    );
    assert_eq!(tls.group.as_deref(), Some("secp384r1"));
    assert_eq!(tls.alpn.as_ref().map(Text::as_str), Some("http/1.1"));
}

#[tokio::test(start_paused = true)]
async fn what_comes_instead_of_a_handshake_is_named() {
    let alert = |number: u8| vec![0x15, 0x03, 0x03, 0x00, 0x02, 0x02, number];
    let version_1_0 = server_hello(0x01, 0x002f);
    let version_1_1 = server_hello(0x02, 0x002f);
    let cbc = server_hello(0x03, 0xc013);
    let half = server_hello(0x03, 0xc030)[..20].to_vec();
    let ten_megabytes = [
        &[0x16, 3, 3, 0x40, 0, 0x02, 0x98, 0x96, 0x80][..],
        &[0; 0x3ffc],
    ]
    .concat();
    let flood = "x".repeat(200);
    let rows: Vec<(Vec<u8>, Cause, &str)> = vec![
        (alert(40), Cause::Alert(40), "alert 40 handshake_failure"),
        (alert(70), Cause::VersionTooOld, "alert 70 protocol_version"),
        (alert(80), Cause::Alert(80), "alert 80 internal_error"),
        (alert(112), Cause::Alert(112), "alert 112 unrecognized_name"),
        (alert(255), Cause::Alert(255), "alert 255 unknown"),
        (version_1_0, Cause::VersionTooOld, ""),
        (version_1_1, Cause::VersionTooOld, ""),
        (cbc, Cause::HandshakeFailed, "*"),
        (ten_megabytes, Cause::HandshakeFailed, "*"),
        (half, Cause::Closed, ""),
        (Vec::new(), Cause::ClosedOnHello, "closed"),
        (
            b"220 mail.example.test ESMTP\r\n".to_vec(),
            Cause::Cleartext,
            "220 mail.example.test ESMTP",
        ),
        (b"220".to_vec(), Cause::Cleartext, "220"),
        (
            b"HTTP/1.1 400 Bad Request\r\nServer: nginx\r\n\r\n<html>".to_vec(),
            Cause::Cleartext,
            "HTTP/1.1 400 Bad Request",
        ),
        (
            b"SSH-2.0-OpenSSH_9.2p1\r\n".to_vec(),
            Cause::Cleartext,
            "SSH-2.0-OpenSSH_9.2p1",
        ),
        (
            b"* BYE Connection is closed. 14\r\n".to_vec(),
            Cause::NoCertificate,
            "* BYE Connection is closed. 14",
        ),
        (
            b"-ERR Connection is closed. 13\r\n".to_vec(),
            Cause::NoCertificate,
            "-ERR Connection is closed. 13",
        ),
        (vec![b'x'; 100_000], Cause::Cleartext, &flood),
    ];
    for (bytes, expected, words) in rows {
        let shown = String::from_utf8_lossy(&bytes[..bytes.len().min(40)]).into_owned();
        let seen = meet(&trusting(&[], NAME), Alpn::Silent, async |mut stream| {
            hear_hello(&mut stream).await;
            // The client may leave before it has read everything.
            let _ = stream.write_all(&bytes).await;
        })
        .await;
        let failure = seen.failure.as_ref().expect("a failure");
        assert_eq!(
            (failure.stage, failure.cause),
            (Stage::TlsHandshake, expected),
            "{shown:?}"
        );
        let detail = failure.detail.as_ref().map_or("", Text::as_str);
        if words == "*" {
            assert!(!detail.is_empty(), "{shown:?}");
        } else {
            assert_eq!(detail, words, "{shown:?}");
        }
        let tls = seen.tls.as_ref().expect("what was asked for is kept");
        assert_eq!(
            (tls.version, tls.certificate.as_ref()),
            (None, None),
            "{shown:?}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_line_in_clear_that_comes_in_pieces_is_told_whole() {
    let seen = meet(&trusting(&[], NAME), Alpn::Silent, async |mut stream| {
        for piece in ["220 ma", "il.exam", "ple.test\r", "\n"] {
            stream
                .write_all(piece.as_bytes())
                .await
                .expect("it listens");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        std::future::pending::<()>().await;
    })
    .await;
    let failure = seen.failure.expect("a failure");
    assert_eq!(failure.cause, Cause::Cleartext);
    assert_eq!(failure.detail, Some("220 mail.example.test".into()));
}

#[tokio::test(start_paused = true)]
async fn a_stall_at_any_byte_of_a_handshake_costs_its_patience() {
    let root = authority("Root", None, |_| ());
    let served = issued(&root, |_| ());
    for version in [Tls12, Tls13] {
        let mut finished = 0;
        let mut certificates = 0;
        for limit in (0..2000_u64).step_by(31).chain([1, 4, 5, 6]) {
            let config = served.config(version);
            let begun = tokio::time::Instant::now();
            let ask = trusting(&[root.der()], NAME);
            let seen = meet(&ask, Alpn::Silent, async |stream| {
                serve_up_to(limit, config, stream).await;
            })
            .await;
            let took = begun.elapsed();
            let tls = seen.tls.as_ref().expect("it was begun");
            if seen.failure.is_none() {
                finished += 1;
                assert_eq!(tls.version, Some(version));
                continue;
            }
            let expected = if limit == 0 {
                Cause::Silent
            } else {
                Cause::Stalled
            };
            assert_eq!(cause(&seen), Some(expected), "{version:?} {limit}");
            let patience = Limits::default().handshake;
            let slack = Duration::from_millis(20);
            assert!(
                (patience..patience + slack).contains(&took),
                "{version:?} {limit} {took:?}"
            );
            assert_eq!(tls.version, None, "{version:?} {limit}");
            // In clear in TLS 1.2: what was seen of it is kept.
            certificates += usize::from(tls.certificate.is_some());
        }
        assert!(
            finished > 10,
            "{version:?}: the last ones let everything through"
        );
        // In TLS 1.3 it comes in one record with the rest.
        assert_eq!(certificates > 0, version == Tls12, "{version:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_handshake_byte_by_byte_ends_with_its_patience() {
    let served = self_signed(|_| ());
    let config = served.config(Tls13);
    let begun = tokio::time::Instant::now();
    let seen = meet(&trusting(&[], NAME), Alpn::Silent, async |stream| {
        serve_slowly(Duration::from_millis(100), config, stream).await;
    })
    .await;
    assert_eq!(cause(&seen), Some(Cause::Stalled));
    assert!(begun.elapsed() < Limits::default().handshake + Duration::from_millis(20));
}

#[tokio::test]
async fn a_close_and_a_reset_after_the_hello_are_told_apart() {
    for (linger, words) in [(None, "closed"), (Some(Duration::ZERO), "reset")] {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("its address");
        let server = async {
            let (mut stream, _) = listener.accept().await.expect("a client");
            hear_hello(&mut stream).await;
            socket2::SockRef::from(&stream)
                .set_linger(linger)
                .expect("an option");
        };
        let ask = trusting(&[], NAME);
        let (seen, ()) = tokio::join!(dial_and_shake(address, ask), server);
        let failure = seen.failure.as_ref().expect("a failure");
        assert_eq!(failure.cause, Cause::ClosedOnHello, "{words}");
        let told = failure.detail.as_ref().map_or("", Text::as_str);
        // Wine tells a reset as an end.
        let same = told == words || (cfg!(windows) && told == "closed");
        assert!(same, "{words}: {failure:?}");
        assert_eq!(seen.state, Some(State::Open));
        assert_eq!(seen.address, Some(address));
    }
}

#[tokio::test]
async fn an_end_without_a_word_right_after_the_handshake_is_a_close() {
    let served = self_signed(|_| ());
    for version in [Tls12, Tls13] {
        let config = served.config(version);
        let seen = converse(
            &trusting(&[], NAME),
            async |mut session| {
                session.upgrade(Alpn::Silent).await?;
                session.enter(Stage::Application);
                session.receive::<()>(|_| Ok(None)).await
            },
            async |stream| drop(TlsAcceptor::from(Arc::new(config)).accept(stream).await),
        )
        .await;
        let failure = seen.failure.as_ref().expect("a failure");
        assert_eq!(
            (failure.stage, failure.cause),
            (Stage::Application, Cause::Closed)
        );
        let tls = seen.tls.as_ref().expect("a handshake");
        assert_eq!(tls.version, Some(version));
    }
}

#[tokio::test]
async fn plaintext_behind_the_go_ahead_never_crosses() {
    // In the same segment, in one of its own, and only after the hello.
    for gap in [
        None,
        Some(Duration::from_millis(100)),
        Some(Duration::from_millis(400)),
    ] {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("its address");
        let server = async {
            let (mut stream, _) = listener.accept().await.expect("a client");
            stream
                .write_all(b"220 mail.example.test\r\n")
                .await
                .expect("it listens");
            hear(&mut stream, b"\r\n").await;
            stream
                .write_all(b"250-mail.example.test\r\n250 STARTTLS\r\n")
                .await
                .expect("it listens");
            hear(&mut stream, b"STARTTLS\r\n").await;
            let go_ahead: &[u8] = b"220 go ahead\r\n";
            let injected: &[u8] = b"250 AUTH PLAIN\r\n";
            if let Some(gap) = gap {
                stream.write_all(go_ahead).await.expect("it listens");
                tokio::time::sleep(gap).await;
                stream.write_all(injected).await.expect("it listens");
            } else {
                let both = [go_ahead, injected].concat();
                stream.write_all(&both).await.expect("it listens");
            }
            let mut rest = Vec::new();
            // The client hangs up.
            let _ = stream.read_to_end(&mut rest).await;
        };
        let (seen, ()) = tokio::join!(probe_smtp(address), server);
        let failure = seen.failure.as_ref().expect("a failure");
        assert_eq!(failure.cause, Cause::BytesInjected, "{gap:?}");
        assert_eq!(failure.detail, Some("250 AUTH PLAIN".into()), "{gap:?}");
        assert_eq!(seen.injected_bytes, 16, "{gap:?}");
        assert!(seen.tls.is_none_or(|tls| tls.version.is_none()), "{gap:?}");
    }
}

/// A session through a real socket.
async fn dial_and_shake(address: SocketAddr, ask: Arc<TlsAsk>) -> Observation {
    let dial = dial(address, ask);
    let mut record = Record::new(Transcripts::Dropped);
    let failure = match dial.dial(&mut record).await {
        Ok(mut session) => session.upgrade(Alpn::Silent).await.err(),
        Err(failure) => Some(failure),
    };
    record.into_observation(failure, None)
}

fn dial(address: SocketAddr, ask: Arc<TlsAsk>) -> TcpDial {
    let (limits, sockets) = (Limits::default(), SocketLimits::new(4, 4));
    TcpDial::new(
        vec![address.into()],
        Reach::default(),
        limits,
        None,
        Halt::never(),
        sockets,
        ask,
    )
}

async fn probe_smtp(address: SocketAddr) -> Observation {
    let service = SERVICES
        .iter()
        .find(|service| service.id == ServiceId::Smtp)
        .expect("it is in the catalog");
    let ask = Ask {
        service,
        port: address.port(),
        host: Host::Name(NAME.to_owned()),
        ehlo_name: None,
        depth: Depth::Full,
        transcripts: Transcripts::Dropped,
        audit: Audit::No,
    };
    probe(&dial(address, trusting(&[], NAME)), &ask).await
}

/// The same, heard up to a byte and then no more.
async fn serve_up_to(limit: u64, config: ServerConfig, stream: DuplexStream) {
    let (near, far) = duplex(64 * 1024);
    let (mut from_client, mut to_client) = split(stream);
    let (from_server, mut to_server) = split(near);
    let mut from_server = from_server.take(limit);
    let relay = async {
        let _ = copy(&mut from_server, &mut to_client).await;
        std::future::pending::<()>().await;
    };
    tokio::join!(
        async { drop(copy(&mut from_client, &mut to_server).await) },
        relay,
        serve(config, far)
    );
}

/// The same, a byte at a time.
async fn serve_slowly(pause: Duration, config: ServerConfig, stream: DuplexStream) {
    let (near, far) = duplex(64 * 1024);
    let (mut from_client, mut to_client) = split(stream);
    let (mut from_server, mut to_server) = split(near);
    let relay = async {
        while let Ok(byte) = from_server.read_u8().await {
            tokio::time::sleep(pause).await;
            if to_client.write_u8(byte).await.is_err() {
                break;
            }
        }
    };
    tokio::join!(
        async { drop(copy(&mut from_client, &mut to_server).await) },
        relay,
        serve(config, far)
    );
}

async fn hear_hello(stream: &mut (impl AsyncRead + Unpin)) {
    let mut header = [0; 5];
    stream.read_exact(&mut header).await.expect("a record");
    assert_eq!(header[0], 0x16, "a handshake");
    let mut record = vec![0; usize::from(header[3]) << 8 | usize::from(header[4])];
    stream.read_exact(&mut record).await.expect("its body");
    assert_eq!(record[0], 1, "a ClientHello");
}

async fn hear(stream: &mut TcpStream, end: &[u8]) {
    let mut heard = Vec::new();
    while !heard.ends_with(end) {
        heard.push(stream.read_u8().await.expect("more"));
    }
}

/// A `ServerHello` of TLS 1.`minor - 1` with one suite (RFC 5246 §7.4.1.3).
fn server_hello(minor: u8, suite: u16) -> Vec<u8> {
    let [high, low] = suite.to_be_bytes();
    let body = [&[3, minor], [7; 32].as_slice(), &[0, high, low, 0]].concat();
    let length = |length: usize| u8::try_from(length).expect("it is short");
    let handshake = [&[2, 0, 0, length(body.len())], body.as_slice()].concat();
    [
        &[0x16, 3, minor, 0, length(handshake.len())],
        handshake.as_slice(),
    ]
    .concat()
}
