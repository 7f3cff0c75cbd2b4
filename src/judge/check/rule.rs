//! A rule over one check.

use super::case::Case;
use crate::finding::{Asked, Diagnosis};
use crate::judge::rule::{Evidence, Rule};

/// A rule over one check.
pub(super) type CheckRule = Rule<fn(&Case<'_>) -> Option<Evidence>>;

impl CheckRule {
    /// The diagnosis, if the rule holds.
    #[must_use]
    pub fn diagnose(&self, case: &Case<'_>) -> Option<Diagnosis> {
        let asked = Asked {
            unchecked: case.is_certificate_unchecked(),
            ..Asked::of(case.service(), case.check.expect, case.context.role)
        };
        let severity = self.code.severity(&asked);
        let told = (self.holds)(case)?.diagnose(self.code, severity, case.product());
        debug_assert!(self.code.can_be(told.severity, &asked), "{told:?}");
        Some(told)
    }
}
