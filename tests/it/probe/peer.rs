//! The other end of a connection, as a test makes it, and the dial that leads there.

use std::collections::VecDeque;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use exchports::catalog::{ServiceId, service};
use exchports::net::{Bounds, Dial, Halt, Record, Roots, Session, TlsAsk};
use exchports::observation::{Cause, Failure, Observation, Stage, State};
use exchports::plan::{Audit, Depth, Host, Limits, Stores, Transcripts, Trust};
use exchports::probe::{Ask, probe};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, SupportedProtocolVersion};
use tokio::io::{
    AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, DuplexStream, ReadBuf, duplex,
};
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use super::manners;

/// The name that is asked for, and that the certificate is made out to.
pub(crate) const HOST: &str = "mail.example.com";

/// Our own end, as every dial tells it; EHLO names it.
const LOCAL: ([u8; 4], u16) = ([192, 0, 2, 10], 50000);

/// How the bytes of a peer travel.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pipe {
    /// Bytes in flight to us.
    pub(crate) down: usize,
    /// Bytes in flight from us. Not narrow together with the other: then two rustls that both want to write wait for
    /// each other, which no TCP is narrow enough for.
    pub(crate) up: usize,
    pub(crate) writes: Writes,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Writes {
    Whole,
    /// Every byte is a write of its own, and is read before the next one comes.
    Single,
}

impl Pipe {
    pub(crate) const WIDE: Self = Self {
        down: 64 * 1024,
        up: 64 * 1024,
        writes: Writes::Whole,
    };
}

/// What a peer does once it is connected.
pub(crate) type Act = Box<dyn FnOnce(Peer) -> Pin<Box<dyn Future<Output = ()> + Send>> + Send>;

/// Boxes what a peer does.
pub(crate) fn act<F, W>(play: F) -> Act
where
    F: FnOnce(Peer) -> W + Send + 'static,
    W: Future<Output = ()> + Send + 'static,
{
    Box::new(|peer| Box::pin(play(peer)))
}

/// One check against peers of a test's own making.
pub(crate) struct Trial {
    pub(crate) service: ServiceId,
    pub(crate) host: Host,
    pub(crate) pipe: Pipe,
    pub(crate) limits: Limits,
    pub(crate) deadline: Option<Duration>,
    pub(crate) halt: Halt,
    pub(crate) depth: Depth,
    /// One for each connection, in turn; further ones are refused.
    pub(crate) peers: Vec<Act>,
}

/// What came of it.
pub(crate) struct Outcome {
    pub(crate) observation: Observation,
    /// Until the observation was there, goodbye included.
    pub(crate) took: Duration,
    pub(crate) connections: Vec<Heard>,
}

/// What one connection carried.
#[derive(Debug, Default)]
pub(crate) struct Heard {
    /// What we said, out of TLS.
    pub(crate) said: Vec<u8>,
    /// How many bytes we read, TLS records and all.
    pub(crate) read: usize,
}

impl Trial {
    pub(crate) fn of(service: ServiceId, peers: Vec<Act>) -> Self {
        Self {
            service,
            host: Host::Name(HOST.to_owned()),
            pipe: Pipe::WIDE,
            limits: Limits::default(),
            deadline: None,
            halt: Halt::never(),
            depth: Depth::Full,
            peers,
        }
    }

    /// Probes. A peer that met something else than it expects panics here.
    pub(crate) async fn run(self) -> Outcome {
        let service = service(self.service);
        let began = Instant::now();
        let dial = PeerDial {
            peers: Mutex::new(self.peers.into()),
            pipe: self.pipe,
            limits: self.limits,
            began,
            deadline: self.deadline.map(|deadline| began + deadline),
            halt: self.halt,
            tls: Arc::new(TlsAsk {
                host: self.host.clone(),
                identity: None,
                roots: roots(),
                known: exchports::net::KnownChains::default(),
            }),
            open: Arc::default(),
            dialled: Mutex::default(),
        };
        let ask = Ask {
            service,
            port: service.port,
            host: self.host,
            ehlo_name: None,
            depth: self.depth,
            audit: Audit::No,
            transcripts: Transcripts::Kept,
        };
        let observation = probe(&dial, &ask).await;
        let took = began.elapsed();
        assert_eq!(
            dial.open.load(Ordering::Relaxed),
            0,
            "a connection was left open"
        );
        let mut connections = Vec::new();
        for dialled in dial.dialled.into_inner().unwrap() {
            if let Err(error) = dialled.task.await {
                std::panic::resume_unwind(error.into_panic());
            }
            let said = std::mem::take(&mut *dialled.said.lock().unwrap());
            manners::assert_polite(service.protocol, &said);
            connections.push(Heard {
                said,
                read: dialled.read.load(Ordering::Relaxed),
            });
        }
        Outcome {
            observation,
            took,
            connections,
        }
    }
}

/// Runs something on a clock that moves only when everybody waits.
pub(crate) fn on_a_clock_that_stands_still<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        // Else a peer has 61 turns for one of ours, and single bytes come in heaps.
        .event_interval(1)
        .build()
        .unwrap()
        .block_on(work)
}

struct PeerDial {
    peers: Mutex<VecDeque<Act>>,
    pipe: Pipe,
    limits: Limits,
    began: Instant,
    deadline: Option<Instant>,
    halt: Halt,
    tls: Arc<TlsAsk>,
    open: Arc<AtomicUsize>,
    dialled: Mutex<Vec<Dialled>>,
}

struct Dialled {
    task: JoinHandle<()>,
    said: Arc<Mutex<Vec<u8>>>,
    read: Arc<AtomicUsize>,
}

impl Dial for PeerDial {
    type Stream = OurEnd;

    async fn dial<'a>(&'a self, record: &'a mut Record) -> Result<Session<'a, OurEnd>, Failure> {
        assert_eq!(
            self.open.load(Ordering::Relaxed),
            0,
            "the connection before was still open"
        );
        record.enter(Stage::Connect);
        let address = SocketAddr::from(([192, 0, 2, 25], 25));
        let Some(act) = self.peers.lock().unwrap().pop_front() else {
            record.connected(Some(State::Closed), Some(address), None, Vec::new());
            record.close_step();
            return Err(Failure {
                stage: Stage::Connect,
                cause: Cause::Refused,
                detail: None,
            });
        };
        // As the dial over TCP does it: the first connection leaves time for a second.
        let kept_back = match record.connection() {
            1 => self.limits.second_look,
            _ => Duration::ZERO,
        };
        let (down, their_down) = duplex(self.pipe.down);
        let (up, their_up) = duplex(self.pipe.up);
        let (reset, gone) = (Arc::new(AtomicBool::new(false)), Arc::new(Notify::new()));
        let (said, read) = (Arc::default(), Arc::default());
        self.open.fetch_add(1, Ordering::Relaxed);
        let ours = OurEnd {
            down,
            up,
            reset: Arc::clone(&reset),
            gone: Arc::clone(&gone),
            read: Arc::clone(&read),
            open: Arc::clone(&self.open),
        };
        let peer = Peer {
            channel: Channel::Clear(TheirEnd {
                down: their_down,
                up: their_up,
                writes: self.pipe.writes,
                rests: false,
            }),
            said: Arc::clone(&said),
            reset,
            gone,
        };
        let task = tokio::spawn(act(peer));
        self.dialled
            .lock()
            .unwrap()
            .push(Dialled { task, said, read });
        record.connected(
            Some(State::Open),
            Some(address),
            Some(LOCAL.into()),
            Vec::new(),
        );
        let bounds = Bounds {
            limits: self.limits,
            until: self.began + self.limits.check.saturating_sub(kept_back),
            deadline: self.deadline,
            halt: self.halt.clone(),
        };
        Ok(Session::new(ours, record, bounds, Arc::clone(&self.tls)))
    }
}

/// The peer's side of a conversation.
pub(crate) struct Peer {
    channel: Channel,
    said: Arc<Mutex<Vec<u8>>>,
    reset: Arc<AtomicBool>,
    gone: Arc<Notify>,
}

enum Channel {
    Clear(TheirEnd),
    Secure(Box<TlsStream<TheirEnd>>),
    Gone,
}

/// Whether anybody is left at our end.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Line {
    Up,
    Down,
}

impl Peer {
    /// Says it all, if we let it.
    pub(crate) async fn say(&mut self, bytes: &[u8]) -> Line {
        let written = match &mut self.channel {
            Channel::Clear(stream) => write(stream, bytes).await,
            Channel::Secure(stream) => write(stream, bytes).await,
            Channel::Gone => return Line::Down,
        };
        match written {
            Ok(()) => Line::Up,
            Err(_) => Line::Down,
        }
    }

    /// Hears so many bytes; fewer when our end is closed before.
    pub(crate) async fn hear(&mut self, count: usize) -> Vec<u8> {
        let mut heard = Vec::new();
        while heard.len() < count {
            let mut byte = [0];
            if self.read(&mut byte).await == 0 {
                break;
            }
            heard.extend(byte);
        }
        self.said.lock().unwrap().extend(&heard);
        heard
    }

    /// Hears everything until our end is closed.
    pub(crate) async fn hear_out(&mut self) -> Vec<u8> {
        self.hear(usize::MAX).await
    }

    /// Neither says nor hears anything until our end is closed.
    pub(crate) async fn stay_deaf(&mut self) {
        self.gone.notified().await;
    }

    /// Lets a TLS record of ours pass by, which has to be there.
    pub(crate) async fn hear_client_hello(&mut self) {
        let mut head = [0; 5];
        for byte in &mut head {
            assert_eq!(self.read(std::slice::from_mut(byte)).await, 1);
        }
        assert_eq!(&head[..2], b"\x16\x03", "no ClientHello");
        for _ in 0..u16::from_be_bytes([head[3], head[4]]) {
            assert_eq!(self.read(&mut [0]).await, 1);
        }
    }

    /// Shakes hands, with the certificate of [`HOST`].
    pub(crate) async fn secure(&mut self, version: &'static SupportedProtocolVersion) {
        let Channel::Clear(stream) = std::mem::replace(&mut self.channel, Channel::Gone) else {
            // Twice is once too often: the channel is gone.
            return;
        };
        let config = identity().config(version);
        match TlsAcceptor::from(config).accept(stream).await {
            Ok(stream) => self.channel = Channel::Secure(Box::new(stream)),
            // The client has gone: it may have seen enough.
            Err(_) => self.channel = Channel::Gone,
        }
    }

    /// Closes in good order.
    pub(crate) async fn close(mut self) {
        if let Channel::Secure(stream) = &mut self.channel {
            let _ = stream.shutdown().await;
        }
    }

    /// Closes as a host does that knows of no connection.
    pub(crate) fn reset(self) {
        self.reset.store(true, Ordering::Relaxed);
    }

    /// Reads what is there, and writes it down nowhere; 0 at the end.
    pub(crate) async fn read(&mut self, into: &mut [u8]) -> usize {
        let read = match &mut self.channel {
            Channel::Clear(stream) => stream.read(into).await,
            Channel::Secure(stream) => stream.read(into).await,
            Channel::Gone => Ok(0),
        };
        read.unwrap_or(0)
    }
}

async fn write(stream: &mut (impl AsyncWrite + Unpin), bytes: &[u8]) -> io::Result<()> {
    stream.write_all(bytes).await?;
    stream.flush().await
}

/// What the session runs over: counts, and turns the end into a reset where the peer said so.
#[derive(Debug)]
pub(crate) struct OurEnd {
    down: DuplexStream,
    up: DuplexStream,
    reset: Arc<AtomicBool>,
    gone: Arc<Notify>,
    read: Arc<AtomicUsize>,
    open: Arc<AtomicUsize>,
}

impl Drop for OurEnd {
    fn drop(&mut self) {
        self.open.fetch_sub(1, Ordering::Relaxed);
        self.gone.notify_one();
    }
}

impl AsyncRead for OurEnd {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.down).poll_read(context, buffer))?;
        let count = buffer.filled().len() - before;
        self.read.fetch_add(count, Ordering::Relaxed);
        if count == 0 && self.reset.load(Ordering::Relaxed) {
            return Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()));
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for OurEnd {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match ready!(Pin::new(&mut self.up).poll_write(context, bytes)) {
            // Else a pipe that is broken, which it is for an end as well.
            Err(_) if self.reset.load(Ordering::Relaxed) => {
                Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()))
            }
            written => Poll::Ready(written),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.up).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.up).poll_shutdown(context)
    }
}

/// What the peer writes to: whole, or byte by byte with a rest after each.
struct TheirEnd {
    down: DuplexStream,
    up: DuplexStream,
    writes: Writes,
    rests: bool,
}

impl AsyncRead for TheirEnd {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.up).poll_read(context, buffer)
    }
}

impl AsyncWrite for TheirEnd {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        if self.writes == Writes::Whole {
            return Pin::new(&mut self.down).poll_write(context, bytes);
        }
        if std::mem::take(&mut self.rests) {
            // Who waits for the byte before was woken first and has its turn now.
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        let one = bytes.get(..1).unwrap_or_default();
        let written = ready!(Pin::new(&mut self.down).poll_write(context, one));
        self.rests = true;
        Poll::Ready(written)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.down).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.down).poll_shutdown(context)
    }
}

/// A certificate for [`HOST`], and who signed it: one for all tests.
pub(crate) struct Identity {
    authority: CertificateDer<'static>,
    pub(crate) certificate: CertificateDer<'static>,
    pub(crate) key: PrivateKeyDer<'static>,
}

impl Identity {
    pub(crate) fn config(&self, version: &'static SupportedProtocolVersion) -> Arc<ServerConfig> {
        let config = ServerConfig::builder_with_provider(exchports::net::tls::provider())
            .with_protocol_versions(&[version])
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![self.certificate.clone()], self.key.clone_key())
            .unwrap();
        Arc::new(config)
    }
}

pub(crate) fn identity() -> &'static Identity {
    static IDENTITY: OnceLock<Identity> = OnceLock::new();
    IDENTITY.get_or_init(|| {
        let authority_key = rcgen::KeyPair::generate().unwrap();
        let mut params = rcgen::CertificateParams::default();
        params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        params
            .distinguished_name
            .push(rcgen::DnType::CommonName, "Test Authority");
        let authority = params.self_signed(&authority_key).unwrap();
        let issuer = rcgen::Issuer::new(params, authority_key);
        let key = rcgen::KeyPair::generate().unwrap();
        let mut params = rcgen::CertificateParams::new(vec![HOST.to_owned()]).unwrap();
        params.distinguished_name = rcgen::DistinguishedName::new();
        params
            .distinguished_name
            .push(rcgen::DnType::CommonName, HOST);
        let certificate = params.signed_by(&key, &issuer).unwrap();
        Identity {
            authority: authority.der().clone(),
            certificate: certificate.der().clone(),
            key: PrivateKeyDer::try_from(key.serialize_der()).unwrap(),
        }
    })
}

pub(crate) fn roots() -> Arc<Roots> {
    static ROOTS: OnceLock<Arc<Roots>> = OnceLock::new();
    let roots = ROOTS.get_or_init(|| {
        let trust = Trust {
            stores: Stores::Public,
            ca_certificates: vec![identity().authority.to_vec()],
        };
        Arc::new(Roots::new(&trust).unwrap())
    });
    Arc::clone(roots)
}
