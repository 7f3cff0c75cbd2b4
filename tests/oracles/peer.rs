//! A peer that is all bytes: what it says and does is read out of whatever was made up, and the clock stands still.
//!
//! Every byte is said, but `0xFF` and the one after it, which together are an act:
//!
//! | after `0xFF` | act |
//! | --- | --- |
//! | `h` | hears something, however long that takes |
//! | `t`, `T` | shakes hands, in TLS 1.2 or 1.3 |
//! | `w`, `W` | waits, 1 s or 7 s |
//! | `d` | what was said last is said a byte a second |
//! | `f` | what was said last is said until nobody takes it, or it is a flood |
//! | `c`, `r` | closes; resets |
//! | `n` | that was all on this connection; the next one follows |
//! | `0xFF` | says that byte |
//!
//! Who has nothing left to do hears everything and says nothing until the other end is closed.

use std::collections::VecDeque;
use std::future::Future;
use std::io;
use std::mem::take;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use exchports::net::{Dial, Halt, Record, Roots, Session, Terms, TlsAsk, tls};
use exchports::observation::{Cause, Failure, Stage, State};
use exchports::plan::{Host, Limits, Stores, Trust};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::version::{TLS12, TLS13};
use rustls::{ServerConfig, SupportedProtocolVersion};
use tokio::io::{
    AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, DuplexStream, ReadBuf, duplex,
};
use tokio::time::{Instant, sleep};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

/// The name that is asked for, and that the usual certificate is made out to.
pub(crate) const HOST: &str = "mail.example.com";

/// More than the largest limit on what comes over one connection.
const FLOOD: usize = 300_000;

/// What fits between the two ends.
const PIPE: usize = 64 * 1024;

/// One thing that a peer does.
#[derive(Clone, Debug)]
pub(crate) enum Act {
    Say(Vec<u8>),
    Drip(Vec<u8>),
    Flood(Vec<u8>),
    Hear,
    Tls(Arc<ServerConfig>),
    Wait(Duration),
    Close,
    Reset,
}

/// What a peer does, connection after connection.
pub(crate) fn acts(data: &[u8]) -> VecDeque<Vec<Act>> {
    let mut connections = VecDeque::new();
    let mut acts = Vec::new();
    let mut said = Vec::new();
    let mut bytes = data.iter();
    while let Some(&byte) = bytes.next() {
        let (0xff, Some(&act)) = (byte, bytes.as_slice().first()) else {
            said.push(byte);
            continue;
        };
        bytes.next();
        if act == 0xff {
            said.push(act);
            continue;
        }
        let before = take(&mut said);
        match act {
            b'd' => acts.push(Act::Drip(before)),
            b'f' => acts.push(Act::Flood(before)),
            _ if before.is_empty() => {}
            _ => acts.push(Act::Say(before)),
        }
        match act {
            b'h' => acts.push(Act::Hear),
            b't' => acts.push(Act::Tls(usual(&TLS12))),
            b'T' => acts.push(Act::Tls(usual(&TLS13))),
            b'w' => acts.push(Act::Wait(Duration::from_secs(1))),
            b'W' => acts.push(Act::Wait(Duration::from_secs(7))),
            b'c' => acts.push(Act::Close),
            b'r' => acts.push(Act::Reset),
            b'n' => connections.push_back(take(&mut acts)),
            _ => {}
        }
    }
    if !said.is_empty() {
        acts.push(Act::Say(said));
    }
    connections.push_back(acts);
    connections
}

/// Runs something on a clock that moves only when everybody waits.
pub(crate) fn on_a_clock_that_stands_still<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime")
        .block_on(work)
}

/// Leads to peers that do this, one after the other; then nobody listens any more.
pub(crate) struct ScriptedDial {
    connections: Mutex<VecDeque<Vec<Act>>>,
    limits: Limits,
    began: Instant,
    open: Arc<AtomicUsize>,
    said: Mutex<Vec<Arc<Mutex<Vec<u8>>>>>,
}

impl ScriptedDial {
    pub(crate) fn new(connections: VecDeque<Vec<Act>>, limits: Limits) -> Self {
        Self {
            connections: Mutex::new(connections),
            limits,
            began: Instant::now(),
            open: Arc::default(),
            said: Mutex::default(),
        }
    }

    pub(crate) fn took(&self) -> Duration {
        self.began.elapsed()
    }

    /// What was heard of us, connection by connection, out of TLS where the peer shook hands.
    pub(crate) fn heard(&self) -> Vec<Vec<u8>> {
        let all = self.said.lock().expect("nobody panicked");
        let heard = all.iter();
        heard
            .map(|said| said.lock().expect("nobody panicked").clone())
            .collect()
    }
}

impl Dial for ScriptedDial {
    type Stream = OurEnd;

    async fn dial<'a>(&'a self, record: &'a mut Record) -> Result<Session<'a, OurEnd>, Failure> {
        let before = self.open.load(Ordering::Relaxed);
        assert_eq!(before, 0, "the connection before was still open");
        record.enter(Stage::Connect);
        let address = ([192, 0, 2, 25], 25).into();
        let next = self.connections.lock().expect("one at a time").pop_front();
        let Some(acts) = next else {
            record.connected(State::Closed, address, None, Vec::new());
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
        let (ours, theirs) = duplex(PIPE);
        let reset = Arc::new(AtomicBool::new(false));
        let said = Arc::default();
        tokio::spawn(play(acts, theirs, Arc::clone(&said), Arc::clone(&reset)));
        self.said.lock().expect("one at a time").push(said);
        self.open.fetch_add(1, Ordering::Relaxed);
        let local = ([192, 0, 2, 10], 50000).into();
        record.connected(State::Open, address, Some(local), Vec::new());
        let terms = Terms {
            limits: self.limits,
            until: self.began + self.limits.check.saturating_sub(kept_back),
            deadline: None,
            halt: Halt::never(),
            tls: Arc::new(TlsAsk {
                host: Host::Name(HOST.to_owned()),
                roots: Arc::clone(&identity().roots),
            }),
        };
        let ours = OurEnd {
            stream: ours,
            reset,
            open: Arc::clone(&self.open),
        };
        Ok(Session::new(ours, record, terms))
    }
}

/// How a peer shakes hands that shows this chain, whosever key that is.
pub(crate) fn showing(
    chain: Vec<CertificateDer<'static>>,
    version: &'static SupportedProtocolVersion,
) -> Arc<ServerConfig> {
    let key = tls::provider()
        .key_provider
        .load_private_key(identity().key.clone_key())
        .expect("a key");
    let resolver = SingleCertAndKey::from(CertifiedKey::new(chain, key));
    let config = ServerConfig::builder_with_provider(tls::provider())
        .with_protocol_versions(&[version])
        .expect("a version")
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(resolver));
    Arc::new(config)
}

/// The same for every handshake with the usual certificate.
fn usual(version: &'static SupportedProtocolVersion) -> Arc<ServerConfig> {
    static USUAL: OnceLock<[Arc<ServerConfig>; 2]> = OnceLock::new();
    let chain = || vec![identity().certificate.clone()];
    let [old, new] = USUAL.get_or_init(|| [showing(chain(), &TLS12), showing(chain(), &TLS13)]);
    Arc::clone(if version.version == TLS12.version {
        old
    } else {
        new
    })
}

/// A certificate for [`HOST`], which is trusted.
struct Identity {
    certificate: CertificateDer<'static>,
    key: PrivateKeyDer<'static>,
    roots: Arc<Roots>,
}

fn identity() -> &'static Identity {
    static IDENTITY: OnceLock<Identity> = OnceLock::new();
    IDENTITY.get_or_init(|| {
        let made = rcgen::generate_simple_self_signed([HOST.to_owned()]).expect("a certificate");
        let certificate = made.cert.der().clone();
        let trust = Trust {
            stores: Stores::Public,
            ca_certificates: vec![certificate.to_vec()],
        };
        Identity {
            certificate,
            key: PrivateKeyDer::try_from(made.signing_key.serialize_der()).expect("a key"),
            roots: Arc::new(Roots::new(&trust).expect("a root")),
        }
    })
}

enum Channel {
    Clear(DuplexStream),
    Secure(Box<TlsStream<DuplexStream>>),
}

async fn play(
    acts: Vec<Act>,
    stream: DuplexStream,
    said: Arc<Mutex<Vec<u8>>>,
    reset: Arc<AtomicBool>,
) {
    let mut channel = Channel::Clear(stream);
    for act in acts {
        let done = match act {
            Act::Say(bytes) => channel.say(&bytes).await,
            Act::Drip(bytes) => channel.drip(&bytes).await,
            Act::Flood(bytes) if bytes.is_empty() => Ok(()),
            Act::Flood(bytes) => channel.say(&bytes.repeat(FLOOD / bytes.len() + 1)).await,
            Act::Hear => channel.hear(&said).await.map(drop),
            Act::Tls(config) => match channel {
                Channel::Clear(stream) => match TlsAcceptor::from(config).accept(stream).await {
                    Ok(stream) => {
                        channel = Channel::Secure(Box::new(stream));
                        Ok(())
                    }
                    // The client has gone, or did not come for this.
                    Err(_) => return,
                },
                // Twice is once too often.
                Channel::Secure(_) => Ok(()),
            },
            Act::Wait(time) => {
                sleep(time).await;
                Ok(())
            }
            Act::Close => {
                if let Channel::Secure(stream) = &mut channel {
                    let _ = stream.shutdown().await;
                }
                return;
            }
            Act::Reset => return reset.store(true, Ordering::Relaxed),
        };
        if done.is_err() {
            return;
        }
    }
    while let Ok(1..) = channel.hear(&said).await {}
}

impl Channel {
    async fn say(&mut self, bytes: &[u8]) -> io::Result<()> {
        match self {
            Self::Clear(stream) => stream.write_all(bytes).await,
            Self::Secure(stream) => {
                stream.write_all(bytes).await?;
                stream.flush().await
            }
        }
    }

    async fn drip(&mut self, bytes: &[u8]) -> io::Result<()> {
        for byte in bytes {
            self.say(&[*byte]).await?;
            sleep(Duration::from_secs(1)).await;
        }
        Ok(())
    }

    /// How much was heard; 0 at the end.
    async fn hear(&mut self, said: &Mutex<Vec<u8>>) -> io::Result<usize> {
        let mut chunk = [0; 2048];
        let count = match self {
            Self::Clear(stream) => stream.read(&mut chunk).await?,
            Self::Secure(stream) => stream.read(&mut chunk).await?,
        };
        let heard = chunk.get(..count).unwrap_or_default();
        said.lock().expect("nobody panicked").extend(heard);
        Ok(count)
    }
}

/// What the session runs over; the end is a reset where the peer said so.
pub(crate) struct OurEnd {
    stream: DuplexStream,
    reset: Arc<AtomicBool>,
    open: Arc<AtomicUsize>,
}

impl Drop for OurEnd {
    fn drop(&mut self) {
        self.open.fetch_sub(1, Ordering::Relaxed);
    }
}

impl AsyncRead for OurEnd {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(context, buffer))?;
        if buffer.filled().len() == before && self.reset.load(Ordering::Relaxed) {
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
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
