//! Web servers that send us in circles, or never come to an end.

use exchports::catalog::{ServiceId, WEB};
use exchports::observation::Cause::Flood;
use exchports::observation::Stage;
use rustls::version::TLS13;

use super::sheet::{Ending, Row, Sheet, fails, passes};
use crate::peer::{Act, Line, Peer, act};

/// What a server answers to each request in turn, the last answer for ever; and what it does after it.
type Case = (&'static str, &'static [&'static [u8]], Then, Ending);

#[derive(Clone, Copy, Debug)]
enum Then {
    /// The next request.
    Listen,
    /// This, without end.
    Endless(&'static [u8]),
    Close,
}

const CASES: &[Case] = {
    use Then::{Close, Endless, Listen};
    &[
        ("web: headers without end", &[b"HTTP/1.1 401 No\r\n"], Endless(b"A: b\r\n"), fails(Flood, 0)),
        ("web: 1xx without end", &[b""], Endless(b"HTTP/1.1 100 Continue\r\n\r\n"), fails(Flood, 0)),
        ("web: a chunk of 16 EB", &[b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n"], Endless(b"x"), passes(0)),
        ("web: a chunk over any number", &[b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"], Endless(b"f"), passes(0)),
        ("web: chunks of one byte without end", &[b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"], Endless(b"1\r\nx\r\n"), passes(0)),
        ("web: trailers without end", &[b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n"], Endless(b"A: b\r\n"), passes(0)),
        ("web: a body without end", &[b"HTTP/1.1 200 OK\r\n\r\n"], Endless(b"x"), passes(0)),
        ("web: Content-Length too large, then silent", &[b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nx"], Listen, passes(10_000)),
        ("web: Content-Length too large, then closes", &[b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nx"], Close, passes(0)),
        ("web: Content-Length too small", &[b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nxxxxxxxxxxxxxxxxx"], Listen, passes(0)),
        ("web: Content-Length of 16 EB", &[b"HTTP/1.1 200 OK\r\nContent-Length: 18446744073709551615\r\n\r\n"], Endless(b"x"), passes(0)),
        ("web: Content-Length below zero", &[b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n"], Endless(b"x"), passes(0)),
        ("web: two Content-Lengths", &[b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nxx"], Listen, passes(0)),
        ("web: redirect to file:", &[b"HTTP/1.1 302 Found\r\nLocation: file:///etc/passwd\r\nContent-Length: 0\r\n\r\n"], Listen, passes(0)),
        ("web: redirect to javascript:", &[b"HTTP/1.1 302 Found\r\nLocation: javascript:alert(1)\r\nContent-Length: 0\r\n\r\n"], Listen, passes(0)),
        ("web: redirect to itself", &[b"HTTP/1.1 302 Found\r\nLocation: /owa/\r\nContent-Length: 0\r\n\r\n"], Listen, passes(0)),
        ("web: redirects in a chain", &[
            b"HTTP/1.1 302 Found\r\nLocation: /1\r\nContent-Length: 0\r\n\r\n",
            b"HTTP/1.1 302 Found\r\nLocation: /2\r\nContent-Length: 0\r\n\r\n",
            b"HTTP/1.1 302 Found\r\nLocation: /3\r\nContent-Length: 0\r\n\r\n",
            b"HTTP/1.1 302 Found\r\nLocation: /4\r\nContent-Length: 0\r\n\r\n",
            b"HTTP/1.1 302 Found\r\nLocation: /5\r\nContent-Length: 0\r\n\r\n",
        ], Listen, passes(0)),
        ("web: redirect with a word for a header in it", &[b"HTTP/1.1 302 Found\r\nLocation: /owa/\x0b\x1b[2J\xc2\x85Host: evil\r\nContent-Length: 0\r\n\r\n"], Listen, passes(0)),
        ("web: no answer to the health page", &[b"HTTP/1.1 401 No\r\nContent-Length: 0\r\n\r\n", b""], Listen, passes(5_000)),
    ]
};

/// The MRS proxy has no health page of its own to wait for.
fn without_health(service: ServiceId, peer: &str, right: Ending) -> Ending {
    match peer {
        "web: Content-Length too large, then silent" if service == ServiceId::Mrsproxy => {
            passes(5_000)
        }
        "web: no answer to the health page" if service == ServiceId::Mrsproxy => passes(0),
        _ => right,
    }
}

#[test]
fn redirects_bodies_and_headers() {
    let mut sheet = Sheet::default();
    for (peer, answers, then, right) in CASES {
        for service in &WEB {
            sheet.try_out(Row {
                peer,
                service: service.id,
                acts: (0..4).map(|_| serve(answers, *then)).collect(),
                right: without_health(service.id, peer, *right).at(Stage::Application),
            });
        }
    }
    for long in [8_000, 60_000] {
        sheet.try_out(Row {
            peer: "web: redirect to a very long place",
            service: ServiceId::Owa,
            acts: (0..4).map(|_| far(long)).collect(),
            right: passes(0),
        });
    }
    sheet.hold();
}

fn serve(answers: &'static [&'static [u8]], then: Then) -> Act {
    act(move |mut peer: Peer| async move {
        peer.secure(&TLS13).await;
        let mut answers = answers.iter();
        let mut last: &[u8] = b"";
        while hear_request(&mut peer).await {
            last = answers.next().copied().unwrap_or(last);
            peer.say(last).await;
            match then {
                Then::Listen => {}
                Then::Close => return peer.close().await,
                Then::Endless(more) => {
                    let wave = more.repeat(4096_usize.div_ceil(more.len()));
                    while peer.say(&wave).await == Line::Up {}
                }
            }
        }
    })
}

/// Further and further away: each path is that long and new.
fn far(long: usize) -> Act {
    act(move |mut peer: Peer| async move {
        peer.secure(&TLS13).await;
        let mut number = 0;
        while hear_request(&mut peer).await {
            number += 1;
            let path = format!("/{number}{}", "x".repeat(long));
            let answer =
                format!("HTTP/1.1 302 Found\r\nLocation: {path}\r\nContent-Length: 0\r\n\r\n");
            peer.say(answer.as_bytes()).await;
        }
    })
}

/// Whatever page it is: a server chooses where it sends us.
async fn hear_request(peer: &mut Peer) -> bool {
    let mut heard = Vec::new();
    while !heard.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        if peer.read(&mut byte).await == 0 {
            return false;
        }
        heard.extend(byte);
    }
    assert!(heard.starts_with(b"GET /"));
    true
}
