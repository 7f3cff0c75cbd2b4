//! Rules on ports that accept a connection and say nothing of their own: something in between accepts everything, waits for
//! a PROXY header, or has nobody behind it.

use std::time::Duration;

use super::case::{TargetCase, TargetEvidence, is_open, ports, services, worst_of};
use super::unanswered::or_unsaid;
use crate::catalog::{Protocol, Security};
use crate::finding::{Code, Finding};
use crate::observation::{Cause, Stage, State};

/// Whether all ports that were tried accepted; one alone is no pattern.
pub(super) fn is_everything_open<'a>(rows: impl Iterator<Item = &'a Finding> + Clone) -> bool {
    let ports = ports(rows);
    ports.clone().all(is_open) && services(ports).len() >= EVERYTHING
}

/// So many open ports are more than most hosts have.
const EVERYTHING: usize = 6;

pub(super) fn everything_open(whole: &TargetCase<'_>) -> Vec<TargetEvidence> {
    let Some(control) = whole.control else {
        return Vec::new();
    };
    if control.state != Some(State::Open) || !is_everything_open(whole.rows()) {
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
pub(super) fn proxy_header_missing(whole: &TargetCase<'_>) -> Vec<TargetEvidence> {
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
                worst_of(Code::ProxyHeaderMissing, whole.rows()),
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
        worst_of(Code::ProxyHeaderMissing, whole.rows()),
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
pub(super) fn no_live_member(whole: &TargetCase<'_>) -> Vec<TargetEvidence> {
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
        .severity(or_unsaid(whole, worst_of(Code::NoLiveMember, whole.rows()))),
    ]
}

/// The web services that were not asked because of 443.
fn behind<'a>(whole: &TargetCase<'a>) -> impl Iterator<Item = &'a Finding> {
    whole
        .rows()
        .filter(|row| row.failure_code == Some(Code::HttpsUnusable))
}
