//! Rules on what of a target can be reached: the pattern tells what single ports cannot.

use std::net::IpAddr;
use std::time::Duration;

use super::case::{
    Elsewhere, HostRule, TargetCase, TargetEvidence, address, is_open, is_unanswered, names, ports,
    services, worst_of,
};
use super::identity;
use crate::catalog::{Group, Protocol, Role, Security, ServiceId};
use crate::finding::{Code, Finding, Severity};
use crate::judge::check::unused_proxy;
use crate::observation::{Cause, Stage, State};

pub(super) const RULES: &[HostRule] = &[
    HostRule {
        code: Code::EverythingOpen,
        holds: everything_open,
    },
    HostRule {
        code: Code::ProxyHeaderMissing,
        holds: proxy_header_missing,
    },
    HostRule {
        code: Code::NoLiveMember,
        holds: no_live_member,
    },
    HostRule {
        code: Code::NothingAnswers,
        holds: nothing_answers,
    },
    HostRule {
        code: Code::NothingListens,
        holds: nothing_listens,
    },
    HostRule {
        code: Code::Ipv6Broken,
        holds: |whole| one_family(whole, Code::Ipv6Broken),
    },
    HostRule {
        code: Code::Ipv4Broken,
        holds: |whole| one_family(whole, Code::Ipv4Broken),
    },
    HostRule {
        code: Code::WebOnlyNetwork,
        holds: web_only,
    },
    HostRule {
        code: Code::Port25BlockedHere,
        holds: |whole| port_25_elsewhere(whole, Code::Port25BlockedHere),
    },
    HostRule {
        code: Code::Port25BlockedThere,
        holds: |whole| port_25_elsewhere(whole, Code::Port25BlockedThere),
    },
    HostRule {
        code: Code::ControlUnusable,
        holds: |whole| port_25_elsewhere(whole, Code::ControlUnusable),
    },
    HostRule {
        code: Code::Port25Blocked,
        holds: port_25,
    },
    HostRule {
        code: Code::PopImapOff,
        holds: pop_and_imap,
    },
];

/// Whether all ports that were tried accepted; one alone is no pattern.
pub(super) fn is_everything_open(findings: &[Finding]) -> bool {
    ports(findings).all(is_open) && services(ports(findings)).len() >= EVERYTHING
}

/// So many open ports are more than most hosts have.
const EVERYTHING: usize = 6;

fn everything_open(whole: &TargetCase<'_>) -> Vec<TargetEvidence> {
    let Some(control) = whole.control else {
        return Vec::new();
    };
    if control.state != Some(State::Open) || !is_everything_open(whole.findings) {
        return Vec::new();
    }
    vec![TargetEvidence::new(
        format!(
            "every port accepts connections, even {}, where nothing should listen",
            control.port
        ),
        whole.ports(),
    )]
}

/// How a port that accepted ended without a word of its protocol.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Mute {
    /// Nothing came.
    Silent,
    /// Nothing came, and then it was closed: the server lost patience.
    SilentThenClosed,
    /// It was closed or reset.
    Closed,
}

/// How long a server waits for the header before it closes, at the least.
const PATIENCE_OF_SERVERS: Duration = Duration::from_millis(1_500);

fn mute(row: &Finding) -> Option<Mute> {
    let seen = &row.observation;
    let failure = seen.failure.as_ref()?;
    let is_first = match failure.stage {
        Stage::Greeting | Stage::TlsHandshake => true,
        Stage::Capabilities | Stage::Starttls | Stage::Application => !speaks_first(row),
        _ => false,
    };
    let has_version = seen.tls.as_ref().is_some_and(|tls| tls.version.is_some());
    if !is_first || has_version || (seen.peer.is_some() && failure.stage != Stage::Greeting) {
        return None;
    }
    let took = seen
        .steps
        .iter()
        .find(|step| step.stage == failure.stage)
        .map(|step| step.took);
    let is_late = took.is_some_and(|took| took >= PATIENCE_OF_SERVERS);
    match failure.cause {
        Cause::Silent => Some(Mute::Silent),
        Cause::Closed | Cause::Reset | Cause::ServiceUnavailable if is_late => {
            Some(Mute::SilentThenClosed)
        }
        Cause::Closed | Cause::Reset | Cause::ClosedOnHello => Some(Mute::Closed),
        _ => None,
    }
}

/// Whether the server has the first word on the port.
fn speaks_first(row: &Finding) -> bool {
    row.check.service.security == Security::Starttls && row.check.service.protocol != Protocol::Ldap
}

/// Silent where the server speaks first, closed at the first word where the client does.
fn proxy_header_missing(whole: &TargetCase<'_>) -> Vec<TargetEvidence> {
    let open: Vec<&Finding> = whole.ports().filter(|row| is_open(row)).collect();
    if open.iter().any(|row| is_proven(row)) {
        // What is as mute waits for it as well.
        let waiting: Vec<&Finding> = open
            .into_iter()
            .filter(|row| is_proven(row) || mute(row).is_some())
            .collect();
        if services(waiting.iter().copied()).len() < 2 {
            return Vec::new();
        }
        return vec![
            TargetEvidence::new(
                "the server answers only when it receives a PROXY header",
                waiting.into_iter().chain(behind(whole)),
            )
            .severity(or_unsaid(
                whole,
                worst_of(Code::ProxyHeaderMissing, whole.findings),
            )),
        ];
    }
    let (first, others): (Vec<&Finding>, Vec<&Finding>) =
        open.iter().copied().partition(|row| speaks_first(row));
    let is_told = first
        .iter()
        .all(|row| matches!(mute(row), Some(Mute::Silent | Mute::SilentThenClosed)))
        && others
            .iter()
            .all(|row| matches!(mute(row), Some(Mute::Closed)) || is_refusing_words(row));
    if !is_told || first.is_empty() || others.is_empty() || services(open.iter().copied()).len() < 3
    {
        return Vec::new();
    }
    vec![TargetEvidence::new(
        "every open port seems to wait for a PROXY header: it stays silent where the server speaks first, and closes \
         the connection where the client does",
        open.into_iter().chain(behind(whole)),
    )
    .severity(or_unsaid(
        whole,
        worst_of(Code::ProxyHeaderMissing, whole.findings),
    ))]
}

/// Whether the header was all that was missing.
fn is_proven(row: &Finding) -> bool {
    let failure = row.observation.failure.as_ref();
    failure.is_some_and(|failure| failure.cause == Cause::HeaderAwaited)
}

/// Whether a port refused the client's first word otherwise than by closing, as HTTP 400 and alerts do.
fn is_refusing_words(row: &Finding) -> bool {
    let failure = row.observation.failure.as_ref();
    failure.is_some_and(|failure| {
        matches!(
            failure.cause,
            Cause::HandshakeFailed | Cause::NotTheProtocol
        )
    })
}

/// All alike, and not a word: whoever accepts has nobody behind it.
fn no_live_member(whole: &TargetCase<'_>) -> Vec<TargetEvidence> {
    if !everything_open(whole).is_empty() || !proxy_header_missing(whole).is_empty() {
        return Vec::new();
    }
    let open: Vec<&Finding> = whole.ports().filter(|row| is_open(row)).collect();
    let are_all = |how: Mute| open.iter().all(|row| mute(row) == Some(how));
    let count = services(open.iter().copied()).len();
    let how = if are_all(Mute::Silent) {
        "stay silent"
    } else if are_all(Mute::Closed) {
        "close at once"
    } else {
        return Vec::new();
    };
    if count < 3 {
        return Vec::new();
    }
    vec![
        TargetEvidence::new(
            format!("all {count} open ports accept the connection and {how}"),
            open.into_iter().chain(behind(whole)),
        )
        .severity(or_unsaid(
            whole,
            worst_of(Code::NoLiveMember, whole.findings),
        )),
    ]
}

/// The web services that were not asked because of 443.
fn behind<'a>(whole: &TargetCase<'a>) -> impl Iterator<Item = &'a Finding> {
    let findings = whole.findings;
    findings
        .iter()
        .filter(|row| row.failure_code == Some(Code::HttpsUnusable))
}

fn nothing_answers(whole: &TargetCase<'_>) -> Vec<TargetEvidence> {
    if whole.ports().any(is_open) {
        return dead_addresses(whole, Code::NothingAnswers, is_unanswered);
    }
    let rows: Vec<&Finding> = whole.ports().filter(|row| is_unanswered(row)).collect();
    let is_all = whole
        .ports()
        .all(|row| is_unanswered(row) || row.observation.state.is_none());
    let count = services(rows.iter().copied()).len();
    let severity = or_unsaid(whole, worst_of(Code::NothingAnswers, rows.iter().copied()));
    // That nothing forbidden or optional answers is nothing to tell.
    if !is_all || count < 2 || severity == Severity::Info {
        return Vec::new();
    }
    let told = TargetEvidence::new(
        format!("none of {count} ports answers"),
        rows.iter().copied(),
    )
    .severity(severity);
    let is_filtered = |row: &Finding| {
        row.check.service.id == ServiceId::Https && row.observation.state == Some(State::Filtered)
    };
    let proxy = whole.context.unused_proxy;
    vec![match proxy.filter(|_| whole.ports().any(is_filtered)) {
        Some(proxy) => told.own_hint(unused_proxy(proxy)),
        None => told,
    }]
}

/// Three ports and more are a pattern; two are two services that are off.
fn nothing_listens(whole: &TargetCase<'_>) -> Vec<TargetEvidence> {
    if whole.ports().any(is_open) {
        return dead_addresses(whole, Code::NothingListens, is_refused);
    }
    let count = services(whole.ports()).len();
    let severity = or_unsaid(whole, worst_of(Code::NothingListens, whole.ports()));
    if count < 3 || severity == Severity::Info || !whole.ports().all(is_refused) {
        return Vec::new();
    }
    vec![
        TargetEvidence::new(
            format!("all {count} ports refuse the connection"),
            whole.findings,
        )
        .severity(severity),
    ]
}

/// A host of no role requires nothing, but that something answers.
fn or_unsaid(whole: &TargetCase<'_>, severity: Severity) -> Severity {
    match whole.context.role {
        Role::Auto => Severity::Fail,
        _ => severity,
    }
}

fn is_refused(row: &Finding) -> bool {
    row.observation.state == Some(State::Closed)
}

/// Addresses where nothing answers, or nothing listens, while others of the target do (rows by address only).
fn dead_addresses(
    whole: &TargetCase<'_>,
    code: Code,
    is_dead: fn(&Finding) -> bool,
) -> Vec<TargetEvidence> {
    let dead = |ip: IpAddr| {
        let mut rows = whole
            .ports()
            .filter(|row| address(row) == Some(ip))
            .peekable();
        rows.peek().is_some() && rows.all(is_dead)
    };
    let mut all: Vec<IpAddr> = whole.ports().filter_map(address).collect();
    all.sort_unstable();
    all.dedup();
    let (dead, alive): (Vec<IpAddr>, Vec<IpAddr>) = all.into_iter().partition(|ip| dead(*ip));
    // A whole family is told as such, but on this machine itself.
    let is_family = dead
        .iter()
        .all(|ip| !ip.is_loopback() && alive.iter().all(|other| other.is_ipv4() != ip.is_ipv4()));
    if dead.is_empty() || is_family {
        return Vec::new();
    }
    // What lives behind 443 shares its fate.
    let rows: Vec<&Finding> = whole
        .findings
        .iter()
        .filter(|row| address(row).is_some_and(|ip| dead.contains(&ip)))
        .collect();
    let (ports, _): (Vec<&Finding>, Vec<&Finding>) = rows
        .iter()
        .partition(|row| row.check.service.group == Group::Port);
    // One row at an address is no pattern, and without rows by address each address is that of its own service.
    let is_pattern = dead.iter().all(|ip| {
        let here: Vec<ServiceId> = services(
            ports
                .iter()
                .copied()
                .filter(|row| address(row) == Some(*ip)),
        );
        here.len() >= 2
            && here.iter().all(|service| {
                whole.ports().any(|row| {
                    row.check.service.id == *service
                        && address(row).is_some_and(|other| alive.contains(&other))
                })
            })
    });
    let severity = worst_of(code, rows.iter().copied());
    if !is_pattern || severity == Severity::Info {
        return Vec::new();
    }
    let answering: Vec<IpAddr> = alive
        .into_iter()
        .filter(|ip| {
            whole
                .ports()
                .any(|row| address(row) == Some(*ip) && is_open(row))
        })
        .collect();
    let (message, hint) = match code {
        Code::NothingListens => (
            format!(
                "nothing listens on {}, while {} {}",
                list(&dead),
                list(&answering),
                if answering.len() == 1 {
                    "answers"
                } else {
                    "answer"
                }
            ),
            "Let the services listen on that address too, or remove it from DNS: clients that pick it lose time or \
             fail. A load balancer without a healthy member looks the same.",
        ),
        _ => (
            format!(
                "nothing answers at {}, while other addresses of this name do",
                list(&dead)
            ),
            "Repair the server at that address or remove the address from DNS: clients that pick it lose time or \
             fail. A load balancer with health checks takes it out by itself.",
        ),
    };
    vec![
        TargetEvidence::new(message, rows.iter().copied())
            .severity(severity)
            .hint(hint)
            .at(dead),
    ]
}

fn list(addresses: &[IpAddr]) -> String {
    let listed: Vec<String> = addresses.iter().map(ToString::to_string).collect();
    listed.join(", ")
}

fn web_only(whole: &TargetCase<'_>) -> Vec<TargetEvidence> {
    let is_web = |row: &Finding| matches!(row.check.service.id, ServiceId::Http | ServiceId::Https);
    let works = whole
        .ports()
        .any(|row| row.check.service.id == ServiceId::Https && is_open(row));
    let others: Vec<&Finding> = whole.ports().filter(|row| !is_web(row)).collect();
    let severity = worst_of(Code::WebOnlyNetwork, others.iter().copied());
    if !works
        || services(others.iter().copied()).len() < 3
        || !others.iter().all(|row| is_unanswered(row))
        || severity == Severity::Info
    {
        return Vec::new();
    }
    vec![
        TargetEvidence::new(
            format!(
                "{} works, but none of the {} ports that are not for the web answers",
                port(whole, ServiceId::Https),
                services(others.iter().copied()).len()
            ),
            others.iter().copied(),
        )
        .severity(severity),
    ]
}

/// Whether 25 was looked at, and nobody answered on it at any address.
pub(super) fn is_25_unanswered(findings: &[Finding]) -> bool {
    let mut smtp = ports(findings)
        .filter(|row| row.check.service.id == ServiceId::Smtp)
        .peekable();
    smtp.peek().is_some() && smtp.all(|row| row.observation.state == Some(State::Filtered))
}

/// What 25 of other hosts says of that of this one.
fn told_by_elsewhere(whole: &TargetCase<'_>) -> Option<Code> {
    if !is_25_unanswered(whole.findings) || whole.port_25.is_empty() {
        return None;
    }
    let any = |states: &[State]| {
        let mut shown = whole.port_25.iter().filter_map(|one| one.state);
        shown.any(|state| states.contains(&state))
    };
    Some(if any(&[State::Open, State::Closed]) {
        // Refused or accepted: it went out, and an answer came back.
        Code::Port25BlockedThere
    } else if any(&[State::Filtered]) {
        Code::Port25BlockedHere
    } else {
        Code::ControlUnusable
    })
}

/// 25 is blocked here, where that of no other host answers; there, where another host's does.
fn port_25_elsewhere(whole: &TargetCase<'_>, code: Code) -> Vec<TargetEvidence> {
    if told_by_elsewhere(whole) != Some(code) {
        return Vec::new();
    }
    let smtp: Vec<&Finding> = whole
        .ports()
        .filter(|row| row.check.service.id == ServiceId::Smtp)
        .collect();
    // That a service which nobody needs does not answer is nothing to tell.
    let severity = worst_of(Code::Port25BlockedHere, smtp.iter().copied());
    // A host that answers nowhere is not one that blocks 25.
    let is_dead = code == Code::Port25BlockedThere && !nothing_answers(whole).is_empty();
    if severity == Severity::Info || is_dead {
        return Vec::new();
    }
    let port = port(whole, ServiceId::Smtp);
    let hosts = |is: fn(&State) -> bool| -> Vec<&str> {
        let seen = whole.port_25.iter();
        seen.filter(|one| one.state.as_ref().is_some_and(is))
            .map(|one| one.host.as_str())
            .collect()
    };
    let told = match code {
        Code::Port25BlockedHere => {
            let silent = hosts(|state| *state == State::Filtered);
            TargetEvidence::new(
                format!(
                    "port {port} is blocked in this network: neither this host nor {} answers on it",
                    silent.join(" nor ")
                ),
                smtp,
            )
            .severity(severity)
        }
        Code::Port25BlockedThere => {
            let answering = hosts(|state| matches!(state, State::Open | State::Closed));
            TargetEvidence::new(
                format!(
                    "port {port} is not blocked in this network: {} answers on it, but this host does not",
                    answering.join(" and ")
                ),
                smtp,
            )
            .severity(severity)
        }
        _ => {
            let why = |one: &Elsewhere| match one.state {
                Some(State::Unresolved) => format!("{} has no address", one.host),
                Some(State::Unreachable) => format!("{} is unreachable", one.host),
                None if one.addresses.is_empty() => {
                    format!("{} is at this host's address", one.host)
                }
                _ => format!("{} could not be tried", one.host),
            };
            let all: Vec<String> = whole.port_25.iter().map(why).collect();
            TargetEvidence::new(
                format!(
                    "whether port {port} is blocked here or there is not known: {}",
                    all.join(", ")
                ),
                smtp,
            )
        }
    };
    vec![told]
}

fn port_25(whole: &TargetCase<'_>) -> Vec<TargetEvidence> {
    // Where another host was asked, it is known.
    if matches!(
        told_by_elsewhere(whole),
        Some(Code::Port25BlockedHere | Code::Port25BlockedThere)
    ) {
        return Vec::new();
    }
    let (smtp, others): (Vec<&Finding>, Vec<&Finding>) = whole
        .ports()
        .partition(|row| row.check.service.id == ServiceId::Smtp);
    let is_alone = !smtp.is_empty()
        && smtp
            .iter()
            .all(|row| row.observation.state == Some(State::Filtered))
        && others.iter().any(|row| is_open(row))
        && !others.iter().any(|row| is_unanswered(row));
    let severity = worst_of(Code::Port25Blocked, smtp.iter().copied());
    if !is_alone || severity == Severity::Info {
        return Vec::new();
    }
    let open: Vec<&Finding> = others.into_iter().filter(|row| is_open(row)).collect();
    let open = services(open);
    let answers = match open.as_slice() {
        [first, second, third, _, ..] => {
            format!(
                "{} and others answer",
                names(&[*first, *second, *third]).replace(" and ", ", ")
            )
        }
        [_] => format!("{} answers", names(&open)),
        few => format!("{} answer", names(few)),
    };
    vec![
        TargetEvidence::new(
            format!(
                "{} alone gets no answer, while {answers}",
                port(whole, ServiceId::Smtp)
            ),
            smtp.iter().copied(),
        )
        .severity(severity),
    ]
}

/// Where the service is looked at.
fn port(whole: &TargetCase<'_>, service: ServiceId) -> u16 {
    whole
        .ports()
        .find(|row| row.check.service.id == service)
        .map_or(service.row().port, |row| row.check.port)
}

fn pop_and_imap(whole: &TargetCase<'_>) -> Vec<TargetEvidence> {
    let is_mailbox_access = |row: &&Finding| {
        matches!(
            row.check.service.id,
            ServiceId::Pop3 | ServiceId::Imap | ServiceId::Imaps | ServiceId::Pop3s
        )
    };
    let rows: Vec<&Finding> = whole.ports().filter(is_mailbox_access).collect();
    let is_off = rows
        .iter()
        .all(|row| matches!(row.observation.state, Some(State::Closed | State::Filtered)));
    // What else there is of Exchange for clients: on a host that only takes mail, nobody looks for mailboxes.
    let has_web = whole.ports().any(|row| {
        row.check.service.id == ServiceId::Https && row.observation.state == Some(State::Open)
    });
    if services(rows.iter().copied()).len() < 2
        || !is_off
        || !has_web
        || !identity::is_exchange(whole)
        || !web_only(whole).is_empty()
    {
        return Vec::new();
    }
    // That they are not there is told by their rows, where nobody misses them.
    let severity = worst_of(Code::PopImapOff, rows.iter().copied());
    if severity == Severity::Info {
        return Vec::new();
    }
    vec![
        TargetEvidence::new(
            "POP3 and IMAP4 do not answer, but the rest of Exchange does: both are off by default"
                .to_owned(),
            rows.iter().copied(),
        )
        .severity(severity),
    ]
}

/// One family of addresses fails wherever both were tried, and the other works.
fn one_family(whole: &TargetCase<'_>, code: Code) -> Vec<TargetEvidence> {
    let is_of_broken = |ip: &IpAddr| match code {
        Code::Ipv6Broken => ip.is_ipv6(),
        _ => ip.is_ipv4(),
    };
    // This machine may have no way to IPv6 at all, so that `unreachable` is no witness.
    let has_failed = |state| matches!(state, Some(State::Filtered | State::Closed));
    let mut rows: Vec<&Finding> = Vec::new();
    let mut broken: Vec<IpAddr> = Vec::new();
    let mut how: Vec<State> = Vec::new();
    let mut works_elsewhere = false;
    for service in services(whole.ports()) {
        let of_service: Vec<&Finding> = whole
            .ports()
            .filter(|row| row.check.service.id == service)
            .collect();
        // Every address that was tried for this service: by rows of their own, or in the race for a connection.
        let tried: Vec<(&Finding, IpAddr, Option<State>)> = of_service
            .iter()
            .flat_map(|row| {
                let raced = row
                    .observation
                    .attempts
                    .iter()
                    .map(|attempt| (*row, attempt.address.ip(), attempt.state));
                let own = row
                    .observation
                    .attempts
                    .is_empty()
                    .then(|| Some((*row, address(row)?, row.observation.state)))
                    .flatten();
                raced.chain(own)
            })
            .collect();
        let (theirs, others): (Vec<_>, Vec<_>) =
            tried.into_iter().partition(|(_, ip, _)| is_of_broken(ip));
        if theirs
            .iter()
            .any(|(_, _, state)| *state == Some(State::Open))
        {
            return Vec::new();
        }
        if !others
            .iter()
            .any(|(_, _, state)| *state == Some(State::Open))
        {
            continue;
        }
        works_elsewhere = true;
        for (row, ip, state) in theirs {
            // A stand-in or a tunnel on this machine owes nobody both families.
            if has_failed(state) && !ip.is_loopback() {
                rows.push(row);
                broken.push(ip);
                how.extend(state.filter(|state| !how.contains(state)));
            }
        }
    }
    if !works_elsewhere || rows.is_empty() {
        return Vec::new();
    }
    broken.sort_unstable();
    broken.dedup();
    let (works, fails) = match code {
        Code::Ipv6Broken => ("IPv4", "IPv6"),
        _ => ("IPv6", "IPv4"),
    };
    let (how, hint) = match (how.as_slice(), code) {
        ([State::Filtered], _) => ("nothing answers", None),
        ([State::Closed], Code::Ipv6Broken) => (
            "it is refused",
            Some(
                "Let the services listen on IPv6 too, or remove the AAAA record. Do not disable IPv6 partially on an \
                 Exchange server: that is not supported.",
            ),
        ),
        ([State::Closed], _) => (
            "it is refused",
            Some(
                "Let the services listen on IPv4 too and check where the address translation leads, or correct the A \
                 record.",
            ),
        ),
        _ => ("it does not", None),
    };
    let severity = worst_of(code, rows.iter().copied()).max(Severity::Warn);
    // What lives behind 443 shares its fate.
    let behind = whole.findings.iter().filter(|row| {
        row.failure_code == Some(Code::HttpsNotOpen)
            && address(row).is_some_and(|ip| broken.contains(&ip))
    });
    let message = format!(
        "it works over {works}, but over {fails} ({}) {how}",
        list(&broken)
    );
    let told = TargetEvidence::new(message, rows.into_iter().chain(behind)).severity(severity);
    let told = match hint {
        Some(hint) => told.hint(hint),
        None => told,
    };
    vec![told.at(broken)]
}
