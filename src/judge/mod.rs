//! # judge: observation → finding
//!
//! Does: says what an observation means. The rules (`check/`, one table a subject) are asked in their order; each that
//! holds gives a diagnosis; the status table (`verdict.rs`) turns what was seen and what was expected into one word.
//! Then the same for a target as a whole (`host/`), and for a mail domain (`domain/`). Which kind of host a target is,
//! where nobody said it, `role.rs` finds.
//! [`explain()`] prints the definitions for people.
//!
//! Must not: open anything, read a clock, keep state. `now` is an argument. The same arguments give the same finding,
//! so a finding can be judged again as another role at no cost.
//!
//! Start reading at [`judge()`], then at the tables in `check/` and `host/`: a rule is a code and when it holds. What is
//! said of the code stands in its [definition](crate::finding::Definition).

use std::cmp::Reverse;

use time::OffsetDateTime;

use crate::catalog::Role;
use crate::finding::{Code, Diagnosis, Finding, Severity};
use crate::observation::Observation;
use crate::plan::{Check, Host, Proxy, Standards};

pub use check::{Case, rules};
pub use domain::{domain_rules, judge_domain, unanswered};
pub use explain::{explain, list_of_words, most_like, near, words};
pub use explanation::Explanation;
pub use host::{
    Control, Place, Surroundings, calls_for_control, compare_nodes, judge_target, target_rules,
};
pub use limited::turned_away;
pub use role::{expected, judge_by_signs};
pub use rule::{Evidence, Rule};

mod check;
mod domain;
mod explain;
mod explanation;
#[cfg(test)]
mod fixture;
mod host;
mod limited;
mod pasted;
mod product;
mod role;
mod rule;
mod verdict;

/// What a verdict depends on besides the check and what it saw.
#[derive(Clone, Copy, Debug)]
pub struct Context<'a> {
    /// What counts as good.
    pub standards: &'a Standards,
    /// What kind of host the target is judged as.
    pub role: Role,
    /// What the certificate has to be made out to.
    pub server_name: &'a Host,
    /// A proxy that the environment names and the run does not use.
    pub unused_proxy: Option<&'a Proxy>,
    /// The time by which certificates and clocks are judged.
    pub now: OffsetDateTime,
}

/// Says what one observation means.
///
/// Where the observation has a failure, `failure_code` is its code and a diagnosis of that code stands among the
/// diagnoses. They come worst first, then in the order of the [rules](fn@rules). Beside `forbidden-open` the others are
/// worth knowing (info) and nothing to repair. A lookup that failed is the whole
/// target's: its rows have the failure and no diagnoses, and [`judge_target()`] tells the cause once.
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
        .map(|certificate| check::days_until(certificate.not_after, context.now));
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
fn diagnose(case: &Case<'_>) -> Vec<Diagnosis> {
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
    "There is nothing to repair: the service must not be reachable, so close it.";
