//! # discover: mail domain → what is published for it
//!
//! Does: asks name servers what a domain publishes for mail, and the hosts that they name whether it is so: mail hosts
//! ([`mx`]) and their TLSA records ([`dane`]), the ways to Autodiscover ([`autodiscover`]), service records ([`srv`]), and
//! MTA-STS with its policy ([`mta_sts`]). Everything goes at once; what depends on an answer waits for that answer only.
//! Each part is told when it has come ([`board`]).
//!
//! Must not: judge, follow a policy's redirect, sign in, or send anybody's address: only the domain is known here.
//!
//! Start reading at [`discover()`].

mod autodiscover;
mod board;
mod dane;
mod hosts;
mod means;
mod mta_sts;
mod mx;
mod srv;
mod visit;

use futures_util::future::{FutureExt as _, join3, join5};
use time::OffsetDateTime;

use crate::discovery::{Discovery, Part};

use board::Board;
pub use hosts::{Hosts, TcpHosts};
pub use means::Means;

/// Finds what is published for a domain, which is in ASCII, lower case and without a final dot.
///
/// `tell` is shown what is known whenever a part has come, and must not wait: nobody is looked at meanwhile. Where the run
/// is over before everything was looked at, what was learned until then comes back.
pub async fn discover<H: Hosts>(
    domain: &str,
    means: &Means<H>,
    at: OffsetDateTime,
    tell: &(dyn Fn(&Discovery) + Sync),
) -> Discovery {
    let resolver = &means.resolver;
    let begun = resolver.clock();
    let board = Board::new(Discovery::begun(domain, at, resolver.servers()), tell);
    let names = join5(
        async {
            let answer = resolver.signatures().await;
            board.post(Part::Signatures, |found| {
                found.resolver.outcome = answer.outcome;
                found.resolver.security = answer.security;
            });
        },
        async {
            let answer = resolver.addresses(&format!("{NOBODY}.{domain}")).await;
            board.post(Part::Nonsense, |found| found.nonsense = answer);
        },
        async {
            let answer = mta_sts::reporting(domain, means).await;
            board.post(Part::TlsRpt, |found| found.tls_rpt = answer);
        },
        async {
            let answer = resolver.caa(domain).await;
            board.post(Part::Caa, |found| found.caa = answer);
        },
        srv::find(domain, means, &board).boxed(),
    );
    let hosts = join3(
        mx::find(domain, means, &board).boxed(),
        autodiscover::find(domain, means, &board).boxed(),
        mta_sts::find(domain, means, &board).boxed(),
    );
    futures_util::future::join(names, hosts).await;
    let mut found = board.into_whole(means.resolver.end());
    found.took = begun.elapsed();
    found.questions = resolver.asked();
    found
}

/// A label that nobody gave to a host; the domain that has addresses for it has them for every name.
const NOBODY: &str = "exchports-nobody-made-this-name";
