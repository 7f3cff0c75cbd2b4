//! One check: a probe of its endpoint.

use std::net::SocketAddr;
use std::sync::Arc;

use super::setup::Shared;
use crate::net::{TcpDial, TlsAsk};
use crate::observation::Observation;
use crate::plan::{Check, Plan, Target};
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
    addresses: Vec<SocketAddr>,
    ask: Ask,
    tls: Arc<TlsAsk>,
) -> Observation {
    let dial = TcpDial::new(
        addresses,
        shared.plan.reach.source,
        shared.plan.limits,
        shared.deadline,
        shared.halt.clone(),
        Arc::clone(&shared.gate),
        tls,
    );
    let began = shared.began.elapsed();
    Observation {
        began: Some(began),
        ..probe(&dial, &ask).await
    }
}
