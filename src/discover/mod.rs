//! # discover: mail domain → what is published for it
//!
//! Does: asks name servers what a domain publishes for mail, and the hosts that they name whether it is so: mail hosts
//! ([`mx`]) and their TLSA records ([`dane`]), the ways to Autodiscover ([`autodiscover`]), service records ([`srv`]), and
//! MTA-STS with its policy ([`mta_sts`]). Everything goes at once; what depends on an answer waits for that answer only.
//!
//! Must not: judge, follow a policy's redirect, sign in, or send anybody's address: only the domain is known here.
//!
//! Start reading at [`discover()`].

mod autodiscover;
mod dane;
mod mta_sts;
mod mx;
mod srv;
mod visit;

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use futures_util::future::{FutureExt as _, join4, join5};
use time::OffsetDateTime;

use crate::discovery::{Discovery, ResolverFacts, Txt};
use crate::facts::Answer;
use crate::net::{Halt, Resolver, Roots, SocketLimits, TcpDial, TlsAsk};
use crate::plan::{Endpoint, Families, Host, Limits, Reach};

/// With what a domain is looked at.
#[derive(Clone, Debug)]
pub struct Means {
    /// Whom to ask for names.
    pub resolver: Resolver,
    /// Whom to trust.
    pub roots: Arc<Roots>,
    /// The limits on sockets.
    pub sockets: Arc<SocketLimits>,
    /// The bounds of each conversation.
    pub limits: Limits,
    /// Which way connections go.
    pub reach: Reach,
    /// How we call ourselves.
    pub ehlo_name: Option<String>,
    /// The interrupt.
    pub halt: Halt,
}

impl Means {
    /// Dials a host at the addresses that its name servers say.
    fn dial(&self, host: &str, port: u16, addresses: &[IpAddr]) -> Option<TcpDial> {
        let endpoints: Vec<Endpoint> = addresses
            .iter()
            .filter(|address| match self.reach.families {
                Families::Both => true,
                Families::V4 => address.is_ipv4(),
                Families::V6 => address.is_ipv6(),
            })
            .take(Limits::ADDRESSES)
            .map(|address| SocketAddr::new(*address, port).into())
            .collect();
        if endpoints.is_empty() {
            return None;
        }
        let tls = TlsAsk {
            host: Host::Name(host.to_owned()),
            roots: Arc::clone(&self.roots),
        };
        Some(TcpDial::new(
            endpoints,
            self.reach,
            self.limits,
            None,
            self.halt.clone(),
            Arc::clone(&self.sockets),
            Arc::new(tls),
        ))
    }
}

/// Finds what is published for a domain, which is in ASCII, lower case and without a final dot.
pub async fn discover(domain: &str, means: &Means, at: OffsetDateTime) -> Discovery {
    let resolver = &means.resolver;
    let nonsense = format!("{NOBODY}.{domain}");
    let begun = resolver.clock();
    let rest = join5(
        resolver.signatures(),
        resolver.addresses(&nonsense),
        mta_sts::reporting(domain, means),
        resolver.caa(domain),
        mta_sts::find(domain, means).boxed(),
    );
    let ((mx, hosts), autodiscover, srv, rest) = join4(
        mx::find(domain, means).boxed(),
        autodiscover::find(domain, means).boxed(),
        srv::find(domain, means).boxed(),
        rest.boxed(),
    )
    .await;
    let (signatures, nonsense, tls_rpt, caa, mta_sts) = rest;
    Discovery {
        domain: domain.to_owned(),
        at,
        resolver: ResolverFacts {
            servers: resolver.servers().to_vec(),
            outcome: signatures.outcome,
            security: signatures.security,
        },
        mx,
        hosts,
        autodiscover,
        nonsense,
        srv,
        mta_sts,
        tls_rpt,
        caa,
        took: begun.elapsed(),
        questions: resolver.asked(),
    }
}

/// A label that nobody gave to a host; the domain that has addresses for it has them for every name.
const NOBODY: &str = "exchports-nobody-made-this-name";

/// The records of one kind among those of a name.
fn of_kind<T>(
    answer: Answer<Vec<u8>>,
    read: impl Fn(&[u8]) -> Result<Option<T>, crate::wire::Violation>,
) -> Txt<T> {
    let records = answer
        .records
        .iter()
        .filter_map(|bytes| read(bytes).map_err(|violation| violation.what).transpose())
        .collect();
    Txt {
        answer: Answer {
            records: Vec::new(),
            more: answer.more,
            aliases: answer.aliases,
            outcome: answer.outcome,
            security: answer.security,
            took: answer.took,
        },
        records,
    }
}
