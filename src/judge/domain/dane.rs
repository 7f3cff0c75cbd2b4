//! On DANE (RFC 7672): TLSA records held against the certificate that port 25 serves.

use ring::digest::{SHA256, digest};
use time::OffsetDateTime;

use super::case::{DomainCase, DomainEvidence, DomainRule, names};
use super::names::{has_signatures, trouble};
use crate::discovery::{Discovery, MailHost, Tlsa};
use crate::facts::{CertificateFacts, DnssecState, Outcome, Text, TlsFacts};
use crate::finding::{Code, Dane, Severity};
use crate::observation::State;

pub(super) const RULES: &[DomainRule] = &[
    DomainRule {
        code: Code::DaneMismatch,
        holds: mismatch,
    },
    DomainRule {
        code: Code::DaneWithoutTls,
        holds: without_tls,
    },
    DomainRule {
        code: Code::DaneLookupFailed,
        holds: lookup_failed,
    },
    DomainRule {
        code: Code::DaneNotSecure,
        holds: not_secure,
    },
    DomainRule {
        code: Code::DaneUnusable,
        holds: unusable,
    },
    DomainRule {
        code: Code::DaneUnseen,
        holds: unseen,
    },
    DomainRule {
        code: Code::DaneMatches,
        holds: matches_it,
    },
];

/// What DANE comes to at a mail host. Senders use it where the TLSA records and the host's addresses are signed
/// (RFC 7672 §2.2); where the MX record is not, some use it all the same.
pub(super) fn verdict(found: &Discovery, host: &MailHost, now: OffsetDateTime) -> Dane {
    let has_signatures = found.resolver.security == DnssecState::Secure;
    match host.tlsa.outcome {
        Outcome::NoRecords | Outcome::NoName => {
            return if has_signatures && host.tlsa.security == DnssecState::Bogus {
                Dane::Unknown
            } else {
                Dane::None
            };
        }
        Outcome::Found => {}
        Outcome::Unasked => return Dane::Unknown,
        // A resolver that keeps signatures back says nothing of the domain.
        _ if !has_signatures => return Dane::None,
        _ => return Dane::Unknown,
    }
    match host.tlsa.security.min(host.addresses.security) {
        DnssecState::Secure => {}
        DnssecState::Insecure => return Dane::NotSecure,
        DnssecState::Bogus | DnssecState::Indeterminate => return Dane::Unknown,
    }
    if usable(host).next().is_none() {
        return Dane::Unusable;
    }
    let Some(seen) = host
        .seen
        .as_ref()
        .filter(|seen| seen.state == Some(State::Open))
    else {
        return Dane::Unseen;
    };
    if seen.is_cut_short() && seen.tls.is_none() {
        return Dane::Unseen;
    }
    let Some(tls) = seen.tls.as_ref().filter(|tls| !tls.fingerprints.is_empty()) else {
        return Dane::WithoutTls;
    };
    let matching = usable(host).find(|(_, tlsa)| fits(tlsa, tls, found, now));
    match matching {
        Some((index, _)) => Dane::Matches(index),
        None => Dane::Mismatch,
    }
}

/// The records that senders use, with their places.
fn usable(host: &MailHost) -> impl Iterator<Item = (usize, &Tlsa)> {
    let records = host.tlsa.records.iter().enumerate();
    records
        .filter_map(|(index, record)| Some((index, record.as_ref().ok()?)))
        .filter(|(_, record)| record.unusable().is_none())
}

/// Whether a record fits what was served. With usage 3 neither the dates nor the names of the certificate count
/// (RFC 7672 §3.1.1); with usage 2 both do, and the chain has to lead to the authority (§3.1.2).
fn fits(tlsa: &Tlsa, tls: &TlsFacts, found: &Discovery, now: OffsetDateTime) -> bool {
    let here = |index: usize| is_of(tlsa, tls, index);
    if tlsa.usage == 3 {
        return here(0);
    }
    let Some(leaf) = &tls.certificate else {
        return false;
    };
    let is_in_time = leaf.not_before <= now && now <= leaf.not_after;
    let is_named = leaf.name_matches || is_for(leaf, &found.domain);
    let mut authorities = 1..tls.fingerprints.len();
    is_in_time && is_named && authorities.any(|index| here(index) && leads_to(tls, leaf, index))
}

/// Whether the chain leads from the leaf to that certificate: by signatures that were checked, or as the root in which
/// a checked path ends.
fn leads_to(tls: &TlsFacts, leaf: &CertificateFacts, index: usize) -> bool {
    let path = &leaf.trust.path;
    if path.contains(&index) {
        return true;
    }
    let last = path.last().and_then(|last| tls.chain.get(*last));
    let is_root = tls
        .chain
        .get(index)
        .zip(last)
        .is_some_and(|(root, last)| root.subject == last.issuer);
    is_root && leaf.trust.anchor.is_some()
}

fn is_of(tlsa: &Tlsa, tls: &TlsFacts, index: usize) -> bool {
    let Some(prints) = tls.fingerprints.get(index) else {
        return false;
    };
    let (sha256, sha512) = match tlsa.selector {
        0 => (
            Some(&prints.certificate_sha256),
            Some(&prints.certificate_sha512),
        ),
        _ => (prints.key_sha256.as_ref(), prints.key_sha512.as_ref()),
    };
    match tlsa.matching {
        // What has the same hash is the same.
        0 => sha256.is_some_and(|hash| digest(&SHA256, &tlsa.data).as_ref() == hash),
        1 => sha256.is_some_and(|hash| tlsa.data == hash),
        _ => sha512.is_some_and(|hash| tlsa.data == hash),
    }
}

/// Whether a certificate is issued for the domain itself: the other name that counts (RFC 7672 §3.2.2).
fn is_for(leaf: &CertificateFacts, domain: &str) -> bool {
    let parent = domain.split_once('.').map_or("", |(_, parent)| parent);
    leaf.names.iter().map(Text::as_str).any(|name| {
        name.eq_ignore_ascii_case(domain)
            || name
                .strip_prefix("*.")
                .is_some_and(|rest| !parent.is_empty() && rest.eq_ignore_ascii_case(parent))
    })
}

/// `3 1 1`
fn words(tlsa: &Tlsa) -> String {
    format!("{} {} {}", tlsa.usage, tlsa.selector, tlsa.matching)
}

fn all_words<'a>(records: impl Iterator<Item = &'a Tlsa>) -> String {
    let all: Vec<String> = records.map(words).collect();
    all.join(", ")
}

fn with<'a>(
    case: &'a DomainCase<'_>,
    wanted: impl Fn(Dane) -> bool + 'a,
) -> impl Iterator<Item = (&'a MailHost, Dane)> {
    let both = case.found.hosts.iter().zip(case.dane.iter().copied());
    both.filter(move |(_, dane)| wanted(*dane))
}

fn mismatch(case: &DomainCase<'_>) -> Vec<DomainEvidence> {
    with(case, |dane| dane == Dane::Mismatch)
        .map(|(host, _)| {
            let served = host.seen.as_ref().and_then(|seen| seen.tls.as_ref());
            let served = served.and_then(|tls| tls.certificate.as_ref());
            let served = served.map_or_else(String::new, |leaf| {
                let until = leaf.not_after.date();
                format!(": {}, valid until {until}, serial {}", names(&leaf.names), leaf.serial)
            });
            let message = format!(
                "None of the TLSA records of {} ({}) matches the certificate that port 25 serves{served}",
                host.name,
                all_words(usable(host).map(|(_, tlsa)| tlsa))
            );
            let evidence = DomainEvidence::new(message, [&host.name]);
            if case.found.mx.security == DnssecState::Secure {
                evidence
            } else {
                evidence.severity(Severity::Warn)
            }
        })
        .collect()
}

fn without_tls(case: &DomainCase<'_>) -> Vec<DomainEvidence> {
    with(case, |dane| dane == Dane::WithoutTls)
        .map(|(host, _)| {
            DomainEvidence::new(
                format!(
                    "{} has TLSA records, but no working TLS on port 25",
                    host.name
                ),
                [&host.name],
            )
        })
        .collect()
}

fn lookup_failed(case: &DomainCase<'_>) -> Vec<DomainEvidence> {
    if !has_signatures(case) {
        return Vec::new();
    }
    with(case, |dane| dane == Dane::Unknown)
        .filter(|(host, _)| {
            // What is bogus is told as that.
            let all = [host.tlsa.security, host.addresses.security];
            !all.contains(&DnssecState::Bogus) && !host.is_cut_short()
        })
        .map(|(host, _)| {
            let message = format!(
                "The TLSA records of {} could not be looked up: {}",
                host.name,
                trouble(host.tlsa.outcome)
            );
            DomainEvidence::new(message, [&host.name])
        })
        .collect()
}

fn not_secure(case: &DomainCase<'_>) -> Vec<DomainEvidence> {
    with(case, |dane| dane == Dane::NotSecure)
        .map(|(host, _)| {
            let what = match (host.tlsa.security, host.addresses.security) {
                (DnssecState::Insecure, _) => "they are not signed",
                _ => "its addresses are not signed",
            };
            let message = format!(
                "Senders ignore the TLSA records of {}: {what} (DNSSEC)",
                host.name
            );
            DomainEvidence::new(message, [&host.name])
        })
        .collect()
}

fn unusable(case: &DomainCase<'_>) -> Vec<DomainEvidence> {
    with(case, |dane| dane == Dane::Unusable)
        .map(|(host, _)| {
            let why: Vec<String> = host
                .tlsa
                .records
                .iter()
                .map(|record| match record {
                    Ok(tlsa) => {
                        let why = tlsa.unusable().map_or("", |why| why.as_str());
                        format!("{}: {why}", words(tlsa))
                    }
                    Err(what) => (*what).to_owned(),
                })
                .collect();
            let message = format!(
                "Senders can use none of the TLSA records of {} ({})",
                host.name,
                why.join(", ")
            );
            DomainEvidence::new(message, [&host.name])
        })
        .collect()
}

fn unseen(case: &DomainCase<'_>) -> Vec<DomainEvidence> {
    with(case, |dane| dane == Dane::Unseen)
        .filter(|(host, _)| !host.is_cut_short())
        .map(|(host, _)| {
            let message = format!(
                "The TLSA records of {} could not be compared with its certificate: port 25 is not open from here",
                host.name
            );
            DomainEvidence::new(message, [&host.name])
        })
        .collect()
}

fn matches_it(case: &DomainCase<'_>) -> Vec<DomainEvidence> {
    let both = case.found.hosts.iter().zip(case.dane);
    both.filter_map(|(host, dane)| {
        let Dane::Matches(index) = dane else {
            return None;
        };
        let Some(Ok(matching)) = host.tlsa.records.get(*index) else {
            return None;
        };
        let others = usable(host).count().saturating_sub(1);
        let more = match (others, case.found.mx.security) {
            (_, DnssecState::Insecure) => {
                "; the MX record itself is not signed, so that not all senders use it".to_owned()
            }
            (0, _) => String::new(),
            (others, _) => format!(", and {others} more for a roll-over"),
        };
        let message = format!(
            "DANE: the record {} of {} matches the certificate that port 25 serves{more}",
            words(matching),
            host.name
        );
        Some(DomainEvidence::new(message, [&host.name]))
    })
    .collect()
}
