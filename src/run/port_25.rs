//! Port 25 of another host, where that of a target does not answer: is it blocked here, or there?

use std::net::SocketAddr;
use std::sync::Arc;

use super::check::{DialTerms, ask, one_check};
use super::setup::RunSetup;
use crate::catalog::ServiceId;
use crate::finding::Finding;
use crate::judge::{self, Elsewhere};
use crate::net::resolve;
use crate::observation::State;
use crate::plan::{Audit, ControlHost, Depth, Endpoint, Host, Target};
use crate::probe::Ask;

/// What other hosts show, one after the other until one of them tells; nothing where 25 of the target answered or is not
/// looked at.
pub(super) async fn port_25(
    shared: &RunSetup,
    target: &Target,
    findings: &[Arc<Finding>],
    way: &DialTerms,
) -> Vec<Elsewhere> {
    let mut seen = Vec::new();
    // Behind a proxy it is the proxy's network that would be compared.
    if !judge::calls_for_port_25(findings) || way.via.is_some() {
        return seen;
    }
    let Some(smtp) = findings
        .iter()
        .find(|finding| finding.check.service.id == ServiceId::Smtp)
    else {
        return seen;
    };
    for (control, known) in &shared.controls.0 {
        if is_the_same(&control.host, &target.host) {
            continue;
        }
        let look = || look(shared, target, smtp, control, way);
        let told = known.get_or_init(look).await.clone();
        let is_decided = matches!(told.state, Some(State::Open | State::Closed));
        seen.push(told);
        if is_decided || seen.len() == MOST {
            break;
        }
    }
    seen
}

/// Hosts that are dialled for one target at the most.
const MOST: usize = 3;

/// A TCP connection, and not a word on it.
async fn look(
    shared: &RunSetup,
    target: &Target,
    smtp: &Finding,
    control: &ControlHost,
    way: &DialTerms,
) -> Elsewhere {
    let host = match control.address {
        Some(address) => Host::Address(address),
        None => control.host.clone(),
    };
    let patience = shared.plan.limits.resolve;
    let found = resolve(
        &host,
        shared.plan.reach,
        patience,
        shared.deadline,
        &shared.halt,
    )
    .await;
    let mut elsewhere = Elsewhere {
        host: control.name.clone(),
        addresses: Vec::new(),
        state: None,
    };
    let Ok(addresses) = found.addresses else {
        elsewhere.state = Some(State::Unresolved);
        return elsewhere;
    };
    // By another name it may be the target itself, which is no other witness.
    let of_target = smtp.observation.address.map(|address| address.ip());
    elsewhere.addresses = addresses
        .into_iter()
        .filter(|address| Some(*address) != of_target)
        .collect();
    let endpoints: Vec<Endpoint> = elsewhere
        .addresses
        .iter()
        .map(|address| SocketAddr::new(*address, smtp.check.port).into())
        .collect();
    if endpoints.is_empty() {
        return elsewhere;
    }
    let ask = Ask {
        depth: Depth::TcpOnly,
        audit: Audit::No,
        ..ask(&shared.plan, target, smtp.check)
    };
    elsewhere.state = one_check(shared, endpoints, ask, way.clone()).await.state;
    elsewhere
}

fn is_the_same(one: &Host, other: &Host) -> bool {
    match (one, other) {
        (Host::Name(one), Host::Name(other)) => {
            one.trim_end_matches('.') == other.trim_end_matches('.')
        }
        _ => one == other,
    }
}
