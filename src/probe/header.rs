//! Whether a port waits for the header of the PROXY protocol, as behind a load balancer that sends one: it closes what
//! begins otherwise, or says nothing. What proves it is an answer to the header itself, on a connection of its own.

use super::http::{USER_AGENT, host_header};
use super::{Ask, TlsMode};
use crate::catalog::Protocol;
use crate::facts::{LegacyAnswer, TlsVersion};
use crate::net::{Dial, Record, Session, Stream};
use crate::observation::{Cause, Failure, Stage};
use crate::wire::http::{self, Connection};
use crate::wire::{line, smtp};

/// The header of who says nothing of the client; every receiver has to take it (`HAProxy`, The PROXY protocol §2.1).
const HEADER: &[u8] = b"PROXY UNKNOWN\r\n";

/// Whether a failure can come of it: the port closed without a word, or was silent until it was spoken to (`second`).
pub(super) fn may_be_awaited(
    ask: &Ask,
    mode: TlsMode,
    first: &Failure,
    second: Option<&Failure>,
) -> bool {
    let is_closed = |failure: &Failure| {
        matches!(
            failure.cause,
            Cause::Closed | Cause::Reset | Cause::ClosedOnHello
        ) && is_wordless(failure)
    };
    let is_first = match mode {
        TlsMode::Tls => first.stage == Stage::TlsHandshake,
        TlsMode::Upgrade => first.stage == Stage::Greeting,
        TlsMode::Clear => first.stage == Stage::Application,
    };
    let is_asked = match ask.service.protocol {
        Protocol::Smtp | Protocol::Imap | Protocol::Pop3 => true,
        Protocol::Http => mode != TlsMode::Upgrade,
        Protocol::Ldap => mode == TlsMode::Tls,
        Protocol::Rdp => false,
    };
    let is_silent = first.cause == Cause::Silent && second.is_some_and(is_closed);
    is_first && is_asked && (is_silent || is_closed(first))
}

/// The detail of a failure of TLS says how it closed, not what was heard.
fn is_wordless(failure: &Failure) -> bool {
    failure.stage == Stage::TlsHandshake || failure.detail.is_none()
}

/// One connection more; what it shows is not the server's answer to a client, and leaves no facts.
pub(super) async fn is_awaited(
    dial: &impl Dial,
    ask: &Ask,
    mode: TlsMode,
    record: &mut Record,
) -> bool {
    let last = record.connection();
    let tls = record.tls().cloned();
    let is_proven = match dial.dial(record).await {
        Ok(mut session) => {
            let answered = is_answered(&mut session, ask, mode).await;
            session.take_leave(None).await;
            answered
        }
        Err(_) => false,
    };
    record.set_tls(tls);
    record.forget_steps_after(last);
    is_proven
}

async fn is_answered<S: Stream>(session: &mut Session<'_, S>, ask: &Ask, mode: TlsMode) -> bool {
    let speaks_first = mode == TlsMode::Upgrade;
    session.enter(Stage::Greeting);
    // Who greets without it was busy before, no more.
    if speaks_first && session.overhear().await.is_some() {
        return false;
    }
    if session.send(HEADER).await.is_err() {
        return false;
    }
    if mode == TlsMode::Tls {
        let answer = session.ask_in_old_tls(TlsVersion::Tls12).await;
        return answer.is_ok_and(|legacy| {
            legacy.answer == LegacyAnswer::Agreed
                // protocol_version: it speaks TLS 1.3 alone.
                || (legacy.answer == LegacyAnswer::Alert && legacy.alert == Some(70))
        });
    }
    if !speaks_first {
        let host = host_header(ask, mode);
        let request = http::get("/", &host, USER_AGENT, Connection::Close);
        if session.send(&request).await.is_err() {
            return false;
        }
    }
    let Some(heard) = session.overhear().await else {
        return false;
    };
    let heard = heard.as_str();
    let greets = match ask.service.protocol {
        Protocol::Smtp => heard.starts_with("220"),
        Protocol::Imap => heard.starts_with("* OK") || heard.starts_with("* PREAUTH"),
        Protocol::Pop3 => heard.starts_with("+OK"),
        // 400 is for the header, which it took for a request.
        Protocol::Http => return heard.starts_with("HTTP/1.") && !heard.contains(" 400"),
        Protocol::Ldap | Protocol::Rdp => false,
    };
    // Who is slow to greet, and not because of the header, answers it with an error.
    greets && took_greeting(session, ask).await && session.overhear().await.is_none()
}

async fn took_greeting<S: Stream>(session: &mut Session<'_, S>, ask: &Ask) -> bool {
    if ask.service.protocol == Protocol::Smtp {
        return session.receive(smtp::reply).await.is_ok();
    }
    let line = |heard: &[u8]| Ok(line::split(heard)?.map(|(_, used)| ((), used)));
    session.receive(line).await.is_ok()
}
