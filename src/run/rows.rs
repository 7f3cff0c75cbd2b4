//! The rows of a target: what is looked at where, and what is told of a row that was never dialled.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use crate::baseline::Before;
use crate::catalog::Role;
use crate::judge;
use crate::observation::{Cause, Failure, Observation, Stage, State};
use crate::plan::{Addresses, Check, Endpoint, Plan, Target};

/// A row of a target, and where it is looked at.
pub(super) type PlannedRow = (Check, Vec<Endpoint>);

/// The rows of a target: a service each, or a service at an address each; with the addresses to dial, preferred first, or
/// the name that a proxy looks up.
pub(super) fn rows(
    plan: &Plan,
    target: &Target,
    addresses: &[IpAddr],
    name: Option<&str>,
) -> Vec<PlannedRow> {
    let endpoints = |check: &Check, addresses: &[IpAddr]| -> Vec<Endpoint> {
        if let Some(name) = name {
            return vec![Endpoint::Name(name.to_owned(), check.port)];
        }
        addresses
            .iter()
            .map(|address| SocketAddr::new(*address, check.port).into())
            .collect()
    };
    let each_address = plan.reach.addresses == Addresses::Every && addresses.len() > 1;
    let mut rows = Vec::new();
    for check in &target.checks {
        if each_address {
            for address in addresses {
                rows.push((*check, endpoints(check, &[*address])));
            }
        } else {
            rows.push((*check, endpoints(check, addresses)));
        }
    }
    rows
}

/// What a role forbids on public addresses only; the plan was made before they were known.
pub(super) fn expect_by_address(target: &Target, addresses: &[IpAddr], rows: &mut [PlannedRow]) {
    if target.role != Role::Mail {
        return;
    }
    for (check, _) in rows {
        if !target.named.contains(&check.service.id) {
            check.expect = judge::expected(target.role, check.service.id, addresses);
        }
    }
}

/// What an earlier run saw there, where there is one to compare with.
pub(super) fn before(
    plan: &Plan,
    target: &Target,
    check: Check,
    address: Option<SocketAddr>,
) -> Option<Arc<Before>> {
    let baseline = plan.baseline.as_ref()?;
    baseline.before(&target.name, check.service.name, address)
}

/// The only endpoint that a row can be about; `None` where several are raced.
pub(super) fn only(endpoints: &[Endpoint]) -> Option<SocketAddr> {
    match endpoints {
        [only] => only.address(),
        _ => None,
    }
}

/// A row that was never dialled is still about its endpoint: service and address are its key.
pub(super) fn at_its_place(seen: Observation, only: Option<SocketAddr>) -> Observation {
    Observation {
        address: seen.address.or(only),
        ..seen
    }
}

pub(super) fn not_resolved(failure: Failure) -> Observation {
    let state = (!failure.cause.is_ours()).then_some(State::Unresolved);
    Observation {
        state,
        failure: Some(failure),
        ..Observation::default()
    }
}

pub(super) fn broken() -> Observation {
    Observation {
        failure: Some(Failure {
            stage: Stage::Connect,
            cause: Cause::Internal,
            detail: None,
        }),
        ..Observation::default()
    }
}
