//! MTA-STS (RFC 8461): the record, then the policy; and TLS reporting (RFC 8460).

use futures_util::future::join;

use super::board::Board;
use super::hosts::Hosts;
use super::means::Means;
use super::visit::{Page, Reading, visit};
use crate::discovery::{Part, Scheme, StsFacts, TlsRptRecord, Txt};
use crate::facts::Answer;
use crate::facts::PeerFacts;
use crate::wire::{mta_sts, tagged};

/// The record at `_mta-sts`, and where there is one, the policy. A redirect is not followed: senders follow none
/// (RFC 8461 §3.3).
pub(super) async fn find<H: Hosts>(domain: &str, means: &Means<H>, board: &Board<'_>) {
    let found = look(domain, means).await;
    board.post(Part::MtaSts, |all| all.mta_sts = found);
}

async fn look<H: Hosts>(domain: &str, means: &Means<H>) -> StsFacts {
    let page = Page {
        scheme: Scheme::Https,
        host: format!("mta-sts.{domain}"),
        port: Scheme::Https.port(),
        path: "/.well-known/mta-sts.txt".to_owned(),
    };
    // Where the policy's host is, is asked for beside the record: a question more, a round trip less.
    let name = format!("_mta-sts.{domain}");
    let record = means.resolver.txt(&name);
    let (answer, _) = join(record, means.resolver.addresses(&page.host)).await;
    let record = of_kind(answer, tagged::sts_record);
    if record.records.is_empty() {
        return StsFacts {
            record,
            visit: None,
            policy: None,
        };
    }
    let visit = visit(page, Reading::Body, means).await;
    let is_page = visit
        .seen
        .as_ref()
        .is_some_and(|seen| match (&seen.failure, &seen.peer) {
            (None, Some(PeerFacts::Http(facts))) => facts.status == Some(200),
            _ => false,
        });
    let policy = is_page.then(|| mta_sts::policy(&visit.body).map_err(|violation| violation.what));
    StsFacts {
        record,
        visit: Some(visit),
        policy,
    }
}

/// The record at `_smtp._tls`.
pub(super) async fn reporting<H: Hosts>(domain: &str, means: &Means<H>) -> Txt<TlsRptRecord> {
    let answer = means.resolver.txt(&format!("_smtp._tls.{domain}")).await;
    of_kind(answer, tagged::tls_rpt_record)
}

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
