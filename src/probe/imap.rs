//! IMAP on 143 and 993: greeting, CAPABILITY, STARTTLS, CAPABILITY again, LOGOUT (RFC 3501, RFC 9051, RFC 2595).

use super::ask::{TlsMode, refuse, texts};
use crate::facts::{ImapFacts, Text};
use crate::net::{Session, Stream};
use crate::observation::{Cause, Failure, Stage};
use crate::plan::Limits;
use crate::wire::imap::{self, Condition, Response, StatusWord};

/// Up to the go-ahead.
pub(super) async fn ask_for_tls<S: Stream>(
    session: &mut Session<'_, S>,
    facts: &mut ImapFacts,
) -> Result<(), Failure> {
    greet(session, facts).await?;
    session.enter(Stage::Capabilities);
    let offered = ask_capabilities(session, "A1").await?;
    facts.capabilities = texts(&offered);
    session.enter(Stage::Starttls);
    if !offered
        .iter()
        .any(|word| word.eq_ignore_ascii_case(b"STARTTLS"))
    {
        return Err(refuse(session, Cause::StarttlsNotOffered, b""));
    }
    let answer = command(session, "A2", "STARTTLS", |_| ()).await?;
    if answer.status == StatusWord::Ok {
        Ok(())
    } else {
        Err(refuse(session, Cause::StarttlsRejected, &words(&answer)))
    }
}

/// In the secure session.
pub(super) async fn talk<S: Stream>(
    session: &mut Session<'_, S>,
    mode: TlsMode,
    facts: &mut ImapFacts,
) -> Result<(), Failure> {
    if mode == TlsMode::Tls {
        greet(session, facts).await?;
    }
    session.enter(Stage::SecureCapabilities);
    let offered = ask_capabilities(session, "A3").await?;
    facts.secure_capabilities = texts(&offered);
    Ok(())
}

pub(super) fn farewell() -> Vec<u8> {
    imap::command("A9", "LOGOUT")
}

async fn greet<S: Stream>(
    session: &mut Session<'_, S>,
    facts: &mut ImapFacts,
) -> Result<(), Failure> {
    session.enter(Stage::Greeting);
    match session.receive(imap::response).await? {
        Response::Untagged(greeting) => {
            let line = [b"* ", words(&greeting).as_slice()].concat();
            facts.greeting = Some(Text::from_bytes(&line));
            match greeting.status {
                StatusWord::Ok | StatusWord::PreAuth => Ok(()),
                StatusWord::Bye => Err(refuse(session, Cause::ServiceUnavailable, &line)),
                StatusWord::No | StatusWord::Bad => {
                    Err(refuse(session, Cause::NotTheProtocol, &line))
                }
            }
        }
        _ => Err(refuse(session, Cause::NotTheProtocol, b"no IMAP greeting")),
    }
}

async fn ask_capabilities<S: Stream>(
    session: &mut Session<'_, S>,
    tag: &str,
) -> Result<Vec<Vec<u8>>, Failure> {
    let mut offered = Vec::new();
    let answer = command(session, tag, "CAPABILITY", |words| offered = words).await?;
    match answer.status {
        StatusWord::Ok => Ok(offered),
        _ => Err(refuse(session, Cause::CommandRejected, &words(&answer))),
    }
}

/// Sends a command and reads up to the response that bears its tag.
async fn command<S: Stream>(
    session: &mut Session<'_, S>,
    tag: &str,
    verb: &str,
    mut on_capability: impl FnMut(Vec<Vec<u8>>),
) -> Result<Condition, Failure> {
    session.send(&imap::command(tag, verb)).await?;
    for _ in 0..Limits::UNTAGGED {
        match session.receive(imap::response).await? {
            Response::Tagged {
                tag: answered,
                condition,
            } if answered == tag.as_bytes() => return Ok(condition),
            // The header of the PROXY protocol, taken for a command: its first word is the tag, or the QUIT in the binary
            // one.
            Response::Tagged {
                tag: answered,
                condition,
            } if matches!(answered.as_slice(), b"PROXY" | b"QUIT") => {
                let line = [answered.as_slice(), b" ", &words(&condition)].concat();
                return Err(refuse(session, Cause::Unasked, &line));
            }
            Response::Tagged { condition, .. } => {
                return Err(refuse(session, Cause::NotTheProtocol, &words(&condition)));
            }
            // One that answers nothing of ours: a line without a tag came before.
            Response::Untagged(condition)
                if condition.status == StatusWord::Bad && verb == "CAPABILITY" =>
            {
                let line = [b"* ", words(&condition).as_slice()].concat();
                return Err(refuse(session, Cause::Unasked, &line));
            }
            Response::Untagged(condition) if condition.status == StatusWord::Bye => {
                return Err(refuse(
                    session,
                    Cause::ServiceUnavailable,
                    &words(&condition),
                ));
            }
            Response::Capability(words) => on_capability(words),
            Response::Untagged(_) | Response::Data(_) | Response::Continuation(_) => {}
        }
    }
    Err(refuse(
        session,
        Cause::Flood,
        b"untagged responses without end",
    ))
}

fn words(condition: &Condition) -> Vec<u8> {
    let word: &[u8] = match condition.status {
        StatusWord::Ok => b"OK",
        StatusWord::No => b"NO",
        StatusWord::Bad => b"BAD",
        StatusWord::PreAuth => b"PREAUTH",
        StatusWord::Bye => b"BYE",
    };
    [word, b" ", &condition.text].concat()
}
