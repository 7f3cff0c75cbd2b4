//! IMAP as Exchange speaks it on 143 and 993 before anyone has signed in (RFC 3501, 2595).

use super::conversation::{Conversation, Received};
use super::faults::Fault;
use super::port::{Machine, Port};
use std::io;

/// Exchange's limit for a command.
const LONGEST_LINE: usize = 10_240;
const MOST_ERRORS: usize = 5;

/// As it answers a header of the PROXY protocol, whose first word it takes for a tag.
const GREETING_AND_ERROR: &str = "* OK The Microsoft Exchange IMAP4 service is ready.\r\n\
    PROXY BAD Command Error. 12\r\n";

const GREETING: &str = "* OK The Microsoft Exchange IMAP4 service is ready.\r\n";
const CLEAR: &str = "* CAPABILITY IMAP4 IMAP4rev1 LOGINDISABLED STARTTLS UIDPLUS MOVE ID CHILDREN IDLE NAMESPACE LITERAL+\r\n";
const CLEAR_WITHOUT_TLS: &str = "* CAPABILITY IMAP4 IMAP4rev1 LOGINDISABLED UIDPLUS MOVE ID CHILDREN IDLE NAMESPACE LITERAL+\r\n";
const SECURE: &str = "* CAPABILITY IMAP4 IMAP4rev1 AUTH=PLAIN AUTH=NTLM AUTH=GSSAPI UIDPLUS MOVE ID CHILDREN IDLE NAMESPACE LITERAL+\r\n";
const SECURE_UNAWARE: &str = "* CAPABILITY IMAP4 IMAP4rev1 AUTH=PLAIN STARTTLS UIDPLUS MOVE ID CHILDREN IDLE NAMESPACE LITERAL+\r\n";
const IDENTITY: &str =
    "* ID (\"name\" \"Microsoft.Exchange.Imap4.Imap4Server\" \"version\" \"15.2\")\r\n";

/// Exchange Online adds the front end's inner name, UTF-16LE in base64, and takes no password any more.
const ONLINE_GREETING: &str = "* OK The Microsoft Exchange IMAP4 service is ready. [UABOADQAUAAyADgANwBDAEEAMAAwADYANAAuAEkATgBEAFAAMgA4ADcALgBQAFIATwBEAC4ATwBVAFQATABPAE8ASwAuAEMATwBNAA==]\r\n";
const ONLINE_SECURE: &str = "* CAPABILITY IMAP4 IMAP4rev1 AUTH=XOAUTH2 LOGINDISABLED SASL-IR UIDPLUS MOVE ID UNSELECT CHILDREN IDLE NAMESPACE LITERAL+\r\n";
const ONLINE_IDENTITY: &str =
    "* ID (\"name\" \"Microsoft.Exchange.Imap4.Imap4Server\" \"version\" \"15.20\")\r\n";

const GOODBYE: &str = "* BYE Microsoft Exchange Server 2016 IMAP4 server signing off.\r\n";
const TIMEOUT: &str = "* BYE Connection is closed. 11\r\n";
const SHUTTING_DOWN: &str = "* BYE Connection is closed. 12\r\n";
const TOO_MANY_ERRORS: &str = "* BYE Connection is closed. 14\r\n";
const NO_TLS: &str = "* BYE Connection is closed. 15\r\n";

pub(super) async fn serve(port: &Port, mut peer: Conversation) -> io::Result<()> {
    if port.has(Fault::ServiceUnavailable) {
        peer.say(SHUTTING_DOWN).await?;
        return peer.close().await;
    }
    let is_online = port.machine == Machine::Online;
    peer.say(if is_online {
        ONLINE_GREETING
    } else if port.has(Fault::ProxyHeaderUnexpected) {
        GREETING_AND_ERROR
    } else {
        GREETING
    })
    .await?;
    let mut errors = 0;
    loop {
        let line = match peer.line(LONGEST_LINE).await {
            Received::Request(line) => line,
            Received::Gone => return peer.close().await,
            Received::Silence => {
                peer.say(TIMEOUT).await?;
                return peer.close().await;
            }
            Received::TooLong | Received::Foreign => {
                peer.say("* BAD Command Error. 12\r\n* BYE Connection is closed. 14\r\n")
                    .await?;
                return peer.close().await;
            }
        };
        let (tag, verb) = split(&line);
        let answer = match verb.as_str() {
            "CAPABILITY" => {
                format!(
                    "{}{tag} OK CAPABILITY completed.\r\n",
                    capabilities(port, &peer)
                )
            }
            "NOOP" => format!("{tag} OK NOOP completed.\r\n"),
            "ID" if is_online => format!("{ONLINE_IDENTITY}{tag} OK ID completed\r\n"),
            "ID" => format!("{IDENTITY}{tag} OK ID completed\r\n"),
            "STARTTLS" if port.has(Fault::StarttlsNotOffered) => unknown(&tag),
            "STARTTLS" if peer.is_secure() => wrong_state(&tag),
            "STARTTLS" if port.has(Fault::StarttlsRejected) => {
                peer.say(format!(
                    "{tag} BAD Could not establish TLS connection.\r\n{NO_TLS}"
                ))
                .await?;
                return peer.close().await;
            }
            "STARTTLS" => {
                let injected = if port.has(Fault::BytesInjected) {
                    "* OK Still here.\r\n"
                } else {
                    ""
                };
                peer.say(format!("{tag} OK Begin TLS negotiation now.\r\n{injected}"))
                    .await?;
                peer = peer.upgrade(&port.tls).await?;
                continue;
            }
            "LOGOUT" => {
                peer.say(format!("{GOODBYE}{tag} OK LOGOUT completed.\r\n"))
                    .await?;
                return peer.close().await;
            }
            "LOGIN" | "AUTHENTICATE" if peer.is_secure() => format!("{tag} NO {verb} failed.\r\n"),
            "LOGIN" | "AUTHENTICATE" | "SELECT" | "EXAMINE" | "LIST" | "LSUB" | "STATUS"
            | "APPEND" | "FETCH" | "IDLE" | "NAMESPACE" => wrong_state(&tag),
            _ => unknown(&tag),
        };
        let failed = !answer.contains(" OK ");
        peer.say(answer).await?;
        if failed {
            errors += 1;
            if errors == MOST_ERRORS {
                peer.say(TOO_MANY_ERRORS).await?;
                return peer.close().await;
            }
        }
    }
}

fn capabilities(port: &Port, peer: &Conversation) -> &'static str {
    if peer.is_secure() && port.has(Fault::SignInImpossible) {
        // What is said in clear: so it seems to the server.
        CLEAR
    } else if peer.is_secure() && port.has(Fault::StarttlsInsideTls) {
        SECURE_UNAWARE
    } else if peer.is_secure() && port.machine == Machine::Online {
        ONLINE_SECURE
    } else if peer.is_secure() {
        SECURE
    } else if port.has(Fault::StarttlsNotOffered) {
        CLEAR_WITHOUT_TLS
    } else {
        CLEAR
    }
}

fn unknown(tag: &str) -> String {
    format!("{tag} BAD Command Error. 12\r\n")
}

fn wrong_state(tag: &str) -> String {
    format!("{tag} BAD Command received in Invalid state.\r\n")
}

/// The tag to answer with and the command in upper case. A tag that is none (RFC 3501 §9) is answered as `*`: it never
/// comes back.
fn split(line: &[u8]) -> (String, String) {
    let mut words = line.split(|byte| *byte == b' ');
    let tag = words.next().unwrap_or_default();
    let verb = words.next().unwrap_or_default();
    let is_tag = (1..=64).contains(&tag.len())
        && tag
            .iter()
            .all(|byte| byte.is_ascii_graphic() && !b"(){%*\"\\+]".contains(byte));
    let tag = if is_tag {
        String::from_utf8_lossy(tag).into_owned()
    } else {
        "*".to_owned()
    };
    (tag, String::from_utf8_lossy(verb).to_ascii_uppercase())
}
