//! Peers that break one protocol's own rules.

use std::time::Duration;

use exchports::catalog::ServiceId;
use exchports::facts::LegacyAnswer;
use exchports::observation::{Cause, Stage};
use rustls::version::TLS13;

use super::everywhere::{SERVER_HELLO, hear_record};
use super::sheet::{Row, Sheet, at};
use crate::probe::bounds::every_cut;
use crate::probe::peer::{Act, Line, Peer, Trial, act, on_a_clock_that_stands_still};
use crate::probe::script::{Step, play_along};

/// What a peer does after its bytes.
#[derive(Clone, Copy, Debug)]
enum End {
    Silence,
    Close,
    /// This, without end.
    Flood(&'static [u8]),
}

/// Which service, in place of which answer, what, and then; what it may come to.
type Case = (
    &'static str,
    ServiceId,
    Stage,
    &'static [u8],
    End,
    &'static str,
);

const CASES: &[Case] = {
    use End::{Close, Flood, Silence};
    use ServiceId::{
        Http, Https, Imap, Imaps, Ldap, Ldaps, Pop3, Pop3s, Rdp, Smtp, Submission, Submissions,
    };
    use Stage::{Application, Capabilities, Greeting, SecureCapabilities, Starttls};
    &[
        // -- what follows STARTTLS
        // In SMTP and POP3 a greeting has the looks of a go-ahead.
        ("a second greeting for the go-ahead", Smtp, Starttls, b"220 mail01 ready\r\n", Silence, "tls-handshake: silent 5s"),
        ("a second greeting for the go-ahead", Submission, Starttls, b"220 mail01 ready\r\n", Silence, "tls-handshake: silent 5s"),
        ("a second greeting for the go-ahead", Imap, Starttls, b"* OK ready\r\n", Silence, "silent 5s"),
        ("a second greeting for the go-ahead", Pop3, Starttls, b"+OK ready\r\n", Silence, "tls-handshake: silent 5s"),
        ("a second greeting before the go-ahead", Smtp, Starttls, b"220 mail01 ready\r\n220 go\r\n", Silence, "tls-handshake: bytes-injected 0s"),
        ("a second greeting before the go-ahead", Submission, Starttls, b"220 mail01 ready\r\n220 go\r\n", Silence, "tls-handshake: bytes-injected 0s"),
        ("a second greeting before the go-ahead", Imap, Starttls, b"* OK ready\r\nA2 OK go\r\n", Silence, "tls-handshake: silent 5s"),
        ("a second greeting before the go-ahead", Pop3, Starttls, b"+OK ready\r\n+OK go\r\n", Silence, "tls-handshake: bytes-injected 0s"),
        // -- short lines without end
        ("short lines without end", Smtp, Greeting, b"", Flood(b"220-x\r\n"), "flood 0s"),
        ("short lines without end", Smtp, Capabilities, b"", Flood(b"250-x\r\n"), "flood 0s"),
        ("short lines without end", Smtp, Starttls, b"", Flood(b"220-x\r\n"), "flood 0s"),
        ("short lines without end", Smtp, SecureCapabilities, b"", Flood(b"250-x\r\n"), "flood 0s"),
        ("short lines without end", Submission, Capabilities, b"", Flood(b"250-x\r\n"), "flood 0s"),
        ("short lines without end", Submission, SecureCapabilities, b"", Flood(b"250-x\r\n"), "flood 0s"),
        ("short lines without end", Submissions, Greeting, b"", Flood(b"220-x\r\n"), "flood 0s"),
        ("short lines without end", Submissions, SecureCapabilities, b"", Flood(b"250-x\r\n"), "flood 0s"),
        ("short lines without end", Imap, SecureCapabilities, b"", Flood(b"* OK x\r\n"), "flood 0s"),
        ("short lines without end", Imaps, SecureCapabilities, b"", Flood(b"* OK x\r\n"), "flood 0s"),
        ("short lines without end", Imaps, SecureCapabilities, b"", Flood(b"* x\r\n"), "flood 0s"),
        ("short lines without end", Pop3, SecureCapabilities, b"+OK\r\n", Flood(b"x\r\n"), "flood 0s"),
        ("short lines without end", Pop3s, SecureCapabilities, b"+OK\r\n", Flood(b"x\r\n"), "flood 0s"),
        ("short lines without end", Https, Application, b"HTTP/1.1 200 OK\r\n", Flood(b"a:\r\n"), "flood 0s"),
        ("two codes in one reply", Smtp, Greeting, b"220-mail01\r\n550 go away\r\n", Silence, "not-the-protocol 0s"),
        ("a code of seven digits", Smtp, Greeting, b"2200000 mail01\r\n", Silence, "not-the-protocol 0s"),
        ("an answer without a code", Smtp, Capabilities, b"\r\n\r\n\r\n", Silence, "not-the-protocol 0s"),
        // -- IMAP
        ("untagged responses without end", Imap, Capabilities, b"", Flood(b"* OK wait\r\n"), "flood 0s"),
        ("untagged data without end", Imap, Capabilities, b"", Flood(b"* CAPABILITY IMAP4rev1 STARTTLS\r\n"), "flood 0s"),
        ("continuations without end", Imap, Starttls, b"", Flood(b"+ go on\r\n"), "flood 0s"),
        ("a literal of 4 GB", Imap, Capabilities, b"* LIST {4294967295}\r\n", Flood(b"x"), "flood 0s"),
        ("a literal of 16 EB", Imap, Capabilities, b"* LIST {18446744073709551615}\r\n", Flood(b"x"), "flood 0s"),
        ("a literal over any number", Imap, Capabilities, b"* LIST {99999999999999999999999}\r\n", Flood(b"x"), "flood 0s"),
        ("literals in literals", Imap, Capabilities, b"", Flood(b"* LIST {5}\r\nabcde {5}\r\n"), "flood 0s"),
        ("another tag", Imap, Capabilities, b"B7 OK done\r\n", Silence, "not-the-protocol 1s"),
        // -- POP3
        ("no closing dot, then silence", Pop3, Capabilities, b"+OK\r\nSTLS\r\nTOP\r\n", Silence, "stalled 5s"),
        ("no closing dot, then silence", Pop3s, SecureCapabilities, b"+OK\r\nUIDL\r\n", Silence, "stalled 5s"),
        ("no closing dot, then the end", Pop3, Capabilities, b"+OK\r\nSTLS\r\n", Close, "closed 0s"),
        ("no closing dot, lines without end", Pop3, Capabilities, b"+OK\r\n", Flood(b"UIDL\r\n"), "flood 0s"),
        ("stuffed dots without end", Pop3, Capabilities, b"+OK\r\n", Flood(b"..\r\n"), "flood 0s"),
        // -- LDAP
        ("BER of 4 GB", Ldap, Capabilities, b"\x30\x84\xff\xff\xff\xff\x02\x01\x01", Flood(b"\x04"), "flood 0s"),
        ("BER of 16 EB", Ldap, Capabilities, b"\x30\x88\xff\xff\xff\xff\xff\xff\xff\xff", Flood(b"\x04"), "not-the-protocol 0s"),
        ("BER with a length of 126 bytes", Ldap, Capabilities, b"\x30\xfe", Flood(b"\0"), "not-the-protocol 0s"),
        ("BER of indefinite length", Ldap, Capabilities, b"\x30\x80\x02\x01\x01\x64", Flood(b"\x30\x80"), "not-the-protocol 0s"),
        ("BER nested without end", Ldaps, Application, b"", Flood(b"\x30\x84\0\0\xff\xf0"), "not-the-protocol 0s"),
        ("BER of length 0", Ldap, Capabilities, b"\x30\0", Silence, "not-the-protocol 500ms"),
        ("BER with longer lengths than need be", Ldap, Capabilities, b"\x30\x84\0\0\0\x14\x02\x84\0\0\0\x01\x01\x65\x84\0\0\0\x07\x0a\x01\0\x04\0\x04\0", Silence, "starttls: silent 5s"),
        ("an inner length beyond the outer", Ldap, Capabilities, b"\x30\x0c\x02\x01\x01\x65\x7f\x0a\x01\0\x04\0\x04\0", Silence, "not-the-protocol 500ms"),
        ("an LDAP message of another id", Ldap, Capabilities, b"\x30\x0c\x02\x01\x07\x65\x07\x0a\x01\0\x04\0\x04\0", Silence, "not-the-protocol 1s"),
        ("an LDAP message of a negative id", Ldap, Capabilities, b"\x30\x0c\x02\x01\xff\x65\x07\x0a\x01\0\x04\0\x04\0", Silence, "not-the-protocol 500ms"),
        ("a referral", Ldaps, Application, b"\x30\x20\x02\x01\x03\x65\x1b\x0a\x01\x0a\x04\0\x04\0\xa3\x12\x04\x10ldap://evil/\x1b[2J", Silence, "command-rejected 1s"),
        ("references without end", Ldap, Capabilities, b"", Flood(b"\x30\x0c\x02\x01\x01\x73\x07\x04\x05ldap:"), "not-the-protocol 0s"),
        ("entries without end", Ldap, Capabilities, b"", Flood(b"\x30\x09\x02\x01\x01\x64\x04\x04\0\x30\0"), "not-the-protocol 0s"),
        ("a go-ahead of another id", Ldap, Starttls, b"\x30\x0c\x02\x01\x07\x78\x07\x0a\x01\0\x04\0\x04\0", Silence, "not-the-protocol 1s"),
        ("a go-ahead of the question before", Ldap, Starttls, b"\x30\x0c\x02\x01\x01\x78\x07\x0a\x01\0\x04\0\x04\0", Silence, "not-the-protocol 1s"),
        ("a go-ahead of another operation", Ldap, Starttls, b"\x30\x0c\x02\x01\x02\x65\x07\x0a\x01\0\x04\0\x04\0", Silence, "not-the-protocol 1s"),
        ("a referral for the go-ahead", Ldap, Starttls, b"\x30\x20\x02\x01\x02\x78\x1b\x0a\x01\x0a\x04\0\x04\0\xa3\x12\x04\x10ldap://evil/\x1b[2J", Silence, "starttls-rejected 1s"),
        ("a notice of disconnection", Ldap, Starttls, b"\x30\x24\x02\x01\0\x78\x1f\x0a\x01\x33\x04\0\x04\0\x8a\x161.3.6.1.4.1.1466.20036", Close, "service-unavailable 0s"),
        // -- RDP
        ("TPKT of length 3", Rdp, Starttls, b"\x03\0\0\x03", Flood(b"\x03\0\0\x03"), "not-the-protocol 0s"),
        ("TPKT of length 0", Rdp, Starttls, b"\x03\0\0\0", Silence, "not-the-protocol 500ms"),
        ("TPKT of length 65535", Rdp, Starttls, b"\x03\0\xff\xff", Flood(b"\0"), "flood 0s"),
        ("TPKT of length 65535, then silence", Rdp, Starttls, b"\x03\0\xff\xff\x0e\xd0\0\0\x12\x34\0", Silence, "flood 0s"),
        ("a confirm cut short, then silence", Rdp, Starttls, b"\x03\0\0\x13\x0e\xd0\0\0\x12\x34\0\x02\x1f\x08", Silence, "stalled 5s"),
        ("a confirm cut short, then the end", Rdp, Starttls, b"\x03\0\0\x13\x0e\xd0\0\0\x12\x34\0\x02\x1f\x08", Close, "closed 0s"),
        ("a confirm that is shorter than it says", Rdp, Starttls, b"\x03\0\0\x13\xff\xd0\0\0\x12\x34\0\x02\x1f\x08\0\x08\0\0\0", Silence, "not-the-protocol 500ms"),
        ("a protocol that was not asked for", Rdp, Starttls, b"\x03\0\0\x13\x0e\xd0\0\0\x12\x34\0\x02\x1f\x08\0\xff\xff\xff\xff", Silence, "negotiation-failed 0s"),
        // -- HTTP
        ("headers without end", Http, Application, b"HTTP/1.1 200 OK\r\n", Flood(b"A: b\r\n"), "flood 0s"),
        ("one header without end", Http, Application, b"HTTP/1.1 200 OK\r\nA: ", Flood(b"b"), "flood 0s"),
        ("1xx without end", Http, Application, b"", Flood(b"HTTP/1.1 103 Early Hints\r\n\r\n"), "flood 0s"),
        ("blank lines without end", Http, Application, b"", Flood(b"\r\n"), "flood 0s"),
        ("a status of five digits", Http, Application, b"HTTP/1.1 99999 OK\r\n\r\n", Close, "not-the-protocol 0s"),
        ("HTTP/2 at once", Http, Application, b"\0\0\x12\x04\0\0\0\0\0\0\x03\0\0\0\x64", Close, "not-the-protocol 0s"),
        ("a head with NUL in it", Http, Application, b"HTTP/1.1 200 OK\r\nA\0B: \0\r\n\r\n", Close, "not-the-protocol 0s"),
    ]
};

pub(super) fn try_out(sheet: &mut Sheet) {
    for (peer, service, stage, says, end, right) in CASES {
        sheet.try_out(Row {
            peer,
            service: *service,
            acts: (0..3)
                .map(|_| instead(*service, *stage, says, *end))
                .collect(),
            right: at(stage.as_str(), right),
        });
    }
    sheet.try_out(Row {
        peer: "as many words as are taken, all to be escaped",
        service: ServiceId::Smtp,
        acts: vec![verbose()],
        right: "pass 0s".to_owned(),
    });
    merged(sheet);
    late(sheet);
}

/// The first half of a conversation, as its server says it.
struct FirstHalf {
    service: ServiceId,
    says: &'static [&'static [u8]],
    /// One answer more.
    more: &'static [u8],
}

const FIRST_HALVES: [FirstHalf; 6] = [
    FirstHalf {
        service: ServiceId::Smtp,
        says: &[
            b"220 mail01\r\n",
            b"250-mail01\r\n250 STARTTLS\r\n",
            b"220 go\r\n",
        ],
        more: b"250 OK\r\n",
    },
    FirstHalf {
        service: ServiceId::Submission,
        says: &[
            b"220 mail01\r\n",
            b"250-mail01\r\n250 STARTTLS\r\n",
            b"220 go\r\n",
        ],
        more: b"250 OK\r\n",
    },
    FirstHalf {
        service: ServiceId::Imap,
        says: &[
            b"* OK ready\r\n",
            b"* CAPABILITY IMAP4rev1 STARTTLS\r\nA1 OK\r\n",
            b"A2 OK go\r\n",
        ],
        more: b"* OK injected\r\n",
    },
    FirstHalf {
        service: ServiceId::Pop3,
        says: &[b"+OK ready\r\n", b"+OK\r\nSTLS\r\n.\r\n", b"+OK go\r\n"],
        more: b"+OK injected\r\n",
    },
    FirstHalf {
        service: ServiceId::Ldap,
        says: &[
            b"",
            b"\x30\x0c\x02\x01\x01\x65\x07\x0a\x01\0\x04\0\x04\0",
            b"\x30\x0c\x02\x01\x02\x78\x07\x0a\x01\0\x04\0\x04\0",
        ],
        more: b"\x30\x0c\x02\x01\x03\x65\x07\x0a\x01\0\x04\0\x04\0",
    },
    FirstHalf {
        service: ServiceId::Rdp,
        says: &[b"\x03\0\0\x13\x0e\xd0\0\0\x12\x34\0\x02\x1f\x08\0\x02\0\0\0"],
        more: b"\x03\0\0\x13\x0e\xd0\0\0\x12\x34\0\x02\x1f\x08\0\x02\0\0\0",
    },
];

/// Everything up to the go-ahead at once, before any of it was asked for; and what comes with it.
fn merged(sheet: &mut Sheet) {
    for half in &FIRST_HALVES {
        // A line is told when it is whole; a PDU of LDAP or RDP has none, and half a record neither.
        let is_text = half.more.ends_with(b"\n");
        for (peer, bytes, right) in [
            (
                "all answers at once, go-ahead included",
                &b""[..],
                "silent 5s",
            ),
            (
                "all answers at once, and one more",
                half.more,
                if is_text {
                    "bytes-injected 0s"
                } else {
                    "bytes-injected 500ms"
                },
            ),
            (
                "all answers at once, and half a record",
                b"\x16\x03",
                "bytes-injected 500ms",
            ),
        ] {
            let all = [&half.says.concat(), bytes].concat();
            sheet.try_out(Row {
                peer,
                service: half.service,
                acts: vec![act(move |mut peer: Peer| async move {
                    peer.say(&all).await;
                    peer.hear_out().await;
                })],
                right: at("tls-handshake", right),
            });
        }
    }
    let steps = vec![
        Step::Say(FIRST_HALVES[0].says.concat()),
        Step::Hear(b"EHLO [192.0.2.10]\r\nSTARTTLS\r\n".to_vec()),
        Step::Tls(&TLS13),
        Step::Hear(b"EHLO [192.0.2.10]\r\n".to_vec()),
        Step::Say(b"250 mail01\r\n".to_vec()),
        Step::Hear(b"QUIT\r\n".to_vec()),
        Step::Close,
    ];
    sheet.try_out(Row {
        peer: "all answers at once, and then TLS",
        service: ServiceId::Smtp,
        acts: vec![act(move |peer| play_along(steps, peer))],
        right: "pass 0s".to_owned(),
    });
}

/// Plaintext that comes a moment after the go-ahead, in place of the handshake or before it.
fn late(sheet: &mut Sheet) {
    for half in &FIRST_HALVES {
        // A line is told when it is whole; a PDU of LDAP or RDP has none.
        let rest = if half.more.ends_with(b"\n") { 0 } else { 500 };
        let pauses = 100 * (half.says.len() + 1);
        for (peer, then_tls) in [
            ("plaintext a moment after the go-ahead", false),
            ("plaintext a moment after the go-ahead, then TLS", true),
        ] {
            sheet.try_out(Row {
                peer,
                service: half.service,
                acts: vec![act(move |mut peer: Peer| async move {
                    for said in half.says {
                        if peer.say(said).await == Line::Down {
                            return;
                        }
                        tokio::time::sleep(Duration::from_millis(100)).await;
                    }
                    tokio::time::sleep(Duration::from_millis(100)).await;
                    peer.say(half.more).await;
                    if then_tls {
                        hear_record(&mut peer).await;
                        peer.say(SERVER_HELLO).await;
                    }
                    peer.hear_out().await;
                })],
                right: at(
                    "tls-handshake",
                    &format!("bytes-injected {}ms", pauses + rest),
                ),
            });
        }
    }
}

/// Behind the go-ahead anybody on the way can say what server there is: a `ServerHello` in clear, before we have asked
/// for one, is no answer to the second look.
#[test]
fn what_is_injected_before_a_second_look_is_not_believed() {
    let talk = |injected: &'static [u8]| {
        act(move |mut peer: Peer| async move {
            peer.say(b"220 mail01\r\n").await;
            peer.hear(b"EHLO [192.0.2.10]\r\n".len()).await;
            peer.say(b"250-mail01\r\n250 STARTTLS\r\n").await;
            peer.hear(b"STARTTLS\r\n".len()).await;
            peer.say(&[b"220 go\r\n", injected].concat()).await;
            hear_record(&mut peer).await;
            peer.say(b"\x15\x03\x03\0\x02\x02\x28").await;
            peer.hear_out().await;
        })
    };
    for (injected, answer) in [
        (&b""[..], Some(LegacyAnswer::Alert)),
        (b"\x15\x03\x01\0\x02\x02\x46", None),
        (SERVER_HELLO, None),
        (b"x", None),
    ] {
        let trial = Trial::of(ServiceId::Smtp, vec![talk(b""), talk(injected)]);
        let outcome = on_a_clock_that_stands_still(trial.run());
        assert_eq!(outcome.connections.len(), 2);
        let seen = outcome.observation;
        assert_eq!(seen.failure.unwrap().cause, Cause::Alert(40));
        let legacy = seen.tls.unwrap().legacy.map(|legacy| legacy.answer);
        assert_eq!(legacy, answer, "{injected:?}");
    }
}

/// As much as can be kept of a conversation, all of it to be escaped.
fn verbose() -> Act {
    let wide = |first: &[u8], last: &[u8]| {
        let line = [first, &[0xff; 2040], b"\r\n"].concat();
        [&line.repeat(30), last].concat()
    };
    let hello = wide(b"250-", b"250 STARTTLS\r\n");
    let steps = vec![
        Step::Say(wide(b"220-", b"220 ready\r\n")),
        Step::Hear(b"EHLO [192.0.2.10]\r\n".to_vec()),
        Step::Say(hello.clone()),
        Step::Hear(b"STARTTLS\r\n".to_vec()),
        Step::Say(wide(b"220-", b"220 go\r\n")),
        Step::Tls(&TLS13),
        Step::Hear(b"EHLO [192.0.2.10]\r\n".to_vec()),
        Step::Say(hello),
        Step::Hear(b"QUIT\r\n".to_vec()),
        Step::Close,
    ];
    act(move |peer| play_along(steps, peer))
}

/// Healthy up to that stage; then this.
fn instead(service: ServiceId, stage: Stage, says: &'static [u8], end: End) -> Act {
    let cut = every_cut()
        .into_iter()
        .find(|cut| cut.script.service == service && cut.stage == Some(stage))
        .unwrap();
    act(move |mut peer: Peer| async move {
        for step in cut.steps {
            match step {
                Step::Say(bytes) => drop(peer.say(&bytes).await),
                Step::Hear(expected) => drop(peer.hear(expected.len()).await),
                Step::Tls(version) => peer.secure(version).await,
                other => panic!("{other:?} is in no healthy conversation"),
            }
        }
        peer.say(says).await;
        match end {
            End::Silence => drop(peer.hear_out().await),
            End::Close => peer.close().await,
            End::Flood(more) => {
                let wave = more.repeat(4096_usize.div_ceil(more.len()));
                while peer.say(&wave).await == Line::Up {}
            }
        }
    })
}
