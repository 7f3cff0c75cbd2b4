//! Connections: how many, and how long each may keep us.
//!
//! Who says nothing is closed after [`Limits::HEAD`]; when all places are taken, the one that has waited longest with nothing to say
//! makes room for the next, so that a thousand silent ones keep nobody out. Who takes no answer is closed after [`Limits::STALL`].

use std::collections::BTreeMap;
use std::future::Future;
use std::io;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, watch};
use tokio::task::JoinSet;
use tokio::time::{Instant, Sleep};

use super::answer::answer;
use super::own::count;
use super::shared::Shared;
use crate::net::Halt;
use crate::plan::Limits;

/// How long those who are being answered have when it ends.
const FAREWELL: Duration = Duration::from_secs(5);

/// The connections that are open.
#[derive(Clone, Default)]
struct Places {
    /// Those that have asked nothing, or nothing more, oldest first.
    idle: Arc<Mutex<BTreeMap<u64, Arc<Notify>>>>,
    next: Arc<AtomicU64>,
}

/// Answers on all listeners until the word is said, then for a moment those who are being answered.
pub(super) async fn serve(listeners: Vec<TcpListener>, shared: &Arc<Shared>, halt: &mut Halt) {
    let places = Places::default();
    let (stop, stopped) = watch::channel(false);
    let mut open = JoinSet::new();
    let listeners: Vec<Arc<TcpListener>> = listeners.into_iter().map(Arc::new).collect();
    let mut accepting = JoinSet::new();
    for listener in &listeners {
        accept_on(listener, &mut accepting);
    }
    loop {
        tokio::select! {
            biased;
            () = halt.said() => break,
            Some(_) = open.join_next() => {}
            Some(accepted) = accepting.join_next() => {
                let Ok((listener, accepted)) = accepted else { continue };
                accept_on(&listener, &mut accepting);
                let Ok((stream, peer)) = accepted else {
                    // This machine is short of files; those that are open go first.
                    tokio::time::sleep(Duration::from_millis(50)).await;
                    continue;
                };
                if open.len() >= Limits::SERVED && !places.make_room() {
                    count(&shared.own.dropped);
                    continue;
                }
                let (shared, places, stopped) = (Arc::clone(shared), places.clone(), stopped.clone());
                open.spawn(connection(stream, peer.ip(), shared, places, stopped));
            }
        }
    }
    accepting.abort_all();
    drop(listeners);
    // Whoever hears it asks nothing more.
    stop.send_replace(true);
    let all = async { while open.join_next().await.is_some() {} };
    let _ = tokio::time::timeout(FAREWELL, all).await;
    open.abort_all();
}

type Accepted = (
    Arc<TcpListener>,
    io::Result<(TcpStream, std::net::SocketAddr)>,
);

fn accept_on(listener: &Arc<TcpListener>, accepting: &mut JoinSet<Accepted>) {
    let listener = Arc::clone(listener);
    accepting.spawn(async move {
        let accepted = listener.accept().await;
        (listener, accepted)
    });
}

impl Places {
    /// Closes the connection that has asked nothing for longest; whether there is one.
    fn make_room(&self) -> bool {
        let oldest = self
            .idle
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .pop_first();
        oldest.is_some_and(|(_, leave)| {
            leave.notify_one();
            true
        })
    }

    fn idle(&self, number: u64, leave: &Arc<Notify>) {
        self.idle
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(number, Arc::clone(leave));
    }

    fn busy(&self, number: u64) {
        self.idle
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(&number);
    }
}

/// Counts a connection while it is open, and takes it from the idle ones when it is not.
struct Open {
    shared: Arc<Shared>,
    places: Places,
    number: u64,
}

impl Drop for Open {
    fn drop(&mut self) {
        self.shared.own.connections.fetch_sub(1, Ordering::Relaxed);
        self.places.busy(self.number);
    }
}

async fn connection(
    stream: TcpStream,
    _peer: IpAddr,
    shared: Arc<Shared>,
    places: Places,
    stopped: watch::Receiver<bool>,
) {
    let number = places.next.fetch_add(1, Ordering::Relaxed);
    count(&shared.own.connections);
    let leave = Arc::new(Notify::new());
    places.idle(number, &leave);
    let _open = Open {
        shared: Arc::clone(&shared),
        places: places.clone(),
        number,
    };
    let _ = stream.set_nodelay(true);
    let talk = async {
        match shared.web().acceptor.clone() {
            None => {
                converse(
                    Patient::new(stream),
                    &shared,
                    &places,
                    number,
                    &leave,
                    stopped,
                )
                .await;
            }
            Some(acceptor) => {
                let shaken =
                    tokio::time::timeout(Limits::HEAD, acceptor.accept(Patient::new(stream))).await;
                if let Ok(Ok(stream)) = shaken {
                    converse(stream, &shared, &places, number, &leave, stopped).await;
                }
            }
        }
    };
    tokio::select! {
        () = talk => {}
        () = leave.notified() => count(&shared.own.dropped),
    }
}

async fn converse<S: AsyncRead + AsyncWrite + Unpin>(
    stream: S,
    shared: &Arc<Shared>,
    places: &Places,
    number: u64,
    leave: &Arc<Notify>,
    mut stopped: watch::Receiver<bool>,
) {
    let service = service_fn(|request| {
        places.busy(number);
        let (shared, places, leave) = (Arc::clone(shared), places.clone(), Arc::clone(leave));
        async move {
            let answer = answer(shared, request).await;
            places.idle(number, &leave);
            Ok::<_, std::convert::Infallible>(answer)
        }
    });
    let serving = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(Limits::HEAD)
        .max_buf_size(Limits::HEAD_BYTES)
        .max_headers(Limits::HEAD_FIELDS)
        .serve_connection(TokioIo::new(stream), service);
    tokio::pin!(serving);
    tokio::select! {
        // What went wrong is the peer's affair.
        _ = serving.as_mut() => return,
        _ = stopped.wait_for(|stopped| *stopped) => {}
    }
    serving.as_mut().graceful_shutdown();
    let _ = serving.await;
}

/// A stream that gives up on whoever takes nothing for [`Limits::STALL`].
struct Patient<S> {
    within: S,
    stalled: Option<Pin<Box<Sleep>>>,
}

impl<S> Patient<S> {
    fn new(within: S) -> Self {
        Self {
            within,
            stalled: None,
        }
    }

    /// What a write came to, or that it has stalled for too long.
    fn within_patience<T>(
        &mut self,
        cx: &mut Context<'_>,
        written: Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        if written.is_ready() {
            self.stalled = None;
            return written;
        }
        let until = || Box::pin(tokio::time::sleep_until(Instant::now() + Limits::STALL));
        match self.stalled.get_or_insert_with(until).as_mut().poll(cx) {
            Poll::Ready(()) => Poll::Ready(Err(io::ErrorKind::TimedOut.into())),
            Poll::Pending => Poll::Pending,
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Patient<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.within).poll_read(cx, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Patient<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.within).poll_write(cx, bytes);
        self.within_patience(cx, written)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.within).poll_flush(cx);
        self.within_patience(cx, flushed)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let shut = Pin::new(&mut self.within).poll_shutdown(cx);
        self.within_patience(cx, shut)
    }
}
