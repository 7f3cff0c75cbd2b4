//! What was found of a mail domain: what its name servers say, and what the hosts answered that they name.
//!
//! Seen, not judged: what it means is for `judge`.

use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use time::OffsetDateTime;

use crate::catalog::Provider;
use crate::facts::{Answer, CaaRecord, DnssecState, MxRecord, Outcome, SrvRecord, Text};
use crate::observation::Observation;

pub use crate::wire::mta_sts::{Mode, Policy};
pub use crate::wire::tagged::{StsRecord, TlsRptRecord};
pub use crate::wire::tlsa::{Tlsa, Unusable};

/// Everything that was found of a domain.
#[derive(Clone, Debug)]
pub struct Discovery {
    /// The domain, in ASCII, lower case, without a final dot.
    pub domain: String,
    /// When it was begun.
    pub at: OffsetDateTime,
    /// Whom it was asked of.
    pub resolver: ResolverFacts,
    /// Its mail hosts as its name servers say.
    pub mx: Answer<MxRecord>,
    /// The mail hosts one by one, the preferred ones first, as many as are looked at.
    pub hosts: Vec<MailHost>,
    /// The ways to Autodiscover, in Outlook's order.
    pub autodiscover: Vec<Method>,
    /// The addresses of a name that nobody made: there are some where the domain answers for every name.
    pub nonsense: Answer<IpAddr>,
    /// Where its services are (RFC 6186, RFC 8314 §5.1).
    pub srv: Vec<SrvFacts>,
    /// MTA-STS (RFC 8461).
    pub mta_sts: StsFacts,
    /// TLS reporting (RFC 8460): the records, or why they are none.
    pub tls_rpt: Txt<TlsRptRecord>,
    /// Which authorities may issue certificates for it (RFC 8659).
    pub caa: Answer<CaaRecord>,
    /// How long all of it took.
    pub took: Duration,
    /// How many questions name servers were asked, those for signatures included.
    pub questions: usize,
    /// What is still to come; what was cut short is not among it.
    pub outstanding: BTreeSet<Part>,
    /// What ended the run before everything was looked at.
    pub cut_short: Option<CutShort>,
}

/// A part of a discovery, which comes as a whole.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Part {
    /// Whether the resolver hands out signatures.
    Signatures,
    /// The MX records.
    Mx,
    /// A mail host, by its place.
    Host(usize),
    /// A way to Autodiscover, by its place.
    Method(usize),
    /// The name that nobody made.
    Nonsense,
    /// The service records.
    Services,
    /// MTA-STS.
    MtaSts,
    /// TLS reporting.
    TlsRpt,
    /// Which authorities may issue certificates.
    Caa,
}

/// What ends a run before its time.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum CutShort {
    /// `--deadline`
    Deadline,
    /// Ctrl-C, or somebody else who asks the program to end.
    Interrupt,
}

impl CutShort {
    /// The word that JSON uses.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Deadline => "deadline",
            Self::Interrupt => "interrupt",
        }
    }
}

impl Discovery {
    /// One of which nothing is known yet, as it is asked of these name servers.
    #[must_use]
    pub fn begun(domain: &str, at: OffsetDateTime, servers: &[SocketAddr]) -> Self {
        let methods = MethodKind::ALL.into_iter();
        Self {
            domain: domain.to_owned(),
            at,
            resolver: ResolverFacts {
                servers: servers.to_vec(),
                outcome: Outcome::Unasked,
                security: DnssecState::Indeterminate,
            },
            mx: Answer::unasked(),
            hosts: Vec::new(),
            autodiscover: methods
                .map(|kind| Method {
                    kind,
                    srv: None,
                    visits: Vec::new(),
                })
                .collect(),
            nonsense: Answer::unasked(),
            srv: Vec::new(),
            mta_sts: StsFacts {
                record: Txt::unasked(),
                visit: None,
                policy: None,
            },
            tls_rpt: Txt::unasked(),
            caa: Answer::unasked(),
            took: Duration::ZERO,
            questions: 0,
            outstanding: [
                Part::Signatures,
                Part::Mx,
                Part::Nonsense,
                Part::Services,
                Part::MtaSts,
                Part::TlsRpt,
                Part::Caa,
            ]
            .into_iter()
            .chain((0..MethodKind::ALL.len()).map(Part::Method))
            .collect(),
            cut_short: None,
        }
    }
}

/// Whom the domain was asked of.
#[derive(Clone, Debug)]
pub struct ResolverFacts {
    /// The name servers.
    pub servers: Vec<SocketAddr>,
    /// What they said of the root's keys: signed they are everywhere, unless the resolver strips signatures.
    pub outcome: Outcome,
    /// What that is worth.
    pub security: DnssecState,
}

/// Records of a TXT answer that are of one kind.
#[derive(Clone, Debug)]
pub struct Txt<T> {
    /// Whether the resolver answered, and what DNSSEC says of it.
    pub answer: Answer<()>,
    /// Each record that begins as one of the kind: read, or why it cannot be.
    pub records: Vec<Result<T, &'static str>>,
}

impl<T> Txt<T> {
    fn unasked() -> Self {
        Self {
            answer: Answer::unasked(),
            records: Vec::new(),
        }
    }
}

/// A mail host.
#[derive(Clone, Debug)]
pub struct MailHost {
    /// Its preference; lower is tried first.
    pub preference: u16,
    /// Its name.
    pub name: String,
    /// Whether the name can be one: an address, and what no host can be called, cannot.
    pub kind: HostKind,
    /// Who takes mail behind names like this.
    pub provider: Option<&'static Provider>,
    /// Its addresses.
    pub addresses: Answer<IpAddr>,
    /// The names of the first of its addresses.
    pub names: Option<Answer<String>>,
    /// The TLSA records of its port 25 (RFC 7672).
    pub tlsa: Answer<Result<Tlsa, &'static str>>,
    /// What port 25 showed; `None` where there was no address to look at.
    pub seen: Option<Box<Observation>>,
}

impl MailHost {
    /// One that was not looked at yet.
    #[must_use]
    pub fn named(record: &MxRecord, kind: HostKind, provider: Option<&'static Provider>) -> Self {
        Self {
            preference: record.preference,
            name: record.host.clone(),
            kind,
            provider,
            addresses: Answer::unasked(),
            names: None,
            tlsa: Answer::unasked(),
            seen: None,
        }
    }

    /// Whether the run was over before all of it was looked at.
    #[must_use]
    pub fn is_cut_short(&self) -> bool {
        let names = self.names.as_ref().map(|names| names.outcome);
        [Some(self.addresses.outcome), Some(self.tlsa.outcome), names]
            .contains(&Some(Outcome::Unasked))
            || self.seen.as_ref().is_some_and(|it| it.is_cut_short())
    }
}

/// What a name in an MX record is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum HostKind {
    /// A name.
    Name,
    /// An address, which nobody looks up (RFC 5321 §5.1).
    Address,
    /// Nothing that can be a host.
    Nonsense,
}

/// A way to Autodiscover.
#[derive(Clone, Debug)]
pub struct Method {
    /// Which.
    pub kind: MethodKind,
    /// Where the service records lead, for the way by SRV.
    pub srv: Option<Answer<SrvRecord>>,
    /// The pages asked for, each where the one before sent us; none where there was no name to ask.
    pub visits: Vec<Visit>,
}

/// The ways to Autodiscover that can be gone from outside, in Outlook's order.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum MethodKind {
    /// `https://DOMAIN/autodiscover/autodiscover.xml`
    Domain,
    /// `https://autodiscover.DOMAIN/autodiscover/autodiscover.xml`
    Host,
    /// `http://autodiscover.DOMAIN/autodiscover/autodiscover.xml`, which only redirects
    Redirect,
    /// SRV `_autodiscover._tcp.DOMAIN`
    Srv,
}

impl MethodKind {
    /// All of them, in Outlook's order.
    pub const ALL: [Self; 4] = [Self::Domain, Self::Host, Self::Redirect, Self::Srv];

    /// The word that JSON uses.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Domain => "domain",
            Self::Host => "autodiscover-host",
            Self::Redirect => "http-redirect",
            Self::Srv => "srv",
        }
    }
}

/// A page that was asked for.
#[derive(Clone, Debug)]
pub struct Visit {
    /// Over TLS or in clear.
    pub scheme: Scheme,
    /// The host.
    pub host: String,
    /// The port.
    pub port: u16,
    /// The page.
    pub path: String,
    /// The host's addresses.
    pub addresses: Answer<IpAddr>,
    /// What came of it; `None` where there was no address.
    pub seen: Option<Box<Observation>>,
    /// The content type of the answer.
    pub content_type: Option<Text>,
    /// Headers by which Exchange's Autodiscover is known: `X-SOAP-Enabled`, `X-WSSecurity-Enabled`, `X-OAuth-Enabled`,
    /// `X-FEServer`.
    pub signs: Vec<&'static str>,
    /// What `autodiscover.json` answered without an address: the status, and whether it complains of the missing
    /// protocol, which is a sign of life.
    pub json: Option<(u16, bool)>,
    /// The beginning of the page, where it is read.
    pub body: Vec<u8>,
}

/// Over TLS or in clear.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Scheme {
    /// `http`
    Http,
    /// `https`
    Https,
}

impl Scheme {
    /// As URLs have it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }

    /// The port where none is named.
    #[must_use]
    pub fn port(self) -> u16 {
        match self {
            Self::Http => 80,
            Self::Https => 443,
        }
    }
}

impl Method {
    /// Whether the run was over before it came to its end.
    #[must_use]
    pub fn is_cut_short(&self) -> bool {
        let srv = self.srv.as_ref().map(|srv| srv.outcome);
        srv == Some(Outcome::Unasked)
            || self.visits.iter().any(Visit::is_cut_short)
            || (srv.is_none() && self.visits.is_empty())
    }
}

impl Visit {
    /// Whether the run was over before it was.
    #[must_use]
    pub fn is_cut_short(&self) -> bool {
        self.addresses.outcome == Outcome::Unasked
            || self.seen.as_ref().is_some_and(|it| it.is_cut_short())
    }

    /// The whole URL; what is not plain in it is escaped.
    #[must_use]
    pub fn url(&self) -> String {
        let port = if self.port == self.scheme.port() {
            String::new()
        } else {
            format!(":{}", self.port)
        };
        let path = Text::from(self.path.as_str());
        format!("{}://{}{port}{path}", self.scheme.as_str(), self.host)
    }
}

/// A service of the domain.
#[derive(Clone, Debug)]
pub struct SrvFacts {
    /// `_imaps`
    pub service: &'static str,
    /// What is said of it.
    pub answer: Answer<SrvRecord>,
}

/// MTA-STS.
#[derive(Clone, Debug)]
pub struct StsFacts {
    /// The records at `_mta-sts`.
    pub record: Txt<StsRecord>,
    /// The page with the policy, where there was a record.
    pub visit: Option<Visit>,
    /// The policy, or why it is none; `None` where no page came.
    pub policy: Option<Result<Policy, &'static str>>,
}
