//! TCP: one dial races the addresses it was given (RFC 8305) and keeps the limits on sockets.

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use tokio::net::{TcpSocket, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::bounds::{Bounds, Halt, Interruption};
use super::os;
use super::session::{Dial, Record, Session};
use super::tls::TlsAsk;
use crate::facts::Text;
use crate::observation::{Attempt, Cause, Failure, Stage, State};
use crate::plan::Limits;

/// How long an address has before the next one is tried beside it (RFC 8305 §5).
const STAGGER: Duration = Duration::from_millis(250);

/// How long a check waits for files of this machine, when it is the only one left that could hold any.
const FILES: Duration = Duration::from_secs(1);

/// Keeps the limits on sockets, for all checks of a run.
#[derive(Debug)]
pub struct Gate {
    total: Arc<Semaphore>,
    /// Sockets in all; fewer, once this machine had no files for as many.
    size: AtomicUsize,
    per_address: usize,
    addresses: Mutex<HashMap<IpAddr, Arc<Semaphore>>>,
}

/// The right to one socket.
#[derive(Debug)]
struct Pass {
    total: OwnedSemaphorePermit,
    _address: OwnedSemaphorePermit,
}

/// The right to a socket, and the socket, where there is one.
type Place = (Pass, io::Result<TcpSocket>);

impl Gate {
    /// One for so many sockets in all, and so many to one address; at least one of each.
    #[must_use]
    pub fn new(total: usize, per_address: usize) -> Arc<Self> {
        let total = total.clamp(1, Semaphore::MAX_PERMITS);
        Arc::new(Self {
            total: Arc::new(Semaphore::new(total)),
            size: AtomicUsize::new(total),
            per_address: per_address.clamp(1, Semaphore::MAX_PERMITS),
            addresses: Mutex::new(HashMap::new()),
        })
    }

    /// Waits its turn. The address comes first: who waits for a busy address takes nobody's place.
    async fn pass(&self, address: IpAddr) -> Option<Pass> {
        let semaphore = Arc::clone(
            self.addresses
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .entry(address)
                .or_insert_with(|| Arc::new(Semaphore::new(self.per_address))),
        );
        let address = semaphore.acquire_owned().await.ok()?;
        let total = Arc::clone(&self.total).acquire_owned().await.ok()?;
        Some(Pass {
            total,
            _address: address,
        })
    }

    /// Waits its turn, unless it has come, and opens a socket. Where this machine has no files left there is one socket
    /// fewer from then on, and whoever wanted it waits for another.
    async fn socket(&self, address: SocketAddr, held: Option<Pass>) -> Option<Place> {
        let mut held = held;
        let mut alone_until = None;
        loop {
            let pass = match held.take() {
                Some(pass) => pass,
                None => self.pass(address.ip()).await?,
            };
            let opened = match address {
                SocketAddr::V4(_) => TcpSocket::new_v4(),
                SocketAddr::V6(_) => TcpSocket::new_v6(),
            };
            if !opened.as_ref().is_err_and(os::is_out_of_resources) {
                return Some((pass, opened));
            }
            if let Err(last) = self.shrink(pass) {
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
    fn shrink(&self, pass: Pass) -> Result<(), Pass> {
        let fewer = |size: usize| (size > 1).then(|| size - 1);
        let shrunk = self
            .size
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, fewer);
        if shrunk.is_err() {
            return Err(pass);
        }
        pass.total.forget();
        Ok(())
    }
}

/// Dials the addresses of one check.
#[derive(Debug)]
pub struct TcpDial {
    addresses: Vec<SocketAddr>,
    source: Option<IpAddr>,
    limits: Limits,
    deadline: Option<Instant>,
    halt: Halt,
    gate: Arc<Gate>,
    tls: Arc<TlsAsk>,
    /// When the check began: with its first socket, not while it waited for one.
    began: OnceLock<Instant>,
    /// The right to the socket of the present connection; the next one goes to the same address and uses it again.
    pass: Mutex<Option<Pass>>,
}

impl TcpDial {
    /// For a check of these addresses, the preferred one first.
    #[must_use]
    pub fn new(
        addresses: Vec<SocketAddr>,
        source: Option<IpAddr>,
        limits: Limits,
        deadline: Option<Instant>,
        halt: Halt,
        gate: Arc<Gate>,
        tls: Arc<TlsAsk>,
    ) -> Self {
        Self {
            addresses,
            source,
            limits,
            deadline,
            halt,
            gate,
            tls,
            began: OnceLock::new(),
            pass: Mutex::new(None),
        }
    }

    /// The bounds of the next connection; the first leaves time for a second.
    fn bounds(&self, connection: u8) -> Bounds {
        let began = *self.began.get_or_init(Instant::now);
        let kept_back = if connection > 1 {
            Duration::ZERO
        } else {
            self.limits.kept_back()
        };
        Bounds {
            limits: self.limits,
            until: began + self.limits.check.saturating_sub(kept_back),
            deadline: self.deadline,
            halt: self.halt.clone(),
        }
    }

    /// Waits for a socket. The first one has no bound of its own: nothing has begun yet. One after a dial
    /// that failed has what is left of the check.
    async fn turn(&self, address: SocketAddr) -> Result<Place, Cause> {
        let held = self.keep(None);
        let mut halt = self.halt.clone();
        let end = self.began.get().map(|began| *began + self.limits.check);
        tokio::select! {
            biased;
            () = halt.said() => Err(Cause::Interrupted),
            () = come(self.deadline) => Err(Cause::Deadline),
            () = come(end) => Err(Cause::Filtered),
            place = self.gate.socket(address, held) => place.ok_or(Cause::Internal),
        }
    }

    fn keep(&self, pass: Option<Pass>) -> Option<Pass> {
        std::mem::replace(
            &mut *self.pass.lock().unwrap_or_else(PoisonError::into_inner),
            pass,
        )
    }
}

/// Waits for a moment that there may not be.
async fn come(moment: Option<Instant>) {
    match moment {
        Some(moment) => tokio::time::sleep_until(moment).await,
        None => std::future::pending().await,
    }
}

impl Dial for TcpDial {
    type Stream = TcpStream;

    async fn dial<'a>(&'a self, record: &'a mut Record) -> Result<Session<'a, TcpStream>, Failure> {
        let addresses = match record.address() {
            Some(answered) => vec![answered],
            None => self.addresses.clone(),
        };
        let fail = |record: &mut Record, cause, detail| {
            record.close_step();
            Failure {
                stage: Stage::Connect,
                cause,
                detail,
            }
        };
        let Some(first) = addresses.first().copied() else {
            return Err(fail(record, Cause::NameWithoutAddress, None));
        };
        let place = match self.turn(first).await {
            Ok(place) => place,
            Err(cause) => return Err(fail(record, cause, None)),
        };
        record.enter(Stage::Connect);
        let mut bounds = self.bounds(record.connection());
        let mut race = Race::new(addresses, self.source, Arc::clone(&self.gate), place);
        // Each attempt keeps the patience of a dial by itself; the race as a whole ends with the check.
        race.start(bounds.limits.connect);
        let won = match bounds.bounded(bounds.limits.check, race.run()).await {
            Ok(won) => won,
            Err(Interruption::Patience) => {
                race.expire();
                None
            }
            Err(over) => return Err(fail(record, over.cause(Cause::Filtered), None)),
        };
        let Some(won) = won else {
            let lost = race.told();
            record.connected(lost.state, lost.address, None, race.attempts());
            return Err(fail(record, lost.cause, lost.detail));
        };
        self.keep(Some(won.pass));
        // What is said here is short and waits for an answer.
        let _ = won.stream.set_nodelay(true);
        let local = won.stream.local_addr().ok();
        record.connected(State::Open, won.address, local, race.attempts());
        Ok(Session::new(
            won.stream,
            record,
            bounds,
            Arc::clone(&self.tls),
        ))
    }
}

/// Several addresses, each a little later than the one before; the first that answers wins.
struct Race {
    waiting: std::vec::IntoIter<SocketAddr>,
    running: JoinSet<Result<Won, Lost>>,
    entries: Vec<Entry>,
    source: Option<IpAddr>,
    gate: Arc<Gate>,
    first_place: Option<Place>,
    end: Instant,
}

struct Entry {
    address: SocketAddr,
    /// When it was dialled: it may have to wait for its socket.
    begun: Arc<OnceLock<Instant>>,
    took: Option<Duration>,
    lost: Option<Lost>,
}

#[derive(Clone, Debug)]
struct Lost {
    address: SocketAddr,
    state: State,
    cause: Cause,
    detail: Option<Text>,
}

struct Won {
    stream: TcpStream,
    address: SocketAddr,
    pass: Pass,
}

impl Race {
    fn new(
        addresses: Vec<SocketAddr>,
        source: Option<IpAddr>,
        gate: Arc<Gate>,
        first_place: Place,
    ) -> Self {
        Self {
            waiting: addresses.into_iter(),
            running: JoinSet::new(),
            entries: Vec::new(),
            source,
            gate,
            first_place: Some(first_place),
            end: Instant::now(),
        }
    }

    /// Begins with the first address; the race is over after so long, the time aside that an attempt waits for a
    /// socket.
    fn start(&mut self, patience: Duration) {
        self.end = Instant::now() + patience;
        self.start_next();
    }

    /// Runs until one has won or all have lost.
    async fn run(&mut self) -> Option<Won> {
        loop {
            let next_start = async {
                if self.waiting.as_slice().is_empty() {
                    std::future::pending::<()>().await;
                }
                tokio::time::sleep(STAGGER).await;
            };
            tokio::select! {
                biased;
                ended = self.running.join_next() => match ended {
                    Some(Ok(Ok(won))) => {
                        self.end(won.address, None);
                        return Some(won);
                    }
                    Some(Ok(Err(lost))) => {
                        self.end(lost.address, Some(lost));
                        self.start_next();
                    }
                    Some(Err(_)) => self.start_next(),
                    None => return None,
                },
                () = next_start => self.start_next(),
            }
        }
    }

    fn start_next(&mut self) {
        let asked = Instant::now();
        if asked >= self.end {
            self.waiting = Vec::new().into_iter();
        }
        let Some(address) = self.waiting.next() else {
            return;
        };
        let place = self.first_place.take();
        let begun = Arc::new(OnceLock::new());
        if place.is_some() {
            let _ = begun.set(asked);
        }
        self.entries.push(Entry {
            address,
            begun: Arc::clone(&begun),
            took: None,
            lost: None,
        });
        let source = self.source;
        let gate = Arc::clone(&self.gate);
        let patience = self.end - asked;
        self.running.spawn(async move {
            let place = match place {
                Some(place) => Some(place),
                None => gate.socket(address, None).await,
            };
            begun.get_or_init(Instant::now);
            let lost = |state, cause| Lost {
                address,
                state,
                cause,
                detail: None,
            };
            let Some((pass, socket)) = place else {
                return Err(lost(State::Blocked, Cause::Internal));
            };
            // Its time begins with its socket: a run that waits for sockets must not call anything filtered that was
            // never asked.
            match tokio::time::timeout(patience, connect(socket, address, source)).await {
                Ok(Ok(stream)) => Ok(Won {
                    stream,
                    address,
                    pass,
                }),
                Ok(Err(lost)) => Err(lost),
                Err(_) => Err(lost(State::Filtered, Cause::Filtered)),
            }
        });
    }

    fn end(&mut self, address: SocketAddr, lost: Option<Lost>) {
        if let Some(entry) = self
            .entries
            .iter_mut()
            .find(|entry| entry.address == address)
        {
            entry.took = Some(entry.elapsed());
            entry.lost = lost;
        }
    }

    /// The check is over: those that were dialled were not answered.
    fn expire(&mut self) {
        self.running.abort_all();
        for entry in &mut self.entries {
            if entry.took.is_none() && entry.begun.get().is_some() {
                entry.took = Some(entry.elapsed());
                entry.lost = Some(Lost {
                    address: entry.address,
                    state: State::Filtered,
                    cause: Cause::Filtered,
                    detail: None,
                });
            }
        }
    }

    fn attempts(&self) -> Vec<Attempt> {
        self.entries
            .iter()
            .map(|entry| Attempt {
                address: entry.address,
                state: match (&entry.lost, entry.took) {
                    (Some(lost), _) => Some(lost.state),
                    (None, Some(_)) => Some(State::Open),
                    (None, None) => None,
                },
                took: entry.took.unwrap_or_else(|| entry.elapsed()),
            })
            .collect()
    }

    /// The loss that says most of the host: an answer before silence, silence before this machine's own troubles.
    fn told(&self) -> Lost {
        let weight = |lost: &Lost| match lost.state {
            State::Closed => 0,
            State::Filtered => 1,
            State::Unreachable => 2,
            _ => 3,
        };
        self.entries
            .iter()
            .filter_map(|entry| entry.lost.clone())
            .min_by_key(weight)
            .unwrap_or_else(|| Lost {
                address: SocketAddr::from(([0, 0, 0, 0], 0)),
                state: State::Blocked,
                cause: Cause::Internal,
                detail: None,
            })
    }
}

impl Entry {
    fn elapsed(&self) -> Duration {
        self.begun.get().map_or(Duration::ZERO, Instant::elapsed)
    }
}

async fn connect(
    socket: io::Result<TcpSocket>,
    address: SocketAddr,
    source: Option<IpAddr>,
) -> Result<TcpStream, Lost> {
    let lost = |(state, cause, detail): (State, Cause, Text)| Lost {
        address,
        state,
        cause,
        detail: Some(detail),
    };
    let classify = |error: &io::Error| os::classify(error, address, source);
    let socket = socket.map_err(|error| lost(classify(&error)))?;
    if let Some(source) = source {
        if source.is_ipv4() != address.is_ipv4() {
            return Err(Lost {
                address,
                state: State::Blocked,
                cause: Cause::SourceUnusable,
                detail: Some("the source address is of the other family".into()),
            });
        }
        socket
            .bind(SocketAddr::new(source, 0))
            .map_err(|error| lost(os::classify_bind(&error)))?;
    }
    socket
        .connect(address)
        .await
        .map_err(|error| lost(classify(&error)))
}
