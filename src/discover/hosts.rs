//! How the hosts that name servers name are reached.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use crate::net::{Dial, Halt, Resolver, Roots, SocketLimits, TcpDial, TlsAsk};
use crate::plan::{Endpoint, Families, Host, Limits, Reach};

/// Makes the way to a host: TCP in the program, peers of their own in tests.
pub trait Hosts: Sync {
    /// What dials it.
    type Dial: Dial + Send;

    /// The way to a port of a host, at the addresses that its name servers say; `None` where none of them may be used.
    fn dial(
        &self,
        host: &str,
        port: u16,
        addresses: &[IpAddr],
        resolver: &Resolver,
    ) -> Option<Self::Dial>;
}

/// Hosts by TCP.
#[derive(Clone, Debug)]
pub struct TcpHosts {
    /// Whom to trust.
    pub roots: Arc<Roots>,
    /// The limits on sockets.
    pub sockets: Arc<SocketLimits>,
    /// The bounds of each conversation.
    pub limits: Limits,
    /// Which way connections go.
    pub reach: Reach,
    /// The interrupt.
    pub halt: Halt,
}

impl Hosts for TcpHosts {
    type Dial = TcpDial;

    fn dial(
        &self,
        host: &str,
        port: u16,
        addresses: &[IpAddr],
        resolver: &Resolver,
    ) -> Option<TcpDial> {
        let endpoints: Vec<Endpoint> = addresses
            .iter()
            .filter(|address| match self.reach.families {
                Families::Both => true,
                Families::V4 => address.is_ipv4(),
                Families::V6 => address.is_ipv6(),
            })
            .take(Limits::ADDRESSES)
            .map(|address| SocketAddr::new(*address, port).into())
            .collect();
        if endpoints.is_empty() {
            return None;
        }
        let tls = TlsAsk {
            host: Host::Name(host.to_owned()),
            identity: None,
            roots: Arc::clone(&self.roots),
        };
        Some(TcpDial::new(
            endpoints,
            self.reach,
            self.limits,
            resolver.deadline(),
            self.halt.clone(),
            Arc::clone(&self.sockets),
            Arc::new(tls),
        ))
    }
}
