//! TCP: one dial races the endpoints it was given (RFC 8305) and keeps the limits on sockets.
//!
//! Each has a [`Route`]. What a proxy is asked, once its connection is made, belongs into [`connect`].

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use tokio::net::{TcpSocket, TcpStream};
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::bounds::{Bounds, Halt, Interruption};
use super::os;
use super::session::{Dial, Record, Session};
use super::sockets::{Permit, PermittedSocket, SocketLimits};
use super::tls::TlsAsk;
use crate::facts::Text;
use crate::observation::{Attempt, Cause, Failure, Stage, State};
use crate::plan::{Endpoint, Limits, Reach};

/// How long an address has before the next one is tried beside it (RFC 8305 §5).
const STAGGER: Duration = Duration::from_millis(250);

/// Dials the endpoints of one check.
#[derive(Debug)]
pub struct TcpDial {
    endpoints: Vec<Endpoint>,
    reach: Reach,
    limits: Limits,
    deadline: Option<Instant>,
    halt: Halt,
    sockets: Arc<SocketLimits>,
    tls: Arc<TlsAsk>,
    /// When the check began: with its first socket, not while it waited for one.
    began: OnceLock<Instant>,
    /// The right to the socket of the present connection; the next one goes the same way and uses it again.
    permit: Mutex<Option<Permit>>,
}

impl TcpDial {
    /// For a check of these endpoints, the preferred one first.
    #[must_use]
    pub fn new(
        endpoints: Vec<Endpoint>,
        reach: Reach,
        limits: Limits,
        deadline: Option<Instant>,
        halt: Halt,
        sockets: Arc<SocketLimits>,
        tls: Arc<TlsAsk>,
    ) -> Self {
        Self {
            endpoints,
            reach,
            limits,
            deadline,
            halt,
            sockets,
            tls,
            began: OnceLock::new(),
            permit: Mutex::new(None),
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
    async fn turn(&self, hop: SocketAddr) -> Result<PermittedSocket, Cause> {
        let held = self.keep(None);
        let mut halt = self.halt.clone();
        let end = self.began.get().map(|began| *began + self.limits.check);
        tokio::select! {
            biased;
            () = halt.said() => Err(Cause::Interrupted),
            () = come(self.deadline) => Err(Cause::Deadline),
            () = come(end) => Err(Cause::Filtered),
            socket = self.sockets.socket(hop, held) => socket.ok_or(Cause::Internal),
        }
    }

    /// The ways to an endpoint that there are: one that answered before, or all of them.
    fn routes(&self, answered: Option<SocketAddr>) -> Vec<Route> {
        match answered {
            Some(address) => Route::to(&Endpoint::Address(address)).into_iter().collect(),
            None => self.endpoints.iter().filter_map(Route::to).collect(),
        }
    }

    fn keep(&self, permit: Option<Permit>) -> Option<Permit> {
        std::mem::replace(
            &mut *self.permit.lock().unwrap_or_else(PoisonError::into_inner),
            permit,
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
        let routes = self.routes(record.address());
        let fail = |record: &mut Record, cause, detail| {
            record.close_step();
            Failure {
                stage: Stage::Connect,
                cause,
                detail,
            }
        };
        let Some(first) = routes.first().map(|route| route.hop) else {
            return Err(fail(record, Cause::NameWithoutAddress, None));
        };
        let socket = match self.turn(first).await {
            Ok(socket) => socket,
            Err(cause) => return Err(fail(record, cause, None)),
        };
        record.enter(Stage::Connect);
        let mut bounds = self.bounds(record.connection());
        let mut race = Race::new(routes, self.reach.source, Arc::clone(&self.sockets), socket);
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
            record.connected(lost.state, lost.endpoint.address(), None, race.attempts());
            return Err(fail(record, lost.cause, lost.detail));
        };
        self.keep(Some(won.permit));
        // What is said here is short and waits for an answer.
        let _ = won.stream.set_nodelay(true);
        let local = won.stream.local_addr().ok();
        record.connected(State::Open, won.endpoint.address(), local, race.attempts());
        Ok(Session::new(
            won.stream,
            record,
            bounds,
            Arc::clone(&self.tls),
        ))
    }
}

/// The way to an endpoint.
#[derive(Clone, Debug)]
struct Route {
    endpoint: Endpoint,
    /// Where the socket is connected to: the endpoint's own address; the proxy's, behind one.
    hop: SocketAddr,
}

impl Route {
    /// None leads to a name without a proxy that looks it up.
    fn to(endpoint: &Endpoint) -> Option<Self> {
        Some(Self {
            endpoint: endpoint.clone(),
            hop: endpoint.address()?,
        })
    }
}

/// Several endpoints, each a little later than the one before; the first that answers wins.
struct Race {
    waiting: std::vec::IntoIter<Route>,
    running: JoinSet<Result<Won, Lost>>,
    entries: Vec<Entry>,
    source: Option<IpAddr>,
    sockets: Arc<SocketLimits>,
    first_socket: Option<PermittedSocket>,
    end: Instant,
}

struct Entry {
    endpoint: Endpoint,
    /// When it was dialled: it may have to wait for its socket.
    begun: Arc<OnceLock<Instant>>,
    took: Option<Duration>,
    lost: Option<Lost>,
}

#[derive(Clone, Debug)]
struct Lost {
    endpoint: Endpoint,
    state: State,
    cause: Cause,
    detail: Option<Text>,
}

struct Won {
    stream: TcpStream,
    endpoint: Endpoint,
    permit: Permit,
}

impl Race {
    fn new(
        routes: Vec<Route>,
        source: Option<IpAddr>,
        sockets: Arc<SocketLimits>,
        first_socket: PermittedSocket,
    ) -> Self {
        Self {
            waiting: routes.into_iter(),
            running: JoinSet::new(),
            entries: Vec::new(),
            source,
            sockets,
            first_socket: Some(first_socket),
            end: Instant::now(),
        }
    }

    /// Begins with the first endpoint; the race is over after so long, the time aside that an attempt waits for a
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
                        self.end(&won.endpoint, None);
                        return Some(won);
                    }
                    Some(Ok(Err(lost))) => {
                        self.end(&lost.endpoint.clone(), Some(lost));
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
        let Some(route) = self.waiting.next() else {
            return;
        };
        let socket = self.first_socket.take();
        let begun = Arc::new(OnceLock::new());
        if socket.is_some() {
            let _ = begun.set(asked);
        }
        self.entries.push(Entry {
            endpoint: route.endpoint.clone(),
            begun: Arc::clone(&begun),
            took: None,
            lost: None,
        });
        let source = self.source;
        let sockets = Arc::clone(&self.sockets);
        let patience = self.end - asked;
        self.running.spawn(async move {
            let socket = match socket {
                Some(socket) => Some(socket),
                None => sockets.socket(route.hop, None).await,
            };
            begun.get_or_init(Instant::now);
            let lost = |state, cause| Lost {
                endpoint: route.endpoint.clone(),
                state,
                cause,
                detail: None,
            };
            let Some((permit, socket)) = socket else {
                return Err(lost(State::Blocked, Cause::Internal));
            };
            // Its time begins with its socket: a run that waits for sockets must not call anything filtered that was
            // never asked.
            match tokio::time::timeout(patience, connect(socket, &route, source)).await {
                Ok(Ok(stream)) => Ok(Won {
                    stream,
                    endpoint: route.endpoint,
                    permit,
                }),
                Ok(Err(lost)) => Err(lost),
                Err(_) => Err(lost(State::Filtered, Cause::Filtered)),
            }
        });
    }

    fn end(&mut self, endpoint: &Endpoint, lost: Option<Lost>) {
        if let Some(entry) = self
            .entries
            .iter_mut()
            .find(|entry| entry.endpoint == *endpoint)
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
                    endpoint: entry.endpoint.clone(),
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
            .filter_map(|entry| {
                Some(Attempt {
                    address: entry.endpoint.address()?,
                    state: match (&entry.lost, entry.took) {
                        (Some(lost), _) => Some(lost.state),
                        (None, Some(_)) => Some(State::Open),
                        (None, None) => None,
                    },
                    took: entry.took.unwrap_or_else(|| entry.elapsed()),
                })
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
                endpoint: SocketAddr::from(([0, 0, 0, 0], 0)).into(),
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

/// Connects a socket to where its route goes.
async fn connect(
    socket: io::Result<TcpSocket>,
    route: &Route,
    source: Option<IpAddr>,
) -> Result<TcpStream, Lost> {
    let lost = |(state, cause, detail): (State, Cause, Text)| Lost {
        endpoint: route.endpoint.clone(),
        state,
        cause,
        detail: Some(detail),
    };
    let classify = |error: &io::Error| os::classify(error, route.hop, source);
    let socket = socket.map_err(|error| lost(classify(&error)))?;
    if let Some(source) = source {
        if source.is_ipv4() != route.hop.is_ipv4() {
            return Err(Lost {
                endpoint: route.endpoint.clone(),
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
        .connect(route.hop)
        .await
        .map_err(|error| lost(classify(&error)))
}
