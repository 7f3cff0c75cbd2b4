//! LDAP on 389 and 636: rootDSE without a bind, `StartTLS`, rootDSE again, unbind (RFC 4511, RFC 4512 §5.1,
//! \[MS-ADTS\] 3.1.1.3.2).

use time::OffsetDateTime;

use super::ask::{refuse, texts};
use crate::facts::{LdapFacts, Text};
use crate::net::{Session, Stream, clock};
use crate::observation::{Cause, Failure, Stage};
use crate::plan::Limits;
use crate::wire::ldap::{self, Entry, LdapResult, Message, Op};

/// What is asked of the rootDSE; operational attributes come only when they are named.
const ATTRIBUTES: [&str; 15] = [
    "defaultNamingContext",
    "dnsHostName",
    "supportedCapabilities",
    "supportedExtension",
    "supportedSASLMechanisms",
    "domainControllerFunctionality",
    "isSynchronized",
    "isGlobalCatalogReady",
    "ldapServiceName",
    "serverName",
    "dsServiceName",
    "vendorName",
    "supportedLDAPVersion",
    "namingContexts",
    "currentTime",
];

/// Result codes (RFC 4511 appendix A).
const SUCCESS: u32 = 0;
const UNAVAILABLE: u32 = 52;
const PROTOCOL_ERROR: u32 = 2;

/// Up to the go-ahead.
pub(super) async fn ask_for_tls<S: Stream>(
    session: &mut Session<'_, S>,
    facts: &mut LdapFacts,
) -> Result<(), Failure> {
    session.enter(Stage::Capabilities);
    // A server that tells nothing in clear is no failure yet: TLS comes first there.
    let _ = read_root_dse(session, 1, facts).await?;
    session.enter(Stage::Starttls);
    go_ahead(session, 2, facts).await
}

/// In the secure session.
pub(super) async fn talk<S: Stream>(
    session: &mut Session<'_, S>,
    facts: &mut LdapFacts,
) -> Result<(), Failure> {
    session.enter(Stage::Application);
    // What was told in clear could be anybody's words: the answer over TLS takes its place, also when it is empty.
    let in_clear = std::mem::take(&mut facts.root_dse);
    let read = read_root_dse(session, 3, facts).await;
    let has_answer = matches!(&read, Ok(result) if result.code == SUCCESS);
    if !has_answer && facts.root_dse.is_empty() {
        facts.root_dse = in_clear;
    }
    let result = read?;
    if result.code == SUCCESS {
        Ok(())
    } else {
        Err(refuse(session, Cause::CommandRejected, &words(&result)))
    }
}

pub(super) fn farewell() -> Vec<u8> {
    ldap::unbind(4)
}

async fn go_ahead<S: Stream>(
    session: &mut Session<'_, S>,
    id: u32,
    facts: &mut LdapFacts,
) -> Result<(), Failure> {
    session.send(&ldap::start_tls(id)).await?;
    let Op::ExtendedResponse { result, .. } = answer(session, id).await?.op else {
        return Err(refuse(
            session,
            Cause::NotTheProtocol,
            b"no extended response to StartTLS",
        ));
    };
    facts.starttls_result = Some(result.code);
    match result.code {
        SUCCESS => Ok(()),
        UNAVAILABLE => Err(refuse(session, Cause::NoCertificate, &words(&result))),
        PROTOCOL_ERROR => Err(refuse(session, Cause::StarttlsNotOffered, &words(&result))),
        _ => Err(refuse(session, Cause::StarttlsRejected, &words(&result))),
    }
}

async fn read_root_dse<S: Stream>(
    session: &mut Session<'_, S>,
    id: u32,
    facts: &mut LdapFacts,
) -> Result<LdapResult, Failure> {
    session.send(&ldap::root_dse(id, &ATTRIBUTES)).await?;
    for _ in 0..Limits::MESSAGES {
        match answer(session, id).await?.op {
            Op::SearchResultEntry(entry) => learn(&entry, facts),
            Op::SearchResultDone(result) => return Ok(result),
            Op::SearchResultReference(_) => {}
            _ => break,
        }
    }
    Err(refuse(
        session,
        Cause::NotTheProtocol,
        b"no end to the search of the rootDSE",
    ))
}

fn learn(entry: &Entry, facts: &mut LdapFacts) {
    facts.root_dse = entry
        .attributes
        .iter()
        .map(|attribute| {
            let values = texts(&attribute.values);
            (Text::from_bytes(&attribute.name), values)
        })
        .collect();
    facts.current_time = entry
        .value("currentTime")
        .and_then(ldap::generalized_time)
        .and_then(|seconds| OffsetDateTime::from_unix_timestamp(seconds).ok());
    facts.asked_at = facts.current_time.map(|_| clock::now());
}

/// The next message, which has to answer ours.
async fn answer<S: Stream>(session: &mut Session<'_, S>, id: u32) -> Result<Message, Failure> {
    let message = session.receive(ldap::message).await?;
    if message.is_notice_of_disconnection() {
        let words = match &message.op {
            Op::ExtendedResponse { result, .. } => words(result),
            _ => Vec::new(),
        };
        return Err(refuse(session, Cause::ServiceUnavailable, &words));
    }
    if message.id != id {
        return Err(refuse(
            session,
            Cause::NotTheProtocol,
            b"an LDAP message that answers no question of ours",
        ));
    }
    Ok(message)
}

fn words(result: &LdapResult) -> Vec<u8> {
    let mut words = format!("result {}", result.code).into_bytes();
    let text = result.quirk_active_directory_text();
    if !text.is_empty() {
        words.extend(b": ");
        words.extend(text);
    }
    words
}
