//! A proxy on the way, scripted: exactly its answer is read, and whatever it does ends in time.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use exchports::net::{Dial, Halt, Record, Roots, SocketLimits, TcpDial, TlsAsk, Via};
use exchports::observation::{Cause, Observation, Stage, State};
use exchports::plan::{
    Credentials, Endpoint, Host, Limits, Proxy, ProxyScheme, Reach, Stores, Transcripts, Trust,
};
use exchports::wire::smtp;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// How long a proxy may take here.
const PATIENCE: Duration = Duration::from_millis(700);

/// What a loaded machine may add.
const SLACK: Duration = Duration::from_secs(3);

const GREETING: &[u8] = b"220 mail.example.com ESMTP\r\n";

#[tokio::test]
async fn the_first_word_of_the_server_is_not_lost() {
    let granted = b"HTTP/1.1 200 Connection established\r\nVia: 1.1 gw\r\n\r\n";
    let socks = b"\x05\x00\x00\x01\x7f\x00\x00\x01\x00\x19";
    for (scheme, answers) in [
        (ProxyScheme::Http, vec![[&granted[..], GREETING].concat()]),
        (
            ProxyScheme::Socks5h,
            vec![b"\x05\x00".to_vec(), [&socks[..], GREETING].concat()],
        ),
    ] {
        for by in [usize::MAX, 1, 7] {
            let (at, heard) = scripted(answers.clone(), by).await;
            let (seen, greeting) = dial(&through(scheme, at), &name()).await;
            assert_eq!(seen.failure, None, "{scheme:?}, {by} at a time");
            assert_eq!((seen.state, seen.address), (Some(State::Open), None));
            assert_eq!(greeting.as_deref(), Some(GREETING));
            let stages: Vec<Stage> = seen.steps.iter().map(|step| step.stage).collect();
            assert_eq!(stages, [Stage::Connect, Stage::Proxy, Stage::Greeting]);
            let asked = heard.await.expect("it was asked");
            let asked = asked.concat();
            match scheme {
                ProxyScheme::Http => assert!(asked.starts_with(
                    b"CONNECT mail.example.com:25 HTTP/1.1\r\nHost: mail.example.com:25\r\n"
                )),
                _ => assert_eq!(
                    asked,
                    b"\x05\x01\x00\x05\x01\x00\x03\x10mail.example.com\x00\x19"
                ),
            }
        }
    }
}

#[tokio::test]
async fn what_it_says_is_told_at_its_stage() {
    let head = |head: &str| vec![format!("HTTP/1.1 {head}\r\n\r\n").into_bytes()];
    let socks = |reply: &[u8]| vec![b"\x05\x00".to_vec(), reply.to_vec()];
    for (scheme, answers, state, cause) in [
        (
            ProxyScheme::Socks5h,
            socks(b"\x05\x05\x00\x01\x00\x00\x00\x00\x00\x00"),
            Some(State::Closed),
            Cause::Refused,
        ),
        (
            ProxyScheme::Socks5h,
            socks(b"\x05\x02"),
            None,
            Cause::ProxyForbids,
        ),
        (
            ProxyScheme::Socks5h,
            socks(b"\x05\x04"),
            None,
            Cause::ProxyCouldNotTell,
        ),
        (
            ProxyScheme::Socks5,
            vec![b"\x05\xff".to_vec()],
            None,
            Cause::ProxySignInRequired,
        ),
        (
            ProxyScheme::Http,
            head("502 Bad Gateway\r\nProxy-Status: gw; error=connection_refused"),
            Some(State::Closed),
            Cause::Refused,
        ),
        (
            ProxyScheme::Http,
            head("504 Gateway Timeout"),
            None,
            Cause::ProxyCouldNotTell,
        ),
        (
            ProxyScheme::Http,
            head("403 Forbidden"),
            None,
            Cause::ProxyForbids,
        ),
        (
            ProxyScheme::Http,
            head("407 Proxy Authentication Required"),
            None,
            Cause::ProxySignInRequired,
        ),
        // It is no such proxy.
        (
            ProxyScheme::Socks5,
            head("400 Bad Request"),
            None,
            Cause::ProxyNotUnderstood,
        ),
        (
            ProxyScheme::Http,
            vec![b"220 mail.example.com ESMTP\r\n".to_vec()],
            None,
            Cause::ProxyNotUnderstood,
        ),
        (
            ProxyScheme::Http,
            vec![Vec::new()],
            None,
            Cause::ProxyNotUnderstood,
        ),
        (
            ProxyScheme::Socks5,
            vec![Vec::new()],
            None,
            Cause::ProxyNotUnderstood,
        ),
    ] {
        let (at, _heard) = scripted(answers.clone(), usize::MAX).await;
        let (seen, _) = dial(&through(scheme, at), &name()).await;
        let failure = seen.failure.as_ref().expect("a failure");
        assert_eq!(
            (failure.stage, failure.cause, seen.state),
            (Stage::Proxy, cause, state),
            "{scheme:?} {answers:?}"
        );
        let proxy = seen.proxy.expect("it is named");
        assert_eq!(proxy.as_str(), format!("{}://{at}", scheme.as_str()));
    }
}

#[tokio::test]
async fn a_proxy_that_says_nothing_or_too_much_costs_its_patience() {
    // The answer to CONNECT comes when the server has answered, that to the choice of a method at once.
    for (scheme, cause, state) in [
        (ProxyScheme::Http, Cause::Filtered, Some(State::Filtered)),
        (ProxyScheme::Socks5h, Cause::ProxyNotUnderstood, None),
    ] {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let at = listener.local_addr().expect("its address");
        let holding = tokio::spawn(async move {
            let (held, _) = listener.accept().await.expect("a client");
            tokio::time::sleep(SLACK * 10).await;
            drop(held);
        });
        let begun = Instant::now();
        let (seen, _) = dial(&through(scheme, at), &name()).await;
        let failure = seen.failure.expect("a failure");
        assert_eq!(
            (failure.stage, failure.cause, seen.state),
            (Stage::Proxy, cause, state)
        );
        assert!(begun.elapsed() < PATIENCE + SLACK);
        holding.abort();
    }
    let endless = [
        &b"HTTP/1.1 200 OK\r\n"[..],
        &b"X-A: b\r\n".repeat(64 * 1024),
    ]
    .concat();
    let (at, _heard) = scripted(vec![endless], usize::MAX).await;
    let begun = Instant::now();
    let (seen, _) = dial(&through(ProxyScheme::Http, at), &name()).await;
    let cause = seen.failure.map(|failure| failure.cause);
    assert_eq!(cause, Some(Cause::ProxyNotUnderstood));
    assert!(begun.elapsed() < PATIENCE + SLACK);
}

#[tokio::test]
async fn a_proxy_that_is_not_there_says_nothing_of_the_server() {
    let at = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        listener.local_addr().expect("its address")
    };
    let (seen, _) = dial(&through(ProxyScheme::Socks5, at), &name()).await;
    let failure = seen.failure.expect("a failure");
    assert_eq!(
        (failure.stage, failure.cause, seen.state),
        (Stage::Proxy, Cause::ProxyUnreachable, None)
    );
    let nowhere = Proxy {
        host: Host::Name("no-such-proxy.invalid".to_owned()),
        ..through(ProxyScheme::Http, at)
    };
    let (seen, _) = dial(&nowhere, &name()).await;
    let failure = seen.failure.expect("a failure");
    assert_eq!(failure.stage, Stage::Proxy);
    assert!(
        matches!(failure.cause, Cause::ProxyUnreachable | Cause::NoNetwork),
        "{failure:?}"
    );
}

#[tokio::test]
async fn user_and_password_go_to_the_proxy_and_into_no_record() {
    let credentials = Some(Credentials {
        user: "me".to_owned(),
        password: "hush!".to_owned(),
    });
    for (scheme, answers, sent) in [
        (
            ProxyScheme::Socks5h,
            vec![b"\x05\x02".to_vec(), b"\x01\x01".to_vec()],
            &b"\x05\x02\x00\x02\x01\x02me\x05hush!"[..],
        ),
        (
            ProxyScheme::Http,
            vec![b"HTTP/1.1 407 No\r\nProxy-Authenticate: Basic\r\n\r\n".to_vec()],
            b"Proxy-Authorization: Basic bWU6aHVzaCE=\r\n",
        ),
    ] {
        let (at, heard) = scripted(answers, usize::MAX).await;
        let proxy = Proxy {
            credentials: credentials.clone(),
            ..through(scheme, at)
        };
        let (seen, _) = dial(&proxy, &name()).await;
        let cause = seen.failure.as_ref().map(|failure| failure.cause);
        assert_eq!(cause, Some(Cause::ProxySignInRefused));
        let asked = heard.await.expect("it was asked").concat();
        assert!(
            asked.windows(sent.len()).any(|window| window == sent),
            "{asked:?}"
        );
        assert!(!seen.transcript.is_empty());
        let told = format!("{seen:?}");
        assert!(!told.contains("hush") && !told.contains("bWU6"), "{told}");
    }
}

/// The proxy reaches the second address and not the first: that is the server's matter, as without a proxy.
#[tokio::test]
async fn a_race_goes_on_until_a_server_is_reached() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let at = listener.local_addr().expect("its address");
    tokio::spawn(async move {
        while let Ok((mut client, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut asked = [0; 3 + 10];
                let _ = client.read_exact(&mut asked[..3]).await;
                let _ = client.write_all(b"\x05\x00").await;
                let _ = client.read_exact(&mut asked[3..]).await;
                let is_second = asked[3 + 7] == 2;
                let answer: &[u8] = if is_second {
                    b"\x05\x00\x00\x01\x7f\x00\x00\x01\x00\x19220 second\r\n"
                } else {
                    b"\x05\x05\x00\x01\x00\x00\x00\x00\x00\x00"
                };
                let _ = client.write_all(answer).await;
                let _ = client.read(&mut asked).await;
            });
        }
    });
    let addresses = [[192, 0, 2, 1], [192, 0, 2, 2]].map(|ip| SocketAddr::from((ip, 25)));
    let endpoints = addresses.map(Endpoint::from);
    let (seen, greeting) = dial(&through(ProxyScheme::Socks5, at), &endpoints).await;
    assert_eq!(seen.failure, None);
    assert_eq!(seen.address, Some(addresses[1]));
    assert_eq!(greeting.as_deref(), Some(&b"220 second\r\n"[..]));
    let attempts: Vec<_> = seen
        .attempts
        .iter()
        .map(|attempt| (attempt.address, attempt.state))
        .collect();
    assert_eq!(
        attempts,
        [
            (addresses[0], Some(State::Closed)),
            (addresses[1], Some(State::Open))
        ]
    );
}

fn through(scheme: ProxyScheme, at: SocketAddr) -> Proxy {
    Proxy {
        scheme,
        host: Host::Address(at.ip()),
        port: at.port(),
        credentials: None,
        except: Vec::new(),
    }
}

fn name() -> [Endpoint; 1] {
    [Endpoint::Name("mail.example.com".to_owned(), 25)]
}

/// Dials once and reads a greeting, where it gets so far.
async fn dial(proxy: &Proxy, endpoints: &[Endpoint]) -> (Observation, Option<Vec<u8>>) {
    let trust = Trust {
        stores: Stores::Public,
        ..Trust::default()
    };
    let tls = TlsAsk {
        host: Host::Name("mail.example.com".to_owned()),
        identity: None,
        roots: Arc::new(Roots::new(&trust).expect("no files to read")),
    };
    let limits = Limits {
        reply: PATIENCE,
        ..Limits::for_check(Limits::CHECK, PATIENCE)
    };
    let dial = TcpDial::new(
        endpoints.to_vec(),
        Reach::default(),
        limits,
        None,
        Halt::never(),
        SocketLimits::new(16, 16),
        Arc::new(tls),
    )
    .via(Some(Arc::new(Via::new(Arc::new(proxy.clone())))));
    let mut record = Record::new(Transcripts::Kept);
    let mut greeting = None;
    let dialled = tokio::time::timeout(10 * SLACK, dial.dial(&mut record)).await;
    let failure = match dialled.expect("it ends") {
        Ok(mut session) => {
            session.enter(Stage::Greeting);
            let reply = session.receive(smtp::reply).await;
            greeting = reply.ok().map(|reply| {
                let code = reply.code.to_string().into_bytes();
                [&code[..], b" ", &reply.text(), b"\r\n"].concat()
            });
            None
        }
        Err(failure) => Some(failure),
    };
    (record.into_observation(failure, None), greeting)
}

/// A proxy that reads once before each of its answers, sends them so many bytes at a time, and then waits; one whose
/// answer is empty hangs up. What it read comes back.
async fn scripted(
    answers: Vec<Vec<u8>>,
    by: usize,
) -> (SocketAddr, tokio::task::JoinHandle<Vec<Vec<u8>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let at = listener.local_addr().expect("its address");
    let heard = tokio::spawn(async move {
        let (mut client, _) = listener.accept().await.expect("a client");
        client.set_nodelay(true).expect("it can be set");
        let mut heard = Vec::new();
        for answer in answers {
            heard.push(read(&mut client).await);
            if answer.is_empty() {
                return heard;
            }
            for part in answer.chunks(by.min(answer.len())) {
                if client.write_all(part).await.is_err() {
                    return heard;
                }
                if by != usize::MAX {
                    tokio::time::sleep(Duration::from_millis(2)).await;
                }
            }
        }
        heard.push(read(&mut client).await);
        heard
    });
    (at, heard)
}

async fn read(client: &mut TcpStream) -> Vec<u8> {
    let mut bytes = vec![0; 4096];
    let read = client.read(&mut bytes).await.unwrap_or(0);
    bytes.truncate(read);
    bytes
}
