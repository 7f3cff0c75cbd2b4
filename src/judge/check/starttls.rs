//! Rules on STARTTLS and on RDP's negotiation: the step from cleartext to TLS.

use super::case::Case;
use super::protocol;
use super::rule::CheckRule;
use crate::catalog::Protocol;
use crate::facts::{PeerFacts, Text};
use crate::finding::{Code, Severity};
use crate::judge::quoting::{is_keyword, list, quote, said, says};
use crate::judge::rule::Evidence;

pub(super) const RULES: &[CheckRule] = &[
    CheckRule {
        code: Code::StarttlsNotOffered,
        holds: not_offered,
    },
    CheckRule {
        code: Code::StarttlsOverwritten,
        holds: overwritten,
    },
    CheckRule {
        code: Code::StarttlsRejected,
        holds: rejected,
    },
    CheckRule {
        code: Code::BytesInjected,
        holds: bytes_injected,
    },
    CheckRule {
        code: Code::NoCertificate,
        holds: no_certificate,
    },
    CheckRule {
        code: Code::RdpNoTls,
        holds: |case| {
            let failure = case.failed(Code::RdpNoTls)?;
            let why = negotiation_failure(case)
                .map_or_else(|| said(failure), |(name, _)| format!(": {name}"));
            Some(Evidence::new(format!(
                "the host speaks only standard RDP security, without TLS{why}"
            )))
        },
    },
    CheckRule {
        code: Code::RdpNegotiationFailed,
        holds: |case| {
            let failure = case.failed(Code::RdpNegotiationFailed)?;
            Some(match negotiation_failure(case) {
                Some((name, hint)) => {
                    Evidence::new(format!("the host refused the negotiation: {name}")).hint_if(hint)
                }
                None => Evidence::new(format!("the host refused the negotiation{}", said(failure))),
            })
        },
    },
];

fn not_offered(case: &Case<'_>) -> Option<Evidence> {
    let failure = case.failed(Code::StarttlsNotOffered)?;
    let offered = capabilities(case);
    let message = match case.service().protocol {
        Protocol::Ldap => format!("the directory does not support StartTLS{}", said(failure)),
        _ if offered.is_empty() => format!("{} is not offered", word(case)),
        Protocol::Smtp => format!("no STARTTLS in the EHLO reply: {}", list(offered)),
        _ => format!(
            "no {} among the capabilities: {}",
            word(case),
            list(offered)
        ),
    };
    let anonymous = offered
        .iter()
        .any(|capability| is_keyword(capability, "X-ANONYMOUSTLS"));
    let hint = match case.service().protocol {
        _ if protocol::preauth(case).is_some() => Some(
            "It is not allowed after the greeting PREAUTH: first find out what sends it (`exchports explain \
             imap-preauth`).",
        ),
        Protocol::Smtp if anonymous => Some(
            "X-ANONYMOUSTLS is offered, so TLS is on: possibly a device on the way removed STARTTLS (`no inspect \
             esmtp`). Otherwise see event 12014 and AuthMechanism of the connector (`Get-ReceiveConnector`).",
        ),
        Protocol::Smtp => Some(
            "See event 12014 (no certificate fits the connector's FQDN) and AuthMechanism (`Get-ReceiveConnector`), \
             then `Enable-ExchangeCertificate -Services SMTP`. Possibly a gateway removes it.",
        ),
        Protocol::Imap => Some(
            "No certificate is assigned: `Enable-ExchangeCertificate -Services IMAP` or `Set-ImapSettings \
             -X509CertificateName`. Then restart MSExchangeImap4 and MSExchangeImap4BE.",
        ),
        Protocol::Pop3 => Some(
            "No certificate is assigned: `Enable-ExchangeCertificate -Services POP` or `Set-PopSettings \
             -X509CertificateName`. Then restart MSExchangePop3 and MSExchangePop3BE.",
        ),
        Protocol::Ldap => Some(
            "Enrol a certificate for Server Authentication on the domain controller, or use 636. A directory that is \
             not Active Directory may not support StartTLS at all.",
        ),
        Protocol::Http | Protocol::Rdp => None,
    };
    Some(Evidence::new(message).hint_if(hint))
}

fn overwritten(case: &Case<'_>) -> Option<Evidence> {
    let failure = case.failed(Code::StarttlsOverwritten)?;
    // Cisco writes as many X as the keyword had letters, and a last letter of its own: XXXXXXXA.
    let in_its_place = capabilities(case).iter().find(|capability| {
        let keyword = capability.as_str();
        keyword.len() >= 4 && keyword.matches('X').count() + 1 >= keyword.len()
    });
    let message = match in_its_place {
        Some(found) => format!(
            "the offer of STARTTLS was overwritten on the way: {} stands in its place",
            quote(found)
        ),
        None => format!(
            "the offer of STARTTLS was overwritten on the way{}",
            said(failure)
        ),
    };
    Some(Evidence::new(message))
}

fn rejected(case: &Case<'_>) -> Option<Evidence> {
    let failure = case.failed(Code::StarttlsRejected)?;
    // protocolError (RFC 4511 §4.14.2): the server does not know the operation, which is no more than not offering it.
    let unknown_operation = case
        .ldap()
        .is_some_and(|facts| facts.starttls_result == Some(2));
    let message = match case.ldap().and_then(|facts| facts.starttls_result) {
        Some(result) => format!(
            "StartTLS was refused with result code {result}{}",
            said(failure)
        ),
        None => format!("{} was offered and refused{}", word(case), said(failure)),
    };
    let hint = match case.service().protocol {
        Protocol::Smtp if says(failure, "454") && says(failure, "rate") => Some(
            "The server limits TLS handshakes, and the limit has been reached. Try again later, and check fewer at once.",
        ),
        Protocol::Smtp => Some(
            "Assign the certificate again (`Enable-ExchangeCertificate -Services SMTP`) and make sure that NETWORK \
             SERVICE can read its private key. `Get-ExchangeCertificate` shows which one serves SMTP.",
        ),
        Protocol::Imap => Some(
            "Assign the certificate again (`Enable-ExchangeCertificate -Services IMAP`) and restart MSExchangeImap4 \
             and MSExchangeImap4BE.",
        ),
        Protocol::Pop3 => Some(
            "Assign the certificate again (`Enable-ExchangeCertificate -Services POP`) and restart MSExchangePop3 and \
             MSExchangePop3BE.",
        ),
        Protocol::Ldap if unknown_operation => Some(
            "This directory does not support StartTLS, so it is unlikely to be Active Directory: check the host, or \
             use 636.",
        ),
        Protocol::Ldap => Some(
            "Make sure that the domain controller has a Server Authentication certificate with its full name. Then look at \
             Schannel events 36870 to 36888 in its System log.",
        ),
        Protocol::Http | Protocol::Rdp => None,
    };
    let evidence = Evidence::new(message).hint_if(hint);
    Some(if unknown_operation {
        evidence.severity(Severity::Warn)
    } else {
        evidence
    })
}

fn bytes_injected(case: &Case<'_>) -> Option<Evidence> {
    let failed = case.failed(Code::BytesInjected);
    match (case.seen.injected_bytes, failed) {
        (0, None) => None,
        (0, Some(failure)) => Some(Evidence::new(format!(
            "cleartext came after the go-ahead of {}{}",
            word(case),
            said(failure)
        ))),
        (bytes, failed) => Some(Evidence::new(format!(
            "{bytes} {} in clear came after the go-ahead of {}{}",
            if bytes == 1 { "byte" } else { "bytes" },
            word(case),
            failed.map_or_else(String::new, said)
        ))),
    }
}

fn no_certificate(case: &Case<'_>) -> Option<Evidence> {
    let failure = case.failed(Code::NoCertificate)?;
    let message = match negotiation_failure(case) {
        Some((name, _)) => format!("the host has no certificate for TLS: {name}"),
        None => format!(
            "the server says that it has no certificate{}",
            said(failure)
        ),
    };
    let hint = match case.service().protocol {
        Protocol::Imap => Some(
            "Assign one: `Enable-ExchangeCertificate -Services IMAP` or `Set-ImapSettings -X509CertificateName`. Then \
             restart MSExchangeImap4 and MSExchangeImap4BE.",
        ),
        Protocol::Pop3 => Some(
            "Assign one: `Enable-ExchangeCertificate -Services POP` or `Set-PopSettings -X509CertificateName`. Then \
             restart MSExchangePop3 and MSExchangePop3BE.",
        ),
        Protocol::Ldap => Some(
            "Enrol a certificate for Server Authentication with the domain controller's own full name. Exchange \
             itself does not need it; applications that send passwords do.",
        ),
        Protocol::Rdp => Some(
            "Delete the host's certificate in the store Remote Desktop and restart TermService, which makes a new \
             one. If it does not, check the permissions of the folder MachineKeys.",
        ),
        Protocol::Smtp => Some(
            "Assign one: `Enable-ExchangeCertificate -Services SMTP`. It has to be issued for the connector's FQDN; \
             otherwise event 12014 is logged.",
        ),
        Protocol::Http => None,
    };
    Some(Evidence::new(message).hint_if(hint))
}

/// The failure code of the RDP negotiation by its name, and what to do about it.
fn negotiation_failure(case: &Case<'_>) -> Option<(String, Option<&'static str>)> {
    let code = case.rdp()?.failure_code?;
    let (name, hint) = match code {
        1 => (
            "SSL_REQUIRED_BY_SERVER",
            "The host requires TLS but refused it. Restart TermService and check again; a gateway in front may answer \
             instead.",
        ),
        2 => (
            "SSL_NOT_ALLOWED_BY_SERVER",
            "The host is set to RDP's own security layer. Set it to SSL or Negotiate (group policy: Require use of \
             specific security layer for remote connections).",
        ),
        3 => (
            "SSL_CERT_NOT_ON_SERVER",
            "Delete the host's certificate in the store Remote Desktop and restart TermService, which makes a new \
             one. If it does not, check the permissions of the folder MachineKeys.",
        ),
        4 => (
            "INCONSISTENT_FLAGS",
            "Restart TermService and check again. If it persists, possibly a gateway in front does not understand what \
             the client offers.",
        ),
        5 => (
            "HYBRID_REQUIRED_BY_SERVER",
            "The host requires network level authentication, which is the safe setting. That it refused although NLA \
             was offered points to a gateway in front.",
        ),
        6 => (
            "SSL_WITH_USER_AUTH_REQUIRED_BY_SERVER",
            "The host requires TLS with a client certificate, as some gateways do. Check the host behind the gateway \
             instead.",
        ),
        other => return Some((format!("failure code {other}"), None)),
    };
    Some((format!("{name} ({code})"), Some(hint)))
}

/// What the step to TLS is called here.
fn word(case: &Case<'_>) -> &'static str {
    match case.service().protocol {
        Protocol::Pop3 => "STLS",
        Protocol::Ldap => "StartTLS",
        Protocol::Rdp => "the negotiation",
        Protocol::Smtp | Protocol::Imap | Protocol::Http => "STARTTLS",
    }
}

/// What the server offers before TLS.
fn capabilities<'a>(case: &Case<'a>) -> &'a [Text] {
    match case.seen.peer.as_ref() {
        Some(PeerFacts::Smtp(facts)) => &facts.extensions,
        Some(PeerFacts::Imap(facts)) => &facts.capabilities,
        Some(PeerFacts::Pop3(facts)) => &facts.capabilities,
        _ => &[],
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::fixture::open;
    use crate::catalog::ServiceId;
    use crate::facts::{ImapFacts, LdapFacts, PeerFacts, RdpFacts};
    use crate::finding::{Code, Severity, Status};
    use crate::observation::{Cause, Stage};

    #[test]
    fn starttls_that_is_not_offered_fails_except_where_clients_go_on_without() {
        for (service, severity, status) in [
            (ServiceId::Smtp, Severity::Warn, Status::Warn),
            (ServiceId::Ldap, Severity::Warn, Status::Warn),
            (ServiceId::Submission, Severity::Fail, Status::Fail),
            (ServiceId::Imap, Severity::Fail, Status::Fail),
            (ServiceId::Pop3, Severity::Fail, Status::Fail),
        ] {
            let staged = open(service).failing(Stage::Starttls, Cause::StarttlsNotOffered);
            assert_eq!(staged.told(), [(Code::StarttlsNotOffered, severity)]);
            assert_eq!(staged.status(), status);
        }
    }

    #[test]
    fn what_is_offered_instead_is_told() {
        let staged = open(ServiceId::Submission)
            .smtp("220 mail ESMTP", &["SIZE 37748736", "PIPELINING", "DSN"])
            .failing(Stage::Starttls, Cause::StarttlsNotOffered);
        let (message, hint) = staged.words(Code::StarttlsNotOffered);
        assert_eq!(
            message,
            "no STARTTLS in the EHLO reply: SIZE 37748736, PIPELINING, DSN"
        );
        assert!(hint.contains("12014"), "{hint}");
        let staged = staged.smtp("220 mail ESMTP", &["SIZE", "X-ANONYMOUSTLS"]);
        let (_, hint) = staged.words(Code::StarttlsNotOffered);
        assert!(hint.contains("possibly a device on the way"), "{hint}");
        let preauth = ImapFacts {
            greeting: Some("* PREAUTH ready".into()),
            ..ImapFacts::default()
        };
        let (_, hint) = open(ServiceId::Imap)
            .peer(PeerFacts::Imap(preauth))
            .failing(Stage::Starttls, Cause::StarttlsNotOffered)
            .words(Code::StarttlsNotOffered);
        assert!(hint.contains("imap-preauth"), "{hint}");
    }

    #[test]
    fn tampering_fails_everywhere() {
        for service in [ServiceId::Smtp, ServiceId::Ldap, ServiceId::Submission] {
            let staged = open(service)
                .smtp("220 mail", &["SIZE", "XXXXXXXA"])
                .failing(Stage::Starttls, Cause::StarttlsOverwritten);
            assert_eq!(staged.told(), [(Code::StarttlsOverwritten, Severity::Fail)]);
            let (message, _) = staged.words(Code::StarttlsOverwritten);
            assert!(message.contains("\"XXXXXXXA\""), "{message}");

            let mut staged = open(service);
            staged.seen.injected_bytes = 12;
            assert_eq!(staged.told(), [(Code::BytesInjected, Severity::Fail)]);
            assert_eq!(staged.status(), Status::Fail);
            let staged = staged.failing(Stage::TlsHandshake, Cause::HandshakeFailed);
            assert_eq!(
                staged.told(),
                [
                    (Code::BytesInjected, Severity::Fail),
                    (Code::TlsHandshakeFailed, Severity::Fail)
                ]
            );
        }
    }

    #[test]
    fn a_refusal_is_told_by_what_the_server_says() {
        for (words, next) in [
            (
                "454 4.7.0 Cannot accept TLS as maximum TLS rate exceeded for server",
                "Try again later",
            ),
            (
                "554 5.7.3 Unable to initialize security subsystem",
                "NETWORK SERVICE",
            ),
        ] {
            let staged = open(ServiceId::Submission)
                .failing(Stage::Starttls, Cause::StarttlsRejected)
                .saying(words);
            assert_eq!(staged.told(), [(Code::StarttlsRejected, Severity::Fail)]);
            let (message, hint) = staged.words(Code::StarttlsRejected);
            assert!(message.contains(words), "{message}");
            assert!(hint.contains(next), "{hint}");
        }
    }

    #[test]
    fn a_directory_is_judged_by_its_result_code() {
        let ldap = |cause, result| {
            open(ServiceId::Ldap)
                .peer(PeerFacts::Ldap(LdapFacts {
                    starttls_result: Some(result),
                    ..LdapFacts::default()
                }))
                .failing(Stage::Starttls, cause)
        };
        assert_eq!(
            ldap(Cause::StarttlsRejected, 2).told(),
            [(Code::StarttlsRejected, Severity::Warn)]
        );
        assert_eq!(
            ldap(Cause::StarttlsRejected, 1).told(),
            [(Code::StarttlsRejected, Severity::Fail)]
        );
        assert_eq!(
            ldap(Cause::NoCertificate, 52).told(),
            [(Code::NoCertificate, Severity::Warn)]
        );
    }

    #[test]
    fn a_server_without_a_certificate_names_the_cmdlet() {
        for (service, words, next) in [
            (
                ServiceId::Imaps,
                "* BYE Connection is closed. 14",
                "Set-ImapSettings",
            ),
            (
                ServiceId::Pop3s,
                "-ERR Connection is closed. 13",
                "Set-PopSettings",
            ),
        ] {
            let staged = open(service)
                .failing(Stage::TlsHandshake, Cause::NoCertificate)
                .saying(words);
            assert_eq!(staged.told(), [(Code::NoCertificate, Severity::Fail)]);
            let (message, hint) = staged.words(Code::NoCertificate);
            assert!(message.contains(words), "{message}");
            assert!(hint.contains(next), "{hint}");
        }
    }

    #[test]
    fn rdp_failures_bear_the_names_of_the_specification() {
        for (code, name) in [
            (1, "SSL_REQUIRED_BY_SERVER (1)"),
            (2, "SSL_NOT_ALLOWED_BY_SERVER (2)"),
            (3, "SSL_CERT_NOT_ON_SERVER (3)"),
            (4, "INCONSISTENT_FLAGS (4)"),
            (5, "HYBRID_REQUIRED_BY_SERVER (5)"),
            (6, "SSL_WITH_USER_AUTH_REQUIRED_BY_SERVER (6)"),
            (7, "failure code 7"),
        ] {
            let facts = RdpFacts {
                failure_code: Some(code),
                ..RdpFacts::default()
            };
            for (cause, expected) in [
                (Cause::NegotiationFailed, Code::RdpNegotiationFailed),
                (Cause::NoTls, Code::RdpNoTls),
                (Cause::NoCertificate, Code::NoCertificate),
            ] {
                let staged = open(ServiceId::Rdp)
                    .peer(PeerFacts::Rdp(facts.clone()))
                    .failing(Stage::Starttls, cause);
                assert_eq!(staged.told(), [(expected, Severity::Fail)]);
                let (message, _) = staged.words(expected);
                assert!(message.ends_with(name), "{message}");
            }
        }
    }
}
