//! Checks and observations for the tests of this module.

use crate::catalog::{Expectation, ServiceId, service};
use crate::observation::{Cause, Failure, Observation, Stage, State};
use crate::plan::Check;

pub(super) fn check(id: ServiceId) -> Check {
    Check {
        service: service(id),
        port: 443,
        expect: Expectation::Required,
    }
}

pub(super) fn failing(stage: Stage, cause: Cause) -> Observation {
    Observation {
        state: Some(State::Open),
        failure: Some(Failure {
            stage,
            cause,
            detail: None,
        }),
        ..Observation::default()
    }
}

pub(super) fn open() -> Observation {
    Observation {
        state: Some(State::Open),
        ..Observation::default()
    }
}
