//! Exchange's web services: page after page, over as many connections as the server makes of it.

use std::time::Duration;

use exchports::catalog::ServiceId;
use exchports::facts::{Health, HttpFacts, PeerFacts, Redirect, RedirectKind, Text};
use exchports::net::Halter;
use exchports::observation::{Cause, Observation, Stage};
use exchports::plan::{Depth, Limits};
use rustls::version::TLS13;

use super::trial::{Outcome, Trial};
use crate::peer::{Act, HOST, Peer, act, on_a_clock_that_stands_still};

const LOGON: &str = "/owa/auth/logon.aspx";
const HEALTH_PAGE: &str = "/owa/healthcheck.htm";

const TO_LOGON: &str = "HTTP/1.1 302 Found\r\nLocation: https://mail.example.com/owa/auth/logon.aspx\r\n\
                        X-FEServer: EX01\r\nContent-Length: 0\r\n\r\n";
const HEALTHY: &str = "HTTP/1.1 200 OK\r\nContent-Length: 25\r\n\r\n200 OK<br/>EX01.corp.test";

/// What the logon page says near its beginning.
const BUILD: &str = "<link href=\"/owa/auth/15.2.1748/themes/logon.css\">";

/// The paths that are asked for here; nothing else may be.
pub(super) const PATHS: [&str; 6] = [
    "/owa/",
    LOGON,
    HEALTH_PAGE,
    "/owa/one",
    "/owa/two",
    "/owa/three",
];

// -- connections

#[test]
fn one_connection_is_enough_where_the_server_keeps_it() {
    let outcome = look(vec![pages(
        &[
            ("/owa/", TO_LOGON),
            (LOGON, &logon(BUILD)),
            (HEALTH_PAGE, HEALTHY),
        ],
        End::Close,
    )]);
    assert_eq!(outcome.connections.len(), 1);
    assert_all_is_told(&outcome);
}

#[test]
fn a_server_that_closes_after_each_answer_is_asked_on_new_connections() {
    let closing = |answer: &str| answer.replacen("\r\n", "\r\nConnection: close\r\n", 1);
    let outcome = look(vec![
        pages(&[("/owa/", &closing(TO_LOGON))], End::Close),
        pages(&[(LOGON, &closing(&logon(BUILD)))], End::Close),
        pages(&[(HEALTH_PAGE, &closing(HEALTHY))], End::Close),
    ]);
    assert_eq!(outcome.connections.len(), 3);
    assert_all_is_told(&outcome);
}

/// It did not say that it would close, and may not have seen the question.
#[test]
fn a_question_that_a_close_cut_off_is_asked_again() {
    for end in [End::Close, End::Reset] {
        let outcome = look(vec![
            pages(&[("/owa/", TO_LOGON)], end),
            pages(&[(LOGON, &logon(BUILD))], end),
            pages(&[(HEALTH_PAGE, HEALTHY)], End::Close),
        ]);
        assert_all_is_told(&outcome);
    }
}

#[test]
fn no_more_connections_are_made_than_three() {
    let outcome = look(vec![
        pages(&[("/owa/", &redirect("/owa/one"))], End::Close),
        pages(&[("/owa/one", &redirect("/owa/two"))], End::Close),
        pages(&[("/owa/two", &redirect("/owa/three"))], End::Close),
        pages(&[("/owa/three", &logon(BUILD))], End::Close),
    ]);
    assert_eq!(outcome.connections.len(), 3);
    let seen = &outcome.observation;
    assert_eq!(seen.failure, None);
    assert_eq!((facts(seen).status, facts(seen).health), (Some(302), None));
}

// -- what is kept

#[test]
fn what_the_first_connection_showed_outlives_the_second() {
    for end in [End::Close, End::Reset] {
        let refuses = act(move |mut peer: Peer| async move {
            peer.hear_client_hello().await;
            end.with(peer).await;
        });
        let outcome = look(vec![
            pages(&[("/owa/", &logon(BUILD))], End::Close),
            refuses,
        ]);
        let seen = &outcome.observation;
        assert_eq!(seen.failure, None);
        assert_eq!(facts(seen).status, Some(200));
        let tls = seen.tls.as_ref().expect("there was a handshake");
        assert!(tls.version.is_some(), "{tls:?}");
        assert!(tls.certificate.is_some(), "{tls:?}");
    }
}

#[test]
fn the_beginning_of_a_long_page_is_read() {
    let long = format!("{BUILD}{}", " ".repeat(200_000));
    let whole = format!(
        "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{long}",
        long.len()
    );
    let chunks = long
        .as_bytes()
        .chunks(8192)
        .map(|chunk| {
            format!(
                "{:x}\r\n{}\r\n",
                chunk.len(),
                String::from_utf8_lossy(chunk)
            )
        })
        .collect::<Vec<_>>()
        .concat();
    let chunked = format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{chunks}0\r\n\r\n");
    let one_chunk = format!(
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{:x}\r\n{long}\r\n0\r\n\r\n",
        long.len()
    );
    let to_its_end = format!("HTTP/1.1 200 OK\r\n\r\n{long}");
    for page in [whole, chunked, one_chunk, to_its_end] {
        let outcome = look(vec![
            pages(&[("/owa/", &page)], End::Close),
            pages(&[(HEALTH_PAGE, HEALTHY)], End::Close),
        ]);
        let seen = &outcome.observation;
        let build = facts(seen).exchange_build.as_ref().map(Text::as_str);
        assert_eq!(build, Some("15.2.1748"), "{:?}", page.get(..70));
        assert_eq!(facts(seen).health, Some(Health::Healthy));
        assert!(outcome.connections[0].read < 2 * Limits::REPLY_BYTES);
    }
}

/// Some servers and many devices end a page by ending the connection, and not politely.
#[test]
fn a_page_that_ends_with_the_connection_is_read_however_that_ends() {
    let page = format!("HTTP/1.1 200 OK\r\n\r\n{BUILD}");
    for end in [End::Close, End::Cut, End::Reset, End::Silence] {
        let outcome = look(vec![
            pages(&[("/owa/", &page)], end),
            pages(&[(HEALTH_PAGE, HEALTHY)], End::Close),
        ]);
        let seen = &outcome.observation;
        assert_eq!(seen.failure, None, "{end:?}");
        let build = facts(seen).exchange_build.as_ref().map(Text::as_str);
        assert_eq!(build, Some("15.2.1748"), "{end:?}");
        assert_eq!(facts(seen).health, Some(Health::Healthy), "{end:?}");
    }
}

// -- health

#[test]
fn what_became_of_the_health_page_is_told() {
    let directory = logon("");
    for (answer, end, health) in [
        (HEALTHY, End::Close, Some(Health::Healthy)),
        ("", End::Close, Some(Health::ClosedUnanswered)),
        ("", End::Reset, Some(Health::ClosedUnanswered)),
        ("", End::Silence, Some(Health::Silent)),
        ("220 mail01 ready\r\n", End::Silence, None),
        (
            "HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n",
            End::Close,
            Some(Health::Unreadable),
        ),
        (
            "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n",
            End::Close,
            Some(Health::Missing),
        ),
        (
            "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n",
            End::Close,
            Some(Health::Status(503)),
        ),
    ] {
        // On a connection of its own, and on one that has been used.
        for peers in [
            vec![
                pages(&[("/owa/", &directory)], End::Close),
                pages(&[(HEALTH_PAGE, answer)], end),
            ],
            vec![
                pages(&[("/owa/", &directory), (HEALTH_PAGE, answer)], end),
                pages(&[(HEALTH_PAGE, answer)], end),
            ],
        ] {
            let seen = look(peers).observation;
            assert_eq!(seen.failure, None);
            assert_eq!(facts(&seen).health, health, "{answer:?} {end:?}");
        }
    }
}

#[test]
fn a_page_that_never_comes_behind_a_redirect_keeps_nobody_from_the_health_page() {
    let outcome = look(vec![
        pages(&[("/owa/", TO_LOGON), (LOGON, "")], End::Silence),
        pages(&[(HEALTH_PAGE, HEALTHY)], End::Close),
    ]);
    let seen = &outcome.observation;
    assert_eq!(seen.failure, None);
    assert_eq!(facts(seen).final_status, None);
    assert_eq!(facts(seen).health, Some(Health::Healthy));
    assert_eq!(outcome.took, Limits::default().reply);
}

// -- redirects

#[test]
fn redirects_are_followed_on_the_same_host_and_no_further_than_three() {
    use RedirectKind::{SameHost, TooMany};
    let ends = |location: &str, kind| {
        let seen = look(vec![pages(
            &[("/owa/", &redirect(location)), (HEALTH_PAGE, HEALTHY)],
            End::Close,
        )])
        .observation;
        let expected = Redirect {
            location: location.into(),
            kind,
        };
        assert_eq!(facts(&seen).redirects, [expected]);
        assert_eq!(facts(&seen).health, Some(Health::Healthy), "{location}");
    };
    ends("https://login.example.test/", RedirectKind::OtherHost);
    ends("http://mail.example.com/owa/", RedirectKind::Downgrade);
    ends("/owa/", RedirectKind::Loop);
    ends("javascript:alert(1)", RedirectKind::Nonsense);

    let seen = look(vec![pages(
        &[
            ("/owa/", &redirect("one")),
            ("/owa/one", &redirect("two")),
            ("/owa/two", &redirect("three")),
            ("/owa/three", &redirect("four")),
            (HEALTH_PAGE, HEALTHY),
        ],
        End::Close,
    )])
    .observation;
    let kinds: Vec<RedirectKind> = facts(&seen).redirects.iter().map(|it| it.kind).collect();
    assert_eq!(kinds, [SameHost, SameHost, SameHost, TooMany]);
    assert_eq!(facts(&seen).final_status, Some(302));
    assert_eq!(facts(&seen).health, Some(Health::Healthy));
}

// -- ends

/// However little comes, page for page, over all connections.
#[test]
fn a_visit_ends_with_the_check() {
    let begun = "HTTP/1.1 302 Found\r\nLocation: /owa/one\r\nContent-Length: 9\r\n\r\n";
    let further = "HTTP/1.1 302 Found\r\nLocation: /owa/two\r\nContent-Length: 9\r\n\r\n";
    let outcome = look(vec![
        pages(&[("/owa/", begun)], End::Silence),
        pages(&[("/owa/one", further)], End::Silence),
        pages(&[("/owa/two", "")], End::Silence),
    ]);
    assert_eq!(outcome.connections.len(), 3);
    assert_eq!(outcome.observation.failure, None);
    assert_eq!(outcome.took, Limits::CHECK);
}

#[test]
fn an_interrupt_ends_a_visit_on_every_page() {
    let asked = [
        ("/owa/", TO_LOGON),
        (LOGON, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"),
        (HEALTH_PAGE, HEALTHY),
    ];
    for at in 0..asked.len() {
        let (halter, halt) = Halter::new();
        let mut answered = asked[..=at].to_vec();
        answered[at].1 = "";
        let trial = Trial {
            halt,
            ..Trial::of(ServiceId::Owa, vec![pages(&answered, End::Silence)])
        };
        let outcome = on_a_clock_that_stands_still(async {
            let halting = async {
                tokio::time::sleep(Duration::from_secs(1)).await;
                halter.halt();
            };
            tokio::join!(trial.run(), halting).0
        });
        let failure = outcome.observation.failure.as_ref().unwrap();
        assert_eq!(
            (failure.stage, failure.cause),
            (Stage::Application, Cause::Interrupted)
        );
        assert_eq!(outcome.took, Duration::from_secs(1));
    }
}

#[test]
fn a_directory_that_does_not_answer_is_a_failure() {
    for (end, cause) in [
        (End::Close, Cause::Closed),
        (End::Reset, Cause::Reset),
        (End::Silence, Cause::Silent),
    ] {
        let outcome = look(vec![pages(&[("/owa/", "")], end)]);
        assert_eq!(outcome.connections.len(), 1);
        let failure = outcome.observation.failure.unwrap();
        assert_eq!((failure.stage, failure.cause), (Stage::Application, cause));
    }
}

#[test]
fn who_only_knocks_on_443_asks_for_no_page() {
    let quiet = act(|mut peer: Peer| async move {
        assert_eq!(peer.hear_out().await, b"");
    });
    let trial = Trial {
        depth: Depth::TcpOnly,
        ..Trial::of(ServiceId::Owa, vec![quiet])
    };
    let outcome = on_a_clock_that_stands_still(trial.run());
    assert_eq!(outcome.observation.failure, None);
    assert_eq!(outcome.observation.peer, None);
}

// -- peers

fn look(peers: Vec<Act>) -> Outcome {
    on_a_clock_that_stands_still(Trial::of(ServiceId::Owa, peers).run())
}

fn assert_all_is_told(outcome: &Outcome) {
    let seen = &outcome.observation;
    assert_eq!(seen.failure, None);
    let facts = facts(seen);
    assert_eq!((facts.status, facts.final_status), (Some(302), Some(200)));
    assert_eq!(facts.front_end, Some("EX01".into()));
    assert_eq!(facts.exchange_build, Some("15.2.1748".into()));
    assert_eq!(facts.health, Some(Health::Healthy));
    assert_eq!(facts.health_server, Some("EX01.corp.test".into()));
    let kinds: Vec<RedirectKind> = facts.redirects.iter().map(|it| it.kind).collect();
    assert_eq!(kinds, [RedirectKind::SameHost]);
}

fn facts(seen: &Observation) -> &HttpFacts {
    match &seen.peer {
        Some(PeerFacts::Http(facts)) => facts,
        other => panic!("no facts of HTTP: {other:?}"),
    }
}

fn logon(body: &str) -> String {
    let length = body.len();
    format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n{body}")
}

fn redirect(location: &str) -> String {
    format!("HTTP/1.1 302 Found\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n")
}

/// What a server does after its last answer.
#[derive(Clone, Copy, Debug)]
enum End {
    Close,
    /// Without TLS's goodbye.
    Cut,
    Reset,
    Silence,
}

impl End {
    async fn with(self, mut peer: Peer) {
        match self {
            Self::Close => peer.close().await,
            Self::Cut => drop(peer),
            Self::Reset => peer.reset(),
            Self::Silence => drop(peer.hear_out().await),
        }
    }
}

/// Hears a request for each of these pages in turn, and gives its answer.
fn pages(pages: &[(&str, &str)], end: End) -> Act {
    let pages: Vec<(String, String)> = pages
        .iter()
        .map(|(path, answer)| (request(path), (*answer).to_owned()))
        .collect();
    act(move |mut peer: Peer| async move {
        peer.secure(&TLS13).await;
        for (request, answer) in pages {
            let heard = peer.hear(request.len()).await;
            assert_eq!(String::from_utf8_lossy(&heard), request);
            peer.say(answer.as_bytes()).await;
        }
        end.with(peer).await;
    })
}

/// What we say when we ask for a page.
pub(super) fn request(path: &str) -> String {
    format!(
        "GET {path} HTTP/1.1\r\nHost: {HOST}\r\nUser-Agent: exchports/{}\r\nAccept: */*\r\n\
         Connection: keep-alive\r\n\r\n",
        env!("CARGO_PKG_VERSION")
    )
}
