//! What a rule over a mail domain looks at, and what it says.

use time::OffsetDateTime;

use crate::discovery::Discovery;
use crate::facts::{CertificateFacts, Text};
use crate::finding::{Dane, DomainDiagnosis, Severity, Way};
use crate::judge::product::Product;
use crate::judge::rule::{Evidence, Rule};

/// What a rule over a domain is asked about.
#[derive(Clone, Copy, Debug)]
pub struct DomainCase<'a> {
    pub(super) found: &'a Discovery,
    pub(super) ways: &'a [Way],
    pub(super) wins: Option<usize>,
    pub(super) dane: &'a [Dane],
    pub(super) now: OffsetDateTime,
}

/// A rule over a domain.
pub(super) type DomainRule = Rule<fn(&DomainCase<'_>) -> Vec<DomainEvidence>>;

impl DomainRule {
    pub(super) fn diagnose(&self, case: &DomainCase<'_>) -> Vec<DomainDiagnosis> {
        let code = self.code;
        let diagnose = |found: DomainEvidence| DomainDiagnosis {
            diagnosis: found
                .evidence
                .diagnose(code, code.definition().severity, Product::Exchange),
            about: found.about,
        };
        (self.holds)(case).into_iter().map(diagnose).collect()
    }
}

/// Why a rule over a domain holds, and of which names.
#[derive(Debug)]
pub struct DomainEvidence {
    pub(super) evidence: Evidence,
    pub(super) about: Vec<String>,
}

impl DomainEvidence {
    pub(super) fn new(
        message: impl Into<String>,
        about: impl IntoIterator<Item = impl Into<String>>,
    ) -> Self {
        Self {
            evidence: Evidence::new(message),
            about: about.into_iter().map(Into::into).collect(),
        }
    }

    pub(super) fn severity(mut self, severity: Severity) -> Self {
        self.evidence = self.evidence.severity(severity);
        self
    }

    pub(super) fn hint(mut self, hint: &'static str) -> Self {
        self.evidence = self.evidence.hint(hint);
        self
    }
}

/// Why a client does not accept a certificate, in words that follow "the certificate of HOST"; `None` where it does.
pub(super) fn objection(certificate: &CertificateFacts, now: OffsetDateTime) -> Option<String> {
    if !certificate.name_matches {
        return Some(format!(
            "is not issued for that name but for {}",
            names(&certificate.names)
        ));
    }
    if certificate.not_after < now {
        return Some(format!("expired on {}", certificate.not_after.date()));
    }
    if certificate.not_before > now {
        return Some(format!(
            "is not valid before {}",
            certificate.not_before.date()
        ));
    }
    if certificate.self_signed && certificate.trust.anchor.is_none() {
        return Some("is self-signed".to_owned());
    }
    if certificate.trust.anchor.is_none() || !certificate.trust.defects.is_empty() {
        return Some("does not chain to a trusted root".to_owned());
    }
    None
}

/// The first few of a certificate's names.
pub(super) fn names(all: &[Text]) -> String {
    const FEW: usize = 4;
    let mut told: Vec<&str> = all.iter().take(FEW).map(Text::as_str).collect();
    if told.is_empty() {
        told.push("no name at all");
    }
    match all.len().checked_sub(FEW) {
        Some(more) if more > 0 => format!("{} and {more} more", told.join(", ")),
        _ => told.join(", "),
    }
}
