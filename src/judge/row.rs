//! The verdict on one observation.

use std::cmp::Reverse;

use super::check::{Case, rules};
use super::context::Context;
use super::quoting::days_until;
use super::verdict;
use crate::finding::{Code, Diagnosis, Finding, Severity};
use crate::observation::Observation;
use crate::plan::Check;

/// Says what one observation means.
///
/// Where the observation has a failure, `failure_code` is its code and a diagnosis of that code stands among the
/// diagnoses. They come worst first, then in the order of the [rules](fn@rules). Beside `forbidden-open` the others are
/// worth knowing (info) and nothing to repair. A lookup that failed is the whole
/// target's: its rows have the failure and no diagnoses, and [`judge_target()`](super::judge_target()) tells the cause once.
#[must_use]
pub fn judge(check: Check, observation: Observation, context: &Context<'_>) -> Finding {
    let case = Case {
        check,
        seen: &observation,
        context,
    };
    let mut diagnoses = diagnose(&case);
    // Stable: what is equally bad stays in the order of the rules.
    diagnoses.sort_by_key(|diagnosis| Reverse(diagnosis.severity));

    let status = verdict::status(&case, &diagnoses);
    if case.is_without_address() {
        diagnoses.clear();
    }
    let failure_code = case.failure_code();
    let days_left = case
        .certificate()
        .map(|certificate| days_until(certificate.not_after, context.now));
    Finding {
        check,
        observation,
        status,
        failure_code,
        days_left,
        diagnoses,
    }
}

/// What the rules say, in their order.
pub(super) fn diagnose(case: &Case<'_>) -> Vec<Diagnosis> {
    let mut told: Vec<Diagnosis> = rules().filter_map(|rule| rule.diagnose(case)).collect();
    if told.iter().any(|one| one.code == Code::ForbiddenOpen) {
        for other in &mut told {
            if other.code != Code::ForbiddenOpen {
                other.severity = Severity::Info;
                NOT_TO_BE_REPAIRED.clone_into(&mut other.hint);
            }
        }
    }
    told
}

/// What is to be closed is not to be repaired before.
const NOT_TO_BE_REPAIRED: &str =
    "Do not repair it: the service must not be reachable, so close the port.";
