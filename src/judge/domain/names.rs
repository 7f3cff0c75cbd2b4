//! On what name servers say: the resolver, the domain, its mail hosts.

use super::case::{DomainCase, DomainEvidence, DomainRule};
use crate::catalog::ProviderKind;
use crate::discovery::{CutShort, HostKind, Visit};
use crate::facts::{Answer, DnssecState, Outcome, PeerFacts, Text};
use crate::finding::{Code, Severity};
use crate::observation::State;

pub(super) const RULES: &[DomainRule] = &[
    DomainRule {
        code: Code::DiscoveryUnfinished,
        holds: unfinished,
    },
    DomainRule {
        code: Code::ResolverWithoutSignatures,
        holds: resolver_without_signatures,
    },
    DomainRule {
        code: Code::DomainNotFound,
        holds: domain_not_found,
    },
    DomainRule {
        code: Code::DomainLookupFailed,
        holds: domain_lookup_failed,
    },
    DomainRule {
        code: Code::DnssecBogus,
        holds: dnssec_bogus,
    },
    DomainRule {
        code: Code::NoMailHost,
        holds: no_mail_host,
    },
    DomainRule {
        code: Code::NullMx,
        holds: null_mx,
    },
    DomainRule {
        code: Code::MxMissing,
        holds: mx_missing,
    },
    DomainRule {
        code: Code::MxUnusable,
        holds: mx_unusable,
    },
    DomainRule {
        code: Code::MxIsAlias,
        holds: mx_is_alias,
    },
    DomainRule {
        code: Code::MxUnreachable,
        holds: mx_unreachable,
    },
    DomainRule {
        code: Code::MxOldAndNew,
        holds: mx_old_and_new,
    },
    DomainRule {
        code: Code::MxNamesDiffer,
        holds: mx_names_differ,
    },
    DomainRule {
        code: Code::WildcardDns,
        holds: wildcard_dns,
    },
];

fn unfinished(case: &DomainCase<'_>) -> Vec<DomainEvidence> {
    const FEW: usize = 5;
    let found = case.found;
    let Some(end) = found.cut_short else {
        return Vec::new();
    };
    let is_unasked = |outcome| outcome == Outcome::Unasked;
    let mut srv = found.srv.iter().map(|srv| srv.answer.outcome);
    let sts = found.mta_sts.visit.as_ref();
    let mut missing: Vec<String> = Vec::new();
    let mut add = |is_missing: bool, what: &str| {
        if is_missing {
            missing.push(what.to_owned());
        }
    };
    add(is_unasked(found.mx.outcome), "the MX records");
    for host in found.hosts.iter().filter(|host| host.is_cut_short()) {
        add(true, &format!("the mail host {}", host.name));
    }
    for (place, way) in found.autodiscover.iter().enumerate() {
        add(
            way.is_cut_short(),
            &format!("Autodiscover, method {}", place + 1),
        );
    }
    add(srv.any(is_unasked), "the SRV records");
    add(
        is_unasked(found.mta_sts.record.answer.outcome) || sts.is_some_and(Visit::is_cut_short),
        "MTA-STS",
    );
    add(is_unasked(found.tls_rpt.answer.outcome), "TLS reports");
    add(is_unasked(found.caa.outcome), "CAA");
    add(is_unasked(found.resolver.outcome), "the keys of the root");
    add(is_unasked(found.nonsense.outcome), "wildcards");
    let more = missing.len().saturating_sub(FEW);
    missing.truncate(FEW);
    let missing = missing.join("; ");
    let why = match end {
        CutShort::Deadline => "The deadline passed",
        CutShort::Interrupt => "The run was interrupted",
    };
    let more = match more {
        0 => String::new(),
        more => format!("; and {more} more"),
    };
    let message = format!("{why} before everything was looked at. Missing: {missing}{more}");
    vec![DomainEvidence::new(message, [&found.domain])]
}

fn resolver_without_signatures(case: &DomainCase<'_>) -> Vec<DomainEvidence> {
    let resolver = &case.found.resolver;
    let is_unknown =
        resolver.security == DnssecState::Secure || resolver.outcome == Outcome::Unasked;
    if is_unknown || !is_told(case) {
        return Vec::new();
    }
    let servers: Vec<String> = resolver
        .servers
        .iter()
        .map(|it| it.ip().to_string())
        .collect();
    let message = format!(
        "The resolver {} withholds the signatures of the root zone, so DNSSEC and DANE cannot be checked",
        servers.join(", ")
    );
    vec![DomainEvidence::new(message, servers)]
}

/// Whether the resolver answered at all.
fn is_told(case: &DomainCase<'_>) -> bool {
    case.found.mx.outcome.is_answer()
}

/// Whether what DNSSEC says can be held against the domain.
pub(super) fn has_signatures(case: &DomainCase<'_>) -> bool {
    case.found.resolver.security == DnssecState::Secure
}

fn domain_not_found(case: &DomainCase<'_>) -> Vec<DomainEvidence> {
    let domain = &case.found.domain;
    if case.found.mx.outcome != Outcome::NoName {
        return Vec::new();
    }
    vec![DomainEvidence::new(
        format!("The domain {domain} does not exist"),
        [domain],
    )]
}

fn domain_lookup_failed(case: &DomainCase<'_>) -> Vec<DomainEvidence> {
    let domain = &case.found.domain;
    if is_told(case) || case.found.mx.outcome == Outcome::Unasked {
        return Vec::new();
    }
    let why = trouble(case.found.mx.outcome);
    let message = format!("The mail hosts of {domain} could not be looked up: {why}");
    let evidence = DomainEvidence::new(message, [domain]);
    vec![match case.found.mx.outcome {
        Outcome::Loop => evidence.hint(
            "Look at the domain's CNAME records, one after the other: the chain must be short and must not lead back \
             to an earlier name.",
        ),
        _ => evidence,
    }]
}

/// What became of a question that was not answered.
pub(super) fn trouble(outcome: Outcome) -> String {
    match outcome {
        Outcome::Refused(word) => format!("the resolver says {word}"),
        Outcome::Unasked => "the run ended before it answered".to_owned(),
        Outcome::Silent => "the resolver did not answer".to_owned(),
        Outcome::Unreachable => "the resolver cannot be reached".to_owned(),
        Outcome::Malformed => "what the resolver sent cannot be read".to_owned(),
        Outcome::Loop => "its aliases form a loop".to_owned(),
        Outcome::TooMuch => "it would take too many questions".to_owned(),
        Outcome::NoName => "there is no such name".to_owned(),
        Outcome::NoRecords => "there is no such record".to_owned(),
        Outcome::Found => "it was found".to_owned(),
    }
}

/// Which answers are signed and not rightly.
fn dnssec_bogus(case: &DomainCase<'_>) -> Vec<DomainEvidence> {
    fn add<T>(what: &str, name: &str, answer: &Answer<T>, all: &mut Vec<(String, String)>) {
        if answer.security == DnssecState::Bogus {
            all.push((what.to_owned(), name.to_owned()));
        }
    }
    if !has_signatures(case) {
        return Vec::new();
    }
    let found = case.found;
    let mut all = Vec::new();
    add("MX", &found.domain, &found.mx, &mut all);
    for host in &found.hosts {
        add("addresses", &host.name, &host.addresses, &mut all);
        add("TLSA", &host.name, &host.tlsa, &mut all);
    }
    add(
        "MTA-STS",
        &found.domain,
        &found.mta_sts.record.answer,
        &mut all,
    );
    if all.is_empty() {
        return Vec::new();
    }
    let words: Vec<String> = all
        .iter()
        .map(|(what, name)| format!("{what} of {name}"))
        .collect();
    let mut about: Vec<String> = all.into_iter().map(|(_, name)| name).collect();
    about.dedup();
    vec![DomainEvidence::new(
        format!(
            "DNSSEC: the signatures are invalid ({}), so resolvers that validate give no answer",
            words.join(", ")
        ),
        about,
    )]
}

fn no_mail_host(case: &DomainCase<'_>) -> Vec<DomainEvidence> {
    let found = case.found;
    let is_without = found.mx.outcome == Outcome::NoRecords
        && found
            .hosts
            .iter()
            .all(|host| host.addresses.records.is_empty());
    if !is_without {
        return Vec::new();
    }
    vec![DomainEvidence::new(
        format!("{} has neither an MX record nor an address", found.domain),
        [&found.domain],
    )]
}

fn null_mx(case: &DomainCase<'_>) -> Vec<DomainEvidence> {
    let found = case.found;
    let null = found
        .mx
        .records
        .iter()
        .filter(|record| record.host.is_empty())
        .count();
    let all = found.mx.records.len();
    if null == 0 {
        return Vec::new();
    }
    if null == all {
        return vec![DomainEvidence::new(
            format!("{} says that it accepts no mail", found.domain),
            [&found.domain],
        )];
    }
    let message = format!(
        "{} says that it accepts no mail, but also names {} mail host(s)",
        found.domain,
        all - null
    );
    vec![
        DomainEvidence::new(message, [&found.domain])
            .severity(Severity::Fail)
            .hint("Remove the MX record whose host is a lone dot, or the others."),
    ]
}

fn mx_missing(case: &DomainCase<'_>) -> Vec<DomainEvidence> {
    let found = case.found;
    let has_address = found
        .hosts
        .iter()
        .any(|host| !host.addresses.records.is_empty());
    if found.mx.outcome != Outcome::NoRecords || !has_address {
        return Vec::new();
    }
    vec![DomainEvidence::new(
        format!(
            "{} has no MX record: mail goes to its own address",
            found.domain
        ),
        [&found.domain],
    )]
}

fn mx_unusable(case: &DomainCase<'_>) -> Vec<DomainEvidence> {
    if case.found.mx.outcome != Outcome::Found {
        return Vec::new();
    }
    let hosts = case.found.hosts.iter();
    hosts
        .filter_map(|host| {
            let why = match (host.kind, host.addresses.outcome) {
                (HostKind::Address, _) => "is an address instead of a name".to_owned(),
                (HostKind::Nonsense, _) => "is not a host name".to_owned(),
                (HostKind::Name, Outcome::Found | Outcome::Unasked) => return None,
                (HostKind::Name, Outcome::NoRecords) => "has no address".to_owned(),
                (HostKind::Name, Outcome::NoName) => "does not exist".to_owned(),
                (HostKind::Name, other) => format!("could not be looked up: {}", trouble(other)),
            };
            Some(DomainEvidence::new(
                format!("The mail host {} {why}", host.name),
                [&host.name],
            ))
        })
        .collect()
}

fn mx_is_alias(case: &DomainCase<'_>) -> Vec<DomainEvidence> {
    if case.found.mx.outcome != Outcome::Found {
        return Vec::new();
    }
    let hosts = case.found.hosts.iter();
    hosts
        .filter_map(|host| {
            let alias = host.addresses.aliases.first()?;
            Some(DomainEvidence::new(
                format!("The mail host {} is an alias (CNAME) of {alias}", host.name),
                [&host.name],
            ))
        })
        .collect()
}

fn mx_unreachable(case: &DomainCase<'_>) -> Vec<DomainEvidence> {
    let looked_at: Vec<_> = case
        .found
        .hosts
        .iter()
        .filter_map(|host| Some((host, host.seen.as_ref()?)))
        .filter(|(_, seen)| seen.state.is_some() || !seen.is_cut_short())
        .collect();
    let shut: Vec<_> = looked_at
        .iter()
        .filter(|(_, seen)| seen.state != Some(State::Open))
        .collect();
    let Some((_, first)) = shut.first() else {
        return Vec::new();
    };
    let mut words: Vec<&str> = Vec::new();
    for (host, _) in &shut {
        // Two records can name one host.
        if !words.contains(&host.name.as_str()) {
            words.push(&host.name);
        }
    }
    let state = first.state.map_or("not reached", State::as_str);
    let message = format!("Port 25 of {} is {state}", words.join(", "));
    let evidence = DomainEvidence::new(message, words);
    let is_all = shut.len() == looked_at.len();
    vec![if is_all && first.state == Some(State::Filtered) {
        evidence.hint(
            "Many networks block outbound port 25. Check from one that does not, or from the mail server's own, \
             before looking at its firewall.",
        )
    } else {
        evidence
    }]
}

fn mx_old_and_new(case: &DomainCase<'_>) -> Vec<DomainEvidence> {
    let online: Vec<&str> = case
        .found
        .hosts
        .iter()
        .filter(|host| {
            host.provider
                .is_some_and(|provider| provider.kind == ProviderKind::ExchangeOnline)
        })
        .map(|host| host.name.as_str())
        .collect();
    let is_new = |name: &&&str| name.ends_with(".mx.microsoft");
    let new = online.iter().filter(is_new).count();
    if new == 0 || new == online.len() {
        return Vec::new();
    }
    let message =
        "Mail goes to Exchange Online under its old name and under the new one (mx.microsoft)";
    vec![DomainEvidence::new(message, online)]
}

fn mx_names_differ(case: &DomainCase<'_>) -> Vec<DomainEvidence> {
    let hosts = case.found.hosts.iter();
    hosts
        .filter(|host| host.provider.is_none())
        .filter_map(|host| {
            let names = host.names.as_ref()?;
            let Some(PeerFacts::Smtp(facts)) = host.seen.as_ref().and_then(|it| it.peer.as_ref())
            else {
                return None;
            };
            let greeting = facts.greeting.as_ref().map_or("", Text::as_str);
            let said = greeting.split_whitespace().nth(1)?.to_ascii_lowercase();
            let said = said.trim_end_matches('.').to_owned();
            let is_name = said.contains('.') && said.parse::<std::net::IpAddr>().is_err();
            if !is_name || names.records.is_empty() || names.records.contains(&said) {
                return None;
            }
            let message = format!(
                "{} greets as {said}, but the PTR record of its address says {}",
                host.name,
                names.records.join(", ")
            );
            Some(DomainEvidence::new(message, [&host.name]))
        })
        .collect()
}

fn wildcard_dns(case: &DomainCase<'_>) -> Vec<DomainEvidence> {
    let nobody = &case.found.nonsense;
    if nobody.records.is_empty() {
        return Vec::new();
    }
    let host = format!("autodiscover.{}", case.found.domain);
    let visits = case
        .found
        .autodiscover
        .iter()
        .flat_map(|method| &method.visits);
    let is_same = visits
        .filter(|visit| visit.host == host)
        .any(|visit| visit.addresses.records == nobody.records);
    let message = format!(
        "Every name under {} has the address {}{}",
        case.found.domain,
        nobody
            .records
            .first()
            .map(ToString::to_string)
            .unwrap_or_default(),
        if is_same { ", autodiscover too" } else { "" }
    );
    let evidence = DomainEvidence::new(message, [&case.found.domain]);
    vec![if is_same {
        evidence
    } else {
        evidence.severity(Severity::Info)
    }]
}
