//! The status table: what was seen × what was expected.

use super::Case;
use crate::catalog::Expectation;
use crate::finding::{Diagnosis, Severity, Status};
use crate::observation::{Cause, State};

/// The rows of the status table.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Seen {
    /// It answered as its protocol demands; defects are for the diagnoses.
    Usable,
    /// The port is open and of no use.
    Unusable,
    /// Closed, filtered, unreachable.
    Absent,
    /// The name has no address.
    Unresolved,
    /// Not looked at, or not to the end, for a reason that is not the peer's.
    NotAttempted,
}

/// The verdict in one word.
///
/// What is known to be bad is told even where the check did not come to its end: a forbidden port that was seen open
/// stays a finding when the deadline came afterwards.
pub(super) fn status(case: &Case<'_>, diagnoses: &[Diagnosis]) -> Status {
    let worst = diagnoses.iter().map(|diagnosis| diagnosis.severity).max();
    let expect = case.check.expect;
    if expect == Expectation::Forbidden && case.is_open() {
        return Status::Fail;
    }
    match seen(case, worst) {
        Seen::Unusable | Seen::Unresolved => Status::Fail,
        Seen::NotAttempted => Status::Skip,
        Seen::Absent => match expect {
            Expectation::Required => Status::Fail,
            Expectation::Optional => Status::Absent,
            Expectation::Forbidden => Status::Pass,
        },
        Seen::Usable => match worst {
            Some(Severity::Fail) => Status::Fail,
            Some(Severity::Warn) => Status::Warn,
            Some(Severity::Info) | None => Status::Pass,
        },
    }
}

/// Which row of the table it is.
fn seen(case: &Case<'_>, worst: Option<Severity>) -> Seen {
    if is_unresolved(case) {
        return Seen::Unresolved;
    }
    if is_absent(case) {
        return Seen::Absent;
    }
    if worst == Some(Severity::Fail) {
        return Seen::Unusable;
    }
    match case.failure() {
        Some(failure) if failure.cause.is_ours() => Seen::NotAttempted,
        // A failure that is no more than a warning, as an MTA without STARTTLS: it can be used.
        Some(_) => Seen::Usable,
        None if case.is_open() => Seen::Usable,
        None => Seen::NotAttempted,
    }
}

/// Whether the name has no address, and not because this machine stopped asking.
fn is_unresolved(case: &Case<'_>) -> bool {
    case.failure().is_some_and(|failure| {
        matches!(
            failure.cause,
            Cause::NameNotFound | Cause::NameWithoutAddress | Cause::LookupFailed
        )
    })
}

/// Whether nobody is there. A port that accepted once and refused the second look is open and of no use.
pub(super) fn is_absent(case: &Case<'_>) -> bool {
    match case.failure() {
        Some(failure) => {
            matches!(
                failure.cause,
                Cause::Refused | Cause::Filtered | Cause::Unreachable
            ) && !case.is_open()
        }
        None => matches!(
            case.seen.state,
            Some(State::Closed | State::Filtered | State::Unreachable)
        ),
    }
}
