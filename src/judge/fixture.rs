//! Observations made by hand, for the tables of tests beside the rules.

use std::time::Duration;

use time::OffsetDateTime;

use super::{Context, judge};
use crate::catalog::{Expectation, Role, ServiceId};
use crate::facts::{
    Anchor, CertificateFacts, ChainLink, KeyFacts, PeerFacts, SignatureStrength, SmtpFacts, Text,
    TlsFacts, TlsVersion, TrustDefect, TrustFacts,
};
use crate::finding::{Code, Finding, Severity, Status};
use crate::observation::{Cause, Failure, Observation, Stage, State, Step};
use crate::plan::{CertDays, Check, Host, Proxy, Standards};

pub(super) fn now() -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp(1_795_000_000).expect("a moment in 2026")
}

pub(super) fn days(days: i64) -> time::Duration {
    time::Duration::days(days)
}

/// One check with everything that its verdict depends on.
#[derive(Clone, Debug)]
pub(super) struct Fixture {
    pub(super) check: Check,
    pub(super) seen: Observation,
    pub(super) role: Role,
    pub(super) standards: Standards,
    pub(super) name: Host,
    pub(super) unused_proxy: Option<Proxy>,
}

/// A required service that is open and of which nothing is known but that.
pub(super) fn open(service: ServiceId) -> Fixture {
    Fixture {
        check: Check {
            service: service.row(),
            port: service.row().port,
            expect: Expectation::Required,
        },
        seen: Observation {
            state: Some(State::Open),
            ..Observation::default()
        },
        role: Role::Any,
        standards: Standards::default(),
        name: Host::Name("mail.example.com".into()),
        unused_proxy: None,
    }
}

impl Fixture {
    pub(super) fn expect(mut self, expect: Expectation) -> Self {
        self.check.expect = expect;
        self
    }

    pub(super) fn role(mut self, role: Role) -> Self {
        self.role = role;
        self
    }

    pub(super) fn cert_days(mut self, days: CertDays) -> Self {
        self.standards.cert_days = days;
        self
    }

    pub(super) fn failing(mut self, stage: Stage, cause: Cause) -> Self {
        self.seen.failure = Some(Failure {
            stage,
            cause,
            detail: None,
        });
        self.seen.steps.push(Step {
            stage,
            took: Duration::from_millis(3004),
            connection: 1,
        });
        if stage == Stage::Connect {
            self.seen.state = Some(match cause {
                Cause::Refused => State::Closed,
                Cause::Unreachable => State::Unreachable,
                Cause::BlockedHere => State::Blocked,
                _ => State::Filtered,
            });
        }
        self
    }

    pub(super) fn saying(mut self, words: &str) -> Self {
        if let Some(failure) = &mut self.seen.failure {
            failure.detail = Some(Text::from(words));
        }
        self
    }

    pub(super) fn peer(mut self, peer: PeerFacts) -> Self {
        self.seen.peer = Some(peer);
        self
    }

    pub(super) fn smtp(self, greeting: &str, extensions: &[&str]) -> Self {
        self.peer(PeerFacts::Smtp(SmtpFacts {
            greeting: Some(Text::from(greeting)),
            extensions: extensions.iter().map(|word| Text::from(*word)).collect(),
            ..SmtpFacts::default()
        }))
    }

    /// A handshake with this certificate.
    pub(super) fn certificate(mut self, certificate: CertificateFacts) -> Self {
        self.seen.tls = Some(TlsFacts {
            version: Some(TlsVersion::Tls13),
            certificate: Some(certificate.into()),
            ..TlsFacts::default()
        });
        self
    }

    pub(super) fn chain(mut self, chain: Vec<ChainLink>) -> Self {
        if let Some(tls) = &mut self.seen.tls {
            tls.chain = chain.into();
        }
        self
    }

    pub(super) fn judged(&self) -> Finding {
        let context = Context {
            standards: &self.standards,
            role: self.role,
            unused_proxy: self.unused_proxy.as_ref(),
            server_name: &self.name,
            now: now(),
        };
        judge(self.check, self.seen.clone(), &context)
    }

    /// Codes and severities, in their order.
    pub(super) fn told(&self) -> Vec<(Code, Severity)> {
        self.judged()
            .diagnoses
            .iter()
            .map(|diagnosis| (diagnosis.code, diagnosis.severity))
            .collect()
    }

    pub(super) fn status(&self) -> Status {
        self.judged().status
    }

    /// Message and hint of a diagnosis.
    #[track_caller]
    pub(super) fn words(&self, code: Code) -> (String, String) {
        let finding = self.judged();
        let diagnosis = finding
            .diagnoses
            .iter()
            .find(|diagnosis| diagnosis.code == code)
            .unwrap_or_else(|| panic!("no {code} among {:?}", finding.diagnoses));
        (diagnosis.message.clone(), diagnosis.hint.clone())
    }
}

/// A certificate with nothing wrong: a year long, with 200 days left.
pub(super) fn good() -> CertificateFacts {
    CertificateFacts {
        subject: Text::from("CN=mail.example.com"),
        issuer: Text::from("CN=Example CA"),
        names: vec![
            Text::from("mail.example.com"),
            Text::from("autodiscover.example.com"),
        ],
        not_before: now() - days(165),
        not_after: now() + days(200),
        serial: "0a1b".into(),
        sha1: "aa".repeat(20),
        sha256: "aa".repeat(32),
        key: KeyFacts {
            algorithm: "RSA".into(),
            bits: Some(2048),
        },
        signature: "sha256WithRSAEncryption".into(),
        signature_strength: SignatureStrength::Good,
        self_signed: false,
        name_matches: true,
        trust: TrustFacts {
            anchor: Some(Anchor::Public),
            defects: Vec::new(),
            path: Vec::new(),
        },
        issuer_urls: Vec::new(),
        more_names: 0,
    }
}

/// The same, not trusted for this reason.
pub(super) fn untrusted(defect: TrustDefect) -> CertificateFacts {
    CertificateFacts {
        trust: TrustFacts {
            anchor: None,
            defects: vec![defect],
            path: Vec::new(),
        },
        ..good()
    }
}

/// What Exchange's setup makes, as a real server showed it.
pub(super) fn exchange_default() -> CertificateFacts {
    CertificateFacts {
        subject: Text::from("CN=MAIL01"),
        issuer: Text::from("CN=MAIL01"),
        names: vec![Text::from("MAIL01"), Text::from("mail01.example.com")],
        not_before: now() - days(700),
        not_after: now() + days(1125),
        self_signed: true,
        name_matches: false,
        ..untrusted(TrustDefect::SelfSigned)
    }
}
