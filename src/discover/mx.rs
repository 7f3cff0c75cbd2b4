//! Mail hosts: who they are, where, and what their port 25 shows.

use std::net::IpAddr;

use futures_util::future::{OptionFuture, join, join_all};

use super::{Means, dane};
use crate::catalog::{ServiceId, provider};
use crate::discovery::{HostKind, MailHost};
use crate::facts::{Answer, MxRecord, Outcome};
use crate::plan::{Audit, Depth, Host, Limits, Transcripts};
use crate::probe::{Ask, probe};

/// The mail hosts of a domain: its MX records, or the domain itself where there are none (RFC 5321 §5.1).
pub(super) async fn find(domain: &str, means: &Means) -> (Answer<MxRecord>, Vec<MailHost>) {
    let answer = means.resolver.mx(domain).await;
    let mut records: Vec<MxRecord> = answer.records.clone();
    if answer.outcome == Outcome::NoRecords {
        records.push(MxRecord {
            preference: 0,
            host: domain.to_owned(),
        });
    }
    let looked_at = records
        .iter()
        .filter(|record| !record.host.is_empty())
        .take(Limits::MAIL_HOSTS);
    let hosts = join_all(looked_at.map(|record| one(record, means))).await;
    (answer, hosts)
}

async fn one(record: &MxRecord, means: &Means) -> MailHost {
    let name = record.host.clone();
    let kind = kind_of(&name);
    // A name that is none is asked for all the same: that there is nothing is the answer.
    let (tlsa, (addresses, (names, seen))) = join(dane::records(&name, means), async {
        let addresses = means.resolver.addresses(&name).await;
        let first = addresses.records.first().copied();
        let names: OptionFuture<_> = first.map(|first| means.resolver.names_of(first)).into();
        let more = join(names, look(&name, &addresses.records, means)).await;
        (addresses, more)
    })
    .await;
    let tlsa = match addresses.aliases.last() {
        Some(end) => dane::of_alias(end, addresses.security, tlsa, means).await,
        None => tlsa,
    };
    MailHost {
        preference: record.preference,
        provider: provider(&name),
        name,
        kind,
        addresses,
        names,
        tlsa,
        seen,
    }
}

/// Port 25, as another mail server finds it.
async fn look(
    name: &str,
    addresses: &[IpAddr],
    means: &Means,
) -> Option<Box<crate::observation::Observation>> {
    let dial = means.dial(name, 25, addresses)?;
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
