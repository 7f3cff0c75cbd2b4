//! POP3 as Exchange speaks it on 110 and 995 before anyone has signed in (RFC 1939, 2449, 2595).

use super::conversation::{Conversation, Received};
use super::faults::Fault;
use super::port::{Machine, Port};
use std::io;

/// Exchange's limit for a command.
const LONGEST_LINE: usize = 512;
const MOST_ERRORS: usize = 5;

/// As it answers a header of the PROXY protocol.
const GREETING_AND_ERROR: &str =
    "+OK The Microsoft Exchange POP3 service is ready.\r\n-ERR Protocol error. 14\r\n";

const GREETING: &str = "+OK The Microsoft Exchange POP3 service is ready.\r\n";
const CLEAR: &str = "+OK\r\nTOP\r\nUIDL\r\nSTLS\r\n.\r\n";
const CLEAR_WITHOUT_TLS: &str = "+OK\r\nTOP\r\nUIDL\r\n.\r\n";
const SECURE: &str = "+OK\r\nTOP\r\nUIDL\r\nSASL NTLM GSSAPI PLAIN\r\nUSER\r\n.\r\n";

/// Exchange Online adds the front end's inner name, UTF-16LE in base64.
const SECURE_UNAWARE: &str = "+OK\r\nTOP\r\nUIDL\r\nSTLS\r\nUSER\r\n.\r\n";
const ONLINE_GREETING: &str = "+OK The Microsoft Exchange POP3 service is ready. [UABOADQAUAAyADgANwBDAEEAMAAwADYANAAuAEkATgBEAFAAMgA4ADcALgBQAFIATwBEAC4ATwBVAFQATABPAE8ASwAuAEMATwBNAA==]\r\n";
/// The list of today was not seen: it is the one of 2016 without passwords.
const ONLINE_SECURE: &str = "+OK\r\nTOP\r\nUIDL\r\nSASL XOAUTH2\r\n.\r\n";

const GO_AHEAD: &str = "+OK Begin TLS negotiation.\r\n";
const GOODBYE: &str = "+OK Microsoft Exchange Server 2016 POP3 server signing off.\r\n";
const UNAVAILABLE: &str = "-ERR BYE Connection refused\r\n";
const INVALID: &str = "-ERR Command is not valid in this state.\r\n";
const TIMEOUT: &str = "-ERR Connection is closed. 10\r\n";
const SHUTTING_DOWN: &str = "-ERR Connection is closed. 11\r\n";

pub(super) async fn serve(port: &Port, mut peer: Conversation) -> io::Result<()> {
    if port.has(Fault::ServiceUnavailable) {
        peer.say(UNAVAILABLE).await?;
        return peer.close().await;
    }
    peer.say(match port.machine {
        Machine::Online => ONLINE_GREETING,
        _ if port.has(Fault::ProxyHeaderUnexpected) => GREETING_AND_ERROR,
        _ => GREETING,
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
                peer.say(INVALID).await?;
                return peer.close().await;
            }
        };
        let verb = line.split(|byte| *byte == b' ').next().unwrap_or_default();
        let answer = match verb.to_ascii_uppercase().as_slice() {
            b"CAPA" => capabilities(port, &peer),
            b"STLS"
                if !peer.is_secure()
                    && !port.has(Fault::StarttlsNotOffered)
                    && !port.has(Fault::StarttlsRejected) =>
            {
                let injected = if port.has(Fault::BytesInjected) {
                    "+OK Still here.\r\n"
                } else {
                    ""
                };
                peer.say(format!("{GO_AHEAD}{injected}")).await?;
                peer = peer.upgrade(&port.tls).await?;
                continue;
            }
            b"QUIT" => {
                peer.say(GOODBYE).await?;
                return peer.close().await;
            }
            // USER and PASS too: no name is taken, no password asked for.
            _ => INVALID,
        };
        peer.say(answer).await?;
        if answer == INVALID {
            errors += 1;
            if errors == MOST_ERRORS {
                peer.say(SHUTTING_DOWN).await?;
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
