//! The other end of a connection, as a test makes it: what it does is a closure over a [`Peer`], or read out of bytes
//! ([`moves`]). It knows nothing of protocols, and is one for the tests of conversations and for the oracles.
//!
//! [`dial`] leads to it over pipes, [`identity`] is what it shows of itself in TLS, and [`beneath`] is TLS as a hostile
//! server does it.

mod beneath;
mod dial;
mod identity;
pub(crate) mod moves;

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use rustls::{ContentType, ServerConfig, SupportedProtocolVersion};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::Notify;

use beneath::{Change, Changes, Place};
use dial::TheirEnd;
pub(crate) use dial::{Heard, PeerDial, Pipe, Writes, late};
pub(crate) use identity::{HOST, config, identity, roots, showing};

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

/// Runs something on a clock that moves only when everybody waits.
pub(crate) fn on_a_clock_that_stands_still<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        // Else a peer has 61 turns for one of ours, and single bytes come in heaps.
        .event_interval(1)
        .build()
        .expect("a runtime")
        .block_on(work)
}

/// The peer's side of a conversation.
pub(crate) struct Peer {
    channel: Channel,
    heard: Arc<Mutex<Heard>>,
    reset: Arc<AtomicBool>,
    gone: Arc<Notify>,
}

enum Channel {
    /// In clear; what is to be changed once there are records.
    Clear(TheirEnd, Changes),
    Secure(Box<beneath::Session>),
    Gone,
}

/// Whether anybody is left at our end.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Line {
    Up,
    Down,
}

impl From<io::Result<()>> for Line {
    fn from(done: io::Result<()>) -> Self {
        match done {
            Ok(()) => Self::Up,
            Err(_) => Self::Down,
        }
    }
}

impl Peer {
    /// Says it all, if we let it.
    pub(crate) async fn say(&mut self, bytes: &[u8]) -> Line {
        let said = match &mut self.channel {
            Channel::Clear(stream, _) => stream.write_all(bytes).await,
            Channel::Secure(session) => {
                note_secret(&self.heard, bytes);
                session.say(bytes).await
            }
            Channel::Gone => return Line::Down,
        };
        said.into()
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
        self.note_said(&heard);
        heard
    }

    /// Hears everything until our end is closed.
    pub(crate) async fn hear_out(&mut self) -> Vec<u8> {
        self.hear(usize::MAX).await
    }

    /// Hears something, after our goodbye in TLS as well; how many bytes it took, 0 at the end.
    async fn hear_something(&mut self) -> io::Result<usize> {
        let mut heard = Vec::new();
        let came = match &mut self.channel {
            Channel::Clear(stream, _) => {
                heard.resize(2048, 0);
                let came = stream.read(&mut heard).await;
                heard.truncate(*came.as_ref().unwrap_or(&0));
                came
            }
            Channel::Secure(session) => session.hear(&mut heard).await,
            Channel::Gone => Ok(0),
        };
        self.note_said(&heard);
        came
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
        self.shake_hands(config(version)).await;
    }

    /// Shakes hands like this. Whoever has done so already, or has met nobody who wants to, has gone.
    pub(crate) async fn shake_hands(&mut self, config: Arc<ServerConfig>) -> Line {
        let Channel::Clear(stream, changes) = std::mem::replace(&mut self.channel, Channel::Gone)
        else {
            return Line::Down;
        };
        match beneath::Session::begin(stream, config, changes).await {
            Some(session) => {
                self.channel = Channel::Secure(Box::new(session));
                Line::Up
            }
            // The client may have seen enough.
            None => Line::Down,
        }
    }

    /// Closes in good order.
    pub(crate) async fn close(mut self) {
        if let Channel::Secure(session) = &mut self.channel {
            session.close().await;
        }
    }

    /// Closes as a host does that knows of no connection.
    pub(crate) fn reset(self) {
        self.reset.store(true, Ordering::Relaxed);
    }

    /// Reads what is there, and writes it down nowhere; 0 at the end, which is our goodbye in TLS as well.
    pub(crate) async fn read(&mut self, into: &mut [u8]) -> usize {
        let read = match &mut self.channel {
            Channel::Clear(stream, _) => stream.read(into).await,
            Channel::Secure(session) => session.read(into).await,
            Channel::Gone => Ok(0),
        };
        read.unwrap_or(0)
    }

    fn is_secure(&self) -> bool {
        matches!(self.channel, Channel::Secure(_))
    }

    /// Changes the records that are sent from now on; in clear, those of a handshake to come.
    fn change(&mut self, place: Place, change: Change) {
        match &mut self.channel {
            Channel::Clear(_, changes) => changes.push((place, change)),
            Channel::Secure(session) => session.change(place, change),
            Channel::Gone => {}
        }
    }

    /// Says it beneath the session, as it is.
    async fn beneath(&mut self, bytes: &[u8]) -> Line {
        match &mut self.channel {
            Channel::Secure(session) => session.beneath(bytes).await.into(),
            _ => self.say(bytes).await,
        }
    }

    /// Sends once more what was sent last; in clear nothing.
    async fn replay(&mut self) -> Line {
        match &mut self.channel {
            Channel::Secure(session) => session.replay().await.into(),
            _ => Line::Up,
        }
    }

    /// Says it in a record of that type, with the keys.
    async fn say_as(&mut self, typ: ContentType, bytes: &[u8]) -> Line {
        match &mut self.channel {
            Channel::Secure(session) => {
                if typ == ContentType::ApplicationData {
                    note_secret(&self.heard, bytes);
                }
                session.say_as(typ, bytes).await.into()
            }
            _ => self.say(bytes).await,
        }
    }

    /// Takes new keys, so many times.
    async fn update_keys(&mut self, times: u8) -> Line {
        match &mut self.channel {
            Channel::Secure(session) => session.update_keys(times).await.into(),
            _ => Line::Up,
        }
    }

    fn note_said(&self, bytes: &[u8]) {
        let mut heard = self.heard.lock().expect("nobody panicked");
        heard.said.extend(bytes);
    }
}

fn note_secret(heard: &Mutex<Heard>, bytes: &[u8]) {
    let mut heard = heard.lock().expect("nobody panicked");
    heard.in_secret.extend(bytes);
}
