//! A page asked for, without a sign-in: its head, and as much of its body as is wanted.

use super::hosts::Hosts;
use super::means::Means;
use crate::discovery::{Scheme, Visit};
use crate::facts::{HttpFacts, Outcome, PeerFacts, Text};
use crate::net::{Alpn, Dial as _, Record, Session, Stream};
use crate::observation::{Failure, Stage};
use crate::plan::{Limits, Transcripts};
use crate::wire::http::{self, Connection, Framing, Head};

const USER_AGENT: &str = concat!("exchports/", env!("CARGO_PKG_VERSION"));

/// Without an address and without a protocol: Exchange answers 400 and names what is missing.
const JSON: &str = "/autodiscover/autodiscover.json";

/// Headers by which Exchange's Autodiscover is known.
const SIGNS: [&str; 4] = [
    "X-SOAP-Enabled",
    "X-WSSecurity-Enabled",
    "X-OAuth-Enabled",
    "X-FEServer",
];

/// A page, before it was asked for.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Page {
    pub(super) scheme: Scheme,
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) path: String,
}

/// What is read besides the head.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Reading {
    /// The body.
    Body,
    /// The answer of `autodiscover.json`, on the same connection.
    Json,
}

/// Looks up the host, connects, asks.
pub(super) async fn visit<H: Hosts>(page: Page, reading: Reading, means: &Means<H>) -> Visit {
    let addresses = means.resolver.addresses(&page.host).await;
    let mut visit = Visit {
        scheme: page.scheme,
        host: page.host,
        port: page.port,
        path: page.path,
        addresses,
        seen: None,
        content_type: None,
        signs: Vec::new(),
        json: None,
        body: Vec::new(),
    };
    if visit.addresses.outcome != Outcome::Found {
        return visit;
    }
    let dial = means.hosts.dial(
        &visit.host,
        visit.port,
        &visit.addresses.records,
        &means.resolver,
    );
    let Some(dial) = dial else {
        return visit;
    };
    let mut record = Record::new(Transcripts::Dropped);
    let mut facts = HttpFacts::default();
    let failure = match dial.dial(&mut record).await {
        Ok(mut session) => {
            let result = converse(&mut session, &mut visit, reading, &mut facts).await;
            session.take_leave(None).await;
            result.err()
        }
        Err(failure) => Some(failure),
    };
    let mut seen = record.into_observation(failure, None);
    seen.peer = Some(PeerFacts::Http(facts)).filter(|_| seen.steps.len() > 1);
    visit.seen = Some(Box::new(seen));
    visit
}

async fn converse<S: Stream>(
    session: &mut Session<'_, S>,
    visit: &mut Visit,
    reading: Reading,
    facts: &mut HttpFacts,
) -> Result<(), Failure> {
    if visit.scheme == Scheme::Https {
        session.upgrade(Alpn::Http11).await?;
    }
    session.enter(Stage::Application);
    let host = if visit.port == visit.scheme.port() {
        visit.host.clone()
    } else {
        format!("{}:{}", visit.host, visit.port)
    };
    let get = |path: &str| http::get(path, &host, USER_AGENT, Connection::KeepAlive);
    session.send(&get(&visit.path)).await?;
    let head = session.receive(http::head).await?;
    learn(&head, facts, visit);
    match reading {
        Reading::Body => visit.body = body(session, &head).await?,
        Reading::Json => {
            // Only where Autodiscover may be, and only where the connection can be used again; that it cannot is no
            // failure of the page.
            let may_be = head.status == 401 || !visit.signs.is_empty();
            if may_be && head.keeps_open() && body(session, &head).await.is_ok() {
                visit.json = json(session, &get(JSON)).await;
            }
        }
    }
    Ok(())
}

async fn json<S: Stream>(session: &mut Session<'_, S>, request: &[u8]) -> Option<(u16, bool)> {
    session.send(request).await.ok()?;
    let head = session.receive(http::head).await.ok()?;
    let body = body(session, &head).await.unwrap_or_default();
    let text = String::from_utf8_lossy(&body).to_ascii_lowercase();
    Some((head.status, head.status == 400 && text.contains("protocol")))
}

async fn body<S: Stream>(session: &mut Session<'_, S>, head: &Head) -> Result<Vec<u8>, Failure> {
    match head.framing() {
        Ok(None) | Err(_) => Ok(Vec::new()),
        Ok(Some(Framing::UntilClose)) => session.receive_rest(Limits::REPLY_BYTES).await,
        Ok(Some(framing)) => {
            session
                .receive(|bytes| http::body(bytes, framing, Limits::REPLY_BYTES))
                .await
        }
    }
}

fn learn(head: &Head, facts: &mut HttpFacts, visit: &mut Visit) {
    let first = |name: &str| head.header(name).next().map(Text::from_bytes);
    facts.status = Some(head.status);
    facts.reason = Some(Text::from(head.reason.as_str())).filter(|reason| !reason.is_empty());
    facts.location = first("Location");
    facts.server = first("Server");
    facts.authentication = head
        .authentication_schemes()
        .iter()
        .map(|scheme| Text::from(scheme.as_str()))
        .collect();
    facts.front_end = first("X-FEServer");
    visit.content_type = first("Content-Type");
    visit.signs = SIGNS
        .into_iter()
        .filter(|name| head.header(name).next().is_some())
        .collect();
}

/// Where a page sends us; `None` where it does not, or to what is no page.
pub(super) fn next(visit: &Visit) -> Option<Page> {
    let seen = visit.seen.as_ref()?;
    let Some(PeerFacts::Http(facts)) = &seen.peer else {
        return None;
    };
    let location = facts.location.as_ref()?.as_str();
    if !matches!(facts.status, Some(301..=303 | 307 | 308)) {
        return None;
    }
    target(location, visit)
}

/// An absolute URL, or a path on the same host. What had to be escaped is none.
fn target(location: &str, from: &Visit) -> Option<Page> {
    if location.contains('\\') || location.contains('…') {
        return None;
    }
    let location = location.split('#').next().unwrap_or_default().trim();
    let (scheme, rest) = match location.split_once("://") {
        Some((scheme, rest)) if scheme.eq_ignore_ascii_case("https") => (Scheme::Https, rest),
        Some((scheme, rest)) if scheme.eq_ignore_ascii_case("http") => (Scheme::Http, rest),
        Some((before, _)) if !before.contains('/') => return None,
        _ if location.starts_with("//") => (from.scheme, location.trim_start_matches('/')),
        _ if location.starts_with('/') => {
            return Some(Page {
                scheme: from.scheme,
                host: from.host.clone(),
                port: from.port,
                path: location.to_owned(),
            });
        }
        _ => return None,
    };
    let end = rest.find(['/', '?']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at_checked(end)?;
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) => (host, port.parse().ok()?),
        None => (authority, scheme.port()),
    };
    let host = host.trim_end_matches('.').to_ascii_lowercase();
    let is_name = !host.is_empty()
        && host.len() <= 253
        && host
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'));
    let path = match path.strip_prefix('/') {
        Some(_) => path.to_owned(),
        None => format!("/{path}"),
    };
    is_name.then_some(Page {
        scheme,
        host,
        port,
        path,
    })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::facts::{Answer, DnssecState};

    #[test]
    fn where_a_page_sends_us() {
        let from = Visit {
            scheme: Scheme::Http,
            host: "autodiscover.example.com".to_owned(),
            port: 80,
            path: "/".to_owned(),
            addresses: Answer {
                records: Vec::new(),
                more: 0,
                aliases: Vec::new(),
                outcome: Outcome::Found,
                security: DnssecState::Insecure,
                took: Duration::ZERO,
            },
            seen: None,
            content_type: None,
            signs: Vec::new(),
            json: None,
            body: Vec::new(),
        };
        for (location, expected) in [
            (
                "https://autodiscover-s.outlook.com/autodiscover/autodiscover.xml",
                Some("https autodiscover-s.outlook.com 443 /autodiscover/autodiscover.xml"),
            ),
            (
                "https://Mail.example.com:444?x",
                Some("https mail.example.com 444 /?x"),
            ),
            ("/x#y", Some("http autodiscover.example.com 80 /x")),
            ("//mail.example.com/x", Some("http mail.example.com 80 /x")),
            ("javascript:alert(1)", None),
            ("ftp://mail.example.com/", None),
            ("https://user@mail.example.com/", None),
            ("https:///x", None),
            ("https://mail.example.com:99999/", None),
            ("x", None),
            ("", None),
            ("https://a\\x0D.example/", None),
        ] {
            let found = target(location, &from).map(|page| {
                format!(
                    "{} {} {} {}",
                    page.scheme.as_str(),
                    page.host,
                    page.port,
                    page.path
                )
            });
            assert_eq!(found.as_deref(), expected, "{location}");
        }
    }
}
