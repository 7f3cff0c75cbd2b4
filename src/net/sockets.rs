//! How many sockets are in flight.
//!
//! A socket needs a place. Places are for sockets that something is going on at: one that waits for its peer alone costs a
//! file and little else, so after a while it moves over to the patient ones, as long as there is room among them, and its
//! place is free for another. Hosts that a firewall hides, or that accept and say nothing, keep nobody waiting that way.
//! Who hears from the peer at last goes on at once, whether a place is free or not; who wants to begin waits until they
//! are no more than there are places again.

use std::collections::{HashMap, HashSet};
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::net::TcpSocket;
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

use super::os;
use crate::plan::Limits;

/// How long a server has to see that a connection is closed, where it is to see only one.
const SETTLED: Duration = Duration::from_millis(100);

/// How long a check waits for files of this machine, when it is the only one left that could hold any.
const FILES: Duration = Duration::from_secs(1);

/// Addresses that the limits are kept for before those without a socket are forgotten.
const KNOWN_ADDRESSES: usize = 1024;

/// The limits on sockets in flight, in all and to one address; runs that share one keep them together.
#[derive(Debug)]
pub struct SocketLimits {
    places: Semaphore,
    /// How many places there are; fewer, once this machine had no files for as many.
    size: AtomicUsize,
    /// Places that were taken without being free: as many are not given back.
    owed: AtomicUsize,
    /// Room for sockets that only wait for their peer.
    patient: Semaphore,
    /// How many of these may be in a conversation: were all servers slow, each of them more would make them slower.
    silent: Semaphore,
    has_patience: bool,
    /// Checks that wait for their first socket.
    queued: AtomicUsize,
    /// Told when they become few.
    few_queued: Notify,
    per_address: usize,
    addresses: Mutex<HashMap<IpAddr, Arc<Semaphore>>>,
    /// Addresses that were dialled, where only one socket at a time may be.
    dialled: Mutex<HashSet<IpAddr>>,
}

/// The right to one socket.
#[derive(Debug)]
pub(super) struct Permit {
    limits: Arc<SocketLimits>,
    standing: Mutex<Standing>,
    _address: OwnedSemaphorePermit,
}

/// What a socket counts as.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Standing {
    /// It has a place.
    Placed,
    /// It waits for its peer.
    Patient,
    /// The same, in a conversation.
    Silent,
    /// Nothing any more: there were no files for it.
    Gone,
}

/// A check that waits for its first socket, until this is dropped.
#[derive(Debug)]
pub(super) struct Queued(Arc<SocketLimits>);

/// A permit, and the socket that it is for, where this machine gave one.
pub(super) type PermittedSocket = (Arc<Permit>, io::Result<TcpSocket>);

impl SocketLimits {
    /// One for so many sockets in all, and so many to one address; at least one of each.
    #[must_use]
    pub fn new(total: usize, per_address: usize) -> Arc<Self> {
        Self::with_patient(total, 0, per_address)
    }

    /// One for the sockets of a run.
    #[must_use]
    pub fn of(limits: &Limits) -> Arc<Self> {
        Self::with_patient(limits.jobs, limits.patient, limits.per_address)
    }

    /// The same, with room for so many more that only wait for their peer.
    #[must_use]
    fn with_patient(places: usize, patient: usize, per_address: usize) -> Arc<Self> {
        let places = places.clamp(1, Semaphore::MAX_PERMITS);
        Arc::new(Self {
            places: Semaphore::new(places),
            size: AtomicUsize::new(places),
            owed: AtomicUsize::new(0),
            patient: Semaphore::new(patient.min(Semaphore::MAX_PERMITS)),
            silent: Semaphore::new(patient.min(places)),
            has_patience: patient > 0,
            queued: AtomicUsize::new(0),
            few_queued: Notify::new(),
            per_address: per_address.clamp(1, Semaphore::MAX_PERMITS),
            addresses: Mutex::new(HashMap::new()),
            dialled: Mutex::new(HashSet::new()),
        })
    }

    /// A check more that waits for its first socket.
    pub(super) fn queue(self: &Arc<Self>) -> Queued {
        self.queued.fetch_add(1, Ordering::Relaxed);
        Queued(Arc::clone(self))
    }

    /// Waits until no more than so many checks wait for their first socket.
    pub async fn few_queued(&self, few: usize) {
        loop {
            let fewer = self.few_queued.notified();
            if self.queued.load(Ordering::Relaxed) <= few {
                return;
            }
            fewer.await;
        }
    }

    /// Waits its turn. The address comes first: who waits for a busy address takes nobody's turn.
    pub(super) async fn permit(self: &Arc<Self>, address: IpAddr) -> Option<Arc<Permit>> {
        let semaphore = {
            let mut addresses = self
                .addresses
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            // An exporter lives for weeks, and a list may be without end: addresses with no socket are forgotten.
            if addresses.len() >= KNOWN_ADDRESSES {
                addresses.retain(|_, semaphore| Arc::strong_count(semaphore) > 1);
            }
            let semaphore = addresses
                .entry(address)
                .or_insert_with(|| Arc::new(Semaphore::new(self.per_address)));
            Arc::clone(semaphore)
        };
        let address = semaphore.acquire_owned().await.ok()?;
        self.places.acquire().await.ok()?.forget();
        Some(Arc::new(Permit {
            limits: Arc::clone(self),
            standing: Mutex::new(Standing::Placed),
            _address: address,
        }))
    }

    /// A place is free again, unless one is owed.
    fn give_back_place(&self) {
        let less = |owed: usize| owed.checked_sub(1);
        let paid = self
            .owed
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, less);
        if paid.is_err() {
            self.places.add_permits(1);
        }
    }

    /// Gives back the room of one that waited; whether it did.
    fn wait_no_more(&self, standing: Standing) -> bool {
        let is_silent = standing == Standing::Silent;
        let has_waited = is_silent || standing == Standing::Patient;
        if has_waited {
            self.patient.add_permits(1);
        }
        if is_silent {
            self.silent.add_permits(1);
        }
        has_waited
    }

    /// Takes a place, free or not.
    fn take_place(&self) {
        match self.places.try_acquire() {
            Ok(place) => place.forget(),
            Err(_) => {
                self.owed.fetch_add(1, Ordering::Relaxed);
            }
        }
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
        self: &Arc<Self>,
        address: SocketAddr,
        held: Option<Arc<Permit>>,
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
            if !self.shrink(&permit) {
                let until = *alone_until.get_or_insert_with(|| Instant::now() + FILES);
                if until <= Instant::now() {
                    return Some((permit, opened));
                }
                tokio::time::sleep(FILES / 20).await;
                held = Some(permit);
            }
        }
    }

    /// Takes a right away for good, but not the last one; whether it is taken.
    fn shrink(&self, permit: &Permit) -> bool {
        let mut standing = permit.standing();
        let is_taken = match *standing {
            Standing::Placed => {
                let fewer = |size: usize| (size > 1).then(|| size - 1);
                let shrunk = self
                    .size
                    .fetch_update(Ordering::Relaxed, Ordering::Relaxed, fewer);
                shrunk.is_ok()
            }
            Standing::Patient | Standing::Silent | Standing::Gone => true,
        };
        if is_taken {
            *standing = Standing::Gone;
        }
        is_taken
    }
}

impl Permit {
    /// Whether a socket can wait without a place at all.
    pub(super) fn can_wait(&self) -> bool {
        self.limits.has_patience
    }

    /// Its peer has been silent for a while: the place is for another, where there is room to wait without one.
    pub(super) fn wait(&self) {
        let mut standing = self.standing();
        if *standing == Standing::Placed
            && let Ok(room) = self.limits.patient.try_acquire()
        {
            room.forget();
            self.limits.give_back_place();
            *standing = Standing::Patient;
        }
    }

    /// The same in a conversation.
    pub(super) fn wait_in_silence(&self) {
        let mut standing = self.standing();
        if *standing == Standing::Placed
            && let (Ok(room), Ok(silent)) = (
                self.limits.patient.try_acquire(),
                self.limits.silent.try_acquire(),
            )
        {
            room.forget();
            silent.forget();
            self.limits.give_back_place();
            *standing = Standing::Silent;
        }
    }

    /// Its peer has answered.
    pub(super) fn go_on(&self) {
        let mut standing = self.standing();
        if self.limits.wait_no_more(*standing) {
            self.limits.take_place();
            *standing = Standing::Placed;
        }
    }

    fn standing(&self) -> std::sync::MutexGuard<'_, Standing> {
        self.standing.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        match *self.standing() {
            Standing::Placed => self.limits.give_back_place(),
            Standing::Gone => {}
            waiting => {
                self.limits.wait_no_more(waiting);
            }
        }
    }
}

impl Drop for Queued {
    fn drop(&mut self) {
        self.0.queued.fetch_sub(1, Ordering::Relaxed);
        self.0.few_queued.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn there(last: u8) -> IpAddr {
        IpAddr::from([192, 0, 2, last])
    }

    #[tokio::test]
    async fn who_waits_for_its_peer_gives_its_place_away_and_gets_it_back_at_once() {
        let limits = SocketLimits::with_patient(1, 1, 24);
        let first = limits.permit(there(1)).await.expect("a place");
        first.wait();
        let second = limits
            .permit(there(2))
            .await
            .expect("the place of the first");
        // There is room for one: the second keeps its place.
        second.wait();
        first.go_on();
        drop(second);
        // The first has taken a place that was not there, and the second has paid for it.
        assert_eq!(limits.places.available_permits(), 0);
        drop(first);
        assert_eq!(limits.places.available_permits(), 1);
        assert_eq!(limits.patient.available_permits(), 1);
    }
}
