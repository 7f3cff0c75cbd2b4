//! The module `judge` from outside: what holds for every rule, every cause, every role, every word.

mod check;
mod explain;
mod host;
mod modern;
mod nodes;
mod observations;
mod staged_host;
mod target;

use std::time::Duration;

use time::OffsetDateTime;

use exchports::catalog::{Expectation, Group, Protocol, Role, Service, ServiceId};
use exchports::facts::{
    CertificateFacts, Health, HttpFacts, ImapFacts, KeyFacts, LdapFacts, Nla, PeerFacts, Pop3Facts,
    RdpFacts, SignatureStrength, SmtpFacts, Text, TlsFacts, TlsVersion, TrustDefect, TrustFacts,
};
use exchports::finding::Finding;
use exchports::judge::{Context, judge};
use exchports::observation::{Cause, Failure, Observation, Stage, State, Step};
use exchports::plan::{Check, Host, Standards};

pub(super) const EXPECTATIONS: [Expectation; 3] = [
    Expectation::Required,
    Expectation::Optional,
    Expectation::Forbidden,
];

pub(crate) fn now() -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp(1_795_000_000).expect("a moment in 2026")
}

pub(super) fn context<'a>(standards: &'a Standards, host: &'a Host, role: Role) -> Context<'a> {
    Context {
        standards,
        role,
        unused_proxy: None,
        server_name: host,
        now: now(),
    }
}

pub(super) fn judge_as(
    service: &'static Service,
    expect: Expectation,
    role: Role,
    seen: Observation,
) -> Finding {
    let standards = Standards::default();
    let host = Host::Name("mail.example.com".into());
    let check = Check {
        service,
        port: service.port,
        expect,
    };
    judge(check, seen, &context(&standards, &host, role))
}

pub(super) fn failing(stage: Stage, cause: Cause, detail: Option<&str>) -> Observation {
    Observation {
        state: Some(State::Open),
        steps: vec![Step {
            stage,
            took: Duration::from_millis(8001),
            connection: 1,
        }],
        failure: Some(Failure {
            stage,
            cause,
            detail: detail.map(Text::from),
        }),
        ..Observation::default()
    }
}

pub(super) fn healthy(service: &Service) -> Observation {
    let words = |words: &[&str]| {
        words
            .iter()
            .map(|word| Text::from(*word))
            .collect::<Vec<_>>()
    };
    let peer = match service.protocol {
        Protocol::Smtp => PeerFacts::Smtp(SmtpFacts {
            greeting: Some(Text::from(
                "220 mail.example.com Microsoft ESMTP MAIL Service ready at Tue, 24 Sep 2024 04:21:14 +0000",
            )),
            extensions: words(&["SIZE 37748736", "PIPELINING", "STARTTLS", "X-ANONYMOUSTLS"]),
            secure_extensions: words(&["SIZE 37748736", "AUTH GSSAPI NTLM LOGIN"]),
            ..SmtpFacts::default()
        }),
        Protocol::Http => PeerFacts::Http(HttpFacts {
            status: Some(if service.group == Group::Web {
                401
            } else {
                302
            }),
            authentication: words(&["Negotiate", "NTLM"]),
            front_end: Some(Text::from("MAIL01")),
            health: Some(Health::Healthy),
            ..HttpFacts::default()
        }),
        Protocol::Pop3 => PeerFacts::Pop3(Pop3Facts {
            greeting: Some(Text::from(
                "+OK The Microsoft Exchange POP3 service is ready.",
            )),
            capabilities: words(&["TOP", "UIDL", "STLS"]),
            secure_capabilities: words(&["TOP", "UIDL", "USER"]),
        }),
        Protocol::Imap => PeerFacts::Imap(ImapFacts {
            greeting: Some(Text::from(
                "* OK The Microsoft Exchange IMAP4 service is ready.",
            )),
            capabilities: words(&["IMAP4rev1", "LOGINDISABLED", "STARTTLS"]),
            secure_capabilities: words(&["IMAP4rev1", "AUTH=PLAIN"]),
        }),
        Protocol::Ldap => PeerFacts::Ldap(LdapFacts {
            root_dse: vec![
                (
                    Text::from("supportedCapabilities"),
                    words(&["1.2.840.113556.1.4.800", "1.2.840.113556.1.4.1670"]),
                ),
                (Text::from("isSynchronized"), words(&["TRUE"])),
            ],
            starttls_result: Some(0),
            current_time: Some(now()),
            asked_at: Some(now()),
        }),
        Protocol::Rdp => PeerFacts::Rdp(RdpFacts {
            selected_protocol: Some(2),
            flags: Some(0x1f),
            failure_code: None,
            nla: Some(Nla::Supported),
        }),
    };
    Observation {
        state: Some(State::Open),
        tls: (service.id != ServiceId::Http).then(|| TlsFacts {
            version: Some(TlsVersion::Tls12),
            certificate: Some(certificate(Vec::new()).into()),
            ..TlsFacts::default()
        }),
        peer: Some(peer),
        ..Observation::default()
    }
}

pub(crate) fn certificate(defects: Vec<TrustDefect>) -> CertificateFacts {
    CertificateFacts {
        subject: Text::from("CN=mail.example.com"),
        issuer: Text::from("CN=Example CA"),
        names: vec![Text::from("mail.example.com")],
        not_before: now() - time::Duration::days(100),
        not_after: now() + time::Duration::days(265),
        serial: "0a".into(),
        sha1: "ab".repeat(20),
        sha256: "ab".repeat(32),
        key: KeyFacts {
            algorithm: "EC".into(),
            bits: Some(256),
        },
        signature: "ecdsa-with-SHA256".into(),
        signature_strength: SignatureStrength::Good,
        self_signed: false,
        name_matches: true,
        trust: TrustFacts {
            anchor: None,
            defects,
            path: vec![0],
        },
        issuer_urls: Vec::new(),
        more_names: 0,
    }
}
