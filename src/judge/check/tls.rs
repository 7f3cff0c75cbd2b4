//! Rules on TLS: the wrong kind of conversation on a port, handshakes that fail, versions, client certificates.

use super::case::{Case, after};
use super::rule::CheckRule;
use crate::catalog::{Expectation, Protocol, Role, Security, ServiceId};
use crate::facts::{
    Cipher, ClientCertificate, KeyExchange, KeyProof, PeerFacts, Text, TlsVersion, VersionAnswer,
    alert_name,
};
use crate::finding::Code;
use crate::judge::quoting::{quote, said};
use crate::judge::rule::Evidence;
use crate::observation::{Cause, Detour, Failure};

pub(super) const RULES: &[CheckRule] = &[
    CheckRule {
        code: Code::CleartextOnTlsPort,
        holds: cleartext_on_tls_port,
    },
    CheckRule {
        code: Code::ClientProxy,
        holds: client_proxy,
    },
    CheckRule {
        code: Code::TlsOnCleartextPort,
        holds: tls_on_cleartext_port,
    },
    CheckRule {
        code: Code::TlsNoCommonCipher,
        holds: |case| {
            let failure = case.failed(Code::TlsNoCommonCipher)?;
            let asked = case
                .tls()
                .is_some_and(|tls| tls.client_certificate.is_some());
            let why = if asked {
                ""
            } else {
                "most likely no cipher suite in common: "
            };
            Some(
                Evidence::new(format!(
                    "{why}the server ended the handshake{}",
                    ended_with(failure)
                ))
                .hint_if(asked.then_some(
                    "The server had asked for a client certificate before: possibly it requires one. Set IIS or the \
                     gateway to ignore client certificates for Outlook and phones.",
                )),
            )
        },
    },
    CheckRule {
        code: Code::TlsNameNotRecognised,
        holds: |case| {
            let failure = case.failed(Code::TlsNameNotRecognised)?;
            let sent = case
                .tls()
                .and_then(|tls| tls.server_name.as_deref())
                .map_or_else(String::new, |name| format!(" {}", quote(&Text::from(name))));
            Some(
                Evidence::new(format!(
                    "the server has no site for the name{sent} and ended the handshake{}",
                    ended_with(failure)
                ))
                .hint_if(is_without_name(case).then_some(WITHOUT_NAME)),
            )
        },
    },
    CheckRule {
        code: Code::TlsVersionTooOld,
        holds: version_too_old,
    },
    CheckRule {
        code: Code::TlsLegacySuites,
        holds: legacy_suites,
    },
    CheckRule {
        code: Code::TlsUnverified,
        holds: unverified,
    },
    CheckRule {
        code: Code::TlsOldVersions,
        holds: |case| {
            let enabled: Vec<&str> = case
                .tls()?
                .versions
                .iter()
                .filter(|(version, answer)| {
                    *version < TlsVersion::Tls12 && *answer == VersionAnswer::Accepted
                })
                .map(|(version, _)| version.name())
                .collect();
            // Where nothing else is spoken, that is told already.
            (!enabled.is_empty() && case.failed(Code::TlsVersionTooOld).is_none()).then(|| {
                Evidence::new(format!(
                    "the server still accepts {}",
                    enabled.join(" and ")
                ))
            })
        },
    },
    CheckRule {
        code: Code::ClientCertificateRequired,
        holds: |case| {
            let failure = case.failed(Code::ClientCertificateRequired)?;
            Some(
                Evidence::new(format!(
                    "the server requires a client certificate{}",
                    match failure.cause {
                        Cause::Alert(_) => format!(", and ended the handshake{}", ended_with(failure)),
                        _ => said(failure),
                    }
                ))
                .hint_if(match case.service().protocol {
                    Protocol::Http => None,
                    _ => Some(
                        "Look at what answers on this port, starting with a gateway or load balancer in front, and \
                         stop requiring client certificates there. If every client has one on purpose, no action is \
                         needed.",
                    ),
                }),
            )
        },
    },
    CheckRule {
        code: Code::ClientCertificateRefused,
        holds: |case| {
            let failure = case.failed(Code::ClientCertificateRefused)?;
            Some(Evidence::new(format!(
                "the server refused the client certificate given with --client-cert{}",
                said(failure)
            )))
        },
    },
    CheckRule {
        code: Code::TlsClosedOnHello,
        holds: |case| {
            let failure = case.failed(Code::TlsClosedOnHello)?;
            Some(
                Evidence::new(format!(
                    "the server {} the connection at the ClientHello, without an alert",
                    match failure.detail.as_ref().map(Text::as_str) {
                        Some("reset") => "reset",
                        _ => "closed",
                    }
                ))
                .hint(closed_on_hello_hint(case)),
            )
        },
    },
    CheckRule {
        code: Code::TlsAlert,
        holds: |case| {
            let failure = case.failed(Code::TlsAlert)?;
            let hint = match failure.cause {
                Cause::Alert(80) if is_without_name(case) => Some(WITHOUT_NAME),
                Cause::Alert(120) => Some(
                    "The server does not accept HTTP/1.1 (no_application_protocol): it speaks only HTTP/2, or its \
                     list of protocols is wrong. Have it offer http/1.1: Outlook and Exchange need it.",
                ),
                Cause::Alert(80) => Some(
                    "The server reports an internal error: look at Schannel events 36870 to 36888 in its System log. \
                     Partially disabled TLS in the registry causes this, and so does an unreadable private key.",
                ),
                // bad_certificate to certificate_unknown, unknown_ca: about our certificate, and we have none.
                Cause::Alert(41..=46 | 48) => Some(
                    "The alert is about a client certificate, and this client has none: possibly the server requires \
                     one. Look at IIS's SSL settings or the gateway in front.",
                ),
                _ => None,
            };
            Some(
                Evidence::new(format!(
                    "the server ended the handshake{}",
                    ended_with(failure)
                ))
                .hint_if(hint),
            )
        },
    },
    CheckRule {
        code: Code::TlsBroken,
        holds: |case| {
            let failure = case.failed(Code::TlsBroken)?;
            Some(Evidence::new(format!(
                "the TLS session broke {}{}",
                after(case, failure.stage),
                said(failure)
            )))
        },
    },
    CheckRule {
        code: Code::TlsHandshakeFailed,
        holds: |case| {
            let failure = case.failed(Code::TlsHandshakeFailed)?;
            let message = if failure.cause == Cause::Cleartext {
                format!(
                    "cleartext came instead of the TLS handshake{}",
                    said(failure)
                )
            } else {
                format!("the TLS handshake failed{}", said(failure))
            };
            Some(Evidence::new(message))
        },
    },
    CheckRule {
        code: Code::ClientCertificateRequested,
        holds: |case| {
            if case.failed(Code::ClientCertificateRequired).is_some()
                || case.failed(Code::ClientCertificateRefused).is_some()
            {
                return None;
            }
            match case.tls()?.client_certificate? {
                ClientCertificate::Requested => Some(Evidence::new(
                    "the server asked for a client certificate and continued without one",
                )),
                ClientCertificate::Sent => Some(sent_certificate(case)),
            }
        },
    },
];

/// What came after the certificate was sent: a web server may take it in the handshake and refuse it in the answer.
fn sent_certificate(case: &Case<'_>) -> Evidence {
    let status = case.http().and_then(|facts| facts.status);
    match status.filter(|status| matches!(status, 400 | 403 | 495 | 496)) {
        Some(status) => Evidence::new(format!(
            "the server asked for a client certificate, was sent the one given with --client-cert, and answered with \
             HTTP {status}"
        ))
        .hint(
            "Possibly it does not accept this certificate: the server's log says why (in IIS: 403.7, 403.13, 403.16 \
             or 403.17).",
        ),
        None => Evidence::new(
            "the server asked for a client certificate, was sent the one given with --client-cert, and continued",
        )
        .hint("No action is needed."),
    }
}

/// Whether no name went with the handshake, since the target is an address.
fn is_without_name(case: &Case<'_>) -> bool {
    case.tls().is_some_and(|tls| tls.server_name.is_none())
}

const WITHOUT_NAME: &str = "No name was sent, since the target is an address, and some servers need one: check by the \
                            name that clients use, or give it with `--servername`.";

fn cleartext_on_tls_port(case: &Case<'_>) -> Option<Evidence> {
    let failed = case.failed(Code::CleartextOnTlsPort);
    let by_detour = case.seen.detour == Some(Detour::CleartextOnTlsPort) && !case.is_client_proxy();
    if failed.is_none() && !by_detour {
        return None;
    }
    let words = failed.map(said).filter(|words| !words.is_empty());
    let words = words
        .or_else(|| greeting(case).map(|greeting| format!(": {}", quote(greeting))))
        .unwrap_or_default();
    let is_known = by_detour || failed.is_some_and(|failure| begins_as_its_own(case, failure));
    let hint = match case.service().protocol {
        _ if !is_known => None,
        Protocol::Imap | Protocol::Pop3
            if words.contains("closed. 14") || words.contains("closed. 13") =>
        {
            Some(
                "Exchange says this when no certificate is assigned: `Enable-ExchangeCertificate -Services \
                 POP,IMAP`. Then restart the POP3 and IMAP4 services.",
            )
        }
        Protocol::Imap => Some(
            "Switch TLS on for 993, or correct the forwarding rule: what answers belongs on 143. In Exchange, \
             `Get-ImapSettings` shows the bindings (SSLBindings).",
        ),
        Protocol::Pop3 => Some(
            "Switch TLS on for 995, or correct the forwarding rule: what answers belongs on 110. In Exchange, \
             `Get-PopSettings` shows the bindings (SSLBindings).",
        ),
        Protocol::Smtp => Some(
            "Clients that are set to SSL/TLS on 465 fail; those set to STARTTLS may work: set them to 587 with \
             STARTTLS. Or switch TLS on for 465 (Postfix: `smtpd_tls_wrappermode`).",
        ),
        Protocol::Http => Some(
            "The listener on 443 speaks HTTP in clear: correct the binding in IIS (`Get-WebBinding`) or the TLS \
             profile of the load balancer.",
        ),
        Protocol::Ldap | Protocol::Rdp => None,
    };
    let message = format!(
        "cleartext came where TLS belongs{}{words}",
        after_starttls(case)
    );
    Some(Evidence::new(message).hint_if(hint))
}

/// Where TLS and certificate were seen all the same: not where clients of this port look for them.
fn after_starttls(case: &Case<'_>) -> String {
    let version = case.tls().and_then(|tls| tls.version);
    match (case.seen.detour, version) {
        (Some(Detour::CleartextOnTlsPort), Some(version)) => {
            format!(", and {} only after STARTTLS", version.name())
        }
        _ => String::new(),
    }
}

/// Whether what came in clear begins as this port's protocol does, without TLS.
fn begins_as_its_own(case: &Case<'_>, failure: &Failure) -> bool {
    let starts: &[&str] = match case.service().protocol {
        Protocol::Smtp => &["2", "4", "5"],
        Protocol::Imap => &["* "],
        Protocol::Pop3 => &["+OK", "-ERR"],
        Protocol::Http => &["HTTP/", "<"],
        Protocol::Ldap | Protocol::Rdp => &[],
    };
    let heard = failure.detail.as_ref().map_or("", Text::as_str);
    starts.iter().any(|start| heard.starts_with(start))
}

fn client_proxy(case: &Case<'_>) -> Option<Evidence> {
    if !case.is_client_proxy() {
        return None;
    }
    let words = greeting(case)
        .or_else(|| case.failed(Code::ClientProxy)?.detail.as_ref())
        .map_or_else(String::new, |greeting| format!(": {}", quote(greeting)));
    let evidence = Evidence::new(format!(
        "Exchange's Client Proxy connector answers in clear{}{words}",
        after_starttls(case)
    ));
    // Where it is required: it is no service with implicit TLS, and that was asked for.
    if case.check.expect != Expectation::Required && case.context.role == Role::Mailbox {
        return Some(evidence.hint(
            "No action is needed: every Mailbox server has it for other Exchange servers. Mail clients use 587 with \
             STARTTLS.",
        ));
    }
    Some(evidence)
}

fn tls_on_cleartext_port(case: &Case<'_>) -> Option<Evidence> {
    let failed = case.failed(Code::TlsOnCleartextPort);
    if failed.is_none() && case.seen.detour != Some(Detour::TlsOnCleartextPort) {
        return None;
    }
    let belongs = match case.service().security {
        Security::Starttls if case.service().protocol == Protocol::Ldap => {
            "cleartext and StartTLS belong"
        }
        Security::Starttls => "a greeting in clear and STARTTLS belong",
        Security::Cleartext | Security::X224 => "cleartext belongs",
        Security::ImplicitTls => "something else belongs",
    };
    Some(
        Evidence::new(format!(
            "the server expects TLS first where {belongs}{}",
            failed.map_or_else(String::new, said)
        ))
        .hint_if(match case.service().id {
            ServiceId::Http => Some(
                "Correct the binding in IIS (`Get-WebBinding`) or the load balancer's listener: HTTPS belongs on 443.",
            ),
            ServiceId::Ldap => Some(
                "Correct the forwarding rule: implicit TLS belongs on 636, and 389 begins in clear.",
            ),
            ServiceId::Smtp => Some(
                "Correct the listener or the forwarding rule: other mail servers begin in clear on 25. Implicit TLS \
                 belongs on 465.",
            ),
            _ => None,
        }),
    )
}

fn version_too_old(case: &Case<'_>) -> Option<Evidence> {
    let lowest = case.context.standards.min_tls;
    let failed = case.failed(Code::TlsVersionTooOld);
    let agreed = case.tls().and_then(|tls| {
        let legacy = tls.legacy.as_ref().and_then(|legacy| legacy.version);
        tls.version.or(legacy)
    });
    let message = match (agreed, failed) {
        (Some(version), _) if version < lowest => format!(
            "the server speaks {}, but {} is the lowest accepted",
            version.name(),
            lowest.name()
        ),
        (_, Some(failure)) => format!(
            "the server and this client have no TLS version in common{}",
            ended_with(failure)
        ),
        _ => return None,
    };
    // TLS 1.2 is too old only for those who asked for 1.3, and Exchange's SMTP has none.
    let only_by_request = agreed.is_some_and(|version| version >= TlsVersion::Tls12);
    let hint = match lowest {
        _ if only_by_request => Some(
            "TLS 1.3 needs Exchange 2019 CU15 or later on Windows Server 2022, and works there for HTTPS, not for \
             SMTP. Without `--min-tls 1.3` this version is accepted.",
        ),
        TlsVersion::Tls13 => Some(
            "Enable TLS 1.3, which was asked for (`--min-tls 1.3`), where Windows and Exchange have it (2019 CU15 on \
             Windows Server 2022, for HTTPS). Otherwise enable TLS 1.2 and ask for that.",
        ),
        _ => None,
    };
    Some(Evidence::new(message).hint_if(hint))
}

fn legacy_suites(case: &Case<'_>) -> Option<Evidence> {
    case.failed(Code::TlsLegacySuites)?;
    let Some(legacy) = case.tls().and_then(|tls| tls.legacy.as_ref()) else {
        return Some(Evidence::new(
            "the server speaks TLS 1.2 with old suites only",
        ));
    };
    let suite = legacy
        .cipher_suite
        .as_deref()
        .map_or_else(String::new, |suite| format!(": it chooses {suite}"));
    let (what, hint) = match (legacy.key_exchange, legacy.cipher) {
        (_, Some(Cipher::Rc4 | Cipher::TripleDes)) => (
            "broken ciphers (RC4, 3DES)",
            Some(
                "Disable RC4 and 3DES for Schannel and enable the ECDHE suites with AES-GCM (`Get-TlsCipherSuite`). \
                 Microsoft's HealthChecker shows what is set.",
            ),
        ),
        (Some(KeyExchange::Rsa), _) => (
            "RSA key exchange, without forward secrecy,",
            Some(
                "Enable the ECDHE suites with AES-GCM and put them first (`Enable-TlsCipherSuite -Position 0`); group \
                 policy may set its own order. A load balancer in front may also cause this.",
            ),
        ),
        (Some(KeyExchange::Dhe), _) => ("Diffie-Hellman without elliptic curves", None),
        (_, Some(Cipher::Cbc)) => ("suites in CBC mode", None),
        _ => ("old suites", None),
    };
    let unproven = match legacy.proof {
        Some(KeyProof::Deferred) => ", so it is not proven that it holds the certificate's key",
        _ => "",
    };
    Some(
        Evidence::new(format!(
            "the server speaks TLS 1.2 with {what} only{suite}{unproven}"
        ))
        .hint_if(hint),
    )
}

fn unverified(case: &Case<'_>) -> Option<Evidence> {
    case.failed(Code::TlsUnverified)?;
    let legacy = case.tls().and_then(|tls| tls.legacy.as_ref());
    let version = legacy
        .and_then(|legacy| legacy.version)
        .map_or("TLS", TlsVersion::name);
    let is_of_the_key = legacy.is_some_and(|legacy| legacy.proof == Some(KeyProof::Unchecked));
    let key = case.certificate().map(|found| &found.key);
    let key = key.filter(|_| is_of_the_key);
    let group = legacy.and_then(|legacy| legacy.group.as_deref());
    let what = match (key, group) {
        (Some(key), _) if key.algorithm == "EC" => {
            "with a key on a rare curve, which exchports cannot verify".to_owned()
        }
        (Some(key), _) => format!(
            "with a key of the kind {}, which exchports cannot verify",
            key.algorithm
        ),
        (None, Some(group)) if !OUR_GROUPS.contains(&group) => {
            format!("with the key exchange group {group} only, which exchports does not have")
        }
        _ => "with a kind of key or signature that exchports cannot verify".to_owned(),
    };
    Some(Evidence::new(format!("the server speaks {version} {what}")))
}

/// The groups that every handshake offers.
const OUR_GROUPS: [&str; 5] = ["x25519", "X25519", "secp256r1", "secp384r1", "secp521r1"];

fn closed_on_hello_hint(case: &Case<'_>) -> &'static str {
    match case.service().protocol {
        Protocol::Http => {
            "Usually no certificate is bound: see `netsh http show sslcert`, event 15021 and Schannel events 36870 \
             to 36888. A binding for another name only (SNI) has the same effect: try `--servername`."
        }
        Protocol::Ldap => {
            "Usually the domain controller has no certificate for LDAPS. Enrol one for Server Authentication with its \
             own full name."
        }
        Protocol::Rdp => {
            "Delete the host's certificate in the store Remote Desktop and restart TermService, which makes a new \
             one. If it does not, check the permissions of the folder MachineKeys."
        }
        Protocol::Smtp => {
            "See which certificate serves SMTP (`Get-ExchangeCertificate`) and whether its private key can be read. \
             Schannel events 36870 to 36888 in the System log say why."
        }
        Protocol::Imap | Protocol::Pop3 => {
            "See which certificate serves POP and IMAP (`Get-ExchangeCertificate`) and whether its private key can \
             be read. Schannel events 36870 to 36888 in the System log say why."
        }
    }
}

/// What the server ended the handshake with: its alert by number and name, else what is known in words.
fn ended_with(failure: &Failure) -> String {
    match failure.cause {
        Cause::Alert(alert) => match alert_name(alert) {
            Some(name) => format!(" with alert {alert} ({name})"),
            None => format!(" with alert {alert}"),
        },
        _ => said(failure),
    }
}

fn greeting<'a>(case: &Case<'a>) -> Option<&'a Text> {
    match case.seen.peer.as_ref()? {
        PeerFacts::Smtp(facts) => facts.greeting.as_ref(),
        PeerFacts::Imap(facts) => facts.greeting.as_ref(),
        PeerFacts::Pop3(facts) => facts.greeting.as_ref(),
        PeerFacts::Ldap(_) | PeerFacts::Rdp(_) | PeerFacts::Http(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::fixture::{Fixture, exchange_default, good, open};
    use crate::catalog::Expectation::{Optional, Required};
    use crate::catalog::{Role, ServiceId};
    use crate::facts::{
        Cipher, ClientCertificate, KeyExchange, KeyProof, LegacyAnswer, LegacyFacts, TlsFacts,
        TlsVersion, VersionAnswer,
    };
    use crate::finding::{Code, Severity, Status};
    use crate::observation::{Cause, Detour, Stage};

    const EXCHANGE: &str = "220 mail01.example.com Microsoft ESMTP MAIL Service ready at Tue, 24 Sep 2024 04:21:14 +0000";

    #[test]
    fn an_alert_has_the_code_of_its_meaning_and_its_name() {
        for (alert, code, words) in [
            (40, Code::TlsNoCommonCipher, "alert 40 (handshake_failure)"),
            (
                71,
                Code::TlsNoCommonCipher,
                "alert 71 (insufficient_security)",
            ),
            (70, Code::TlsVersionTooOld, "alert 70 (protocol_version)"),
            (
                112,
                Code::TlsNameNotRecognised,
                "alert 112 (unrecognized_name)",
            ),
            (
                116,
                Code::ClientCertificateRequired,
                "alert 116 (certificate_required)",
            ),
            (80, Code::TlsAlert, "alert 80 (internal_error)"),
            (48, Code::TlsAlert, "alert 48 (unknown_ca)"),
            (255, Code::TlsAlert, "alert 255"),
        ] {
            let staged = open(ServiceId::Https)
                .failing(Stage::TlsHandshake, Cause::Alert(alert))
                .saying("alert, told once more");
            assert_eq!(staged.told(), [(code, Severity::Fail)]);
            let (message, _) = staged.words(code);
            assert!(message.ends_with(&format!(" with {words}")), "{message}");
        }
        let (message, _) = open(ServiceId::Https)
            .failing(Stage::TlsHandshake, Cause::Alert(40))
            .words(Code::TlsNoCommonCipher);
        assert!(message.contains("no cipher suite in common"), "{message}");
    }

    /// IIS has a switch for it; elsewhere it is whatever stands in front.
    #[test]
    fn a_client_certificate_that_is_demanded_is_switched_off_where_it_is_asked_for() {
        for (service, next) in [
            (ServiceId::Https, "IIS Manager"),
            (ServiceId::Owa, "IIS Manager"),
            (ServiceId::Imaps, "gateway or load balancer"),
            (ServiceId::Ldaps, "gateway or load balancer"),
        ] {
            let staged = open(service)
                .failing(Stage::TlsHandshake, Cause::ClientCertificateRequired)
                .saying("asked for one, then closed");
            let (message, hint) = staged.words(Code::ClientCertificateRequired);
            assert_eq!(
                message,
                "the server requires a client certificate: \"asked for one, then closed\""
            );
            assert!(hint.contains(next), "{hint}");
        }
    }

    #[test]
    fn closed_on_hello_names_what_to_look_at_on_each_service() {
        for (service, next) in [
            (ServiceId::Https, "netsh http show sslcert"),
            (ServiceId::Ldaps, "Server Authentication"),
            (ServiceId::Rdp, "TermService"),
            (ServiceId::Imaps, "Get-ExchangeCertificate"),
        ] {
            let staged = open(service).failing(Stage::TlsHandshake, Cause::ClosedOnHello);
            assert_eq!(staged.told(), [(Code::TlsClosedOnHello, Severity::Fail)]);
            let (_, hint) = staged.words(Code::TlsClosedOnHello);
            assert!(hint.contains(next), "{hint}");
        }
    }

    #[test]
    fn a_version_under_the_lowest_fails_even_when_the_handshake_went_well() {
        let mut staged = with_tls(TlsFacts {
            version: Some(TlsVersion::Tls12),
            ..TlsFacts::default()
        });
        assert_eq!(staged.told(), []);
        staged.standards.min_tls = TlsVersion::Tls13;
        assert_eq!(staged.told(), [(Code::TlsVersionTooOld, Severity::Fail)]);
        assert_eq!(
            staged.words(Code::TlsVersionTooOld).0,
            "the server speaks TLS 1.2, but TLS 1.3 is the lowest accepted"
        );
        let old = with_tls(TlsFacts {
            version: Some(TlsVersion::Tls10),
            ..TlsFacts::default()
        })
        .failing(Stage::TlsHandshake, Cause::VersionTooOld);
        assert_eq!(old.told(), [(Code::TlsVersionTooOld, Severity::Fail)]);
        assert!(old.words(Code::TlsVersionTooOld).1.contains("TLS 1.2"));
        let mut asked = old;
        asked.standards.min_tls = TlsVersion::Tls13;
        let (message, hint) = asked.words(Code::TlsVersionTooOld);
        assert!(message.ends_with("TLS 1.3 is the lowest accepted"));
        assert!(hint.starts_with("Enable TLS 1.3"), "{hint}");
    }

    #[test]
    fn what_a_server_says_of_the_client_certificate_is_told() {
        let sent = TlsFacts {
            version: Some(TlsVersion::Tls13),
            client_certificate: Some(ClientCertificate::Sent),
            ..TlsFacts::default()
        };
        let mut taken = open(ServiceId::Imaps);
        taken.seen.tls = Some(sent.clone());
        assert_eq!(
            taken.told(),
            [(Code::ClientCertificateRequested, Severity::Info)]
        );
        let (message, hint) = taken.words(Code::ClientCertificateRequested);
        assert!(message.ends_with("and continued"), "{message}");
        assert_eq!(hint, "No action is needed.");
        let mut refused = open(ServiceId::Imaps)
            .failing(Stage::Greeting, Cause::ClientCertificateRefused)
            .saying("alert 48 unknown_ca");
        refused.seen.tls = Some(sent);
        assert_eq!(
            refused.told(),
            [(Code::ClientCertificateRefused, Severity::Fail)]
        );
        let (message, _) = refused.words(Code::ClientCertificateRefused);
        assert!(message.ends_with(": \"alert 48 unknown_ca\""), "{message}");
    }

    #[test]
    fn a_client_certificate_is_asked_for_or_demanded_not_both() {
        let asking = with_tls(TlsFacts {
            client_certificate: Some(ClientCertificate::Requested),
            ..TlsFacts::default()
        });
        assert_eq!(
            asking.told(),
            [(Code::ClientCertificateRequested, Severity::Info)]
        );
        assert_eq!(asking.status(), Status::Pass);
        let demanding = asking
            .clone()
            .failing(Stage::TlsHandshake, Cause::ClientCertificateRequired);
        assert_eq!(
            demanding.told(),
            [(Code::ClientCertificateRequired, Severity::Fail)]
        );
        let refusing = asking.failing(Stage::TlsHandshake, Cause::Alert(40));
        let (message, _) = refusing.words(Code::TlsNoCommonCipher);
        assert!(!message.contains("cipher"), "{message}");
        let (_, hint) = refusing.words(Code::TlsNoCommonCipher);
        assert!(hint.contains("possibly it requires one"), "{hint}");
    }

    #[test]
    fn exchanges_client_proxy_is_told_by_its_name() {
        let by_greeting = detoured(ServiceId::Submissions).smtp(EXCHANGE, &["STARTTLS"]);
        let by_extension =
            detoured(ServiceId::Submissions).smtp("220 hello", &["STARTTLS", "X-ANONYMOUSTLS"]);
        for staged in [by_greeting, by_extension] {
            for (role, expect, severity, status) in [
                (Role::Any, Required, Severity::Fail, Status::Fail),
                (Role::Mailbox, Required, Severity::Fail, Status::Fail),
                (Role::Published, Optional, Severity::Warn, Status::Warn),
                (Role::Mailbox, Optional, Severity::Info, Status::Pass),
            ] {
                let staged = staged.clone().role(role).expect(expect);
                assert_eq!(staged.told(), [(Code::ClientProxy, severity)], "{role:?}");
                assert_eq!(staged.status(), status);
            }
        }
    }

    #[test]
    fn tls_that_was_seen_after_starttls_is_not_told_as_the_ports_own() {
        let proxy = detoured(ServiceId::Submissions)
            .smtp(EXCHANGE, &["STARTTLS"])
            .certificate(good());
        let (message, _) = proxy.words(Code::ClientProxy);
        assert!(
            message.contains("in clear, and TLS 1.3 only after STARTTLS: \"220"),
            "{message}"
        );
        let imap = detoured(ServiceId::Imaps).certificate(good());
        assert_eq!(
            imap.words(Code::CleartextOnTlsPort).0,
            "cleartext came where TLS belongs, and TLS 1.3 only after STARTTLS"
        );
    }

    #[test]
    fn the_client_proxys_own_certificate_is_normal() {
        let staged = detoured(ServiceId::Submissions)
            .smtp(EXCHANGE, &["STARTTLS"])
            .role(Role::Mailbox)
            .expect(Optional)
            .certificate(exchange_default());
        assert_eq!(
            staged.told(),
            [
                (Code::ClientProxy, Severity::Info),
                (Code::CertificateSelfSigned, Severity::Info),
                (Code::CertificateWrongName, Severity::Info)
            ]
        );
    }

    #[test]
    fn without_a_second_look_the_first_words_tell_the_client_proxy() {
        let staged = open(ServiceId::Submissions)
            .failing(Stage::TlsHandshake, Cause::Cleartext)
            .saying(EXCHANGE);
        assert_eq!(staged.judged().failure_code, Some(Code::ClientProxy));
        assert_eq!(staged.told(), [(Code::ClientProxy, Severity::Fail)]);
        let staged = staged.expect(Optional);
        assert_eq!(staged.told(), [(Code::ClientProxy, Severity::Warn)]);
    }

    #[test]
    fn other_cleartext_on_a_tls_port_fails() {
        let postfix =
            detoured(ServiceId::Submissions).smtp("220 mail ESMTP Postfix", &["STARTTLS"]);
        assert_eq!(postfix.told(), [(Code::CleartextOnTlsPort, Severity::Fail)]);
        let (message, _) = postfix.words(Code::CleartextOnTlsPort);
        assert_eq!(
            message,
            "cleartext came where TLS belongs: \"220 mail ESMTP Postfix\""
        );
        let imap = open(ServiceId::Imaps)
            .failing(Stage::TlsHandshake, Cause::Cleartext)
            .saying("* BYE Connection is closed. 14");
        assert_eq!(imap.told(), [(Code::CleartextOnTlsPort, Severity::Fail)]);
        let (_, hint) = imap.words(Code::CleartextOnTlsPort);
        assert!(hint.contains("Enable-ExchangeCertificate"), "{hint}");
        // Only 465 has a Client Proxy connector.
        let exchange = detoured(ServiceId::Imaps).smtp(EXCHANGE, &[]);
        assert_eq!(
            exchange.told(),
            [(Code::CleartextOnTlsPort, Severity::Fail)]
        );
    }

    #[test]
    fn cleartext_after_the_go_ahead_is_a_handshake_that_failed() {
        let staged = open(ServiceId::Submission)
            .failing(Stage::TlsHandshake, Cause::Cleartext)
            .saying("500 5.3.3 Unrecognized command");
        assert_eq!(staged.told(), [(Code::TlsHandshakeFailed, Severity::Fail)]);
    }

    #[test]
    fn tls_first_on_a_starttls_port_fails() {
        let mut staged = open(ServiceId::Submission).certificate(good());
        staged.seen.detour = Some(Detour::TlsOnCleartextPort);
        assert_eq!(staged.told(), [(Code::TlsOnCleartextPort, Severity::Fail)]);
        let staged = open(ServiceId::Http).failing(Stage::Application, Cause::Tls);
        assert_eq!(staged.told(), [(Code::TlsOnCleartextPort, Severity::Fail)]);
    }

    #[test]
    fn old_tls_is_named_by_what_is_old_about_it() {
        let legacy = |version, suite: &str, key_exchange, cipher| LegacyFacts {
            answer: LegacyAnswer::Agreed,
            version: Some(version),
            cipher_suite: Some(suite.to_owned()),
            key_exchange: Some(key_exchange),
            cipher: Some(cipher),
            group: None,
            prime_bits: None,
            alert: None,
            client_certificate: None,
            proof: Some(match key_exchange {
                KeyExchange::Rsa => KeyProof::Deferred,
                _ => KeyProof::Shown,
            }),
        };
        let staged = |legacy: LegacyFacts, cause| {
            with_tls(TlsFacts {
                legacy: Some(legacy),
                ..TlsFacts::default()
            })
            .failing(Stage::TlsHandshake, cause)
        };
        for (suite, key_exchange, cipher, words, next) in [
            (
                "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA384",
                KeyExchange::Ecdhe,
                Cipher::Cbc,
                "suites in CBC mode",
                "2012 R2",
            ),
            (
                "TLS_RSA_WITH_AES_128_GCM_SHA256",
                KeyExchange::Rsa,
                Cipher::Aead,
                "RSA key exchange",
                "Enable-TlsCipherSuite",
            ),
            (
                "TLS_RSA_WITH_RC4_128_SHA",
                KeyExchange::Rsa,
                Cipher::Rc4,
                "RC4",
                "Disable RC4",
            ),
        ] {
            let old = legacy(TlsVersion::Tls12, suite, key_exchange, cipher);
            let mut staged = staged(old, Cause::LegacySuitesOnly);
            assert_eq!(staged.told(), [(Code::TlsLegacySuites, Severity::Warn)]);
            assert_eq!(staged.status(), Status::Warn);
            let (message, hint) = staged.words(Code::TlsLegacySuites);
            assert!(
                message.contains(words) && message.contains(suite),
                "{message}"
            );
            assert_eq!(
                message.contains("not proven"),
                key_exchange == KeyExchange::Rsa
            );
            assert!(hint.contains(next), "{hint}");
            // Who asks for 1.3 does not get it.
            staged.standards.min_tls = TlsVersion::Tls13;
            assert_eq!(staged.status(), Status::Fail);
        }
        let old = legacy(
            TlsVersion::Tls10,
            "TLS_RSA_WITH_AES_128_CBC_SHA",
            KeyExchange::Rsa,
            Cipher::Cbc,
        );
        let staged = staged(old, Cause::VersionTooOld);
        assert_eq!(staged.told(), [(Code::TlsVersionTooOld, Severity::Fail)]);
        assert_eq!(
            staged.words(Code::TlsVersionTooOld).0,
            "the server speaks TLS 1.0, but TLS 1.2 is the lowest accepted"
        );
    }

    #[test]
    fn an_audit_tells_old_versions_that_are_still_enabled() {
        use VersionAnswer::{Accepted, Refused, Unknown};

        let audited = |answers: [VersionAnswer; 2]| {
            with_tls(TlsFacts {
                version: Some(TlsVersion::Tls12),
                versions: [TlsVersion::Tls10, TlsVersion::Tls11]
                    .into_iter()
                    .zip(answers)
                    .chain([(TlsVersion::Tls12, Accepted)])
                    .collect(),
                ..TlsFacts::default()
            })
        };
        let both = audited([Accepted, Accepted]);
        assert_eq!(both.told(), [(Code::TlsOldVersions, Severity::Warn)]);
        assert_eq!(
            both.words(Code::TlsOldVersions).0,
            "the server still accepts TLS 1.0 and TLS 1.1"
        );
        assert_eq!(audited([Refused, Unknown]).told(), []);
    }

    fn with_tls(tls: TlsFacts) -> Fixture {
        let mut staged = open(ServiceId::Https);
        staged.seen.tls = Some(tls);
        staged
    }

    fn detoured(service: ServiceId) -> Fixture {
        let mut staged = open(service);
        staged.seen.detour = Some(Detour::CleartextOnTlsPort);
        staged
    }
}
