//! The ways to Autodiscover that can be gone from outside without an address, in Outlook's order (MS-OXDISCO §3.1.5):
//! the domain's web server, the host `autodiscover`, its redirect on port 80, and the service record. What Outlook looks
//! up in Active Directory first cannot be seen without signing in.

use futures_util::future::{FutureExt as _, join4};

use super::Means;
use super::visit::{Page, Reading, next, visit};
use crate::discovery::{Method, MethodKind, Scheme, Visit};

const PATH: &str = "/autodiscover/autodiscover.xml";

/// How many redirects are followed.
const REDIRECTS: usize = 10;

/// All ways, gone at once.
pub(super) async fn find(domain: &str, means: &Means) -> Vec<Method> {
    let host = format!("autodiscover.{domain}");
    let at = |scheme: Scheme, host: &str| Page {
        scheme,
        host: host.to_owned(),
        port: scheme.port(),
        path: PATH.to_owned(),
    };
    let plain = |kind, page| async move {
        Method {
            kind,
            srv: None,
            visits: follow(page, means).await,
        }
    };
    let (first, second, third, fourth) = join4(
        plain(MethodKind::Domain, at(Scheme::Https, domain)).boxed(),
        plain(MethodKind::Host, at(Scheme::Https, &host)).boxed(),
        plain(MethodKind::Redirect, at(Scheme::Http, &host)).boxed(),
        by_srv(domain, means).boxed(),
    )
    .await;
    vec![first, second, third, fourth]
}

async fn by_srv(domain: &str, means: &Means) -> Method {
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
async fn follow(page: Page, means: &Means) -> Vec<Visit> {
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
