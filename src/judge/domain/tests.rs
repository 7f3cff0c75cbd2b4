//! What is told of domains that differ from a healthy one by one thing each.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use time::OffsetDateTime;

use super::{domain_rules, judge_domain, unanswered};
use crate::catalog::provider;
use crate::discovery::{
    CutShort, Discovery, HostKind, MailHost, Method, MethodKind, Mode, Part, Policy, ResolverFacts,
    Scheme, SrvFacts, StsFacts, StsRecord, Tlsa, Txt, Visit,
};
use crate::facts::{
    Anchor, Answer, CertificateFacts, DnssecState, Fingerprints, HttpFacts, KeyFacts, MxRecord,
    Outcome, PeerFacts, SignatureStrength, SmtpFacts, SrvRecord, Text, TlsFacts, TlsVersion,
    TrustFacts,
};
use crate::finding::{Code, Dane, DomainFinding, Severity, Status, Way};
use crate::observation::{Cause, Failure, Observation, Stage, State};
use crate::report::{DomainTree, Style};

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
        security: DnssecState::Secure,
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
            certificate: Some(certificate().into()),
            fingerprints: [print].into(),
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
            security: DnssecState::Secure,
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
        outstanding: BTreeSet::new(),
        cut_short: None,
    }
}

/// What differs, and what is told of it.
type Case = (Code, Severity, fn(&mut Discovery));

const CASES: &[Case] = &[
    (Code::DiscoveryUnfinished, Severity::Fail, |found| {
        found.caa = Answer::unasked();
        found.cut_short = Some(CutShort::Deadline);
    }),
    (Code::ResolverWithoutSignatures, Severity::Warn, |found| {
        found.resolver.security = DnssecState::Bogus;
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
        found.mx.security = DnssecState::Bogus;
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
        found.mx.security = DnssecState::Insecure;
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
            security: DnssecState::Indeterminate,
            ..nothing(Outcome::Refused("SERVFAIL"))
        };
    }),
    (Code::DaneNotSecure, Severity::Warn, |found| {
        found.hosts[0].tlsa.security = DnssecState::Insecure;
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
            Arc::make_mut(leaf).trust.anchor = Some(Anchor::System);
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
    (Code::MtaStsPolicyUnreachable, Severity::Warn, |found| {
        let policy = found.mta_sts.visit.as_mut().and_then(|it| it.seen.as_mut());
        policy.expect("it was looked at").failure = Some(Failure {
            stage: Stage::Application,
            cause: Cause::Flood,
            detail: None,
        });
        found.mta_sts.policy = None;
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
    let leaf = tls.and_then(|tls| tls.certificate.as_mut());
    Arc::make_mut(leaf.expect("it has a certificate"))
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
    found.resolver.security = DnssecState::Bogus;
    found.mx.security = DnssecState::Bogus;
    found.hosts[0].addresses.security = DnssecState::Bogus;
    found.hosts[0].tlsa.security = DnssecState::Bogus;
    let finding = judge_domain(found, day(0));
    assert_eq!(finding.status, Status::Warn, "{:#?}", finding.diagnoses);
}

/// Of what was not looked at nothing is told, but that.
#[test]
fn what_was_cut_short_is_nobody_s_fault() {
    let ended = |end: CutShort, mut found: Discovery| {
        found.cut_short = Some(end);
        judge_domain(found, day(0))
    };
    let only = |finding: &DomainFinding, words: &str| {
        let bad: Vec<_> = finding
            .diagnoses
            .iter()
            .filter(|told| told.diagnosis.severity > Severity::Info)
            .collect();
        assert_eq!(bad.len(), 1, "{bad:#?}");
        assert_eq!(bad[0].diagnosis.code, Code::DiscoveryUnfinished);
        let message = &bad[0].diagnosis.message;
        assert!(message.contains(words), "{message}");
    };
    let servers = ["192.0.2.53:53".parse().expect("an address")];
    let begun = Discovery::begun("example.com", day(0), &servers);
    let finding = ended(CutShort::Deadline, begun);
    only(
        &finding,
        "deadline passed before everything was looked at. Missing: the MX records; Autodiscover, method 1",
    );
    assert!(finding.ways.iter().all(|way| *way == Way::Unfinished));
    assert!(unanswered(&finding.discovery).is_some_and(|why| why.contains("ended before")));

    let interrupted = |seen: &mut Observation| {
        seen.failure = Some(Failure {
            stage: Stage::Connect,
            cause: Cause::Interrupted,
            detail: None,
        });
    };
    let mut found = healthy();
    let port_25 = port_25(&mut found);
    (port_25.state, port_25.tls) = (None, None);
    interrupted(port_25);
    let host = &mut found.autodiscover[1].visits[0];
    let seen = host.seen.as_mut().expect("it was looked at");
    (seen.state, seen.tls, seen.peer) = (None, None, None);
    interrupted(seen);
    let policy = found.mta_sts.visit.as_mut().and_then(|it| it.seen.as_mut());
    let policy = policy.expect("it was looked at");
    (policy.state, policy.tls, policy.peer) = (None, None, None);
    interrupted(policy);
    found.mta_sts.policy = None;
    let finding = ended(CutShort::Interrupt, found);
    only(
        &finding,
        "interrupted before everything was looked at. Missing: the mail host mail.example.com; Autodiscover, method 2; \
         MTA-STS",
    );
    assert_eq!(finding.dane, [Dane::Unseen]);
    assert_eq!(finding.host_statuses, [Status::Skip]);
    assert_eq!(finding.way_statuses[1], Status::Skip);
    assert_eq!(finding.sts_status, Status::Skip);
}

/// In whatever order the parts come, what is told of each does not change by what comes later.
#[test]
fn a_tree_that_grows_is_the_tree_in_the_end() {
    let style = Style::default();
    let whole = |found: &Discovery| {
        let mut text = Vec::new();
        let mut tree = DomainTree::new(style);
        tree.grow(&mut text, &judge_domain(found.clone(), day(0)))
            .expect("a Vec takes everything");
        String::from_utf8(text).expect("text")
    };
    let mut random: u64 = 1;
    let mut next = |below: usize| {
        random = random
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(random >> 33).expect("31 bits") % below
    };
    let unchanged: &[fn(&mut Discovery)] = &[|_| {}];
    let changes = CASES.iter().map(|(_, _, change)| change);
    for (number, change) in unchanged.iter().chain(changes).enumerate() {
        let mut found = healthy();
        change(&mut found);
        let expected = whole(&found);
        for _ in 0..8 {
            let mut so_far = Discovery::begun(&found.domain, found.at, &found.resolver.servers);
            let (mut tree, mut told) = (DomainTree::new(style), Vec::new());
            let mut pieces = 0;
            while !so_far.outstanding.is_empty() {
                let parts: Vec<Part> = so_far.outstanding.iter().copied().collect();
                reveal(&found, parts[next(parts.len())], &mut so_far);
                let before = told.len();
                if so_far.outstanding.is_empty() {
                    (so_far.took, so_far.cut_short) = (found.took, found.cut_short);
                }
                tree.grow(&mut told, &judge_domain(so_far.clone(), day(0)))
                    .unwrap_or_else(|error| panic!("{number}: {error}"));
                pieces += usize::from(told.len() > before);
            }
            let told = String::from_utf8(told).expect("text");
            assert_eq!(told, expected, "{number}");
            assert!(pieces >= 1, "{number}");
        }
    }
    // In the order of the tree each piece comes by itself.
    let found = healthy();
    let mut so_far = Discovery::begun(&found.domain, found.at, &found.resolver.servers);
    let (mut tree, mut told) = (DomainTree::new(style), Vec::new());
    let mut ends = Vec::new();
    for part in [
        Part::Signatures,
        Part::Nonsense,
        Part::Mx,
        Part::Host(0),
        Part::Method(0),
        Part::Method(1),
        Part::Method(2),
        Part::Method(3),
        Part::Services,
        Part::MtaSts,
        Part::TlsRpt,
    ] {
        reveal(&found, part, &mut so_far);
        tree.grow(&mut told, &judge_domain(so_far.clone(), day(0)))
            .expect("a Vec takes everything");
        let text = String::from_utf8_lossy(&told);
        ends.push(
            text.trim_end()
                .lines()
                .last()
                .unwrap_or_default()
                .to_owned(),
        );
    }
    let ends: Vec<&str> = ends.iter().map(|line| line.trim()).collect();
    assert_eq!(ends[..2], ["", ""]);
    assert_eq!(ends[2], "Mail hosts (MX), signed");
    assert!(ends[3].contains("not checked"), "{ends:#?}");
    assert_eq!(ends[4], "no such name");
    assert!(ends[8].contains("none"), "{ends:#?}");
    assert!(ends[9].contains("policy: enforce"), "{ends:#?}");
    assert_eq!(ends[10], ends[9]);
}

fn reveal(found: &Discovery, part: Part, so_far: &mut Discovery) {
    match part {
        Part::Signatures => so_far.resolver = found.resolver.clone(),
        Part::Mx => {
            so_far.mx = found.mx.clone();
            let names = found.hosts.iter().map(|host| {
                let record = MxRecord {
                    preference: host.preference,
                    host: host.name.clone(),
                };
                MailHost::named(&record, host.kind, host.provider)
            });
            so_far.hosts = names.collect();
            let hosts = (0..so_far.hosts.len()).map(Part::Host);
            so_far.outstanding.extend(hosts);
        }
        Part::Host(place) => so_far.hosts[place] = found.hosts[place].clone(),
        Part::Method(place) => so_far.autodiscover[place] = found.autodiscover[place].clone(),
        Part::Nonsense => so_far.nonsense = found.nonsense.clone(),
        Part::Services => so_far.srv = found.srv.clone(),
        Part::MtaSts => so_far.mta_sts = found.mta_sts.clone(),
        Part::TlsRpt => so_far.tls_rpt = found.tls_rpt.clone(),
        Part::Caa => so_far.caa = found.caa.clone(),
    }
    so_far.outstanding.remove(&part);
}

#[test]
fn the_names_of_a_certificate_are_told_a_few() {
    let mut all: Vec<Text> = vec![];
    assert_eq!(super::case::names(&all), "no name at all");
    all = (0..6)
        .map(|number| Text::from(format!("{number}.example").as_str()))
        .collect();
    assert_eq!(
        super::case::names(&all),
        "0.example, 1.example, 2.example, 3.example and 2 more"
    );
}
