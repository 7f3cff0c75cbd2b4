//! # probe: the conversations
//!
//! One file a protocol, one dialogue each: what a polite client says until it knows whether the service can be used,
//! and not a word more. Nobody signs in, sends mail or binds. A dialogue reads and writes through a
//! [`Session`] and comes back with a [`Failure`] or none; what it learned stands in facts that survive the failure.
//! What anything means is for `judge`.
//!
//! Start reading at [`probe`], then at [`smtp`], the fullest of the dialogues.

mod ask;
mod first_half;
mod header;
mod http;
mod imap;
mod ldap;
mod old_tls;
mod pop3;
mod rdp;
mod smtp;
mod web;

pub use ask::Ask;

use ask::TlsMode;
use first_half::{ask_for_tls, nothing_yet};

use crate::catalog::{Protocol, Security, virtual_directory};
use crate::facts::{
    HttpFacts, ImapFacts, LdapFacts, LegacyAnswer, PeerFacts, Pop3Facts, RdpFacts, SmtpFacts, Text,
};
use crate::net::{Alpn, Dial, Record, Session, Stream};
use crate::observation::{Cause, Detour, Failure, Observation, Stage};
use crate::plan::{Audit, Depth};
use crate::wire::sniff::{Spoken, sniff};

/// Looks at one service.
///
/// When the first connection shows that the port speaks in clear where TLS belongs, or the reverse, a second one goes
/// the other way and the observation tells of the detour; where nothing more comes of that one, the failure is the
/// detour's. When the handshake failed as it does with servers that speak
/// old TLS only, a second one asks in old TLS; the failure stays, and its cause can become a narrower one. An audit
/// dials more often; its connections leave facts, and no steps: how long a service takes does not depend on it.
pub async fn probe(dial: &impl Dial, ask: &Ask) -> Observation {
    let mut record = Record::new(ask.transcripts);
    let mut peer = nothing_yet(ask.service.protocol);
    let mode = match ask.service.security {
        Security::Cleartext => TlsMode::Clear,
        Security::Starttls | Security::X224 => TlsMode::Upgrade,
        Security::ImplicitTls => TlsMode::Tls,
    };
    if let (Some(directory), PeerFacts::Http(facts), Depth::Full) =
        (virtual_directory(ask.service.id), &mut peer, ask.depth)
    {
        let mut failure = web::look(dial, ask, directory, &mut record, facts)
            .await
            .err();
        look_at_old_tls(dial, ask, mode, &mut record, failure.as_mut()).await;
        name_the_stranger(ask.service.protocol, failure.as_mut(), None);
        if let (Audit::Yes, None, PeerFacts::Http(facts)) = (ask.audit, &failure, &mut peer) {
            let last = record.connection();
            web::audit(dial, ask, directory, &mut record, facts).await;
            record.forget_steps_after(last);
        }
        return observation(record, failure, None, peer);
    }
    let mut failure = converse(dial, ask, mode, &mut record, &mut peer)
        .await
        .err();
    let mut detour = None;
    let mut gone = mode;
    // A refusal in clear, in the words of the protocol, says why there is no TLS: no second look is needed.
    if let Some(failure) = failure.as_mut()
        && failure.cause == Cause::Cleartext
        && is_turned_away(ask.service.protocol, failure)
    {
        failure.cause = Cause::ServiceUnavailable;
    }
    if let Some((other, seen)) = failure
        .as_ref()
        .and_then(|failure| other_mode(ask.service.protocol, mode, failure))
    {
        let mut second = nothing_yet(ask.service.protocol);
        let first_tls = record.set_tls(None);
        let outcome = converse(dial, ask, other, &mut record, &mut second).await;
        let protocol = ask.service.protocol;
        if led_somewhere(seen, protocol, outcome.as_ref().err(), &second, &record) {
            failure = settled(failure, seen, outcome.err());
            peer = second;
            detour = Some(seen);
            gone = other;
        } else {
            record.set_tls(first_tls);
            name_the_stranger(protocol, failure.as_mut(), outcome.as_ref().err());
            look_for_header(
                dial,
                ask,
                mode,
                &mut record,
                &mut failure,
                outcome.as_ref().err(),
            )
            .await;
        }
    } else {
        look_at_old_tls(dial, ask, mode, &mut record, failure.as_mut()).await;
        look_for_header(dial, ask, mode, &mut record, &mut failure, None).await;
    }
    if let PeerFacts::Http(facts) = &peer
        && failure.is_none()
        && facts.status == Some(400)
        && gone == TlsMode::Clear
    {
        failure = listen(dial, &mut record).await;
    }
    if ask.audit == Audit::Yes && ask.depth == Depth::Full && gone != TlsMode::Clear {
        let last = record.connection();
        old_tls::audit(dial, ask, gone, &mut record, &mut peer).await;
        record.forget_steps_after(last);
    }
    observation(record, failure, detour, peer)
}

fn observation(
    record: Record,
    failure: Option<Failure>,
    detour: Option<Detour>,
    peer: PeerFacts,
) -> Observation {
    Observation {
        peer: Some(peer).filter(|peer| !is_empty(peer)),
        ..record.into_observation(failure, detour)
    }
}

fn is_empty(peer: &PeerFacts) -> bool {
    match peer {
        PeerFacts::Smtp(facts) => *facts == SmtpFacts::default(),
        PeerFacts::Imap(facts) => *facts == ImapFacts::default(),
        PeerFacts::Pop3(facts) => *facts == Pop3Facts::default(),
        PeerFacts::Ldap(facts) => *facts == LdapFacts::default(),
        PeerFacts::Rdp(facts) => *facts == RdpFacts::default(),
        PeerFacts::Http(facts) => *facts == HttpFacts::default(),
    }
}

/// One connection, from the dial to the goodbye.
async fn converse(
    dial: &impl Dial,
    ask: &Ask,
    mode: TlsMode,
    record: &mut Record,
    peer: &mut PeerFacts,
) -> Result<(), Failure> {
    let mut session = dial.dial(record).await?;
    let result = match ask.depth {
        Depth::TcpOnly => Ok(()),
        Depth::Full => talk(&mut session, ask, mode, peer).await,
    };
    let farewell = match (ask.depth, ask.service.protocol) {
        (Depth::TcpOnly, _) | (_, Protocol::Http | Protocol::Rdp) => None,
        (_, Protocol::Smtp) => Some(smtp::farewell()),
        (_, Protocol::Imap) => Some(imap::farewell()),
        (_, Protocol::Pop3) => Some(pop3::farewell()),
        (_, Protocol::Ldap) => Some(ldap::farewell()),
    };
    session.take_leave(farewell.as_deref()).await;
    result
}

/// A whole dialogue: its two halves, and the handshake between them.
async fn talk<S: Stream>(
    session: &mut Session<'_, S>,
    ask: &Ask,
    mode: TlsMode,
    peer: &mut PeerFacts,
) -> Result<(), Failure> {
    ask_for_tls(session, ask, mode, peer).await?;
    if mode != TlsMode::Clear {
        let alpn = match ask.service.protocol {
            Protocol::Http => Alpn::Http11,
            _ => Alpn::Silent,
        };
        session.upgrade(alpn).await?;
    }
    match peer {
        PeerFacts::Smtp(facts) => smtp::talk(session, ask, mode, facts).await,
        PeerFacts::Imap(facts) => imap::talk(session, mode, facts).await,
        PeerFacts::Pop3(facts) => pop3::talk(session, mode, facts).await,
        PeerFacts::Ldap(facts) => ldap::talk(session, facts).await,
        PeerFacts::Rdp(_) => Ok(()),
        PeerFacts::Http(facts) => http::talk(session, ask, mode, facts).await,
    }
}

/// Whether words in clear where TLS belongs turn the client away for now, as limits do: 4xx.
fn is_turned_away(protocol: Protocol, failure: &Failure) -> bool {
    let heard = failure.detail.as_ref().map_or("", Text::as_str).as_bytes();
    protocol == Protocol::Smtp && matches!(heard, [b'4', b'0'..=b'9', b'0'..=b'9', b' ' | b'-', ..])
}

/// One connection more, on which nothing is asked: whether a server that waits for its client speaks all the same, as to
/// the header of the PROXY protocol.
async fn listen(dial: &impl Dial, record: &mut Record) -> Option<Failure> {
    let mut session = dial.dial(record).await.ok()?;
    session.enter(Stage::Application);
    let heard = session.overhear().await;
    let failure = heard.map(|heard| session.fail(Cause::Unasked, Some(heard)));
    session.take_leave(None).await;
    failure
}

/// Whether a failure is worth a second look, which way, and what it would show.
fn other_mode(protocol: Protocol, mode: TlsMode, failure: &Failure) -> Option<(TlsMode, Detour)> {
    let speaks_first = matches!(protocol, Protocol::Http | Protocol::Ldap);
    // After STARTTLS the last stage is not the first exchange.
    let is_first_exchange = match failure.stage {
        Stage::Greeting | Stage::Capabilities => true,
        Stage::Application => mode == TlsMode::Clear,
        _ => false,
    };
    match (mode, failure.cause) {
        (TlsMode::Tls, Cause::Cleartext) if protocol == Protocol::Http => {
            Some((TlsMode::Clear, Detour::CleartextOnTlsPort))
        }
        (TlsMode::Tls, Cause::Cleartext) => Some((TlsMode::Upgrade, Detour::CleartextOnTlsPort)),
        (TlsMode::Clear | TlsMode::Upgrade, Cause::Tls) if protocol != Protocol::Rdp => {
            Some((TlsMode::Tls, Detour::TlsOnCleartextPort))
        }
        // A TLS server waits for a ClientHello and says nothing, or hangs up on what is none.
        (TlsMode::Upgrade, Cause::Silent) if failure.stage == Stage::Greeting => {
            Some((TlsMode::Tls, Detour::TlsOnCleartextPort))
        }
        (TlsMode::Clear | TlsMode::Upgrade, Cause::Closed | Cause::Reset)
            if speaks_first && is_first_exchange && failure.detail.is_none() =>
        {
            Some((TlsMode::Tls, Detour::TlsOnCleartextPort))
        }
        _ => None,
    }
}

/// Asks in old TLS where that may be the reason of the failure: one connection, when there was only one before.
async fn look_at_old_tls(
    dial: &impl Dial,
    ask: &Ask,
    mode: TlsMode,
    record: &mut Record,
    failure: Option<&mut Failure>,
) {
    if let Some(failure) = failure.filter(|failure| may_be_old_tls(failure))
        && record.connection() == 1
    {
        old_tls::look_again(dial, ask, mode, record, failure).await;
    }
}

/// Whether the port waits for a header of the PROXY protocol, where nobody has said a word.
async fn look_for_header(
    dial: &impl Dial,
    ask: &Ask,
    mode: TlsMode,
    record: &mut Record,
    failure: &mut Option<Failure>,
    second: Option<&Failure>,
) {
    let answers_hello = record.tls().is_some_and(|tls| {
        let legacy = tls.legacy.as_ref();
        legacy.is_some_and(|legacy| legacy.answer != LegacyAnswer::Closed)
    });
    if let Some(failure) = failure
        && ask.depth == Depth::Full
        && !answers_hello
        && header::may_be_awaited(ask, mode, failure, second)
        && header::is_awaited(dial, ask, mode, record).await
    {
        failure.cause = Cause::HeaderAwaited;
    }
}

/// Whether old TLS may be the reason why a handshake failed. Timeouts and alerts about names and certificates have
/// others.
fn may_be_old_tls(failure: &Failure) -> bool {
    failure.stage == Stage::TlsHandshake
        && match failure.cause {
            // bad_certificate to unknown_ca, access_denied, unrecognized_name and later
            Cause::Alert(alert) => !matches!(alert, 41..=46 | 48 | 49 | 110..),
            Cause::VersionTooOld
            | Cause::ClosedOnHello
            | Cause::Closed
            | Cause::Reset
            | Cause::HandshakeFailed => true,
            _ => false,
        }
}

/// Whether the second look found what it was made for: the protocol in clear, beyond its greeting; or TLS.
fn led_somewhere(
    seen: Detour,
    protocol: Protocol,
    failure: Option<&Failure>,
    learned: &PeerFacts,
    record: &Record,
) -> bool {
    match seen {
        Detour::CleartextOnTlsPort => {
            let failed_at_greeting =
                failure.is_some_and(|failure| failure.stage <= Stage::Greeting);
            !failed_at_greeting && learned != &nothing_yet(protocol)
        }
        Detour::TlsOnCleartextPort => record.has_secure_session(),
    }
}

/// What is told after a second look that found what it was made for. Where nothing more came of it, that is the matter:
/// the port speaks the other way, and what was waited for in vain says nothing besides.
fn settled(first: Option<Failure>, seen: Detour, second: Option<Failure>) -> Option<Failure> {
    let second = second?;
    let is_mute = matches!(
        second.cause,
        Cause::Silent | Cause::Stalled | Cause::Closed | Cause::Reset
    );
    let cause = match seen {
        Detour::CleartextOnTlsPort => Cause::Cleartext,
        Detour::TlsOnCleartextPort => Cause::Tls,
    };
    match first {
        Some(first) if is_mute => Some(Failure { cause, ..first }),
        _ => Some(second),
    }
}

/// What came in clear where TLS belongs is not always this port's protocol without TLS: where it begins as another does,
/// or the second look did not understand it either, something else listens there.
fn name_the_stranger(protocol: Protocol, first: Option<&mut Failure>, second: Option<&Failure>) {
    let Some(failure) = first.filter(|failure| failure.cause == Cause::Cleartext) else {
        return;
    };
    let heard = failure.detail.as_ref().map_or("", Text::as_str);
    let is_stranger = match sniff(heard.as_bytes()) {
        Some(spoken) => !is_spoken(protocol, spoken),
        None => second.is_some_and(|second| second.cause == Cause::NotTheProtocol),
    };
    if is_stranger {
        failure.cause = Cause::NotTheProtocol;
    }
}

fn is_spoken(protocol: Protocol, spoken: Spoken) -> bool {
    match protocol {
        Protocol::Smtp => spoken == Spoken::Smtp,
        Protocol::Imap => spoken == Spoken::Imap,
        Protocol::Pop3 => spoken == Spoken::Pop3,
        Protocol::Http => matches!(spoken, Spoken::Http | Spoken::Html),
        Protocol::Ldap => spoken == Spoken::Ldap,
        Protocol::Rdp => spoken == Spoken::Rdp,
    }
}
