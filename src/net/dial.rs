//! TCP: one dial races the endpoints it was given (RFC 8305) and keeps the limits on sockets.
//!
//! Each has a [`Route`]: to the endpoint itself, or to a proxy, which is asked for the endpoint as soon as there is a
//! connection to it. A race is over when a server is reached, not when a proxy is.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use tokio::net::{TcpSocket, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::bounds::{Bounds, Halt, Interruption};
use super::os;
use super::placed::PlacedStream;
use super::proxy::{self, Talk, Via};
use super::session::{Dial, OnSecure, Record, Session};
use super::sockets::{Permit, PermittedSocket, Queued, SocketLimits};
use super::tls::TlsAsk;
use crate::facts::Text;
use crate::observation::{Attempt, Cause, Failure, Stage, State};
use crate::plan::{Endpoint, Limits, Reach};

/// How long an address has before the next one is tried beside it (RFC 8305 §5).
const STAGGER: Duration = Duration::from_millis(250);

/// How long a connection is awaited until it gives its place to another.
const UNANSWERED: Duration = Duration::from_millis(250);

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
    via: Option<Arc<Via>>,
    on_secure: Option<OnSecure>,
    /// When the check began: with its first socket, not while it waited for one.
    began: OnceLock<Instant>,
    /// The right to the socket of the present connection; the next one goes the same way and uses it again.
    permit: Mutex<Option<Arc<Permit>>>,
    /// That it waits for its first socket.
    queued: Mutex<Option<Queued>>,
    /// Held by the connection that is open: the next one is dialled when it is closed, its goodbye included.
    line: Arc<Semaphore>,
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
            via: None,
            on_secure: None,
            began: OnceLock::new(),
            permit: Mutex::new(None),
            queued: Mutex::new(None),
            line: Arc::new(Semaphore::new(1)),
        }
    }

    /// Waits for its turn, where it is known already whose turn it is: what a check needs besides can be made then. What
    /// ends the wait early ends the dial as well.
    pub async fn ready(&self) {
        let queued = self.sockets.queue();
        let first = self.endpoints.first().and_then(Endpoint::address);
        if let (Some(first), None) = (first, &self.via) {
            let mut halt = self.halt.clone();
            tokio::select! {
                biased;
                () = halt.said() => {}
                () = come(self.deadline) => {}
                permit = self.sockets.permit(first.ip()) => drop(self.keep(permit)),
            }
        }
        if self.permit().is_none() {
            *self.queued.lock().unwrap_or_else(PoisonError::into_inner) = Some(queued);
        }
    }

    /// The same through a proxy, where there is one.
    #[must_use]
    pub fn via(self, via: Option<Arc<Via>>) -> Self {
        Self { via, ..self }
    }

    /// The same, with something to do when a handshake has come to its end.
    #[must_use]
    pub fn on_secure(self, on_secure: Option<OnSecure>) -> Self {
        Self { on_secure, ..self }
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

    /// Waits until the connection before is closed, and for a socket. The first one has no bound of its own: nothing has
    /// begun yet. One after a dial that failed has what is left of the check.
    async fn turn(
        &self,
        hop: SocketAddr,
    ) -> Result<(OwnedSemaphorePermit, PermittedSocket), Cause> {
        let turn = async {
            let line = Arc::clone(&self.line).acquire_owned().await.ok()?;
            let held = self.keep(None);
            Some((line, self.sockets.socket(hop, held).await?))
        };
        let mut halt = self.halt.clone();
        let end = self.began.get().map(|began| *began + self.limits.check);
        let turn = tokio::select! {
            biased;
            () = halt.said() => Err(Cause::Interrupted),
            () = come(self.deadline) => Err(Cause::Deadline),
            () = come(end) => Err(Cause::Filtered),
            turn = turn => turn.ok_or(Cause::Internal),
        };
        drop(
            self.queued
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .take(),
        );
        turn
    }

    /// The ways to an endpoint that there are: one that answered before, or all of them.
    ///
    /// # Errors
    /// Why the proxy's address is not known.
    async fn routes(&self, answered: Option<SocketAddr>) -> Result<Vec<Route>, Failure> {
        let answered = answered.map(Endpoint::Address);
        let endpoints = answered
            .as_ref()
            .map_or(self.endpoints.as_slice(), std::slice::from_ref);
        let Some(via) = &self.via else {
            return Ok(endpoints.iter().filter_map(Route::to).collect());
        };
        let hops = via
            .hops(self.reach, &self.limits, self.deadline, &self.halt)
            .await?;
        let through = |endpoint: &Endpoint| {
            let endpoint = endpoint.clone();
            hops.clone()
                .into_iter()
                .map(move |hop| Route::through(via, &endpoint, hop))
        };
        Ok(endpoints.iter().flat_map(through).collect())
    }

    fn keep(&self, permit: Option<Arc<Permit>>) -> Option<Arc<Permit>> {
        std::mem::replace(&mut *self.permit(), permit)
    }

    fn permit(&self) -> MutexGuard<'_, Option<Arc<Permit>>> {
        self.permit.lock().unwrap_or_else(PoisonError::into_inner)
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
    type Stream = PlacedStream;

    async fn dial<'a>(
        &'a self,
        record: &'a mut Record,
    ) -> Result<Session<'a, PlacedStream>, Failure> {
        let fail = |record: &mut Record, cause, detail| {
            record.close_step();
            Failure {
                stage: Stage::Connect,
                cause,
                detail,
            }
        };
        if let Some(via) = &self.via {
            record.goes_through(via.proxy().to_string().as_str().into());
        }
        let routes = match self.routes(record.address()).await {
            Ok(routes) => routes,
            Err(failure) => return Err(failure),
        };
        let Some(first) = routes.first().map(|route| route.hop) else {
            return Err(fail(record, Cause::NameWithoutAddress, None));
        };
        let (line, socket) = match self.turn(first).await {
            Ok(turn) => turn,
            Err(cause) => return Err(fail(record, cause, None)),
        };
        record.enter(Stage::Connect);
        let mut bounds = self.bounds(record.connection());
        let mut race = Race::new(routes, self.reach.source, Arc::clone(&self.sockets), socket);
        race.patience_of_proxy = bounds.limits.proxy();
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
            record.talked_with_proxy(lost.reached, lost.talk);
            return Err(Failure {
                stage: lost.stage,
                ..fail(record, lost.cause, lost.detail)
            });
        };
        self.keep(Some(Arc::clone(&won.permit)));
        // What is said here is short and waits for an answer.
        let _ = won.stream.set_nodelay(true);
        let local = won.stream.local_addr().ok();
        let address = won.endpoint.address();
        record.connected(Some(State::Open), address, local, race.attempts());
        record.talked_with_proxy(won.reached, won.talk);
        let stream = PlacedStream::new(won.stream, won.permit, line);
        let session = Session::new(stream, record, bounds, Arc::clone(&self.tls));
        Ok(session.on_secure(self.on_secure.as_ref()))
    }
}

/// The way to an endpoint.
#[derive(Clone, Debug)]
struct Route {
    endpoint: Endpoint,
    /// Where the socket is connected to: the endpoint's own address; the proxy's, behind one.
    hop: SocketAddr,
    via: Option<Arc<Via>>,
}

impl Route {
    /// None leads to a name without a proxy that looks it up.
    fn to(endpoint: &Endpoint) -> Option<Self> {
        Some(Self {
            endpoint: endpoint.clone(),
            hop: endpoint.address()?,
            via: None,
        })
    }

    fn through(via: &Arc<Via>, endpoint: &Endpoint, hop: SocketAddr) -> Self {
        Self {
            endpoint: endpoint.clone(),
            hop,
            via: Some(Arc::clone(via)),
        }
    }

    /// An attempt that nobody answered in time, at the proxy or at the endpoint.
    fn unanswered(&self) -> Lost {
        match &self.via {
            None => self.lost(Some(State::Filtered), Cause::Filtered, None),
            Some(_) => self.without_proxy("no answer in time".into()),
        }
    }

    fn without_proxy(&self, words: Text) -> Lost {
        Lost {
            stage: Stage::Proxy,
            ..self.lost(None, Cause::ProxyUnreachable, Some(words))
        }
    }

    fn lost(&self, state: Option<State>, cause: Cause, detail: Option<Text>) -> Lost {
        Lost {
            endpoint: self.endpoint.clone(),
            stage: Stage::Connect,
            state,
            cause,
            detail,
            reached: None,
            talk: Talk::new(),
        }
    }
}

/// Several endpoints, each a little later than the one before; the first that answers wins.
struct Race {
    waiting: std::vec::IntoIter<Route>,
    /// Each with the number of its entry.
    running: JoinSet<(usize, Result<Won, Lost>)>,
    entries: Vec<StartedDial>,
    source: Option<IpAddr>,
    sockets: Arc<SocketLimits>,
    first_socket: Option<PermittedSocket>,
    end: Instant,
    /// How long a proxy may take for its answer.
    patience_of_proxy: Duration,
}

struct StartedDial {
    route: Route,
    /// When it was dialled: it may have to wait for its socket.
    begun: Arc<OnceLock<Instant>>,
    took: Option<Duration>,
    lost: Option<Lost>,
}

#[derive(Clone, Debug)]
struct Lost {
    endpoint: Endpoint,
    stage: Stage,
    /// `None` where nothing was learned of the endpoint.
    state: Option<State>,
    cause: Cause,
    detail: Option<Text>,
    /// When the proxy was reached.
    reached: Option<Instant>,
    talk: Talk,
}

struct Won {
    stream: TcpStream,
    endpoint: Endpoint,
    permit: Arc<Permit>,
    /// When the proxy was reached, where there is one.
    reached: Option<Instant>,
    talk: Talk,
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
            patience_of_proxy: Duration::ZERO,
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
                    Some(Ok((entry, Ok(won)))) => {
                        self.end(entry, None);
                        return Some(won);
                    }
                    Some(Ok((entry, Err(lost)))) => {
                        self.end(entry, Some(lost));
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
        let entry = self.entries.len();
        self.entries.push(StartedDial {
            route: route.clone(),
            begun: Arc::clone(&begun),
            took: None,
            lost: None,
        });
        let source = self.source;
        let sockets = Arc::clone(&self.sockets);
        let patience = self.end - asked;
        let patience_of_proxy = self.patience_of_proxy;
        self.running.spawn(async move {
            let socket = match socket {
                Some(socket) => Some(socket),
                None => sockets.socket(route.hop, None).await,
            };
            begun.get_or_init(Instant::now);
            let Some((permit, socket)) = socket else {
                let lost = route.lost(Some(State::Blocked), Cause::Internal, None);
                return (entry, Err(lost));
            };
            // Its time begins with its socket: a run that waits for sockets must not call anything filtered that was
            // never asked.
            let connected = match tokio::time::timeout(
                patience,
                answered(&permit, connect(socket, &route, source)),
            )
            .await
            {
                Ok(connected) => connected,
                Err(_) => Err(route.unanswered()),
            };
            let reached = match connected {
                Ok(stream) => reach(stream, route, permit, patience_of_proxy).await,
                Err(lost) => Err(lost),
            };
            (entry, reached)
        });
    }

    fn end(&mut self, entry: usize, lost: Option<Lost>) {
        if let Some(entry) = self.entries.get_mut(entry) {
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
                entry.lost = Some(entry.route.unanswered());
            }
        }
    }

    fn attempts(&self) -> Vec<Attempt> {
        self.entries
            .iter()
            .filter(|entry| {
                // One way to the proxy more is no attempt on the endpoint.
                let lost = entry.lost.as_ref();
                lost.is_none_or(|lost| lost.cause != Cause::ProxyUnreachable)
            })
            .filter_map(|entry| {
                Some(Attempt {
                    address: entry.route.endpoint.address()?,
                    state: match (&entry.lost, entry.took) {
                        (Some(lost), _) => lost.state,
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
        let weight = |lost: &Lost| match (lost.state, lost.cause) {
            (Some(State::Closed), _) => 0,
            (Some(State::Filtered), _) => 1,
            (Some(State::Unreachable | State::Unresolved), _) => 2,
            (_, Cause::ProxyUnreachable) => 4,
            (None, _) => 3,
            _ => 5,
        };
        self.entries
            .iter()
            .filter_map(|entry| entry.lost.clone())
            .min_by_key(weight)
            .unwrap_or_else(|| {
                let nowhere = SocketAddr::from(([0, 0, 0, 0], 0));
                let route = Route {
                    endpoint: nowhere.into(),
                    hop: nowhere,
                    via: None,
                };
                route.lost(Some(State::Blocked), Cause::Internal, None)
            })
    }
}

impl StartedDial {
    fn elapsed(&self) -> Duration {
        self.begun.get().map_or(Duration::ZERO, Instant::elapsed)
    }
}

/// Waits for a connection; one that is not answered at once gives its place to another meanwhile.
async fn answered<T>(permit: &Permit, connected: impl Future<Output = T>) -> T {
    if !permit.can_wait() {
        return connected.await;
    }
    tokio::pin!(connected);
    tokio::select! {
        biased;
        connected = &mut connected => return connected,
        () = tokio::time::sleep(UNANSWERED) => permit.wait(),
    }
    let connected = connected.await;
    permit.go_on();
    connected
}

/// Asks the proxy for the endpoint, where a connection leads to one.
async fn reach(
    mut stream: TcpStream,
    route: Route,
    permit: Arc<Permit>,
    patience: Duration,
) -> Result<Won, Lost> {
    let Some(via) = &route.via else {
        return Ok(Won {
            stream,
            endpoint: route.endpoint,
            permit,
            reached: None,
            talk: Talk::new(),
        });
    };
    via.note(route.hop);
    let reached = Instant::now();
    let _ = stream.set_nodelay(true);
    let mut talk = Talk::new();
    let end = reached + patience;
    match proxy::ask(&mut stream, via.proxy(), &route.endpoint, end, &mut talk).await {
        Ok(()) => Ok(Won {
            stream,
            endpoint: route.endpoint,
            permit,
            reached: Some(reached),
            talk,
        }),
        Err(refusal) => Err(Lost {
            stage: Stage::Proxy,
            reached: Some(reached),
            talk,
            ..route.lost(refusal.state, refusal.cause, refusal.detail)
        }),
    }
}

/// Connects a socket to where its route goes.
async fn connect(
    socket: io::Result<TcpSocket>,
    route: &Route,
    source: Option<IpAddr>,
) -> Result<TcpStream, Lost> {
    // To a proxy that is not there nothing was tried of the endpoint; what is this machine's is so everywhere.
    let lost = |(state, cause, detail): (State, Cause, Text)| {
        if route.via.is_some() && !cause.is_ours() {
            route.without_proxy(detail)
        } else {
            route.lost(Some(state), cause, Some(detail))
        }
    };
    let classify = |error: &io::Error| os::classify(error, route.hop, source);
    let socket = socket.map_err(|error| lost(classify(&error)))?;
    if let Some(source) = source {
        if source.is_ipv4() != route.hop.is_ipv4() {
            return Err(route.lost(
                Some(State::Blocked),
                Cause::SourceUnusable,
                Some("the source address is of the other family".into()),
            ));
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
