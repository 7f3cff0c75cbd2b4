//! With what a domain is looked at.

use crate::net::Resolver;

/// With what a domain is looked at.
#[derive(Clone, Debug)]
pub struct Means<H> {
    /// Whom to ask for names, and until when.
    pub resolver: Resolver,
    /// How the hosts that they name are reached.
    pub hosts: H,
    /// How we call ourselves.
    pub ehlo_name: Option<String>,
}
