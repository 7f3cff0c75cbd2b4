//! Observations of every kind, and what is found of them: what holds has to hold for all.

use std::time::Duration;

use exchports::catalog::{Expectation, Group, Protocol, Role, Service, ServiceId, all};
use exchports::facts::{
    CertificateFacts, Health, HttpFacts, ImapFacts, KeyFacts, LdapFacts, Nla, PeerFacts, Pop3Facts,
    RdpFacts, Redirect, RedirectKind, SignatureStrength, SmtpFacts, Text, TlsFacts, TlsVersion,
    TrustDefect, VersionAnswer,
};
use exchports::finding::Finding;
use exchports::observation::{Cause, Detour, Observation, Stage, State, Step};
use time::OffsetDateTime;

use super::{EXPECTATIONS, certificate, failing, healthy, judge_as, now};

pub(super) const STAGES: [Stage; 8] = [
    Stage::Resolve,
    Stage::Connect,
    Stage::Greeting,
    Stage::Capabilities,
    Stage::Starttls,
    Stage::TlsHandshake,
    Stage::SecureCapabilities,
    Stage::Application,
];

/// Long, with a quotation mark, an escape sequence, a line end and characters that are wider than a byte.
pub(super) const HOSTILE: &str = "\"* BYE\" \u{1b}[31mrote Gr\u{fc}\u{df}e\r\n\u{202e}\
    aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\
    bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb\
    \u{4e2d}\u{6587}\u{4e2d}\u{6587}\u{4e2d}\u{6587}\u{4e2d}\u{6587}\u{4e2d}\u{6587}\u{4e2d}\u{6587}";

/// Everything wrong with a certificate at once, in the words of somebody who means harm.
pub(super) fn horrible_certificate() -> CertificateFacts {
    CertificateFacts {
        subject: Text::from(HOSTILE),
        issuer: Text::from(HOSTILE),
        names: vec![Text::from(HOSTILE); 9],
        not_after: now() - time::Duration::days(40),
        not_before: now() + time::Duration::days(4000),
        key: KeyFacts {
            algorithm: "RSA".into(),
            bits: Some(512),
        },
        signature: "md5WithRSAEncryption".into(),
        signature_strength: SignatureStrength::Weak,
        name_matches: false,
        ..certificate(vec![
            TrustDefect::UnknownIssuer,
            TrustDefect::InvalidPurpose,
            TrustDefect::Other(Text::from(HOSTILE)),
            TrustDefect::Other(Text::from(HOSTILE)),
        ])
    }
}

/// A host that says hostile things in every field and in every protocol.
pub(super) fn horrible(service: &Service) -> Observation {
    let hostile = || Text::from(HOSTILE);
    let many = || vec![hostile(); 9];
    let peer = match service.protocol {
        Protocol::Smtp => PeerFacts::Smtp(SmtpFacts {
            greeting: Some(Text::from("220 ****************")),
            extensions: many(),
            secure_extensions: many(),
            ..SmtpFacts::default()
        }),
        Protocol::Http => PeerFacts::Http(HttpFacts {
            status: Some(503),
            reason: Some(hostile()),
            server: Some(hostile()),
            ..HttpFacts::default()
        }),
        Protocol::Pop3 => PeerFacts::Pop3(Pop3Facts {
            greeting: Some(hostile()),
            capabilities: many(),
            secure_capabilities: many(),
        }),
        Protocol::Imap => PeerFacts::Imap(ImapFacts {
            greeting: Some(hostile()),
            capabilities: many(),
            secure_capabilities: many(),
        }),
        Protocol::Ldap => PeerFacts::Ldap(LdapFacts {
            root_dse: vec![(Text::from("ISSYNCHRONIZED"), vec![Text::from("false")])],
            starttls_result: Some(u32::MAX),
            current_time: Some(OffsetDateTime::UNIX_EPOCH),
            asked_at: Some(now()),
        }),
        Protocol::Rdp => PeerFacts::Rdp(RdpFacts {
            selected_protocol: Some(1),
            flags: Some(0),
            failure_code: Some(u32::MAX),
            nla: Some(Nla::NotSupported),
        }),
    };
    Observation {
        state: Some(State::Open),
        peer: Some(peer),
        injected_bytes: usize::MAX,
        tls: Some(TlsFacts {
            version: Some(TlsVersion::Tls10),
            server_name: Some("mail.example.com".into()),
            certificate: Some(horrible_certificate().into()),
            client_certificate: Some(exchports::facts::ClientCertificate::Requested),
            ..TlsFacts::default()
        }),
        ..Observation::default()
    }
}

/// Every service in every state that the closed sets allow, in every expectation. One by one: together they would be
/// gigabytes.
pub(super) fn every_finding() -> impl Iterator<Item = Finding> {
    let without_failure = all().flat_map(|service| {
        [Role::Any, Role::Mailbox, Role::Published, Role::Online]
            .into_iter()
            .flat_map(move |role| {
                EXPECTATIONS.into_iter().flat_map(move |expect| {
                    open_ones(service)
                        .into_iter()
                        .map(move |seen| judge_as(service, expect, role, seen))
                })
            })
    });
    // The web services break off alike: one stands for all.
    let one_of_web =
        all().filter(|service| service.group == Group::Port || service.id == ServiceId::Owa);
    let with_failure = one_of_web.flat_map(|service| {
        EXPECTATIONS.into_iter().flat_map(move |expect| {
            STAGES.into_iter().flat_map(move |stage| {
                causes().into_iter().flat_map(move |cause| {
                    // What was said has nothing to do with what was expected: once is enough.
                    let variants = if expect == Expectation::Required {
                        3
                    } else {
                        1
                    };
                    broken_off(service, stage, cause)
                        .into_iter()
                        .take(variants)
                        .map(move |seen| judge_as(service, expect, Role::Any, seen))
                })
            })
        })
    });
    without_failure.chain(with_failure)
}

/// Conversations that went to their end.
pub(super) fn open_ones(service: &Service) -> Vec<Observation> {
    let mut all = vec![healthy(service), horrible(service)];
    all.extend(odd_ones(service));
    for defect in [
        TrustDefect::SelfSigned,
        TrustDefect::MissingIntermediate,
        TrustDefect::UnknownIssuer,
        TrustDefect::Unproven("it has a critical extension that exchports does not know".into()),
    ] {
        let mut seen = healthy(service);
        if let Some(tls) = &mut seen.tls {
            let mut certificate = certificate(vec![defect]);
            certificate.not_after = now() + time::Duration::days(3);
            tls.certificate = Some(certificate.into());
        }
        all.push(seen);
    }
    for words in [HOSTILE, "closed", "reset"] {
        all.push(Observation {
            turned_away: Some(Text::from(words)),
            ..healthy(service)
        });
    }
    for detour in [Detour::CleartextOnTlsPort, Detour::TlsOnCleartextPort] {
        for base in [healthy(service), horrible(service)] {
            all.push(Observation {
                detour: Some(detour),
                ..base
            });
        }
    }
    all
}

/// The question was asked, and the answer has nothing in it.
pub(super) fn asked_for_nothing(mut seen: Observation) -> Observation {
    seen.steps.push(Step {
        stage: Stage::Application,
        took: Duration::from_millis(1),
        connection: 1,
    });
    seen
}

/// What is worth a word although the conversation went to its end.
pub(super) fn odd_ones(service: &Service) -> Vec<Observation> {
    let seen = |peer| Observation {
        peer: Some(peer),
        ..healthy(service)
    };
    match service.protocol {
        Protocol::Http => web_answers()
            .into_iter()
            .map(|facts| seen(PeerFacts::Http(facts)))
            .collect(),
        Protocol::Smtp => [
            "220 relay Microsoft ESMTP MAIL Service, Version: 10.0.20348.1 ready",
            "220 mx.example.com ESMTP (Barracuda)",
            "220 localhost avast! SMTP proxy",
            "220 mail.example.com ESMTP Postfix",
            "220 mail.example.com Microsoft ESMTP MAIL Service ready at Tue, 24 Sep 2024 04:21:14 +0000",
        ]
        .into_iter()
        .zip([
            &["AUTH GSSAPI NTLM"][..],
            &["SIZE 1048576", "STARTTLS", "AUTH PLAIN"],
            &["DSN"],
            &["AUTH XOAUTH2"],
            &["AUTH XOAUTH2 LOGIN"],
        ])
        .map(|(greeting, extensions)| {
            let mut seen = seen(PeerFacts::Smtp(SmtpFacts {
                greeting: Some(Text::from(greeting)),
                extensions: vec![Text::from("STARTTLS")],
                secure_extensions: extensions.iter().map(|word| Text::from(*word)).collect(),
                greeted_at: Some(now()),
            }));
            seen.steps.push(Step {
                stage: Stage::Greeting,
                took: Duration::from_millis(6100),
                connection: 1,
            });
            seen
        })
        .collect(),
        Protocol::Ldap => [
            ("vendorName", HOSTILE),
            ("supportedCapabilities", "1.2.840.113556.1.4.1851"),
            ("isGlobalCatalogReady", "FALSE"),
        ]
        .into_iter()
        .map(|(name, value)| {
            seen(PeerFacts::Ldap(LdapFacts {
                root_dse: vec![(Text::from(name), vec![Text::from(value)])],
                ..LdapFacts::default()
            }))
        })
        .chain([asked_for_nothing(seen(PeerFacts::Ldap(LdapFacts::default())))])
        .collect(),
        Protocol::Rdp => vec![seen(PeerFacts::Rdp(RdpFacts {
            nla: Some(Nla::Required),
            ..RdpFacts::default()
        }))],
        Protocol::Imap | Protocol::Pop3 => {
            let mut slow = healthy(service);
            slow.steps.push(Step {
                stage: Stage::Greeting,
                took: Duration::from_millis(6100),
                connection: 1,
            });
            let mut inspected = healthy(service);
            if let Some(tls) = &mut inspected.tls {
                let inspector = CertificateFacts {
                    issuer: Text::from("CN=Zscaler Root CA,O=Zscaler Inc."),
                    ..certificate(vec![TrustDefect::UnknownIssuer])
                };
                tls.certificate = Some(inspector.into());
                tls.versions = vec![
                    (TlsVersion::Tls10, VersionAnswer::Accepted),
                    (TlsVersion::Tls11, VersionAnswer::Accepted),
                ];
            }
            let greeted = (service.protocol == Protocol::Imap).then(|| {
                seen(PeerFacts::Imap(ImapFacts {
                    greeting: Some(Text::from("* PREAUTH ready")),
                    ..ImapFacts::default()
                }))
            });
            [slow, inspected].into_iter().chain(greeted).collect()
        }
    }
}

/// Every class of status, from Exchange and from something else, with every end of a redirect and every health page.
pub(super) fn web_answers() -> Vec<HttpFacts> {
    let mut all = Vec::new();
    for status in [
        200, 302, 400, 401, 403, 404, 405, 407, 418, 429, 440, 500, 503, 504, 511,
    ] {
        for front_end in [None, Some(Text::from("EX01"))] {
            let server = match &front_end {
                Some(_) => HOSTILE,
                None => "Microsoft-HTTPAPI/2.0",
            };
            all.push(HttpFacts {
                status: Some(status),
                reason: Some(Text::from(HOSTILE)),
                server: Some(Text::from(server)),
                health: front_end.as_ref().map(|_| Health::Healthy),
                front_end,
                via: vec![Text::from(HOSTILE); 3],
                ..HttpFacts::default()
            });
        }
    }
    for kind in [
        RedirectKind::SameHost,
        RedirectKind::Downgrade,
        RedirectKind::OtherHost,
        RedirectKind::Loop,
        RedirectKind::TooMany,
        RedirectKind::Nonsense,
    ] {
        for (final_status, front_end) in [
            (Some(200), None),
            (Some(404), None),
            (Some(500), Some(Text::from("EX01"))),
            (None, Some(Text::from("EX01"))),
        ] {
            all.push(HttpFacts {
                status: Some(302),
                location: Some(Text::from("https://elsewhere.example.com/")),
                redirects: vec![Redirect {
                    location: Text::from(HOSTILE),
                    kind,
                }],
                final_status,
                front_end,
                ..HttpFacts::default()
            });
        }
    }
    for health in [
        Health::ClosedUnanswered,
        Health::Silent,
        Health::Unreadable,
        Health::Missing,
        Health::Status(500),
    ] {
        all.push(HttpFacts {
            status: Some(401),
            authentication: ["Basic", "Bearer"].map(Text::from).to_vec(),
            front_end: Some(Text::from("EX01")),
            health: Some(health),
            health_server: Some(Text::from("ex02.example.com")),
            ..HttpFacts::default()
        });
    }
    all
}

/// A conversation that broke off there and so: at its begin, and after everything else that can be seen.
pub(super) fn broken_off(service: &Service, stage: Stage, cause: Cause) -> Vec<Observation> {
    let mut all: Vec<Observation> = [None, Some(HOSTILE)]
        .map(|words| Observation {
            state: state_of(cause),
            ..failing(stage, cause, words)
        })
        .into();
    if stage >= Stage::TlsHandshake {
        let late = failing(stage, cause, Some(HOSTILE));
        all.push(Observation {
            steps: late.steps,
            failure: late.failure,
            detour: Some(Detour::CleartextOnTlsPort),
            ..horrible(service)
        });
    }
    all
}

/// What TCP shows when a first connection ends so.
pub(super) fn state_of(cause: Cause) -> Option<State> {
    Some(match cause {
        Cause::NameNotFound | Cause::NameWithoutAddress | Cause::LookupFailed => State::Unresolved,
        Cause::Refused => State::Closed,
        Cause::Filtered => State::Filtered,
        Cause::Unreachable => State::Unreachable,
        Cause::BlockedHere => State::Blocked,
        cause if cause.is_ours() => return None,
        _ => State::Open,
    })
}

/// All causes. The match makes the compiler ask for new ones here.
#[expect(
    clippy::too_many_lines,
    reason = "each cause twice: listed, and known to the compiler"
)]
pub(super) fn causes() -> Vec<Cause> {
    let all = [
        Cause::NameNotFound,
        Cause::NameWithoutAddress,
        Cause::LookupFailed,
        Cause::Refused,
        Cause::Filtered,
        Cause::Unreachable,
        Cause::BlockedHere,
        Cause::NoFamilyHere,
        Cause::NoNetwork,
        Cause::OutOfResources,
        Cause::SourceUnusable,
        Cause::Silent,
        Cause::Stalled,
        Cause::Closed,
        Cause::Reset,
        Cause::Flood,
        Cause::NotTheProtocol,
        Cause::TlsBroken,
        Cause::Unasked,
        Cause::HeaderAwaited,
        Cause::ServiceUnavailable,
        Cause::Rejected,
        Cause::CommandRejected,
        Cause::StarttlsNotOffered,
        Cause::StarttlsOverwritten,
        Cause::StarttlsRejected,
        Cause::BytesInjected,
        Cause::NoCertificate,
        Cause::NoTls,
        Cause::NegotiationFailed,
        Cause::Cleartext,
        Cause::Tls,
        Cause::Alert(0),
        Cause::ClosedOnHello,
        Cause::VersionTooOld,
        Cause::ClientCertificateRequired,
        Cause::ClientCertificateRefused,
        Cause::HandshakeFailed,
        Cause::ProxyUnreachable,
        Cause::ProxyNotUnderstood,
        Cause::ProxySignInRequired,
        Cause::ProxySignInRefused,
        Cause::ProxyForbids,
        Cause::ProxyCouldNotTell,
        Cause::HttpsNotOpen,
        Cause::HttpsUnusable,
        Cause::LegacySuitesOnly,
        Cause::BeyondThisClient,
        Cause::Deadline,
        Cause::Interrupted,
        Cause::Internal,
    ];
    for cause in all {
        match cause {
            Cause::NameNotFound
            | Cause::NameWithoutAddress
            | Cause::LookupFailed
            | Cause::Refused
            | Cause::Filtered
            | Cause::Unreachable
            | Cause::BlockedHere
            | Cause::NoFamilyHere
            | Cause::NoNetwork
            | Cause::OutOfResources
            | Cause::SourceUnusable
            | Cause::ProxyUnreachable
            | Cause::ProxyNotUnderstood
            | Cause::ProxySignInRequired
            | Cause::ProxySignInRefused
            | Cause::ProxyForbids
            | Cause::ProxyCouldNotTell
            | Cause::Silent
            | Cause::Stalled
            | Cause::Closed
            | Cause::Reset
            | Cause::Flood
            | Cause::NotTheProtocol
            | Cause::TlsBroken
            | Cause::Unasked
            | Cause::HeaderAwaited
            | Cause::ServiceUnavailable
            | Cause::Rejected
            | Cause::CommandRejected
            | Cause::StarttlsNotOffered
            | Cause::StarttlsOverwritten
            | Cause::StarttlsRejected
            | Cause::BytesInjected
            | Cause::NoCertificate
            | Cause::NoTls
            | Cause::NegotiationFailed
            | Cause::Cleartext
            | Cause::Tls
            | Cause::Alert(_)
            | Cause::ClosedOnHello
            | Cause::VersionTooOld
            | Cause::ClientCertificateRequired
            | Cause::ClientCertificateRefused
            | Cause::HandshakeFailed
            | Cause::HttpsNotOpen
            | Cause::HttpsUnusable
            | Cause::LegacySuitesOnly
            | Cause::BeyondThisClient
            | Cause::Deadline
            | Cause::Interrupted
            | Cause::Internal => {}
        }
    }
    let alerts = [40, 41, 42, 46, 48, 70, 71, 80, 112, 116, 120, 255].map(Cause::Alert);
    all.into_iter().chain(alerts).collect()
}
