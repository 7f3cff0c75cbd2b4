//! The way to a peer: pipes in place of TCP, as wide as a test wants them.

use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use exchports::net::{Bounds, Dial, Record, Session, Stream, TlsAsk};
use exchports::observation::{Cause, Failure, Stage, State};
use exchports::plan::Host;
use tokio::io::{
    AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, DuplexStream, ReadBuf, duplex, split,
};
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::beneath::Changes;
use super::identity::roots;
use super::{Act, Channel, Peer};

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
    /// From here to the peer and back.
    pub(crate) round_trip: Duration,
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
        round_trip: Duration::ZERO,
    };
}

/// What one connection carried.
#[derive(Clone, Debug, Default)]
pub(crate) struct Heard {
    /// What was heard of us, out of TLS where the peer shook hands.
    pub(crate) said: Vec<u8>,
    /// What the peer said in its secure session, whether it came through or not.
    pub(crate) in_secret: Vec<u8>,
    /// How many bytes we read, TLS records and all.
    pub(crate) read: usize,
}

/// Leads to peers that do this, one after the other; then nobody listens any more.
pub(crate) struct PeerDial {
    peers: Mutex<VecDeque<Act>>,
    pipe: Pipe,
    /// Of a check that begins now.
    bounds: Bounds,
    tls: Arc<TlsAsk>,
    /// Held by the connection that is open, its goodbye included.
    line: Arc<Semaphore>,
    dialled: Mutex<Vec<Dialled>>,
}

struct Dialled {
    task: JoinHandle<()>,
    heard: Arc<Mutex<Heard>>,
    read: Arc<AtomicUsize>,
}

impl PeerDial {
    pub(crate) fn new(host: Host, peers: Vec<Act>, pipe: Pipe, bounds: Bounds) -> Self {
        Self {
            peers: Mutex::new(peers.into()),
            pipe,
            bounds,
            tls: Arc::new(TlsAsk {
                host,
                identity: None,
                roots: roots(),
            }),
            line: Arc::new(Semaphore::new(1)),
            dialled: Mutex::default(),
        }
    }

    /// Waits until the last connection is closed. No check waits for its goodbye, which has an end all the same.
    pub(crate) async fn closed(&self) {
        let patience = self.bounds.limits.goodbye + Duration::from_millis(1);
        let closed = tokio::time::timeout(patience, self.line.acquire()).await;
        assert!(closed.is_ok(), "a connection was left open");
    }

    /// What every connection carried, once it is closed and its peer has nothing left to do; one that panicked panics
    /// here.
    pub(crate) async fn heard(self) -> Vec<Heard> {
        self.closed().await;
        let mut connections = Vec::new();
        for dialled in self.dialled.into_inner().expect("nobody panicked") {
            if let Err(error) = dialled.task.await {
                std::panic::resume_unwind(error.into_panic());
            }
            let heard = std::mem::take(&mut *dialled.heard.lock().expect("nobody panicked"));
            connections.push(Heard {
                read: dialled.read.load(Ordering::Relaxed),
                ..heard
            });
        }
        connections
    }
}

impl Dial for PeerDial {
    type Stream = OurEnd;

    async fn dial<'a>(&'a self, record: &'a mut Record) -> Result<Session<'a, OurEnd>, Failure> {
        let line = Arc::clone(&self.line).acquire_owned().await;
        record.enter(Stage::Connect);
        tokio::time::sleep(self.pipe.round_trip).await;
        let address = SocketAddr::from(([192, 0, 2, 25], 25));
        let next = self.peers.lock().expect("one at a time").pop_front();
        let Some(act) = next else {
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
            1 => self.bounds.limits.second_look,
            _ => Duration::ZERO,
        };
        let (down, their_down) = duplex(self.pipe.down);
        let (up, their_up) = duplex(self.pipe.up);
        let their_down = match self.pipe.round_trip {
            Duration::ZERO => their_down,
            round_trip => late(their_down, round_trip),
        };
        let (reset, gone) = (Arc::new(AtomicBool::new(false)), Arc::new(Notify::new()));
        let (heard, read) = (Arc::default(), Arc::default());
        let ours = OurEnd {
            down,
            up,
            reset: Arc::clone(&reset),
            gone: Arc::clone(&gone),
            read: Arc::clone(&read),
            _line: line.expect("it is never shut"),
        };
        let theirs = TheirEnd {
            down: their_down,
            up: their_up,
            writes: self.pipe.writes,
            rests: false,
        };
        let peer = Peer {
            channel: Channel::Clear(theirs, Changes::new()),
            heard: Arc::clone(&heard),
            reset,
            gone,
        };
        let task = tokio::spawn(act(peer));
        let mut dialled = self.dialled.lock().expect("one at a time");
        dialled.push(Dialled { task, heard, read });
        let local = Some(LOCAL.into());
        record.connected(Some(State::Open), Some(address), local, Vec::new());
        let bounds = Bounds {
            until: self.bounds.until - kept_back.min(self.bounds.limits.check),
            ..self.bounds.clone()
        };
        Ok(Session::new(ours, record, bounds, Arc::clone(&self.tls)))
    }
}

/// A stream whose words arrive a round trip after they were said; what is said to it arrives at once.
pub(crate) fn late(client: DuplexStream, delay: Duration) -> DuplexStream {
    let (ours, theirs) = duplex(64 * 1024);
    let (mut from_server, mut to_server) = split(ours);
    let (mut from_client, mut to_client) = split(client);
    let (queue, mut queued) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        let mut buffer = [0; 16 * 1024];
        while let Ok(length @ 1..) = from_server.read(&mut buffer).await {
            let _ = queue.send((Instant::now() + delay, buffer[..length].to_vec()));
        }
    });
    tokio::spawn(async move {
        while let Some((at, bytes)) = queued.recv().await {
            tokio::time::sleep_until(at).await;
            if to_client.write_all(&bytes).await.is_err() {
                return;
            }
        }
        let _ = to_client.shutdown().await;
    });
    tokio::spawn(async move {
        let _ = tokio::io::copy(&mut from_client, &mut to_server).await;
        let _ = to_server.shutdown().await;
    });
    theirs
}

/// What the session runs over: counts, and turns the end into a reset where the peer said so.
#[derive(Debug)]
pub(crate) struct OurEnd {
    down: DuplexStream,
    up: DuplexStream,
    reset: Arc<AtomicBool>,
    gone: Arc<Notify>,
    read: Arc<AtomicUsize>,
    _line: OwnedSemaphorePermit,
}

impl Drop for OurEnd {
    fn drop(&mut self) {
        self.gone.notify_one();
    }
}

impl Stream for OurEnd {}

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
pub(super) struct TheirEnd {
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
