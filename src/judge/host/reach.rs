//! Rules on what of a target can be reached: the pattern tells what single ports cannot. Those on ports where nobody
//! answers are in [`unanswered`](super::unanswered), on ports that say nothing in [`mute`](super::mute).

use std::net::IpAddr;

use super::case::{
    HostRule, TargetCase, TargetEvidence, address, is_open, is_unanswered, port, services, worst_of,
};
use super::identity;
use super::mute::{everything_open, no_live_member, proxy_header_missing};
use super::port_25::{port_25, port_25_elsewhere};
use super::unanswered::{list, nothing_answers, nothing_listens};
use crate::catalog::ServiceId;
use crate::finding::{Code, Finding, Severity};
use crate::observation::State;

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
    let behind = whole.rows().filter(|row| {
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
