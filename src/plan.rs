//! What a run is to do: targets, checks, and the bounds that it keeps. Everything here is *meant*, not typed: names
//! are valid, expectations are resolved, durations are positive.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use ipnet::IpNet;

use crate::baseline::Baseline;
use crate::catalog::{Expectation, Role, Service, ServiceId};
use crate::facts::TlsVersion;

/// A whole run.
#[derive(Clone, Debug)]
pub struct Plan {
    /// What is looked at, in the order in which it was asked for.
    pub targets: Vec<Target>,
    /// Which way connections go.
    pub reach: Reach,
    /// What they go through.
    pub proxy: Option<Arc<Proxy>>,
    /// A proxy that this machine's environment names and this run does not use.
    pub unused_proxy: Option<Arc<Proxy>>,
    /// Whose port 25 is dialled for comparison, where that of a target does not answer.
    pub controls: Vec<ControlHost>,
    /// An earlier run to compare with.
    pub baseline: Option<Arc<Baseline>>,
    /// Whom to trust.
    pub trust: Trust,
    /// What counts as good.
    pub standards: Standards,
    /// How far a conversation goes.
    pub depth: Depth,
    /// Whether more is asked than a client needs to know.
    pub audit: Audit,
    /// How we call ourselves in EHLO; `None` is the socket's address literal (RFC 5321 §4.1.3).
    pub ehlo_name: Option<String>,
    /// Whether conversations are kept word for word.
    pub transcripts: Transcripts,
    /// Bounds.
    pub limits: Limits,
}

/// A host to look at.
#[derive(Clone, Debug)]
pub struct Target {
    /// The host as it was typed.
    pub name: String,
    /// The host as it is looked up and connected to; a final dot keeps the resolver from adding suffixes.
    pub host: Host,
    /// An address that takes the place of the lookup (`--address`).
    pub address: Option<IpAddr>,
    /// What the certificate has to be made out to, what SNI and the Host header say.
    pub server_name: Host,
    /// What kind of host it is.
    pub role: Role,
    /// What is looked at, in the catalog's order.
    pub checks: Vec<Check>,
    /// The services whose expectation was named, so that no role changes it.
    pub named: Vec<ServiceId>,
    /// The target that it is a node of (`--nodes`): both are looked at by that one's name, and compared.
    pub node_of: Option<String>,
}

/// A host whose port 25 is dialled where that of a target does not answer (`--control`): is it blocked here, or there?
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ControlHost {
    /// As it was typed.
    pub name: String,
    /// As it is looked up.
    pub host: Host,
    /// An address that takes the place of the lookup.
    pub address: Option<IpAddr>,
}

/// A host name in ASCII form, lower case; or an address.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub enum Host {
    /// A DNS name.
    Name(String),
    /// An address literal.
    Address(IpAddr),
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => f.pad(name),
            Self::Address(address) => f.pad(&address.to_string()),
        }
    }
}

/// What a check connects to.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub enum Endpoint {
    /// An address and a port.
    Address(SocketAddr),
    /// A name and a port, for a proxy that looks names up itself.
    Name(String, u16),
}

impl Endpoint {
    /// The address, where it is known on this side of a proxy.
    #[must_use]
    pub fn address(&self) -> Option<SocketAddr> {
        match self {
            Self::Address(address) => Some(*address),
            Self::Name(..) => None,
        }
    }
}

/// `mail.example.com:443`
impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address(address) => write!(f, "{address}"),
            Self::Name(name, port) => write!(f, "{name}:{port}"),
        }
    }
}

impl From<SocketAddr> for Endpoint {
    fn from(address: SocketAddr) -> Self {
        Self::Address(address)
    }
}

/// A proxy that connections go through (`--proxy`).
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Proxy {
    /// What it speaks, and who looks names up.
    pub scheme: ProxyScheme,
    /// Where it is.
    pub host: Host,
    /// On which port.
    pub port: u16,
    /// With what to sign in, where it asks.
    pub credentials: Option<Credentials>,
    /// What is reached without it (`NO_PROXY`).
    pub except: Vec<NoProxy>,
}

/// What a proxy speaks, and who looks names up.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum ProxyScheme {
    /// `socks5://`: SOCKS 5, and names are looked up here.
    Socks5,
    /// `socks5h://`: SOCKS 5, and the proxy looks names up.
    Socks5h,
    /// `http://`: CONNECT, and the proxy looks names up.
    Http,
}

impl ProxyScheme {
    /// As in the URL.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Socks5 => "socks5",
            Self::Socks5h => "socks5h",
            Self::Http => "http",
        }
    }

    /// Whether the proxy is told names, and looks them up itself.
    #[must_use]
    pub fn takes_names(self) -> bool {
        matches!(self, Self::Socks5h | Self::Http)
    }
}

impl Proxy {
    /// Whether the way to a host goes through it.
    #[must_use]
    pub fn carries(&self, host: &Host) -> bool {
        !self.except.iter().any(|except| except.is(host))
    }
}

/// Its URL, without user and password.
impl fmt::Display for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = self.scheme.as_str();
        match &self.host {
            Host::Address(IpAddr::V6(v6)) => write!(f, "{scheme}://[{v6}]:{}", self.port),
            host => write!(f, "{scheme}://{host}:{}", self.port),
        }
    }
}

/// User and password for a proxy. They are shown nowhere.
#[derive(Clone, Eq, PartialEq)]
pub struct Credentials {
    /// The user.
    pub user: String,
    /// The password.
    pub password: String,
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Credentials(..)")
    }
}

/// What `NO_PROXY` names.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum NoProxy {
    /// Everything: `*`.
    All,
    /// A name and all below it, in lower case, without dots around it.
    Name(String),
    /// A network, or one address.
    Network(IpNet),
}

impl NoProxy {
    fn is(&self, host: &Host) -> bool {
        match (self, host) {
            (Self::All, _) => true,
            (Self::Name(suffix), Host::Name(name)) => name
                .trim_end_matches('.')
                .strip_suffix(suffix)
                .is_some_and(|rest| rest.is_empty() || rest.ends_with('.')),
            (Self::Network(network), Host::Address(address)) => network.contains(address),
            _ => false,
        }
    }
}

/// One service to look at on a target.
#[derive(Clone, Copy, Debug)]
pub struct Check {
    /// Which.
    pub service: &'static Service,
    /// On which port.
    pub port: u16,
    /// What is expected of it.
    pub expect: Expectation,
}

/// Which way connections go.
#[derive(Clone, Copy, Debug, Default)]
pub struct Reach {
    /// Addresses of which families.
    pub families: Families,
    /// Which of these.
    pub addresses: Addresses,
    /// Where from (`--source`).
    pub source: Option<IpAddr>,
}

/// Addresses of which families are used.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Families {
    /// Both.
    #[default]
    Both,
    /// IPv4 only.
    V4,
    /// IPv6 only.
    V6,
}

/// Which addresses of a name are used.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Addresses {
    /// The first that answers: they are raced (RFC 8305).
    #[default]
    Raced,
    /// Every one, each on a row of its own.
    Every,
}

/// Whom to trust.
#[derive(Clone, Debug, Default)]
pub struct Trust {
    /// Which stores.
    pub stores: Stores,
    /// Further roots (`--ca-file`), each a certificate's DER.
    pub ca_certificates: Vec<Vec<u8>>,
}

/// Which stores of roots.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Stores {
    /// Mozilla's roots and this machine's.
    #[default]
    Both,
    /// Mozilla's roots, built in.
    Public,
    /// This machine's.
    System,
}

/// What counts as good.
#[derive(Clone, Copy, Debug)]
pub struct Standards {
    /// The lowest version of TLS that is accepted.
    pub min_tls: TlsVersion,
    /// When a certificate's end is too near.
    pub cert_days: CertDays,
}

impl Default for Standards {
    fn default() -> Self {
        Self {
            min_tls: TlsVersion::Tls12,
            cert_days: CertDays::Lifetime,
        }
    }
}

/// When a certificate's end is too near.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum CertDays {
    /// Warn when less than a third of its lifetime and less than 30 days are left.
    Lifetime,
    /// Warn under so many days; fail under so many, where that is given.
    Days {
        /// Warn under this.
        warn: u32,
        /// Fail under this.
        fail: Option<u32>,
    },
}

/// How far a conversation goes.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Depth {
    /// To its end.
    #[default]
    Full,
    /// To the TCP connect.
    TcpOnly,
}

/// Whether more is asked than a client needs to know (`--audit`): which versions of TLS are enabled, whether a
/// remote desktop host insists on network level authentication, and whose tokens the web services take.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Audit {
    /// No.
    #[default]
    No,
    /// Yes, on some connections more.
    Yes,
}

/// Whether conversations are kept word for word.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Transcripts {
    /// No.
    #[default]
    Dropped,
    /// Yes.
    Kept,
}

/// The bounds of a run: how long, how much and how many. `.github/SECURITY.md` has a table of them.
///
/// Each number stands in one place: here; or, for what a decoder takes, beside it in `wire`
/// ([`line`](crate::wire::line), [`http`](crate::wire::http), [`ldap`](crate::wire::ldap), [`rdp`](crate::wire::rdp),
/// [`tls`](crate::wire::tls)), which knows no plan; or, for what is kept of one text, at
/// [`Text::LIMIT`](crate::facts::Text::LIMIT).
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// A whole check, second look included, from its first connect.
    pub check: Duration,
    /// A dial, its race included.
    pub connect: Duration,
    /// The lookup of a name.
    pub resolve: Duration,
    /// Until a server has greeted.
    pub greeting: Duration,
    /// Until a reply is complete.
    pub reply: Duration,
    /// A TLS handshake.
    pub handshake: Duration,
    /// A second look; the first connection of a check leaves that much for it where it can.
    pub second_look: Duration,
    /// Everything after the last word that counts: goodbye, close.
    pub goodbye: Duration,
    /// The run; in-flight checks end there.
    pub run: Option<Duration>,
    /// Sockets in flight, in all, those aside that only wait for their peer.
    pub jobs: usize,
    /// Sockets in flight that only wait for their peer: an answer to a connect, or the next word.
    pub patient: usize,
    /// Checks of targets that begin from the oldest on that is not finished, where a document keeps their order.
    pub ahead: usize,
    /// Sockets in flight to one address.
    pub per_address: usize,
}

impl Limits {
    /// How long a check takes at the most by default.
    pub const CHECK: Duration = Duration::from_secs(15);
    /// How long a dial takes at the most by default.
    pub const CONNECT: Duration = Duration::from_secs(3);
    /// Sockets in flight by default.
    pub const JOBS: usize = 256;
    /// The same where nothing is said on a connection (`--tcp-only`), which costs little.
    pub const DIALS: usize = 4096;
    /// Sockets beyond those that only wait for their peer, by default.
    pub const PATIENT: usize = 2048;
    /// Checks of targets that begin from the oldest unfinished one of a document on: as long as that one takes, the others
    /// of a fleet are looked at, and kept until it is told, a few kilobytes each.
    pub const AHEAD: usize = 6144;
    /// Sockets in flight to one address by default.
    pub const PER_ADDRESS: usize = 24;

    /// What a server may take for an answer also where a check is short, as long as the check lasts.
    pub const SLOW_ANSWER: Duration = Duration::from_secs(2);

    /// Bytes of one reply that are read at the most.
    pub const REPLY_BYTES: usize = 64 * 1024;
    /// Bytes that are read from one connection at the most, TLS records aside.
    pub const CONNECTION_BYTES: usize = 256 * 1024;
    /// Bytes that are read from one connection at the most, TLS records and all.
    pub const WIRE_BYTES: usize = 1024 * 1024;
    /// Bytes of the answer to a goodbye that are read at the most.
    pub const GOODBYE_BYTES: usize = 512;
    /// Bytes of what a proxy answers that are read at the most.
    pub const PROXY_BYTES: usize = 16 * 1024;
    /// Addresses of one name that are used at the most.
    pub const ADDRESSES: usize = 16;
    /// Untagged responses of IMAP that are read before the tagged one at the most.
    pub const UNTAGGED: usize = 100;
    /// Messages of one answer of LDAP that are read at the most.
    pub const MESSAGES: usize = 16;
    /// Redirects of a web service that are followed at the most.
    pub const REDIRECTS: usize = 3;
    /// Connections for a web service at the most: one for the directory, the others for what a server's closing cut off.
    pub const VISITS: usize = 3;
    /// Certificates of a chain that are looked at, at the most.
    pub const CHAIN: usize = 16;
    /// Chains that are remembered, so that they are looked at once in a run, at the most.
    pub const KNOWN_CHAINS: usize = 256;
    /// Bytes of them, and of what is told of them, at the most: a chain and its facts take about eight thousand.
    pub const KNOWN_CHAIN_BYTES: usize = 1024 * 1024;
    /// Certificates on the way to a root, at the most.
    pub const PATH: usize = 8;
    /// Signatures that are checked for one chain, at the most: a chain can be made to have many candidate issuers.
    pub const SIGNATURES: usize = 64;
    /// Names of a certificate that are told, at the most.
    pub const CERTIFICATE_NAMES: usize = 200;
    /// Bytes of text, as escaped, that are kept of all names of a certificate: a tenth of it is usual.
    pub const NAMES_TEXT: usize = 16 * 1024;
    /// The same of all subjects and issuers of a chain.
    pub const CHAIN_TEXT: usize = 16 * 1024;
    /// The same of one subject or issuer.
    pub const SUBJECT_TEXT: usize = 2 * 1024;
    /// Ways from a certificate to a root that are looked at: an authority's certificate may be sent beside its successor.
    pub const WAYS: usize = 6;
    /// Lookups under way at once, those included that nobody waits for any more. A run asks for as many as it has
    /// sockets, 256, and a resolver that does not answer holds each of them for half a minute, six times their patience:
    /// so many may hang before one that would be answered has to wait.
    pub const LOOKUPS: usize = 1024;
    /// Records of one answer of a name server that are kept at the most.
    pub const RECORDS: usize = 64;
    /// Names that a question is passed on to (CNAME) at the most.
    pub const ALIASES: usize = 8;
    /// Mail hosts of a domain that are looked at, at the most.
    pub const MAIL_HOSTS: usize = 10;
    /// Questions to name servers under way at once.
    pub const QUESTIONS_AT_ONCE: usize = 24;
    /// Questions to name servers in a run, those for signatures included. A domain with ten mail hosts takes about a
    /// hundred.
    pub const QUESTIONS: usize = 1000;
    /// Connections to the exporter that are open at once.
    pub const SERVED: usize = 512;
    /// How long whoever connects to the exporter may take for TLS, and for the head of a request.
    pub const HEAD: Duration = Duration::from_secs(10);
    /// Bytes of the head of a request.
    pub const HEAD_BYTES: usize = 16 * 1024;
    /// Header fields of a request.
    pub const HEAD_FIELDS: usize = 64;
    /// How long whoever was answered may take nothing of it.
    pub const STALL: Duration = Duration::from_secs(20);
    /// Bytes of a file of certificates or of an earlier report, at the most. All public roots of the world take a quarter of one
    /// megabyte.
    pub const FILE_BYTES: u64 = 16 * 1024 * 1024;
    /// Targets that are read before a run begins, at the most: those after them are read as they are needed.
    pub const LISTED: usize = 1000;
    /// Targets where all of them have to be known (`--wait`, `--nodes`, `--domain`).
    pub const KEPT: usize = 100_000;
    /// Bytes of a line of a list of targets.
    pub const LIST_LINE: usize = 8192;
    /// Targets of a list that one that comes again is found among: the last so many, at least. Each takes ten bytes.
    pub const REMEMBERED: usize = 200_000;
    /// Hosts that are not well and are named once more at the end of a table: of more nobody reads them, and each would
    /// have to be kept.
    pub const OVERVIEW: usize = 10_000;
    /// Lines of a conversation that are kept at the most.
    pub const TRANSCRIPT_LINES: usize = 200;
    /// Bytes of a conversation that are kept at the most, escaped as they are shown.
    pub const TRANSCRIPT_BYTES: usize = 128 * 1024;

    /// The bounds of a check of this length. The stages share it in fixed proportions: of 15 s a greeting gets 8, a
    /// reply 5, a handshake 5, and 4 are kept back for a second look. However short the check is, no share of an answer is
    /// under 2 s, or all there is.
    #[must_use]
    pub fn for_check(check: Duration, connect: Duration) -> Self {
        let generous = |share: Duration| share.max(Self::SLOW_ANSWER).min(check);
        Self {
            check,
            connect: connect.min(check),
            resolve: generous(check / 3),
            greeting: generous(check * 8 / 15),
            reply: generous(check / 3),
            handshake: generous(check / 3),
            second_look: check * 4 / 15,
            goodbye: Duration::from_secs(1).min(check),
            run: None,
            jobs: Self::JOBS,
            patient: 0,
            ahead: Self::AHEAD,
            per_address: Self::PER_ADDRESS,
        }
    }
}

impl Limits {
    /// How long a proxy may take for its answer: it has a server to connect to as well.
    #[must_use]
    pub fn proxy(&self) -> Duration {
        self.reply.max(self.connect)
    }

    /// What the first connection of a check leaves for a second look: nothing where the check is so short that an answer
    /// would have to be cut off for it.
    #[must_use]
    pub fn kept_back(&self) -> Duration {
        let spare = self.check.saturating_sub(Self::SLOW_ANSWER);
        self.second_look.min(spare)
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self::for_check(Self::CHECK, Self::CONNECT)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_stages_share_the_time_of_a_check() {
        for shares in [
            [15_000, 3000, 5000, 8000, 5000, 5000, 4000, 1000],
            [3000, 3000, 2000, 2000, 2000, 2000, 800, 1000],
            [1500, 1500, 1500, 1500, 1500, 1500, 400, 1000],
            [300, 300, 300, 300, 300, 300, 80, 300],
        ] {
            let limits = Limits::for_check(Duration::from_millis(shares[0]), Limits::CONNECT);
            let found = [
                limits.check,
                limits.connect,
                limits.resolve,
                limits.greeting,
                limits.reply,
                limits.handshake,
                limits.second_look,
                limits.goodbye,
            ];
            assert_eq!(found, shares.map(Duration::from_millis));
        }
        for (check, kept_back) in [(15_000, 4000), (3000, 800), (2500, 500), (1000, 0)] {
            let limits = Limits::for_check(Duration::from_millis(check), Limits::CONNECT);
            assert_eq!(limits.kept_back(), Duration::from_millis(kept_back));
        }
    }
}
