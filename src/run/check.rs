//! One check: a probe of its endpoint.

use std::sync::Arc;
use std::time::Duration;

use super::setup::Shared;
use crate::net::{TcpDial, TlsAsk};
use crate::observation::Observation;
use crate::plan::{Check, Endpoint, Limits, Plan, Target};
use crate::probe::{Ask, probe};

pub(super) fn ask(plan: &Plan, target: &Target, check: Check) -> Ask {
    Ask {
        service: check.service,
        port: check.port,
        host: target.server_name.clone(),
        ehlo_name: plan.ehlo_name.clone(),
        depth: plan.depth,
        audit: plan.audit,
        transcripts: plan.transcripts,
    }
}

pub(super) async fn one_check(
    shared: &Shared,
    endpoints: Vec<Endpoint>,
    ask: Ask,
    tls: Arc<TlsAsk>,
) -> Observation {
    let whole = shared.plan.limits.check;
    check_within(shared, endpoints, ask, tls, whole).await
}

/// The same, when only so much of its time is left.
pub(super) async fn check_within(
    shared: &Shared,
    endpoints: Vec<Endpoint>,
    ask: Ask,
    tls: Arc<TlsAsk>,
    left: Duration,
) -> Observation {
    let limits = Limits {
        check: left.min(shared.plan.limits.check),
        ..shared.plan.limits
    };
    let dial = TcpDial::new(
        endpoints,
        shared.plan.reach,
        limits,
        shared.deadline,
        shared.halt.clone(),
        Arc::clone(&shared.sockets),
        tls,
    );
    let began = shared.began.elapsed();
    Observation {
        began: Some(began),
        ..probe(&dial, &ask).await
    }
}
