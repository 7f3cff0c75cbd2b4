//! Every wait ends, and at the moment it has to: the clock stands still, so that moments are exact.

use std::time::Duration;

use exchports::catalog::{Protocol, SERVICES, Security, Service, ServiceId, service};
use exchports::net::{Halter, Record};
use exchports::observation::{Cause, Detour, Speaker, Stage};
use exchports::plan::{Limits, Transcripts};

use super::script::{Script, Step, play_along, script};
use super::transcripts::facts;
use super::trial::{Outcome, Trial};
use crate::peer::{Act, Line, Peer, Pipe, act, on_a_clock_that_stands_still};

const SECOND: Duration = Duration::from_secs(1);

/// A healthy conversation of every service.
pub(crate) const HEALTHY: [&str; 12] = [
    "smtp-exchange-2019-25",
    "http-exchange-80",
    "pop3-exchange-110",
    "imap-exchange-143",
    "ldap-ad-389",
    "http-exchange-443",
    "smtp-465",
    "smtp-exchange-2019-587",
    "ldap-ad-636",
    "imap-exchange-993",
    "pop3-exchange-995",
    "rdp-windows",
];

#[test]
fn every_service_has_a_healthy_conversation() {
    let services: Vec<ServiceId> = HEALTHY.map(|name| script(name).service).into();
    assert_eq!(services, SERVICES.each_ref().map(|service| service.id));
}

// -- silence

#[test]
fn silence_ends_every_stage_at_its_time() {
    for limits in [Limits::default(), scaled()] {
        for cut in every_cut() {
            let trial = Trial {
                limits,
                ..Trial::of(cut.script.service, cut.peers())
            };
            let outcome = on_a_clock_that_stands_still(trial.run());
            let Some(stage) = cut.stage else {
                assert_eq!(outcome.observation.failure, None, "{cut:?}");
                assert_eq!(outcome.took, limits.goodbye, "{cut:?}");
                continue;
            };
            cut.assert_ended(&outcome, stage, Cause::Silent);
            let security = service(cut.script.service).security;
            let second_look = if stage == Stage::Greeting && security == Security::Starttls {
                limits.handshake
            } else {
                Duration::ZERO
            };
            let patience = patience(limits, stage);
            // The second look ends with the check at the latest.
            let took = (patience + second_look).min(limits.check);
            assert_eq!(outcome.took, took, "{cut:?}");
            let mut steps = outcome.observation.steps.iter();
            let step = steps.find(|step| step.stage == stage).unwrap();
            assert_eq!(step.took, patience, "{cut:?}");
        }
    }
}

#[test]
fn the_runs_end_and_the_interrupt_end_every_stage_and_keep_what_was_learned() {
    let early = SECOND / 2;
    for cut in every_cut() {
        for cause in [Cause::Deadline, Cause::Interrupted] {
            let (halter, halt) = Halter::new();
            let mut trial = Trial::of(cut.script.service, cut.peers());
            if cause == Cause::Deadline {
                trial.deadline = Some(early);
            } else {
                trial.halt = halt;
            }
            let outcome = on_a_clock_that_stands_still(async move {
                tokio::spawn(async move {
                    tokio::time::sleep(early).await;
                    halter.halt();
                    // Whoever drops it takes the word back.
                    std::future::pending::<()>().await;
                });
                trial.run().await
            });
            assert_eq!(outcome.took, early, "{cut:?} {cause:?}");
            match cut.stage {
                Some(stage) => cut.assert_ended(&outcome, stage, cause),
                None => assert_eq!(outcome.observation.failure, None, "{cut:?} {cause:?}"),
            }
        }
    }
}

#[test]
fn what_the_first_connection_showed_stands_when_the_second_is_cut_off() {
    let silent = || act(|mut peer: Peer| async move { drop(peer.hear_out().await) });
    let trial = Trial {
        deadline: Some(10 * SECOND),
        ..Trial::of(ServiceId::Submission, vec![silent(), silent()])
    };
    let outcome = on_a_clock_that_stands_still(trial.run());
    let failure = outcome.observation.failure.unwrap();
    assert_eq!(
        (failure.stage, failure.cause),
        (Stage::Greeting, Cause::Silent)
    );
    assert_eq!(outcome.took, 10 * SECOND);
    assert_eq!(outcome.connections.len(), 2);
}

/// A healthy conversation in which the server falls silent.
#[derive(Debug)]
pub(crate) struct Cut {
    pub(crate) script: Script,
    /// Where; `None` is the goodbye.
    pub(crate) stage: Option<Stage>,
    pub(crate) steps: Vec<Step>,
    /// Facts that are known by then.
    known: usize,
}

pub(crate) fn every_cut() -> Vec<Cut> {
    let mut cuts = Vec::new();
    for name in HEALTHY {
        let script = script(name);
        let mut stages = stages(service(script.service)).iter().copied();
        let steps = script.connections.concat();
        let mut known = 0;
        for (at, step) in steps.iter().enumerate() {
            if !matches!(step, Step::Say(_) | Step::Tls(_)) {
                continue;
            }
            let stage = stages.next();
            cuts.push(Cut {
                script: script.clone(),
                stage,
                steps: steps[..at].to_vec(),
                known,
            });
            known += usize::from(stage.is_some_and(|stage| {
                use Stage::{Application, Capabilities, Greeting, SecureCapabilities};
                matches!(
                    stage,
                    Greeting | Capabilities | SecureCapabilities | Application
                )
            }));
        }
        assert_eq!(stages.next(), None, "{name}");
    }
    cuts
}

impl Cut {
    fn peers(&self) -> Vec<Act> {
        let mut first = self.steps.clone();
        first.push(Step::Silence);
        let second = vec![Step::Whatever];
        vec![
            act(move |peer| play_along(first, peer)),
            act(move |peer| play_along(second, peer)),
        ]
    }

    /// It ended there and so, without a goodbye, and what was learned before is told.
    fn assert_ended(&self, outcome: &Outcome, stage: Stage, cause: Cause) {
        let seen = &outcome.observation;
        let failure = seen.failure.as_ref().unwrap();
        assert_eq!((failure.stage, failure.cause), (stage, cause), "{self:?}");
        let facts = seen.peer.as_ref().map(facts).unwrap_or_default();
        assert!(facts.len() >= self.known, "{self:?}: {facts:?}");
        let heard = |step: &Step| matches!(step, Step::Hear(_));
        let commands: Vec<u8> = self
            .steps
            .iter()
            .filter(|step| heard(step))
            .flat_map(|step| match step {
                Step::Hear(bytes) => bytes.clone(),
                _ => Vec::new(),
            })
            .collect();
        if stage != Stage::TlsHandshake {
            assert_eq!(
                outcome.connections[0].said.escape_ascii().to_string(),
                commands.escape_ascii().to_string(),
                "{self:?}: and not a word more"
            );
        }
        if self.steps.iter().any(|step| matches!(step, Step::Tls(_))) {
            assert!(seen.tls.as_ref().unwrap().version.is_some(), "{self:?}");
        }
    }
}

/// What a healthy conversation goes through, the connect aside.
fn stages(service: &Service) -> &'static [Stage] {
    use Stage::{Application, Capabilities, Greeting, SecureCapabilities, Starttls, TlsHandshake};
    match (service.protocol, service.security) {
        (Protocol::Http, Security::Cleartext) => &[Application],
        (Protocol::Http | Protocol::Ldap, Security::ImplicitTls) => &[TlsHandshake, Application],
        (Protocol::Ldap, _) => &[Capabilities, Starttls, TlsHandshake, Application],
        (Protocol::Rdp, _) => &[Starttls, TlsHandshake],
        (_, Security::ImplicitTls) => &[TlsHandshake, Greeting, SecureCapabilities],
        _ => &[
            Greeting,
            Capabilities,
            Starttls,
            TlsHandshake,
            SecureCapabilities,
        ],
    }
}

fn patience(limits: Limits, stage: Stage) -> Duration {
    let share = match stage {
        Stage::Greeting => 8,
        _ => 5,
    };
    // A server that takes two seconds to answer is slow, not silent, however short the check is.
    (limits.check * share / 15)
        .max(2 * SECOND)
        .min(limits.check)
}

fn scaled() -> Limits {
    Limits::for_check(3 * SECOND, SECOND)
}

// -- drips

/// A byte a second is not enough for anybody.
#[test]
fn a_byte_a_second_is_stalled() {
    use Stage::{Application, Capabilities, Greeting, Starttls, TlsHandshake};
    for (id, said, stage, cause, took) in [
        (
            ServiceId::Smtp,
            &b"220-mail01 "[..],
            Greeting,
            Cause::Stalled,
            8,
        ),
        (ServiceId::Smtp, b"220-\r\n", Greeting, Cause::Stalled, 8),
        (
            ServiceId::Submission,
            b"220-mail01 ",
            Greeting,
            Cause::Stalled,
            8,
        ),
        (ServiceId::Imap, b"* OK and ", Greeting, Cause::Stalled, 8),
        (ServiceId::Pop3, b"+OK and ", Greeting, Cause::Stalled, 8),
        (
            ServiceId::Ldap,
            b"\x30\x84\0\0\xff\xff\x02\x01\x01",
            Capabilities,
            Cause::Stalled,
            5,
        ),
        (
            ServiceId::Http,
            b"HTTP/1.1 200 OK\r\n",
            Application,
            Cause::Stalled,
            5,
        ),
        (
            ServiceId::Rdp,
            b"\x03\0\0\x13\x0e\xd0\0\0",
            Starttls,
            Cause::Stalled,
            5,
        ),
        (
            ServiceId::Https,
            b"\x16\x03\x03\x40\0",
            TlsHandshake,
            Cause::Stalled,
            5,
        ),
        (
            ServiceId::Imaps,
            b"\x16\x03\x03\x40\0",
            TlsHandshake,
            Cause::Stalled,
            5,
        ),
    ] {
        let outcome = on_a_clock_that_stands_still(Trial::of(id, vec![drip(said)]).run());
        let failure = outcome.observation.failure.unwrap();
        assert_eq!((failure.stage, failure.cause), (stage, cause), "{id:?}");
        assert_eq!(outcome.took, took * SECOND, "{id:?}");
        assert_eq!(outcome.connections.len(), 1, "{id:?}");
    }
}

/// One byte tells that it is no TLS; both connections drip, and the first is told.
#[test]
fn cleartext_that_drips_on_a_tls_port_is_cleartext() {
    for (id, said, words) in [
        (ServiceId::Submissions, &b"220-mail01 "[..], "2"),
        (ServiceId::Imaps, b"* OK and ", "*"),
    ] {
        let outcome =
            on_a_clock_that_stands_still(Trial::of(id, vec![drip(said), drip(said)]).run());
        let failure = outcome.observation.failure.unwrap();
        assert_eq!(
            (failure.stage, failure.cause),
            (Stage::TlsHandshake, Cause::Cleartext)
        );
        assert_eq!(failure.detail.unwrap().as_str(), words);
        assert!(outcome.took <= Limits::CHECK);
    }
}

/// Says the same over and over, a byte a second.
fn drip(said: &'static [u8]) -> Act {
    act(move |mut peer: Peer| async move {
        for byte in said.iter().cycle() {
            if peer.say(&[*byte]).await == Line::Down {
                break;
            }
            tokio::time::sleep(SECOND).await;
        }
    })
}

// -- the whole check

/// Every response comes in time, and there is no end to them: the first connection ends when a second one has to
/// begin.
#[test]
fn remarks_without_end_cost_what_one_connection_may() {
    let peer = act(|mut peer: Peer| async move {
        peer.say(b"* OK ready\r\n").await;
        while peer.say(b"* OK wait\r\n").await == Line::Up {
            tokio::time::sleep(SECOND * 49 / 10).await;
        }
    });
    let outcome = on_a_clock_that_stands_still(Trial::of(ServiceId::Imap, vec![peer]).run());
    let failure = outcome.observation.failure.unwrap();
    assert_eq!(
        (failure.stage, failure.cause),
        (Stage::Capabilities, Cause::Silent)
    );
    assert_eq!(outcome.took, 11 * SECOND);
}

#[test]
fn a_second_look_ends_with_the_check() {
    for (limits, unit) in [(Limits::default(), SECOND), (scaled(), SECOND / 5)] {
        let first = act(move |mut peer: Peer| async move {
            tokio::time::sleep(3 * unit).await;
            peer.say(b"220 mail01 ready\r\n").await;
            peer.hear_out().await;
        });
        let second = act(move |mut peer: Peer| async move {
            tokio::time::sleep(unit * 79 / 10).await;
            peer.say(b"220 mail01 ready\r\n").await;
            peer.hear_out().await;
        });
        let trial = Trial {
            limits,
            ..Trial::of(ServiceId::Submissions, vec![first, second])
        };
        let outcome = on_a_clock_that_stands_still(trial.run());
        let seen = outcome.observation;
        let failure = seen.failure.unwrap();
        assert_eq!(
            (failure.stage, failure.cause),
            (Stage::TlsHandshake, Cause::Cleartext)
        );
        assert_eq!(seen.detour, Some(Detour::CleartextOnTlsPort));
        assert_eq!(facts(&seen.peer.unwrap()), ["greeting = 220 mail01 ready"]);
        assert_eq!(outcome.took, limits.check);
    }
}

#[test]
fn a_peer_that_does_not_listen_is_stalled() {
    let peer = act(|mut peer: Peer| async move {
        peer.say(b"220 mail01 ready\r\n").await;
        peer.stay_deaf().await;
    });
    let trial = Trial {
        pipe: Pipe {
            up: 4,
            ..Pipe::WIDE
        },
        ..Trial::of(ServiceId::Smtp, vec![peer])
    };
    let outcome = on_a_clock_that_stands_still(trial.run());
    let failure = outcome.observation.failure.unwrap();
    assert_eq!(
        (failure.stage, failure.cause),
        (Stage::Capabilities, Cause::Stalled)
    );
    assert_eq!(outcome.took, 5 * SECOND);
}

// -- floods

/// As much as a flood brings, if we let it.
const FLOOD: usize = 100_000_000;

/// One read.
const CHUNK: usize = 4096;

/// Whatever comes without end, on whatever port, in clear or in the secure session: it costs no time and no memory.
#[test]
fn a_flood_is_left_alone() {
    let floods: [(&[u8], &[u8]); 14] = [
        (b"", b"220-mail01\r\n"),
        (b"220 ", b"mail01 "),
        (b"", b"* OK wait\r\n"),
        (b"* OK ready\r\n", b"* CAPABILITY IMAP4rev1 STARTTLS\r\n"),
        (b"* OK ready\r\n* LIST {60000}\r\n", b"x"),
        (b"+OK ready\r\n+OK\r\n", b"TOP\r\n"),
        (b"\x30\x84\0\x03\xff\xf0\x02\x01\x01\x64", b"\x04"),
        (b"", b"\x30\x07\x02\x01\x01\x73\x02\x04\0"),
        (b"HTTP/1.1 200 OK\r\n", b"A: b\r\n"),
        (b"HTTP/1.1 200 OK\r\nA: ", b"b"),
        (b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
        (b"", b"\r\n"),
        (b"", b"\0"),
        (b"", b"\xff"),
    ];
    for service in &SERVICES {
        for (begin, more) in floods {
            for secure in [Security::Cleartext, Security::ImplicitTls] {
                if secure == Security::ImplicitTls && service.security != Security::ImplicitTls {
                    continue;
                }
                let peers = vec![flood(begin, more, secure), flood(begin, more, secure)];
                let outcome = on_a_clock_that_stands_still(Trial::of(service.id, peers).run());
                assert_dry(&outcome, &format!("{} {more:?} {secure:?}", service.name));
            }
        }
    }
}

/// Each limit has its own flood: a line, a reply, an answer that is announced, a connection, a number of answers.
#[test]
fn each_limit_ends_its_own_flood() {
    /// What is sent first, what without end, where it ends, and after how many bytes.
    type Flood<'a> = (ServiceId, &'a [u8], &'a [u8], Stage, usize);
    use Stage::{Application, Capabilities, Greeting};
    let literal = [&b"* LIST {60000}\r\n"[..], &b"x".repeat(60000), b"\r\n"].concat();
    let announced = &b"\x30\x84\0\x03\xff\xf0\x02\x01\x01\x64\x84\0\x03\xff\xe7"[..];
    let floods: [Flood<'_>; 7] = [
        (ServiceId::Smtp, b"220 ", b"mail01 ", Greeting, 8 * 1024),
        (ServiceId::Smtp, b"", b"220-mail01\r\n", Greeting, 200 * 12),
        (
            ServiceId::Imap,
            b"* OK\r\n",
            literal.leak(),
            Capabilities,
            Limits::CONNECTION_BYTES,
        ),
        (
            ServiceId::Imap,
            b"* OK\r\n",
            b"* OK wait\r\n",
            Capabilities,
            100 * 11,
        ),
        (
            ServiceId::Ldap,
            announced,
            b"\x04",
            Capabilities,
            Limits::REPLY_BYTES,
        ),
        (
            ServiceId::Http,
            b"HTTP/1.1 200 OK\r\nA: ",
            b"b",
            Application,
            Limits::REPLY_BYTES,
        ),
        (
            ServiceId::Pop3,
            b"+OK\r\n+OK\r\n",
            b"TOP\r\n",
            Capabilities,
            200 * 5,
        ),
    ];
    for (id, begin, more, stage, most) in floods {
        let peer = flood(begin, more, Security::Cleartext);
        let outcome = on_a_clock_that_stands_still(Trial::of(id, vec![peer]).run());
        let failure = outcome.observation.failure.unwrap();
        let ended = (failure.stage, failure.cause);
        assert_eq!(ended, (stage, Cause::Flood), "{id:?} {}", more.len());
        // A read takes what is there, and another may be on its way.
        let read = outcome.connections[0].read;
        assert!(
            read <= most + 2 * CHUNK,
            "{id:?} {}: {read} bytes",
            more.len()
        );
    }
}

/// Who goes on after the goodbye is not listened to.
#[test]
fn a_goodbye_without_end_is_heard_no_further_than_its_bound() {
    let moment = SECOND / 10;
    for cut in every_cut().into_iter().filter(|cut| cut.stage.is_none()) {
        let [healthy, endless] = [false, true].map(|is_endless| {
            let steps = cut.steps.clone();
            let peer = act(move |mut peer: Peer| async move {
                for step in steps {
                    match step {
                        Step::Say(bytes) => drop(peer.say(&bytes).await),
                        Step::Hear(expected) => drop(peer.hear(expected.len()).await),
                        Step::Tls(version) => peer.secure(version).await,
                        other => panic!("{other:?} is in no healthy conversation"),
                    }
                }
                peer.say(b"221 that was all\r\n").await;
                // By then the answer was heard, and our end is closed.
                tokio::time::sleep(moment).await;
                while is_endless && peer.say(&[b'x'; CHUNK]).await == Line::Up {}
            });
            let trial = Trial::of(cut.script.service, vec![peer]);
            let outcome = on_a_clock_that_stands_still(trial.run());
            assert_eq!(outcome.observation.failure, None, "{cut:?}");
            assert_eq!(outcome.took, moment, "{cut:?}");
            outcome.connections[0].read
        });
        // A record or two may have been on their way.
        let more = endless.saturating_sub(healthy);
        assert!(
            more <= Limits::GOODBYE_BYTES + 2 * 0x4000,
            "{cut:?}: {more}"
        );
    }
}

/// Records of every type without end, before there is a session: empty ones, full ones, alerts that only warn.
#[test]
fn a_flood_of_tls_records_is_left_alone() {
    let full = |kind: u8| [&[kind, 3, 3, 0x40, 0][..], &[0; 0x4000]].concat();
    for records in [
        b"\x16\x03\x03\0\0".to_vec(),
        b"\x17\x03\x03\0\0".to_vec(),
        b"\x14\x03\x03\0\x01\x01".to_vec(),
        b"\x15\x03\x03\0\x02\x01\x5a".to_vec(),
        b"\x15\x03\x03\0\x02\x01\0".to_vec(),
        [&b"\x16\x03\x03\x40\0\x02\xff\xff\xff"[..], &[0; 0x3ffc]].concat(),
        full(0x16),
        full(0x17),
    ] {
        let peers = vec![flood(b"", records.leak(), Security::Cleartext)];
        let outcome = on_a_clock_that_stands_still(Trial::of(ServiceId::Https, peers).run());
        assert_dry(&outcome, "records");
    }
}

// -- what is kept

/// Of many lines only so many, of long ones only so many bytes; that there was more is told.
#[test]
fn of_a_conversation_no_more_is_kept_than_its_bounds() {
    for (line, lines, bytes) in [
        (&b"250-x"[..], 199, 199 * 5),
        // Each of these bytes takes four when it is shown.
        (&[0xff; 2000], 16, 16 * 8000),
    ] {
        let mut record = Record::new(Transcripts::Kept);
        for _ in 0..1000 {
            record.note(Speaker::Server, line);
        }
        let mut kept = record.into_observation(None, None).transcript;
        let cut = kept.pop().unwrap();
        assert_eq!(cut.speaker, Speaker::Event);
        assert_eq!(cut.text.as_str(), "what follows is left out");
        let size: usize = kept.iter().map(|line| line.text.as_str().len()).sum();
        assert_eq!((kept.len(), size), (lines, bytes));
        assert!(kept.len() < Limits::TRANSCRIPT_LINES);
        assert!(size <= Limits::TRANSCRIPT_BYTES);
    }
}

/// What ends a conversation is kept as far as anybody reads on.
#[test]
fn of_what_breaks_a_conversation_off_its_beginning_is_kept() {
    let text = format!("220 {}", "x".repeat(1020));
    // Before there is TLS, no more is heard than tells what it is.
    let instead = format!("* OK {}", "x".repeat(507));
    let bytes = format!("30 84 00 03 ff f0{} … (1024 bytes)", " 04".repeat(26));
    for (id, begin, more, kept) in [
        (ServiceId::Smtp, &b"220 "[..], b"x", text),
        (ServiceId::Ldap, b"\x30\x84\0\x03\xff\xf0", b"\x04", bytes),
        (ServiceId::Imaps, b"* OK ", b"x", instead),
    ] {
        let peers = vec![flood(begin, more, Security::Cleartext)];
        let outcome = on_a_clock_that_stands_still(Trial::of(id, peers).run());
        let seen = outcome.observation;
        let cause = seen.failure.unwrap().cause;
        assert!(
            matches!(cause, Cause::Flood | Cause::Cleartext),
            "{cause:?}"
        );
        let heard = seen.transcript.iter();
        let heard = heard.filter(|line| line.speaker == Speaker::Server);
        let heard: Vec<&str> = heard.map(|line| line.text.as_str()).collect();
        assert_eq!(heard, [kept]);
    }
}

/// One byte that is no text does not make a line unreadable: only PDUs are shown in hexadecimal.
#[test]
fn a_line_with_an_odd_byte_is_kept_as_a_line() {
    for (id, said, kept) in [
        (
            ServiceId::Smtp,
            &b"220 caf\xe4 \x1b[2J\r\n"[..],
            "220 caf\\xE4 \\x1B[2J",
        ),
        (ServiceId::Pop3, b"00\0\r\n", "00\\x00"),
        (
            ServiceId::Ldap,
            b"\x30\x0c\x02\x01\x01\x65\x07\x0a\x01\x35\x04\0\x04\0",
            "30 0c 02 01 01 65 07 0a 01 35 04 00 04 00 (14 bytes)",
        ),
    ] {
        let peer = act(move |mut peer: Peer| async move {
            let _ = peer.say(said).await;
        });
        let outcome = on_a_clock_that_stands_still(Trial::of(id, vec![peer]).run());
        let lines = outcome.observation.transcript;
        let heard = lines.iter().find(|line| line.speaker == Speaker::Server);
        assert_eq!(heard.map(|line| line.text.as_str()), Some(kept));
    }
}

fn assert_dry(outcome: &Outcome, what: &str) {
    assert_eq!(
        outcome.took,
        Duration::ZERO,
        "{what}: {:#?}",
        outcome.observation
    );
    assert!(!outcome.connections.is_empty());
    for connection in &outcome.connections {
        // TLS adds 22 bytes and more to a record of up to 16 KiB.
        let most = Limits::CONNECTION_BYTES + CHUNK;
        let most = most + most / 16 + 2 * 0x4000;
        assert!(
            connection.read <= most,
            "{what}: {} bytes read",
            connection.read
        );
    }
}

fn flood(begin: &'static [u8], more: &'static [u8], secure: Security) -> Act {
    act(move |mut peer: Peer| async move {
        if secure == Security::ImplicitTls {
            peer.secure(&rustls::version::TLS13).await;
        }
        peer.say(begin).await;
        let wave = more.repeat(CHUNK.div_ceil(more.len()));
        let mut said = 0;
        while peer.say(&wave).await == Line::Up {
            said += wave.len();
            assert!(said < FLOOD, "it was swallowed");
        }
    })
}
