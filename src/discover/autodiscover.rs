//! The ways to Autodiscover that can be gone from outside without an address, in Outlook's order (MS-OXDISCO §3.1.5):
//! the domain's web server, the host `autodiscover`, its redirect on port 80, and the service record. What Outlook looks
//! up in Active Directory first cannot be seen without signing in.

use futures_util::future::join_all;

use super::board::Board;
use super::hosts::Hosts;
use super::means::Means;
use super::visit::{Page, Reading, next, visit};
use crate::discovery::{Method, MethodKind, Part, Scheme, Visit};

const PATH: &str = "/autodiscover/autodiscover.xml";

/// How many redirects are followed.
const REDIRECTS: usize = 10;

/// All ways, gone at once.
pub(super) async fn find<H: Hosts>(domain: &str, means: &Means<H>, board: &Board<'_>) {
    let ways = MethodKind::ALL.into_iter().enumerate();
    join_all(ways.map(|(place, kind)| async move {
        let method = go(kind, domain, means).await;
        board.post(Part::Method(place), |found| {
            found.autodiscover[place] = method;
        });
    }))
    .await;
}

async fn go<H: Hosts>(kind: MethodKind, domain: &str, means: &Means<H>) -> Method {
    let (scheme, host) = match kind {
        MethodKind::Domain => (Scheme::Https, domain.to_owned()),
        MethodKind::Host => (Scheme::Https, format!("autodiscover.{domain}")),
        MethodKind::Redirect => (Scheme::Http, format!("autodiscover.{domain}")),
        MethodKind::Srv => return by_srv(domain, means).await,
    };
    let page = Page {
        scheme,
        host,
        port: scheme.port(),
        path: PATH.to_owned(),
    };
    Method {
        kind,
        srv: None,
        visits: follow(page, means).await,
    }
}

async fn by_srv<H: Hosts>(domain: &str, means: &Means<H>) -> Method {
    let srv = means
        .resolver
        .srv(&format!("_autodiscover._tcp.{domain}"))
        .await;
    let best = srv.records.iter().find(|record| !record.target.is_empty());
    let visits = match best {
        Some(best) => {
            let page = Page {
                scheme: Scheme::Https,
                host: best.target.clone(),
                port: best.port,
                path: PATH.to_owned(),
            };
            follow(page, means).await
        }
        None => Vec::new(),
    };
    Method {
        kind: MethodKind::Srv,
        srv: Some(srv),
        visits,
    }
}

/// Asks for a page, and where it sends us, as far as a client goes: over TLS only, never twice to one place.
async fn follow<H: Hosts>(page: Page, means: &Means<H>) -> Vec<Visit> {
    let mut asked = vec![page.clone()];
    let mut visits = vec![visit(page, Reading::Json, means).await];
    while let Some(last) = visits.last()
        && let Some(page) = next(last)
        && page.scheme == Scheme::Https
        && !asked.contains(&page)
        && visits.len() <= REDIRECTS
    {
        asked.push(page.clone());
        visits.push(visit(page, Reading::Json, means).await);
    }
    visits
}
