//! A name and the nodes behind it, or the addresses of one: what differs is told, of which and what, and nothing else.

use std::net::IpAddr;
use std::sync::Arc;

use exchports::catalog::{Expectation, Role, ServiceId};
use exchports::facts::{Health, HttpFacts, Nla, PeerFacts, Text, TlsVersion, VersionAnswer};
use exchports::finding::{Code, Finding, Severity, TargetDiagnosis};
use exchports::judge::{Place, Surroundings, compare_nodes, judge_target};
use exchports::observation::{Cause, Failure, Observation, Stage, State};
use exchports::plan::{Host, Standards, Target};

use super::{context, healthy, judge_as};

use ServiceId::{Ews, Https, Imaps, Ldaps, Mapi, Owa, Rdp, Smtp, Submission};

const SERVICES: [ServiceId; 9] = [Smtp, Https, Submission, Ldaps, Imaps, Rdp, Owa, Ews, Mapi];

const NAME: &str = "mail.example.com";

#[test]
fn nodes_that_are_alike_have_no_differences() {
    assert_eq!(told(&staged(3)), [""; 0]);
    // Nor has one that nothing is known of: its rows tell that.
    let mut hosts = staged(3);
    hosts[2].each(|seen| {
        *seen = Observation {
            state: Some(State::Unresolved),
            failure: Some(Failure {
                stage: Stage::Resolve,
                cause: Cause::NameNotFound,
                detail: None,
            }),
            ..Observation::default()
        };
    });
    assert_eq!(told(&hosts), [""; 0]);
}

#[test]
fn a_node_with_another_certificate_is_told_and_why_it_matters() {
    let mut hosts = staged(3);
    hosts[2].on(&[Https, Imaps], |seen| renewed(seen, "7700beef"));
    let diagnoses = compared(&hosts);
    let [one] = diagnoses.as_slice() else {
        panic!("{diagnoses:#?}");
    };
    assert_eq!(one.services, [Https, Imaps]);
    assert_eq!(one.addresses, [IpAddr::from([10, 0, 0, 2])]);
    assert_eq!(
        (one.diagnosis.code, one.diagnosis.severity),
        (Code::NodesDiffer, Severity::Warn)
    );
    let message = &one.diagnosis.message;
    assert!(
        message
            .starts_with("ex02 presents a different certificate from ex01 and ex03: 7700beef… ("),
        "{message}"
    );
    assert!(
        one.diagnosis.hint.contains("Extended Protection"),
        "{}",
        one.diagnosis.hint
    );
}

/// With all nodes alike it is the load balancer's own, and breaks sign-ins at each of them.
#[test]
fn a_load_balancer_with_a_certificate_of_its_own_is_told_once() {
    let mut hosts = staged(3);
    hosts[0].on(&[Https], |seen| renewed(seen, "7700beef"));
    let told = told(&hosts);
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(
        told[0].starts_with(
            "https: mail.example.com presents a different certificate from all 3 nodes: 7700beef"
        ),
        "{told:?}"
    );
    // Of one node it is no matter which of the two is called the other one.
    let mut hosts = staged(1);
    hosts[0].on(&[Https], |seen| renewed(seen, "7700beef"));
    assert_eq!(compared(&hosts).len(), 1);
}

/// Where it passes TLS on, the name shows what a node shows: that node is told, however often the name shows it.
#[test]
fn the_name_is_no_voice_beside_the_nodes() {
    let mut hosts = staged(3);
    for host in [0, 2] {
        hosts[host].on(&[Mapi], |seen| {
            http(seen).health = Some(Health::ClosedUnanswered);
        });
        hosts[host].on(&[Owa], |seen| {
            http(seen).exchange_build = Some(Text::from("15.2.2562.37"));
        });
    }
    for host in [1, 3] {
        hosts[host].on(&[Ews], |seen| {
            http(seen).exchange_build = Some(Text::from("15.2.2562.53"));
        });
    }
    assert_eq!(
        told(&hosts),
        [
            "ex02 runs a different build from ex01 and ex03: 15.2.2562.37 instead of 15.2.2562.53",
            "mapi: ex02 reports a different health from ex01 and ex03: closed-unanswered instead of healthy",
        ]
    );
    // What no node shows comes of something that was not named.
    hosts[0].on(&[Owa], |seen| {
        http(seen).exchange_build = Some(Text::from("15.2.1544.4"));
    });
    assert!(
        told(&hosts)
            .iter()
            .any(|line| line
                .starts_with("mail.example.com runs a different build from ex01 and ex03: ")),
        "{:?}",
        told(&hosts)
    );
}

#[test]
fn what_a_node_speaks_and_offers_is_compared() {
    type Change = fn(&mut Observation);
    let cases: [(&[ServiceId], Change, &str); 8] = [
        (
            &[Https, Imaps],
            |seen| tls(seen).version = Some(TlsVersion::Tls13),
            "https, imaps: ex02 negotiates a different TLS version from ex01 and ex03: TLS 1.3 instead of TLS 1.2",
        ),
        (
            &[Https],
            |seen| tls(seen).versions = vec![(TlsVersion::Tls10, VersionAnswer::Accepted)],
            "https: ex02 does not have the same TLS versions enabled as ex01 and ex03: it also has TLS 1.0",
        ),
        (
            &[Submission],
            |seen| {
                if let Some(PeerFacts::Smtp(facts)) = &mut seen.peer {
                    facts.secure_extensions = ["AUTH LOGIN", "SIZE 1000"].map(Text::from).to_vec();
                }
            },
            "submission: ex02 does not have the same capabilities as ex01 and ex03: it lacks AUTH GSSAPI, AUTH NTLM, \
             SIZE 37748736, and also has SIZE 1000",
        ),
        (
            &[Ews, Mapi],
            |seen| http(seen).authentication = vec![Text::from("Negotiate")],
            "ews, mapi: ex02 does not offer the same ways to sign in as ex01 and ex03: it lacks NTLM",
        ),
        (
            &[Ews],
            |seen| http(seen).status = Some(503),
            "ews: ex02 answers differently from ex01 and ex03: HTTP 503 instead of HTTP 401",
        ),
        (
            &[Rdp],
            |seen| {
                if let Some(PeerFacts::Rdp(facts)) = &mut seen.peer {
                    facts.nla = Some(Nla::Required);
                }
            },
            "rdp: ex02 differs in network level authentication from ex01 and ex03: required instead of supported",
        ),
        (
            &[Smtp, Imaps],
            |seen| closed(seen),
            "smtp, imaps: ex02 does not work like ex01 and ex03: closed instead of open",
        ),
        (
            &[Smtp],
            |seen| {
                seen.failure = Some(Failure {
                    stage: Stage::Greeting,
                    cause: Cause::ServiceUnavailable,
                    detail: None,
                });
            },
            "smtp: ex02 does not work like ex01 and ex03: service-unavailable instead of open",
        ),
    ];
    for (services, change, expected) in cases {
        let mut hosts = staged(3);
        // Nobody was asked for versions where one tells nothing of them.
        if expected.contains("enabled") {
            for host in &mut hosts {
                host.on(services, |seen| {
                    tls(seen).versions = vec![(TlsVersion::Tls10, VersionAnswer::Refused)];
                });
            }
        }
        hosts[2].on(services, change);
        assert_eq!(told(&hosts), [expected], "{services:?}");
    }
}

/// What differs by design: a directory's and a desktop's certificate, that of setup for SMTP, and what a load balancer
/// does not pass on.
#[test]
fn what_differs_by_design_is_not_told() {
    let mut hosts = staged(3);
    hosts[2].on(&[Ldaps, Rdp], |seen| renewed(seen, "7700beef"));
    hosts[2].on(&[Smtp], |seen| {
        renewed(seen, "5e1f0000");
        if let Some(found) = &mut tls(seen).certificate {
            let found = Arc::make_mut(found);
            found.self_signed = true;
        }
    });
    hosts[0].on(&[Ldaps, Rdp, Smtp], closed);
    assert_eq!(told(&hosts), [""; 0]);
}

#[test]
fn another_suite_alone_is_worth_knowing_and_no_more() {
    let suite = |seen: &mut Observation, word: &str| tls(seen).cipher_suite = Some(word.to_owned());
    let mut hosts = staged(3);
    for host in &mut hosts {
        host.on(&[Https], |seen| suite(seen, "TLS_AES_256_GCM_SHA384"));
    }
    hosts[2].on(&[Https], |seen| suite(seen, "TLS_AES_128_GCM_SHA256"));
    let diagnoses = compared(&hosts);
    assert_eq!(diagnoses.len(), 1, "{diagnoses:#?}");
    assert_eq!(diagnoses[0].diagnosis.severity, Severity::Info);
    // Of another version every suite is another one.
    hosts[2].on(&[Https], |seen| tls(seen).version = Some(TlsVersion::Tls13));
    let told = told(&hosts);
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].contains("a different TLS version"), "{told:?}");
}

/// The same of the addresses of a name, each on rows of its own.
#[test]
fn addresses_are_compared_as_nodes_are() {
    let mut hosts = staged(2);
    hosts.remove(0);
    hosts[1].on(&[Ews], |seen| http(seen).status = Some(503));
    let rows: Vec<Finding> = hosts.iter().flat_map(Staged::findings).collect();
    let host = Host::Name(NAME.into());
    let standards = Standards::default();
    let target = Target {
        name: NAME.into(),
        host: host.clone(),
        address: None,
        server_name: host.clone(),
        role: Role::Any,
        checks: Vec::new(),
        named: Vec::new(),
        node_of: None,
    };
    let whole = judge_target(
        &target,
        Surroundings::default(),
        &rows,
        &context(&standards, &host, Role::Any),
    );
    let told: Vec<&TargetDiagnosis> = whole
        .diagnoses
        .iter()
        .filter(|told| told.diagnosis.code == Code::NodesDiffer)
        .collect();
    assert_eq!(told.len(), 1, "{told:#?}");
    assert_eq!(
        told[0].diagnosis.message,
        "10.0.0.2 answers differently from 10.0.0.1: HTTP 503 instead of HTTP 401"
    );
    // That one has the renewed certificate and the other the old one is told as that.
    let mut hosts = staged(2);
    hosts.remove(0);
    hosts[1].on(&[Https], |seen| {
        renewed(seen, "7700beef");
        if let Some(found) = &mut tls(seen).certificate {
            let found = Arc::make_mut(found);
            found.not_before -= time::Duration::days(300);
            found.not_after -= time::Duration::days(100);
        }
    });
    let rows: Vec<Finding> = hosts.iter().flat_map(Staged::findings).collect();
    let whole = judge_target(
        &target,
        Surroundings::default(),
        &rows,
        &context(&standards, &host, Role::Any),
    );
    let codes: Vec<Code> = whole
        .diagnoses
        .iter()
        .map(|told| told.diagnosis.code)
        .collect();
    assert!(!codes.contains(&Code::NodesDiffer), "{codes:?}");
    assert!(codes.contains(&Code::CertificateDiffers), "{codes:?}");
}

// -- the parts

/// A name or a node, and what was seen there.
struct Staged {
    label: String,
    rows: Vec<(ServiceId, Observation)>,
}

/// The name, and so many nodes, all healthy and alike.
fn staged(nodes: u8) -> Vec<Staged> {
    (0..=nodes)
        .map(|number| Staged {
            label: match number {
                0 => NAME.to_owned(),
                node => format!("ex0{node}"),
            },
            rows: SERVICES
                .map(|id| {
                    let seen = Observation {
                        address: Some((IpAddr::from([10, 0, 0, number]), id.row().port).into()),
                        ..healthy(id.row())
                    };
                    (id, seen)
                })
                .to_vec(),
        })
        .collect()
}

impl Staged {
    fn each(&mut self, mut change: impl FnMut(&mut Observation)) {
        self.rows.iter_mut().for_each(|(_, seen)| change(seen));
    }

    fn on(&mut self, services: &[ServiceId], mut change: impl FnMut(&mut Observation)) {
        for (id, seen) in &mut self.rows {
            if services.contains(id) {
                change(seen);
            }
        }
    }

    fn findings(&self) -> Vec<Finding> {
        let rows = self.rows.iter();
        rows.map(|(id, seen)| judge_as(id.row(), Expectation::Required, Role::Any, seen.clone()))
            .collect()
    }
}

fn compared(hosts: &[Staged]) -> Vec<TargetDiagnosis> {
    let rows: Vec<Vec<Finding>> = hosts.iter().map(Staged::findings).collect();
    let places: Vec<Place<'_>> = hosts
        .iter()
        .zip(&rows)
        .map(|(host, rows)| Place {
            label: &host.label,
            rows: rows.iter().collect(),
        })
        .collect();
    let (standards, host) = (Standards::default(), Host::Name(NAME.into()));
    let [name, nodes @ ..] = places.as_slice() else {
        panic!("there is no name");
    };
    compare_nodes(name, nodes, &context(&standards, &host, Role::Any))
}

/// Services and message of each.
fn told(hosts: &[Staged]) -> Vec<String> {
    let told = compared(hosts).into_iter().map(|told| {
        let services: Vec<&str> = told.services.iter().map(|id| id.row().name).collect();
        match services.as_slice() {
            [] => told.diagnosis.message,
            some => format!("{}: {}", some.join(", "), told.diagnosis.message),
        }
    });
    told.collect()
}

#[track_caller]
fn tls(seen: &mut Observation) -> &mut exchports::facts::TlsFacts {
    seen.tls.as_mut().expect("it has TLS")
}

#[track_caller]
fn http(seen: &mut Observation) -> &mut HttpFacts {
    match &mut seen.peer {
        Some(PeerFacts::Http(facts)) => facts,
        other => panic!("no web server: {other:?}"),
    }
}

/// Another certificate, by its fingerprints.
fn renewed(seen: &mut Observation, digits: &str) {
    if let Some(found) = &mut tls(seen).certificate {
        let found = Arc::make_mut(found);
        found.sha256 = digits.repeat(8);
        found.sha1 = digits.repeat(5);
    }
}

fn closed(seen: &mut Observation) {
    *seen = Observation {
        address: seen.address,
        state: Some(State::Closed),
        failure: Some(Failure {
            stage: Stage::Connect,
            cause: Cause::Refused,
            detail: None,
        }),
        ..Observation::default()
    };
}
