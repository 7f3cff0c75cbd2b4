//! A host as it should be: twelve services, each with what it says, judged, and told as events.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use exchports::catalog::{Expectation, Protocol, Role, SERVICES, Security, Service};
use exchports::event::{Event, RunEnd, RunFinished, Summary, TargetId};
use exchports::facts::{
    Anchor, CertificateFacts, ChainLink, HttpFacts, ImapFacts, KeyFacts, LdapFacts, Nla, PeerFacts,
    Pop3Facts, RdpFacts, SignatureStrength, SmtpFacts, Text, TlsFacts, TlsVersion, TrustFacts,
};
use exchports::finding::Finding;
use exchports::judge::{Context, Surroundings, judge, judge_target};
use exchports::observation::{Observation, Stage, State, Step};
use exchports::plan::{Check, Host, Standards, Target};
use time::OffsetDateTime;

const ADDRESS: [u8; 4] = [192, 0, 2, 25];

pub(crate) fn check(service: &'static Service) -> Check {
    Check {
        service,
        port: service.port,
        expect: Expectation::Required,
    }
}

pub(crate) fn with_context(work: impl FnOnce(&Context<'_>)) {
    work(&Context {
        standards: &Standards::default(),
        role: Role::Any,
        server_name: &Host::Name("mail.example.com".to_owned()),
        unused_proxy: None,
        now: OffsetDateTime::UNIX_EPOCH,
    });
}

pub(crate) fn surroundings() -> Surroundings {
    Surroundings {
        addresses: vec![IpAddr::from(ADDRESS)],
        resolve: Some(Duration::from_millis(2)),
        control: None,
        port_25: Vec::new(),
    }
}

pub(crate) fn host() -> (Target, Vec<Finding>) {
    let host = Host::Name("mail.example.com".to_owned());
    let target = Target {
        name: host.to_string(),
        server_name: host.clone(),
        host,
        address: None,
        role: Role::Any,
        checks: SERVICES.iter().map(check).collect(),
        named: Vec::new(),
        node_of: None,
    };
    let mut findings = Vec::new();
    with_context(|context| {
        let judged = SERVICES
            .iter()
            .map(|service| judge(check(service), healthy(service), context));
        findings.extend(judged);
    });
    (target, findings)
}

pub(crate) fn events() -> Vec<Event> {
    let (target, findings) = host();
    let (id, mut summary) = (TargetId(0), Summary::default());
    let mut verdict = None;
    with_context(|context| {
        verdict = Some(judge_target(&target, surroundings(), &findings, context));
    });
    let verdict = Arc::new(verdict.expect("a verdict"));
    for finding in &findings {
        summary.add_check(finding);
    }
    summary.add_target(&verdict);
    let mut events = vec![
        Event::RunStarted {
            at: OffsetDateTime::UNIX_EPOCH,
            targets: Some(1),
            domain: None,
        },
        Event::TargetStarted {
            target: id,
            name: target.name,
            role: target.role,
        },
        Event::TargetResolved {
            target: id,
            checks: SERVICES.iter().map(|service| service.id).collect(),
        },
    ];
    events.extend(
        findings
            .into_iter()
            .enumerate()
            .map(|(row, finding)| Event::CheckFinished {
                target: id,
                row,
                finding: Arc::new(finding),
            }),
    );
    events.push(Event::TargetFinished {
        target: id,
        finding: verdict,
    });
    events.push(Event::RunFinished(RunFinished {
        summary,
        took: Duration::from_millis(80),
        end: RunEnd::Complete,
    }));
    events
}

/// What a service shows that is as it should be.
pub(crate) fn healthy(service: &Service) -> Observation {
    let stages = [
        Stage::Connect,
        Stage::Greeting,
        Stage::Capabilities,
        Stage::TlsHandshake,
    ];
    let step = |stage| Step {
        stage,
        took: Duration::from_millis(3),
        connection: 1,
    };
    Observation {
        state: Some(State::Open),
        address: Some(SocketAddr::from((ADDRESS, service.port))),
        began: Some(Duration::from_millis(1)),
        steps: stages.map(step).to_vec(),
        tls: (service.security != Security::Cleartext).then(tls),
        peer: Some(peer(service.protocol)),
        ..Observation::default()
    }
}

fn peer(protocol: Protocol) -> PeerFacts {
    let words = |words: &[&str]| {
        words
            .iter()
            .map(|word| Text::from(*word))
            .collect::<Vec<_>>()
    };
    match protocol {
        Protocol::Smtp => PeerFacts::Smtp(SmtpFacts {
            greeting: Some("220 mail.example.com Microsoft ESMTP MAIL Service ready".into()),
            extensions: words(&["SIZE 37748736", "PIPELINING", "STARTTLS", "X-ANONYMOUSTLS"]),
            secure_extensions: words(&["SIZE 37748736", "AUTH GSSAPI NTLM LOGIN"]),
            ..SmtpFacts::default()
        }),
        Protocol::Http => PeerFacts::Http(HttpFacts {
            status: Some(302),
            authentication: words(&["Negotiate", "NTLM"]),
            front_end: Some("MAIL01".into()),
            ..HttpFacts::default()
        }),
        Protocol::Pop3 => PeerFacts::Pop3(Pop3Facts {
            greeting: Some("+OK The Microsoft Exchange POP3 service is ready.".into()),
            capabilities: words(&["TOP", "UIDL", "STLS"]),
            secure_capabilities: words(&["TOP", "UIDL", "USER"]),
        }),
        Protocol::Imap => PeerFacts::Imap(ImapFacts {
            greeting: Some("* OK The Microsoft Exchange IMAP4 service is ready.".into()),
            capabilities: words(&["IMAP4rev1", "LOGINDISABLED", "STARTTLS"]),
            secure_capabilities: words(&["IMAP4rev1", "AUTH=PLAIN"]),
        }),
        Protocol::Ldap => PeerFacts::Ldap(LdapFacts {
            root_dse: vec![("isSynchronized".into(), words(&["TRUE"]))],
            starttls_result: Some(0),
            current_time: Some(OffsetDateTime::UNIX_EPOCH),
            asked_at: Some(OffsetDateTime::UNIX_EPOCH),
        }),
        Protocol::Rdp => PeerFacts::Rdp(RdpFacts {
            selected_protocol: Some(2),
            flags: Some(0x1f),
            failure_code: None,
            nla: Some(Nla::Supported),
        }),
    }
}

fn tls() -> TlsFacts {
    let [begin, end] =
        [-100, 265].map(|days| OffsetDateTime::UNIX_EPOCH + time::Duration::days(days));
    let key = KeyFacts {
        algorithm: "RSA".to_owned(),
        bits: Some(2048),
    };
    let signature = "sha256WithRSAEncryption";
    let link = |subject: &str, issuer: &str| ChainLink {
        subject: subject.into(),
        issuer: issuer.into(),
        sha256: "cd".repeat(32),
        not_before: Some(begin),
        not_after: Some(end),
        key: Some(key.clone()),
        signature: Some((signature.to_owned(), SignatureStrength::Good)),
    };
    TlsFacts {
        version: Some(TlsVersion::Tls13),
        cipher_suite: Some("TLS_AES_256_GCM_SHA384".to_owned()),
        group: Some("X25519".to_owned()),
        server_name: Some("mail.example.com".to_owned()),
        chain: Arc::new([
            link("CN=mail.example.com", "CN=Example CA"),
            link("CN=Example CA", "CN=Example Root"),
        ]),
        certificate: Some(Arc::new(CertificateFacts {
            subject: "CN=mail.example.com".into(),
            issuer: "CN=Example CA".into(),
            names: vec!["mail.example.com".into(), "autodiscover.example.com".into()],
            more_names: 0,
            not_before: begin,
            not_after: end,
            serial: "0a".repeat(16),
            sha1: "ab".repeat(20),
            sha256: "cd".repeat(32),
            key: key.clone(),
            signature: signature.to_owned(),
            signature_strength: SignatureStrength::Good,
            self_signed: false,
            name_matches: true,
            trust: TrustFacts {
                anchor: Some(Anchor::Public),
                defects: Vec::new(),
                path: vec![0, 1],
            },
            issuer_urls: Vec::new(),
        })),
        ..TlsFacts::default()
    }
}
