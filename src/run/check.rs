//! One check: a probe of its endpoint.

use std::sync::Arc;
use std::time::Duration;

use super::setup::RunSetup;
use crate::net::{OnSecure, TcpDial, TlsAsk, Via};
use crate::observation::Observation;
use crate::plan::{Check, Endpoint, Limits, Plan, Target};
use crate::probe::{Ask, probe};

/// How the checks of a target get there.
#[derive(Clone, Debug)]
pub(super) struct DialTerms {
    pub(super) tls: Arc<TlsAsk>,
    /// The proxy on it.
    pub(super) via: Option<Arc<Via>>,
    /// Whoever waits for a handshake on it.
    pub(super) on_secure: Option<OnSecure>,
}

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
    shared: &RunSetup,
    endpoints: Vec<Endpoint>,
    ask: Ask,
    way: DialTerms,
) -> Observation {
    let whole = shared.plan.limits.check;
    check_within(shared, endpoints, ask, way, whole).await
}

/// The same, when only so much of its time is left.
pub(super) async fn check_within(
    shared: &RunSetup,
    endpoints: Vec<Endpoint>,
    ask: Ask,
    way: DialTerms,
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
        way.tls,
    )
    .via(way.via)
    .on_secure(way.on_secure);
    let began = shared.began.elapsed();
    dial.ready().await;
    // What a conversation needs is made when its turn has come: most checks of a long list wait.
    Observation {
        began: Some(began),
        ..Box::pin(probe(&dial, &ask)).await
    }
}
