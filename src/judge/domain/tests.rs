//! What is told of domains that differ from a healthy one by one thing each.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::time::Duration;

use time::OffsetDateTime;

use super::{domain_rules, judge_domain, unanswered};
use crate::catalog::provider;
use crate::discovery::{
    Discovery, HostKind, MailHost, Method, MethodKind, Mode, Policy, ResolverFacts, Scheme,
    SrvFacts, StsFacts, StsRecord, Tlsa, Txt, Visit,
};
use crate::facts::{
    Anchor, Answer, CertificateFacts, Fingerprints, HttpFacts, KeyFacts, MxRecord, Outcome,
    PeerFacts, Security, SignatureStrength, SmtpFacts, SrvRecord, Text, TlsFacts, TlsVersion,
    TrustFacts,
};
use crate::finding::{Code, Severity, Status};
use crate::observation::{Cause, Failure, Observation, Stage, State};

const DAY: i64 = 86_400;

fn day(number: i64) -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp(1_764_000_000 + number * DAY).expect("a day")
}

fn answer<T>(records: Vec<T>) -> Answer<T> {
    Answer {
        outcome: if records.is_empty() {
            Outcome::NoRecords
        } else {
            Outcome::Found
        },
        records,
        more: 0,
        aliases: Vec::new(),
        security: Security::Secure,
        took: Duration::from_millis(1),
    }
}

fn nothing<T>(outcome: Outcome) -> Answer<T> {
    Answer {
        outcome,
        ..answer(Vec::new())
    }
}

fn address() -> IpAddr {
    IpAddr::from([192, 0, 2, 1])
}

fn certificate() -> CertificateFacts {
    CertificateFacts {
        subject: "CN=mail.example.com".into(),
        issuer: "CN=Example CA".into(),
        names: vec!["mail.example.com".into(), "autodiscover.example.com".into()],
        more_names: 0,
        not_before: day(-30),
        not_after: day(60),
        serial: "0a1b".to_owned(),
        sha1: "5e".repeat(20),
        sha256: "5e".repeat(32),
        key: KeyFacts {
            algorithm: "RSA".to_owned(),
            bits: Some(2048),
        },
        signature: "sha256WithRSAEncryption".to_owned(),
        signature_strength: SignatureStrength::Good,
        self_signed: false,
        name_matches: true,
        trust: TrustFacts {
            anchor: Some(Anchor::Public),
            ..TrustFacts::default()
        },
        issuer_urls: Vec::new(),
    }
}

#[expect(clippy::unnecessary_wraps, reason = "as the fields have it")]
fn seen(peer: Option<PeerFacts>) -> Option<Box<Observation>> {
    let print = Fingerprints {
        certificate_sha256: [1; 32],
        certificate_sha512: [2; 64],
        key_sha256: Some([3; 32]),
        key_sha512: Some([4; 64]),
    };
    Some(Box::new(Observation {
        state: Some(State::Open),
        tls: Some(TlsFacts {
            version: Some(TlsVersion::Tls13),
            certificate: Some(certificate()),
            fingerprints: vec![print],
            ..TlsFacts::default()
        }),
        peer,
        ..Observation::default()
    }))
}

#[expect(clippy::unnecessary_wraps, reason = "as the records have it")]
fn tlsa(usage: u8, byte: u8) -> Result<Tlsa, &'static str> {
    Ok(Tlsa {
        usage,
        selector: 1,
        matching: 1,
        data: vec![byte; 32],
    })
}

#[expect(clippy::unnecessary_wraps, reason = "as the fields have it")]
fn web(status: u16) -> Option<PeerFacts> {
    Some(PeerFacts::Http(HttpFacts {
        status: Some(status),
        ..HttpFacts::default()
    }))
}

fn visit(scheme: Scheme, host: &str, status: u16) -> Visit {
    let mut seen = seen(web(status));
    if scheme == Scheme::Http
        && let Some(seen) = &mut seen
    {
        seen.tls = None;
    }
    Visit {
        scheme,
        host: host.to_owned(),
        port: scheme.port(),
        path: "/autodiscover/autodiscover.xml".to_owned(),
        addresses: answer(vec![address()]),
        seen,
        content_type: None,
        signs: if status == 401 {
            vec!["X-FEServer"]
        } else {
            Vec::new()
        },
        json: None,
        body: Vec::new(),
    }
}

fn absent(scheme: Scheme, host: &str) -> Visit {
    Visit {
        addresses: nothing(Outcome::NoName),
        seen: None,
        ..visit(scheme, host, 0)
    }
}

fn method(kind: MethodKind, visits: Vec<Visit>) -> Method {
    Method {
        kind,
        srv: (kind == MethodKind::Srv).then(|| answer(Vec::new())),
        visits,
    }
}

const HOST: &str = "autodiscover.example.com";

fn healthy() -> Discovery {
    let mut policy = visit(Scheme::Https, "mta-sts.example.com", 200);
    policy.content_type = Some("text/plain; charset=utf-8".into());
    Discovery {
        domain: "example.com".to_owned(),
        at: day(0),
        resolver: ResolverFacts {
            servers: vec!["192.0.2.53:53".parse().expect("an address")],
            outcome: Outcome::Found,
            security: Security::Secure,
        },
        mx: answer(vec![MxRecord {
            preference: 10,
            host: "mail.example.com".to_owned(),
        }]),
        hosts: vec![MailHost {
            preference: 10,
            name: "mail.example.com".to_owned(),
            kind: HostKind::Name,
            provider: None,
            addresses: answer(vec![address()]),
            names: Some(answer(vec!["mail.example.com".to_owned()])),
            tlsa: answer(vec![tlsa(3, 3)]),
            seen: seen(Some(PeerFacts::Smtp(SmtpFacts {
                greeting: Some("220 mail.example.com ESMTP".into()),
                ..SmtpFacts::default()
            }))),
        }],
        autodiscover: vec![
            method(
                MethodKind::Domain,
                vec![absent(Scheme::Https, "example.com")],
            ),
            method(MethodKind::Host, vec![visit(Scheme::Https, HOST, 401)]),
            method(MethodKind::Redirect, vec![absent(Scheme::Http, HOST)]),
            method(MethodKind::Srv, Vec::new()),
        ],
        nonsense: nothing(Outcome::NoName),
        srv: Vec::new(),
        mta_sts: StsFacts {
            record: Txt {
                answer: answer(vec![()]),
                records: vec![Ok(StsRecord { id: "1".to_owned() })],
            },
            visit: Some(policy),
            policy: Some(Ok(Policy {
                mode: Mode::Enforce,
                mx: vec!["*.example.com".to_owned()],
                max_age: 604_800,
            })),
        },
        tls_rpt: Txt {
            answer: answer(Vec::new()),
            records: Vec::new(),
        },
        caa: answer(Vec::new()),
        took: Duration::from_millis(100),
        questions: 20,
    }
}

/// What differs, and what is told of it.
type Case = (Code, Severity, fn(&mut Discovery));

const CASES: &[Case] = &[
    (Code::ResolverWithoutSignatures, Severity::Warn, |found| {
        found.resolver.security = Security::Bogus;
    }),
    (Code::DomainNotFound, Severity::Fail, |found| {
        found.mx = nothing(Outcome::NoName);
        found.hosts.clear();
    }),
    (Code::DomainLookupFailed, Severity::Fail, |found| {
        found.mx = nothing(Outcome::Refused("SERVFAIL"));
        found.hosts.clear();
    }),
    (Code::DnssecBogus, Severity::Fail, |found| {
        found.mx.security = Security::Bogus;
    }),
    (Code::NoMailHost, Severity::Fail, |found| {
        found.mx = nothing(Outcome::NoRecords);
        found.hosts[0].addresses = nothing(Outcome::NoRecords);
    }),
    (Code::NullMx, Severity::Info, |found| {
        found.mx.records[0].host.clear();
        found.hosts.clear();
    }),
    (Code::NullMx, Severity::Fail, |found| {
        found.mx.records.push(MxRecord {
            preference: 0,
            host: String::new(),
        });
    }),
    (Code::MxMissing, Severity::Info, |found| {
        found.mx = nothing(Outcome::NoRecords);
    }),
    (Code::MxUnusable, Severity::Fail, |found| {
        found.hosts[0].addresses = nothing(Outcome::NoName);
        found.hosts[0].seen = None;
    }),
    (Code::MxUnusable, Severity::Fail, |found| {
        found.hosts[0].kind = HostKind::Address;
    }),
    (Code::MxIsAlias, Severity::Warn, |found| {
        found.hosts[0]
            .addresses
            .aliases
            .push("mx.example.net".to_owned());
    }),
    (Code::MxUnreachable, Severity::Warn, |found| {
        port_25(found).state = Some(State::Filtered);
    }),
    (Code::MxOldAndNew, Severity::Warn, |found| {
        for name in ["e.mail.protection.outlook.com", "e.k-v1.mx.microsoft"] {
            let mut host = found.hosts[0].clone();
            host.provider = provider(name);
            name.clone_into(&mut host.name);
            found.hosts.push(host);
        }
    }),
    (Code::MxNamesDiffer, Severity::Info, |found| {
        found.hosts[0].names = Some(answer(vec!["dsl.example.net".to_owned()]));
    }),
    (Code::WildcardDns, Severity::Warn, |found| {
        found.nonsense = answer(vec![address()]);
    }),
    (Code::WildcardDns, Severity::Info, |found| {
        found.nonsense = answer(vec![IpAddr::from([192, 0, 2, 9])]);
    }),
    (Code::AutodiscoverNotFound, Severity::Warn, |found| {
        found.autodiscover[1].visits = vec![absent(Scheme::Https, HOST)];
    }),
    (Code::AutodiscoverNotFound, Severity::Info, |found| {
        found.autodiscover[1].visits = vec![absent(Scheme::Https, HOST)];
        found.srv.push(SrvFacts {
            service: "_imaps",
            answer: answer(vec![SrvRecord {
                priority: 0,
                weight: 0,
                port: 993,
                target: "mail.example.com".to_owned(),
            }]),
        });
    }),
    (Code::AutodiscoverCertificate, Severity::Fail, |found| {
        leaf(&mut found.autodiscover[1].visits[0]).name_matches = false;
    }),
    (Code::AutodiscoverCertificate, Severity::Fail, |found| {
        leaf(&mut found.autodiscover[1].visits[0]).not_after = day(-1);
    }),
    (Code::AutodiscoverCertificate, Severity::Info, |found| {
        let mut late = visit(Scheme::Https, "other.example.com", 401);
        leaf(&mut late).name_matches = false;
        found.autodiscover[3].visits.push(late);
    }),
    (Code::AutodiscoverContradicts, Severity::Warn, |found| {
        let online = visit(Scheme::Https, "autodiscover-s.outlook.com", 401);
        found.autodiscover[3].visits.push(online);
    }),
    (Code::AutodiscoverSlow, Severity::Warn, |found| {
        let mut slow = visit(Scheme::Https, "example.com", 401);
        slow.seen = Some(Box::new(Observation {
            state: Some(State::Filtered),
            ..Observation::default()
        }));
        found.autodiscover[0].visits = vec![slow];
    }),
    (
        Code::AutodiscoverRedirectsElsewhere,
        Severity::Warn,
        |found| {
            found.autodiscover[1].visits = vec![absent(Scheme::Https, HOST)];
            let first = visit(Scheme::Http, HOST, 302);
            let second = visit(Scheme::Https, "mail.example.net", 401);
            found.autodiscover[2].visits = vec![first, second];
        },
    ),
    (Code::AutodiscoverDeadEnd, Severity::Warn, |found| {
        found.autodiscover[2].visits = vec![visit(Scheme::Http, HOST, 302)];
    }),
    (Code::AutodiscoverWebSite, Severity::Info, |found| {
        found.autodiscover[0].visits = vec![visit(Scheme::Https, "example.com", 200)];
    }),
    (Code::AutodiscoverFound, Severity::Info, |_| {}),
    (Code::DaneMismatch, Severity::Fail, |found| {
        found.hosts[0].tlsa = answer(vec![tlsa(3, 9)]);
    }),
    (Code::DaneMismatch, Severity::Warn, |found| {
        found.hosts[0].tlsa = answer(vec![tlsa(3, 9)]);
        found.mx.security = Security::Insecure;
    }),
    (Code::DaneMismatch, Severity::Fail, |found| {
        found.hosts[0].tlsa = answer(vec![tlsa(2, 3)]);
    }),
    (Code::DaneWithoutTls, Severity::Fail, |found| {
        let seen = port_25(found);
        seen.tls = None;
        seen.failure = Some(Failure {
            stage: Stage::Starttls,
            cause: Cause::StarttlsNotOffered,
            detail: None,
        });
    }),
    (Code::DaneLookupFailed, Severity::Fail, |found| {
        found.hosts[0].tlsa = Answer {
            security: Security::Indeterminate,
            ..nothing(Outcome::Refused("SERVFAIL"))
        };
    }),
    (Code::DaneNotSecure, Severity::Warn, |found| {
        found.hosts[0].tlsa.security = Security::Insecure;
    }),
    (Code::DaneUnusable, Severity::Warn, |found| {
        found.hosts[0].tlsa = answer(vec![tlsa(1, 3)]);
    }),
    (Code::DaneUnseen, Severity::Warn, |found| {
        port_25(found).state = Some(State::Filtered);
    }),
    (Code::DaneMatches, Severity::Info, |_| {}),
    (Code::MtaStsMxNotCovered, Severity::Fail, |found| {
        policy(found).mx = vec!["*.example.net".to_owned()];
    }),
    (Code::MtaStsMxNotCovered, Severity::Warn, |found| {
        policy(found).mx = vec!["*.example.net".to_owned()];
        policy(found).mode = Mode::Testing;
    }),
    (Code::MtaStsMxCertificate, Severity::Fail, |found| {
        if let Some(tls) = &mut port_25(found).tls
            && let Some(leaf) = &mut tls.certificate
        {
            leaf.trust.anchor = Some(Anchor::System);
        }
    }),
    (Code::MtaStsRecord, Severity::Warn, |found| {
        found.mta_sts.record.records = vec![Err("it has no id")];
    }),
    (Code::MtaStsPolicyUnreachable, Severity::Warn, |found| {
        if let Some(visit) = &mut found.mta_sts.visit {
            visit.content_type = Some("text/html".into());
        }
    }),
    (Code::MtaStsPolicyInvalid, Severity::Warn, |found| {
        found.mta_sts.policy = Some(Err("it has no mode"));
    }),
    (Code::MtaStsInForce, Severity::Info, |_| {}),
    (Code::TlsRptRecord, Severity::Warn, |found| {
        found.tls_rpt.records = vec![Err("it has no rua")];
    }),
];

fn port_25(found: &mut Discovery) -> &mut Observation {
    found.hosts[0].seen.as_mut().expect("it was looked at")
}

fn leaf(visit: &mut Visit) -> &mut CertificateFacts {
    let tls = visit.seen.as_mut().and_then(|seen| seen.tls.as_mut());
    tls.and_then(|tls| tls.certificate.as_mut())
        .expect("it has a certificate")
}

fn policy(found: &mut Discovery) -> &mut Policy {
    match &mut found.mta_sts.policy {
        Some(Ok(policy)) => policy,
        _ => panic!("it has a policy"),
    }
}

#[test]
fn a_healthy_domain_is_consistent() {
    let finding = judge_domain(healthy(), day(0));
    assert_eq!(finding.status, Status::Pass, "{:#?}", finding.diagnoses);
    let codes: Vec<Code> = finding
        .diagnoses
        .iter()
        .map(|told| told.diagnosis.code)
        .collect();
    assert_eq!(
        codes,
        [
            Code::AutodiscoverFound,
            Code::DaneMatches,
            Code::MtaStsInForce
        ]
    );
    assert_eq!(unanswered(&finding.discovery), None);
}

#[test]
fn each_difference_is_told_and_every_rule_holds_somewhere() {
    let mut held = BTreeSet::new();
    for (number, (code, severity, change)) in CASES.iter().enumerate() {
        let mut found = healthy();
        change(&mut found);
        let finding = judge_domain(found, day(0));
        let told = finding
            .diagnoses
            .iter()
            .find(|told| told.diagnosis.code == *code);
        let told = told.unwrap_or_else(|| panic!("{number}: {code} in {:#?}", finding.diagnoses));
        assert_eq!(told.diagnosis.severity, *severity, "{number}: {code}");
        let message = &told.diagnosis.message;
        assert!(!message.is_empty() && !message.ends_with('.'), "{message}");
        assert_eq!(
            finding.status == Status::Fail,
            finding.diagnoses[0].diagnosis.severity == Severity::Fail
        );
        held.insert(*code);
    }
    let rules: BTreeSet<Code> = domain_rules().map(|rule| rule.code).collect();
    assert_eq!(held, rules);
}

#[test]
fn a_resolver_without_signatures_makes_nothing_the_domain_s_fault() {
    let mut found = healthy();
    found.resolver.security = Security::Bogus;
    found.mx.security = Security::Bogus;
    found.hosts[0].addresses.security = Security::Bogus;
    found.hosts[0].tlsa.security = Security::Bogus;
    let finding = judge_domain(found, day(0));
    assert_eq!(finding.status, Status::Warn, "{:#?}", finding.diagnoses);
}

#[test]
fn the_names_of_a_certificate_are_told_a_few() {
    let mut all: Vec<Text> = vec![];
    assert_eq!(super::names(&all), "no name at all");
    all = (0..6)
        .map(|number| Text::from(format!("{number}.example").as_str()))
        .collect();
    assert_eq!(
        super::names(&all),
        "0.example, 1.example, 2.example, 3.example and 2 more"
    );
}
