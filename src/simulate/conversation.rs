//! One connection: bounded reading, writing, the upgrade to TLS, and a clean end.

use super::extent::Extent;
use super::handshake::{self, Handshake, LONGEST_RECORD, Word, handshake_record};
use std::future::Future;
use std::io;
use std::net::IpAddr;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::server::TlsStream;

/// How long a peer may take for one request, or to take one answer: Exchange's `PreAuthenticatedConnectionTimeout`.
pub(super) const PATIENCE: Duration = Duration::from_secs(60);

/// How long and how much is read after our end, so that the peer meets a FIN and never a reset that eats our last
/// words.
const LINGER: Duration = Duration::from_secs(2);
const LINGER_BYTES: usize = 1 << 20;

/// A connection, in clear or upgraded.
pub(super) struct Conversation {
    stream: ClientStream,
    unread: Vec<u8>,
    peer: IpAddr,
    local: IpAddr,
}

enum ClientStream {
    Clear(TcpStream),
    Secure(Box<TlsStream<TcpStream>>),
}

/// What came, if anything.
#[derive(Debug, Eq, PartialEq)]
pub(super) enum Received {
    /// A whole request.
    Request(Vec<u8>),
    /// Not the protocol.
    Foreign,
    /// A request over the limit.
    TooLong,
    /// Nothing whole within [`PATIENCE`].
    Silence,
    /// The peer has left.
    Gone,
}

impl Conversation {
    pub(super) fn new(stream: TcpStream) -> io::Result<Self> {
        // A dialogue is lock-step: waiting to fill packets only costs time.
        stream.set_nodelay(true)?;
        let peer = stream.peer_addr()?.ip().to_canonical();
        let local = stream.local_addr()?.ip().to_canonical();
        Ok(Self {
            stream: ClientStream::Clear(stream),
            unread: Vec::new(),
            peer,
            local,
        })
    }

    pub(super) fn peer(&self) -> IpAddr {
        self.peer
    }

    pub(super) fn local(&self) -> IpAddr {
        self.local
    }

    pub(super) fn is_secure(&self) -> bool {
        matches!(self.stream, ClientStream::Secure(_))
    }

    /// Says all of it, in one write.
    pub(super) async fn say(&mut self, words: impl AsRef<[u8]>) -> io::Result<()> {
        let words = words.as_ref();
        within(async {
            match &mut self.stream {
                ClientStream::Clear(tcp) => tcp.write_all(words).await,
                ClientStream::Secure(tls) => {
                    tls.write_all(words).await?;
                    tls.flush().await
                }
            }
        })
        .await
    }

    /// The next line without its end, CRLF or LF.
    pub(super) async fn line(&mut self, limit: usize) -> Received {
        let heard = self
            .receive(limit, |bytes| {
                match bytes.iter().position(|byte| *byte == b'\n') {
                    Some(at) => Extent::Whole(at + 1),
                    None => Extent::Unfinished,
                }
            })
            .await;
        match heard {
            Received::Request(mut line) => {
                line.pop();
                if line.last() == Some(&b'\r') {
                    line.pop();
                }
                Received::Request(line)
            }
            other => other,
        }
    }

    /// Whether the first line is a header of the PROXY protocol, version 1. Not a byte behind it is taken.
    pub(super) async fn takes_header(&mut self) -> bool {
        const BEGINNING: &[u8] = b"PROXY ";
        const LONGEST: usize = 107;
        let take = async {
            let mut line = Vec::new();
            let mut byte = [0];
            while !line.ends_with(b"\r\n") && line.len() < LONGEST {
                if !matches!(self.read(&mut byte).await, Ok(1)) {
                    return false;
                }
                line.extend(byte);
                let begun = line.len().min(BEGINNING.len());
                if line.get(..begun) != BEGINNING.get(..begun) {
                    return false;
                }
            }
            line.ends_with(b"\r\n")
        };
        timeout(PATIENCE, take).await.unwrap_or(false)
    }

    /// The next request, of whatever shape `extent` finds.
    pub(super) async fn receive(
        &mut self,
        limit: usize,
        extent: impl Fn(&[u8]) -> Extent,
    ) -> Received {
        timeout(PATIENCE, async {
            loop {
                match extent(&self.unread) {
                    Extent::Whole(end) if end <= limit => {
                        let rest = self.unread.split_off(end.min(self.unread.len()));
                        return Received::Request(std::mem::replace(&mut self.unread, rest));
                    }
                    Extent::Foreign => return Received::Foreign,
                    Extent::Unfinished if self.unread.len() < limit => {}
                    Extent::Whole(_) | Extent::Unfinished => return Received::TooLong,
                }
                let mut chunk = [0; 2048];
                match self.read(&mut chunk).await {
                    Ok(count) if count > 0 => {
                        self.unread.extend(chunk.iter().take(count));
                    }
                    _ => return Received::Gone,
                }
            }
        })
        .await
        .unwrap_or(Received::Silence)
    }

    /// Takes whatever comes and keeps none of it, until the peer leaves.
    pub(super) async fn ignore(mut self) -> io::Result<()> {
        self.unread = Vec::new();
        let mut chunk = [0; 2048];
        while self.read(&mut chunk).await? > 0 {}
        self.close().await
    }

    /// The TLS handshake, as the server. What was sent in clear before it is thrown away (RFC 3207 §4.2): nothing
    /// injected there is ever taken for a word of the secure session.
    ///
    /// One that goes wrong ends the conversation.
    pub(super) async fn upgrade(mut self, tls: &Handshake) -> io::Result<Self> {
        self.unread = Vec::new();
        let acceptor = match tls {
            Handshake::Real(acceptor) | Handshake::Torn(acceptor) => acceptor,
            broken => return self.fail_to_upgrade(broken).await,
        };
        let ClientStream::Clear(tcp) = self.stream else {
            return Err(io::Error::other("TLS is active"));
        };
        let shaken = timeout(PATIENCE, acceptor.accept(tcp).into_fallible()).await;
        match shaken {
            Ok(Ok(mut stream)) if matches!(tls, Handshake::Torn(_)) => {
                // The client's first word may be waited for; what comes then is none of TLS.
                let mut chunk = [0; 2048];
                let _ = timeout(LINGER, stream.read(&mut chunk)).await;
                let mut tcp = stream.into_inner().0;
                within(tcp.write_all(b"HTTP/1.1 502 Bad Gateway\r\n\r\n")).await?;
                linger(tcp).await;
                Err(io::Error::other("the session was to break"))
            }
            Ok(Ok(stream)) => {
                self.stream = ClientStream::Secure(Box::new(stream));
                Ok(self)
            }
            Ok(Err((error, tcp))) => {
                // The alert is written; now the peer has to be able to read it.
                linger(tcp).await;
                Err(error)
            }
            Err(_) => Err(io::ErrorKind::TimedOut.into()),
        }
    }

    async fn fail_to_upgrade(mut self, tls: &Handshake) -> io::Result<Self> {
        if let Received::Request(record) = self.receive(LONGEST_RECORD, handshake_record).await {
            match handshake::word(tls, &record) {
                Word::Nothing => {}
                Word::Alert(alert) => self.say(alert).await?,
                Word::Flight(flight) => {
                    self.say(flight).await?;
                    // A client that goes on instead of leaving is told that this leads nowhere.
                    if let Received::Request(_) =
                        self.receive(LONGEST_RECORD, handshake_record).await
                    {
                        self.say(handshake::given_up()).await?;
                    }
                }
            }
        }
        self.close().await?;
        Err(io::Error::other("the handshake was to fail"))
    }

    /// Ends: `close_notify` if there is TLS, FIN, and then a short while of listening.
    pub(super) async fn close(self) -> io::Result<()> {
        match self.stream {
            ClientStream::Clear(tcp) => linger(tcp).await,
            ClientStream::Secure(mut tls) => {
                within(tls.shutdown()).await?;
                linger(tls.into_inner().0).await;
            }
        }
        Ok(())
    }

    async fn read(&mut self, chunk: &mut [u8]) -> io::Result<usize> {
        match &mut self.stream {
            ClientStream::Clear(tcp) => tcp.read(chunk).await,
            ClientStream::Secure(tls) => tls.read(chunk).await,
        }
    }
}

async fn within<T>(work: impl Future<Output = io::Result<T>>) -> io::Result<T> {
    timeout(PATIENCE, work)
        .await
        .unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
}

/// Sends FIN and takes what the peer still says: a close with unread bytes would be a reset, and a reset destroys what
/// the peer has not read yet.
async fn linger(mut tcp: TcpStream) {
    // It fails when the peer is gone already, or when TLS has sent the FIN.
    let _ = tcp.shutdown().await;
    let _ = timeout(LINGER, async {
        let mut chunk = [0; 2048];
        let mut taken = 0;
        while taken < LINGER_BYTES {
            match tcp.read(&mut chunk).await {
                Ok(count) if count > 0 => taken += count,
                _ => break,
            }
        }
    })
    .await;
}
