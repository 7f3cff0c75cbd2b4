//! How many sockets are in flight.

use std::collections::{HashMap, HashSet};
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::net::TcpSocket;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

use super::os;

/// How long a server has to see that a connection is closed, where it is to see only one.
const SETTLED: Duration = Duration::from_millis(100);

/// How long a check waits for files of this machine, when it is the only one left that could hold any.
const FILES: Duration = Duration::from_secs(1);

/// Addresses that the limits are kept for before those without a socket are forgotten.
const KNOWN_ADDRESSES: usize = 1024;

/// The limits on sockets in flight, in all and to one address; runs that share one keep them together.
#[derive(Debug)]
pub struct SocketLimits {
    total: Arc<Semaphore>,
    /// Sockets in all; fewer, once this machine had no files for as many.
    size: AtomicUsize,
    per_address: usize,
    addresses: Mutex<HashMap<IpAddr, Arc<Semaphore>>>,
    /// Addresses that were dialled, where only one socket at a time may be.
    dialled: Mutex<HashSet<IpAddr>>,
}

/// The right to one socket.
#[derive(Debug)]
pub(super) struct Permit {
    total: OwnedSemaphorePermit,
    _address: OwnedSemaphorePermit,
}

/// A permit, and the socket that it is for, where this machine gave one.
pub(super) type PermittedSocket = (Permit, io::Result<TcpSocket>);

impl SocketLimits {
    /// One for so many sockets in all, and so many to one address; at least one of each.
    #[must_use]
    pub fn new(total: usize, per_address: usize) -> Arc<Self> {
        let total = total.clamp(1, Semaphore::MAX_PERMITS);
        Arc::new(Self {
            total: Arc::new(Semaphore::new(total)),
            size: AtomicUsize::new(total),
            per_address: per_address.clamp(1, Semaphore::MAX_PERMITS),
            addresses: Mutex::new(HashMap::new()),
            dialled: Mutex::new(HashSet::new()),
        })
    }

    /// Waits its turn. The address comes first: who waits for a busy address takes nobody's turn.
    async fn permit(&self, address: IpAddr) -> Option<Permit> {
        let semaphore = {
            let mut addresses = self
                .addresses
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            // An exporter lives for weeks: addresses with no socket are forgotten.
            if addresses.len() >= KNOWN_ADDRESSES {
                addresses.retain(|_, semaphore| Arc::strong_count(semaphore) > 1);
            }
            let semaphore = addresses
                .entry(address)
                .or_insert_with(|| Arc::new(Semaphore::new(self.per_address)));
            Arc::clone(semaphore)
        };
        let address = semaphore.acquire_owned().await.ok()?;
        let total = Arc::clone(&self.total).acquire_owned().await.ok()?;
        Some(Permit {
            total,
            _address: address,
        })
    }

    /// Where only one socket to an address may be, the server gets a moment to see that the last one is closed: one at a
    /// time is meant as it counts.
    async fn settle(&self, address: IpAddr) {
        if self.per_address > 1 {
            return;
        }
        let is_first = self
            .dialled
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(address);
        if !is_first {
            tokio::time::sleep(SETTLED).await;
        }
    }

    /// Waits its turn, unless it has come, and opens a socket. Where this machine has no files left there is one socket
    /// fewer from then on, and whoever wanted it waits for another.
    pub(super) async fn socket(
        &self,
        address: SocketAddr,
        held: Option<Permit>,
    ) -> Option<PermittedSocket> {
        let mut held = held;
        let mut alone_until = None;
        loop {
            let permit = match held.take() {
                Some(permit) => permit,
                None => self.permit(address.ip()).await?,
            };
            self.settle(address.ip()).await;
            let opened = match address {
                SocketAddr::V4(_) => TcpSocket::new_v4(),
                SocketAddr::V6(_) => TcpSocket::new_v6(),
            };
            if !opened.as_ref().is_err_and(os::is_out_of_resources) {
                return Some((permit, opened));
            }
            if let Err(last) = self.shrink(permit) {
                let until = *alone_until.get_or_insert_with(|| Instant::now() + FILES);
                if until <= Instant::now() {
                    return Some((last, opened));
                }
                tokio::time::sleep(FILES / 20).await;
                held = Some(last);
            }
        }
    }

    /// Takes a right away for good; the last one is given back.
    fn shrink(&self, permit: Permit) -> Result<(), Permit> {
        let fewer = |size: usize| (size > 1).then(|| size - 1);
        let shrunk = self
            .size
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, fewer);
        if shrunk.is_err() {
            return Err(permit);
        }
        permit.total.forget();
        Ok(())
    }
}
