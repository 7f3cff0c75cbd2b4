//! TLSA records of mail hosts (RFC 7672 §2.2).

use super::hosts::Hosts;
use super::means::Means;
use crate::discovery::Tlsa;
use crate::facts::{Answer, DnssecState, Outcome};
use crate::wire::tlsa;

/// The records for port 25 of a host; what cannot be read is told beside what can.
pub(super) async fn records<H: Hosts>(
    host: &str,
    means: &Means<H>,
) -> Answer<Result<Tlsa, &'static str>> {
    let found = means.resolver.tlsa(&format!("_25._tcp.{host}")).await;
    Answer {
        records: found
            .records
            .iter()
            .map(|bytes| tlsa::record(bytes).map_err(|violation| violation.what))
            .collect(),
        more: found.more,
        aliases: found.aliases,
        outcome: found.outcome,
        security: found.security,
        took: found.took,
    }
}

/// Where a host is an alias, and that is signed, the records at its end come first (RFC 7672 §2.2.2).
pub(super) async fn of_alias<H: Hosts>(
    end: &str,
    security: DnssecState,
    own: Answer<Result<Tlsa, &'static str>>,
    means: &Means<H>,
) -> Answer<Result<Tlsa, &'static str>> {
    if security != DnssecState::Secure {
        return own;
    }
    let at_its_end = records(end, means).await;
    match at_its_end.outcome {
        Outcome::NoName | Outcome::NoRecords => own,
        _ => at_its_end,
    }
}
