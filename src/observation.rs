//! What one check saw: stages and their times, where it ended and why, and the facts learned on the way.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use crate::baseline::Before;
use crate::facts::{PeerFacts, Text, TlsFacts};

/// Everything that one check of one service saw.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Observation {
    /// The endpoint that was reached, the one whose failure is told, or the only one that could have been dialled.
    pub address: Option<SocketAddr>,
    /// Our own end of the first connection that was made.
    pub local_address: Option<SocketAddr>,
    /// The proxy that the way went through, by its URL.
    pub proxy: Option<Text>,
    /// When the check began, from the beginning of the run; `None` when nothing was attempted.
    pub began: Option<Duration>,
    /// What TCP showed; `None` when nothing was attempted.
    pub state: Option<State>,
    /// The addresses dialled for the first connection, when there was more than one.
    pub attempts: Vec<Attempt>,
    /// The stages in the order in which they were gone through, those of an audit aside.
    pub steps: Vec<Step>,
    /// Why the dialogue ended early; `None` when it went to its end.
    pub failure: Option<Failure>,
    /// What the TLS handshake showed.
    pub tls: Option<TlsFacts>,
    /// What the peer said in its own protocol.
    pub peer: Option<PeerFacts>,
    /// Bytes received in clear after the STARTTLS go-ahead; they were not passed on.
    pub injected_bytes: usize,
    /// What was noticed on the way and is no failure of the dialogue.
    pub detour: Option<Detour>,
    /// How the server turned the check away while other connections were open, where it was asked once more, alone.
    pub turned_away: Option<Text>,
    /// What an earlier run saw there, when this one is to be compared with it.
    pub before: Option<Arc<Before>>,
    /// The conversation, when it was asked for.
    pub transcript: Vec<Line>,
}

impl Observation {
    /// Whether the run was over before this was: by its deadline, or by an interrupt.
    #[must_use]
    pub fn is_cut_short(&self) -> bool {
        let cause = self.failure.as_ref().map(|failure| failure.cause);
        matches!(cause, Some(Cause::Deadline | Cause::Interrupted))
    }
}

/// What TCP showed of a port.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum State {
    /// The connection was accepted.
    Open,
    /// It was refused (RST).
    Closed,
    /// Nothing answered in time.
    Filtered,
    /// No route, or a router or a filter said no.
    Unreachable,
    /// This machine refused to send.
    Blocked,
    /// The name has no address.
    Unresolved,
}

impl State {
    /// The word that JSON and the table use.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Closed => "closed",
            Self::Filtered => "filtered",
            Self::Unreachable => "unreachable",
            Self::Blocked => "blocked",
            Self::Unresolved => "unresolved",
        }
    }
}

/// One address that was dialled.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Attempt {
    /// Where to.
    pub address: SocketAddr,
    /// What TCP showed; `None` when it was given up because another address answered first.
    pub state: Option<State>,
    /// How long it took.
    pub took: Duration,
}

/// One stage that was gone through, the failed one included.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Step {
    /// Which.
    pub stage: Stage,
    /// How long it took.
    pub took: Duration,
    /// On which connection of this check, counted from 1.
    pub connection: u8,
}

/// The stages of a check, in the order in which they can come.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Stage {
    /// Name to addresses.
    Resolve,
    /// TCP; to the proxy, where there is one.
    Connect,
    /// What a proxy on the way answers.
    Proxy,
    /// The server speaks first: SMTP, IMAP, POP3.
    Greeting,
    /// What the server can do, before TLS.
    Capabilities,
    /// The request to begin TLS and its answer; RDP's X.224 negotiation.
    Starttls,
    /// The handshake.
    TlsHandshake,
    /// What the server can do, in the secure session.
    SecureCapabilities,
    /// The HTTP exchange, the rootDSE.
    Application,
}

impl Stage {
    /// The word that JSON uses.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Resolve => "resolve",
            Self::Connect => "connect",
            Self::Proxy => "proxy",
            Self::Greeting => "greeting",
            Self::Capabilities => "capabilities",
            Self::Starttls => "starttls",
            Self::TlsHandshake => "tls-handshake",
            Self::SecureCapabilities => "secure-capabilities",
            Self::Application => "application",
        }
    }
}

/// Where and why a dialogue ended early.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Failure {
    /// Where.
    pub stage: Stage,
    /// Why.
    pub cause: Cause,
    /// The peer's own words, or this system's, escaped; where there are any.
    pub detail: Option<Text>,
}

/// Why a dialogue can end early: a closed set. What it means is for the rules.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Cause {
    // -- names
    /// The name does not exist.
    NameNotFound,
    /// The name exists and has no address (of the families asked for).
    NameWithoutAddress,
    /// The resolver did not answer, or said that it could not.
    LookupFailed,

    // -- TCP
    /// The connection was refused.
    Refused,
    /// Nobody answered in time.
    Filtered,
    /// No route, or a router or a filter said no.
    Unreachable,
    /// This machine does not let the connection out.
    BlockedHere,
    /// This machine has no address of that family, or no route to the host.
    NoFamilyHere,
    /// This machine has no way out at all, in either family.
    NoNetwork,
    /// This machine ran out of files, ports or memory.
    OutOfResources,
    /// The address given with `--source` is not one of this machine.
    SourceUnusable,

    // -- the proxy of `--proxy`
    /// There is no connection to it.
    ProxyUnreachable,
    /// What answers there does not speak as such a proxy does.
    ProxyNotUnderstood,
    /// It wants a sign-in that was not given, or one of another kind.
    ProxySignInRequired,
    /// It refused user and password.
    ProxySignInRefused,
    /// Its rules do not allow the connection.
    ProxyForbids,
    /// It could not connect, and does not say why.
    ProxyCouldNotTell,

    // -- any conversation
    /// Not a byte came in time.
    Silent,
    /// Something came, but not enough in time.
    Stalled,
    /// The peer closed before it answered.
    Closed,
    /// The peer reset the connection.
    Reset,
    /// More came than anyone needs.
    Flood,
    /// What came is not the protocol that belongs here.
    NotTheProtocol,
    /// The handshake worked, and what came after it is no TLS, or cannot be decrypted.
    TlsBroken,
    /// The server answered what this client never said, as it does to the header of the PROXY protocol.
    Unasked,
    /// Nobody says a word, but to the header of the PROXY protocol.
    HeaderAwaited,
    /// The server said at once that it is not available: 4xx, BYE, -ERR.
    ServiceUnavailable,
    /// The server refuses this client for good: a greeting of 5xx.
    Rejected,
    /// The server refused a command that belongs to every conversation.
    CommandRejected,

    // -- STARTTLS
    /// It is not offered.
    StarttlsNotOffered,
    /// Something on the way overwrote it.
    StarttlsOverwritten,
    /// It was offered and refused.
    StarttlsRejected,
    /// Plaintext came after the go-ahead.
    BytesInjected,
    /// The server says that it has no certificate.
    NoCertificate,
    /// RDP: the server speaks only its old security, without TLS.
    NoTls,
    /// RDP: the server refused the negotiation for another reason.
    NegotiationFailed,

    // -- TLS
    /// Cleartext came where TLS belongs.
    Cleartext,
    /// TLS came where cleartext belongs.
    Tls,
    /// The server ended the handshake with an alert (RFC 8446 §6.2).
    Alert(u8),
    /// The server closed or reset right after the `ClientHello`, without an alert.
    ClosedOnHello,
    /// The server speaks no version of TLS that this client has.
    VersionTooOld,
    /// The server wants a client certificate.
    ClientCertificateRequired,
    /// The server refused the client certificate that it asked for and got.
    ClientCertificateRefused,
    /// The handshake failed otherwise.
    HandshakeFailed,
    /// The server speaks today's TLS with a kind of key, or a key exchange group, that this client lacks.
    BeyondThisClient,
    /// The server speaks TLS 1.2, but only with suites that this client lacks: CBC, or RSA key exchange.
    LegacySuitesOnly,

    // -- ours
    /// 443 did not accept a connection, so the web services behind it were not asked.
    HttpsNotOpen,
    /// 443 accepted and came to no secure session, so the web services behind it were not asked.
    HttpsUnusable,
    /// The run's deadline came first.
    Deadline,
    /// Somebody pressed Ctrl-C.
    Interrupted,
    /// A defect of exchports itself.
    Internal,
}

impl Cause {
    /// Whether exchports, this machine or the proxy that was named kept the check from being made, and not the peer or
    /// the way to it.
    #[must_use]
    pub fn is_ours(self) -> bool {
        matches!(
            self,
            Self::BlockedHere
                | Self::NoFamilyHere
                | Self::NoNetwork
                | Self::OutOfResources
                | Self::SourceUnusable
                | Self::ProxyUnreachable
                | Self::ProxyNotUnderstood
                | Self::ProxySignInRequired
                | Self::ProxySignInRefused
                | Self::ProxyForbids
                | Self::ProxyCouldNotTell
                | Self::HttpsNotOpen
                | Self::HttpsUnusable
                | Self::Deadline
                | Self::Interrupted
                | Self::Internal
        )
    }

    /// Whether nothing could leave this machine, or the proxy that was named.
    #[must_use]
    pub fn kept_in(self) -> bool {
        self.is_ours()
            && !matches!(
                self,
                Self::ProxyForbids
                    | Self::ProxyCouldNotTell
                    | Self::HttpsNotOpen
                    | Self::HttpsUnusable
                    | Self::Deadline
                    | Self::Interrupted
            )
    }
}

/// A second way that a check went because the first led elsewhere.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Detour {
    /// Cleartext came on an implicit-TLS port; a second connection went on with STARTTLS or in clear.
    CleartextOnTlsPort,
    /// TLS came on a cleartext or STARTTLS port; a second connection went on with TLS first.
    TlsOnCleartextPort,
}

/// A line of the conversation, as `-v` tells it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Line {
    /// On which connection of this check, counted from 1.
    pub connection: u8,
    /// Who spoke.
    pub speaker: Speaker,
    /// What was said, escaped.
    pub text: Text,
}

/// Who spoke.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Speaker {
    /// We.
    Client,
    /// The peer.
    Server,
    /// Nobody: what happened.
    Event,
}
