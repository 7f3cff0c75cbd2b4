//! Service records by which mail programs that are not Outlook find their servers (RFC 6186, RFC 8314 §5.1).

use futures_util::future::join_all;

use super::board::Board;
use super::hosts::Hosts;
use super::means::Means;
use crate::discovery::{Part, SrvFacts};

/// The services, those with TLS from the start in front.
const SERVICES: [&str; 6] = [
    "_submissions",
    "_submission",
    "_imaps",
    "_imap",
    "_pop3s",
    "_pop3",
];

/// What the domain says of each.
pub(super) async fn find<H: Hosts>(domain: &str, means: &Means<H>, board: &Board<'_>) {
    let found = join_all(SERVICES.map(|service| async move {
        let name = format!("{service}._tcp.{domain}");
        SrvFacts {
            service,
            answer: means.resolver.srv(&name).await,
        }
    }))
    .await;
    board.post(Part::Services, |all| all.srv = found);
}
