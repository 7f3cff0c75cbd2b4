//! Mail hosts: who they are, where, and what their port 25 shows.

use std::net::IpAddr;

use futures_util::future::{OptionFuture, join, join_all};

use super::board::Board;
use super::dane;
use super::hosts::Hosts;
use super::means::Means;
use crate::catalog::{ServiceId, provider};
use crate::discovery::{HostKind, MailHost, Part};
use crate::facts::{MxRecord, Outcome};
use crate::plan::{Audit, Depth, Host, Limits, Transcripts};
use crate::probe::{Ask, probe};

/// The mail hosts of a domain: its MX records, or the domain itself where there are none (RFC 5321 §5.1).
pub(super) async fn find<H: Hosts>(domain: &str, means: &Means<H>, board: &Board<'_>) {
    let answer = means.resolver.mx(domain).await;
    let mut records: Vec<MxRecord> = answer.records.clone();
    if answer.outcome == Outcome::NoRecords {
        records.push(MxRecord {
            preference: 0,
            host: domain.to_owned(),
        });
    }
    records.retain(|record| !record.host.is_empty());
    records.truncate(Limits::MAIL_HOSTS);
    board.post(Part::Mx, |found| {
        found.mx = answer;
        let names = records.iter();
        found.hosts = names
            .map(|record| MailHost::named(record, kind_of(&record.host), provider(&record.host)))
            .collect();
        found.outstanding.extend((0..records.len()).map(Part::Host));
    });
    let looked_at = records.iter().enumerate();
    join_all(looked_at.map(|(place, record)| async move {
        let host = one(record, means).await;
        board.post(Part::Host(place), |found| found.hosts[place] = host);
    }))
    .await;
}

async fn one<H: Hosts>(record: &MxRecord, means: &Means<H>) -> MailHost {
    let name = &record.host;
    // A name that is none is asked for all the same: that there is nothing is the answer.
    let (tlsa, (addresses, (names, seen))) = join(dane::records(name, means), async {
        let addresses = means.resolver.addresses(name).await;
        let first = addresses.records.first().copied();
        let names: OptionFuture<_> = first.map(|first| means.resolver.names_of(first)).into();
        let more = join(names, look(name, &addresses.records, means)).await;
        (addresses, more)
    })
    .await;
    let tlsa = match addresses.aliases.last() {
        Some(end) => dane::of_alias(end, addresses.security, tlsa, means).await,
        None => tlsa,
    };
    MailHost {
        addresses,
        names,
        tlsa,
        seen,
        ..MailHost::named(record, kind_of(name), provider(name))
    }
}

/// Port 25, as another mail server finds it.
async fn look<H: Hosts>(
    name: &str,
    addresses: &[IpAddr],
    means: &Means<H>,
) -> Option<Box<crate::observation::Observation>> {
    let dial = means.hosts.dial(name, 25, addresses, &means.resolver)?;
    let ask = Ask {
        service: ServiceId::Smtp.row(),
        port: 25,
        host: Host::Name(name.to_owned()),
        ehlo_name: means.ehlo_name.clone(),
        depth: Depth::Full,
        audit: Audit::No,
        transcripts: Transcripts::Dropped,
    };
    Some(Box::new(probe(&dial, &ask).await))
}

fn kind_of(name: &str) -> HostKind {
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && label
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
    };
    if name.parse::<IpAddr>().is_ok() {
        HostKind::Address
    } else if name.split('.').all(is_label) {
        HostKind::Name
    } else {
        HostKind::Nonsense
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_name_in_an_mx_record_is() {
        for (name, kind) in [
            ("mail.example.com", HostKind::Name),
            ("_mail.example.com", HostKind::Name),
            ("192.0.2.1", HostKind::Address),
            ("mail\\032host.example", HostKind::Nonsense),
            ("", HostKind::Nonsense),
        ] {
            assert_eq!(kind_of(name), kind, "{name}");
        }
    }
}
