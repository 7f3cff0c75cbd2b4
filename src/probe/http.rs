//! HTTP on 80 and 443: one GET of `/`, the head of its answer (RFC 9110, RFC 9112).

use super::ask::{Ask, TlsMode};
use crate::facts::{HttpFacts, Text};
use crate::net::{Session, Stream};
use crate::observation::{Failure, Stage};
use crate::plan::Host;
use crate::wire::http::{self, Connection, Head};

/// How we call ourselves.
pub(super) const USER_AGENT: &str = concat!("exchports/", env!("CARGO_PKG_VERSION"));

pub(super) async fn talk<S: Stream>(
    session: &mut Session<'_, S>,
    ask: &Ask,
    mode: TlsMode,
    facts: &mut HttpFacts,
) -> Result<(), Failure> {
    session.enter(Stage::Application);
    let host = host_header(ask, mode);
    session
        .send(&http::get("/", &host, USER_AGENT, Connection::Close))
        .await?;
    let head = session.receive(http::head).await?;
    learn(&head, facts);
    Ok(())
}

/// RFC 9110 §7.2: the name, and the port where it is not the scheme's own.
pub(super) fn host_header(ask: &Ask, mode: TlsMode) -> String {
    let host = match &ask.host {
        Host::Address(std::net::IpAddr::V6(address)) => format!("[{address}]"),
        other => other.to_string(),
    };
    match (mode, ask.port) {
        (TlsMode::Tls, 443) | (TlsMode::Clear | TlsMode::Upgrade, 80) => host,
        (_, port) => format!("{host}:{port}"),
    }
}

pub(super) fn learn(head: &Head, facts: &mut HttpFacts) {
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
    facts.exchange_build = first("X-OWA-Version");
    facts.front_end = first("X-FEServer");
    facts.request_id = first("request-id");
    facts.via = ["Via", "X-Cache", "X-Squid-Error"]
        .into_iter()
        .flat_map(|name| head.header(name))
        .map(Text::from_bytes)
        .take(4)
        .collect();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_many_gateways_the_first_few_are_told() {
        let head = [
            &b"HTTP/1.1 200 OK\r\n"[..],
            &b"Via: 1.1 a\r\n".repeat(90),
            b"\r\n",
        ]
        .concat();
        let mut facts = HttpFacts::default();
        if let Ok(Some((head, _))) = http::head(&head) {
            learn(&head, &mut facts);
        }
        assert_eq!(facts.via, vec![Text::from("1.1 a"); 4]);
    }
}
