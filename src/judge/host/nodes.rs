//! Rules on the nodes behind a name, and on the addresses of one: seen side by side, does one of them differ?
//!
//! Of each aspect the value that most have is the usual one. Whoever has another one is told, with both. A name shows what
//! the node shows to which the load balancer sent us, so that it is told only where no node has that value: then it is
//! the load balancer's own.

use std::collections::BTreeSet;
use std::net::IpAddr;

use super::case::{self, HostRule, TargetEvidence, address, http, is_open, product, services};
use super::certificates::is_predecessor;
use super::shared::certificate;
use crate::catalog::builds::BuildNumber;
use crate::catalog::{Group, Protocol, ServiceId};
use crate::facts::{PeerFacts, Text, VersionAnswer};
use crate::finding::{Code, Finding, Severity, TargetDiagnosis};
use crate::judge::Context;
use crate::judge::check::Case;
use crate::judge::quoting::date;
use crate::observation::State;

pub(super) const RULES: &[HostRule] = &[HostRule {
    code: Code::NodesDiffer,
    holds: |whole| {
        // What one check of each service saw has nothing beside it.
        let mut addresses: Vec<IpAddr> = Vec::new();
        for row in whole.rows() {
            if let Some(address) = address(row).filter(|it| !addresses.contains(it)) {
                addresses.push(address);
            }
        }
        let labels: Vec<String> = addresses.iter().map(ToString::to_string).collect();
        let places: Vec<Place<'_>> = addresses
            .iter()
            .zip(&labels)
            .map(|(address, label)| Place {
                label,
                rows: whole
                    .rows()
                    .filter(|row| case::address(row) == Some(*address))
                    .collect(),
            })
            // An address that is dead is told as that.
            .filter(|place| place.rows.iter().copied().any(is_open))
            .collect();
        differences(None, &places, whole.context)
    },
}];

/// Where the same services were looked at: a name, a node behind it, an address.
#[derive(Clone, Debug)]
pub struct Place<'a> {
    /// What it is called.
    pub label: &'a str,
    /// What was found there.
    pub rows: Vec<&'a Finding>,
}

/// Says how the nodes behind a name differ from it and from each other. These are diagnoses of the target of that name.
#[must_use]
pub fn compare_nodes(
    name: &Place<'_>,
    nodes: &[Place<'_>],
    context: &Context<'_>,
) -> Vec<TargetDiagnosis> {
    let all = std::iter::once(name).chain(nodes);
    let product = product(&all.flat_map(|place| place.rows.iter().copied()), context);
    let code = Code::NodesDiffer;
    let diagnose = |found: TargetEvidence| TargetDiagnosis {
        diagnosis: found
            .evidence
            .diagnose(code, code.definition().severity, product),
        services: found.services,
        addresses: found.addresses,
    };
    let found = differences(Some(name), nodes, context);
    found.into_iter().map(diagnose).collect()
}

/// What is compared, in the order in which it is told.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Aspect {
    /// What comes of a connection.
    Works,
    Certificate,
    Tls,
    /// Which versions are enabled, with `--audit`.
    Enabled,
    Suite,
    Build,
    Health,
    Answer,
    SignIn,
    Bearer,
    Capabilities,
    Nla,
}

const ASPECTS: [Aspect; 12] = [
    Aspect::Works,
    Aspect::Certificate,
    Aspect::Tls,
    Aspect::Enabled,
    Aspect::Suite,
    Aspect::Build,
    Aspect::Health,
    Aspect::Answer,
    Aspect::SignIn,
    Aspect::Bearer,
    Aspect::Capabilities,
    Aspect::Nla,
];

/// What was seen of an aspect.
#[derive(Clone, Debug, Eq, PartialEq)]
enum Value {
    /// One thing: what makes it this one, and how it is told.
    One { key: String, told: String },
    /// Several, of which some may be missing.
    Several(BTreeSet<String>),
}

impl Value {
    fn word(told: impl Into<String>) -> Self {
        let told = told.into();
        Self::One {
            key: told.clone(),
            told,
        }
    }

    fn is(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::One { key, .. }, Self::One { key: other, .. }) => key == other,
            _ => self == other,
        }
    }
}

/// One that differs: which place, in what, on which service, and who has the usual value.
struct Difference<'a> {
    place: usize,
    aspect: Aspect,
    row: &'a Finding,
    value: Value,
    usual: Value,
    others: Vec<usize>,
}

/// The name, where there is one, and the nodes: index 0 is the name then.
fn differences(
    name: Option<&Place<'_>>,
    nodes: &[Place<'_>],
    context: &Context<'_>,
) -> Vec<TargetEvidence> {
    let places: Vec<&Place<'_>> = name.into_iter().chain(nodes).collect();
    let name = name.map(|_| 0);
    let mut all: Vec<Difference<'_>> = Vec::new();
    // A server has one build, and no directory is sure to tell it.
    let builds = places.iter().enumerate().filter_map(|(index, place)| {
        let (row, value) = build(place)?;
        Some((index, row, value))
    });
    let builds: Vec<_> = builds.collect();
    for aspect in ASPECTS {
        if aspect == Aspect::Build {
            all.extend(odd_ones(aspect, name, builds.clone()));
            continue;
        }
        for service in services(places.iter().flat_map(|place| place.rows.iter().copied())) {
            let seen: Vec<(usize, &Finding, Value)> = places
                .iter()
                .enumerate()
                .filter_map(|(index, place)| {
                    let mut rows = place.rows.iter().copied();
                    let row = rows.find(|row| row.check.service.id == service)?;
                    let value = aspect.of(row, place, context)?;
                    // What a load balancer does not pass on is not missing at the nodes, nor the other way round.
                    let is_closed = name == Some(index)
                        && aspect == Aspect::Works
                        && row.observation.state != Some(State::Open);
                    (!is_closed).then_some((index, row, value))
                })
                .collect();
            all.extend(odd_ones(aspect, name, seen));
        }
    }
    let mut told: Vec<TargetEvidence> = Vec::new();
    while let Some(first) = all.first() {
        let is_same = |other: &Difference<'_>| {
            other.place == first.place
                && other.aspect == first.aspect
                && instead(&other.value, &other.usual) == instead(&first.value, &first.usual)
                && other.others == first.others
        };
        let (same, rest): (Vec<_>, Vec<_>) = {
            let marks: Vec<bool> = all.iter().map(is_same).collect();
            let marked = all.into_iter().zip(marks);
            let (same, rest): (Vec<_>, Vec<_>) = marked.partition(|(_, mark)| *mark);
            let bare = |some: Vec<(_, bool)>| some.into_iter().map(|(one, _)| one).collect();
            (bare(same), bare(rest))
        };
        told.push(evidence(&places, name, &same));
        all = rest;
    }
    told
}

/// Those that have another value than most nodes. Of two that are as many, the name's is the usual one, or the first.
fn odd_ones(
    aspect: Aspect,
    name: Option<usize>,
    seen: Vec<(usize, &Finding, Value)>,
) -> Vec<Difference<'_>> {
    let mut groups: Vec<Vec<(usize, &Finding, Value)>> = Vec::new();
    for one in seen {
        match groups.iter_mut().find(|group| group[0].2.is(&one.2)) {
            Some(group) => group.push(one),
            None => groups.push(vec![one]),
        }
    }
    if groups.len() < 2 {
        return Vec::new();
    }
    // Of another version of TLS every suite is another one.
    if aspect == Aspect::Suite && !is_of_one_version(&groups) {
        return Vec::new();
    }
    let has_name = |group: &Vec<(usize, &Finding, Value)>| {
        group.iter().any(|(place, _, _)| Some(*place) == name)
    };
    // Through a load balancer the name shows what one of the nodes shows: that is no voice of its own.
    let weight = |group: &Vec<(usize, &Finding, Value)>| {
        let is_named = has_name(group);
        (group.len() - usize::from(is_named), is_named)
    };
    let mut usual = 0;
    for (index, group) in groups.iter().enumerate() {
        if weight(group) > weight(&groups[usual]) {
            usual = index;
        }
    }
    let (value, others): (Value, Vec<usize>) = {
        let group = &groups[usual];
        let all = group.iter().map(|(place, _, _)| *place);
        let mut nodes: Vec<usize> = all.clone().filter(|place| Some(*place) != name).collect();
        if nodes.is_empty() {
            nodes.extend(all);
        }
        (group[0].2.clone(), nodes)
    };
    let front = groups[usual][0].1;
    groups
        .into_iter()
        .enumerate()
        .filter(|(index, _)| *index != usual)
        .flat_map(|(_, group)| {
            let is_shown_by_node = group.iter().any(|(place, _, _)| Some(*place) != name);
            group
                .into_iter()
                .filter(move |(place, _, _)| Some(*place) != name || !is_shown_by_node)
        })
        // Where one address has the renewed certificate and the other the old one, that is told already.
        .filter(|(_, row, _)| {
            name.is_some() || aspect != Aspect::Certificate || !is_renewal(row, front)
        })
        .map(|(place, row, odd)| Difference {
            place,
            aspect,
            row,
            value: odd,
            usual: value.clone(),
            others: others.clone(),
        })
        .collect()
}

fn is_of_one_version(groups: &[Vec<(usize, &Finding, Value)>]) -> bool {
    let version = |row: &Finding| row.observation.tls.as_ref().and_then(|tls| tls.version);
    let mut versions = groups.iter().flatten().map(|(_, row, _)| version(row));
    let first = versions.next();
    versions.all(|other| Some(other) == first)
}

fn is_renewal(one: &Finding, other: &Finding) -> bool {
    match (certificate(one), certificate(other)) {
        (Some(one), Some(other)) => is_predecessor(one, other) || is_predecessor(other, one),
        _ => false,
    }
}

impl Aspect {
    /// What was seen of it in that row; `None` where nothing was, or where nothing can be said by it.
    fn of(self, row: &Finding, place: &Place<'_>, context: &Context<'_>) -> Option<Value> {
        let seen = &row.observation;
        let protocol = row.check.service.protocol;
        match self {
            Self::Works => works(row),
            // The web services share the TLS of 443.
            Self::Certificate | Self::Tls | Self::Enabled | Self::Suite
                if is_behind(row, place) =>
            {
                None
            }
            Self::Certificate => {
                let found = certificate(row)?;
                // Directories and desktops have their own by design, and setup gives each server one of its own for SMTP.
                let is_own = matches!(protocol, Protocol::Ldap | Protocol::Rdp)
                    || (found.self_signed && protocol != Protocol::Http);
                (!is_own).then(|| Value::One {
                    key: found.sha256.clone(),
                    told: format!(
                        "{}… (expires on {})",
                        found.sha1.get(..8).unwrap_or_default(),
                        date(found.not_after)
                    ),
                })
            }
            Self::Tls => Some(Value::word(seen.tls.as_ref()?.version?.name())),
            Self::Enabled => {
                let versions = &seen.tls.as_ref()?.versions;
                let enabled = versions
                    .iter()
                    .filter(|(_, answer)| *answer == VersionAnswer::Accepted)
                    .map(|(version, _)| version.name().to_owned());
                (!versions.is_empty()).then(|| Value::Several(enabled.collect()))
            }
            Self::Suite => Some(Value::word(seen.tls.as_ref()?.cipher_suite.as_deref()?)),
            Self::Build => None,
            Self::Health => Some(Value::word(http(row)?.health?.word())),
            Self::Answer => Some(Value::word(format!("HTTP {}", http(row)?.status?))),
            Self::SignIn => {
                let facts = http(row)?;
                facts.status?;
                let schemes = facts.authentication.iter().map(|it| it.as_str().to_owned());
                Some(Value::Several(schemes.collect()))
            }
            Self::Bearer => {
                let answer = http(row)?.bearer.as_deref()?;
                Some(Value::word(match answer {
                    crate::facts::BearerAnswer::Offered { .. } => "offered",
                    crate::facts::BearerAnswer::NotOffered => "not offered",
                }))
            }
            Self::Capabilities => capabilities(row, context),
            Self::Nla => match seen.peer.as_ref()? {
                PeerFacts::Rdp(facts) => Some(Value::word(facts.nla?.as_str())),
                _ => None,
            },
        }
    }

    /// `ex02 WHAT than ex01 and ex03`.
    fn what(self) -> &'static str {
        match self {
            Self::Works => "does not work like",
            Self::Certificate => "presents a different certificate from",
            Self::Tls => "negotiates a different TLS version from",
            Self::Enabled => "does not have the same TLS versions enabled as",
            Self::Suite => "negotiates a different cipher suite from",
            Self::Build => "runs a different build from",
            Self::Health => "reports a different health from",
            Self::Answer => "answers differently from",
            Self::SignIn => "does not offer the same ways to sign in as",
            Self::Bearer => "differs in modern authentication from",
            Self::Capabilities => "does not have the same capabilities as",
            Self::Nla => "differs in network level authentication from",
        }
    }
}

fn is_behind(row: &Finding, place: &Place<'_>) -> bool {
    row.check.service.group == Group::Web
        && place.rows.iter().any(|other| {
            other.check.service.id == ServiceId::Https && other.check.port == row.check.port
        })
}

/// `open`, or what came in the way.
fn works(row: &Finding) -> Option<Value> {
    let seen = &row.observation;
    match seen.state? {
        State::Open => {}
        state @ (State::Closed | State::Filtered | State::Unreachable) => {
            return Some(Value::word(state.as_str()));
        }
        State::Blocked | State::Unresolved => return None,
    }
    let Some(failure) = &seen.failure else {
        return Some(Value::word("open"));
    };
    let code = row.failure_code.filter(|_| !failure.cause.is_ours())?;
    Some(Value::word(code.as_str()))
}

/// The longest wording, which has the revision, and a row that told it.
fn build<'a>(place: &Place<'a>) -> Option<(&'a Finding, Value)> {
    let (row, told) = place
        .rows
        .iter()
        .filter_map(|row| Some((*row, http(row)?.exchange_build.as_ref()?)))
        .filter(|(_, told)| BuildNumber::read(told.as_str()).is_some())
        .max_by_key(|(_, told)| told.as_str().len())?;
    Some((row, Value::word(told.as_str())))
}

fn capabilities(row: &Finding, context: &Context<'_>) -> Option<Value> {
    let case = Case {
        check: row.check,
        seen: &row.observation,
        context,
    };
    // Half of a conversation is half of the list.
    if case.seen.failure.is_some() {
        return None;
    }
    let (clear, secure) = match row.observation.peer.as_ref()? {
        PeerFacts::Smtp(facts) => (&facts.extensions, &facts.secure_extensions),
        PeerFacts::Imap(facts) => (&facts.capabilities, &facts.secure_capabilities),
        PeerFacts::Pop3(facts) => (&facts.capabilities, &facts.secure_capabilities),
        PeerFacts::Ldap(_) | PeerFacts::Rdp(_) | PeerFacts::Http(_) => return None,
    };
    let mut all = BTreeSet::new();
    for word in clear.iter().flat_map(words) {
        all.insert(if secure.is_empty() {
            word
        } else {
            format!("{word} before TLS")
        });
    }
    all.extend(secure.iter().flat_map(words));
    (!all.is_empty()).then_some(Value::Several(all))
}

/// `AUTH NTLM LOGIN` is `AUTH NTLM` and `AUTH LOGIN`; the same of POP3's SASL. Their order tells nothing.
fn words(text: &Text) -> Vec<String> {
    let upper = text.as_str().to_ascii_uppercase();
    match upper.split_once([' ', '=']) {
        Some((keyword @ ("AUTH" | "SASL"), rest)) => rest
            .split_whitespace()
            .map(|word| format!("{keyword} {word}"))
            .collect(),
        _ => vec![upper],
    }
}

/// One place and one aspect, with all services of which the same is to be said.
fn evidence(places: &[&Place<'_>], name: Option<usize>, same: &[Difference<'_>]) -> TargetEvidence {
    let Some(first) = same.first() else {
        return TargetEvidence::new(String::new(), []);
    };
    let Difference {
        place,
        aspect,
        value,
        usual,
        others,
        ..
    } = first;
    let whole = places[*place];
    let message = format!(
        "{} {} {}: {}",
        whole.label,
        aspect.what(),
        listed(places, name, others),
        instead(value, usual)
    );
    let rows = same.iter().map(|one| one.row);
    let about = rows.clone().filter(|_| *aspect != Aspect::Build);
    let mut told = TargetEvidence::new(message, about);
    let mut addresses: Vec<IpAddr> = rows.filter_map(address).collect();
    addresses.sort_unstable();
    addresses.dedup();
    told = told.at(addresses);
    if *aspect == Aspect::Suite {
        return told.severity(Severity::Info);
    }
    let is_web = same
        .iter()
        .any(|one| one.row.check.service.protocol == Protocol::Http);
    match aspect {
        Aspect::Certificate if is_web => told.hint(
            "Assign one certificate to the load balancer and to every node (`Enable-ExchangeCertificate -Services IIS`). \
             With Extended Protection, on by default since Exchange 2019 CU14, NTLM sign-ins fail where they differ.",
        ),
        Aspect::Tls | Aspect::Enabled => told.hint(
            "Give every node, and the load balancer, the same TLS settings: Extended Protection requires it of Exchange \
             servers.",
        ),
        Aspect::Build => told.hint("Install the same update on every node, one after the other."),
        _ => told,
    }
}

/// `mail.example.com, ex01 and 4 more`
fn listed(places: &[&Place<'_>], name: Option<usize>, chosen: &[usize]) -> String {
    const FEW: usize = 4;
    let nodes = places.len() - usize::from(name.is_some());
    let is_every_node =
        name.is_some() && chosen.len() == nodes && chosen.iter().all(|it| Some(*it) != name);
    if is_every_node && nodes > 1 {
        return format!("all {nodes} nodes");
    }
    let labels: Vec<&str> = chosen.iter().map(|place| places[*place].label).collect();
    match labels.as_slice() {
        [] => String::new(),
        [one] => (*one).to_owned(),
        [several @ .., last] if labels.len() <= FEW => format!("{} and {last}", several.join(", ")),
        many => format!(
            "{} and {} more",
            many[..FEW - 1].join(", "),
            many.len() - (FEW - 1)
        ),
    }
}

/// What it has instead of what is usual.
fn instead(value: &Value, usual: &Value) -> String {
    const FEW: usize = 6;
    match (value, usual) {
        (Value::Several(has), Value::Several(usual)) => {
            let those = |of: &BTreeSet<String>, but: &BTreeSet<String>| {
                let all: Vec<&str> = of.difference(but).map(String::as_str).collect();
                match all.len() {
                    0..=FEW => all.join(", "),
                    many => format!("{} and {} more", all[..FEW].join(", "), many - FEW),
                }
            };
            match (those(usual, has).as_str(), those(has, usual).as_str()) {
                ("", more) => format!("it also has {more}"),
                (less, "") => format!("it lacks {less}"),
                (less, more) => format!("it lacks {less}, and also has {more}"),
            }
        }
        (Value::One { told, .. }, Value::One { told: usual, .. }) => {
            format!("{told} instead of {usual}")
        }
        // One aspect has values of one kind.
        _ => String::new(),
    }
}
