//! The status table: what was seen × what was expected.

use super::check::Case;
use crate::catalog::Expectation;
use crate::finding::{Diagnosis, Severity, Status};
use crate::observation::{Cause, State};

/// The rows of the status table.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Conclusion {
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
    if expect == Expectation::Forbidden && case.is_open() && !case.is_directory_absent() {
        return Status::Fail;
    }
    match outcome(case, worst) {
        Conclusion::Unusable | Conclusion::Unresolved => Status::Fail,
        Conclusion::NotAttempted => Status::Skip,
        Conclusion::Absent => match expect {
            Expectation::Required => Status::Fail,
            Expectation::Optional => Status::Absent,
            Expectation::Forbidden => Status::Pass,
        },
        Conclusion::Usable => match worst {
            Some(Severity::Fail) => Status::Fail,
            Some(Severity::Warn) => Status::Warn,
            Some(Severity::Info) | None => Status::Pass,
        },
    }
}

/// Which row of the table it is.
fn outcome(case: &Case<'_>, worst: Option<Severity>) -> Conclusion {
    if is_unresolved(case) {
        return Conclusion::Unresolved;
    }
    if is_absent(case) {
        return Conclusion::Absent;
    }
    if worst == Some(Severity::Fail) {
        return Conclusion::Unusable;
    }
    match case.failure() {
        Some(failure) if failure.cause.is_ours() => Conclusion::NotAttempted,
        // A failure that is no more than a warning, as an MTA without STARTTLS: it can be used.
        Some(_) => Conclusion::Usable,
        None if case.is_open() => Conclusion::Usable,
        None => Conclusion::NotAttempted,
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

/// Whether nobody is there. A port that accepted once and refused the second look is open and of no use; a web service
/// is not there when the web server knows no such directory.
pub(super) fn is_absent(case: &Case<'_>) -> bool {
    if case.is_directory_absent() {
        return true;
    }
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

#[cfg(test)]
mod tests {
    use super::super::fixture::{Fixture, good, open};
    use crate::catalog::Expectation::{Forbidden, Optional, Required};
    use crate::catalog::ServiceId;
    use crate::facts::{CertificateFacts, HttpFacts, PeerFacts, TrustDefect};
    use crate::finding::Status::{Absent, Fail, Pass, Skip, Warn};
    use crate::observation::{Cause, Observation, Stage, State};

    #[test]
    fn every_cell_of_the_status_table() {
        let usable = open(ServiceId::Https).certificate(good());
        let info = open(ServiceId::Http).peer(PeerFacts::Http(HttpFacts {
            status: Some(403),
            ..HttpFacts::default()
        }));
        let warned = open(ServiceId::Https).certificate(CertificateFacts {
            not_after: super::super::fixture::now() + super::super::fixture::days(5),
            ..good()
        });
        let defective = open(ServiceId::Https)
            .certificate(super::super::fixture::untrusted(TrustDefect::UnknownIssuer));
        let silent = open(ServiceId::Smtp).failing(Stage::Greeting, Cause::Silent);
        let refused = open(ServiceId::Smtp).failing(Stage::Connect, Cause::Refused);
        let filtered = open(ServiceId::Smtp).failing(Stage::Connect, Cause::Filtered);
        let unreachable = open(ServiceId::Smtp).failing(Stage::Connect, Cause::Unreachable);
        let unresolved = unopened(State::Unresolved, Stage::Resolve, Cause::NameNotFound);
        let no_address = unopened(State::Unresolved, Stage::Resolve, Cause::NameWithoutAddress);
        let no_resolver = unopened(State::Unresolved, Stage::Resolve, Cause::LookupFailed);
        let blocked = unopened(State::Blocked, Stage::Connect, Cause::BlockedHere);
        for (what, staged, required, optional, forbidden) in vec![
            ("usable", usable, Pass, Pass, Fail),
            ("usable, info", info, Pass, Pass, Fail),
            ("usable, warn", warned, Warn, Warn, Fail),
            ("usable, fail", defective, Fail, Fail, Fail),
            ("open, not usable", silent, Fail, Fail, Fail),
            ("closed", refused, Fail, Absent, Pass),
            ("filtered", filtered, Fail, Absent, Pass),
            ("unreachable", unreachable, Fail, Absent, Pass),
            ("unresolved", unresolved, Fail, Fail, Fail),
            ("no address", no_address, Fail, Fail, Fail),
            ("no resolver", no_resolver, Fail, Fail, Fail),
            ("blocked here", blocked, Skip, Skip, Skip),
            ("deadline", unattempted(Cause::Deadline), Skip, Skip, Skip),
            (
                "interrupted",
                unattempted(Cause::Interrupted),
                Skip,
                Skip,
                Skip,
            ),
            (
                "no family",
                unattempted(Cause::NoFamilyHere),
                Skip,
                Skip,
                Skip,
            ),
            (
                "no network",
                unattempted(Cause::NoNetwork),
                Skip,
                Skip,
                Skip,
            ),
            (
                "no files",
                unattempted(Cause::OutOfResources),
                Skip,
                Skip,
                Skip,
            ),
            (
                "no source",
                unattempted(Cause::SourceUnusable),
                Skip,
                Skip,
                Skip,
            ),
            ("our defect", unattempted(Cause::Internal), Skip, Skip, Skip),
        ] {
            for (expect, status) in [
                (Required, required),
                (Optional, optional),
                (Forbidden, forbidden),
            ] {
                assert_eq!(
                    staged.clone().expect(expect).status(),
                    status,
                    "{what}, {expect:?}"
                );
            }
        }
    }

    #[test]
    fn nothing_attempted_is_skipped() {
        let mut staged = open(ServiceId::Https);
        staged.seen = Observation::default();
        assert_eq!(staged.status(), Skip);
    }

    #[test]
    fn what_was_seen_before_the_deadline_counts() {
        let at_deadline = |service: ServiceId| {
            let mut staged = open(service).failing(Stage::Application, Cause::Deadline);
            staged.seen.state = Some(State::Open);
            staged
        };
        assert_eq!(at_deadline(ServiceId::Https).status(), Skip);
        let forbidden = at_deadline(ServiceId::Ldap).expect(Forbidden);
        assert_eq!(forbidden.status(), Fail);
        let expired = at_deadline(ServiceId::Https).certificate(CertificateFacts {
            not_after: super::super::fixture::now() - super::super::fixture::days(1),
            ..good()
        });
        assert_eq!(expired.status(), Fail);
    }

    #[test]
    fn a_second_look_that_is_refused_makes_no_port_absent() {
        let mut staged = open(ServiceId::Imaps).failing(Stage::Connect, Cause::Refused);
        staged.seen.state = Some(State::Open);
        for expect in [Required, Optional, Forbidden] {
            assert_eq!(staged.clone().expect(expect).status(), Fail);
        }
    }

    fn unopened(shown: State, stage: Stage, cause: Cause) -> Fixture {
        let mut staged = open(ServiceId::Https).failing(stage, cause);
        staged.seen.state = Some(shown);
        staged
    }

    fn unattempted(cause: Cause) -> Fixture {
        let mut staged = open(ServiceId::Https).failing(Stage::Connect, cause);
        staged.seen.state = None;
        staged
    }
}
