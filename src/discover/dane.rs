//! TLSA records of mail hosts (RFC 7672 §2.2).

use super::Means;
use crate::discovery::Tlsa;
use crate::facts::Answer;
use crate::wire::tlsa;

/// The records for port 25 of a host; what cannot be read is told beside what can.
pub(super) async fn records(host: &str, means: &Means) -> Answer<Result<Tlsa, &'static str>> {
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
