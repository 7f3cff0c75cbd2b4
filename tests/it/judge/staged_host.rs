//! A host made by hand: what each of its services showed, and what is found of it as a whole.

use std::net::IpAddr;
use std::time::Duration;

use exchports::catalog::{Expectation, Group, Role, Service, ServiceId, all, expectation};
use exchports::facts::{
    CertificateFacts, Health, HttpFacts, PeerFacts, SmtpFacts, Text, TlsFacts, TlsVersion,
    TrustFacts,
};
use exchports::finding::{Code, Finding, Severity, TargetDiagnosis, TargetFinding};
use exchports::judge::{Context, Control, Elsewhere, Surroundings, judge, judge_target};
use exchports::observation::{Cause, Failure, Observation, Stage, State, Step};
use exchports::plan::{Check, Host, Standards, Target};

use super::now;

use ServiceId::Http;

pub(super) const NAME: &str = "mail.example.com";

pub(super) const ADDRESSES: [&str; 2] = ["192.0.2.10", "192.0.2.11"];

/// A host, its rows still to be judged.
pub(super) struct StagedHost {
    pub(super) role: Role,
    pub(super) name: &'static str,
    pub(super) rows: Vec<(&'static Service, Observation)>,
    pub(super) control: Option<Control>,
    pub(super) port_25: Vec<Elsewhere>,
}

impl StagedHost {
    /// Everything that the role looks at, healthy.
    pub(super) fn of(role: Role) -> Self {
        let services: Vec<ServiceId> = all()
            .map(|service| service.id)
            .filter(|id| expectation(role, *id).is_some_and(|it| it != Expectation::Forbidden))
            .collect();
        Self::with(role, &services)
    }

    pub(super) fn with(role: Role, services: &[ServiceId]) -> Self {
        Self {
            role,
            name: NAME,
            rows: services
                .iter()
                .map(|id| (id.row(), healthy(id.row())))
                .collect(),
            control: None,
            port_25: Vec::new(),
        }
    }

    /// Every row once at each of these addresses.
    pub(super) fn at_each(mut self, addresses: &[&str]) -> Self {
        self.rows = self
            .rows
            .into_iter()
            .flat_map(|(service, seen)| {
                addresses.iter().map(move |address| {
                    let at = Observation {
                        address: Some((ip(address), service.port).into()),
                        ..seen.clone()
                    };
                    (service, at)
                })
            })
            .collect();
        self
    }

    pub(super) fn each(&mut self, mut change: impl FnMut(&mut Observation)) {
        for (_, seen) in &mut self.rows {
            change(seen);
        }
    }

    pub(super) fn each_at(&mut self, address: &str, mut change: impl FnMut(&mut Observation)) {
        self.each(|seen| {
            if seen.address.map(|it| it.ip()) == Some(ip(address)) {
                change(seen);
            }
        });
    }

    pub(super) fn each_port(&mut self, mut change: impl FnMut(ServiceId, &mut Observation)) {
        for (service, seen) in &mut self.rows {
            if service.group == Group::Port {
                change(service.id, seen);
            }
        }
    }

    pub(super) fn each_web(&mut self, mut change: impl FnMut(ServiceId, &mut HttpFacts)) {
        for (service, seen) in &mut self.rows {
            if let (Group::Web, Some(PeerFacts::Http(facts))) = (service.group, &mut seen.peer) {
                change(service.id, facts);
            }
        }
    }

    pub(super) fn change(&mut self, id: ServiceId, mut change: impl FnMut(&mut Observation)) {
        for (service, seen) in &mut self.rows {
            if service.id == id {
                change(seen);
            }
        }
    }

    pub(super) fn see(&mut self, id: ServiceId, observation: &Observation) {
        self.change(id, |seen| seen.clone_from(observation));
    }

    pub(super) fn findings(&self) -> Vec<Finding> {
        let standards = Standards::default();
        let host = Host::Name(self.name.into());
        self.rows
            .iter()
            .map(|(service, seen)| {
                let check = Check {
                    service,
                    port: service.port,
                    expect: expectation(self.role, service.id).unwrap_or(Expectation::Optional),
                };
                judge(check, seen.clone(), &self.context(&standards, &host))
            })
            .collect()
    }

    pub(super) fn judged(&self) -> TargetFinding {
        let standards = Standards::default();
        let host = Host::Name(self.name.into());
        let target = Target {
            name: self.name.into(),
            host: host.clone(),
            address: None,
            server_name: host.clone(),
            role: self.role,
            checks: Vec::new(),
            named: Vec::new(),
            node_of: None,
        };
        let around = Surroundings {
            port_25: self.port_25.clone(),
            control: self.control,
            ..Surroundings::default()
        };
        judge_target(
            &target,
            around,
            &self.findings(),
            &self.context(&standards, &host),
        )
    }

    pub(super) fn context<'a>(&self, standards: &'a Standards, host: &'a Host) -> Context<'a> {
        Context {
            standards,
            role: self.role,
            unused_proxy: None,
            server_name: host,
            now: now(),
        }
    }
}

pub(super) fn codes(finding: &TargetFinding) -> Vec<(Code, Severity)> {
    finding
        .diagnoses
        .iter()
        .map(|told| (told.diagnosis.code, told.diagnosis.severity))
        .collect()
}

#[track_caller]
pub(super) fn only(finding: &TargetFinding, code: Code) -> &TargetDiagnosis {
    let found: Vec<_> = finding
        .diagnoses
        .iter()
        .filter(|told| told.diagnosis.code == code)
        .collect();
    let [told] = found.as_slice() else {
        panic!(
            "{code} is told {} times: {:?}",
            found.len(),
            finding.diagnoses
        );
    };
    let message = &told.diagnosis.message;
    assert!(
        !message.ends_with('.') && !message.contains("  "),
        "{message}"
    );
    let hint = &told.diagnosis.hint;
    let sentences: Vec<&str> = hint.split_inclusive(". ").collect();
    assert!(
        hint.ends_with('.') && sentences.len() <= 2 && !hint.contains("  "),
        "{hint}"
    );
    for sentence in sentences {
        assert!(sentence.trim_end().chars().count() <= 160, "{sentence}");
    }
    told
}

pub(super) fn days(days: i64) -> time::Duration {
    time::Duration::days(days)
}

pub(super) fn ip(address: &str) -> IpAddr {
    address.parse().expect("an address")
}

pub(super) fn unopened(state: State, cause: Cause) -> Observation {
    Observation {
        state: Some(state),
        steps: vec![Step {
            stage: Stage::Connect,
            took: Duration::from_millis(3001),
            connection: 1,
        }],
        failure: Some(Failure {
            stage: Stage::Connect,
            cause,
            detail: None,
        }),
        ..Observation::default()
    }
}

pub(super) fn serve(seen: &mut Observation, certificate: CertificateFacts) {
    seen.tls = Some(TlsFacts {
        version: Some(TlsVersion::Tls12),
        certificate: Some(certificate.into()),
        ..TlsFacts::default()
    });
}

pub(super) fn healthy(service: &Service) -> Observation {
    use exchports::catalog::Protocol;
    let peer = match service.protocol {
        Protocol::Smtp => Some(PeerFacts::Smtp(SmtpFacts {
            greeting: Some(Text::from(
                "220 mail01.corp.example.com Microsoft ESMTP MAIL Service ready at Tue, 24 Sep 2024 04:21:14 +0000",
            )),
            extensions: vec![Text::from("STARTTLS"), Text::from("X-ANONYMOUSTLS")],
            secure_extensions: vec![Text::from("AUTH GSSAPI NTLM LOGIN")],
            ..SmtpFacts::default()
        })),
        Protocol::Http => Some(PeerFacts::Http(HttpFacts {
            status: Some(if service.group == Group::Web {
                401
            } else {
                302
            }),
            authentication: vec![Text::from("Negotiate"), Text::from("NTLM")],
            front_end: Some(Text::from("MAIL01")),
            health: (service.group == Group::Web).then_some(Health::Healthy),
            ..HttpFacts::default()
        })),
        Protocol::Pop3 | Protocol::Imap | Protocol::Ldap | Protocol::Rdp => None,
    };
    let mut seen = Observation {
        state: Some(State::Open),
        peer,
        ..Observation::default()
    };
    if service.id != Http {
        serve(&mut seen, certificate());
    }
    seen
}

/// Renewed a hundred days ago.
pub(super) fn certificate() -> CertificateFacts {
    CertificateFacts {
        serial: "0b".into(),
        sha1: "bb".repeat(20),
        sha256: "bb".repeat(32),
        trust: TrustFacts::default(),
        ..super::certificate(Vec::new())
    }
}

/// The one before.
pub(super) fn old() -> CertificateFacts {
    CertificateFacts {
        not_before: now() - days(300),
        not_after: now() + days(60),
        serial: "0a".into(),
        sha1: "aa".repeat(20),
        sha256: "aa".repeat(32),
        ..certificate()
    }
}
