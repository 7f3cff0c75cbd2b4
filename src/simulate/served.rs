//! What the stand-in serves in a role, and on whose port.

use crate::catalog::{Expectation, Role, ServiceId, expectation};

/// What is in a role's columns and not forbidden; where nothing was said of the role, everything.
pub(super) fn is_served(role: Role, service: ServiceId) -> bool {
    match expectation(role, service) {
        Some(Expectation::Required | Expectation::Optional) => true,
        Some(Expectation::Forbidden) => false,
        None => role == Role::Any,
    }
}

/// The service whose port it is: web services live behind 443.
pub(super) fn port_of(service: ServiceId) -> ServiceId {
    service.row().behind.unwrap_or(service)
}
