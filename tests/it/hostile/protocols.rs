//! Peers that break one protocol's own rules.

use std::time::Duration;

use exchports::catalog::{Protocol, ServiceId, service};
use exchports::facts::LegacyAnswer;
use exchports::observation::{Cause, Stage};
use rustls::version::TLS13;

use super::everywhere::{SERVER_HELLO, hear_record};
use super::sheet::{Ending, Row, Sheet, fails, fails_at, passes};
use crate::peer::{Act, Line, Peer, act, on_a_clock_that_stands_still};
use crate::probe::bounds::every_cut;
use crate::probe::script::{Step, play_along};
use crate::probe::trial::Trial;

/// What a peer does after its bytes.
#[derive(Clone, Copy, Debug)]
enum End {
    Silence,
    Close,
    /// This, without end.
    Endless(&'static [u8]),
}

/// Which service, in place of which answer, what, and then; what it may come to.
type Case = (&'static str, ServiceId, Stage, &'static [u8], End, Ending);

const CASES: &[Case] = {
    use Cause::{
        BytesInjected, Closed, CommandRejected, Flood, NegotiationFailed, NotTheProtocol,
        ServiceUnavailable, Silent, Stalled, StarttlsRejected,
    };
    use End::{Close, Endless, Silence};
    use ServiceId::{
        Http, Https, Imap, Imaps, Ldap, Ldaps, Pop3, Pop3s, Rdp, Smtp, Submission, Submissions,
    };
    use Stage::{Application, Capabilities, Greeting, SecureCapabilities, Starttls, TlsHandshake};
    &[
        // -- what follows STARTTLS
        // In SMTP and POP3 a greeting has the looks of a go-ahead.
        ("a second greeting for the go-ahead", Smtp, Starttls, b"220 mail01 ready\r\n", Silence, fails_at(TlsHandshake, Silent, 5_000)),
        ("a second greeting for the go-ahead", Submission, Starttls, b"220 mail01 ready\r\n", Silence, fails_at(TlsHandshake, Silent, 5_000)),
        ("a second greeting for the go-ahead", Imap, Starttls, b"* OK ready\r\n", Silence, fails(Silent, 5_000)),
        ("a second greeting for the go-ahead", Pop3, Starttls, b"+OK ready\r\n", Silence, fails_at(TlsHandshake, Silent, 5_000)),
        ("a second greeting before the go-ahead", Smtp, Starttls, b"220 mail01 ready\r\n220 go\r\n", Silence, fails_at(TlsHandshake, BytesInjected, 0)),
        ("a second greeting before the go-ahead", Submission, Starttls, b"220 mail01 ready\r\n220 go\r\n", Silence, fails_at(TlsHandshake, BytesInjected, 0)),
        ("a second greeting before the go-ahead", Imap, Starttls, b"* OK ready\r\nA2 OK go\r\n", Silence, fails_at(TlsHandshake, Silent, 5_000)),
        ("a second greeting before the go-ahead", Pop3, Starttls, b"+OK ready\r\n+OK go\r\n", Silence, fails_at(TlsHandshake, BytesInjected, 0)),
        // -- short lines without end
        ("short lines without end", Smtp, Greeting, b"", Endless(b"220-x\r\n"), fails(Flood, 0)),
        ("short lines without end", Smtp, Capabilities, b"", Endless(b"250-x\r\n"), fails(Flood, 0)),
        ("short lines without end", Smtp, Starttls, b"", Endless(b"220-x\r\n"), fails(Flood, 0)),
        ("short lines without end", Smtp, SecureCapabilities, b"", Endless(b"250-x\r\n"), fails(Flood, 0)),
        ("short lines without end", Submission, Capabilities, b"", Endless(b"250-x\r\n"), fails(Flood, 0)),
        ("short lines without end", Submission, SecureCapabilities, b"", Endless(b"250-x\r\n"), fails(Flood, 0)),
        ("short lines without end", Submissions, Greeting, b"", Endless(b"220-x\r\n"), fails(Flood, 0)),
        ("short lines without end", Submissions, SecureCapabilities, b"", Endless(b"250-x\r\n"), fails(Flood, 0)),
        ("short lines without end", Imap, SecureCapabilities, b"", Endless(b"* OK x\r\n"), fails(Flood, 0)),
        ("short lines without end", Imaps, SecureCapabilities, b"", Endless(b"* OK x\r\n"), fails(Flood, 0)),
        ("short lines without end", Imaps, SecureCapabilities, b"", Endless(b"* x\r\n"), fails(Flood, 0)),
        ("short lines without end", Pop3, SecureCapabilities, b"+OK\r\n", Endless(b"x\r\n"), fails(Flood, 0)),
        ("short lines without end", Pop3s, SecureCapabilities, b"+OK\r\n", Endless(b"x\r\n"), fails(Flood, 0)),
        ("short lines without end", Https, Application, b"HTTP/1.1 200 OK\r\n", Endless(b"a:\r\n"), fails(Flood, 0)),
        ("two codes in one reply", Smtp, Greeting, b"220-mail01\r\n550 go away\r\n", Silence, fails(NotTheProtocol, 0)),
        ("a code of seven digits", Smtp, Greeting, b"2200000 mail01\r\n", Silence, fails(NotTheProtocol, 0)),
        ("an answer without a code", Smtp, Capabilities, b"\r\n\r\n\r\n", Silence, fails(NotTheProtocol, 0)),
        // -- IMAP
        ("untagged responses without end", Imap, Capabilities, b"", Endless(b"* OK wait\r\n"), fails(Flood, 0)),
        ("untagged data without end", Imap, Capabilities, b"", Endless(b"* CAPABILITY IMAP4rev1 STARTTLS\r\n"), fails(Flood, 0)),
        ("continuations without end", Imap, Starttls, b"", Endless(b"+ go on\r\n"), fails(Flood, 0)),
        ("a literal of 4 GB", Imap, Capabilities, b"* LIST {4294967295}\r\n", Endless(b"x"), fails(Flood, 0)),
        ("a literal of 16 EB", Imap, Capabilities, b"* LIST {18446744073709551615}\r\n", Endless(b"x"), fails(Flood, 0)),
        ("a literal over any number", Imap, Capabilities, b"* LIST {99999999999999999999999}\r\n", Endless(b"x"), fails(Flood, 0)),
        ("literals in literals", Imap, Capabilities, b"", Endless(b"* LIST {5}\r\nabcde {5}\r\n"), fails(Flood, 0)),
        ("another tag", Imap, Capabilities, b"B7 OK done\r\n", Silence, fails(NotTheProtocol, 1_000)),
        // -- POP3
        ("no closing dot, then silence", Pop3, Capabilities, b"+OK\r\nSTLS\r\nTOP\r\n", Silence, fails(Stalled, 5_000)),
        ("no closing dot, then silence", Pop3s, SecureCapabilities, b"+OK\r\nUIDL\r\n", Silence, fails(Stalled, 5_000)),
        ("no closing dot, then the end", Pop3, Capabilities, b"+OK\r\nSTLS\r\n", Close, fails(Closed, 0)),
        ("no closing dot, lines without end", Pop3, Capabilities, b"+OK\r\n", Endless(b"UIDL\r\n"), fails(Flood, 0)),
        ("stuffed dots without end", Pop3, Capabilities, b"+OK\r\n", Endless(b"..\r\n"), fails(Flood, 0)),
        // -- LDAP
        ("BER of 4 GB", Ldap, Capabilities, b"\x30\x84\xff\xff\xff\xff\x02\x01\x01", Endless(b"\x04"), fails(Flood, 0)),
        ("BER of 16 EB", Ldap, Capabilities, b"\x30\x88\xff\xff\xff\xff\xff\xff\xff\xff", Endless(b"\x04"), fails(NotTheProtocol, 0)),
        ("BER with a length of 126 bytes", Ldap, Capabilities, b"\x30\xfe", Endless(b"\0"), fails(NotTheProtocol, 0)),
        ("BER of indefinite length", Ldap, Capabilities, b"\x30\x80\x02\x01\x01\x64", Endless(b"\x30\x80"), fails(NotTheProtocol, 0)),
        ("BER nested without end", Ldaps, Application, b"", Endless(b"\x30\x84\0\0\xff\xf0"), fails(NotTheProtocol, 0)),
        ("BER of length 0", Ldap, Capabilities, b"\x30\0", Silence, fails(NotTheProtocol, 500)),
        ("BER with longer lengths than need be", Ldap, Capabilities, b"\x30\x84\0\0\0\x14\x02\x84\0\0\0\x01\x01\x65\x84\0\0\0\x07\x0a\x01\0\x04\0\x04\0", Silence, fails_at(Starttls, Silent, 5_000)),
        ("an inner length beyond the outer", Ldap, Capabilities, b"\x30\x0c\x02\x01\x01\x65\x7f\x0a\x01\0\x04\0\x04\0", Silence, fails(NotTheProtocol, 500)),
        ("an LDAP message of another id", Ldap, Capabilities, b"\x30\x0c\x02\x01\x07\x65\x07\x0a\x01\0\x04\0\x04\0", Silence, fails(NotTheProtocol, 1_000)),
        ("an LDAP message of a negative id", Ldap, Capabilities, b"\x30\x0c\x02\x01\xff\x65\x07\x0a\x01\0\x04\0\x04\0", Silence, fails(NotTheProtocol, 500)),
        ("a referral", Ldaps, Application, b"\x30\x20\x02\x01\x03\x65\x1b\x0a\x01\x0a\x04\0\x04\0\xa3\x12\x04\x10ldap://evil/\x1b[2J", Silence, fails(CommandRejected, 1_000)),
        ("references without end", Ldap, Capabilities, b"", Endless(b"\x30\x0c\x02\x01\x01\x73\x07\x04\x05ldap:"), fails(NotTheProtocol, 0)),
        ("entries without end", Ldap, Capabilities, b"", Endless(b"\x30\x09\x02\x01\x01\x64\x04\x04\0\x30\0"), fails(NotTheProtocol, 0)),
        ("a go-ahead of another id", Ldap, Starttls, b"\x30\x0c\x02\x01\x07\x78\x07\x0a\x01\0\x04\0\x04\0", Silence, fails(NotTheProtocol, 1_000)),
        ("a go-ahead of the question before", Ldap, Starttls, b"\x30\x0c\x02\x01\x01\x78\x07\x0a\x01\0\x04\0\x04\0", Silence, fails(NotTheProtocol, 1_000)),
        ("a go-ahead of another operation", Ldap, Starttls, b"\x30\x0c\x02\x01\x02\x65\x07\x0a\x01\0\x04\0\x04\0", Silence, fails(NotTheProtocol, 1_000)),
        ("a referral for the go-ahead", Ldap, Starttls, b"\x30\x20\x02\x01\x02\x78\x1b\x0a\x01\x0a\x04\0\x04\0\xa3\x12\x04\x10ldap://evil/\x1b[2J", Silence, fails(StarttlsRejected, 1_000)),
        ("a notice of disconnection", Ldap, Starttls, b"\x30\x24\x02\x01\0\x78\x1f\x0a\x01\x33\x04\0\x04\0\x8a\x161.3.6.1.4.1.1466.20036", Close, fails(ServiceUnavailable, 0)),
        // -- RDP
        ("TPKT of length 3", Rdp, Starttls, b"\x03\0\0\x03", Endless(b"\x03\0\0\x03"), fails(NotTheProtocol, 0)),
        ("TPKT of length 0", Rdp, Starttls, b"\x03\0\0\0", Silence, fails(NotTheProtocol, 500)),
        ("TPKT of length 65535", Rdp, Starttls, b"\x03\0\xff\xff", Endless(b"\0"), fails(Flood, 0)),
        ("TPKT of length 65535, then silence", Rdp, Starttls, b"\x03\0\xff\xff\x0e\xd0\0\0\x12\x34\0", Silence, fails(Flood, 0)),
        ("a confirm cut short, then silence", Rdp, Starttls, b"\x03\0\0\x13\x0e\xd0\0\0\x12\x34\0\x02\x1f\x08", Silence, fails(Stalled, 5_000)),
        ("a confirm cut short, then the end", Rdp, Starttls, b"\x03\0\0\x13\x0e\xd0\0\0\x12\x34\0\x02\x1f\x08", Close, fails(Closed, 0)),
        ("a confirm that is shorter than it says", Rdp, Starttls, b"\x03\0\0\x13\xff\xd0\0\0\x12\x34\0\x02\x1f\x08\0\x08\0\0\0", Silence, fails(NotTheProtocol, 500)),
        ("a protocol that was not asked for", Rdp, Starttls, b"\x03\0\0\x13\x0e\xd0\0\0\x12\x34\0\x02\x1f\x08\0\xff\xff\xff\xff", Silence, fails(NegotiationFailed, 0)),
        // -- HTTP
        ("headers without end", Http, Application, b"HTTP/1.1 200 OK\r\n", Endless(b"A: b\r\n"), fails(Flood, 0)),
        ("one header without end", Http, Application, b"HTTP/1.1 200 OK\r\nA: ", Endless(b"b"), fails(Flood, 0)),
        ("1xx without end", Http, Application, b"", Endless(b"HTTP/1.1 103 Early Hints\r\n\r\n"), fails(Flood, 0)),
        ("blank lines without end", Http, Application, b"", Endless(b"\r\n"), fails(Flood, 0)),
        ("a status of five digits", Http, Application, b"HTTP/1.1 99999 OK\r\n\r\n", Close, fails(NotTheProtocol, 0)),
        ("HTTP/2 at once", Http, Application, b"\0\0\x12\x04\0\0\0\0\0\0\x03\0\0\0\x64", Close, fails(NotTheProtocol, 0)),
        ("a head with NUL in it", Http, Application, b"HTTP/1.1 200 OK\r\nA\0B: \0\r\n\r\n", Close, fails(NotTheProtocol, 0)),
    ]
};

/// What breaks the rules of one protocol, at its own services.
fn hold(protocol: Protocol) {
    let mut sheet = Sheet::default();
    let mut cases = 0;
    for (peer, id, stage, says, end, right) in CASES {
        if service(*id).protocol != protocol {
            continue;
        }
        cases += 1;
        sheet.try_out(Row {
            peer,
            service: *id,
            acts: (0..3).map(|_| instead(*id, *stage, says, *end)).collect(),
            right: right.at(*stage),
        });
    }
    assert!(cases > 0, "nobody breaks the rules of {protocol:?}");
    sheet.hold();
}

#[test]
fn smtp() {
    hold(Protocol::Smtp);
}

#[test]
fn imap() {
    hold(Protocol::Imap);
}

#[test]
fn pop3() {
    hold(Protocol::Pop3);
}

#[test]
fn ldap() {
    hold(Protocol::Ldap);
}

#[test]
fn rdp() {
    hold(Protocol::Rdp);
}

#[test]
fn http() {
    hold(Protocol::Http);
}

#[test]
fn smtp_as_many_words_as_are_taken() {
    let mut sheet = Sheet::default();
    sheet.try_out(Row {
        peer: "as many words as are taken, all to be escaped",
        service: ServiceId::Smtp,
        acts: vec![verbose()],
        right: passes(0),
    });
    sheet.hold();
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
#[test]
fn starttls_all_answers_at_once() {
    let mut sheet = Sheet::default();
    for half in &FIRST_HALVES {
        // A line is told when it is whole; a PDU of LDAP or RDP has none, and half a record neither.
        let is_text = half.more.ends_with(b"\n");
        for (peer, bytes, right) in [
            (
                "all answers at once, go-ahead included",
                &b""[..],
                fails(Cause::Silent, 5_000),
            ),
            (
                "all answers at once, and one more",
                half.more,
                if is_text {
                    fails(Cause::BytesInjected, 0)
                } else {
                    fails(Cause::BytesInjected, 500)
                },
            ),
            (
                "all answers at once, and half a record",
                b"\x16\x03",
                fails(Cause::BytesInjected, 500),
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
                right: right.at(Stage::TlsHandshake),
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
        right: passes(0),
    });
    sheet.hold();
}

/// Plaintext that comes a moment after the go-ahead, in place of the handshake or before it.
#[test]
fn starttls_plaintext_after_the_go_ahead() {
    let mut sheet = Sheet::default();
    for half in &FIRST_HALVES {
        // A line is told when it is whole; a PDU of LDAP or RDP has none.
        let rest = if half.more.ends_with(b"\n") { 0 } else { 500 };
        let pauses = 100 * (half.says.len() as u64 + 1);
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
                right: fails_at(Stage::TlsHandshake, Cause::BytesInjected, pauses + rest),
            });
        }
    }
    sheet.hold();
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
            End::Endless(more) => {
                let wave = more.repeat(4096_usize.div_ceil(more.len()));
                while peer.say(&wave).await == Line::Up {}
            }
        }
    })
}
