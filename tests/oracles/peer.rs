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
//! Some are about what is beneath a session, and what is in it only with the keys; their operands are bytes behind the
//! letter, a *place* among them, which is a [`Place`]. In clear there is no beneath.
//!
//! | after `0xFF` | operands | act |
//! | --- | --- | --- |
//! | `H` | | shakes hands in TLS 1.3 after a `HelloRetryRequest` |
//! | `q`, `Q` | | shakes hands in TLS 1.2 or 1.3, and wants a certificate |
//! | `x` | place, offset, bits | flips bits of a byte |
//! | `k`, `z` | place, offset | cuts a flight there; closes there |
//! | `v` | place | leaves a record out |
//! | `2` | place | sends it twice |
//! | `o` | place | sends the one behind it first |
//! | `s` | place, bytes | sends its content in records of so many bytes; of 0, a message each |
//! | `m` | place | sends it and the one behind it in one |
//! | `i` | place | what was said last goes before it, as it is |
//! | `u`, `F` | | what was said last is sent beneath, as it is; without end |
//! | `R` | | what was sent last is sent again |
//! | `e` | type | what was said last is said in a record of that type, with the keys |
//! | `K` | times | new keys |
//! | `C` | | closes without a word |
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

use exchports::net::{Bounds, Dial, Halt, Record, Roots, Session, TlsAsk, tls};
use exchports::observation::{Cause, Failure, Stage, State};
use exchports::plan::{Host, Limits, Stores, Trust};
use rustls::crypto::CryptoProvider;
use rustls::crypto::ring::kx_group::SECP384R1;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::version::{TLS12, TLS13};
use rustls::{ContentType, RootCertStore, ServerConfig, SupportedProtocolVersion};
use tokio::io::{
    AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, DuplexStream, ReadBuf, duplex,
};
use tokio::time::{Instant, sleep};

use super::beneath::{self, Change, Changes, Place};

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
    /// Closes without a word.
    HangUp,
    Change(Place, Change),
    Beneath(Vec<u8>),
    FloodBeneath(Vec<u8>),
    Replay,
    SayAs(ContentType, Vec<u8>),
    UpdateKeys(u8),
}

/// What a peer does, connection after connection.
pub(crate) fn acts(data: &[u8]) -> VecDeque<Vec<Act>> {
    let mut connections = VecDeque::new();
    let mut acts = Vec::new();
    let mut said = Vec::new();
    let mut bytes = data.iter().copied();
    while let Some(byte) = bytes.next() {
        if byte != 0xff {
            said.push(byte);
            continue;
        }
        let letter = match bytes.next() {
            None | Some(0xff) => {
                said.push(0xff);
                continue;
            }
            Some(letter) => letter,
        };
        let act = act(letter, &mut said, &mut bytes);
        // What no act has taken is said.
        if !said.is_empty() {
            acts.push(Act::Say(take(&mut said)));
        }
        acts.extend(act);
        if letter == b'n' {
            connections.push_back(take(&mut acts));
        }
    }
    if !said.is_empty() {
        acts.push(Act::Say(said));
    }
    connections.push_back(acts);
    connections
}

fn act(letter: u8, said: &mut Vec<u8>, bytes: &mut impl Iterator<Item = u8>) -> Option<Act> {
    let mut operand = || bytes.next().unwrap_or_default();
    Some(match letter {
        b'd' => Act::Drip(take(said)),
        b'f' => Act::Flood(take(said)),
        b'h' => Act::Hear,
        b't' => Act::Tls(usual(Handshake::Tls12)),
        b'T' => Act::Tls(usual(Handshake::Tls13)),
        b'H' => Act::Tls(usual(Handshake::Retried)),
        b'q' => Act::Tls(usual(Handshake::Wanting12)),
        b'Q' => Act::Tls(usual(Handshake::Wanting13)),
        b'w' => Act::Wait(Duration::from_secs(1)),
        b'W' => Act::Wait(Duration::from_secs(7)),
        b'c' => Act::Close,
        b'C' => Act::HangUp,
        b'r' => Act::Reset,
        b'u' => Act::Beneath(take(said)),
        b'F' => Act::FloodBeneath(take(said)),
        b'R' => Act::Replay,
        b'e' => Act::SayAs(ContentType::from(operand()), take(said)),
        b'K' => Act::UpdateKeys(operand()),
        b'x' | b'k' | b'z' | b'v' | b'2' | b'o' | b's' | b'm' | b'i' => {
            let place = Place::new(operand());
            let change = match letter {
                b'x' => Change::Flip {
                    at: operand(),
                    by: operand(),
                },
                b'k' => Change::Cut { at: operand() },
                b'z' => Change::End { at: operand() },
                b'v' => Change::Drop,
                b'2' => Change::Twice,
                b'o' => Change::Swap,
                b's' => Change::Split { size: operand() },
                b'm' => Change::Join,
                _ => Change::Insert(take(said)),
            };
            Act::Change(place, change)
        }
        _ => return None,
    })
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
    minutes: Mutex<Vec<Arc<Mutex<Minutes>>>>,
}

/// What was said on a connection.
#[derive(Clone, Debug, Default)]
pub(crate) struct Minutes {
    /// What was heard of us, out of TLS where the peer shook hands.
    pub(crate) heard: Vec<u8>,
    /// What the peer said in its secure session, whether it came through or not.
    pub(crate) in_secret: Vec<u8>,
}

impl ScriptedDial {
    pub(crate) fn new(connections: VecDeque<Vec<Act>>, limits: Limits) -> Self {
        Self {
            connections: Mutex::new(connections),
            limits,
            began: Instant::now(),
            open: Arc::default(),
            minutes: Mutex::default(),
        }
    }

    pub(crate) fn took(&self) -> Duration {
        self.began.elapsed()
    }

    /// What was said, connection by connection.
    pub(crate) fn minutes(&self) -> Vec<Minutes> {
        let all = self.minutes.lock().expect("nobody panicked");
        let minutes = all.iter();
        minutes
            .map(|minutes| minutes.lock().expect("nobody panicked").clone())
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
        let (ours, theirs) = duplex(PIPE);
        let reset = Arc::new(AtomicBool::new(false));
        let minutes = Arc::default();
        tokio::spawn(play(acts, theirs, Arc::clone(&minutes), Arc::clone(&reset)));
        self.minutes.lock().expect("one at a time").push(minutes);
        self.open.fetch_add(1, Ordering::Relaxed);
        let local = ([192, 0, 2, 10], 50000).into();
        record.connected(Some(State::Open), Some(address), Some(local), Vec::new());
        let bounds = Bounds {
            limits: self.limits,
            until: self.began + self.limits.check.saturating_sub(kept_back),
            deadline: None,
            halt: Halt::never(),
        };
        let ours = OurEnd {
            stream: ours,
            reset,
            open: Arc::clone(&self.open),
        };
        Ok(Session::new(
            ours,
            record,
            bounds,
            Arc::new(TlsAsk {
                host: Host::Name(HOST.to_owned()),
                identity: None,
                roots: Arc::clone(&identity().roots),
                known: exchports::net::KnownChains::default(),
            }),
        ))
    }
}

/// How a peer shakes hands that shows this chain, whosever key that is.
pub(crate) fn showing(
    chain: Vec<CertificateDer<'static>>,
    version: &'static SupportedProtocolVersion,
) -> Arc<ServerConfig> {
    let config = ServerConfig::builder_with_provider(tls::provider())
        .with_protocol_versions(&[version])
        .expect("a version")
        .with_no_client_auth()
        .with_cert_resolver(resolver(chain));
    Arc::new(config)
}

fn resolver(chain: Vec<CertificateDer<'static>>) -> Arc<SingleCertAndKey> {
    let key = tls::provider()
        .key_provider
        .load_private_key(identity().key.clone_key())
        .expect("a key");
    Arc::new(SingleCertAndKey::from(CertifiedKey::new(chain, key)))
}

/// A way to shake hands with the usual certificate.
#[derive(Clone, Copy, Debug)]
enum Handshake {
    Tls12,
    Tls13,
    /// The server wants another group than the first one offered.
    Retried,
    /// The server wants a certificate.
    Wanting12,
    Wanting13,
}

/// The same for every handshake of that kind.
fn usual(handshake: Handshake) -> Arc<ServerConfig> {
    use Handshake::{Retried, Tls12, Tls13, Wanting12, Wanting13};
    static USUAL: OnceLock<[Arc<ServerConfig>; 5]> = OnceLock::new();
    let all = USUAL.get_or_init(|| [Tls12, Tls13, Retried, Wanting12, Wanting13].map(configured));
    Arc::clone(&all[handshake as usize])
}

fn configured(handshake: Handshake) -> Arc<ServerConfig> {
    let mut provider = CryptoProvider::clone(&tls::provider());
    if let Handshake::Retried = handshake {
        provider.kx_groups = vec![SECP384R1];
    }
    let provider = Arc::new(provider);
    let version = match handshake {
        Handshake::Tls12 | Handshake::Wanting12 => &TLS12,
        Handshake::Tls13 | Handshake::Retried | Handshake::Wanting13 => &TLS13,
    };
    let config = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_protocol_versions(&[version])
        .expect("a version");
    let config = match handshake {
        Handshake::Tls12 | Handshake::Tls13 | Handshake::Retried => config.with_no_client_auth(),
        Handshake::Wanting12 | Handshake::Wanting13 => {
            let mut roots = RootCertStore::empty();
            roots.add(identity().certificate.clone()).expect("a root");
            let wants = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
            config.with_client_cert_verifier(wants.build().expect("a verifier"))
        }
    };
    let mut config = config.with_cert_resolver(resolver(vec![identity().certificate.clone()]));
    config.enable_secret_extraction = true;
    Arc::new(config)
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
    Clear(DuplexStream, Changes),
    Secure(Box<beneath::Session>),
}

async fn play(
    acts: Vec<Act>,
    stream: DuplexStream,
    minutes: Arc<Mutex<Minutes>>,
    reset: Arc<AtomicBool>,
) {
    let mut channel = Channel::Clear(stream, Changes::new());
    for act in acts {
        let done = match act {
            Act::Say(bytes) => channel.say(&bytes, &minutes).await,
            Act::Drip(bytes) => channel.drip(&bytes, &minutes).await,
            Act::Flood(bytes) => channel.say(&flood(&bytes), &minutes).await,
            Act::Hear => channel.hear(&minutes).await.map(drop),
            Act::Tls(config) => match channel.shake_hands(config).await {
                Some(secure) => {
                    channel = secure;
                    Ok(())
                }
                // The client has gone, or did not come for this.
                None => return,
            },
            Act::Wait(time) => {
                sleep(time).await;
                Ok(())
            }
            Act::Close => return channel.close().await,
            Act::HangUp => return,
            Act::Reset => return reset.store(true, Ordering::Relaxed),
            Act::Change(place, change) => {
                channel.change(place, change);
                Ok(())
            }
            Act::Beneath(bytes) => channel.beneath(&bytes).await,
            Act::FloodBeneath(bytes) => channel.beneath(&flood(&bytes)).await,
            Act::Replay => channel.replay().await,
            Act::SayAs(typ, bytes) => channel.say_as(typ, &bytes, &minutes).await,
            Act::UpdateKeys(times) => channel.update_keys(times).await,
        };
        if done.is_err() {
            return;
        }
    }
    while let Ok(1..) = channel.hear(&minutes).await {}
}

/// More of it than anybody takes.
fn flood(bytes: &[u8]) -> Vec<u8> {
    bytes.repeat(FLOOD / bytes.len().max(1) + 1)
}

impl Channel {
    /// The same channel, secure; twice is once too often.
    async fn shake_hands(self, config: Arc<ServerConfig>) -> Option<Self> {
        match self {
            Self::Clear(stream, changes) => {
                let session = beneath::Session::begin(stream, config, changes).await?;
                Some(Self::Secure(Box::new(session)))
            }
            Self::Secure(session) => Some(Self::Secure(session)),
        }
    }

    async fn say(&mut self, bytes: &[u8], minutes: &Mutex<Minutes>) -> io::Result<()> {
        match self {
            Self::Clear(stream, _) => stream.write_all(bytes).await,
            Self::Secure(session) => {
                note(minutes, bytes);
                session.say(bytes).await
            }
        }
    }

    async fn drip(&mut self, bytes: &[u8], minutes: &Mutex<Minutes>) -> io::Result<()> {
        for byte in bytes {
            self.say(&[*byte], minutes).await?;
            sleep(Duration::from_secs(1)).await;
        }
        Ok(())
    }

    /// How much was heard; 0 at the end.
    async fn hear(&mut self, minutes: &Mutex<Minutes>) -> io::Result<usize> {
        let mut heard = Vec::new();
        let count = match self {
            Self::Clear(stream, _) => {
                heard.resize(2048, 0);
                let count = stream.read(&mut heard).await?;
                heard.truncate(count);
                count
            }
            Self::Secure(session) => session.hear(&mut heard).await?,
        };
        minutes.lock().expect("nobody panicked").heard.extend(heard);
        Ok(count)
    }

    async fn close(self) {
        if let Self::Secure(mut session) = self {
            session.close().await;
        }
    }

    fn change(&mut self, place: Place, change: Change) {
        match self {
            Self::Clear(_, changes) => changes.push((place, change)),
            Self::Secure(session) => session.change(place, change),
        }
    }

    async fn beneath(&mut self, bytes: &[u8]) -> io::Result<()> {
        match self {
            Self::Clear(stream, _) => stream.write_all(bytes).await,
            Self::Secure(session) => session.beneath(bytes).await,
        }
    }

    async fn replay(&mut self) -> io::Result<()> {
        match self {
            Self::Clear(..) => Ok(()),
            Self::Secure(session) => session.replay().await,
        }
    }

    async fn say_as(
        &mut self,
        typ: ContentType,
        bytes: &[u8],
        minutes: &Mutex<Minutes>,
    ) -> io::Result<()> {
        match self {
            Self::Clear(stream, _) => stream.write_all(bytes).await,
            Self::Secure(session) => {
                if typ == ContentType::ApplicationData {
                    note(minutes, bytes);
                }
                session.say_as(typ, bytes).await
            }
        }
    }

    async fn update_keys(&mut self, times: u8) -> io::Result<()> {
        match self {
            Self::Clear(..) => Ok(()),
            Self::Secure(session) => session.update_keys(times).await,
        }
    }
}

fn note(minutes: &Mutex<Minutes>, bytes: &[u8]) {
    let mut minutes = minutes.lock().expect("nobody panicked");
    minutes.in_secret.extend(bytes);
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
