//! Rules on dialogues: what can go wrong in any conversation.

use std::time::Duration;

use super::case::{Case, after};
use super::rule::CheckRule;
use crate::catalog::{Protocol, Security, ServiceId};
use crate::facts::PeerFacts;
use crate::finding::Code;
use crate::judge::quoting::{in_words, quote, said, says};
use crate::judge::rule::Evidence;
use crate::observation::{Failure, Stage};

pub(super) const RULES: &[CheckRule] = &[
    CheckRule {
        code: Code::Silent,
        holds: |case| {
            let failure = case.failed(Code::Silent)?;
            let within = case.waited().map_or_else(
                || " in time".to_owned(),
                |waited| format!(" within {waited}"),
            );
            let what = match failure.stage {
                Stage::Greeting => format!("no greeting{within}"),
                stage => format!("no answer{within} {}", after(case, stage)),
            };
            let then = case
                .waited_again()
                .map_or_else(String::new, |again| format!(", then no TLS within {again}"));
            Some(Evidence::new(format!("{what}{then}")).hint_if(silent_hint(case, failure.stage)))
        },
    },
    CheckRule {
        code: Code::Stalled,
        holds: |case| {
            let failure = case.failed(Code::Stalled)?;
            Some(Evidence::new(format!(
                "an answer began but did not end in time {}{}",
                after(case, failure.stage),
                said(failure)
            )))
        },
    },
    CheckRule {
        code: Code::ClosedEarly,
        holds: |case| {
            let failure = case.failed(Code::ClosedEarly)?;
            Some(
                Evidence::new(format!(
                    "the server closed the connection {}{}",
                    before_it_spoke(failure.stage).unwrap_or(after(case, failure.stage)),
                    said(failure)
                ))
                .hint_if(closed_hint(case, failure.stage)),
            )
        },
    },
    CheckRule {
        code: Code::Reset,
        holds: |case| {
            let failure = case.failed(Code::Reset)?;
            Some(Evidence::new(format!(
                "the connection was reset {}{}",
                before_it_spoke(failure.stage).unwrap_or(after(case, failure.stage)),
                said(failure)
            )))
        },
    },
    CheckRule {
        code: Code::Flood,
        holds: |case| {
            let failure = case.failed(Code::Flood)?;
            Some(Evidence::new(format!(
                "the server sent far too much data {}{}",
                after(case, failure.stage),
                said(failure)
            )))
        },
    },
    CheckRule {
        code: Code::NotTheProtocol,
        holds: |case| {
            let failure = case.failed(Code::NotTheProtocol)?;
            if is_http2(failure) {
                return Some(
                    Evidence::new("the server speaks only HTTP/2, not HTTP/1.1").hint(
                        "Have it speak HTTP/1.1 as well: Outlook and Exchange need it, and so do sign-ins with NTLM.",
                    ),
                );
            }
            let is_first_word = failure.stage == Stage::TlsHandshake
                && case.service().security == Security::ImplicitTls;
            if is_first_word {
                return Some(Evidence::new(format!(
                    "something else listens here: it speaks neither TLS nor {}{}",
                    language(case).trim_end_matches(" over TLS"),
                    said(failure)
                )));
            }
            Some(Evidence::new(format!(
                "what the server sent {} is not {}{}",
                after(case, failure.stage),
                language(case),
                said(failure)
            )))
        },
    },
    CheckRule {
        code: Code::ProxyHeaderUnexpected,
        holds: |case| {
            let failure = case.failed(Code::ProxyHeaderUnexpected)?;
            Some(Evidence::new(format!(
                "the server answers commands that were never sent, as if it had received a PROXY header{}",
                said(failure)
            )))
        },
    },
    CheckRule {
        code: Code::ProxyHeaderMissing,
        holds: |case| {
            case.failed(Code::ProxyHeaderMissing)?;
            Some(Evidence::new(
                "the server answers only when it receives a PROXY header",
            ))
        },
    },
    CheckRule {
        code: Code::ConnectionsLimited,
        holds: |case| {
            let words = case.seen.turned_away.as_ref()?;
            let heard = match words.as_str() {
                "closed" => "the connection was closed at once".to_owned(),
                "reset" => "the connection was reset".to_owned(),
                _ => format!("the server said {}", quote(words)),
            };
            Some(Evidence::new(format!(
                "with other connections open, {heard}; asked again alone, the server answers"
            )))
        },
    },
    CheckRule {
        code: Code::ServiceUnavailable,
        holds: |case| {
            let failure = case.failed(Code::ServiceUnavailable)?;
            Some(
                Evidence::new(format!(
                    "the server says that it is unavailable{}",
                    said(failure)
                ))
                .hint_if(unavailable_hint(case)),
            )
        },
    },
    CheckRule {
        code: Code::GreetingRejected,
        holds: |case| {
            let failure = case.failed(Code::GreetingRejected)?;
            let is_smtp = case.service().protocol == Protocol::Smtp;
            let by_connector =
                is_smtp && (says(failure, "5.7.1 ") || says(failure, "client host rejected"));
            Some(
                Evidence::new(format!("the server refuses this client{}", said(failure))).hint_if(
                    if is_smtp && is_listed(failure) {
                        Some(DELIST)
                    } else {
                        by_connector.then_some(
                            "Make sure that RemoteIPRanges of the receive connector contains this address \
                             (`Get-ReceiveConnector | Format-List Name,RemoteIPRanges`). Behind source NAT, that is \
                             the firewall's address.",
                        )
                    },
                ),
            )
        },
    },
    CheckRule {
        code: Code::CommandRejected,
        holds: |case| {
            let failure = case.failed(Code::CommandRejected)?;
            let bad_name = case.service().protocol == Protocol::Smtp
                && (says(failure, "invalid domain name") || says(failure, "helo"));
            Some(
                Evidence::new(format!(
                    "the server refused the request {}{}",
                    after(case, failure.stage),
                    said(failure)
                ))
                .hint_if(if case.service().protocol == Protocol::Smtp && is_listed(failure) {
                    Some(DELIST)
                } else {
                    bad_name.then_some(
                        "The server rejects the name in EHLO. Give the full DNS name of this machine with \
                         `--ehlo-name`.",
                    )
                }),
            )
        },
    },
    CheckRule {
        code: Code::GreetingSlow,
        holds: greeting_slow,
    },
];

/// Whether what came begins as HTTP/2 does, with the frame SETTINGS (RFC 9113 §3.4).
fn is_http2(failure: &Failure) -> bool {
    let heard = failure.detail.as_ref().map_or("", |detail| detail.as_str());
    let Some(after_zeros) = heard.strip_prefix(r"\x00\x00") else {
        return false;
    };
    // The last byte of the length, escaped or not; then the type, no flags, and stream 0.
    [1, 2, 4].iter().any(|width| {
        after_zeros
            .get(*width..)
            .is_some_and(|rest| rest.starts_with(r"\x04\x00\x00\x00\x00\x00"))
    })
}

/// When a connection ends on which the server has said nothing yet.
fn before_it_spoke(stage: Stage) -> Option<&'static str> {
    matches!(stage, Stage::Connect | Stage::Greeting).then_some("before sending anything")
}

/// What makes clients that are less patient than RFC 5321 give up.
const SLOW: Duration = Duration::from_secs(5);

fn greeting_slow(case: &Case<'_>) -> Option<Evidence> {
    let greeting = match case.seen.peer.as_ref()? {
        PeerFacts::Smtp(facts) => facts.greeting.as_ref(),
        PeerFacts::Imap(facts) => facts.greeting.as_ref(),
        PeerFacts::Pop3(facts) => facts.greeting.as_ref(),
        PeerFacts::Ldap(_) | PeerFacts::Rdp(_) | PeerFacts::Http(_) => None,
    };
    // One that never came, or refuses, is told as such.
    let is_good = greeting.is_some()
        && case
            .failure()
            .is_none_or(|failure| failure.stage > Stage::Greeting);
    let took = case
        .seen
        .steps
        .iter()
        // On a detour the first connection may have waited in vain; the greeting is the last one's.
        .rfind(|step| step.stage == Stage::Greeting)?
        .took;
    if !is_good || took <= SLOW {
        return None;
    }
    Some(
        Evidence::new(format!("the greeting took {}", in_words(took))).hint_if(
            match case.service().protocol {
                Protocol::Imap | Protocol::Pop3 => Some(
                    "Make sure that the server's DNS answers reverse lookups of this address, and that the server is \
                     not overloaded.",
                ),
                _ => None,
            },
        ),
    )
}

fn silent_hint(case: &Case<'_>, stage: Stage) -> Option<&'static str> {
    let service = case.service();
    match (stage, service.protocol, service.security) {
        (Stage::Greeting, Protocol::Imap, _) => Some(
            "Restart MSExchangeImap4 and MSExchangeImap4BE. If that changes nothing, look for a proxy or a load balancer \
             on the way that accepts connections for them.",
        ),
        (Stage::Greeting, Protocol::Pop3, _) => Some(
            "Restart MSExchangePop3 and MSExchangePop3BE. If that changes nothing, look for a proxy or a load balancer \
             on the way that accepts connections for them.",
        ),
        (Stage::Greeting, Protocol::Smtp, Security::Starttls) => Some(
            "Give it more time with `--timeout`: tarpitting or a reverse lookup delays the greeting. If none comes, \
             restart MSExchangeFrontEndTransport, or look for a proxy that accepts everything.",
        ),
        (Stage::Capabilities | Stage::SecureCapabilities, Protocol::Imap | Protocol::Pop3, _) => {
            Some(
                "Possibly the back end does not answer: restart MSExchangeImap4BE and MSExchangePop3BE, then their \
                 front-end services.",
            )
        }
        (Stage::TlsHandshake, _, _) => Some(
            "The service behind the port does not answer in TLS: check whether it hangs, and whether a load balancer \
             forwards TLS to a cleartext port.",
        ),
        (Stage::Application, Protocol::Http, _) => Some(
            "Check whether a worker process hangs (`w3wp`, the application pools in IIS Manager) or a web application \
             firewall holds back the request.",
        ),
        (Stage::Starttls, Protocol::Rdp, _) => Some(
            "Restart the service TermService. If it persists, another program or a proxy listens on this port.",
        ),
        _ => None,
    }
}

fn closed_hint(case: &Case<'_>, stage: Stage) -> Option<&'static str> {
    let service = case.service();
    match (stage, service.protocol) {
        (Stage::Greeting, Protocol::Smtp) => Some(
            "Look at MaxInboundConnectionPerSource (20) and RemoteIPRanges of the receive connector, and at \
             `Get-ServerComponentState` for FrontendTransport. A load balancer with an empty pool does the same.",
        ),
        (Stage::Greeting, Protocol::Pop3 | Protocol::Imap) => Some(
            "Look at MaxConnectionFromSingleIP (`Get-PopSettings`, `Get-ImapSettings`) and the load balancer's pool. \
             Possibly the component is offline (`Get-ServerComponentState`: PopProxy, ImapProxy).",
        ),
        (Stage::Application | Stage::SecureCapabilities, Protocol::Http) => Some(
            "Look at IIS's SSL settings (client certificates required) and at a web application firewall or load \
             balancer in front. A load balancer's pool may be empty.",
        ),
        (Stage::Application | Stage::Starttls, Protocol::Ldap) => Some(
            "Look at the domain controller's Directory Service log. A load balancer or firewall in front may close it \
             as well: Microsoft supports none between Exchange and domain controllers.",
        ),
        (_, Protocol::Rdp) => Some(
            "Look at the log TerminalServices-RemoteConnectionManager on the host. Some gateways in front answer only \
             clients that name a session first.",
        ),
        _ => None,
    }
}

/// Whether the refusal is about the reputation of the address that the connection comes from.
fn is_listed(failure: &Failure) -> bool {
    [
        "spamhaus",
        "spamcop",
        "block list",
        "blocklist",
        "blacklist",
        "dnsbl",
        "5.7.511",
        "5.7.606",
    ]
    .iter()
    .any(|words| says(failure, words))
}

const DELIST: &str = "The address that this connection comes from is on a block list: have it removed (for Exchange \
    Online at sender.office.com). Addresses of homes and offices are listed permanently: check from a mail server.";

fn unavailable_hint(case: &Case<'_>) -> Option<&'static str> {
    let failure = case.failure()?;
    match case.service().protocol {
        Protocol::Smtp if says(failure, "maximum number of concurrent") => Some(
            "A connection limit was reached (events 1021 and 1009): MaxInboundConnection or \
             MaxInboundConnectionPerSource of the receive connector. Raise it for gateways, or check fewer at once.",
        ),
        Protocol::Smtp
            if says(failure, "4.3.1")
                || says(failure, "insufficient")
                || says(failure, "not accepting network messages") =>
        {
            Some(
                "Exchange is under back pressure: too little disk or memory, or too long a queue (events 15004 to \
                 15007). Free disk space and look at `Get-Queue`.",
            )
        }
        Protocol::Smtp if says(failure, "too many errors") => Some(
            "The server counts protocol errors (MaxProtocolErrors, 5 by default). exchports makes none, so a device \
             on the way changes the conversation, or a policy answers.",
        ),
        Protocol::Smtp if says(failure, "service not active") => Some(
            "The server is in maintenance mode: `Get-ServerComponentState` shows which component is inactive. To end it: \
             `Set-ServerComponentState SERVER -Component HubTransport -State Active -Requester Maintenance`.",
        ),
        Protocol::Smtp if is_listed(failure) => Some(DELIST),
        Protocol::Smtp
            if says(failure, "server busy")
                || says(failure, "4.7.500")
                || says(failure, "greylist")
                || says(failure, "4.7.650") =>
        {
            Some(
                "The receiving service throttles addresses that it does not know. Wait and try again, or check from \
                 a server that sends mail there.",
            )
        }
        Protocol::Smtp if says(failure, "4.3.2") => Some(
            "Look at `Get-ServerComponentState`: ServerWideOffline, FrontendTransport and HubTransport have to be active. \
             After maintenance: `Set-ServerComponentState -State Active -Requester Maintenance`.",
        ),
        Protocol::Imap | Protocol::Pop3
            if says(failure, "connection refused") || says(failure, "closed. 10") =>
        {
            Some(
                "A connection limit was reached, or a connection was idle too long: MaxConnections and \
                 MaxConnectionFromSingleIP (`Get-ImapSettings`, `Get-PopSettings`).",
            )
        }
        Protocol::Imap | Protocol::Pop3 => Some(
            "The service is stopping or stopped: look at MSExchangeImap4 and MSExchangePop3, then try again. Possibly the \
             component is offline (`Get-ServerComponentState`: ImapProxy, PopProxy).",
        ),
        _ => None,
    }
}

/// What is spoken on the port, with its article where it has one.
fn language(case: &Case<'_>) -> &'static str {
    match (case.service().id, case.service().protocol) {
        (ServiceId::Https, _) => "HTTP over TLS",
        (_, Protocol::Smtp) => "SMTP",
        (_, Protocol::Http) => "HTTP",
        (_, Protocol::Pop3) => "POP3",
        (_, Protocol::Imap) => "IMAP",
        (_, Protocol::Ldap) => "LDAP",
        (_, Protocol::Rdp) => "RDP",
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::fixture::open;
    use crate::catalog::ServiceId;
    use crate::finding::{Code, Severity, Status};
    use crate::observation::{Cause, Stage};

    #[test]
    fn http_2_is_told_by_its_first_frame() {
        // SETTINGS of 18, 6 and 36 bytes, and one of 99, whose length is a letter.
        for length in ["\x12", "\x06", "$", "c"] {
            let heard = format!("\0\0{length}\x04\0\0\0\0\0\0\x03");
            let staged = open(ServiceId::Https)
                .failing(Stage::Application, Cause::NotTheProtocol)
                .saying(&heard);
            let (message, hint) = staged.words(Code::NotTheProtocol);
            assert!(message.contains("HTTP/2"), "{length}: {message}");
            assert!(hint.contains("HTTP/1.1"), "{hint}");
        }
        let other = open(ServiceId::Https)
            .failing(Stage::Application, Cause::NotTheProtocol)
            .saying("\0\0\x12\x01\x04\0\0\0\0");
        let (message, _) = other.words(Code::NotTheProtocol);
        assert!(!message.contains("HTTP/2"), "{message}");
    }

    #[test]
    fn a_conversation_that_breaks_off_fails_everywhere() {
        for (cause, code) in [
            (Cause::Silent, Code::Silent),
            (Cause::Stalled, Code::Stalled),
            (Cause::Closed, Code::ClosedEarly),
            (Cause::Reset, Code::Reset),
            (Cause::Flood, Code::Flood),
            (Cause::NotTheProtocol, Code::NotTheProtocol),
            (Cause::ServiceUnavailable, Code::ServiceUnavailable),
            (Cause::Rejected, Code::GreetingRejected),
            (Cause::CommandRejected, Code::CommandRejected),
        ] {
            for service in [ServiceId::Smtp, ServiceId::Imaps, ServiceId::Pop3] {
                let staged = open(service).failing(Stage::Greeting, cause);
                assert_eq!(staged.told(), [(code, Severity::Fail)]);
                assert_eq!(staged.status(), Status::Fail);
            }
        }
    }

    #[test]
    fn the_servers_own_words_are_quoted_and_lead_to_the_hint() {
        for (service, cause, code, words, next) in [
            (
                ServiceId::Smtp,
                Cause::ServiceUnavailable,
                Code::ServiceUnavailable,
                "421 4.3.2 Service not available",
                "Set-ServerComponentState",
            ),
            (
                ServiceId::Submission,
                Cause::ServiceUnavailable,
                Code::ServiceUnavailable,
                "421 4.3.2 The maximum number of concurrent server connections has exceeded a per-source limit, \
                 closing transmission channel",
                "MaxInboundConnectionPerSource",
            ),
            (
                ServiceId::Smtp,
                Cause::ServiceUnavailable,
                Code::ServiceUnavailable,
                "452 4.3.1 Insufficient system resources",
                "back pressure",
            ),
            (
                ServiceId::Smtp,
                Cause::ServiceUnavailable,
                Code::ServiceUnavailable,
                "421 4.3.2 System not accepting network messages",
                "back pressure",
            ),
            (
                ServiceId::Pop3,
                Cause::ServiceUnavailable,
                Code::ServiceUnavailable,
                "-ERR BYE Connection refused",
                "MaxConnectionFromSingleIP",
            ),
            (
                ServiceId::Imap,
                Cause::ServiceUnavailable,
                Code::ServiceUnavailable,
                "* BYE Connection is closed. 12",
                "MSExchangeImap4",
            ),
            (
                ServiceId::Smtp,
                Cause::Rejected,
                Code::GreetingRejected,
                "550 5.7.1 Client host rejected",
                "RemoteIPRanges",
            ),
            (
                ServiceId::Smtp,
                Cause::Rejected,
                Code::GreetingRejected,
                "554 mx.example.com your reputation is poor",
                "block lists",
            ),
            (
                ServiceId::Smtp,
                Cause::Rejected,
                Code::GreetingRejected,
                "550 5.7.1 blocked using Spamhaus",
                "block list",
            ),
            (
                ServiceId::Submission,
                Cause::CommandRejected,
                Code::CommandRejected,
                "501 5.5.4 Invalid domain name",
                "--ehlo-name",
            ),
        ] {
            let (message, hint) = open(service)
                .failing(Stage::Greeting, cause)
                .saying(words)
                .words(code);
            let begin: String = words.chars().take(100).collect();
            assert!(message.contains(&format!("\"{begin}")), "{message}");
            assert!(hint.contains(next), "{words}: {hint}");
        }
    }

    #[test]
    fn silence_names_the_service_to_restart() {
        for (service, next) in [
            (ServiceId::Smtp, "MSExchangeFrontEndTransport"),
            (ServiceId::Imap, "MSExchangeImap4BE"),
            (ServiceId::Pop3s, "MSExchangePop3BE"),
        ] {
            let (_, hint) = open(service)
                .failing(Stage::Greeting, Cause::Silent)
                .words(Code::Silent);
            assert!(hint.contains(next), "{hint}");
        }
    }

    #[test]
    fn silence_says_where_it_was_met_and_how_long() {
        for (service, stage, words) in [
            (ServiceId::Smtp, Stage::Greeting, "no greeting within 3 s"),
            (
                ServiceId::Pop3,
                Stage::Starttls,
                "no answer within 3 s after STLS",
            ),
            (
                ServiceId::Https,
                Stage::TlsHandshake,
                "no answer within 3 s during the TLS handshake",
            ),
            (
                ServiceId::Ldap,
                Stage::Application,
                "no answer within 3 s after the search for the rootDSE",
            ),
        ] {
            let staged = open(service).failing(stage, Cause::Silent);
            assert_eq!(staged.words(Code::Silent).0, words);
        }
    }

    #[test]
    fn a_directory_that_refuses_its_root_is_told_as_such() {
        let staged = open(ServiceId::Ldap).failing(Stage::Application, Cause::CommandRejected);
        assert_eq!(staged.told(), [(Code::LdapError, Severity::Fail)]);
    }
}
