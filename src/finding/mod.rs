//! # finding: the verdict on one check, and on a whole target
//!
//! Data only: what a code is and what is said of it (`codes.rs`), and the shapes in which a verdict is passed on. It must
//! not judge. Start reading at [`Finding`].

use std::net::IpAddr;
use std::time::Duration;

use crate::catalog::{Expectation, Role, ServiceId};
use crate::observation::Observation;
use crate::plan::Check;

pub use codes::{Asked, Code, Definition, Exception, When};
pub use diagnosis::Diagnosis;
pub use domain::{Dane, DomainDiagnosis, DomainFinding, Recommended, Way};
pub use known::{KNOWN_FAILURES, KnownFailure};
pub use severity::{PluginState, Severity, Status};

mod code;
mod codes;
mod diagnosis;
mod domain;
mod known;
mod severity;

/// The verdict on one check.
#[derive(Clone, Debug)]
pub struct Finding {
    /// What was asked.
    pub check: Check,
    /// What was seen.
    pub observation: Observation,
    /// The verdict in one word.
    pub status: Status,
    /// The code of the observation's failure, where there is one; a diagnosis of that code stands below, or where
    /// the lookup failed, with the target.
    pub failure_code: Option<Code>,
    /// Days until the certificate ends, rounded down; negative once it has.
    pub days_left: Option<i64>,
    /// What is the matter, worst first, then in the order of the rules; none where the lookup failed, which the target
    /// tells once.
    pub diagnoses: Vec<Diagnosis>,
}

/// The verdict on a target, once all its checks are in.
#[derive(Clone, Debug)]
pub struct TargetFinding {
    /// The target as it was typed.
    pub target: String,
    /// The target that it is a node of (`--nodes`).
    pub node_of: Option<String>,
    /// What kind of host it was judged as.
    pub role: Role,
    /// The addresses it has, in the order in which they were tried.
    pub addresses: Vec<IpAddr>,
    /// How long the lookup took; `None` when there was none.
    pub resolve: Option<Duration>,
    /// The worst of its checks and of the diagnoses below.
    pub status: Status,
    /// What is the matter with the target as a whole.
    pub diagnoses: Vec<TargetDiagnosis>,
    /// What fails although nothing requires it: what must not be reachable, or is optional and broken.
    pub unrequired: Vec<(ServiceId, Expectation)>,
    /// How its role was found; `None` where it was named.
    pub guess: Option<Guess>,
    /// The role that it was judged as, then the others that fit.
    pub candidates: Vec<Candidate>,
}

impl TargetFinding {
    /// As what it was judged and why, and how much of what that asks for works: a sentence without a full stop.
    #[must_use]
    pub fn verdict(&self) -> String {
        let noun = self.role.row().noun;
        let judged = self.candidates.first();
        let passed = judged.filter(|judged| judged.required > 0).map(|judged| {
            let but = self.although().unwrap_or_default();
            format!(
                "{} of {} required pass{but}",
                judged.passed, judged.required
            )
        });
        let behind = passed
            .as_ref()
            .map_or_else(String::new, |passed| format!("; {passed}"));
        match &self.guess {
            Some(guess) if self.role == Role::Auto => format!(
                "no role was recognised ({}): judged by what answers",
                guess.reasons.join(", ")
            ),
            Some(guess) => {
                let reasons = guess.reasons.join(", ");
                let rival = guess.rival.map_or_else(String::new, |rival| {
                    format!(
                        "; it would pass as {}: if it is that, say `--role {}`",
                        rival.row().noun,
                        rival.as_str()
                    )
                });
                format!("{noun}, as it seems: {reasons}{behind}{rival}")
            }
            None if self.role == Role::Any => {
                passed.unwrap_or_else(|| "nothing is required".to_owned())
            }
            None => format!("{noun}, as you said{behind}"),
        }
    }

    /// Why a target fails of which everything required passes: `, but rdp must not be reachable`.
    fn although(&self) -> Option<String> {
        let judged = self.candidates.first()?;
        if self.status != Status::Fail || judged.passed < judged.required {
            return None;
        }
        let those = |wanted: Expectation| -> Vec<&'static str> {
            let of_it = self
                .unrequired
                .iter()
                .filter(|(_, expect)| *expect == wanted);
            of_it.map(|(id, _)| id.row().name).collect()
        };
        let forbidden = those(Expectation::Forbidden);
        let broken = those(Expectation::Optional);
        let mut why = Vec::new();
        if !forbidden.is_empty() {
            why.push(format!("{} must not be reachable", few(&forbidden)));
        }
        if !broken.is_empty() {
            let verb = if broken.len() == 1 { "fails" } else { "fail" };
            why.push(format!("{} {verb}", few(&broken)));
        }
        if why.is_empty() {
            let worst = self.diagnoses.first()?;
            why.push(format!("the host has {}", worst.diagnosis.code));
        }
        Some(format!(", but {}", why.join(" and ")))
    }
}

/// `ldap, ldaps and rdp`; of many the first two.
fn few(names: &[&str]) -> String {
    match names {
        [] => String::new(),
        [one] => (*one).to_owned(),
        [one, other] => format!("{one} and {other}"),
        [one, other, third] => format!("{one}, {other} and {third}"),
        [one, other, rest @ ..] => format!("{one}, {other} and {} more", rest.len()),
    }
}

/// How the role of a target was found.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Guess {
    /// The signs, each a few words that fit into a list.
    pub reasons: Vec<String>,
    /// Another role that fits as well and that the target would pass as.
    pub rival: Option<Role>,
}

/// A role that a target was judged as.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Candidate {
    /// Which.
    pub role: Role,
    /// How many services it requires; a group of which one has to work counts as one.
    pub required: usize,
    /// How many of these work.
    pub passed: usize,
    /// What the target is worth as that.
    pub status: Status,
}

/// One thing that is the matter with a target as a whole.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct TargetDiagnosis {
    /// What.
    pub diagnosis: Diagnosis,
    /// The services it is about.
    pub services: Vec<ServiceId>,
    /// The addresses it is about, where they differ.
    pub addresses: Vec<IpAddr>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_verdict_says_why_a_host_fails_whose_required_services_pass() {
        use Expectation::{Forbidden, Optional};
        use ServiceId::{Imaps, Ldap, Ldaps, Pop3s, Rdp};
        let cases: &[(&[(ServiceId, Expectation)], &str)] = &[
            (
                &[(Ldap, Forbidden), (Ldaps, Forbidden), (Rdp, Forbidden)],
                "4 of 4 required pass, but ldap, ldaps and rdp must not be reachable",
            ),
            (
                &[(Rdp, Forbidden)],
                "4 of 4 required pass, but rdp must not be reachable",
            ),
            (
                &[(Imaps, Optional)],
                "4 of 4 required pass, but imaps fails",
            ),
            (
                &[(Imaps, Optional), (Pop3s, Optional)],
                "4 of 4 required pass, but imaps and pop3s fail",
            ),
            (
                &[(Imaps, Optional), (Rdp, Forbidden)],
                "4 of 4 required pass, but rdp must not be reachable and imaps fails",
            ),
            (&[], "4 of 4 required pass, but the host has ipv6-broken"),
        ];
        for (unrequired, expected) in cases {
            let finding = published(Status::Fail, 4, unrequired);
            let verdict = finding.verdict();
            assert!(verdict.ends_with(expected), "{verdict}: not {expected}");
        }
    }

    #[test]
    fn the_verdict_says_no_more_where_the_numbers_say_why() {
        let broken = [(ServiceId::Imaps, Expectation::Optional)];
        for (status, passed) in [(Status::Pass, 4), (Status::Warn, 4), (Status::Fail, 3)] {
            let verdict = published(status, passed, &broken).verdict();
            let expected = format!("; {passed} of 4 required pass");
            assert!(verdict.ends_with(&expected), "{status:?}: {verdict}");
        }
    }

    fn published(
        status: Status,
        passed: usize,
        unrequired: &[(ServiceId, Expectation)],
    ) -> TargetFinding {
        let diagnosis = Diagnosis {
            code: Code::Ipv6Broken,
            severity: Severity::Fail,
            message: "it works over IPv4 only".to_owned(),
            hint: String::new(),
        };
        TargetFinding {
            target: "mail.example.com".to_owned(),
            node_of: None,
            role: Role::Published,
            addresses: Vec::new(),
            resolve: None,
            status,
            diagnoses: vec![TargetDiagnosis {
                diagnosis,
                services: Vec::new(),
                addresses: Vec::new(),
            }],
            unrequired: unrequired.to_vec(),
            guess: None,
            candidates: vec![Candidate {
                role: Role::Published,
                required: 4,
                passed,
                status,
            }],
        }
    }
}
