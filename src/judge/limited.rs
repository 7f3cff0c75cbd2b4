//! What looks like a limit on connections or requests of one client, so that it is asked once more before anything is
//! claimed.

use crate::facts::{PeerFacts, Text};
use crate::finding::Finding;
use crate::observation::{Cause, Failure, Stage, State};

/// Words of servers that limit, in lower case.
const WORDS: [&str; 9] = [
    "too many",
    "maximum",
    "concurrent",
    "limit",
    "connections",
    "try again",
    "busy",
    "connection refused",
    "closed. 10",
];

/// How the server turned a client away that may have come to a limit, in its own words or in one of ours; `None` where
/// that is not what was seen.
#[must_use]
pub fn turned_away(finding: &Finding) -> Option<Text> {
    let seen = &finding.observation;
    if seen.failure.as_ref().is_some_and(is_reset_on_dialling) {
        return Some("reset".into());
    }
    if seen.state != Some(State::Open) {
        return None;
    }
    if let Some(PeerFacts::Http(facts)) = &seen.peer {
        // http.sys says 503 for a pool that is stopped: that stays so. Of a page that IIS sends people to it is http.sys's too.
        let is_of_windows = facts.server.as_ref().is_some_and(|server| {
            let server = server.as_str();
            server.starts_with("Microsoft-HTTPAPI")
                || (server.starts_with("Microsoft-IIS") && facts.status != Some(503))
        });
        let status = facts.final_status.or(facts.status);
        if let Some(status @ (429 | 503)) = status
            && !is_of_windows
        {
            return Some(Text::from(format!("HTTP {status}").as_str()));
        }
    }
    by_failure(seen.failure.as_ref()?)
}

/// Whether the connection was made and reset before this machine could tell: it shows as refused.
fn is_reset_on_dialling(failure: &Failure) -> bool {
    failure.cause == Cause::Refused
        && failure.detail.as_ref().is_some_and(|detail| {
            ["reset by peer", "10054"]
                .iter()
                .any(|words| detail.as_str().contains(words))
        })
}

fn by_failure(failure: &Failure) -> Option<Text> {
    let words = || failure.detail.clone();
    let is_about_limits = || {
        failure.detail.as_ref().is_some_and(|detail| {
            let detail = detail.as_str().to_ascii_lowercase();
            WORDS.iter().any(|word| detail.contains(word))
        })
    };
    let is_first = matches!(
        failure.stage,
        Stage::Connect | Stage::Greeting | Stage::TlsHandshake | Stage::Application
    );
    match failure.cause {
        Cause::ServiceUnavailable | Cause::Rejected if is_about_limits() => words(),
        Cause::Closed | Cause::ClosedOnHello if is_first => Some("closed".into()),
        Cause::Reset if is_first => Some("reset".into()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::ServiceId;
    use crate::judge::fixture::open;

    #[test]
    fn limits_are_known_by_their_words_and_by_an_end_at_once() {
        let told = |cause, words: &str| {
            by_failure(&Failure {
                stage: Stage::Greeting,
                cause,
                detail: Some(Text::from(words)).filter(|words| !words.is_empty()),
            })
            .map(|text| text.as_str().to_owned())
        };
        for (cause, words, away) in [
            (
                Cause::ServiceUnavailable,
                "421 Too many concurrent SMTP connections",
                Some("421 Too many concurrent SMTP connections"),
            ),
            (
                Cause::ServiceUnavailable,
                "BYE Connection is closed. 10",
                Some("BYE Connection is closed. 10"),
            ),
            (
                Cause::ServiceUnavailable,
                "421 4.3.2 Service not active",
                None,
            ),
            (Cause::Closed, "", Some("closed")),
            (Cause::Reset, "", Some("reset")),
            (Cause::Silent, "", None),
            (Cause::NotTheProtocol, "too many", None),
        ] {
            assert_eq!(told(cause, words).as_deref(), away, "{words}");
        }
    }

    #[test]
    fn what_works_was_not_turned_away() {
        let finding = open(ServiceId::Smtp).judged();
        assert_eq!(turned_away(&finding), None);
    }
}
