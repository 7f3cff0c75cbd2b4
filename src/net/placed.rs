//! A connection that gives its place to another while its peer is silent.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Instant, Sleep};

use super::recording::Stream;
use super::sockets::Permit;

/// How long a peer is silent until its connection gives its place away. A server that has many guests takes longer than
/// the way there and back, and more guests are no help to it.
const SILENT: Duration = Duration::from_secs(1);

/// A connection, and the rights that end with it. A goodbye may outlast the check that it belongs to.
#[derive(Debug)]
pub struct PlacedStream {
    /// Closed first.
    tcp: TcpStream,
    permit: Arc<Permit>,
    /// The check's next connection waits for it.
    _line: OwnedSemaphorePermit,
    silence: Option<Pin<Box<Sleep>>>,
    silent: Silence,
    acknowledges: Acknowledgement,
}

/// When what was read is acknowledged.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Acknowledgement {
    /// When the system sees fit.
    Delayed,
    AtOnce,
}

/// How far the wait of a read is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Silence {
    None,
    Short,
    /// The place is another's, where there is room to wait without one.
    Long,
}

impl PlacedStream {
    pub(super) fn new(tcp: TcpStream, permit: Arc<Permit>, line: OwnedSemaphorePermit) -> Self {
        Self {
            tcp,
            permit,
            _line: line,
            silence: None,
            silent: Silence::None,
            acknowledges: Acknowledgement::Delayed,
        }
    }

    /// The peer is not heard yet.
    fn wait(&mut self, cx: &mut Context<'_>) {
        if !self.permit.can_wait() {
            return;
        }
        let silence = self
            .silence
            .get_or_insert_with(|| Box::pin(tokio::time::sleep(SILENT)));
        if self.silent == Silence::None {
            self.silent = Silence::Short;
            silence.as_mut().reset(Instant::now() + SILENT);
        }
        if self.silent == Silence::Short && silence.as_mut().poll(cx).is_ready() {
            self.silent = Silence::Long;
            self.permit.wait_in_silence();
        }
    }

    /// What has come: Linux forgets that it is to do so at once, after a few segments and with each word of ours.
    fn acknowledge(&self) {
        let is_due = self.acknowledges == Acknowledgement::AtOnce;
        #[cfg(target_os = "linux")]
        if is_due {
            let _ = self.tcp.set_quickack(true);
        }
        #[cfg(not(target_os = "linux"))]
        let _ = is_due;
    }

    fn go_on(&mut self) {
        if self.silent == Silence::Long {
            self.permit.go_on();
        }
        self.silent = Silence::None;
    }
}

impl Stream for PlacedStream {
    fn acknowledge_at_once(&mut self) {
        self.acknowledges = Acknowledgement::AtOnce;
        self.acknowledge();
        // Every segment; Windows remembers it.
        #[cfg(windows)]
        let _ = socket2::SockRef::from(&self.tcp).set_tcp_ack_frequency(1);
    }
}

impl AsyncRead for PlacedStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let read = Pin::new(&mut self.tcp).poll_read(cx, into);
        match read {
            Poll::Ready(_) => {
                self.go_on();
                self.acknowledge();
            }
            Poll::Pending => self.wait(cx),
        }
        read
    }
}

impl AsyncWrite for PlacedStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.tcp).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tcp).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tcp).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.tcp).poll_write_vectored(cx, parts)
    }

    fn is_write_vectored(&self) -> bool {
        self.tcp.is_write_vectored()
    }
}
