//! # simulate: the stand-in server
//!
//! Listens on loopback and serves all twelve ports, and Exchange's virtual directories behind 443, as Exchange, Exchange
//! Online, a domain controller and Windows do, with their own texts, a certificate made at start, and [faults](Fault) to order. It is what `exchports demo` checks, and what people
//! who write scripts and alerts can run where there is no mail server.
//!
//! It must not: listen beyond loopback unless its address is set to something else, take mail, ask for or look at
//! credentials, store or forward anything, wait without bound, log. What it says is literal bytes (the directory's
//! answers, whose length depends on the question, have their own writer): it never uses the encoders of `wire`, so that
//! a mistake there cannot hide itself. It reads the clock, in one file, for certificates, greetings and `currentTime`.
//!
//! Start reading at [`start`], then [`faults`](Fault), then `listen.rs` (one port), `conversation.rs` (one connection),
//! `handshake.rs` (its upgrade to TLS), and `smtp.rs` as the first of the protocols.

mod certificates;
mod conversation;
mod dates;
mod extent;
mod faults;
mod handshake;
mod http;
mod imap;
mod ldap;
mod listen;
mod pop3;
mod port;
mod rdp;
mod served;
mod smtp;
mod staged;
mod visibility;

pub use certificates::CertificateError;
pub use faults::{FAULTS, Fault, FaultRow};
pub use staged::{FaultError, Staged};

use crate::catalog::{Role, SERVICES, ServiceId};
use certificates::{Authorities, TARGET};
use port::{Machine, Port, is_staged};
use served::{is_served, port_of};
use std::io::{self, Write as _};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::Path;
use std::sync::{Arc, Mutex};
use tempfile::TempPath;
use tokio::net::TcpSocket;
use tokio::task::JoinSet;

/// Connections that the system may keep waiting on one port.
const BACKLOG: u32 = 1024;

/// What is to be served.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Settings {
    /// What kind of host it plays: what is required or optional there is served, every other port is closed, and every
    /// other virtual directory is not found.
    pub role: Role,
    /// What is wrong with it.
    pub faults: Vec<Staged>,
    /// Where it listens. Loopback, unless someone else is meant to reach it.
    pub address: IpAddr,
    /// On which ports.
    pub ports: Ports,
    /// Ports of single services, whatever [`Settings::ports`] says; 0 is any free one. The last one counts.
    pub port_map: Vec<(ServiceId, u16)>,
    /// Where its authority's certificate is kept.
    pub authority: Authority,
}

/// Where the certificate of the authority is kept, which has signed all others.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Authority {
    /// In a temporary file too, for other programs.
    #[default]
    File,
    /// In memory only: nothing is written.
    Memory,
}

/// Which ports are listened on.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Ports {
    /// Any that are free.
    #[default]
    Ephemeral,
    /// This number plus the catalog's port: 10000 gives 10025, 10080, …; 0 gives the real ones.
    Base(u16),
}

/// A running stand-in server. It stops, and its CA file goes, when it is [stopped](Simulation::stop) or dropped.
#[derive(Debug)]
pub struct Simulation {
    role: Role,
    endpoints: Vec<(ServiceId, SocketAddr)>,
    listening: Vec<ServiceId>,
    ca_pem: String,
    ca_file: Option<TempPath>,
    tasks: JoinSet<()>,
    /// Bound, so that nobody else gets the port, and not listening, so that connections are refused.
    _closed: Vec<TcpSocket>,
}

/// Why the stand-in server could not be started.
#[derive(Debug, thiserror::Error)]
pub enum SimulateError {
    /// A port is taken, needs privileges, or the address is not this machine's.
    #[error("{service} cannot listen on {address}: {source}")]
    Bind {
        /// The service.
        service: ServiceId,
        /// Where it was to listen.
        address: SocketAddr,
        /// The system's reason.
        source: io::Error,
    },
    /// The base port leaves no room for a service's own.
    #[error(
        "base port {base} is too high: {service} would listen on {base} + {} (the highest base is {})",
        service.row().port,
        u16::MAX - service.row().port
    )]
    BaseTooHigh {
        /// The base asked for.
        base: u16,
        /// The service with the highest port.
        service: ServiceId,
    },
    /// Two services were given one port.
    #[error("{first} and {second} cannot both listen on port {port}")]
    SamePort {
        /// One of them.
        first: ServiceId,
        /// The other.
        second: ServiceId,
        /// The port.
        port: u16,
    },
    /// A fault that nobody would see.
    #[error(transparent)]
    Fault(#[from] FaultError),
    /// The certificates could not be made.
    #[error("certificates cannot be made: {0}")]
    Certificate(#[from] CertificateError),
    /// The CA file could not be written.
    #[error("the CA file cannot be written to {}: {source}", folder.display())]
    CaFile {
        /// The folder for temporary files.
        folder: std::path::PathBuf,
        /// The system's reason.
        source: io::Error,
    },
}

/// Starts the stand-in server; when this returns, every port that is to listen does.
///
/// It runs on the tokio runtime that it is called in, which needs its I/O and time drivers.
///
/// # Errors
///
/// When a fault could not be seen, when a port cannot be had (see [`SimulateError`]), or the CA file cannot be written. Nothing listens then.
#[expect(
    clippy::unused_async,
    reason = "it spawns: an async function cannot be called outside a runtime"
)]
pub async fn start(settings: Settings) -> Result<Simulation, SimulateError> {
    visibility::check(&settings.faults, settings.role)?;
    let plan = ports(&settings)?;
    let mut authorities = Authorities::new(settings.address)?;
    let machine = Machine::of(settings.role);

    let staged: Arc<[Staged]> = settings.faults.as_slice().into();
    let mut endpoints = Vec::new();
    let mut served = Vec::new();
    let mut closed = Vec::new();
    for (service, port) in plan {
        let has = |fault| is_staged(&staged, service, fault);
        let address = SocketAddr::new(settings.address, port);
        let failed = |source| SimulateError::Bind {
            service,
            address,
            source,
        };
        let socket = bind(address).map_err(failed)?;
        endpoints.push((service, socket.local_addr().map_err(failed)?));
        if is_served(settings.role, service) && !has(Fault::Refused) {
            let port = Port {
                service,
                role: settings.role,
                machine,
                staged: Arc::clone(&staged),
                tls: authorities.handshake(service, machine, has)?,
                turned_away: Mutex::default(),
            };
            served.push((port, socket.listen(BACKLOG).map_err(failed)?));
        } else {
            closed.push(socket);
        }
    }

    let ca_pem = authorities.pem();
    let ca_file = match settings.authority {
        Authority::File => Some(write_ca_file(&ca_pem)?),
        Authority::Memory => None,
    };
    let mut listening = Vec::new();
    let mut tasks = JoinSet::new();
    for (port, listener) in served {
        listening.push(port.service);
        tasks.spawn(Arc::new(port).serve(listener));
    }
    Ok(Simulation {
        role: settings.role,
        endpoints,
        listening,
        ca_pem,
        ca_file,
        tasks,
        _closed: closed,
    })
}

impl Default for Settings {
    /// All twelve, healthy, on free ports of 127.0.0.1.
    fn default() -> Self {
        Self {
            role: Role::Any,
            faults: Vec::new(),
            address: Ipv4Addr::LOCALHOST.into(),
            ports: Ports::Ephemeral,
            port_map: Vec::new(),
            authority: Authority::File,
        }
    }
}

impl Simulation {
    /// Where each of the twelve is, or would be, in the catalog's order. Those that are closed, by role or by the fault
    /// `refused`, have an address too: their port is taken, so that nobody else answers there, and refuses.
    #[must_use]
    pub fn endpoints(&self) -> &[(ServiceId, SocketAddr)] {
        &self.endpoints
    }

    /// Whether a service listens; one that lives behind 443 does when 443 listens and the role has its directory.
    #[must_use]
    pub fn listens(&self, service: ServiceId) -> bool {
        is_served(self.role, service) && self.listening.contains(&port_of(service))
    }

    /// Where a service is, or would be; one that lives behind 443 is there.
    #[must_use]
    pub fn endpoint(&self, service: ServiceId) -> Option<SocketAddr> {
        self.endpoints
            .iter()
            .find(|(id, _)| *id == port_of(service))
            .map(|(_, address)| *address)
    }

    /// The authority that has signed the certificates, as PEM.
    #[must_use]
    pub fn ca_pem(&self) -> &str {
        &self.ca_pem
    }

    /// A file with [`Simulation::ca_pem`], under an unguessable name in the folder for temporary files; removed on drop.
    /// None with [`Authority::Memory`].
    #[must_use]
    pub fn ca_file(&self) -> Option<&Path> {
        self.ca_file.as_deref()
    }

    /// The name that the certificates are made out to.
    #[must_use]
    pub fn target(&self) -> &'static str {
        TARGET
    }

    /// What `exchports check` needs to look here and nowhere else: target, address, CA file, role unless it is `any`,
    /// and the port of each of the twelve; the web services follow the one of `https`.
    #[must_use]
    pub fn check_arguments(&self) -> Vec<String> {
        let mut arguments = vec![TARGET.to_owned()];
        if let Some((_, endpoint)) = self.endpoints.first() {
            arguments.extend([
                "--address".to_owned(),
                reached_at(endpoint.ip()).to_string(),
            ]);
        }
        if let Some(file) = self.ca_file() {
            arguments.extend(["--ca-file".to_owned(), file.display().to_string()]);
        }
        arguments.extend(["--role".to_owned(), self.role.as_str().to_owned()]);
        for (service, endpoint) in &self.endpoints {
            arguments.extend(["--map".to_owned(), format!("{service}={}", endpoint.port())]);
        }
        arguments
    }

    /// Stops: when this returns nothing listens any more, conversations are cut off and the CA file is gone.
    pub async fn stop(mut self) {
        self.tasks.shutdown().await;
    }
}

/// Every service with its port, 0 for any.
fn ports(settings: &Settings) -> Result<Vec<(ServiceId, u16)>, SimulateError> {
    let mut plan: Vec<(ServiceId, u16)> = Vec::new();
    // From the highest port down, so that the first that does not fit says how high a base may be.
    for row in SERVICES.iter().rev() {
        let mapped = settings
            .port_map
            .iter()
            .rev()
            .find(|(service, _)| *service == row.id)
            .map(|(_, port)| *port);
        let port = match (mapped, settings.ports) {
            (Some(port), _) => port,
            (None, Ports::Ephemeral) => 0,
            (None, Ports::Base(base)) => {
                base.checked_add(row.port)
                    .ok_or(SimulateError::BaseTooHigh {
                        service: row.id,
                        base,
                    })?
            }
        };
        if let Some((other, _)) = plan.iter().find(|(_, taken)| port != 0 && *taken == port) {
            return Err(SimulateError::SamePort {
                first: row.id,
                second: *other,
                port,
            });
        }
        plan.push((row.id, port));
    }
    plan.reverse();
    Ok(plan)
}

fn bind(address: SocketAddr) -> io::Result<TcpSocket> {
    let socket = match address {
        SocketAddr::V4(_) => TcpSocket::new_v4(),
        SocketAddr::V6(_) => TcpSocket::new_v6(),
    }?;
    // On Unix it lets a port be taken again whose last connections still linger. On Windows it would let it be shared
    // with a stranger, and with a free port it would let the system choose one that is only bound.
    if cfg!(unix) && address.port() != 0 {
        socket.set_reuseaddr(true)?;
    }
    socket.bind(address)?;
    Ok(socket)
}

fn write_ca_file(pem: &str) -> Result<TempPath, SimulateError> {
    let write = || -> io::Result<TempPath> {
        let mut file = tempfile::Builder::new()
            .prefix("exchports-ca-")
            .suffix(".pem")
            .tempfile()?;
        file.write_all(pem.as_bytes())?;
        // Closed, so that Windows lets everybody open it.
        Ok(file.into_temp_path())
    };
    write().map_err(|source| SimulateError::CaFile {
        folder: std::env::temp_dir(),
        source,
    })
}

/// What to dial for an address that was listened on: "all of them" is no destination.
fn reached_at(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(v4) if v4.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(v6) if v6.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        other => other,
    }
}
