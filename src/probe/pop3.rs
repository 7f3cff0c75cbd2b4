//! POP3 on 110 and 995: greeting, CAPA, STLS, CAPA again, QUIT (RFC 1939, RFC 2449, RFC 2595).

use super::ask::{TlsMode, refuse, texts};
use crate::facts::{Pop3Facts, Text};
use crate::net::{Session, Stream};
use crate::observation::{Cause, Failure, Stage};
use crate::wire::pop3::{self, Indicator, Listing, StatusLine};

/// Up to the go-ahead.
pub(super) async fn ask_for_tls<S: Stream>(
    session: &mut Session<'_, S>,
    facts: &mut Pop3Facts,
) -> Result<(), Failure> {
    greet(session, facts).await?;
    session.enter(Stage::Capabilities);
    let listing = ask_capabilities(session).await?;
    facts.capabilities = texts(&listing.lines);
    session.enter(Stage::Starttls);
    // A server without CAPA may still know STLS: then the command itself is the question.
    let knows_capa = listing.status.indicator == Indicator::Ok;
    if knows_capa && !offers_stls(&listing) {
        return Err(refuse(session, Cause::StarttlsNotOffered, b""));
    }
    session.send(pop3::STLS).await?;
    let answer = session.receive(pop3::status).await?;
    match (answer.indicator, knows_capa) {
        (Indicator::Ok, _) => Ok(()),
        (Indicator::Err, true) => Err(refuse(session, Cause::StarttlsRejected, &words(&answer))),
        (Indicator::Err, false) => Err(refuse(session, Cause::StarttlsNotOffered, &words(&answer))),
    }
}

/// In the secure session.
pub(super) async fn talk<S: Stream>(
    session: &mut Session<'_, S>,
    mode: TlsMode,
    facts: &mut Pop3Facts,
) -> Result<(), Failure> {
    if mode == TlsMode::Tls {
        greet(session, facts).await?;
    }
    session.enter(Stage::SecureCapabilities);
    let listing = ask_capabilities(session).await?;
    facts.secure_capabilities = texts(&listing.lines);
    Ok(())
}

pub(super) fn farewell() -> Vec<u8> {
    pop3::QUIT.to_vec()
}

async fn greet<S: Stream>(
    session: &mut Session<'_, S>,
    facts: &mut Pop3Facts,
) -> Result<(), Failure> {
    session.enter(Stage::Greeting);
    let greeting = session.receive(pop3::status).await?;
    let words = words(&greeting);
    facts.greeting = Some(Text::from_bytes(&words));
    match greeting.indicator {
        Indicator::Ok => Ok(()),
        Indicator::Err => Err(refuse(session, Cause::ServiceUnavailable, &words)),
    }
}

async fn ask_capabilities<S: Stream>(session: &mut Session<'_, S>) -> Result<Listing, Failure> {
    session.send(pop3::CAPA).await?;
    let listing = session.receive(pop3::listing).await?;
    // A server that knows no CAPA says so once; where another answer follows, the first one was not to our question.
    if listing.status.indicator == Indicator::Err && session.overhear().await.is_some() {
        return Err(refuse(session, Cause::Unasked, &words(&listing.status)));
    }
    Ok(listing)
}

fn offers_stls(listing: &Listing) -> bool {
    listing
        .lines
        .iter()
        .any(|line| line.trim_ascii().eq_ignore_ascii_case(b"STLS"))
}

fn words(status: &StatusLine) -> Vec<u8> {
    let word: &[u8] = match status.indicator {
        Indicator::Ok => b"+OK",
        Indicator::Err => b"-ERR",
    };
    [word, b" ", &status.text]
        .concat()
        .trim_ascii_end()
        .to_vec()
}
