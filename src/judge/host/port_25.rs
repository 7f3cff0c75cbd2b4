//! Rules on port 25, which networks block: here, or there, as that of other hosts tells.

use super::case::{
    Elsewhere, TargetCase, TargetEvidence, is_open, is_unanswered, names, port, ports, services,
    worst_of,
};
use super::unanswered::nothing_answers;
use crate::catalog::ServiceId;
use crate::finding::{Code, Finding, Severity};
use crate::observation::State;

/// Whether 25 was looked at, and nobody answered on it at any address.
pub(super) fn is_25_unanswered<'a>(rows: impl Iterator<Item = &'a Finding> + Clone) -> bool {
    let mut smtp = ports(rows)
        .filter(|row| row.check.service.id == ServiceId::Smtp)
        .peekable();
    smtp.peek().is_some() && smtp.all(|row| row.observation.state == Some(State::Filtered))
}

/// What 25 of other hosts says of that of this one.
fn told_by_elsewhere(whole: &TargetCase<'_>) -> Option<Code> {
    if !is_25_unanswered(whole.rows()) || whole.port_25.is_empty() {
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
pub(super) fn port_25_elsewhere(whole: &TargetCase<'_>, code: Code) -> Vec<TargetEvidence> {
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

pub(super) fn port_25(whole: &TargetCase<'_>) -> Vec<TargetEvidence> {
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
