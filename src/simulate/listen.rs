//! A port that listens: each conversation, and the faults that show before a word of the protocol.

use super::conversation::{Conversation, PATIENCE};
use super::faults::Fault;
use super::port::Port;
use super::{http, imap, ldap, pop3, rdp, smtp};
use crate::catalog::{Protocol, Security};
use std::io;
use std::sync::{Arc, PoisonError};
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};

/// Conversations at once on one port; the next wait to be accepted.
const MOST_AT_ONCE: usize = 256;

/// The longest that one conversation lasts, whatever is said: Exchange's `ConnectionTimeout`.
const LONGEST: Duration = PATIENCE.saturating_mul(10);

impl Port {
    /// Accepts and serves until the task is aborted; that ends its conversations too.
    pub(super) async fn serve(self: Arc<Self>, listener: TcpListener) {
        let mut conversations = JoinSet::new();
        loop {
            tokio::select! {
                accepted = listener.accept(), if conversations.len() < MOST_AT_ONCE => match accepted {
                    Ok((stream, _)) => {
                        let port = Arc::clone(&self);
                        conversations.spawn(async move {
                            // A peer that fails or leaves is its own affair: nothing is told, nothing is kept.
                            let _ = timeout(LONGEST, port.converse(stream)).await;
                        });
                    }
                    // Out of descriptors, or a peer that reset before it was accepted: neither ends the service.
                    Err(_) => sleep(Duration::from_millis(50)).await,
                },
                Some(_) = conversations.join_next(), if !conversations.is_empty() => {}
            }
        }
    }

    async fn converse(&self, stream: TcpStream) -> io::Result<()> {
        let mut peer = Conversation::new(stream)?;
        if self.has(Fault::ClosedEarly) || self.has(Fault::NoLiveMember) {
            return peer.close().await;
        }
        if self.has(Fault::ProxyHeaderMissing) && !peer.takes_header().await {
            return peer.close().await;
        }
        if self.has(Fault::ConnectionsLimited) && self.is_one_too_many() {
            return self.turn_away(peer).await;
        }
        if self.has(Fault::Silent) {
            return peer.ignore().await;
        }
        if self.begins_with_tls() {
            if let Some(words) = self.words_without_certificate() {
                peer.say(words).await?;
                return peer.close().await;
            }
            peer = peer.upgrade(&self.tls).await?;
        }
        match self.service.row().protocol {
            Protocol::Smtp => smtp::serve(self, peer).await,
            Protocol::Imap => imap::serve(self, peer).await,
            Protocol::Pop3 => pop3::serve(self, peer).await,
            Protocol::Ldap => ldap::serve(self, peer).await,
            Protocol::Rdp => rdp::serve(self, peer).await,
            Protocol::Http => http::serve(self, peer).await,
        }
    }

    /// Whether a connection comes when none was turned away lately: that one is.
    fn is_one_too_many(&self) -> bool {
        const LATELY: Duration = Duration::from_secs(10);
        let mut last = self
            .turned_away
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let is_lately = last.is_some_and(|last| last.elapsed() < LATELY);
        *last = if is_lately {
            None
        } else {
            Some(Instant::now())
        };
        !is_lately
    }

    /// As one connection too many, in the words of the protocol.
    async fn turn_away(&self, mut peer: Conversation) -> io::Result<()> {
        if self.begins_with_tls() {
            peer = peer.upgrade(&self.tls).await?;
        }
        let words = match self.service.row().protocol {
            Protocol::Smtp => {
                "421 4.3.2 The maximum number of concurrent server connections has exceeded a per-source \
                               limit, closing transmission channel\r\n"
            }
            Protocol::Imap => "* BYE Connection is closed. 10\r\n",
            Protocol::Pop3 => "-ERR Connection is closed. 10\r\n",
            Protocol::Ldap | Protocol::Rdp | Protocol::Http => "",
        };
        peer.say(words).await?;
        peer.close().await
    }

    fn begins_with_tls(&self) -> bool {
        match self.service.row().security {
            Security::ImplicitTls => {
                !self.has(Fault::CleartextOnTlsPort) && !self.has(Fault::ClientProxy)
            }
            Security::Starttls => self.has(Fault::TlsOnCleartextPort),
            Security::Cleartext | Security::X224 => false,
        }
    }

    /// What Exchange says on a port where TLS comes first, in clear, when there is no certificate.
    fn words_without_certificate(&self) -> Option<&'static str> {
        if !self.has(Fault::NoCertificate) {
            return None;
        }
        match self.service.row().protocol {
            Protocol::Imap => Some("* BYE Connection is closed. 14\r\n"),
            Protocol::Pop3 => Some("-ERR Connection is closed. 13\r\n"),
            Protocol::Smtp | Protocol::Ldap | Protocol::Rdp | Protocol::Http => None,
        }
    }
}
