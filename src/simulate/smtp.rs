//! SMTP as Exchange 2019 speaks it on 25, 587 and 465, and Exchange Online on 25 and 587 (RFC 5321, 3207).
//!
//! It takes EHLO, STARTTLS, NOOP, RSET, HELP and QUIT. It never takes mail and never asks for a password.

use super::conversation::{Conversation, Received};
use super::dates;
use super::faults::Fault;
use super::port::{Machine, Port};
use crate::catalog::ServiceId;
use std::io;
use std::time::Duration;
use tokio::time::sleep;

const LONGEST_LINE: usize = 2048;

/// Exchange's `MaxProtocolErrors`.
const MOST_ERRORS: usize = 5;

/// A little more than `TarpitInterval`, and than the five seconds that many clients wait.
const TARPIT: Duration = Duration::from_secs(6);

/// As mail gateways greet whom they do not want.
const UNWANTED: &str = "554-mail.example.test\r\n\
                        554 Your access to this mail system has been rejected due to the sending MTA's poor \
                        reputation.\r\n";

const UNAVAILABLE: &str = "421 4.3.2 Service not available\r\n";
const GO_AHEAD: &str = "220 2.0.0 SMTP server ready\r\n";
const REJECTED: &str = "454 4.7.0 Cannot accept TLS as maximum TLS rate exceeded for server\r\n";
const GOODBYE: &str = "221 2.0.0 Service closing transmission channel\r\n";
const UNRECOGNIZED: &str = "500 5.3.3 Unrecognized command\r\n";
const HELLO_FIRST: &str = "503 5.5.2 Send hello first\r\n";
const TOO_MANY_ERRORS: &str =
    "421 4.7.0 Too many errors on this connection, closing transmission channel\r\n";
const TIMEOUT: &str = "451 4.7.0 Timeout waiting for client input\r\n";
const HELP: &str = "214-This server supports the following commands:\r\n\
                    214 HELO EHLO STARTTLS RCPT DATA RSET MAIL QUIT HELP AUTH BDAT\r\n";

/// What EHLO is answered with after its first line.
struct Extensions {
    clear: &'static str,
    secure: &'static str,
}

/// 25, the connector `Default Frontend`.
const RELAY: Extensions = Extensions {
    clear: "250-SIZE 37748736\r\n\
            250-PIPELINING\r\n\
            250-DSN\r\n\
            250-ENHANCEDSTATUSCODES\r\n\
            250-STARTTLS\r\n\
            250-X-ANONYMOUSTLS\r\n\
            250-AUTH NTLM\r\n\
            250-X-EXPS GSSAPI NTLM\r\n\
            250-8BITMIME\r\n\
            250-BINARYMIME\r\n\
            250-CHUNKING\r\n\
            250-SMTPUTF8\r\n\
            250 XRDST\r\n",
    secure: "250-SIZE 37748736\r\n\
             250-PIPELINING\r\n\
             250-DSN\r\n\
             250-ENHANCEDSTATUSCODES\r\n\
             250-AUTH NTLM LOGIN\r\n\
             250-X-EXPS GSSAPI NTLM\r\n\
             250-8BITMIME\r\n\
             250-BINARYMIME\r\n\
             250-CHUNKING\r\n\
             250-SMTPUTF8\r\n\
             250 XRDST\r\n",
};

/// 587, the connector `Client Frontend`; and 465 as clients hope to find it.
const SUBMISSION: Extensions = Extensions {
    clear: "250-SIZE 37748736\r\n\
            250-PIPELINING\r\n\
            250-DSN\r\n\
            250-ENHANCEDSTATUSCODES\r\n\
            250-STARTTLS\r\n\
            250-AUTH GSSAPI NTLM\r\n\
            250-8BITMIME\r\n\
            250-BINARYMIME\r\n\
            250-CHUNKING\r\n\
            250 SMTPUTF8\r\n",
    secure: "250-SIZE 37748736\r\n\
             250-PIPELINING\r\n\
             250-DSN\r\n\
             250-ENHANCEDSTATUSCODES\r\n\
             250-AUTH GSSAPI NTLM LOGIN\r\n\
             250-8BITMIME\r\n\
             250-BINARYMIME\r\n\
             250-CHUNKING\r\n\
             250 SMTPUTF8\r\n",
};

/// 465 on Exchange: the connector `Client Proxy`, made for front-end servers.
const CLIENT_PROXY: Extensions = Extensions {
    clear: "250-SIZE 37748736\r\n\
            250-PIPELINING\r\n\
            250-DSN\r\n\
            250-ENHANCEDSTATUSCODES\r\n\
            250-STARTTLS\r\n\
            250-X-ANONYMOUSTLS\r\n\
            250-AUTH GSSAPI NTLM\r\n\
            250-X-EXPS GSSAPI NTLM\r\n\
            250-8BITMIME\r\n\
            250-BINARYMIME\r\n\
            250-CHUNKING\r\n\
            250-SMTPUTF8\r\n\
            250 XRDST\r\n",
    secure: "250-SIZE 37748736\r\n\
             250-PIPELINING\r\n\
             250-DSN\r\n\
             250-ENHANCEDSTATUSCODES\r\n\
             250-AUTH GSSAPI NTLM LOGIN\r\n\
             250-X-EXPS GSSAPI NTLM\r\n\
             250-8BITMIME\r\n\
             250-BINARYMIME\r\n\
             250-CHUNKING\r\n\
             250-SMTPUTF8\r\n\
             250 XRDST\r\n",
};

/// 465 in clear on anything but Exchange: Postfix without `smtpd_tls_wrappermode`.
const GATEWAY: Extensions = Extensions {
    clear: "250-PIPELINING\r\n\
            250-SIZE 10240000\r\n\
            250-STARTTLS\r\n\
            250-ENHANCEDSTATUSCODES\r\n\
            250-8BITMIME\r\n\
            250-DSN\r\n\
            250-SMTPUTF8\r\n\
            250 CHUNKING\r\n",
    secure: "250-PIPELINING\r\n\
             250-SIZE 10240000\r\n\
             250-AUTH PLAIN LOGIN\r\n\
             250-ENHANCEDSTATUSCODES\r\n\
             250-8BITMIME\r\n\
             250-DSN\r\n\
             250-SMTPUTF8\r\n\
             250 CHUNKING\r\n",
};

/// Exchange Online's host for submission: who wants to sign in has to encrypt first.
const ONLINE: Extensions = Extensions {
    clear: "250-SIZE 157286400\r\n\
            250-PIPELINING\r\n\
            250-DSN\r\n\
            250-ENHANCEDSTATUSCODES\r\n\
            250-STARTTLS\r\n\
            250-8BITMIME\r\n\
            250-BINARYMIME\r\n\
            250-CHUNKING\r\n\
            250 SMTPUTF8\r\n",
    secure: "250-SIZE 157286400\r\n\
             250-PIPELINING\r\n\
             250-DSN\r\n\
             250-ENHANCEDSTATUSCODES\r\n\
             250-AUTH LOGIN XOAUTH2\r\n\
             250-8BITMIME\r\n\
             250-BINARYMIME\r\n\
             250-CHUNKING\r\n\
             250 SMTPUTF8\r\n",
};

/// Exchange Online's mail exchanger: nobody signs in there.
const ONLINE_MX: Extensions = Extensions {
    clear: ONLINE.clear,
    secure: "250-SIZE 157286400\r\n\
             250-PIPELINING\r\n\
             250-DSN\r\n\
             250-ENHANCEDSTATUSCODES\r\n\
             250-8BITMIME\r\n\
             250-BINARYMIME\r\n\
             250-CHUNKING\r\n\
             250 SMTPUTF8\r\n",
};

/// Every session of Exchange Online bears an id; nobody needs it to differ.
const SESSION_ID: &str = " [08DD84B323498C1A]";

/// How far the client has come.
#[derive(Clone, Copy, Eq, PartialEq)]
enum Met {
    NotYet,
    Hello,
}

pub(super) async fn serve(port: &Port, mut peer: Conversation) -> io::Result<()> {
    if port.has(Fault::GreetingSlow) {
        sleep(TARPIT).await;
    }
    if port.has(Fault::ServiceUnavailable) {
        peer.say(UNAVAILABLE).await?;
        return peer.close().await;
    }
    if port.has(Fault::GreetingRejected) {
        peer.say(UNWANTED).await?;
        return peer.close().await;
    }
    peer.say(greeting(port)).await?;
    let mut met = Met::NotYet;
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
                peer.say(UNRECOGNIZED).await?;
                return peer.close().await;
            }
        };
        let (verb, argument) = split(&line);
        let answer = match verb.as_str() {
            "EHLO" | "HELO" if !is_domain(argument) => "501 5.5.4 Invalid domain name\r\n".into(),
            "EHLO" => {
                met = Met::Hello;
                format!("250-{}{}", hello(port, &peer), extensions(port, &peer))
            }
            "HELO" => {
                met = Met::Hello;
                format!("250 {}", hello(port, &peer))
            }
            "STARTTLS" => match starttls(port, &peer, met, argument) {
                Ok(go_ahead) => {
                    peer.say(go_ahead).await?;
                    peer = peer.upgrade(&port.tls).await?;
                    met = Met::NotYet;
                    continue;
                }
                Err(refusal) => refusal.into(),
            },
            "NOOP" => "250 2.0.0 OK\r\n".into(),
            "RSET" => "250 2.0.0 Resetting\r\n".into(),
            "HELP" => HELP.into(),
            "QUIT" => {
                peer.say(GOODBYE).await?;
                return peer.close().await;
            }
            other => refusal(other, met).into(),
        };
        peer.say(&answer).await?;
        if answer.starts_with('5') {
            errors += 1;
            if errors == MOST_ERRORS {
                peer.say(TOO_MANY_ERRORS).await?;
                return peer.close().await;
            }
        }
    }
}

fn greeting(port: &Port) -> String {
    let words = if is_gateway(port) {
        "mail.example.test ESMTP Postfix".into()
    } else {
        let session = match port.machine {
            Machine::Online | Machine::OnlineMx => SESSION_ID,
            Machine::Exchange | Machine::DomainController => "",
        };
        format!(
            "{} Microsoft ESMTP MAIL Service ready at {}{session}",
            port.machine.full_name(),
            dates::rfc5322(dates::now())
        )
    };
    if port.has(Fault::GreetingMasked) {
        format!("220 {}\r\n", "*".repeat(words.len()))
    } else if port.has(Fault::ProxyHeaderUnexpected) {
        format!("220 {words}\r\n{UNRECOGNIZED}")
    } else {
        format!("220 {words}\r\n")
    }
}

fn hello(port: &Port, peer: &Conversation) -> String {
    if is_gateway(port) {
        return "mail.example.test\r\n".into();
    }
    format!("{} Hello [{}]\r\n", port.machine.full_name(), peer.peer())
}

fn extensions(port: &Port, peer: &Conversation) -> String {
    let lists = match port.service {
        _ if port.machine == Machine::Online => ONLINE,
        _ if port.machine == Machine::OnlineMx => ONLINE_MX,
        ServiceId::Smtp => RELAY,
        ServiceId::Submissions if port.has(Fault::ClientProxy) => CLIENT_PROXY,
        _ if is_gateway(port) => GATEWAY,
        _ => SUBMISSION,
    };
    let list = if peer.is_secure() {
        lists.secure.into()
    } else if port.has(Fault::StarttlsNotOffered) {
        // Without a certificate that fits, a connector offers neither.
        lists
            .clear
            .replace("250-STARTTLS\r\n", "")
            .replace("250-X-ANONYMOUSTLS\r\n", "")
    } else if port.has(Fault::StarttlsOverwritten) {
        lists.clear.replace("250-STARTTLS\r\n", "250-XXXXXXXA\r\n")
    } else {
        lists.clear.into()
    };
    if port.has(Fault::AuthNotOffered) {
        without_auth(&list)
    } else if peer.is_secure() && port.has(Fault::StarttlsInsideTls) {
        format!("250-STARTTLS\r\n{list}")
    } else {
        list
    }
}

/// INVARIANT: AUTH is the last line of no list, so what is left still ends as it has to.
fn without_auth(list: &str) -> String {
    list.split_inclusive("\r\n")
        .filter(|line| !line.starts_with("250-AUTH "))
        .collect()
}

/// The go-ahead, or why not.
fn starttls(
    port: &Port,
    peer: &Conversation,
    met: Met,
    argument: &[u8],
) -> Result<String, &'static str> {
    if port.has(Fault::StarttlsNotOffered) || port.has(Fault::StarttlsOverwritten) {
        Err(UNRECOGNIZED)
    } else if !argument.is_empty() {
        Err("501 5.5.4 Invalid arguments\r\n")
    } else if peer.is_secure() {
        Err("503 5.5.2 Only one STARTTLS command can be issued per session\r\n")
    } else if met == Met::NotYet {
        Err(HELLO_FIRST)
    } else if port.has(Fault::StarttlsRejected) {
        Err(REJECTED)
    } else if port.has(Fault::BytesInjected) {
        Ok(format!("{GO_AHEAD}250 2.0.0 OK\r\n"))
    } else {
        Ok(GO_AHEAD.into())
    }
}

/// What everything else is refused with: nothing is taken, relayed or believed here.
fn refusal(verb: &str, met: Met) -> &'static str {
    match verb {
        "MAIL" | "AUTH" | "X-EXPS" | "X-ANONYMOUSTLS" if met == Met::NotYet => HELLO_FIRST,
        "MAIL" => "530 5.7.57 Client not authenticated to send mail\r\n",
        "AUTH" | "X-EXPS" => "535 5.7.3 Authentication unsuccessful\r\n",
        "RCPT" | "DATA" | "BDAT" => "503 5.5.2 Need mail command\r\n",
        "VRFY" | "EXPN" => "502 5.3.3 Command not implemented\r\n",
        _ => UNRECOGNIZED,
    }
}

fn is_gateway(port: &Port) -> bool {
    port.service == ServiceId::Submissions
        && port.has(Fault::CleartextOnTlsPort)
        && !port.has(Fault::ClientProxy)
}

/// The verb in upper case, and what follows it.
fn split(line: &[u8]) -> (String, &[u8]) {
    let (verb, argument) = match line.iter().position(|byte| *byte == b' ') {
        Some(at) => line.split_at(at),
        None => (line, &[][..]),
    };
    (
        String::from_utf8_lossy(verb).to_ascii_uppercase(),
        argument.trim_ascii(),
    )
}

/// A domain or an address literal as Exchange takes it: nothing at all is fine, an underscore is not.
fn is_domain(argument: &[u8]) -> bool {
    argument.len() <= 255
        && argument
            .iter()
            .all(|byte| byte.is_ascii_alphanumeric() || b".-:[]".contains(byte))
}
