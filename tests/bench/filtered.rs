//! Ports of loopback that do not answer, and ports that refuse.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::time::Duration;

use socket2::{Domain, Socket, Type};

/// Ports that stay as they are until this is dropped.
pub(crate) struct Ports {
    sockets: Vec<(Socket, SocketAddr)>,
    queued: Vec<TcpStream>,
}

impl Ports {
    pub(crate) fn numbers(&self) -> Vec<u16> {
        self.sockets
            .iter()
            .map(|(_, address)| address.port())
            .collect()
    }
}

/// Ports that drop what comes, as behind a firewall: they listen, but their queue is full and nobody accepts. `None`
/// where the system answers even so.
pub(crate) fn filtered_ports(count: usize) -> io::Result<Option<Ports>> {
    let mut ports = closed_ports(count)?;
    for (socket, address) in &ports.sockets {
        socket.listen(0)?;
        let Some(queued) = fill(*address)? else {
            return Ok(None);
        };
        ports.queued.extend(queued);
    }
    Ok(Some(ports))
}

/// Ports that refuse: bound, so that nobody else gets them, and not listening.
pub(crate) fn closed_ports(count: usize) -> io::Result<Ports> {
    let mut sockets = Vec::with_capacity(count);
    for _ in 0..count {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
        socket.bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, 0)).into())?;
        let address = socket
            .local_addr()?
            .as_socket()
            .ok_or(io::ErrorKind::AddrNotAvailable)?;
        sockets.push((socket, address));
    }
    Ok(Ports {
        sockets,
        queued: Vec::new(),
    })
}

/// Fills a queue until a connect is not answered any more.
fn fill(address: SocketAddr) -> io::Result<Option<Vec<TcpStream>>> {
    /// On loopback an answer takes microseconds.
    const PATIENCE: Duration = Duration::from_millis(200);
    /// Systems have their own idea of a queue of 0.
    const LONGEST_QUEUE: usize = 16;
    let mut queued = Vec::new();
    while queued.len() < LONGEST_QUEUE {
        match TcpStream::connect_timeout(&address, PATIENCE) {
            Ok(stream) => queued.push(stream),
            Err(error) if error.kind() == io::ErrorKind::TimedOut => return Ok(Some(queued)),
            Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => return Ok(None),
            Err(error) => return Err(error),
        }
    }
    Ok(None)
}
