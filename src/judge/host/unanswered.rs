//! Rules on a target, or an address of it, at which nobody answers or nothing listens.

use std::net::IpAddr;

use super::case::{
    TargetCase, TargetEvidence, address, is_open, is_unanswered, services, worst_of,
};
use crate::catalog::{Group, Role, ServiceId};
use crate::finding::{Code, Finding, Severity};
use crate::judge::check::unused_proxy;
use crate::observation::State;

pub(super) fn nothing_answers(whole: &TargetCase<'_>) -> Vec<TargetEvidence> {
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
pub(super) fn nothing_listens(whole: &TargetCase<'_>) -> Vec<TargetEvidence> {
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
            whole.rows(),
        )
        .severity(severity),
    ]
}

/// A host of no role requires nothing, but that something answers.
pub(super) fn or_unsaid(whole: &TargetCase<'_>, severity: Severity) -> Severity {
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
        .rows()
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

pub(super) fn list(addresses: &[IpAddr]) -> String {
    let listed: Vec<String> = addresses.iter().map(ToString::to_string).collect();
    listed.join(", ")
}
