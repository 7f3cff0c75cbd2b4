//! SMTP on 25, 465 and 587: greeting, EHLO, STARTTLS, EHLO again, QUIT (RFC 5321, RFC 3207, RFC 8314).

use super::ask::{Ask, TlsMode, refuse, texts};
use crate::facts::{SmtpFacts, Text};
use crate::net::{Session, Stream, clock};
use crate::observation::{Cause, Failure, Stage};
use crate::wire::smtp::{self, Reply};

/// Up to the go-ahead.
pub(super) async fn ask_for_tls<S: Stream>(
    session: &mut Session<'_, S>,
    ask: &Ask,
    facts: &mut SmtpFacts,
) -> Result<(), Failure> {
    greet(session, facts).await?;
    session.enter(Stage::Capabilities);
    let reply = say_hello(session, ask).await?;
    facts.extensions = extensions(&reply);
    go_ahead(session, &reply).await
}

/// In the secure session.
pub(super) async fn talk<S: Stream>(
    session: &mut Session<'_, S>,
    ask: &Ask,
    mode: TlsMode,
    facts: &mut SmtpFacts,
) -> Result<(), Failure> {
    if mode == TlsMode::Tls {
        greet(session, facts).await?;
    }
    // RFC 3207 §4.2: what was learned in clear counts for nothing now.
    session.enter(Stage::SecureCapabilities);
    let reply = say_hello(session, ask).await?;
    facts.secure_extensions = extensions(&reply);
    Ok(())
}

pub(super) fn farewell() -> Vec<u8> {
    smtp::QUIT.to_vec()
}

async fn greet<S: Stream>(
    session: &mut Session<'_, S>,
    facts: &mut SmtpFacts,
) -> Result<(), Failure> {
    session.enter(Stage::Greeting);
    let greeting = session.receive(smtp::reply).await?;
    let words = words(&greeting);
    facts.greeting = Some(Text::from_bytes(&words));
    facts.greeted_at = Some(clock::now());
    match greeting.code {
        220 => Ok(()),
        400..=499 => Err(refuse(session, Cause::ServiceUnavailable, &words)),
        500..=599 if is_about_words_before(&words) => Err(refuse(session, Cause::Unasked, &words)),
        500..=599 => Err(refuse(session, Cause::Rejected, &words)),
        _ => Err(refuse(session, Cause::NotTheProtocol, &words)),
    }
}

/// Whether a refusal is about what came before the greeting, as Exim and postscreen have it: this client waits for it.
fn is_about_words_before(words: &[u8]) -> bool {
    let words = words.to_ascii_lowercase();
    let has = |part: &[u8]| words.windows(part.len()).any(|window| window == part);
    has(b"synchronization error") || has(b"5.5.1 protocol error")
}

/// Whether a refusal answers a header of the PROXY protocol and not what was asked: it names the header, or another reply
/// follows, and that is the one to our question.
async fn is_unasked<S: Stream>(session: &mut Session<'_, S>, words: &[u8]) -> bool {
    if words.windows(5).any(|window| window == b"PROXY") {
        return true;
    }
    let next = session.overhear().await;
    next.is_some_and(|next| !next.as_str().starts_with("421"))
}

async fn say_hello<S: Stream>(session: &mut Session<'_, S>, ask: &Ask) -> Result<Reply, Failure> {
    let name = ask.ehlo_name.clone().unwrap_or_else(|| {
        let address = session.local_address().map(|address| address.ip());
        smtp::address_literal(address.unwrap_or([127, 0, 0, 1].into()))
    });
    session.send(&smtp::ehlo(&name)).await?;
    let reply = session.receive(smtp::reply).await?;
    match reply.code {
        250 => Ok(reply),
        400..=499 => Err(refuse(session, Cause::ServiceUnavailable, &words(&reply))),
        code => {
            let words = words(&reply);
            let is_error = (500..=599).contains(&code);
            let cause = if is_error && is_unasked(session, &words).await {
                Cause::Unasked
            } else {
                Cause::CommandRejected
            };
            Err(refuse(session, cause, &words))
        }
    }
}

async fn go_ahead<S: Stream>(session: &mut Session<'_, S>, hello: &Reply) -> Result<(), Failure> {
    session.enter(Stage::Starttls);
    if hello.extension("STARTTLS").is_none() {
        let overwritten = hello
            .extensions()
            .find(|extension| smtp::is_overwritten_keyword(extension.keyword));
        return Err(match overwritten {
            Some(extension) => refuse(session, Cause::StarttlsOverwritten, extension.keyword),
            None => refuse(session, Cause::StarttlsNotOffered, b""),
        });
    }
    session.send(smtp::STARTTLS).await?;
    let reply = session.receive(smtp::reply).await?;
    match reply.code {
        220 => Ok(()),
        _ => Err(refuse(session, Cause::StarttlsRejected, &words(&reply))),
    }
}

/// The reply as it would stand in a log: `421 4.3.2 Service not available`.
fn words(reply: &Reply) -> Vec<u8> {
    let mut words = reply.code.to_string().into_bytes();
    let text = reply.text();
    if !text.is_empty() {
        words.push(b' ');
        words.extend(text);
    }
    words
}

fn extensions(hello: &Reply) -> Vec<Text> {
    texts(hello.lines.iter().skip(1))
}
