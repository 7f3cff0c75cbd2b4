//! A connection's stream as it is recorded: what a peer said first is kept, and how much may come is counted.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, DuplexStream, ReadBuf};

use crate::plan::Limits;
use crate::wire::sniff::{Spoken, sniff};

/// What a session runs over.
pub trait Stream: AsyncRead + AsyncWrite + Send + Unpin + 'static {
    /// Acknowledges from now on without waiting for a word of ours that the acknowledgement could go with. Servers
    /// send tickets when a handshake of TLS 1.3 is over, and hold their answer until those are acknowledged (RFC 896).
    fn acknowledge_at_once(&mut self) {}
}

/// A pipe in memory, where nothing is acknowledged.
impl Stream for DuplexStream {}

/// A stream that remembers the first bytes it delivers, what a peer said instead of a TLS record; and ends at
/// [`Limits::WIRE_BYTES`], since nobody else counts the records that carry no word.
#[derive(Debug)]
pub struct RecordingStream<S> {
    stream: S,
    heard: Option<Recording>,
    left: usize,
}

/// What a tap remembers; it outlives the tap, which goes with a handshake that takes too long.
#[derive(Clone, Debug, Default)]
pub(super) struct Recording(Arc<Mutex<Vec<u8>>>);

impl Recording {
    /// What was heard so far, cut at its limit.
    pub(super) fn bytes(&self) -> Vec<u8> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    fn add(&self, bytes: &[u8]) {
        let mut heard = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let room = HEARD_BYTES.saturating_sub(heard.len());
        heard.extend(bytes.iter().take(room));
    }
}

impl<S> RecordingStream<S> {
    pub(super) fn new(stream: S) -> Self {
        Self {
            stream,
            heard: None,
            left: Limits::WIRE_BYTES,
        }
    }

    /// Begins to remember.
    pub(super) fn listen(&mut self) -> Recording {
        self.heard.insert(Recording::default()).clone()
    }

    pub(super) fn forget(&mut self) {
        self.heard = None;
    }
}

impl<S: Stream> RecordingStream<S> {
    pub(super) fn acknowledge_at_once(&mut self) {
        self.stream.acknowledge_at_once();
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for RecordingStream<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.left == 0 {
            return Poll::Ready(Err(io::ErrorKind::QuotaExceeded.into()));
        }
        let before = buffer.filled().len();
        let polled = Pin::new(&mut self.stream).poll_read(context, buffer);
        let came = buffer.filled().get(before..).unwrap_or_default();
        if let Some(heard) = &self.heard {
            heard.add(came);
        }
        self.left = self.left.saturating_sub(came.len());
        polled
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for RecordingStream<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, bytes)
    }

    /// Records that are ready together go in one call, as the stream takes them.
    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

/// How long the rest of a line is waited for that came where it does not belong.
pub(super) const REST_OF_LINE: Duration = Duration::from_millis(500);

/// Whether there is enough of what does not belong here to say what it is: a line, an alert, or a lot of anything.
pub(super) fn is_whole(heard: &[u8]) -> bool {
    let told = match sniff(heard) {
        Some(Spoken::TlsAlert { description, .. }) => description.is_some(),
        // No text: a line feed ends nothing there.
        Some(Spoken::Ldap | Spoken::Rdp | Spoken::TlsHandshake) => false,
        _ => heard.contains(&b'\n'),
    };
    told || heard.len() >= HEARD_BYTES
}

/// The first line of what was heard, at most 200 bytes of it.
pub(super) fn first_line(bytes: &[u8]) -> &[u8] {
    let line = bytes
        .split(|byte| matches!(byte, b'\r' | b'\n'))
        .find(|line| !line.is_empty())
        .unwrap_or_default();
    line.get(..200).unwrap_or(line)
}

/// How much is heard out of what does not belong where it is.
const HEARD_BYTES: usize = 512;
